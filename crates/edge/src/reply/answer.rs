//! An answer of the edge: status, code, sentence; rendered as page, JSON, text or gRPC status.

use std::net::IpAddr;

use adit_http1::{Head, Known, Refusal};
use adit_names::code::ErrorCode;

use super::page;

/// An answer that the edge makes itself.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Goes out as `ngrok-error-code`, the header that clients look for.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) visitor: &'static str,
    pub(crate) owner: &'static str,
    retry_after: Option<u32>,
    allow: bool,
    host: Option<String>,
    /// Protocol errors are short plain text whatever the visitor accepts.
    plain: bool,
    /// The connection ends after this answer (HTTP/1).
    pub(crate) close: bool,
    location: Option<String>,
    /// Fields and body that a policy gave.
    given: Option<Box<Given>>,
    /// A policy refuses by it.
    pub(crate) is_refusal: bool,
}

/// What a policy gave of an answer.
#[derive(Clone, Debug)]
struct Given {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// The whole answer is the policy's; else it is in the edge's own form, with these fields.
    body: Option<Vec<u8>>,
}

/// The form of a body that the visitor prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Page,
    Json,
    Text,
    Grpc,
}

impl Form {
    /// Reads it off a request's head.
    pub(crate) fn of(head: &Head) -> Self {
        let starts = |value: Option<&[u8]>, with: &[u8]| {
            value.is_some_and(|v| v.len() >= with.len() && v.iter().zip(with).all(|(a, b)| a.eq_ignore_ascii_case(b)))
        };
        if starts(head.get(Known::ContentType), b"application/grpc")
            && !starts(head.get(Known::ContentType), b"application/grpc-web")
        {
            return Self::Grpc;
        }
        let accept = head
            .get(Known::Accept)
            .and_then(|v| std::str::from_utf8(v).ok())
            .unwrap_or("");
        let (mut html, mut json) = (0.0_f32, 0.0_f32);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or("");
            let q = parts
                .filter_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")))
                .find_map(|q| q.parse::<f32>().ok())
                .unwrap_or(1.0);
            if kind.eq_ignore_ascii_case("text/html") {
                html = html.max(q);
            } else if kind.eq_ignore_ascii_case("application/json")
                || (kind.starts_with("application/") && kind.ends_with("+json"))
            {
                json = json.max(q);
            }
        }
        if html > 0.0 && html >= json {
            Self::Page
        } else if json > 0.0 || starts(head.find(b"sec-fetch-dest"), b"empty") {
            Self::Json
        } else {
            Self::Text
        }
    }
}

