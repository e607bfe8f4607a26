//! Reserved domains (control plane 2.2, edge 3).

use adit_names::code::ErrorCode;
use adit_names::host::{self, CanonicalHost, HostError, MAX_NAME, RESERVED_LABELS};
use adit_names::id::{Id, Prefix};
use adit_names::random_name;
use serde_json::{Map, Value, json};

use super::{Kind, Surface, View, certificate_policy, is_changed, reference_of};
use crate::claim::{Claim, Scope};
use crate::context::Context;
use crate::digest::digest;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};

/// Regions that old clients name.
pub(super) const REGIONS: &[&str] = &["", "global", "us", "eu", "ap", "au", "sa", "jp", "in"];
/// RFC 4648 base32 in lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

const PLACE: &[Field] = &[Field::set("value", Form::Text(64), "\"global\" or a region of a node.")
    .required(Some(ErrorCode::NGROK_459))
    .error(ErrorCode::NGROK_459)];

/// Reserved domains.
pub static KIND: Kind = Kind {
    name: "reserved_domain",
    noun: "reserved domain",
    operations: "ReservedDomains",
    prefix: Prefix::ReservedDomain,
    path: "reserved_domains",
    list_key: "reserved_domains",
    schema: 1,
    permission: "reserved_domains",
    surface: Surface::Ngrok,
    operations_allowed: "CRUDL",
    about: "Names that only your endpoints may have.",
    fields: &[
        Field::description(Some(ErrorCode::NGROK_420)),
        Field::metadata(Some(ErrorCode::NGROK_421)),
        Field::once(
            "domain",
            Form::Text(4 * MAX_NAME),
            "The name, as app.example.com or *.example.com; a random one below the base domain if nothing is given.",
        )
        .error(ErrorCode::NGROK_423),
        Field::once(
            "name",
            Form::Text(MAX_NAME),
            "Old form of domain: a label below the base domain.",
        )
        .error(ErrorCode::NGROK_423)
        .legacy(),
        Field::once("region", Form::Choice(REGIONS), "Kept for old clients; has no effect.")
            .error(ErrorCode::NGROK_500),
        Field::shown(
            "cname_target",
            Form::Text(MAX_NAME),
            "What a CNAME record of the name must point to.",
        )
        .nullable(),
        Field::shown("certificate", Form::Any, "The certificate that visitors see.").nullable(),
        Field::set(
            "certificate_management_policy",
            Form::Object(certificate_policy::OF_DOMAIN),
            "How certificates are obtained automatically; null if they are not.",
        )
        .nullable(),
        Field::shown("certificate_management_status", Form::Any, "How that goes on.").nullable(),
        Field::shown(
            "acme_challenge_cname_target",
            Form::Text(MAX_NAME),
            "What a CNAME record of _acme-challenge must point to, so that a wildcard gets certificates.",
        )
        .nullable(),
        Field::set(
            "resolves_to",
            Form::Objects(PLACE, 100),
            "Where visitors are led; anywhere if empty.",
        ),
        Field::set(
            "certificate_id",
            Form::Id(&[Prefix::Certificate]),
            "A certificate that was uploaded.",
        )
        .nullable()
        .hidden(),
        Field::shown(
            "state",
            Form::Text(32),
            "Whether DNS leads here: pending_dns, verified, active, broken_dns.",
        )
        .default("\"pending_dns\"")
        .addition(),
        Field::shown("records", Form::Any, "Records to enter at the DNS provider.").addition(),
        Field::shown("checks", Form::Any, "What the last look-ups of these records found.").addition(),
    ],
    empty_update: Some(ErrorCode::NGROK_422),
    complete,
    claims,
    references,
    show,
};

fn complete(object: &mut Object, old: Option<&Object>, ctx: &Context) -> Vec<Problem> {
    let mut found = Vec::new();
    if old.is_some() && !object.text("name").is_empty() {
        found.push(Problem::wrong("name", "the name of a domain cannot be changed"));
    } else if is_changed(object, old, "domain") {
        match wanted(object, ctx) {
            Ok(host) => {
                object.body.insert("domain".to_owned(), host.as_str().into());
                // Below the base domain there is nothing to enter in DNS.
                let is_ours = host.is_below(&ctx.base_domain);
                let state = if is_ours { "active" } else { "pending_dns" };
                object.body.insert("state".to_owned(), state.into());
                targets(object, &host, is_ours, ctx);
            }
            Err(problem) => found.push(problem),
        }
    }
    let domain = object.text("domain").to_owned();
    certificates(object, old, &domain, ctx, &mut found);
    found.extend(places(object));
    found
}

