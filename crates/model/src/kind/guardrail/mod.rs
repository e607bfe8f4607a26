//! Guardrails: policies of an organisation that no agent and no owner of an endpoint can weaken (traffic policy 6.1).

mod read;
mod scope;
mod together;

use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl, Scheme};
use adit_names::host::CanonicalHost;
use adit_names::id::Prefix;
use serde_json::{Map, Value};

use super::{Kind, Surface, is_changed, policy_text, show_as_stored};
use crate::claim::{self, Claim};
use crate::context::Context;
use crate::digest::digest;
use crate::field::{Field, Form};
use crate::object::Object;
use crate::problem::Problem;
use crate::reference::{OnDelete, Reference};
use crate::timestamp::timestamp;

pub use policy_text::MAX_POLICY;
pub use read::{Exception, Mode, exceptions, grace, mode, priority};
pub use scope::{Place, Rank, Scope, Whom};
pub use together::together;

/// Most guardrails of an organisation; so many of the whole installation besides.
pub const MAX_GUARDRAILS: usize = 100;
/// Most rules of all guardrails of an organisation that are not off, and of those of the whole installation: with the 256 of
/// an endpoint's own policy they are the 1,024 of a chain (traffic policy 1.2). No organisation can fill the room of the
/// installation's.
pub const MAX_RULES: u64 = 512;
/// See [`MAX_RULES`].
pub const MAX_RULES_OF_INSTALLATION: u64 = 256;
/// Most names of a scope.
const MAX_DOMAINS: usize = 1_000;
/// Longest expression of a scope in bytes.
pub const MAX_EXPRESSION: usize = 4_096;
/// Longest grace in seconds: a year.
const MAX_GRACE: i64 = 31_536_000;

const SCOPE: &[Field] = &[
    Field::set("organization", Form::Flag, "Every endpoint of the organisation."),
    Field::set(
        "domains",
        Form::Texts(MAX_DOMAINS, 253),
        "Endpoints of these names; *.example.com is every name below example.com.",
    ),
    Field::set(
        "endpoints",
        Form::Text(MAX_EXPRESSION),
        "Endpoints for which this expression over endpoint and conn is true.",
    ),
    Field::set(
        "bindings",
        Form::Texts(3, 32),
        "Only endpoints that are reached from there: public, internal, kubernetes.",
    ),
    Field::set(
        "protocols",
        Form::Texts(4, 16),
        "Only endpoints of these schemes: https, http, tls, tcp.",
    ),
];

const EXCEPTIONS: &[Field] = &[
    Field::set("endpoint_url", Form::Text(2048), "The endpoint.").required(None),
    Field::set(
        "rule_id",
        Form::Text(64),
        "The id of the rule that does not hold there.",
    )
    .required(None),
    Field::set("reason", Form::Text(255), "Why, in words.").required(None),
    Field::set("expires_at", Form::Timestamp, "When it ends; null if never.").nullable(),
];

const REQUIRE: &[Field] = &[
    Field::set(
        "has_action",
        Form::Choice(&[
            "",
            "oauth",
            "openid-connect",
            "jwt-validation",
            "basic-auth",
            "restrict-ips",
        ]),
        "The endpoint's own policy has this action.",
    ),
    Field::set("no_action", Form::Texts(64, 64), "It has none of these actions."),
    Field::set(
        "min_tls",
        Form::Choice(&["", "1.2", "1.3"]),
        "It asks for this version of TLS at least.",
    ),
    Field::set("max_rules", Form::Integer(0, 256), "It has so many rules at most.").nullable(),
];

