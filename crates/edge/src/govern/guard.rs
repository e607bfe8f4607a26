//! Guardrails at work: their request phases before a member is chosen, their response phases after its own policy
//! (traffic policy 1.3, 6.1). One that is quarantined lets nobody pass.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use adit_http1::Head;
use adit_names::code::ErrorCode;
use adit_policy::{Decision, Phase, Policy, VerdictOutcome, View};
use adit_snapshot::{EdgeConfig, Guardrail};
use smallvec::SmallVec;

use super::asker::{Asker, Leaving};
use super::chain::{AsReceived, Chain, Verdict};
use super::glance::LeftAlone;
use super::hop::Hop;
use super::plan::Plan;
use super::run::Scene;
use super::tables::OfOrganization;
use crate::forward::ReadBody;
use crate::http::{RequestFacts, Visitor, VisitorError};
use crate::node::Node;
use crate::reply::Answer;
use crate::route::Routed;
use crate::secure::Conn;

/// A policy that a response or a message passes, and the guardrail that it is of, if it is one's.
pub(super) type Layer = (Arc<Policy>, Option<Arc<Guardrail>>);

/// What lasts and has met neither policies nor guardrails.
#[derive(Debug)]
pub(crate) enum Unasked {
    /// A connection that is bytes to us.
    Connection {
        hop: Hop,
        peer: SocketAddr,
        local: SocketAddr,
        /// Of its ClientHello, else empty.
        name: Box<str>,
    },
    /// A request that was upgraded, as it went to the agent.
    Upgraded {
        conn: Arc<Conn>,
        left: LeftAlone,
        head: Head,
        id: Box<str>,
        /// The name that was asked for.
        host: Box<str>,
    },
}

impl Unasked {
    /// Whether the guardrails that are in force now would let it pass.
    pub(crate) fn passes(&self, node: &Node) -> bool {
        if !node.config.load().told.has_guardrails() {
            return true;
        }
        match self {
            Self::Connection { hop, peer, local, name } => {
                let mut chain = Chain::of_connection(node, *peer, *local, name);
                chain.hops.push(hop.clone());
                chain.still_passes(node)
            }
            Self::Upgraded {
                conn,
                left,
                head,
                id,
                host,
            } => {
                let request = AsReceived {
                    head,
                    is_rewritten: true,
                    id,
                    depth: 0,
                };
                left.refused_now(conn, &request, host).is_none()
            }
        }
    }
}

impl Chain {
    /// The guardrails around the endpoints that the request has come to; `None` if there are none.
    pub(crate) fn plan(&self, config: &EdgeConfig, routed: &Routed) -> Option<Box<Plan>> {
        Plan::of(config, routed, self.asked_host(self.forwarded))
    }

    /// The name by which the endpoint number `at` is asked for; empty if that is known from its URL alone.
    fn asked_host(&self, at: usize) -> &str {
        if at == 0 { &self.host } else { self.forwarded_to(at) }
    }

    /// Endpoints that were passed or are being asked for.
    pub(super) fn levels(&self) -> usize {
        self.hops.len().max(self.plans.len())
    }

    /// A request has come to endpoints with guardrails: their `on_tcp_connect` if it is the connection's first one here,
    /// and their `on_http_request`. What they change stands when another member is chosen later.
    pub(crate) async fn guard(
        &mut self,
        conn: &Arc<Conn>,
        plan: Box<Plan>,
        visitor: &mut dyn Visitor,
        facts: &RequestFacts,
        body: &mut ReadBody,
    ) -> Verdict {
        let at = self.put_plan(&conn.node, plan);
        let mut asker = Asker::Request {
            conn,
            visitor,
            body: (facts, body),
        };
        let verdict = match self.guarded(conn, at, &mut asker).await {
            Ok(verdict) => verdict,
            Err(error) => Verdict::Failed(error),
        };
        if matches!(verdict, Verdict::Pass) {
            self.keep();
        }
        verdict
    }