/// What DNS records of a name of one's own must point to.
fn targets(object: &mut Object, host: &CanonicalHost, is_ours: bool, ctx: &Context) {
    let target = |zone: &str, is_needed: bool| {
        let label = random_text(object.id, zone, 20);
        is_needed.then(|| format!("{label}.{zone}.{}", ctx.base_domain))
    };
    let cname = target("cname", !is_ours);
    let acme = target("acme", !is_ours && host.is_wildcard());
    object.body.insert("cname_target".to_owned(), cname.into());
    object
        .body
        .insert("acme_challenge_cname_target".to_owned(), acme.into());
}

/// Text in base32 that follows from the id. Its random bits are the server's, so nobody can have a domain with the
/// targets of another one, also not of one that is no more.
fn random_text(id: Id, purpose: &str, length: usize) -> String {
    let mut bytes = purpose.as_bytes().to_vec();
    bytes.push(0);
    bytes.extend(id.bytes());
    let letter = |byte: &u8| BASE32.get(usize::from(byte % 32)).copied().map_or('a', char::from);
    digest(&bytes).iter().take(length).map(letter).collect()
}

/// The name that is asked for, canonical; a random one if none is.
fn wanted(object: &Object, ctx: &Context) -> Result<CanonicalHost, Problem> {
    let (domain, label) = (object.text("domain"), object.text("name"));
    let name = match (domain, label) {
        ("", "") => {
            let mut random = [0; random_name::RANDOM_BYTES];
            let mut seed = b"name\0".to_vec();
            seed.extend(object.id.bytes());
            for (to, from) in random.iter_mut().zip(digest(&seed)) {
                *to = from;
            }
            format!("{}.{}", random_name::label(random), ctx.base_domain)
        }
        (domain, "") => domain.to_owned(),
        ("", label) if label.contains('.') => label.to_owned(),
        ("", label) => format!("{label}.{}", ctx.base_domain),
        _ => return Err(Problem::new(ErrorCode::NGROK_449, "domain")),
    };
    check_name(&name, ctx).map_err(|problem| problem.shown("domain", &name))
}

fn check_name(given: &str, ctx: &Context) -> Result<CanonicalHost, Problem> {
    let name = given.strip_suffix('.').unwrap_or(given);
    let refuse = |code| Problem::new(code, "domain");
    if name.chars().count() > MAX_NAME {
        return Err(refuse(ErrorCode::NGROK_423)
            .value("size", name.chars().count().to_string())
            .value("max", MAX_NAME.to_string()));
    }
    let mut labels = name.split('.');
    let first = labels.next().unwrap_or_default();
    if labels.any(|label| label.contains('*')) {
        return Err(refuse(ErrorCode::NGROK_402));
    }
    if first.contains('*') && first != "*" {
        return Err(refuse(ErrorCode::NGROK_403));
    }
    if name == "*" {
        return Err(refuse(ErrorCode::NGROK_448));
    }
    let host = CanonicalHost::any_depth(given).map_err(|error| grammar(&error, name))?;
    let under_star = host.base_of_wildcard().unwrap_or(host.as_str()).to_owned();
    let suffix = |problem: Problem, suffix: &str| problem.shown("suffix", suffix);
    let base = ctx.base_domain.as_str();
    if under_star == base {
        return Err(refuse(ErrorCode::NGROK_404));
    }
    let is_many = host::is_public_suffix(&under_star) || ctx.private_suffixes.contains(&under_star);
    if is_many && (host.is_wildcard() || under_star.contains('.')) {
        return Err(suffix(refuse(ErrorCode::NGROK_416), &under_star));
    }
    if !under_star.contains('.') {
        return Err(refuse(ErrorCode::NGROK_448));
    }
    if host::is_below(base, &under_star) {
        return Err(refuse(ErrorCode::NGROK_404));
    }
    if let Some(front) = under_star.strip_suffix(base).and_then(|front| front.strip_suffix('.')) {
        let (above, top) = front.rsplit_once('.').map_or(("", front), |(above, top)| (above, top));
        if RESERVED_LABELS.contains(&top) {
            return Err(if above.is_empty() && !host.is_wildcard() {
                refuse(ErrorCode::NGROK_404)
            } else {
                suffix(refuse(ErrorCode::NGROK_450), &format!("{top}.{base}"))
            });
        }
        return Ok(host);
    }
    let is_reachable = ctx.url_rules().is_some_and(|rules| rules.reachable(&host));
    if !is_reachable || under_star.ends_with(".internal") {
        let last = host.labels().next_back().unwrap_or_default().to_owned();
        return Err(suffix(refuse(ErrorCode::NGROK_411), &last));
    }
    Ok(host)
}

