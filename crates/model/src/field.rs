//! Fields: what of an object can be set, and within which bounds. Documents, command-line flags and tests are made
//! from the same descriptors.

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use serde_json::{Map, Value};

use crate::secret::SecretForm;

/// One field of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// Type and bounds.
    pub form: Form,
    /// When it may be given.
    pub writable: Writable,
    /// It must be given when the object is made.
    pub required: bool,
    /// JSON text of its value where nothing is given; `""`, `false`, `[]`, `{}` or `null`, by its form, if empty.
    pub default: &'static str,
    /// Answers may have null here (control plane 1.4).
    pub nullable: bool,
    /// Kept apart and never shown again.
    pub secret: Option<SecretForm>,
    /// Not in answers (`certificate_id`, `vault_id`): only a reference made from it is.
    pub hidden: bool,
    /// Adit's addition: only read and written below `/adit/`.
    pub addition: bool,
    /// Only read so that old clients work or get a useful answer: in no document, no answer, never stored.
    pub legacy: bool,
    /// The refusal for a value that is too long or of the wrong form; `ERR_NGROK_215` or `ERR_ADIT_2013` if none. A
    /// wrong JSON type is always `ERR_NGROK_215`.
    pub error: Option<ErrorCode>,
    /// The refusal where the field is required, but missing or empty; `ERR_NGROK_215` if none.
    pub missing: Option<ErrorCode>,
    /// One sentence for documents and `--help`.
    pub about: &'static str,
}

impl Field {
    const fn new(name: &'static str, form: Form, writable: Writable, about: &'static str) -> Self {
        Self {
            name,
            form,
            writable,
            required: false,
            default: "",
            nullable: false,
            secret: None,
            hidden: false,
            addition: false,
            legacy: false,
            error: None,
            missing: None,
            about,
        }
    }

    /// A field that can be given at any time.
    pub const fn set(name: &'static str, form: Form, about: &'static str) -> Self {
        Self::new(name, form, Writable::Always, about)
    }

    /// A field that can be given when the object is made.
    pub(crate) const fn once(name: &'static str, form: Form, about: &'static str) -> Self {
        Self::new(name, form, Writable::Create, about)
    }

    /// A field that the server sets.
    pub const fn shown(name: &'static str, form: Form, about: &'static str) -> Self {
        Self::new(name, form, Writable::Never, about)
    }

    /// `description`, at most 255 bytes in one line.
    pub(crate) const fn description(error: Option<ErrorCode>) -> Self {
        let mut field = Self::set("description", Form::Text(255), "What it is for, in words.");
        field.error = error;
        field
    }

    /// `metadata`, at most 4096 bytes that nobody interprets.
    pub(crate) const fn metadata(error: Option<ErrorCode>) -> Self {
        let mut field = Self::set(
            "metadata",
            Form::Text(4096),
            "Data of your own, at most 4096 bytes; kept as it is.",
        );
        field.error = error;
        field
    }

    pub(crate) const fn required(mut self, missing: Option<ErrorCode>) -> Self {
        self.required = true;
        self.missing = missing;
        self
    }

    pub(crate) const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    /// Null is what it is where nothing was given.
    pub const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    pub(crate) const fn secret(mut self, form: SecretForm) -> Self {
        self.secret = Some(form);
        self
    }

    pub(crate) const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    pub(crate) const fn addition(mut self) -> Self {
        self.addition = true;
        self
    }

    pub(crate) const fn legacy(mut self) -> Self {
        self.legacy = true;
        self.hidden = true;
        self
    }

    pub(crate) const fn error(mut self, error: ErrorCode) -> Self {
        self.error = Some(error);
        self
    }

    /// Its value where nothing is given.
    #[must_use]
    pub fn default_value(&self) -> Value {
        if let Ok(value) = serde_json::from_str(self.default) {
            return value;
        }
        if self.nullable {
            return Value::Null;
        }
        match self.form {
            Form::Text(_) | Form::Choice(_) | Form::Id(_) | Form::Timestamp => Value::from(""),
            Form::Flag => Value::Bool(false),
            Form::Integer(least, most) => Value::from(0.clamp(least, most)),
            Form::Ids(..) | Form::Texts(..) | Form::Objects(..) => Value::Array(Vec::new()),
            Form::Map(_) => Value::Object(Map::new()),
            // All fields of an object that is always there are.
            Form::Object(fields) => fields
                .iter()
                .filter(|field| !field.hidden)
                .map(|field| (field.name.to_owned(), field.default_value()))
                .collect(),
            Form::Any => Value::Null,
        }
    }
}

/// When a field may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writable {
    /// Never: the server sets it.
    Never,
    /// When the object is made.
    Create,
    /// When the object is made and later.
    Always,
}

/// Type and bounds of a field.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Text of at most this many bytes.
    Text(usize),
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// True or false.
    Flag,
    /// A whole number between these.
    Integer(i64, i64),
    /// An id with one of these prefixes.
    Id(&'static [Prefix]),
    /// At most this many ids.
    Ids(&'static [Prefix], usize),
    /// At most this many texts, each of at most so many bytes.
    Texts(usize, usize),
    /// Text to text, at most this many entries.
    Map(usize),
    /// RFC 3339.
    Timestamp,
    /// An object with these fields.
    Object(&'static [Field]),
    /// At most this many objects with these fields.
    Objects(&'static [Field], usize),
    /// Anything: read-only values that the server makes.
    Any,
}
