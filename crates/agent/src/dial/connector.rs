//! A connection to a server that carries something else than tunnels: its API.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::address::Address;
use super::transport::Transport;
use super::{Secure, connect, tcp};
use crate::config::{Ca, Options};
use crate::error::Error;

const HTTP: &[&[u8]] = &[b"http/1.1"];

/// Connects to servers as an agent does: names below `.localhost` are this machine, several addresses are raced,
/// proxies of the environment are used, and only the given authority is trusted.
#[derive(Debug, Clone)]
pub struct Connector {
    options: Options,
    secure: Secure,
}

impl Connector {
    /// One that trusts `ca`; `environment` answers for `ADIT_CONNECT_CA` (if `ca` is the system), `ADIT_PROXY_URL` and
    /// the usual proxy variables.
    ///
    /// # Errors
    /// [`Error::Configuration`]: an authority that cannot be read, a proxy that is none.
    pub fn new(ca: Ca, environment: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let mut options = Options {
            ca,
            ..Options::default()
        };
        options.fill_from(&environment)?;
        let secure = Secure::new(&options, HTTP)?;
        Ok(Self { options, secure })
    }

    /// Connects to `host[:port]` and speaks TLS with that name; `at` is where it is, if that is known.
    ///
    /// # Errors
    /// What stands between here and there.
    pub async fn connect(&self, host: &str, at: Option<SocketAddr>) -> Result<Connection, Error> {
        let mut address = Address::parse(host)?;
        let mut options = self.options.clone();
        if let Some(at) = at {
            options.server_name = Some(address.host);
            address = Address {
                host: at.ip().to_string(),
                port: at.port(),
            };
        }
        let link = connect(&options, &self.secure, &address).await?;
        Ok(Connection(Way::Tls(Box::new(link.io))))
    }

    /// Connects to `host:port` in the clear.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_in_the_clear(&self, host: &str) -> Result<Connection, Error> {
        let address = Address::parse(host)?;
        tcp(&address).await.map(|io| Connection(Way::Plain(io)))
    }
}

/// A connection that is ready for HTTP.
#[derive(Debug)]
pub struct Connection(Way);

#[derive(Debug)]
enum Way {
    Plain(TcpStream),
    Tls(Box<adit_tls::Stream<Transport>>),
}

macro_rules! each {
    ($self:ident, $io:ident => $call:expr) => {
        match &mut $self.get_mut().0 {
            Way::Plain($io) => $call,
            Way::Tls($io) => $call,
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

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => Pin::new(io).poll_write_vectored(cx, parts))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_shutdown(cx))
    }
}
