//! The messages of an event stream: each passes the policies of the endpoints that the request has passed.

use std::sync::Arc;
use std::time::Instant;

use adit_http1::Head;
use adit_policy::{Decision, Effect, Event, Input, Phase, Policy, Step};
use adit_snapshot::Guardrail;

use super::chain::Chain;
use super::run::Scene;
use crate::node::Node;

impl Chain {
    /// Whether policies look at the messages of the response with this head. Those of an encoded stream cannot be told
    /// apart.
    pub(crate) fn reads_messages(&self, response: &Head) -> bool {
        if (0..self.levels()).all(|at| self.layers_back(at, Phase::EventStreamMessage).is_empty()) {
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
        for at in (0..self.levels()).rev() {
            for (policy, guardrail) in self.layers_back(at, Phase::EventStreamMessage) {
                self.judge_message(node, response, at, &policy, guardrail.as_ref())?;
            }
        }
        self.exchange.take_event().map(Event::into_bytes)
    }
    /// One policy over a message. `None`: it lets nothing more pass.
    fn judge_message(
        &mut self,
        node: &Node,
        response: &Head,
        at: usize,
        policy: &Arc<Policy>,
        guardrail: Option<&Arc<Guardrail>>,
    ) -> Option<()> {
        let scene = Scene {
            node,
            at,
            policy,
            guardrail,
            phase: Phase::EventStreamMessage,
            response: Some((response, "upstream")),
        };
        let mut run = self.new_run(scene);
        let mut input = Input::Begin;
        let (began, told) = (Instant::now(), self.exchange.verdicts().len());
        loop {
            let step = self.look(scene, &node.policy_state, |exchange, view| {
                run.step(exchange, view, input)
            });
            match step {
                Step::Done(Decision::Pass) => {
                    self.rehearsed(scene, told);
                    return Some(());
                }
                Step::Need(Effect::Tick) => input = Input::Tick(began.elapsed()),
                // No action of this phase asks for anything.
                Step::Done(decision) => {
                    self.note_refusal(scene, &decision);
                    return None;
                }
                Step::Need(_) => return None,
            }
        }
    }
}
