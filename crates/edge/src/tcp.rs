//! `tcp://` endpoints: a port each, bytes both ways. The stream to the agent is opened at once, not at the
//! visitor's first byte, because many services speak first.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Instant;

use adit_cluster::{Choice, Member, Pool, Woken};
use adit_mux::{OpenError, Stream};
use adit_observe::Relayed;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::accept::{self, Accepted, Kind};
use crate::forward;
use crate::node::Node;
use crate::record_connection::Connection;
use crate::relay;
use crate::session::{PortError, TcpPorts};

/// The listeners of this node's TCP endpoints.
#[derive(Debug)]
pub(crate) struct Ports {
    address: IpAddr,
    node: OnceLock<Weak<Node>>,
    open: Mutex<HashMap<u16, AbortHandle, foldhash::fast::RandomState>>,
}

impl Ports {
    /// Listeners on this address of the machine.
    pub(crate) fn new(address: IpAddr) -> Arc<Self> {
        Arc::new(Self {
            address,
            node: OnceLock::new(),
            open: Mutex::default(),
        })
    }

    /// The node that serves what is accepted. Set once, before the first agent is accepted.
    pub(crate) fn attach(&self, node: &Arc<Node>) {
        let _ = self.node.set(Arc::downgrade(node));
    }
}

impl TcpPorts for Ports {
    fn open(&self, port: u16, pool: &Arc<Pool>) -> Result<(), PortError> {
        let refused = |error| PortError::Refused { port, error };
        let Some(node) = self.node.get().and_then(Weak::upgrade) else {
            return Err(refused(std::io::ErrorKind::NotConnected.into()));
        };
        let mut open = self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if open.contains_key(&port) {
            return Ok(());
        }
        let socket = accept::bind(SocketAddr::new(self.address, port)).map_err(|e| match e.source.kind() {
            std::io::ErrorKind::AddrInUse => PortError::InUse(port),
            _ => refused(e.source),
        })?;
        let worker = match pool.choose(0) {
            Choice::Member(m) => m.worker(),
            Choice::Park | Choice::Offline => None,
        };
        let worker = worker.unwrap_or_else(|| node.workers.next());
        let serving = node.clone();
        let task = node.workers.spawn_on(worker, "tcp endpoint", async move {
            // The socket is registered with the worker that serves it.
            if let Ok(listener) = TcpListener::from_std(socket) {
                accept::run(listener, Kind::Tcp(port), serving).await;
            }
        });
        if let Some(task) = task {
            open.insert(port, task.abort_handle());
        }
        Ok(())
    }

    fn close(&self, port: u16) {
        let task = self.open.lock().ok().and_then(|mut o| o.remove(&port));
        if let Some(task) = task {
            task.abort();
        }
    }
}

/// A connection to the port of an endpoint: served on the worker of the agent's session, where the listener need
/// not be (the agent may have come back elsewhere).
pub(crate) fn accepted(accepted: Accepted, port: u16, node: Arc<Node>) {
    let worker = node.directory.find_port(port).and_then(|pool| match pool.choose(0) {
        Choice::Member(m) => m.worker(),
        Choice::Park | Choice::Offline => None,
    });
    let worker = worker.unwrap_or_else(|| node.workers.next());
    crate::sniff::hand_over(accepted, worker, node, move |a, n| serve(a, port, n));
}

/// Serves one connection to the port of an endpoint.
async fn serve(accepted: Accepted, port: u16, node: Arc<Node>) {
    let mut record = Connection::begin(&accepted, "", Relayed::Tcp);
    let Accepted {
        mut io,
        peer,
        local,
        permit,
        read,
        ..
    } = accepted;
    let Some(pool) = node.directory.find_port(port) else {
        accept::reset(&io);
        record.refused(&node, "ERR_NGROK_3200");
        return;
    };
    match open(&node, &pool, peer, local, false, &read, &mut record).await {
        Ok((mut stream, member)) => {
            let _serving = node.serving();
            let relayed = relay::relay(&mut io, &mut stream, Bytes::new(), Bytes::new()).await;
            if relayed.end != relay::RelayEnd::Complete {
                accept::reset(&io);
            }
            record.relayed(&node, &member, &relayed);
        }
        Err(code) => {
            accept::reset(&io);
            record.refused(&node, code);
        }
    }
    drop(permit);
}

/// Chooses a member of `pool` (waiting while its agent returns) and opens a stream whose first frame carries
/// `first`.
///
/// # Errors
/// The code of the reason why there is none.
pub(crate) async fn open(
    node: &Arc<Node>,
    pool: &Arc<Pool>,
    peer: SocketAddr,
    local: SocketAddr,
    passthrough_tls: bool,
    first: &[u8],
    record: &mut Connection,
) -> Result<(Stream, Arc<Member>), &'static str> {
    let began = Instant::now();
    let max_wait = node.config.load().parking.max_wait_tcp;
    let mut tried: smallvec::SmallVec<[adit_cluster::MemberKey; 4]> = smallvec::SmallVec::new();
    let mut lost = 0_u8;
    loop {
        let random = forward::random();
        let choice = if tried.is_empty() {
            pool.choose(random)
        } else {
            pool.choose_other(random, &tried)
        };
        match choice {
            Choice::Member(member) => {
                record.attempt();
                match forward::open(&member, peer, local, passthrough_tls, first) {
                    Ok(opened) => return Ok((opened.stream, member)),
                    Err(OpenError::StreamLimit | OpenError::Unaccepted) => {
                        // It takes no more streams now: another member that does is next, else it is waited for.
                        tried.push(member.key);
                        if let Choice::Member(_) = pool.choose_other(random, &tried) {
                            continue;
                        }
                        tried.clear();
                        let left = max_wait.saturating_sub(began.elapsed());
                        let Some(leg) = member.leg().filter(|_| !left.is_zero()) else {
                            return Err("ERR_ADIT_1301");
                        };
                        let waited = tokio::time::timeout(left, leg.capacity()).await;
                        record.parked(began.elapsed());
                        if waited.is_err() {
                            return Err("ERR_ADIT_1301");
                        }
                    }
                    Err(_) if lost >= 2 => return Err("ERR_ADIT_1303"),
                    Err(_) => {
                        lost += 1;
                        member.remove_closed_legs();
                        tried.push(member.key);
                        if !matches!(pool.choose_other(random, &tried), Choice::Member(_)) {
                            // Nobody else: the same one again, as soon as its agent has returned.
                            tried.clear();
                        }
                    }
                }
            }
            Choice::Offline if tried.is_empty() => return Err("ERR_NGROK_3200"),
            Choice::Offline => return Err("ERR_ADIT_1302"),
            Choice::Park => {
                let left = max_wait.saturating_sub(began.elapsed());
                let Ok(parked) = pool.park(left) else {
                    return Err("ERR_NGROK_3200");
                };
                let woken = parked.await;
                record.parked(began.elapsed());
                if !matches!(woken, Woken::Member) {
                    return Err("ERR_NGROK_3200");
                }
            }
        }
    }
}
