//! What an answer becomes on stdout and stderr.

use std::io::{IsTerminal as _, Write as _};

use serde_json::Value;

use super::Common;
use super::client::Answer;
use crate::exit::{Exit, Failure};
use crate::output::document::{self, Look, Output};
use crate::output::failure::{self, Form};

/// Prints answers in the form that was asked for.
#[derive(Debug)]
pub(crate) struct Show {
    output: Output,
    look: Look,
    /// Stdout is one.
    pub(crate) terminal: bool,
    quiet: bool,
}

impl Show {
    pub(crate) fn new(common: &Common) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let output = if common.json { Output::Json } else { common.output };
        Self {
            output: output.settled(terminal),
            look: Look {
                columns: common.columns.clone(),
                headers: !common.no_headers,
                width: terminal
                    .then(|| {
                        std::env::var("COLUMNS")
                            .ok()
                            .and_then(|c| c.parse().ok())
                            .or_else(width)
                    })
                    .flatten(),
                now: jiff::Timestamp::now(),
            },
            terminal,
            quiet: common.quiet,
        }
    }

    /// Something beside the answer.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            failure::note(text);
        }
    }

    /// Whether the form of a list lets its pages be printed one after the other.
    pub(crate) fn page_by_page(&self) -> bool {
        matches!(self.output, Output::Jsonl | Output::Id)
    }

    /// One object.
    pub(crate) fn object(&self, object: &Value) -> Result<Exit, Failure> {
        let one = std::slice::from_ref(object);
        print(&match self.output {
            Output::Json | Output::Auto => document::json(object),
            Output::Table | Output::Wide => document::sheet(object, &self.look),
            Output::Yaml => document::yaml(object),
            Output::Jsonl => document::lines(one),
            Output::Csv => document::csv(one, &self.look),
            Output::Id => document::ids(one),
        })
        .map(|()| Exit::Done)
    }

    /// Some of the objects of a list; false if nobody reads them any more.
    pub(crate) fn objects(&self, objects: &[Value]) -> Result<bool, Failure> {
        let text = if self.output == Output::Id {
            document::ids(objects)
        } else {
            document::lines(objects)
        };
        written(text.as_bytes())
    }

    /// The answer of a list, whose objects stand at `key`.
    pub(crate) fn list(&self, answer: &Value, key: &str, resource: &str) -> Result<Exit, Failure> {
        let objects = answer.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let table = matches!(self.output, Output::Table | Output::Wide);
        if objects.is_empty() && table {
            self.note(&format!("no {} yet", resource.replace('-', " ")));
        }
        print(&match self.output {
            Output::Json | Output::Auto => document::json(answer),
            Output::Table => document::table(objects, &self.look, false),
            Output::Wide => document::table(objects, &self.look, true),
            Output::Yaml => document::yaml(answer),
            Output::Jsonl => document::lines(objects),
            Output::Csv => document::csv(objects, &self.look),
            Output::Id => document::ids(objects),
        })
        .map(|()| Exit::Done)
    }
}

/// The columns of the terminal, as far as the system says.
fn width() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// Writes to stdout. Whoever reads no further has had enough.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    written(text.as_bytes()).map(|_| ())
}

/// The same; false if nobody reads any more.
pub(crate) fn written(bytes: &[u8]) -> Result<bool, Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::failed(format!("stdout: {error}"))),
    }
}

/// The JSON of an answer; none for 204.
///
/// # Errors
/// A refusal, in the API's own words; or an answer that is none of an API.
pub(crate) fn body(answer: &Answer, form: Form) -> Result<Option<Value>, Failure> {
    if answer.status == 204 || (answer.body.is_empty() && answer.status < 300) {
        return Ok(None);
    }
    let json = serde_json::from_slice::<Value>(&answer.body).ok();
    match json {
        Some(value) if answer.status < 300 => Ok(Some(value)),
        Some(error) if error.get("error_code").is_some() => Err(refusal(&error, form)),
        _ => Err(
            Failure::failed(format!("the server answered {} without saying why", answer.status))
                .because("what answered is no API of Adit, or something in between")
                .fix("check the address: --api-url"),
        ),
    }
}

/// A refusal as a failure.
fn refusal(error: &Value, form: Form) -> Failure {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let detail = |name: &str| text(error.pointer("/details").and_then(|d| d.get(name)));
    let code = text(error.get("error_code"));
    let operation = detail("operation_id");
    let operation = if operation.is_empty() {
        operation
    } else {
        format!(" (operation {operation})")
    };
    let mut failure = Failure::failed(format!("{} [{code}]{operation}", text(error.get("msg"))));
    let place = [detail("field"), detail("fields")].into_iter().find(|t| !t.is_empty());
    if let Some(field) = place {
        failure = failure.at(format!("field {field}"));
    }
    let more = [
        "supported",
        "permission",
        "referenced_by",
        "suggestion",
        "limit",
        "current",
    ];
    let more: Vec<_> = more
        .iter()
        .map(|name| (name, detail(name)))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{}: {value}", name.replace('_', " ")))
        .collect();
    if !more.is_empty() {
        failure = failure.because(more.join("\n"));
    }
    let hint = detail("hint");
    if !hint.is_empty() {
        failure = failure.fix(hint);
    }
    if form == Form::Json {
        failure.json = Some(error.to_string());
    }
    failure
}

/// Orders objects by a column; `-` before it reverses.
pub(crate) fn sort(objects: &mut [Value], column: &str) {
    let (reverse, column) = column.strip_prefix('-').map_or((false, column), |c| (true, c));
    let pointer = format!("/{}", column.replace('.', "/"));
    let key = |object: &Value| {
        let value = object.pointer(&pointer).cloned().unwrap_or_default();
        let number = value.as_f64().unwrap_or(f64::NAN);
        (number, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    objects.sort_by(|a, b| {
        let ((n, s), (m, t)) = (key(a), key(b));
        let order = n.partial_cmp(&m).unwrap_or_else(|| s.cmp(&t));
        if reverse { order.reverse() } else { order }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_keep_the_servers_words() {
        let error = json!({"status_code": 400, "error_code": "ERR_NGROK_1409", "msg": "No network. Write one.",
            "details": {"operation_id": "op_1", "field": "cidr", "suggestion": "10.0.0.0/24", "hint": "use /24"}});
        let failure = refusal(&error, Form::Text);
        assert_eq!(failure.what, "No network. Write one. [ERR_NGROK_1409] (operation op_1)");
        assert_eq!(failure.place.as_deref(), Some("field cidr"));
        assert_eq!(failure.why.as_deref(), Some("suggestion: 10.0.0.0/24"));
        assert_eq!(failure.fix.as_deref(), Some("use /24"));
        assert_eq!(refusal(&error, Form::Json).json, Some(error.to_string()));
    }

    #[test]
    fn sorting() {
        let mut objects = vec![
            json!({"n": 10, "r": {"id": "b"}}),
            json!({"n": 9, "r": {"id": "a"}}),
            json!({"r": {"id": "c"}}),
        ];
        sort(&mut objects, "r.id");
        assert_eq!(
            objects
                .iter()
                .map(|o| o["r"]["id"].as_str().unwrap())
                .collect::<String>(),
            "abc"
        );
        sort(&mut objects, "-r.id");
        assert_eq!(
            objects
                .iter()
                .map(|o| o["r"]["id"].as_str().unwrap())
                .collect::<String>(),
            "cba"
        );
        objects.pop();
        objects.remove(0);
        sort(&mut objects, "n");
        assert_eq!(objects[0]["n"], 10);
    }
}
