//! Runs a case: layers in the order of traffic policy 1.3, effects answered from the case.

use std::sync::Arc;

use adit_names::code::ErrorCode;
use bytes::Bytes;

use super::Options;
use super::effects::Surroundings;
use super::seen::{Seen, answers, view};
use super::world::{Message, World};
use crate::action::terminate_tls::{TlsProfile, Verification};
use crate::body::{Encoder, EventStream, Piece};
use crate::compile::Policy;
use crate::document::{Node, Phase};
use crate::effect::{Effect, Input};
use crate::exchange::{Exchange, Trace};
use crate::inspector::Shown;
use crate::state::State;
use crate::step::{Decision, Step};
use crate::subject::Owner;
use crate::terms::Attempt;
use crate::value::Value;
use crate::view::{Connection, View};

/// What came out of an exchange.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// What the upstream got, its `url` being path and query, and under which host.
    pub(super) forwarded: Option<(String, Message)>,
    pub(super) forwarded_to: Option<String>,
    pub(super) response: Option<Message>,
    pub(super) closed: bool,
    /// The handshake failed.
    pub(super) alert: bool,
    /// What was sent by the policy itself.
    pub(super) calls: Vec<super::effects::Call>,
    /// Something was needed that this runner does not have.
    pub(super) lacks: Option<String>,
    pub(super) vars: Vec<(String, Value)>,
    pub(super) exchange: Exchange,
}

/// What the visitor offers against what the profile asks for.
fn handshake_fails(profile: &TlsProfile, connection: &Connection) -> bool {
    let Some(tls) = connection.tls.as_deref() else {
        return false;
    };
    let presented = !tls.client.is_empty();
    let verified = tls
        .client
        .iter()
        .any(|(name, value)| name == "verified" && *value == Value::Bool(true));
    let refused = match profile.verification {
        Some(Verification::RequireAndVerify) => !presented || !verified,
        Some(Verification::RequireAny) => !presented,
        Some(Verification::Request) | None => false,
    };
    tls.version.as_str() < profile.min_version || refused
}

/// One exchange of a case.
pub(super) struct Driver<'c> {
    pub(super) case: &'c Node,
    pub(super) step: Option<&'c Node>,
    pub(super) world: &'c World,
    pub(super) connection: Connection,
    pub(super) incoming: Message,
    pub(super) state: &'c State,
    pub(super) now: i64,
    /// Guardrails from the outermost in, then the own policy; each with the prefix of its paths.
    pub(super) layers: &'c [(String, Arc<Policy>)],
    pub(super) surroundings: Surroundings<'c>,
    pub(super) options: Options,
}

