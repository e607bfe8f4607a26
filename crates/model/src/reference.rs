//! References between objects, checked by the store's gate (control plane 1.7).

use adit_names::code::ErrorCode;
use adit_names::id::Id;

/// An object's reference to another of its organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The field that holds it, as it is called in the body: text, or a list of texts.
    pub field: &'static str,
    /// The other object.
    pub to: Id,
    /// What the deletion of the other object does.
    pub on_delete: OnDelete,
    /// The refusal if there is no such object in this organisation.
    pub missing: ErrorCode,
}

/// What the deletion of an object does to those that refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// It is refused with this code.
    Restrict(ErrorCode),
    /// The field becomes null, the list loses the id; one more change per object.
    Detach,
    /// They are deleted along.
    Cascade,
}
