//! Writing a record into the ring.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{CONNECTION, POLICED, REQUEST, flag};
use crate::label::{Label, Side};
use crate::outcome::connection::{ConnectionOutcome, Relayed};
use crate::outcome::policy::{MAX_BLOCK, MAX_RAN_BYTES, Policies};
use crate::outcome::request::RequestOutcome;
use crate::outcome::{Target, Visitor};

/// Upper bound of everything but texts: kind, flags, enums, addresses and at most 20 numbers.
pub(super) const FIXED: usize = 320;

/// Longest text of most fields, in bytes.
pub(super) const SHORT: usize = 255;
/// Longest user agent.
const AGENT: usize = 1024;
/// Longest path, longest query.
pub(super) const LONG: usize = 4096;

/// A text and the length at which it is cut.
type Text<'a> = (&'a [u8], usize);

const SHARED_TEXTS: usize = 15;
const REQUEST_TEXTS: usize = SHARED_TEXTS + 7;
const CONNECTION_TEXTS: usize = SHARED_TEXTS + 2;

fn shared_texts<'a>(
    visitor: &Visitor<'a>,
    target: &Target<'a>,
    request_id: &'a str,
    error_code: Option<&'a str>,
) -> [Text<'a>; SHARED_TEXTS] {
    [
        visitor.sni,
        visitor.alpn,
        visitor.tls_version,
        visitor.cipher_suite,
        visitor.client_cert_cn,
        visitor.client_cert_serial,
        target.organization_id,
        target.endpoint_id,
        target.endpoint_url,
        target.session_id,
        target.credential_id,
        target.agent_version,
        target.upstream_url,
        request_id,
        error_code.unwrap_or_default(),
    ]
    .map(|text| (text.as_bytes(), SHORT))
}

fn request_texts<'a>(outcome: &RequestOutcome<'a>) -> [Text<'a>; REQUEST_TEXTS] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = shared_texts(
        &outcome.visitor,
        &outcome.target,
        outcome.request_id,
        outcome.error_code,
    );
    let method = (outcome.method, SHORT);
    let host = (outcome.host, SHORT);
    let path = (outcome.path, LONG);
    let query = (outcome.query, LONG);
    let user_agent = (outcome.user_agent, AGENT);
    let [policies, ran] = of_policies(outcome.policies);
    [
        a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, method, host, path, query, user_agent, policies, ran,
    ]
}

fn of_policies(policies: Policies<'_>) -> [Text<'_>; 2] {
    [(policies.block, MAX_BLOCK), (policies.ran, MAX_RAN_BYTES)]
}

/// The kind of a record, and whether policies were met.
fn kind(kind: u8, policies: Policies<'_>, policy_us: u64) -> u8 {
    if policies.is_empty() && policy_us == 0 {
        kind
    } else {
        kind | POLICED
    }
}

