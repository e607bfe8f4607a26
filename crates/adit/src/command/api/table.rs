//! All operations. Written by `cargo xtask api-table` from `crates/api/openapi.json`: do not edit.

use super::operation::{Field, Form, Operation, Resource};

#[rustfmt::skip]
pub(crate) static RESOURCES: &[Resource] = &[
    Resource { name: "agent-ingresses", aliases: &[], group: "Networks", operations: &[
        // AgentIngressesCreate
        Operation { verb: "create", about: "Make one: agent ingress",
            method: "POST", path: "/agent_ingresses", positional: "", flags: &[], superset: "/adit/agent_ingresses", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "domain", form: Form::Text, required: true, addition: false, choices: &[], about: "The name, as connect.example.com" },
                Field { name: "certificate_management_policy.authority", form: Form::Text, required: false, addition: false, choices: &["letsencrypt", "staging", "zerossl", "google", "buypass"], about: "Where certificates come from" },
                Field { name: "certificate_management_policy.private_key_type", form: Form::Text, required: false, addition: false, choices: &["ecdsa", "rsa"], about: "Type of the private keys" },
                Field { name: "hostnames", form: Form::Texts, required: false, addition: true, choices: &[], about: "Names at which agents connect; the domain if empty" },
                Field { name: "dns_mode", form: Form::Text, required: false, addition: true, choices: &["cname", "ns"], about: "How the name leads here" },
                Field { name: "certificate_id", form: Form::Text, required: false, addition: true, choices: &[], about: "A certificate that was uploaded" },
                Field { name: "authority", form: Form::Text, required: false, addition: true, choices: &["", "internal", "letsencrypt", "staging", "zerossl", "google", "buypass"], about: "Where its certificate comes from" },
                Field { name: "allowed", form: Form::Texts, required: false, addition: true, choices: &[], about: "Who may log in here: ids of credentials, users and service users; the whole organisation if empty" },
                Field { name: "exclusive", form: Form::Flag, required: false, addition: true, choices: &[], about: "Credentials of the organisation may log in only through named ingresses" },
                Field { name: "ip_policies", form: Form::Texts, required: false, addition: true, choices: &[], about: "From where agents may connect" },
                Field { name: "client_ca_ids", form: Form::Texts, required: false, addition: true, choices: &[], about: "Authorities of client certificates" },
                Field { name: "client_auth", form: Form::Text, required: false, addition: true, choices: &["off", "optional", "required"], about: "Whether agents show a client certificate" },
                Field { name: "transports", form: Form::Texts, required: false, addition: true, choices: &[], about: "What agents may use: tls, quic, websocket, ssh" },
                Field { name: "min_agent_version", form: Form::Map, required: false, addition: true, choices: &[], about: "Lowest version of each kind of client" },
            ] },
        // AgentIngressesList
        Operation { verb: "list", about: "List ingresses",
            method: "GET", path: "/agent_ingresses", positional: "", flags: &[], superset: "/adit/agent_ingresses", list: "ingresses",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // AgentIngressesGet
        Operation { verb: "get", about: "Show one: agent ingress",
            method: "GET", path: "/agent_ingresses/{id}", positional: "id", flags: &[], superset: "/adit/agent_ingresses/{id}", list: "",
            query: &[],
            body: &[] },
        // AgentIngressesUpdate
        Operation { verb: "update", about: "Change one: agent ingress",
            method: "PATCH", path: "/agent_ingresses/{id}", positional: "id", flags: &[], superset: "/adit/agent_ingresses/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "certificate_management_policy.authority", form: Form::Text, required: false, addition: false, choices: &["letsencrypt", "staging", "zerossl", "google", "buypass"], about: "Where certificates come from" },
                Field { name: "certificate_management_policy.private_key_type", form: Form::Text, required: false, addition: false, choices: &["ecdsa", "rsa"], about: "Type of the private keys" },
                Field { name: "hostnames", form: Form::Texts, required: false, addition: true, choices: &[], about: "Names at which agents connect; the domain if empty" },
                Field { name: "dns_mode", form: Form::Text, required: false, addition: true, choices: &["cname", "ns"], about: "How the name leads here" },
                Field { name: "certificate_id", form: Form::Text, required: false, addition: true, choices: &[], about: "A certificate that was uploaded" },
                Field { name: "authority", form: Form::Text, required: false, addition: true, choices: &["", "internal", "letsencrypt", "staging", "zerossl", "google", "buypass"], about: "Where its certificate comes from" },
                Field { name: "allowed", form: Form::Texts, required: false, addition: true, choices: &[], about: "Who may log in here: ids of credentials, users and service users; the whole organisation if empty" },
                Field { name: "exclusive", form: Form::Flag, required: false, addition: true, choices: &[], about: "Credentials of the organisation may log in only through named ingresses" },
                Field { name: "ip_policies", form: Form::Texts, required: false, addition: true, choices: &[], about: "From where agents may connect" },
                Field { name: "client_ca_ids", form: Form::Texts, required: false, addition: true, choices: &[], about: "Authorities of client certificates" },
                Field { name: "client_auth", form: Form::Text, required: false, addition: true, choices: &["off", "optional", "required"], about: "Whether agents show a client certificate" },
                Field { name: "transports", form: Form::Texts, required: false, addition: true, choices: &[], about: "What agents may use: tls, quic, websocket, ssh" },
                Field { name: "min_agent_version", form: Form::Map, required: false, addition: true, choices: &[], about: "Lowest version of each kind of client" },
            ] },
        // AgentIngressesDelete
        Operation { verb: "delete", about: "Delete one: agent ingress",
            method: "DELETE", path: "/agent_ingresses/{id}", positional: "id", flags: &[], superset: "/adit/agent_ingresses/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "api-keys", aliases: &[], group: "Credentials and keys", operations: &[
        // ApiKeysCreate
        Operation { verb: "create", about: "Make one: API key",
            method: "POST", path: "/api_keys", positional: "", flags: &[], superset: "/adit/api_keys", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "owner_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Who owns it: a user or service user, by id or e-mail; you if nothing is given" },
                Field { name: "expires_at", form: Form::Text, required: false, addition: true, choices: &[], about: "When it stops being valid; null if never" },
                Field { name: "permissions", form: Form::Texts, required: false, addition: true, choices: &[], about: "What it may do of what its owner may; empty for all of that" },
                Field { name: "ip_policy_ids", form: Form::Texts, required: false, addition: true, choices: &[], about: "IP policies that say from where it may be used" },
                Field { name: "disabled", form: Form::Flag, required: false, addition: true, choices: &[], about: "It is refused for the time being" },
            ] },
        // ApiKeysList
        Operation { verb: "list", about: "List keys",
            method: "GET", path: "/api_keys", positional: "", flags: &[], superset: "/adit/api_keys", list: "keys",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // ApiKeysGet
        Operation { verb: "get", about: "Show one: API key",
            method: "GET", path: "/api_keys/{id}", positional: "id", flags: &[], superset: "/adit/api_keys/{id}", list: "",
            query: &[],
            body: &[] },
        // ApiKeysUpdate
        Operation { verb: "update", about: "Change one: API key",
            method: "PATCH", path: "/api_keys/{id}", positional: "id", flags: &[], superset: "/adit/api_keys/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "expires_at", form: Form::Text, required: false, addition: true, choices: &[], about: "When it stops being valid; null if never" },
                Field { name: "permissions", form: Form::Texts, required: false, addition: true, choices: &[], about: "What it may do of what its owner may; empty for all of that" },
                Field { name: "ip_policy_ids", form: Form::Texts, required: false, addition: true, choices: &[], about: "IP policies that say from where it may be used" },
                Field { name: "disabled", form: Form::Flag, required: false, addition: true, choices: &[], about: "It is refused for the time being" },
            ] },
        // ApiKeysDelete
        Operation { verb: "delete", about: "Delete one: API key",
            method: "DELETE", path: "/api_keys/{id}", positional: "id", flags: &[], superset: "/adit/api_keys/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "audit", aliases: &[], group: "Events and audit", operations: &[
        // AditAuditList
        Operation { verb: "list", about: "List entries of the audit log",
            method: "GET", path: "/adit/audit", positional: "", flags: &[], superset: "", list: "entries",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
                Field { name: "object", form: Form::Text, required: false, addition: false, choices: &[], about: "Only entries about the object with this id" },
                Field { name: "actor", form: Form::Text, required: false, addition: false, choices: &[], about: "Only entries of this user, service user or subject" },
                Field { name: "from", form: Form::Text, required: false, addition: false, choices: &[], about: "Only entries of this time or later (RFC 3339)" },
                Field { name: "to", form: Form::Text, required: false, addition: false, choices: &[], about: "Only entries before this time (RFC 3339)" },
            ],
            body: &[] },
        // AditAuditGet
        Operation { verb: "get", about: "Show an entry of the audit log",
            method: "GET", path: "/adit/audit/{event_id}", positional: "event_id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditAuditExport
        Operation { verb: "get-export", about: "Export the audit log, signed",
            method: "GET", path: "/adit/audit/export", positional: "", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "from", form: Form::Text, required: false, addition: false, choices: &[], about: "Only entries of this time or later (RFC 3339)" },
                Field { name: "to", form: Form::Text, required: false, addition: false, choices: &[], about: "Only entries before this time (RFC 3339)" },
                Field { name: "format", form: Form::Text, required: false, addition: false, choices: &[], about: "ndjson or csv" },
                Field { name: "verify", form: Form::Flag, required: false, addition: false, choices: &[], about: "The entries are asked for to verify them" },
            ],
            body: &[] },
        // AditAuditHeads
        Operation { verb: "get-heads", about: "List signed heads of the audit log",
            method: "GET", path: "/adit/audit/heads", positional: "", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "since", form: Form::Text, required: false, addition: false, choices: &[], about: "Only what was signed at this time or later (RFC 3339)" },
            ],
            body: &[] },
        // AditAuditKeys
        Operation { verb: "get-keys", about: "Show the keys that sign heads and exports",
            method: "GET", path: "/adit/audit/keys", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "authorize", aliases: &[], group: "People and rights", operations: &[
        // AditAuthorize
        Operation { verb: "create", about: "Say whether an operation is allowed, and why",
            method: "POST", path: "/adit/authorize", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "operation", form: Form::Text, required: false, addition: false, choices: &[], about: "Name of the operation, as IpPoliciesCreate" },
                Field { name: "object", form: Form::Text, required: false, addition: false, choices: &[], about: "Id of the object that it is about" },
                Field { name: "as", form: Form::Text, required: false, addition: false, choices: &[], about: "A member or service user, by id or e-mail; you if nothing is given" },
            ] },
    ] },
    Resource { name: "bot-users", aliases: &[], group: "People and rights", operations: &[
        // BotUsersCreate
        Operation { verb: "create", about: "Make one: bot user",
            method: "POST", path: "/bot_users", positional: "", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: true, addition: false, choices: &[], about: "Its name" },
                Field { name: "active", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether what it owns can be used" },
            ] },
        // BotUsersList
        Operation { verb: "list", about: "List bot users",
            method: "GET", path: "/bot_users", positional: "", flags: &[], superset: "", list: "bot_users",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
            ],
            body: &[] },
        // BotUsersGet
        Operation { verb: "get", about: "Show one: bot user",
            method: "GET", path: "/bot_users/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // BotUsersUpdate
        Operation { verb: "update", about: "Change one: bot user",
            method: "PATCH", path: "/bot_users/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Its name" },
                Field { name: "active", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether what it owns can be used" },
            ] },
        // BotUsersDelete
        Operation { verb: "delete", about: "Delete one: bot user",
            method: "DELETE", path: "/bot_users/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "certificate-authorities", aliases: &[], group: "Certificates", operations: &[
        // CertificateAuthoritiesCreate
        Operation { verb: "create", about: "Make one: certificate authority",
            method: "POST", path: "/certificate_authorities", positional: "", flags: &[], superset: "/adit/certificate_authorities", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "ca_pem", form: Form::Text, required: true, addition: false, choices: &[], about: "The authority's certificate in PEM" },
                Field { name: "crl_pem", form: Form::Text, required: false, addition: true, choices: &[], about: "Its list of revoked certificates in PEM; if one was fetched from a URL as well, the newer one counts" },
                Field { name: "crl_url", form: Form::Text, required: false, addition: true, choices: &[], about: "Where its list of revoked certificates is, as DER or PEM of at most 10 MiB; fetched every hour" },
                Field { name: "crl_stale", form: Form::Text, required: false, addition: true, choices: &["deny", "allow"], about: "What a list is worth that cannot be had, or whose next one is a week late: deny lets in nobody whom the authority vouches for, allow goes on with what is known" },
            ] },
        // CertificateAuthoritiesList
        Operation { verb: "list", about: "List certificate authorities",
            method: "GET", path: "/certificate_authorities", positional: "", flags: &[], superset: "/adit/certificate_authorities", list: "certificate_authorities",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // CertificateAuthoritiesGet
        Operation { verb: "get", about: "Show one: certificate authority",
            method: "GET", path: "/certificate_authorities/{id}", positional: "id", flags: &[], superset: "/adit/certificate_authorities/{id}", list: "",
            query: &[],
            body: &[] },
        // CertificateAuthoritiesUpdate
        Operation { verb: "update", about: "Change one: certificate authority",
            method: "PATCH", path: "/certificate_authorities/{id}", positional: "id", flags: &[], superset: "/adit/certificate_authorities/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "crl_pem", form: Form::Text, required: false, addition: true, choices: &[], about: "Its list of revoked certificates in PEM; if one was fetched from a URL as well, the newer one counts" },
                Field { name: "crl_url", form: Form::Text, required: false, addition: true, choices: &[], about: "Where its list of revoked certificates is, as DER or PEM of at most 10 MiB; fetched every hour" },
                Field { name: "crl_stale", form: Form::Text, required: false, addition: true, choices: &["deny", "allow"], about: "What a list is worth that cannot be had, or whose next one is a week late: deny lets in nobody whom the authority vouches for, allow goes on with what is known" },
            ] },
        // CertificateAuthoritiesDelete
        Operation { verb: "delete", about: "Delete one: certificate authority",
            method: "DELETE", path: "/certificate_authorities/{id}", positional: "id", flags: &[], superset: "/adit/certificate_authorities/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "credentials", aliases: &["authtokens"], group: "Credentials and keys", operations: &[
        // CredentialsCreate
        Operation { verb: "create", about: "Make one: credential",
            method: "POST", path: "/credentials", positional: "", flags: &[], superset: "/adit/credentials", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "acl", form: Form::Texts, required: false, addition: false, choices: &[], about: "What agents may bind with it, as bind:*.example.com; everything if empty" },
                Field { name: "owner_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Who owns it: a user or service user, by id or e-mail; you if nothing is given" },
                Field { name: "expires_at", form: Form::Text, required: false, addition: true, choices: &[], about: "When it stops being valid; null if never" },
                Field { name: "ip_policy_ids", form: Form::Texts, required: false, addition: true, choices: &[], about: "IP policies that say from where agents may log in with it" },
                Field { name: "ingress_ids", form: Form::Texts, required: false, addition: true, choices: &[], about: "Agent ingresses at which it may be used; all if empty" },
                Field { name: "certificate_fingerprints", form: Form::Texts, required: false, addition: true, choices: &[], about: "SHA-256 of client certificates that must come with it, as 64 hexadecimal digits" },
                Field { name: "certificate_subjects", form: Form::Texts, required: false, addition: true, choices: &[], about: "Names of client certificates that must come with it" },
                Field { name: "max_sessions", form: Form::Integer, required: false, addition: true, choices: &[], about: "Most agents that may be connected with it; null for no limit" },
                Field { name: "max_endpoints", form: Form::Integer, required: false, addition: true, choices: &[], about: "Most endpoints that its agents may have; null for no limit" },
                Field { name: "traffic_policy_required", form: Form::Flag, required: false, addition: true, choices: &[], about: "Its endpoints must bring a traffic policy" },
                Field { name: "disabled", form: Form::Flag, required: false, addition: true, choices: &[], about: "It is refused for the time being" },
            ] },
        // CredentialsList
        Operation { verb: "list", about: "List credentials",
            method: "GET", path: "/credentials", positional: "", flags: &[], superset: "/adit/credentials", list: "credentials",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // CredentialsGet
        Operation { verb: "get", about: "Show one: credential",
            method: "GET", path: "/credentials/{id}", positional: "id", flags: &[], superset: "/adit/credentials/{id}", list: "",
            query: &[],
            body: &[] },
        // CredentialsUpdate
        Operation { verb: "update", about: "Change one: credential",
            method: "PATCH", path: "/credentials/{id}", positional: "id", flags: &[], superset: "/adit/credentials/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "acl", form: Form::Texts, required: false, addition: false, choices: &[], about: "What agents may bind with it, as bind:*.example.com; everything if empty" },
                Field { name: "expires_at", form: Form::Text, required: false, addition: true, choices: &[], about: "When it stops being valid; null if never" },
                Field { name: "ip_policy_ids", form: Form::Texts, required: false, addition: true, choices: &[], about: "IP policies that say from where agents may log in with it" },
                Field { name: "ingress_ids", form: Form::Texts, required: false, addition: true, choices: &[], about: "Agent ingresses at which it may be used; all if empty" },
                Field { name: "certificate_fingerprints", form: Form::Texts, required: false, addition: true, choices: &[], about: "SHA-256 of client certificates that must come with it, as 64 hexadecimal digits" },
                Field { name: "certificate_subjects", form: Form::Texts, required: false, addition: true, choices: &[], about: "Names of client certificates that must come with it" },
                Field { name: "max_sessions", form: Form::Integer, required: false, addition: true, choices: &[], about: "Most agents that may be connected with it; null for no limit" },
                Field { name: "max_endpoints", form: Form::Integer, required: false, addition: true, choices: &[], about: "Most endpoints that its agents may have; null for no limit" },
                Field { name: "traffic_policy_required", form: Form::Flag, required: false, addition: true, choices: &[], about: "Its endpoints must bring a traffic policy" },
                Field { name: "disabled", form: Form::Flag, required: false, addition: true, choices: &[], about: "It is refused for the time being" },
            ] },
        // CredentialsDelete
        Operation { verb: "delete", about: "Delete one: credential",
            method: "DELETE", path: "/credentials/{id}", positional: "id", flags: &[], superset: "/adit/credentials/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "endpoint-pools", aliases: &[], group: "Live", operations: &[
        // AditEndpointPoolsCreate
        Operation { verb: "create", about: "Make one: endpoint pool",
            method: "POST", path: "/adit/endpoint_pools", positional: "", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "url", form: Form::Text, required: true, addition: false, choices: &[], about: "The URL of the endpoints" },
                Field { name: "binding", form: Form::Text, required: false, addition: false, choices: &["public", "internal", "kubernetes"], about: "From where they are reached" },
                Field { name: "strategy", form: Form::Text, required: false, addition: false, choices: &[], about: "How an endpoint is chosen: random, least_busy or round_robin" },
                Field { name: "sticky", form: Form::Text, required: false, addition: false, choices: &[], about: "What keeps a visitor at his endpoint: off, cookie, client_ip or header: with a name" },
                Field { name: "prefer_local", form: Form::Flag, required: false, addition: false, choices: &[], about: "Endpoints at the same node come first" },
                Field { name: "slow_start", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds in which a new endpoint gets its full share" },
                Field { name: "ejection.failures", form: Form::Integer, required: false, addition: false, choices: &[], about: "Failures in a row that put an endpoint out; 0: never" },
                Field { name: "ejection.base", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds that it is out the first time; doubled each time" },
                Field { name: "ejection.max", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most seconds that it is out" },
                Field { name: "ejection.max_percent", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most endpoints that are out at once, in percent" },
                Field { name: "ejection.eject_on_5xx", form: Form::Integer, required: false, addition: false, choices: &[], about: "Answers 5xx in a row that put an endpoint out; 0: they do not count" },
                Field { name: "health_check.type", form: Form::Text, required: false, addition: false, choices: &["http", "tcp"], about: "How an endpoint is asked" },
                Field { name: "health_check.path", form: Form::Text, required: false, addition: false, choices: &[], about: "What is asked for" },
                Field { name: "health_check.interval", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds between two checks" },
                Field { name: "health_check.timeout", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds that an answer may take" },
                Field { name: "health_check.up", form: Form::Integer, required: false, addition: false, choices: &[], about: "Good checks in a row that put an endpoint in" },
                Field { name: "health_check.down", form: Form::Integer, required: false, addition: false, choices: &[], about: "Bad checks in a row that put it out" },
                Field { name: "health_check.expect_first", form: Form::Integer, required: false, addition: false, choices: &[], about: "Lowest good status" },
                Field { name: "health_check.expect_last", form: Form::Integer, required: false, addition: false, choices: &[], about: "Highest good status" },
            ] },
        // AditEndpointPoolsList
        Operation { verb: "list", about: "List endpoint pools",
            method: "GET", path: "/adit/endpoint_pools", positional: "", flags: &[], superset: "", list: "endpoint_pools",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // AditEndpointPoolsGet
        Operation { verb: "get", about: "Show one: endpoint pool",
            method: "GET", path: "/adit/endpoint_pools/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditEndpointPoolsUpdate
        Operation { verb: "update", about: "Change one: endpoint pool",
            method: "PATCH", path: "/adit/endpoint_pools/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "strategy", form: Form::Text, required: false, addition: false, choices: &[], about: "How an endpoint is chosen: random, least_busy or round_robin" },
                Field { name: "sticky", form: Form::Text, required: false, addition: false, choices: &[], about: "What keeps a visitor at his endpoint: off, cookie, client_ip or header: with a name" },
                Field { name: "prefer_local", form: Form::Flag, required: false, addition: false, choices: &[], about: "Endpoints at the same node come first" },
                Field { name: "slow_start", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds in which a new endpoint gets its full share" },
                Field { name: "ejection.failures", form: Form::Integer, required: false, addition: false, choices: &[], about: "Failures in a row that put an endpoint out; 0: never" },
                Field { name: "ejection.base", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds that it is out the first time; doubled each time" },
                Field { name: "ejection.max", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most seconds that it is out" },
                Field { name: "ejection.max_percent", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most endpoints that are out at once, in percent" },
                Field { name: "ejection.eject_on_5xx", form: Form::Integer, required: false, addition: false, choices: &[], about: "Answers 5xx in a row that put an endpoint out; 0: they do not count" },
                Field { name: "health_check.type", form: Form::Text, required: false, addition: false, choices: &["http", "tcp"], about: "How an endpoint is asked" },
                Field { name: "health_check.path", form: Form::Text, required: false, addition: false, choices: &[], about: "What is asked for" },
                Field { name: "health_check.interval", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds between two checks" },
                Field { name: "health_check.timeout", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds that an answer may take" },
                Field { name: "health_check.up", form: Form::Integer, required: false, addition: false, choices: &[], about: "Good checks in a row that put an endpoint in" },
                Field { name: "health_check.down", form: Form::Integer, required: false, addition: false, choices: &[], about: "Bad checks in a row that put it out" },
                Field { name: "health_check.expect_first", form: Form::Integer, required: false, addition: false, choices: &[], about: "Lowest good status" },
                Field { name: "health_check.expect_last", form: Form::Integer, required: false, addition: false, choices: &[], about: "Highest good status" },
            ] },
        // AditEndpointPoolsDelete
        Operation { verb: "delete", about: "Delete one: endpoint pool",
            method: "DELETE", path: "/adit/endpoint_pools/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "endpoints", aliases: &[], group: "Live", operations: &[
        // EndpointsCreate
        Operation { verb: "create", about: "Make one: cloud endpoint",
            method: "POST", path: "/endpoints", positional: "", flags: &[], superset: "/adit/endpoints", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "type", form: Form::Text, required: false, addition: false, choices: &["cloud"], about: "Only cloud endpoints are made here" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "url", form: Form::Text, required: true, addition: false, choices: &[], about: "Its URL: scheme, host and, for tcp, port" },
                Field { name: "traffic_policy", form: Form::Text, required: true, addition: false, choices: &[], about: "What happens to visitors, as YAML or JSON; kept as it is" },
                Field { name: "bindings", form: Form::Texts, required: false, addition: false, choices: &[], about: "From where it is reached: public, internal or kubernetes; internal for hosts in .internal, else public" },
                Field { name: "pooling_enabled", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether other endpoints may have the same URL" },
                Field { name: "weight", form: Form::Integer, required: false, addition: true, choices: &[], about: "Its share of a pool's traffic; 0: nothing new" },
                Field { name: "enabled", form: Form::Flag, required: false, addition: true, choices: &[], about: "Whether it answers" },
                Field { name: "expires_at", form: Form::Text, required: false, addition: true, choices: &[], about: "When it ends; null if never" },
            ] },
        // EndpointsList
        Operation { verb: "list", about: "List endpoints",
            method: "GET", path: "/endpoints", positional: "", flags: &[], superset: "/adit/endpoints", list: "endpoints",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "id", form: Form::Texts, required: false, addition: false, choices: &[], about: "Only objects with one of these ids" },
                Field { name: "url", form: Form::Texts, required: false, addition: false, choices: &[], about: "Only objects with one of these URLs" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // EndpointsGet
        Operation { verb: "get", about: "Show one: cloud endpoint",
            method: "GET", path: "/endpoints/{id}", positional: "id", flags: &[], superset: "/adit/endpoints/{id}", list: "",
            query: &[],
            body: &[] },
        // EndpointsUpdate
        Operation { verb: "update", about: "Change one: cloud endpoint",
            method: "PATCH", path: "/endpoints/{id}", positional: "id", flags: &[], superset: "/adit/endpoints/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "url", form: Form::Text, required: false, addition: false, choices: &[], about: "Its URL: scheme, host and, for tcp, port" },
                Field { name: "traffic_policy", form: Form::Text, required: false, addition: false, choices: &[], about: "What happens to visitors, as YAML or JSON; kept as it is" },
                Field { name: "bindings", form: Form::Texts, required: false, addition: false, choices: &[], about: "From where it is reached: public, internal or kubernetes; internal for hosts in .internal, else public" },
                Field { name: "pooling_enabled", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether other endpoints may have the same URL" },
                Field { name: "weight", form: Form::Integer, required: false, addition: true, choices: &[], about: "Its share of a pool's traffic; 0: nothing new" },
                Field { name: "enabled", form: Form::Flag, required: false, addition: true, choices: &[], about: "Whether it answers" },
                Field { name: "expires_at", form: Form::Text, required: false, addition: true, choices: &[], about: "When it ends; null if never" },
            ] },
        // EndpointsDelete
        Operation { verb: "delete", about: "Delete one: cloud endpoint",
            method: "DELETE", path: "/endpoints/{id}", positional: "id", flags: &[], superset: "/adit/endpoints/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
        // AditEndpointsDisable
        Operation { verb: "disable", about: "End an agent's endpoint",
            method: "POST", path: "/adit/endpoints/{id}/disable", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "message", form: Form::Text, required: false, addition: false, choices: &[], about: "What its agent is told" },
            ] },
    ] },
    Resource { name: "guardrails", aliases: &[], group: "More", operations: &[
        // AditGuardrailsCreate
        Operation { verb: "create", about: "Make one: guardrail",
            method: "POST", path: "/adit/guardrails", positional: "", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: true, addition: false, choices: &[], about: "Its name, unique in the organisation" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "scope.organization", form: Form::Flag, required: false, addition: false, choices: &[], about: "Every endpoint of the organisation" },
                Field { name: "scope.domains", form: Form::Texts, required: false, addition: false, choices: &[], about: "Endpoints of these names; *.example.com is every name below example.com" },
                Field { name: "scope.endpoints", form: Form::Text, required: false, addition: false, choices: &[], about: "Endpoints for which this expression over endpoint and conn is true" },
                Field { name: "scope.bindings", form: Form::Texts, required: false, addition: false, choices: &[], about: "Only endpoints that are reached from there: public, internal, kubernetes" },
                Field { name: "scope.protocols", form: Form::Texts, required: false, addition: false, choices: &[], about: "Only endpoints of these schemes: https, http, tls, tcp" },
                Field { name: "policy", form: Form::Text, required: true, addition: false, choices: &[], about: "What happens to visitors, as YAML or JSON; kept as it is" },
                Field { name: "mode", form: Form::Text, required: false, addition: false, choices: &["enforce", "dry_run", "off"], about: "Whether it decides, only tells whom it would refuse, or does nothing" },
                Field { name: "priority", form: Form::Integer, required: false, addition: false, choices: &[], about: "Lower ones go first among those of the same scope" },
                Field { name: "exceptions", form: Form::Objects, required: false, addition: false, choices: &[], about: "Rules that do not hold for an endpoint" },
                Field { name: "require", form: Form::Objects, required: false, addition: false, choices: &[], about: "What the own policies of endpoints must have; each has one of the fields" },
                Field { name: "grace", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds that endpoints which run have until they must meet what is required" },
                Field { name: "installation", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether it is about the endpoints of all organisations; only the operators' organisation has such" },
            ] },
        // AditGuardrailsList
        Operation { verb: "list", about: "List guardrails",
            method: "GET", path: "/adit/guardrails", positional: "", flags: &[], superset: "", list: "guardrails",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // AditGuardrailsGet
        Operation { verb: "get", about: "Show one: guardrail",
            method: "GET", path: "/adit/guardrails/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditGuardrailsUpdate
        Operation { verb: "update", about: "Change one: guardrail",
            method: "PATCH", path: "/adit/guardrails/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Its name, unique in the organisation" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "scope.organization", form: Form::Flag, required: false, addition: false, choices: &[], about: "Every endpoint of the organisation" },
                Field { name: "scope.domains", form: Form::Texts, required: false, addition: false, choices: &[], about: "Endpoints of these names; *.example.com is every name below example.com" },
                Field { name: "scope.endpoints", form: Form::Text, required: false, addition: false, choices: &[], about: "Endpoints for which this expression over endpoint and conn is true" },
                Field { name: "scope.bindings", form: Form::Texts, required: false, addition: false, choices: &[], about: "Only endpoints that are reached from there: public, internal, kubernetes" },
                Field { name: "scope.protocols", form: Form::Texts, required: false, addition: false, choices: &[], about: "Only endpoints of these schemes: https, http, tls, tcp" },
                Field { name: "policy", form: Form::Text, required: false, addition: false, choices: &[], about: "What happens to visitors, as YAML or JSON; kept as it is" },
                Field { name: "mode", form: Form::Text, required: false, addition: false, choices: &["enforce", "dry_run", "off"], about: "Whether it decides, only tells whom it would refuse, or does nothing" },
                Field { name: "priority", form: Form::Integer, required: false, addition: false, choices: &[], about: "Lower ones go first among those of the same scope" },
                Field { name: "exceptions", form: Form::Objects, required: false, addition: false, choices: &[], about: "Rules that do not hold for an endpoint" },
                Field { name: "require", form: Form::Objects, required: false, addition: false, choices: &[], about: "What the own policies of endpoints must have; each has one of the fields" },
                Field { name: "grace", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds that endpoints which run have until they must meet what is required" },
            ] },
        // AditGuardrailsDelete
        Operation { verb: "delete", about: "Delete one: guardrail",
            method: "DELETE", path: "/adit/guardrails/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
        // AditGuardrailsAffected
        Operation { verb: "get-affected", about: "List the endpoints that a guardrail is about, and what it would have refused",
            method: "GET", path: "/adit/guardrails/{id}/affected", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "since", form: Form::Text, required: false, addition: false, choices: &[], about: "Only what was signed at this time or later (RFC 3339)" },
            ],
            body: &[] },
        // AditGuardrailsPreview
        Operation { verb: "preview", about: "List the endpoints that a guardrail would be about, before it is made",
            method: "POST", path: "/adit/guardrails/preview", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "name", form: Form::Text, required: true, addition: false, choices: &[], about: "Its name; it may be missing" },
                Field { name: "scope", form: Form::Json, required: true, addition: false, choices: &[], about: "Whom it is about; as of a guardrail" },
                Field { name: "policy", form: Form::Text, required: true, addition: false, choices: &[], about: "What happens to visitors, as YAML or JSON" },
                Field { name: "require", form: Form::Objects, required: true, addition: false, choices: &[], about: "What the own policies of endpoints must have; as of a guardrail" },
                Field { name: "exceptions", form: Form::Objects, required: true, addition: false, choices: &[], about: "Rules that do not hold for an endpoint" },
                Field { name: "installation", form: Form::Flag, required: true, addition: false, choices: &[], about: "Whether it is about the endpoints of all organisations" },
            ] },
    ] },
    Resource { name: "invitations", aliases: &[], group: "People and rights", operations: &[
        // AditInvitationsCreate
        Operation { verb: "create", about: "Make one: invitation",
            method: "POST", path: "/adit/invitations", positional: "", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "email", form: Form::Text, required: true, addition: false, choices: &[], about: "Whom it is for" },
                Field { name: "role_ids", form: Form::Texts, required: false, addition: false, choices: &[], about: "What the user will be able to do: roles by id, built-in ones by name" },
                Field { name: "expires_at", form: Form::Text, required: false, addition: false, choices: &[], about: "Until when it can be used; 7 days if nothing is given" },
            ] },
        // AditInvitationsList
        Operation { verb: "list", about: "List invitations",
            method: "GET", path: "/adit/invitations", positional: "", flags: &[], superset: "", list: "invitations",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // AditInvitationsGet
        Operation { verb: "get", about: "Show one: invitation",
            method: "GET", path: "/adit/invitations/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditInvitationsUpdate
        Operation { verb: "update", about: "Change one: invitation",
            method: "PATCH", path: "/adit/invitations/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "role_ids", form: Form::Texts, required: false, addition: false, choices: &[], about: "What the user will be able to do: roles by id, built-in ones by name" },
                Field { name: "expires_at", form: Form::Text, required: false, addition: false, choices: &[], about: "Until when it can be used; 7 days if nothing is given" },
            ] },
        // AditInvitationsDelete
        Operation { verb: "delete", about: "Delete one: invitation",
            method: "DELETE", path: "/adit/invitations/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "ip-policies", aliases: &[], group: "Networks", operations: &[
        // IpPoliciesCreate
        Operation { verb: "create", about: "Make one: IP policy",
            method: "POST", path: "/ip_policies", positional: "", flags: &[], superset: "/adit/ip_policies", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
            ] },
        // IpPoliciesList
        Operation { verb: "list", about: "List ip policies",
            method: "GET", path: "/ip_policies", positional: "", flags: &[], superset: "/adit/ip_policies", list: "ip_policies",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // IpPoliciesGet
        Operation { verb: "get", about: "Show one: IP policy",
            method: "GET", path: "/ip_policies/{id}", positional: "id", flags: &[], superset: "/adit/ip_policies/{id}", list: "",
            query: &[],
            body: &[] },
        // IpPoliciesUpdate
        Operation { verb: "update", about: "Change one: IP policy",
            method: "PATCH", path: "/ip_policies/{id}", positional: "id", flags: &[], superset: "/adit/ip_policies/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
            ] },
        // IpPoliciesDelete
        Operation { verb: "delete", about: "Delete one: IP policy",
            method: "DELETE", path: "/ip_policies/{id}", positional: "id", flags: &[], superset: "/adit/ip_policies/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "ip-policy-rules", aliases: &[], group: "Networks", operations: &[
        // IpPolicyRulesCreate
        Operation { verb: "create", about: "Make one: IP policy rule",
            method: "POST", path: "/ip_policy_rules", positional: "", flags: &[], superset: "/adit/ip_policy_rules", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "cidr", form: Form::Text, required: true, addition: false, choices: &[], about: "The range, as 203.0.113.0/24 or 2001:db8::/32" },
                Field { name: "ip_policy_id", form: Form::Text, required: true, addition: false, choices: &[], about: "The IP policy that the rule belongs to" },
                Field { name: "action", form: Form::Text, required: true, addition: false, choices: &["allow", "deny"], about: "What happens to addresses of the range" },
                Field { name: "expires_at", form: Form::Text, required: false, addition: true, choices: &[], about: "When the rule ends; null if never" },
            ] },
        // IpPolicyRulesList
        Operation { verb: "list", about: "List ip policy rules",
            method: "GET", path: "/ip_policy_rules", positional: "", flags: &[], superset: "/adit/ip_policy_rules", list: "ip_policy_rules",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // IpPolicyRulesGet
        Operation { verb: "get", about: "Show one: IP policy rule",
            method: "GET", path: "/ip_policy_rules/{id}", positional: "id", flags: &[], superset: "/adit/ip_policy_rules/{id}", list: "",
            query: &[],
            body: &[] },
        // IpPolicyRulesUpdate
        Operation { verb: "update", about: "Change one: IP policy rule",
            method: "PATCH", path: "/ip_policy_rules/{id}", positional: "id", flags: &[], superset: "/adit/ip_policy_rules/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "cidr", form: Form::Text, required: false, addition: false, choices: &[], about: "The range, as 203.0.113.0/24 or 2001:db8::/32" },
                Field { name: "expires_at", form: Form::Text, required: false, addition: true, choices: &[], about: "When the rule ends; null if never" },
            ] },
        // IpPolicyRulesDelete
        Operation { verb: "delete", about: "Delete one: IP policy rule",
            method: "DELETE", path: "/ip_policy_rules/{id}", positional: "id", flags: &[], superset: "/adit/ip_policy_rules/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "ip-restrictions", aliases: &[], group: "Networks", operations: &[
        // IpRestrictionsCreate
        Operation { verb: "create", about: "Make one: IP restriction",
            method: "POST", path: "/ip_restrictions", positional: "", flags: &[], superset: "/adit/ip_restrictions", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "enforced", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether other addresses are refused; otherwise they are only recorded" },
                Field { name: "type", form: Form::Text, required: true, addition: false, choices: &["dashboard", "api", "agent", "endpoints"], about: "What is restricted" },
                Field { name: "ip_policy_ids", form: Form::Texts, required: true, addition: false, choices: &[], about: "The IP policies that say who is let in" },
            ] },
        // IpRestrictionsList
        Operation { verb: "list", about: "List ip restrictions",
            method: "GET", path: "/ip_restrictions", positional: "", flags: &[], superset: "/adit/ip_restrictions", list: "ip_restrictions",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // IpRestrictionsGet
        Operation { verb: "get", about: "Show one: IP restriction",
            method: "GET", path: "/ip_restrictions/{id}", positional: "id", flags: &[], superset: "/adit/ip_restrictions/{id}", list: "",
            query: &[],
            body: &[] },
        // IpRestrictionsUpdate
        Operation { verb: "update", about: "Change one: IP restriction",
            method: "PATCH", path: "/ip_restrictions/{id}", positional: "id", flags: &[], superset: "/adit/ip_restrictions/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "enforced", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether other addresses are refused; otherwise they are only recorded" },
                Field { name: "ip_policy_ids", form: Form::Texts, required: false, addition: false, choices: &[], about: "The IP policies that say who is let in" },
            ] },
        // IpRestrictionsDelete
        Operation { verb: "delete", about: "Delete one: IP restriction",
            method: "DELETE", path: "/ip_restrictions/{id}", positional: "id", flags: &[], superset: "/adit/ip_restrictions/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "me", aliases: &[], group: "People and rights", operations: &[
        // AditMeGet
        Operation { verb: "get", about: "Show who you are and what you may",
            method: "GET", path: "/adit/me", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditMeUpdate
        Operation { verb: "update", about: "Change your name or language",
            method: "PATCH", path: "/adit/me", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Your name" },
                Field { name: "locale", form: Form::Text, required: false, addition: false, choices: &[], about: "Language of the dashboard, as en or de-DE" },
            ] },
        // AditMeAuthtokenReset
        Operation { verb: "authtoken-reset", about: "Make a new default authtoken in place of the old one",
            method: "POST", path: "/adit/me/authtoken/reset", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditMeRecoveryCodesDelete
        Operation { verb: "delete-recovery-codes", about: "Have no recovery codes any more",
            method: "DELETE", path: "/adit/me/recovery_codes", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditMeTotpDelete
        Operation { verb: "delete-totp", about: "Have no authenticator any more",
            method: "DELETE", path: "/adit/me/totp", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditMeAuthtokenGet
        Operation { verb: "get-authtoken", about: "Show your default authtoken, without the token",
            method: "GET", path: "/adit/me/authtoken", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditMePasswordUpdate
        Operation { verb: "password", about: "Choose another password",
            method: "POST", path: "/adit/me/password", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "current_password", form: Form::Text, required: false, addition: false, choices: &[], about: "The one that you have" },
                Field { name: "password", form: Form::Text, required: false, addition: false, choices: &[], about: "The new one, 12 to 1024 bytes" },
            ] },
        // AditMeRecoveryCodesCreate
        Operation { verb: "recovery-codes", about: "Make new recovery codes in place of the old ones",
            method: "POST", path: "/adit/me/recovery_codes", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditMeTotpCreate
        Operation { verb: "totp", about: "Set up an authenticator, in two steps",
            method: "POST", path: "/adit/me/totp", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "code", form: Form::Text, required: false, addition: false, choices: &[], about: "The code that your authenticator shows; without it a new secret is answered" },
            ] },
        // AditMeVerify
        Operation { verb: "verify", about: "Show your password or a code again, for what is dangerous",
            method: "POST", path: "/adit/me/verify", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "password", form: Form::Text, required: false, addition: false, choices: &[], about: "Your password" },
                Field { name: "totp", form: Form::Text, required: false, addition: false, choices: &[], about: "The code that your authenticator shows, in its place" },
            ] },
    ] },
    Resource { name: "members", aliases: &[], group: "People and rights", operations: &[
        // AditMembersCreate
        Operation { verb: "create", about: "Make one: membership",
            method: "POST", path: "/adit/members", positional: "", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "user_id", form: Form::Text, required: true, addition: false, choices: &[], about: "The user" },
                Field { name: "role_ids", form: Form::Texts, required: false, addition: false, choices: &[], about: "What the user may do: roles by id, built-in ones by name" },
                Field { name: "active", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether the membership counts" },
            ] },
        // AditMembersList
        Operation { verb: "list", about: "List members",
            method: "GET", path: "/adit/members", positional: "", flags: &[], superset: "", list: "members",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // AditMembersGet
        Operation { verb: "get", about: "Show one: membership",
            method: "GET", path: "/adit/members/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditMembersUpdate
        Operation { verb: "update", about: "Change one: membership",
            method: "PATCH", path: "/adit/members/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "role_ids", form: Form::Texts, required: false, addition: false, choices: &[], about: "What the user may do: roles by id, built-in ones by name" },
                Field { name: "active", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether the membership counts" },
            ] },
        // AditMembersDelete
        Operation { verb: "delete", about: "Delete one: membership",
            method: "DELETE", path: "/adit/members/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "openapi", aliases: &[], group: "More", operations: &[
        // AditOpenapiGet
        Operation { verb: "get", about: "Show the description of this API",
            method: "GET", path: "/adit/openapi.json", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "organization", aliases: &[], group: "People and rights", operations: &[
        // AditOrganizationGet
        Operation { verb: "get", about: "Show one: organisation",
            method: "GET", path: "/adit/organization", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditOrganizationUpdate
        Operation { verb: "update", about: "Change one: organisation",
            method: "PATCH", path: "/adit/organization", positional: "", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Its name" },
                Field { name: "suspended", form: Form::Flag, required: false, addition: false, choices: &[], about: "Nobody can use it; set by operators" },
                Field { name: "suspended_reason", form: Form::Text, required: false, addition: false, choices: &[], about: "Why, in words" },
                Field { name: "enforce_sso", form: Form::Text, required: false, addition: false, choices: &["off", "mixed", "enforced"], about: "Whether members sign in through an identity provider" },
                Field { name: "user_mfa_required", form: Form::Flag, required: false, addition: false, choices: &[], about: "Members need a second factor" },
                Field { name: "min_api_version", form: Form::Integer, required: false, addition: false, choices: &[], about: "Lowest version of the API" },
                Field { name: "min_agent_version", form: Form::Map, required: false, addition: false, choices: &[], about: "Lowest version of each kind of client" },
                Field { name: "traffic_full_capture", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether bodies of exchanges may be kept" },
                Field { name: "settings.strict_ownership", form: Form::Flag, required: false, addition: false, choices: &[], about: "Developers change only credentials and keys of their own" },
                Field { name: "settings.viewers_may_connect", form: Form::Flag, required: false, addition: false, choices: &[], about: "Viewers may start endpoints" },
                Field { name: "settings.require_ingress", form: Form::Flag, required: false, addition: false, choices: &[], about: "Agents log in only through named ingresses" },
                Field { name: "settings.require_approval.bindings", form: Form::Texts, required: false, addition: false, choices: &[], about: "Bindings of endpoints that need approval" },
                Field { name: "settings.require_approval.schemes", form: Form::Texts, required: false, addition: false, choices: &[], about: "Schemes of endpoints that need approval" },
                Field { name: "settings.require_approval.match", form: Form::Text, required: false, addition: false, choices: &[], about: "Expression over the endpoint" },
                Field { name: "settings.endpoint_max_ttl", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds after which an endpoint ends; null for never" },
                Field { name: "settings.default_guardrails", form: Form::Texts, required: false, addition: false, choices: &[], about: "Guardrails of every endpoint" },
                Field { name: "settings.inspector.mode", form: Form::Text, required: false, addition: false, choices: &["", "off", "metadata", "full"], about: "What is kept of exchanges" },
                Field { name: "settings.inspector.body_max", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most bytes of a body" },
                Field { name: "settings.inspector.retention", form: Form::Integer, required: false, addition: false, choices: &[], about: "How long, in seconds" },
                Field { name: "settings.inspector.redact", form: Form::Texts, required: false, addition: false, choices: &[], about: "Names of fields whose values are left out" },
                Field { name: "settings.pooling_default", form: Form::Flag, required: false, addition: false, choices: &[], about: "Endpoints that do not say share their URL" },
                Field { name: "settings.reserved_names_only", form: Form::Flag, required: false, addition: false, choices: &[], about: "Endpoints have only reserved names" },
                Field { name: "settings.audit.retention", form: Form::Integer, required: false, addition: false, choices: &[], about: "How long, in seconds; null for ever" },
                Field { name: "settings.audit.export_destination_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Where the log is exported to" },
                Field { name: "settings.sessions.idle", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds after which an unused session ends" },
                Field { name: "settings.sessions.absolute", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds after which any session ends" },
                Field { name: "settings.password_login", form: Form::Flag, required: false, addition: false, choices: &[], about: "People may sign in with a password" },
                Field { name: "settings.events.header_mode", form: Form::Text, required: false, addition: false, choices: &["", "none", "listed", "all"], about: "Which header fields events have" },
                Field { name: "settings.events.redact", form: Form::Texts, required: false, addition: false, choices: &[], about: "Names of fields whose values are left out" },
                Field { name: "limits.domains", form: Form::Integer, required: false, addition: false, choices: &[], about: "Reserved domains" },
                Field { name: "limits.addresses", form: Form::Integer, required: false, addition: false, choices: &[], about: "Reserved addresses" },
                Field { name: "limits.endpoints", form: Form::Integer, required: false, addition: false, choices: &[], about: "Endpoints at the same time" },
                Field { name: "limits.sessions", form: Form::Integer, required: false, addition: false, choices: &[], about: "Sessions of agents at the same time" },
                Field { name: "limits.endpoints_per_session", form: Form::Integer, required: false, addition: false, choices: &[], about: "Endpoints of one session" },
                Field { name: "limits.credentials", form: Form::Integer, required: false, addition: false, choices: &[], about: "Credentials" },
                Field { name: "limits.api_keys", form: Form::Integer, required: false, addition: false, choices: &[], about: "API keys" },
                Field { name: "limits.ssh_keys", form: Form::Integer, required: false, addition: false, choices: &[], about: "SSH keys" },
                Field { name: "limits.ip_policies", form: Form::Integer, required: false, addition: false, choices: &[], about: "IP policies" },
                Field { name: "limits.rules_per_policy", form: Form::Integer, required: false, addition: false, choices: &[], about: "Rules of one IP policy" },
                Field { name: "limits.destinations", form: Form::Integer, required: false, addition: false, choices: &[], about: "Event destinations" },
                Field { name: "limits.subscriptions", form: Form::Integer, required: false, addition: false, choices: &[], about: "Event subscriptions" },
                Field { name: "limits.members", form: Form::Integer, required: false, addition: false, choices: &[], about: "Members" },
                Field { name: "limits.rps", form: Form::Integer, required: false, addition: false, choices: &[], about: "Requests per second" },
                Field { name: "limits.bandwidth", form: Form::Integer, required: false, addition: false, choices: &[], about: "Bytes per second" },
            ] },
    ] },
    Resource { name: "organizations", aliases: &[], group: "People and rights", operations: &[
        // AditOrganizationsCreate
        Operation { verb: "create", about: "Make one: organisation",
            method: "POST", path: "/adit/organizations", positional: "", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: true, addition: false, choices: &[], about: "Its name" },
                Field { name: "suspended", form: Form::Flag, required: false, addition: false, choices: &[], about: "Nobody can use it; set by operators" },
                Field { name: "suspended_reason", form: Form::Text, required: false, addition: false, choices: &[], about: "Why, in words" },
                Field { name: "enforce_sso", form: Form::Text, required: false, addition: false, choices: &["off", "mixed", "enforced"], about: "Whether members sign in through an identity provider" },
                Field { name: "user_mfa_required", form: Form::Flag, required: false, addition: false, choices: &[], about: "Members need a second factor" },
                Field { name: "min_api_version", form: Form::Integer, required: false, addition: false, choices: &[], about: "Lowest version of the API" },
                Field { name: "min_agent_version", form: Form::Map, required: false, addition: false, choices: &[], about: "Lowest version of each kind of client" },
                Field { name: "traffic_full_capture", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether bodies of exchanges may be kept" },
                Field { name: "settings.strict_ownership", form: Form::Flag, required: false, addition: false, choices: &[], about: "Developers change only credentials and keys of their own" },
                Field { name: "settings.viewers_may_connect", form: Form::Flag, required: false, addition: false, choices: &[], about: "Viewers may start endpoints" },
                Field { name: "settings.require_ingress", form: Form::Flag, required: false, addition: false, choices: &[], about: "Agents log in only through named ingresses" },
                Field { name: "settings.require_approval.bindings", form: Form::Texts, required: false, addition: false, choices: &[], about: "Bindings of endpoints that need approval" },
                Field { name: "settings.require_approval.schemes", form: Form::Texts, required: false, addition: false, choices: &[], about: "Schemes of endpoints that need approval" },
                Field { name: "settings.require_approval.match", form: Form::Text, required: false, addition: false, choices: &[], about: "Expression over the endpoint" },
                Field { name: "settings.endpoint_max_ttl", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds after which an endpoint ends; null for never" },
                Field { name: "settings.default_guardrails", form: Form::Texts, required: false, addition: false, choices: &[], about: "Guardrails of every endpoint" },
                Field { name: "settings.inspector.mode", form: Form::Text, required: false, addition: false, choices: &["", "off", "metadata", "full"], about: "What is kept of exchanges" },
                Field { name: "settings.inspector.body_max", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most bytes of a body" },
                Field { name: "settings.inspector.retention", form: Form::Integer, required: false, addition: false, choices: &[], about: "How long, in seconds" },
                Field { name: "settings.inspector.redact", form: Form::Texts, required: false, addition: false, choices: &[], about: "Names of fields whose values are left out" },
                Field { name: "settings.pooling_default", form: Form::Flag, required: false, addition: false, choices: &[], about: "Endpoints that do not say share their URL" },
                Field { name: "settings.reserved_names_only", form: Form::Flag, required: false, addition: false, choices: &[], about: "Endpoints have only reserved names" },
                Field { name: "settings.audit.retention", form: Form::Integer, required: false, addition: false, choices: &[], about: "How long, in seconds; null for ever" },
                Field { name: "settings.audit.export_destination_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Where the log is exported to" },
                Field { name: "settings.sessions.idle", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds after which an unused session ends" },
                Field { name: "settings.sessions.absolute", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds after which any session ends" },
                Field { name: "settings.password_login", form: Form::Flag, required: false, addition: false, choices: &[], about: "People may sign in with a password" },
                Field { name: "settings.events.header_mode", form: Form::Text, required: false, addition: false, choices: &["", "none", "listed", "all"], about: "Which header fields events have" },
                Field { name: "settings.events.redact", form: Form::Texts, required: false, addition: false, choices: &[], about: "Names of fields whose values are left out" },
                Field { name: "limits.domains", form: Form::Integer, required: false, addition: false, choices: &[], about: "Reserved domains" },
                Field { name: "limits.addresses", form: Form::Integer, required: false, addition: false, choices: &[], about: "Reserved addresses" },
                Field { name: "limits.endpoints", form: Form::Integer, required: false, addition: false, choices: &[], about: "Endpoints at the same time" },
                Field { name: "limits.sessions", form: Form::Integer, required: false, addition: false, choices: &[], about: "Sessions of agents at the same time" },
                Field { name: "limits.endpoints_per_session", form: Form::Integer, required: false, addition: false, choices: &[], about: "Endpoints of one session" },
                Field { name: "limits.credentials", form: Form::Integer, required: false, addition: false, choices: &[], about: "Credentials" },
                Field { name: "limits.api_keys", form: Form::Integer, required: false, addition: false, choices: &[], about: "API keys" },
                Field { name: "limits.ssh_keys", form: Form::Integer, required: false, addition: false, choices: &[], about: "SSH keys" },
                Field { name: "limits.ip_policies", form: Form::Integer, required: false, addition: false, choices: &[], about: "IP policies" },
                Field { name: "limits.rules_per_policy", form: Form::Integer, required: false, addition: false, choices: &[], about: "Rules of one IP policy" },
                Field { name: "limits.destinations", form: Form::Integer, required: false, addition: false, choices: &[], about: "Event destinations" },
                Field { name: "limits.subscriptions", form: Form::Integer, required: false, addition: false, choices: &[], about: "Event subscriptions" },
                Field { name: "limits.members", form: Form::Integer, required: false, addition: false, choices: &[], about: "Members" },
                Field { name: "limits.rps", form: Form::Integer, required: false, addition: false, choices: &[], about: "Requests per second" },
                Field { name: "limits.bandwidth", form: Form::Integer, required: false, addition: false, choices: &[], about: "Bytes per second" },
                Field { name: "admin_email", form: Form::Text, required: false, addition: false, choices: &[], about: "Whom to invite as its first administrator" },
            ] },
        // AditOrganizationsList
        Operation { verb: "list", about: "List organizations",
            method: "GET", path: "/adit/organizations", positional: "", flags: &[], superset: "", list: "organizations",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // AditOrganizationsGet
        Operation { verb: "get", about: "Show one: organisation",
            method: "GET", path: "/adit/organizations/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditOrganizationsUpdate
        Operation { verb: "update", about: "Change one: organisation",
            method: "PATCH", path: "/adit/organizations/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Its name" },
                Field { name: "suspended", form: Form::Flag, required: false, addition: false, choices: &[], about: "Nobody can use it; set by operators" },
                Field { name: "suspended_reason", form: Form::Text, required: false, addition: false, choices: &[], about: "Why, in words" },
                Field { name: "enforce_sso", form: Form::Text, required: false, addition: false, choices: &["off", "mixed", "enforced"], about: "Whether members sign in through an identity provider" },
                Field { name: "user_mfa_required", form: Form::Flag, required: false, addition: false, choices: &[], about: "Members need a second factor" },
                Field { name: "min_api_version", form: Form::Integer, required: false, addition: false, choices: &[], about: "Lowest version of the API" },
                Field { name: "min_agent_version", form: Form::Map, required: false, addition: false, choices: &[], about: "Lowest version of each kind of client" },
                Field { name: "traffic_full_capture", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether bodies of exchanges may be kept" },
                Field { name: "settings.strict_ownership", form: Form::Flag, required: false, addition: false, choices: &[], about: "Developers change only credentials and keys of their own" },
                Field { name: "settings.viewers_may_connect", form: Form::Flag, required: false, addition: false, choices: &[], about: "Viewers may start endpoints" },
                Field { name: "settings.require_ingress", form: Form::Flag, required: false, addition: false, choices: &[], about: "Agents log in only through named ingresses" },
                Field { name: "settings.require_approval.bindings", form: Form::Texts, required: false, addition: false, choices: &[], about: "Bindings of endpoints that need approval" },
                Field { name: "settings.require_approval.schemes", form: Form::Texts, required: false, addition: false, choices: &[], about: "Schemes of endpoints that need approval" },
                Field { name: "settings.require_approval.match", form: Form::Text, required: false, addition: false, choices: &[], about: "Expression over the endpoint" },
                Field { name: "settings.endpoint_max_ttl", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds after which an endpoint ends; null for never" },
                Field { name: "settings.default_guardrails", form: Form::Texts, required: false, addition: false, choices: &[], about: "Guardrails of every endpoint" },
                Field { name: "settings.inspector.mode", form: Form::Text, required: false, addition: false, choices: &["", "off", "metadata", "full"], about: "What is kept of exchanges" },
                Field { name: "settings.inspector.body_max", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most bytes of a body" },
                Field { name: "settings.inspector.retention", form: Form::Integer, required: false, addition: false, choices: &[], about: "How long, in seconds" },
                Field { name: "settings.inspector.redact", form: Form::Texts, required: false, addition: false, choices: &[], about: "Names of fields whose values are left out" },
                Field { name: "settings.pooling_default", form: Form::Flag, required: false, addition: false, choices: &[], about: "Endpoints that do not say share their URL" },
                Field { name: "settings.reserved_names_only", form: Form::Flag, required: false, addition: false, choices: &[], about: "Endpoints have only reserved names" },
                Field { name: "settings.audit.retention", form: Form::Integer, required: false, addition: false, choices: &[], about: "How long, in seconds; null for ever" },
                Field { name: "settings.audit.export_destination_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Where the log is exported to" },
                Field { name: "settings.sessions.idle", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds after which an unused session ends" },
                Field { name: "settings.sessions.absolute", form: Form::Integer, required: false, addition: false, choices: &[], about: "Seconds after which any session ends" },
                Field { name: "settings.password_login", form: Form::Flag, required: false, addition: false, choices: &[], about: "People may sign in with a password" },
                Field { name: "settings.events.header_mode", form: Form::Text, required: false, addition: false, choices: &["", "none", "listed", "all"], about: "Which header fields events have" },
                Field { name: "settings.events.redact", form: Form::Texts, required: false, addition: false, choices: &[], about: "Names of fields whose values are left out" },
                Field { name: "limits.domains", form: Form::Integer, required: false, addition: false, choices: &[], about: "Reserved domains" },
                Field { name: "limits.addresses", form: Form::Integer, required: false, addition: false, choices: &[], about: "Reserved addresses" },
                Field { name: "limits.endpoints", form: Form::Integer, required: false, addition: false, choices: &[], about: "Endpoints at the same time" },
                Field { name: "limits.sessions", form: Form::Integer, required: false, addition: false, choices: &[], about: "Sessions of agents at the same time" },
                Field { name: "limits.endpoints_per_session", form: Form::Integer, required: false, addition: false, choices: &[], about: "Endpoints of one session" },
                Field { name: "limits.credentials", form: Form::Integer, required: false, addition: false, choices: &[], about: "Credentials" },
                Field { name: "limits.api_keys", form: Form::Integer, required: false, addition: false, choices: &[], about: "API keys" },
                Field { name: "limits.ssh_keys", form: Form::Integer, required: false, addition: false, choices: &[], about: "SSH keys" },
                Field { name: "limits.ip_policies", form: Form::Integer, required: false, addition: false, choices: &[], about: "IP policies" },
                Field { name: "limits.rules_per_policy", form: Form::Integer, required: false, addition: false, choices: &[], about: "Rules of one IP policy" },
                Field { name: "limits.destinations", form: Form::Integer, required: false, addition: false, choices: &[], about: "Event destinations" },
                Field { name: "limits.subscriptions", form: Form::Integer, required: false, addition: false, choices: &[], about: "Event subscriptions" },
                Field { name: "limits.members", form: Form::Integer, required: false, addition: false, choices: &[], about: "Members" },
                Field { name: "limits.rps", form: Form::Integer, required: false, addition: false, choices: &[], about: "Requests per second" },
                Field { name: "limits.bandwidth", form: Form::Integer, required: false, addition: false, choices: &[], about: "Bytes per second" },
            ] },
        // AditOrganizationsDelete
        Operation { verb: "delete", about: "Delete one: organisation",
            method: "DELETE", path: "/adit/organizations/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "confirm", form: Form::Text, required: false, addition: false, choices: &[], about: "The name of what is to be deleted" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
            ],
            body: &[] },
    ] },
    Resource { name: "permissions", aliases: &[], group: "People and rights", operations: &[
        // AditPermissionsList
        Operation { verb: "get", about: "List permissions and what they open",
            method: "GET", path: "/adit/permissions", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "policy", aliases: &[], group: "More", operations: &[
        // AditPolicyCheck
        Operation { verb: "check", about: "Say what is wrong with a traffic policy",
            method: "POST", path: "/adit/policy/check", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "traffic_policy", form: Form::Text, required: false, addition: false, choices: &[], about: "The document, YAML or JSON" },
                Field { name: "url", form: Form::Text, required: false, addition: false, choices: &[], about: "URL of the endpoint that it is for; https if nothing is given" },
                Field { name: "binding", form: Form::Text, required: false, addition: false, choices: &[], about: "public, internal or kubernetes; follows from the URL if nothing is given" },
                Field { name: "type", form: Form::Text, required: false, addition: false, choices: &[], about: "agent or cloud; agent if nothing is given" },
            ] },
        // AditPolicyConvert
        Operation { verb: "convert", about: "Write an old traffic policy in the form of today",
            method: "POST", path: "/adit/policy/convert", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "traffic_policy", form: Form::Text, required: false, addition: false, choices: &[], about: "The old document" },
                Field { name: "url", form: Form::Text, required: false, addition: false, choices: &[], about: "URL of the endpoint that it is for; https if nothing is given" },
                Field { name: "binding", form: Form::Text, required: false, addition: false, choices: &[], about: "public, internal or kubernetes; follows from the URL if nothing is given" },
                Field { name: "type", form: Form::Text, required: false, addition: false, choices: &[], about: "agent or cloud; agent if nothing is given" },
            ] },
        // AditPolicyExplain
        Operation { verb: "explain", about: "Tell what a traffic policy does with a request, rule by rule",
            method: "POST", path: "/adit/policy/explain", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "traffic_policy", form: Form::Text, required: false, addition: false, choices: &[], about: "The document, YAML or JSON; with endpoint in the place of its own policy" },
                Field { name: "type", form: Form::Text, required: false, addition: false, choices: &[], about: "agent or cloud; agent if nothing is given" },
                Field { name: "endpoint", form: Form::Text, required: false, addition: false, choices: &[], about: "Id ep_… or URL of the endpoint that is asked, with its guardrails and those that it forwards to" },
                Field { name: "effects", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether requests that policies send are sent, by the server's guarded client" },
                Field { name: "request", form: Form::Json, required: false, addition: false, choices: &[], about: "method, url, headers, body, client: ip, country, cert, identity, tls; of a connection url and client" },
                Field { name: "upstream_status", form: Form::Integer, required: false, addition: false, choices: &[], about: "Status of the service's answer; 200 if nothing is given" },
            ] },
        // AditPolicySchemaGet
        Operation { verb: "get-schema", about: "Show the JSON Schema of traffic policies",
            method: "GET", path: "/adit/policy/schema", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditPolicyTest
        Operation { verb: "test", about: "Run cases against traffic policies",
            method: "POST", path: "/adit/policy/test", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "cases", form: Form::Text, required: false, addition: false, choices: &[], about: "A case file, as adit policy test reads it" },
                Field { name: "traffic_policy", form: Form::Text, required: false, addition: false, choices: &[], about: "The document that a policy_file of a case stands for" },
            ] },
    ] },
    Resource { name: "reserved-addrs", aliases: &[], group: "Names", operations: &[
        // ReservedAddrsCreate
        Operation { verb: "create", about: "Make one: reserved address",
            method: "POST", path: "/reserved_addrs", positional: "", flags: &[], superset: "/adit/reserved_addrs", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "region", form: Form::Text, required: false, addition: false, choices: &["", "global", "us", "eu", "ap", "au", "sa", "jp", "in"], about: "Kept for old clients; has no effect" },
                Field { name: "addr", form: Form::Text, required: false, addition: true, choices: &[], about: "The address; the lowest free port if nothing is given" },
                Field { name: "protocol", form: Form::Text, required: false, addition: true, choices: &["tcp", "udp"], about: "What is spoken there" },
            ] },
        // ReservedAddrsList
        Operation { verb: "list", about: "List reserved addrs",
            method: "GET", path: "/reserved_addrs", positional: "", flags: &[], superset: "/adit/reserved_addrs", list: "reserved_addrs",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // ReservedAddrsGet
        Operation { verb: "get", about: "Show one: reserved address",
            method: "GET", path: "/reserved_addrs/{id}", positional: "id", flags: &[], superset: "/adit/reserved_addrs/{id}", list: "",
            query: &[],
            body: &[] },
        // ReservedAddrsUpdate
        Operation { verb: "update", about: "Change one: reserved address",
            method: "PATCH", path: "/reserved_addrs/{id}", positional: "id", flags: &[], superset: "/adit/reserved_addrs/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
            ] },
        // ReservedAddrsDelete
        Operation { verb: "delete", about: "Delete one: reserved address",
            method: "DELETE", path: "/reserved_addrs/{id}", positional: "id", flags: &[], superset: "/adit/reserved_addrs/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "reserved-domains", aliases: &["domains"], group: "Names", operations: &[
        // ReservedDomainsCreate
        Operation { verb: "create", about: "Make one: reserved domain",
            method: "POST", path: "/reserved_domains", positional: "", flags: &[], superset: "/adit/reserved_domains", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "domain", form: Form::Text, required: false, addition: false, choices: &[], about: "The name, as app.example.com or *.example.com; a random one below the base domain if nothing is given" },
                Field { name: "region", form: Form::Text, required: false, addition: false, choices: &["", "global", "us", "eu", "ap", "au", "sa", "jp", "in"], about: "Kept for old clients; has no effect" },
                Field { name: "certificate_management_policy.authority", form: Form::Text, required: false, addition: false, choices: &["letsencrypt", "staging", "zerossl", "google", "buypass"], about: "Where certificates come from" },
                Field { name: "certificate_management_policy.private_key_type", form: Form::Text, required: false, addition: false, choices: &["ecdsa", "rsa"], about: "Type of the private keys" },
                Field { name: "resolves_to", form: Form::Objects, required: false, addition: false, choices: &[], about: "Where visitors are led; anywhere if empty" },
                Field { name: "certificate_id", form: Form::Text, required: false, addition: false, choices: &[], about: "A certificate that was uploaded" },
            ] },
        // ReservedDomainsList
        Operation { verb: "list", about: "List reserved domains",
            method: "GET", path: "/reserved_domains", positional: "", flags: &[], superset: "/adit/reserved_domains", list: "reserved_domains",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // ReservedDomainsGet
        Operation { verb: "get", about: "Show one: reserved domain",
            method: "GET", path: "/reserved_domains/{id}", positional: "id", flags: &[], superset: "/adit/reserved_domains/{id}", list: "",
            query: &[],
            body: &[] },
        // ReservedDomainsUpdate
        Operation { verb: "update", about: "Change one: reserved domain",
            method: "PATCH", path: "/reserved_domains/{id}", positional: "id", flags: &[], superset: "/adit/reserved_domains/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "certificate_management_policy.authority", form: Form::Text, required: false, addition: false, choices: &["letsencrypt", "staging", "zerossl", "google", "buypass"], about: "Where certificates come from" },
                Field { name: "certificate_management_policy.private_key_type", form: Form::Text, required: false, addition: false, choices: &["ecdsa", "rsa"], about: "Type of the private keys" },
                Field { name: "resolves_to", form: Form::Objects, required: false, addition: false, choices: &[], about: "Where visitors are led; anywhere if empty" },
                Field { name: "certificate_id", form: Form::Text, required: false, addition: false, choices: &[], about: "A certificate that was uploaded" },
            ] },
        // ReservedDomainsDelete
        Operation { verb: "delete", about: "Delete one: reserved domain",
            method: "DELETE", path: "/reserved_domains/{id}", positional: "id", flags: &[], superset: "/adit/reserved_domains/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
        // ReservedDomainsDeleteCertificate
        Operation { verb: "delete-certificate", about: "Show an uploaded certificate no longer",
            method: "DELETE", path: "/reserved_domains/{id}/certificate", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
            ],
            body: &[] },
        // ReservedDomainsDeleteCertificateManagementPolicy
        Operation { verb: "delete-certificate-management-policy", about: "Obtain no more certificates",
            method: "DELETE", path: "/reserved_domains/{id}/certificate_management_policy", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
            ],
            body: &[] },
    ] },
    Resource { name: "roles", aliases: &[], group: "People and rights", operations: &[
        // AditRolesCreate
        Operation { verb: "create", about: "Make one: role",
            method: "POST", path: "/adit/roles", positional: "", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: true, addition: false, choices: &[], about: "Its name" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "permissions", form: Form::Texts, required: false, addition: false, choices: &[], about: "What it allows, as ip_policies:read" },
                Field { name: "selector", form: Form::Text, required: false, addition: false, choices: &[], about: "Expression over an object, obj, that must hold before and after a change; empty: always" },
            ] },
        // AditRolesList
        Operation { verb: "list", about: "List roles",
            method: "GET", path: "/adit/roles", positional: "", flags: &[], superset: "", list: "roles",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // AditRolesGet
        Operation { verb: "get", about: "Show one: role",
            method: "GET", path: "/adit/roles/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditRolesUpdate
        Operation { verb: "update", about: "Change one: role",
            method: "PATCH", path: "/adit/roles/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Its name" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "permissions", form: Form::Texts, required: false, addition: false, choices: &[], about: "What it allows, as ip_policies:read" },
                Field { name: "selector", form: Form::Text, required: false, addition: false, choices: &[], about: "Expression over an object, obj, that must hold before and after a change; empty: always" },
            ] },
        // AditRolesDelete
        Operation { verb: "delete", about: "Delete one: role",
            method: "DELETE", path: "/adit/roles/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "root", aliases: &[], group: "More", operations: &[
        // Root
        Operation { verb: "get", about: "Say where everything is",
            method: "GET", path: "/", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // SelfGet
        Operation { verb: "self", about: "Show the key in use, its owner and organisation",
            method: "GET", path: "/self", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "secrets", aliases: &[], group: "Vaults", operations: &[
        // SecretsCreate
        Operation { verb: "create", about: "Make one: secret",
            method: "POST", path: "/vault_secrets", positional: "", flags: &[], superset: "/adit/vault_secrets", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: true, addition: false, choices: &[], about: "Its name, of letters, digits and the characters _ / " },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "vault_name", form: Form::Text, required: false, addition: false, choices: &[], about: "Name of the vault that it lies in" },
                Field { name: "value", form: Form::Text, required: true, addition: false, choices: &[], about: "The value; never shown" },
                Field { name: "vault_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Id of the vault that it lies in; or give vault_name" },
            ] },
        // SecretsList
        Operation { verb: "list", about: "List secrets",
            method: "GET", path: "/vault_secrets", positional: "", flags: &[], superset: "/adit/vault_secrets", list: "secrets",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // SecretsGet
        Operation { verb: "get", about: "Show one: secret",
            method: "GET", path: "/vault_secrets/{id}", positional: "id", flags: &[], superset: "/adit/vault_secrets/{id}", list: "",
            query: &[],
            body: &[] },
        // SecretsUpdate
        Operation { verb: "update", about: "Change one: secret",
            method: "PATCH", path: "/vault_secrets/{id}", positional: "id", flags: &[], superset: "/adit/vault_secrets/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Its name, of letters, digits and the characters _ / " },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "value", form: Form::Text, required: false, addition: false, choices: &[], about: "The value; never shown" },
            ] },
        // SecretsDelete
        Operation { verb: "delete", about: "Delete one: secret",
            method: "DELETE", path: "/vault_secrets/{id}", positional: "id", flags: &[], superset: "/adit/vault_secrets/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "service-users", aliases: &[], group: "People and rights", operations: &[
        // ServiceUsersCreate
        Operation { verb: "create", about: "Make one: service user",
            method: "POST", path: "/service_users", positional: "", flags: &[], superset: "/adit/service_users", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: true, addition: false, choices: &[], about: "Its name" },
                Field { name: "active", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether what it owns can be used" },
                Field { name: "description", form: Form::Text, required: false, addition: true, choices: &[], about: "What it is for, in words" },
                Field { name: "role_ids", form: Form::Texts, required: false, addition: true, choices: &[], about: "What it may do: roles by id, built-in ones by name; developer if empty" },
            ] },
        // ServiceUsersList
        Operation { verb: "list", about: "List service users",
            method: "GET", path: "/service_users", positional: "", flags: &[], superset: "/adit/service_users", list: "service_users",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // ServiceUsersGet
        Operation { verb: "get", about: "Show one: service user",
            method: "GET", path: "/service_users/{id}", positional: "id", flags: &[], superset: "/adit/service_users/{id}", list: "",
            query: &[],
            body: &[] },
        // ServiceUsersUpdate
        Operation { verb: "update", about: "Change one: service user",
            method: "PATCH", path: "/service_users/{id}", positional: "id", flags: &[], superset: "/adit/service_users/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Its name" },
                Field { name: "active", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether what it owns can be used" },
                Field { name: "description", form: Form::Text, required: false, addition: true, choices: &[], about: "What it is for, in words" },
                Field { name: "role_ids", form: Form::Texts, required: false, addition: true, choices: &[], about: "What it may do: roles by id, built-in ones by name; developer if empty" },
            ] },
        // ServiceUsersDelete
        Operation { verb: "delete", about: "Delete one: service user",
            method: "DELETE", path: "/service_users/{id}", positional: "id", flags: &[], superset: "/adit/service_users/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "sessions", aliases: &[], group: "People and rights", operations: &[
        // AditSessionsList
        Operation { verb: "list", about: "List sessions of the dashboard, yours or another member's",
            method: "GET", path: "/adit/sessions", positional: "", flags: &[], superset: "", list: "sessions",
            query: &[
                Field { name: "user_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only of this user" },
            ],
            body: &[] },
        // AditSessionsDelete
        Operation { verb: "delete", about: "End a session of the dashboard",
            method: "DELETE", path: "/adit/sessions/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditSessionsDeleteCurrent
        Operation { verb: "delete-current", about: "Sign out",
            method: "DELETE", path: "/adit/sessions/current", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "tls-certificates", aliases: &[], group: "Certificates", operations: &[
        // TlsCertificatesCreate
        Operation { verb: "create", about: "Make one: TLS certificate",
            method: "POST", path: "/tls_certificates", positional: "", flags: &[], superset: "/adit/tls_certificates", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
                Field { name: "certificate_pem", form: Form::Text, required: true, addition: false, choices: &[], about: "The chain in PEM, the leaf first" },
                Field { name: "private_key_pem", form: Form::Text, required: true, addition: false, choices: &[], about: "The key of the leaf in PEM; never shown" },
            ] },
        // TlsCertificatesList
        Operation { verb: "list", about: "List tls certificates",
            method: "GET", path: "/tls_certificates", positional: "", flags: &[], superset: "/adit/tls_certificates", list: "tls_certificates",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // TlsCertificatesGet
        Operation { verb: "get", about: "Show one: TLS certificate",
            method: "GET", path: "/tls_certificates/{id}", positional: "id", flags: &[], superset: "/adit/tls_certificates/{id}", list: "",
            query: &[],
            body: &[] },
        // TlsCertificatesUpdate
        Operation { verb: "update", about: "Change one: TLS certificate",
            method: "PATCH", path: "/tls_certificates/{id}", positional: "id", flags: &[], superset: "/adit/tls_certificates/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
            ] },
        // TlsCertificatesDelete
        Operation { verb: "delete", about: "Delete one: TLS certificate",
            method: "DELETE", path: "/tls_certificates/{id}", positional: "id", flags: &[], superset: "/adit/tls_certificates/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
    ] },
    Resource { name: "tunnel-sessions", aliases: &["agents"], group: "Live", operations: &[
        // TunnelSessionsList
        Operation { verb: "list", about: "List the sessions of agents",
            method: "GET", path: "/tunnel_sessions", positional: "", flags: &[], superset: "", list: "tunnel_sessions",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // TunnelSessionsGet
        Operation { verb: "get", about: "Show a session of an agent",
            method: "GET", path: "/tunnel_sessions/{id}", positional: "id", flags: &[], superset: "/adit/tunnel_sessions/{id}", list: "",
            query: &[],
            body: &[] },
        // TunnelSessionsUpdate
        Operation { verb: "update", about: "Have an agent update itself",
            method: "POST", path: "/tunnel_sessions/{id}/update", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "version", form: Form::Text, required: false, addition: false, choices: &[], about: "Version to update to; the newest if nothing is given" },
            ] },
        // TunnelSessionsRestart
        Operation { verb: "restart", about: "Have an agent restart",
            method: "POST", path: "/tunnel_sessions/{id}/restart", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // TunnelSessionsStop
        Operation { verb: "stop", about: "Have an agent stop",
            method: "POST", path: "/tunnel_sessions/{id}/stop", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "tunnels", aliases: &[], group: "Live", operations: &[
        // TunnelsList
        Operation { verb: "list", about: "List what agents offer",
            method: "GET", path: "/tunnels", positional: "", flags: &[], superset: "", list: "tunnels",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
            ],
            body: &[] },
        // TunnelsGet
        Operation { verb: "get", about: "Show something that an agent offers",
            method: "GET", path: "/tunnels/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "users", aliases: &[], group: "People and rights", operations: &[
        // AditUsersCreate
        Operation { verb: "create", about: "Make one: user",
            method: "POST", path: "/adit/users", positional: "", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "email", form: Form::Text, required: true, addition: false, choices: &[], about: "E-mail address; one user has it" },
                Field { name: "name", form: Form::Text, required: true, addition: false, choices: &[], about: "Name" },
                Field { name: "active", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether the user can sign in, and what he owns can be used" },
                Field { name: "locale", form: Form::Text, required: false, addition: false, choices: &[], about: "Language of the dashboard, as en or de-DE" },
                Field { name: "role_ids", form: Form::Texts, required: false, addition: false, choices: &[], about: "What the user will be able to do in the organisation: roles by id, built-in ones by name" },
            ] },
        // AditUsersList
        Operation { verb: "list", about: "List users",
            method: "GET", path: "/adit/users", positional: "", flags: &[], superset: "", list: "users",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // AditUsersGet
        Operation { verb: "get", about: "Show one: user",
            method: "GET", path: "/adit/users/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditUsersUpdate
        Operation { verb: "update", about: "Change one: user",
            method: "PATCH", path: "/adit/users/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "email", form: Form::Text, required: false, addition: false, choices: &[], about: "E-mail address; one user has it" },
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Name" },
                Field { name: "active", form: Form::Flag, required: false, addition: false, choices: &[], about: "Whether the user can sign in, and what he owns can be used" },
                Field { name: "locale", form: Form::Text, required: false, addition: false, choices: &[], about: "Language of the dashboard, as en or de-DE" },
            ] },
        // AditUsersDelete
        Operation { verb: "delete", about: "Delete one: user",
            method: "DELETE", path: "/adit/users/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "everywhere", form: Form::Flag, required: false, addition: false, choices: &[], about: "Remove the user from the installation, not only from this organisation" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
            ],
            body: &[] },
        // AditUsersResetPassword
        Operation { verb: "reset-password", about: "Make a link by which a user chooses a new password",
            method: "POST", path: "/adit/users/{id}/reset_password", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "vaults", aliases: &[], group: "Vaults", operations: &[
        // VaultsCreate
        Operation { verb: "create", about: "Make one: vault",
            method: "POST", path: "/vaults", positional: "", flags: &[], superset: "/adit/vaults", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: true, addition: false, choices: &[], about: "Its name, of letters, digits and the characters _ / " },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
            ] },
        // VaultsList
        Operation { verb: "list", about: "List vaults",
            method: "GET", path: "/vaults", positional: "", flags: &[], superset: "/adit/vaults", list: "vaults",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects for which this expression over obj is true" },
            ],
            body: &[] },
        // VaultsGet
        Operation { verb: "get", about: "Show one: vault",
            method: "GET", path: "/vaults/{id}", positional: "id", flags: &[], superset: "/adit/vaults/{id}", list: "",
            query: &[],
            body: &[] },
        // VaultsUpdate
        Operation { verb: "update", about: "Change one: vault",
            method: "PATCH", path: "/vaults/{id}", positional: "id", flags: &[], superset: "/adit/vaults/{id}", list: "",
            query: &[
                Field { name: "unset", form: Form::Text, required: false, addition: false, choices: &[], about: "Optional fields to clear, comma-separated" },
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Its name, of letters, digits and the characters _ / " },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "What it is for, in words" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Data of your own, at most 4096 bytes; kept as it is" },
            ] },
        // VaultsDelete
        Operation { verb: "delete", about: "Delete one: vault",
            method: "DELETE", path: "/vaults/{id}", positional: "id", flags: &[], superset: "/adit/vaults/{id}", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
                Field { name: "force", form: Form::Flag, required: false, addition: false, choices: &[], about: "Do it even if that locks you out" },
            ],
            body: &[] },
        // VaultsGetSecretsByVault
        Operation { verb: "get-secrets-by-vault", about: "List the secrets of a vault",
            method: "GET", path: "/vaults/{id}/secrets", positional: "id", flags: &[], superset: "", list: "secrets",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
            ],
            body: &[] },
    ] },
    Resource { name: "version", aliases: &[], group: "More", operations: &[
        // AditVersionGet
        Operation { verb: "get", about: "Show the version of the server",
            method: "GET", path: "/adit/version", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
];
