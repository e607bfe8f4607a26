//! The compact form of an outcome in a worker's ring: flags, numbers as LEB128, texts with their length.
//! Lives only between a worker and the observer's thread of the same process, so it has no versions.

mod read;
mod write;

use std::time::SystemTime;

use crate::outcome::connection::ConnectionOutcome;
use crate::outcome::request::RequestOutcome;

pub(crate) use read::{is_policed, read};
pub(crate) use write::{ConnectionWriter, RequestWriter};

const REQUEST: u8 = 1;
const CONNECTION: u8 = 2;
/// Beside the kind: policies were met.
const POLICED: u8 = 1 << 7;

/// Bits of the second byte: what is true, and which optional parts follow.
mod flag {
    pub(super) const TRUNCATED: u8 = 1;
    pub(super) const SECURE: u8 = 1 << 1;
    pub(super) const REUSED: u8 = 1 << 2;
    pub(super) const UPGRADED: u8 = 1 << 3;
    pub(super) const RESUMED: u8 = 1 << 4;
    pub(super) const ERROR: u8 = 1 << 5;
    pub(super) const SERVER: u8 = 1 << 6;
    pub(super) const TLS: u8 = 1 << 7;
}

/// One finished exchange or connection, as it is read back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Record<'a> {
    /// When it ended.
    pub(crate) at: SystemTime,
    /// Whether a text was cut.
    pub(crate) truncated: bool,
    pub(crate) outcome: Finished<'a>,
}

/// What finished.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Finished<'a> {
    Request(RequestOutcome<'a>),
    Connection(ConnectionOutcome<'a>),
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::time::{Duration, UNIX_EPOCH};

    use super::write::{FIXED, LONG, SHORT};
    use super::*;
    use crate::label::{Listener, Outcome, Protocol, Side};
    use crate::outcome::connection::{ConnectionTimings, Relayed};
    use crate::outcome::policy::Policies;
    use crate::outcome::request::Timings;
    use crate::outcome::{Target, Visitor};

    fn visitor() -> Visitor<'static> {
        Visitor {
            listener: Listener::Https,
            client_ip: IpAddr::V6(Ipv6Addr::LOCALHOST),
            l4_ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
            server: Some(SocketAddr::from(([198, 51, 100, 1], 443))),
            connected_at: UNIX_EPOCH + Duration::from_micros(1_764_000_000_123_456),
            sni: "app.example.com",
            alpn: "h2",
            tls_version: "1.3",
            cipher_suite: "TLS13_AES_256_GCM_SHA384",
            resumed: true,
            client_cert_cn: "dev 1",
            client_cert_serial: "1234",
        }
    }

    fn request<'a>(path: &'a [u8]) -> RequestOutcome<'a> {
        RequestOutcome {
            policies: Policies {
                block: &[4, 0, 2, 0, b'{', b'}'],
                ran: &[1, 1, 0, 0, 0],
            },
            visitor: visitor(),
            target: Target {
                endpoint_id: "ep_1",
                session_id: "ts_1",
                ..Target::default()
            },
            request_id: "rq_1",
            protocol: Protocol::H2,
            method: b"GET",
            host: b"app.example.com",
            path,
            query: b"x=\xff",
            status: 200,
            outcome: Outcome::Completed,
            error_code: Some("ERR_NGROK_3200"),
            error_side: Some(Side::Upstream),
            attempts: 2,
            reused: true,
            upgraded: true,
            glitches: u16::MAX,
            bytes_in: u64::MAX,
            bytes_out: 128,
            timings: Timings {
                head_us: 127,
                total_us: 128,
                ..Timings::default()
            },
            ..RequestOutcome::default()
        }
    }

    #[test]
    fn request_comes_back_as_it_was() {
        let at = UNIX_EPOCH + Duration::from_micros(1_764_000_001_000_001);
        let outcome = request(b"/a%2Fb");
        let writer = RequestWriter::new(&outcome);
        let mut out = Vec::new();
        writer.write(at, &mut out);
        assert!(out.len() <= writer.bound());
        assert_eq!(
            read(&out),
            Some(Record {
                at,
                truncated: false,
                outcome: Finished::Request(outcome)
            })
        );
        for end in 0..out.len() {
            assert_eq!(read(&out[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn connection_comes_back_as_it_was() {
        let at = UNIX_EPOCH + Duration::from_secs(5);
        let outcome = ConnectionOutcome {
            visitor: Visitor {
                server: None,
                ..visitor()
            },
            protocol: Relayed::Tls,
            outcome: Outcome::AgentLost,
            bytes_in: 5,
            timings: ConnectionTimings {
                total_us: u64::MAX,
                ..ConnectionTimings::default()
            },
            ..ConnectionOutcome::default()
        };
        let writer = ConnectionWriter::new(&outcome);
        let mut out = Vec::new();
        writer.write(at, &mut out);
        assert!(out.len() <= writer.bound());
        assert_eq!(
            read(&out),
            Some(Record {
                at,
                truncated: false,
                outcome: Finished::Connection(outcome)
            })
        );
    }

    #[test]
    fn long_texts_are_cut_and_the_record_says_so() {
        let path = vec![b'p'; 100_000];
        let sni = "é".repeat(200);
        let mut outcome = request(&path);
        outcome.visitor.sni = &sni;
        let writer = RequestWriter::new(&outcome);
        let mut out = Vec::new();
        writer.write(UNIX_EPOCH, &mut out);
        assert!(out.len() <= writer.bound());
        let record = read(&out).unwrap();
        assert!(record.truncated);
        let Finished::Request(cut) = record.outcome else {
            panic!("not a request")
        };
        assert_eq!(cut.path.len(), LONG);
        assert_eq!(cut.visitor.sni.len(), SHORT - 1);
        assert_eq!(cut.query, outcome.query);
    }

    /// Numbers at their largest stay within the bound that the ring reserves.
    #[test]
    fn fixed_part_keeps_its_bound() {
        let v6 = IpAddr::V6(Ipv6Addr::from([0xff; 16]));
        let mut outcome = RequestOutcome {
            visitor: Visitor {
                client_ip: v6,
                l4_ip: v6,
                server: Some(SocketAddr::new(v6, u16::MAX)),
                ..Visitor::default()
            },
            status: u16::MAX,
            glitches: u16::MAX,
            bytes_in: u64::MAX,
            bytes_out: u64::MAX,
            ..RequestOutcome::default()
        };
        let time = &mut outcome.timings;
        for field in [
            &mut time.head_us,
            &mut time.policy_request_us,
            &mut time.policy_response_us,
            &mut time.parked_us,
            &mut time.queue_us,
            &mut time.stream_open_us,
            &mut time.upstream_first_byte_us,
            &mut time.upstream_wait_us,
            &mut time.response_us,
            &mut time.total_us,
        ] {
            *field = u64::MAX;
        }
        let mut out = Vec::new();
        RequestWriter::new(&outcome).write(SystemTime::now(), &mut out);
        assert!(out.len() <= FIXED, "{}", out.len());
    }
}
