//! What kind of connection is it: the first byte, the ClientHello, and where its name leads.
//!
//! The hello is read into a buffer of ours, so that a connection that is passed through can be replayed byte
//! for byte. From here the connection moves to the worker on which its agent's session lives.

mod hello;
mod plain;

use std::net::IpAddr;
use std::sync::Arc;

use adit_cluster::{Choice, Class};
use adit_observe::RefusalReason;
use adit_snapshot::ControlName;
use adit_tls::client_hello::ClientHello;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::accept::{self, Accepted};
use crate::node::Node;
use crate::route;
use crate::supervise;
use crate::timer::Timer;

pub(crate) use plain::plain_port;

/// TLS alert descriptions (RFC 8446, section 6) that are sent before any handshake.
mod alert {
    pub(super) const HANDSHAKE_FAILURE: u8 = 40;
    pub(super) const INTERNAL_ERROR: u8 = 80;
    pub(super) const MISSING_EXTENSION: u8 = 109;
    pub(super) const UNRECOGNIZED_NAME: u8 = 112;
}

/// How long a stock agent that comes while the node leaves waits before its handshake (agent protocol 1.2).
const HOLD: std::time::Duration = std::time::Duration::from_secs(8);

/// How long a connection beyond a limit has to show that it is an agent's.
const PEEK: std::time::Duration = std::time::Duration::from_secs(2);

/// Where the name of a ClientHello leads.
enum Destination {
    Agent,
    Control(ControlName),
    Terminate {
        worker: Option<usize>,
    },
    Passthrough {
        host: String,
        worker: Option<usize>,
    },
    /// Its organisation does not let this address in.
    Blocked,
    Refuse(u8),
}

/// A connection to the TLS port.
pub(crate) async fn tls_port(mut accepted: Accepted, node: Arc<Node>) {
    let hello = {
        let deadline = Timer::current().deadline();
        let mut limits = node.config.load().limits.clone();
        if accepted.permit.over().is_some() {
            limits.first_byte = limits.first_byte.min(PEEK);
            limits.client_hello = limits.client_hello.min(PEEK);
        }
        match hello::read(&mut accepted, &deadline, &limits).await {
            hello::Read::Hello(h) => h,
            hello::Read::PlainHttp => {
                node.refused(accepted.kind, accepted.peer.ip(), RefusalReason::PlainOnTls);
                plain::answer_tls_only(accepted).await;
                return;
            }
            hello::Read::Alert(code) => {
                node.refused(accepted.kind, accepted.peer.ip(), RefusalReason::ClientHello);
                refuse(accepted.io, code).await;
                return;
            }
            hello::Read::Nothing(reason) => {
                node.refused(accepted.kind, accepted.peer.ip(), reason);
                return;
            }
        }
    };
    match destination(&hello, &node, accepted.peer.ip()) {
        Destination::Refuse(code) => {
            let reason = if code == alert::UNRECOGNIZED_NAME {
                RefusalReason::ServerNameUnknown
            } else {
                RefusalReason::ServerNameMissing
            };
            node.refused(accepted.kind, accepted.peer.ip(), reason);
            refuse(accepted.io, code).await;
        }
        // Told that the node leaves, it knows where else to go, and tries again soon in any case.
        Destination::Agent if node.is_draining() && is_own_agent(&hello) => {}
        Destination::Agent => {
            if node.is_draining() {
                // A third failure in a row would keep a stock agent away for two minutes. The wait ends with this
                // process, and the next one answers; else it is let in, and serves for as long as this one does.
                tokio::time::sleep(HOLD).await;
            }
            let worker = node.workers.next();
            hand_over(accepted, worker, node, crate::secure::agent);
        }
        _ if let Some(reason) = accepted.permit.over() => {
            node.refused(accepted.kind, accepted.peer.ip(), reason);
            accept::reset(&accepted.io);
        }
        Destination::Control(name) => {
            let (kind, ip) = (accepted.kind, accepted.peer.ip());
            if !node.control.as_ref().is_some_and(|c| c.hand_over(accepted, name)) {
                node.refused(kind, ip, RefusalReason::Shed);
            }
        }
        Destination::Blocked => {
            node.refused(accepted.kind, accepted.peer.ip(), RefusalReason::IpRule);
            accept::reset(&accepted.io);
        }
        // The listener stays open for agents only.
        Destination::Terminate { .. } | Destination::Passthrough { .. } if !node.takes_visitors() => {
            node.refused(accepted.kind, accepted.peer.ip(), RefusalReason::Draining);
            accept::reset(&accepted.io);
        }
        Destination::Terminate { worker } => {
            let worker = worker.unwrap_or_else(|| node.workers.next());
            hand_over(accepted, worker, node, move |a, n| crate::secure::visitor(a, hello, n));
        }
        Destination::Passthrough { host, worker } => {
            let worker = worker.unwrap_or_else(|| node.workers.next());
            hand_over(accepted, worker, node, move |a, n| {
                crate::tls::passthrough(a, host, hello, n)
            });
        }
    }
}

