//! Cloud endpoints: endpoints without an agent (control plane 2.1, edge 2.1–2.3).

use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Address, Binding, EndpointUrl, Scheme, UrlError, Wish};
use adit_names::id::{Id, Prefix};
use serde_json::{Map, Value};

use super::reserved_domain::reversed;
use super::{Kind, Surface, View, is_changed, policy_text, reference_of};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::digest::digest;
use crate::draft::Prepared;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};
use crate::timestamp;

pub use super::policy_text::MAX_POLICY;

const BINDINGS: &str = "public, internal, kubernetes";

/// Cloud endpoints. Endpoints of agents have the same fields in answers, but are not stored.
pub static KIND: Kind = Kind {
    name: "endpoint",
    noun: "cloud endpoint",
    operations: "Endpoints",
    prefix: Prefix::Endpoint,
    path: "endpoints",
    list_key: "endpoints",
    schema: 1,
    permission: "endpoints",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Addresses that visitors reach.",
    fields: FIELDS,
    empty_update: Some(ErrorCode::NGROK_18004),
    complete,
    claims,
    references,
    show,
};

const FIELDS: &[Field] = &[
    Field::shown("region", Form::Text(64), "Where it is served."),
    Field::shown("updated_at", Form::Timestamp, "When it was last changed."),
    Field::shown("public_url", Form::Text(2048), "Old form of url."),
    Field::shown("proto", Form::Text(16), "Old form of scheme."),
    Field::shown(
        "scheme",
        Form::Text(16),
        "What visitors speak: https, http, tls, tcp, udp.",
    ),
    Field::shown("hostport", Form::Text(300), "Host and port."),
    Field::shown("host", Form::Text(253), "Its host."),
    Field::shown("port", Form::Integer(0, 65_535), "Its port."),
    Field::once("type", Form::Choice(&["cloud"]), "Only cloud endpoints are made here.")
        .default("\"cloud\"")
        .error(ErrorCode::NGROK_248),
    Field::set(
        "metadata",
        Form::Text(4096),
        "Data of your own, at most 4096 bytes; kept as it is.",
    )
    .error(ErrorCode::NGROK_18013),
    Field::description(Some(ErrorCode::NGROK_18012)),
    Field::shown("domain", Form::Any, "The reserved domain that it stands on.").nullable(),
    Field::shown("tcp_addr", Form::Any, "The reserved address that it stands on.").nullable(),
    Field::shown(
        "tunnel",
        Form::Any,
        "The tunnel that serves it, of an agent's endpoint.",
    )
    .nullable(),
    Field::shown("edge", Form::Any, "Always null.").nullable(),
    Field::shown("upstream_url", Form::Text(2048), "Where an agent forwards to."),
    Field::shown("upstream_protocol", Form::Text(16), "What an agent speaks there."),
    Field::set("url", Form::Text(2048), "Its URL: scheme, host and, for tcp, port.")
        .required(Some(ErrorCode::NGROK_18001))
        .error(ErrorCode::NGROK_249),
    Field::shown("principal", Form::Any, "Whose it is.").nullable(),
    Field::set(
        "traffic_policy",
        Form::Text(MAX_POLICY),
        "What happens to visitors, as YAML or JSON; kept as it is.",
    )
    .required(Some(ErrorCode::NGROK_18011))
    .error(ErrorCode::NGROK_2236),
    Field::set(
        "bindings",
        Form::Texts(16, 64),
        "From where it is reached: public, internal or kubernetes; internal for hosts in .internal, else public.",
    ),
    Field::shown("tunnel_session", Form::Any, "The session of an agent's endpoint.").nullable(),
    Field::shown("name", Form::Text(255), "Name that an agent gave it."),
    Field::set(
        "pooling_enabled",
        Form::Flag,
        "Whether other endpoints may have the same URL.",
    ),
    Field::shown("binding", Form::Text(16), "").hidden(),
    Field::shown("domain_id", Form::Id(&[Prefix::ReservedDomain]), "")
        .nullable()
        .hidden(),
    Field::shown("tcp_addr_id", Form::Id(&[Prefix::ReservedAddress]), "")
        .nullable()
        .hidden(),
    Field::set(
        "weight",
        Form::Integer(0, 1000),
        "Its share of a pool's traffic; 0: nothing new.",
    )
    .default("100")
    .addition(),
    Field::set("enabled", Form::Flag, "Whether it answers.")
        .default("true")
        .addition(),
    Field::set("expires_at", Form::Timestamp, "When it ends; null if never.")
        .nullable()
        .addition(),
    Field::shown("policy_hash", Form::Text(64), "SHA-256 of the traffic policy.").addition(),
    Field::shown("status", Form::Any, "Whether it is online, and if not, why.")
        .nullable()
        .addition(),
    Field::shown("pools", Form::Any, "The other endpoints with its URL.")
        .nullable()
        .addition(),
];

