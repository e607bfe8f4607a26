//! Frames of a WebSocket as a server reads and writes them (RFC 6455, section 5): nothing is held but the head of a frame
//! and the payload of a control frame, so a message may be as long as its limit and costs nothing.

use super::text::Text;

/// Longest message, in bytes (edge 7.6).
pub(super) const MESSAGE_MAX: u64 = 16 * 1024 * 1024;
/// Longest payload of a control frame (RFC 6455, section 5.5).
pub(super) const CONTROL_MAX: usize = 125;
/// Longest head of a frame that a client sends.
const HEAD_MAX: usize = 14;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Codes of a close frame (RFC 6455, section 7.4.1).
pub(crate) mod code {
    /// All is said.
    pub(crate) const NORMAL: u16 = 1000;
    /// The agent goes, or has gone.
    pub(crate) const GOING_AWAY: u16 = 1001;
    /// What came is no WebSocket.
    pub(crate) const PROTOCOL: u16 = 1002;
    /// A text was not UTF-8.
    pub(crate) const NOT_TEXT: u16 = 1007;
    /// The visitor may not come any more.
    pub(crate) const POLICY: u16 = 1008;
    /// A message was too long.
    pub(crate) const TOO_BIG: u16 = 1009;
    /// The service cannot be reached, or broke off.
    pub(crate) const INTERNAL: u16 = 1011;
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Kind {
    fn of(opcode: u8) -> Option<Self> {
        Some(match opcode {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Why a connection is failed; the code that the visitor is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: u16,
    pub(super) why: &'static str,
}

const fn broken(why: &'static str) -> Fault {
    Fault {
        code: code::PROTOCOL,
        why,
    }
}

/// The payload of a control frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Control {
    bytes: [u8; CONTROL_MAX],
    length: usize,
}

impl Control {
    const EMPTY: Self = Self {
        bytes: [0; CONTROL_MAX],
        length: 0,
    };

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) {
        for (place, byte) in self.bytes.iter_mut().skip(self.length).zip(bytes) {
            *place = *byte;
        }
        self.length += bytes.len();
    }
}

/// A frame whose payload is coming.
#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: Kind,
    is_last: bool,
    mask: [u8; 4],
    /// Bytes of the payload that have not come.
    left: u64,
}

impl Frame {
    /// Takes the mask off bytes that are next in the payload.
    fn unmask(&mut self, bytes: &mut [u8]) {
        let wide = u64::from(u32::from_ne_bytes(self.mask));
        let wide = wide << 32 | wide;
        let mut words = bytes.chunks_exact_mut(8);
        for word in &mut words {
            let mut value = [0; 8];
            value.copy_from_slice(word);
            word.copy_from_slice(&(u64::from_ne_bytes(value) ^ wide).to_ne_bytes());
        }
        for (byte, mask) in words.into_remainder().iter_mut().zip(self.mask.iter().cycle()) {
            *byte ^= mask;
        }
        self.mask.rotate_left(bytes.len() % 4);
        self.left = self.left.saturating_sub(bytes.len() as u64);
    }
}

/// A message of which a part has come.
#[derive(Clone, Copy, Debug)]
struct Message {
    length: u64,
    /// Of a text.
    text: Option<Text>,
}

/// Reads what a client sends.
#[derive(Debug)]
pub(super) struct Decoder {
    head: [u8; HEAD_MAX],
    head_length: usize,
    frame: Option<Frame>,
    message: Option<Message>,
    control: Control,
    /// The newest ping that has not been taken: only that one has to be answered (RFC 6455, section 5.5.3).
    ping: Option<Control>,
    closed: Option<Control>,
}

impl Decoder {
    pub(super) const fn new() -> Self {
        Self {
            head: [0; HEAD_MAX],
            head_length: 0,
            frame: None,
            message: None,
            control: Control::EMPTY,
            ping: None,
            closed: None,
        }
    }

    /// Takes all of `bytes` and leaves at their beginning the payload of messages; returns its length. What comes behind
    /// a close frame is thrown away.
    ///
    /// # Errors
    /// The client breaks the protocol, or its message is too long. Nothing more is to be taken then.
    pub(super) fn take(&mut self, bytes: &mut [u8]) -> Result<usize, Fault> {
        let (mut at, mut out) = (0, 0);
        while at < bytes.len() && self.closed.is_none() {
            let Some(mut frame) = self.frame else {
                at += self.take_head(bytes.get(at..).unwrap_or_default())?;
                self.end_empty_frame()?;
                continue;
            };
            let room = usize::try_from(frame.left).unwrap_or(usize::MAX);
            let end = at + room.min(bytes.len() - at);
            let payload = bytes.get_mut(at..end).unwrap_or_default();
            frame.unmask(payload);
            if frame.kind.is_control() {
                self.control.push(payload);
            } else {
                if let Some(text) = self.message.as_mut().and_then(|message| message.text.as_mut())
                    && !text.takes(payload)
                {
                    return Err(NOT_TEXT);
                }
                bytes.copy_within(at..end, out);
                out += end - at;
            }
            at = end;
            self.frame = Some(frame);
            self.end_empty_frame()?;
        }
        Ok(out)
    }

