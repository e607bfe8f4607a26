//! Messages that leave: what a policy or the edge answers, and what goes on to an upstream.

use adit_names::code::ErrorCode;

use super::seen::Seen;
use super::world::Message;
use crate::exchange::Exchange;

/// An answer of a policy.
pub(super) fn answer(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Message {
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

/// The edge's own answer.
pub(super) fn refusal(status: u16, code: Option<ErrorCode>, headers: Vec<(String, String)>) -> Message {
    let mut answer = answer(status, headers, Vec::new());
    if let Some(code) = code {
        answer
            .fields
            .push(("ngrok-error-code".to_owned(), code.as_str().as_bytes().to_vec()));
    }
    answer
}

/// The request as the upstream gets it: what actions have made of what came in.
pub(super) fn forwarded(seen: &Seen<'_>, exchange: &mut Exchange) -> (String, Message) {
    let incoming = seen.incoming;
    let host = exchange.host().unwrap_or(&seen.authority).to_owned();
    let request = Message {
        method: incoming.method.clone(),
        url: exchange.target().unwrap_or(&seen.target).to_owned(),
        fields: exchange.request_fields().unwrap_or(&incoming.fields).to_vec(),
        body: exchange
            .take_request_body()
            .map_or_else(|| incoming.body.clone(), Vec::from),
        ..Message::default()
    };
    (host, request)
}
