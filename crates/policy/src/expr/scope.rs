//! What an expression can see while it runs: the view with the changes that actions have made, variables, results.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::env::{Message, NAMES, Side, Type, What};
use crate::exchange::{Bodies, Facts};
use crate::url;
use crate::value::{Value, timestamp};
use crate::view::{Fields, Intelligence, Request, Response, View};

/// Elements that expressions of a phase may iterate over.
pub(crate) const UNITS: u32 = 10_000;

/// What actions have changed of an exchange so far; expressions see it at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overlay {
    /// The request's fields, once one was changed.
    pub(crate) request: Option<Vec<(String, Vec<u8>)>>,
    /// The response's fields, once one was changed.
    pub(crate) response: Option<Vec<(String, Vec<u8>)>>,
    /// Path and query after a rewrite.
    pub(crate) target: Option<String>,
    /// The Host value after a change.
    pub(crate) host: Option<String>,
}

/// Budget of a phase, shared by all its expressions.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    used: AtomicU32,
    exhausted: AtomicBool,
}

impl Budget {
    pub(crate) fn new(used: u32) -> Self {
        Self {
            used: AtomicU32::new(used),
            exhausted: AtomicBool::new(used > UNITS),
        }
    }

    /// One element more; `false` when there are no more.
    pub(crate) fn element(&self) -> bool {
        let fine = self.used.fetch_add(1, Ordering::Relaxed) < UNITS;
        if !fine {
            self.exhausted.store(true, Ordering::Relaxed);
        }
        fine
    }

    pub(crate) fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Relaxed)
    }
}

/// The last results of each action, by their names below `actions.`.
pub(crate) type Results = Vec<(&'static str, Value)>;

/// One evaluation.
pub(crate) struct Scope<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) overlay: &'a Overlay,
    pub(crate) vars: &'a [(String, Value)],
    pub(crate) results: &'a [(&'static str, Value)],
    /// Names that only this place has: `last_attempt`, `attempts`.
    pub(crate) extra: &'a [(&'static str, Value)],
    /// What was buffered, where there is an exchange.
    pub(crate) bodies: Option<&'a Bodies>,
    /// What was looked up already, where there is an exchange.
    pub(crate) facts: Option<&'a Facts>,
    pub(crate) budget: &'a Budget,
    /// Draws from the generator so far.
    pub(crate) draws: AtomicU64,
}

/// A value that is lent where that is possible.
#[derive(Debug)]
pub(crate) enum Lent<'a> {
    Text(&'a str),
    Owned(Value),
}

impl From<Value> for Lent<'_> {
    fn from(value: Value) -> Self {
        Self::Owned(value)
    }
}

fn text<'a>(value: impl Into<String>) -> Option<Lent<'a>> {
    Some(Lent::Owned(Value::Text(value.into())))
}

fn lent(value: &str) -> Option<Lent<'_>> {
    (!value.is_empty()).then_some(Lent::Text(value))
}

fn number<'a>(value: impl TryInto<i64>) -> Option<Lent<'a>> {
    Some(Lent::Owned(Value::Int(value.try_into().unwrap_or(i64::MAX))))
}

/// Bytes of a field as text: UTF-8, else ISO-8859-1.
pub(crate) fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}

