//! Fields: what of an object can be set, and within which bounds. Documents, command-line flags and tests are made
//! from the same descriptors.

use adit_names::code::ErrorCode;
use adit_names::id::Prefix;

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
    /// The refusal for a value that is too long or of the wrong form; `ERR_NGROK_215` or `ERR_ADIT_2013` if none.
    pub error: Option<ErrorCode>,
    /// One sentence for documents and `--help`.
    pub about: &'static str,
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
