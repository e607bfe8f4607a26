//! HTTP/2 by hand (RFC 9113): frames and header blocks that no library would send.

use super::server::Server;
use super::visitor::{End, Visitor};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The error code of RST_STREAM or GOAWAY.
    #[track_caller]
    pub(crate) fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The status of a response's first HEADERS, by the static table (RFC 7541, appendix A), or 0.
    pub(crate) fn status(&self) -> u16 {
        let field = self.payload.iter().find(|b| **b & 0xe0 != 0x20);
        match field {
            Some(0x88) => 200,
            Some(0x89) => 204,
            Some(0x8c) => 400,
            Some(0x8d) => 404,
            Some(0x8e) => 500,
            _ => 0,
        }
    }
}

/// A connection.
pub(crate) struct Frames {
    pub(crate) io: Visitor,
}

impl Frames {
    /// Handshake with ALPN `h2`, preface, and both sides' SETTINGS acknowledged. The window of the connection is
    /// opened wide.
    #[track_caller]
    pub(crate) fn connect(server: &Server, name: &str) -> Self {
        let mut it = Self {
            io: Visitor::tls_with(server, name, &["h2"]),
        };
        let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        hello.extend(encode(SETTINGS, 0, 0, &[]));
        hello.extend(encode(WINDOW_UPDATE, 0, 0, &0x0fff_ffff_u32.to_be_bytes()));
        it.io.send(hello);
        it
    }

    #[track_caller]
    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.io.send(encode(kind, flags, stream, payload));
    }

    /// One HEADERS frame with a whole block.
    #[track_caller]
    pub(crate) fn headers(&mut self, stream: u32, fields: &[(&str, &str)], flags: u8) {
        self.send(HEADERS, flags | END_HEADERS, stream, &block(fields));
    }

    /// The next frame; `None` when the connection has ended.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let head = self.io.try_bytes(9).ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let stream = u32::from_be_bytes(head[5..9].try_into().unwrap()) & 0x7fff_ffff;
        let payload = self.io.try_bytes(length).ok()?;
        Some(Frame {
            kind: head[3],
            flags: head[4],
            stream,
            payload,
        })
    }

    /// The next frame that `wanted` accepts, acknowledging settings on the way; `None` when the connection ends first.
    #[track_caller]
    pub(crate) fn find(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next()?;
            if wanted(&frame) {
                return Some(frame);
            }
            if frame.kind == SETTINGS && frame.flags & ACK == 0 {
                let _ = self.io.try_send(encode(SETTINGS, ACK, 0, &[]));
            }
        }
    }

    /// How the connection ended, with everything that came before thrown away.
    pub(crate) fn rest(&mut self) -> End {
        self.io.rest().1
    }
}

/// A frame's bytes.
pub(crate) fn encode(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    let mut out = length.to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// A header block of literals without indexing and without Huffman coding (RFC 7541, 6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        string(name.as_bytes(), &mut out);
        // Characters stand for bytes of the same number.
        let value: Vec<u8> = value.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        string(&value, &mut out);
    }
    out
}

fn string(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.len() < 127 {
        out.push(bytes.len() as u8);
    } else {
        out.push(127);
        let mut rest = bytes.len() - 127;
        while rest >= 128 {
            out.push((rest % 128) as u8 | 128);
            rest /= 128;
        }
        out.push(rest as u8);
    }
    out.extend(bytes);
}
