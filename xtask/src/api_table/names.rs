//! What an operation is called: resource and verb, from path and method (control plane 7.1).

/// Names that do not follow from the path: (path below the root without `/adit`, resource).
const RESOURCES: &[(&str, &str)] = &[
    ("vault_secrets", "secrets"),
    ("openapi.json", "openapi"),
    ("app/users", "application-users"),
    ("app/sessions", "application-sessions"),
    ("backends/static", "backends-static-address"),
];

/// Verbs that do not follow from the path, in ngrok's spelling.
const VERBS: &[(&str, &str, &str)] = &[
    ("GET", "vaults/{id}/secrets", "get-secrets-by-vault"),
    (
        "GET",
        "kubernetes_operators/{id}/bound_endpoints",
        "get-bound-endpoints",
    ),
    ("POST", "event_destinations/{id}/test", "send-test-event"),
    ("GET", "self", "self"),
];

/// Short names (experience 2.1).
const ALIASES: &[(&str, &[&str])] = &[
    ("credentials", &["authtokens"]),
    ("tunnel-sessions", &["agents"]),
    ("reserved-domains", &["domains"]),
];

/// Headings of the help, and what stands below each: the order of control plane 2.
const GROUPS: &[(&str, &[&str])] = &[
    ("Live", &["endpoints", "endpoint-pools", "tunnel-sessions", "tunnels"]),
    ("Names", &["reserved-domains", "reserved-addrs"]),
    ("Certificates", &["tls-certificates", "certificate-authorities"]),
    (
        "SSH",
        &[
            "ssh-credentials",
            "ssh-certificate-authorities",
            "ssh-host-certificates",
            "ssh-user-certificates",
        ],
    ),
    ("Credentials and keys", &["credentials", "api-keys"]),
    (
        "People and rights",
        &[
            "me",
            "users",
            "members",
            "invitations",
            "roles",
            "permissions",
            "authorize",
            "sessions",
            "service-users",
            "bot-users",
            "organization",
            "organizations",
        ],
    ),
    (
        "Events and audit",
        &["event-destinations", "event-subscriptions", "event-sources", "audit"],
    ),
    (
        "Networks",
        &["ip-policies", "ip-policy-rules", "ip-restrictions", "agent-ingresses"],
    ),
    ("Vaults", &["vaults", "secrets"]),
];

/// Heading for what stands below none.
const REST: &str = "More";

/// The order of verbs in help.
const ORDER: &[&str] = &["create", "list", "get", "update", "replace", "delete"];

/// Resource and verb of an operation; `is_list` is true if its answer is a list.
pub(super) fn of(method: &str, path: &str, is_list: bool) -> Option<(String, String)> {
    let path = path.trim_matches('/');
    let path = path.strip_prefix("adit/").unwrap_or(path);
    if path.is_empty() {
        return Some(("root".to_owned(), "get".to_owned()));
    }
    let special = VERBS.iter().find(|(m, p, _)| *m == method && *p == path);
    if path == "self" {
        return special.map(|(_, _, verb)| ("root".to_owned(), (*verb).to_owned()));
    }
    let named = RESOURCES.iter().find(|(prefix, _)| {
        path.strip_prefix(prefix)
            .is_some_and(|r| r.is_empty() || r.starts_with('/'))
    });
    let (resource, rest) = match named {
        Some((prefix, name)) => ((*name).to_owned(), path.get(prefix.len()..)?),
        None => {
            let (first, _) = path.split_once('/').unwrap_or((path, ""));
            (kebab(first), path.get(first.len()..)?)
        }
    };
    if resource.is_empty() || resource.starts_with('{') || resource == "edges" || resource == "backends" {
        return None;
    }
    let parts: Vec<&str> = rest.split('/').filter(|p| !p.is_empty()).collect();
    let verb = match (special, method, parts.as_slice()) {
        (Some((_, _, verb)), _, _) => (*verb).to_owned(),
        (_, "GET", []) if is_list => "list".to_owned(),
        (_, "GET", [] | [.., "{id}"]) if single(&parts) => "get".to_owned(),
        (_, "POST", []) => "create".to_owned(),
        (_, "PATCH", _) if single(&parts) => "update".to_owned(),
        (_, "PUT", _) if single(&parts) => "replace".to_owned(),
        (_, "DELETE", _) if single(&parts) => "delete".to_owned(),
        // What stands below an object, or beside the objects.
        (_, _, below) => {
            let words: Vec<_> = below.iter().filter(|p| !p.starts_with('{')).map(|p| kebab(p)).collect();
            let what = words.join("-");
            let one = below.last().is_some_and(|p| p.starts_with('{'));
            match (method, one) {
                (_, _) if what.is_empty() => simple(method)?.to_owned(),
                ("POST", false) => what,
                ("GET", _) => format!("get-{what}"),
                (_, _) => format!("{}-{what}", simple(method)?),
            }
        }
    };
    Some((resource, verb))
}

/// An object, or a thing of which there is one.
fn single(parts: &[&str]) -> bool {
    match parts {
        [] => true,
        [one] => one.starts_with('{'),
        _ => false,
    }
}

fn simple(method: &str) -> Option<&'static str> {
    Some(match method {
        "GET" => "get",
        "PATCH" => "update",
        "PUT" => "replace",
        "DELETE" => "delete",
        "POST" => "create",
        _ => return None,
    })
}

pub(super) fn kebab(name: &str) -> String {
    name.replace('_', "-")
}

pub(super) fn aliases(resource: &str) -> &'static [&'static str] {
    ALIASES
        .iter()
        .find(|(name, _)| *name == resource)
        .map_or(&[], |(_, names)| names)
}

pub(super) fn group(resource: &str) -> &'static str {
    GROUPS
        .iter()
        .find(|(_, names)| names.contains(&resource))
        .map_or(REST, |(group, _)| group)
}

/// Where a verb stands among the others.
pub(super) fn rank(verb: &str) -> usize {
    ORDER.iter().position(|known| *known == verb).unwrap_or(ORDER.len())
}
