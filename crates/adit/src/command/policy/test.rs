//! `adit policy test`: case files, run by the engine of the edge.

use std::collections::BTreeMap;
use std::path::PathBuf;

use adit_policy::case::{self, Case, Options, Outcome};
use clap::ValueEnum;
use serde_json::json;

use super::{beside, print, read};
use crate::exit::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Case files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only cases whose id fits: * stands for any characters
    #[arg(long, value_name = "GLOB")]
    run: Option<String>,
    /// By which tier expressions are evaluated
    #[arg(long, value_enum, default_value = "native")]
    tier: Tier,
    /// Unverified cases count like the others
    #[arg(long)]
    strict: bool,
    /// Cases that this program cannot run count as failed
    #[arg(long)]
    no_skip: bool,
    /// Print JSON: an object for each case
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tier {
    /// As the edge does: recognised predicates as native code
    Native,
    /// Everything by the second tier
    Cel,
}

/// Does a pattern with `*` fit a whole text?
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part).and_then(|at| rest.get(at + part.len()..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[derive(Debug, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    unverified_passed: usize,
    unverified_failed: usize,
    skipped: BTreeMap<String, usize>,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut counts = Counts::default();
        for file in &self.files {
            let text = read(file)?;
            let cases = self.cases(file, &text)?;
            for case in &cases {
                self.count(case, &mut counts);
                let out = if self.json {
                    json_line(case)
                } else {
                    self.text(case, file, &text)?
                };
                print(&out)?;
            }
        }
        let mut out = String::new();
        if !counts.skipped.is_empty() {
            let all: usize = counts.skipped.values().sum();
            let each: Vec<_> = counts
                .skipped
                .iter()
                .map(|(name, count)| format!("{name} {count}"))
                .collect();
            out.push_str(&format!("skipped: {all} ({})\n", each.join(", ")));
        }
        if counts.unverified_passed + counts.unverified_failed > 0 {
            let (passed, failed) = (counts.unverified_passed, counts.unverified_failed);
            out.push_str(&format!("unverified: {passed} passed, {failed} failed\n"));
        }
        out.push_str(&format!("{} passed, {} failed\n", counts.passed, counts.failed));
        if self.json {
            out = format!(
                "{}\n",
                json!({
                    "passed": counts.passed, "failed": counts.failed, "skipped": counts.skipped,
                    "unverified": {"passed": counts.unverified_passed, "failed": counts.unverified_failed},
                })
            );
        }
        print(&out)?;
        Ok(if counts.failed > 0 { Exit::Failed } else { Exit::Done })
    }

    fn options(&self, trace: bool) -> Options {
        Options {
            cel: self.tier == Tier::Cel,
            trace,
        }
    }

    fn cases(&self, file: &std::path::Path, text: &str) -> Result<Vec<Case>, Failure> {
        let select = |id: &str| self.run.as_deref().is_none_or(|glob| fits(glob, id));
        self.run_cases(file, text, false, &select)
    }

    fn run_cases(
        &self,
        file: &std::path::Path,
        text: &str,
        trace: bool,
        select: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Case>, Failure> {
        let policy = |path: &str| read(&beside(file, path)).map_err(|failure| failure.what);
        case::run(text, self.options(trace), select, policy)
            .map_err(|why| Failure::usage(format!("{} is no case file", file.display())).because(why))
    }

    fn count(&self, case: &Case, counts: &mut Counts) {
        let passed = match &case.outcome {
            Outcome::Passed => true,
            Outcome::Failed(_) => false,
            Outcome::Lacks(names) => {
                if !self.no_skip {
                    *counts.skipped.entry(names.join(" ")).or_default() += 1;
                    return;
                }
                false
            }
        };
        let place = match (case.unverified && !self.strict, passed) {
            (true, true) => &mut counts.unverified_passed,
            (true, false) => &mut counts.unverified_failed,
            (false, true) => &mut counts.passed,
            (false, false) => &mut counts.failed,
        };
        *place += 1;
    }

    /// What is said of a case: nothing if it passed.
    fn text(&self, case: &Case, file: &std::path::Path, text: &str) -> Result<String, Failure> {
        let wrong = match &case.outcome {
            Outcome::Failed(wrong) => wrong.clone(),
            Outcome::Lacks(names) if self.no_skip => vec![format!("it needs {}", names.join(", "))],
            Outcome::Passed | Outcome::Lacks(_) => return Ok(String::new()),
        };
        let mut out = format!("FAILED {}", case.id);
        if !case.doc.is_empty() {
            out.push_str(&format!(": {}", case.doc));
        }
        out.push('\n');
        for line in wrong {
            out.push_str(&format!("    {line}\n"));
        }
        let again = self.run_cases(file, text, true, &|id| id == case.id)?;
        for line in again.iter().flat_map(|case| &case.trace) {
            out.push_str(&format!("    | {line}\n"));
        }
        Ok(out)
    }
}

fn json_line(case: &Case) -> String {
    let (outcome, details) = match &case.outcome {
        Outcome::Passed => ("passed", &[][..]),
        Outcome::Failed(wrong) => ("failed", wrong.as_slice()),
        Outcome::Lacks(names) => ("skipped", names.as_slice()),
    };
    let object = json!({"id": case.id, "unverified": case.unverified, "outcome": outcome, "details": details});
    format!("{object}\n")
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_fit_whole_ids() {
        for (pattern, id, expected) in [
            ("*", "a/b", true),
            ("a/*", "a/b", true),
            ("a/*", "b/a/", false),
            ("*/wrong", "x/y/wrong", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("a", "ab", false),
            ("ab*b", "ab", false),
        ] {
            assert_eq!(fits(pattern, id), expected, "{pattern} {id}");
        }
    }
}
