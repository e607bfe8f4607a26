//! `custom-response` (traffic policy 4.7).

use adit_names::code::ErrorCode;
use base64::Engine as _;

use super::config::Config;
use super::read::Reader;
use super::schema::{Ends, Kind, Own, Protocols, Q, S, Spec, optional, own};
use super::{Act, Cx, Flow, MAX_BODY};
use crate::document::{Node, Path, Phase};
use crate::expr::Template;
use crate::step::Decision;

pub(super) static SPEC: Spec = Spec {
    name: "custom-response",
    own: Own::NOTHING,
    phases: Q | S,
    protocols: Protocols::NotUdp,
    ends: Ends::Always,
    fields: &[
        optional("status_code", Kind::Int(200, 599)),
        optional("body", Kind::Template(0, 256 * 1024)),
        optional("headers", Kind::Headers(0, true)),
        own(optional("body_base64", Kind::Text(0, 256 * 1024))),
    ],
    check,
};

fn check(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    let status = config.int("status_code", 200);
    for name in ["body", "body_base64"] {
        let empty = config.literal(name).is_some_and(str::is_empty);
        if config.get(name).is_some() && !empty && matches!(status, 204 | 304) {
            let at = node.get(name).unwrap_or(node);
            let message = format!("a response with status {status} has no body");
            reader.wrong(
                ErrorCode::NGROK_3604,
                &path.key(name),
                at,
                message,
                "remove it, or use another status",
            );
        }
    }
    if let Some(text) = config.literal("body_base64")
        && base64::engine::general_purpose::STANDARD.decode(text).is_err()
    {
        let at = node.get("body_base64").unwrap_or(node);
        reader.wrong(
            ErrorCode::NGROK_2222,
            &path.key("body_base64"),
            at,
            "this is not Base64",
            "use the standard alphabet, padded",
        );
    }
    if config.get("body").is_some() && config.get("body_base64").is_some() {
        let at = node.get("body_base64").unwrap_or(node);
        reader.wrong(
            ErrorCode::NGROK_2203,
            &path.key("body_base64"),
            at,
            "body and body_base64 are given",
            "keep one of them",
        );
    }
}

#[derive(Debug)]
enum Body {
    Text(Template),
    Bytes(Vec<u8>),
}

#[derive(Debug)]
struct CustomResponse {
    status: u16,
    body: Body,
    headers: Vec<(String, Template)>,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    let bytes = config
        .literal("body_base64")
        .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    Box::new(CustomResponse {
        status: u16::try_from(config.int("status_code", 200)).unwrap_or(200),
        body: match (bytes, config.template("body")) {
            (Some(bytes), _) => Body::Bytes(bytes),
            (None, Some(template)) => Body::Text(template.clone()),
            (None, None) => Body::Bytes(Vec::new()),
        },
        headers: config.headers("headers"),
    })
}

/// What a body looks like, when nobody said what it is.
pub(super) fn media_type(body: &[u8]) -> Option<&'static str> {
    let text = body.trim_ascii_start();
    let starts = |mark: &[u8]| {
        text.get(..mark.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(mark))
    };
    if body.is_empty() {
        None
    } else if matches!(text.first(), Some(b'{' | b'[')) && serde_json::from_slice::<serde_json::Value>(body).is_ok() {
        Some("application/json")
    } else if starts(b"<!doctype html") || starts(b"<html") {
        Some("text/html; charset=utf-8")
    } else if starts(b"<?xml") {
        Some("text/xml; charset=utf-8")
    } else {
        Some("text/plain; charset=utf-8")
    }
}

impl Act for CustomResponse {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let body = match &self.body {
            Body::Bytes(bytes) => bytes.clone(),
            Body::Text(template) => match cx.render(template, "body", MAX_BODY) {
                Ok(text) => text.into_bytes(),
                Err(flow) => return flow,
            },
        };
        let mut headers = match cx.render_headers(&self.headers) {
            Ok(headers) => headers,
            Err(flow) => return flow,
        };
        if !headers.iter().any(|(name, _)| name == "content-type")
            && let Some(media_type) = media_type(&body)
        {
            headers.push(("content-type".to_owned(), media_type.to_owned()));
        }
        Flow::End(Decision::Respond {
            status: self.status,
            headers,
            body,
            continues: true,
        })
    }
}
