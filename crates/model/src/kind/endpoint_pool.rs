//! Settings of endpoint pools: how traffic of a URL is spread over its endpoints (edge 2.6).

use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl, Scheme, UrlError};
use adit_names::id::{Id, Prefix};
use serde_json::{Map, Value};

use super::{Kind, Surface, is_changed, refer_to_nothing, show_as_stored};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;

const EJECTION: &[Field] = &[
    Field::set(
        "failures",
        Form::Integer(0, 1000),
        "Failures in a row that put an endpoint out; 0: never.",
    )
    .default("5"),
    Field::set(
        "base",
        Form::Integer(1, 3600),
        "Seconds that it is out the first time; doubled each time.",
    )
    .default("5"),
    Field::set("max", Form::Integer(1, 86_400), "Most seconds that it is out.").default("300"),
    Field::set(
        "max_percent",
        Form::Integer(0, 100),
        "Most endpoints that are out at once, in percent.",
    )
    .default("50"),
    Field::set(
        "eject_on_5xx",
        Form::Integer(0, 1000),
        "Answers 5xx in a row that put an endpoint out; 0: they do not count.",
    ),
];
const HEALTH_CHECK: &[Field] = &[
    Field::set("type", Form::Choice(&["http", "tcp"]), "How an endpoint is asked.").required(None),
    Field::set("path", Form::Text(2048), "What is asked for.").default("\"/\""),
    Field::set("interval", Form::Integer(1, 3600), "Seconds between two checks.").default("10"),
    Field::set("timeout", Form::Integer(1, 300), "Seconds that an answer may take.").default("2"),
    Field::set(
        "up",
        Form::Integer(1, 100),
        "Good checks in a row that put an endpoint in.",
    )
    .default("2"),
    Field::set("down", Form::Integer(1, 100), "Bad checks in a row that put it out.").default("3"),
    Field::set("expect_first", Form::Integer(100, 599), "Lowest good status.").default("200"),
    Field::set("expect_last", Form::Integer(100, 599), "Highest good status.").default("399"),
];

/// Settings of endpoint pools.
pub static KIND: Kind = Kind {
    name: "endpoint_pool",
    noun: "endpoint pool",
    operations: "EndpointPools",
    prefix: Prefix::EndpointPool,
    path: "endpoint_pools",
    list_key: "endpoint_pools",
    schema: 1,
    permission: "endpoints",
    surface: Surface::Adit,
    operations_allowed: "CRUDL",
    about: "How the traffic of a URL is spread over its endpoints.",
    fields: &[
        Field::once("url", Form::Text(2048), "The URL of the endpoints.")
            .required(Some(ErrorCode::NGROK_249))
            .error(ErrorCode::NGROK_249),
        Field::once(
            "binding",
            Form::Choice(&["public", "internal", "kubernetes"]),
            "From where they are reached.",
        )
        .default("\"public\""),
        Field::set(
            "strategy",
            Form::Text(1024),
            "How an endpoint is chosen: random, least_busy or round_robin.",
        )
        .default("\"random\""),
        Field::set(
            "sticky",
            Form::Text(128),
            "What keeps a visitor at his endpoint: off, cookie, client_ip or header: with a name.",
        )
        .default("\"off\""),
        Field::set("prefer_local", Form::Flag, "Endpoints at the same node come first.").default("true"),
        Field::set(
            "slow_start",
            Form::Integer(0, 3600),
            "Seconds in which a new endpoint gets its full share.",
        )
        .default("10"),
        Field::set(
            "ejection",
            Form::Object(EJECTION),
            "When an endpoint that fails is put out.",
        ),
        Field::set(
            "health_check",
            Form::Object(HEALTH_CHECK),
            "How endpoints are checked; null: they are not.",
        )
        .nullable(),
    ],
    empty_update: None,
    complete,
    claims,
    references: refer_to_nothing,
    show: show_as_stored,
};

fn complete(object: &mut Object, old: Option<&Object>, _: &Context) -> Vec<Problem> {
    let mut found = Vec::new();
    if is_changed(object, old, "url") {
        let given = object.text("url").to_owned();
        match read_url(&given, object.text("binding")) {
            Ok(url) => {
                object.body.insert("url".to_owned(), url.to_string().into());
                object.body.insert("binding".to_owned(), url.binding().as_str().into());
            }
            Err(error) => found.push(
                Problem::new(ErrorCode::NGROK_249, "url")
                    .shown("value", &given)
                    .value("error", error.to_string()),
            ),
        }
    }
    if strategy_of(object.text("strategy")).is_none() {
        let allowed = "it must be random, least_busy or round_robin";
        found.push(Problem::wrong("strategy", allowed));
    }
    // Nothing is taken that would not be done.
    let is_hash = matches!(strategy_of(object.text("strategy")), Some(Strategy::Hash(_)));
    if is_hash && is_changed(object, old, "strategy") {
        let allowed = "hash: is not available in this version; use random, least_busy, round_robin, or sticky";
        found.push(Problem::wrong("strategy", allowed));
    }
    found.extend(wrong_check(object));
    if sticky_of(object.text("sticky")).is_none() {
        let allowed = "it must be off, cookie, client_ip or header: and the name of a header field";
        found.push(Problem::wrong("sticky", allowed));
    }
    found
}

