//! Organisations (control plane 3.1, 3.9).

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use serde_json::Value;

use super::{Kind, Surface, claim_nothing, complete_nothing, show_as_stored};
use crate::field::{Field, Form};
use crate::object::Object;
use crate::reference::{OnDelete, Reference};

/// Most of anything that can be limited.
const MOST: i64 = 1_000_000_000;
/// Longest time in seconds: ten years.
const LONGEST: i64 = 315_360_000;

const fn limit(name: &'static str, about: &'static str) -> Field {
    Field::set(name, Form::Integer(0, MOST), about).nullable()
}

const LIMITS: &[Field] = &[
    limit("domains", "Reserved domains."),
    limit("addresses", "Reserved addresses."),
    limit("endpoints", "Endpoints at the same time."),
    limit("sessions", "Sessions of agents at the same time."),
    limit("endpoints_per_session", "Endpoints of one session."),
    limit("credentials", "Credentials."),
    limit("api_keys", "API keys."),
    limit("ssh_keys", "SSH keys."),
    limit("ip_policies", "IP policies."),
    limit("rules_per_policy", "Rules of one IP policy."),
    limit("destinations", "Event destinations."),
    limit("subscriptions", "Event subscriptions."),
    limit("members", "Members."),
    limit("rps", "Requests per second."),
    limit("bandwidth", "Bytes per second."),
];

const APPROVAL: &[Field] = &[
    Field::set(
        "bindings",
        Form::Texts(3, 32),
        "Bindings of endpoints that need approval.",
    ),
    Field::set(
        "schemes",
        Form::Texts(5, 16),
        "Schemes of endpoints that need approval.",
    ),
    Field::set("match", Form::Text(2048), "Expression over the endpoint."),
];
const INSPECTOR: &[Field] = &[
    Field::set(
        "mode",
        Form::Choice(&["", "off", "metadata", "full"]),
        "What is kept of exchanges.",
    ),
    Field::set("body_max", Form::Integer(0, MOST), "Most bytes of a body.").nullable(),
    Field::set("retention", Form::Integer(0, LONGEST), "How long, in seconds.").nullable(),
    Field::set(
        "redact",
        Form::Texts(100, 255),
        "Names of fields whose values are left out.",
    ),
];
const AUDIT: &[Field] = &[
    Field::set(
        "retention",
        Form::Integer(0, LONGEST),
        "How long, in seconds; null for ever.",
    )
    .nullable(),
    Field::set(
        "export_destination_id",
        Form::Id(&[Prefix::EventDestination]),
        "Where the log is exported to.",
    )
    .nullable(),
];
const SESSIONS: &[Field] = &[
    Field::set(
        "idle",
        Form::Integer(60, LONGEST),
        "Seconds after which an unused session ends.",
    )
    .nullable(),
    Field::set(
        "absolute",
        Form::Integer(60, LONGEST),
        "Seconds after which any session ends.",
    )
    .nullable(),
];
const EVENTS: &[Field] = &[
    Field::set(
        "header_mode",
        Form::Choice(&["", "none", "listed", "all"]),
        "Which header fields events have.",
    ),
    Field::set(
        "redact",
        Form::Texts(100, 255),
        "Names of fields whose values are left out.",
    ),
];
const SETTINGS: &[Field] = &[
    Field::set(
        "strict_ownership",
        Form::Flag,
        "Developers change only credentials and keys of their own.",
    ),
    Field::set("viewers_may_connect", Form::Flag, "Viewers may start endpoints.").default("true"),
    Field::set(
        "require_ingress",
        Form::Flag,
        "Agents log in only through named ingresses.",
    ),
    Field::set(
        "require_approval",
        Form::Object(APPROVAL),
        "Which endpoints need approval; null: none.",
    )
    .nullable(),
    Field::set(
        "endpoint_max_ttl",
        Form::Integer(1, LONGEST),
        "Seconds after which an endpoint ends; null for never.",
    )
    .nullable(),
    Field::set(
        "default_guardrails",
        Form::Ids(&[Prefix::Guardrail], 100),
        "Guardrails of every endpoint.",
    ),
    Field::set(
        "inspector",
        Form::Object(INSPECTOR),
        "What is kept of exchanges; null: as the server is set.",
    )
    .nullable(),
    Field::set(
        "pooling_default",
        Form::Flag,
        "Endpoints that do not say share their URL.",
    ),
    Field::set("reserved_names_only", Form::Flag, "Endpoints have only reserved names."),
    Field::set(
        "audit",
        Form::Object(AUDIT),
        "How the audit log is kept; null: as the server is set.",
    )
    .nullable(),
    Field::set(
        "sessions",
        Form::Object(SESSIONS),
        "How long people stay signed in; null: as the server is set.",
    )
    .nullable(),
    Field::set("password_login", Form::Flag, "People may sign in with a password.").default("true"),
    Field::set(
        "events",
        Form::Object(EVENTS),
        "What events have; null: as the server is set.",
    )
    .nullable(),
];

