//! Starting the development server, in the order in which things can go wrong.

use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use adit_agent::{Ca, Forwarder, Session, Upstream};
use adit_server::config::Settings;
use adit_server::listen::{self, Bound, ListenError, Wish};
use adit_server::state::{Credentials, State, StateError};
use adit_server::{AccessLog, First, Options, Server};

use super::args::{AccessLogForm, StartArgs};
use super::banner::Banner;
use super::info::DevInfo;
use super::probe::{self, Found};
use super::{echo, places};
use crate::exit::{Exit, Failure};

const HTTPS: u16 = 8443;
const HTTP: u16 = 8080;
const ADMIN: u16 = 4041;
/// Longest time that open exchanges get when the server is stopped.
const DRAIN: Duration = Duration::from_secs(10);

/// Starts, serves, stops.
pub(super) fn run(args: StartArgs) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("no event loop: {e}")))?;
    runtime.block_on(serve(args))
}

async fn serve(args: StartArgs) -> Result<Exit, Failure> {
    let began = Instant::now();
    let upstream = args
        .upstream
        .as_deref()
        .map(Upstream::http)
        .transpose()
        .map_err(Failure::from)?;
    let mut settings = settings()?;
    // Every visitor of a development server has the address of this machine.
    settings.limits.accepts_per_ip.get_or_insert(0);
    settings.limits.handshakes_per_ip.get_or_insert(0);
    settings.agents.accept_without_sni.get_or_insert(true);
    settings.tcp_ports = Some(args.tcp_ports);
    if settings.domains.private_suffixes.is_empty() {
        settings.domains.private_suffixes = ["localhost", "test", "home.arpa", "lan"].map(str::to_owned).to_vec();
    }
    let dir = args.data_dir.clone().map_or_else(places::data_dir, Ok)?;
    // Printed paths are pasted elsewhere.
    let dir = std::path::absolute(&dir).map_err(|e| Failure::failed(format!("{}: {e}", dir.display())))?;
    let state = State::open(&dir).map_err(|e| state_failure(&e, &dir))?;
    let base_domain = base_domain_of(&args);
    let credentials = state.credentials().map_err(|e| state_failure(&e, &dir))?;
    let first = First::of(&credentials, &base_domain).map_err(|e| Failure::failed(e.to_string()))?;
    let address_of_upstream = upstream.as_ref().and_then(|u| dial_address(&u.to_string()));
    let port_of_upstream = address_of_upstream.as_deref().and_then(local_port);
    let listeners = Listeners::bind(&args, port_of_upstream)?;
    if let Some(port) = port_of_upstream
        && listeners.ports().contains(&port)
    {
        return Err(
            Failure::usage(format!("the upstream localhost:{port} is this server itself"))
                .fix("give the address of your service"),
        );
    }
    let (https, http, admin) = (listeners.https.address, listeners.http.address, listeners.admin.address);
    let server = Server::start(Options {
        state,
        base_domain: base_domain.clone(),
        https: listeners.https.socket,
        http: Some(listeners.http.socket),
        admin: listeners.admin.socket,
        workers: workers(),
        access_log: access_log(args.access_log),
        firewall: crate::firewall::of_server(&settings, |why| eprintln!("{why}")),
        settings,
        first: Some(first),
    })
    .map_err(|e| Failure::failed(e.to_string()))?;
    let connect_addr = format!("connect.{base_domain}:{}", https.port());
    let agent = if args.no_agent {
        None
    } else {
        Some(agent(&server, &credentials, &args, upstream.as_ref(), &connect_addr, https).await?)
    };
    let public_url = agent.as_ref().map(|a| a.forwarder.url());
    // Before anybody can know that we are here: who reads dev.json may stop us the next moment.
    let mut stop = StopSignal::install()?;
    let info = dev_info(
        &server,
        &credentials,
        &base_domain,
        [https, http, admin],
        &connect_addr,
        public_url.clone(),
    );
    info.write(&dir)?;
    let terminal = std::io::stdout().is_terminal();
    let banner = Banner {
        version: env!("CARGO_PKG_VERSION"),
        took: began.elapsed(),
        public_url: public_url.as_deref(),
        upstream: agent.as_ref().map_or("", |a| a.shown.as_str()),
        https,
        connect_addr: &connect_addr,
        authtoken: &info.authtoken,
        ca_file: &server.state().ca_file(),
        data_dir: &dir,
        terminal,
    };
    say(&banner.render());
    if let (Some(a), Some(url)) = (&agent, &public_url) {
        say(&format!(
            "started endpoint name={} url={url} upstream={}\n",
            a.forwarder.name(),
            a.shown
        ));
        if args.open {
            open_browser(url);
        }
    }
    let watching = watch(address_of_upstream);
    tokio::select! {
        () = stop.next() => {}
        () = watching => {}
    }
    DevInfo::remove(&dir);
    let leave = async {
        if let Some(a) = agent {
            a.forwarder.close().await;
            a.session.close().await;
        }
        server.stop(DRAIN).await;
    };
    tokio::select! {
        () = leave => {}
        () = stop.next() => {}
    }
    Ok(Exit::Done)
}

