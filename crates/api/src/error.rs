//! The form of every refusal (control plane 1.8).
//!
//! All four keys are always there, and `details` holds strings only: Go's client cannot read an error otherwise.

use adit_model::Problems;
use adit_names::code::ErrorCode;
use adit_store::{Refusal, StoreError, WriteError};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::conditional;
use crate::filter::FilterError;

/// The detail that also becomes a field of the answer.
pub(crate) const RETRY_AFTER: &str = "retry_after";
/// Most bytes of a request's own value that an error repeats.
const SHOWN: usize = 64;

/// Why a request was not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    code: ErrorCode,
    text: String,
    details: Vec<(&'static str, String)>,
}

impl ApiError {
    /// A refusal with the text of its row and these values in it.
    pub(crate) fn new(code: ErrorCode, values: &[(&str, &str)]) -> Self {
        let values: Vec<_> = values.iter().map(|(name, value)| (*name, shown(value))).collect();
        Self::with_text(code, code.message(&values))
    }

    /// A refusal with a sentence of its own.
    pub(crate) fn with_text(code: ErrorCode, text: String) -> Self {
        Self {
            code,
            text,
            details: Vec::new(),
        }
    }

    /// The same with one more detail.
    pub(crate) fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// The same, to be tried again after these seconds.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.detail(RETRY_AFTER, seconds.to_string())
    }

    /// Nothing can be read or changed now.
    pub(crate) fn unavailable(reason: &str) -> Self {
        Self::new(ErrorCode::ADIT_2012, &[("reason", reason)]).retry_after(5)
    }

    /// A fault of this server. The cause is for its log, never for the answer.
    pub(crate) fn internal(cause: &str) -> Self {
        tracing::error!(cause, "a request failed by a fault of this server");
        Self::new(ErrorCode::NGROK_10000, &[])
    }

    /// Why a change was not written; `noun` and `id` are those of the object that it is about.
    pub(crate) fn of_write(error: WriteError, noun: &str, id: &str) -> Self {
        match error {
            WriteError::Refused(refusal) => refusal.into(),
            WriteError::NotFound => Self::new(ErrorCode::ADIT_2001, &[("kind", noun), ("id", id)]),
            WriteError::Stale { current } => conditional::stale(Some(current)),
            WriteError::Newer => Self::unavailable("the object was written by a newer version of the server"),
            WriteError::Unavailable(cause) => {
                tracing::error!(cause, "the store is not available");
                Self::unavailable("the store is not available")
            }
            WriteError::Late => Self::new(ErrorCode::ADIT_2014, &[]).retry_after(1),
        }
    }

    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.code
            .status()
            .and_then(|s| StatusCode::from_u16(s).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// One of its details.
    pub(crate) fn detail_of(&self, name: &str) -> Option<&str> {
        self.details.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    /// Its body.
    pub(crate) fn json(&self, operation_id: &str) -> Value {
        let mut details = Map::new();
        details.insert("operation_id".to_owned(), operation_id.into());
        for (name, value) in &self.details {
            details.insert((*name).to_owned(), value.as_str().into());
        }
        let fix = self.code.fix();
        let msg = if fix.is_empty() {
            self.text.clone()
        } else {
            format!("{} {fix}", self.text)
        };
        json!({
            "error_code": self.code.as_str(),
            "status_code": self.status().as_u16(),
            "msg": msg,
            "details": details,
        })
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                tracing::error!(cause, "the store is not available");
                Self::unavailable("the store is not available")
            }
            StoreError::Damaged(cause) | StoreError::Sealed(cause) => Self::internal(&cause),
        }
    }
}

impl From<FilterError> for ApiError {
    fn from(error: FilterError) -> Self {
        Self::new(FilterError::CODE, &[("error", &error.to_string())]).detail("field", "filter")
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let values: Vec<_> = refusal.values.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let mut error = Self::new(refusal.code, &values);
        if !refusal.field.is_empty() {
            error = error.detail("field", refusal.field);
        }
        error.details.extend(refusal.details);
        error
    }
}

/// The first problem is the error; the details name all.
impl From<Problems> for ApiError {
    fn from(Problems(problems): Problems) -> Self {
        let Some(first) = problems.first() else {
            return Self::internal("a body was refused without a reason");
        };
        let mut error = Self::with_text(first.code, first.message());
        if !first.field.is_empty() {
            error = error.detail("field", first.field.as_str());
        }
        error.details.extend(first.details.iter().cloned());
        if problems.len() > 1 {
            let fields: Vec<_> = problems
                .iter()
                .map(|p| p.field.as_str())
                .filter(|f| !f.is_empty())
                .collect();
            let all: Vec<_> = problems
                .iter()
                .map(|p| json!({"error_code": p.code.as_str(), "field": p.field, "msg": p.message()}))
                .collect();
            error = error
                .detail("fields", fields.join(","))
                .detail("errors", Value::from(all).to_string());
        }
        error
    }
}

/// As much of a value as may be repeated.
fn shown(value: &str) -> &str {
    let mut end = value.len().min(SHOWN);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_four_keys_and_only_strings_in_details() {
        let error = ApiError::new(ErrorCode::NGROK_233, &[("value", "101")]).detail("limit", "100");
        let json = error.json("op_1");
        assert_eq!(json["error_code"], "ERR_NGROK_233");
        assert_eq!(json["status_code"], 400);
        assert_eq!(
            json["msg"],
            "The limit 101 is out of range. Give a limit from 1 to 100."
        );
        assert_eq!(json["details"], json!({"operation_id": "op_1", "limit": "100"}));
    }

    #[test]
    fn a_long_value_is_not_repeated_whole() {
        let error = ApiError::new(ErrorCode::ADIT_2003, &[("path", &"ü".repeat(200))]);
        assert!(error.text.len() < 128, "{}", error.text);
    }
}
