//! Makes messages: most of them good, some of them spoilt in one place or two.

use adit_http1::{BodyDecoder, Framing, Head, Limits, request_framing};

/// splitmix64: the same messages for the same seed on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// True once in `n` times.
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    fn bytes(&mut self, of: &[u8], most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| of[self.below(of.len())]).collect()
    }
}

/// One message, whole: what the codec needs to decide about it is there.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) bytes: Vec<u8>,
    /// Nothing was spoilt: it must be accepted.
    pub(super) is_good: bool,
}

pub(super) struct Generator {
    random: Random,
    host: String,
    /// Only what nginx takes as well, which looks into targets and has names that must not come twice.
    for_nginx: bool,
}

const METHODS: [&str; 14] = [
    "GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "PROPFIND", "PURGE", "REPORT",
    "SEARCH",
];
const TOKEN: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!#$%&'*+^`|~";
/// What a target may hold: RFC 3986, and what real clients send beyond it that both of the others take as well.
const TARGET: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:@!$&'()*+,;=///%%%";
const NAMES: [&str; 24] = [
    "Accept",
    "accept-language",
    "User-Agent",
    "COOKIE",
    "Referer",
    "X-Custom",
    "x-custom",
    "X_Under",
    "If-None-Match",
    "Range",
    "Authorization",
    "Origin",
    "Cache-Control",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "Forwarded",
    "X-Real-IP",
    "ngrok-auth-user-email",
    "Adit_Auth_User",
    "X-Hop",
    "Keep-Alive",
    "Via",
    "Traceparent",
    "Sec-Fetch-Mode",
];

/// Ways to spoil a message: what is replaced by what, at its first occurrence.
const SPOILT: [(&str, &str); 34] = [
    (" HTTP/1.1\r\n", " HTTP/1.1\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1 \r\n"),
    (" HTTP/1.1\r\n", "  HTTP/1.1\r\n"),
    (" HTTP/1.1\r\n", " HTTP/2.0\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\n X: folded\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nX : y\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nX\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\n: y\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nX: a\0b\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nX: a\rb\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nX: a\nb\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nHost: other.example\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nContent-Length: 0\r\n"),
    (
        " HTTP/1.1\r\n",
        " HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n",
    ),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nContent-Length: +0\r\n"),
    (
        " HTTP/1.1\r\n",
        " HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n",
    ),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nTransfer-Encoding: identity\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nTransfer-Encoding:\x0bchunked\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nTransfer-Encoding : chunked\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.1\r\nExpect: something\r\n"),
    (" HTTP/1.1\r\n", " HTTP/1.0\r\n"),
    ("Host: ", "Host:: "),
    ("Host: ", "Hos t: "),
    ("Host: ", "X-Host: "),
    ("Host: ", "Host: user@"),
    ("Host: ", "Host: \u{e4}"),
    (" /", " "),
    (" /", " /#"),
    (" /", " /\u{e4}"),
    (" /", " /\t"),
    (" /", " http://elsewhere.example/"),
    ("\r\n\r\n", "\n\n"),
    ("\r\n\r\n", "\r\n\r\r\n\r\n"),
];

impl Generator {
    pub(super) fn new(seed: u64, host: &str, for_nginx: bool) -> Self {
        Self {
            random: Random(seed),
            host: host.to_owned(),
            for_nginx,
        }
    }

    pub(super) fn next(&mut self) -> Sent {
        let good = self.good();
        if !self.random.one_in(3) {
            return Sent {
                bytes: good,
                is_good: true,
            };
        }
        let mut spoilt = good.clone();
        for _ in 0..=self.random.below(2) {
            spoilt = if self.random.one_in(3) {
                self.damage(spoilt)
            } else {
                self.replace(spoilt)
            };
        }
        // A head that never ends would be waited for; and what is good after all must be good for the others too, which
        // know fewer methods.
        let is_fit = match verdict(&spoilt) {
            Verdict::Refused => true,
            Verdict::Accepted(method) => !self.for_nginx && METHODS.iter().any(|m| m.as_bytes() == method),
            Verdict::Open => false,
        };
        if is_fit {
            Sent {
                bytes: spoilt,
                is_good: false,
            }
        } else {
            Sent {
                bytes: good,
                is_good: true,
            }
        }
    }

    fn good(&mut self) -> Vec<u8> {
        let method = self.random.of(&METHODS);
        let mut out = format!("{method} ").into_bytes();
        out.extend(self.target());
        out.extend(b" HTTP/1.1\r\n");
        let mut fields = vec![format!("Host: {}\r\n", self.host).into_bytes()];
        for _ in 0..self.random.below(8) {
            let field = self.field();
            let name = |f: &[u8]| f.split(|b| *b == b':').next().unwrap().to_ascii_lowercase();
            if !self.for_nginx || !fields.iter().any(|f| name(f) == name(&field)) {
                fields.push(field);
            }
        }
        let mut body = Vec::new();
        match self.random.below(if method == "HEAD" { 1 } else { 4 }) {
            0 | 1 => {}
            2 => {
                body = self.body();
                fields.push(format!("Content-Length: {}\r\n", body.len()).into_bytes());
            }
            _ => {
                fields.push(b"Transfer-Encoding: chunked\r\n".to_vec());
                if self.random.one_in(4) {
                    fields.push(b"Trailer: X-Sum\r\n".to_vec());
                }
                body = self.chunks();
            }
        }
        if self.random.one_in(4) {
            fields.push(b"Connection: keep-alive, X-Hop\r\n".to_vec());
        }
        // Host need not be the first.
        let at = self.random.below(fields.len());
        fields.swap(0, at);
        out.extend(fields.concat());
        out.extend(b"\r\n");
        out.extend(body);
        out
    }

