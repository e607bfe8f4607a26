//! The declared names (traffic policy 3.1): each has a type, hence a zero for when it is absent, and its phases.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::document::Phase;
use crate::value::Value;

/// Type of a declared name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Int,
    Bool,
    Timestamp,
    List,
    Map,
    Bytes,
    /// A namespace: its fields are names of their own.
    Namespace,
}

impl Type {
    /// What reading gives when there is nothing.
    pub(crate) fn zero(self) -> Value {
        match self {
            Self::Text => Value::Text(String::new()),
            Self::Int => Value::Int(0),
            Self::Bool => Value::Bool(false),
            Self::Timestamp => Value::Timestamp(0),
            Self::List => Value::List(Vec::new()),
            Self::Map | Self::Namespace => Value::Map(Vec::new()),
            Self::Bytes => Value::Bytes(Vec::new()),
        }
    }
}

impl Type {
    /// The type whose number compiled expressions carry.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [
            Self::Text,
            Self::Int,
            Self::Bool,
            Self::Timestamp,
            Self::List,
            Self::Map,
            Self::Bytes,
            Self::Namespace,
        ]
        .into_iter()
        .find(|ty| *ty as i64 == number)
    }
}

/// Phases as bits.
pub(crate) const T: u8 = 1;
pub(crate) const Q: u8 = 2;
pub(crate) const S: u8 = 4;
const QS: u8 = Q | S;
const TQS: u8 = T | Q | S;

pub(crate) const fn bit(phase: Phase) -> u8 {
    match phase {
        Phase::TcpConnect => T,
        Phase::HttpRequest => Q,
        Phase::HttpResponse | Phase::EventStreamMessage => S,
    }
}

/// Which side of the connection an address or certificate is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Which message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    Request,
    Response,
}

