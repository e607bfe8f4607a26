//! Actions whose configuration is known and checked, and that this build does not execute: rules with them are refused
//! where they are written (`ERR_ADIT_2210`), since what is accepted is enforced.

use adit_names::code::ErrorCode;

use super::read::{Config, Reader, Setting};
use super::schema::{E, Ends, Field, Kind, List, Protocols, Q, S, Spec, T, fine, list, optional, required, secret};
use super::url_check;
use crate::document::{Node, Path};
use crate::expr::Template;

const fn spec(name: &'static str, phases: u8, fields: &'static [Field]) -> Spec {
    Spec {
        name,
        phases,
        protocols: Protocols::NotUdp,
        ends: Ends::Never,
        fields,
        check: fine,
    }
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

const ON_ERROR: Field = optional("on_error", Kind::OneOf(&["halt", "continue"]));

pub(super) static COMPRESS_RESPONSE: Spec = spec(
    "compress-response",
    S | Q,
    &[
        optional(
            "algorithms",
            Kind::List(&List {
                unique: true,
                ..list(Kind::Own(algorithm), 1, 5)
            }),
        ),
        optional("min_size", Kind::Int(0, 1 << 20)),
        optional("types", Kind::List(&list(Kind::Text(1, 256), 0, 100))),
    ],
);

fn algorithm(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    const KNOWN: [&str; 5] = ["gzip", "deflate", "br", "compress", "zstd"];
    let text = reader.text(path, node)?;
    if KNOWN.contains(&text) {
        return Some(Setting::Text(Template::literal(text)));
    }
    let message = format!("`{text}` is no known algorithm");
    let fix = crate::fault::suggest(text, KNOWN);
    reader.wrong(ErrorCode::NGROK_2214, path, node, message, &fix);
    None
}

pub(super) static HTTP_REQUEST: Spec = Spec {
    check: http_request,
    ..spec(
        "http-request",
        Q | S,
        &[
            required("url", Kind::Url),
            optional(
                "method",
                Kind::OneOf(&["GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD"]),
            ),
            optional(
                "query_params",
                Kind::List(&List {
                    too_many: ErrorCode::NGROK_2244,
                    ..list(Kind::Own(query_param), 0, 32)
                }),
            ),
            optional("headers", Kind::Headers(0, false)),
            optional("body", Kind::Template(0, 256 * 1024)),
            optional("max_redirects", Kind::Int(0, 100)),
            optional("timeout", Kind::Duration(SECOND, 30 * SECOND, 0)),
            optional("retry_condition", Kind::Cel(&["last_attempt", "attempts"])),
            optional("retry_any_method", Kind::Bool),
            ON_ERROR,
            optional("max_response_bytes", Kind::Int(0, 1 << 20)),
        ],
    )
};

fn query_param(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    const FIELDS: &[Field] = &[
        required("key", Kind::Text(1, 8192)),
        required("value", Kind::Template(0, 1 << 20)),
    ];
    if node.map().is_none() {
        let message = format!("a parameter is a mapping of key and value, not {}", node.kind());
        reader.wrong(ErrorCode::NGROK_2203, path, node, message, "write {key: k, value: v}");
        return None;
    }
    for (name, most) in [("key", 128), ("value", 8192)] {
        if node
            .get(name)
            .and_then(Node::text)
            .is_some_and(|text| text.len() > most)
        {
            let message = format!("the {name} of a parameter has at most {most} bytes");
            let at = node.get(name).unwrap_or(node);
            reader.wrong(ErrorCode::NGROK_2245, &path.key(name), at, message, "shorten it");
            return None;
        }
    }
    let config = reader.record(FIELDS, path, node);
    Some(Setting::Map(
        config
            .fields
            .into_iter()
            .map(|(name, item)| (name.to_owned(), item))
            .collect(),
    ))
}

fn http_request(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    let method = config.literal("method").unwrap_or("GET");
    if matches!(method, "GET" | "HEAD") && config.get("body").is_some() {
        let at = node.get("body").unwrap_or(node);
        let message = format!("a {method} request has no body");
        reader.wrong(
            ErrorCode::NGROK_2203,
            &path.key("body"),
            at,
            message,
            "remove it, or use method: POST",
        );
    }
}

const VALUE: &[Field] = &[required("value", Kind::Template(1, 8192))];
const ALLOW_LIST: &[Field] = &[required("allow_list", Kind::List(&list(Kind::Record(VALUE), 1, 50)))];
const TOKEN: &[Field] = &[
    required(
        "type",
        Kind::OneOf(&["jwt", "plain", "id_token", "access_token", "it+jwt", "at+jwt"]),
    ),
    required("method", Kind::OneOf(&["header", "body"])),
    required("name", Kind::Template(1, 256)),
    optional("prefix", Kind::Template(0, 256)),
];
const SOURCES: &[Field] = &[required(
    "additional_jkus",
    Kind::List(&list(Kind::Own(key_url), 1, 10)),
)];
const IDENTIFICATION: &[Field] = &[optional(
    "token_claims",
    Kind::List(&list(Kind::OneOf(&["kid"]), 0, 10)),
)];
const KEYS: &[Field] = &[
    required(
        "sources",
        Kind::List(&List {
            single: true,
            ..list(Kind::Record(SOURCES), 1, 10)
        }),
    ),
    optional(
        "identification",
        Kind::List(&List {
            single: true,
            ..list(Kind::Record(IDENTIFICATION), 0, 10)
        }),
    ),
];
const JWS: &[Field] = &[
    required(
        "allowed_algorithms",
        Kind::List(&list(
            Kind::OneOf(&[
                "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
            ]),
            1,
            10,
        )),
    ),
    required(
        "keys",
        Kind::List(&List {
            single: true,
            ..list(Kind::Record(KEYS), 1, 10)
        }),
    ),
];

fn key_url(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let text = reader.text(path, node)?;
    let template = reader.template(path, node, text)?;
    if let Some(Err(message)) = template.as_literal().map(url_check::keys) {
        reader.wrong(ErrorCode::NGROK_2226, path, node, message, "write an https URL");
        return None;
    }
    Some(Setting::Text(template))
}

pub(super) static JWT_VALIDATION: Spec = spec(
    "jwt-validation",
    Q,
    &[
        required("issuer", Kind::Record(ALLOW_LIST)),
        optional("audience", Kind::Record(ALLOW_LIST)),
        required(
            "http",
            Kind::Record(&[required("tokens", Kind::List(&list(Kind::Record(TOKEN), 1, 10)))]),
        ),
        required("jws", Kind::Record(JWS)),
        optional("enforce", Kind::Bool),
        optional("leeway", Kind::Duration(0, 5 * MINUTE, 0)),
    ],
);

/// Fields that all logins have.
macro_rules! login {
    ($($first:expr),* $(,)?) => {
        &[
            $($first,)*
            optional("auth_id", Kind::Text(1, 64)),
            optional("scopes", Kind::List(&list(Kind::Text(1, 512), 0, 100))),
            optional("authz_url_params", Kind::Tree),
            optional("max_session_duration", Kind::Duration(MINUTE, 365 * 24 * HOUR, 0)),
            optional("idle_session_timeout", Kind::Duration(MINUTE, 365 * 24 * HOUR, 0)),
            optional("idle_session_duration", Kind::Duration(MINUTE, 365 * 24 * HOUR, 0)),
            optional("userinfo_refresh_interval", Kind::Duration(MINUTE, 365 * 24 * HOUR, 0)),
            optional("allow_cors_preflight", Kind::Bool),
            optional("auth_cookie_domain", Kind::Text(1, 253)),
            optional("allow", Kind::Tree),
            optional("unauthenticated", Kind::OneOf(&["auto", "redirect", "401"])),
            optional("pass_tokens", Kind::Bool),
            optional("headers", Kind::OneOf(&["default", "legacy", "none"])),
            optional("base_url", Kind::Url),
            optional("tenant", Kind::Text(1, 256)),
        ]
    };
}

pub(super) static OAUTH: Spec = Spec {
    protocols: Protocols::Https,
    check: both_or_neither,
    ..spec(
        "oauth",
        Q,
        login![
            required(
                "provider",
                Kind::OneOf(&[
                    "amazon",
                    "facebook",
                    "github",
                    "gitlab",
                    "google",
                    "linkedin",
                    "microsoft",
                    "twitch",
                    "custom",
                ]),
            ),
            optional("client_id", Kind::Template(1, 1024)),
            secret(optional("client_secret", Kind::Template(1, 1024))),
        ],
    )
};

pub(super) static OPENID_CONNECT: Spec = Spec {
    protocols: Protocols::Https,
    ..spec(
        "openid-connect",
        Q,
        login![
            required("issuer_url", Kind::Own(key_url)),
            required("client_id", Kind::Template(1, 1024)),
            secret(required("client_secret", Kind::Template(1, 1024))),
        ],
    )
};

pub(super) static SAML: Spec = Spec {
    protocols: Protocols::Https,
    ..spec(
        "saml",
        Q,
        login![
            required("idp_metadata", Kind::Template(1, 256 * 1024)),
            optional("force_authn", Kind::Bool),
            optional("allow_idp_initiated", Kind::Bool),
            optional("authorized_groups", Kind::List(&list(Kind::Text(1, 256), 0, 100))),
            optional("entity_id", Kind::Template(1, 1024)),
            optional("nameid_format", Kind::Text(1, 256)),
        ],
    )
};

fn both_or_neither(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    pair(reader, config, path, node, "client_id", "client_secret");
}

fn pair(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node, a: &str, b: &str) {
    for (given, missing) in [(a, b), (b, a)] {
        if config.get(given).is_some() && config.get(missing).is_none() {
            let message = format!("`{given}` is given without `{missing}`");
            reader.wrong(
                ErrorCode::NGROK_2240,
                &path.key(missing),
                node,
                message,
                "give both, or neither",
            );
        }
    }
}

const OWASP: &[Field] = &[
    ON_ERROR,
    optional("process_body", Kind::Bool),
    optional("body_limit", Kind::Int(0, 128 * 1024)),
    optional(
        "exclude_rule_ids",
        Kind::List(&list(Kind::Int(900_000, 999_999), 0, 1000)),
    ),
    optional("paranoia_level", Kind::Int(1, 4)),
    optional("score_threshold", Kind::Int(1, 1000)),
];

pub(super) static OWASP_CRS_REQUEST: Spec = spec("owasp-crs-request", Q, OWASP);
pub(super) static OWASP_CRS_RESPONSE: Spec = spec("owasp-crs-response", S, OWASP);

const REPLACEMENT: &[Field] = &[required("from", Kind::Regex), optional("to", Kind::Template(0, 8192))];
const FIND_REPLACE: &[Field] = &[
    required("replacements", Kind::List(&list(Kind::Record(REPLACEMENT), 1, 100))),
    optional("max_body", Kind::Int(1, 64 << 20)),
];

pub(super) static REQUEST_BODY_FIND_REPLACE: Spec = spec("request-body-find-replace", Q, FIND_REPLACE);
pub(super) static RESPONSE_BODY_FIND_REPLACE: Spec = spec("response-body-find-replace", S, FIND_REPLACE);

const SSE_REPLACEMENT: &[Field] = &[
    optional("field", Kind::Own(sse_field)),
    required("from", Kind::Regex),
    optional("to", Kind::Template(0, 8192)),
];

fn sse_field(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let text = reader.text(path, node)?;
    let template = reader.template(path, node, text)?;
    if template
        .as_literal()
        .is_some_and(|text| text != "data" && text != "retry")
    {
        let message = "the field is data or retry";
        reader.wrong(ErrorCode::NGROK_2222, path, node, message, "use one of them");
        return None;
    }
    Some(Setting::Text(template))
}

pub(super) static SSE_FIND_REPLACE: Spec = spec(
    "sse-find-replace",
    E,
    &[required(
        "replacements",
        Kind::List(&list(Kind::Record(SSE_REPLACEMENT), 1, 100)),
    )],
);

pub(super) static TERMINATE_TLS: Spec = Spec {
    protocols: Protocols::Tls,
    check: terminate_tls,
    ..spec(
        "terminate-tls",
        T,
        &[
            optional("min_version", Kind::Own(version)),
            optional("max_version", Kind::Own(version)),
            optional("server_certificate", Kind::Own(pem)),
            secret(optional("server_private_key", Kind::Own(pem))),
            optional(
                "mutual_tls_certificate_authorities",
                Kind::List(&list(Kind::Own(authority), 1, 100)),
            ),
            optional(
                "mutual_tls_verification_strategy",
                Kind::OneOf(&["require-and-verify", "require-any", "request"]),
            ),
        ],
    )
};

fn version(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    match node.scalar_text() {
        Some(text @ ("1.2" | "1.3")) => Some(Setting::Text(Template::literal(text))),
        _ => {
            let message = "the version is 1.2 or 1.3";
            reader.wrong(ErrorCode::NGROK_2222, path, node, message, "use one of them");
            None
        }
    }
}

/// Does the text have the form of PEM: a block with Base64 between its marks?
fn is_pem(text: &str) -> bool {
    use base64::Engine as _;
    let mut rest = text.trim();
    let mut blocks = 0;
    while let Some(after) = rest.strip_prefix("-----BEGIN ") {
        let Some((label, after)) = after.split_once("-----") else {
            return false;
        };
        let Some((body, after)) = after.split_once(&format!("-----END {label}-----")) else {
            return false;
        };
        let body: String = body.split_whitespace().collect();
        match base64::engine::general_purpose::STANDARD.decode(body) {
            // What it holds is looked at where it is used; a DER sequence at least.
            Ok(der) if der.first() == Some(&0x30) => blocks += 1,
            _ => return false,
        }
        rest = after.trim_start();
    }
    blocks > 0 && rest.is_empty()
}

fn pem(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    let text = reader.text(path, node)?;
    reader.length(path, node, text, 1, 256 * 1024)?;
    let template = reader.template(path, node, text)?;
    if template.as_literal().is_some_and(|text| !is_pem(text)) {
        reader.wrong(
            ErrorCode::NGROK_2228,
            path,
            node,
            "this is not PEM",
            "paste the whole PEM block",
        );
        return None;
    }
    Some(Setting::Text(template))
}

fn authority(reader: &mut Reader<'_, '_>, path: &Path<'_>, node: &Node) -> Option<Setting> {
    match node.text() {
        Some(id) if id.starts_with("ca_") => Some(Setting::Text(Template::literal(id))),
        _ => pem(reader, path, node),
    }
}

fn terminate_tls(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    if let (Some("1.3"), Some("1.2")) = (config.literal("min_version"), config.literal("max_version")) {
        let at = node.get("min_version").unwrap_or(node);
        let message = "min_version is above max_version";
        reader.wrong(ErrorCode::NGROK_2222, &path.key("min_version"), at, message, "lower it");
    }
    pair(reader, config, path, node, "server_certificate", "server_private_key");
}

/// Providers of the table in traffic policy 4.24.
const PROVIDERS: &[&str] = &[
    "aftership",
    "airship",
    "alchemy",
    "autodesk",
    "bitbucket",
    "bolt",
    "box",
    "brex",
    "buildkite",
    "calendly",
    "castle",
    "chargify",
    "circleci",
    "clearbit",
    "clerk",
    "coinbase",
    "contentful",
    "docusign",
    "dropbox",
    "facebook_graph_api",
    "facebook_messenger",
    "frameio",
    "generic",
    "github",
    "gitlab",
    "go1",
    "graphcms",
    "heroku",
    "hostedhooks",
    "hubspot",
    "instagram",
    "intercom",
    "jira",
    "launch_darkly",
    "linear",
    "mailchimp",
    "mailgun",
    "microsoft_teams",
    "modern_treasury",
    "mongodb",
    "mux",
    "orb",
    "orbit",
    "pagerduty",
    "pinwheel",
    "plivo",
    "pusher",
    "sendgrid",
    "sentry",
    "shopify",
    "signal_sciences",
    "slack",
    "sns",
    "sonatype",
    "square",
    "stripe",
    "svix",
    "terraform",
    "tiktok",
    "trendmicro_conformity",
    "twilio",
    "twitter",
    "typeform",
    "vmware",
    "webex",
    "whatsapp",
    "worldline",
    "xero",
    "zendesk",
    "zoom",
];

pub(super) static VERIFY_WEBHOOK: Spec = Spec {
    check: verify_webhook,
    ..spec(
        "verify-webhook",
        Q,
        &[
            required("provider", Kind::OneOf(PROVIDERS)),
            secret(optional("secret", Kind::Template(1, 1024))),
            optional("enforce", Kind::Bool),
            optional("tolerance", Kind::Duration(SECOND, 24 * HOUR, 0)),
            secret(optional("secrets", Kind::List(&list(Kind::Template(1, 1024), 1, 5)))),
            optional("public_url", Kind::Template(1, 8192)),
            optional("once", Kind::Bool),
            // Of the provider `generic`.
            optional("header", Kind::Text(1, 256)),
            optional("prefix", Kind::Text(0, 256)),
            optional("algorithm", Kind::OneOf(&["sha256", "sha1", "sha512"])),
            optional("encoding", Kind::OneOf(&["hex", "base64"])),
            optional("signed", Kind::Text(1, 1024)),
            optional("timestamp_header", Kind::Text(1, 256)),
        ],
    )
};

fn verify_webhook(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    if config.get("secret").is_none() && config.get("secrets").is_none() {
        let message = "the field `secret` is missing";
        reader.wrong(ErrorCode::NGROK_2234, &path.key("secret"), node, message, "add it");
    }
}

pub(super) static CORS: Spec = Spec {
    check: cors,
    ..spec(
        "cors",
        Q,
        &[
            required("allow_origins", Kind::List(&list(Kind::Text(1, 2048), 1, 1000))),
            optional("allow_methods", Kind::List(&list(Kind::Text(1, 64), 0, 100))),
            optional("allow_headers", Kind::List(&list(Kind::Text(1, 256), 0, 100))),
            optional("expose_headers", Kind::List(&list(Kind::Text(1, 256), 0, 100))),
            optional("allow_credentials", Kind::Bool),
            optional("max_age", Kind::Duration(0, 24 * HOUR, 0)),
        ],
    )
};

fn cors(reader: &mut Reader<'_, '_>, config: &Config, path: &Path<'_>, node: &Node) {
    let star = config
        .templates("allow_origins")
        .iter()
        .any(|origin| origin.as_literal() == Some("*"));
    if star && config.bool("allow_credentials", false) {
        let at = node.get("allow_credentials").unwrap_or(node);
        let message = "credentials cannot be allowed to every origin";
        reader.wrong(
            ErrorCode::NGROK_2222,
            &path.key("allow_credentials"),
            at,
            message,
            "name the origins instead of *",
        );
    }
}

const WHO: &[Field] = &[
    optional("cidrs", Kind::List(&list(Kind::Cidr, 0, 1000))),
    optional("expressions", Kind::List(&list(Kind::Cel(&[]), 0, 32))),
];

pub(super) static MAINTENANCE: Spec = Spec {
    ends: Ends::UnlessAllow,
    ..spec(
        "maintenance",
        Q,
        &[
            optional("status_code", Kind::Int(400, 599)),
            optional("page", Kind::Template(0, 256 * 1024)),
            optional("json", Kind::Tree),
            optional("retry_after", Kind::Text(1, 64)),
            optional("allow", Kind::Record(WHO)),
        ],
    )
};

pub(super) static CONCURRENCY_LIMIT: Spec = spec(
    "concurrency-limit",
    Q | T,
    &[
        optional("name", Kind::Text(1, 1023)),
        required("limit", Kind::Int(1, 1_000_000)),
        optional("bucket_key", Kind::List(&list(Kind::Cel(&[]), 1, 10))),
        optional("queue", Kind::Int(0, 1000)),
        optional("queue_timeout", Kind::Duration(0, 30 * SECOND, 0)),
        optional("enforce", Kind::Bool),
    ],
);

pub(super) static RETRY: Spec = spec(
    "retry",
    Q,
    &[
        optional("attempts", Kind::Int(1, 5)),
        optional(
            "on",
            Kind::List(&list(
                Kind::OneOf(&["connect-failure", "reset", "5xx", "502", "503", "504"]),
                1,
                6,
            )),
        ),
        optional("condition", Kind::Cel(&["last_attempt", "attempts"])),
        optional("methods", Kind::List(&list(Kind::Text(1, 32), 1, 32))),
        optional("per_try_timeout", Kind::Duration(0, 5 * MINUTE, 0)),
        optional("backoff", Kind::Duration(0, 30 * SECOND, 0)),
        optional("body_hold", Kind::Int(0, 1 << 20)),
        optional("budget", Kind::Number(0.0, 100.0)),
    ],
);

pub(super) static REQUEST_LIMIT: Spec = spec(
    "request-limit",
    Q,
    &[
        optional("max_body", Kind::Int(0, 1 << 40)),
        optional("max_header_bytes", Kind::Int(1, 1 << 20)),
        optional("max_uri", Kind::Int(1, 1 << 16)),
        optional("max_duration", Kind::Duration(1, 24 * HOUR, 0)),
    ],
);

pub(super) static EXT_AUTH: Spec = spec(
    "ext-auth",
    Q,
    &[
        required("url", Kind::Url),
        optional("method", Kind::OneOf(&["GET", "POST", "HEAD"])),
        optional("forward_headers", Kind::List(&list(Kind::Text(1, 256), 0, 100))),
        optional("copy_headers", Kind::List(&list(Kind::Text(1, 256), 0, 100))),
        optional("timeout", Kind::Duration(1, 30 * SECOND, 0)),
        ON_ERROR,
        optional("cache_key", Kind::List(&list(Kind::Cel(&[]), 1, 10))),
        optional("cache_ttl", Kind::Duration(0, HOUR, 0)),
    ],
);

pub(super) static REQUEST_PARKING: Spec = spec(
    "request-parking",
    Q,
    &[
        optional("max_wait", Kind::Duration(0, 60 * SECOND, 0)),
        optional("off", Kind::Bool),
    ],
);

pub(super) static STICKY_SESSION: Spec = spec(
    "sticky-session",
    Q,
    &[
        required("by", Kind::Text(1, 4096)),
        optional("ttl", Kind::Duration(SECOND, 365 * 24 * HOUR, 0)),
    ],
);

pub(super) static TIMEOUT: Spec = spec(
    "timeout",
    Q,
    &[
        optional("response_header", Kind::Duration(1, 24 * HOUR, 0)),
        optional("idle", Kind::Duration(1, 24 * HOUR, 0)),
        optional("total", Kind::Duration(1, 24 * HOUR, 0)),
    ],
);

pub(super) static WEBSOCKET_TCP: Spec = Spec {
    ends: Ends::Always,
    ..spec("websocket-tcp", Q, &[])
};

#[cfg(test)]
mod tests {
    use super::is_pem;

    #[test]
    fn pem_has_marks_and_base64_between_them() {
        assert!(is_pem("-----BEGIN X-----\nMAA=\n-----END X-----\n"));
        assert!(!is_pem("-----BEGIN X-----\nnope\n-----END X-----\n"));
        assert!(!is_pem("-----BEGIN X-----\nMAA=\n-----END Y-----\n"));
        assert!(!is_pem("MAA="));
        assert!(!is_pem(""));
    }
}
