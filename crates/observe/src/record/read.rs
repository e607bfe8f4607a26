//! Reading a record back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{CONNECTION, Finished, POLICED, REQUEST, Record, flag};
use crate::label::{Listener, Outcome, Protocol, Side};
use crate::outcome::connection::{ConnectionOutcome, ConnectionTimings, Relayed};
use crate::outcome::policy::Policies;
use crate::outcome::request::{RequestOutcome, Timings};
use crate::outcome::{Target, Visitor};

/// Whether policies were met by what a record is of: a look at its first byte.
pub(crate) fn is_policed(record: &[u8]) -> bool {
    record.first().is_some_and(|kind| kind & POLICED != 0)
}

/// Reads a record back; `None` if it is not one.
pub(crate) fn read(record: &[u8]) -> Option<Record<'_>> {
    let mut from = Reader(record);
    match from.byte()? & !POLICED {
        REQUEST => read_request(from),
        CONNECTION => read_connection(from),
        _ => None,
    }
}

fn read_request(mut from: Reader<'_>) -> Option<Record<'_>> {
    let flags = from.byte()?;
    let protocol = *Protocol::ALL.get(usize::from(from.byte()?))?;
    let outcome = *Outcome::ALL.get(usize::from(from.byte()?))?;
    let error_side = from.side()?;
    let attempts = from.byte()?;
    let (at, visitor) = from.visitor(flags)?;
    let mut numbers = [0; 14];
    for value in &mut numbers {
        *value = from.number()?;
    }
    let [
        status,
        glitches,
        bytes_in,
        bytes_out,
        head_us,
        policy_request_us,
        policy_response_us,
        parked_us,
        queue_us,
        stream_open_us,
        upstream_first_byte_us,
        upstream_wait_us,
        response_us,
        total_us,
    ] = numbers;
    let (visitor, target, request_id, error_code) = from.shared_texts(visitor, flags)?;
    Some(Record {
        at,
        truncated: flags & flag::TRUNCATED != 0,
        outcome: Finished::Request(RequestOutcome {
            visitor,
            target,
            request_id,
            protocol,
            secure: flags & flag::SECURE != 0,
            method: from.bytes()?,
            host: from.bytes()?,
            path: from.bytes()?,
            query: from.bytes()?,
            user_agent: from.bytes()?,
            policies: from.policies()?,
            status: u16::try_from(status).ok()?,
            outcome,
            error_code,
            error_side,
            attempts,
            reused: flags & flag::REUSED != 0,
            upgraded: flags & flag::UPGRADED != 0,
            glitches: u16::try_from(glitches).ok()?,
            bytes_in,
            bytes_out,
            timings: Timings {
                head_us,
                policy_request_us,
                policy_response_us,
                parked_us,
                queue_us,
                stream_open_us,
                upstream_first_byte_us,
                upstream_wait_us,
                response_us,
                total_us,
            },
        }),
    })
}

fn read_connection(mut from: Reader<'_>) -> Option<Record<'_>> {
    let flags = from.byte()?;
    let outcome = *Outcome::ALL.get(usize::from(from.byte()?))?;
    let error_side = from.side()?;
    let attempts = from.byte()?;
    let (at, visitor) = from.visitor(flags)?;
    let mut numbers = [0; 7];
    for value in &mut numbers {
        *value = from.number()?;
    }
    let [
        bytes_in,
        bytes_out,
        tls_us,
        policy_us,
        parked_us,
        stream_open_us,
        total_us,
    ] = numbers;
    let (visitor, target, request_id, error_code) = from.shared_texts(visitor, flags)?;
    Some(Record {
        at,
        truncated: flags & flag::TRUNCATED != 0,
        outcome: Finished::Connection(ConnectionOutcome {
            visitor,
            target,
            request_id,
            protocol: if flags & flag::TLS != 0 {
                Relayed::Tls
            } else {
                Relayed::Tcp
            },
            outcome,
            error_code,
            error_side,
            attempts,
            bytes_in,
            bytes_out,
            timings: ConnectionTimings {
                tls_us,
                policy_us,
                parked_us,
                stream_open_us,
                total_us,
            },
            policies: from.policies()?,
        }),
    })
}

/// What is left of a record.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }

    /// A text that was `str`; one cut in the middle of a character ends before it.
    fn text(&mut self) -> Option<&'a str> {
        let bytes = self.bytes()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(error) => std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok(),
        }
    }

    fn policies(&mut self) -> Option<Policies<'a>> {
        Some(Policies {
            block: self.bytes()?,
            ran: self.bytes()?,
        })
    }

    fn side(&mut self) -> Option<Option<Side>> {
        let at = self.byte()?;
        if at == u8::MAX {
            return Some(None);
        }
        Side::ALL.get(usize::from(at)).map(|side| Some(*side))
    }

    fn address(&mut self) -> Option<IpAddr> {
        Some(match self.byte()? {
            4 => IpAddr::V4(Ipv4Addr::from(self.array::<4>()?)),
            6 => IpAddr::V6(Ipv6Addr::from(self.array::<16>()?)),
            _ => return None,
        })
    }

    fn time(&mut self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_micros(u64::from_le_bytes(self.array()?)))
    }

    /// When it ended, and the visitor without texts.
    fn visitor(&mut self, flags: u8) -> Option<(SystemTime, Visitor<'a>)> {
        let listener = *Listener::ALL.get(usize::from(self.byte()?))?;
        let at = self.time()?;
        let connected_at = self.time()?;
        let client_ip = self.address()?;
        let l4_ip = self.address()?;
        let server = if flags & flag::SERVER != 0 {
            let ip = self.address()?;
            Some(SocketAddr::new(ip, u16::from_le_bytes(self.array()?)))
        } else {
            None
        };
        let resumed = flags & flag::RESUMED != 0;
        let visitor = Visitor {
            listener,
            client_ip,
            l4_ip,
            server,
            connected_at,
            resumed,
            ..Visitor::default()
        };
        Some((at, visitor))
    }
    fn shared_texts(
        &mut self,
        visitor: Visitor<'a>,
        flags: u8,
    ) -> Option<(Visitor<'a>, Target<'a>, &'a str, Option<&'a str>)> {
        let visitor = Visitor {
            sni: self.text()?,
            alpn: self.text()?,
            tls_version: self.text()?,
            cipher_suite: self.text()?,
            client_cert_cn: self.text()?,
            client_cert_serial: self.text()?,
            ..visitor
        };
        let target = Target {
            organization_id: self.text()?,
            endpoint_id: self.text()?,
            endpoint_url: self.text()?,
            session_id: self.text()?,
            credential_id: self.text()?,
            agent_version: self.text()?,
            upstream_url: self.text()?,
        };
        let request_id = self.text()?;
        let code = self.text()?;
        Some((visitor, target, request_id, (flags & flag::ERROR != 0).then_some(code)))
    }
}
