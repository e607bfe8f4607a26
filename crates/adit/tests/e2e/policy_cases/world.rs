//! The server of the cases: its clock stands where the case wants it, its visitors come from where they say, and each
//! case has an endpoint of its own, offered by agents in this process.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use adit_agent::{Ca, Forwarder, Session};
use adit_tls::{ClientProfile, Roots, Version};
use serde_json::{Value, json};

use super::case::{Case, micros};
use super::clock::Clock;
use super::played::Played;
use crate::harness::{Directory, Message, Server, Visitor, mmdb};

const BASE: &str = "example.com";
/// Where visitors come from on the wire; what they say of themselves stands before their handshake.
const VISITORS: &str = "127.0.0.2";

/// The server with everything that cases need.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) clock: Mutex<Clock>,
    session: Session,
    roots: Vec<u8>,
    /// The endpoint of cases whose host is that of others.
    shared: Mutex<Option<Place>>,
    runtime: tokio::runtime::Runtime,
}

/// A case's endpoint.
pub(super) struct Place {
    pub(super) upstream: Played,
    /// By their hosts.
    pub(super) inside: HashMap<String, Played>,
    pub(super) endpoint: Option<Forwarder>,
    /// Their ids, the outermost first.
    pub(super) guardrails: Vec<String>,
    /// Dropped with it.
    _inside: Vec<Forwarder>,
}

