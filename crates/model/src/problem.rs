//! What is wrong with a body.

use adit_names::code::ErrorCode;

/// Most problems that are reported at once.
pub const MAX_PROBLEMS: usize = 64;
/// Most bytes of a value from outside that a problem repeats.
pub const MAX_SHOWN: usize = 64;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its number.
    pub code: ErrorCode,
    /// Path of the field, as `binding.csr` or `acl[2]`; empty where no field is to blame.
    pub field: String,
    /// Values for the placeholders of the code's text.
    pub values: Vec<(&'static str, String)>,
    /// Further details for the answer: `suggestion`, `limit`, `supported`, `hint`, `line`, …
    pub details: Vec<(&'static str, String)>,
}

impl Problem {
    /// Something is wrong with this field (its path).
    #[must_use]
    pub fn new(code: ErrorCode, field: impl Into<String>) -> Self {
        let field = field.into();
        Self {
            code,
            values: vec![("field", field.clone())],
            details: Vec::new(),
            field,
        }
    }

    /// A wrong type or value without a number of its own (`ERR_NGROK_215`): `error` says what is allowed.
    #[must_use]
    pub fn wrong(field: impl Into<String>, error: impl Into<String>) -> Self {
        Self::new(ErrorCode::NGROK_215, field).value("error", error)
    }

    /// With a value for a placeholder.
    #[must_use]
    pub fn value(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.push((name, value.into()));
        self
    }

    /// With a value from outside, cut to [`MAX_SHOWN`] bytes.
    #[must_use]
    pub fn shown(self, name: &'static str, value: &str) -> Self {
        self.value(name, shown(value))
    }

    /// With a further detail.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// The sentence that says what happened.
    #[must_use]
    pub fn message(&self) -> String {
        let values: Vec<_> = self
            .values
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.code.message(&values)
    }

    /// The field in the body's first level that is to blame.
    pub(crate) fn root(&self) -> &str {
        self.field.split(['.', '[']).next().unwrap_or_default()
    }
}

/// All that is wrong with a body, in the order of its fields; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

/// At most [`MAX_SHOWN`] bytes of a text from outside.
pub(crate) fn shown(text: &str) -> String {
    if text.len() <= MAX_SHOWN {
        return text.to_owned();
    }
    let cut = (0..=MAX_SHOWN - 3)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    format!("{}…", text.get(..cut).unwrap_or_default())
}
