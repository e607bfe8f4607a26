//! The exchange of a chain together with what policies see of it, for questions that are no run of a phase.

use std::time::SystemTime;

use adit_http1::Head;
use adit_policy::{Exchange, View};

use super::chain::Chain;
use super::connection::micros;
use super::tables::OfOrganization;
use super::view::{self, RequestFields, ResponseFields};
use crate::node::Node;

impl Chain {
    /// Gives `f` the exchange and the view of the endpoint number `at`; `response` is a head and who made it. `None`:
    /// there is no such endpoint.
    pub(super) fn seen<R>(
        &mut self,
        node: &Node,
        at: usize,
        response: Option<(&Head, &'static str)>,
        f: impl FnOnce(&mut Exchange, &View<'_>) -> R,
    ) -> Option<R> {
        let config = node.config.load();
        let facts = self.hops.get(at)?.facts();
        let now = micros(SystemTime::now());
        let fields = self.received.as_ref().map(|r| RequestFields(&r.head));
        let request = self
            .received
            .as_ref()
            .zip(fields.as_ref())
            .map(|(r, fields)| view::request(&r.head, fields, &r.id, r.is_secure, r.at));
        let response_fields = response.map(|(head, _)| ResponseFields(head));
        let response = response
            .zip(response_fields.as_ref())
            .map(|((head, origin), fields)| view::response(head, fields, origin, now));
        let tables = OfOrganization {
            config: &config,
            organization: &facts.organization_id,
        };
        let view = View {
            now,
            seed: crate::forward::random(),
            connection: &self.connection,
            endpoint: facts,
            request,
            response,
            tables: &tables,
            state: &node.policy_state,
        };
        Some(f(&mut self.exchange, &view))
    }
}
