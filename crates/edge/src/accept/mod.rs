//! The first step of the road: sockets are bound, connections accepted, counted and, where a trusted load
//! balancer says so, given their visitor's true address.
//!
//! One listening socket per address and one accept loop on it: a group of sockets would reset what waits in
//! the queue of the one that is closed. The accepted socket moves to the worker that will serve it.

mod address_table;
mod handshakes;
mod listen;
mod proxy;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use adit_observe::{Listener, RefusalReason};
use tokio::net::{TcpListener, TcpStream};

pub use address_table::{AddressTable, Permit};
pub use listen::{BindError, bind};

use crate::node::Node;
use crate::supervise;

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The TLS port: agents, `https://` and `tls://` endpoints.
    Https,
    /// The plain port: `http://` endpoints and redirects.
    Http,
    /// The port of one `tcp://` endpoint.
    Tcp(u16),
}

impl Kind {
    /// As observations name it.
    pub fn listener(self) -> Listener {
        match self {
            Self::Https => Listener::Https,
            Self::Http => Listener::Http,
            Self::Tcp(_) => Listener::Tcp,
        }
    }

    /// As log lines name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Tcp(_) => "tcp",
        }
    }
}

/// A connection that was accepted and counted. Nothing has been read from it yet, but for a PROXY header.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) io: TcpStream,
    /// The visitor: PROXY source, or the socket's peer.
    pub(crate) peer: SocketAddr,
    /// What the visitor reached.
    pub(crate) local: SocketAddr,
    pub(crate) kind: Kind,
    /// Counts the connection for as long as it lives.
    pub(crate) permit: Permit,
    /// What came behind a PROXY header and was read with it.
    pub(crate) read: bytes::BytesMut,
}

/// Accepts from `listener` until the node leaves; on the TLS port until the end, for agents must not find it closed
/// (agent protocol 1.2). Errors of the kernel never end the loop.
///
/// Closing a listener resets what waits in its queue, so what has come by then is accepted first.
pub(crate) async fn run(listener: TcpListener, kind: Kind, node: Arc<Node>) {
    let mut leaves = std::pin::pin!(node.drain_begins());
    let mut leaving = false;
    let mut reserve = std::fs::File::open("/dev/null").ok();
    let mut backoff = Duration::from_millis(10);
    loop {
        let next = poll_fn(|cx| {
            leaving = leaving || (kind != Kind::Https && leaves.as_mut().poll(cx).is_ready());
            match listener.poll_accept(cx) {
                Poll::Ready(r) => Poll::Ready(Some(r)),
                Poll::Pending if leaving => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        });
        let Some(next) = next.await else { return };
        match next {
            Ok((io, peer)) => {
                backoff = Duration::from_millis(10);
                accepted(io, peer, kind, &node);
            }
            Err(e) if is_per_connection(&e) => {}
            Err(e) => {
                // Out of descriptors or memory: give one up, take the connection off the queue, wait a little.
                node.refused(kind, std::net::Ipv4Addr::UNSPECIFIED.into(), RefusalReason::AcceptError);
                tracing::warn!(error = %e, listener = kind.label(), "cannot accept");
                if reserve.take().is_some() {
                    if let Ok((io, _)) = listener.accept().await {
                        drop(io);
                    }
                    reserve = std::fs::File::open("/dev/null").ok();
                }
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(Duration::from_secs(1));
            }
        }
    }
}

/// Errors that concern only the connection that was about to be accepted.
fn is_per_connection(e: &std::io::Error) -> bool {
    use std::io::ErrorKind as K;
    matches!(
        e.kind(),
        K::ConnectionAborted | K::ConnectionReset | K::ConnectionRefused | K::Interrupted
    )
}

fn accepted(io: TcpStream, peer: SocketAddr, kind: Kind, node: &Arc<Node>) {
    let peer = unmapped(peer);
    let permit = match node.addresses.admit(peer.ip(), &node.config.load().limits) {
        Ok(permit) => permit,
        Err(reason) => {
            node.refused(kind, peer.ip(), reason);
            reset(&io);
            return;
        }
    };
    // On the TLS port it may be an agent: its ClientHello tells.
    if let (Some(reason), false) = (permit.over(), kind == Kind::Https) {
        node.refused(kind, peer.ip(), reason);
        reset(&io);
        return;
    }
    let local = io.local_addr().map_or(peer, unmapped);
    let accepted = Accepted {
        io,
        peer,
        local,
        kind,
        permit,
        read: bytes::BytesMut::new(),
    };
    let node = node.clone();
    supervise::spawn("connection", async move {
        let accepted = match proxy::receive(accepted, &node).await {
            Ok(a) => a,
            Err(reason) => {
                node.refused(kind, peer.ip(), reason);
                return;
            }
        };
        match kind {
            Kind::Https => crate::sniff::tls_port(accepted, node).await,
            Kind::Http => crate::sniff::plain_port(accepted, node).await,
            Kind::Tcp(port) => crate::tcp::accepted(accepted, port, node),
        }
    });
}

/// v4-mapped addresses are plain IPv4 everywhere after this point.
fn unmapped(a: SocketAddr) -> SocketAddr {
    SocketAddr::new(a.ip().to_canonical(), a.port())
}

/// Closing with RST: the peer shall not mistake it for an answer.
pub(crate) fn reset(io: &TcpStream) {
    // Fails only for a socket that is gone already.
    let _ = socket2::SockRef::from(io).set_linger(Some(Duration::ZERO));
}