/// Organisations.
pub static KIND: Kind = Kind {
    name: "organization",
    noun: "organisation",
    operations: "Organizations",
    prefix: Prefix::Account,
    path: "organizations",
    list_key: "organizations",
    schema: 1,
    permission: "organizations",
    surface: Surface::Adit,
    operations_allowed: "CRUDL",
    about: "Organisations, to which everything belongs.",
    fields: &[
        Field::set("name", Form::Text(255), "Its name.")
            .required(Some(ErrorCode::NGROK_4003))
            .error(ErrorCode::NGROK_4004),
        Field::set("suspended", Form::Flag, "Nobody can use it; set by operators."),
        Field::set("suspended_reason", Form::Text(255), "Why, in words."),
        Field::set(
            "enforce_sso",
            Form::Choice(&["off", "mixed", "enforced"]),
            "Whether members sign in through an identity provider.",
        )
        .default("\"off\""),
        Field::set("user_mfa_required", Form::Flag, "Members need a second factor."),
        Field::set("min_api_version", Form::Integer(2, 2), "Lowest version of the API.").default("2"),
        Field::set(
            "min_agent_version",
            Form::Map(20),
            "Lowest version of each kind of client.",
        ),
        Field::set(
            "traffic_full_capture",
            Form::Flag,
            "Whether bodies of exchanges may be kept.",
        ),
        Field::set(
            "settings",
            Form::Object(SETTINGS),
            "Further settings; replaced as a whole.",
        ),
        Field::set(
            "limits",
            Form::Object(LIMITS),
            "Most it may have of each; set by operators. Null: no limit.",
        ),
        Field::shown(
            "operators",
            Form::Flag,
            "Whether it is the organisation of those who run the server.",
        ),
    ],
    empty_update: None,
    complete: complete_nothing,
    claims: claim_nothing,
    references,
    show: show_as_stored,
};

/// Guardrails that stand before every endpoint of the organisation, whatever their own scope.
pub fn default_guardrails(organization: &Object) -> impl Iterator<Item = Id> {
    let settings = organization.body.get("settings");
    let list = settings.and_then(|settings| settings.get("default_guardrails"));
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|id| id.as_str()?.parse().ok())
}

fn references(object: &Object) -> Vec<Reference> {
    let reference = |to| Reference {
        field: "settings",
        to,
        on_delete: OnDelete::Restrict(ErrorCode::ADIT_2011),
        missing: ErrorCode::ADIT_2023,
    };
    default_guardrails(object).map(reference).collect()
}

/// A setting that is true or false (control plane 3.9).
#[must_use]
pub fn setting(organization: &Object, name: &str) -> bool {
    let stored = organization
        .body
        .get("settings")
        .and_then(|settings| settings.get(name));
    let default = || {
        SETTINGS
            .iter()
            .find(|field| field.name == name)
            .map(Field::default_value)
    };
    stored.cloned().or_else(default) == Some(Value::Bool(true))
}

/// A limit; `None` if there is none.
#[must_use]
pub fn limit_of(organization: &Object, name: &str) -> Option<u64> {
    organization.body.get("limits")?.get(name)?.as_u64()
}
