//! What an explanation says, in the one form in which commands and the API tell it, without secrets.

use serde_json::{Map, Value as Json, json};

use crate::effect::{Answer, Fault, Fetch, Inspection};
use crate::expr::scope::decode;
use crate::redact::Redaction;
use crate::value::Value;

/// Elements that a phase may use, all layers together (traffic policy 7.1).
const ELEMENTS: u32 = 10_000;
/// Bytes of the body of an answer that are told.
const ANSWER: usize = 2048;

/// What policies do with one request or connection (traffic policy 6.2).
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    /// The policies that it came to, in the order of the way in.
    pub layers: Vec<ToldLayer>,
    /// Every rule of them.
    pub rules: Vec<ToldRule>,
    /// What the service got. `None`: it was not reached.
    pub forwarded: Option<Forwarded>,
    /// The internal endpoint that it was forwarded to last.
    pub forwarded_to: Option<String>,
    /// The answer.
    pub response: Option<Answered>,
    /// The connection was closed, or its handshake failed.
    pub closed: bool,
    /// Variables of the request phase.
    pub vars: Vec<(String, Json)>,
    /// What was logged.
    pub logs: Vec<Json>,
    /// Expressions and templates that failed: path, message.
    pub errors: Vec<(String, String)>,
    /// Elements that each phase used, of 10,000.
    pub cost: Vec<(&'static str, u32)>,
    /// What was taken to be so because it is not known here.
    pub notes: Vec<String>,
}

/// A request as a service gets it.
#[derive(Debug, Clone, Default)]
pub struct Forwarded {
    /// Method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Host.
    pub host: String,
    /// The other fields.
    pub fields: Vec<(String, String)>,
    /// The begin of the body.
    pub body: String,
    /// It is no request: the connection itself is passed on.
    pub connection: bool,
}

/// What a visitor gets.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    /// Status.
    pub status: u16,
    /// Fields.
    pub fields: Vec<(String, String)>,
    /// The begin of the body.
    pub body: String,
}

/// A policy.
#[derive(Debug, Clone, Default)]
pub struct ToldLayer {
    /// URL of the endpoint.
    pub endpoint: String,
    /// Its id.
    pub endpoint_id: String,
    /// The guardrail that it is of; `None`: it is the endpoint's own.
    pub guardrail: Option<String>,
    /// The guardrail's name.
    pub name: String,
    /// It only tells what it would do.
    pub dry_run: bool,
    /// It cannot be run.
    pub broken: bool,
}

/// What a rule did.
#[derive(Debug, Clone, Default)]
pub struct ToldRule {
    /// Its policy, by the place in [`Explanation::layers`].
    pub layer: usize,
    /// Where it stands.
    pub path: String,
    /// Its `id`.
    pub id: Option<String>,
    /// Its `name`.
    pub name: String,
    /// `matched`, `not_matched`, `skipped`, `error`
    pub outcome: &'static str,
    /// Why it was skipped.
    pub why: &'static str,
    /// Place and text of the first expression that was not true.
    pub expression: Option<(usize, String)>,
    /// What that expression reads, and which of its parts are true.
    pub values: Vec<(String, Json)>,
    /// What failed.
    pub message: String,
    /// What it would do, if it only tells that.
    pub would: Option<&'static str>,
    /// Its actions, if it matched.
    pub actions: Vec<ToldAction>,
}

impl ToldRule {
    pub(super) fn new(layer: usize, path: &str, outcome: &'static str) -> Self {
        Self {
            layer,
            path: path.to_owned(),
            outcome,
            ..Self::default()
        }
    }
}

/// What an action did.
#[derive(Debug, Clone)]
pub struct ToldAction {
    /// Where it stands.
    pub path: String,
    /// Its type.
    pub name: &'static str,
    /// `next`, how it ended the chain, `error`, what it would do, or `skipped`
    pub outcome: &'static str,
    /// What failed.
    pub message: String,
    /// Fields with templates, evaluated.
    pub config: Vec<(String, Json)>,
    /// What it asked for.
    pub effects: Vec<ToldEffect>,
    /// Its results, by their names below `actions.`.
    pub results: Vec<(String, Json)>,
}

