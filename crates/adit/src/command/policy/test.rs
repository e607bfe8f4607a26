//! `adit policy test`: case files, run by the engine of the edge.

use std::path::PathBuf;

use adit_policy::case::{self, Case, Counting, Counts, Options, Outcome};
use clap::ValueEnum;

use super::fmt::replace;
use super::{beside, firewall, junit, print, read};
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
    /// Write what came out into the cases that are tagged `snapshot` and failed
    #[arg(long)]
    update: bool,
    /// Print JSON: an object for each case
    #[arg(long)]
    pub(super) json: bool,
    /// Print a report in the form of JUnit
    #[arg(long, conflicts_with = "json")]
    junit: bool,
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

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut counts = Counts::default();
        let counting = Counting {
            strict: self.strict,
            no_skip: self.no_skip,
        };
        let mut files = Vec::new();
        for file in &self.files {
            let text = self.text_of(file)?;
            let cases = self.cases(file, &text)?;
            for case in &cases {
                counts.add(case, counting);
                if self.junit {
                    continue;
                }
                let out = if self.json {
                    format!("{}\n", case.to_json())
                } else {
                    self.text(case, file, &text)?
                };
                print(&out)?;
            }
            files.push((file.display().to_string(), cases));
        }
        let out = if self.junit {
            junit::report(&files, self.no_skip)
        } else if self.json {
            format!("{}\n", counts.to_json())
        } else {
            counts.to_string()
        };
        print(&out)?;
        Ok(if counts.failed > 0 { Exit::Failed } else { Exit::Done })
    }

    fn options(&self, text: &str, trace: bool) -> Options<'static> {
        Options {
            cel: self.tier == Tier::Cel,
            trace,
            inspector: firewall::of(text),
        }
    }

    /// The text of a file, its snapshots written anew if that is wanted.
    fn text_of(&self, file: &std::path::Path) -> Result<String, Failure> {
        let text = read(file)?;
        if !self.update {
            return Ok(text);
        }
        let select = |id: &str| self.run.as_deref().is_none_or(|glob| fits(glob, id));
        let policy = |path: &str| read(&beside(file, path)).map_err(|failure| failure.what);
        let updated = case::update(&text, self.options(&text, false), select, policy)
            .map_err(|why| Failure::failed(format!("{} is not written", file.display())).because(why))?;
        if updated.text != text {
            replace(file, &updated.text)?;
        }
        for id in &updated.written {
            eprintln!("written: {id}");
        }
        for (id, why) in &updated.left {
            eprintln!("not written: {id}: {why}");
        }
        Ok(updated.text)
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
        case::run(text, self.options(text, trace), select, policy)
            .map_err(|why| Failure::usage(format!("{} is no case file", file.display())).because(why))
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
