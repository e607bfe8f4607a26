//! Runs a case: layers in the order of traffic policy 1.3, effects answered from the case.

use std::sync::Arc;

use adit_names::code::ErrorCode;
use adit_names::endpoint_url::Scheme;
use bytes::Bytes;

use super::effects::{Calls, Surroundings};
use super::world::{Message, World, message};
use super::{Explanation, Forwarded, Options, Outcome, expect, texts};
use crate::action::terminate_tls::{TlsProfile, Verification};
use crate::body::{Encoder, EventStream, Piece};
use crate::compile::Policy;
use crate::document::{Node, Phase};
use crate::effect::{Effect, Input};
use crate::exchange::{Exchange, Trace};
use crate::expr::{Budget, Failure, Overlay, Program, Scope, Template};
use crate::inspector::Shown;
use crate::state::State;
use crate::step::{Decision, Step};
use crate::subject::{Actions, Owner, Subject};
use crate::terms::Attempt;
use crate::value::Value;
use crate::view::{Connection, Request, Response, View};

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

/// A case about one expression or template.
pub(super) fn expression(case: &Node, world: &World, options: Options) -> Result<Outcome, String> {
    let name = case.get("phase").and_then(Node::text).unwrap_or("on_http_request");
    let phase = Phase::ALL
        .into_iter()
        .find(|phase| phase.name() == name)
        .ok_or("unknown phase")?;
    let (kind, text) = match (case.get("expr"), case.get("template")) {
        (Some(node), _) => ("expr", node.scalar_text().unwrap_or_default()),
        (None, Some(node)) => ("template", node.scalar_text().unwrap_or_default()),
        (None, None) => return Err("no expression".to_owned()),
    };
    let compiled = if kind == "expr" {
        Program::compile(text, phase, &[]).map(|(program, _)| Ok(program))
    } else {
        Template::compile(text, phase, &[]).map(|(template, _)| Err(template))
    };
    let refused = case.get("expect").is_some_and(|expect| expect.get("errors").is_some());
    let compiled = match compiled {
        Ok(_) if refused => return Ok(Outcome::Failed(vec!["it was not refused".to_owned()])),
        Err(_) if refused => return Ok(Outcome::Passed),
        Ok(compiled) => compiled,
        Err(problems) => {
            return Ok(Outcome::Failed(vec![format!(
                "refused: {}",
                problems
                    .first()
                    .map(|problem| problem.message.as_str())
                    .unwrap_or_default()
            )]));
        }
    };
    let incoming = incoming(case, None, world);
    let answer = answers(case, None);
    let state = State::default();
    let view = view(
        world,
        &world.connection,
        &incoming,
        &state,
        world.now,
        phase,
        answer.first(),
    );
    let scope = Scope {
        view: &view.get(),
        overlay: &Overlay::default(),
        vars: &[],
        results: &[],
        extra: &[],
        bodies: None,
        facts: None,
        budget: &Budget::default(),
        draws: 0.into(),
    };
    let result = match &compiled {
        Ok(program) => program.evaluate_in(&scope, options.cel),
        Err(template) => template.render(&scope, 1 << 20).map(Value::Text),
    };
    let wrong = match (result, case.get("value"), case.get("error").is_some()) {
        (Ok(value), Some(expected), _) => expect::same("value", &super::world::value(expected), &value),
        (Err(_), _, true) => None,
        (Ok(value), _, true) => Some(format!("expected an error, got {value:?}")),
        (Err(Failure::Error(message)), ..) => Some(format!("error: {message}")),
        (Err(Failure::Budget), ..) => Some("error: elements used up".to_owned()),
        (Ok(_), None, false) => Some("the case expects nothing".to_owned()),
    };
    Ok(expect::outcome(wrong.into_iter().collect()))
}