fn complete(object: &mut Object, old: Option<&Object>, ctx: &Context) -> Vec<Problem> {
    let mut found = Vec::new();
    let binding = match asked_binding(object) {
        Ok(binding) => binding,
        Err(problems) => {
            found.extend(problems);
            None
        }
    };
    match old {
        None => match resolve(object.text("url"), binding, ctx) {
            Ok(url) if found.is_empty() => put_url(object, &url),
            Ok(_) => {}
            Err(problem) => found.push(problem),
        },
        Some(old) if found.is_empty() => {
            if let Err(problem) = keep_url(object, old, binding, ctx) {
                found.push(problem);
            }
        }
        Some(_) => {}
    }
    if is_changed(object, old, "traffic_policy") {
        match policy_text::check("traffic_policy", object.text("traffic_policy")) {
            Ok(()) => {
                let hash: String = digest(object.text("traffic_policy").as_bytes())
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                object.body.insert("policy_hash".to_owned(), hash.into());
            }
            Err(problem) => found.push(problem),
        }
    }
    found
}

/// The one binding that is given, if one is.
fn asked_binding(object: &Object) -> Result<Option<Binding>, Vec<Problem>> {
    let mut found = Vec::new();
    let mut bindings = Vec::new();
    for (at, text) in object.texts("bindings").enumerate() {
        let problem = |code| Problem::new(code, format!("bindings[{at}]")).shown("binding", text);
        match Binding::from_name(text) {
            None => found.push(problem(ErrorCode::NGROK_15005).detail("supported", BINDINGS)),
            Some(binding) if bindings.contains(&binding) => found.push(problem(ErrorCode::NGROK_15006)),
            Some(binding) => bindings.push(binding),
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    match bindings.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(vec![contradiction("there is more than one")]),
    }
}

fn contradiction(error: &str) -> Problem {
    Problem::new(ErrorCode::NGROK_18007, "bindings").value("error", error)
}

fn resolve(text: &str, binding: Option<Binding>, ctx: &Context) -> Result<EndpointUrl, Problem> {
    let refuse = |code: ErrorCode, error: &str| Problem::new(code, "url").shown("value", text).value("error", error);
    let fail = |error: UrlError| match error {
        UrlError::Scheme { .. } => refuse(ErrorCode::NGROK_18022, &error.to_string()),
        UrlError::PortRange(_) | UrlError::PortNumber(_) => refuse(ErrorCode::NGROK_18003, &error.to_string()),
        UrlError::PortForScheme { scheme, .. } if scheme.by_name() => {
            refuse(ErrorCode::NGROK_18023, &error.to_string())
        }
        UrlError::PortForScheme { .. } => refuse(ErrorCode::NGROK_18003, &error.to_string()),
        UrlError::InternalHost(_) | UrlError::KubernetesHost(_) => contradiction("the host is of another one"),
        _ => refuse(ErrorCode::NGROK_249, &error.to_string()),
    };
    let wish = Wish::parse(text).map_err(fail)?;
    let Some(scheme) = wish.scheme else {
        return Err(refuse(ErrorCode::NGROK_18022, "the scheme is missing"));
    };
    let Some(host) = &wish.host else {
        return Err(refuse(ErrorCode::NGROK_249, "the host is missing"));
    };
    if binding == Some(Binding::Public) && host.is_below("internal") {
        return Err(contradiction("the host ends in .internal"));
    }
    if !scheme.by_name() && wish.port.is_none() {
        return Err(refuse(ErrorCode::NGROK_18003, "the port is missing"));
    }
    let Some(rules) = ctx.url_rules() else {
        return Err(refuse(
            ErrorCode::NGROK_249,
            "the base domain of this server is no host name",
        ));
    };
    match wish.resolve(binding, &rules).map_err(fail)? {
        Address::Url(url) => Ok(url),
        Address::RandomName { .. } | Address::RandomPort { .. } => {
            Err(refuse(ErrorCode::NGROK_249, "host or port is missing"))
        }
    }
}

fn put_url(object: &mut Object, url: &EndpointUrl) {
    object.body.insert("url".to_owned(), url.to_string().into());
    object
        .body
        .insert("bindings".to_owned(), vec![url.binding().as_str()].into());
    // Beside the URL, so that lists can be filtered by them.
    object.body.insert("binding".to_owned(), url.binding().as_str().into());
    object.body.insert("scheme".to_owned(), url.scheme().as_str().into());
}

/// A change may repeat the URL in any spelling, and may not contradict it with another binding.
fn keep_url(object: &mut Object, old: &Object, binding: Option<Binding>, ctx: &Context) -> Result<(), Problem> {
    if !is_changed(object, Some(old), "url") && !is_changed(object, Some(old), "bindings") {
        return Ok(());
    }
    let Some(before) = url(old) else {
        return Ok(());
    };
    let after = resolve(object.text("url"), binding, ctx)?;
    if after.scheme() != before.scheme() {
        return Err(Problem::new(ErrorCode::NGROK_18005, "url"));
    }
    if (after.host(), after.port()) != (before.host(), before.port()) {
        return Err(Problem::new(ErrorCode::ADIT_2017, "url"));
    }
    put_url(object, &after);
    Ok(())
}

/// The URL of an endpoint; `None` if it cannot be read.
#[must_use]
pub fn url(object: &Object) -> Option<EndpointUrl> {
    let binding = Binding::from_name(object.texts("bindings").next().unwrap_or("public"))?;
    EndpointUrl::from_canonical(object.text("url"), binding).ok()
}

/// Sets which reservation of the organisation the endpoint stands on. Whoever makes one looks it up
/// ([`super::reserved_domain::candidates`], [`super::reserved_addr::claim_key`]).
pub fn attach(prepared: &mut Prepared, domain: Option<Id>, address: Option<Id>) {
    for (field, id) in [("domain_id", domain), ("tcp_addr_id", address)] {
        let value = id.map_or(Value::Null, |id| id.to_string().into());
        prepared.object.body.insert(field.to_owned(), value);
    }
    prepared.renew(&KIND);
}

/// Key of the claim (class `url`) of a URL without pooling. Internal and kubernetes URLs are the organisation's own;
/// the host is no part of public ports (edge 2.3).
#[must_use]
pub fn claim_key(url: &EndpointUrl, organization: Id) -> String {
    let class = class_of(url.scheme());
    match url.binding() {
        Binding::Public if url.scheme().by_name() => format!("public {class} {}", url.host_and_port()),
        Binding::Public => format!("public {class} {}", url.port()),
        binding => format!("{binding} {organization} {class} {}", url.host_and_port()),
    }
}

const fn class_of(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Https | Scheme::Tls => "sni",
        Scheme::Http => "http",
        Scheme::Tcp => "tcp",
        Scheme::Udp => "udp",
    }
}

