//! The fields that a filter may name.

/// A field of a kind, by its path in answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterField {
    /// Its path below `obj`: `description`, `principal.id`.
    pub path: String,
    /// What it holds.
    pub form: FieldForm,
    /// Other names of the same field (`binding` of `bindings`).
    pub aliases: &'static [&'static str],
    /// Other spellings of values (`ephemeral` of `agent`): (what is asked, what the object has).
    pub spellings: &'static [(&'static str, &'static str)],
}

impl FilterField {
    /// A field without other names.
    pub fn new(path: impl Into<String>, form: FieldForm) -> Self {
        Self {
            path: path.into(),
            form,
            aliases: &[],
            spellings: &[],
        }
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldForm {
    /// Text.
    Text,
    /// An id: text without substring functions.
    Id,
    /// True or false.
    Flag,
    /// A number.
    Number,
    /// RFC 3339.
    Time,
    /// `{"id","uri"}` or null; stands for its id.
    Reference,
    /// A list of texts.
    Texts,
    /// Text to text; one more segment names an entry.
    Map,
}

impl FieldForm {
    /// As an error says it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Id => "an id",
            Self::Flag => "true or false",
            Self::Number => "a number",
            Self::Time => "a time",
            Self::Reference => "a reference",
            Self::Texts => "a list",
            Self::Map => "a map",
        }
    }
}
