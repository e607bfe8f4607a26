//! All operations. Written by `cargo xtask api-table` from `crates/api/openapi.json`: do not edit.

use super::operation::{Field, Form, Operation, Resource};

#[rustfmt::skip]
pub(crate) static RESOURCES: &[Resource] = &[
    Resource { name: "api-keys", aliases: &[], group: "Credentials and keys", operations: &[
        // ApiKeysCreate
        Operation { verb: "create", about: "Make one: API key",
            method: "POST", path: "/api_keys", positional: "", flags: &[], superset: "/adit/api_keys", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
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
            ],
            body: &[] },
    ] },
    Resource { name: "bot-users", aliases: &[], group: "People and rights", operations: &[
        // BotUsersCreate
        Operation { verb: "create", about: "Make one: bot user",
            method: "POST", path: "/bot_users", positional: "", flags: &[], superset: "", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
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
            ],
            body: &[] },
    ] },
    Resource { name: "endpoints", aliases: &[], group: "Live", operations: &[
        // EndpointsList
        Operation { verb: "list", about: "EndpointsList",
            method: "GET", path: "/endpoints", positional: "", flags: &[], superset: "", list: "*",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Only objects whose id is before this one, which need not exist any more" },
                Field { name: "limit", form: Form::Integer, required: false, addition: false, choices: &[], about: "Most objects of the page, 1 to 100" },
                Field { name: "id", form: Form::Texts, required: false, addition: false, choices: &[], about: "Only objects with one of these ids" },
                Field { name: "url", form: Form::Texts, required: false, addition: false, choices: &[], about: "Only objects with one of these URLs" },
            ],
            body: &[] },
        // EndpointsGet
        Operation { verb: "get", about: "EndpointsGet",
            method: "GET", path: "/endpoints/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // EndpointsUpdate
        Operation { verb: "update", about: "EndpointsUpdate",
            method: "PATCH", path: "/endpoints/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // EndpointsDelete
        Operation { verb: "delete", about: "EndpointsDelete",
            method: "DELETE", path: "/endpoints/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AditEndpointsDisable
        Operation { verb: "disable", about: "End an agent's endpoint",
            method: "POST", path: "/adit/endpoints/{id}/disable", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "message", form: Form::Text, required: false, addition: false, choices: &[], about: "What its agent is told" },
            ] },
    ] },
    Resource { name: "ip-policies", aliases: &[], group: "Networks", operations: &[
        // IpPoliciesCreate
        Operation { verb: "create", about: "Make one: IP policy",
            method: "POST", path: "/ip_policies", positional: "", flags: &[], superset: "/adit/ip_policies", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
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
    Resource { name: "root", aliases: &[], group: "More", operations: &[
        // Root
        Operation { verb: "get", about: "Say where everything is",
            method: "GET", path: "/", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "service-users", aliases: &[], group: "People and rights", operations: &[
        // ServiceUsersCreate
        Operation { verb: "create", about: "Make one: service user",
            method: "POST", path: "/service_users", positional: "", flags: &[], superset: "/adit/service_users", list: "",
            query: &[
                Field { name: "dry_run", form: Form::Flag, required: false, addition: false, choices: &[], about: "Check everything and answer as if it were done, but change nothing" },
                Field { name: "wait", form: Form::Text, required: false, addition: false, choices: &[], about: "applied: answer when every live node has applied the change, at the latest after 5 seconds" },
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
];
