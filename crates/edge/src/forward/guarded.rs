//! Guardrails of the organisation: met once for each endpoint that a request comes to, before a member is chosen there, so
//! that they refuse also where no agent is.

use std::sync::Arc;

use super::exchange::{Forwarded, Progress, governed, visitor_failed};
use super::scratch::Exchange;
use crate::govern::{Chain, Plan, Verdict};
use crate::http::{RequestFacts, Visitor};
use crate::reply::Answer;
use crate::route::Routed;
use crate::secure::Conn;

/// Has the request pass the guardrails of these endpoints. Costs a look at two lengths while nobody has any.
///
/// # Errors
/// The end of the exchange.
pub(super) async fn pass<V: Visitor>(
    conn: &Arc<Conn>,
    visitor: &mut V,
    routed: &Routed,
    exchange: &Exchange,
    chain: &mut Option<Box<Chain>>,
    progress: &mut Progress,
    (facts, host): (&RequestFacts, &str),
) -> Result<(), Forwarded> {
    let plan = {
        let config = conn.node.config.load();
        if !config.told.has_guardrails() {
            return Ok(());
        }
        match chain {
            Some(chain) => chain.plan(&config, routed),
            None => Plan::of(&config, routed, host),
        }
    };
    let Some(plan) = plan else { return Ok(()) };
    let chain = chain.get_or_insert_with(|| governed(conn, exchange, host, false));
    progress.take_body_back();
    match chain.guard(conn, plan, visitor, facts, progress.read_body()).await {
        Verdict::Pass => Ok(()),
        Verdict::Answer(answer) => Err(Forwarded::Answer(answer)),
        Verdict::Close => Err(Forwarded::Closed { reset: false }),
        Verdict::Reset => Err(Forwarded::Closed { reset: true }),
        Verdict::Failed(error) => Err(visitor_failed(&error, false, visitor)),
        // No guardrail forwards.
        Verdict::Forward(_) => Err(Forwarded::Answer(Answer::internal())),
    }
}