/// The URL, and for a public name also the name against other organisations: theirs may lie neither above nor below.
/// Endpoints with pooling share a URL (18016, 18017).
fn claims(object: &Object) -> Vec<Claim> {
    let Some(url) = url(object) else {
        return Vec::new();
    };
    let share = if object.flag("pooling_enabled") {
        format!(" {}", object.id)
    } else {
        String::new()
    };
    let key = claim_key(&url, object.organization);
    let mut claims = vec![Claim {
        class: "url",
        key: format!("{key}{share}"),
        scope: if share.is_empty() {
            Scope::Sole {
                shared: ErrorCode::NGROK_18017,
            }
        } else {
            Scope::Shared {
                of: key,
                alone: ErrorCode::NGROK_18016,
            }
        },
        taken: ErrorCode::NGROK_18009,
        // As for any name that is somebody else's.
        foreign: ErrorCode::NGROK_18006,
    }];
    if url.binding() == Binding::Public && url.scheme().by_name() {
        let root = reversed(url.host().base_of_wildcard().unwrap_or_else(|| url.host().as_str()));
        claims.push(Claim {
            class: "name",
            // A reservation of the same organisation has the name's own key.
            key: format!(
                "{}#{} {}{share}",
                reversed(url.host().as_str()),
                class_of(url.scheme()),
                url.port()
            ),
            scope: Scope::Subtree {
                root,
                below: ErrorCode::NGROK_18006,
            },
            taken: ErrorCode::NGROK_18009,
            foreign: ErrorCode::NGROK_18006,
        });
    }
    claims
}