/// What of `health_check` no request can be made of, or no answer can be.
fn wrong_check(object: &Object) -> Option<Problem> {
    let check = object.body.get("health_check").filter(|check| !check.is_null())?;
    let is_http = check.get("type").and_then(Value::as_str) != Some("tcp");
    let url = url(object).filter(|_| is_http);
    if url
        .as_ref()
        .is_some_and(|url| !matches!(url.scheme(), Scheme::Http | Scheme::Https))
    {
        let allowed = "endpoints of this URL do not speak HTTP to the edge; it must be tcp";
        return Some(Problem::wrong("health_check.type", allowed));
    }
    if url.is_some_and(|url| url.host().base_of_wildcard().is_some()) {
        let allowed = "a URL with * names no host to ask for; it must be tcp";
        return Some(Problem::wrong("health_check.type", allowed));
    }
    let path = check.get("path").and_then(Value::as_str).unwrap_or("/");
    let is_target = |b: u8| b.is_ascii_graphic() && b != b'#';
    if !path.starts_with('/') || !path.bytes().all(is_target) {
        let allowed = "it must begin with / and have no space, no # and only ASCII, as in a request";
        return Some(Problem::wrong("health_check.path", allowed));
    }
    let status = |name, usual| check.get(name).and_then(Value::as_u64).unwrap_or(usual);
    if status("expect_first", 200) > status("expect_last", 399) {
        let allowed = "it must not be above expect_last";
        return Some(Problem::wrong("health_check.expect_first", allowed));
    }
    None
}

/// Hosts in `.internal` are internal, whatever else is said.
fn read_url(text: &str, binding: &str) -> Result<EndpointUrl, UrlError> {
    let url = EndpointUrl::from_canonical(text, Binding::from_name(binding).unwrap_or_default())?;
    if url.host().is_below("internal") {
        return EndpointUrl::from_canonical(text, Binding::Internal);
    }
    Ok(url)
}

/// The URL of a pool; `None` if it cannot be read.
#[must_use]
pub fn url(object: &Object) -> Option<EndpointUrl> {
    read_url(object.text("url"), object.text("binding")).ok()
}

/// Settings are found by the URL that its endpoints have; each organisation has its own.
#[must_use]
pub fn claim_key(url: &EndpointUrl, organization: Id) -> String {
    format!("{organization} {} {url}", url.binding())
}

fn claims(object: &Object) -> Vec<Claim> {
    let claim = |url: EndpointUrl| Claim {
        class: "pool",
        key: claim_key(&url, object.organization),
        scope: Scope::Exact,
        taken: ErrorCode::ADIT_2022,
        foreign: ErrorCode::ADIT_2022,
    };
    url(object).map(claim).into_iter().collect()
}

/// How a member is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strategy<'a> {
    /// Any.
    Random,
    /// The less busy of two.
    LeastBusy,
    /// One after the other.
    RoundRobin,
    /// The same for the same value of an expression.
    Hash(&'a str),
}

/// What keeps a visitor at a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sticky<'a> {
    /// Nothing.
    Off,
    /// A cookie.
    Cookie,
    /// The visitor's address.
    ClientIp,
    /// A header field.
    Header(&'a str),
}

fn strategy_of(text: &str) -> Option<Strategy<'_>> {
    Some(match text {
        "random" => Strategy::Random,
        "least_busy" => Strategy::LeastBusy,
        "round_robin" => Strategy::RoundRobin,
        _ => Strategy::Hash(
            text.strip_prefix("hash:")
                .filter(|expression| !expression.trim().is_empty())?,
        ),
    })
}

fn sticky_of(text: &str) -> Option<Sticky<'_>> {
    // Names of fields are tokens (RFC 9110 section 5.6.2).
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    Some(match text {
        "off" => Sticky::Off,
        "cookie" => Sticky::Cookie,
        "client_ip" => Sticky::ClientIp,
        _ => {
            let name = text.strip_prefix("header:")?;
            (!name.is_empty() && name.bytes().all(is_token)).then_some(Sticky::Header(name))?
        }
    })
}

/// Settings as they are applied. What is in `ejection` and `health_check` is read with [`Settings::number`].
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// The URL.
    pub url: EndpointUrl,
    /// How a member is chosen.
    pub strategy: Strategy<'a>,
    /// What keeps a visitor at a member.
    pub sticky: Sticky<'a>,
    /// Whether members at the same node come first.
    pub prefer_local: bool,
    /// Seconds in which a new member gets its full share.
    pub slow_start: u64,
    body: &'a Map<String, Value>,
}

/// How a member is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check<'a> {
    /// By a request for this path.
    Http(&'a str),
    /// By a connection.
    Tcp,
}

impl Settings<'_> {
    /// How members are checked, if they are.
    #[must_use]
    pub fn health_check(&self) -> Option<Check<'_>> {
        let check = self.body.get("health_check")?;
        match check.get("type")?.as_str()? {
            "tcp" => Some(Check::Tcp),
            _ => Some(Check::Http(check.get("path").and_then(Value::as_str).unwrap_or("/"))),
        }
    }

    /// A number of `ejection` or `health_check`; `None` if there is none (no health check, or an older version wrote
    /// the object).
    #[must_use]
    pub fn number(&self, group: &str, name: &str) -> Option<u64> {
        self.body.get(group)?.get(name)?.as_u64()
    }
}

/// Settings as they are applied; `None` if they cannot be read, as those that a newer version wrote.
#[must_use]
pub fn settings(object: &Object) -> Option<Settings<'_>> {
    Some(Settings {
        url: url(object)?,
        strategy: strategy_of(object.text("strategy"))?,
        sticky: sticky_of(object.text("sticky"))?,
        prefer_local: object.flag("prefer_local"),
        slow_start: object.body.get("slow_start").and_then(Value::as_u64).unwrap_or(10),
        body: &object.body,
    })
}
