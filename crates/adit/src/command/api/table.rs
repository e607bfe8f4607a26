//! All operations. Written by `cargo xtask api-table` from `crates/api/openapi.json`: do not edit.

use super::operation::{Field, Form, Operation, Resource};

#[rustfmt::skip]
pub(crate) static RESOURCES: &[Resource] = &[
    Resource { name: "agent-ingresses", aliases: &[], group: "Networks", operations: &[
        // AgentIngressesCreate
        Operation { verb: "create", about: "Create a new Agent Ingress",
            method: "POST", path: "/agent_ingresses", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of the use of this Agent Ingress" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this Agent Ingress" },
                Field { name: "domain", form: Form::Text, required: true, addition: false, choices: &[], about: "the domain that you own to be used as the base domain name to generate regional agent ingress domains" },
                Field { name: "certificate_management_policy.authority", form: Form::Text, required: false, addition: false, choices: &[], about: "certificate authority to request certificates from" },
                Field { name: "certificate_management_policy.private_key_type", form: Form::Text, required: false, addition: false, choices: &[], about: "type of private key to use when requesting certificates" },
            ] },
        // AgentIngressesList
        Operation { verb: "list", about: "List all Agent Ingresses owned by this account",
            method: "GET", path: "/agent_ingresses", positional: "", flags: &[], superset: "", list: "ingresses",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // AgentIngressesGet
        Operation { verb: "get", about: "Get the details of an Agent Ingress by ID",
            method: "GET", path: "/agent_ingresses/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // AgentIngressesUpdate
        Operation { verb: "update", about: "Update attributes of an Agent Ingress by ID",
            method: "PATCH", path: "/agent_ingresses/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of the use of this Agent Ingress" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this Agent Ingress" },
                Field { name: "certificate_management_policy.authority", form: Form::Text, required: false, addition: false, choices: &[], about: "certificate authority to request certificates from" },
                Field { name: "certificate_management_policy.private_key_type", form: Form::Text, required: false, addition: false, choices: &[], about: "type of private key to use when requesting certificates" },
            ] },
        // AgentIngressesDelete
        Operation { verb: "delete", about: "Delete an Agent Ingress by ID",
            method: "DELETE", path: "/agent_ingresses/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "api-keys", aliases: &[], group: "Credentials and keys", operations: &[
        // ApiKeysCreate
        Operation { verb: "create", about: "Create a new API key",
            method: "POST", path: "/api_keys", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of what uses the API key to authenticate" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined data of this API key" },
                Field { name: "owner_id", form: Form::Text, required: false, addition: false, choices: &[], about: "If supplied at credential creation, ownership will be assigned to the specified User or Bot" },
            ] },
        // ApiKeysList
        Operation { verb: "list", about: "List all API keys owned by this account",
            method: "GET", path: "/api_keys", positional: "", flags: &[], superset: "", list: "keys",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // ApiKeysGet
        Operation { verb: "get", about: "Get the details of an API key by ID",
            method: "GET", path: "/api_keys/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // ApiKeysUpdate
        Operation { verb: "update", about: "Update attributes of an API key by ID",
            method: "PATCH", path: "/api_keys/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of what uses the API key to authenticate" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined data of this API key" },
            ] },
        // ApiKeysDelete
        Operation { verb: "delete", about: "Delete an API key by ID",
            method: "DELETE", path: "/api_keys/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "bot-users", aliases: &[], group: "People and rights", operations: &[
        // BotUsersCreate
        Operation { verb: "create", about: "Create a new bot user",
            method: "POST", path: "/bot_users", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable name used to identify the bot" },
                Field { name: "active", form: Form::Flag, required: false, addition: false, choices: &[], about: "whether or not the bot is active" },
            ] },
        // BotUsersList
        Operation { verb: "list", about: "List all bot users in this account",
            method: "GET", path: "/bot_users", positional: "", flags: &[], superset: "", list: "bot_users",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "" },
            ],
            body: &[] },
        // BotUsersGet
        Operation { verb: "get", about: "Get the details of a Bot User by ID",
            method: "GET", path: "/bot_users/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // BotUsersUpdate
        Operation { verb: "update", about: "Update attributes of a bot user by ID",
            method: "PATCH", path: "/bot_users/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable name used to identify the bot" },
                Field { name: "active", form: Form::Flag, required: false, addition: false, choices: &[], about: "whether or not the bot is active" },
            ] },
        // BotUsersDelete
        Operation { verb: "delete", about: "Delete a bot user by ID",
            method: "DELETE", path: "/bot_users/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "certificate-authorities", aliases: &[], group: "Certificates", operations: &[
        // CertificateAuthoritiesCreate
        Operation { verb: "create", about: "Upload a new Certificate Authority",
            method: "POST", path: "/certificate_authorities", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of this Certificate Authority" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this Certificate Authority" },
                Field { name: "ca_pem", form: Form::Text, required: true, addition: false, choices: &[], about: "raw PEM of the Certificate Authority" },
            ] },
        // CertificateAuthoritiesList
        Operation { verb: "list", about: "List all Certificate Authority on this account",
            method: "GET", path: "/certificate_authorities", positional: "", flags: &[], superset: "", list: "certificate_authorities",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // CertificateAuthoritiesGet
        Operation { verb: "get", about: "Get detailed information about a certificate authority",
            method: "GET", path: "/certificate_authorities/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // CertificateAuthoritiesUpdate
        Operation { verb: "update", about: "Update attributes of a Certificate Authority by ID",
            method: "PATCH", path: "/certificate_authorities/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of this Certificate Authority" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this Certificate Authority" },
            ] },
        // CertificateAuthoritiesDelete
        Operation { verb: "delete", about: "Delete a Certificate Authority",
            method: "DELETE", path: "/certificate_authorities/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "credentials", aliases: &["authtokens"], group: "Credentials and keys", operations: &[
        // CredentialsCreate
        Operation { verb: "create", about: "Create a new tunnel authtoken credential",
            method: "POST", path: "/credentials", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of who or what will use the credential to authenticate" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this credential" },
                Field { name: "acl", form: Form::Texts, required: false, addition: false, choices: &[], about: "optional list of ACL rules" },
                Field { name: "owner_id", form: Form::Text, required: false, addition: false, choices: &[], about: "If supplied at credential creation, ownership will be assigned to the specified User or Service User" },
            ] },
        // CredentialsList
        Operation { verb: "list", about: "List all tunnel authtoken credentials on this account",
            method: "GET", path: "/credentials", positional: "", flags: &[], superset: "", list: "credentials",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // CredentialsGet
        Operation { verb: "get", about: "Get detailed information about a tunnel authtoken credential",
            method: "GET", path: "/credentials/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // CredentialsUpdate
        Operation { verb: "update", about: "Update attributes of an tunnel authtoken credential by ID",
            method: "PATCH", path: "/credentials/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of who or what will use the credential to authenticate" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this credential" },
                Field { name: "acl", form: Form::Texts, required: false, addition: false, choices: &[], about: "optional list of ACL rules" },
            ] },
        // CredentialsDelete
        Operation { verb: "delete", about: "Delete a tunnel authtoken credential by ID",
            method: "DELETE", path: "/credentials/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "endpoints", aliases: &[], group: "Live", operations: &[
        // EndpointsCreate
        Operation { verb: "create", about: "Create an endpoint, currently available only for cloud endpoints",
            method: "POST", path: "/endpoints", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "url", form: Form::Text, required: true, addition: false, choices: &[], about: "the url of the endpoint" },
                Field { name: "type", form: Form::Text, required: true, addition: false, choices: &[], about: "Type of endpoint" },
                Field { name: "traffic_policy", form: Form::Text, required: true, addition: false, choices: &[], about: "The traffic policy attached to this endpoint" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "user-supplied description of the associated tunnel" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "user-supplied metadata of the associated tunnel or edge object" },
                Field { name: "bindings", form: Form::Texts, required: false, addition: false, choices: &[], about: "the bindings associated with this endpoint" },
                Field { name: "pooling_enabled", form: Form::Flag, required: false, addition: false, choices: &[], about: "n/a" },
            ] },
        // EndpointsList
        Operation { verb: "list", about: "List all active endpoints on the account",
            method: "GET", path: "/endpoints", positional: "", flags: &[], superset: "", list: "endpoints",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "id", form: Form::Objects, required: false, addition: false, choices: &[], about: "Filter results by endpoint IDs" },
                Field { name: "url", form: Form::Objects, required: false, addition: false, choices: &[], about: "Filter results by endpoint URLs" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // EndpointsGet
        Operation { verb: "get", about: "Get the status of an endpoint by ID",
            method: "GET", path: "/endpoints/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // EndpointsUpdate
        Operation { verb: "update", about: "Update an Endpoint by ID, currently available only for cloud endpoints",
            method: "PATCH", path: "/endpoints/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "url", form: Form::Text, required: false, addition: false, choices: &[], about: "the url of the endpoint" },
                Field { name: "traffic_policy", form: Form::Text, required: false, addition: false, choices: &[], about: "The traffic policy attached to this endpoint" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "user-supplied description of the associated tunnel" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "user-supplied metadata of the associated tunnel or edge object" },
                Field { name: "bindings", form: Form::Texts, required: false, addition: false, choices: &[], about: "the bindings associated with this endpoint" },
                Field { name: "pooling_enabled", form: Form::Flag, required: false, addition: false, choices: &[], about: "n/a" },
            ] },
        // EndpointsDelete
        Operation { verb: "delete", about: "Delete an Endpoint by ID, currently available only for cloud endpoints",
            method: "DELETE", path: "/endpoints/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "ip-policies", aliases: &[], group: "Networks", operations: &[
        // IpPoliciesCreate
        Operation { verb: "create", about: "Create a new IP policy",
            method: "POST", path: "/ip_policies", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of the source IPs of this IP policy" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this IP policy" },
            ] },
        // IpPoliciesList
        Operation { verb: "list", about: "List all IP policies on this account",
            method: "GET", path: "/ip_policies", positional: "", flags: &[], superset: "", list: "ip_policies",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // IpPoliciesGet
        Operation { verb: "get", about: "Get detailed information about an IP policy by ID",
            method: "GET", path: "/ip_policies/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // IpPoliciesUpdate
        Operation { verb: "update", about: "Update attributes of an IP policy by ID",
            method: "PATCH", path: "/ip_policies/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of the source IPs of this IP policy" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this IP policy" },
            ] },
        // IpPoliciesDelete
        Operation { verb: "delete", about: "Delete an IP policy",
            method: "DELETE", path: "/ip_policies/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "ip-policy-rules", aliases: &[], group: "Networks", operations: &[
        // IpPolicyRulesCreate
        Operation { verb: "create", about: "Create a new IP policy rule attached to an IP Policy",
            method: "POST", path: "/ip_policy_rules", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of the source IPs of this IP rule" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this IP policy rule" },
                Field { name: "cidr", form: Form::Text, required: true, addition: false, choices: &[], about: "an IP or IP range specified in CIDR notation" },
                Field { name: "ip_policy_id", form: Form::Text, required: true, addition: false, choices: &[], about: "ID of the IP policy this IP policy rule will be attached to" },
                Field { name: "action", form: Form::Text, required: true, addition: false, choices: &[], about: "the action to apply to the policy rule, either `allow` or `deny`" },
            ] },
        // IpPolicyRulesList
        Operation { verb: "list", about: "List all IP policy rules on this account",
            method: "GET", path: "/ip_policy_rules", positional: "", flags: &[], superset: "", list: "ip_policy_rules",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // IpPolicyRulesGet
        Operation { verb: "get", about: "Get detailed information about an IP policy rule by ID",
            method: "GET", path: "/ip_policy_rules/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // IpPolicyRulesUpdate
        Operation { verb: "update", about: "Update attributes of an IP policy rule by ID",
            method: "PATCH", path: "/ip_policy_rules/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of the source IPs of this IP rule" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this IP policy rule" },
                Field { name: "cidr", form: Form::Text, required: false, addition: false, choices: &[], about: "an IP or IP range specified in CIDR notation" },
            ] },
        // IpPolicyRulesDelete
        Operation { verb: "delete", about: "Delete an IP policy rule",
            method: "DELETE", path: "/ip_policy_rules/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "ip-restrictions", aliases: &[], group: "Networks", operations: &[
        // IpRestrictionsCreate
        Operation { verb: "create", about: "Create a new IP restriction",
            method: "POST", path: "/ip_restrictions", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of this IP restriction" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this IP restriction" },
                Field { name: "enforced", form: Form::Flag, required: false, addition: false, choices: &[], about: "true if the IP restriction will be enforced" },
                Field { name: "type", form: Form::Text, required: true, addition: false, choices: &[], about: "the type of IP restriction" },
                Field { name: "ip_policy_ids", form: Form::Texts, required: true, addition: false, choices: &[], about: "the set of IP policy identifiers that are used to enforce the restriction" },
            ] },
        // IpRestrictionsList
        Operation { verb: "list", about: "List all IP restrictions on this account",
            method: "GET", path: "/ip_restrictions", positional: "", flags: &[], superset: "", list: "ip_restrictions",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // IpRestrictionsGet
        Operation { verb: "get", about: "Get detailed information about an IP restriction",
            method: "GET", path: "/ip_restrictions/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // IpRestrictionsUpdate
        Operation { verb: "update", about: "Update attributes of an IP restriction by ID",
            method: "PATCH", path: "/ip_restrictions/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of this IP restriction" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this IP restriction" },
                Field { name: "enforced", form: Form::Flag, required: false, addition: false, choices: &[], about: "true if the IP restriction will be enforced" },
                Field { name: "ip_policy_ids", form: Form::Texts, required: false, addition: false, choices: &[], about: "the set of IP policy identifiers that are used to enforce the restriction" },
            ] },
        // IpRestrictionsDelete
        Operation { verb: "delete", about: "Delete an IP restriction",
            method: "DELETE", path: "/ip_restrictions/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "reserved-addrs", aliases: &[], group: "Names", operations: &[
        // ReservedAddrsCreate
        Operation { verb: "create", about: "Create a new reserved address",
            method: "POST", path: "/reserved_addrs", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of what this reserved address will be used for" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this reserved address" },
                Field { name: "region", form: Form::Text, required: false, addition: false, choices: &[], about: "reserve the address in this geographic ngrok datacenter" },
            ] },
        // ReservedAddrsList
        Operation { verb: "list", about: "List all reserved addresses on this account",
            method: "GET", path: "/reserved_addrs", positional: "", flags: &[], superset: "", list: "reserved_addrs",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // ReservedAddrsGet
        Operation { verb: "get", about: "Get the details of a reserved address",
            method: "GET", path: "/reserved_addrs/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // ReservedAddrsUpdate
        Operation { verb: "update", about: "Update the attributes of a reserved address",
            method: "PATCH", path: "/reserved_addrs/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of what this reserved address will be used for" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this reserved address" },
            ] },
        // ReservedAddrsDelete
        Operation { verb: "delete", about: "Delete a reserved address",
            method: "DELETE", path: "/reserved_addrs/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "reserved-domains", aliases: &["domains"], group: "Names", operations: &[
        // ReservedDomainsCreate
        Operation { verb: "create", about: "Create a new reserved domain",
            method: "POST", path: "/reserved_domains", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "domain", form: Form::Text, required: false, addition: false, choices: &[], about: "hostname of the reserved domain" },
                Field { name: "region", form: Form::Text, required: false, addition: false, choices: &[], about: "deprecated: With the launch of the ngrok Global Network domains traffic is now handled globally" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of what this reserved domain will be used for" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this reserved domain" },
                Field { name: "certificate_id", form: Form::Text, required: false, addition: false, choices: &[], about: "ID of a user-uploaded TLS certificate to use for connections to targeting this domain" },
                Field { name: "certificate_management_policy.authority", form: Form::Text, required: false, addition: false, choices: &[], about: "certificate authority to request certificates from" },
                Field { name: "certificate_management_policy.private_key_type", form: Form::Text, required: false, addition: false, choices: &[], about: "type of private key to use when requesting certificates" },
                Field { name: "resolves_to", form: Form::Objects, required: false, addition: false, choices: &[], about: "DNS resolver targets configured for the reserved domain, or empty for \"global\" resolution" },
            ] },
        // ReservedDomainsList
        Operation { verb: "list", about: "List all reserved domains on this account",
            method: "GET", path: "/reserved_domains", positional: "", flags: &[], superset: "", list: "reserved_domains",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // ReservedDomainsGet
        Operation { verb: "get", about: "Get the details of a reserved domain",
            method: "GET", path: "/reserved_domains/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // ReservedDomainsUpdate
        Operation { verb: "update", about: "Update the attributes of a reserved domain",
            method: "PATCH", path: "/reserved_domains/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of what this reserved domain will be used for" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this reserved domain" },
                Field { name: "certificate_id", form: Form::Text, required: false, addition: false, choices: &[], about: "ID of a user-uploaded TLS certificate to use for connections to targeting this domain" },
                Field { name: "certificate_management_policy.authority", form: Form::Text, required: false, addition: false, choices: &[], about: "certificate authority to request certificates from" },
                Field { name: "certificate_management_policy.private_key_type", form: Form::Text, required: false, addition: false, choices: &[], about: "type of private key to use when requesting certificates" },
                Field { name: "resolves_to", form: Form::Objects, required: false, addition: false, choices: &[], about: "DNS resolver targets configured for the reserved domain, or empty for \"global\" resolution" },
            ] },
        // ReservedDomainsDelete
        Operation { verb: "delete", about: "Delete a reserved domain",
            method: "DELETE", path: "/reserved_domains/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // ReservedDomainsDeleteCertificate
        Operation { verb: "delete-certificate", about: "Detach the certificate attached to a reserved domain",
            method: "DELETE", path: "/reserved_domains/{id}/certificate", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // ReservedDomainsDeleteCertificateManagementPolicy
        Operation { verb: "delete-certificate-management-policy", about: "Detach the certificate management policy attached to a reserved domain",
            method: "DELETE", path: "/reserved_domains/{id}/certificate_management_policy", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "root", aliases: &[], group: "More", operations: &[
        // Root
        Operation { verb: "get", about: "The API",
            method: "GET", path: "/", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "secrets", aliases: &[], group: "Vaults", operations: &[
        // SecretsCreate
        Operation { verb: "create", about: "Create a new Secret",
            method: "POST", path: "/vault_secrets", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Name of secret" },
                Field { name: "value", form: Form::Text, required: false, addition: false, choices: &[], about: "Value of secret" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Arbitrary user-defined metadata for this Secret" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "description of Secret" },
                Field { name: "vault_id", form: Form::Text, required: false, addition: false, choices: &[], about: "unique identifier of the referenced vault" },
                Field { name: "vault_name", form: Form::Text, required: false, addition: false, choices: &[], about: "name of the referenced vault" },
            ] },
        // SecretsList
        Operation { verb: "list", about: "List all Secrets owned by account",
            method: "GET", path: "/vault_secrets", positional: "", flags: &[], superset: "", list: "secrets",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // SecretsGet
        Operation { verb: "get", about: "Get a Secret by ID",
            method: "GET", path: "/vault_secrets/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // SecretsUpdate
        Operation { verb: "update", about: "Update an existing Secret by ID",
            method: "PATCH", path: "/vault_secrets/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Name of secret" },
                Field { name: "value", form: Form::Text, required: false, addition: false, choices: &[], about: "Value of secret" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Arbitrary user-defined metadata for this Secret" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "description of Secret" },
            ] },
        // SecretsDelete
        Operation { verb: "delete", about: "Delete a Secret",
            method: "DELETE", path: "/vault_secrets/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "service-users", aliases: &[], group: "People and rights", operations: &[
        // ServiceUsersCreate
        Operation { verb: "create", about: "Create a new service user",
            method: "POST", path: "/service_users", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable name used to identify the service" },
                Field { name: "active", form: Form::Flag, required: false, addition: false, choices: &[], about: "whether or not the service is active" },
            ] },
        // ServiceUsersList
        Operation { verb: "list", about: "List all service users in this account",
            method: "GET", path: "/service_users", positional: "", flags: &[], superset: "", list: "service_users",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // ServiceUsersGet
        Operation { verb: "get", about: "Get the details of a Bot User by ID",
            method: "GET", path: "/service_users/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // ServiceUsersUpdate
        Operation { verb: "update", about: "Update attributes of a service user by ID",
            method: "PATCH", path: "/service_users/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable name used to identify the service" },
                Field { name: "active", form: Form::Flag, required: false, addition: false, choices: &[], about: "whether or not the service is active" },
            ] },
        // ServiceUsersDelete
        Operation { verb: "delete", about: "Delete a service user by ID",
            method: "DELETE", path: "/service_users/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "tls-certificates", aliases: &[], group: "Certificates", operations: &[
        // TlsCertificatesCreate
        Operation { verb: "create", about: "Upload a new TLS certificate",
            method: "POST", path: "/tls_certificates", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of this TLS certificate" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this TLS certificate" },
                Field { name: "certificate_pem", form: Form::Text, required: true, addition: false, choices: &[], about: "chain of PEM-encoded certificates, leaf first" },
                Field { name: "private_key_pem", form: Form::Text, required: true, addition: false, choices: &[], about: "private key for the TLS certificate, PEM-encoded" },
            ] },
        // TlsCertificatesList
        Operation { verb: "list", about: "List all TLS certificates on this account",
            method: "GET", path: "/tls_certificates", positional: "", flags: &[], superset: "", list: "tls_certificates",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // TlsCertificatesGet
        Operation { verb: "get", about: "Get detailed information about a TLS certificate",
            method: "GET", path: "/tls_certificates/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // TlsCertificatesUpdate
        Operation { verb: "update", about: "Update attributes of a TLS Certificate by ID",
            method: "PATCH", path: "/tls_certificates/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "human-readable description of this TLS certificate" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "arbitrary user-defined machine-readable data of this TLS certificate" },
            ] },
        // TlsCertificatesDelete
        Operation { verb: "delete", about: "Delete a TLS certificate",
            method: "DELETE", path: "/tls_certificates/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "tunnel-sessions", aliases: &["agents"], group: "Live", operations: &[
        // TunnelSessionsList
        Operation { verb: "list", about: "List all online tunnel sessions running on this account",
            method: "GET", path: "/tunnel_sessions", positional: "", flags: &[], superset: "", list: "tunnel_sessions",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // TunnelSessionsGet
        Operation { verb: "get", about: "Get the detailed status of a tunnel session by ID",
            method: "GET", path: "/tunnel_sessions/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // TunnelSessionsUpdate
        Operation { verb: "update", about: "Issues a command instructing the ngrok agent to update itself to the latest version",
            method: "POST", path: "/tunnel_sessions/{id}/update", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // TunnelSessionsRestart
        Operation { verb: "restart", about: "Issues a command instructing the ngrok agent to restart",
            method: "POST", path: "/tunnel_sessions/{id}/restart", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // TunnelSessionsStop
        Operation { verb: "stop", about: "Issues a command instructing the ngrok agent that started this tunnel session to exit",
            method: "POST", path: "/tunnel_sessions/{id}/stop", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "tunnels", aliases: &[], group: "Live", operations: &[
        // TunnelsList
        Operation { verb: "list", about: "List all online tunnels currently running on the account",
            method: "GET", path: "/tunnels", positional: "", flags: &[], superset: "", list: "tunnels",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "" },
            ],
            body: &[] },
        // TunnelsGet
        Operation { verb: "get", about: "Get the status of a tunnel by ID",
            method: "GET", path: "/tunnels/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
    ] },
    Resource { name: "vaults", aliases: &[], group: "Vaults", operations: &[
        // VaultsCreate
        Operation { verb: "create", about: "Create a new Vault",
            method: "POST", path: "/vaults", positional: "", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Name of vault" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Arbitrary user-defined metadata for this Vault" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "description of Vault" },
            ] },
        // VaultsList
        Operation { verb: "list", about: "List all Vaults owned by account",
            method: "GET", path: "/vaults", positional: "", flags: &[], superset: "", list: "vaults",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "Expects a resource ID as its input" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "Constrains the number of results in the dataset" },
                Field { name: "filter", form: Form::Text, required: false, addition: false, choices: &[], about: "A CEL expression to filter the list results" },
            ],
            body: &[] },
        // VaultsGet
        Operation { verb: "get", about: "Get a Vault by ID",
            method: "GET", path: "/vaults/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // VaultsUpdate
        Operation { verb: "update", about: "Update an existing Vault by ID",
            method: "PATCH", path: "/vaults/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[
                Field { name: "name", form: Form::Text, required: false, addition: false, choices: &[], about: "Name of vault" },
                Field { name: "metadata", form: Form::Text, required: false, addition: false, choices: &[], about: "Arbitrary user-defined metadata for this Vault" },
                Field { name: "description", form: Form::Text, required: false, addition: false, choices: &[], about: "description of Vault" },
            ] },
        // VaultsDelete
        Operation { verb: "delete", about: "Delete a Vault",
            method: "DELETE", path: "/vaults/{id}", positional: "id", flags: &[], superset: "", list: "",
            query: &[],
            body: &[] },
        // VaultsGetSecretsByVault
        Operation { verb: "get-secrets-by-vault", about: "Get Secrets by Vault ID",
            method: "GET", path: "/vaults/{id}/secrets", positional: "id", flags: &[], superset: "", list: "secrets",
            query: &[
                Field { name: "before_id", form: Form::Text, required: false, addition: false, choices: &[], about: "" },
                Field { name: "limit", form: Form::Text, required: false, addition: false, choices: &[], about: "" },
            ],
            body: &[] },
    ] },
];
