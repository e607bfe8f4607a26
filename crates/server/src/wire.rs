//! Puts a server together: state, store, authority, configuration, workers, edge, API, admin port.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adit_api::Api;
use adit_cluster::Commands;
use adit_edge::supervise::Workers;
use adit_edge::{ControlSink, Edge, StartError};
use adit_observe::{AccessLog, NodeValue, Observer};
use adit_policy::{Inspector, NoFirewall};
use adit_snapshot::ControlName;
use adit_store::log::AuditKey;
use adit_store::{Engine, KeyPlaces, MasterKey, Store};
use adit_tls::{Resolver, ServerProfile, TicketKeys};
use tokio::sync::watch;

use crate::activity::Spool;
use crate::address_files::{AddressFileError, AddressFiles};
use crate::admin_port::{self, AdminPort};
use crate::audit::Shown;
use crate::authority::{AuthorityError, LocalAuthority};
use crate::certificates::{CertificateError, CertificateFiles};
use crate::config::Settings;
use crate::control::{self, Begin, Control, Ready, Serve};
use crate::edge_config::{self, Listening};
use crate::explain::OfNode;
use crate::first::{First, FirstError};
use crate::health::Health;
use crate::outbound;
use crate::state::State;

/// How long what happened last may take to be told when the server stops.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// What a server is started with; sockets are bound already.
#[derive(Debug)]
pub struct Options {
    /// The authority and the data directory.
    pub state: State,
    /// Base domain, canonical.
    pub base_domain: String,
    /// The TLS port.
    pub https: TcpListener,
    /// The plain port.
    pub http: Option<TcpListener>,
    /// The admin port.
    pub admin: TcpListener,
    /// Data workers; 0 = one per core.
    pub workers: usize,
    /// Access log.
    pub access_log: AccessLog,
    /// What the operator set.
    pub settings: Settings,
    /// Objects that have to be in the store.
    pub first: Option<First>,
    /// The web application firewall of policies, or why there is none.
    pub firewall: Result<Arc<dyn Inspector>, NoFirewall>,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The authority of the data directory cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The certificate of the configuration cannot be used.
    #[error("tls.cert_file, tls.key_file: {0}")]
    Certificate(#[from] CertificateError),
    /// A database of addresses cannot be used.
    #[error(transparent)]
    Addresses(#[from] AddressFileError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] adit_store::OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] adit_store::StoreError),
    /// The first objects cannot be made.
    #[error(transparent)]
    First(#[from] FirstError),
    /// The edge cannot start.
    #[error(transparent)]
    Edge(#[from] StartError),
    /// TLS of the API, or of the client for what goes out.
    #[error("TLS cannot be set up: {0}")]
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
    health: Arc<Health>,
    state: State,
    listening: Listening,
    settings: Settings,
    certificates: Option<Arc<CertificateFiles>>,
    address_files: Arc<AddressFiles>,
    firewall: Result<Arc<dyn Inspector>, NoFirewall>,
    store: Store,
    applied: watch::Receiver<u64>,
    spool: Arc<Spool>,
    /// Where it listens.
    own: Vec<SocketAddr>,
}

impl Server {
    /// Starts serving.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn start(options: Options) -> Result<Self, ServerError> {
        let https_address = options.https.local_addr()?;
        let admin_address = options.admin.local_addr()?;
        let listening = Listening {
            base_domain: options.base_domain,
            https_port: https_address.port(),
            http_port: match &options.http {
                Some(l) => l.local_addr()?.port(),
                None => 80,
            },
            workers: worker_count(options.workers),
        };
        let mut own = vec![https_address, admin_address];
        if let Some(http) = &options.http {
            own.push(http.local_addr()?);
        }
        let (resolver, certificates) = certificates(&options.settings, &options.state, &listening, https_address.ip())?;
        let address_files = Arc::new(AddressFiles::read(&options.settings.policy)?);
        let mut settings = edge_config::of(&options.settings, &listening);
        settings.address_facts = Some(address_files.clone());
        settings.firewall = options.firewall.clone();
        let (spool, reader) = Spool::open(&options.state.dir().join("activity"))?;
        let audit_key = Arc::new(AuditKey::find(options.state.dir())?);
        let (shown, health) = (Shown::default(), Arc::new(Health::default()));
        let (mut control, ready) = control::start(Begin {
            engine: engine(&options.settings, options.state.dir()),
            key: key_places(&options.settings, options.state.dir()),
            node: edge_config::node_name(&options.settings),
            first: options.first,
            settings,
            spool: reader,
            audit_key: audit_key.clone(),
            operator: options.settings.clone(),
            shown: shown.clone(),
            health: health.clone(),
            address_files: address_files.clone(),
        })?;
        let Ready {
            store,
            key,
            config,
            access,
            applied,
        } = ready;
        let observer = Observer::new(adit_observe::Options {
            access_log: options.access_log,
            node: config.load().node.clone(),
            workers: listening.workers,
            actions: adit_policy::action_names().collect(),
            activity_tap: Some(spool.clone()),
            ..adit_observe::Options::default()
        })?;
        for (value, kept) in [
            (NodeValue::AuditIntact, shown.intact),
            (NodeValue::SpoolBytes, spool.size()),
            (NodeValue::SpoolDropped, spool.lost()),
            (NodeValue::StoreAway, health.away_value()),
            (NodeValue::StoreLogBytes, shown.store_log),
        ] {
            observer.watch(value, kept);
        }
        let (sink, connections) = ControlSink::new(&[ControlName::Api, ControlName::Dashboard]);
        let (commands, command_queue) = Commands::new();
        let profile = ServerProfile::builder(resolver.clone())
            .tickets(tickets(&key, "tls tickets of the API"))
            .alpn(control::ALPN)
            .build()?;
        let edge = Edge::start(adit_edge::Options {
            config: config.clone(),
            https: options.https,
            http: options.http,
            tcp_address: https_address.ip(),
            resolver,
            tickets: tickets(&key, "tls tickets"),
            workers: Workers::start(listening.workers)?,
            observer: observer.clone(),
            control: Some(sink),
            commands: command_queue,
            recorder: Some(spool.clone()),
            outbound: outbound::client(&options.settings, &own)?,
        })?;
        let told = config.load_full();
        let api = Api::new(adit_api::Options {
            url: edge_config::api_url(&told),
            region: told.region.clone(),
            node: told.node.clone(),
            access,
            allow_cidrs: options
                .settings
                .control
                .allow_cidrs
                .iter()
                .map(|n| n.0.into())
                .collect(),
            directory: edge.node().directory.clone(),
            commands,
            limits: adit_api::Limits::default(),
            cors_origins: vec!["*".to_owned()],
            installation: adit_api::Installation {
                base_domain: told.base_domain.to_string(),
                private_suffixes: told.private_suffixes.clone(),
                https_port: told.public_ports.https,
                http_port: told.public_ports.http,
                tcp_ports: told.tcp_ports,
                acme: false,
                actions: told.actions(),
            },
            stored: Some(adit_api::Stored {
                store: store.clone(),
                applied: Arc::new(adit_api::OneNode {
                    name: told.node.clone(),
                    applied: applied.clone(),
                }),
            }),
        });
        control.serve(Serve {
            connections,
            profile,
            node: edge.node().clone(),
            data: options.state.dir().to_owned(),
            api: Arc::new(
                api.signing_with(audit_key)
                    .hashing_at(options.settings.auth.argon2.cost())
                    .inspecting_with(options.firewall.as_ref().ok().cloned())
                    .explaining_with(Arc::new(OfNode {
                        node: edge.node().clone(),
                        firewall: options.firewall.as_ref().ok().cloned(),
                    })),
            ),
        });
        let admin = admin_port::start(options.admin, observer.clone(), health.clone())?;
        Ok(Self {
            edge,
            admin,
            control,
            admin_address,
            observer,
            health,
            state: options.state,
            listening,
            settings: options.settings,
            certificates,
            address_files,
            firewall: options.firewall,
            store,
            applied,
            spool,
            own,
        })
    }

    /// The edge.
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Data directory and authority.
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

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The position up to which this node has applied the log.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.applied.clone()
    }

    /// Puts other settings in force, without what needs a new process; says which keys do.
    ///
    /// # Errors
    /// The certificate or a database of addresses cannot be read: then the settings stay as they were.
    pub fn reload(&mut self, settings: Settings) -> Result<Vec<&'static str>, ServerError> {
        if let Some(certificates) = &self.certificates {
            certificates.reload()?;
        }
        let outbound = (settings.outbound != self.settings.outbound)
            .then(|| outbound::client(&settings, &self.own))
            .transpose()?;
        let later = self.settings.needs_restart(&settings);
        let settings = settings.with_fixed(&self.settings);
        self.address_files.reload(&settings.policy)?;
        let mut config = edge_config::of(&settings, &self.listening);
        config.address_facts = Some(self.address_files.clone());
        config.firewall = self.firewall.clone();
        config.seal_key = self.edge.node().config.load().seal_key.clone();
        if !self.control.renew(config) {
            return Err(std::io::Error::from(std::io::ErrorKind::WouldBlock).into());
        }
        if let Some(client) = outbound {
            self.edge.node().set_outbound(client);
        }
        self.settings = settings;
        Ok(later)
    }

    /// Drains for at most `deadline`, then stops.
    pub async fn stop(self, deadline: Duration) {
        self.health.drain();
        self.edge.drain(deadline).await;
        // What is held back until endpoints are quiet: they are now.
        if !self.observer.flush(LAST_EVENTS) {
            tracing::warn!("what happened last is perhaps not recorded");
        }
        self.spool.close();
        self.control.stop();
        self.admin.stop();
    }
}

/// Certificates: of the files that the operator named, or by the local authority.
#[allow(clippy::type_complexity, reason = "one caller")]
fn certificates(
    settings: &Settings,
    state: &State,
    listening: &Listening,
    address: IpAddr,
) -> Result<(Arc<dyn Resolver>, Option<Arc<CertificateFiles>>), ServerError> {
    let base_domain = &listening.base_domain;
    if let (Some(certificate), Some(key)) = (&settings.tls.cert_file, &settings.tls.key_file) {
        let files = Arc::new(CertificateFiles::read(certificate, key, base_domain)?);
        return Ok((files.clone(), Some(files)));
    }
    let addresses = vec![address, IpAddr::from([127, 0, 0, 1])];
    let authority = LocalAuthority::new(&state.authority, base_domain, addresses)?;
    // The first handshake shall not wait for a key to be made.
    authority.leaf(None)?;
    for name in ["connect", "api"] {
        authority.leaf(Some(&format!("{name}.{base_domain}")))?;
    }
    Ok((Arc::new(authority), None))
}

fn tickets(key: &MasterKey, purpose: &str) -> TicketKeys {
    TicketKeys::new(*key.derive(purpose))
}

/// Which database the settings mean.
#[must_use]
pub fn engine(settings: &Settings, data_dir: &Path) -> Engine {
    match settings.store.as_ref().map(|s| s.reveal()) {
        Some(url) if url != "sqlite" => Engine::Postgres(url.to_owned()),
        _ => Engine::Sqlite(data_dir.join("adit.db")),
    }
}

/// Where the master key is.
#[must_use]
pub fn key_places(settings: &Settings, data_dir: &Path) -> KeyPlaces {
    KeyPlaces {
        given: settings.master_key.as_ref().map(|k| k.reveal().to_owned().into()),
        file: settings.master_key_file.clone(),
        data_dir: data_dir.to_owned(),
    }
}

/// Data workers: as many as were asked for, else one a core.
fn worker_count(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    }
}
