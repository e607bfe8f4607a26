//! Effects answered from a case: outgoing requests under the guard's defaults, internal endpoints, bodies, identities.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use adit_names::code::ErrorCode;

use super::world::{Message, message};
use crate::document::Node;
use crate::effect::{Answer, BodyFault, Effect, Fault, Fetch, Input, Session};
use crate::url;
use crate::value::Value;

/// A request that the policy sent.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

/// What was sent so far.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Of this exchange.
    sent: RefCell<Vec<Call>>,
    /// How often each URL was asked, for answers in a sequence.
    counts: RefCell<HashMap<String, usize>>,
}

impl Calls {
    pub(super) fn take(&self) -> Vec<Call> {
        self.sent.take()
    }
}

/// What stands around an exchange of a case.
pub(super) struct Surroundings<'c> {
    pub(super) case: &'c Node,
    pub(super) calls: &'c Calls,
}

fn fault(code: ErrorCode) -> Fault {
    Fault {
        code,
        message: code.what().to_owned(),
    }
}

fn refused() -> Fault {
    Fault {
        code: ErrorCode::NGROK_3006,
        message: "the connection was refused".to_owned(),
    }
}

fn host(text: &str) -> String {
    let authority = url::parts(text).authority.unwrap_or_default();
    url::split_authority(authority).0.to_ascii_lowercase()
}

impl Surroundings<'_> {
    /// The answer to an effect; `Err`: what this runner does not have.
    pub(super) fn perform(
        &self,
        effect: Effect,
        incoming: &Message,
        response: Option<&Message>,
    ) -> Result<Input, String> {
        Ok(match effect {
            Effect::OpenInternal { url } => Input::Opened(match self.internal(&url) {
                Some(_) => Ok(()),
                None => Err(Fault {
                    code: ErrorCode::NGROK_3200,
                    message: if self.internal_node(&url).is_some() {
                        "the endpoint is offline"
                    } else {
                        "there is no such endpoint"
                    }
                    .to_owned(),
                }),
            }),
            Effect::Fetch(fetch) => Input::Fetched(self.fetch(*fetch)),
            Effect::Keys { url } => Input::Keys(self.answer(&url, 1 << 20).map(|answer| answer.body)),
            Effect::Body { response: of, limit } => {
                let body = if of {
                    response.map(|response| &response.body)
                } else {
                    Some(&incoming.body)
                };
                Input::Body(match body {
                    Some(body) if body.len() > limit => Err(BodyFault::TooLarge),
                    Some(body) => Ok(body.clone().into()),
                    None => Err(BodyFault::Failed),
                })
            }
            Effect::Session(_) => {
                let identity = self.case.get("identity").ok_or("identity")?;
                Input::Session(Box::new(session(identity)))
            }
            Effect::Inspect(_) => return Err("waf".to_owned()),
            // Exchanges of a case never overlap: what is full stays full.
            Effect::Wait { .. } => Input::Admitted(false),
            Effect::Tick => Input::Tick(Duration::ZERO),
        })
    }

    /// The guard with its defaults: policies reach internal endpoints only, key sets also the world.
    fn fetch(&self, fetch: Fetch) -> Result<Answer, Fault> {
        if !host(&fetch.url).ends_with(".internal") {
            return Err(fault(ErrorCode::ADIT_5203));
        }
        self.calls.sent.borrow_mut().push(Call {
            method: fetch.method,
            url: fetch.url.clone(),
            fields: fetch
                .headers
                .into_iter()
                .map(|(name, value)| (name, value.into_bytes()))
                .collect(),
            body: fetch.body,
        });
        self.answer(&fetch.url, fetch.max_response)
    }

    fn answer(&self, url: &str, limit: usize) -> Result<Answer, Fault> {
        if let Ok(ip) = host(url).parse::<IpAddr>()
            && !is_public(ip)
        {
            return Err(fault(ErrorCode::ADIT_5203));
        }
        let listed = self.case.get("outbound").and_then(Node::list).unwrap_or_default();
        let found = listed
            .iter()
            .find(|node| node.get("url").and_then(Node::text) == Some(url));
        let Some(node) = found else {
            return self.internal(url).map(answered).ok_or_else(refused);
        };
        let node = match node.get("sequence").and_then(Node::list) {
            Some(sequence) => {
                let mut counts = self.calls.counts.borrow_mut();
                let count = counts.entry(url.to_owned()).or_default();
                *count += 1;
                sequence.get(*count - 1).or_else(|| sequence.last()).unwrap_or(node)
            }
            None => node,
        };
        match node.get("error").and_then(Node::text) {
            Some("timeout") => return Err(fault(ErrorCode::NGROK_3602)),
            Some(_) => return Err(refused()),
            None => {}
        }
        let answer = answered(message(&[Some(node)]));
        if answer.body.len() > limit {
            return Err(fault(ErrorCode::NGROK_3601));
        }
        Ok(answer)
    }

    /// The node of an internal endpoint, whatever form its URL is written in.
    fn internal_node(&self, url: &str) -> Option<&Node> {
        let without_port = url.rsplit_once(':').map_or(url, |(host, _)| host);
        let plain = url.trim_end_matches('/');
        self.case
            .get("internal")
            .and_then(Node::map)?
            .iter()
            .find_map(|(key, node)| {
                let key = key.text.trim_end_matches('/');
                (key == plain || key == without_port).then_some(node)
            })
    }

    pub(super) fn internal(&self, url: &str) -> Option<Message> {
        let node = self.internal_node(url)?;
        if node.text() == Some("offline") {
            return None;
        }
        let mut answer = message(&[Some(node)]);
        if node.get("body").is_none() {
            answer.body = b"ok".to_vec();
        }
        Some(answer)
    }
}

fn answered(message: Message) -> Answer {
    Answer {
        status: message.status,
        headers: message.fields,
        body: message.body,
        resolved_ip: None,
        took: Duration::ZERO,
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified()),
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local()),
    }
}

/// A valid session of this identity.
fn session(identity: &Node) -> Session {
    let field = |name: &str| {
        identity
            .get(name)
            .and_then(Node::scalar_text)
            .unwrap_or_default()
            .to_owned()
    };
    let mut results = Vec::new();
    for (key, value) in identity.map().unwrap_or_default() {
        results.push((format!("identity.{}", key.text), super::world::value(value)));
    }
    results.push(("session_timed_out".to_owned(), Value::Bool(false)));
    let headers = [("email", "email"), ("name", "name"), ("id", "provider_user_id")];
    Session::Valid {
        results,
        headers: headers
            .into_iter()
            .map(|(header, name)| (format!("ngrok-auth-user-{header}"), field(name)))
            .collect(),
    }
}
