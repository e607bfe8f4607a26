//! A connection to the service behind an endpoint, made for each visitor's stream.
//!
//! A name is resolved at each dial, from a copy that is at most 30 s old, and anew at once after a failure:
//! a container that moved is found by the next request.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use adit_protocol::control::StreamErrorClass;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::copy::Service;
use super::upstream::{Target, Upstream};
use crate::config::{Ca, Trust};
use crate::dial::race;
use crate::error::Error;

const DIAL: Duration = Duration::from_secs(3);
const FRESH: Duration = Duration::from_secs(30);

/// Why a visitor's stream could not be connected, in the classes of the control message `stream_error`
/// (agent protocol 9.2).
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) class: StreamErrorClass,
    /// The service answered that nobody listens.
    pub(crate) refused: bool,
    pub(crate) text: String,
}

impl Failure {
    fn dial(text: impl Into<String>) -> Self {
        Self {
            class: StreamErrorClass::Dial,
            refused: false,
            text: text.into(),
        }
    }

    fn of_io(error: &io::Error) -> Self {
        let class = match error.kind() {
            io::ErrorKind::TimedOut => StreamErrorClass::Timeout,
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                StreamErrorClass::Reset
            }
            _ => StreamErrorClass::Dial,
        };
        Self {
            class,
            refused: error.kind() == io::ErrorKind::ConnectionRefused,
            text: error.to_string(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How the certificate of a TLS upstream is judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct UpstreamTrust {
    /// `None`: on for names, off for this machine and private addresses (agent protocol 4.3).
    pub(crate) verify: Option<bool>,
    pub(crate) ca: Option<Ca>,
}

/// Dials one upstream.
#[derive(Debug)]
pub(crate) struct Dialer {
    upstream: Upstream,
    tls: Option<(adit_tls::ClientProfile, String)>,
    resolved: Mutex<Option<(Instant, Arc<[SocketAddr]>)>>,
}

impl Dialer {
    /// `alpn` is offered to a TLS upstream.
    pub(crate) fn new(upstream: Upstream, trust: &UpstreamTrust, alpn: &[&[u8]]) -> Result<Self, Error> {
        let tls = match &upstream.target {
            Target::Tcp(address) if upstream.tls => Some((profile(&upstream, trust, alpn)?, address.host.clone())),
            Target::Tcp(_) | Target::Unix(_) => None,
        };
        Ok(Self {
            upstream,
            tls,
            resolved: Mutex::new(None),
        })
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// True if there is a handshake before the first byte may be written.
    pub(crate) fn speaks_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Connects, within 3 s, handshake included. `before_tls` is written before a handshake (the PROXY header:
    /// agent protocol 4.4). With `plain` there is none: what passes is the visitor's own TLS.
    pub(crate) async fn dial(&self, before_tls: &[u8], plain: bool) -> Result<Connection, Failure> {
        let connect = async {
            let mut connection = match &self.upstream.target {
                Target::Tcp(_) => self.tcp().await?,
                #[cfg(unix)]
                Target::Unix(path) => {
                    return UnixStream::connect(path)
                        .await
                        .map(Connection::Unix)
                        .map_err(|e| Failure::of_io(&e));
                }
                #[cfg(not(unix))]
                Target::Unix(_) => return Err(Failure::dial("this system has no Unix sockets")),
            };
            let Some((profile, name)) = self.tls.as_ref().filter(|_| !plain) else {
                return Ok(Connection::Tcp(connection));
            };
            connection.write_all(before_tls).await.map_err(|e| Failure::of_io(&e))?;
            match Box::pin(adit_tls::connect(connection, name, profile)).await {
                Ok(secured) => Ok(Connection::Tls(Box::new(secured))),
                Err(error) => Err(Failure {
                    class: StreamErrorClass::Tls,
                    refused: false,
                    text: error.to_string(),
                }),
            }
        };
        match tokio::time::timeout(DIAL, connect).await {
            Ok(done) => done,
            Err(_) => Err(Failure {
                class: StreamErrorClass::Timeout,
                refused: false,
                text: format!("no connection in {} s", DIAL.as_secs()),
            }),
        }
    }

    async fn tcp(&self) -> Result<TcpStream, Failure> {
        let addresses = self.addresses().await?;
        match race::connect(&addresses, DIAL).await {
            Ok(stream) => Ok(stream),
            Err(error) => {
                *self.lock() = None;
                Err(Failure::of_io(&error))
            }
        }
    }

    async fn addresses(&self) -> Result<Arc<[SocketAddr]>, Failure> {
        let now = Instant::now();
        if let Some((at, addresses)) = &*self.lock()
            && now.duration_since(*at) < FRESH
        {
            return Ok(Arc::clone(addresses));
        }
        let Target::Tcp(address) = &self.upstream.target else {
            return Err(Failure::dial("not a network address"));
        };
        let addresses: Arc<[SocketAddr]> = address
            .resolve()
            .await
            .map_err(|e| Failure::dial(e.to_string()))?
            .into();
        *self.lock() = Some((now, Arc::clone(&addresses)));
        Ok(addresses)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Arc<[SocketAddr]>)>> {
        self.resolved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn profile(upstream: &Upstream, trust: &UpstreamTrust, alpn: &[&[u8]]) -> Result<adit_tls::ClientProfile, Error> {
    let verify = trust
        .verify
        .unwrap_or_else(|| trust.ca.is_some() || !upstream.is_private());
    let roots = match (&trust.ca, verify) {
        (_, false) => adit_tls::Roots::Insecure,
        (Some(Ca(Trust::Pem(text))), true) => adit_tls::Roots::Pem(text.to_vec()),
        (None | Some(Ca(Trust::System)), true) => adit_tls::Roots::Platform,
    };
    adit_tls::ClientProfile::builder(roots)
        .alpn(alpn)
        .build()
        .map_err(|error| {
            Error::configuration(
                format!("TLS to the upstream cannot be set up: {error}"),
                "check the file with the upstream's certificate authority",
            )
        })
}

/// An open connection to a service.
#[derive(Debug)]
pub(crate) enum Connection {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    Tls(Box<adit_tls::Stream<TcpStream>>),
}

macro_rules! each {
    ($self:ident, $io:ident => $call:expr) => {
        match $self.get_mut() {
            Connection::Tcp($io) => $call,
            #[cfg(unix)]
            Connection::Unix($io) => $call,
            Connection::Tls($io) => $call,
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_read(cx, buf))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, io => Pin::new(io).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_shutdown(cx))
    }
}

impl Service for Connection {
    fn abort_on_drop(&mut self) {
        let tcp = match self {
            Self::Tcp(tcp) => &*tcp,
            Self::Tls(tls) => tls.get_ref(),
            #[cfg(unix)]
            Self::Unix(_) => return,
        };
        // Fails only on a socket that is closed already.
        let _ = socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO));
    }

    fn rest(&mut self) {
        if let Self::Tls(tls) = self {
            tls.release_buffers();
        }
    }
}
