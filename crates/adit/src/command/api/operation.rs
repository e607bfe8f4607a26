//! What the table of operations says about each.

/// A kind of thing, or a group of operations: `adit api RESOURCE`.
#[derive(Debug)]
pub(crate) struct Resource {
    /// `ip-policies`.
    pub(crate) name: &'static str,
    /// Other names of it.
    pub(crate) aliases: &'static [&'static str],
    /// Under which heading the help shows it.
    pub(crate) group: &'static str,
    pub(crate) operations: &'static [Operation],
}

/// One call: `adit api RESOURCE VERB`.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) verb: &'static str,
    pub(crate) about: &'static str,
    pub(crate) method: &'static str,
    /// With `{name}` for each parameter.
    pub(crate) path: &'static str,
    /// The parameter of the path that stands without a flag.
    pub(crate) positional: &'static str,
    /// Those that are flags.
    pub(crate) flags: &'static [&'static str],
    /// The path below `/adit` that takes the same and Adit's additions; may be empty.
    pub(crate) superset: &'static str,
    pub(crate) query: &'static [Field],
    pub(crate) body: &'static [Field],
    /// Where the objects stand in the answer of a list, `*` if that is not described; empty if it is no list.
    pub(crate) list: &'static str,
}

/// A field of a body, or a parameter of a query.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its path: `certificate_management_policy.authority`.
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    pub(crate) required: bool,
    /// Only below `/adit`.
    pub(crate) addition: bool,
    /// All its values, if it has few.
    pub(crate) choices: &'static [&'static str],
    pub(crate) about: &'static str,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "which of them occur is the document's business")]
pub(crate) enum Form {
    Text,
    Flag,
    Integer,
    Number,
    /// A list of texts.
    Texts,
    /// A list of numbers.
    Integers,
    /// Text to text.
    Map,
    /// A list of objects.
    Objects,
    /// Anything else, as JSON.
    Json,
}
