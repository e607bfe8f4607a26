//! The list of all kinds.

use crate::kind::Kind;

/// All kinds.
pub static KINDS: &[&Kind] = &[];

/// The kind with this name.
pub fn by_name(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}