impl<'a> Scope<'a> {
    /// The next number of the generator.
    pub(crate) fn draw(&self) -> u64 {
        // SplitMix64: good enough for sampling, and the same for the same seed.
        let n = self.draws.fetch_add(1, Ordering::Relaxed) + 1;
        let mut z = self.view.seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Calls `each` with the fields of a message as they are now.
    pub(crate) fn fields(&self, message: Message, each: &mut dyn FnMut(&str, &[u8])) {
        match message {
            Message::Request => {
                let Some(request) = &self.view.request else { return };
                each("host", self.authority(request).as_bytes());
                let mut each = |name: &str, value: &[u8]| {
                    if !name.eq_ignore_ascii_case("host") {
                        each(name, value);
                    }
                };
                match &self.overlay.request {
                    Some(fields) => fields.each(&mut each),
                    None => request.fields.each(&mut each),
                }
            }
            Message::Response => match (&self.overlay.response, &self.view.response) {
                (Some(fields), _) => fields.each(each),
                (None, Some(response)) => response.fields.each(each),
                (None, None) => {}
            },
        }
    }

    /// All values of a field.
    pub(crate) fn header(&self, message: Message, name: &str) -> Vec<String> {
        let mut out = Vec::new();
        self.fields(message, &mut |field, value| {
            if field.eq_ignore_ascii_case(name) {
                out.push(decode(value));
            }
        });
        out
    }

    /// The first value of a field as it is now.
    pub(super) fn first_bytes(&self, message: Message, name: &str) -> Option<&'a [u8]> {
        match message {
            Message::Request => {
                let request = self.view.request.as_ref()?;
                if name.eq_ignore_ascii_case("host") {
                    return Some(self.authority(request).as_bytes());
                }
                match &self.overlay.request {
                    Some(fields) => fields.first_value(name),
                    None => request.fields.first_value(name),
                }
            }
            Message::Response => match (&self.overlay.response, &self.view.response) {
                (Some(fields), _) => fields.first_value(name),
                (None, Some(response)) => response.fields.first_value(name),
                (None, None) => None,
            },
        }
    }

    pub(crate) fn has_header(&self, message: Message, name: &str) -> bool {
        self.first_bytes(message, name).is_some()
    }

    fn first(&self, message: Message, name: &str) -> Option<String> {
        self.first_bytes(message, name).map(decode)
    }

    fn headers(&self, message: Message) -> Value {
        let mut out: Vec<(Value, Value)> = Vec::new();
        self.fields(message, &mut |field, value| {
            push(&mut out, field.to_ascii_lowercase(), Value::Text(decode(value)));
        });
        Value::Map(out)
    }

    pub(super) fn authority(&self, request: &Request<'a>) -> &'a str {
        self.overlay.host.as_deref().unwrap_or(request.authority)
    }

    pub(super) fn target(&self, request: &Request<'a>) -> &'a str {
        self.overlay.target.as_deref().unwrap_or(request.target)
    }

    /// `req.url`.
    pub(crate) fn url(&self) -> Option<String> {
        let request = self.view.request.as_ref()?;
        let host = self.authority(request).to_ascii_lowercase();
        let (path, query) = url::split_target(self.target(request));
        Some(url::absolute(request.scheme, &host, &url::canonical_path(path), query))
    }

    pub(crate) fn query(&self) -> &'a str {
        self.view
            .request
            .as_ref()
            .and_then(|request| url::split_target(self.target(request)).1)
            .unwrap_or_default()
    }

    /// Cookies of the request, in their order.
    pub(crate) fn request_cookies(&self) -> Vec<(String, String)> {
        let mut out = Vec::new();
        self.fields(Message::Request, &mut |field, value| {
            if field.eq_ignore_ascii_case("cookie") {
                for pair in decode(value).split(';') {
                    let (name, value) = pair.trim().split_once('=').unwrap_or_else(|| (pair.trim(), ""));
                    let own = name.starts_with("__Host-adit-") || name.starts_with("__Secure-adit-");
                    if !name.is_empty() && !own {
                        out.push((name.to_owned(), value.to_owned()));
                    }
                }
            }
        });
        out
    }

    /// Cookies that the response sets; of one name those with the longest path first.
    pub(crate) fn response_cookies(&self) -> Vec<(String, Value)> {
        let mut out: Vec<(String, usize, Value)> = Vec::new();
        self.fields(Message::Response, &mut |field, value| {
            if field.eq_ignore_ascii_case("set-cookie")
                && let Some(cookie) = super::functions::cookie::set_cookie(&decode(value))
            {
                out.push(cookie);
            }
        });
        out.sort_by_key(|(_, path, _)| std::cmp::Reverse(*path));
        out.into_iter().map(|(name, _, cookie)| (name, cookie)).collect()
    }

    /// What is known of an address: as the connection says, else as the databases do.
    fn intelligence<R>(&self, side: Side, f: impl FnOnce(&Intelligence) -> R) -> Option<R> {
        let connection = self.view.connection;
        let (told, ip) = match side {
            Side::Client => (connection.client.as_deref(), connection.client_ip),
            Side::Server => (connection.server.as_deref(), connection.server_ip),
        };
        if let Some(told) = told {
            return Some(f(told));
        }
        let look_up = || self.view.tables.intelligence(ip.to_canonical());
        let place: Option<&OnceLock<Option<Arc<Intelligence>>>> = self.facts.map(|facts| match side {
            Side::Client => &facts.client,
            Side::Server => &facts.server,
        });
        match place {
            Some(place) => place.get_or_init(look_up).as_deref().map(f),
            None => look_up().as_deref().map(f),
        }
    }

    fn response(&self) -> Option<&Response<'a>> {
        self.view.response.as_ref()
    }

