//! Starting and draining the data plane of one node.

use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_cluster::{CommandQueue, Directory};
use adit_observe::Observer;
use adit_snapshot::EdgeConfig;
use adit_tls::{Resolver, TicketKeys};
use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::accept::{self, Kind};
use crate::control_sink::ControlSink;
use crate::node::Node;
use crate::secure::Profiles;
use crate::session::{self, Agents, Recorder};
use crate::supervise::Workers;
use crate::tcp::Ports;

/// What a node is started with. Sockets are bound by the caller, so that every one that cannot be bound is
/// known before any of them accepts.
#[derive(Debug)]
pub struct Options {
    /// The configuration; swapped when it changes.
    pub config: Arc<ArcSwap<EdgeConfig>>,
    /// The TLS port.
    pub https: StdListener,
    /// The plain port.
    pub http: Option<StdListener>,
    /// Address on which `tcp://` endpoints listen.
    pub tcp_address: IpAddr,
    /// Certificates by name.
    pub resolver: Arc<dyn Resolver>,
    /// Keys of session tickets.
    pub tickets: TicketKeys,
    /// Data workers, started.
    pub workers: Workers,
    /// Where outcomes go.
    pub observer: Observer,
    /// Where connections to control names go; none: they are served as names that are off line.
    pub control: Option<ControlSink>,
    /// Commands to agents.
    pub commands: CommandQueue,
    /// Knows when what was told to the observer is kept: logins and binds are answered then.
    pub recorder: Option<Arc<dyn Recorder>>,
    /// The client for what policies ask outside.
    pub outbound: adit_outbound::Client,
}

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A TLS profile was refused.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] adit_tls::Error),
    /// A socket cannot be used.
    #[error("a listening socket cannot be used: {0}")]
    Socket(#[from] std::io::Error),
    /// The sealing key cannot be used.
    #[error("the key that seals cookies cannot be used: {0}")]
    Key(#[from] session::BadKey),
}

/// A running node.
#[derive(Debug)]
pub struct Edge {
    node: Arc<Node>,
    accepting: Vec<AbortHandle>,
    https: SocketAddr,
    http: Option<SocketAddr>,
}

impl Edge {
    /// Starts serving.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(options: Options) -> Result<Self, StartError> {
        let directory = Arc::new(Directory::default());
        let ports = Ports::new(options.tcp_address);
        let agents = Agents::new(
            options.config.clone(),
            directory.clone(),
            ports.clone(),
            Some(options.observer.clone()),
            options.recorder,
        )?;
        let profiles = Profiles::new(options.resolver, options.tickets)?;
        let node = Node::new(
            options.config,
            directory,
            agents,
            options.workers,
            options.observer,
            profiles,
            options.control,
            options.outbound,
        );
        ports.attach(&node);
        let https = options.https.local_addr()?;
        let http = options.http.as_ref().map(StdListener::local_addr).transpose()?;
        let mut accepting = Vec::new();
        let listeners = [(Some(options.https), Kind::Https), (options.http, Kind::Http)];
        for (index, (socket, kind)) in listeners.into_iter().enumerate() {
            let Some(socket) = socket else { continue };
            let serving = node.clone();
            let task = node.workers.spawn_on(index % node.workers.len(), "accept", async move {
                match TcpListener::from_std(socket) {
                    Ok(l) => accept::run(l, kind, serving).await,
                    Err(e) => tracing::error!(error = %e, listener = kind.label(), "cannot accept"),
                }
            });
            accepting.extend(task.map(|t| t.abort_handle()));
        }
        let clock = session::run_clock(node.agents.clone());
        let task = node.workers.spawn_on(0, "session clock", clock);
        accepting.extend(task.map(|t| t.abort_handle()));
        let cloud = crate::tcp::run_cloud_ports(ports, node.config.clone());
        let task = node.workers.spawn_on(0, "cloud ports", cloud);
        accepting.extend(task.map(|t| t.abort_handle()));
        let flows = crate::flows::run(node.clone());
        let task = node.workers.spawn_on(0, "flows", flows);
        accepting.extend(task.map(|t| t.abort_handle()));
        let checks = crate::health_check::run(node.clone());
        let task = node.workers.spawn_on(0, "health checks", checks);
        accepting.extend(task.map(|t| t.abort_handle()));
        let commands = session::commands::run(node.agents.clone(), node.workers.clone(), options.commands);
        let task = node.workers.spawn_on(0, "commands", commands);
        accepting.extend(task.map(|t| t.abort_handle()));
        Ok(Self {
            node,
            accepting,
            https,
            http,
        })
    }

    /// The node, for whoever reads what is live.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Address of the TLS port.
    pub fn https_address(&self) -> SocketAddr {
        self.https
    }

    /// Address of the plain port.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Leaves: nobody new is let in, visitors that are connected are served to the end, then agents are let go; at
    /// the latest after `deadline` everything ends.
    pub async fn drain(self, deadline: Duration) {
        self.node.set_draining();
        let began = tokio::time::Instant::now();
        let mut visitors = Visitors::new(self.node.clone());
        session::drain(self.node.agents.clone(), deadline, || visitors.served()).await;
        // The agent's part may be over while a slow visitor still reads what it sent.
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while !visitors.served() && began.elapsed() < deadline {
            look.tick().await;
        }
        for task in &self.accepting {
            task.abort();
        }
        self.node.workers.stop();
    }
}

/// How long nothing may be asked before visitors that keep a connection open without a request are left: each that
/// asks within this time is told by its response that it was the last one.
const SILENCE: Duration = Duration::from_millis(500);

/// The visitors of a node that leaves.
struct Visitors {
    node: Arc<Node>,
    silent_since: Option<Instant>,
}

impl Visitors {
    fn new(node: Arc<Node>) -> Self {
        Self {
            node,
            silent_since: None,
        }
    }

    /// Whether nothing runs, and either nobody is connected or nobody has asked for anything for a while.
    fn served(&mut self) -> bool {
        if self.node.in_flight() > 0 {
            self.silent_since = None;
            return false;
        }
        if self.node.addresses.open() <= self.node.agents.connections() {
            return true;
        }
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        since.elapsed() >= SILENCE
    }
}
