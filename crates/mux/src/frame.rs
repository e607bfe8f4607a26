//! The frames on the wire: an 8-byte header and four kinds of body (agent protocol 2.1).
//!
//! Only bytes to fields and back; what a frame means is decided in [`mod@crate::session`].

/// Bytes of a frame's header.
pub const HEADER: usize = 8;
/// Largest body a header can announce.
pub const MAX_LENGTH: usize = 0xFF_FFFF;
/// The window of each stream and direction before any grant.
pub const INITIAL_WINDOW: u32 = 0x4_0000;
/// Largest window and largest increment.
pub const MAX_WINDOW: u32 = 0x7FFF_FFFF;
/// Type word of heartbeat streams.
pub const HEARTBEAT: u32 = 0xFFFF_FFFF;

const FIN: u8 = 0b01;
const SYN: u8 = 0b10;

/// Type of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Ends a stream in both directions; body: error code.
    Rst,
    /// Bytes of a stream; opens with SYN, ends one direction with FIN.
    Data,
    /// Grants window; body: increment.
    WndInc,
    /// Announces the end of the session; body: last stream id, error code, text.
    GoAway,
    /// Any of the types 4–15.
    Unknown(u8),
}

/// A decoded header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Bytes of the body, header not counted.
    pub length: u32,
    /// Type.
    pub kind: Kind,
    /// The sender will send no more data on this stream. DATA only.
    pub fin: bool,
    /// This frame opens the stream. DATA only.
    pub syn: bool,
    /// Stream id, reserved bit masked; 0 on GOAWAY.
    pub stream: u32,
}

impl Header {
    /// Decodes a header; every byte pattern is one.
    #[must_use]
    pub const fn parse(bytes: &[u8; HEADER]) -> Self {
        let [l0, l1, l2, kind, s0, s1, s2, s3] = *bytes;
        Self {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            kind: match kind >> 4 {
                0 => Kind::Rst,
                1 => Kind::Data,
                2 => Kind::WndInc,
                3 => Kind::GoAway,
                other => Kind::Unknown(other),
            },
            fin: kind & FIN != 0,
            syn: kind & SYN != 0,
            stream: u32::from_be_bytes([s0 & 0x7F, s1, s2, s3]),
        }
    }

    /// Encodes the header. A length above [`MAX_LENGTH`] is cut to 24 bits: callers bound it.
    #[must_use]
    pub const fn encode(self) -> [u8; HEADER] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        let kind = match self.kind {
            Kind::Rst => 0,
            Kind::Data => 1,
            Kind::WndInc => 2,
            Kind::GoAway => 3,
            Kind::Unknown(other) => other,
        };
        let flags = ((self.fin as u8) * FIN) | ((self.syn as u8) * SYN);
        [l0, l1, l2, (kind << 4) | flags, s0 & 0x7F, s1, s2, s3]
    }
}

/// Header of a DATA frame.
#[must_use]
pub const fn data(stream: u32, length: usize, syn: bool, fin: bool) -> [u8; HEADER] {
    Header {
        length: length as u32,
        kind: Kind::Data,
        fin,
        syn,
        stream,
    }
    .encode()
}

/// A whole RST frame.
#[must_use]
pub const fn rst(stream: u32, code: u32) -> [u8; 12] {
    fixed(Kind::Rst, stream, code)
}

/// A whole WNDINC frame.
#[must_use]
pub const fn wndinc(stream: u32, increment: u32) -> [u8; 12] {
    fixed(Kind::WndInc, stream, increment & MAX_WINDOW)
}

/// Appends a whole GOAWAY frame.
pub fn goaway(out: &mut Vec<u8>, last: u32, code: u32, message: &str) {
    let header = Header {
        length: (8 + message.len()) as u32,
        kind: Kind::GoAway,
        fin: false,
        syn: false,
        stream: 0,
    };
    out.extend_from_slice(&header.encode());
    out.extend_from_slice(&last.to_be_bytes());
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(message.as_bytes());
}

const fn fixed(kind: Kind, stream: u32, value: u32) -> [u8; 12] {
    let header = Header {
        length: 4,
        kind,
        fin: false,
        syn: false,
        stream,
    };
    let [a, b, c, d, e, f, g, h] = header.encode();
    let [v0, v1, v2, v3] = value.to_be_bytes();
    [a, b, c, d, e, f, g, h, v0, v1, v2, v3]
}
