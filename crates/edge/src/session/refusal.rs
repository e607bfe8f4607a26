//! A refusal to an agent: a code and a sentence with the value concerned.

use std::fmt;

use adit_names::code::{ErrorCode, agent_error_text};
use adit_names::id::Id;

/// Why an agent did not get what it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: ErrorCode,
    text: String,
    restriction: Option<(Box<str>, Id)>,
}

impl Refusal {
    /// The text of the code's row with these values.
    pub fn new(code: ErrorCode, values: &[(&str, &str)]) -> Self {
        Self {
            code,
            text: code.message(values),
            restriction: None,
        }
    }

    /// With a text of its own.
    pub fn with_text(code: ErrorCode, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
            restriction: None,
        }
    }

    /// The restriction of addresses that refused, and whose it is.
    #[must_use]
    pub(crate) fn by(mut self, organization: &str, restriction: Id) -> Self {
        self.restriction = Some((organization.into(), restriction));
        self
    }

    /// The organisation and its restriction of addresses that refused, if one did.
    pub(crate) fn restriction(&self) -> Option<(&str, Id)> {
        self.restriction
            .as_ref()
            .map(|(organization, id)| (&**organization, *id))
    }

    /// A part of the product that does not exist yet: refused instead of taken and not enforced.
    pub fn unavailable(code: ErrorCode, what: &str) -> Self {
        Self::with_text(code, format!("{what} not available in this version of the server."))
    }

    /// Its code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// Its sentence, without the code.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As it stands in the field `Error` of an answer (agent protocol 3.1).
    pub fn to_error(&self) -> String {
        agent_error_text(self.code, &self.text)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.code)
    }
}

impl std::error::Error for Refusal {}
