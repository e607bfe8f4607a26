//! `ADIT_SERVER__SECTION__KEY` in the environment overrides a key (design 5).
//!
//! A value is read as the configuration file would read it: YAML, hence also JSON, so lists come as JSON text.

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::Settings;

/// What the variables begin with.
pub const PREFIX: &str = "ADIT_SERVER__";

/// A setting that is not understood: where it stands, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct SettingError {
    /// The variable, or the file with line and column.
    place: String,
    /// The key as the file names it, where that is known.
    key: String,
    reason: String,
}

impl SettingError {
    /// For a key as the configuration names it.
    pub(super) fn wrong(key: &str, reason: &str) -> Self {
        Self {
            place: format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__")),
            key: key.to_owned(),
            reason: reason.to_owned(),
        }
    }

    /// For a place in a file.
    pub(super) fn in_file(place: &str, reason: &str) -> Self {
        // The place within the file comes first, as editors and terminals know it.
        let (place, reason) = match reason.split_once(": ") {
            Some((at, what)) if at.bytes().all(|b| b.is_ascii_digit() || b == b':') => (format!("{place}:{at}"), what),
            _ => (place.to_owned(), reason),
        };
        Self {
            place,
            key: String::new(),
            reason: reason.to_owned(),
        }
    }

    /// The same, said of a file that need not be the one that set the key.
    pub(super) fn said_by(self, file: &str) -> Self {
        Self {
            place: format!("{file}: {}", self.key),
            ..self
        }
    }
}

impl Settings {
    /// Takes what is meant for the server from these variables.
    ///
    /// # Errors
    /// An unknown key, with the known ones; a value that is not what the key takes; values that do not go together.
    pub fn from_environment<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, SettingError> {
        let all = overrides(variables)?;
        let settings = Self::deserialize(&all).map_err(|e| SettingError::wrong("", &e.to_string()))?;
        settings.check()?;
        Ok(settings)
    }
}

/// What these variables set, as one value.
pub(super) fn overrides<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Value, SettingError> {
    let mut mine: Vec<_> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name, name.strip_prefix(PREFIX)?, value)))
        .collect();
    // A section that comes as one text goes below its single keys.
    mine.sort_unstable();
    let mut all = Value::Object(Map::new());
    for (variable, key, text) in mine {
        let wrong = |reason: String| SettingError {
            place: variable.to_owned(),
            key: key.to_ascii_lowercase().replace("__", "."),
            reason,
        };
        let value: Value = if VERBATIM.contains(&key) && !text.is_empty() {
            Value::String(text.to_owned())
        } else {
            serde_saphyr::from_str(text).map_err(|e| wrong(format!("not a value: {e}")))?
        };
        if value.is_null() {
            continue;
        }
        let nested = key.rsplit("__").fold(value, |inner, part| {
            Value::Object(Map::from_iter([(part.to_ascii_lowercase(), inner)]))
        });
        // Each on its own first: then the error belongs to this variable.
        Settings::deserialize(&nested).map_err(|e| wrong(e.to_string()))?;
        merge(&mut all, nested);
    }
    Ok(all)
}

/// Texts that are taken as they are: a key in base64 may look like a number, and no error may show it.
const VERBATIM: &[&str] = &["MASTER_KEY", "STORE"];

/// Lays `above` over `below`, section by section.
pub(super) fn merge(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                merge(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}