    /// The value of a declared name; `None` when it is absent.
    pub(crate) fn read(&self, what: What) -> Option<Lent<'a>> {
        let connection = self.view.connection;
        let endpoint = self.view.endpoint;
        let tls = connection.tls.as_deref();
        let request = self.view.request.as_ref();
        match what {
            What::Namespace | What::UserPassword | What::Trailers(Message::Response) => None,
            What::Trailers(Message::Request) => {
                let trailers = &self.bodies?.trailers;
                let mut out = Vec::new();
                for (name, value) in trailers {
                    push(&mut out, name.to_ascii_lowercase(), Value::Text(decode(value)));
                }
                (!out.is_empty()).then(|| Value::Map(out).into())
            }
            What::BodyReceived => Some(Value::Timestamp(self.bodies?.received_at?).into()),
            What::Body => Some(Value::Bytes(self.bodies?.request.as_deref()?.to_vec()).into()),
            What::BodyText => text(decode(self.bodies?.request.as_deref()?)),
            What::BodyJson => {
                let body = self.bodies?.request.as_deref()?;
                let json: serde_json::Value = serde_json::from_slice(body).ok()?;
                let value = Value::from_json(&json);
                (value.measure().1 <= 64).then(|| value.into())
            }
            What::Pod(field) => {
                let pod = connection.pod.as_deref()?;
                lent(match field {
                    "id" => &pod.id,
                    "name" => &pod.name,
                    "namespace" => &pod.namespace,
                    "error_code" => &pod.error_code,
                    _ => &pod.error_message,
                })
            }
            What::PodAnnotations => {
                let annotations = &connection.pod.as_deref()?.annotations;
                let annotations = annotations
                    .iter()
                    .map(|(name, value)| (name.as_str(), Value::from(value.as_str())));
                Some(Value::record(annotations).into())
            }
            What::Ip(Side::Client) => text(connection.client_ip.to_canonical().to_string()),
            What::Ip(Side::Server) => text(connection.server_ip.to_canonical().to_string()),
            What::Port(Side::Client) => number(connection.client_port),
            What::Port(Side::Server) => number(connection.server_port),
            What::Region => lent(&connection.server_region),
            What::Started => Some(Value::Timestamp(connection.started_at).into()),
            What::BytesIn => number(connection.bytes_in),
            What::BytesOut => number(connection.bytes_out),
            What::Transport => lent(connection.transport),
            What::Geo(field) => self.intelligence(Side::Client, |facts| place(&facts.location, field))?,
            What::Location(side, field) => self.intelligence(side, |facts| place(&facts.location, field))?,
            What::Registered(side, field) => self.intelligence(side, |facts| place(&facts.registered, field))?,
            What::Categories(side) => {
                let list = self.intelligence(side, categories)?;
                Some(Value::List(list.into_iter().map(Value::Text).collect()).into())
            }
            What::Blocklist(side) => self.intelligence(side, |facts| flag(facts, "blocklist")),
            What::Tor(side) => self.intelligence(side, |facts| flag(facts, "proxy.anonymous.tor")),
            What::AsNumber(side) => self.intelligence(side, |facts| Value::Int(facts.as_number).into()),
            What::AsOrganization(side) => {
                let name = self.intelligence(side, |facts| facts.as_organization.clone())?;
                (!name.is_empty()).then(|| Value::Text(name).into())
            }
            What::TlsVersion => lent(&tls?.version),
            What::TlsCipher => lent(&tls?.cipher_suite),
            What::TlsSni => lent(&tls?.sni),
            What::TlsAlpn => lent(&tls?.alpn),
            What::TlsJa4 => lent(&tls?.ja4),
            What::TlsResumed => Some(Value::Bool(tls?.resumed).into()),
            What::Certificate(side, field) => {
                let fields = match side {
                    Side::Client => &tls?.client,
                    Side::Server => &tls?.server,
                };
                let (_, value) = fields.iter().find(|(name, _)| name == field)?;
                Some(value.clone().into())
            }
            What::EndpointAddr => text(format!("{}:{}", endpoint.host, endpoint.port)),
            What::EndpointHost => lent(&endpoint.host),
            What::EndpointId => lent(&endpoint.id),
            What::EndpointProtocol => lent(endpoint.scheme.as_str()),
            What::EndpointUrl => lent(&endpoint.url),
            What::EndpointPort => number(endpoint.port),
            What::EndpointName => lent(&endpoint.name),
            What::EndpointMetadata => lent(&endpoint.metadata),
            What::EndpointType => lent(endpoint.kind),
            What::EndpointAgent => lent(&endpoint.agent_id),
            What::OrganizationId => lent(&endpoint.organization_id),
            What::OrganizationName => lent(&endpoint.organization_name),
            What::Method => lent(request?.method),
            What::Version => lent(request?.version),
            What::Host => text(self.authority(request?).to_ascii_lowercase()),
            What::Url => text(self.url()?),
            What::UrlRaw => {
                let request = request?;
                text(url::absolute_raw(request.scheme, request.authority, request.target))
            }
            What::UrlRawPath => lent(url::split_target(request?.target).0),
            What::UrlScheme => lent(request?.scheme.as_str()),
            What::UrlAuthority => {
                let request = request?;
                let host = self.authority(request).to_ascii_lowercase();
                text(url::without_default_port(request.scheme, &host))
            }
            What::UrlHost => {
                let host = self.authority(request?).to_ascii_lowercase();
                text(url::split_authority(&host).0)
            }
            What::UrlPort => {
                let request = request?;
                let host = self.authority(request);
                let (_, port) = url::split_authority(url::without_default_port(request.scheme, host));
                number(port?)
            }
            What::UrlPath => text(url::canonical_path(url::split_target(self.target(request?)).0)),
            What::UrlQuery => lent(self.query()),
            What::QueryParams => {
                let mut out = Vec::new();
                for (name, value) in url::form(self.query()) {
                    push(&mut out, name, Value::Text(value));
                }
                Some(Value::Map(out).into())
            }
            What::UrlUri => {
                let (path, query) = url::split_target(self.target(request?));
                text(url::with_query(&url::canonical_path(path), query))
            }
            What::Headers(message) => Some(self.headers(message).into()),
            What::ContentLength(Message::Request) => number(request?.content_length?),
            What::ContentLength(Message::Response) => number(self.response()?.content_length?),
            What::ContentType(message) => {
                let value = self.first(message, "content-type")?;
                text(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
            }
            What::ContentTypeRaw(message) => text(self.first(message, "content-type")?),
            What::ContentTypeParameters(message) => {
                Some(content_type_parameters(&self.first(message, "content-type")?).into())
            }
            What::ContentEncoding(message) => {
                let list = self
                    .header(message, "content-encoding")
                    .iter()
                    .flat_map(|value| value.split(','))
                    .map(|coding| coding.trim().to_ascii_lowercase())
                    .filter(|coding| !coding.is_empty())
                    .map(Value::Text)
                    .collect();
                Some(Value::List(list).into())
            }
            What::Cookies(Message::Request) => {
                let mut out = Vec::new();
                for (name, value) in self.request_cookies() {
                    let cookie = super::functions::cookie::request_cookie(&name, &value);
                    push(&mut out, name, cookie);
                }
                Some(Value::Map(out).into())
            }
            What::Cookies(Message::Response) => {
                let mut out = Vec::new();
                for (name, cookie) in self.response_cookies() {
                    push(&mut out, name, cookie);
                }
                Some(Value::Map(out).into())
            }
            What::Location_(message) => text(self.first(message, "location")?),
            What::UserAgent => text(self.first(Message::Request, "user-agent")?),
            What::UserAgentPart(part) => {
                super::user_agent::part(&self.first(Message::Request, "user-agent")?, part).map(Lent::Owned)
            }
            What::HeaderReceived(Message::Request) => Some(Value::Timestamp(request?.received_at).into()),
            What::HeaderReceived(Message::Response) => Some(Value::Timestamp(self.response()?.received_at).into()),
            What::RequestId => lent(request?.id),
            What::Status => number(self.response()?.status),
            What::Origin => lent(self.response()?.origin),
            What::Now => text(timestamp(self.view.now - self.view.now.rem_euclid(1_000_000))),
        }
    }