/// What an action asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldEffect {
    /// Of the action.
    pub path: String,
    /// `request`, `key_set`, `internal_endpoint`, `session`, `firewall`
    pub kind: &'static str,
    /// Was it done? Else it is said in `error` why not, or it was taken to have gone well.
    pub performed: bool,
    /// What was asked.
    pub asked: Json,
    /// What was answered.
    pub answer: Option<Json>,
    /// Code and text of a failure.
    pub error: Option<(&'static str, String)>,
}

fn begin(text: &[u8], most: usize) -> String {
    match text.get(..most) {
        Some(begin) => format!("{}…", String::from_utf8_lossy(begin)),
        None => String::from_utf8_lossy(text).into_owned(),
    }
}

/// Fields as a mapping of names to lists.
fn fields_json(fields: impl Iterator<Item = (String, String)>) -> Json {
    let mut out: Map<String, Json> = Map::new();
    for (name, value) in fields {
        let list = out.entry(name.to_ascii_lowercase()).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(value.into());
        }
    }
    Json::Object(out)
}

impl ToldEffect {
    fn new(kind: &'static str, performed: bool, asked: Json, fault: Option<&Fault>) -> Self {
        Self {
            path: String::new(),
            kind,
            performed,
            asked,
            answer: None,
            error: fault.map(|fault| (fault.code.as_str(), fault.message.clone())),
        }
    }

    /// With whole bodies, which are cut where they are told: a secret that is cut in two is not found any more.
    pub(super) fn request(fetch: &Fetch, performed: bool, answer: &Result<Answer, Fault>) -> Self {
        let asked = json!({
            "method": fetch.method, "url": fetch.url, "headers": fields_json(fetch.headers.iter().cloned()),
            "body": String::from_utf8_lossy(&fetch.body),
        });
        let mut out = Self::new("request", performed, asked, answer.as_ref().err());
        out.answer = answer.as_ref().ok().map(|answer| {
            json!({
                "status": answer.status,
                "headers": fields_json(answer.headers.iter().map(|(name, value)| (name.clone(), decode(value)))),
                "body": String::from_utf8_lossy(&answer.body),
                "resolved_ip": answer.resolved_ip.map(|ip| ip.to_string()),
                "time_ms": u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
            })
        });
        out
    }

    pub(super) fn keys(fetch: &Fetch, performed: bool, answer: &Result<Answer, Fault>) -> Self {
        let asked = json!({"method": fetch.method, "url": fetch.url});
        let mut out = Self::new("key_set", performed, asked, answer.as_ref().err());
        out.answer = answer.as_ref().ok().map(|answer| {
            json!({
                "status": answer.status, "bytes": answer.body.len(),
                "resolved_ip": answer.resolved_ip.map(|ip| ip.to_string()),
                "time_ms": u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
            })
        });
        out
    }

    /// `None`: nobody knows whether it is there, and it is taken to be.
    pub(super) fn opened(url: &str, found: Option<&Result<(), Fault>>) -> Self {
        let fault = found.and_then(|found| found.as_ref().err());
        Self::new("internal_endpoint", found.is_some(), json!({"url": url}), fault)
    }

    pub(super) fn session(action: &str, auth_id: &str, fault: &Fault) -> Self {
        Self::new(
            "session",
            false,
            json!({"action": action, "auth_id": auth_id}),
            Some(fault),
        )
    }

    pub(super) fn firewall(fault: &Fault) -> Self {
        Self::new("firewall", false, json!({}), Some(fault))
    }

    pub(super) fn inspected(inspected: &Result<Inspection, Fault>) -> Self {
        let mut out = Self::new("firewall", true, json!({}), inspected.as_ref().err());
        out.answer = inspected.as_ref().ok().map(|found| {
            let rules: Vec<u32> = found.matched.iter().map(|rule| rule.id).collect();
            json!({"score": found.score, "rules": rules})
        });
        out
    }

    /// Bytes of its bodies.
    pub(super) fn size(&self) -> usize {
        let of = |json: &Json| json.get("body").and_then(Json::as_str).map_or(0, str::len);
        of(&self.asked) + self.answer.as_ref().map_or(0, of)
    }

    /// Nothing is told of its bodies.
    pub(super) fn without_bodies(mut self) -> Self {
        for json in [Some(&mut self.asked), self.answer.as_mut()].into_iter().flatten() {
            if let Some(body) = json.get_mut("body") {
                *body = "…".into();
            }
        }
        self
    }

