//! What a filter says, checked: every field exists, and types can meet.

use super::field::FieldForm;

/// Something that holds or not.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// One of them holds.
    Any(Vec<Self>),
    /// All of them hold.
    All(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// A comparison.
    Compare(Operand, Comparison, Operand),
    /// One of these values.
    OneOf(Operand, Vec<Operand>),
    /// A member of a list, or a key of a map.
    Member(Operand, Operand),
    /// A function on two texts.
    Text(TextFunction, Operand, Operand),
    /// A value that is true.
    True(Operand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

impl Comparison {
    /// The same with its sides exchanged.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Equal => Self::Equal,
            Self::NotEqual => Self::NotEqual,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Greater => Self::Less,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextFunction {
    StartsWith,
    Contains,
    EndsWith,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    /// Microseconds since 1970.
    Time(i64),
    /// So many microseconds after now.
    Now(i64),
    /// Its path below the object.
    Field(Field),
    /// Characters of a text, members of a list.
    Size(Field),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) path: Vec<String>,
    pub(super) form: FieldForm,
    pub(super) spellings: &'static [(&'static str, &'static str)],
}

impl Field {
    pub(super) fn name(&self) -> String {
        self.path.join(".")
    }
}
