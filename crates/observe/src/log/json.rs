//! Lines of the log as JSON: the event of an exchange or a connection (envelope and `object`), with the
//! names of fields that events have everywhere. Absent values are left out.

use std::borrow::Cow;
use std::io;
use std::net::IpAddr;

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};

use super::policy::OfPolicies;
use super::{lossy, timestamp};
use crate::activity::ActivityEvent;
use crate::outcome::connection::ConnectionOutcome;
use crate::outcome::request::RequestOutcome;
use crate::outcome::{Target, Visitor};
use crate::record::{Finished, Record};
use crate::redact::Redaction;

/// Appends the line of a finished exchange or connection.
pub(crate) fn finished(out: &mut Vec<u8>, node: &str, record: &Record<'_>, redaction: &Redaction) {
    match &record.outcome {
        Finished::Request(outcome) => write(
            out,
            &Envelope {
                event_type: "http_request_complete.v0",
                event_timestamp: timestamp(record.at),
                object: request(node, record, outcome, redaction),
            },
        ),
        Finished::Connection(outcome) => write(
            out,
            &Envelope {
                event_type: "tcp_connection_closed.v0",
                event_timestamp: timestamp(record.at),
                object: connection(node, record, outcome),
            },
        ),
    }
}

/// Appends the line of an activity, if it has one.
pub(crate) fn activity(out: &mut Vec<u8>, event: &ActivityEvent) -> bool {
    let Some(event_type) = event.activity.event_type() else {
        return false;
    };
    let event_timestamp = timestamp(event.at);
    write(
        out,
        &Envelope {
            event_type,
            event_timestamp,
            object: event.object(),
        },
    );
    true
}

fn write(out: &mut Vec<u8>, line: &impl Serialize) {
    let start = out.len();
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Printable);
    if line.serialize(&mut serializer).is_ok() {
        out.push(b'\n');
    } else {
        out.truncate(start);
    }
}

/// As serde_json writes, but DEL and the control characters U+0080–U+009F are escaped as well: some
/// terminals obey them.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, mut fragment: &str) -> io::Result<()> {
        while let Some(at) = fragment.find(|c| matches!(c, '\u{7f}'..='\u{9f}')) {
            let (before, rest) = fragment.split_at(at);
            out.write_all(before.as_bytes())?;
            let mut characters = rest.chars();
            if let Some(control) = characters.next() {
                write!(out, "\\u{:04x}", u32::from(control))?;
            }
            fragment = characters.as_str();
        }
        out.write_all(fragment.as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, out: &mut W, escape: CharEscape) -> io::Result<()> {
        CompactFormatter.write_char_escape(out, escape)
    }
}

#[derive(Serialize)]
struct Envelope<T> {
    event_type: &'static str,
    event_timestamp: String,
    object: T,
}

fn is_empty(text: &str) -> bool {
    text.is_empty()
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u16) -> bool {
    *value == 0
}

#[derive(Serialize)]
struct Endpoint<'a> {
    #[serde(skip_serializing_if = "is_empty")]
    id: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
struct Agent<'a> {
    session_id: &'a str,
    credential_id: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    version: &'a str,
}

#[derive(Serialize)]
struct Conn<'a> {
    client_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "is_empty")]
    server_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_port: Option<u16>,
    start_ts: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_ts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_out: Option<u64>,
}

#[derive(Serialize)]
struct Tls<'a> {
    version: &'a str,
    cipher_suite: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_cert: Option<ClientCert<'a>>,
}

#[derive(Serialize)]
struct ClientCert<'a> {
    serial_number: &'a str,
    subject: Subject<'a>,
}

#[derive(Serialize)]
struct Subject<'a> {
    cn: &'a str,
}

#[derive(Serialize)]
struct Backend {
    connection_reused: bool,
}

