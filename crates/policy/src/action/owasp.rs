//! `owasp-crs-request`, `owasp-crs-response` (traffic policy 4.14): the firewall itself stands elsewhere and is asked
//! with an effect; a server without one refuses the action where it is written, or answers that it is not available.

use adit_names::code::ErrorCode;

use super::config::{Config, Setting};
use super::schema::{Ends, Field, Kind, Own, Protocols, Q, S, Spec, fine, list, optional, own};
use super::{Act, Cx, Flow, ON_ERROR};
use crate::document::Phase;
use crate::effect::{Effect, Fault, Input, Inspect, Inspection};
use crate::value::Value;

const FIELDS: &[Field] = &[
    ON_ERROR,
    optional("process_body", Kind::Bool),
    own(optional("body_limit", Kind::Int(0, 128 * 1024))),
    optional(
        "exclude_rule_ids",
        Kind::List(&list(Kind::Int(900_000, 999_999), 0, 1000)),
    ),
    own(optional("paranoia_level", Kind::Int(1, 4))),
    own(optional("score_threshold", Kind::Int(1, 1000))),
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

pub(super) static REQUEST: Spec = spec("owasp-crs-request", Q);
pub(super) static RESPONSE: Spec = spec("owasp-crs-response", S);

#[derive(Debug)]
struct Owasp {
    inspect: Inspect,
    threshold: u32,
    continues: bool,
}

pub(super) fn build(config: &Config, phase: Phase) -> Box<dyn Act> {
    let response = phase != Phase::HttpRequest;
    let number = |name: &str, default: i64| u32::try_from(config.int(name, default)).unwrap_or(u32::MAX);
    Box::new(Owasp {
        inspect: Inspect {
            response,
            body_limit: if config.bool("process_body", false) {
                usize::try_from(config.int("body_limit", 4096)).unwrap_or(4096)
            } else {
                0
            },
            exclude: config
                .list("exclude_rule_ids")
                .iter()
                .filter_map(|item| match item.setting {
                    Setting::Int(id) => u32::try_from(id).ok(),
                    _ => None,
                })
                .collect(),
            paranoia: u8::try_from(config.int("paranoia_level", 1)).unwrap_or(1),
        },
        threshold: number("score_threshold", if response { 4 } else { 5 }),
        continues: config.literal("on_error") == Some("continue"),
    })
}

/// Names of the results: of the request's action, of the response's.
const RESULTS: [[&str; 6]; 2] = [
    [
        "ngrok.owasp_crs_request.decision",
        "ngrok.owasp_crs_request.anomaly_score",
        "ngrok.owasp_crs_request.anomaly_score_threshold",
        "ngrok.owasp_crs_request.matched_rules",
        "ngrok.owasp_crs_request.error.code",
        "ngrok.owasp_crs_request.error.message",
    ],
    [
        "ngrok.owasp_crs_response.decision",
        "ngrok.owasp_crs_response.anomaly_score",
        "ngrok.owasp_crs_response.anomaly_score_threshold",
        "ngrok.owasp_crs_response.matched_rules",
        "ngrok.owasp_crs_response.error.code",
        "ngrok.owasp_crs_response.error.message",
    ],
];

impl Owasp {
    fn end(&self, cx: &mut Cx<'_>, result: Result<Inspection, Fault>) -> Flow {
        let response = self.inspect.response;
        let too_high = result
            .as_ref()
            .is_ok_and(|inspection| inspection.score >= self.threshold);
        let code = match (&result, too_high, response) {
            (Err(_), ..) => Some(ErrorCode::NGROK_3701),
            (Ok(_), true, false) => Some(ErrorCode::NGROK_3700),
            (Ok(_), true, true) => Some(ErrorCode::NGROK_3702),
            (Ok(_), false, _) => None,
        };
        let message = match &result {
            Err(fault) => fault.message.clone(),
            Ok(_) => code.map_or(String::new(), |code| code.what().to_owned()),
        };
        let inspection = result.unwrap_or_default();
        let matched = inspection.matched.into_iter().map(|rule| {
            Value::record([
                ("id", Value::Int(rule.id.into())),
                ("message", Value::Text(rule.message)),
                ("severity", Value::Text(rule.severity)),
                ("data", Value::Text(rule.data)),
            ])
        });
        let values = [
            Value::from(if code.is_some() { "deny" } else { "allow" }),
            Value::Int(inspection.score.into()),
            Value::Int(self.threshold.into()),
            Value::List(matched.collect()),
            Value::from(code.map_or("", |code| code.as_str())),
            Value::Text(message.clone()),
        ];
        let [request_names, response_names] = RESULTS;
        let names = if response { response_names } else { request_names };
        let prefix = if response {
            "ngrok.owasp_crs_response"
        } else {
            "ngrok.owasp_crs_request"
        };
        cx.exchange.set_results(prefix, names.into_iter().zip(values));
        match code {
            Some(code) if !self.continues => cx.refuse(code),
            Some(ErrorCode::NGROK_3701) => {
                cx.error("", message);
                Flow::Next
            }
            _ => Flow::Next,
        }
    }
}

impl Act for Owasp {
    fn run(&self, _: &mut Cx<'_>) -> Flow {
        Flow::Need(Effect::Inspect(Box::new(self.inspect.clone())))
    }

    fn resume(&self, cx: &mut Cx<'_>, input: Input) -> Flow {
        match input {
            Input::Inspected(result) => self.end(cx, result),
            _ => self.run(cx),
        }
    }
}
