//! The configuration file, below what the environment says.

use std::path::Path;

use serde::Deserialize as _;
use serde_json::Value;

use super::environment::{merge, overrides};
use super::{SettingError, Settings};

/// Largest file that is read.
const MAX: u64 = 1 << 20;

impl Settings {
    /// Reads a file and lays what these variables set over it.
    ///
    /// # Errors
    /// A file that cannot be read; what is not YAML, an unknown key or a wrong value, each with file, line and column;
    /// values that do not go together; and as [`Settings::from_environment`].
    pub fn from_file<'a>(
        path: &Path,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, SettingError> {
        let shown = path.display().to_string();
        let wrong = |reason: String| SettingError::in_file(&shown, &reason);
        let size = std::fs::metadata(path).map_err(|e| wrong(e.to_string()))?.len();
        if size > MAX {
            return Err(wrong(format!("{size} bytes is too long for a configuration file")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
        Self::from_text(&shown, &text, variables)
    }

    /// The same for a text.
    pub(super) fn from_text<'a>(
        shown: &str,
        text: &str,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, SettingError> {
        let wrong = |e: &serde_saphyr::Error| SettingError::in_file(shown, &located(e));
        // Typed at once, so that what is wrong has its place.
        let _: Self = serde_saphyr::from_str(text).map_err(|e| wrong(&e))?;
        let mut all: Value = serde_saphyr::from_str(text).map_err(|e| wrong(&e))?;
        if all.is_null() {
            all = Value::Object(serde_json::Map::new());
        }
        merge(&mut all, overrides(variables)?);
        let settings = Self::deserialize(&all).map_err(|e| SettingError::in_file(shown, &e.to_string()))?;
        settings.check().map_err(|e| e.said_by(shown))?;
        Ok(settings)
    }
}

/// `LINE:COLUMN: what`.
fn located(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let what = line.strip_prefix("error: ").unwrap_or(line);
    match error.location() {
        Some(at) => {
            let (line, column) = (at.line(), at.column());
            let said = format!("line {line} column {column}: ");
            format!("{line}:{column}: {}", what.strip_prefix(&said).unwrap_or(what))
        }
        None => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Ports, Time};
    use super::*;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let variables = variables.iter().map(|(n, v)| (*n, *v));
        Settings::from_text("adit-server.yml", text, variables).map_err(|e| e.to_string())
    }

    #[test]
    fn a_file_and_what_lies_above_it() {
        let text = "base_domain: adit.example.com\ntcp_ports: 20000-20099\nlisten:\n  https: '[::]:8443'\nsessions:\n  resume_window: 1m\n";
        let settings = read(text, &[("ADIT_SERVER__LISTEN__HTTP", "127.0.0.1:8080")]).unwrap();
        assert_eq!(settings.base_domain.as_deref(), Some("adit.example.com"));
        assert_eq!(
            settings.tcp_ports,
            Some(Ports {
                first: 20_000,
                last: 20_099
            })
        );
        assert_eq!(settings.listen.https.unwrap().port(), 8443);
        assert_eq!(settings.listen.http.unwrap().port(), 8080);
        assert_eq!(settings.sessions.resume_window.map(Time::get).unwrap().as_secs(), 60);
        let settings = read(text, &[("ADIT_SERVER__BASE_DOMAIN", "other.example.com")]).unwrap();
        assert_eq!(settings.base_domain.as_deref(), Some("other.example.com"));
        assert_eq!(read("", &[]).unwrap(), Settings::default());
        assert_eq!(read("# nothing\n", &[]).unwrap(), Settings::default());
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        for (text, begin, says) in [
            (
                "base_domain: a.example.com\nlisen:\n  https: x\n",
                "adit-server.yml:2:1: unknown field",
                "lisen",
            ),
            ("listen:\n  htps: '[::]:1'\n", "adit-server.yml:2:3: ", "htps"),
            (
                "limits:\n  http:\n    uri_max: many\n",
                "adit-server.yml:3:5: invalid value",
                "256MiB",
            ),
            ("listen: [\n", "adit-server.yml:", ""),
            (
                "sessions:\n  resume_window: 10\n",
                "adit-server.yml:2:3: invalid value",
                "72h",
            ),
            ("a: 1\na: 2\n", "adit-server.yml:", ""),
        ] {
            let refused = read(text, &[]).unwrap_err();
            assert!(refused.starts_with(begin) && refused.contains(says), "{refused}");
        }
        let refused = read("tls:\n  cert_file: a.pem\n", &[]).unwrap_err();
        assert!(
            refused.contains("tls.cert_file") && refused.contains("missing"),
            "{refused}"
        );
        let refused = read("store: mysql://x:secret@y\n", &[]).unwrap_err();
        assert!(refused.contains("store") && !refused.contains("secret"), "{refused}");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let refused = Settings::from_file(Path::new("/no/such/adit-server.yml"), []).unwrap_err();
        assert!(
            refused.to_string().starts_with("/no/such/adit-server.yml: "),
            "{refused}"
        );
    }
}
