//! `tcp://` endpoints: a port each, bytes both ways. The stream to the agent is opened at once, not at the
//! visitor's first byte, because many services speak first.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use adit_cluster::{Choice, Pool};
use adit_observe::{RefusalReason, Relayed};
use adit_snapshot::EdgeConfig;
use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::accept::{self, Accepted, Kind};
use crate::node::Node;
use crate::record_connection::Connection;
use crate::route::{self, Routed};
use crate::session::{PortError, TcpPorts};
use crate::tcp_open::{Carried, Waiting};

/// The listeners of this node's TCP endpoints.
#[derive(Debug)]
pub(crate) struct Ports {
    address: IpAddr,
    node: OnceLock<Weak<Node>>,
    open: Mutex<HashMap<u16, Open, foldhash::fast::RandomState>>,
}

/// A listener, and who needs it.
#[derive(Debug)]
struct Open {
    task: AbortHandle,
    by_agents: bool,
    by_cloud: bool,
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

impl Ports {
    fn lock(&self) -> MutexGuard<'_, HashMap<u16, Open, foldhash::fast::RandomState>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a listener unless it is there, and notes who needs it.
    fn listen(&self, port: u16, worker: Option<usize>, note: impl FnOnce(&mut Open)) -> Result<(), PortError> {
        let refused = |error| PortError::Refused { port, error };
        let Some(node) = self.node.get().and_then(Weak::upgrade) else {
            return Err(refused(std::io::ErrorKind::NotConnected.into()));
        };
        let mut open = self.lock();
        if let Some(open) = open.get_mut(&port) {
            note(open);
            return Ok(());
        }
        let socket = accept::bind(SocketAddr::new(self.address, port)).map_err(|e| match e.source.kind() {
            std::io::ErrorKind::AddrInUse => PortError::InUse(port),
            _ => refused(e.source),
        })?;
        let worker = worker.unwrap_or_else(|| node.workers.next());
        let serving = node.clone();
        let task = node.workers.spawn_on(worker, "tcp endpoint", async move {
            // The socket is registered with the worker that serves it.
            if let Ok(listener) = TcpListener::from_std(socket) {
                accept::run(listener, Kind::Tcp(port), serving).await;
            }
        });
        if let Some(task) = task {
            let mut entry = Open {
                task: task.abort_handle(),
                by_agents: false,
                by_cloud: false,
            };
            note(&mut entry);
            open.insert(port, entry);
        }
        Ok(())
    }

    /// Closes a listener that nobody needs any more.
    fn leave(&self, port: u16, note: impl FnOnce(&mut Open)) {
        let mut open = self.lock();
        if let Some(entry) = open.get_mut(&port) {
            note(entry);
            if !entry.by_agents && !entry.by_cloud {
                entry.task.abort();
                open.remove(&port);
            }
        }
    }

    /// Opens and closes what cloud endpoints need; `failed` are ports that could not be opened before.
    fn follow(&self, config: &EdgeConfig, failed: &mut BTreeSet<u16>) {
        let wanted: BTreeSet<u16> = config.told.cloud_ports().collect();
        let served: Vec<u16> = {
            let open = self.lock();
            open.iter().filter(|(_, o)| o.by_cloud).map(|(port, _)| *port).collect()
        };
        for port in served.iter().filter(|port| !wanted.contains(port)) {
            self.leave(*port, |open| open.by_cloud = false);
        }
        failed.retain(|port| wanted.contains(port));
        for port in wanted.iter().filter(|port| !served.contains(port)) {
            match self.listen(*port, None, |open| open.by_cloud = true) {
                Ok(()) => {
                    failed.remove(port);
                }
                Err(error) if failed.insert(*port) => {
                    tracing::warn!(port, %error, "a cloud endpoint cannot listen; it is tried again");
                }
                Err(_) => {}
            }
        }
    }
}

impl TcpPorts for Ports {
    fn open(&self, port: u16, pool: &Arc<Pool>) -> Result<(), PortError> {
        let worker = match pool.choose(0) {
            Choice::Member(m) => m.worker(),
            Choice::Park | Choice::Offline => None,
        };
        self.listen(port, worker, |open| open.by_agents = true)
    }

    fn close(&self, port: u16) {
        self.leave(port, |open| open.by_agents = false);
    }
}

/// How often it is looked whether cloud endpoints came or went.
const LOOK: Duration = Duration::from_millis(100);
/// Looks after which ports that could not be opened are tried again.
const TRY_AGAIN: u32 = 50;

/// Keeps the listeners of cloud endpoints. To be spawned once.
pub(crate) async fn run_cloud_ports(ports: Arc<Ports>, config: Arc<ArcSwap<EdgeConfig>>) {
    let mut every = tokio::time::interval(LOOK);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seen: Option<Arc<EdgeConfig>> = None;
    let (mut failed, mut looks) = (BTreeSet::new(), 0_u32);
    loop {
        every.tick().await;
        looks = looks.wrapping_add(1);
        let config = config.load_full();
        let is_new = seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &config));
        if is_new || (!failed.is_empty() && looks % TRY_AGAIN == 0) {
            ports.follow(&config, &mut failed);
            seen = Some(config);
        }
    }
}

/// The endpoints of a port.
fn endpoints(node: &Node, port: u16) -> Option<Routed> {
    let pool = node.directory.find_port(port);
    Routed::beside(pool, node.config.load().told.cloud_of_port(port).cloned())
}

/// A connection to the port of an endpoint: served on the worker of the agent's session, where the listener need
/// not be (the agent may have come back elsewhere).
pub(crate) fn accepted(accepted: Accepted, port: u16, node: Arc<Node>) {
    let routed = endpoints(&node, port);
    let ip = accepted.peer.ip();
    if routed
        .as_ref()
        .is_some_and(|routed| route::visitor::blocks_port(&node.config.load(), routed, ip))
    {
        node.refused(accepted.kind, ip, RefusalReason::IpRule);
        accept::reset(&accepted.io);
        return;
    }
    let worker = routed
        .and_then(|routed| routed.pool)
        .and_then(|pool| match pool.choose(0) {
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
    let Some(routed) = endpoints(&node, port) else {
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
    match waiting.carry(&node, &routed, record).await {
        Carried::Broken | Carried::Refused | Carried::Closed => accept::reset(&io),
        Carried::Complete | Carried::Left => {}
    }
    drop(permit);
}
