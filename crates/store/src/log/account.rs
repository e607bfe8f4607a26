//! The installation itself as an organisation: it has chains of its own under the name `ac_system` (control plane 5.2).

use adit_names::id::{Id, Prefix};

/// The installation itself.
pub const SYSTEM: Id = Id::from_bytes(Prefix::Account, [0; 20]);
const NAME: &str = "ac_system";

/// How an organisation is written in tables and in the log.
#[must_use]
pub fn text(organization: Id) -> String {
    if organization == SYSTEM {
        NAME.to_owned()
    } else {
        organization.to_string()
    }
}

/// Reads what [`text`] writes.
#[must_use]
pub fn parse(text: &str) -> Option<Id> {
    if text == NAME { Some(SYSTEM) } else { text.parse().ok() }
}
