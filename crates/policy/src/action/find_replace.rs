//! `request-body-find-replace`, `response-body-find-replace` (traffic policy 4.18), and what they share with
//! `sse-find-replace`: patterns over bytes.

use adit_names::code::ErrorCode;
use bytes::Bytes;
use regex::bytes::Regex;

use super::config::{Config, Item};
use super::schema::{Ends, Field, Kind, Own, Protocols, Q, S, Spec, fine, list, optional, own, required};
use super::{Act, Cx, Flow, MAX_RENDERED};
use crate::body::{DecodeFault, decode};
use crate::document::Phase;
use crate::effect::{BodyFault, Effect, Input};
use crate::expr::env::Message;
use crate::expr::{Template, functions};
use crate::value::Value;

const REPLACEMENT: &[Field] = &[required("from", Kind::Regex), optional("to", Kind::Template(0, 8192))];
const FIELDS: &[Field] = &[
    required("replacements", Kind::List(&list(Kind::Record(REPLACEMENT), 1, 100))),
    own(optional("max_body", Kind::Int(1, 64 << 20))),
];

const fn spec(name: &'static str, phases: u8) -> Spec {
    Spec {
        name,
        own: Own::NOTHING,
        phases,
        protocols: Protocols::NotUdp,
        ends: Ends::Never,
        fields: FIELDS,
        check: fine,
    }
}

pub(super) static REQUEST: Spec = spec("request-body-find-replace", Q);
pub(super) static RESPONSE: Spec = spec("response-body-find-replace", S);

/// Bytes of a body without `max_body`.
const MAX_BODY: i64 = 4 << 20;
/// Bytes of a match that are told.
const MAX_TOLD: usize = 1024;

/// `from` and `to` over bytes.
#[derive(Debug)]
pub(super) struct Replacement {
    from: Template,
    /// If `from` is a literal.
    regex: Option<Regex>,
    to: Template,
}

/// A replacement whose templates are evaluated.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) regex: Regex,
    pub(super) to: String,
}

impl Replacement {
    pub(super) fn build(item: &Item) -> Option<Self> {
        let from = item.field("from")?.text()?.clone();
        Some(Self {
            regex: from.as_literal().and_then(|text| functions::compile_bytes(text).ok()),
            to: item
                .field("to")
                .and_then(Item::text)
                .cloned()
                .unwrap_or_else(|| Template::literal("")),
            from,
        })
    }

    pub(super) fn ready(&self, cx: &mut Cx<'_>, at: usize) -> Result<Ready, Flow> {
        let field = format!("replacements[{at}].from");
        let regex = match &self.regex {
            Some(regex) => regex.clone(),
            None => {
                let pattern = cx.render(&self.from, &field, MAX_RENDERED)?;
                functions::compile_bytes(&pattern).map_err(|error| {
                    cx.error(&field, format!("the result is no regular expression: {error}"));
                    Flow::Broken(ErrorCode::NGROK_3901)
                })?
            }
        };
        let to = cx.render(&self.to, &format!("replacements[{at}].to"), MAX_RENDERED)?;
        Ok(Ready { regex, to })
    }
}

/// A replacement that found something.
pub(super) struct Applied {
    /// The first match, cut.
    pub(super) matched: Vec<u8>,
    pub(super) result: Vec<u8>,
}

impl Ready {
    /// All matches replaced, if there are any: the first match and the result. `Err`: it would be too long.
    pub(super) fn apply(&self, bytes: &[u8], limit: usize) -> Result<Option<Applied>, ()> {
        let Some(first) = self.regex.find(bytes) else {
            return Ok(None);
        };
        let told = first.as_bytes();
        let told = told.get(..told.len().min(MAX_TOLD)).unwrap_or_default().to_vec();
        let mut out = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for captures in self.regex.captures_iter(bytes) {
            let Some(whole) = captures.get(0) else { continue };
            out.extend_from_slice(bytes.get(from..whole.start()).unwrap_or_default());
            captures.expand(self.to.as_bytes(), &mut out);
            from = whole.end();
            if out.len() > limit {
                return Err(());
            }
        }
        out.extend_from_slice(bytes.get(from..).unwrap_or_default());
        if out.len() > limit {
            return Err(());
        }
        Ok(Some(Applied {
            matched: told,
            result: out,
        }))
    }
}

pub(super) fn told(at: usize, matched: &[u8]) -> Value {
    Value::record([
        ("replacement_index", Value::Int(i64::try_from(at).unwrap_or(i64::MAX))),
        (
            "matched_content",
            Value::Text(String::from_utf8_lossy(matched).into_owned()),
        ),
    ])
}

#[derive(Debug)]
struct FindReplace {
    response: bool,
    replacements: Vec<Replacement>,
    max_body: usize,
}

pub(super) fn build(config: &Config, phase: Phase) -> Box<dyn Act> {
    Box::new(FindReplace {
        response: phase != Phase::HttpRequest,
        replacements: config
            .list("replacements")
            .iter()
            .filter_map(Replacement::build)
            .collect(),
        max_body: usize::try_from(config.int("max_body", MAX_BODY)).unwrap_or(usize::MAX),
    })
}

