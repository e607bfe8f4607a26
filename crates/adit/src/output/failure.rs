//! Failures on stderr: what, where, why, fix, always in this order, each only if known.

use std::io::Write as _;

use crate::exit::Failure;

/// How a failure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    /// One line `{"error":{…}}`.
    Json,
}

/// Writes a failure to stderr.
pub(crate) fn print(failure: &Failure, form: Form) {
    let mut text = render(failure, form);
    text.push('\n');
    // If even stderr is gone there is nobody to tell.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes one note that is no failure to stderr.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "note: {text}");
}

fn render(failure: &Failure, form: Form) -> String {
    let parts = [("where", &failure.place), ("why", &failure.why), ("fix", &failure.fix)];
    match form {
        Form::Text => {
            let first = format!("error: {}", one_line(&failure.what));
            let mut out = match &failure.code {
                Some(code) => format!("{first:<84} {code}"),
                None => first,
            };
            for (name, part) in parts {
                if let Some(part) = part {
                    out.push_str(&format!("\n  {name:<6} {}", part.trim().replace('\n', "\n         ")));
                }
            }
            out
        }
        Form::Json => {
            if let Some(own) = &failure.json {
                return own.clone();
            }
            let mut error = serde_json::Map::new();
            if let Some(code) = &failure.code {
                error.insert("code".to_owned(), code.as_str().into());
            }
            error.insert("msg".to_owned(), failure.what.as_str().into());
            for (name, part) in parts {
                if let Some(part) = part {
                    error.insert(name.to_owned(), part.as_str().into());
                }
            }
            serde_json::json!({ "error": error }).to_string()
        }
    }
}

/// Several lines of a server become one.
fn one_line(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape() {
        let mut failure = Failure::failed("the name app.example.com is online from another agent")
            .at("--url")
            .because("session ts_2ip on host build-3 holds it")
            .fix("choose another --url,\nor stop the other");
        failure.code = Some("ERR_NGROK_334".to_owned());
        assert_eq!(
            render(&failure, Form::Text),
            "error: the name app.example.com is online from another agent                         ERR_NGROK_334\n  \
             where  --url\n  why    session ts_2ip on host build-3 holds it\n  fix    choose another --url,\n         or stop the other"
        );
        assert_eq!(
            render(&failure, Form::Json),
            r#"{"error":{"code":"ERR_NGROK_334","msg":"the name app.example.com is online from another agent","where":"--url","why":"session ts_2ip on host build-3 holds it","fix":"choose another --url,\nor stop the other"}}"#
        );
    }
}
