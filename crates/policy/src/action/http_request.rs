//! `http-request` (traffic policy 4.10).

use std::time::Duration;

use adit_names::code::ErrorCode;

use super::config::{Config, Item, Setting};
use super::fetch::{Origin, base64_or_text, headers_value, millis, redirected};
use super::read::Reader;
use super::schema::{Ends, Field, Kind, List, Own, Protocols, Q, S, SECOND, Spec, list, optional, own, required};
use super::{Act, Cx, Flow, MAX_BODY, MAX_RENDERED, ON_ERROR, url_check};
use crate::document::{Node, Path, Phase};
use crate::effect::{Answer, Effect, Fault, Fetch, Input};
use crate::expr::{Program, Template};
use crate::url;
use crate::value::Value;

pub(super) static SPEC: Spec = Spec {
    name: "http-request",
    own: Own::values(&[("method", "HEAD")]),
    phases: Q | S,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[
        required("url", Kind::Url),
        optional("method", Kind::OneOf(&METHODS)),
        optional(
            "query_params",
            Kind::List(&List {
                too_many: ErrorCode::NGROK_2244,
                ..list(Kind::Own(query_param), 0, 32)
            }),
        ),
        optional("headers", Kind::Headers(0, false)),
        optional("body", Kind::Template(0, 256 * 1024)),
        optional("max_redirects", Kind::Int(0, 100)),
        optional("timeout", Kind::Duration(SECOND, 30 * SECOND, 0)),
        optional("retry_condition", Kind::Cel(&["last_attempt", "attempts"])),
        own(optional("retry_any_method", Kind::Bool)),
        ON_ERROR,
        own(optional("max_response_bytes", Kind::Int(0, 1 << 20))),
    ],
    check,
};

const METHODS: [&str; 7] = ["GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD"];
/// Tries, the first included.
const MAX_ATTEMPTS: usize = 4;
/// Wait before the second try; doubled for each further one.
const PAUSE: Duration = Duration::from_millis(50);

fn query_param(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    const FIELDS: &[Field] = &[
        required("key", Kind::Text(1, 8192)),
        required("value", Kind::Template(0, 1 << 20)),
    ];
    if node.map().is_none() {
        let message = format!("a parameter is a mapping of key and value, not {}", node.kind());
        reader.wrong(ErrorCode::NGROK_2203, path, node, message, "write {key: k, value: v}");
        return None;
    }
    for (name, most) in [("key", 128), ("value", 8192)] {
        if node
            .get(name)
            .and_then(Node::text)
            .is_some_and(|text| text.len() > most)
        {
            let message = format!("the {name} of a parameter has at most {most} bytes");
            let at = node.get(name).unwrap_or(node);
            reader.wrong(ErrorCode::NGROK_2245, &path.key(name), at, message, "shorten it");
            return None;
        }
    }
    let config = reader.record(FIELDS, path, node);
    Some(Setting::Map(
        config
            .fields
            .into_iter()
            .map(|(name, item)| (name.to_owned(), item))
            .collect(),
    ))
}

fn check(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    let method = config.literal("method").unwrap_or("GET");
    if matches!(method, "GET" | "HEAD") && config.get("body").is_some() {
        let at = node.get("body").unwrap_or(node);
        let message = format!("a {method} request has no body");
        reader.wrong(
            ErrorCode::NGROK_2203,
            &path.key("body"),
            at,
            message,
            "remove it, or use method: POST",
        );
    }
}

#[derive(Debug)]
struct HttpRequest {
    url: Template,
    method: String,
    query: Vec<(String, Template)>,
    headers: Vec<(String, Template)>,
    body: Option<Template>,
    max_redirects: usize,
    timeout: Duration,
    retry: Option<Program>,
    continues: bool,
    max_response: usize,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    let method = config.literal("method").unwrap_or("GET").to_owned();
    let retry = match config.get("retry_condition").map(|item| &item.setting) {
        Some(Setting::Program(program)) => Some((**program).clone()),
        _ => None,
    };
    // Only what may be repeated, unless somebody says so.
    let repeatable = matches!(method.as_str(), "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS");
    Box::new(HttpRequest {
        url: config.template("url").cloned().unwrap_or_else(|| Template::literal("")),
        query: config
            .list("query_params")
            .iter()
            .filter_map(|item| {
                let key = item.field("key")?.text()?.as_literal()?.to_owned();
                Some((key, item.field("value").and_then(Item::text)?.clone()))
            })
            .collect(),
        headers: config.headers("headers"),
        body: config.template("body").cloned(),
        max_redirects: usize::try_from(config.int("max_redirects", 0)).unwrap_or(0),
        timeout: config.duration("timeout", Duration::from_secs(3)),
        retry: retry.filter(|_| repeatable || config.bool("retry_any_method", false)),
        continues: config.literal("on_error") != Some("halt"),
        max_response: usize::try_from(config.int("max_response_bytes", 256 * 1024)).unwrap_or(0),
        method,
    })
}

