//! The cases of the file as they are run here: names of their own, and what cannot be made is said.

use adit_policy::case::{self, Options, Outcome};
use serde_json::{Map, Value, json};

use super::compare;

const FILE: &str = include_str!("../../../../policy/tests/traffic-policy-cases.yaml");
/// When nothing else is said.
const NOW: &str = "2026-01-15T12:00:00Z";
/// Addresses of visitors from which only their place is known: the network 198.18.0.0/24.
const PLACES: &str = "198.18.0.";

/// One request or connection.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// Microseconds since the Unix epoch.
    pub(super) at: i64,
    /// When the connection is made, if it is earlier.
    pub(super) connected_at: Option<i64>,
    pub(super) request: Value,
    pub(super) conn: Value,
    pub(super) upstream: Value,
    pub(super) expect: Value,
}

/// One case.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) id: String,
    /// Its host.
    pub(super) host: String,
    /// Others have the same: what is signed names it.
    pub(super) shares_host: bool,
    /// All of it, with its own names.
    pub(super) whole: Value,
    pub(super) turns: Vec<Turn>,
}

/// What kind of case it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of an expression or template.
    Word,
    /// What is wrong with a document, or that nothing is.
    Check,
    /// A policy at work.
    Work,
}

impl Case {
    pub(super) fn kind(&self) -> Kind {
        let expect = &self.whole["expect"];
        if self.whole.get("policy").is_none() {
            Kind::Word
        } else if expect.get("errors").is_some() || expect.get("valid").is_some() {
            Kind::Check
        } else {
            Kind::Work
        }
    }

    pub(super) fn policy(&self) -> &str {
        self.whole["policy"].as_str().unwrap()
    }

    /// Scheme of its endpoint.
    pub(super) fn scheme(&self) -> &str {
        let url = self.whole["endpoint"]["url"].as_str().unwrap_or("https://");
        url.split_once("://").unwrap().0
    }

    /// Whether only a server with the firewall can do what it says.
    pub(super) fn needs_firewall(&self) -> bool {
        self.whole.get("requires").is_some()
    }

    /// Policies of guardrails, the outermost first.
    pub(super) fn guardrails(&self) -> impl Iterator<Item = &str> {
        let all = self.whole["guardrails"].as_array();
        all.into_iter().flatten().filter_map(Value::as_str)
    }

    /// Why it is not run here.
    pub(super) fn why_not(&self) -> Option<&'static str> {
        let text = self.whole.to_string();
        let has = |key: &str| self.whole.get(key).is_some();
        let policy = self.whole["policy"].as_str().unwrap_or_default();
        let expects = |key: &str| self.turns.iter().any(|turn| turn.expect.get(key).is_some());
        let is_named = |name: &&str| policy.contains(&format!("type: {name}\n"));
        if has("identity") || ["oauth", "openid-connect", "oidc", "saml"].iter().any(&is_named) {
            return Some("nobody can sign in yet");
        }
        if is_named(&"maintenance") {
            return Some("the edge has no page for maintenance yet");
        }
        let is_elsewhere = |turn: &Turn| {
            let url = turn.request["url"].as_str();
            url.is_some_and(|url| compare::split(url).0.split(':').next() != Some(&*self.host))
        };
        if self.kind() == Kind::Work && self.turns.iter().any(is_elsewhere) {
            return Some("it asks for other names than that of its endpoint");
        }
        if text.contains("client_cert") {
            return Some("certificates of visitors have a test of their own");
        }
        if text.contains("negotiated_alpn") {
            return Some("it is asked over HTTP/2");
        }
        if expects("vars") || expects("results") {
            return Some("it looks at what only the engine sees");
        }
        None
    }
}

/// Microseconds since the Unix epoch.
pub(super) fn micros(text: &str) -> i64 {
    let time: jiff::Timestamp = text.parse().unwrap();
    time.as_microsecond()
}

/// What is laid over the parts of a case for a step.
fn over(base: &Value, step: &Value) -> Value {
    match (base, step) {
        (base, Value::Null) => base.clone(),
        (Value::Object(base), Value::Object(step)) => {
            let mut out = base.clone();
            out.extend(step.clone());
            Value::Object(out)
        }
        (_, step) => step.clone(),
    }
}

/// The names of a case become its own.
fn renamed(case: &Value, number: usize) -> Value {
    let mut text = case.to_string();
    // Key sets of other people are kept within the organisation.
    for outbound in case["outbound"].as_array().into_iter().flatten() {
        let url = outbound["url"].as_str().unwrap();
        if let Some(path) = url.strip_prefix("https://id.example.com/") {
            text = text.replace(&format!("{url}\\n"), &format!("https://keys.internal/{path}\\n"));
            text = text.replace(&format!("\"{url}\""), &format!("\"https://keys.internal/{path}\""));
        }
    }
    let text = text
        .replace(".internal", &format!("-c{number}.internal"))
        .replace("app.example.com", &format!("c{number}.example.com"));
    serde_json::from_str(&text).unwrap()
}

/// All cases of the file.
pub(super) fn all() -> Vec<Case> {
    let file: Value = serde_saphyr::from_str(FILE).unwrap();
    let cases = file["cases"].as_array().unwrap().iter().enumerate();
    let read = |(number, case): (usize, &Value)| {
        let own = renamed(case, number);
        let has_kept_sense = passes(&own) || !passes(case);
        if has_kept_sense {
            read(number, &own, format!("c{number}.example.com"), false)
        } else {
            read(number, case, "app.example.com".to_owned(), true)
        }
    };
    cases.map(read).collect()
}

/// Whether the engine alone does what a case expects.
fn passes(case: &Value) -> bool {
    let file = json!({"version": 1, "cases": [case]}).to_string();
    let ran = case::run(&file, Options::default(), |_| true, |_| Err(String::new())).unwrap();
    ran.iter().all(|case| case.outcome == Outcome::Passed)
}

fn read(number: usize, whole: &Value, host: String, shares_host: bool) -> Case {
    let now = micros(whole["now"].as_str().unwrap_or(NOW));
    let once = json!({"at": 0, "expect": whole["expect"]});
    let steps = whole["steps"]
        .as_array()
        .map_or_else(|| std::slice::from_ref(&once), Vec::as_slice);
    let turns = steps.iter().map(|step| {
        let mut conn = over(&whole["conn"], &step["conn"]);
        if conn.is_null() {
            conn = Value::Object(Map::new());
        }
        // Who comes from a place needs an address that is there.
        if conn.get("geo").is_some() && conn.get("client_ip").is_none() {
            conn["client_ip"] = format!("{PLACES}{}", number % 256).into();
        }
        #[allow(clippy::cast_possible_truncation, reason = "seconds of a test")]
        let at = now + (step["at"].as_f64().unwrap() * 1e6) as i64;
        Turn {
            at,
            connected_at: conn["start"].as_str().map(micros),
            request: over(&whole["request"], &step["request"]),
            upstream: over(&whole["upstream"], &step["upstream"]),
            conn,
            expect: step["expect"].clone(),
        }
    });
    Case {
        id: whole["id"].as_str().unwrap().to_owned(),
        host,
        shares_host,
        turns: turns.collect(),
        whole: whole.clone(),
    }
}