    /// Nothing of a message or of a frame has come that is not whole.
    pub(super) fn is_between_messages(&self) -> bool {
        self.frame.is_none() && self.message.is_none() && self.head_length == 0
    }

    /// The ping that is to be answered now.
    pub(super) fn take_ping(&mut self) -> Option<Control> {
        self.ping.take()
    }

    /// The close frame that has come.
    pub(super) fn closed(&self) -> Option<&Control> {
        self.closed.as_ref()
    }

    /// Takes bytes of a frame's head; returns how many.
    fn take_head(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut taken = 0;
        for byte in bytes {
            if let Some(place) = self.head.get_mut(self.head_length) {
                *place = *byte;
            }
            self.head_length += 1;
            taken += 1;
            if self.head_length >= 2 && self.head_length == self.head_needed()? {
                let frame = self.begin_frame()?;
                self.frame = Some(frame);
                self.head_length = 0;
                break;
            }
        }
        Ok(taken)
    }

    /// How long the head is whose first two bytes are there, and whether they are right.
    fn head_needed(&self) -> Result<usize, Fault> {
        let [first, second, ..] = self.head;
        if first & 0x70 != 0 {
            return Err(broken("a reserved bit is set"));
        }
        let Some(kind) = Kind::of(first & 0x0f) else {
            return Err(broken("the opcode is reserved"));
        };
        if second & MASKED == 0 {
            return Err(broken("the frame is not masked"));
        }
        let length = second & !MASKED;
        if kind.is_control() && (first & FIN == 0 || usize::from(length) > CONTROL_MAX) {
            return Err(broken("a control frame is in pieces or too long"));
        }
        Ok(match length {
            126 => 8,
            127 => HEAD_MAX,
            _ => 6,
        })
    }

    fn begin_frame(&mut self) -> Result<Frame, Fault> {
        let [first, second, lengths @ ..] = self.head;
        let [a, b, c, d, e, f, g, h, ..] = lengths;
        let (left, is_short, mask) = match second & !MASKED {
            126 => (u64::from(u16::from_be_bytes([a, b])), 126, [c, d, e, f]),
            127 => {
                let [.., i, j, k, l] = lengths;
                (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 1 << 16, [i, j, k, l])
            }
            length => (u64::from(length), 0, [a, b, c, d]),
        };
        if left < is_short || left >> 63 != 0 {
            return Err(broken("the length is not written in its form"));
        }
        let Some(kind) = Kind::of(first & 0x0f) else {
            return Err(broken("the opcode is reserved"));
        };
        let message = match kind {
            Kind::Continuation => match &mut self.message {
                Some(message) => Some(message),
                None => return Err(broken("a continuation of nothing")),
            },
            Kind::Text | Kind::Binary => {
                if self.message.is_some() {
                    return Err(broken("a message within a message"));
                }
                let text = (kind == Kind::Text).then(Text::default);
                Some(self.message.insert(Message { length: 0, text }))
            }
            Kind::Close | Kind::Ping | Kind::Pong => None,
        };
        if let Some(message) = message {
            message.length = message.length.saturating_add(left);
            if message.length > MESSAGE_MAX {
                return Err(Fault {
                    code: code::TOO_BIG,
                    why: "the message is longer than 16 MiB",
                });
            }
        } else {
            self.control = Control::EMPTY;
        }
        Ok(Frame {
            kind,
            is_last: first & FIN != 0,
            mask,
            left,
        })
    }

    /// Ends the frame if all of its payload has come.
    fn end_empty_frame(&mut self) -> Result<(), Fault> {
        let Some(frame) = self.frame.take_if(|frame| frame.left == 0) else {
            return Ok(());
        };
        match frame.kind {
            Kind::Continuation | Kind::Text | Kind::Binary => {
                if frame.is_last
                    && let Some(message) = self.message.take()
                    && message.text.is_some_and(|text| !text.is_whole())
                {
                    return Err(NOT_TEXT);
                }
            }
            Kind::Ping => self.ping = Some(self.control),
            Kind::Pong => {}
            Kind::Close => {
                check_close(self.control.bytes())?;
                self.closed = Some(self.control);
            }
        }
        Ok(())
    }
}

const NOT_TEXT: Fault = Fault {
    code: code::NOT_TEXT,
    why: "a text is not UTF-8",
};

/// The payload of a close frame: nothing, or a code that may be sent and a text (RFC 6455, sections 5.5.1, 7.4).
fn check_close(payload: &[u8]) -> Result<(), Fault> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() {
            Ok(())
        } else {
            Err(broken("half a code"))
        };
    };
    if !matches!(u16::from_be_bytes(*code), 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(broken("the code may not be sent"));
    }
    if std::str::from_utf8(reason).is_err() {
        return Err(NOT_TEXT);
    }
    Ok(())
}

