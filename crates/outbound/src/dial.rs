//! A connection to the host of a URL: resolved, judged, connected, and secured if the URL says so.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use adit_tls::{ClientProfile, Stream};
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::guard::{Guard, Purpose};
use crate::reason::Failure;
use crate::resolve::{MAX, Resolve};

/// How long one of several addresses may take to connect.
const EACH: Duration = Duration::from_secs(3);

/// The address that answered, kept with the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Makes connections for one purpose.
#[derive(Clone)]
pub(crate) struct Dial {
    pub(crate) guard: Arc<Guard>,
    pub(crate) purpose: Purpose,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) tls: ClientProfile,
}

impl Dial {
    async fn connect(self, uri: Uri) -> Result<Dialled, Failure> {
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        self.guard.check_name(self.purpose, host, port)?;
        let addresses = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.resolve(host).await.map_err(|why| Failure::Resolve {
                host: host.to_owned(),
                why,
            })?,
        };
        // One address that may not be asked is enough: whoever answers so means no good.
        for address in &addresses {
            self.guard.check(self.purpose, host, *address, port)?;
        }
        let (io, peer) = self.reach(host, &addresses, port).await?;
        let io = if secure {
            let secured = adit_tls::connect(io, host, &self.tls).await;
            let io = secured.map_err(|error| Failure::Tls {
                host: host.to_owned(),
                why: error.to_string(),
            })?;
            Io::Secure(Box::new(TokioIo::new(io)))
        } else {
            Io::Plain(TokioIo::new(io))
        };
        Ok(Dialled {
            io,
            peer: Peer(peer.ip().to_canonical()),
        })
    }

    /// The first address that connects.
    async fn reach(&self, host: &str, addresses: &[IpAddr], port: u16) -> Result<(TcpStream, SocketAddr), Failure> {
        let mut last = "it has no address".to_owned();
        for address in addresses.iter().take(MAX) {
            let peer = SocketAddr::new(*address, port);
            match tokio::time::timeout(EACH, TcpStream::connect(peer)).await {
                Ok(Ok(io)) => {
                    let local = io.local_addr().map_err(|e| unreachable(host, &e))?;
                    self.guard.check_connected(host, local, peer)?;
                    // Requests are written whole.
                    let _ = io.set_nodelay(true);
                    return Ok((io, peer));
                }
                Ok(Err(error)) => last = format!("{address}: {error}"),
                Err(_) => last = format!("{address}: no answer"),
            }
        }
        Err(Failure::Connect {
            host: host.to_owned(),
            why: last,
        })
    }
}

fn unreachable(host: &str, error: &io::Error) -> Failure {
    Failure::Connect {
        host: host.to_owned(),
        why: error.to_string(),
    }
}

impl Service<Uri> for Dial {
    type Response = Dialled;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Dialled, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection.
pub(crate) struct Dialled {
    io: Io,
    peer: Peer,
}

enum Io {
    Plain(TokioIo<TcpStream>),
    Secure(Box<TokioIo<Stream<TcpStream>>>),
}

impl fmt::Debug for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialled")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl Connection for Dialled {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.peer)
    }
}

impl Read for Dialled {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Io::Secure(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl Write for Dialled {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Io::Secure(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(io) => Pin::new(io).poll_flush(cx),
            Io::Secure(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Io::Secure(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}
