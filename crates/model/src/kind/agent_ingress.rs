//! Named agent ingresses (control plane 2.9, edge 5.1).

use adit_names::code::ErrorCode;
use adit_names::host::{self, CanonicalHost};
use adit_names::id::{Id, Prefix};
use serde_json::{Map, Value, json};

use super::reserved_domain::reversed;
use super::{Kind, Surface, View, certificate_policy, is_changed, reference_of, references_of};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};

const AUTHORITIES: &[&str] = &["", "internal", "letsencrypt", "staging", "zerossl", "google", "buypass"];
const TRANSPORTS: &[&str] = &["tls", "quic", "websocket", "ssh"];
/// Who may be named in `allowed`.
const ALLOWED: &[Prefix] = &[Prefix::Credential, Prefix::User, Prefix::ServiceUser, Prefix::Bot];

/// Agent ingresses.
pub static KIND: Kind = Kind {
    name: "agent_ingress",
    noun: "agent ingress",
    operations: "AgentIngresses",
    prefix: Prefix::AgentIngress,
    path: "agent_ingresses",
    list_key: "ingresses",
    schema: 1,
    permission: "agent_ingresses",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Names of your own at which agents connect.",
    fields: &[
        Field::description(Some(ErrorCode::NGROK_6700)),
        Field::metadata(Some(ErrorCode::NGROK_6701)),
        Field::once("domain", Form::Text(1012), "The name, as connect.example.com.")
            .required(Some(ErrorCode::NGROK_6704))
            .error(ErrorCode::NGROK_6704),
        Field::shown(
            "ns_targets",
            Form::Texts(4, 253),
            "Name servers to delegate the name to; empty with dns_mode cname.",
        ),
        Field::shown(
            "region_domains",
            Form::Texts(21, 253),
            "All names at which agents connect.",
        ),
        Field::set(
            "certificate_management_policy",
            Form::Object(certificate_policy::OF_INGRESS),
            "How certificates are obtained automatically; null if they are not.",
        )
        .nullable(),
        Field::shown("certificate_management_status", Form::Any, "How that goes on.").nullable(),
        Field::set(
            "hostnames",
            Form::Texts(20, 1012),
            "Names at which agents connect; the domain if empty.",
        )
        .addition(),
        Field::set("dns_mode", Form::Choice(&["cname", "ns"]), "How the name leads here.")
            .default("\"cname\"")
            .addition(),
        Field::set(
            "certificate_id",
            Form::Id(&[Prefix::Certificate]),
            "A certificate that was uploaded.",
        )
        .nullable()
        .addition(),
        Field::set(
            "authority",
            Form::Choice(AUTHORITIES),
            "Where its certificate comes from.",
        )
        .error(ErrorCode::NGROK_1908)
        .addition(),
        Field::set(
            "allowed",
            Form::Texts(1000, 64),
            "Who may log in here: ids of credentials, users and service users; the whole organisation if empty.",
        )
        .addition(),
        Field::set(
            "exclusive",
            Form::Flag,
            "Credentials of the organisation may log in only through named ingresses.",
        )
        .addition(),
        Field::set(
            "ip_policies",
            Form::Ids(&[Prefix::IpPolicy], 10),
            "From where agents may connect.",
        )
        .error(ErrorCode::NGROK_1800)
        .addition(),
        Field::set(
            "client_ca_ids",
            Form::Ids(&[Prefix::CertificateAuthority], 100),
            "Authorities of client certificates.",
        )
        .addition(),
        Field::set(
            "client_auth",
            Form::Choice(&["off", "optional", "required"]),
            "Whether agents show a client certificate.",
        )
        .default("\"off\"")
        .addition(),
        Field::set(
            "transports",
            Form::Texts(4, 16),
            "What agents may use: tls, quic, websocket, ssh.",
        )
        .default("[\"tls\"]")
        .addition(),
        Field::set(
            "min_agent_version",
            Form::Map(20),
            "Lowest version of each kind of client.",
        )
        .addition(),
    ],
    empty_update: None,
    complete,
    claims,
    references,
    show,
};

