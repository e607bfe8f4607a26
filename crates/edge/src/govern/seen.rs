//! The exchange of a chain together with what policies see of it.

use std::time::SystemTime;

use adit_http1::Head;
use adit_policy::{Exchange, State, View};

use super::chain::Chain;
use super::connection::micros;
use super::tables::OfOrganization;
use super::view::{self, RequestFields, ResponseFields};
use crate::node::Node;

/// From where an exchange is looked at.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    /// The endpoint among those that were passed.
    pub(super) at: usize,
    /// Whether there is a request already, if this is HTTP.
    pub(super) with_request: bool,
    /// The head of the response, and who made it.
    pub(super) response: Option<(&'a Head, &'static str)>,
    /// Counters.
    pub(super) state: &'a State,
}

impl Chain {
    /// Gives `f` the exchange and what is seen of it. `None`: there is no such endpoint.
    pub(super) fn seen<R>(
        &mut self,
        node: &Node,
        sight: Sight<'_>,
        f: impl FnOnce(&mut Exchange, &View<'_>) -> R,
    ) -> Option<R> {
        let config = node.config.load();
        let facts = self.hops.get(sight.at)?.facts();
        let now = micros(SystemTime::now());
        let with_request = self.received.as_ref().filter(|_| sight.with_request);
        let fields = with_request.map(|r| RequestFields(&r.head));
        let request = with_request
            .zip(fields.as_ref())
            .map(|(r, fields)| view::request(&r.head, fields, &r.id, r.is_secure, r.at));
        let response_fields = sight.response.map(|(head, _)| ResponseFields(head));
        let response = sight
            .response
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
            state: sight.state,
        };
        Some(f(&mut self.exchange, &view))
    }
}