/// Guardrails.
pub static KIND: Kind = Kind {
    name: "guardrail",
    noun: "guardrail",
    operations: "Guardrails",
    prefix: Prefix::Guardrail,
    path: "guardrails",
    list_key: "guardrails",
    schema: 1,
    permission: "guardrails",
    surface: Surface::Adit,
    operations_allowed: "CRUDL",
    about: "Traffic policies that stand around those of endpoints and that no endpoint can lift.",
    fields: &[
        Field::set("name", Form::Text(64), "Its name, unique in the organisation.").required(None),
        Field::description(None),
        Field::metadata(None),
        Field::set(
            "scope",
            Form::Object(SCOPE),
            "Whom it is about: organization, domains or endpoints, one of them; replaced as a whole.",
        )
        .default(r#"{"organization":true,"domains":[],"endpoints":"","bindings":[],"protocols":[]}"#),
        Field::set(
            "policy",
            Form::Text(MAX_POLICY),
            "What happens to visitors, as YAML or JSON; kept as it is.",
        )
        .required(Some(ErrorCode::NGROK_18011))
        .error(ErrorCode::NGROK_2236),
        Field::set(
            "mode",
            Form::Choice(&["enforce", "dry_run", "off"]),
            "Whether it decides, only tells whom it would refuse, or does nothing.",
        )
        .default("\"dry_run\""),
        Field::set(
            "priority",
            Form::Integer(0, 1000),
            "Lower ones go first among those of the same scope.",
        )
        .default("100"),
        Field::set(
            "exceptions",
            Form::Objects(EXCEPTIONS, 1_000),
            "Rules that do not hold for an endpoint.",
        ),
        Field::set(
            "require",
            Form::Objects(REQUIRE, 32),
            "What the own policies of endpoints must have; each has one of the fields.",
        ),
        Field::set(
            "grace",
            Form::Integer(0, MAX_GRACE),
            "Seconds that endpoints which run have until they must meet what is required.",
        )
        .default("86400"),
        Field::once(
            "installation",
            Form::Flag,
            "Whether it is about the endpoints of all organisations; only the operators' organisation has such.",
        ),
        Field::shown("policy_hash", Form::Text(64), "SHA-256 of the policy."),
        Field::shown(
            "rules",
            Form::Integer(0, 1_024),
            "Rules of the policy, of all phases together.",
        ),
        Field::shown(
            "required_at",
            Form::Timestamp,
            "Since when what is required is as it is; the grace counts from then.",
        ),
        Field::shown("updated_at", Form::Timestamp, "When it was last changed."),
    ],
    empty_update: None,
    complete,
    claims,
    references,
    show: show_as_stored,
};

fn complete(object: &mut Object, old: Option<&Object>, ctx: &Context) -> Vec<Problem> {
    let mut found = Vec::new();
    if is_changed(object, old, "scope") {
        found.extend(complete_scope(object));
    }
    if is_changed(object, old, "policy") {
        let text = object.text("policy");
        match policy_text::check("policy", text) {
            Ok(()) => {
                let hash: String = digest(text.as_bytes())
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                object.body.insert("policy_hash".to_owned(), hash.into());
                object.body.insert(
                    "rules".to_owned(),
                    policy_text::rule_count(object.text("policy")).into(),
                );
            }
            Err(problem) => found.push(problem),
        }
    }
    if is_changed(object, old, "exceptions") {
        found.extend(complete_exceptions(object));
    }
    found.extend(check_require(object));
    if old.is_none() && object.flag("installation") && !ctx.is_operators {
        let error = "only the operators' organisation makes guardrails of the whole installation";
        found.push(Problem::wrong("installation", error));
    }
    if ["require", "scope", "mode"]
        .iter()
        .any(|field| is_changed(object, old, field))
    {
        let now = timestamp(ctx.now, false);
        object.body.insert("required_at".to_owned(), now.into());
    }
    found
}

/// Names in their canonical form; one of the three ways to say whom.
fn complete_scope(object: &mut Object) -> Vec<Problem> {
    let mut found = Vec::new();
    let Some(Value::Object(mut scope)) = object.body.get("scope").cloned() else {
        return found;
    };
    let list = |scope: &Map<String, Value>, name: &str| -> Vec<String> {
        let list = scope.get(name).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    };
    let mut domains: Vec<String> = Vec::new();
    for (at, name) in list(&scope, "domains").iter().enumerate() {
        match CanonicalHost::any_depth(name) {
            Ok(host) if !domains.iter().any(|known| *known == *host.as_str()) => domains.push(host.to_string()),
            Ok(_) => {}
            Err(error) => found.push(Problem::wrong(format!("scope.domains[{at}]"), error.to_string())),
        }
    }
    for (at, name) in list(&scope, "bindings").iter().enumerate() {
        if Binding::from_name(name).is_none() {
            let problem = Problem::wrong(format!("scope.bindings[{at}]"), "there is no such binding");
            found.push(problem.detail("supported", "public, internal, kubernetes"));
        }
    }
    let mut protocols: Vec<&'static str> = Vec::new();
    for (at, name) in list(&scope, "protocols").iter().enumerate() {
        match Scheme::from_name(name) {
            None | Some(Scheme::Udp) => {
                let problem = Problem::wrong(format!("scope.protocols[{at}]"), "no guardrail is about this scheme");
                found.push(problem.detail("supported", "https, http, tls, tcp"));
            }
            Some(scheme) if !protocols.contains(&scheme.as_str()) => protocols.push(scheme.as_str()),
            Some(_) => {}
        }
    }
    let whole = scope.get("organization") == Some(&Value::Bool(true));
    let expression = scope.get("endpoints").and_then(Value::as_str).unwrap_or_default();
    let ways = usize::from(whole) + usize::from(!domains.is_empty()) + usize::from(!expression.trim().is_empty());
    if ways != 1 && found.is_empty() {
        let error = "it has exactly one of organization: true, domains and endpoints";
        found.push(Problem::wrong("scope", error));
    }
    scope.insert("domains".to_owned(), domains.into());
    scope.insert("protocols".to_owned(), protocols.into());
    object.body.insert("scope".to_owned(), Value::Object(scope));
    found
}

/// URLs in their canonical form.
fn complete_exceptions(object: &mut Object) -> Vec<Problem> {
    let mut found = Vec::new();
    let Some(Value::Array(mut list)) = object.body.get("exceptions").cloned() else {
        return found;
    };
    for (at, exception) in list.iter_mut().enumerate() {
        let text = exception
            .get("endpoint_url")
            .and_then(Value::as_str)
            .unwrap_or_default();
        match EndpointUrl::from_canonical(text, Binding::Public) {
            Ok(url) => exception["endpoint_url"] = url.to_string().into(),
            Err(error) => {
                let path = format!("exceptions[{at}].endpoint_url");
                found.push(
                    Problem::new(ErrorCode::NGROK_249, path)
                        .shown("value", text)
                        .value("error", error.to_string()),
                );
            }
        }
    }
    object.body.insert("exceptions".to_owned(), Value::Array(list));
    found
}

fn check_require(object: &Object) -> Vec<Problem> {
    let list = object.body.get("require").and_then(Value::as_array);
    let mut found = Vec::new();
    for (at, assertion) in list.into_iter().flatten().enumerate() {
        let is_given = |name: &&str| match assertion.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(list)) => !list.is_empty(),
            Some(_) => true,
        };
        let given = ["has_action", "no_action", "min_tls", "max_rules"]
            .iter()
            .filter(|name| is_given(name));
        if given.count() != 1 {
            let error = "it has exactly one of has_action, no_action, min_tls and max_rules";
            found.push(Problem::wrong(format!("require[{at}]"), error));
        }
    }
    found
}

fn claims(object: &Object) -> Vec<Claim> {
    vec![Claim {
        class: "guardrail",
        key: format!("{} {}", object.organization, object.text("name").to_lowercase()),
        scope: claim::Scope::Exact,
        taken: ErrorCode::ADIT_2402,
        foreign: ErrorCode::ADIT_2402,
    }]
}

fn references(object: &Object) -> Vec<Reference> {
    let policy = |to| Reference {
        field: "policy",
        to,
        on_delete: OnDelete::Restrict(ErrorCode::ADIT_2011),
        missing: ErrorCode::NGROK_2216,
    };
    let policies = policy_text::ip_policies(object.text("policy"));
    policies.into_iter().map(policy).collect()
}