fn complete(object: &mut Object, old: Option<&Object>, ctx: &Context) -> Vec<Problem> {
    let mut found = Vec::new();
    if is_changed(object, old, "domain") {
        match check_name(object.text("domain"), "domain", ctx) {
            Ok(name) => {
                object.body.insert("domain".to_owned(), name.as_str().into());
            }
            Err(problem) => found.push(problem),
        }
    }
    if is_changed(object, old, "hostnames") {
        hostnames(object, ctx, &mut found);
    }
    let sources = [
        object
            .body
            .get("certificate_management_policy")
            .is_some_and(Value::is_object),
        !object.text("certificate_id").is_empty(),
        !object.text("authority").is_empty(),
    ];
    if sources.iter().filter(|given| **given).count() > 1 {
        found.push(Problem::new(ErrorCode::NGROK_6708, "certificate_management_policy"));
    }
    for (at, text) in object.texts("allowed").enumerate() {
        if !text.parse::<Id>().is_ok_and(|id| ALLOWED.contains(&id.prefix())) {
            let prefixes = "cr_, usr_, service_, bot_";
            let problem = Problem::new(ErrorCode::NGROK_243, format!("allowed[{at}]"));
            found.push(problem.shown("value", text).value("prefix", prefixes));
        }
    }
    let mut seen = Vec::new();
    for (at, transport) in object.texts("transports").enumerate() {
        if !TRANSPORTS.contains(&transport) || seen.contains(&transport) {
            let allowed = format!("it must be one of {}, each once", TRANSPORTS.join(", "));
            found.push(Problem::wrong(format!("transports[{at}]"), allowed));
        }
        seen.push(transport);
    }
    if object.texts("transports").next().is_none() {
        object.body.insert("transports".to_owned(), json!(["tls"]));
    }
    found
}

fn hostnames(object: &mut Object, ctx: &Context, found: &mut Vec<Problem>) {
    let mut names: Vec<String> = Vec::new();
    for (at, text) in object.texts("hostnames").enumerate() {
        let path = format!("hostnames[{at}]");
        match check_name(text, &path, ctx) {
            Ok(name) if names.iter().any(|known| known == name.as_str()) => {
                found.push(Problem::wrong(path, "the same name stands in the list twice"));
            }
            Ok(name) => names.push(name.as_str().to_owned()),
            Err(problem) => found.push(problem),
        }
    }
    object.body.insert("hostnames".to_owned(), names.into());
}

/// A name of one's own: no wildcard, neither below a base domain nor above it.
fn check_name(text: &str, path: &str, ctx: &Context) -> Result<CanonicalHost, Problem> {
    let refuse = |code, error: &str| Problem::new(code, path).shown("domain", text).value("error", error);
    let name = CanonicalHost::for_endpoint(text).map_err(|error| refuse(ErrorCode::NGROK_6704, &error.to_string()))?;
    if name.is_wildcard() || host::is_public_suffix(name.as_str()) {
        return Err(refuse(ErrorCode::NGROK_6704, "it must be one name of your own"));
    }
    let is_above = name.as_str() == ctx.base_domain || host::is_below(&ctx.base_domain, name.as_str());
    if is_above || (name.is_below(&ctx.base_domain) && !ctx.is_operators) {
        return Err(refuse(ErrorCode::NGROK_6705, "it belongs to this server"));
    }
    Ok(name)
}

/// All names at which agents connect, the domain first.
pub fn names(object: &Object) -> Vec<&str> {
    let domain = object.text("domain");
    let more = object.texts("hostnames").filter(|name| *name != domain);
    std::iter::once(domain).chain(more).collect()
}

/// Each name as an ingress, and each that is not below another of them as a name: no endpoint can have it.
fn claims(object: &Object) -> Vec<Claim> {
    let mut claims = Vec::new();
    let domain = object.text("domain");
    for name in names(object) {
        claims.push(Claim {
            class: "ingress",
            key: name.to_owned(),
            scope: Scope::Exact,
            taken: ErrorCode::NGROK_6706,
            foreign: ErrorCode::NGROK_6706,
        });
        if name == domain || !host::is_below(name, domain) {
            claims.push(Claim {
                class: "name",
                key: reversed(name),
                scope: Scope::Subtree {
                    root: reversed(name),
                    below: ErrorCode::NGROK_6706,
                },
                taken: ErrorCode::NGROK_6706,
                foreign: ErrorCode::NGROK_6706,
            });
        }
    }
    claims
}

fn references(object: &Object) -> Vec<Reference> {
    let restrict = OnDelete::Restrict(ErrorCode::ADIT_2011);
    // Users are not objects of one organisation.
    let is_ours = |reference: &Reference| matches!(reference.to.prefix(), Prefix::Credential | Prefix::ServiceUser);
    reference_of(object, "certificate_id", restrict, ErrorCode::NGROK_1965)
        .into_iter()
        .chain(references_of(object, "ip_policies", restrict, ErrorCode::NGROK_1801))
        .chain(references_of(object, "client_ca_ids", restrict, ErrorCode::ADIT_2023))
        .chain(references_of(object, "allowed", OnDelete::Detach, ErrorCode::ADIT_2023).filter(is_ours))
        .collect()
}

fn show(object: &Object, out: &mut Map<String, Value>, view: &View<'_>) {
    let is_delegated = object.text("dns_mode") == "ns";
    let servers: Vec<String> = (1..=2)
        .filter(|_| is_delegated)
        .map(|n| format!("ns{n}.{}", view.base_domain))
        .collect();
    out.insert("ns_targets".to_owned(), servers.into());
    out.insert("region_domains".to_owned(), names(object).into());
    out.insert(
        "certificate_management_status".to_owned(),
        certificate_policy::status(object),
    );
}
