//! From what the operator set to what the edge reads.

use std::time::Duration;

use adit_snapshot::{EdgeConfig, PolicyTrace, PublicPorts, SealKey};

use crate::config::{Settings, Size, Time, Trace};

/// What the settings alone do not say.
#[derive(Clone, Debug)]
pub(crate) struct Listening {
    /// Base domain, canonical.
    pub(crate) base_domain: String,
    /// Port of the TLS listener.
    pub(crate) https_port: u16,
    /// Port of the plain listener.
    pub(crate) http_port: u16,
    /// Data workers.
    pub(crate) workers: usize,
}

/// The configuration of the edge without what organisations set, and without its seal key.
pub(crate) fn of(settings: &Settings, listening: &Listening) -> EdgeConfig {
    let mut config = EdgeConfig::new(&listening.base_domain, SealKey([0; 32]));
    config.public_ports = PublicPorts {
        https: settings.listen.public_https_port.unwrap_or(listening.https_port),
        http: settings.listen.public_http_port.unwrap_or(listening.http_port),
    };
    set(
        &mut config.tcp_public_host,
        settings.tcp.public_host.as_ref().map(|h| h.to_ascii_lowercase()),
    );
    config.tcp_ports = settings.tcp_ports.map(|p| (p.first, p.last));
    config.node = node_name(settings);
    set(&mut config.region, settings.node.region.clone());
    config.trusted_proxies = settings.trusted_proxies.iter().map(|n| n.0).collect();
    config.proxy_protocol_from = settings.proxy_protocol.from.iter().map(|n| n.0).collect();
    config.private_suffixes.clone_from(&settings.domains.private_suffixes);
    set(&mut config.stable_random, settings.endpoints.stable_random);
    set(
        &mut config.resume_window,
        settings.sessions.resume_window.map(Time::get),
    );
    set(&mut config.reclaim, settings.names.reclaim.map(Time::get));
    if let Some(max_wait) = settings.parking.max_wait.map(Time::get) {
        config.parking.max_wait = max_wait;
        config.parking.max_wait_tcp = max_wait / 2;
    }
    let agents = &settings.agents;
    let addresses = agents.connect_addresses.iter().map(|a| a.to_ascii_lowercase());
    config.connect_addresses = addresses.collect();
    set(&mut config.accept_without_sni, agents.accept_without_sni);
    set(&mut config.max_legs, agents.max_legs);
    set(&mut config.max_endpoints, agents.max_endpoints);
    set(&mut config.max_stream_window, bytes32(settings.mux.max_stream_window));
    set(&mut config.session_budget, bytes32(settings.mux.session_budget));
    let trace = settings.policy.trace.map(|trace| match trace {
        Trace::Denied => PolicyTrace::Denied,
        Trace::Sampled => PolicyTrace::Sampled,
        Trace::All => PolicyTrace::All,
    });
    set(&mut config.policy_trace, trace);
    set_limits(&mut config.limits, settings, listening);
    config
}

fn set_limits(limits: &mut adit_snapshot::Limits, settings: &Settings, listening: &Listening) {
    let given = &settings.limits;
    limits.connections = given.connections.unwrap_or_else(connections);
    limits.handshakes = given.handshakes.unwrap_or(listening.workers * 1_000);
    limits.buffers = given.buffers();
    set(&mut limits.connections_per_ip, given.connections_per_ip);
    set(&mut limits.accepts_per_ip, given.accepts_per_ip);
    set(&mut limits.handshakes_per_ip, given.handshakes_per_ip);
    set(&mut limits.first_byte, given.tls.first_byte.map(Time::get));
    set(&mut limits.handshake, given.tls.handshake.map(Time::get));
    let http = &given.http;
    set(&mut limits.uri_max, http.uri_max.map(Size::bytes));
    set(&mut limits.header_max, http.header_max.map(Size::bytes));
    set(&mut limits.header_count, http.header_count);
    set(&mut limits.header_time, http.header_time.map(Time::get));
    set(&mut limits.keep_alive, http.keep_alive.map(Time::get));
    set(&mut limits.body_min_rate, http.body_min_rate);
    set(&mut limits.requests_per_connection, http.requests_per_connection);
}

/// Name of this node.
pub fn node_name(settings: &Settings) -> String {
    let given = settings.cluster.node_name.clone();
    given.unwrap_or_else(|| "node-1".to_owned())
}

/// Origin of the dashboard, without a slash at the end.
#[must_use]
pub fn dashboard(settings: &Settings, base_domain: &str) -> String {
    let listen = &settings.listen;
    let port = listen
        .public_https_port
        .or_else(|| listen.https.map(|address| address.port()));
    let port = port.filter(|port| *port != 443).map(|port| format!(":{port}"));
    format!("https://dashboard.{base_domain}{}", port.unwrap_or_default())
}

/// Where the API is found.
pub(crate) fn api_url(config: &EdgeConfig) -> String {
    let port = match config.public_ports.https {
        443 => String::new(),
        port => format!(":{port}"),
    };
    format!("https://api.{}{port}", config.base_domain)
}

/// How long what runs gets when the server is stopped.
pub fn drain_grace(settings: &Settings) -> Duration {
    settings.drain.grace.map_or(Duration::from_secs(30), Time::get)
}

/// Puts a value in place of a default.
fn set<T>(to: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *to = given;
    }
}

fn bytes32(size: Option<Size>) -> Option<u32> {
    size.map(|s| u32::try_from(s.bytes()).unwrap_or(u32::MAX))
}

/// 80 % of the descriptors that this process may have.
fn connections() -> usize {
    let limit = std::fs::read_to_string("/proc/self/limits").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("Max open files"))?;
        line.split_whitespace().nth(3)?.parse::<usize>().ok()
    });
    limit.map_or(16_000, |n| n * 4 / 5)
}