/// What a name reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Namespace,
    Ip(Side),
    Port(Side),
    Region,
    Started,
    BytesIn,
    BytesOut,
    Transport,
    Geo(&'static str),
    Categories(Side),
    Blocklist(Side),
    Tor(Side),
    AsNumber(Side),
    AsOrganization(Side),
    Location(Side, &'static str),
    Registered(Side, &'static str),
    TlsVersion,
    TlsCipher,
    TlsSni,
    TlsAlpn,
    TlsJa4,
    TlsResumed,
    Certificate(Side, &'static str),
    Pod(&'static str),
    PodAnnotations,
    Body,
    BodyText,
    BodyJson,
    EndpointAddr,
    EndpointHost,
    EndpointId,
    EndpointProtocol,
    EndpointUrl,
    EndpointPort,
    EndpointName,
    EndpointMetadata,
    EndpointType,
    EndpointAgent,
    OrganizationId,
    OrganizationName,
    Method,
    Version,
    Host,
    Url,
    UrlRaw,
    UrlRawPath,
    UrlScheme,
    UrlAuthority,
    UrlHost,
    UrlPort,
    UrlPath,
    UrlQuery,
    QueryParams,
    UrlUri,
    UserPassword,
    Headers(Message),
    Trailers(Message),
    ContentLength(Message),
    ContentType(Message),
    ContentTypeRaw(Message),
    ContentTypeParameters(Message),
    ContentEncoding(Message),
    Cookies(Message),
    Location_(Message),
    UserAgent,
    UserAgentPart(&'static str),
    HeaderReceived(Message),
    BodyReceived,
    RequestId,
    Status,
    Origin,
    Now,
}

/// One declared name.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) what: What,
    pub(crate) ty: Type,
    pub(crate) phases: u8,
}

const LOCATION: [&str; 12] = [
    "city",
    "continent",
    "country",
    "country_code",
    "is_eu",
    "latitude",
    "longitude",
    "metro_code",
    "postal_code",
    "radius",
    "subdivision",
    "timezone",
];
const REGISTERED: [&str; 8] = [
    "city",
    "continent",
    "country",
    "country_code",
    "is_eu",
    "metro_code",
    "subdivision",
    "timezone",
];

/// Fields of a certificate: their names and types.
pub(super) const CERTIFICATE: [(&str, Type); 31] = [
    ("issuer", Type::Text),
    ("issuer.common_name", Type::Text),
    ("issuer.country", Type::List),
    ("issuer.locality", Type::List),
    ("issuer.organization", Type::List),
    ("issuer.organizational_unit", Type::List),
    ("issuer.postal_code", Type::List),
    ("issuer.province", Type::List),
    ("issuer.street_address", Type::List),
    ("subject", Type::Text),
    ("subject.common_name", Type::Text),
    ("subject.country", Type::List),
    ("subject.locality", Type::List),
    ("subject.organization", Type::List),
    ("subject.organizational_unit", Type::List),
    ("subject.postal_code", Type::List),
    ("subject.province", Type::List),
    ("subject.street_address", Type::List),
    ("san", Type::Text),
    ("san.dns_names", Type::List),
    ("san.email_addresses", Type::List),
    ("san.ip_addresses", Type::List),
    ("san.uris", Type::List),
    ("serial_number", Type::Text),
    ("signature_algorithm", Type::Text),
    ("validity.not_before", Type::Timestamp),
    ("validity.not_after", Type::Timestamp),
    ("extensions", Type::List),
    ("pem", Type::Text),
    ("fingerprint_sha256", Type::Text),
    ("verified", Type::Bool),
];

const PLAIN: &[(&str, What, Type, u8)] = &[
    ("conn.server_region", What::Region, Type::Text, TQS),
    ("conn.ts.start", What::Started, Type::Timestamp, TQS),
    ("conn.bytes_in", What::BytesIn, Type::Int, TQS),
    ("conn.bytes_out", What::BytesOut, Type::Int, TQS),
    ("conn.transport", What::Transport, Type::Text, TQS),
    ("conn.geo.city", What::Geo("city"), Type::Text, TQS),
    ("conn.geo.country", What::Geo("country"), Type::Text, TQS),
    ("conn.geo.country_code", What::Geo("country_code"), Type::Text, TQS),
    ("conn.geo.latitude", What::Geo("latitude"), Type::Text, TQS),
    ("conn.geo.longitude", What::Geo("longitude"), Type::Text, TQS),
    ("conn.geo.radius", What::Geo("radius"), Type::Text, TQS),
    ("conn.geo.subdivision", What::Geo("subdivision"), Type::Text, TQS),
    ("conn.tls.version", What::TlsVersion, Type::Text, TQS),
    ("conn.tls.cipher_suite", What::TlsCipher, Type::Text, TQS),
    ("conn.tls.sni", What::TlsSni, Type::Text, TQS),
    ("conn.tls.negotiated_alpn", What::TlsAlpn, Type::Text, TQS),
    ("conn.tls.ja4_fingerprint", What::TlsJa4, Type::Text, TQS),
    ("conn.tls.session_resumed", What::TlsResumed, Type::Bool, TQS),
    ("conn.k8s.pod.id", What::Pod("id"), Type::Text, TQS),
    ("conn.k8s.pod.metadata.name", What::Pod("name"), Type::Text, TQS),
    (
        "conn.k8s.pod.metadata.namespace",
        What::Pod("namespace"),
        Type::Text,
        TQS,
    ),
    (
        "conn.k8s.pod.metadata.error_code",
        What::Pod("error_code"),
        Type::Text,
        TQS,
    ),
    (
        "conn.k8s.pod.metadata.error_message",
        What::Pod("error_message"),
        Type::Text,
        TQS,
    ),
    (
        "conn.k8s.pod.metadata.annotations",
        What::PodAnnotations,
        Type::Map,
        TQS,
    ),
    ("endpoint.addr", What::EndpointAddr, Type::Text, TQS),
    ("endpoint.host", What::EndpointHost, Type::Text, TQS),
    ("endpoint.id", What::EndpointId, Type::Text, TQS),
    ("endpoint.protocol", What::EndpointProtocol, Type::Text, TQS),
    ("endpoint.url", What::EndpointUrl, Type::Text, TQS),
    ("endpoint.port", What::EndpointPort, Type::Int, TQS),
    ("endpoint.name", What::EndpointName, Type::Text, TQS),
    ("endpoint.metadata", What::EndpointMetadata, Type::Text, TQS),
    ("endpoint.type", What::EndpointType, Type::Text, TQS),
    ("endpoint.agent_id", What::EndpointAgent, Type::Text, TQS),
    ("organization.id", What::OrganizationId, Type::Text, TQS),
    ("organization.name", What::OrganizationName, Type::Text, TQS),
    ("req.method", What::Method, Type::Text, QS),
    ("req.version", What::Version, Type::Text, QS),
    ("req.host", What::Host, Type::Text, QS),
    ("req.url", What::Url, Type::Text, QS),
    ("req.url.raw", What::UrlRaw, Type::Text, QS),
    ("req.url.raw_path", What::UrlRawPath, Type::Text, QS),
    ("req.url.scheme", What::UrlScheme, Type::Text, QS),
    ("req.url.authority", What::UrlAuthority, Type::Text, QS),
    ("req.url.host", What::UrlHost, Type::Text, QS),
    ("req.url.port", What::UrlPort, Type::Int, QS),
    ("req.url.path", What::UrlPath, Type::Text, QS),
    ("req.url.query", What::UrlQuery, Type::Text, QS),
    ("req.url.query_params", What::QueryParams, Type::Map, QS),
    ("req.url.uri", What::UrlUri, Type::Text, QS),
    ("req.url.user_password", What::UserPassword, Type::Text, QS),
    ("req.user_agent", What::UserAgent, Type::Text, QS),
    ("req.user_agent.name", What::UserAgentPart("name"), Type::Text, QS),
    ("req.user_agent.version", What::UserAgentPart("version"), Type::Text, QS),
    ("req.user_agent.os", What::UserAgentPart("os"), Type::Text, QS),
    (
        "req.user_agent.os_version",
        What::UserAgentPart("os_version"),
        Type::Text,
        QS,
    ),
    ("req.user_agent.device", What::UserAgentPart("device"), Type::Text, QS),
    ("req.user_agent.url", What::UserAgentPart("url"), Type::Text, QS),
    (
        "req.user_agent.is_mobile",
        What::UserAgentPart("is_mobile"),
        Type::Bool,
        QS,
    ),
    (
        "req.user_agent.is_tablet",
        What::UserAgentPart("is_tablet"),
        Type::Bool,
        QS,
    ),
    (
        "req.user_agent.is_desktop",
        What::UserAgentPart("is_desktop"),
        Type::Bool,
        QS,
    ),
    ("req.user_agent.is_bot", What::UserAgentPart("is_bot"), Type::Bool, QS),
    (
        "req.ts.header_received",
        What::HeaderReceived(Message::Request),
        Type::Timestamp,
        QS,
    ),
    ("req.ts.body_received", What::BodyReceived, Type::Timestamp, QS),
    ("req.id", What::RequestId, Type::Text, QS),
    ("req.body", What::Body, Type::Bytes, Q),
    ("req.body.text", What::BodyText, Type::Text, Q),
    ("req.body.json", What::BodyJson, Type::Map, Q),
    ("res.status_code", What::Status, Type::Int, S),
    ("res.origin", What::Origin, Type::Text, S),
    (
        "res.ts.header_received",
        What::HeaderReceived(Message::Response),
        Type::Timestamp,
        S,
    ),
    ("time.now", What::Now, Type::Text, TQS),
];

/// The table and its index by name.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) list: Vec<Name>,
    by_name: HashMap<String, usize>,
}

impl Names {
    pub(crate) fn find(&self, name: &str) -> Option<(usize, &Name)> {
        let at = *self.by_name.get(name)?;
        Some((at, self.list.get(at)?))
    }

    /// Does a declared name begin with this first part?
    pub(crate) fn is_root(&self, root: &str) -> bool {
        matches!(self.find(root), Some((_, name)) if name.what == What::Namespace)
    }
}

pub(crate) static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut list: Vec<Name> = PLAIN
        .iter()
        .map(|(name, what, ty, phases)| Name {
            name: (*name).to_owned(),
            what: *what,
            ty: *ty,
            phases: *phases,
        })
        .collect();
    let mut add = |name: String, what, ty, phases| list.push(Name { name, what, ty, phases });
    for (side, text) in [(Side::Client, "client"), (Side::Server, "server")] {
        let ip = format!("conn.{text}_ip");
        add(format!("conn.{text}_port"), What::Port(side), Type::Int, TQS);
        add(format!("{ip}.categories"), What::Categories(side), Type::List, TQS);
        add(format!("{ip}.is_on_blocklist"), What::Blocklist(side), Type::Bool, TQS);
        add(format!("{ip}.is_tor_node"), What::Tor(side), Type::Bool, TQS);
        add(format!("{ip}.as.number"), What::AsNumber(side), Type::Int, TQS);
        add(
            format!("{ip}.as.organization"),
            What::AsOrganization(side),
            Type::Text,
            TQS,
        );
        let ty = |field: &str| if field == "is_eu" { Type::Bool } else { Type::Text };
        for field in LOCATION {
            add(
                format!("{ip}.geo.location.{field}"),
                What::Location(side, field),
                ty(field),
                TQS,
            );
        }
        for field in REGISTERED {
            add(
                format!("{ip}.geo.registered_location.{field}"),
                What::Registered(side, field),
                ty(field),
                TQS,
            );
        }
        for (field, ty) in CERTIFICATE {
            add(
                format!("conn.tls.{text}.{field}"),
                What::Certificate(side, field),
                ty,
                TQS,
            );
        }
        add(ip, What::Ip(side), Type::Text, TQS);
    }
    for (message, text, phases) in [(Message::Request, "req", QS), (Message::Response, "res", S)] {
        add(format!("{text}.headers"), What::Headers(message), Type::Map, phases);
        add(format!("{text}.trailers"), What::Trailers(message), Type::Map, phases);
        add(
            format!("{text}.content_length"),
            What::ContentLength(message),
            Type::Int,
            phases,
        );
        add(
            format!("{text}.content_type"),
            What::ContentType(message),
            Type::Text,
            phases,
        );
        add(
            format!("{text}.content_type.raw"),
            What::ContentTypeRaw(message),
            Type::Text,
            phases,
        );
        add(
            format!("{text}.content_type.parameters"),
            What::ContentTypeParameters(message),
            Type::Map,
            phases,
        );
        add(
            format!("{text}.content_encoding"),
            What::ContentEncoding(message),
            Type::List,
            phases,
        );
        add(format!("{text}.cookies"), What::Cookies(message), Type::Map, phases);
        add(format!("{text}.location"), What::Location_(message), Type::Text, phases);
    }
    namespaces(&mut list);
    let by_name = list
        .iter()
        .enumerate()
        .map(|(at, name)| (name.name.clone(), at))
        .collect();
    Names { list, by_name }
});

/// Every proper prefix that is not a name itself is a namespace, in the phases of what stands in it.
fn namespaces(list: &mut Vec<Name>) {
    let mut found: Vec<(String, u8)> = Vec::new();
    for name in list.iter() {
        let mut end = 0;
        while let Some(dot) = name.name.get(end..).and_then(|rest| rest.find('.')) {
            end += dot;
            let prefix = name.name.get(..end).unwrap_or_default();
            end += 1;
            match found.iter_mut().find(|(known, _)| known == prefix) {
                Some((_, phases)) => *phases |= name.phases,
                None => found.push((prefix.to_owned(), name.phases)),
            }
        }
    }
    found.retain(|(prefix, _)| list.iter().all(|name| name.name != *prefix));
    list.extend(found.into_iter().map(|(name, phases)| Name {
        name,
        what: What::Namespace,
        ty: Type::Namespace,
        phases,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_namespaces_above_them() {
        for (name, what) in [
            ("conn", What::Namespace),
            ("conn.geo", What::Namespace),
            ("conn.client_ip", What::Ip(Side::Client)),
            ("conn.client_ip.geo", What::Namespace),
            ("conn.tls.client.subject", What::Certificate(Side::Client, "subject")),
            ("req.url.path", What::UrlPath),
        ] {
            assert_eq!(NAMES.find(name).unwrap().1.what, what, "{name}");
        }
        assert!(NAMES.find("req.metod").is_none());
        assert_eq!(NAMES.find("res.status_code").unwrap().1.phases, S);
        assert_eq!(NAMES.find("req").unwrap().1.phases, QS);
    }
}
