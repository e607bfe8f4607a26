//! `circuit-breaker` (traffic policy 4.4).

use std::time::Duration;

use adit_names::code::ErrorCode;

use super::config::{Config, Setting};
use super::read::Reader;
use super::schema::{Ends, Kind, Own, Protocols, Q, Spec, fine, optional};
use super::{Act, Cx, Flow};
use crate::document::{Content, Node, Path, Phase};
use crate::state::{Admission, Breaker};
use crate::value::Value;

pub(super) static SPEC: Spec = Spec {
    name: "circuit-breaker",
    own: Own::NOTHING,
    phases: Q,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[
        optional("error_threshold", Kind::Number(0.0, 1.0)),
        optional("error_threshold_percentage", Kind::Own(old_threshold)),
        optional("volume_threshold", Kind::Int(1, 2_000_000_000)),
        optional("window_duration", Kind::Duration(1000, 120_000, 0)),
        optional("rolling_window", Kind::Own(old_window)),
        optional("tripped_duration", Kind::Duration(1000, 120_000, 0)),
        optional("num_buckets", Kind::IntOf(&[10])),
        optional("enforce", Kind::Bool),
    ],
    check: fine,
};

fn renamed(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node, new: &str) {
    let message = format!("this is another name of `{new}`");
    reader.findings.warn("deprecated_name", path, node.at, message);
}

fn old_threshold(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    renamed(reader, path, node, "error_threshold");
    #[allow(clippy::cast_precision_loss)]
    let value = match node.content {
        Content::Int(value, _) => value as f64,
        Content::Float(value, _) => value,
        _ => {
            reader.wrong(ErrorCode::NGROK_2203, path, node, "this must be a number", "correct it");
            return None;
        }
    };
    if !(0.0..=1.0).contains(&value) {
        reader.wrong(
            ErrorCode::NGROK_2215,
            path,
            node,
            "the number must be from 0 to 1",
            "correct it",
        );
        return None;
    }
    Some(Setting::Number(value))
}

fn old_window(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    renamed(reader, path, node, "window_duration");
    match node.scalar_text().and_then(super::read::parse_duration) {
        Some(millis) if millis > 120_000 => {
            reader.wrong(
                ErrorCode::NGROK_2225,
                path,
                node,
                "the window may be at most 2m",
                "shorten it",
            );
            None
        }
        Some(millis) if millis >= 1000 => Some(Setting::Duration(Duration::from_millis(millis))),
        _ => {
            reader.wrong(
                ErrorCode::NGROK_2222,
                path,
                node,
                "the window is a duration of at least 1s",
                "correct it",
            );
            None
        }
    }
}

#[derive(Debug)]
struct CircuitBreaker {
    breaker: Breaker,
    enforce: bool,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    let window = config.duration("rolling_window", Duration::from_secs(10));
    let threshold = config.number("error_threshold_percentage", 0.5);
    Box::new(CircuitBreaker {
        breaker: Breaker {
            error_threshold: config.number("error_threshold", threshold),
            volume: u32::try_from(config.int("volume_threshold", 10)).unwrap_or(u32::MAX),
            window: config.duration("window_duration", window),
            tripped: config.duration("tripped_duration", Duration::from_secs(10)),
        },
        enforce: config.bool("enforce", true),
    })
}

impl Act for CircuitBreaker {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let (admission, state) = cx
            .view
            .state
            .breakers
            .admit(cx.key, &cx.view.endpoint.url, self.breaker, cx.view.now);
        let (code, message) = match admission {
            Admission::Refused { .. } => (ErrorCode::NGROK_3202.as_str(), ErrorCode::NGROK_3202.what()),
            Admission::Passes(_) => ("", ""),
        };
        cx.exchange.set_results(
            "ngrok.circuit_breaker",
            [
                ("ngrok.circuit_breaker.state", Value::from(state)),
                ("ngrok.circuit_breaker.error.code", Value::from(code)),
                ("ngrok.circuit_breaker.error.message", Value::from(message)),
            ],
        );
        cx.exchange.set_results(
            "adit.circuit_breaker",
            [("adit.circuit_breaker.state", Value::from(state))],
        );
        match admission {
            Admission::Passes(ticket) => {
                cx.exchange.tickets.push(ticket);
                Flow::Next
            }
            Admission::Refused { .. } if !self.enforce => Flow::Next,
            Admission::Refused { seconds } => cx.refuse_with(
                ErrorCode::NGROK_3202,
                vec![("retry-after".to_owned(), seconds.to_string())],
            ),
        }
    }
}
