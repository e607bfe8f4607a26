//! `tcp://` endpoints: a port each, bytes both ways. The stream to the agent is opened at once, not at the
//! visitor's first byte, because many services speak first.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use adit_cluster::{Choice, Pool};
use adit_observe::{RefusalReason, Relayed};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::accept::{self, Accepted, Kind};
use crate::node::Node;
use crate::record_connection::Connection;
use crate::session::{PortError, TcpPorts};
use crate::tcp_open::{Carried, Waiting};

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
    let pool = node.directory.find_port(port);
    let ip = accepted.peer.ip();
    if pool
        .as_ref()
        .is_some_and(|pool| crate::route::visitor::blocks_port(&node.config.load(), pool, ip))
    {
        node.refused(accepted.kind, ip, RefusalReason::IpRule);
        accept::reset(&accepted.io);
        return;
    }
    let worker = pool.and_then(|pool| match pool.choose(0) {
        Choice::Member(m) => m.worker(),
        Choice::Park | Choice::Offline => None,
    });
    let worker = worker.unwrap_or_else(|| node.workers.next());
    crate::sniff::hand_over(accepted, worker, node, move |a, n| serve(a, port, n));
}

/// Serves one connection to the port of an endpoint.
async fn serve(accepted: Accepted, port: u16, node: Arc<Node>) {
    let record = Connection::begin(&accepted, "", Relayed::Tcp);
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
        record.unknown(&node, "ERR_NGROK_3200");
        return;
    };
    let waiting = Waiting {
        io: &mut io,
        read,
        peer,
        local,
        passthrough_tls: false,
    };
    match waiting.carry(&node, &pool, record).await {
        Carried::Broken | Carried::Refused => accept::reset(&io),
        Carried::Complete | Carried::Left => {}
    }
    drop(permit);
}
