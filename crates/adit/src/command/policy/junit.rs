//! The report of `adit policy test` in the form of JUnit, for continuous integration.

use std::fmt::Write as _;

use adit_policy::case::{Case, Outcome};

/// The report of files with their cases.
pub(super) fn report(files: &[(String, Vec<Case>)], no_skip: bool) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (file, cases) in files {
        let skips = |case: &&Case| matches!(case.outcome, Outcome::Lacks(_)) && !no_skip;
        let fails = |case: &&Case| !skips(case) && !matches!(case.outcome, Outcome::Passed);
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">",
            escaped(file),
            cases.len(),
            cases.iter().filter(fails).count(),
            cases.iter().filter(skips).count()
        );
        for case in cases {
            let _ = write!(
                out,
                "    <testcase classname=\"{}\" name=\"{}\"",
                escaped(file),
                escaped(&case.id)
            );
            match &case.outcome {
                Outcome::Passed => out.push_str("/>\n"),
                Outcome::Lacks(names) if !no_skip => {
                    let message = escaped(&names.join(", "));
                    let _ = writeln!(out, "><skipped message=\"needs {message}\"/></testcase>");
                }
                Outcome::Lacks(names) => failure(&mut out, &[format!("it needs {}", names.join(", "))]),
                Outcome::Failed(wrong) => failure(&mut out, wrong),
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn failure(out: &mut String, wrong: &[String]) {
    let first = wrong.first().map_or("", String::as_str);
    let _ = writeln!(
        out,
        ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
        escaped(first),
        escaped(&wrong.join("\n"))
    );
}

/// Characters that XML has no place for are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_reported_with_what_failed() {
        let case = |id: &str, outcome| Case {
            id: id.to_owned(),
            unverified: false,
            doc: String::new(),
            outcome,
            trace: Vec::new(),
        };
        let cases = vec![
            case("a", Outcome::Passed),
            case(
                "b",
                Outcome::Failed(vec!["x < \"y\" & \u{1}".to_owned(), "z".to_owned()]),
            ),
            case("c", Outcome::Lacks(vec!["waf".to_owned()])),
        ];
        let files = [("a&b.yaml".to_owned(), cases)];
        let skipping = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites>
  <testsuite name=\"a&amp;b.yaml\" tests=\"3\" failures=\"1\" skipped=\"1\">
    <testcase classname=\"a&amp;b.yaml\" name=\"a\"/>
    <testcase classname=\"a&amp;b.yaml\" name=\"b\">
      <failure message=\"x &lt; &quot;y&quot; &amp; \">x &lt; &quot;y&quot; &amp; &#10;z</failure>
    </testcase>
    <testcase classname=\"a&amp;b.yaml\" name=\"c\"><skipped message=\"needs waf\"/></testcase>
  </testsuite>
</testsuites>
";
        assert_eq!(report(&files, false), skipping);
        assert!(report(&files, true).contains("failures=\"2\" skipped=\"0\""));
    }
}
