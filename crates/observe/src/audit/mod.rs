//! Names of the events that changes of objects make (control plane 4.2, 4.3). `model` knows kinds, not events.

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It is no more.
    Deleted,
}

impl Verb {
    /// As it stands in the name of an event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// Kinds whose events have another name, because ngrok documents them so or to tell them from live ones.
const RENAMED: &[(&str, &str)] = &[
    ("credential", "tunnel_credential"),
    ("endpoint", "cloud_endpoint"),
    ("reserved_addr", "tcp_address"),
    ("reserved_domain", "domain"),
    ("ssh_credential", "ssh_public_key"),
];

/// Type of the event of a change: kind `reserved_domain` and [`Verb::Created`] give `domain_created.v0`.
#[must_use]
pub fn event_type(kind: &str, verb: Verb) -> String {
    let name = RENAMED
        .iter()
        .find(|(renamed, _)| *renamed == kind)
        .map_or(kind, |(_, name)| name);
    format!("{name}_{}.v0", verb.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ngrok_and_of_adit() {
        for (kind, verb, wanted) in [
            ("reserved_domain", Verb::Created, "domain_created.v0"),
            ("reserved_addr", Verb::Deleted, "tcp_address_deleted.v0"),
            ("credential", Verb::Updated, "tunnel_credential_updated.v0"),
            ("ip_policy_rule", Verb::Updated, "ip_policy_rule_updated.v0"),
            ("endpoint", Verb::Created, "cloud_endpoint_created.v0"),
            ("organization", Verb::Updated, "organization_updated.v0"),
        ] {
            assert_eq!(event_type(kind, verb), wanted);
        }
    }
}