/// The base domain in its canonical form.
fn base_domain_of(args: &StartArgs) -> String {
    args.base_domain.trim_end_matches('.').to_ascii_lowercase()
}

/// `host:port` of an upstream's URL; `None` for a Unix socket.
fn dial_address(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let port = match scheme {
        "https" | "tls" => 443,
        _ => 80,
    };
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.ends_with(':') && port.bytes().all(|b| b.is_ascii_digit()));
    Some(if has_port {
        authority.to_owned()
    } else {
        format!("{authority}:{port}")
    })
}

/// The port, if the address is on this machine.
fn local_port(address: &str) -> Option<u16> {
    let (host, port) = address.rsplit_once(':')?;
    let local =
        matches!(host, "localhost" | "[::1]" | "0.0.0.0") || host.starts_with("127.") || host.ends_with(".localhost");
    local.then(|| port.parse().ok()).flatten()
}

/// The agent in this process.
struct Agent {
    session: Session,
    forwarder: Forwarder,
    shown: String,
}

async fn agent(
    server: &Server,
    credentials: &Credentials,
    args: &StartArgs,
    upstream: Option<&Upstream>,
    connect_addr: &str,
    https: SocketAddr,
) -> Result<Agent, Failure> {
    let ca = Ca::file(server.state().ca_file()).map_err(Failure::from)?;
    let reachable = match https.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), https.port()),
        _ => https,
    };
    let name = connect_addr.rsplit_once(':').map_or(connect_addr, |(n, _)| n);
    // Only what stands here counts: an environment meant for another server would mislead this agent.
    let session = Session::builder()
        .environment(|_| None)
        .connect_url(reachable.to_string())
        .connect_server_name(name)
        .authtoken(credentials.authtoken.clone())
        .ca(ca)
        .client_info("adit-dev", env!("CARGO_PKG_VERSION"), None)
        .connect()
        .await
        .map_err(Failure::from)?;
    let url = args
        .url
        .clone()
        .unwrap_or_else(|| format!("https://{}.{}", credentials.public_label, base_domain_of(args)));
    let (target, shown) = match upstream {
        Some(u) => (u.clone(), u.to_string()),
        None => {
            let at = echo::serve()
                .await
                .map_err(|e| Failure::failed(format!("the built-in page: {e}")))?;
            (
                Upstream::http(&at.to_string()).map_err(Failure::from)?,
                "built-in page".to_owned(),
            )
        }
    };
    let mut endpoint = session.http().url(url).name("dev");
    if let Some(file) = &args.traffic_policy_file {
        endpoint = endpoint.policy_file(file).map_err(Failure::from)?;
    }
    let forwarder = endpoint.forward(target).await.map_err(Failure::from)?;
    Ok(Agent {
        session,
        forwarder,
        shown,
    })
}

/// The three listeners, all bound before any accepts.
struct Listeners {
    https: Bound,
    http: Bound,
    admin: Bound,
}

impl Listeners {
    fn bind(args: &StartArgs, avoid: Option<u16>) -> Result<Self, Failure> {
        let wish = |asked: Option<SocketAddr>, port| {
            asked.map_or_else(
                || Wish::default_of(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
                Wish::asked,
            )
        };
        let one = |key: &'static str, asked, port, what: &str| {
            let bound = listen::bind(key, wish(asked, port), avoid).map_err(|e| listen_failure(&e))?;
            if bound.moved {
                eprintln!(
                    "note: 127.0.0.1:{port} is in use or is the service's; using {} for {what}",
                    bound.address.port()
                );
            }
            Ok::<_, Failure>(bound)
        };
        Ok(Self {
            https: one("--https", args.https, HTTPS, "HTTPS")?,
            http: one("--http", args.http, HTTP, "plain HTTP")?,
            admin: one("--admin", args.admin, ADMIN, "health and metrics")?,
        })
    }

