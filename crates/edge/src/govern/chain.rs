//! The endpoints that one request or connection passes, and what their policies have made of it so far.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adit_http1::Head;
use adit_names::code::ErrorCode;
use adit_policy::{Connection, Decision, Exchange, Phase, State, Terms, VerdictOutcome};
use adit_snapshot::EdgeConfig;
use bytes::Bytes;

use super::asker::{Asker, Leaving};
use super::connection::{self, micros};
use super::hop::Hop;
use super::plan::Plan;
use super::run::Scene;
use super::violation::Violation;
use super::{respond, told};
use crate::forward::ReadBody;
use crate::http::{RequestFacts, Visitor, VisitorError};
use crate::node::Node;
use crate::reply::Answer;
use crate::route::Routed;
use crate::secure::Conn;

/// That a policy fails is for the server's log too, and what rules and guardrails in dry run would have done; all that
/// policies write down is the outcome's ([`Chain::tell`]).
impl Drop for Chain {
    fn drop(&mut self) {
        self.say();
    }
}

impl Chain {
    fn say(&self) {
        let id = self.received.as_ref().map_or("", |r| r.id.as_str());
        for verdict in self.exchange.verdicts() {
            if let VerdictOutcome::Would(would) = verdict.outcome
                && would != "would_pass"
            {
                let path = verdict.path.as_str();
                tracing::info!(host = self.host, request_id = id, path, would, "a rule in dry run");
            }
        }
        if let Some(error) = self.exchange.errors().first() {
            let more = self.exchange.errors().len() - 1;
            tracing::info!(
                host = self.host,
                request_id = id,
                path = error.path,
                more,
                "an expression of a policy failed"
            );
        }
    }
}

/// Most chains that a worker keeps.
const KEPT_MAX: usize = 256;

thread_local! {
    #[allow(clippy::vec_box, reason = "moved as a pointer, not as its kilobytes")]
    static KEPT: RefCell<Vec<Box<Chain>>> = const { RefCell::new(Vec::new()) };
}

/// What the request phases of an endpoint came to.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// On to the agent.
    Pass,
    /// On to these endpoints.
    Forward(Routed),
    /// This is the answer; nobody else is asked.
    Answer(Answer),
    /// The connection ends without an answer, in order.
    Close,
    /// It is reset.
    Reset,
    /// The visitor has left while the policy waited, or what he sends is not HTTP.
    Failed(VisitorError),
}

/// A request as it was received, wherever it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsReceived<'a> {
    pub(crate) head: &'a Head,
    /// It has been made ready for an upstream already, and nothing else is left of it.
    pub(crate) is_rewritten: bool,
    pub(crate) id: &'a str,
    /// How many policies stand behind it, each having asked for the next.
    pub(crate) depth: u8,
}

/// The same as a chain keeps it.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) head: Head,
    /// It was made ready for an upstream before the first policy was met.
    pub(super) is_rewritten: bool,
    pub(super) is_secure: bool,
    pub(super) id: String,
    pub(super) at: i64,
}

/// The layers of one request or connection.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(super) exchange: Exchange,
    /// As it was when the last of them forwarded: a retry begins there.
    before: Option<Box<Exchange>>,
    /// Outermost first.
    pub(super) hops: Vec<Hop>,
    /// How many of them have forwarded.
    pub(super) forwarded: usize,
    /// To which hosts.
    targets: Vec<Box<str>>,
    /// The same endpoints, and the one that is being asked for, where guardrails stand around them.
    pub(super) plans: Vec<Option<Box<Plan>>>,
    pub(super) connection: Arc<Connection>,
    pub(super) received: Option<Received>,
    /// The public host, which answers name.
    pub(super) host: String,
    /// How many policies stand behind the request, each having asked for the next.
    pub(super) depth: u8,
    pub(super) opened: Option<Routed>,
    /// How long request phases have taken, without what was waited for.
    pub(super) spent: Duration,
    /// Response phases, likewise.
    pub(super) spent_back: Duration,
    /// The guardrail that refused.
    pub(super) violated: Option<Violation>,
}

