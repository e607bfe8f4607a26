//! What a policy says about repeating an exchange (traffic policy 6.5, `retry`).

use adit_policy::Attempt;

use super::chain::Chain;
use crate::node::Node;

impl Chain {
    /// Is the exchange to be tried once more, after its try number `attempt` (from 1) ended so?
    pub(crate) fn repeats(&mut self, node: &Node, attempt: u32, ended: Attempt) -> bool {
        if self.exchange.terms().retry.is_none() {
            return false;
        }
        let at = self.hops.len().saturating_sub(1);
        self.seen(node, at, None, |exchange, view| exchange.retries(view, attempt, ended))
            .unwrap_or(false)
    }

    /// By what the budget of repeats is kept: the endpoint that visitors ask.
    pub(crate) fn budget_key(&self) -> String {
        self.outermost().map_or_else(String::new, |hop| {
            let facts = hop.facts();
            format!("{} {}", facts.organization_id, facts.url)
        })
    }
}
