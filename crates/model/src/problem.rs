//! What is wrong with a body.

use adit_names::code::ErrorCode;

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

/// All that is wrong with a body, in the order of its fields; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);