    async fn guarded(&mut self, conn: &Arc<Conn>, at: usize, asker: &mut Asker<'_>) -> Result<Verdict, VisitorError> {
        let node = &conn.node;
        let is_first = at == 0 && self.plan_at(at).is_some_and(Plan::is_public);
        for guardrail in self.guardrails_at(at) {
            let Some(policy) = &guardrail.policy else {
                if guardrail.dry_run {
                    continue;
                }
                self.note_quarantine(at, &guardrail, Phase::HttpRequest);
                let answer = self.refused(500, Some(ErrorCode::ADIT_5201), Vec::new());
                return Ok(Verdict::Answer(answer));
            };
            let scene = |phase| Scene {
                node,
                at,
                policy,
                guardrail: Some(&guardrail),
                phase,
                response: None,
            };
            if is_first && !policy.is_idle(Phase::TcpConnect) {
                let mark = self.mark(node, at);
                if !conn.has_passed(policy, mark) {
                    // What the request holds already is not the connection's.
                    let held = self.exchange.take_permits();
                    match self.run(scene(Phase::TcpConnect), asker).await? {
                        Decision::Pass => conn.passed(policy.clone(), mark, self.exchange.take_permits()),
                        _ => return Ok(Verdict::Reset),
                    }
                    self.exchange.give_permits(held);
                }
            }
            match self.run(scene(Phase::HttpRequest), asker).await? {
                Decision::Pass => {}
                decision => return self.ended(node, decision, asker).await,
            }
        }
        Ok(Verdict::Pass)
    }

    /// Under what a connection has passed a guardrail: the same networks and guardrails, and the same name.
    fn mark(&self, node: &Node, at: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.host.hash(&mut hasher);
        let organization = self.plan_at(at).map_or("", |plan| &plan.facts.organization_id);
        hasher.finish() ^ node.config.load().told.networks_generation_of(organization)
    }

    /// A connection that is bytes to us has come to endpoints with guardrails.
    pub(crate) async fn guard_connection(
        &mut self,
        node: &Node,
        plan: Box<Plan>,
        visitor: &mut (dyn Leaving + Send),
    ) -> Verdict {
        let at = self.put_plan(node, plan);
        let mut asker = Asker::Connection(visitor);
        for guardrail in self.guardrails_at(at) {
            let Some(policy) = &guardrail.policy else {
                if guardrail.dry_run {
                    continue;
                }
                self.note_quarantine(at, &guardrail, Phase::TcpConnect);
                return Verdict::Reset;
            };
            let scene = Scene {
                node,
                at,
                policy,
                guardrail: Some(&guardrail),
                phase: Phase::TcpConnect,
                response: None,
            };
            match self.run(scene, &mut asker).await {
                Ok(Decision::Pass) => {}
                Ok(_) => return Verdict::Reset,
                Err(error) => return Verdict::Failed(error),
            }
        }
        self.keep();
        Verdict::Pass
    }

    /// What the guardrails around the endpoint number `at` that are in force now, and what they require of its own policy,
    /// would do with this exchange or connection, if they would not let it pass. Nothing is counted by it.
    pub(super) fn refused_by_guardrails(
        &mut self,
        node: &Node,
        at: usize,
        phases: &[Phase],
        unused: &adit_policy::State,
    ) -> Option<Verdict> {
        let plan = {
            let config = node.config.load();
            if !config.told.has_guardrails() {
                return None;
            }
            let host = self.asked_host(at);
            self.hops.get(at).and_then(|hop| Plan::of_hop(&config, hop, host))
        };
        let mut plan = plan?;
        self.select(node, &mut plan);
        let is_public = plan.is_public();
        self.plans.resize_with(self.plans.len().max(at + 1), || None);
        if let Some(place) = self.plans.get_mut(at) {
            *place = Some(plan);
        }
        for guardrail in self.guardrails_at(at) {
            if guardrail.dry_run {
                continue;
            }
            let Some(policy) = &guardrail.policy else {
                let answer = self.refused(500, Some(ErrorCode::ADIT_5201), Vec::new());
                return Some(Verdict::Answer(answer));
            };
            for phase in phases {
                if self.received.is_some() && *phase == Phase::TcpConnect && (at > 0 || !is_public) {
                    continue;
                }
                let scene = Scene {
                    node,
                    at,
                    policy,
                    guardrail: Some(&guardrail),
                    phase: *phase,
                    response: None,
                };
                let decision = self.run_again(scene, unused);
                let refused = self.refusing(decision);
                if refused.is_some() {
                    return refused;
                }
            }
        }
        let (plan, hop) = (self.plan_at(at)?, self.hops.get(at)?);
        plan.unmet_by(hop).map(|_| Verdict::Answer(Answer::requirement_unmet()))
    }