fn references(object: &Object) -> Vec<Reference> {
    let domain = OnDelete::Restrict(ErrorCode::NGROK_446);
    let address = OnDelete::Restrict(ErrorCode::ADIT_2011);
    let policy = |to| Reference {
        field: "traffic_policy",
        to,
        on_delete: OnDelete::Restrict(ErrorCode::ADIT_2011),
        missing: ErrorCode::NGROK_2216,
    };
    let policies = policy_text::ip_policies(object.text("traffic_policy"));
    let authorities = policy_text::authorities(object.text("traffic_policy"));
    let authority = |to| Reference {
        missing: ErrorCode::NGROK_2228,
        ..policy(to)
    };
    reference_of(object, "domain_id", domain, ErrorCode::NGROK_18006)
        .into_iter()
        .chain(reference_of(object, "tcp_addr_id", address, ErrorCode::NGROK_18006))
        .chain(policies.into_iter().map(policy))
        .chain(authorities.into_iter().map(authority))
        .collect()
}

/// The canonical form of a URL that may name an endpoint; `None` if it is none.
#[must_use]
pub fn canonical_url(text: &str, ctx: &Context) -> Option<String> {
    resolve(text, None, ctx).ok().map(|url| url.to_string())
}

fn show(object: &Object, out: &mut Map<String, Value>, view: &View<'_>) {
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    put("region", "global".into());
    put("public_url", object.text("url").into());
    if let Some(url) = url(object) {
        put("proto", url.scheme().as_str().into());
        put("scheme", url.scheme().as_str().into());
        put("hostport", url.host_and_port().into());
        put("host", url.host().as_str().into());
        put("port", url.port().into());
    }
    let link = |id: Option<Id>| id.map_or(Value::Null, |id| view.link(&id));
    put("domain", link(object.reference("domain_id")));
    put("tcp_addr", link(object.reference("tcp_addr_id")));
    put("principal", link(object.owner));
}

/// A cloud endpoint as it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEndpoint<'a> {
    /// Its URL.
    pub url: EndpointUrl,
    /// Its traffic policy, as it was given.
    pub policy: &'a str,
    /// Whether other endpoints may have the URL.
    pub pooling: bool,
    /// Its share of a pool's traffic, 0 to 1000.
    pub weight: u16,
    /// Whether it answers.
    pub enabled: bool,
    /// Microseconds since the Unix epoch from which on it is void.
    pub expires_at: Option<i64>,
    /// The reserved domain that it stands on.
    pub domain: Option<Id>,
}

/// A cloud endpoint as it is applied; `None` if it cannot be read, as one that a newer version wrote.
#[must_use]
pub fn cloud_endpoint(object: &Object) -> Option<CloudEndpoint<'_>> {
    let weight = object.body.get("weight").and_then(Value::as_u64).unwrap_or(100);
    Some(CloudEndpoint {
        url: url(object)?,
        policy: object.text("traffic_policy"),
        pooling: object.flag("pooling_enabled"),
        weight: u16::try_from(weight).ok()?,
        enabled: object.body.get("enabled").and_then(Value::as_bool).unwrap_or(true),
        expires_at: timestamp::micros(object.text("expires_at")),
        domain: object.reference("domain_id"),
    })
}
