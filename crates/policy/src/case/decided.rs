//! What policies decide in the circumstances of cases, whatever those expect: for comparing two of them.

use serde_json::{Value as Json, json};

use super::drive::Outgoing;
use super::world::World;
use super::{KEYS, Options, known, policy};
use crate::document::{Node, parse};
use crate::expr::scope::decode;

/// What each of two policies decides in the exchanges of a case.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The case.
    pub id: String,
    /// What it is about.
    pub doc: String,
    /// For each exchange what the first decides, and the second; `{"refused": …}` if it cannot be the policy of such an
    /// endpoint, `{"lacks": …}` if something is needed that is not there.
    pub exchanges: Vec<(Json, Json)>,
}

impl Decided {
    /// Is it the same everywhere?
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.exchanges.iter().all(|(first, second)| first == second)
    }
}

/// Runs two policies in the circumstances of each case of a file that has a policy and a request.
///
/// # Errors
/// What is wrong with the file.
pub fn decide(cases: &str, policies: [&str; 2], options: Options<'_>) -> Result<Vec<Decided>, String> {
    let root = parse(cases)
        .map_err(|error| format!("line {}: {}", error.at.line, error.message))?
        .ok_or("the file is empty")?;
    let cases = root.get("cases").and_then(Node::list).ok_or("cases must be a list")?;
    let mut out = Vec::new();
    for case in cases {
        let id = case.get("id").and_then(Node::text).unwrap_or_default();
        known(case, KEYS).map_err(|key| format!("{id}: unknown key {key:?}"))?;
        let expects = |key: &str| case.get("expect").is_some_and(|expect| expect.get(key).is_some());
        let is_text = case.get("expr").is_some() || case.get("template").is_some();
        if is_text || expects("errors") || expects("valid") {
            continue;
        }
        let [first, second] = policies.map(|text| exchanges(case, text, options));
        let (first, second) = (
            first.map_err(|why| format!("{id}: {why}"))?,
            second.map_err(|why| format!("{id}: {why}"))?,
        );
        out.push(Decided {
            id: id.to_owned(),
            doc: case.get("doc").and_then(Node::text).unwrap_or_default().to_owned(),
            exchanges: first.into_iter().zip(second).collect(),
        });
    }
    Ok(out)
}

fn exchanges(case: &Node, text: &str, options: Options<'_>) -> Result<Vec<Json>, String> {
    let world = World::read(case)?.believing(None);
    let steps = case.get("steps").and_then(Node::list).map_or(1, <[Node]>::len);
    if let Err(why) = policy::hop(case, &world, text) {
        return Ok((0..steps).map(|_| json!({"refused": why})).collect());
    }
    let options = Options { trace: true, ..options };
    let mut out = Vec::new();
    policy::each_exchange(case, &world, text, options, &mut |_, outgoing| {
        out.push(decision(outgoing));
        Ok(())
    })?;
    Ok(out)
}

/// What can be seen from outside, and who decided.
fn decision(out: &Outgoing) -> Json {
    if let Some(lacks) = &out.lacks {
        return json!({"lacks": lacks});
    }
    let fields = |fields: &[(String, Vec<u8>)]| -> Json {
        fields
            .iter()
            .map(|(name, value)| json!([name.to_ascii_lowercase(), decode(value)]))
            .collect()
    };
    let verdicts = out.exchange.verdicts().iter();
    let decided = verdicts
        .rev()
        .find(|verdict| !verdict.action.is_empty() && verdict.outcome.decides());
    json!({
        "forwarded": out.forwarded.as_ref().map(|(host, request)| {
            json!({
                "method": request.method, "url": request.url, "host": host, "headers": fields(&request.fields),
                "body": String::from_utf8_lossy(&request.body),
            })
        }),
        "forwarded_to": out.forwarded_to,
        "response": out.response.as_ref().map(|answer| {
            json!({
                "status": answer.status, "headers": fields(&answer.fields),
                "body": String::from_utf8_lossy(&answer.body),
            })
        }),
        "connection": if out.alert { "tls_alert" } else if out.closed { "closed" } else { "open" },
        "decided_by": decided.map(|verdict| verdict.action),
        "logs": out.exchange.logs().iter().map(crate::value::Value::to_json).collect::<Vec<_>>(),
    })
}