    /// Policies that a response or a message of the endpoint number `at` passes in this phase: its own, then its
    /// guardrails from the innermost out.
    pub(super) fn layers_back(&self, at: usize, phase: Phase) -> SmallVec<[Layer; 2]> {
        let own = self.hops.get(at).and_then(Hop::policy).cloned();
        let own = own.map(|policy| (policy, None));
        let guardrails = self
            .plan_at(at)
            .map(|plan| plan.guardrails.as_slice())
            .unwrap_or_default();
        let guardrails = guardrails.iter().rev();
        let guardrails = guardrails.filter_map(|g| Some((g.policy.clone()?, Some(g.clone()))));
        own.into_iter()
            .chain(guardrails)
            .filter(|(policy, _)| !policy.is_idle(phase))
            .collect()
    }

    pub(super) fn plan_at(&self, at: usize) -> Option<&Plan> {
        self.plans.get(at)?.as_deref()
    }

    fn guardrails_at(&self, at: usize) -> Vec<Arc<Guardrail>> {
        self.plan_at(at).map(|plan| plan.guardrails.clone()).unwrap_or_default()
    }

    fn put_plan(&mut self, node: &Node, mut plan: Box<Plan>) -> usize {
        self.select(node, &mut plan);
        let at = self.forwarded;
        self.plans.resize_with(at, || None);
        self.plans.push(Some(plan));
        at
    }

    /// Leaves only those guardrails whose scope's expression is true.
    fn select(&self, node: &Node, plan: &mut Plan) {
        if plan.guardrails.iter().all(|guardrail| guardrail.selector.is_none()) {
            return;
        }
        let config = node.config.load();
        let facts = &plan.facts;
        plan.guardrails.retain(|guardrail| {
            let tables = OfOrganization {
                config: &config,
                organization: &guardrail.organization,
            };
            let view = View {
                now: super::connection::micros(SystemTime::now()),
                seed: crate::forward::random(),
                connection: &self.connection,
                endpoint: facts,
                request: None,
                response: None,
                tables: &tables,
                state: &node.policy_state,
            };
            guardrail
                .selector
                .as_ref()
                .is_none_or(|selector| selector.covers(&view))
        });
    }

    /// Keeps account of what a guardrail in dry run would have done, by the verdicts beyond the first `told`.
    pub(super) fn rehearsed(&self, scene: Scene<'_>, told: usize) {
        let Some(guardrail) = scene.guardrail.filter(|guardrail| guardrail.dry_run) else {
            return;
        };
        let host = self.plan_at(scene.at).map_or(self.host.as_str(), Plan::host);
        for verdict in self.exchange.verdicts().iter().skip(told) {
            if let VerdictOutcome::Would(would) = verdict.outcome
                && would != "would_pass"
            {
                let rule = verdict.path.strip_prefix(&*guardrail.prefix).unwrap_or(&verdict.path);
                let id = guardrail.prefix.trim_end_matches('.');
                let rehearsals = scene.node.directory.rehearsals();
                rehearsals.add(id, host, rule, would, SystemTime::now());
            }
        }
    }

    /// The end that a request phase comes to, other than that it passes or forwards.
    pub(super) async fn ended(
        &mut self,
        node: &Node,
        decision: Decision,
        asker: &mut Asker<'_>,
    ) -> Result<Verdict, VisitorError> {
        Ok(match decision {
            Decision::Close => Verdict::Close,
            Decision::Refuse { status, code, headers } => Verdict::Answer(self.refused(status, code, headers)),
            Decision::Respond {
                status,
                headers,
                body,
                continues,
            } => {
                let head = super::respond::head(status, &headers);
                if !continues {
                    return Ok(Verdict::Answer(Answer::given(&head, body).refusing()));
                }
                match self.respond(node, head, body, asker).await? {
                    Some(answer) => Verdict::Answer(answer),
                    None => Verdict::Close,
                }
            }
            // Whoever asks has dealt with these.
            Decision::Pass | Decision::Forward { .. } => Verdict::Answer(Answer::internal()),
        })
    }
}