/// What requests and connections share, at the top of `object`.
#[derive(Serialize)]
struct Shared<'a> {
    request_id: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    organization_id: &'a str,
    node: &'a str,
    listener: &'static str,
    protocol: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_side: Option<&'static str>,
    attempts: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<Agent<'a>>,
    #[serde(skip_serializing_if = "is_empty")]
    upstream_url: &'a str,
    l4_ip: IpAddr,
    conn: Conn<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls<'a>>,
    #[serde(skip_serializing_if = "is_empty")]
    sni: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    alpn: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    resumed: bool,
}

fn endpoint<'a>(target: &Target<'a>) -> Option<Endpoint<'a>> {
    (!target.endpoint_id.is_empty() || !target.endpoint_url.is_empty()).then_some(Endpoint {
        id: target.endpoint_id,
        url: target.endpoint_url,
    })
}

fn agent<'a>(target: &Target<'a>) -> Option<Agent<'a>> {
    (!target.session_id.is_empty()).then_some(Agent {
        session_id: target.session_id,
        credential_id: target.credential_id,
        version: target.agent_version,
    })
}

fn conn<'a>(visitor: &Visitor<'a>) -> Conn<'a> {
    Conn {
        client_ip: visitor.client_ip.to_canonical(),
        server_ip: visitor.server.map(|server| server.ip().to_canonical()),
        server_name: visitor.sni,
        server_port: visitor.server.map(|server| server.port()),
        start_ts: timestamp(visitor.connected_at),
        end_ts: None,
        bytes_in: None,
        bytes_out: None,
    }
}

fn tls<'a>(visitor: &Visitor<'a>) -> Option<Tls<'a>> {
    (!visitor.tls_version.is_empty()).then_some(Tls {
        version: visitor.tls_version,
        cipher_suite: visitor.cipher_suite,
        client_cert: (!visitor.client_cert_serial.is_empty()).then_some(ClientCert {
            serial_number: visitor.client_cert_serial,
            subject: Subject {
                cn: visitor.client_cert_cn,
            },
        }),
    })
}

#[derive(Serialize)]
struct Request<'a> {
    #[serde(flatten)]
    shared: Shared<'a>,
    #[serde(skip_serializing_if = "is_false")]
    upgraded: bool,
    #[serde(skip_serializing_if = "is_zero")]
    glitches: u16,
    http: Http<'a>,
    backend: Backend,
    #[serde(flatten)]
    policies: OfPolicies<'a>,
    timing: RequestTiming,
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
}

#[derive(Serialize)]
struct Http<'a> {
    request: HttpRequest<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<HttpResponse>,
}

#[derive(Serialize)]
struct HttpRequest<'a> {
    /// Lower-cased, as the events' reference says; the method as received is beside it.
    method: String,
    method_original: Cow<'a, str>,
    url: Url<'a>,
    #[serde(skip_serializing_if = "is_empty")]
    user_agent: Cow<'a, str>,
    body_length: u64,
}

#[derive(Serialize)]
struct Url<'a> {
    scheme: &'static str,
    host: Cow<'a, str>,
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_empty")]
    query: String,
    raw: String,
}

#[derive(Serialize)]
struct HttpResponse {
    status_code: u16,
    body_length: u64,
}

#[derive(Serialize)]
struct RequestTiming {
    head_us: u64,
    policy_request_us: u64,
    policy_response_us: u64,
    parked_us: u64,
    queue_us: u64,
    stream_open_us: u64,
    upstream_first_byte_us: u64,
    response_us: u64,
    total_us: u64,
}

#[derive(Serialize)]
struct Connection<'a> {
    #[serde(flatten)]
    shared: Shared<'a>,
    #[serde(flatten)]
    policies: OfPolicies<'a>,
    timing: ConnectionTiming,
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
}

#[derive(Serialize)]
struct ConnectionTiming {
    tls_us: u64,
    policy_request_us: u64,
    parked_us: u64,
    stream_open_us: u64,
    total_us: u64,
}

