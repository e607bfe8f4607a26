//! The writer: straight into the buffer that the stream is opened with.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use adit_names::cidr::canonical_socket_addr;

use super::crc32c::crc32c;
use super::{
    MAX_WRITTEN, SIGNATURE, TYPE_ALPN, TYPE_AUTHORITY, TYPE_CRC32C, TYPE_SSL, TYPE_SSL_CN, TYPE_SSL_VERSION,
    TYPE_UNIQUE_ID, Version,
};

/// A header to be written.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Version.
    pub version: Version,
    /// The visitor. For a health check the node itself.
    pub source: SocketAddr,
    /// The address and public port that the visitor reached.
    pub destination: SocketAddr,
    /// No visitor: a health check. Version 2 says `LOCAL`; version 1 has no word for it that the
    /// Rust family can read, and tells the addresses given.
    pub local: bool,
    /// Datagrams (version 2 only).
    pub datagram: bool,
    /// What version 2 can add.
    pub tlvs: Tlvs<'a>,
}

/// Additions of version 2.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tlvs<'a> {
    /// Protocol that the visitor negotiated.
    pub alpn: Option<&'a [u8]>,
    /// Server name that the visitor gave.
    pub authority: Option<&'a str>,
    /// The visitor came over TLS that ended at the edge.
    pub tls: Option<TlsInfo<'a>>,
    /// Id of the event.
    pub unique_id: Option<[u8; 16]>,
    /// With a checksum.
    pub checksum: bool,
}

/// The visitor's TLS.
#[derive(Debug, Clone, Copy)]
pub struct TlsInfo<'a> {
    /// For example `TLSv1.3`.
    pub version: &'a str,
    /// Common name of the visitor's certificate, if it was verified.
    pub common_name: Option<&'a str>,
    /// Did the visitor present a certificate that was verified?
    pub verified: bool,
}

impl Outgoing<'_> {
    /// Appends the header to `out`: 16 to [`MAX_WRITTEN`] bytes. Addresses of different families are
    /// both written as IPv6. Of what does not fit, the authority is left out first, then the common
    /// name, then the protocol.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let source = canonical_socket_addr(self.source);
        let destination = canonical_socket_addr(self.destination);
        match self.version {
            Version::V1 => line(out, source, destination),
            Version::V2 if self.local => {
                out.extend_from_slice(&SIGNATURE);
                out.extend_from_slice(&[0x20, 0, 0, 0]);
            }
            Version::V2 => self.binary(out, source, destination),
        }
    }

    fn binary(&self, out: &mut Vec<u8>, source: SocketAddr, destination: SocketAddr) {
        out.reserve(MAX_WRITTEN);
        let start = out.len();
        out.extend_from_slice(&SIGNATURE);
        let transport = if self.datagram { 2 } else { 1 };
        if let (IpAddr::V4(from), IpAddr::V4(to)) = (source.ip(), destination.ip()) {
            out.extend_from_slice(&[0x21, 0x10 | transport, 0, 0]);
            out.extend_from_slice(&from.octets());
            out.extend_from_slice(&to.octets());
        } else {
            out.extend_from_slice(&[0x21, 0x20 | transport, 0, 0]);
            out.extend_from_slice(&v6(source.ip()));
            out.extend_from_slice(&v6(destination.ip()));
        }
        out.extend_from_slice(&source.port().to_be_bytes());
        out.extend_from_slice(&destination.port().to_be_bytes());
        self.fitting(out.len() - start).append(out, start);
    }

    /// What of the additions fits behind `fixed` bytes.
    fn fitting(&self, fixed: usize) -> Tlvs<'_> {
        let mut tlvs = self.tlvs;
        if fixed + tlvs.size() > MAX_WRITTEN {
            tlvs.authority = None;
        }
        if fixed + tlvs.size() > MAX_WRITTEN
            && let Some(tls) = &mut tlvs.tls
        {
            tls.common_name = None;
        }
        if fixed + tlvs.size() > MAX_WRITTEN {
            tlvs.alpn = None;
        }
        if fixed + tlvs.size() > MAX_WRITTEN {
            // A version text of hundreds of bytes: not from our own TLS.
            tlvs.tls = None;
        }
        tlvs
    }
}

const TLV_HEAD: usize = 3;

impl Tlvs<'_> {
    fn size(&self) -> usize {
        let one = |len: Option<usize>| len.map_or(0, |len| TLV_HEAD + len);
        one(self.alpn.map(<[u8]>::len))
            + one(self.authority.map(str::len))
            + one(self.tls.map(|tls| tls.size()))
            + one(self.unique_id.map(|id| id.len()))
            + one(self.checksum.then_some(4))
    }

    /// Appends the additions and sets the length of the header that began at `start`.
    fn append(&self, out: &mut Vec<u8>, start: usize) {
        if let Some(alpn) = self.alpn {
            tlv(out, TYPE_ALPN, alpn);
        }
        if let Some(authority) = self.authority {
            tlv(out, TYPE_AUTHORITY, authority.as_bytes());
        }
        if let Some(tls) = self.tls {
            head(out, TYPE_SSL, tls.size());
            // Bits: over TLS, certificate on this connection. Zero means verified.
            out.push(if tls.verified { 0x03 } else { 0x01 });
            out.extend_from_slice(&u32::from(!tls.verified).to_be_bytes());
            tlv(out, TYPE_SSL_VERSION, tls.version.as_bytes());
            if let Some(name) = tls.common_name {
                tlv(out, TYPE_SSL_CN, name.as_bytes());
            }
        }
        if let Some(id) = &self.unique_id {
            tlv(out, TYPE_UNIQUE_ID, id);
        }
        if self.checksum {
            tlv(out, TYPE_CRC32C, &[0; 4]);
        }
        let length = u16::try_from(out.len() - start - 16).unwrap_or(u16::MAX);
        if let Some(place) = out.get_mut(start + 14..start + 16) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        if self.checksum {
            let sum = crc32c(&[out.get(start..).unwrap_or_default()]).to_be_bytes();
            let place = out.len() - 4;
            if let Some(place) = out.get_mut(place..) {
                place.copy_from_slice(&sum);
            }
        }
    }
}

impl TlsInfo<'_> {
    fn size(&self) -> usize {
        5 + TLV_HEAD + self.version.len() + self.common_name.map_or(0, |name| TLV_HEAD + name.len())
    }
}

fn head(out: &mut Vec<u8>, kind: u8, len: usize) {
    out.push(kind);
    out.extend_from_slice(&u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes());
}

fn tlv(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    head(out, kind, value.len());
    out.extend_from_slice(value);
}

fn v6(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

fn line(out: &mut Vec<u8>, source: SocketAddr, destination: SocketAddr) {
    // Writing to memory cannot fail.
    let _ = match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            write!(
                out,
                "PROXY TCP4 {from} {to} {} {}\r\n",
                source.port(),
                destination.port()
            )
        }
        (from, to) => {
            let (from, to) = (std::net::Ipv6Addr::from(v6(from)), std::net::Ipv6Addr::from(v6(to)));
            write!(
                out,
                "PROXY TCP6 {from} {to} {} {}\r\n",
                source.port(),
                destination.port()
            )
        }
    };
}