fn incoming(case: &Node, step: Option<&Node>, world: &World) -> Message {
    let mut incoming = message(&[case.get("request"), step.and_then(|step| step.get("request"))]);
    if incoming.url.is_empty() {
        incoming.url = format!("{}://{}/", world.endpoint.scheme, world.endpoint.host);
    }
    incoming
}

/// What the upstream answers, attempt after attempt.
fn answers(case: &Node, step: Option<&Node>) -> Vec<Message> {
    let layers = [case.get("upstream"), step.and_then(|step| step.get("upstream"))];
    let with_body = |mut answer: Message, node: Option<&Node>| {
        if node.is_none_or(|node| node.get("body").is_none()) {
            answer.body = b"ok".to_vec();
        }
        answer
    };
    match layers.iter().rev().find_map(|layer| layer.and_then(Node::list)) {
        Some(list) => list
            .iter()
            .map(|node| with_body(message(&[Some(node)]), Some(node)))
            .collect(),
        None => {
            let node = layers.iter().rev().find_map(|layer| *layer);
            vec![with_body(message(&layers), node)]
        }
    }
}

/// A view with what it borrows.
struct Seen<'a> {
    world: &'a World,
    connection: &'a Connection,
    state: &'a State,
    now: i64,
    scheme: Scheme,
    authority: String,
    target: String,
    incoming: &'a Message,
    response: Option<&'a Message>,
    origin: &'static str,
    http: bool,
}

fn length(fields: &[(String, Vec<u8>)]) -> Option<u64> {
    let (_, value) = fields
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

impl Seen<'_> {
    fn get(&self) -> View<'_> {
        View {
            now: self.now,
            seed: 42,
            connection: self.connection,
            endpoint: &self.world.endpoint,
            request: self.http.then(|| Request {
                id: "req_test",
                method: &self.incoming.method,
                version: "HTTP/1.1",
                scheme: self.scheme,
                authority: &self.authority,
                target: &self.target,
                fields: &self.incoming.fields,
                content_length: length(&self.incoming.fields),
                received_at: self.now,
            }),
            response: self.response.map(|response| Response {
                status: response.status,
                fields: &response.fields,
                content_length: length(&response.fields),
                origin: self.origin,
                received_at: self.now,
            }),
            tables: self.world,
            state: self.state,
        }
    }
}

fn view<'a>(
    world: &'a World,
    connection: &'a Connection,
    incoming: &'a Message,
    state: &'a State,
    now: i64,
    phase: Phase,
    response: Option<&'a Message>,
) -> Seen<'a> {
    let parts = crate::url::parts(&incoming.url);
    let target = incoming
        .url
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)))
        .unwrap_or("/");
    let in_response = matches!(phase, Phase::HttpResponse | Phase::EventStreamMessage);
    Seen {
        world,
        connection,
        state,
        now,
        scheme: world.endpoint.scheme,
        authority: parts.authority.unwrap_or_default().to_owned(),
        target: target.to_owned(),
        incoming,
        response: response.filter(|_| in_response),
        origin: "upstream",
        http: world.subject.is_http() && phase != Phase::TcpConnect,
    }
}

type Layers = Vec<(String, Arc<Policy>)>;