    /// A namespace as a mapping of what is present in it.
    pub(crate) fn namespace(&self, prefix: &str) -> Value {
        let mut out = Value::Map(Vec::new());
        for name in &NAMES.list {
            let Some(rest) = name.name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')) else {
                continue;
            };
            if name.ty == Type::Namespace {
                continue;
            }
            if let Some(value) = self.read(name.what) {
                let value = match value {
                    Lent::Text(text) => Value::from(text),
                    Lent::Owned(value) => value,
                };
                insert(&mut out, rest, value);
            }
        }
        out
    }

    /// A result of an action by its name below `actions.`.
    pub(crate) fn result(&self, path: &str) -> Option<Value> {
        let mut inside = Value::Map(Vec::new());
        let mut any = false;
        for (name, value) in self.results {
            if *name == path {
                return Some(value.clone());
            }
            if let Some(rest) = path.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) {
                return rest
                    .split('.')
                    .try_fold(value.clone(), |value, key| value.get(key).cloned());
            }
            if let Some(rest) = name.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')) {
                insert(&mut inside, rest, value.clone());
                any = true;
            }
        }
        any.then_some(inside)
    }
}

fn place<'a>(fields: &[(String, String)], field: &str) -> Option<Lent<'a>> {
    let (_, value) = fields.iter().find(|(name, _)| name == field)?;
    if field == "is_eu" {
        return Some(Value::Bool(value == "true").into());
    }
    (!value.is_empty()).then(|| Value::from(value.as_str()).into())
}

