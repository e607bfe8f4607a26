//! What a guardrail says beside its policy: which endpoints it is about, and what it requires of the policies below it
//! (traffic policy 6.1).

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::Value;

use crate::compile::Policy;
use crate::document::Phase;
use crate::exchange::Exchange;
use crate::expr::Program;
use crate::state::State;
use crate::view::{Connection, Endpoint, NoTables, View};

/// Which endpoints a guardrail is about, as an expression over `endpoint` and `conn`.
#[derive(Debug, Clone)]
pub struct Selector {
    program: Program,
}

impl Selector {
    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn compile(text: &str) -> Result<Self, String> {
        match Program::compile(text, Phase::TcpConnect, &[]) {
            Ok((program, _)) => Ok(Self { program }),
            Err(problems) => Err(problems.first().map_or_else(
                || "it cannot be read".to_owned(),
                |problem| format!("{}; {}", problem.message, problem.fix),
            )),
        }
    }

    /// Is it about this endpoint and connection? An expression that fails is taken to be true: nobody comes past a
    /// guardrail by that.
    #[must_use]
    pub fn covers(&self, view: &View<'_>) -> bool {
        Exchange::new().scoped(view, &[], |scope| self.program.is_true(scope)) != Ok(false)
    }

    /// The same where there is no connection yet: what it says of one is seen as of a connection of which nothing is known.
    #[must_use]
    pub fn covers_endpoint(&self, endpoint: &Endpoint, now: i64) -> bool {
        let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        self.covers(&View {
            now,
            seed: 0,
            connection: &Connection::new(nobody, nobody),
            endpoint,
            request: None,
            response: None,
            tables: &NoTables,
            state: &State::default(),
        })
    }
}

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
    /// The requirements of a stored guardrail, whose field `require` this is. `None` if some of it cannot be read.
    #[must_use]
    pub fn read_all(require: Option<&Value>) -> Option<Vec<Self>> {
        match require {
            None => Some(Vec::new()),
            Some(list) => list.as_array()?.iter().map(Self::read).collect(),
        }
    }

    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| {
            let text = value.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        if let Some(action) = text("has_action") {
            return Some(Self::HasAction(action));
        }
        if let Some(version) = text("min_tls") {
            return Some(Self::MinTls(version));
        }
        if let Some(most) = value.get("max_rules").and_then(Value::as_u64) {
            return usize::try_from(most).ok().map(Self::MaxRules);
        }
        let list = value.get("no_action")?.as_array()?;
        let actions: Option<Vec<String>> = list.iter().map(|name| name.as_str().map(str::to_owned)).collect();
        actions.filter(|actions| !actions.is_empty()).map(Self::NoAction)
    }

    /// Does an endpoint meet it, with or without a policy of its own?
    #[must_use]
    pub fn is_met_by(&self, policy: Option<&Policy>) -> bool {
        match policy {
            Some(policy) => self.is_met(policy),
            None => matches!(self, Self::NoAction(_) | Self::MaxRules(_)),
        }
    }

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
        assert!(!login.is_met_by(None) && !tls.is_met_by(None) && Requirement::MaxRules(0).is_met_by(None));
    }

    #[test]
    fn requirements_are_read_or_none_is() {
        let read = |text: &str| Requirement::read_all(Some(&serde_json::from_str(text).unwrap()));
        let all = r#"[{"has_action": "basic-auth", "no_action": [], "min_tls": "", "max_rules": null},
            {"has_action": "", "no_action": ["deny"]}, {"min_tls": "1.3"}, {"max_rules": 3}]"#;
        let wanted = vec![
            Requirement::HasAction("basic-auth".to_owned()),
            Requirement::NoAction(vec!["deny".to_owned()]),
            Requirement::MinTls("1.3".to_owned()),
            Requirement::MaxRules(3),
        ];
        assert_eq!(read(all), Some(wanted));
        assert_eq!(Requirement::read_all(None), Some(Vec::new()));
        for broken in [
            "{}",
            "[{}]",
            "[7]",
            r#"[{"max_rules": 1}, {"no_action": []}]"#,
            r#"[{"max_rules": -1}]"#,
        ] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[test]
    fn who_cannot_be_judged_is_covered() {
        let endpoint = |host: &str| Endpoint {
            scheme: Scheme::Https,
            host: host.to_owned(),
            port: 443,
            url: format!("https://{host}"),
            id: String::new(),
            name: String::new(),
            metadata: String::new(),
            kind: "",
            agent_id: String::new(),
            organization_id: "ac_1".to_owned(),
            organization_name: String::new(),
        };
        let covers = |text: &str, host: &str| Selector::compile(text).unwrap().covers_endpoint(&endpoint(host), 0);
        assert!(covers("endpoint.host.endsWith('.example.com')", "a.example.com"));
        assert!(!covers("endpoint.host.endsWith('.example.com')", "a.example.net"));
        assert!(
            covers("int(endpoint.host) == 1", "a"),
            "an expression that fails covers everybody"
        );
        assert!(covers("endpoint.host", "a"), "so does one that says neither yes nor no");
        let wrong = Selector::compile("req.method == 'GET'").unwrap_err();
        assert!(wrong.contains("req"), "{wrong}");
        assert!(Selector::compile("endpoint.hots == ''").is_err() && Selector::compile("(").is_err());
    }
}
