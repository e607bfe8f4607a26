//! The messages of an event stream: each passes the policies of the endpoints that the request has passed.

use std::time::Instant;

use adit_http1::Head;
use adit_policy::{Decision, Effect, Event, Input, Phase, Step};

use super::chain::Chain;
use super::hop::Hop;
use crate::node::Node;

impl Chain {
    /// Whether policies look at the messages of the response with this head. Those of an encoded stream cannot be told
    /// apart.
    pub(crate) fn reads_messages(&self, response: &Head) -> bool {
        let is_idle = |hop: &Hop| {
            hop.policy()
                .is_none_or(|policy| policy.is_idle(Phase::EventStreamMessage))
        };
        if self.hops.iter().all(is_idle) {
            return false;
        }
        let is_plain = response
            .find(b"content-encoding")
            .is_none_or(|coding| coding.eq_ignore_ascii_case(b"identity"));
        let kind = response.find(b"content-type").unwrap_or_default();
        let kind = kind.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        kind.eq_ignore_ascii_case(b"text/event-stream") && (is_plain || self.coding(response).is_some())
    }

    /// What goes on in place of a message. `None`: a policy lets nothing more pass.
    pub(crate) fn message(&mut self, node: &Node, response: &Head, event: Event) -> Option<Vec<u8>> {
        self.exchange.set_event(event);
        for at in (0..self.hops.len()).rev() {
            let Some(policy) = self.hops.get(at).and_then(Hop::policy).cloned() else {
                continue;
            };
            if policy.is_idle(Phase::EventStreamMessage) {
                continue;
            }
            let mut run = policy.begin(Phase::EventStreamMessage);
            let mut input = Input::Begin;
            let began = Instant::now();
            loop {
                let step = self.seen(node, at, Some((response, "upstream")), |exchange, view| {
                    run.step(exchange, view, input)
                })?;
                match step {
                    Step::Done(Decision::Pass) => break,
                    Step::Need(Effect::Tick) => input = Input::Tick(began.elapsed()),
                    // No action of this phase asks for anything.
                    Step::Done(_) | Step::Need(_) => return None,
                }
            }
        }
        self.exchange.take_event().map(Event::into_bytes)
    }
}
