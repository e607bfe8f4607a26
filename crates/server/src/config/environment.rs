//! `ADIT_SERVER__SECTION__KEY` in the environment overrides a key (design 5).
//!
//! A value is read as the configuration file would read it: YAML, hence also JSON, so lists come as JSON text.

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::Settings;

/// What the variables begin with.
pub const PREFIX: &str = "ADIT_SERVER__";

/// A setting that is not understood: the variable, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {reason}")]
pub struct SettingError {
    variable: String,
    reason: String,
}

impl SettingError {
    /// For a key as the configuration names it.
    pub(super) fn wrong(key: &str, reason: &str) -> Self {
        Self {
            variable: format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__")),
            reason: reason.to_owned(),
        }
    }
}

impl Settings {
    /// Takes what is meant for the server from these variables.
    ///
    /// # Errors
    /// An unknown key, with the known ones; a value that is not what the key takes; values that do not go together.
    pub fn from_environment<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, SettingError> {
        let mut mine: Vec<_> = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name, name.strip_prefix(PREFIX)?, value)))
            .collect();
        // A section that comes as one text goes below its single keys.
        mine.sort_unstable();
        let mut all = Value::Object(Map::new());
        for (variable, key, text) in mine {
            let wrong = |reason: String| SettingError {
                variable: variable.to_owned(),
                reason,
            };
            let value: Value = serde_saphyr::from_str(text).map_err(|e| wrong(format!("not a value: {e}")))?;
            if value.is_null() {
                continue;
            }
            let nested = key.rsplit("__").fold(value, |inner, part| {
                Value::Object(Map::from_iter([(part.to_ascii_lowercase(), inner)]))
            });
            // Each on its own first: then the error belongs to this variable.
            Self::deserialize(&nested).map_err(|e| wrong(e.to_string()))?;
            merge(&mut all, nested);
        }
        let settings = Self::deserialize(&all).map_err(|e| SettingError::wrong("", &e.to_string()))?;
        settings.check()?;
        Ok(settings)
    }
}

/// Lays `above` over `below`, section by section.
fn merge(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                merge(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}
