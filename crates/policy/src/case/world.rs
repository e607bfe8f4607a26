//! The circumstances of a case: endpoint, connection, request, what answers.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use adit_names::cidr::Cidr;
use adit_names::endpoint_url::Scheme;
use base64::Engine as _;

use super::texts;
use crate::document::{Content, Node};
use crate::subject::{Owner, References, Subject};
use crate::url;
use crate::value::Value;
use crate::view::{Connection, Endpoint, Intelligence, IpPolicy, Tables, Tls};

pub(super) struct World {
    pub(super) subject: Subject<'static>,
    pub(super) now: i64,
    pub(super) endpoint: Endpoint,
    pub(super) connection: Connection,
    secrets: Vec<(String, String, String)>,
    ip_policies: Vec<(String, IpPolicy)>,
    /// What policies refer to and the case has not: it is explained, and they are believed. Else they are refused.
    unknown: Option<Mutex<BTreeSet<String>>>,
    /// What a server knows by name.
    names: Option<Arc<Names>>,
}

/// Names that are known beyond those of a case.
pub(super) type Names = dyn Tables + Send + Sync;

impl Tables for World {
    fn secret(&self, vault: &str, name: &str) -> Option<&str> {
        self.known_secret(vault, name)
            .or_else(|| self.unknown.as_ref().map(|_| STAND_IN))
    }

    fn ip_policy(&self, id: &str) -> Option<&IpPolicy> {
        self.ip_policies
            .iter()
            .find(|(known, _)| known == id)
            .map(|(_, policy)| policy)
            .or_else(|| self.names.as_ref()?.ip_policy(id))
    }

    fn authority(&self, id: &str) -> Option<crate::Authority<'_>> {
        self.names.as_ref()?.authority(id)
    }

    fn intelligence(&self, ip: IpAddr) -> Option<Arc<Intelligence>> {
        self.names.as_ref()?.intelligence(ip)
    }
}

impl References for World {
    fn has_secret(&self, vault: &str, name: &str) -> bool {
        let known = self.secrets.iter().any(|(v, n, _)| v == vault && n == name);
        known
            || self.believes(|| format!("the secret {vault}/{name} is not known here: {STAND_IN} stands in its place"))
    }

    fn has_ip_policy(&self, id: &str) -> bool {
        self.ip_policy(id).is_some()
            || self.believes(|| format!("the IP policy {id} is not known here: nobody passes it"))
    }

    /// Cases have none.
    fn has_authority(&self, id: &str) -> bool {
        self.authority(id).is_some() || self.believes(|| format!("the certificate authority {id} is not known here"))
    }
}

fn text<'n>(node: Option<&'n Node>, key: &str) -> Option<&'n str> {
    node?.get(key)?.scalar_text()
}

pub(super) fn micros(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.timestamp_micros())
}

/// What stands in the place of a secret that is not known.
const STAND_IN: &str = "***";

impl World {
    /// The same for an explanation: what is not known is believed to be there.
    pub(super) fn believing(self, names: Option<Arc<Names>>) -> Self {
        Self {
            unknown: Some(Mutex::default()),
            names,
            ..self
        }
    }

    fn known_secret(&self, vault: &str, name: &str) -> Option<&str> {
        let own = self.secrets.iter().find(|(v, n, _)| v == vault && n == name);
        own.map(|(_, _, value)| value.as_str())
            .or_else(|| self.names.as_ref()?.secret(vault, name))
    }

    fn believes(&self, what: impl FnOnce() -> String) -> bool {
        let Some(unknown) = &self.unknown else { return false };
        unknown.lock().unwrap_or_else(PoisonError::into_inner).insert(what());
        true
    }

    /// What was believed, in words.
    pub(super) fn believed(&self) -> Vec<String> {
        let Some(unknown) = &self.unknown else {
            return Vec::new();
        };
        let unknown = unknown.lock().unwrap_or_else(PoisonError::into_inner);
        unknown.iter().cloned().collect()
    }

