//! `adit policy check`: every error with its line, what stands there, and what to do.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use adit_policy::Report;
use serde_json::{Value, json};

use super::{For, ask, print, read};
use crate::command::api::target::TargetArgs;
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
    /// What only Adit understands fails too: the policy is to be used elsewhere
    #[arg(long)]
    portable: bool,
    /// Ask the server, which knows what policies refer to and which actions it has
    #[arg(long)]
    server: bool,
    /// Say what the expressions may cost at most
    #[arg(long)]
    cost: bool,
    /// Print JSON: an object for each file
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    target: TargetArgs,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (mut errors, mut warnings) = (0, 0);
        let paint = Paint::for_stdout();
        for file in &self.files {
            let text = read(file)?;
            let mut found = self.found(&text)?;
            let own = if self.portable {
                list(&found, "adit_only_at").len()
            } else {
                0
            };
            errors += list(&found, "errors").len() + own;
            warnings += list(&found, "warnings").len();
            let out = if self.json {
                found["file"] = file.display().to_string().into();
                format!("{found}\n")
            } else {
                let mut out = report(file, &text, &found, self.portable, paint);
                if self.cost && list(&found, "errors").is_empty() {
                    cost(&mut out, file, &found);
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

    /// What is found, as the API says it.
    fn found(&self, text: &str) -> Result<Value, Failure> {
        if !self.server {
            return Ok(Report::of(text, self.subject.subject()).to_json());
        }
        let body = json!({
            "traffic_policy": text,
            "url": format!("{}://app.example.com", self.subject.subject().scheme),
            "type": if self.subject.cloud { "cloud" } else { "agent" },
        });
        ask(&self.target, self.json, "/adit/policy/check", &body)
    }
}

fn list<'j>(found: &'j Value, name: &str) -> &'j [Value] {
    found.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'j>(one: &'j Value, name: &str) -> &'j str {
    one.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(one: &Value, name: &str) -> usize {
    let number = one.get(name).and_then(Value::as_u64).unwrap_or(1);
    usize::try_from(number).unwrap_or(usize::MAX).max(1)
}

/// Colours, where somebody sees them.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn for_stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self(wanted && std::io::stdout().is_terminal())
    }

    fn colour(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn error(self, text: &str) -> String {
        self.colour("1;31", text)
    }

    fn warning(self, text: &str) -> String {
        self.colour("1;33", text)
    }

    fn fix(self, text: &str) -> String {
        self.colour("32", text)
    }
}

fn report(file: &Path, source: &str, found: &Value, portable: bool, paint: Paint) -> String {
    let mut out = String::new();
    for fault in list(found, "errors") {
        let head = format!("{} {}", paint.error(text(fault, "code")), text(fault, "message"));
        place(&mut out, file, source, fault, &head, |mark| paint.error(mark));
        let fix = paint.fix(&format!("fix: {}", text(fault, "fix")));
        let _ = writeln!(out, "    at {}\n    {fix}", text(fault, "path"));
    }
    for own in list(found, "adit_only_at").iter().filter(|_| portable) {
        let head = format!(
            "{} {} is understood by Adit only",
            paint.error("not portable:"),
            text(own, "message")
        );
        place(&mut out, file, source, own, &head, |mark| paint.error(mark));
        let _ = writeln!(out, "    at {}", text(own, "path"));
    }
    for warning in list(found, "warnings") {
        let code = paint.warning(&format!("warning {}", text(warning, "code")));
        let head = format!("{code}: {}", text(warning, "message"));
        place(&mut out, file, source, warning, &head, |mark| paint.warning(mark));
        let _ = writeln!(out, "    at {}", text(warning, "path"));
    }
    out
}

/// What the expressions of a document may cost.
fn cost(out: &mut String, file: &Path, found: &Value) {
    let cost = found.get("cost").unwrap_or(&Value::Null);
    let of = |name: &str| cost.get(name).unwrap_or(&Value::Null);
    let _ = write!(out, "{}: cost {} in all", file.display(), of("total"));
    let at = text(cost, "at");
    if !at.is_empty() {
        let _ = write!(out, ", at most {} of {} at {at}", of("largest"), of("limit"));
    }
    out.push('\n');
}

/// `file:line:column: what`, the line, and a mark below the place.
fn place(out: &mut String, file: &Path, source: &str, one: &Value, head: &str, paint: impl Fn(&str) -> String) {
    let (line, column) = (number(one, "line"), number(one, "column"));
    let _ = writeln!(out, "{}:{line}:{column}: {head}", file.display());
    let Some(source) = source.lines().nth(line - 1) else {
        return;
    };
    let end = one
        .get("end_column")
        .and_then(Value::as_u64)
        .map(|_| number(one, "end_column"));
    let width = end.map_or(1, |end| end.saturating_sub(column).max(1));
    // A line may be a whole document.
    let before = column - 1;
    let from = before.saturating_sub(60);
    let shown: String = source.chars().skip(from).take(120).collect();
    let shown = shown.replace(|c: char| c.is_control(), " ");
    let width = width.min(120 - (before - from).min(119));
    let mark = paint(&"^".repeat(width));
    let _ = writeln!(out, "    {shown}\n    {}{mark}", " ".repeat(before - from));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_with_its_colours() {
        let found = json!({"errors": [{"code": "ERR_NGROK_2200", "path": "on_http_request[0]", "line": 2, "column": 3,
            "end_column": 6, "message": "no", "fix": "yes"}], "warnings": [], "adit_only_at": []});
        let show = |paint| report(Path::new("a.yaml"), "x\n\tabcde", &found, true, Paint(paint));
        assert_eq!(
            show(false),
            "a.yaml:2:3: ERR_NGROK_2200 no\n     abcde\n      ^^^\n    at on_http_request[0]\n    fix: yes\n"
        );
        assert_eq!(
            show(true),
            "a.yaml:2:3: \u{1b}[1;31mERR_NGROK_2200\u{1b}[0m no\n     abcde\n      \u{1b}[1;31m^^^\u{1b}[0m\n    at on_http_request[0]\n    \u{1b}[32mfix: yes\u{1b}[0m\n"
        );
    }
}