/// The numbers of reserved domains for what is wrong with a name.
fn grammar(error: &HostError, name: &str) -> Problem {
    let new = |code| Problem::new(code, "domain");
    match error {
        HostError::Character(c) => new(ErrorCode::NGROK_406).value("character", c.to_string()),
        HostError::Underscore => new(ErrorCode::NGROK_438),
        HostError::EmptyLabel => new(ErrorCode::NGROK_409),
        HostError::FirstCharacter(label) => new(ErrorCode::NGROK_407).shown("label", label),
        HostError::LastCharacter(label) => new(ErrorCode::NGROK_408).shown("label", label),
        HostError::Hyphens34 => new(ErrorCode::NGROK_410),
        HostError::Idna => new(ErrorCode::NGROK_429),
        HostError::LabelTooLong => new(ErrorCode::NGROK_513),
        HostError::NameTooLong => new(ErrorCode::NGROK_514),
        // The last part of an address is no suffix.
        HostError::IpLiteral => new(ErrorCode::NGROK_411).shown("suffix", name.rsplit('.').next().unwrap_or_default()),
        _ => new(ErrorCode::NGROK_448),
    }
}

fn certificates(object: &mut Object, old: Option<&Object>, domain: &str, ctx: &Context, found: &mut Vec<Problem>) {
    let has_certificate = !object.text("certificate_id").is_empty();
    let given = object.body.get("certificate_management_policy");
    let mut has_policy = given.is_some_and(Value::is_object);
    let above = domain.split_once('.').map_or("", |(_, above)| above);
    let can_have = !host::is_below(domain, &ctx.base_domain) && !host::is_shared_suffix(above);
    if old.is_none() && ctx.acme && can_have && !has_policy && !has_certificate {
        let usual = json!({"authority": "letsencrypt", "private_key_type": "ecdsa"});
        object.body.insert("certificate_management_policy".to_owned(), usual);
        has_policy = true;
    }
    if !is_changed(object, old, "certificate_management_policy") && !is_changed(object, old, "certificate_id") {
        return;
    }
    if has_policy && has_certificate {
        found.push(Problem::new(ErrorCode::NGROK_434, "certificate_id"));
    }
    let is_ours = host::is_below(domain, &ctx.base_domain);
    if is_ours && has_policy {
        found.push(Problem::new(ErrorCode::NGROK_439, "certificate_management_policy"));
    }
    if is_ours && has_certificate && !ctx.is_operators {
        found.push(Problem::new(ErrorCode::NGROK_440, "certificate_id"));
    }
    if has_policy && !is_ours && host::is_shared_suffix(above) {
        found.push(Problem::new(ErrorCode::NGROK_447, "certificate_management_policy").shown("suffix", above));
    }
}

fn places(object: &Object) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut seen = Vec::new();
    let list = object.body.get("resolves_to").and_then(Value::as_array);
    for (at, entry) in list.into_iter().flatten().enumerate() {
        let place = entry.get("value").and_then(Value::as_str).unwrap_or_default();
        let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let problem = |code| Problem::new(code, format!("resolves_to[{at}].value")).shown("value", place);
        if place.len() > 32 || !place.bytes().all(is_name) {
            found.push(problem(ErrorCode::NGROK_459));
        } else if seen.contains(&place) {
            found.push(problem(ErrorCode::NGROK_456));
        }
        seen.push(place);
    }
    found
}