/// Where the action is between two steps.
#[derive(Debug)]
struct State {
    /// The request as the policy says, for tries anew.
    first: Fetch,
    /// What was sent last.
    now: Fetch,
    started: i64,
    redirects: usize,
    attempts: Vec<Value>,
}

impl HttpRequest {
    fn first(&self, cx: &mut Cx<'_>) -> Result<Fetch, Flow> {
        let mut target = cx.render(&self.url, "url", 8192)?;
        if let Err(message) = url_check::http(&target) {
            cx.error("url", message);
            return Err(Flow::Broken(ErrorCode::NGROK_3900));
        }
        if let Some(at) = target.find('#') {
            target.truncate(at);
        }
        let mut separator = if target.contains('?') { '&' } else { '?' };
        for (at, (key, value)) in self.query.iter().enumerate() {
            let value = cx.render(value, &format!("query_params[{at}].value"), MAX_RENDERED)?;
            target.push(separator);
            target.push_str(&url::encode(key, true));
            target.push('=');
            target.push_str(&url::encode(&value, true));
            separator = '&';
        }
        let mut headers = cx.render_headers(&self.headers)?;
        let body = match &self.body {
            Some(body) => cx.render(body, "body", MAX_BODY)?.into_bytes(),
            None => Vec::new(),
        };
        headers.extend(Origin::of(cx).headers("http-request"));
        Ok(Fetch {
            method: self.method.clone(),
            url: url::encode_illegal(&target),
            headers,
            body,
            delay: Duration::ZERO,
            timeout: self.timeout,
            max_response: self.max_response,
        })
    }

    /// Sends what is next, unless time is up.
    fn send(&self, cx: &mut Cx<'_>, mut state: State, pause: Duration) -> Flow {
        let spent = Duration::from_micros(u64::try_from(cx.view.now - state.started).unwrap_or(0));
        let Some(left) = self.timeout.checked_sub(spent + pause).filter(|left| !left.is_zero()) else {
            let fault = Fault {
                code: ErrorCode::NGROK_3602,
                message: ErrorCode::NGROK_3602.what().to_owned(),
            };
            return self.failed(cx, &state, &fault);
        };
        state.now.timeout = left;
        state.now.delay = pause;
        let effect = Effect::Fetch(Box::new(state.now.clone()));
        cx.keep(state);
        Flow::Need(effect)
    }

    fn results(cx: &mut Cx<'_>, state: &State, answer: Option<&Answer>, code: &str, message: &str) {
        let sent = &state.first;
        let fields: Vec<(String, Vec<u8>)> = sent
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
            .collect();
        let mut results = vec![
            ("ngrok.http_request.error.code", Value::from(code)),
            ("ngrok.http_request.error.message", Value::from(message)),
            ("ngrok.http_request.attempts", Value::List(state.attempts.clone())),
            ("ngrok.http_request.req.method", Value::from(sent.method.as_str())),
            ("ngrok.http_request.req.header", headers_value(&fields)),
            ("ngrok.http_request.req.url", Value::from(sent.url.as_str())),
            ("ngrok.http_request.req.body", base64_or_text(&sent.body)),
        ];
        if let Some(answer) = answer {
            let ip = answer.resolved_ip.map(|ip| ip.to_string()).unwrap_or_default();
            results.extend([
                ("ngrok.http_request.res.resolved_ip", Value::Text(ip)),
                ("ngrok.http_request.res.header", headers_value(&answer.headers)),
                ("ngrok.http_request.res.status_code", Value::Int(answer.status.into())),
                ("ngrok.http_request.res.time_ms", Value::Text(millis(answer.took))),
                ("ngrok.http_request.res.body", base64_or_text(&answer.body)),
            ]);
        }
        cx.exchange.set_results("ngrok.http_request", results);
    }

    fn failed(&self, cx: &mut Cx<'_>, state: &State, fault: &Fault) -> Flow {
        Self::results(cx, state, None, fault.code.as_str(), &fault.message);
        if self.continues {
            Flow::Next
        } else {
            cx.refuse_as(fault.code.status().unwrap_or(502), fault.code)
        }
    }

