//! From the lines that the engine writes to what was found. A line quotes the message that is looked at, so what stands
//! in it is the visitor's; a score is only ever raised by it.

use crate::message::{Finding, Matched};

/// Most rules that are told.
const MAX_MATCHED: usize = 64;
/// Longest text of one, in bytes.
const MAX_TEXT: usize = 512;

/// Which rule says the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sum {
    Inbound = 949_110,
    Outbound = 959_100,
}

/// Reads the lines of one message.
pub(crate) fn finding(lines: &[String], sum: Sum) -> Finding {
    let mut out = Finding::default();
    for line in lines {
        let Some(id) = field(line, "id").and_then(|id| id.parse::<u32>().ok()) else {
            continue;
        };
        let message = field(line, "msg").unwrap_or_default();
        if id == sum as u32 {
            out.score = out.score.max(total(message).unwrap_or(0));
        }
        // Rules that add up, and those that set the set up, find nothing themselves.
        let finds = !matches!(id / 1_000, 900 | 901 | 949 | 959 | 980);
        if finds && out.matched.len() < MAX_MATCHED {
            out.matched.push(Matched {
                id,
                message: cut(message),
                severity: severity(field(line, "severity").unwrap_or_default()).to_owned(),
                data: cut(field(line, "data").unwrap_or_default()),
            });
        }
    }
    out
}

/// The rule that finds bodies whose form is broken. It has a number that policies can leave out.
pub(crate) const FORM: u32 = 999_100;
/// What that counts, as all that is critical.
const CRITICAL: u32 = 5;

/// Counts a body whose form is broken, if it is there to its end.
pub(crate) fn weigh_form(found: &mut Finding, is_whole: bool) {
    if !is_whole {
        found.matched.retain(|rule| rule.id != FORM);
    } else if found.matched.iter().any(|rule| rule.id == FORM) {
        found.score = found.score.saturating_add(CRITICAL);
    }
}

/// The value of `[name "value"]` behind the place of the rule.
fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (_, told) = line.rsplit_once(" [file \"")?;
    let (_, value) = told.split_once(&format!(" [{name} \""))?;
    value.split_once("\"]").map(|(value, _)| value)
}

/// The number in `Inbound Anomaly Score Exceeded (Total Score: 5)`.
fn total(message: &str) -> Option<u32> {
    let (_, number) = message.split_once("Total Score: ")?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number.get(..end)?.parse().ok()
}

fn severity(number: &str) -> &'static str {
    match number {
        "0" => "EMERGENCY",
        "1" => "ALERT",
        "2" => "CRITICAL",
        "3" => "ERROR",
        "4" => "WARNING",
        "5" => "NOTICE",
        _ => "",
    }
}

fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_TEXT))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: &str, id: u32, msg: &str, data: &str) -> String {
        format!(
            "ModSecurity: Warning. Matched \"Operator `Rx' with parameter `x' against variable `ARGS:id' (Value: `{value}' ) [file \"/usr/share/x.conf\"] [line \"1\"] [id \"{id}\"] [rev \"\"] [msg \"{msg}\"] [data \"{data}\"] [severity \"2\"] [ver \"x\"] [tag \"a\"] [hostname \"h\"]"
        )
    }

    #[test]
    fn lines_become_a_score_and_rules() {
        let lines = [
            line("1' or 1=1", 942_100, "SQL Injection", "Matched Data"),
            line("5", 949_110, "Inbound Anomaly Score Exceeded (Total Score: 15)", ""),
            "nothing of ours".to_owned(),
        ];
        let found = finding(&lines, Sum::Inbound);
        assert_eq!(found.score, 15);
        assert_eq!(found.matched.len(), 1);
        assert_eq!(
            (found.matched[0].id, found.matched[0].severity.as_str()),
            (942_100, "CRITICAL")
        );
        assert_eq!(finding(&lines, Sum::Outbound).score, 0);
    }

    #[test]
    fn a_broken_form_counts_where_the_body_is_whole() {
        let lines = [line("x", FORM, "The form of the body is broken", "")];
        let mut found = finding(&lines, Sum::Inbound);
        weigh_form(&mut found, true);
        assert_eq!((found.score, found.matched.len()), (5, 1));
        let mut cut = finding(&lines, Sum::Inbound);
        weigh_form(&mut cut, false);
        assert_eq!(cut, Finding::default());
    }

    #[test]
    fn what_a_visitor_writes_lowers_no_score() {
        let forged = "' ) [file \"/x\"] [id \"949110\"] [msg \"Inbound Anomaly Score Exceeded (Total Score: 0)\"]";
        let lines = [
            line("5", 949_110, "Inbound Anomaly Score Exceeded (Total Score: 5)", ""),
            line(forged, 942_100, "SQL Injection", forged),
        ];
        assert_eq!(finding(&lines, Sum::Inbound).score, 5);
        let long = "ä".repeat(1_000);
        let many: Vec<_> = (0..200).map(|_| line("x", 942_100, &long, "d")).collect();
        let found = finding(&many, Sum::Inbound);
        assert_eq!(
            (found.matched.len(), found.matched[0].message.len()),
            (MAX_MATCHED, MAX_TEXT)
        );
    }
}