impl Answer {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            visitor: "",
            owner: "",
            retry_after: None,
            allow: false,
            host: None,
            plain: false,
            close: false,
            location: None,
            given: None,
            is_refusal: false,
        }
    }

    /// Whether a policy gave it, whatever its form.
    pub(crate) fn is_of_policy(&self) -> bool {
        self.is_refusal || self.is_given()
    }

    /// Whether it is a policy's as a whole.
    pub(crate) fn is_given(&self) -> bool {
        self.given.as_ref().is_some_and(|given| given.body.is_some())
    }

    /// The same as the refusal of a policy.
    #[must_use]
    pub(crate) fn refusing(mut self) -> Self {
        self.is_refusal = true;
        self
    }

    /// The answer of a policy: `head` and body as they are, with the length, and the date if it has none.
    pub(crate) fn given(head: &Head, body: Vec<u8>) -> Self {
        let own = |known| {
            matches!(
                known,
                Known::ContentLength | Known::TransferEncoding | Known::Connection
            )
        };
        let fields = head.fields().filter(|(name, _)| !own(name.known()));
        let fields = fields
            .map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()))
            .collect();
        Self {
            given: Some(Box::new(Given {
                fields,
                body: Some(body),
            })),
            ..Self::new(head.status(), "", "")
        }
    }

    /// The same answer with this head and body in place of its own form.
    pub(crate) fn settled(&self, head: &Head, body: Vec<u8>) -> Self {
        Self {
            code: self.code,
            close: self.close,
            is_refusal: self.is_refusal,
            ..Self::given(head, body)
        }
    }

    /// The refusal of a policy in the edge's own form.
    pub(crate) fn refused(status: u16, code: ErrorCode, message: String, headers: Vec<(String, String)>) -> Self {
        let fields = headers
            .into_iter()
            .map(|(name, value)| (name.into_bytes(), value.into_bytes()))
            .collect();
        Self {
            visitor: code.fix(),
            given: Some(Box::new(Given { fields, body: None })),
            is_refusal: true,
            ..Self::new(status, code.as_str(), message)
        }
    }

    fn protocol(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            plain: true,
            close: true,
            ..Self::new(status, code, message)
        }
    }

    /// The name is unknown, or known and offline.
    pub(crate) fn offline(host: &str) -> Self {
        Self {
            visitor: "Check the address; if it is right, try again later.",
            owner: "Start the agent that serves this name, for example: adit http 8080 --url https://<name>.",
            host: Some(host.to_owned()),
            ..Self::new(404, "ERR_NGROK_3200", format!("The endpoint {host} is offline."))
        }
    }

    /// The connection was made for another name.
    pub(crate) fn misdirected() -> Self {
        Self::new(
            421,
            "ERR_ADIT_4210",
            "This connection was made for another host; open a new one for this host.",
        )
    }

    /// The `Host` field is missing, double or not a host.
    pub(crate) fn bad_host() -> Self {
        Self::protocol(
            400,
            "ERR_ADIT_4002",
            "The Host field is missing, given twice or not a host name.",
        )
    }

    /// What the strict codec refused.
    pub(crate) fn refusal(r: &Refusal) -> Self {
        let mut a = Self::protocol(r.status(), r.code(), r.text());
        a.allow = r.status() == 405;
        a
    }

    /// Lengths that contradict each other.
    pub(crate) fn conflicting_length() -> Self {
        Self::protocol(
            400,
            "ERR_ADIT_4001",
            "The length of the body is given twice or is not a number.",
        )
    }

    /// Plain HTTP on the TLS port.
    pub(crate) fn tls_only(host: &str) -> Self {
        let host = if host.is_empty() { "this host" } else { host };
        Self::protocol(
            400,
            "ERR_ADIT_4005",
            format!("this port speaks TLS; use https://{host}"),
        )
    }

    /// The head or body came too slowly.
    pub(crate) fn too_slow() -> Self {
        Self::protocol(408, "ERR_ADIT_4080", "The request came too slowly.")
    }

    /// An expectation other than `100-continue`.
    pub(crate) fn expectation() -> Self {
        Self::protocol(417, "ERR_ADIT_4170", "Only the expectation 100-continue is understood.")
    }

    /// `CONNECT` or `TRACE`.
    pub(crate) fn method_not_allowed() -> Self {
        let mut a = Self::protocol(405, "ERR_ADIT_4050", "This method is not served here.");
        a.allow = true;
        a
    }

    /// The agent has as many streams as it can hold.
    pub(crate) fn stream_limit() -> Self {
        Self {
            owner: "The agent serves as many requests at once as it can; run a second agent in a pool, or raise the agent's limit.",
            ..Self::new(503, "ERR_ADIT_1301", "The agent of this endpoint is at its limit of open requests.")
        }
        .retry_after(1)
    }

    /// The agent refused the stream at every try.
    pub(crate) fn stream_refused() -> Self {
        Self::new(502, "ERR_ADIT_1302", "The agent of this endpoint refused the request.")
    }

    /// The session ended after the request went out and before an answer began.
    pub(crate) fn session_lost() -> Self {
        Self::new(
            502,
            "ERR_ADIT_1303",
            "The connection to the agent of this endpoint was lost before it answered.",
        )
    }

    /// The upstream closed or answered with something that is not HTTP.
    pub(crate) fn upstream_invalid() -> Self {
        Self {
            owner: "The service behind the agent closed the connection or sent an invalid answer; look at its log.",
            ..Self::new(
                502,
                "ERR_NGROK_3004",
                "The service behind this endpoint gave no valid answer.",
            )
        }
    }

    /// As [`upstream_invalid`](Self::upstream_invalid) with the codec's own code for the answer's fault.
    pub(crate) fn upstream_refused_head(code: &'static str) -> Self {
        Self {
            code,
            ..Self::upstream_invalid()
        }
    }

    /// The agent could not reach its upstream.
    pub(crate) fn dial_failed() -> Self {
        Self {
            owner: "The agent is connected, but the service it forwards to does not accept connections. Start it, or correct the agent's upstream address.",
            ..Self::new(
                502,
                "ERR_NGROK_8012",
                "The agent could not reach the service behind this endpoint.",
            )
        }
    }

    /// No upgrade to this protocol over this upstream.
    pub(crate) fn upgrade_impossible() -> Self {
        Self::new(
            501,
            "ERR_ADIT_5010",
            "This upgrade is not possible over this endpoint's upstream.",
        )
    }

    /// The endpoint turns WebSockets into connections, and this is none.
    pub(crate) fn websocket_expected() -> Self {
        Self::websocket(Vec::new())
    }

    /// A WebSocket of a version that nobody speaks any more (RFC 6455, section 4.4).
    pub(crate) fn websocket_version() -> Self {
        Self::websocket(vec![("Sec-WebSocket-Version".to_owned(), "13".to_owned())])
    }

    fn websocket(headers: Vec<(String, String)>) -> Self {
        let code = ErrorCode::NGROK_3206;
        Self::refused(400, code, code.message(&[]), headers)
    }

    /// gRPC needs an HTTP/2 upstream.
    pub(crate) fn grpc_needs_http2() -> Self {
        Self {
            owner: "Start the agent with --upstream-protocol http2 for gRPC services.",
            ..Self::new(
                501,
                "ERR_ADIT_5010",
                "gRPC needs an upstream that speaks HTTP/2 (upstream protocol http2).",
            )
        }
    }

    /// The organisation lets only certain networks in.
    pub(crate) fn address_blocked(ip: IpAddr) -> Self {
        Self {
            visitor: "Connect from a network that is let in, or ask the owner.",
            owner: "Look at the IP restriction of the organisation for endpoints and at its IP policies.",
            ..Self::new(
                403,
                "ERR_NGROK_3205",
                format!("The address {ip} is blocked by the organisation's IP restriction."),
            )
        }
    }

    /// The configuration of the endpoint cannot be put in force, so nothing passes.
    pub(crate) fn policy_invalid() -> Self {
        Self {
            visitor: "Try again later.",
            owner: "The traffic policy of this endpoint cannot be run by this server; see the endpoint's status.",
            ..Self::new(
                503,
                "ERR_ADIT_5030",
                "The configuration of this endpoint is not usable.",
            )
        }
    }

    /// A guardrail requires of the endpoint's own policy what it does not have, so nothing passes.
    pub(crate) fn requirement_unmet() -> Self {
        Self {
            owner: "A guardrail of the organisation requires something that the traffic policy of this endpoint does not \
                    have: the guardrail's `affected` names it.",
            ..Self::policy_invalid()
        }
    }

    /// There is no memory left for what the request needs.
    pub(crate) fn overloaded() -> Self {
        Self {
            visitor: "Try again later.",
            ..Self::new(503, "ERR_NGROK_743", "This server is at its limit of memory.")
        }
        .retry_after(5)
    }

    /// The request's body is longer than a policy allows.
    pub(crate) fn body_too_long() -> Self {
        let code = ErrorCode::ADIT_4130;
        Self::refused(413, code, code.message(&[]), Vec::new()).closing()
    }

    /// A time that a policy sets for the response was over.
    pub(crate) fn timed_out() -> Self {
        Self {
            visitor: "Try again later.",
            owner: "The service took longer than a timeout in the endpoint's traffic policy allows.",
            ..Self::new(
                504,
                "ERR_NGROK_3008",
                "The service behind this endpoint did not answer in time.",
            )
        }
    }

    /// The request came round to us ten times.
    pub(crate) fn forward_loop() -> Self {
        Self::new(508, "ERR_NGROK_3603", "The request goes round in a loop.")
    }

    /// A fault of ours.
    pub(crate) fn internal() -> Self {
        Self::new(
            500,
            "ERR_NGROK_741",
            "An internal fault; it was recorded under the request's id.",
        )
    }

    /// From the plain port to the TLS port; the request's path and query are put behind it.
    pub(crate) fn redirect_to_tls(host: &str, port: u16) -> Self {
        let mut a = Self::new(307, "", "");
        a.location = Some(if port == 443 {
            format!("https://{host}")
        } else {
            format!("https://{host}:{port}")
        });
        a
    }

    /// The same for a request to `target` (origin form); only redirects look at it.
    #[must_use]
    pub(crate) fn for_target(mut self, target: &[u8]) -> Self {
        if let Some(l) = &mut self.location {
            l.push_str(&String::from_utf8_lossy(target));
        }
        self
    }

    /// The same with a `Retry-After` of `seconds`.
    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same, ending the connection.
    #[must_use]
    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Fills `head` with the answer and returns its body. `date` is an IMF-fixdate.
    pub(crate) fn render(&self, form: Form, request_id: &str, date: &[u8], head: &mut Head) -> Vec<u8> {
        if let Some(given) = self.given.as_deref()
            && let Some(body) = &given.body
        {
            return self.render_given(&given.fields, body, date, head);
        }
        if form == Form::Grpc {
            return self.render_grpc(request_id, date, head);
        }
        head.start_response(self.status);
        head.push(b"Date", date);
        if !self.code.is_empty() {
            head.push(b"ngrok-error-code", self.code.as_bytes());
        }
        if !request_id.is_empty() {
            head.push(b"X-Request-Id", request_id.as_bytes());
        }
        head.push(b"Cache-Control", b"no-store");
        if let Some(l) = &self.location {
            head.push(b"Location", l.as_bytes());
        }
        for (name, value) in self.given.iter().flat_map(|given| &given.fields) {
            head.push(name, value);
        }
        if let Some(s) = self.retry_after {
            head.push(b"Retry-After", s.to_string().as_bytes());
        }
        if self.allow {
            head.push(b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        }
        let body = self.body(if self.plain { Form::Text } else { form }, request_id, head);
        head.push(b"Content-Length", body.len().to_string().as_bytes());
        body
    }

    /// An answer that is a policy's as a whole.
    fn render_given(&self, fields: &[(Vec<u8>, Vec<u8>)], body: &[u8], date: &[u8], head: &mut Head) -> Vec<u8> {
        head.start_response(self.status);
        for (name, value) in fields {
            head.push(name, value);
        }
        if !head.contains(Known::Date) {
            head.push(b"Date", date);
        }
        if matches!(self.status, 204 | 304) {
            return Vec::new();
        }
        head.push(b"Content-Length", body.len().to_string().as_bytes());
        body.to_vec()
    }

    fn body(&self, form: Form, request_id: &str, head: &mut Head) -> Vec<u8> {
        if self.location.is_some() {
            return Vec::new();
        }
        match form {
            Form::Page => {
                head.push(b"Content-Type", b"text/html; charset=utf-8");
                head.push(b"Content-Security-Policy", page::CSP.as_bytes());
                page::render(
                    self.status,
                    self.code,
                    &self.message,
                    self.visitor,
                    self.owner,
                    request_id,
                )
                .into_bytes()
            }
            Form::Json => {
                head.push(b"Content-Type", b"application/json");
                let details = self
                    .host
                    .as_ref()
                    .map_or_else(|| serde_json::json!({}), |h| serde_json::json!({ "host": h }));
                serde_json::json!({
                    "error_code": self.code,
                    "status_code": self.status,
                    "msg": self.message,
                    "details": details,
                    "request_id": request_id,
                })
                .to_string()
                .into_bytes()
            }
            Form::Text | Form::Grpc => {
                head.push(b"Content-Type", b"text/plain; charset=utf-8");
                if self.plain {
                    format!("{} {}\n", self.message, self.code).into_bytes()
                } else {
                    format!("{}\n{}\n", self.code, self.message).into_bytes()
                }
            }
        }
    }

    /// Trailers-only (gRPC over HTTP/2, "Responses"): status 200, the outcome in `grpc-status`.
    fn render_grpc(&self, request_id: &str, date: &[u8], head: &mut Head) -> Vec<u8> {
        head.start_response(200);
        head.push(b"date", date);
        head.push(b"content-type", b"application/grpc");
        head.push(b"grpc-status", self.grpc_status().to_string().as_bytes());
        head.push(b"grpc-message", percent_encoded(&self.message).as_bytes());
        head.push(b"ngrok-error-code", self.code.as_bytes());
        if !request_id.is_empty() {
            head.push(b"x-request-id", request_id.as_bytes());
        }
        Vec::new()
    }

    fn grpc_status(&self) -> u8 {
        match self.status {
            401 => 16,
            403 => 7,
            404 => 14,
            408 | 504 => 4,
            413 | 429 | 431 => 8,
            501 => 12,
            500 | 502 | 503 => 14,
            _ => 13,
        }
    }
}

