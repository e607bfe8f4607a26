//! What the actions share that send requests of their own.

use std::time::Duration;

use base64::Engine as _;

use super::Cx;
use crate::effect::{Answer, Fetch};
use crate::expr::scope::decode;
use crate::url;
use crate::value::Value;

/// Who is behind a request of a policy.
pub(super) struct Origin {
    client: String,
    request: String,
}

impl Origin {
    pub(super) fn of(cx: &Cx<'_>) -> Self {
        Self {
            client: cx.view.connection.client_ip.to_canonical().to_string(),
            request: cx.view.request.as_ref().map_or("", |request| request.id).to_owned(),
        }
    }

    pub(super) fn headers(self, kind: &str) -> [(String, String); 4] {
        [
            (
                "user-agent".to_owned(),
                concat!("adit/", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
            ("ngrok-req-type".to_owned(), kind.to_owned()),
            ("ngrok-req-id".to_owned(), self.request),
            ("x-forwarded-for".to_owned(), self.client),
        ]
    }
}

/// Fields as a mapping of lower-case names to lists of values.
pub(super) fn headers_value(fields: &[(String, Vec<u8>)]) -> Value {
    let mut out: Vec<(Value, Value)> = Vec::new();
    for (name, value) in fields {
        let name = Value::Text(name.to_ascii_lowercase());
        let value = Value::Text(decode(value));
        match out.iter_mut().find(|(known, _)| *known == name) {
            Some((_, Value::List(list))) => list.push(value),
            _ => out.push((name, Value::List(vec![value]))),
        }
    }
    Value::Map(out)
}

/// A body as text, else in Base64.
pub(super) fn base64_or_text(body: &[u8]) -> Value {
    Value::Text(match std::str::from_utf8(body) {
        Ok(text) => text.to_owned(),
        Err(_) => base64::engine::general_purpose::STANDARD.encode(body),
    })
}

pub(super) fn millis(took: Duration) -> String {
    took.as_millis().to_string()
}

/// The first value of a field of an answer.
pub(super) fn field(answer: &Answer, name: &str) -> Option<String> {
    answer
        .headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| decode(value))
}

/// The request that an answer redirects to (RFC 9110 15.4), without credentials if it goes elsewhere.
pub(super) fn redirected(answer: &Answer, sent: &Fetch) -> Option<Fetch> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let mut target = url::encode_illegal(&url::resolve(&sent.url, &field(answer, "location")?));
    if let Some(at) = target.find('#') {
        target.truncate(at);
    }
    super::url_check::http(&target).ok()?;
    let mut next = sent.clone();
    let origin = |text: &str| {
        let parts = url::parts(text);
        (
            parts.scheme.unwrap_or_default().to_ascii_lowercase(),
            parts.authority.unwrap_or_default().to_ascii_lowercase(),
        )
    };
    if origin(&target) != origin(&sent.url) {
        next.headers
            .retain(|(name, _)| !matches!(name.as_str(), "authorization" | "cookie" | "proxy-authorization"));
    }
    let to_get = match answer.status {
        303 => next.method != "HEAD",
        301 | 302 => next.method == "POST",
        _ => false,
    };
    if to_get {
        "GET".clone_into(&mut next.method);
        next.body.clear();
        next.headers.retain(|(name, _)| name != "content-type");
    }
    next.url = target;
    Some(next)
}