impl Chain {
    /// For this request to `host`; `client` is who sent it.
    pub(crate) fn of_request(conn: &Conn, request: &AsReceived<'_>, host: &str, client: IpAddr) -> Box<Self> {
        let config = conn.node.config.load();
        let connection = connection::of_http(conn, client);
        let mut chain = match KEPT.with_borrow_mut(Vec::pop) {
            None => Self::new(connection, Some(Received::default()), host, &config),
            Some(mut kept) => {
                kept.exchange.set_trace(told::trace(&config));
                kept.connection = connection;
                kept.host.push_str(host);
                kept
            }
        };
        if let Some(received) = &mut chain.received {
            received.head.copy_from(request.head);
            received.is_rewritten = request.is_rewritten;
            received.is_secure = conn.tls.is_some();
            received.id.push_str(request.id);
            received.at = micros(SystemTime::now());
        }
        chain.depth = request.depth;
        chain
    }

    /// For a connection that is bytes to us; `name` is that of its ClientHello, else empty.
    pub(crate) fn of_connection(node: &Node, peer: SocketAddr, local: SocketAddr, name: &str) -> Box<Self> {
        let config = node.config.load();
        Self::new(
            connection::of_bytes(peer, local, &config.region, name),
            None,
            name,
            &config,
        )
    }

    /// The request is over: its memory is kept for the next one. A chain is kilobytes, which the allocator looks for in
    /// all it has.
    pub(crate) fn give(mut self: Box<Self>) {
        if self.received.is_none() {
            return;
        }
        self.say();
        if let Some(received) = &mut self.received {
            received.head.clear();
            received.id.clear();
        }
        self.exchange = Exchange::new();
        self.before = None;
        self.hops.clear();
        self.forwarded = 0;
        self.targets.clear();
        self.plans.clear();
        self.host.clear();
        self.opened = None;
        self.spent = Duration::ZERO;
        self.spent_back = Duration::ZERO;
        self.violated = None;
        KEPT.with_borrow_mut(|kept| {
            if kept.len() < KEPT_MAX {
                kept.push(self);
            }
        });
    }

    fn new(connection: Arc<Connection>, received: Option<Received>, host: &str, config: &EdgeConfig) -> Box<Self> {
        Box::new(Self {
            exchange: Exchange::new().with_trace(told::trace(config)),
            before: None,
            hops: Vec::new(),
            forwarded: 0,
            targets: Vec::new(),
            plans: Vec::new(),
            connection,
            received,
            host: host.to_owned(),
            depth: 0,
            opened: None,
            spent: Duration::ZERO,
            spent_back: Duration::ZERO,
            violated: None,
        })
    }

    /// The outermost endpoint.
    pub(crate) fn outermost(&self) -> Option<&Hop> {
        self.hops.first()
    }

    /// Who asks.
    pub(crate) fn client_ip(&self) -> IpAddr {
        self.connection.client_ip
    }

    /// Another member serves than the one whose policy has run; its policy is the same.
    pub(crate) fn serve_by(&mut self, hop: Hop) {
        if let Some(last) = self.hops.last_mut() {
            *last = hop;
        }
    }

    /// How long the request phases have taken, without what they waited for.
    pub(crate) fn spent(&self) -> Duration {
        self.spent
    }

    /// Response phases, likewise.
    pub(crate) fn spent_back(&self) -> Duration {
        self.spent_back
    }

    /// What policies have set for the exchange so far.
    pub(crate) fn terms(&self) -> &Terms {
        self.exchange.terms()
    }

    /// The Host value that policies have put in place of the visitor's.
    pub(crate) fn new_host(&self) -> Option<&str> {
        self.exchange.host()
    }

    /// The endpoint that was chosen, in place of one that was chosen before and failed. What the failed one's policy made
    /// of the request is dropped.
    fn enter(&mut self, hop: Hop) {
        self.exchange.begin_again(self.before.as_deref());
        self.hops.truncate(self.forwarded);
        self.hops.push(hop);
    }

    /// A request has come to an endpoint: its `on_tcp_connect` if it is the connection's first one here, and its
    /// `on_http_request`.
    pub(crate) async fn request(
        &mut self,
        conn: &Arc<Conn>,
        hop: Hop,
        visitor: &mut dyn Visitor,
        facts: &RequestFacts,
        body: &mut ReadBody,
    ) -> Verdict {
        let mut asker = Asker::Request {
            conn,
            visitor,
            body: (facts, body),
        };
        let asked = self.asked(conn, hop, &mut asker).await;
        self.exchange.settle_permits();
        match asked {
            Ok(verdict) => verdict,
            Err(error) => Verdict::Failed(error),
        }
    }

