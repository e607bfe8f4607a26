//! Through a proxy to the server: HTTP CONNECT (RFC 9110, section 9.3.6) and SOCKS5 (RFC 1928, 1929).
//!
//! The proxy gets the server's *name*: behind a proxy this machine's resolver often knows nothing.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::address::Address;
use crate::error::Error;

const ANSWER: Duration = Duration::from_secs(10);
const ANSWER_BYTES: usize = 16 * 1024;

/// How to speak to a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    /// HTTP CONNECT inside TLS to the proxy.
    Https,
    Socks5,
}

/// A proxy's URL. `Debug` and `Display` leave the credentials out.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) kind: Kind,
    pub(crate) address: Address,
    credentials: Option<(String, String)>,
}

impl Proxy {
    /// Reads `http://`, `https://`, `socks5://` or `socks5h://` with optional `user:pass@`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            // Not the text itself: it may hold a password.
            Error::configuration(
                format!("the proxy URL {why}"),
                "give it as http://host:port, https://host:port or socks5://host:port, with user:password@ in front of the host if needed",
            )
        };
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (kind, port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Kind::Http, 80),
            "https" => (Kind::Https, 443),
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            _ => return Err(wrong("has a scheme that is neither http, https, socks5 nor socks5h")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, host) = match rest.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, rest),
        };
        let address = Address::split(host, Some(port)).map_err(wrong)?;
        let credentials = match user {
            None => None,
            Some(user) => {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                let decode = |part| {
                    percent_decode(part).ok_or_else(|| wrong("has credentials that are not percent-encoded correctly"))
                };
                Some((decode(name)?, decode(password)?))
            }
        };
        Ok(Self {
            kind,
            address,
            credentials,
        })
    }

    /// What `Auth.Extra.ProxyType` says.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Http | Kind::Https => "http",
            Kind::Socks5 => "socks5",
        }
    }

    /// Asks the proxy at the other end of `io` for a tunnel to `target`; afterwards `io` is that tunnel.
    pub(crate) async fn tunnel<IO>(&self, io: &mut IO, target: &Address) -> Result<(), Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let asked = async {
            match self.kind {
                Kind::Http | Kind::Https => self.connect(io, target).await,
                Kind::Socks5 => self.socks5(io, target).await,
            }
        };
        match tokio::time::timeout(ANSWER, asked).await {
            Ok(done) => done,
            Err(_) => Err(self.failed(
                format!("gave no answer in {} s", ANSWER.as_secs()),
                "check that it is a proxy of this kind",
            )),
        }
    }

    fn failed(&self, what: impl Into<String>, fix: impl Into<String>) -> Error {
        Error::Proxy {
            proxy: self.to_string(),
            what: what.into(),
            fix: fix.into(),
        }
    }

    fn broken(&self, error: &std::io::Error) -> Error {
        self.failed(
            format!("closed the connection: {error}"),
            "check that it is a proxy of this kind",
        )
    }

    async fn connect<IO>(&self, io: &mut IO, target: &Address) -> Result<(), Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let mut request = format!(
            "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: adit-agent/{}\r\n",
            env!("CARGO_PKG_VERSION")
        );
        if let Some((user, password)) = &self.credentials {
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            request.push_str("Proxy-Authorization: Basic ");
            request.push_str(&basic);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        io.write_all(request.as_bytes()).await.map_err(|e| self.broken(&e))?;
        io.flush().await.map_err(|e| self.broken(&e))?;

        let mut answer = Vec::with_capacity(512);
        let head = loop {
            if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
                if end + 4 != answer.len() {
                    return Err(self.failed(
                        "sent bytes of its own into the tunnel",
                        "check that it is an HTTP proxy",
                    ));
                }
                break String::from_utf8_lossy(answer.get(..end).unwrap_or_default()).into_owned();
            }
            if answer.len() >= ANSWER_BYTES {
                return Err(self.failed(
                    "answered with a head of more than 16 KiB",
                    "check that it is an HTTP proxy",
                ));
            }
            if io.read_buf(&mut answer).await.map_err(|e| self.broken(&e))? == 0 {
                return Err(self.failed(
                    "closed the connection without an answer",
                    "check that it is an HTTP proxy",
                ));
            }
        };
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap_or_default();
        let code = status
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.get(2..5))
            .and_then(|code| code.parse::<u16>().ok());
        match code {
            Some(200..=299) => Ok(()),
            Some(407) => Err(self.asks_for_credentials(lines)),
            Some(_) => Err(self.failed(
                format!("refused the way to {target}: {}", printable(status)),
                format!("ask for CONNECT to {target} to be allowed on the proxy"),
            )),
            None => Err(self.failed("did not answer with HTTP/1.1", "check that it is an HTTP proxy")),
        }
    }

    fn asks_for_credentials<'a>(&self, fields: impl Iterator<Item = &'a str>) -> Error {
        let schemes: Vec<&str> = fields
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authenticate"))
            .filter_map(|(_, value)| value.split_whitespace().next())
            .collect();
        let basic = schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic"));
        match (&self.credentials, basic) {
            (Some(_), true) => self.failed(
                "does not accept this user and password (407)",
                "check user and password in the proxy URL",
            ),
            (None, true) => self.failed(
                "asks for a user and a password (407)",
                "put user:password@ in front of the host in the proxy URL",
            ),
            _ => self.failed(
                format!("asks for the authentication {} (407)", printable(&schemes.join(", "))),
                "only Basic is supported; a local relay that speaks that scheme can stand in between",
            ),
        }
    }

    async fn socks5<IO>(&self, io: &mut IO, target: &Address) -> Result<(), Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        const NONE: u8 = 0;
        const PASSWORD: u8 = 2;
        let not_socks = || self.failed("does not speak SOCKS5", "check the proxy's kind and port");
        let greeting: &[u8] = if self.credentials.is_some() {
            &[5, 2, NONE, PASSWORD]
        } else {
            &[5, 1, NONE]
        };
        io.write_all(greeting).await.map_err(|e| self.broken(&e))?;
        io.flush().await.map_err(|e| self.broken(&e))?;
        let mut two = [0; 2];
        io.read_exact(&mut two).await.map_err(|e| self.broken(&e))?;
        match (two, &self.credentials) {
            ([5, NONE], _) => {}
            ([5, PASSWORD], Some((user, password))) => {
                let (Ok(user_len), Ok(password_len)) = (u8::try_from(user.len()), u8::try_from(password.len())) else {
                    return Err(self.failed("takes at most 255 bytes of user and password", "use a shorter one"));
                };
                let mut request = vec![1, user_len];
                request.extend_from_slice(user.as_bytes());
                request.push(password_len);
                request.extend_from_slice(password.as_bytes());
                io.write_all(&request).await.map_err(|e| self.broken(&e))?;
                io.flush().await.map_err(|e| self.broken(&e))?;
                io.read_exact(&mut two).await.map_err(|e| self.broken(&e))?;
                let [_, status] = two;
                if status != 0 {
                    return Err(self.failed(
                        "does not accept this user and password",
                        "check user and password in the proxy URL",
                    ));
                }
            }
            ([5, 0xff | PASSWORD], _) => {
                return Err(self.failed(
                    "asks for a user and a password",
                    "put user:password@ in front of the host in the proxy URL",
                ));
            }
            _ => return Err(not_socks()),
        }

        let mut request = vec![5, 1, 0];
        match target
            .known()
            .as_deref()
            .and_then(<[_]>::first)
            .map(std::net::SocketAddr::ip)
        {
            Some(IpAddr::V4(ip)) => {
                request.push(1);
                request.extend_from_slice(&ip.octets());
            }
            Some(IpAddr::V6(ip)) => {
                request.push(4);
                request.extend_from_slice(&ip.octets());
            }
            None => {
                let length = u8::try_from(target.host.len()).map_err(|_| not_socks())?;
                request.extend_from_slice(&[3, length]);
                request.extend_from_slice(target.host.as_bytes());
            }
        }
        request.extend_from_slice(&target.port.to_be_bytes());
        io.write_all(&request).await.map_err(|e| self.broken(&e))?;
        io.flush().await.map_err(|e| self.broken(&e))?;

        let mut four = [0; 4];
        io.read_exact(&mut four).await.map_err(|e| self.broken(&e))?;
        let [version, reply, _, family] = four;
        if version != 5 {
            return Err(not_socks());
        }
        if reply != 0 {
            return Err(self.failed(
                format!("refused the way to {target}: {}", socks_reply(reply)),
                format!("ask for {target} to be allowed on the proxy"),
            ));
        }
        let rest = match family {
            1 => 4 + 2,
            4 => 16 + 2,
            3 => usize::from(io.read_u8().await.map_err(|e| self.broken(&e))?) + 2,
            _ => return Err(not_socks()),
        };
        let mut bound = [0; 257];
        let bound = bound.get_mut(..rest).ok_or_else(not_socks)?;
        io.read_exact(bound).await.map_err(|e| self.broken(&e))?;
        Ok(())
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Https => "https",
            Kind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}", self.address)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// At most 100 bytes of text without control characters, for messages.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