impl FindReplace {
    /// Bodies that are left alone.
    fn is_left_alone(&self, cx: &mut Cx<'_>) -> bool {
        let (message, response) = if self.response {
            (Message::Response, cx.view.response.as_ref())
        } else {
            (Message::Request, None)
        };
        let upgraded = response.is_some_and(|response| response.status == 101);
        cx.exchange.scoped(cx.view, cx.vars, |scope| {
            let media_type = scope.header(message, "content-type").concat().to_ascii_lowercase();
            let media_type = media_type.split(';').next().unwrap_or_default().trim();
            upgraded
                || media_type.starts_with("multipart/")
                || (self.response && media_type == "text/event-stream")
                || (!self.response && scope.has_header(Message::Request, "upgrade"))
        })
    }

    fn refused(&self, cx: &Cx<'_>, fault: BodyFault) -> Flow {
        let (code, status) = match fault {
            BodyFault::TooLarge if self.response => (ErrorCode::NGROK_3903, 502),
            BodyFault::TooLarge => (ErrorCode::NGROK_3903, 413),
            BodyFault::NoRoom => (ErrorCode::NGROK_743, 503),
            BodyFault::Failed => (ErrorCode::NGROK_3902, 500),
        };
        cx.refuse_as(status, code)
    }

    fn set_results(&self, cx: &mut Cx<'_>, found: Vec<Value>) {
        let found = Value::List(found);
        if self.response {
            let results = [("ngrok.response_body_find_replace.replacements", found)];
            cx.exchange.set_results("ngrok.response_body_find_replace", results);
        } else {
            let results = [("ngrok.request_body_find_replace.replacements", found)];
            cx.exchange.set_results("ngrok.request_body_find_replace", results);
        }
    }

    fn replace(&self, cx: &mut Cx<'_>, ready: &[Ready]) -> Flow {
        let Some(body) = cx.exchange.bodies.of(self.response).take() else {
            return Flow::Next;
        };
        if body.is_empty() {
            self.set_results(cx, Vec::new());
            *cx.exchange.bodies.of(self.response) = Some(body);
            return Flow::Next;
        }
        let message = if self.response {
            Message::Response
        } else {
            Message::Request
        };
        let encoding = cx
            .exchange
            .scoped(cx.view, cx.vars, |scope| scope.header(message, "content-encoding"))
            .join(",");
        let encoded = encoding
            .split(',')
            .any(|coding| !matches!(coding.trim().to_ascii_lowercase().as_str(), "" | "identity"));
        let decoded = if encoded {
            match decode(&encoding, &body, self.max_body) {
                Ok(decoded) => Some(decoded),
                Err(DecodeFault::TooLarge) => return self.refused(cx, BodyFault::TooLarge),
                Err(DecodeFault::Malformed) => return self.refused(cx, BodyFault::Failed),
                Err(DecodeFault::Unknown) => {
                    cx.error("replacements", format!("bodies encoded with {encoding} are left alone"));
                    *cx.exchange.bodies.of(self.response) = Some(body);
                    self.set_results(cx, Vec::new());
                    return Flow::Next;
                }
            }
        } else {
            None
        };
        let mut found = Vec::new();
        let mut current: Option<Vec<u8>> = None;
        for (at, ready) in ready.iter().enumerate() {
            let bytes = current.as_deref().or(decoded.as_deref()).unwrap_or(&body);
            match ready.apply(bytes, self.max_body) {
                Ok(None) => {}
                Ok(Some(Applied { matched, result })) => {
                    found.push(told(at, &matched));
                    current = Some(result);
                }
                Err(()) => {
                    cx.error(&format!("replacements[{at}].to"), "the result is too long");
                    return self.refused(cx, BodyFault::TooLarge);
                }
            }
        }
        self.set_results(cx, found);
        let Some(result) = current else {
            *cx.exchange.bodies.of(self.response) = Some(body);
            return Flow::Next;
        };
        if decoded.is_some() {
            cx.remove_field("content-encoding");
        }
        let length = result.len().to_string();
        *cx.exchange.bodies.of(self.response) = Some(Bytes::from(result));
        if cx.remove_field("content-length") {
            cx.add_field("content-length", length);
        }
        Flow::Next
    }
}

impl Act for FindReplace {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        // All templates first, then the work.
        let mut ready = Vec::with_capacity(self.replacements.len());
        for (at, replacement) in self.replacements.iter().enumerate() {
            match replacement.ready(cx, at) {
                Ok(replacement) => ready.push(replacement),
                Err(flow) => return flow,
            }
        }
        if self.is_left_alone(cx) {
            cx.error("replacements", "a body of this kind is left alone");
            return Flow::Next;
        }
        match cx.exchange.bodies.of(self.response) {
            Some(body) if body.len() > self.max_body => self.refused(cx, BodyFault::TooLarge),
            Some(_) => self.replace(cx, &ready),
            None => {
                cx.keep(ready);
                Flow::Need(Effect::Body {
                    response: self.response,
                    limit: self.max_body,
                })
            }
        }
    }

    fn resume(&self, cx: &mut Cx<'_>, input: Input) -> Flow {
        let Some(ready) = cx.kept::<Vec<Ready>>() else {
            return self.run(cx);
        };
        match input {
            Input::Body(Err(fault)) => self.refused(cx, fault),
            _ => self.replace(cx, &ready),
        }
    }
}