    async fn asked(&mut self, conn: &Arc<Conn>, hop: Hop, asker: &mut Asker<'_>) -> Result<Verdict, VisitorError> {
        self.enter(hop);
        let at = self.hops.len() - 1;
        let Some(hop) = self.hops.last() else {
            return Ok(Verdict::Answer(Answer::internal()));
        };
        if hop.is_quarantined() {
            return Ok(Verdict::Answer(Answer::policy_invalid()));
        }
        let (is_cloud, policy) = (hop.is_cloud(), hop.policy().cloned());
        if self.lacks_what_is_required(at, Phase::HttpRequest) {
            return Ok(Verdict::Answer(Answer::requirement_unmet()));
        }
        let Some(policy) = policy else {
            return Ok(Verdict::Pass);
        };
        let scene = |phase| Scene {
            node: &conn.node,
            at,
            policy: &policy,
            guardrail: None,
            phase,
            response: None,
        };
        if at == 0 && !policy.is_idle(Phase::TcpConnect) {
            let organization = self.hops.last().map_or("", Hop::organization);
            let generation = conn.node.config.load().told.networks_generation_of(organization);
            if !conn.has_passed(&policy, generation) {
                // What the request holds already, by a guardrail, is not the connection's.
                let held = self.exchange.take_permits();
                match self.run(scene(Phase::TcpConnect), asker).await? {
                    Decision::Pass => conn.passed(policy.clone(), generation, self.exchange.take_permits()),
                    _ => return Ok(Verdict::Reset),
                }
                self.exchange.give_permits(held);
            }
        }
        Ok(match self.run(scene(Phase::HttpRequest), asker).await? {
            Decision::Pass if is_cloud => Verdict::Answer(self.refuse(502, ErrorCode::NGROK_724, Vec::new())),
            Decision::Pass => Verdict::Pass,
            Decision::Forward { url } => self.go_on(&url),
            decision => self.ended(&conn.node, decision, asker).await?,
        })
    }

    /// A connection that is bytes to us has come to an endpoint.
    pub(crate) async fn connect(&mut self, node: &Node, hop: Hop, visitor: &mut (dyn Leaving + Send)) -> Verdict {
        self.enter(hop);
        let at = self.hops.len() - 1;
        let Some(hop) = self.hops.last() else {
            return Verdict::Reset;
        };
        let (is_cloud, policy) = (hop.is_cloud(), hop.policy().cloned());
        if self.lacks_what_is_required(at, Phase::TcpConnect) {
            return Verdict::Reset;
        }
        let nowhere = if is_cloud { Verdict::Reset } else { Verdict::Pass };
        let Some(policy) = policy else {
            return nowhere;
        };
        let scene = Scene {
            node,
            at,
            policy: &policy,
            guardrail: None,
            phase: Phase::TcpConnect,
            response: None,
        };
        let decision = self.run(scene, &mut Asker::Connection(visitor)).await;
        self.exchange.settle_permits();
        match decision {
            Ok(Decision::Pass) => nowhere,
            Ok(Decision::Forward { url }) => self.go_on(&url),
            Ok(Decision::Respond { .. } | Decision::Refuse { .. } | Decision::Close) => Verdict::Reset,
            Err(error) => Verdict::Failed(error),
        }
    }

    /// Whether the policies that were passed would let it pass now. Nothing is counted by it, and what a policy forwarded
    /// to is not asked for again.
    pub(crate) fn still_passes(&mut self, node: &Node) -> bool {
        self.refused_now(node).is_none()
    }