/// The labels of a name from the right, each followed by a dot, as claims of the class `name` have them:
/// `com.example.*.` for `*.example.com`.
#[must_use]
pub fn reversed(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 1);
    for label in name.rsplit('.') {
        out.push_str(label);
        out.push('.');
    }
    out
}

/// Keys of the claims (class `name`) of the reservations that an endpoint with this host could stand on, the most
/// specific first: the name itself, then wildcards from the longest.
#[must_use]
pub fn candidates(host: &CanonicalHost) -> Vec<String> {
    let name = host.as_str();
    let mut keys = vec![reversed(name)];
    let mut rest = host.base_of_wildcard().unwrap_or(name);
    while let Some((_, above)) = rest.split_once('.') {
        keys.push(format!("{}*.", reversed(above)));
        rest = above;
    }
    keys
}

/// Keys of the claims (class `name`) of which the organisation must hold one, so that it may reserve this name: of
/// names more than one label below the base domain, what lies above. Empty: nothing is needed.
#[must_use]
pub fn needed_above(host: &CanonicalHost, base_domain: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut name = host.base_of_wildcard().unwrap_or(host.as_str());
    while let Some((_, above)) = name
        .split_once('.')
        .filter(|(_, above)| host::is_below(above, base_domain))
    {
        keys.push(reversed(above));
        keys.push(format!("{}*.", reversed(above)));
        name = above;
    }
    keys
}

fn claims(object: &Object) -> Vec<Claim> {
    let domain = object.text("domain");
    vec![Claim {
        class: "name",
        key: reversed(domain),
        scope: Scope::Subtree {
            root: reversed(domain.strip_prefix("*.").unwrap_or(domain)),
            below: ErrorCode::NGROK_417,
        },
        taken: ErrorCode::NGROK_413,
        foreign: ErrorCode::NGROK_414,
    }]
}

fn references(object: &Object) -> Vec<Reference> {
    let restrict = OnDelete::Restrict(ErrorCode::ADIT_2011);
    reference_of(object, "certificate_id", restrict, ErrorCode::NGROK_1965)
        .into_iter()
        .collect()
}

fn show(object: &Object, out: &mut Map<String, Value>, view: &View<'_>) {
    if view.additions {
        out.insert("records".to_owned(), records(object).into());
        let checks = object.body.get("checks").filter(|checks| checks.is_array());
        out.insert("checks".to_owned(), checks.cloned().unwrap_or_else(|| json!([])));
    }
    let certificate = object
        .reference("certificate_id")
        .map_or(Value::Null, |id| view.link(&id));
    out.insert("certificate".to_owned(), certificate);
    out.insert(
        "certificate_management_status".to_owned(),
        certificate_policy::status(object),
    );
}

/// The records to enter at the DNS provider (edge 3.3).
fn records(object: &Object) -> Vec<Value> {
    let domain = object.text("domain");
    let bare = domain.strip_prefix("*.").unwrap_or(domain);
    let record = |kind: &str, name: &str, value: &str| json!({ "type": kind, "name": name, "value": value });
    let mut records = Vec::new();
    let cname = object.text("cname_target");
    if !cname.is_empty() {
        let proof = format!("adit-verify={}", random_text(object.id, "verify", 32));
        records.push(record("CNAME", domain, cname));
        records.push(record("TXT", &format!("_adit-challenge.{bare}"), &proof));
    }
    let acme = object.text("acme_challenge_cname_target");
    if !acme.is_empty() {
        records.push(record("CNAME", &format!("_acme-challenge.{bare}"), acme));
    }
    records
}

/// A reserved domain as it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The name, perhaps a wildcard.
    pub host: CanonicalHost,
    /// The certificate that was uploaded for it.
    pub certificate: Option<Id>,
    /// Whether DNS is known to lead here, or need not.
    pub is_active: bool,
}

/// A reserved domain as it is applied; `None` if its name cannot be read.
#[must_use]
pub fn domain(object: &Object) -> Option<Domain> {
    Some(Domain {
        host: CanonicalHost::for_endpoint(object.text("domain")).ok()?,
        certificate: object.reference("certificate_id"),
        is_active: matches!(object.text("state"), "active" | "verified"),
    })
}
