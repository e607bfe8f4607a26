//! One HTTP/1.1 connection to an API: requests one after the other, answers whole or in pieces.
//!
//! An answer that does not come is tried again, up to three times, if that can do no harm: reads, and writes that
//! carry an idempotency key. So are 429 and what a server says with 5xx.

use std::net::SocketAddr;
use std::time::Duration;

use adit_agent::{Connection, Connector};
use adit_http1::{BodyDecoder, Head, Limits, is_persistent, response_framing};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use crate::exit::Failure;

/// Most bytes of an answer that is taken whole.
const WHOLE: usize = 64 << 20;
/// Waits before the second, third and fourth attempt.
const WAITS: [Duration; 3] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];
/// Longest wait that a server may ask for.
const LONGEST: Duration = Duration::from_secs(30);
const READ: usize = 64 << 10;

/// Where an API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) secure: bool,
    /// `host` or `host:port`, as `Host` says it.
    pub(crate) authority: String,
    /// What comes before every path; empty or `/x`.
    pub(crate) prefix: String,
}

impl Base {
    /// `https://host[:port][/path]`; `http` only to this machine, for a key must not travel in the clear.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::usage(format!("the API's address {text:?} {why}"))
                .fix("give it as https://api.tunnels.example.com")
        };
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("has a scheme other than https")),
        };
        let odd = |c: char| !c.is_ascii_graphic() || matches!(c, '@' | '?' | '#' | '\\');
        if authority.is_empty() || authority.contains(odd) || path.contains(odd) {
            return Err(wrong("is no URL"));
        }
        let host = authority
            .trim_start_matches('[')
            .split([':', ']'])
            .next()
            .unwrap_or_default();
        let local = host == "localhost" || host.ends_with(".localhost") || authority.starts_with("127.");
        if !(secure || local || authority.starts_with("[::1]")) {
            return Err(wrong("is not encrypted: the key would be seen"));
        }
        Ok(Self {
            secure,
            authority: authority.to_ascii_lowercase(),
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }

    /// Path and query of an absolute URI of this API; `None` if it leads elsewhere.
    pub(crate) fn own<'u>(&self, uri: &'u str) -> Option<&'u str> {
        let (scheme, rest) = uri.split_once("://")?;
        let scheme = scheme.eq_ignore_ascii_case(if self.secure { "https" } else { "http" });
        let authority = rest.get(..self.authority.len())?;
        let path = rest.get(self.authority.len()..)?;
        (scheme && authority.eq_ignore_ascii_case(&self.authority) && path.starts_with('/')).then_some(path)
    }
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// Path and query, without the base's prefix.
    pub(crate) target: String,
    pub(crate) fields: Vec<(&'static str, String)>,
    /// JSON.
    pub(crate) body: Option<Vec<u8>>,
}

impl Request {
    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self {
            method: "GET",
            target: target.into(),
            fields: Vec::new(),
            body: None,
        }
    }

    /// Sending it twice does what sending it once does.
    fn repeatable(&self) -> bool {
        self.method == "GET" || self.fields.iter().any(|(name, _)| *name == "Idempotency-Key")
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }
}

/// Takes the body of an answer of status 200 piece by piece.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(&[u8]) -> Result<(), Failure>;

/// A client of one API.
pub(crate) struct Client {
    connector: Connector,
    pub(crate) base: Base,
    /// Where it is, if that is known.
    at: Option<SocketAddr>,
    key: Option<String>,
    /// For one answer; for one piece of an answer that is taken in pieces.
    patience: Duration,
    kept: Option<Connection>,
}

/// Why there is no answer.
enum Trouble {
    /// It may go better another time.
    Passing(Failure),
    /// It will not.
    Lasting(Failure),
}

impl Client {
    pub(crate) fn new(
        connector: Connector,
        base: Base,
        at: Option<SocketAddr>,
        key: Option<String>,
        patience: Duration,
    ) -> Result<Self, Failure> {
        if key.as_ref().is_some_and(|k| !k.bytes().all(|b| b.is_ascii_graphic())) {
            return Err(Failure::usage("the API key has characters that no key has").fix("copy it again, whole"));
        }
        Ok(Self {
            connector,
            base,
            at,
            key,
            patience,
            kept: None,
        })
    }

    /// Target of the next page. The key goes to the server it is for, and to no other.
    pub(crate) fn next(&self, uri: &str) -> Result<String, Failure> {
        let own = self.base.own(uri).and_then(|path| path.strip_prefix(&self.base.prefix));
        own.map(str::to_owned).ok_or_else(|| {
            Failure::failed(format!("the next page is said to be at {uri}, which is another server"))
                .fix("correct api.url of the server, or --api-url")
        })
    }