/// Guardrails from the outermost in, then the own policy; each with the prefix of its paths.
fn layers(case: &Node, world: &World, text: &str) -> Result<Layers, String> {
    let compile = |text: &str, owner| {
        let subject = Subject {
            owner,
            references: Some(world),
            actions: Actions::BuiltWithWaf,
            ..world.subject
        };
        crate::compile(text, subject)
            .map(Arc::new)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    let mut layers = Vec::new();
    for (i, text) in texts(case.get("guardrails")).iter().enumerate() {
        layers.push((format!("guardrails[{i}]."), compile(text, Owner::Guardrail)?));
    }
    layers.push((String::new(), compile(text, world.subject.owner)?));
    Ok(layers)
}

/// One exchange of a case, told.
pub(super) fn explain(case: &Node, world: &World, text: &str) -> Result<Explanation, String> {
    let layers = layers(case, world, text)?;
    let (state, calls) = (State::default(), Calls::default());
    let driver = Driver {
        case,
        step: None,
        world,
        connection: world.connection_of(case, None)?,
        incoming: incoming(case, None, world),
        state: &state,
        now: world.now,
        layers: &layers,
        surroundings: Surroundings { case, calls: &calls },
        options: Options {
            cel: true,
            trace: true,
            ..Options::default()
        },
    };
    let out = driver.exchange()?;
    if let Some(lacks) = out.lacks {
        return Err(format!(
            "this needs {lacks}, which a tool without a server does not have"
        ));
    }
    let texts = |fields: Vec<(String, Vec<u8>)>| -> Vec<(String, String)> {
        let decode = |(name, value): (String, Vec<u8>)| (name, crate::expr::scope::decode(&value));
        fields.into_iter().map(decode).collect()
    };
    Ok(Explanation {
        verdicts: out.exchange.verdicts().to_vec(),
        forwarded: out.forwarded.map(|(host, request)| Forwarded {
            method: request.method,
            target: request.url,
            host,
            fields: texts(request.fields),
        }),
        forwarded_to: out.forwarded_to,
        response: out.response.map(|answer| (answer.status, texts(answer.fields))),
        closed: out.closed || out.alert,
        vars: out.vars,
        logs: out.exchange.logs().to_vec(),
        errors: out.exchange.errors().to_vec(),
        cost: out.exchange.used,
    })
}

/// A case about a policy.
pub(super) fn policy(
    case: &Node,
    world: &World,
    text: &str,
    options: Options,
    goes_on: &dyn Fn() -> bool,
) -> Result<(Outcome, Vec<String>), String> {
    let layers = layers(case, world, text)?;
    let state = State::default();
    let calls = Calls::default();
    let mut wrong = Vec::new();
    let mut trace = Vec::new();
    let steps: Vec<Option<&Node>> = match case.get("steps").and_then(Node::list) {
        Some(steps) => steps.iter().map(Some).collect(),
        None => vec![None],
    };
    for (i, step) in steps.into_iter().enumerate() {
        if !goes_on() {
            return Err(format!("stopped before step {i}"));
        }
        let at: f64 = step
            .and_then(|step| step.get("at"))
            .and_then(Node::scalar_text)
            .and_then(|t| t.parse().ok())
            .unwrap_or(0.0);
        #[allow(clippy::cast_possible_truncation)]
        let now = world.now + (at * 1e6) as i64;
        let driver = Driver {
            case,
            step,
            world,
            connection: world.connection_of(case, step)?,
            incoming: incoming(case, step, world),
            state: &state,
            now,
            layers: &layers,
            surroundings: Surroundings { case, calls: &calls },
            options,
        };
        let out = driver.exchange()?;
        if let Some(lacks) = out.lacks {
            return Ok((Outcome::Lacks(vec![lacks]), Vec::new()));
        }
        let expected = step.unwrap_or(case).get("expect").ok_or("the case expects nothing")?;
        let found = expect::all(expected, &out);
        trace.extend(super::trace_lines(out.exchange.verdicts()));
        wrong.extend(match step {
            Some(_) => found.into_iter().map(|text| format!("step {i}: {text}")).collect(),
            None => found,
        });
    }
    Ok((expect::outcome(wrong), trace))
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
struct Driver<'c> {
    case: &'c Node,
    step: Option<&'c Node>,
    world: &'c World,
    connection: Connection,
    incoming: Message,
    state: &'c State,
    now: i64,
    /// Guardrails from the outermost in, then the own policy; each with the prefix of its paths.
    layers: &'c [(String, Arc<Policy>)],
    surroundings: Surroundings<'c>,
    options: Options,
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

    fn exchange(&self) -> Result<Outgoing, String> {
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
        let mut input = Input::Begin;
        loop {
            match run.step(&mut out.exchange, &view, input) {
                Step::Done(decision) => {
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