    fn to_json(&self) -> Json {
        json!({
            "kind": self.kind, "performed": self.performed, "asked": self.asked, "answer": self.answer,
            "error": self.error.as_ref().map(|(code, message)| json!({"code": code, "message": message})),
        })
    }
}

/// Tells things without secrets.
pub(super) struct Told<'a> {
    pub(super) redaction: &'a Redaction<'a>,
}

impl Told<'_> {
    pub(super) fn text(&self, text: &str) -> String {
        self.redaction.text(text)
    }

    pub(super) fn value(&self, value: &Value) -> Json {
        self.redaction.value(value)
    }

    pub(super) fn named(&self, name: &str, value: &Value) -> Json {
        self.redaction.named(name, value)
    }

    pub(super) fn fields(&self, fields: &[(String, Vec<u8>)]) -> Vec<(String, String)> {
        let tell = |(name, value): &(String, Vec<u8>)| (name.clone(), self.text(&decode(value)));
        fields.iter().map(tell).collect()
    }

    pub(super) fn body(&self, body: &[u8], most: usize) -> String {
        // A secret that is cut in two is not found any more.
        let whole = self.text(&String::from_utf8_lossy(body));
        begin(whole.as_bytes(), most)
    }

    pub(super) fn effect(&self, effect: &ToldEffect) -> ToldEffect {
        let tell = |whole: &Json| {
            let mut json = self.redaction.json(whole.clone());
            if let Some(Json::String(body)) = json.get_mut("body") {
                *body = begin(body.as_bytes(), ANSWER);
            }
            json
        };
        ToldEffect {
            asked: tell(&effect.asked),
            answer: effect.answer.as_ref().map(tell),
            error: effect.error.as_ref().map(|(code, text)| (*code, self.text(text))),
            ..effect.clone()
        }
    }
}

fn headers_json(fields: &[(String, String)]) -> Json {
    Json::Array(fields.iter().map(|(name, value)| json!([name, value])).collect())
}

fn object(fields: &[(String, Json)]) -> Json {
    Json::Object(fields.iter().cloned().collect())
}

impl ToldAction {
    fn to_json(&self) -> Json {
        json!({
            "path": self.path, "type": self.name, "outcome": self.outcome, "message": self.message,
            "config": object(&self.config), "results": object(&self.results),
            "effects": self.effects.iter().map(ToldEffect::to_json).collect::<Vec<_>>(),
        })
    }
}

impl ToldRule {
    fn to_json(&self) -> Json {
        json!({
            "layer": self.layer, "path": self.path, "id": self.id, "name": self.name, "outcome": self.outcome,
            "why": self.why, "message": self.message, "would": self.would,
            "expression": self.expression.as_ref().map(|(at, text)| json!({"index": at, "text": text})),
            "values": object(&self.values),
            "actions": self.actions.iter().map(ToldAction::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Explanation {
    /// As commands and the API show it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let layers = self.layers.iter().map(|layer| {
            json!({
                "endpoint": layer.endpoint, "endpoint_id": layer.endpoint_id, "guardrail": layer.guardrail,
                "name": layer.name, "dry_run": layer.dry_run, "broken": layer.broken,
            })
        });
        let cost: Map<String, Json> = self
            .cost
            .iter()
            .map(|(phase, used)| ((*phase).to_owned(), json!(used)))
            .collect();
        json!({
            "layers": layers.collect::<Vec<_>>(),
            "rules": self.rules.iter().map(ToldRule::to_json).collect::<Vec<_>>(),
            "forwarded": self.forwarded.as_ref().map(|request| {
                if request.connection {
                    return json!({"host": request.host});
                }
                json!({
                    "method": request.method, "url": request.target, "host": request.host,
                    "headers": headers_json(&request.fields), "body": request.body,
                })
            }),
            "forwarded_to": self.forwarded_to,
            "response": self.response.as_ref().map(|answer| {
                json!({"status": answer.status, "headers": headers_json(&answer.fields), "body": answer.body})
            }),
            "closed": self.closed,
            "vars": object(&self.vars),
            "logs": self.logs,
            "errors": self.errors.iter().map(|(path, message)| json!({"path": path, "message": message})).collect::<Vec<_>>(),
            "cost": {"elements": cost, "limit": ELEMENTS},
            "notes": self.notes,
        })
    }

    /// The same for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        super::text::explanation_text(&self.to_json())
    }
}
