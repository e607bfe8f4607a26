//! `adit policy check`: every error with its line, what stands there, and what to do.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use adit_policy::{Cost, Fault, Report, Warning};

use super::{For, print, read};
use crate::exit::{Exit, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Policies; `-` is the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    subject: For,
    /// Warnings fail too
    #[arg(long)]
    strict: bool,
    /// Say what the expressions may cost at most
    #[arg(long)]
    cost: bool,
    /// Print JSON: an object for each file
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (mut errors, mut warnings) = (0, 0);
        for file in &self.files {
            let text = read(file)?;
            let found = Report::of(&text, self.subject.subject());
            errors += found.errors.len();
            warnings += found.warnings.len();
            let out = if self.json {
                let mut object = found.to_json();
                object["file"] = file.display().to_string().into();
                format!("{object}\n")
            } else {
                let mut out = report(file, &text, &found.errors, &found.warnings);
                if self.cost && found.errors.is_empty() {
                    cost(&mut out, file, &found.cost);
                }
                out
            };
            print(&out)?;
        }
        if !self.json {
            print(&format!("{errors} errors, {warnings} warnings\n"))?;
        }
        let failed = errors > 0 || (self.strict && warnings > 0);
        Ok(if failed { Exit::Failed } else { Exit::Done })
    }
}

fn report(file: &Path, text: &str, faults: &[Fault], warnings: &[Warning]) -> String {
    let mut out = String::new();
    for fault in faults {
        let width = fault
            .end_column
            .map_or(1, |end| end.saturating_sub(fault.column).max(1));
        let head = format!("{} {}", fault.code.as_str(), fault.message);
        place(&mut out, file, text, (fault.line, fault.column, width), &head);
        let _ = writeln!(out, "    at {}\n    fix: {}", fault.path, fault.fix);
    }
    for warning in warnings {
        let head = format!("warning {}: {}", warning.code, warning.message);
        place(&mut out, file, text, (warning.line, warning.column, 1), &head);
        let _ = writeln!(out, "    at {}", warning.path);
    }
    out
}

/// What the expressions of a document may cost.
fn cost(out: &mut String, file: &Path, cost: &Cost) {
    let _ = write!(out, "{}: cost {} in all", file.display(), cost.total);
    if !cost.at.is_empty() {
        let _ = write!(out, ", at most {} of {} at {}", cost.largest, Cost::LIMIT, cost.at);
    }
    out.push('\n');
}

/// `file:line:column: what`, the line, and a mark below the place.
fn place(out: &mut String, file: &Path, text: &str, (line, column, width): (u32, u32, u32), head: &str) {
    let _ = writeln!(out, "{}:{line}:{column}: {head}", file.display());
    let number = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    let Some(source) = text.lines().nth(number) else { return };
    // A line may be a whole document.
    let before = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    let from = before.saturating_sub(60);
    let shown: String = source.chars().skip(from).take(120).collect();
    let shown = shown.replace(|c: char| c.is_control(), " ");
    let width = usize::try_from(width).unwrap_or(1).min(120 - (before - from).min(119));
    let _ = writeln!(
        out,
        "    {shown}\n    {}{}",
        " ".repeat(before - from),
        "^".repeat(width)
    );
}
