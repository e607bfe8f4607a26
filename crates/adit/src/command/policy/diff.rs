//! `adit policy diff`: what two policies say and decide differently.

use std::path::PathBuf;

use adit_policy::case::{Decided, Options, decide};
use adit_policy::{Difference, differences};
use serde_json::{Value, json};

use super::{For, firewall, print, read};
use crate::exit::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The policy that is there
    #[arg(value_name = "A")]
    first: PathBuf,
    /// The one that is to come
    #[arg(value_name = "B")]
    second: PathBuf,
    /// Case files: what the policies decide in their circumstances is compared, in the place of what they say
    #[arg(long, value_name = "FILE")]
    cases: Vec<PathBuf>,
    #[command(flatten)]
    subject: For,
    /// Print JSON: an object for each difference
    #[arg(long)]
    pub(super) json: bool,
}

/// Longest value that is shown.
const SHOWN: usize = 200;

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (first, second) = (read(&self.first)?, read(&self.second)?);
        let count = if self.cases.is_empty() {
            self.by_rule(&first, &second)?
        } else {
            self.by_case([&first, &second])?
        };
        Ok(if count > 0 { Exit::Failed } else { Exit::Done })
    }

    fn by_rule(&self, first: &str, second: &str) -> Result<usize, Failure> {
        let found = differences(first, second, self.subject.subject()).map_err(|(which, faults)| {
            let file = if which == 0 { &self.first } else { &self.second };
            let mut failure = Failure::failed(format!("{} is wrong", file.display()));
            if let Some(fault) = faults.first() {
                failure = failure.because(fault.to_string());
            }
            failure.fix(format!("adit policy check {}", file.display()))
        })?;
        for difference in &found {
            let out = if self.json {
                format!("{}\n", difference.to_json())
            } else {
                rule_text(difference)
            };
            print(&out)?;
        }
        if !self.json {
            print(&format!("{} rules differ\n", found.len()))?;
        }
        Ok(found.len())
    }

    fn by_case(&self, policies: [&str; 2]) -> Result<usize, Failure> {
        let (mut all, mut differing) = (0, 0);
        for file in &self.cases {
            let text = read(file)?;
            let options = Options {
                inspector: firewall::of(&policies.concat()),
                ..Options::default()
            };
            let decided = decide(&text, policies, options)
                .map_err(|why| Failure::usage(format!("{} is no case file", file.display())).because(why))?;
            all += decided.len();
            for one in decided.iter().filter(|one| !one.is_same()) {
                differing += 1;
                print(&self.case_text(one))?;
            }
        }
        if !self.json {
            print(&format!("{all} cases, {differing} decided differently\n"))?;
        }
        Ok(differing)
    }

    fn case_text(&self, decided: &Decided) -> String {
        let mut out = String::new();
        for (at, (first, second)) in decided.exchanges.iter().enumerate() {
            if first == second {
                continue;
            }
            if self.json {
                let one = json!({"id": decided.id, "step": at, "first": first, "second": second});
                out.push_str(&format!("{one}\n"));
                continue;
            }
            out.push_str(&decided.id);
            if decided.exchanges.len() > 1 {
                out.push_str(&format!(" step {at}"));
            }
            if !decided.doc.is_empty() {
                out.push_str(&format!(": {}", decided.doc));
            }
            out.push('\n');
            leaves("", Some(first), Some(second), &mut out);
        }
        out
    }
}

fn rule_text(difference: &Difference) -> String {
    let place = |place: &Option<String>| place.clone().unwrap_or_default();
    let (first, second) = (place(&difference.first), place(&difference.second));
    let at = match difference.kind {
        "added" => format!("+ {second}"),
        "removed" => format!("- {first}"),
        "moved" => format!("> {first} is at {second}"),
        _ if first == second => format!("~ {first}"),
        _ => format!("~ {first} (now {second})"),
    };
    let mut out = at;
    if !difference.name.is_empty() {
        out.push_str(&format!(" {:?}", difference.name));
    }
    out.push('\n');
    for (path, before, after) in &difference.fields {
        line(path, before.as_ref(), after.as_ref(), &mut out);
    }
    out
}

/// What is not the same in two decisions.
fn leaves(path: &str, first: Option<&Value>, second: Option<&Value>, out: &mut String) {
    match (first, second) {
        (a, b) if a == b => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let below = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                leaves(&below, a.get(key), b.get(key), out);
            }
        }
        (a, b) => line(path, a, b, out),
    }
}

fn line(path: &str, before: Option<&Value>, after: Option<&Value>, out: &mut String) {
    let show = |value: Option<&Value>| match value {
        None => "nothing".to_owned(),
        Some(value) => {
            let text = value.to_string();
            match text.char_indices().nth(SHOWN) {
                Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
                None => text,
            }
        }
    };
    out.push_str(&format!("    {path}: {} → {}\n", show(before), show(after)));
}
