//! `text/event-stream` (WHATWG HTML 9.2): cut into messages that are sent on as they were, but for what was changed.

/// Longest message that is looked at; longer ones pass as they are.
pub const MAX_EVENT: usize = 1 << 20;

/// One message, its lines as they were received.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    lines: Vec<Vec<u8>>,
    /// The bytes as received; `None` once something was changed.
    raw: Option<Vec<u8>>,
}

impl Event {
    fn parse(raw: &[u8]) -> Self {
        let mut lines = Vec::new();
        let mut rest = raw;
        while !rest.is_empty() {
            let end = rest
                .iter()
                .position(|b| matches!(b, b'\r' | b'\n'))
                .unwrap_or(rest.len());
            let (line, after) = rest.split_at(end);
            lines.push(line.to_vec());
            rest = match after {
                [b'\r', b'\n', rest @ ..] | [b'\r' | b'\n', rest @ ..] => rest,
                _ => &[],
            };
        }
        // The empty line at the end is the message's end, not a part of it.
        if lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        Self {
            lines,
            raw: Some(raw.to_vec()),
        }
    }

    fn field(line: &[u8]) -> (&[u8], &[u8]) {
        match line.iter().position(|b| *b == b':') {
            Some(colon) => {
                let (name, value) = line.split_at(colon);
                let value = value.get(1..).unwrap_or_default();
                (name, value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[]),
        }
    }

    /// The values of a field, joined by line feeds; `None`: it is not there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        let values: Vec<_> = self
            .lines
            .iter()
            .map(|line| Self::field(line))
            .filter(|(known, _)| *known == name.as_bytes())
            .map(|(_, value)| value)
            .collect();
        (!values.is_empty()).then(|| values.join(&b'\n'))
    }

    /// Replaces the values of a field: one line for each line of `value`, where the first one stood.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        let is_it = |line: &Vec<u8>| Self::field(line).0 == name.as_bytes();
        let at = self.lines.iter().position(is_it).unwrap_or(self.lines.len());
        let before = self.lines.get(..at).unwrap_or_default().len();
        self.lines.retain(|line| !is_it(line));
        let new: Vec<Vec<u8>> = value
            .split(|b| *b == b'\n')
            .map(|line| {
                // A line feed of its own kind would begin another field.
                let line: Vec<u8> = line.iter().map(|b| if *b == b'\r' { b' ' } else { *b }).collect();
                [name.as_bytes(), b": ", &line].concat()
            })
            .collect();
        self.lines.splice(before..before, new);
        self.raw = None;
    }

    /// As it is sent: as it was received if nothing was changed.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        if let Some(raw) = self.raw {
            return raw;
        }
        let mut out = Vec::new();
        for line in self.lines {
            out.extend(line);
            out.push(b'\n');
        }
        out.push(b'\n');
        out
    }
}

/// What comes out of an event stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// A message.
    Event(Event),
    /// Bytes that pass as they are.
    Bytes(Vec<u8>),
}

/// Cuts a stream into messages.
#[derive(Debug, Default)]
pub struct EventStream {
    held: Vec<u8>,
    /// Bytes of `held` in which no end was found.
    searched: usize,
    /// A message that is too long passes.
    passing: bool,
}

/// Where the first message ends: behind its empty line. A CR at the very end may be half of a CR LF.
fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(offset) = bytes
        .get(at..)
        .and_then(|rest| rest.iter().position(|b| matches!(b, b'\r' | b'\n')))
    {
        at += offset;
        let after = |at: usize| match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'\r'), Some(b'\n')) => Some(at + 2),
            (Some(b'\r'), None) | (None, _) => None,
            (Some(_), _) => Some(at + 1),
        };
        let next = after(at)?;
        if matches!(bytes.get(next), Some(b'\r' | b'\n')) {
            return after(next);
        }
        at = next;
    }
    None
}

impl EventStream {
    /// The start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes; what is complete comes out.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.held.extend_from_slice(bytes);
        let mut out = Vec::new();
        let mut start = 0;
        let mut from = self.searched.saturating_sub(3);
        while let Some(end) = end(&self.held, from.max(start)) {
            let message = self.held.get(start..end).unwrap_or_default();
            out.push(if self.passing {
                Piece::Bytes(message.to_vec())
            } else {
                Piece::Event(Event::parse(message))
            });
            self.passing = false;
            start = end;
            from = end;
        }
        self.held.drain(..start);
        if self.held.len() > MAX_EVENT {
            // The last bytes stay: the end of the message may begin in them.
            let keep = self.held.split_off(self.held.len() - 3);
            out.push(Piece::Bytes(std::mem::replace(&mut self.held, keep)));
            self.passing = true;
        }
        self.searched = self.held.len();
        out
    }

    /// The stream is over: what is left is no message and passes as it is.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], step: usize) -> Vec<Vec<u8>> {
        let mut stream = EventStream::new();
        let mut out = Vec::new();
        for piece in bytes.chunks(step) {
            out.extend(stream.push(piece).into_iter().map(|piece| match piece {
                Piece::Event(event) => event.into_bytes(),
                Piece::Bytes(bytes) => bytes,
            }));
        }
        out.push(stream.finish());
        out
    }

    #[test]
    fn messages_end_with_an_empty_line_of_any_kind() {
        let stream = b"data: 1\n\nid: 2\r\ndata: 2\r\n\r\ndata: 3\r\r: comment\n\ndata: rest";
        for step in 1..stream.len() {
            let pieces = all(stream, step);
            assert_eq!(pieces.concat(), stream, "{step}");
            assert_eq!(pieces.len(), 5, "{step}: {pieces:?}");
        }
    }

    #[test]
    fn fields_are_read_and_replaced_where_they_stand() {
        let mut event = Event::parse(b"event: a\ndata: 1\r\nid:7\ndata:2\n\n");
        assert_eq!(event.get("data").as_deref(), Some(&b"1\n2"[..]));
        assert_eq!(event.get("id").as_deref(), Some(&b"7"[..]));
        assert_eq!(event.get("retry"), None);
        event.set("data", b"x\ny\rz");
        assert_eq!(event.into_bytes(), b"event: a\ndata: x\ndata: y z\nid:7\n\n");
    }

    #[test]
    fn a_message_that_is_too_long_passes() {
        let mut stream = vec![b'x'; MAX_EVENT + 10];
        stream.extend(b"\n\ndata: 1\n\n");
        let pieces = all(&stream, 4096);
        assert_eq!(pieces.concat(), stream);
        assert_eq!(pieces.get(pieces.len() - 2).unwrap(), b"data: 1\n\n");
    }
}
