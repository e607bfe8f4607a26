//! Reads HTTP/1 messages as RFC 9112 writes them and panics at anything else. Independent of the product's codec,
//! so that a fault there cannot hide itself here.

use std::fmt;

/// What a message answers or is: decides whether a body follows the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// A request.
    Request,
    /// The response to anything but HEAD.
    Get,
    /// The response to HEAD.
    Head,
}

/// One whole message.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// The start line.
    pub(crate) start: String,
    /// Names as they were written, values without the white space around them.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
    /// The head byte for byte, with the empty line.
    pub(crate) head: Vec<u8>,
    /// Lengths of the chunks, if it came in chunks.
    pub(crate) chunks: Vec<usize>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.head.escape_ascii().to_string().replace("\\r\\n", "\n"))?;
        write!(
            f,
            "{}",
            self.body
                .get(..self.body.len().min(600))
                .unwrap_or_default()
                .escape_ascii()
        )?;
        if !self.trailers.is_empty() {
            write!(f, "\n{:?}", self.trailers)?;
        }
        Ok(())
    }
}

impl Message {
    /// Takes the first message off `buffer`, if it is whole. `ended`: nothing more will come.
    #[track_caller]
    pub(crate) fn take(buffer: &mut Vec<u8>, of: Of, ended: bool) -> Option<Self> {
        let (mut message, mut at) = Self::parse_head(buffer)?;
        if message.has_body(of) {
            let chunked = message.get("transfer-encoding").is_some();
            assert!(
                !chunked || message.get("content-length").is_none(),
                "two lengths: {message:?}"
            );
            if chunked {
                assert_eq!(message.get("transfer-encoding"), Some("chunked"), "{message:?}");
                at = message.parse_chunks(buffer, at)?;
            } else if let Some(length) = message.get("content-length") {
                assert_eq!(message.all("content-length").len(), 1, "{message:?}");
                let end = at + length.parse::<usize>().unwrap();
                message.body = buffer.get(at..end)?.to_vec();
                at = end;
            } else if of != Of::Request {
                if !ended {
                    return None;
                }
                message.body = buffer[at..].to_vec();
                at = buffer.len();
            }
        }
        buffer.drain(..at);
        Some(message)
    }

    /// Takes only the head off `buffer`.
    #[track_caller]
    pub(crate) fn take_head(buffer: &mut Vec<u8>) -> Option<Self> {
        let (message, at) = Self::parse_head(buffer)?;
        buffer.drain(..at);
        Some(message)
    }

    #[track_caller]
    fn parse_head(buffer: &[u8]) -> Option<(Self, usize)> {
        let end = find(buffer, b"\r\n\r\n")? + 4;
        let mut message = Self {
            head: buffer[..end].to_vec(),
            ..Self::default()
        };
        let mut lines = lines(&buffer[..end - 2]);
        message.start = text(lines.next().unwrap());
        for line in lines {
            message.fields.push(field(line));
        }
        Some((message, end))
    }

    fn has_body(&self, of: Of) -> bool {
        match of {
            Of::Request => true,
            Of::Head => false,
            Of::Get => !matches!(self.status(), 100..=199 | 204 | 304),
        }
    }

    #[track_caller]
    fn parse_chunks(&mut self, buffer: &[u8], mut at: usize) -> Option<usize> {
        loop {
            let line_end = at + find(buffer.get(at..)?, b"\r\n")?;
            let line = text(&buffer[at..line_end]);
            assert!(
                (1..=16).contains(&line.len()) && line.bytes().all(|b| b.is_ascii_hexdigit()),
                "chunk size {line:?}"
            );
            let size = usize::from_str_radix(&line, 16).unwrap();
            at = line_end + 2;
            if size == 0 {
                break;
            }
            self.body.extend_from_slice(buffer.get(at..at + size)?);
            self.chunks.push(size);
            assert_eq!(buffer.get(at + size..at + size + 2)?, b"\r\n");
            at += size + 2;
        }
        loop {
            let line_end = at + find(buffer.get(at..)?, b"\r\n")?;
            let line = &buffer[at..line_end];
            at = line_end + 2;
            if line.is_empty() {
                return Some(at);
            }
            self.trailers.push(field(line));
        }
    }

    /// Status of a response.
    #[track_caller]
    pub(crate) fn status(&self) -> u16 {
        let rest = self
            .start
            .strip_prefix("HTTP/1.1 ")
            .unwrap_or_else(|| panic!("no response: {self:?}"));
        let digits = rest.get(..3).unwrap_or_default();
        assert!(
            rest.get(3..).is_some_and(|r| r.is_empty() || r.starts_with(' ')),
            "status line {:?}",
            self.start
        );
        digits
            .parse()
            .unwrap_or_else(|_| panic!("status line {:?}", self.start))
    }

    /// Method of a request.
    pub(crate) fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or("")
    }

    /// Target of a request.
    pub(crate) fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or("")
    }

    /// The first field of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// All fields of this name, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
            .collect()
    }

    /// The code of an answer that the edge made itself.
    pub(crate) fn code(&self) -> &str {
        self.get("ngrok-error-code").unwrap_or("")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn head_text(&self) -> String {
        text(&self.head)
    }
}

/// A response that closes nothing and has this body.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    response("200 OK", "", body.as_bytes())
}

/// A response with this status, more field lines (each with its line end) and a body of known length.
pub(crate) fn response(status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    out.extend_from_slice(body);
    out
}

/// Where `needle` begins.
pub(crate) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|w| w == needle)
}

/// Lines that end in CR LF and contain neither otherwise.
#[track_caller]
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = head;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = find(rest, b"\r\n").expect("a line without its end");
        let line = &rest[..end];
        assert!(
            !line.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)),
            "{}",
            line.escape_ascii()
        );
        rest = &rest[end + 2..];
        Some(line)
    })
}

#[track_caller]
fn field(line: &[u8]) -> (String, String) {
    let line = text(line);
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
    assert!(
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&b)),
        "field name {name:?}"
    );
    (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
}

/// Bytes as characters of the same number, so that nothing is lost.
pub(crate) fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}
