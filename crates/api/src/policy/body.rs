//! Bodies of the operations on policies: what they may hold, and nothing else.

use adit_names::code::ErrorCode;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::error::ApiError;

/// An object of which every field is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'b> {
    fields: &'b Map<String, Value>,
    /// Where it is: empty for the body, else the name of its field with a dot.
    place: &'static str,
}

impl<'b> Object<'b> {
    /// The body of a request.
    ///
    /// # Errors
    /// 215 if there is none or it is no object; 214 for an unknown field.
    pub(super) fn body(call: &'b Call<'_>, known: &[&str]) -> Result<Self, ApiError> {
        match &call.body {
            Some(Value::Object(fields)) => Self { fields, place: "" }.only(known),
            _ => Err(wrong("body", "it has to be an object")),
        }
    }

    /// An object in it; `place` is its name with a dot. Without it there is `None`.
    ///
    /// # Errors
    /// Likewise.
    pub(super) fn inner(&self, place: &'static str, known: &[&str]) -> Result<Option<Self>, ApiError> {
        let name = place.trim_end_matches('.').rsplit('.').next().unwrap_or(place);
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(fields)) => Self { fields, place }.only(known).map(Some),
            Some(_) => Err(wrong(&self.name(name), "it is not an object")),
        }
    }

    fn only(self, known: &[&str]) -> Result<Self, ApiError> {
        let Some(unknown) = self.fields.keys().find(|k| !known.contains(&k.as_str())) else {
            return Ok(self);
        };
        let shown: String = self.name(unknown).chars().take(64).collect();
        let error = ApiError::new(ErrorCode::NGROK_214, &[("field", &shown)]).detail("field", shown.as_str());
        Err(error.detail("supported", known.join(" ")))
    }

    fn name(&self, field: &str) -> String {
        format!("{}{field}", self.place)
    }

    /// 215 for a field.
    pub(super) fn wrong(&self, field: &str, error: &str) -> ApiError {
        wrong(&self.name(field), error)
    }

    /// A text, if it is given.
    ///
    /// # Errors
    /// 215 for something else.
    pub(super) fn text(&self, field: &str) -> Result<Option<&'b str>, ApiError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(field, "it is not a string")),
        }
    }

    /// A text that has to be given.
    ///
    /// # Errors
    /// 215.
    pub(super) fn required(&self, field: &str) -> Result<&'b str, ApiError> {
        self.text(field)?.ok_or_else(|| self.wrong(field, "it has to be given"))
    }

    /// Yes or no; no if it is not given.
    ///
    /// # Errors
    /// 215 for something else.
    pub(super) fn flag(&self, field: &str) -> Result<bool, ApiError> {
        match self.any(field) {
            None => Ok(false),
            Some(value) => value
                .as_bool()
                .ok_or_else(|| self.wrong(field, "it is neither true nor false")),
        }
    }

    /// Whatever is given.
    pub(super) fn any(&self, field: &str) -> Option<&'b Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }
}

fn wrong(field: &str, error: &str) -> ApiError {
    ApiError::new(ErrorCode::NGROK_215, &[("field", field), ("error", error)]).detail("field", field)
}
