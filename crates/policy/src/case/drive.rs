//! Runs a case: layers in the order of traffic policy 1.3, effects answered from the case.

use std::ops::Range;
use std::sync::Arc;

use adit_names::code::ErrorCode;
use bytes::Bytes;

use super::Options;
use super::answers::{answer, forwarded, refusal};
use super::effects::Surroundings;
use super::hop::{Hop, Layer};
use super::seen::{Seen, Sight, answers, early};
use super::world::{Message, World};
use crate::action::terminate_tls::{TlsProfile, Verification};
use crate::document::{Node, Phase};
use crate::effect::{Effect, Input};
use crate::exchange::{Exchange, Trace};
use crate::guardrail::Selector;
use crate::inspector::Shown;
use crate::state::State;
use crate::step::{Decision, Step};
use crate::terms::Attempt;
use crate::value::Value;
use crate::view::{Connection, Tables, View};

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
    /// The endpoints that it came to.
    pub(super) hops: Vec<Arc<Hop>>,
    pub(super) runs: Vec<Ran>,
}

impl Outgoing {
    /// Is the layer about the endpoint and connection, as far as it was asked?
    pub(super) fn is_about(&self, hop: usize, layer: usize) -> bool {
        let mut runs = self.runs.iter();
        runs.any(|ran| (ran.hop, ran.layer) == (hop, layer) && !ran.passed_by)
    }
}

/// What an explanation lacks that takes too long.
const TIME: &str = "more time";

/// One run of a layer, for whoever tells of it.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) hop: usize,
    pub(super) layer: usize,
    pub(super) phase: Phase,
    /// Its verdicts, among those of the exchange.
    pub(super) verdicts: Range<usize>,
    /// What it asked for, among all that was.
    pub(super) effects: Range<usize>,
    /// What it logged, among all that was.
    pub(super) logs: Range<usize>,
    /// Elements that it used.
    pub(super) used: u32,
    /// It is not about this endpoint and connection.
    pub(super) passed_by: bool,
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
    /// The endpoint that is asked.
    pub(super) first: Arc<Hop>,
    pub(super) surroundings: Surroundings<'c>,
    pub(super) options: Options<'c>,
}

