//! What policies have put off until there is a response: done once, when all layers have spoken, also on answers that
//! the edge makes itself (traffic policy 4.6, 6.5).

use adit_http1::Head;
use adit_policy::{Coding, Encoder};

use super::chain::Chain;
use crate::forward::date;
use crate::node::Node;
use crate::reply::{Answer, Form};

impl Chain {
    /// Settles the response whose head, with all changes so far, this is.
    pub(super) fn settle(&mut self, node: &Node, response: &mut Head, origin: &'static str) {
        if self.exchange.leaves_response() {
            return;
        }
        let done = self.exchange.edits().len();
        self.seen(node, 0, Some((response, origin)), |exchange, view| {
            exchange.settle_response(view);
        });
        self.finish(response, done);
    }

    /// How the body behind this head is to be encoded. The head says so: one that was given up meanwhile does not count.
    pub(crate) fn coding(&self, response: &Head) -> Option<Coding> {
        let coding = self.exchange.coding()?;
        (response.find(b"content-encoding") == Some(coding.name().as_bytes())).then_some(coding)
    }

    /// An answer as the visitor gets it: settled, its body encoded.
    pub(crate) fn settled(&mut self, node: &Node, answer: &Answer) -> Option<Answer> {
        if self.exchange.leaves_response() {
            return None;
        }
        let received = self.received.as_ref()?;
        let mut head = Head::new();
        let form = Form::of(&received.head);
        let body = date(|d| answer.render(form, &received.id, d, &mut head));
        self.settle(node, &mut head, "edge");
        let body = match self.coding(&head) {
            Some(coding) => match encoded(coding, &body) {
                Ok(body) => body,
                Err(_) => return Some(Answer::internal()),
            },
            None => body,
        };
        Some(answer.settled(&head, body))
    }
}

/// A whole body, encoded.
fn encoded(coding: Coding, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = Encoder::new(coding)?;
    let mut out = encoder.push(body)?;
    out.extend(encoder.finish()?);
    Ok(out)
}