    pub(super) fn read(case: &Node) -> Result<Self, String> {
        let endpoint = case.get("endpoint");
        let url = text(endpoint, "url").unwrap_or("https://app.example.com");
        let parts = url::parts(url);
        let scheme = parts
            .scheme
            .and_then(Scheme::from_name)
            .ok_or_else(|| format!("{url}: no known scheme"))?;
        let (host, port) = url::split_authority(parts.authority.unwrap_or_default());
        let cloud = text(endpoint, "type") == Some("cloud");
        let now = micros(text(Some(case), "now").unwrap_or("2026-01-15T12:00:00Z")).ok_or("now is no time")?;
        let mut world = Self {
            subject: Subject {
                owner: if cloud { Owner::Cloud } else { Owner::Agent },
                internal: host.ends_with(".internal"),
                ..Subject::agent(scheme)
            },
            now,
            endpoint: Endpoint {
                scheme,
                host: host.to_owned(),
                port: port.or_else(|| scheme.default_port()).unwrap_or(0),
                url: url.to_owned(),
                id: text(endpoint, "id").unwrap_or("ep_test").to_owned(),
                name: String::new(),
                metadata: String::new(),
                kind: if cloud { "cloud" } else { "agent" },
                agent_id: String::new(),
                organization_id: String::new(),
                organization_name: String::new(),
            },
            connection: connection(&[case.get("conn")], scheme, host, now)?,
            secrets: Vec::new(),
            ip_policies: Vec::new(),
            unknown: None,
            names: None,
        };
        for (vault, names) in case.get("secrets").and_then(Node::map).unwrap_or_default() {
            for (name, value) in names.map().unwrap_or_default() {
                let value = value.scalar_text().unwrap_or_default().to_owned();
                world.secrets.push((vault.text.clone(), name.text.clone(), value));
            }
        }
        for (id, lists) in case.get("ip_policies").and_then(Node::map).unwrap_or_default() {
            let ranges = |name: &str| -> Result<Vec<Cidr>, String> {
                let ranges = texts(lists.get(name));
                ranges
                    .iter()
                    .map(|text| text.parse().map_err(|e| format!("{text}: {e}")))
                    .collect()
            };
            let policy = IpPolicy {
                allow: ranges("allow")?.into(),
                deny: ranges("deny")?.into(),
            };
            world.ip_policies.push((id.text.clone(), policy));
        }
        Ok(world)
    }

    /// The connection of a step: its own circumstances over those of the case.
    pub(super) fn connection_of(&self, case: &Node, step: Option<&Node>) -> Result<Connection, String> {
        let layers = [case.get("conn"), step.and_then(|step| step.get("conn"))];
        let mut out = connection(&layers, self.endpoint.scheme, &self.endpoint.host, self.now)?;
        let is_said = |conn: &&Node| ["geo", "as", "categories"].iter().any(|key| conn.get(key).is_some());
        if self.names.is_some() && !layers.iter().flatten().any(is_said) {
            // It is looked up.
            out.client = None;
        }
        Ok(out)
    }
}

fn connection(layers: &[Option<&Node>], scheme: Scheme, host: &str, now: i64) -> Result<Connection, String> {
    let get = |key: &str| {
        layers
            .iter()
            .rev()
            .find_map(|layer| layer.and_then(|node| node.get(key)))
    };
    let word = |key: &str, default: &str| get(key).and_then(Node::scalar_text).unwrap_or(default).to_owned();
    let ip = |key: &str, default: &str| -> Result<IpAddr, String> {
        let text = word(key, default);
        text.parse().map_err(|_| format!("{text}: no address"))
    };
    let port = |key: &str, default: u16| {
        get(key)
            .and_then(Node::scalar_text)
            .and_then(|t| t.parse().ok())
            .unwrap_or(default)
    };
    let mut out = Connection::new(
        (ip("client_ip", "203.0.113.10")?, port("client_port", 51_000)).into(),
        (ip("server_ip", "198.51.100.1")?, port("server_port", 443)).into(),
    );
    out.server_region = word("region", "local");
    out.started_at = get("start").and_then(Node::scalar_text).and_then(micros).unwrap_or(now);
    let place = |node: Option<&Node>| -> Vec<(String, String)> {
        node.and_then(Node::map)
            .unwrap_or_default()
            .iter()
            .map(|(key, value)| (key.text.clone(), value.scalar_text().unwrap_or_default().to_owned()))
            .collect()
    };
    out.client = Some(Box::new(Intelligence {
        categories: texts(get("categories")),
        as_number: text(get("as"), "number")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0),
        as_organization: text(get("as"), "organization").unwrap_or_default().to_owned(),
        location: place(get("geo")),
        registered: Vec::new(),
    }));
    if matches!(scheme, Scheme::Https | Scheme::Tls) {
        let tls = get("tls");
        let word = |key: &str, default: &str| text(tls, key).unwrap_or(default).to_owned();
        out.tls = Some(Box::new(Tls {
            sni: word("sni", host),
            version: word("version", "1.3"),
            cipher_suite: word("cipher_suite", "TLS_AES_128_GCM_SHA256"),
            alpn: word("alpn", "http/1.1"),
            client: tls
                .and_then(|tls| tls.get("client_cert"))
                .map(certificate)
                .unwrap_or_default()
                .into(),
            ..Tls::default()
        }));
    }
    Ok(out)
}

/// The parts of a name in the order in which RFC 2253 text has them, with their short names.
const NAME_PARTS: [(&str, &str); 7] = [
    ("CN", "common_name"),
    ("OU", "organizational_unit"),
    ("O", "organization"),
    ("L", "locality"),
    ("ST", "province"),
    ("STREET", "street_address"),
    ("C", "country"),
];

/// A distinguished name: its text and its parts.
fn name_parts(prefix: &str, node: &Node, out: &mut Vec<(String, Value)>) {
    let mut whole = Vec::new();
    for (short, long) in NAME_PARTS {
        let Some(part) = node.get(long) else { continue };
        let values = match part.list() {
            Some(_) => texts(Some(part)),
            None => part.scalar_text().map(str::to_owned).into_iter().collect(),
        };
        whole.extend(values.iter().map(|value| format!("{short}={value}")));
        let value = match (long, values.first()) {
            ("common_name", Some(first)) => Value::from(first.as_str()),
            _ => Value::List(values.into_iter().map(Value::Text).collect()),
        };
        out.push((format!("{prefix}.{long}"), value));
    }
    out.push((prefix.to_owned(), Value::Text(whole.join(","))));
}

