//! Actions that only set terms of the exchange, which the edge keeps: `retry`, `request-limit`, `timeout`,
//! `request-parking`, `sticky-session`, `websocket-tcp` (traffic policy 6.5, 5).

use std::sync::Arc;
use std::time::Duration;

use adit_names::code::ErrorCode;

use super::config::{Config, Setting};
use super::read::Reader;
use super::schema::{Ends, Field, HOUR, Kind, MINUTE, Own, Protocols, Q, SECOND, Spec, fine, list, optional, required};
use super::{Act, Cx, Flow};
use crate::document::{Node, Path, Phase};
use crate::expr::Program;
use crate::expr::env::Message;
use crate::step::Decision;
use crate::terms::{Parking, Retry, RetryOn, Sticky, StickyBy};

const fn spec(name: &'static str, fields: &'static [Field]) -> Spec {
    Spec {
        name,
        own: Own::ACTION,
        phases: Q,
        protocols: Protocols::NotUdp,
        ends: Ends::Never,
        fields,
        check: fine,
    }
}

pub(super) static RETRY: Spec = spec(
    "retry",
    &[
        optional("attempts", Kind::Int(1, 5)),
        optional(
            "on",
            Kind::List(&list(
                Kind::OneOf(&["connect-failure", "reset", "5xx", "502", "503", "504"]),
                1,
                6,
            )),
        ),
        optional("condition", Kind::Cel(&["last_attempt", "attempts"])),
        optional("methods", Kind::List(&list(Kind::Text(1, 32), 1, 32))),
        optional("per_try_timeout", Kind::Duration(0, 5 * MINUTE, 0)),
        optional("backoff", Kind::Duration(0, 30 * SECOND, 0)),
        optional("body_hold", Kind::Int(0, 1 << 20)),
        optional("budget", Kind::Number(0.0, 100.0)),
    ],
);

#[derive(Debug)]
struct RetryAction(Arc<Retry>);

pub(super) fn retry(config: &Config, _: Phase) -> Box<dyn Act> {
    let texts = |name: &str| -> Vec<String> {
        config
            .templates(name)
            .iter()
            .filter_map(|template| template.as_literal().map(str::to_owned))
            .collect()
    };
    let condition = match config.get("condition").map(|item| &item.setting) {
        Some(Setting::Program(program)) => Some((**program).clone()),
        _ => None,
    };
    let mut on: Vec<RetryOn> = texts("on")
        .iter()
        .filter_map(|text| match text.as_str() {
            "connect-failure" => Some(RetryOn::ConnectFailure),
            "reset" => Some(RetryOn::Reset),
            "5xx" => Some(RetryOn::ServerError),
            status => status.parse().ok().map(RetryOn::Status),
        })
        .collect();
    if on.is_empty() && condition.is_none() {
        on = vec![RetryOn::ConnectFailure, RetryOn::Reset];
    }
    let methods = match config.get("methods") {
        Some(_) => texts("methods"),
        None => ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"].map(str::to_owned).to_vec(),
    };
    Box::new(RetryAction(Arc::new(Retry {
        attempts: u32::try_from(config.int("attempts", 2)).unwrap_or(2),
        per_try_timeout: Some(config.duration("per_try_timeout", Duration::ZERO)).filter(|time| !time.is_zero()),
        backoff: config.duration("backoff", Duration::from_millis(25)),
        body_hold: usize::try_from(config.int("body_hold", 64 * 1024)).unwrap_or(0),
        budget: config.number("budget", 20.0),
        on,
        methods,
        condition,
    })))
}

impl Act for RetryAction {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        cx.exchange.terms.retry = Some(Arc::clone(&self.0));
        Flow::Next
    }
}

pub(super) static REQUEST_LIMIT: Spec = spec(
    "request-limit",
    &[
        optional("max_body", Kind::Int(0, 1 << 40)),
        optional("max_header_bytes", Kind::Int(1, 1 << 20)),
        optional("max_uri", Kind::Int(1, 1 << 16)),
        optional("max_duration", Kind::Duration(1, 24 * HOUR, 0)),
    ],
);

#[derive(Debug)]
struct RequestLimit {
    max_body: Option<u64>,
    max_header_bytes: Option<usize>,
    max_uri: Option<usize>,
    max_duration: Option<Duration>,
}

fn number<N: TryFrom<i64>>(config: &Config, name: &str) -> Option<N> {
    config.get(name).and_then(|_| N::try_from(config.int(name, 0)).ok())
}

fn duration(config: &Config, name: &str) -> Option<Duration> {
    config.get(name).map(|_| config.duration(name, Duration::ZERO))
}

pub(super) fn request_limit(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(RequestLimit {
        max_body: number(config, "max_body"),
        max_header_bytes: number(config, "max_header_bytes"),
        max_uri: number(config, "max_uri"),
        max_duration: duration(config, "max_duration"),
    })
}

/// The stricter of two limits.
fn stricter<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Act for RequestLimit {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let Some(request) = &cx.view.request else {
            return Flow::Next;
        };
        if self.max_uri.is_some_and(|most| request.target.len() > most) {
            return cx.refuse(ErrorCode::ADIT_4140);
        }
        if let Some(most) = self.max_header_bytes {
            let mut bytes = 0;
            // As on the wire: name, colon, space, value, line end.
            request
                .fields
                .each(&mut |name, value| bytes += name.len() + value.len() + 4);
            if bytes > most {
                return cx.refuse(ErrorCode::ADIT_4310);
            }
        }
        let known = cx.exchange.bodies.request.as_ref().map(|body| body.len() as u64);
        let length = known.or(request.content_length);
        if let (Some(most), Some(length)) = (self.max_body, length)
            && length > most
        {
            return cx.refuse(ErrorCode::ADIT_4130);
        }
        let terms = &mut cx.exchange.terms;
        terms.max_body = stricter(terms.max_body, self.max_body);
        terms.max_duration = stricter(terms.max_duration, self.max_duration);
        Flow::Next
    }
}