fn socks_reply(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "an unknown reason",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_their_secrets() {
        let proxy = Proxy::parse("http://user:p%40ss@proxy.corp:3128/").unwrap();
        assert_eq!(proxy.credentials, Some(("user".into(), "p@ss".into())));
        assert_eq!(proxy.to_string(), "http://proxy.corp:3128");
        assert!(!format!("{proxy:?}").contains("p@ss"));
        assert_eq!(Proxy::parse("socks5h://10.0.0.1").unwrap().address.port, 1080);
        assert_eq!(Proxy::parse("proxy:8080").unwrap().kind, Kind::Http);
        let error = Proxy::parse("ftp://user:secret@x").unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }

    #[tokio::test]
    async fn a_407_names_the_scheme_asked_for() {
        let proxy = Proxy::parse("http://p:1").unwrap();
        let (mut near, mut far) = tokio::io::duplex(4096);
        let answer = async {
            let mut seen = vec![0; 1024];
            let n = far.read(&mut seen).await.unwrap();
            assert!(seen[..n].starts_with(b"CONNECT connect.example:443 HTTP/1.1\r\n"));
            far.write_all(b"HTTP/1.1 407 Authenticate\r\nProxy-Authenticate: Negotiate\r\n\r\n")
                .await
                .unwrap();
        };
        let target = Address {
            host: "connect.example".into(),
            port: 443,
        };
        let (result, ()) = tokio::join!(proxy.tunnel(&mut near, &target), answer);
        assert!(result.unwrap_err().to_string().contains("Negotiate"));
    }
}
