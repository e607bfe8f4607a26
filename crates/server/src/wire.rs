//! Puts a server together: state, authority, configuration, workers, edge, admin port.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adit_api::Api;
use adit_cluster::Commands;
use adit_edge::supervise::Workers;
use adit_edge::{ControlSink, Edge, StartError};
use adit_observe::{AccessLog, Observer};
use adit_snapshot::{ControlName, Credential, EdgeConfig, Organization, PublicPorts, SealKey};
use adit_tls::{ServerProfile, TicketKeys};
use arc_swap::ArcSwap;
use aws_lc_rs::digest;

use crate::admin_port::{self, AdminPort};
use crate::authority::{AuthorityError, LocalAuthority};
use crate::config::Settings;
use crate::control::{self, Control};
use crate::first_access;
use crate::state::State;

/// What a server is started with; sockets are bound already.
#[derive(Debug)]
pub struct Options {
    /// Keys, authority and first credentials.
    pub state: State,
    /// Base domain, canonical.
    pub base_domain: String,
    /// The TLS port.
    pub https: TcpListener,
    /// The plain port.
    pub http: Option<TcpListener>,
    /// The admin port.
    pub admin: TcpListener,
    /// Ports of `tcp://` endpoints: first and last.
    pub tcp_ports: Option<(u16, u16)>,
    /// Agents that name nothing (reached by address) are accepted.
    pub accept_without_sni: bool,
    /// Suffixes beside the Public Suffix List.
    pub private_suffixes: Vec<String>,
    /// Data workers; 0 = one per core.
    pub workers: usize,
    /// Access log.
    pub access_log: AccessLog,
    /// What the operator set.
    pub settings: Settings,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The authority of the data directory cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The edge cannot start.
    #[error(transparent)]
    Edge(#[from] StartError),
    /// TLS of the API.
    #[error("TLS of the API cannot be set up: {0}")]
    Tls(#[from] adit_tls::Error),
    /// Threads or sockets.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    edge: Edge,
    admin: AdminPort,
    control: Control,
    admin_address: SocketAddr,
    observer: Observer,
    stopping: Arc<AtomicBool>,
    state: State,
}

impl Server {
    /// Starts serving.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn start(options: Options) -> Result<Self, ServerError> {
        let https_address = options.https.local_addr()?;
        let http_port = match &options.http {
            Some(l) => l.local_addr()?.port(),
            None => 80,
        };
        let admin_address = options.admin.local_addr()?;
        let config = config(&options, https_address.port(), http_port);
        let addresses = vec![https_address.ip(), IpAddr::from([127, 0, 0, 1])];
        let authority = LocalAuthority::new(&options.state.authority, &options.base_domain, addresses)?;
        // The first handshake shall not wait for a key to be made.
        authority.leaf(None)?;
        for name in ["connect", "api"] {
            authority.leaf(Some(&format!("{name}.{}", options.base_domain)))?;
        }
        let authority = Arc::new(authority);
        let count = worker_count(&options);
        let observer = Observer::new(adit_observe::Options {
            access_log: options.access_log,
            node: config.node.clone(),
            workers: count,
            ..adit_observe::Options::default()
        })?;
        let (sink, connections) = ControlSink::new(&[ControlName::Api]);
        let (commands, command_queue) = Commands::new();
        let profile = ServerProfile::builder(authority.clone())
            .tickets(TicketKeys::new(options.state.key("tls tickets of the API")))
            .alpn(control::ALPN)
            .build()?;
        let config = Arc::new(ArcSwap::from_pointee(config));
        let edge = Edge::start(adit_edge::Options {
            config: config.clone(),
            https: options.https,
            http: options.http,
            tcp_address: https_address.ip(),
            resolver: authority,
            tickets: TicketKeys::new(options.state.key("tls tickets")),
            workers: Workers::start(count)?,
            observer: observer.clone(),
            control: Some(sink),
            commands: command_queue,
        })?;
        let api = api(&options.state, &config, &edge, commands);
        let control = control::start(connections, profile, Arc::new(api))?;
        let stopping = Arc::new(AtomicBool::new(false));
        let admin = admin_port::start(options.admin, observer.clone(), stopping.clone())?;
        Ok(Self {
            edge,
            admin,
            control,
            admin_address,
            observer,
            stopping,
            state: options.state,
        })
    }

    /// The edge.
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Keys, authority, credentials.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Address of the admin port.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Where outcomes go.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// Drains for at most `deadline`, then stops.
    pub async fn stop(self, deadline: Duration) {
        self.stopping.store(true, Ordering::Release);
        self.edge.drain(deadline).await;
        self.control.stop();
        self.admin.stop();
    }
}

fn config(options: &Options, https_port: u16, http_port: u16) -> EdgeConfig {
    let c = &options.state.credentials;
    let (first, second) = c.authtoken.split_once('_').unwrap_or_default();
    let mut config = EdgeConfig::new(&options.base_domain, SealKey(options.state.key("cookies")));
    config.public_ports = PublicPorts {
        https: https_port,
        http: http_port,
    };
    config.tcp_ports = options.tcp_ports;
    config.accept_without_sni = options.accept_without_sni;
    config.private_suffixes.clone_from(&options.private_suffixes);
    set_limits(&mut config.limits, options);
    config.connect_addresses = options
        .settings
        .agents
        .connect_addresses
        .iter()
        .map(|a| a.to_ascii_lowercase())
        .collect();
    let id = format!("{}_{first}", adit_names::id::Prefix::Credential.as_str());
    config.told.put_organization(Organization {
        id: c.organization_id.as_str().into(),
        name: "adit".into(),
        suspended: false,
    });
    config.with_credentials([Credential::new(&id, &c.organization_id, sha256(second))])
}

fn set_limits(limits: &mut adit_snapshot::Limits, options: &Options) {
    let set = &options.settings.limits;
    limits.connections = set.connections.unwrap_or_else(connections);
    limits.connections_per_ip = set.connections_per_ip.unwrap_or(limits.connections_per_ip);
    limits.accepts_per_ip = set.accepts_per_ip.unwrap_or(limits.accepts_per_ip);
    limits.handshakes_per_ip = set.handshakes_per_ip.unwrap_or(limits.handshakes_per_ip);
    limits.handshakes = set.handshakes.unwrap_or_else(|| worker_count(options) * 1_000);
    limits.buffers = set.buffers();
}

/// Data workers: as many as were asked for, else one a core.
fn worker_count(options: &Options) -> usize {
    match options.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    }
}

/// The API, for the key of the first start.
fn api(state: &State, config: &Arc<ArcSwap<EdgeConfig>>, edge: &Edge, commands: Commands) -> Api {
    let told = config.load();
    let port = match told.public_ports.https {
        443 => String::new(),
        port => format!(":{port}"),
    };
    Api::new(adit_api::Options {
        url: format!("https://api.{}{port}", told.base_domain),
        region: told.region.clone(),
        node: told.node.clone(),
        access: Arc::new(first_access::of(&state.credentials)),
        allow_cidrs: adit_names::CidrSet::default(),
        directory: edge.node().directory.clone(),
        commands,
        limits: adit_api::Limits::default(),
        cors_origins: vec!["*".to_owned()],
    })
}

fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

/// 80 % of the descriptors that this process may have.
fn connections() -> usize {
    let limit = std::fs::read_to_string("/proc/self/limits").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("Max open files"))?;
        line.split_whitespace().nth(3)?.parse::<usize>().ok()
    });
    limit.map_or(16_000, |n| n * 4 / 5)
}
