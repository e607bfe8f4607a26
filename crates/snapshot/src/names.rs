//! The control names below the base domain: told apart from endpoints before anything else is looked up.

/// A name that Adit itself answers on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlName {
    /// `connect.<base>`: agents.
    Connect,
    /// `api.<base>`.
    Api,
    /// `dashboard.<base>`.
    Dashboard,
    /// `idp.<base>`.
    Idp,
}

impl ControlName {
    /// The control name that `host` (canonical, lower case) is below `base`, if any.
    pub fn of(host: &str, base: &str) -> Option<Self> {
        let label = host.strip_suffix(base)?.strip_suffix('.')?;
        match label {
            "connect" => Some(Self::Connect),
            "api" => Some(Self::Api),
            "dashboard" => Some(Self::Dashboard),
            "idp" => Some(Self::Idp),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_direct_labels_of_the_base_domain_are_control_names() {
        assert_eq!(
            ControlName::of("connect.adit.localhost", "adit.localhost"),
            Some(ControlName::Connect)
        );
        assert_eq!(
            ControlName::of("api.adit.localhost", "adit.localhost"),
            Some(ControlName::Api)
        );
        assert_eq!(ControlName::of("a.connect.adit.localhost", "adit.localhost"), None);
        assert_eq!(ControlName::of("connect.example.com", "adit.localhost"), None);
        assert_eq!(ControlName::of("connectadit.localhost", "adit.localhost"), None);
        assert_eq!(ControlName::of("adit.localhost", "adit.localhost"), None);
    }
}
