//! Effects answered from a case: outgoing requests under the guard's defaults, internal endpoints, bodies, identities.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_names::code::ErrorCode;

use super::hop::{Around, Hop};
use super::seen::answers;
use super::told::ToldEffect;
use super::world::{Message, message};
use crate::document::Node;
use crate::effect::{Answer, BodyFault, Effect, Fault, Fetch, Input, Inspection, Session};
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
    /// What an explanation tells of them.
    told: RefCell<Vec<ToldEffect>>,
    /// Bytes of bodies in that.
    kept: Cell<usize>,
}

/// Most bytes of bodies that are kept to be told.
const KEPT: usize = 4 << 20;

impl Calls {
    pub(super) fn take(&self) -> Vec<Call> {
        self.sent.take()
    }

    /// The action at `path` has asked for it.
    fn tell(&self, path: String, told: ToldEffect) {
        let kept = self.kept.get() + told.size();
        let told = if kept > KEPT {
            told.without_bodies()
        } else {
            self.kept.set(kept);
            told
        };
        self.told.borrow_mut().push(ToldEffect { path, ..told });
    }

    /// How many effects were told of so far.
    pub(super) fn asked(&self) -> usize {
        self.told.borrow().len()
    }

    /// All of them.
    pub(super) fn told(&self) -> Vec<ToldEffect> {
        self.told.take()
    }
}

/// What stands around an exchange of a case.
pub(super) struct Surroundings<'c> {
    pub(super) case: &'c Node,
    pub(super) calls: &'c Calls,
    /// It is explained, with this around it; else it is a case, which says itself what answers.
    pub(super) around: Option<&'c Around<'c>>,
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
    /// The answer to an effect of the action at `path`, which may be of a policy for which nothing is sent; `Err`: what this
    /// runner does not have.
    pub(super) fn perform(
        &self,
        (effect, path): (Effect, String),
        foreign: bool,
        hops: &[Arc<Hop>],
        incoming: &Message,
        response: Option<&Message>,
    ) -> Result<Input, String> {
        let effect = match self.around {
            Some(around) => match self.explained(around, effect, (path, foreign), hops) {
                Ok(input) => return Ok(input),
                Err(effect) => *effect,
            },
            None => effect,
        };
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

    /// What is answered where a request is explained; `Err`: it is what a case answers as well.
    fn explained(
        &self,
        around: &Around<'_>,
        effect: Effect,
        (path, foreign): (String, bool),
        hops: &[Arc<Hop>],
    ) -> Result<Input, Box<Effect>> {
        let send = |fetch: &Fetch, service: bool| {
            if foreign {
                return (
                    false,
                    Err(not_performed("it is asked for by a guardrail of somebody else")),
                );
            }
            outside(around, fetch, service)
        };
        let (told, input) = match effect {
            Effect::OpenInternal { url } => match around.live {
                Some(live) => {
                    let opened = live.open(&url, hops).map(|_| ());
                    (ToldEffect::opened(&url, Some(&opened)), Input::Opened(opened))
                }
                None => (ToldEffect::opened(&url, None), Input::Opened(Ok(()))),
            },
            Effect::Fetch(fetch) => {
                let (performed, answer) = send(&fetch, false);
                (ToldEffect::request(&fetch, performed, &answer), Input::Fetched(answer))
            }
            Effect::Keys { url } => {
                let fetch = key_set(url);
                let (performed, answer) = send(&fetch, true);
                let answer = answer.and_then(|answer| {
                    let wrong = || Fault {
                        code: ErrorCode::NGROK_3006,
                        message: format!("the answer has the status {}", answer.status),
                    };
                    if answer.status == 200 { Ok(answer) } else { Err(wrong()) }
                });
                let told = ToldEffect::keys(&fetch, performed, &answer);
                (told, Input::Keys(answer.map(|answer| answer.body)))
            }
            Effect::Session(login) if self.case.get("identity").is_none() => {
                let fault = not_performed("nobody is signed in: give an identity");
                let told = ToldEffect::session(login.action, &login.auth_id, &fault);
                (told, Input::Session(Box::new(Session::Failed(fault))))
            }
            Effect::Inspect(_) => {
                let fault = not_performed("there is no web application firewall here");
                (ToldEffect::firewall(&fault), Input::Inspected(Err(fault)))
            }
            other => return Err(Box::new(other)),
        };
        self.calls.tell(path, told);
        Ok(input)
    }

    /// The web application firewall has looked for the action at `path`.
    pub(super) fn inspected(&self, path: String, inspected: &Result<Inspection, Fault>) {
        if self.around.is_some() {
            self.calls.tell(path, ToldEffect::inspected(inspected));
        }
    }

    /// The internal endpoint that a policy of the last of `hops` forwards to, where a server knows them.
    pub(super) fn target(&self, url: &str, hops: &[Arc<Hop>]) -> Option<Arc<Hop>> {
        self.around?.live?.open(url, hops).ok()
    }

    /// What the internal endpoint answers. Where there is no server to know it, it is taken to be there.
    pub(super) fn answers_of(&self, url: &str, step: Option<&Node>) -> Option<Vec<Message>> {
        if self.around.is_some() {
            return Some(answers(self.case, step));
        }
        self.internal(url).map(|answer| vec![answer])
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

/// Sends a request, if that is to be done: was it, and what came of it.
fn outside(around: &Around<'_>, fetch: &Fetch, service: bool) -> (bool, Result<Answer, Fault>) {
    let why = match around.outside {
        None => "network effects are performed only where they are asked for",
        Some(_) if host(&fetch.url).ends_with(".internal") => {
            "internal endpoints are asked on the road of visitors only"
        }
        Some(outside) => return (true, outside.fetch(fetch, service)),
    };
    (false, Err(not_performed(why)))
}

fn not_performed(why: &str) -> Fault {
    Fault {
        code: ErrorCode::ADIT_5203,
        message: format!("not performed: {why}"),
    }
}

fn key_set(url: String) -> Fetch {
    Fetch {
        method: "GET".to_owned(),
        url,
        headers: vec![(
            "accept".to_owned(),
            "application/jwk-set+json, application/json".to_owned(),
        )],
        body: Vec::new(),
        delay: Duration::ZERO,
        timeout: Duration::from_secs(5),
        max_response: 1 << 20,
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