    fn ports(&self) -> [u16; 3] {
        [
            self.https.address.port(),
            self.http.address.port(),
            self.admin.address.port(),
        ]
    }
}

fn listen_failure(e: &ListenError) -> Failure {
    Failure::failed(e.to_string()).fix(e.fix.clone())
}

fn state_failure(e: &StateError, dir: &Path) -> Failure {
    if let StateError::Locked(_) = e {
        let running = DevInfo::read(dir);
        let what = running.map_or_else(
            || format!("already running on {}", dir.display()),
            |i| {
                format!(
                    "already running (pid {}, since {}): {}",
                    i.pid,
                    i.started_at,
                    i.public_url.unwrap_or(i.https_addr)
                )
            },
        );
        return Failure::failed(what).fix("use it: adit http 3000 · or a second one: adit dev --data-dir DIR");
    }
    Failure::failed(e.to_string())
}

/// One worker a core, unless the runtime's own variable says otherwise.
fn workers() -> usize {
    std::env::var("TOKIO_WORKER_THREADS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

/// What the environment sets of the server's keys.
fn settings() -> Result<Settings, Failure> {
    // A name that is not UTF-8 is not one of ours; a value that is not is refused like any other wrong one.
    let variables: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .collect();
    Settings::from_environment(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .map_err(|e| Failure::usage(e.to_string()))
}

fn access_log(form: Option<AccessLogForm>) -> AccessLog {
    match form {
        Some(AccessLogForm::Off) => AccessLog::Off,
        Some(AccessLogForm::Pretty) => AccessLog::Pretty,
        Some(AccessLogForm::Json) => AccessLog::Json,
        None if std::io::stdout().is_terminal() => AccessLog::Pretty,
        None => AccessLog::Off,
    }
}

fn dev_info(
    server: &Server,
    c: &Credentials,
    base_domain: &str,
    [https, http, admin]: [SocketAddr; 3],
    connect_addr: &str,
    public_url: Option<String>,
) -> DevInfo {
    let port = https.port();
    let dashboard_url = format!("https://dashboard.{base_domain}:{port}");
    DevInfo {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        base_domain: base_domain.to_owned(),
        https_addr: https.to_string(),
        http_addr: http.to_string(),
        admin_addr: admin.to_string(),
        connect_addr: connect_addr.to_owned(),
        api_url: format!("https://api.{base_domain}:{port}"),
        signin_url: format!("{dashboard_url}/#setup={}", c.signin_token),
        dashboard_url,
        ca_file: server.state().ca_file().display().to_string(),
        authtoken: c.authtoken.clone(),
        api_key: c.api_key.clone(),
        admin_email: format!("admin@{base_domain}"),
        admin_password: c.admin_password.clone(),
        public_url,
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody listening on stdout is no reason to stop serving.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Looks at the service until it answers, and says so.
async fn watch(address: Option<String>) {
    if let Some(address) = address {
        let mut said = None;
        loop {
            let found = probe::look(&address).await;
            let down = matches!(found, Found::Refuses | Found::Silent);
            if said != Some(down) {
                said = Some(down);
                say(&format!("  {}\n", probe::sentence(&address, &found)));
            }
            if !down {
                break;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }
    std::future::pending().await
}

/// SIGINT and SIGTERM, from the moment it is made.
struct StopSignal {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl StopSignal {
    fn install() -> Result<Self, Failure> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let of = |kind| signal(kind).map_err(|e| Failure::failed(format!("signals: {e}")));
            Ok(Self {
                interrupt: of(SignalKind::interrupt())?,
                terminate: of(SignalKind::terminate())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// The next of them.
    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            // Without signals the program is ended from outside.
            std::future::pending::<()>().await;
        }
    }
}

fn open_browser(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    if std::process::Command::new(program).arg(url).spawn().is_err() {
        eprintln!("note: no browser could be opened; the address is {url}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_upstreams() {
        assert_eq!(dial_address("http://localhost:3000").as_deref(), Some("localhost:3000"));
        assert_eq!(dial_address("https://localhost").as_deref(), Some("localhost:443"));
        assert_eq!(dial_address("http://[::1]:80").as_deref(), Some("[::1]:80"));
        assert_eq!(dial_address("unix:/run/app.sock"), None);
        assert_eq!(local_port("localhost:3000"), Some(3000));
        assert_eq!(local_port("127.0.0.1:8080"), Some(8080));
        assert_eq!(local_port("10.0.0.5:80"), None);
    }
}
