//! Runs a case: layers in the order of traffic policy 1.3, effects answered from the case.

use std::sync::Arc;

use adit_names::code::ErrorCode;
use adit_names::endpoint_url::Scheme;

use super::world::{Message, World, message};
use super::{Outcome, expect, texts};
use crate::compile::Policy;
use crate::document::{Node, Phase};
use crate::expr::{Budget, Failure, Overlay, Program, Scope, Template};
use crate::state::State;
use crate::step::{Decision, Effect, Exchange, Fault, Input, Step};
use crate::subject::{Owner, Subject};
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
    pub(super) vars: Vec<(String, Value)>,
    pub(super) exchange: Exchange,
}

/// A case about one expression or template.
pub(super) fn expression(case: &Node, world: &World) -> Result<Outcome, String> {
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
        budget: &Budget::default(),
        draws: 0.into(),
    };
    let result = match &compiled {
        Ok(program) => program.evaluate(&scope),
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

/// A case about a policy.
pub(super) fn policy(case: &Node, world: &World, text: &str) -> Result<Outcome, String> {
    let compile = |text: &str, owner| {
        let subject = Subject {
            owner,
            references: Some(world),
            ..world.subject
        };
        crate::compile(text, subject)
            .map(Arc::new)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    let mut layers = Vec::new();
    for text in texts(case.get("guardrails")) {
        layers.push(compile(&text, Owner::Guardrail)?);
    }
    let own = compile(text, world.subject.owner)?;
    let state = State::default();
    let mut wrong = Vec::new();
    match case.get("steps").and_then(Node::list) {
        Some(steps) => {
            for (i, step) in steps.iter().enumerate() {
                let at: f64 = step
                    .get("at")
                    .and_then(Node::scalar_text)
                    .and_then(|t| t.parse().ok())
                    .unwrap_or(0.0);
                #[allow(clippy::cast_possible_truncation)]
                let now = world.now + (at * 1e6) as i64;
                let out = exchange(case, Some(step), world, &layers, &own, &state, now)?;
                let expected = step.get("expect").ok_or("a step expects nothing")?;
                wrong.extend(
                    expect::all(expected, &out)
                        .into_iter()
                        .map(|text| format!("step {i}: {text}")),
                );
            }
        }
        None => {
            let out = exchange(case, None, world, &layers, &own, &state, world.now)?;
            let expected = case.get("expect").ok_or("the case expects nothing")?;
            wrong = expect::all(expected, &out);
        }
    }
    Ok(expect::outcome(wrong))
}

/// How the request phases of all layers ended.
enum Ended {
    Pass,
    Decided(Decision, usize),
}

#[allow(clippy::too_many_arguments)]
fn exchange(
    case: &Node,
    step: Option<&Node>,
    world: &World,
    guardrails: &[Arc<Policy>],
    own: &Arc<Policy>,
    state: &State,
    now: i64,
) -> Result<Outgoing, String> {
    let connection = world.connection_of(case, step)?;
    let incoming = incoming(case, step, world);
    let mut out = Outgoing::default();
    let layers: Vec<(String, &Arc<Policy>)> = guardrails
        .iter()
        .enumerate()
        .map(|(i, policy)| (format!("guardrails[{i}]."), policy))
        .chain([(String::new(), own)])
        .collect();
    let http = world.subject.is_http();
    let phases: &[Phase] = if http {
        &[Phase::TcpConnect, Phase::HttpRequest]
    } else {
        &[Phase::TcpConnect]
    };
    let mut ended = Ended::Pass;
    'phases: for phase in phases {
        let seen = view(world, &connection, &incoming, state, now, *phase, None);
        for (i, (prefix, policy)) in layers.iter().enumerate() {
            let decision = run(case, &seen.get(), policy, *phase, prefix, &mut out);
            if decision != Decision::Pass {
                ended = Ended::Decided(decision, i);
                break 'phases;
            }
        }
    }
    let mut own_runs = true;
    let (answer, origin, to) = match ended {
        Ended::Decided(Decision::Close, _) => {
            out.closed = true;
            return Ok(out);
        }
        Ended::Decided(Decision::Refuse { status, code, headers }, _) => {
            refuse(&mut out, status, code, headers);
            return Ok(out);
        }
        Ended::Decided(
            Decision::Respond {
                status,
                headers,
                body,
                continues,
            },
            layer,
        ) => {
            let answer = answer(status, headers, body);
            if !continues {
                out.response = Some(answer);
                return Ok(out);
            }
            own_runs = layer == guardrails.len();
            (answer, "custom-response", None)
        }
        Ended::Decided(Decision::Forward { url }, _) => {
            let answer = internal(case, &url).ok_or("the internal endpoint has no answer")?;
            (answer, "internal", Some(url))
        }
        Ended::Pass | Ended::Decided(Decision::Pass, _) if world.subject.owner == Owner::Cloud => {
            refuse(&mut out, 502, Some(ErrorCode::NGROK_724), Vec::new());
            return Ok(out);
        }
        Ended::Pass | Ended::Decided(Decision::Pass, _) => {
            let answer = answers(case, step).into_iter().next().unwrap_or_default();
            (answer, "upstream", Some(String::new()))
        }
    };
    if let Some(to) = to {
        let seen = view(world, &connection, &incoming, state, now, Phase::HttpRequest, None);
        out.forwarded = Some(forwarded(&seen, &out.exchange));
        if !to.is_empty() {
            out.forwarded_to = Some(to);
        }
        let error = answer.error.is_some() || answer.status >= 500;
        out.exchange.upstream_answered(state, now, error);
    }
    if answer.error.is_some() {
        refuse(&mut out, 502, None, Vec::new());
        return Ok(out);
    }
    if !http {
        return Ok(out);
    }
    respond(
        case,
        world,
        &connection,
        &incoming,
        state,
        now,
        &layers,
        own_runs,
        answer,
        origin,
        &mut out,
    );
    Ok(out)
}

/// The response phases: the own policy first, then the guardrails from the innermost out.
#[allow(clippy::too_many_arguments)]
fn respond(
    case: &Node,
    world: &World,
    connection: &Connection,
    incoming: &Message,
    state: &State,
    now: i64,
    layers: &[(String, &Arc<Policy>)],
    own_runs: bool,
    mut current: Message,
    origin: &'static str,
    out: &mut Outgoing,
) {
    let last = layers.len().saturating_sub(1);
    for (i, (prefix, policy)) in layers.iter().enumerate().rev() {
        if i == last && !own_runs {
            continue;
        }
        let vars = std::mem::take(&mut out.vars);
        let mut seen = view(
            world,
            connection,
            incoming,
            state,
            now,
            Phase::HttpResponse,
            Some(&current),
        );
        seen.origin = origin;
        let decision = run(case, &seen.get(), policy, Phase::HttpResponse, prefix, out);
        // What is compared are the variables of the request phase.
        out.vars = vars;
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
                refuse(out, status, code, headers);
                return;
            }
            Decision::Close => {
                out.closed = true;
                return;
            }
        }
    }
    // The edge sends no body in answer to HEAD.
    if incoming.method == "HEAD" {
        current.body.clear();
    }
    out.response = Some(current);
}

