//! `compress-response` (traffic policy 4.6).

use std::sync::Arc;

use adit_names::code::ErrorCode;

use super::config::{Config, Setting};
use super::read::Reader;
use super::schema::{Ends, Kind, List, Own, Protocols, Q, S, Spec, fine, list, optional, own};
use super::{Act, Cx, Flow};
use crate::body::Coding;
use crate::document::{Node, Path, Phase};
use crate::exchange::Exchange;
use crate::expr::Template;
use crate::expr::env::Message;
use crate::value::Value;
use crate::view::{Fields, View};

pub(super) static SPEC: Spec = Spec {
    name: "compress-response",
    own: Own::values(&[("algorithms", "zstd")]),
    phases: S | Q,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[
        optional(
            "algorithms",
            Kind::List(&List {
                unique: true,
                ..list(Kind::Own(algorithm), 1, 5)
            }),
        ),
        own(optional("min_size", Kind::Int(0, 1 << 20))),
        own(optional("types", Kind::List(&list(Kind::Text(1, 256), 0, 100)))),
    ],
    check: fine,
};

pub(super) const ALGORITHMS: [&str; 5] = ["gzip", "deflate", "br", "compress", "zstd"];

fn algorithm(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let text = reader.text(path, node)?;
    if ALGORITHMS.contains(&text) {
        return Some(Setting::Text(Template::literal(text)));
    }
    let message = format!("`{text}` is no known algorithm");
    let fix = crate::fault::suggest(text, ALGORITHMS);
    reader.wrong(ErrorCode::NGROK_2214, path, node, message, &fix);
    None
}

/// What is compressed, and how.
#[derive(Debug)]
pub(crate) struct Compress {
    /// In the order that decides between equals.
    algorithms: Vec<Coding>,
    min_size: u64,
    /// Globs of media types; `None`: all but those that are compressed already.
    types: Option<Vec<String>>,
}

/// Media types that gain nothing.
const COMPRESSED: [&str; 7] = [
    "image/*",
    "video/*",
    "audio/*",
    "font/woff2",
    "application/zip",
    "application/gzip",
    "application/grpc*",
];

#[derive(Debug)]
struct Action(Arc<Compress>);

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    let literals = |name: &str| -> Vec<String> {
        config
            .templates(name)
            .iter()
            .filter_map(|template| template.as_literal().map(str::to_ascii_lowercase))
            .collect()
    };
    let algorithms = match config.get("algorithms") {
        // `compress` is taken and never chosen.
        Some(_) => literals("algorithms")
            .iter()
            .filter_map(|name| Coding::from_name(name))
            .collect(),
        None => vec![Coding::Gzip, Coding::Deflate, Coding::Brotli],
    };
    Box::new(Action(Arc::new(Compress {
        algorithms,
        min_size: u64::try_from(config.int("min_size", 256)).unwrap_or(256),
        types: config.get("types").map(|_| literals("types")),
    })))
}

impl Act for Action {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        if cx.on_response() {
            decide(&self.0, cx.exchange, cx.view);
        } else {
            cx.exchange.compress = Some(Arc::clone(&self.0));
        }
        Flow::Next
    }
}

/// Does a glob with at most one `*` fit?
fn fits(glob: &str, text: &str) -> bool {
    match glob.split_once('*') {
        Some((before, after)) => {
            text.len() >= before.len() + after.len() && text.starts_with(before) && text.ends_with(after)
        }
        None => glob == text,
    }
}

impl Compress {
    fn takes(&self, media_type: &str) -> bool {
        match &self.types {
            Some(types) => types.iter().any(|glob| fits(glob, media_type)),
            None => media_type == "image/svg+xml" || !COMPRESSED.iter().any(|glob| fits(glob, media_type)),
        }
    }

    /// What the visitor takes of it (RFC 9110 12.5.3).
    fn negotiate(&self, accepts: &[String]) -> Option<Coding> {
        let mut weights: Vec<(String, f64)> = Vec::new();
        for item in accepts.iter().flat_map(|value| value.split(',')) {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let q = parts
                .find_map(|part| {
                    let (key, value) = part.split_once('=')?;
                    key.trim()
                        .eq_ignore_ascii_case("q")
                        .then(|| value.trim().parse::<f64>().ok())?
                })
                .unwrap_or(1.0);
            if !name.is_empty() && (0.0..=1.0).contains(&q) {
                weights.push((name, q));
            }
        }
        let named = |name: &str| weights.iter().find(|(known, _)| known == name).map(|(_, q)| *q);
        let star = named("*").unwrap_or(0.0);
        let mut best: Option<(Coding, f64)> = None;
        for coding in &self.algorithms {
            let q = match coding {
                Coding::Gzip => named("gzip").or_else(|| named("x-gzip")),
                other => named(other.name()),
            }
            .unwrap_or(star);
            if q > best.map_or(0.0, |(_, q)| q) {
                best = Some((*coding, q));
            }
        }
        best.filter(|(_, q)| named("identity").is_none_or(|identity| identity <= *q))
            .map(|(coding, _)| coding)
    }
}

