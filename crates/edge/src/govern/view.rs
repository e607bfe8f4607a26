//! Heads as policies see them.

use adit_http1::{Head, Known, Version, is_identity_name};
use adit_names::endpoint_url::Scheme;
use adit_policy::{Fields, Request, Response};

/// Fields of a request: without `host`, which stands for itself, and without what only the edge may say of a visitor.
pub(super) struct RequestFields<'a>(pub(super) &'a Head);

impl Fields for RequestFields<'_> {
    fn each(&self, each: &mut dyn FnMut(&str, &[u8])) {
        for (name, value) in self.0.fields() {
            let known = name.known();
            let is_ours = matches!(known, Known::Other | Known::ClientCert | Known::ClientCertChain)
                && is_identity_name(name.as_bytes());
            if known != Known::Host
                && !is_ours
                && let Ok(name) = std::str::from_utf8(name.as_bytes())
            {
                each(name, value);
            }
        }
    }

    fn first_value(&self, name: &str) -> Option<&[u8]> {
        let value = self.0.find(name.as_bytes())?;
        let is_hidden = name.eq_ignore_ascii_case("host") || is_identity_name(name.as_bytes());
        (!is_hidden).then_some(value)
    }
}

/// Fields of a response.
pub(super) struct ResponseFields<'a>(pub(super) &'a Head);

impl Fields for ResponseFields<'_> {
    fn each(&self, each: &mut dyn FnMut(&str, &[u8])) {
        for (name, value) in self.0.fields() {
            if let Ok(name) = std::str::from_utf8(name.as_bytes()) {
                each(name, value);
            }
        }
    }

    fn first_value(&self, name: &str) -> Option<&[u8]> {
        self.0.find(name.as_bytes())
    }
}

pub(super) fn request<'a>(
    head: &'a Head,
    fields: &'a RequestFields<'a>,
    id: &'a str,
    is_secure: bool,
    received_at: i64,
) -> Request<'a> {
    Request {
        id,
        method: text(head.method()),
        version: match head.version() {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
            Version::Http2 => "HTTP/2.0",
        },
        scheme: if is_secure { Scheme::Https } else { Scheme::Http },
        authority: text(head.get(Known::Host).unwrap_or_default()),
        target: text(head.path_and_query()),
        fields,
        content_length: length(head),
        received_at,
    }
}

pub(super) fn response<'a>(
    head: &'a Head,
    fields: &'a ResponseFields<'a>,
    origin: &'static str,
    received_at: i64,
) -> Response<'a> {
    Response {
        status: head.status(),
        fields,
        content_length: length(head),
        origin,
        received_at,
    }
}

/// Heads that were let in have no other bytes in these places.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn length(head: &Head) -> Option<u64> {
    text(head.get(Known::ContentLength)?).parse().ok()
}