/// `grpc-message` is percent-encoded: everything but printable ASCII without `%`.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if (0x20..=0x7e).contains(&b) && b != b'%' {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use adit_http1::Version;

    fn form(fields: &[(&str, &str)]) -> Form {
        let mut h = Head::default();
        h.start_request(b"GET", b"/", Version::Http11).unwrap();
        for (n, v) in fields {
            h.push(n.as_bytes(), v.as_bytes());
        }
        Form::of(&h)
    }

    #[test]
    fn the_form_follows_accept_with_its_weights() {
        assert_eq!(form(&[]), Form::Text);
        assert_eq!(form(&[("Accept", "*/*")]), Form::Text);
        assert_eq!(
            form(&[("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")]),
            Form::Page
        );
        assert_eq!(form(&[("Accept", "application/json")]), Form::Json);
        assert_eq!(form(&[("Accept", "text/html;q=0.5, application/json")]), Form::Json);
        assert_eq!(form(&[("Accept", "application/problem+json")]), Form::Json);
        assert_eq!(form(&[("Accept", "*/*"), ("Sec-Fetch-Dest", "empty")]), Form::Json);
        assert_eq!(form(&[("Content-Type", "application/grpc+proto")]), Form::Grpc);
        assert_eq!(form(&[("Content-Type", "application/grpc-web")]), Form::Text);
    }

    #[test]
    fn every_form_carries_the_code() {
        let a = Answer::offline("app.example.com");
        for f in [Form::Page, Form::Json, Form::Text] {
            let mut head = Head::default();
            let body = a.render(f, "rq_1", b"Tue, 24 Nov 2026 15:00:00 GMT", &mut head);
            assert_eq!(head.status(), 404);
            assert_eq!(head.find(b"ngrok-error-code"), Some(&b"ERR_NGROK_3200"[..]));
            assert!(String::from_utf8(body).unwrap().contains("ERR_NGROK_3200"));
        }
        let mut head = Head::default();
        assert!(a.render(Form::Grpc, "rq_1", b"", &mut head).is_empty());
        assert_eq!(head.status(), 200);
        assert_eq!(head.find(b"grpc-status"), Some(&b"14"[..]));
    }

    #[test]
    fn protocol_errors_are_short_text_whatever_is_accepted() {
        let mut head = Head::default();
        let body = Answer::bad_host().render(Form::Page, "", b"", &mut head);
        assert!(body.len() <= 200);
        assert!(String::from_utf8(body).unwrap().contains("ERR_ADIT_4002"));
    }
}
