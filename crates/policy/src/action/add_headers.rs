//! `add-headers` (traffic policy 4.1).

use adit_names::code::ErrorCode;

use super::config::Config;
use super::schema::{Ends, Kind, Own, Protocols, Q, S, Spec, fine, required};
use super::{Act, Cx, Flow, no_error};
use crate::document::Phase;
use crate::exchange::Edit;
use crate::expr::Template;
use crate::url;
use crate::value::Value;

pub(super) static SPEC: Spec = Spec {
    name: "add-headers",
    own: Own::NOTHING,
    phases: Q | S,
    protocols: Protocols::NotUdp,
    ends: Ends::Never,
    fields: &[required("headers", Kind::Headers(1, false))],
    check: fine,
};

#[derive(Debug)]
struct AddHeaders {
    headers: Vec<(String, Template)>,
}

pub(super) fn build(config: &Config, _: Phase) -> Box<dyn Act> {
    Box::new(AddHeaders {
        headers: config.headers("headers"),
    })
}

/// Is it something that can stand in a Host field?
fn is_authority(text: &str) -> bool {
    let (host, _) = url::split_authority(text);
    !host.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':' | b'[' | b']'))
}

impl Act for AddHeaders {
    fn run(&self, cx: &mut Cx<'_>) -> Flow {
        // All templates first: none of them sees what this action adds.
        let headers = match cx.render_headers(&self.headers) {
            Ok(headers) => headers,
            Err(flow) => return flow,
        };
        let response = cx.on_response();
        for (name, value) in &headers {
            if name == "host" && !response {
                if !is_authority(value) {
                    cx.error("headers.host", "the value is no host");
                    return Flow::Broken(ErrorCode::NGROK_3900);
                }
                cx.exchange.overlay.host = Some(value.clone());
                cx.exchange.edits.push(Edit::Host(value.clone()));
                continue;
            }
            cx.fields().push((name.clone(), value.clone().into_bytes()));
            cx.exchange.edits.push(Edit::Add {
                response,
                name: name.clone(),
                value: value.clone(),
            });
        }
        let added = Value::record(headers.into_iter().map(|(name, value)| (name, Value::Text(value))));
        let errors = no_error("ngrok.add_headers.error.code", "ngrok.add_headers.error.message");
        cx.exchange.set_results(
            "ngrok.add_headers",
            [("ngrok.add_headers.headers_added", added)].into_iter().chain(errors),
        );
        Flow::Next
    }
}
