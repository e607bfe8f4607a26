//! The messages of a case, and what policies see of them.

use adit_names::endpoint_url::Scheme;

use super::world::{Message, World, message};
use crate::document::{Node, Phase};
use crate::state::State;
use crate::view::{Connection, Endpoint, Request, Response, Tables, Tls, View};

/// What the visitor sends.
pub(super) fn incoming(case: &Node, step: Option<&Node>, world: &World) -> Message {
    let mut incoming = message(&[case.get("request"), step.and_then(|step| step.get("request"))]);
    if incoming.url.is_empty() {
        incoming.url = format!("{}://{}/", world.endpoint.scheme, world.endpoint.host);
    }
    incoming
}

/// What the upstream answers, attempt after attempt.
pub(super) fn answers(case: &Node, step: Option<&Node>) -> Vec<Message> {
    let layers = [case.get("upstream"), step.and_then(|step| step.get("upstream"))];
    let with_body = |mut answer: Message, node: Option<&Node>| {
        if node.is_none_or(|node| node.get("body").is_none()) {
            answer.body = b"ok".to_vec();
        }
        answer
    };
    match layers.iter().rev().find_map(|layer| layer.and_then(Node::list)) {
        Some(list) => list
            .iter()
            .map(|node| with_body(message(&[Some(node)]), Some(node)))
            .collect(),
        None => {
            let node = layers.iter().rev().find_map(|layer| *layer);
            vec![with_body(message(&layers), node)]
        }
    }
}

/// Through whose eyes it is looked at.
pub(super) struct Sight<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) tables: &'a dyn Tables,
}

impl<'a> Sight<'a> {
    /// Those of the endpoint that a case is about.
    pub(super) fn of(world: &'a World) -> Self {
        Self {
            endpoint: &world.endpoint,
            tables: world,
        }
    }
}

/// A view with what it borrows.
pub(super) struct Seen<'a> {
    endpoint: &'a Endpoint,
    tables: &'a dyn Tables,
    pub(super) connection: &'a Connection,
    state: &'a State,
    now: i64,
    scheme: Scheme,
    pub(super) authority: String,
    pub(super) target: String,
    pub(super) incoming: &'a Message,
    response: Option<&'a Message>,
    pub(super) origin: &'static str,
    http: bool,
}

/// A connection as it is right after its ClientHello.
pub(super) fn early(connection: &Connection) -> Connection {
    let mut out = connection.clone();
    if let Some(tls) = out.tls.as_deref_mut() {
        *tls = Tls {
            sni: std::mem::take(&mut tls.sni),
            ja4: std::mem::take(&mut tls.ja4),
            ..Tls::default()
        };
    }
    out
}

fn length(fields: &[(String, Vec<u8>)]) -> Option<u64> {
    let (_, value) = fields
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

impl Seen<'_> {
    /// The view.
    pub(super) fn get(&self) -> View<'_> {
        View {
            now: self.now,
            seed: 42,
            connection: self.connection,
            endpoint: self.endpoint,
            request: self.http.then(|| Request {
                id: "req_test",
                method: &self.incoming.method,
                version: "HTTP/1.1",
                scheme: self.scheme,
                authority: &self.authority,
                target: &self.target,
                fields: &self.incoming.fields,
                content_length: length(&self.incoming.fields),
                received_at: self.now,
            }),
            response: self.response.map(|response| Response {
                status: response.status,
                fields: &response.fields,
                content_length: length(&response.fields),
                origin: self.origin,
                received_at: self.now,
            }),
            tables: self.tables,
            state: self.state,
        }
    }
}

impl<'a> Seen<'a> {
    /// What a phase sees.
    #[allow(clippy::too_many_arguments, reason = "the parts of a view")]
    pub(super) fn new(
        world: &'a World,
        connection: &'a Connection,
        incoming: &'a Message,
        state: &'a State,
        now: i64,
        phase: Phase,
        response: Option<&'a Message>,
        sight: &Sight<'a>,
    ) -> Self {
        let parts = crate::url::parts(&incoming.url);
        let target = incoming
            .url
            .split_once("://")
            .and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)))
            .unwrap_or("/");
        let in_response = matches!(phase, Phase::HttpResponse | Phase::EventStreamMessage);
        Self {
            endpoint: sight.endpoint,
            tables: sight.tables,
            connection,
            state,
            now,
            scheme: world.endpoint.scheme,
            authority: parts.authority.unwrap_or_default().to_owned(),
            target: target.to_owned(),
            incoming,
            response: response.filter(|_| in_response),
            origin: "upstream",
            http: world.subject.is_http() && phase != Phase::TcpConnect,
        }
    }
}