fn run(case: &Node, view: &View<'_>, policy: &Arc<Policy>, phase: Phase, prefix: &str, out: &mut Outgoing) -> Decision {
    let mut run = policy.begin(phase).with_prefix(prefix);
    let mut input = Input::Begin;
    loop {
        match run.step(&mut out.exchange, view, input) {
            Step::Done(decision) => {
                if prefix.is_empty() && !policy.is_idle(phase) {
                    out.vars = run.vars().to_vec();
                }
                return decision;
            }
            Step::Need(Effect::OpenInternal { url }) => {
                let known = internal(case, &url);
                input = Input::Opened(known.map(|_| ()).ok_or_else(|| {
                    let offline = known_internal(case, &url);
                    Fault {
                        code: ErrorCode::NGROK_3200,
                        message: if offline {
                            "the endpoint is offline"
                        } else {
                            "there is no such endpoint"
                        }
                        .to_owned(),
                    }
                }));
            }
        }
    }
}

/// The node of an internal endpoint, whatever form its URL is written in.
fn internal_node<'c>(case: &'c Node, url: &str) -> Option<&'c Node> {
    let without_port = url.rsplit_once(':').map_or(url, |(host, _)| host);
    case.get("internal")
        .and_then(Node::map)?
        .iter()
        .find_map(|(key, node)| {
            let key = key.text.trim_end_matches('/');
            (key == url || key == without_port).then_some(node)
        })
}

fn known_internal(case: &Node, url: &str) -> bool {
    internal_node(case, url).is_some()
}

fn internal(case: &Node, url: &str) -> Option<Message> {
    let node = internal_node(case, url)?;
    if node.text() == Some("offline") {
        return None;
    }
    let mut answer = message(&[Some(node)]);
    if node.get("body").is_none() {
        answer.body = b"ok".to_vec();
    }
    Some(answer)
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

fn refuse(out: &mut Outgoing, status: u16, code: Option<ErrorCode>, headers: Vec<(String, String)>) {
    let mut answer = answer(status, headers, Vec::new());
    if let Some(code) = code {
        answer
            .fields
            .push(("ngrok-error-code".to_owned(), code.as_str().as_bytes().to_vec()));
    }
    out.response = Some(answer);
}

/// The request as the upstream gets it: the journal of edits applied to what came in.
fn forwarded(seen: &Seen<'_>, exchange: &Exchange) -> (String, Message) {
    let incoming = seen.incoming;
    let host = exchange.host().unwrap_or(&seen.authority).to_owned();
    let request = Message {
        method: incoming.method.clone(),
        url: exchange.target().unwrap_or(&seen.target).to_owned(),
        fields: exchange.request_fields().unwrap_or(&incoming.fields).to_vec(),
        body: incoming.body.clone(),
        ..Message::default()
    };
    (host, request)
}