/// A certificate for all names of the base domain, whatever the time is.
fn certificate() -> (String, String) {
    let names = [BASE.to_owned(), format!("*.{BASE}")];
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2100, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// What is known of addresses: the places that cases give to their visitors.
fn city_file(cases: &[Case]) -> Vec<u8> {
    let mut networks: Vec<(String, Value)> = Vec::new();
    for turn in cases.iter().flat_map(|case| &case.turns) {
        let (Some(geo), Some(ip)) = (turn.conn.get("geo"), turn.conn["client_ip"].as_str()) else {
            continue;
        };
        let network = format!("{ip}/32");
        if networks.iter().any(|(known, _)| *known == network) {
            continue;
        }
        let mut record = json!({});
        let text = |name: &str| geo.get(name).and_then(Value::as_str);
        if let Some(code) = text("country_code") {
            record["country"]["iso_code"] = code.into();
        }
        if let Some(name) = text("country") {
            record["country"]["names"]["en"] = name.into();
        }
        if let Some(name) = text("city") {
            record["city"]["names"]["en"] = name.into();
        }
        networks.push((network, record));
    }
    let networks: Vec<_> = networks.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
    mmdb::write("GeoLite2-City", &networks)
}

/// Whose networks addresses of visitors are in.
fn asn_file(cases: &[Case]) -> Vec<u8> {
    let mut networks: Vec<(String, Value)> = Vec::new();
    for turn in cases.iter().flat_map(|case| &case.turns) {
        if let (Some(system), Some(ip)) = (turn.conn.get("as"), turn.conn["client_ip"].as_str()) {
            let record = json!({
                "autonomous_system_number": system["number"],
                "autonomous_system_organization": system["organization"],
            });
            let network = format!("{ip}/32");
            if !networks.iter().any(|(known, _)| *known == network) {
                networks.push((network, record));
            }
        }
    }
    let networks: Vec<_> = networks.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
    mmdb::write("GeoLite2-ASN", &networks)
}

/// Addresses of each category.
fn categories(cases: &[Case]) -> BTreeMap<String, BTreeSet<String>> {
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for turn in cases.iter().flat_map(|case| &case.turns) {
        for category in turn.conn["categories"].as_array().into_iter().flatten() {
            let addresses = out.entry(category.as_str().unwrap().to_owned()).or_default();
            addresses.insert(turn.conn["client_ip"].as_str().unwrap().to_owned());
        }
    }
    out
}

impl World {
    pub(super) fn start(cases: &[Case]) -> Self {
        let directory = Directory::new();
        let file = |name: &str, bytes: &[u8]| {
            let path = directory.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let (chain, key) = certificate();
        let clock = Clock::at(directory.path(), micros("2020-06-01T00:00:00Z"));
        let categories: Vec<Value> = categories(cases)
            .into_iter()
            .map(|(name, addresses)| {
                let text: Vec<_> = addresses.into_iter().collect();
                json!({"name": name, "file": file(&name, text.join("\n").as_bytes())})
            })
            .collect();
        let mut command = directory.dev_on_free_ports();
        command
            .args(["--base-domain", BASE, "--access-log", "json"])
            .env("ADIT_SERVER__TLS__CERT_FILE", file("chain.pem", chain.as_bytes()))
            .env("ADIT_SERVER__TLS__KEY_FILE", file("key.pem", key.as_bytes()))
            .env("ADIT_SERVER__POLICY__CITY_FILE", file("city.mmdb", &city_file(cases)))
            .env("ADIT_SERVER__POLICY__ASN_FILE", file("asn.mmdb", &asn_file(cases)))
            .env(
                "ADIT_SERVER__POLICY__IP_CATEGORIES",
                Value::from(categories).to_string(),
            )
            .env("ADIT_SERVER__PROXY_PROTOCOL__FROM", format!("[\"{VISITORS}\"]"))
            .env("ADIT_SERVER__LISTEN__PUBLIC_HTTPS_PORT", "443")
            .env("ADIT_SERVER__LISTEN__PUBLIC_HTTP_PORT", "80")
            .env("ADIT_SERVER__LIMITS__ACCEPTS_PER_IP", "0")
            .env("ADIT_SERVER__LIMITS__HANDSHAKES_PER_IP", "0")
            .env("ADIT_SERVER__AGENTS__MAX_ENDPOINTS", "2000");
        clock.on(&mut command);
        let server = Server::started(directory, &mut command);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let session = runtime.block_on(async {
            Session::builder()
                .environment(|_| None)
                .connect_url(server.info.https.to_string())
                .connect_server_name(format!("connect.{BASE}"))
                .authtoken(server.info.text("authtoken"))
                .ca(Ca::pem(chain.as_bytes()))
                .connect()
                .await
                .unwrap()
        });
        Self {
            server,
            clock: Mutex::new(clock),
            session,
            roots: chain.into_bytes(),
            shared: Mutex::new(None),
            runtime,
        }
    }

    /// The services and endpoints of a case.
    pub(super) fn place(&self, case: &Case) -> Result<Place, String> {
        let upstream = Played::start(&case.turns[0].upstream);
        let (mut inside, mut forwarders) = (HashMap::new(), Vec::new());
        for (url, answer) in case.whole["internal"].as_object().into_iter().flatten() {
            // One without an agent is one that is not there.
            if answer.as_str() != Some("offline") {
                self.offer_inside(url, answer, &mut inside, &mut forwarders)?;
            }
        }
        for answer in case.whole["outbound"].as_array().into_iter().flatten() {
            let url = answer["url"].as_str().unwrap();
            if url.contains(".internal") {
                self.offer_inside(url, answer, &mut inside, &mut forwarders)?;
            }
        }
        let refused = upstream_is_refused(case);
        let address = if refused { closed() } else { upstream.address };
        let url = match case.scheme() {
            "tcp" => "tcp://".to_owned(),
            scheme => format!("{scheme}://{}", case.host),
        };
        let endpoint = self.offer(&url, Some(case.policy()), address)?;
        Ok(Place {
            guardrails: self.guardrails(case)?,
            upstream,
            inside,
            endpoint: Some(endpoint),
            _inside: forwarders,
        })
    }

    /// Makes the guardrails of a case: around its endpoint and no other's.
    fn guardrails(&self, case: &Case) -> Result<Vec<String>, String> {
        let mut visitor = None;
        let make = |(at, policy): (usize, &str)| {
            let body = json!({
                "name": format!("{} {at}", case.id.replace('/', " ")),
                "scope": {"domains": [case.host]},
                "policy": policy,
                "mode": "enforce",
                "priority": at,
            });
            match self.api(&mut visitor, "/adit/guardrails?wait=applied", &body) {
                (201, made) => Ok(made["id"].as_str().unwrap_or_default().to_owned()),
                (status, answer) => Err(format!("guardrail {at}: {status}: {answer}")),
            }
        };
        case.guardrails().enumerate().map(make).collect()
    }

    fn offer_inside(
        &self,
        url: &str,
        answer: &Value,
        inside: &mut HashMap<String, Played>,
        forwarders: &mut Vec<Forwarder>,
    ) -> Result<(), String> {
        let (scheme, rest) = url.split_once("://").unwrap();
        let authority = rest.split('/').next().unwrap();
        let host = authority.split(':').next().unwrap().to_owned();
        if inside.contains_key(&host) {
            return Ok(());
        }
        let service = Played::start(answer);
        forwarders.push(self.offer(&format!("{scheme}://{authority}"), None, service.address)?);
        inside.insert(host, service);
        Ok(())
    }

    fn offer(&self, url: &str, policy: Option<&str>, upstream: SocketAddr) -> Result<Forwarder, String> {
        let upstream = upstream.to_string();
        let bound = self.runtime.block_on(async {
            if url.starts_with("tcp://") {
                let mut endpoint = self.session.tcp();
                if url != "tcp://" {
                    endpoint = endpoint.url(url);
                }
                if let Some(policy) = policy {
                    endpoint = endpoint.traffic_policy(policy);
                }
                return endpoint.listen_and_forward(&upstream).await;
            }
            let mut endpoint = self.session.http().url(url);
            if let Some(policy) = policy {
                endpoint = endpoint.traffic_policy(policy);
            }
            endpoint.listen_and_forward(&upstream).await
        });
        bound.map_err(|e| format!("{url} cannot be offered: {e}"))
    }

    /// A visitor of a name who comes from where `conn` says; `Err`: the handshake failed.
    pub(super) fn visitor(&self, host: &str, conn: &Value) -> Result<Visitor, adit_tls::Error> {
        let version = match conn["tls"]["version"].as_str() {
            Some("1.2") => Version::Tls12,
            _ => Version::Tls13,
        };
        let mut profile = ClientProfile::builder(Roots::Pem(self.roots.clone())).max_version(version);
        // Requests are written as HTTP/1.
        if let Some(alpn @ "http/1.1") = conn["tls"]["alpn"].as_str() {
            profile = profile.alpn(&[alpn]);
        }
        let profile = profile.build().unwrap();
        Visitor::proxied(VISITORS, self.server.info.https, &header(conn), Some((host, &profile)))
    }

    /// The same without TLS.
    pub(super) fn plain(&self, address: SocketAddr, conn: &Value) -> Visitor {
        Visitor::proxied(VISITORS, address, &header(conn), None).unwrap()
    }

    /// A request to the API.
    pub(super) fn api(&self, visitor: &mut Option<Visitor>, path: &str, body: &Value) -> (u16, Value) {
        let host = format!("api.{BASE}");
        let visitor = visitor.get_or_insert_with(|| {
            let profile = ClientProfile::builder(Roots::Pem(self.roots.clone())).build().unwrap();
            Visitor::handshake(self.server.info.https, &host, &profile).unwrap()
        });
        let body = body.to_string();
        let answer: Message = visitor.ask(format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nNgrok-Version: 2\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.server.info.text("api_key"),
            body.len()
        ));
        (
            answer.status(),
            serde_json::from_slice(&answer.body).unwrap_or_default(),
        )
    }

    /// Runs a case whose host is that of others: their endpoint's policy becomes its own.
    pub(super) fn at_shared<R>(&self, case: &Case, work: impl FnOnce(&Place) -> R) -> Result<R, String> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = shared.as_ref() {
            let endpoint = place.endpoint.as_ref().unwrap();
            let set = self.runtime.block_on(endpoint.set_policy(case.policy()));
            set.map_err(|e| e.to_string())?;
        } else {
            *shared = Some(self.place(case)?);
        }
        Ok(work(shared.as_ref().unwrap()))
    }
}

/// Whether nobody listens behind the endpoint.
fn upstream_is_refused(case: &Case) -> bool {
    case.turns
        .iter()
        .all(|turn| turn.upstream["error"].as_str() == Some("refused"))
}

/// The address of nobody.
fn closed() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// The header of a load balancer that says who comes, and where he has come to.
fn header(conn: &Value) -> String {
    let text = |name: &str, default: &str| conn[name].as_str().unwrap_or(default).to_owned();
    let number = |name: &str, default: u64| conn[name].as_u64().unwrap_or(default);
    let (client, server) = (text("client_ip", "203.0.113.10"), text("server_ip", "198.51.100.1"));
    let ports = format!("{} {}", number("client_port", 51_000), number("server_port", 443));
    if client.contains(':') {
        format!("PROXY TCP6 {client} ::ffff:{server} {ports}\r\n")
    } else {
        format!("PROXY TCP4 {client} {server} {ports}\r\n")
    }
}