/// Writes a binary message of one frame.
pub(super) fn write_message(payload: &[u8], out: &mut Vec<u8>) {
    out.push(FIN | 0x2);
    match payload.len() {
        // The first bit says that there is a mask, which a server's frames have not.
        length @ ..=125 => out.push(u8::try_from(length).unwrap_or_default()),
        length => match u16::try_from(length) {
            Ok(length) => {
                out.push(126);
                out.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => {
                out.push(127);
                out.extend_from_slice(&(length as u64).to_be_bytes());
            }
        },
    }
    out.extend_from_slice(payload);
}

/// Writes the answer to a ping.
pub(super) fn write_pong(ping: &Control, out: &mut Vec<u8>) {
    write_control(0xa, ping.bytes(), out);
}

/// Writes a close frame with this payload: a code and a reason, or nothing.
pub(super) fn write_close(payload: &[u8], out: &mut Vec<u8>) {
    write_control(0x8, payload, out);
}

fn write_control(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    let payload = payload.get(..CONTROL_MAX).unwrap_or(payload);
    out.extend_from_slice(&[FIN | opcode, u8::try_from(payload.len()).unwrap_or_default()]);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as a client sends it.
    fn frame(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
        let mut out = vec![first];
        match payload.len() {
            n @ ..=125 => out.push(MASKED | u8::try_from(n).unwrap()),
            n @ ..=0xffff => {
                out.push(MASKED | 126);
                out.extend_from_slice(&u16::try_from(n).unwrap().to_be_bytes());
            }
            n => {
                out.push(MASKED | 127);
                out.extend_from_slice(&(n as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(&mask);
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        out
    }

    type Taken = (Vec<u8>, Vec<Vec<u8>>, Decoder);

    /// What comes of the bytes when they arrive in these pieces, and the pings that were to be answered.
    fn taken(bytes: &[u8], cuts: &[usize]) -> Result<Taken, Fault> {
        let mut decoder = Decoder::new();
        let (mut out, mut pings) = (Vec::new(), Vec::new());
        let mut rest = bytes.to_vec();
        let mut cuts = cuts.iter();
        while !rest.is_empty() {
            let cut = cuts.next().map_or(rest.len(), |cut| cut % rest.len() + 1);
            let behind = rest.split_off(cut);
            let length = decoder.take(&mut rest)?;
            out.extend_from_slice(&rest[..length]);
            pings.extend(decoder.take_ping().map(|ping| ping.bytes().to_vec()));
            rest = behind;
        }
        Ok((out, pings, decoder))
    }

    fn message() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        let piece = prop_oneof![
            4 => prop::collection::vec(any::<u8>(), 0..200),
            1 => prop::collection::vec(any::<u8>(), 65_530..65_545),
        ];
        let ping = prop::option::of(prop::collection::vec(any::<u8>(), 0..=CONTROL_MAX));
        (prop::collection::vec((piece, ping, any::<[u8; 4]>()), 1..4)).prop_map(|pieces| {
            let (mut wire, mut payload) = (Vec::new(), Vec::new());
            let last = pieces.len() - 1;
            for (at, (piece, ping, mask)) in pieces.into_iter().enumerate() {
                if let Some(ping) = ping {
                    wire.extend(frame(FIN | 0x9, &ping, mask));
                }
                let opcode = if at == 0 { 0x2 } else { 0x0 };
                let fin = if at == last { FIN } else { 0 };
                wire.extend(frame(fin | opcode, &piece, mask));
                payload.extend(piece);
            }
            (wire, payload)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn messages_are_their_payload_however_they_are_cut(
            messages in prop::collection::vec(message(), 1..4),
            cuts in prop::collection::vec(0_usize..70_000, 0..30),
        ) {
            let wire: Vec<u8> = messages.iter().flat_map(|(wire, _)| wire.clone()).collect();
            let payload: Vec<u8> = messages.iter().flat_map(|(_, payload)| payload.clone()).collect();
            let (out, _, decoder) = taken(&wire, &cuts).unwrap();
            prop_assert!(out == payload);
            prop_assert!(decoder.is_between_messages() && decoder.closed().is_none());
        }

        #[test]
        fn whatever_comes_is_taken_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            cuts in prop::collection::vec(0_usize..300, 0..8),
        ) {
            let whole = taken(&bytes, &[]).map(|(out, ..)| out);
            let pieces = taken(&bytes, &cuts).map(|(out, ..)| out);
            prop_assert_eq!(whole, pieces);
        }
    }

    #[test]
    fn every_breach_has_its_code() {
        let mask = [1, 2, 3, 4];
        let long = |first: u8, length: u64| {
            let mut out = vec![first, MASKED | 127];
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&mask);
            out
        };
        let text = |text: &[u8]| frame(FIN | 0x1, text, mask);
        let close = |payload: &[u8]| frame(FIN | 0x8, payload, mask);
        let bad: &[(&str, Vec<u8>, u16)] = &[
            ("a reserved bit", frame(FIN | 0x42, b"x", mask), code::PROTOCOL),
            ("a reserved opcode", frame(FIN | 0x3, b"x", mask), code::PROTOCOL),
            (
                "a reserved control opcode",
                frame(FIN | 0xb, b"x", mask),
                code::PROTOCOL,
            ),
            ("no mask", vec![FIN | 0x2, 1, b'x'], code::PROTOCOL),
            ("a ping in pieces", frame(0x9, b"x", mask), code::PROTOCOL),
            ("a long ping", frame(FIN | 0x9, &[0; 126], mask), code::PROTOCOL),
            ("a continuation of nothing", frame(FIN, b"x", mask), code::PROTOCOL),
            (
                "a message within a message",
                [frame(0x2, b"x", mask), frame(FIN | 0x2, b"y", mask)].concat(),
                code::PROTOCOL,
            ),
            ("a length in too long a form", long(FIN | 0x2, 65_535), code::PROTOCOL),
            (
                "a length of 16 bits that fits in 7",
                vec![FIN | 0x2, MASKED | 126, 0, 125, 1, 2, 3, 4],
                code::PROTOCOL,
            ),
            ("a length with its first bit", long(FIN | 0x2, 1 << 63), code::PROTOCOL),
            ("a long message", long(FIN | 0x2, MESSAGE_MAX + 1), code::TOO_BIG),
            (
                "a message that is long in pieces",
                [frame(0x2, b"x", mask), long(FIN, MESSAGE_MAX)].concat(),
                code::TOO_BIG,
            ),
            ("a text that is none", text(b"\xc0\xaf"), code::NOT_TEXT),
            ("half a character", text(b"\xe2\x82"), code::NOT_TEXT),
            ("half a code", close(b"\x03"), code::PROTOCOL),
            (
                "a code that may not be sent",
                close(&1005_u16.to_be_bytes()),
                code::PROTOCOL,
            ),
            ("a code of nobody", close(&2999_u16.to_be_bytes()), code::PROTOCOL),
            ("a reason that is no text", close(b"\x03\xe8\xff"), code::NOT_TEXT),
        ];
        for (what, wire, code) in bad {
            for cuts in [&[][..], &[0; 400][..]] {
                let fault = taken(wire, cuts).map(|(out, ..)| out).unwrap_err();
                assert_eq!(fault.code, *code, "{what}: {fault:?}");
            }
        }
        assert!(taken(&long(FIN | 0x2, MESSAGE_MAX), &[]).is_ok());
        let text = [frame(0x1, b"\xe2\x82", mask), frame(FIN, b"\xac", mask)].concat();
        assert_eq!(taken(&text, &[]).unwrap().0, "€".as_bytes());
    }

    #[test]
    fn the_newest_ping_is_answered_and_nothing_is_read_behind_a_close() {
        let mask = [9, 8, 7, 6];
        let wire = [
            frame(FIN | 0x9, b"one", mask),
            frame(0x2, b"a", mask),
            frame(FIN | 0x9, b"two", mask),
            frame(FIN | 0xa, b"unasked", mask),
            frame(FIN, b"b", mask),
            frame(FIN | 0x8, b"\x03\xe8bye", mask),
            b"\xff\xff\xff".to_vec(),
        ]
        .concat();
        let (out, pings, decoder) = taken(&wire, &[]).unwrap();
        assert_eq!((out.as_slice(), pings), (&b"ab"[..], vec![b"two".to_vec()]));
        assert_eq!(decoder.closed().unwrap().bytes(), b"\x03\xe8bye");
        let mut pong = Vec::new();
        let mut control = Control::EMPTY;
        control.push(b"two");
        write_pong(&control, &mut pong);
        assert_eq!(pong, b"\x8a\x03two");
        assert!(!taken(&wire[..5], &[]).unwrap().2.is_between_messages());
    }

    #[test]
    fn lengths_are_written_in_their_shortest_form() {
        for (length, head) in [
            (0, &[0x82, 0][..]),
            (125, &[0x82, 125][..]),
            (126, &[0x82, 126, 0, 126][..]),
            (65_535, &[0x82, 126, 0xff, 0xff][..]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..]),
        ] {
            let mut out = Vec::new();
            write_message(&vec![7; length], &mut out);
            assert_eq!((out.len(), out.get(..head.len())), (head.len() + length, Some(head)));
        }
    }
}
