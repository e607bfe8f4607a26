//! Reserved names and addresses: whose they are (edge 3.2).

use adit_names::id::Id;

/// What is reserved of a name `example.com`: the name itself, `*.example.com`, or both. Both, and everything below,
/// belong to one organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReservedName {
    pub(crate) organization: Box<str>,
    pub(crate) exact: Option<Id>,
    pub(crate) wildcard: Option<Id>,
}

/// A reserved TCP port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReservedPort {
    pub(crate) organization: Box<str>,
    pub(crate) id: Id,
}

/// What a look-up of a name found: the reservation of the name itself, or the nearest one above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation<'a> {
    /// Whose it is.
    pub organization: &'a str,
    /// The name without `*.` that is reserved.
    pub name: &'a str,
    /// Exactly what was asked for is reserved, not only something above it or beside it.
    pub exact: bool,
}