pub(super) static TIMEOUT: Spec = spec(
    "timeout",
    &[
        optional("response_header", Kind::Duration(1, 24 * HOUR, 0)),
        optional("idle", Kind::Duration(1, 24 * HOUR, 0)),
        optional("total", Kind::Duration(1, 24 * HOUR, 0)),
    ],
);

#[derive(Debug)]
struct Timeout {
    response_header: Option<Duration>,
    idle: Option<Duration>,
    total: Option<Duration>,
}

pub(super) fn timeout(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(Timeout {
        response_header: duration(config, "response_header"),
        idle: duration(config, "idle"),
        total: duration(config, "total"),
    })
}

impl Act for Timeout {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let terms = &mut cx.exchange.terms;
        // The last one that speaks counts, but never weakens what a guardrail has said.
        terms.response_header_timeout = stricter(terms.response_header_timeout, self.response_header);
        terms.idle_timeout = stricter(terms.idle_timeout, self.idle);
        terms.total_timeout = stricter(terms.total_timeout, self.total);
        Flow::Next
    }
}

pub(super) static REQUEST_PARKING: Spec = spec(
    "request-parking",
    &[
        optional("max_wait", Kind::Duration(0, 60 * SECOND, 0)),
        optional("off", Kind::Bool),
    ],
);

#[derive(Debug)]
struct RequestParking(Parking);

pub(super) fn request_parking(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(RequestParking(if config.bool("off", false) {
        Parking::Off
    } else {
        Parking::Most(config.duration("max_wait", Duration::from_secs(10)))
    }))
}

impl Act for RequestParking {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        cx.exchange.terms.parking = Some(self.0);
        Flow::Next
    }
}

pub(super) static STICKY_SESSION: Spec = spec(
    "sticky-session",
    &[
        required("by", Kind::Own(by)),
        optional("ttl", Kind::Duration(SECOND, 365 * 24 * HOUR, 0)),
    ],
);

/// `cookie`, `client_ip`, `header:NAME`, or an expression.
fn by(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let text = reader.text(path, node)?;
    reader.length(path, node, text, 1, 4096)?;
    match text {
        "cookie" | "client_ip" => Some(Setting::Text(crate::expr::Template::literal(text))),
        _ => match text.strip_prefix("header:").map(str::trim) {
            Some(name) if super::headers::is_token(name) => Some(Setting::Text(crate::expr::Template::literal(text))),
            Some(_) => {
                let message = "after `header:` stands the name of a header";
                reader.wrong(ErrorCode::NGROK_2210, path, node, message, "correct the name");
                None
            }
            None => {
                let program = reader.program(ErrorCode::NGROK_2224, path, node, text, 0, &[])?;
                Some(Setting::Program(Box::new(program)))
            }
        },
    }
}

#[derive(Debug)]
enum Key {
    Cookie,
    ClientIp,
    Header(String),
    Program(Box<Program>),
}

#[derive(Debug)]
struct StickySession {
    by: Key,
    ttl: Option<Duration>,
}

pub(super) fn sticky_session(config: &Config, _: Phase) -> Box<dyn Act> {
    let by = match config.get("by").map(|item| &item.setting) {
        Some(Setting::Program(program)) => Key::Program(program.clone()),
        _ => match config.literal("by").unwrap_or_default() {
            "client_ip" => Key::ClientIp,
            text => match text.strip_prefix("header:") {
                Some(name) => Key::Header(name.trim().to_owned()),
                None => Key::Cookie,
            },
        },
    };
    Box::new(StickySession {
        by,
        ttl: duration(config, "ttl"),
    })
}

impl Act for StickySession {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let by = match &self.by {
            Key::Cookie => StickyBy::Cookie,
            Key::ClientIp => StickyBy::ClientIp,
            Key::Header(name) => {
                let values = cx
                    .exchange
                    .scoped(cx.view, cx.vars, |scope| scope.header(Message::Request, name));
                StickyBy::Key(values.into_iter().next().unwrap_or_default())
            }
            Key::Program(program) => {
                let value = cx.exchange.scoped(cx.view, cx.vars, |scope| program.evaluate(scope));
                match value {
                    Ok(value) => StickyBy::Key(value.to_text()),
                    Err(_) => {
                        cx.error("by", "the expression has no value");
                        return Flow::Next;
                    }
                }
            }
        };
        cx.exchange.terms.sticky = Some(Sticky { by, ttl: self.ttl });
        Flow::Next
    }
}

pub(super) static WEBSOCKET_TCP: Spec = Spec {
    ends: Ends::Always,
    ..spec("websocket-tcp", &[])
};

#[derive(Debug)]
struct WebsocketTcp;

pub(super) fn websocket_tcp(_: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(WebsocketTcp)
}

impl Act for WebsocketTcp {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        // HTTP/2 says so with a method and a pseudo header, which the edge gives as this field.
        let upgrade = cx.exchange.scoped(cx.view, cx.vars, |scope| {
            scope
                .header(Message::Request, "upgrade")
                .iter()
                .flat_map(|value| value.split(','))
                .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
        });
        if !upgrade {
            return cx.refuse(ErrorCode::NGROK_3206);
        }
        cx.exchange.terms.websocket_tcp = true;
        Flow::End(Decision::Pass)
    }
}