    fn target(&mut self) -> Vec<u8> {
        if self.random.one_in(20) {
            return format!("http://{}/absolute?x=1", self.host).into_bytes();
        }
        let mut target = b"/".to_vec();
        target.extend(self.random.bytes(TARGET, 40));
        if self.random.one_in(2) {
            target.push(b'?');
            target.extend(self.random.bytes(TARGET, 40));
        }
        if self.for_nginx {
            // No escape that is none, and no dot segment.
            target.retain(|b| *b != b'.');
            let escapes = [&b"%20"[..], b"%2F", b"%41", b"%c3%a4", b"%2e"];
            target = target
                .iter()
                .flat_map(|b| {
                    if *b == b'%' {
                        self.random.of(&escapes).to_vec()
                    } else {
                        vec![*b]
                    }
                })
                .collect();
        }
        target
    }

    fn field(&mut self) -> Vec<u8> {
        let mut field = if self.random.one_in(3) {
            let mut name = b"X-".to_vec();
            name.extend(self.random.bytes(TOKEN, 20));
            name
        } else {
            self.random.of(&NAMES).as_bytes().to_vec()
        };
        field.push(b':');
        field.extend(self.random.of(&[" ", "", "  ", "\t"]).as_bytes());
        let visible: Vec<u8> = (0x21..=0x7e).collect();
        let any: Vec<u8> = (0x21..=0x7e).chain(0x80..=0xff).collect();
        let of = if self.random.one_in(8) { &any } else { &visible };
        field.extend(self.random.bytes(of, 60));
        field.extend(self.random.of(&["", " ", "\t "]).as_bytes());
        field.extend(b"\r\n");
        field
    }

    fn body(&mut self) -> Vec<u8> {
        let all: Vec<u8> = (0..=255).collect();
        let most = if self.random.one_in(50) { 100_000 } else { 300 };
        if self.random.one_in(10) {
            // What a parser that lost its place would take for a request.
            return b"GET /smuggled HTTP/1.1\r\nHost: smuggled\r\n\r\n0\r\n\r\n".to_vec();
        }
        self.random.bytes(&all, most)
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..self.random.below(5) {
            let data = self.body();
            if data.is_empty() {
                continue;
            }
            let zeros = "0".repeat(self.random.below(4));
            let size = if self.random.one_in(2) {
                format!("{zeros}{:x}", data.len())
            } else {
                format!("{zeros}{:X}", data.len())
            };
            let extension = self.random.of(&["", "", "", ";a", ";a=b", ";a=\"b;c\";d=e"]);
            out.extend(format!("{size}{extension}\r\n").into_bytes());
            out.extend(data);
            out.extend(b"\r\n");
        }
        out.extend(self.random.of(&["0\r\n", "00\r\n", "0;x\r\n"]).as_bytes());
        if self.random.one_in(3) {
            out.extend(b"X-Sum: 6\r\n");
        }
        out.extend(b"\r\n");
        out
    }

    fn replace(&mut self, message: Vec<u8>) -> Vec<u8> {
        let (from, to) = SPOILT[self.random.below(SPOILT.len())];
        let (from, to) = (latin1(from), latin1(to));
        match crate::harness::message::find(&message, &from) {
            Some(at) => [&message[..at], &to, &message[at + from.len()..]].concat(),
            None => message,
        }
    }

    /// One byte of the head changed, added or taken away.
    fn damage(&mut self, mut message: Vec<u8>) -> Vec<u8> {
        let head = crate::harness::message::find(&message, b"\r\n\r\n").map_or(message.len(), |at| at + 2);
        let at = self.random.below(head.max(1));
        let byte = *self.random.of(&[
            &b'\0', &b' ', &b'\t', &b'\r', &b'\n', &b':', &b',', &b';', &b'\x7f', &b'\x0b', &0x80, &0xff, &b'0', &b'"',
        ]);
        match self.random.below(3) {
            0 => message[at] = byte,
            1 => message.insert(at, byte),
            _ => {
                message.remove(at);
            }
        }
        message
    }
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

/// What a receiver makes of a message.
enum Verdict {
    Refused,
    /// Complete, with nothing behind it.
    Accepted(Vec<u8>),
    /// More is needed, or something stands behind it.
    Open,
}

fn verdict(message: &[u8]) -> Verdict {
    let limits = Limits::request();
    let mut head = Head::new();
    let at = match head.parse_request(message, &limits) {
        Err(_) => return Verdict::Refused,
        Ok(None) => return Verdict::Open,
        Ok(Some(at)) => at,
    };
    let Ok(framing) = request_framing(&head) else {
        return Verdict::Refused;
    };
    let mut rest = &message[at..];
    if !matches!(framing, Framing::None | Framing::Length(0)) {
        let mut decoder = BodyDecoder::new(framing, &limits);
        loop {
            let Ok(step) = decoder.decode(rest) else {
                return Verdict::Refused;
            };
            rest = &rest[step.consumed..];
            if step.end {
                break;
            }
            if step.consumed == 0 {
                return Verdict::Open;
            }
        }
    }
    if rest.is_empty() {
        Verdict::Accepted(head.method().to_vec())
    } else {
        Verdict::Open
    }
}
