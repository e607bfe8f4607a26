//! Running the server: sockets, signals, reload, drain.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;

use adit_server::config::{AccessLogForm, Settings};
use adit_server::listen::{self, Bound, Wish};
use adit_server::state::State;
use adit_server::{AccessLog, Options, Server, drain_grace};

use super::Config;
use crate::exit::{Exit, Failure};
use crate::firewall;

const HTTPS: &str = "[::]:443";
const HTTP: &str = "[::]:80";
const ADMIN: &str = "127.0.0.1:4041";

pub(super) fn run(path: &Path) -> Result<Exit, Failure> {
    log_to_stderr();
    let config = Config::read(path)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("no event loop: {e}")))?;
    runtime.block_on(serve(path, config))
}

async fn serve(path: &Path, config: Config) -> Result<Exit, Failure> {
    let Config {
        settings,
        base_domain,
        data_dir,
    } = config;
    let state = State::open(&data_dir).map_err(|e| Failure::failed(e.to_string()))?;
    let listen = &settings.listen;
    let https = bind("listen.https", listen.https, HTTPS)?;
    let http = bind("listen.http", listen.http, HTTP)?;
    let admin = bind("listen.admin", listen.admin, ADMIN)?;
    let addresses = [https.address, http.address, admin.address];
    let access_log = match settings.log.access {
        AccessLogForm::Off => AccessLog::Off,
        AccessLogForm::Pretty => AccessLog::Pretty,
        AccessLogForm::Json => AccessLog::Json,
    };
    let mut grace = drain_grace(&settings);
    let mut server = Server::start(Options {
        state,
        base_domain: base_domain.clone(),
        https: https.socket,
        http: Some(http.socket),
        admin: admin.socket,
        workers: 0,
        access_log,
        firewall: firewall::of_server(&settings, |why| tracing::error!("{why}")),
        settings,
        first: None,
    })
    .map_err(|e| Failure::failed(e.to_string()))?;
    // Before anybody can know that we are here: who reads "ready" may stop us the next moment.
    let mut signals = Signals::install()?;
    announce(&server, &base_domain, addresses, path).await;
    while signals.next().await == Asked::Reload {
        if let Some(settings) = reload(&mut server, path) {
            grace = drain_grace(&settings);
        }
    }
    tracing::info!("stopping: what runs is finished within {grace:?}");
    tokio::select! {
        () = server.stop(grace) => {}
        () = async { while signals.next().await == Asked::Reload {} } => {}
    }
    Ok(Exit::Done)
}

fn bind(key: &'static str, asked: Option<SocketAddr>, default: &str) -> Result<Bound, Failure> {
    let address = match asked {
        Some(address) => address,
        None => default
            .parse()
            .map_err(|_| Failure::failed(format!("{key}: {default} is no address")))?,
    };
    listen::bind(key, Wish::asked(address), None).map_err(|e| Failure::failed(e.to_string()).fix(e.fix))
}

async fn announce(server: &Server, base_domain: &str, [https, http, admin]: [SocketAddr; 3], path: &Path) {
    println!("adit server {}", env!("CARGO_PKG_VERSION"));
    println!("  base domain  {base_domain}");
    println!("  https        {https}");
    println!("  http         {http}");
    println!("  admin        {admin}");
    let organizations = server.store().count("organization", None).await;
    if organizations.is_ok_and(|n| n == 0) {
        let path = path.display();
        println!("  nobody can use it yet: adit server init --config {path} --email ADDRESS (while it is stopped)");
    }
    println!("ready");
}

/// Reads file and environment anew.
fn reload(server: &mut Server, path: &Path) -> Option<Settings> {
    let config = match Config::read(path) {
        Ok(config) => config,
        Err(failure) => {
            tracing::error!("nothing is changed: {}", failure.what);
            return None;
        }
    };
    match server.reload(config.settings.clone()) {
        Ok(later) => {
            for key in later {
                tracing::warn!("{key} was changed: the server has to be started again for that");
            }
            tracing::info!("the configuration was read anew");
            Some(config.settings)
        }
        Err(error) => {
            tracing::error!("nothing is changed: {error}");
            None
        }
    }
}

/// What the operator reads; requests go to standard output by `log.access`.
fn log_to_stderr() {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::INFO)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .finish();
    // Somebody else has set one: then that is where it goes.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Reload,
    Stop,
}

/// SIGHUP, SIGINT and SIGTERM, from the moment it is made.
struct Signals {
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn install() -> Result<Self, Failure> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let of = |kind| signal(kind).map_err(|e| Failure::failed(format!("signals: {e}")));
            Ok(Self {
                hangup: of(SignalKind::hangup())?,
                interrupt: of(SignalKind::interrupt())?,
                terminate: of(SignalKind::terminate())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    async fn next(&mut self) -> Asked {
        #[cfg(unix)]
        return tokio::select! {
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.terminate.recv() => Asked::Stop,
        };
        #[cfg(not(unix))]
        {
            if tokio::signal::ctrl_c().await.is_err() {
                // Without signals the program is ended from outside.
                std::future::pending::<()>().await;
            }
            Asked::Stop
        }
    }
}