impl Driver<'_> {
    pub(super) fn seen<'s>(&'s self, phase: Phase, response: Option<&'s Message>) -> Seen<'s> {
        self.seen_by(phase, response, &Sight::of(self.world))
    }

    fn seen_by<'s>(&'s self, phase: Phase, response: Option<&'s Message>, sight: &Sight<'s>) -> Seen<'s> {
        Seen::new(
            self.world,
            &self.connection,
            &self.incoming,
            self.state,
            self.now,
            phase,
            response,
            sight,
        )
    }

    /// Runs it.
    ///
    /// # Errors
    /// The case is wrong.
    pub(super) fn exchange(&self) -> Result<Outgoing, String> {
        let trace = if self.options.trace { Trace::Full } else { Trace::Off };
        let mut exchange = Exchange::new().with_trace(trace);
        exchange.until = self.surroundings.around.and_then(|around| around.until);
        let mut out = Outgoing {
            exchange,
            hops: vec![self.first.clone()],
            ..Outgoing::default()
        };
        let own = self.first.layers.last().filter(|layer| !layer.guardrail);
        if let Some(own) = own.and_then(|layer| layer.policy.as_ref())
            && own.terminates_tls()
        {
            let connection = early(&self.connection);
            let mut seen = self.seen(Phase::TcpConnect, None);
            seen.connection = &connection;
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
        let (decision, own_runs) = loop {
            let ended = self.ask(&mut out);
            if out.lacks.is_some() {
                return Ok(out);
            }
            let Decision::Forward { url } = &ended.0 else {
                break ended;
            };
            let Some(next) = self.surroundings.target(url, &out.hops) else {
                break ended;
            };
            out.forwarded_to = Some(url.clone());
            out.hops.push(next);
        };
        let is_cloud = out.hops.last().is_some_and(|hop| hop.cloud);
        match decision {
            Decision::Close => {
                out.closed = true;
            }
            Decision::Refuse { status, code, headers } => {
                let answer = refusal(status, code, headers);
                if out.hops.len() > 1 {
                    self.respond_of_outer(answer, &mut out);
                } else {
                    self.finish(answer, "edge", &mut out);
                }
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
                } else if out.hops.len() > 1 {
                    self.respond_of_outer(answer, &mut out);
                } else {
                    self.finish(answer, "edge", &mut out);
                }
            }
            Decision::Forward { url } => {
                let answers = self.surroundings.answers_of(&url, self.step);
                let answers = answers.ok_or("the internal endpoint has no answer")?;
                out.forwarded_to = Some(url);
                self.sent(&answers, "internal", &mut out);
            }
            Decision::Pass if is_cloud => {
                self.finish(refusal(502, Some(ErrorCode::NGROK_724), Vec::new()), "edge", &mut out);
            }
            Decision::Pass => self.sent(&answers(self.case, self.step), "upstream", &mut out),
        }
        Ok(out)
    }

    /// The request phases of the endpoint that it has come to: the decision, and whether it is the own policy's.
    fn ask(&self, out: &mut Outgoing) -> (Decision, bool) {
        let at = out.hops.len().saturating_sub(1);
        let Some(hop) = out.hops.get(at).cloned() else {
            return (Decision::Close, false);
        };
        let is_http = self.world.subject.is_http();
        let phases: &[Phase] = match (is_http, at > 0 || hop.internal) {
            (true, false) => &[Phase::TcpConnect, Phase::HttpRequest],
            (true, true) => &[Phase::HttpRequest],
            (false, _) => &[Phase::TcpConnect],
        };
        for (number, layer) in hop.layers.iter().enumerate() {
            // One that cannot be run says so first.
            if !layer.guardrail && layer.policy.is_some() && is_refused(at, &hop, out) {
                return (self.unmet(), false);
            }
            for phase in phases {
                let decision = self.run((at, number), *phase, None, "", out);
                if out.lacks.is_some() {
                    return (Decision::Close, false);
                }
                if decision != Decision::Pass {
                    return (decision, !layer.guardrail);
                }
            }
        }
        let has_own = hop.layers.last().is_some_and(|layer| !layer.guardrail);
        if !has_own && is_refused(at, &hop, out) {
            return (self.unmet(), false);
        }
        (Decision::Pass, true)
    }

    /// An endpoint whose own policy lacks what is required of it answers nobody.
    fn unmet(&self) -> Decision {
        if !self.world.subject.is_http() {
            return Decision::Close;
        }
        let code = ErrorCode::ADIT_5030;
        Decision::Refuse {
            status: code.status().unwrap_or(503),
            code: Some(code),
            headers: Vec::new(),
        }
    }

    /// The request reaches somebody, once or several times.
    fn sent(&self, answers: &[Message], origin: &'static str, out: &mut Outgoing) {
        let seen = self.seen(Phase::HttpRequest, None);
        out.forwarded = Some(forwarded(&seen, &mut out.exchange));
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

    /// The answer to an effect of the action at `path` of a layer; `Err`: what this runner does not have.
    fn answer(
        &self,
        (effect, path): (Effect, String),
        layer: &Layer,
        hops: &[Arc<Hop>],
        exchange: &Exchange,
        view: &View<'_>,
        response: Option<&Message>,
    ) -> Result<Input, String> {
        let (asked, inspector) = match (effect, self.options.inspector) {
            (Effect::Inspect(asked), Some(inspector)) => (asked, inspector),
            (effect, _) => {
                return self
                    .surroundings
                    .perform((effect, path), layer.foreign, hops, &self.incoming, response);
            }
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
        let inspected = shown.inspected_by(inspector);
        self.surroundings.inspected(path, &inspected);
        Ok(Input::Inspected(inspected))
    }

    /// Runs the policy number `layer` of the endpoint number `hop` over one phase.
    pub(super) fn run(
        &self,
        (at, number): (usize, usize),
        phase: Phase,
        response: Option<&Message>,
        origin: &'static str,
        out: &mut Outgoing,
    ) -> Decision {
        if out.exchange.is_late() {
            out.lacks = Some(TIME.to_owned());
            return Decision::Close;
        }
        let Some(hop) = out.hops.get(at).cloned() else {
            return Decision::Pass;
        };
        let Some(layer) = hop.layers.get(number) else {
            return Decision::Pass;
        };
        let plan;
        let endpoint = if layer.guardrail && response.is_none() {
            plan = hop.plan();
            &plan
        } else {
            &hop.facts
        };
        let sight = Sight {
            endpoint,
            tables: layer
                .tables
                .as_deref()
                .map_or(self.world as &dyn Tables, |tables| tables),
        };
        let connection;
        let mut seen = self.seen_by(phase, response, &sight);
        if phase == Phase::TcpConnect && !self.world.subject.is_http() {
            connection = early(&self.connection);
            seen.connection = &connection;
        }
        seen.origin = origin;
        let view = seen.get();
        let verdicts = out.exchange.verdicts().len();
        let effects = self.surroundings.calls.asked();
        let logs = out.exchange.logs().len();
        let used = out.exchange.used_in(phase);
        let covers = |selector: &Selector| {
            selector.covers(&View {
                request: None,
                response: None,
                ..view
            })
        };
        let passed_by = layer.selector.as_ref().is_some_and(|selector| !covers(selector));
        let decision = if passed_by {
            Decision::Pass
        } else {
            self.step_through(layer, phase, response, &view, out)
        };
        out.runs.push(Ran {
            hop: at,
            layer: number,
            phase,
            verdicts: verdicts..out.exchange.verdicts().len(),
            effects: effects..self.surroundings.calls.asked(),
            logs: logs..out.exchange.logs().len(),
            used: out.exchange.used_in(phase).saturating_sub(used),
            passed_by,
        });
        decision
    }

    fn step_through(
        &self,
        layer: &Layer,
        phase: Phase,
        response: Option<&Message>,
        view: &View<'_>,
        out: &mut Outgoing,
    ) -> Decision {
        let Some(policy) = &layer.policy else {
            // One that cannot be run lets nobody pass.
            return match phase {
                _ if layer.dry_run => Decision::Pass,
                // A request is answered.
                Phase::TcpConnect if self.world.subject.is_http() => Decision::Pass,
                Phase::TcpConnect => Decision::Close,
                _ => Decision::Refuse {
                    status: 500,
                    code: Some(ErrorCode::ADIT_5201),
                    headers: Vec::new(),
                },
            };
        };
        let mut run = policy
            .begin(phase)
            .with_prefix(layer.prefix.as_str())
            .with_cel(self.options.cel)
            .without(layer.except.iter().cloned());
        if layer.dry_run {
            run = run.with_dry_run();
        }
        let is_left_alone = phase == Phase::HttpRequest && out.exchange.edits().is_empty() && policy.leaves_alone(view);
        let mut input = Input::Begin;
        loop {
            match run.step(&mut out.exchange, view, input) {
                Step::Done(decision) => {
                    debug_assert!(
                        !is_left_alone || decision == Decision::Pass && out.exchange.edits().is_empty(),
                        "a look and a run agree"
                    );
                    if !layer.guardrail && !policy.is_idle(phase) {
                        out.vars = run.vars().to_vec();
                    }
                    return decision;
                }
                Step::Need(effect) => {
                    if out.exchange.is_late() {
                        out.lacks = Some(TIME.to_owned());
                        return Decision::Close;
                    }
                    let asked = (effect, run.asks_at());
                    match self.answer(asked, layer, &out.hops, &out.exchange, view, response) {
                        Ok(answer) => input = answer,
                        Err(lacks) => {
                            out.lacks = Some(lacks);
                            return Decision::Close;
                        }
                    }
                }
            }
        }
    }
}

/// Does a guardrail around the endpoint number `at`, which is about it and has run, require now what is not there?
fn is_refused(at: usize, hop: &Hop, out: &Outgoing) -> bool {
    let mut layers = hop.layers.iter().enumerate();
    layers.any(|(number, layer)| {
        let is_in_force = layer.unmet.as_ref().is_some_and(|unmet| unmet.in_force);
        is_in_force && out.is_about(at, number)
    })
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