    /// The answer to a request, whole.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        self.ask_into(request, None).await
    }

    /// The same; the body of a 200 goes to `sink` as it comes, and is not tried again once it has begun.
    pub(crate) async fn ask_into(&mut self, request: &Request, mut sink: Option<Sink<'_>>) -> Result<Answer, Failure> {
        let mut waits = WAITS.iter();
        loop {
            let kept = self.kept.is_some();
            let mut begun = false;
            let done = self.once(request, &mut sink, &mut begun).await;
            let wait = if request.repeatable() && !begun {
                waits.next()
            } else {
                None
            };
            match (done, wait) {
                (Ok(answer), Some(wait)) if answer.status == 429 || answer.status >= 500 => {
                    let asked = answer.field("retry-after").and_then(|v| v.trim().parse().ok());
                    let asked = asked.map(Duration::from_secs).filter(|asked| *asked <= LONGEST);
                    tokio::time::sleep(asked.unwrap_or(*wait).max(*wait)).await;
                }
                (Ok(answer), _) => return Ok(answer),
                // A connection that was kept may have ended meanwhile: that is no failure of the server.
                (Err(Trouble::Passing(_)), Some(_)) if kept => {}
                (Err(Trouble::Passing(_)), Some(wait)) => tokio::time::sleep(*wait).await,
                (Err(Trouble::Passing(failure) | Trouble::Lasting(failure)), _) => return Err(failure),
            }
        }
    }

    async fn once(
        &mut self,
        request: &Request,
        sink: &mut Option<Sink<'_>>,
        begun: &mut bool,
    ) -> Result<Answer, Trouble> {
        let mut deadline = Instant::now() + self.patience;
        let mut io = match self.kept.take() {
            Some(io) => io,
            None => self.connect().await?,
        };
        let late = |()| {
            let what = format!(
                "{} did not answer in {} s",
                self.base.authority,
                self.patience.as_secs_f32()
            );
            Trouble::Passing(Failure::failed(what).fix("try again, or give it more time: --timeout"))
        };
        let cut = |error: std::io::Error| {
            Trouble::Passing(Failure::failed(format!(
                "the connection to {} broke: {error}",
                self.base.authority
            )))
        };
        let bytes = self.written(request);
        let sent = async {
            io.write_all(&bytes).await?;
            io.flush().await
        };
        timeout_at(deadline, sent).await.map_err(|_| late(()))?.map_err(cut)?;

        let odd = |what: String| {
            let text = format!("{} does not answer as an API does: {what}", self.base.authority);
            Trouble::Lasting(Failure::failed(text).fix("check the address: --api-url"))
        };
        let limits = Limits::response();
        let mut head = Head::new();
        let mut received: Vec<u8> = Vec::with_capacity(READ);
        let mut read = vec![0; READ];
        loop {
            if let Some(length) = head
                .parse_response(&received, &limits)
                .map_err(|r| odd(r.to_string()))?
            {
                received.drain(..length);
                if head.status() >= 200 {
                    break;
                }
                head.clear();
                continue;
            }
            let more = timeout_at(deadline, io.read(&mut read))
                .await
                .map_err(|_| late(()))?
                .map_err(cut)?;
            if more == 0 {
                return Err(cut(std::io::ErrorKind::UnexpectedEof.into()));
            }
            received.extend_from_slice(read.get(..more).unwrap_or_default());
        }
        let framing = response_framing(&head, request.method == "HEAD").map_err(|r| odd(r.to_string()))?;
        let mut body = BodyDecoder::new(framing, &limits);
        let mut whole = Vec::new();
        let in_pieces = head.status() == 200 && sink.is_some();
        while !body.is_done() {
            let found = body.decode(&received).map_err(|r| odd(r.to_string()))?;
            let piece = received.get(found.data.clone()).unwrap_or_default();
            match sink {
                Some(sink) if in_pieces => {
                    *begun = true;
                    sink(piece).map_err(Trouble::Lasting)?;
                }
                _ => whole.extend_from_slice(piece),
            }
            if whole.len() > WHOLE {
                return Err(odd(format!("more than {WHOLE} bytes")));
            }
            received.drain(..found.consumed);
            if found.end || found.consumed > 0 {
                continue;
            }
            if in_pieces {
                deadline = Instant::now() + self.patience;
            }
            let more = timeout_at(deadline, io.read(&mut read))
                .await
                .map_err(|_| late(()))?
                .map_err(cut)?;
            if more == 0 {
                body.finish_eof()
                    .map_err(|_| cut(std::io::ErrorKind::UnexpectedEof.into()))?;
                break;
            }
            received.extend_from_slice(read.get(..more).unwrap_or_default());
        }
        if is_persistent(&head) && received.is_empty() {
            self.kept = Some(io);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Answer {
            status: head.status(),
            fields: head
                .fields()
                .map(|(name, value)| (text(name.as_bytes()), text(value)))
                .collect(),
            body: whole,
        })
    }

    async fn connect(&self) -> Result<Connection, Trouble> {
        let connected = if self.base.secure {
            self.connector.connect(&self.base.authority, self.at).await
        } else {
            let has_port = self
                .base
                .authority
                .rsplit_once(':')
                .is_some_and(|(_, p)| !p.ends_with(']'));
            let port = if has_port { "" } else { ":80" };
            let place = format!("{}{port}", self.base.authority);
            self.connector.connect_in_the_clear(&place).await
        };
        connected.map_err(|error| {
            let lasting = matches!(
                error,
                adit_agent::Error::Untrusted { .. } | adit_agent::Error::Configuration { .. }
            );
            let failure = Failure::from(error);
            if lasting {
                Trouble::Lasting(failure)
            } else {
                Trouble::Passing(failure)
            }
        })
    }

    fn written(&self, request: &Request) -> Vec<u8> {
        let mut text = format!(
            "{} {}{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: adit/{}\r\nAccept: */*\r\nNgrok-Version: 2\r\n",
            request.method,
            self.base.prefix,
            request.target,
            self.base.authority,
            env!("CARGO_PKG_VERSION"),
        );
        let mut field = |name: &str, value: &str| text.extend([name, ": ", value, "\r\n"]);
        if let Some(key) = &self.key {
            field("Authorization", &format!("Bearer {key}"));
        }
        for (name, value) in &request.fields {
            field(name, value);
        }
        if let Some(body) = &request.body {
            field("Content-Type", "application/json");
            field("Content-Length", &body.len().to_string());
        } else if request.method != "GET" {
            field("Content-Length", "0");
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(request.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// A text as a part of a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