impl Driver<'_> {
    fn seen<'s>(&'s self, phase: Phase, response: Option<&'s Message>) -> Seen<'s> {
        view(
            self.world,
            &self.connection,
            &self.incoming,
            self.state,
            self.now,
            phase,
            response,
        )
    }

    /// Runs it.
    ///
    /// # Errors
    /// The case is wrong.
    pub(super) fn exchange(&self) -> Result<Outgoing, String> {
        let trace = if self.options.trace { Trace::Full } else { Trace::Off };
        let mut out = Outgoing {
            exchange: Exchange::new().with_trace(trace),
            ..Outgoing::default()
        };
        let http = self.world.subject.is_http();
        if let Some((_, own)) = self.layers.last()
            && own.terminates_tls()
        {
            let seen = self.seen(Phase::TcpConnect, None);
            match own.tls_profile(&seen.get()) {
                Ok(Some(profile)) if handshake_fails(&profile, &self.connection) => {
                    out.alert = true;
                    return Ok(out);
                }
                Ok(_) => {}
                Err(_) => {
                    out.closed = true;
                    return Ok(out);
                }
            }
        }
        let phases: &[Phase] = if http {
            &[Phase::TcpConnect, Phase::HttpRequest]
        } else {
            &[Phase::TcpConnect]
        };
        let mut ended = (Decision::Pass, self.layers.len());
        'phases: for phase in phases {
            for layer in 0..self.layers.len() {
                let decision = self.run(layer, *phase, None, "", &mut out);
                if out.lacks.is_some() {
                    return Ok(out);
                }
                if decision != Decision::Pass {
                    ended = (decision, layer);
                    break 'phases;
                }
            }
        }
        let own_runs = ended.1 + 1 >= self.layers.len();
        match ended.0 {
            Decision::Close => {
                out.closed = true;
                Ok(out)
            }
            Decision::Refuse { status, code, headers } => {
                let answer = refusal(status, code, headers);
                self.finish(answer, "edge", &mut out);
                Ok(out)
            }
            Decision::Respond {
                status,
                headers,
                body,
                continues,
            } => {
                let answer = answer(status, headers, body);
                if continues {
                    self.respond(own_runs, answer, "custom-response", &mut out);
                } else {
                    self.finish(answer, "edge", &mut out);
                }
                Ok(out)
            }
            Decision::Forward { url } => {
                let answer = self
                    .surroundings
                    .internal(&url)
                    .ok_or("the internal endpoint has no answer")?;
                self.sent(&[answer], "internal", Some(url), &mut out);
                Ok(out)
            }
            Decision::Pass if self.world.subject.owner == Owner::Cloud => {
                self.finish(refusal(502, Some(ErrorCode::NGROK_724), Vec::new()), "edge", &mut out);
                Ok(out)
            }
            Decision::Pass => {
                self.sent(&answers(self.case, self.step), "upstream", None, &mut out);
                Ok(out)
            }
        }
    }

    /// The request reaches somebody, once or several times.
    fn sent(&self, answers: &[Message], origin: &'static str, to: Option<String>, out: &mut Outgoing) {
        let seen = self.seen(Phase::HttpRequest, None);
        out.forwarded = Some(forwarded(&seen, &mut out.exchange));
        out.forwarded_to = to;
        let mut attempt = 1;
        let answer = loop {
            let at = usize::min(attempt - 1, answers.len().saturating_sub(1));
            let answer = answers.get(at).cloned().unwrap_or_default();
            let ended = match answer.error.as_deref() {
                None => Attempt::Status(answer.status),
                Some("refused") => Attempt::ConnectFailure,
                Some(_) => Attempt::Reset,
            };
            let number = u32::try_from(attempt).unwrap_or(u32::MAX);
            if !out.exchange.retries(&seen.get(), number, ended) {
                break answer;
            }
            attempt += 1;
        };
        let error = answer.error.is_some() || answer.status >= 500;
        out.exchange.upstream_answered(self.state, self.now, error);
        if answer.error.is_some() {
            self.finish(refusal(502, None, Vec::new()), "edge", out);
        } else if self.world.subject.is_http() {
            self.respond(true, answer, origin, out);
        }
    }

    /// The response phases: the own policy first, then the guardrails from the innermost out.
    fn respond(&self, own_runs: bool, mut current: Message, origin: &'static str, out: &mut Outgoing) {
        let last = self.layers.len().saturating_sub(1);
        for layer in (0..self.layers.len()).rev() {
            if layer == last && !own_runs {
                continue;
            }
            let vars = std::mem::take(&mut out.vars);
            let decision = self.run(layer, Phase::HttpResponse, Some(&current), origin, out);
            // What is compared are the variables of the request phase.
            out.vars = vars;
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
        self.events(own_runs, &mut current, origin, out);
        self.finish(current, origin, out);
    }

    /// The messages of an event stream, one after the other.
    fn events(&self, own_runs: bool, current: &mut Message, origin: &'static str, out: &mut Outgoing) {
        let is_stream = current.fields.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type") && value.to_ascii_lowercase().starts_with(b"text/event-stream")
        });
        let idle = self
            .layers
            .iter()
            .all(|(_, policy)| policy.is_idle(Phase::EventStreamMessage));
        if !is_stream || idle {
            return;
        }
        let mut stream = EventStream::new();
        let mut body = Vec::new();
        for piece in stream.push(&current.body) {
            match piece {
                Piece::Bytes(bytes) => body.extend(bytes),
                Piece::Event(event) => {
                    out.exchange.set_event(event);
                    let last = self.layers.len().saturating_sub(1);
                    for layer in (0..self.layers.len()).rev() {
                        if layer != last || own_runs {
                            let vars = std::mem::take(&mut out.vars);
                            self.run(layer, Phase::EventStreamMessage, Some(current), origin, out);
                            out.vars = vars;
                        }
                    }
                    body.extend(out.exchange.take_event().unwrap_or_default().into_bytes());
                }
            }
        }
        body.extend(stream.finish());
        current.body = body;
    }

    /// The answer to an effect; `Err`: what this runner does not have.
    fn answer(
        &self,
        effect: Effect,
        exchange: &Exchange,
        view: &View<'_>,
        response: Option<&Message>,
    ) -> Result<Input, String> {
        let (asked, inspector) = match (effect, self.options.inspector) {
            (Effect::Inspect(asked), Some(inspector)) => (asked, inspector),
            (effect, _) => return self.surroundings.perform(effect, &self.incoming, response),
        };
        let mut shown = Shown::of(&asked, exchange, view).ok_or("there is no message to be looked at")?;
        let read = shown.reads(inspector);
        if read > 0 {
            let body = match response {
                Some(response) if asked.response => &response.body,
                _ => &self.incoming.body,
            };
            let begin = body.get(..body.len().min(read)).unwrap_or_default();
            shown.read(Bytes::copy_from_slice(begin));
        }
        Ok(Input::Inspected(shown.inspected_by(inspector)))
    }

    /// What reaches the visitor.
    fn finish(&self, mut current: Message, origin: &'static str, out: &mut Outgoing) {
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

    fn run(
        &self,
        layer: usize,
        phase: Phase,
        response: Option<&Message>,
        origin: &'static str,
        out: &mut Outgoing,
    ) -> Decision {
        let Some((prefix, policy)) = self.layers.get(layer) else {
            return Decision::Pass;
        };
        let mut seen = self.seen(phase, response);
        seen.origin = origin;
        let view = seen.get();
        let mut run = policy
            .begin(phase)
            .with_prefix(prefix.as_str())
            .with_cel(self.options.cel);
        let is_left_alone =
            phase == Phase::HttpRequest && out.exchange.edits().is_empty() && policy.leaves_alone(&view);
        let mut input = Input::Begin;
        loop {
            match run.step(&mut out.exchange, &view, input) {
                Step::Done(decision) => {
                    debug_assert!(
                        !is_left_alone || decision == Decision::Pass && out.exchange.edits().is_empty(),
                        "a look and a run agree"
                    );
                    if prefix.is_empty() && !policy.is_idle(phase) {
                        out.vars = run.vars().to_vec();
                    }
                    return decision;
                }
                Step::Need(effect) => match self.answer(effect, &out.exchange, &view, response) {
                    Ok(answer) => input = answer,
                    Err(lacks) => {
                        out.lacks = Some(lacks);
                        return Decision::Close;
                    }
                },
            }
        }
    }
}

fn answer(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Message {
    Message {
        status,
        fields: headers
            .into_iter()
            .map(|(name, value)| (name, value.into_bytes()))
            .collect(),
        body,
        ..Message::default()
    }
}

fn refusal(status: u16, code: Option<ErrorCode>, headers: Vec<(String, String)>) -> Message {
    let mut answer = answer(status, headers, Vec::new());
    if let Some(code) = code {
        answer
            .fields
            .push(("ngrok-error-code".to_owned(), code.as_str().as_bytes().to_vec()));
    }
    answer
}

/// The request as the upstream gets it: what actions have made of what came in.
fn forwarded(seen: &Seen<'_>, exchange: &mut Exchange) -> (String, Message) {
    let incoming = seen.incoming;
    let host = exchange.host().unwrap_or(&seen.authority).to_owned();
    let request = Message {
        method: incoming.method.clone(),
        url: exchange.target().unwrap_or(&seen.target).to_owned(),
        fields: exchange.request_fields().unwrap_or(&incoming.fields).to_vec(),
        body: exchange
            .take_request_body()
            .map_or_else(|| incoming.body.clone(), Vec::from),
        ..Message::default()
    };
    (host, request)
}