/// Whether the hello is that of Adit's own agent.
fn is_own_agent(hello: &ClientHello) -> bool {
    hello.alpn.iter().any(|p| p == b"adit-agent/1")
}

fn destination(hello: &ClientHello, node: &Node, ip: IpAddr) -> Destination {
    let config = node.config.load();
    let Some(host) = hello.server_name.as_deref() else {
        if config.accept_without_sni && hello.alpn.iter().all(|p| p == b"adit-agent/1") {
            return Destination::Agent;
        }
        return Destination::Refuse(if hello.tls13 {
            alert::MISSING_EXTENSION
        } else {
            alert::HANDSHAKE_FAILURE
        });
    };
    match config.control_name(host) {
        Some(ControlName::Connect) => return Destination::Agent,
        Some(name) if node.control.as_ref().is_some_and(|c| c.takes(name)) => return Destination::Control(name),
        Some(ControlName::Api | ControlName::Dashboard | ControlName::Idp) => {
            return Destination::Terminate { worker: None };
        }
        None => {}
    }
    let pool = node.directory.find(Class::Sni, host);
    let Some(routed) = route::cloud::beside(&config.told, Class::Sni, host, pool) else {
        return if config.is_below_base(host) {
            // Says nothing about whether the name exists: the handshake is made, HTTP answers "offline".
            Destination::Terminate { worker: None }
        } else {
            Destination::Refuse(alert::UNRECOGNIZED_NAME)
        };
    };
    if route::visitor::blocks_name(&config, &routed, ip) {
        return Destination::Blocked;
    }
    let Some(pool) = routed.pool.as_ref() else {
        return if routed.is_passthrough() {
            Destination::Passthrough {
                host: host.to_owned(),
                worker: None,
            }
        } else {
            Destination::Terminate { worker: None }
        };
    };
    let worker = match pool.choose(0) {
        Choice::Member(m) => {
            if m.options.is_passthrough() {
                return Destination::Passthrough {
                    host: host.to_owned(),
                    worker: m.worker(),
                };
            }
            m.worker()
        }
        Choice::Park | Choice::Offline => {
            if pool.is_passthrough() {
                return Destination::Passthrough {
                    host: host.to_owned(),
                    worker: None,
                };
            }
            None
        }
    };
    Destination::Terminate { worker }
}

/// Moves the connection to `worker` and goes on there.
pub(crate) fn hand_over<F, Fut>(accepted: Accepted, worker: usize, node: Arc<Node>, next: F)
where
    F: FnOnce(Accepted, Arc<Node>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    if supervise::current_worker() == Some(worker) {
        supervise::spawn("visitor", next(accepted, node));
        return;
    }
    let Accepted {
        io,
        peer,
        local,
        kind,
        permit,
        read,
    } = accepted;
    // The socket leaves this worker's event queue and is registered with the other's.
    let Ok(io) = io.into_std() else { return };
    let workers = node.workers.clone();
    workers.spawn_on(worker, "visitor", async move {
        let Ok(io) = TcpStream::from_std(io) else { return };
        let accepted = Accepted {
            io,
            peer,
            local,
            kind,
            permit,
            read,
        };
        next(accepted, node).await;
    });
}

/// A fatal alert as plaintext record, then FIN (not RST), so that the client reads it.
pub(crate) async fn refuse(mut io: TcpStream, code: u8) {
    if io.write_all(&adit_tls::alert(code)).await.is_ok() {
        let _ = io.shutdown().await;
        crate::reply::linger(&mut io).await;
    }
}

/// The alert for a name that is known but offline: the client sees a passing fault.
pub(crate) async fn refuse_offline(io: TcpStream) {
    refuse(io, alert::INTERNAL_ERROR).await;
}

/// The alert for a name that nobody has.
pub(crate) async fn refuse_unknown(io: TcpStream) {
    refuse(io, alert::UNRECOGNIZED_NAME).await;
}