/// Decides whether the response of `view`, with the changes so far, is compressed, and changes its fields.
pub(crate) fn decide(compress: &Compress, exchange: &mut Exchange, view: &View<'_>) {
    let Some(response) = &view.response else { return };
    let (accepts, media_type, etag, facts) = exchange.scoped(view, &[], |scope| {
        let first = |name: &str| scope.header(Message::Response, name).into_iter().next();
        let encodings = scope.header(Message::Response, "content-encoding");
        let encoded = encodings
            .iter()
            .flat_map(|value| value.split(','))
            .any(|coding| !matches!(coding.trim().to_ascii_lowercase().as_str(), "" | "identity"));
        let no_transform = scope
            .header(Message::Response, "cache-control")
            .iter()
            .flat_map(|value| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case("no-transform"));
        let media_type = first("content-type").map(|value| {
            let media_type = value.split(';').next().unwrap_or_default();
            media_type.trim().to_ascii_lowercase()
        });
        (
            scope.header(Message::Request, "accept-encoding"),
            media_type,
            first("etag"),
            (
                encoded,
                no_transform || scope.has_header(Message::Response, "content-range"),
            ),
        )
    });
    // A part of a representation keeps its bytes too: they are counted in it.
    let (encoded, no_transform) = facts;
    let head = view.request.as_ref().is_some_and(|request| request.method == "HEAD");
    let has_body = !matches!(response.status, 100..=199 | 204 | 206 | 304);
    let small = response.content_length.is_some_and(|length| length < compress.min_size);
    let possible = !encoded
        && !no_transform
        && !head
        && has_body
        && !small
        && !compress.algorithms.is_empty()
        && media_type
            .as_deref()
            .is_none_or(|media_type| compress.takes(media_type));
    let coding = if possible { compress.negotiate(&accepts) } else { None };
    let algorithm = Value::from(coding.map_or("", Coding::name));
    for (prefix, was, chosen) in [
        (
            "ngrok.compress",
            "ngrok.compress.already_compressed",
            "ngrok.compress.negotiated_algorithm",
        ),
        (
            "ngrok.compress_response",
            "ngrok.compress_response.already_compressed",
            "ngrok.compress_response.negotiated_algorithm",
        ),
    ] {
        exchange.set_results(prefix, [(was, Value::Bool(encoded)), (chosen, algorithm.clone())]);
    }
    if possible {
        vary(exchange, view);
    }
    let Some(coding) = coding else { return };
    exchange.coding = Some(coding);
    for name in [
        "content-length",
        "accept-ranges",
        "content-md5",
        "digest",
        "content-digest",
        "content-encoding",
    ] {
        exchange.remove_response(view, name);
    }
    exchange.add_response(view, "content-encoding", coding.name().to_owned());
    if let Some(etag) = etag
        && etag.starts_with('"')
    {
        exchange.remove_response(view, "etag");
        exchange.add_response(view, "etag", format!("W/{etag}"));
    }
}

fn vary(exchange: &mut Exchange, view: &View<'_>) {
    let mut listed = false;
    exchange.response_overlay(view).each(&mut |name, value| {
        listed |= name.eq_ignore_ascii_case("vary")
            && value.split(|b| *b == b',').any(|item| {
                let item = item.trim_ascii();
                item == b"*" || item.eq_ignore_ascii_case(b"accept-encoding")
            });
    });
    if !listed {
        exchange.add_response(view, "vary", "Accept-Encoding".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_visitor_decides_then_the_order() {
        let compress = Compress {
            algorithms: vec![Coding::Gzip, Coding::Brotli],
            min_size: 0,
            types: None,
        };
        let negotiate = |text: &str| compress.negotiate(&[text.to_owned()]);
        assert_eq!(negotiate("br, gzip"), Some(Coding::Gzip));
        assert_eq!(negotiate("br, gzip;q=0.9"), Some(Coding::Brotli));
        assert_eq!(negotiate("x-gzip"), Some(Coding::Gzip));
        assert_eq!(negotiate("*;q=0.1, gzip;q=0"), Some(Coding::Brotli));
        assert_eq!(negotiate("identity;q=0.5, gzip;q=0.4"), None);
        assert_eq!(negotiate("identity, gzip"), Some(Coding::Gzip));
        assert_eq!(negotiate("gzip;q=7"), None);
        assert_eq!(negotiate(""), None);
        assert!(
            compress.takes("image/svg+xml")
                && !compress.takes("image/png")
                && !compress.takes("application/grpc+proto")
        );
    }
}