fn request<'a>(
    node: &'a str,
    record: &Record<'_>,
    outcome: &'a RequestOutcome<'a>,
    redaction: &Redaction,
) -> Request<'a> {
    let time = &outcome.timings;
    let query = redaction.query(outcome.query);
    Request {
        shared: Shared {
            request_id: outcome.request_id,
            organization_id: outcome.target.organization_id,
            node,
            listener: outcome.visitor.listener.as_str(),
            protocol: outcome.protocol.as_str(),
            outcome: outcome.outcome.as_str(),
            error_code: outcome.error_code,
            error_side: outcome.error_side.map(crate::Side::as_str),
            attempts: outcome.attempts,
            endpoint: endpoint(&outcome.target),
            agent: agent(&outcome.target),
            upstream_url: outcome.target.upstream_url,
            l4_ip: outcome.visitor.l4_ip.to_canonical(),
            conn: conn(&outcome.visitor),
            tls: tls(&outcome.visitor),
            sni: outcome.visitor.sni,
            alpn: outcome.visitor.alpn,
            resumed: outcome.visitor.resumed,
        },
        upgraded: outcome.upgraded,
        glitches: outcome.glitches,
        http: Http {
            request: HttpRequest {
                method: lossy(outcome.method).to_ascii_lowercase(),
                method_original: lossy(outcome.method),
                url: Url::new(outcome, lossy(&query).into_owned()),
                user_agent: lossy(outcome.user_agent),
                body_length: outcome.bytes_in,
            },
            response: (outcome.status != 0).then_some(HttpResponse {
                status_code: outcome.status,
                body_length: outcome.bytes_out,
            }),
        },
        backend: Backend {
            connection_reused: outcome.reused,
        },
        policies: OfPolicies::new(outcome.policies),
        timing: RequestTiming {
            head_us: time.head_us,
            policy_request_us: time.policy_request_us,
            policy_response_us: time.policy_response_us,
            parked_us: time.parked_us,
            queue_us: time.queue_us,
            stream_open_us: time.stream_open_us,
            upstream_first_byte_us: time.upstream_first_byte_us,
            response_us: time.response_us,
            total_us: time.total_us,
        },
        truncated: record.truncated,
    }
}

impl<'a> Url<'a> {
    fn new(outcome: &RequestOutcome<'a>, query: String) -> Self {
        let scheme = if outcome.secure { "https" } else { "http" };
        let host = lossy(outcome.host);
        let path = lossy(outcome.path);
        // `OPTIONS *` has no path to put behind a host.
        let shown = if path.starts_with('/') { path.as_ref() } else { "" };
        let mark = if query.is_empty() { "" } else { "?" };
        let raw = format!("{scheme}://{host}{shown}{mark}{query}");
        Self {
            scheme,
            host,
            path,
            query,
            raw,
        }
    }
}

fn connection<'a>(node: &'a str, record: &Record<'_>, outcome: &'a ConnectionOutcome<'a>) -> Connection<'a> {
    let time = &outcome.timings;
    Connection {
        shared: Shared {
            request_id: outcome.request_id,
            organization_id: outcome.target.organization_id,
            node,
            listener: outcome.visitor.listener.as_str(),
            protocol: outcome.protocol.as_str(),
            outcome: outcome.outcome.as_str(),
            error_code: outcome.error_code,
            error_side: outcome.error_side.map(crate::Side::as_str),
            attempts: outcome.attempts,
            endpoint: endpoint(&outcome.target),
            agent: agent(&outcome.target),
            upstream_url: outcome.target.upstream_url,
            l4_ip: outcome.visitor.l4_ip.to_canonical(),
            conn: Conn {
                end_ts: Some(timestamp(record.at)),
                bytes_in: Some(outcome.bytes_in),
                bytes_out: Some(outcome.bytes_out),
                ..conn(&outcome.visitor)
            },
            tls: tls(&outcome.visitor),
            sni: outcome.visitor.sni,
            alpn: outcome.visitor.alpn,
            resumed: outcome.visitor.resumed,
        },
        policies: OfPolicies::new(outcome.policies),
        timing: ConnectionTiming {
            tls_us: time.tls_us,
            policy_request_us: time.policy_us,
            parked_us: time.parked_us,
            stream_open_us: time.stream_open_us,
            total_us: time.total_us,
        },
        truncated: record.truncated,
    }
}
