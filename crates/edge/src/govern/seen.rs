//! The exchange of a chain together with what policies see of it.

use std::time::SystemTime;

use adit_http1::Head;
use adit_policy::{Endpoint as Facts, Exchange, State, View};
use adit_snapshot::Guardrail;

use super::chain::Chain;
use super::connection::micros;
use super::hop::Hop;
use super::plan::Plan;
use super::tables::OfOrganization;
use super::view::{self, RequestFields, ResponseFields};
use crate::node::Node;

/// What is looked at.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) node: &'a Node,
    /// The endpoint among those that were passed.
    pub(super) at: usize,
    /// The guardrail around it whose policy looks; else it is the endpoint's own.
    pub(super) guardrail: Option<&'a Guardrail>,
    /// Not before a connection's first request.
    pub(super) with_request: bool,
    /// The head of the response, and who made it.
    pub(super) response: Option<(&'a Head, &'static str)>,
    pub(super) state: &'a State,
}

impl Chain {
    /// What is known of the endpoint number `at`: nothing of a member as long as none is chosen.
    pub(super) fn facts_at(&self, at: usize, is_before_member: bool) -> Option<&Facts> {
        facts(&self.hops, &self.plans, at, is_before_member)
    }

    /// Gives `f` the exchange and the view of the endpoint number `at`. `None`: there is no such endpoint.
    pub(super) fn seen<R>(
        &mut self,
        node: &Node,
        at: usize,
        response: Option<(&Head, &'static str)>,
        f: impl FnOnce(&mut Exchange, &View<'_>) -> R,
    ) -> Option<R> {
        let sight = Sight {
            node,
            at,
            guardrail: None,
            with_request: true,
            response,
            state: &node.policy_state,
        };
        self.seen_as(sight, f)
    }

    /// The same, wherever one looks from.
    pub(super) fn seen_as<R>(&mut self, sight: Sight<'_>, f: impl FnOnce(&mut Exchange, &View<'_>) -> R) -> Option<R> {
        let config = sight.node.config.load();
        let is_before_member = sight.guardrail.is_some() && sight.response.is_none();
        let facts = facts(&self.hops, &self.plans, sight.at, is_before_member)?;
        let now = micros(SystemTime::now());
        let received = self.received.as_ref().filter(|_| sight.with_request);
        let fields = received.map(|r| RequestFields(&r.head));
        let request = received
            .zip(fields.as_ref())
            .map(|(r, fields)| view::request(&r.head, fields, &r.id, r.is_secure, r.at));
        let response_fields = sight.response.map(|(head, _)| ResponseFields(head));
        let response = sight
            .response
            .zip(response_fields.as_ref())
            .map(|((head, origin), fields)| view::response(head, fields, origin, now));
        let tables = OfOrganization {
            config: &config,
            organization: sight
                .guardrail
                .map_or(&facts.organization_id, |guardrail| &guardrail.organization),
        };
        let view = View {
            now,
            seed: crate::forward::random(),
            connection: &self.connection,
            endpoint: facts,
            request,
            response,
            tables: &tables,
            state: sight.state,
        };
        Some(f(&mut self.exchange, &view))
    }
}

/// Of the plan alone before a member is chosen, and where none was.
fn facts<'a>(hops: &'a [Hop], plans: &'a [Option<Box<Plan>>], at: usize, is_before_member: bool) -> Option<&'a Facts> {
    let of_hop = || hops.get(at).map(Hop::facts);
    let of_plan = || plans.get(at)?.as_deref().map(|plan| &plan.facts);
    if is_before_member {
        of_plan().or_else(of_hop)
    } else {
        of_hop().or_else(of_plan)
    }
}
