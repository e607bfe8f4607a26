//! What a guardrail requires of the policies below it (traffic policy 6.1).

use std::fmt;

use crate::compile::Policy;

/// An assertion about an endpoint's own policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// There is an action of this type.
    HasAction(String),
    /// There is none of these types.
    NoAction(Vec<String>),
    /// Every `terminate-tls` asks for at least this version (`1.3`), and there is one.
    MinTls(String),
    /// So many rules at most.
    MaxRules(usize),
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HasAction(action) => write!(f, "an action {action} is missing"),
            Self::NoAction(actions) => write!(f, "none of the actions {} may be there", actions.join(", ")),
            Self::MinTls(version) => write!(f, "TLS {version} at least must be asked for by terminate-tls"),
            Self::MaxRules(most) => write!(f, "there may be {most} rules"),
        }
    }
}

impl Requirement {
    /// Does the policy meet it?
    #[must_use]
    pub fn is_met(&self, policy: &Policy) -> bool {
        let has = |action: &str| policy.actions().contains(&action);
        match self {
            Self::HasAction(action) => has(action),
            Self::NoAction(actions) => !actions.iter().any(|action| has(action)),
            Self::MinTls(version) => {
                let mut versions = policy.tls_min_versions().peekable();
                versions.peek().is_some() && versions.all(|least| least >= version.as_str())
            }
            Self::MaxRules(most) => policy.rule_count() <= *most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Subject, compile};
    use adit_names::endpoint_url::Scheme;

    #[test]
    fn requirements_look_at_what_acts() {
        let policy = |text: &str| compile(text, Subject::agent(Scheme::Https)).unwrap();
        let login = Requirement::HasAction("basic-auth".to_owned());
        let auth = "{type: basic-auth, config: {credentials: ['u:password1']}}";
        assert!(login.is_met(&policy(&format!("on_http_request: [{{actions: [{auth}]}}]"))));
        let dry = format!("on_http_request: [{{dry_run: true, actions: [{auth}]}}]");
        assert!(!login.is_met(&policy(&dry)), "a dry run keeps nobody out");
        assert!(!login.is_met(&policy("{}")));
        let tls = Requirement::MinTls("1.3".to_owned());
        let with = |version: &str| {
            policy(&format!(
                "on_tcp_connect: [{{actions: [{{type: terminate-tls, config: {{min_version: '{version}'}}}}]}}]"
            ))
        };
        assert!(tls.is_met(&with("1.3")) && !tls.is_met(&with("1.2")) && !tls.is_met(&policy("{}")));
        assert!(Requirement::NoAction(vec!["deny".to_owned()]).is_met(&policy("{}")));
        assert!(!Requirement::MaxRules(0).is_met(&with("1.2")));
    }
}