/// Alternative names: the documented text and its lists.
fn alternative_names(node: &Node, out: &mut Vec<(String, Value)>) {
    let mut whole = Vec::new();
    for (mark, list) in [
        ("DNS", "dns_names"),
        ("IP Address", "ip_addresses"),
        ("email", "email_addresses"),
        ("URI", "uris"),
    ] {
        let values = texts(node.get(list));
        whole.extend(values.iter().map(|value| format!("{mark}:{value}")));
        let values = values.into_iter().map(Value::Text).collect();
        out.push((format!("san.{list}"), Value::List(values)));
    }
    out.push(("san".to_owned(), Value::Text(whole.join(", "))));
}

fn certificate(node: &Node) -> Vec<(String, Value)> {
    let mut out = vec![("verified".to_owned(), Value::Bool(true))];
    for (key, value) in node.map().unwrap_or_default() {
        match (key.text.as_str(), value.scalar_text()) {
            ("issuer" | "subject", _) => name_parts(&key.text, value, &mut out),
            ("san", _) => alternative_names(value, &mut out),
            ("not_before" | "not_after", Some(time)) => {
                let time = Value::Timestamp(micros(time).unwrap_or(0));
                out.push((format!("validity.{}", key.text), time));
            }
            ("verified", Some(verified)) => {
                out.retain(|(name, _)| name != "verified");
                out.push((key.text.clone(), Value::Bool(verified == "true")));
            }
            (_, Some(text)) => out.push((key.text.clone(), Value::from(text))),
            _ => {}
        }
    }
    out
}

/// A message as a case writes it.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    /// `refused`, `timeout`, `reset`
    pub(super) error: Option<String>,
}

/// A message from layers of nodes, the last first.
pub(super) fn message(layers: &[Option<&Node>]) -> Message {
    let get = |key: &str| {
        layers
            .iter()
            .rev()
            .find_map(|layer| layer.and_then(|node| node.get(key)))
    };
    let mut out = Message {
        method: get("method").and_then(Node::scalar_text).unwrap_or("GET").to_owned(),
        url: get("url").and_then(Node::scalar_text).unwrap_or_default().to_owned(),
        status: get("status")
            .and_then(Node::scalar_text)
            .and_then(|text| text.parse().ok())
            .unwrap_or(200),
        error: get("error").and_then(Node::scalar_text).map(str::to_owned),
        ..Message::default()
    };
    out.body = match (get("body_base64"), get("body")) {
        (Some(encoded), _) => bytes(encoded),
        (None, Some(body)) => body.scalar_text().unwrap_or_default().as_bytes().to_vec(),
        (None, None) => Vec::new(),
    };
    if let Some(size) = get("body_size")
        .and_then(Node::scalar_text)
        .and_then(|text| text.parse().ok())
    {
        out.body = vec![b'a'; usize::min(size, 8 << 20)];
    }
    for (key, value) in get("headers").and_then(Node::map).unwrap_or_default() {
        match value.list() {
            Some(list) => out
                .fields
                .extend(list.iter().map(|value| (key.text.clone(), field(value)))),
            None => out.fields.push((key.text.clone(), field(value))),
        }
    }
    out
}

fn field(node: &Node) -> Vec<u8> {
    match node.get("base64") {
        Some(encoded) => bytes(encoded),
        None => node.scalar_text().unwrap_or_default().as_bytes().to_vec(),
    }
}

fn bytes(node: &Node) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD
        .decode(node.scalar_text().unwrap_or_default())
        .unwrap_or_default()
}

/// An expected value with its type.
pub(super) fn value(node: &Node) -> Value {
    match &node.content {
        Content::Null => Value::Null,
        Content::Bool(value, _) => Value::Bool(*value),
        Content::Int(value, _) => Value::Int(*value),
        Content::Float(value, _) => Value::Double(*value),
        Content::Text(text, _) => Value::from(text.as_str()),
        Content::List(list) => Value::List(list.iter().map(value).collect()),
        Content::Map(map) => {
            if let [(key, inside)] = map.as_slice() {
                let text = inside.scalar_text().unwrap_or_default();
                match key.text.as_str() {
                    "bytes" => return Value::Bytes(bytes(inside)),
                    "uint" => return Value::Uint(text.parse().unwrap_or(0)),
                    "timestamp" => return Value::Timestamp(micros(text).unwrap_or(0)),
                    "duration" => {
                        let millis = crate::action::read::parse_duration(text).unwrap_or(0);
                        return Value::Duration(i64::try_from(millis).unwrap_or(0) * 1_000_000);
                    }
                    _ => {}
                }
            }
            Value::Map(
                map.iter()
                    .map(|(key, node)| (Value::from(key.text.as_str()), value(node)))
                    .collect(),
            )
        }
    }
}