/// Categories with every dotted prefix of them.
fn categories(facts: &Intelligence) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if out.iter().all(|known| known != name) {
            out.push(name.to_owned());
        }
    };
    for category in &facts.categories {
        for (dot, _) in category.match_indices('.') {
            add(category.get(..dot).unwrap_or_default());
        }
        add(category);
    }
    out
}

fn flag<'a>(facts: &Intelligence, category: &str) -> Lent<'a> {
    let is_it = |known: &String| {
        known
            .strip_prefix(category)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    Value::Bool(facts.categories.iter().any(is_it)).into()
}

/// Adds to the list that a mapping of lists has under `key`.
fn push(map: &mut Vec<(Value, Value)>, key: String, value: Value) {
    for (known, list) in map.iter_mut() {
        if let (Value::Text(known), Value::List(list)) = (known, list)
            && *known == key
        {
            list.push(value);
            return;
        }
    }
    map.push((Value::Text(key), Value::List(vec![value])));
}

/// Puts `value` at a dotted path.
fn insert(into: &mut Value, path: &str, value: Value) {
    let Value::Map(map) = into else { return };
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let at = map
        .iter()
        .position(|(key, _)| matches!(key, Value::Text(key) if key == first));
    match (at, rest) {
        (None, None) => map.push((Value::from(first), value)),
        (Some(at), None) => {
            if let Some((_, slot)) = map.get_mut(at) {
                *slot = value;
            }
        }
        (at, Some(rest)) => {
            let at = at.unwrap_or_else(|| {
                map.push((Value::from(first), Value::Map(Vec::new())));
                map.len() - 1
            });
            if let Some((_, slot)) = map.get_mut(at) {
                insert(slot, rest, value);
            }
        }
    }
}

fn content_type_parameters(value: &str) -> Value {
    Value::record(value.split(';').skip(1).filter_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        let value = value.trim();
        let value = match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
            Some(quoted) => unquote(quoted),
            None => value.to_owned(),
        };
        Some((name.trim().to_ascii_lowercase(), Value::Text(value)))
    }))
}

fn unquote(quoted: &str) -> String {
    let mut out = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    out
}
