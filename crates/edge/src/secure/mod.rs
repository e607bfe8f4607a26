//! The TLS handshake with the profile of the name, and what is known of a connection from then on.

mod certificate;
mod conn;
mod profiles;
mod rejected;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use adit_cluster::Class;
use adit_observe::{HandshakeResult, Relayed};
use adit_tls::ServerProfile;
use adit_tls::client_hello::ClientHello;
use tokio::net::TcpStream;

use crate::accept::Accepted;
use crate::node::Node;
use crate::record_connection::Connection;
use crate::route::{self, Routed};
use crate::timer::{Deadline, Timer};

pub(crate) use conn::Conn;
pub(crate) use profiles::Profiles;

/// A visitor whose TLS ends here.
pub(crate) async fn visitor(accepted: Accepted, hello: ClientHello, node: Arc<Node>) {
    let limits = node.config.load().limits.clone();
    let deadline = Timer::current().deadline();
    deadline.set(limits.handshake);
    let Accepted {
        io,
        peer,
        local,
        kind,
        permit,
        read,
    } = accepted;
    let handshake = match permit.handshake(&limits).await {
        Ok(counted) => counted,
        Err(reason) => {
            node.refused(kind, peer.ip(), reason);
            return;
        }
    };
    let began = Instant::now();
    let chosen = match choose(hello.server_name.as_deref(), &node, peer, local) {
        Ok(chosen) => chosen,
        Err(e) => {
            node.handshake_failed(HandshakeResult::Failed, began);
            tracing::warn!(name = hello.server_name, error = %e, "no handshake");
            return;
        }
    };
    let made = within(&deadline, adit_tls::accept(io, read, &chosen.profile)).await;
    drop(handshake);
    let tls = match made {
        None => {
            node.handshake_failed(HandshakeResult::Timeout, began);
            return;
        }
        Some(Err(e)) => {
            node.handshake_failed(HandshakeResult::Failed, began);
            tracing::debug!(peer = %peer, error = %e, "handshake failed");
            rejected::tell(&node, kind, peer.ip(), chosen.routed.as_ref(), &e);
            return;
        }
        Some(Ok(tls)) => tls,
    };
    node.handshaken(&tls, began);
    drop(deadline);
    if chosen.bytes_only {
        let host = hello.server_name.unwrap_or_default();
        let record = Connection::new(kind, peer, local, &host, Relayed::Tls);
        return crate::tls::terminated(tls, &host, permit, record, node).await;
    }
    let http2 = tls.alpn() == Some(b"h2");
    let profile = (&tls, chosen.profile, chosen.full_headers);
    let conn = Conn::secured(node, peer, local, kind, permit, hello.server_name, profile);
    if http2 {
        crate::http::h2::serve(tls, conn).await;
    } else {
        crate::http::h1::serve(tls, bytes::BytesMut::new(), conn).await;
    }
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
enum NoProfile {
    #[error("the certificate or authorities of an endpoint cannot be used: {0}")]
    Unusable(#[from] adit_tls::Error),
    #[error("a policy does not say how: {0}")]
    Unsaid(String),
}

/// How TLS of a name is terminated.
struct Chosen {
    profile: ServerProfile,
    /// What comes out is bytes and not HTTP.
    bytes_only: bool,
    /// Services are told all of a visitor's certificate.
    full_headers: bool,
    /// The endpoints of the name.
    routed: Option<Routed>,
}

fn choose(name: Option<&str>, node: &Node, peer: SocketAddr, local: SocketAddr) -> Result<Chosen, NoProfile> {
    let pool = name.and_then(|n| node.directory.find(Class::Sni, n));
    let routed = name.and_then(|n| route::cloud::beside(&node.config.load().told, Class::Sni, n, pool));
    let mut chosen = Chosen {
        profile: node.profiles.endpoints.clone(),
        bytes_only: false,
        full_headers: false,
        routed,
    };
    let (Some(name), Some(routed)) = (name, &chosen.routed) else {
        return Ok(chosen);
    };
    chosen.bytes_only = routed.is_bytes();
    let said = crate::govern::tls_profile(node, routed, name, peer, local)
        .map_err(|error| NoProfile::Unsaid(error.message))?;
    if let Some(said) = said {
        chosen.profile = node.profiles.said(&said, !chosen.bytes_only)?;
        chosen.full_headers = said.full_headers;
        return Ok(chosen);
    }
    let member = routed.pool.as_ref().and_then(|p| p.members().first().cloned());
    if let Some(member) = member
        && let Some(special) = node.profiles.special(&member, !chosen.bytes_only)?
    {
        chosen.profile = special;
    } else if chosen.bytes_only {
        chosen.profile = node.profiles.tls_endpoints.clone();
    }
    Ok(chosen)
}

/// How many times as many handshakes as visitors the agents of one address may make at once.
const AGENTS: u32 = 16;

/// An agent on a connect name.
pub(crate) async fn agent(accepted: Accepted, node: Arc<Node>) {
    let mut limits = node.config.load().limits.clone();
    // A whole office of agents may have one address, and all of them may return at once.
    limits.handshakes_per_ip = limits.handshakes_per_ip.saturating_mul(AGENTS);
    limits.handshakes = limits.handshakes.saturating_add(limits.handshakes / 4);
    let deadline = Timer::current().deadline();
    deadline.set(limits.handshake);
    let Accepted {
        io,
        peer,
        kind,
        permit,
        read,
        ..
    } = accepted;
    agent_socket(&io);
    let handshake = match permit.handshake(&limits).await {
        Ok(counted) => counted,
        Err(reason) => {
            node.refused(kind, peer.ip(), reason);
            return;
        }
    };
    let began = Instant::now();
    let tls = match within(&deadline, adit_tls::accept(io, read, &node.profiles.connect)).await {
        Some(Ok(tls)) => tls,
        Some(Err(e)) => {
            node.handshake_failed(HandshakeResult::Failed, began);
            tracing::debug!(peer = %peer, error = %e, "an agent's handshake failed");
            return;
        }
        None => {
            node.handshake_failed(HandshakeResult::Timeout, began);
            return;
        }
    };
    drop(handshake);
    drop(deadline);
    node.handshaken(&tls, began);
    let facts = crate::session::ConnectFacts {
        addr: peer,
        worker: crate::supervise::current_worker().unwrap_or(0),
        // Our answer goes out and its Finished comes back: one round trip, and a little work at either end.
        round_trip: began.elapsed(),
        ingress: tls.server_name().unwrap_or_default().to_owned(),
    };
    // A task of its own: this one is as large as a handshake, and the session may last for weeks.
    let session = crate::session::serve(tls, facts, node.agents.clone());
    crate::supervise::spawn("agent session", async move {
        session.await;
        drop(permit);
    });
}

/// Socket options of agents' connections: a dead peer is noticed within 25 s even while we only write.
fn agent_socket(io: &TcpStream) {
    let socket = socket2::SockRef::from(io);
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    // Options that a kernel does not know are no reason to refuse an agent: heartbeats watch as well.
    let _ = socket.set_tcp_keepalive(&keepalive);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(Duration::from_secs(25)));
}

/// `future` until `deadline`; `None` when the deadline came first.
pub(crate) async fn within<F: Future>(deadline: &Deadline, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(out) => Poll::Ready(Some(out)),
        Poll::Pending => deadline.poll_expired(cx).map(|()| None),
    })
    .await
}