/// Bytes the texts need at most, with their lengths.
fn texts_bound(texts: &[Text<'_>]) -> usize {
    texts.iter().map(|(text, limit)| text.len().min(*limit) + 3).sum()
}

/// A request, ready to be written.
pub(crate) struct RequestWriter<'a> {
    outcome: &'a RequestOutcome<'a>,
    texts: [Text<'a>; REQUEST_TEXTS],
}

impl<'a> RequestWriter<'a> {
    pub(crate) fn new(outcome: &'a RequestOutcome<'a>) -> Self {
        Self {
            outcome,
            texts: request_texts(outcome),
        }
    }

    /// Bytes [`Self::write`] appends at most.
    pub(crate) fn bound(&self) -> usize {
        FIXED + texts_bound(&self.texts)
    }

    pub(crate) fn write(&self, at: SystemTime, out: &mut Vec<u8>) {
        let outcome = self.outcome;
        let visitor = &outcome.visitor;
        let mut flags = visitor_flags(visitor, outcome.error_code);
        set(&mut flags, flag::SECURE, outcome.secure);
        set(&mut flags, flag::REUSED, outcome.reused);
        set(&mut flags, flag::UPGRADED, outcome.upgraded);
        set(&mut flags, flag::TRUNCATED, cut(&self.texts));
        out.extend_from_slice(&[
            kind(
                REQUEST,
                outcome.policies,
                outcome.timings.policy_request_us | outcome.timings.policy_response_us,
            ),
            flags,
            byte(outcome.protocol),
            byte(outcome.outcome),
            side(outcome.error_side),
            outcome.attempts,
        ]);
        write_visitor(visitor, at, out);
        let time = &outcome.timings;
        for value in [
            u64::from(outcome.status),
            u64::from(outcome.glitches),
            outcome.bytes_in,
            outcome.bytes_out,
            time.head_us,
            time.policy_request_us,
            time.policy_response_us,
            time.parked_us,
            time.queue_us,
            time.stream_open_us,
            time.upstream_first_byte_us,
            time.upstream_wait_us,
            time.response_us,
            time.total_us,
        ] {
            number(value, out);
        }
        write_texts(&self.texts, out);
    }
}

/// A connection, ready to be written.
pub(crate) struct ConnectionWriter<'a> {
    outcome: &'a ConnectionOutcome<'a>,
    texts: [Text<'a>; CONNECTION_TEXTS],
}

impl<'a> ConnectionWriter<'a> {
    pub(crate) fn new(outcome: &'a ConnectionOutcome<'a>) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = shared_texts(
            &outcome.visitor,
            &outcome.target,
            outcome.request_id,
            outcome.error_code,
        );
        let [policies, ran] = of_policies(outcome.policies);
        let texts = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, policies, ran];
        Self { outcome, texts }
    }

    /// Bytes [`Self::write`] appends at most.
    pub(crate) fn bound(&self) -> usize {
        FIXED + texts_bound(&self.texts)
    }

    pub(crate) fn write(&self, at: SystemTime, out: &mut Vec<u8>) {
        let outcome = self.outcome;
        let mut flags = visitor_flags(&outcome.visitor, outcome.error_code);
        set(&mut flags, flag::TLS, outcome.protocol == Relayed::Tls);
        set(&mut flags, flag::TRUNCATED, cut(&self.texts));
        out.extend_from_slice(&[
            kind(CONNECTION, outcome.policies, outcome.timings.policy_us),
            flags,
            byte(outcome.outcome),
            side(outcome.error_side),
            outcome.attempts,
        ]);
        write_visitor(&outcome.visitor, at, out);
        let time = &outcome.timings;
        for value in [
            outcome.bytes_in,
            outcome.bytes_out,
            time.tls_us,
            time.policy_us,
            time.parked_us,
            time.stream_open_us,
            time.total_us,
        ] {
            number(value, out);
        }
        write_texts(&self.texts, out);
    }
}

fn set(flags: &mut u8, bit: u8, on: bool) {
    if on {
        *flags |= bit;
    }
}

fn visitor_flags(visitor: &Visitor<'_>, error_code: Option<&str>) -> u8 {
    let mut flags = 0;
    set(&mut flags, flag::RESUMED, visitor.resumed);
    set(&mut flags, flag::SERVER, visitor.server.is_some());
    set(&mut flags, flag::ERROR, error_code.is_some());
    flags
}

fn cut(texts: &[Text<'_>]) -> bool {
    texts.iter().any(|(text, limit)| text.len() > *limit)
}

/// Position of a label; all have fewer than 256 values.
fn byte(label: impl Label) -> u8 {
    u8::try_from(label.index()).unwrap_or(u8::MAX)
}

fn side(side: Option<Side>) -> u8 {
    side.map_or(u8::MAX, byte)
}

fn number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn micros(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

fn address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => {
            out.push(4);
            out.extend_from_slice(&v4.octets());
        }
        IpAddr::V6(v6) => {
            out.push(6);
            out.extend_from_slice(&v6.octets());
        }
    }
}

fn write_visitor(visitor: &Visitor<'_>, at: SystemTime, out: &mut Vec<u8>) {
    out.push(byte(visitor.listener));
    out.extend_from_slice(&micros(at).to_le_bytes());
    out.extend_from_slice(&micros(visitor.connected_at).to_le_bytes());
    address(visitor.client_ip, out);
    address(visitor.l4_ip, out);
    if let Some(server) = visitor.server {
        address(server.ip(), out);
        out.extend_from_slice(&server.port().to_le_bytes());
    }
}

fn write_texts(texts: &[Text<'_>], out: &mut Vec<u8>) {
    for (text, limit) in texts {
        let kept = text.get(..*limit).unwrap_or(text);
        number(kept.len() as u64, out);
        out.extend_from_slice(kept);
    }
}
