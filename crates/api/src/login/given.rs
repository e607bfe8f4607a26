//! Bodies of sign-ins: a few texts.

use adit_names::code::ErrorCode;
use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use crate::call::Call;
use crate::error::ApiError;

/// The fields of a body; wiped when dropped, since some are passwords.
pub(super) struct Given(Map<String, Value>);

impl Given {
    /// The body of a call, which may have these fields.
    ///
    /// # Errors
    /// 214 for another field, 215 for one that is no text.
    pub(super) fn of(call: &Call<'_>, known: &[&str]) -> Result<Self, ApiError> {
        let given = Self(call.fields()?);
        for (name, value) in &given.0 {
            if !known.contains(&name.as_str()) {
                let error = ApiError::new(ErrorCode::NGROK_214, &[("field", name)]);
                let error = error.detail("field", name.chars().take(64).collect::<String>());
                return Err(error.detail("supported", known.join(" ")));
            }
            if !matches!(value, Value::Null | Value::String(_)) {
                return Err(wrong(name, "it is not a string"));
            }
        }
        Ok(given)
    }

    /// A field; empty if it is not given.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field that has to be given.
    ///
    /// # Errors
    /// 215.
    pub(super) fn needed(&self, name: &str) -> Result<&str, ApiError> {
        match self.text(name) {
            "" => Err(wrong(name, "it is missing")),
            text => Ok(text),
        }
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

fn wrong(field: &str, error: &str) -> ApiError {
    ApiError::new(ErrorCode::NGROK_215, &[("field", field), ("error", error)]).detail("field", field)
}
