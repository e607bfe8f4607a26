//! Everything that stock agents were recorded to say gets an answer that they can read, and nothing in it that
//! only Adit's own agent would understand (agent protocol 9.7).

use adit_protocol::message::{Auth, AuthResp, Bind, Message, PatchTunnelState, StartTunnelWithLabel, Unbind};
use serde_json::Value;

use super::{Accepted, TOKEN, World};
use crate::session::refusal::Refusal;

const RECORDED: &str = include_str!("../../../../../protocol/tests/data/agent-transcripts.jsonl");

/// Ids that the recording server gave, and ours.
#[derive(Default)]
struct Ids(Vec<(String, String)>);

impl Ids {
    fn add(&mut self, theirs: String, ours: &str) {
        self.0.push((theirs, ours.to_owned()));
        // Longer ids first, because `cookie-ts_0001` holds `ts_0001`.
        self.0.sort_by_key(|(theirs, _)| std::cmp::Reverse(theirs.len()));
    }

    fn ours(&self, text: String) -> String {
        self.0
            .iter()
            .fold(text, |text, (theirs, ours)| text.replace(theirs, ours))
    }
}

#[test]
fn every_recorded_message_is_answered_in_the_right_shape_without_additions() {
    let mut w = World::new();
    w.config.base_domain = "adit.localhost".to_owned();
    w.config.tcp_public_host = "tcp.adit.localhost".to_owned();
    w.config.private_suffixes = vec!["localhost".to_owned()];
    let (mut ids, mut legs, mut scenario) = (Ids::default(), Vec::<Accepted>::new(), String::new());
    let mut answered = 0;
    let mut bound = 0;
    let mut codes = Vec::new();
    let lines: Vec<Value> = RECORDED.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for (at, line) in lines.iter().enumerate() {
        let kind = line["stream_type"].as_str().unwrap();
        if line["direction"] != "agent->server" || kind.ends_with("Resp") {
            continue;
        }
        let run = format!("{} {} {}", line["client"], line["version"], line["scenario"]);
        if run != scenario {
            for leg in std::mem::take(&mut legs) {
                w.lose(&leg.connection);
            }
            w.advance(std::time::Duration::from_secs(60));
            w.check_empty();
            (ids, scenario) = (Ids::default(), run);
        }
        let recorded = &lines[at + 1..]
            .iter()
            .find(|l| l["stream_type"] == format!("{kind}Resp"))
            .unwrap()["body"];
        let text = ids.ours(line["body"].to_string().replace("<authtoken>", TOKEN));
        let answer = match kind {
            "Auth" => {
                let auth = Auth::decode(text.as_bytes()).unwrap();
                let answer = match w.login(&auth) {
                    Ok(accepted) => {
                        let answer = accepted.response.clone();
                        ids.add(string(recorded, "/ClientId"), &answer.client_id);
                        ids.add(string(recorded, "/Extra/Cookie"), &answer.extra.cookie);
                        // The recorded connection was lost before the agent logged in again.
                        legs.retain(|l: &Accepted| l.connection.leg != accepted.connection.leg);
                        legs.push(accepted);
                        answer
                    }
                    Err(refusal) => {
                        // The recording server refused by the name of the test; here by the token.
                        assert_ne!(auth.extra.token(), TOKEN, "{refusal}");
                        AuthResp::refused(refusal.to_error())
                    }
                };
                serde_json::from_slice(&answer.encode()).unwrap()
            }
            "Bind" => {
                let bind = Bind::decode(text.as_bytes()).unwrap();
                let of = legs.last().unwrap().connection.clone();
                match w.bind(&of, &bind) {
                    Ok(answer) => {
                        bound += 1;
                        for (theirs, ours) in [
                            ("/Id", &answer.id),
                            ("/Extra/Token", &answer.extra.token),
                            ("/Extra/TunnelID", &answer.extra.tunnel_id),
                        ] {
                            ids.add(string(recorded, theirs), ours);
                        }
                        let answer: Value = serde_json::from_slice(&answer.encode()).unwrap();
                        for key in answer_keys(recorded) {
                            assert!(answer.pointer(&key).is_some(), "{key} is missing: {answer}");
                        }
                        answer
                    }
                    Err(refusal) => {
                        codes.push(refusal.code().as_str());
                        refused(&refusal)
                    }
                }
            }
            "Unbind" => {
                let unbind = Unbind::decode(text.as_bytes()).unwrap();
                outcome(w.sessions.unbind(&legs[0].connection, &unbind))
            }
            "PatchTunnelState" => {
                let patch = PatchTunnelState::decode(text.as_bytes()).unwrap();
                outcome(w.patch(&legs[0].connection, &patch))
            }
            "StartTunnelWithLabel" => {
                let start = StartTunnelWithLabel::decode(text.as_bytes()).unwrap();
                outcome(w.sessions.start_labeled(&legs[0].connection, &start))
            }
            // Answered without asking the table of sessions.
            "SrvInfo" => continue,
            other => panic!("a request that is not known: {other}"),
        };
        answered += 1;
        let text = answer.to_string();
        assert!(
            !text.contains("\"Adit\"") && !text.contains("ConnectAddresses"),
            "{text}"
        );
        w.check();
    }
    assert_eq!((answered, bound), (57, 18));
    // What the recording server took without looking.
    assert_eq!(
        codes,
        [
            "ERR_NGROK_9029", // internal, but not below .internal
            "ERR_NGROK_9028", // internal, without a name (its policy is fine)
            "ERR_NGROK_331",  // 1.tcp.x
            "ERR_NGROK_331",  // tls.x
            "ERR_NGROK_365",  // every module at once: login by OAuth
            "ERR_NGROK_309",  // 1.tcp.adit.localhost
            "ERR_ADIT_1204",  // "CERT" and "KEY"
            "ERR_NGROK_331",  // 1.tcp.x
        ]
    );
}

fn string(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("\u{0}absent")
        .to_owned()
}

fn answer_keys(recorded: &Value) -> Vec<String> {
    let mut keys = vec![
        "/Id".to_owned(),
        "/URL".to_owned(),
        "/Proto".to_owned(),
        "/Extra/Token".to_owned(),
    ];
    if let Some(opts) = recorded["Opts"].as_object() {
        keys.extend(opts.keys().map(|k| format!("/Opts/{k}")));
    }
    keys
}

fn refused(refusal: &Refusal) -> Value {
    let error = refusal.to_error();
    assert!(error.lines().any(|l| l == refusal.code().as_str()), "{error}");
    serde_json::json!({ "Error": error })
}

fn outcome(result: Result<(), Refusal>) -> Value {
    result.map_or_else(|r| refused(&r), |()| serde_json::json!({}))
}
