//! The header in front of a visitor's bytes on a stream of type 3 (agent protocol 4.1, 4.2).
//!
//! ```text
//! 00 00 00 03   i64 little-endian n   n bytes JSON   [PROXY protocol header]   application bytes …
//! ```
//! All of it up to the application bytes goes into the frame that opens the stream, because the
//! Rust family reads it inside its single accept loop. The writer is by hand: it runs once a
//! stream, into the session's out buffer, and serde would allocate for each address.

use std::io::Write;
use std::net::SocketAddr;

use adit_names::Scheme;
use adit_names::cidr::canonical_socket_addr;
use serde::{Deserialize, Serialize};

use crate::message::{Error, Message};
use crate::typed_stream::{StreamType, TYPE_LEN};

/// Largest JSON that is written or read, in bytes. The protocol itself has no bound.
pub const MAX_JSON: usize = 4096;
const LENGTH_LEN: usize = 8;

/// What the edge writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyHeader<'a> {
    /// Id of the bind, as the session knows it.
    pub id: &'a str,
    /// The visitor's address; written unmapped and without zone.
    pub client_addr: SocketAddr,
    /// The endpoint's protocol.
    pub proto: Scheme,
    /// What kind of endpoint.
    pub edge_type: EdgeType,
    /// Are the bytes the visitor's TLS, untouched?
    pub passthrough_tls: bool,
    /// Only after negotiation.
    pub adit: Option<AditHeader<'a>>,
}

/// Kind of endpoint; a text on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EdgeType {
    /// Started by `Bind`.
    #[default]
    Bind,
    /// Labelled, TCP edge.
    Tcp,
    /// Labelled, TLS edge.
    Tls,
    /// Labelled, HTTPS edge.
    Https,
}

impl EdgeType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "0",
            Self::Tcp => "1",
            Self::Tls => "2",
            Self::Https => "3",
        }
    }
}

/// The field `Adit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AditHeader<'a> {
    /// Id of the exchange's event.
    pub event: Option<&'a str>,
    /// Server name of the visitor's TLS.
    pub sni: Option<&'a str>,
    /// Protocol that the visitor negotiated.
    pub alpn: Option<&'a str>,
    /// Number of the leg.
    pub leg: Option<u32>,
    /// Number of the flow of a UDP endpoint.
    pub flow: Option<u64>,
}

impl ProxyHeader<'_> {
    /// Appends type word, length and JSON to `out`.
    ///
    /// At most one allocation, none if `out` has 512 bytes of room (and the id is not huge).
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the JSON would have more than [`MAX_JSON`] bytes; `out` is unchanged
    /// then.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let start = out.len();
        let adit = self.adit.unwrap_or_default();
        let texts = [Some(self.id), adit.event, adit.sni, adit.alpn];
        out.reserve(256 + texts.into_iter().flatten().map(str::len).sum::<usize>());

        out.extend_from_slice(&StreamType::Proxy.to_bytes());
        out.extend_from_slice(&[0; LENGTH_LEN]);
        let json = out.len();
        self.write_json(out);

        let length = out.len() - json;
        if length > MAX_JSON {
            out.truncate(start);
            return Err(Error::TooLarge);
        }
        let length = u64::try_from(length).unwrap_or_default().to_le_bytes();
        if let Some(place) = out.get_mut(start + TYPE_LEN..json) {
            place.copy_from_slice(&length);
        }
        Ok(())
    }

    fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"Id\":");
        string(out, self.id);
        out.extend_from_slice(b",\"ClientAddr\":\"");
        // Writing to memory cannot fail, and an address needs no escapes.
        let _ = write!(out, "{}", canonical_socket_addr(self.client_addr));
        out.extend_from_slice(b"\",\"Proto\":\"");
        out.extend_from_slice(self.proto.as_str().as_bytes());
        out.extend_from_slice(b"\",\"EdgeType\":\"");
        out.extend_from_slice(self.edge_type.as_str().as_bytes());
        out.extend_from_slice(b"\",\"PassthroughTLS\":");
        out.extend_from_slice(if self.passthrough_tls { b"true" } else { b"false" });
        if let Some(adit) = &self.adit {
            out.extend_from_slice(b",\"Adit\":{");
            let mut first = true;
            for (name, text) in [
                ("\"ev\":", adit.event),
                ("\"sni\":", adit.sni),
                ("\"alpn\":", adit.alpn),
            ] {
                if let Some(text) = text {
                    key(out, &mut first, name);
                    string(out, text);
                }
            }
            for (name, number) in [("\"leg\":", adit.leg.map(u64::from)), ("\"flow\":", adit.flow)] {
                if let Some(number) = number {
                    key(out, &mut first, name);
                    let _ = write!(out, "{number}");
                }
            }
            out.push(b'}');
        }
        out.push(b'}');
    }
}

fn key(out: &mut Vec<u8>, first: &mut bool, name: &str) {
    if !std::mem::take(first) {
        out.push(b',');
    }
    out.extend_from_slice(name.as_bytes());
}

/// A JSON string (RFC 8259 section 7): quote, backslash and control characters escaped.
fn string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let hex = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..=0x1F => out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// What the agent reads.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ReceivedProxyHeader {
    /// Id of the bind.
    pub id: String,
    /// The visitor's address as text; see [`ReceivedProxyHeader::client`].
    pub client_addr: String,
    /// The endpoint's protocol.
    pub proto: String,
    /// `0` for endpoints started by `Bind`.
    pub edge_type: String,
    /// Are the bytes the visitor's TLS, untouched?
    #[serde(rename = "PassthroughTLS")]
    pub passthrough_tls: bool,
    /// Only after negotiation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adit: Option<ReceivedAdit>,
}

/// The field `Adit` of [`ReceivedProxyHeader`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReceivedAdit {
    /// Id of the exchange's event.
    #[serde(rename = "ev", skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Server name of the visitor's TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// Protocol that the visitor negotiated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// Number of the leg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leg: Option<u32>,
    /// Number of the flow of a UDP endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<u64>,
}

impl Message for ReceivedProxyHeader {
    const NAME: &'static str = "Proxy";
}

impl ReceivedProxyHeader {
    /// Reads the header from `bytes`, which start right after the type word. Returns it and how many
    /// bytes it took; `None` if more are needed.
    ///
    /// # Errors
    /// [`Error::Header`] if the length is negative or more than [`MAX_JSON`], or as
    /// [`Message::decode`].
    pub fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_LEN>() else {
            return Ok(None);
        };
        let length = usize::try_from(i64::from_le_bytes(*length))
            .ok()
            .filter(|length| *length <= MAX_JSON)
            .ok_or(Error::Header("the length of the proxy header is negative or too large"))?;
        match rest.get(..length) {
            Some(json) => Ok(Some((Self::decode(json)?, LENGTH_LEN + length))),
            None => Ok(None),
        }
    }

    /// The visitor's address, if it is one.
    #[must_use]
    pub fn client(&self) -> Option<SocketAddr> {
        self.client_addr.parse().ok()
    }
}
