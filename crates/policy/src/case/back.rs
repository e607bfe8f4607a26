//! The way back: a response through the layers of all endpoints that were passed, and what reaches the visitor.

use std::sync::Arc;

use super::answers::{answer, refusal};
use super::drive::{Driver, Outgoing};
use super::hop::{Hop, Layer};
use super::world::Message;
use crate::body::{Encoder, EventStream, Piece};
use crate::document::Phase;
use crate::step::Decision;

impl Driver<'_> {
    /// The response phases: of the endpoint reached last its own policy first, then its guardrails from the innermost out;
    /// then those of the endpoint before it.
    pub(super) fn respond(&self, own_runs: bool, current: Message, origin: &'static str, out: &mut Outgoing) {
        let layers = layers_back(&out.hops, own_runs);
        self.respond_through(&layers, current, origin, out);
    }

    /// An endpoint behind others refuses: that is a response to those before it.
    pub(super) fn respond_of_outer(&self, current: Message, out: &mut Outgoing) {
        let outer = out.hops.len().saturating_sub(1);
        let layers = layers_back(out.hops.get(..outer).unwrap_or_default(), true);
        self.respond_through(&layers, current, "edge", out);
    }

    fn respond_through(
        &self,
        layers: &[(usize, usize)],
        mut current: Message,
        origin: &'static str,
        out: &mut Outgoing,
    ) {
        for place in layers {
            let vars = std::mem::take(&mut out.vars);
            let decision = self.run(*place, Phase::HttpResponse, Some(&current), origin, out);
            // What is compared are the variables of the request phase.
            out.vars = vars;
            if out.lacks.is_some() {
                return;
            }
            if let Some(body) = out.exchange.take_response_body() {
                current.body = body.into();
            }
            match decision {
                Decision::Pass | Decision::Forward { .. } => {
                    if let Some(fields) = out.exchange.overlay.response.take() {
                        current.fields = fields;
                    }
                }
                Decision::Respond {
                    status, headers, body, ..
                } => {
                    out.exchange.response_replaced();
                    let date = current
                        .fields
                        .iter()
                        .find(|(name, _)| name.eq_ignore_ascii_case("date"))
                        .cloned();
                    current = answer(status, headers, body);
                    current.fields.extend(date);
                }
                Decision::Refuse { status, code, headers } => {
                    out.exchange.response_replaced();
                    self.finish(refusal(status, code, headers), "edge", out);
                    return;
                }
                Decision::Close => {
                    out.closed = true;
                    return;
                }
            }
        }
        self.events(layers, &mut current, origin, out);
        self.finish(current, origin, out);
    }

    /// The messages of an event stream, one after the other.
    fn events(&self, layers: &[(usize, usize)], current: &mut Message, origin: &'static str, out: &mut Outgoing) {
        let is_stream = current.fields.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type") && value.to_ascii_lowercase().starts_with(b"text/event-stream")
        });
        let idle = |(hop, layer): &(usize, usize)| {
            let layer = out.hops.get(*hop).and_then(|hop| hop.layers.get(*layer));
            let policy = layer.and_then(|layer| layer.policy.as_ref());
            policy.is_none_or(|policy| policy.is_idle(Phase::EventStreamMessage))
        };
        if !is_stream || layers.iter().all(idle) {
            return;
        }
        let mut stream = EventStream::new();
        let mut body = Vec::new();
        for piece in stream.push(&current.body) {
            match piece {
                Piece::Bytes(bytes) => body.extend(bytes),
                Piece::Event(event) => {
                    out.exchange.set_event(event);
                    for place in layers {
                        let vars = std::mem::take(&mut out.vars);
                        self.run(*place, Phase::EventStreamMessage, Some(current), origin, out);
                        out.vars = vars;
                    }
                    body.extend(out.exchange.take_event().unwrap_or_default().into_bytes());
                }
            }
        }
        body.extend(stream.finish());
        current.body = body;
    }

    /// What reaches the visitor.
    pub(super) fn finish(&self, mut current: Message, origin: &'static str, out: &mut Outgoing) {
        let mut seen = self.seen(Phase::HttpResponse, Some(&current));
        seen.origin = origin;
        out.exchange.settle_response(&seen.get());
        if let Some(fields) = out.exchange.overlay.response.take() {
            current.fields = fields;
        }
        if let Some(coding) = out.exchange.coding() {
            let encoded = Encoder::new(coding).and_then(|mut encoder| {
                let mut encoded = encoder.push(&current.body)?;
                encoded.extend(encoder.finish()?);
                Ok(encoded)
            });
            current.body = encoded.unwrap_or_default();
        }
        // The edge sends no body in answer to HEAD.
        if self.incoming.method == "HEAD" {
            current.body.clear();
        }
        out.calls = self.surroundings.calls.take();
        out.response = Some(current);
    }
}

/// The layers that a response passes, each as its endpoint and its place there.
fn layers_back(hops: &[Arc<Hop>], own_runs: bool) -> Vec<(usize, usize)> {
    let last = hops.len().saturating_sub(1);
    let of_hop = |(at, hop): (usize, &Arc<Hop>)| {
        let back = hop.layers.iter().enumerate().rev();
        let runs = move |layer: &Layer| layer.guardrail || at != last || own_runs;
        let back: Vec<_> = back.filter(|(_, layer)| runs(layer)).map(|(n, _)| (at, n)).collect();
        back
    };
    hops.iter().enumerate().rev().flat_map(of_hop).collect()
}
