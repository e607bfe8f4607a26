//! PROXY protocol, versions 1 and 2 (haproxy/haproxy: doc/proxy-protocol.txt).
//!
//! Written by the edge in front of a visitor's bytes (agent protocol 4.4), read by the edge from
//! load balancers in front of it (edge 1.5) and by the agent from the edge.

mod crc32c;
mod parse;
mod write;

pub use crc32c::crc32c;
pub use parse::{Addresses, Header, MAX_READS, Parse, ProxyError, Reader, parse};
pub use write::{Outgoing, TlsInfo, Tlvs};

/// Largest header that is written: the buffer of the Rust family's parser (agent protocol 4.4).
pub const MAX_WRITTEN: usize = 536;
/// Largest line of version 1, its line end included.
pub const MAX_V1: usize = 107;
/// Largest part of version 2 behind its first 16 bytes that is read.
pub const MAX_V2_REST: usize = 4096;

/// Version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

impl Version {
    /// From the option `ProxyProto` of a bind: 0 is none.
    #[must_use]
    pub const fn from_option(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            _ => None,
        }
    }
}

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
const V1_START: &[u8] = b"PROXY ";

const TYPE_ALPN: u8 = 0x01;
const TYPE_AUTHORITY: u8 = 0x02;
const TYPE_CRC32C: u8 = 0x03;
const TYPE_UNIQUE_ID: u8 = 0x05;
const TYPE_SSL: u8 = 0x20;
const TYPE_SSL_VERSION: u8 = 0x21;
const TYPE_SSL_CN: u8 = 0x22;