    /// Is the request to be sent once more?
    fn again(&self, cx: &mut Cx<'_>, state: &State, last: Value) -> bool {
        let Some(condition) = &self.retry else { return false };
        if state.attempts.len() >= MAX_ATTEMPTS {
            return false;
        }
        let attempts = i64::try_from(state.attempts.len()).unwrap_or(i64::MAX);
        let extra = [("last_attempt", last), ("attempts", Value::Int(attempts))];
        let verdict = cx
            .exchange
            .scoped_with(cx.view, cx.vars, &extra, |scope| condition.is_true(scope));
        verdict.unwrap_or_else(|_| {
            cx.error("retry_condition", "the condition has no value");
            false
        })
    }
}

fn request_value(fetch: &Fetch) -> Value {
    Value::record([
        ("method", Value::from(fetch.method.as_str())),
        ("url", Value::from(fetch.url.as_str())),
        ("body", base64_or_text(&fetch.body)),
    ])
}

impl Act for HttpRequest {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        match self.first(cx) {
            Ok(first) => {
                let state = State {
                    now: first.clone(),
                    first,
                    started: cx.view.now,
                    redirects: 0,
                    attempts: Vec::new(),
                };
                self.send(cx, state, Duration::ZERO)
            }
            Err(Flow::Broken(code)) if self.continues => {
                cx.exchange.set_results(
                    "ngrok.http_request",
                    [
                        ("ngrok.http_request.error.code", Value::from(code.as_str())),
                        ("ngrok.http_request.error.message", Value::from(code.what())),
                    ],
                );
                Flow::Next
            }
            Err(flow) => flow,
        }
    }

    fn resume(&self, cx: &mut Cx<'_>, input: Input) -> Flow {
        let Some(mut state) = cx.kept::<State>() else {
            return self.run(cx);
        };
        let result = match input {
            Input::Fetched(Ok(answer)) if answer.body.len() > self.max_response => Err(Fault {
                code: ErrorCode::NGROK_3601,
                message: ErrorCode::NGROK_3601.what().to_owned(),
            }),
            Input::Fetched(result) => result,
            _ => return self.run(cx),
        };
        let (record, last) = match &result {
            Ok(answer) => {
                if let Some(next) = redirected(answer, &state.now)
                    && self.max_redirects > 0
                {
                    state.redirects += 1;
                    if state.redirects > self.max_redirects {
                        let fault = Fault {
                            code: ErrorCode::NGROK_3214,
                            message: ErrorCode::NGROK_3214.what().to_owned(),
                        };
                        return self.failed(cx, &state, &fault);
                    }
                    state.now = next;
                    return self.send(cx, state, Duration::ZERO);
                }
                let ip = answer.resolved_ip.map(|ip| ip.to_string()).unwrap_or_default();
                let record = Value::record([
                    ("resolved_ip", Value::Text(ip)),
                    ("response_header", headers_value(&answer.headers)),
                    ("response_status_code", Value::Int(answer.status.into())),
                    ("response_time_ms", Value::Text(millis(answer.took))),
                ]);
                let response = Value::record([
                    ("status_code", Value::Int(answer.status.into())),
                    ("statusCode", Value::Int(answer.status.into())),
                    ("headers", headers_value(&answer.headers)),
                    ("body", base64_or_text(&answer.body)),
                ]);
                let last = Value::record([
                    ("req", request_value(&state.now)),
                    ("res", response),
                    ("error", Value::from("")),
                ]);
                (record, last)
            }
            Err(fault) => {
                let record = Value::record([("error", Value::from(fault.message.as_str()))]);
                let last = Value::record([
                    ("req", request_value(&state.now)),
                    ("error", Value::from(fault.message.as_str())),
                ]);
                (record, last)
            }
        };
        state.attempts.push(record);
        if self.again(cx, &state, last) {
            let shift = u32::try_from(state.attempts.len().saturating_sub(1)).unwrap_or(0);
            let pause = PAUSE * 2_u32.saturating_pow(shift);
            state.now = state.first.clone();
            state.redirects = 0;
            return self.send(cx, state, pause);
        }
        match result {
            Ok(answer) => {
                Self::results(cx, &state, Some(&answer), "", "");
                Flow::Next
            }
            Err(fault) => self.failed(cx, &state, &fault),
        }
    }
}