    /// The same; what it would come to instead, as the policy, guardrail or requirement has it that would not let it pass.
    pub(crate) fn refused_now(&mut self, node: &Node) -> Option<Verdict> {
        let unused = State::default();
        let first = std::mem::take(&mut self.exchange);
        let is_http = self.received.is_some();
        let phases: &[Phase] = if is_http {
            &[Phase::TcpConnect, Phase::HttpRequest]
        } else {
            &[Phase::TcpConnect]
        };
        let mut refused = None;
        'all: for at in 0..self.hops.len() {
            refused = self.refused_by_guardrails(node, at, phases, &unused);
            if refused.is_some() {
                break;
            }
            let Some(policy) = self.hops.get(at).and_then(Hop::policy).cloned() else {
                continue;
            };
            for phase in phases {
                // The first request's connection phase is that of the outermost endpoint alone.
                if is_http && at > 0 && *phase == Phase::TcpConnect {
                    continue;
                }
                let scene = Scene {
                    node,
                    at,
                    policy: &policy,
                    guardrail: None,
                    phase: *phase,
                    response: None,
                };
                let decision = self.run_again(scene, &unused);
                refused = self.refusing(decision);
                if refused.is_some() {
                    break 'all;
                }
            }
        }
        self.exchange = first;
        refused
    }

    /// What a decision comes to if it lets nothing pass.
    pub(super) fn refusing(&self, decision: Decision) -> Option<Verdict> {
        match decision {
            Decision::Pass | Decision::Forward { .. } | Decision::Respond { continues: true, .. } => None,
            Decision::Close => Some(Verdict::Close),
            Decision::Refuse { status, code, headers } => Some(Verdict::Answer(self.refused(status, code, headers))),
            Decision::Respond {
                status, headers, body, ..
            } => {
                let head = respond::head(status, &headers);
                Some(Verdict::Answer(Answer::given(&head, body).refusing()))
            }
        }
    }

    /// To the endpoints of `url`, which were opened.
    fn go_on(&mut self, url: &str) -> Verdict {
        let Some(next) = self.opened.take() else {
            return Verdict::Answer(Answer::internal());
        };
        self.forwarded = self.hops.len();
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = authority.split([':', '/']).next().unwrap_or_default();
        self.targets.resize(self.forwarded - 1, Box::default());
        self.targets.push(host.into());
        self.keep();
        Verdict::Forward(next)
    }

    /// The host that the endpoint before the one number `at` has forwarded to.
    pub(super) fn forwarded_to(&self, at: usize) -> &str {
        at.checked_sub(1)
            .and_then(|at| self.targets.get(at))
            .map_or("", |host| host)
    }

    /// What was made of the exchange so far stands when another member is chosen.
    pub(super) fn keep(&mut self) {
        self.before = Some(Box::new(self.exchange.clone()));
    }

    /// Tells circuit breakers what the upstream came to; an error is none at all, or a status of 500 and more. What the
    /// edge answered itself, and a visitor that left, are not told.
    pub(crate) fn upstream_answered(&mut self, node: &Node, is_error: bool) {
        let now = micros(SystemTime::now());
        self.exchange.upstream_answered(&node.policy_state, now, is_error);
    }

    /// The request's body as policies have left it, if any has read it whole.
    pub(crate) fn take_body(&mut self) -> Option<Bytes> {
        self.exchange.take_request_body()
    }

    /// The head as it was received, for what is recorded.
    pub(crate) fn give_back(&mut self, head: &mut Head) {
        if let Some(received) = &mut self.received
            && !received.is_rewritten
        {
            std::mem::swap(head, &mut received.head);
        }
    }

    /// The same where the chain lives on: it keeps its own.
    pub(crate) fn show(&self, head: &mut Head) {
        if let Some(received) = self.received.as_ref().filter(|received| !received.is_rewritten) {
            head.copy_from(&received.head);
        }
    }

    fn refuse(&self, status: u16, code: ErrorCode, headers: Vec<(String, String)>) -> Answer {
        self.refused(status, Some(code), headers)
    }

    /// A refusal of a policy in the edge's own form. Names only what the visitor asked for.
    pub(super) fn refused(&self, status: u16, code: Option<ErrorCode>, headers: Vec<(String, String)>) -> Answer {
        match code {
            None => Answer::given(&respond::head(status, &headers), Vec::new()).refusing(),
            Some(ErrorCode::NGROK_3200) => Answer::offline(&self.host),
            Some(code) => {
                let scheme = if self.received.as_ref().is_some_and(|r| r.is_secure) {
                    "https"
                } else {
                    "http"
                };
                let url = format!("{scheme}://{}", self.host);
                let ip = self.connection.client_ip.to_string();
                let message = code.message(&[("host", &self.host), ("url", &url), ("ip", &ip)]);
                Answer::refused(status, code, message, headers)
            }
        }
    }
}
