//! `rate-limit` (traffic policy 4.15).

use std::time::Duration;

use adit_names::code::ErrorCode;

use super::config::{Config, Setting};
use super::schema::{Ends, Kind, Own, Protocols, Q, Spec, T, fine, list, optional, own, required};
use super::{Act, Cx, Flow};
use crate::document::Phase;
use crate::expr::Program;
use crate::state::Rate;
use crate::value::Value;

const TEN_SECONDS: u64 = 10_000;

pub(super) static SPEC: Spec = Spec {
    name: "rate-limit",
    own: Own::phases(T),
    phases: Q | T,
    protocols: Protocols::All,
    ends: Ends::Never,
    fields: &[
        required("name", Kind::Text(1, 1023)),
        required("algorithm", Kind::OneOf(&["sliding_window"])),
        required("capacity", Kind::Int(1, 2_000_000_000)),
        required("rate", Kind::Duration(60_000, 86_400_000, TEN_SECONDS)),
        required("bucket_key", Kind::List(&list(Kind::Cel(&[]), 1, 10))),
        optional("enforce", Kind::Bool),
        own(optional("retry_after", Kind::Bool)),
        own(optional("status_code", Kind::Int(400, 599))),
        own(optional("scope", Kind::OneOf(&["cluster", "node"]))),
    ],
    check: fine,
};

#[derive(Debug)]
struct RateLimit {
    capacity: u32,
    rate: Duration,
    bucket_key: Vec<Program>,
    enforce: bool,
    retry_after: bool,
    status: u16,
    node: bool,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(RateLimit {
        capacity: u32::try_from(config.int("capacity", 1)).unwrap_or(u32::MAX),
        rate: config.duration("rate", Duration::from_secs(60)),
        bucket_key: config
            .list("bucket_key")
            .iter()
            .filter_map(|item| match &item.setting {
                Setting::Program(program) => Some((**program).clone()),
                _ => None,
            })
            .collect(),
        enforce: config.bool("enforce", true),
        retry_after: config.bool("retry_after", true),
        status: u16::try_from(config.int("status_code", 429)).unwrap_or(429),
        node: config.literal("scope") == Some("node"),
    })
}

impl Act for RateLimit {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        let mut parts = cx.bucket_key(&self.bucket_key);
        let rate = Rate {
            capacity: self.capacity,
            steps: u32::try_from(self.rate.as_secs() / 10).unwrap_or(u32::MAX),
            node: self.node,
        };
        let rates = &cx.view.state.rates;
        let endpoint = &cx.view.endpoint;
        let key = rates.key(&endpoint.url, &parts);
        let this = (cx.key, key);
        // A request that is tried once more is one request.
        let verdict = if cx.exchange.counted.contains(&this) {
            Ok(())
        } else {
            let nodes = cx.view.state.nodes();
            rates.take(cx.key, &endpoint.organization_id, key, rate, cx.view.now, nodes)
        };
        if verdict.is_ok() {
            cx.exchange.counted.push(this);
        }
        let limited = verdict.is_err();
        let (code, message) = if limited {
            (ErrorCode::ADIT_4290.as_str(), ErrorCode::ADIT_4290.what())
        } else {
            ("", "")
        };
        let told = match parts.as_mut_slice() {
            [one] => std::mem::take(one),
            several => several.join(","),
        };
        cx.exchange.set_results(
            "ngrok.rate_limit",
            [
                ("ngrok.rate_limit.bucket_key", Value::Text(told)),
                ("ngrok.rate_limit.limited", Value::Bool(limited)),
                ("ngrok.rate_limit.error.code", Value::from(code)),
                ("ngrok.rate_limit.error.message", Value::from(message)),
            ],
        );
        let Err(seconds) = verdict else { return Flow::Next };
        if !self.enforce {
            return Flow::Next;
        }
        if cx.phase == Phase::TcpConnect {
            return cx.refuse(ErrorCode::ADIT_4290);
        }
        let mut headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
        if self.retry_after {
            headers.push(("retry-after".to_owned(), seconds.to_string()));
        }
        Flow::End(crate::step::Decision::Respond {
            status: self.status,
            headers: {
                headers.push(("ngrok-error-code".to_owned(), code.to_owned()));
                headers
            },
            body: Vec::new(),
            continues: false,
        })
    }
}
