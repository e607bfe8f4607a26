//! What ngrok's clients know and this release does not have (control plane 2.11, 2.12, 9): edges and backends, which
//! cloud endpoints have replaced, and kinds that come later. Their lists are empty, a single one is not found, writes
//! are refused with a code of their own: never a path that does not exist, never a 5xx that is tried again.

use adit_names::code::ErrorCode;
use http::Method;
use serde_json::Value;

use crate::answer::Reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::page::list_json;
use crate::query::Parameter;
use crate::route_table::{Access, Handler, Route};

const NONE: &[Parameter] = &[];
const PAGE: &[Parameter] = &[("before_id", false), ("limit", false), ("filter", false)];
/// What replaces edges and backends.
const CLOUD_ENDPOINTS: &str = "POST /endpoints with traffic_policy";

/// Something with a list, single ones, and writes.
struct Group {
    path: &'static str,
    /// Of operations: `EdgesHttps` in `EdgesHttpsCreate`.
    operations: &'static str,
    list_key: &'static str,
    permission: &'static str,
    /// Of its operations: C, R, U, D, L.
    has: &'static str,
    /// What a request for a single one is refused with.
    missing: ErrorCode,
    /// What to use in its place; empty if there is nothing.
    replacement: &'static str,
}

const fn group(path: &'static str, operations: &'static str, list_key: &'static str, has: &'static str) -> Group {
    Group {
        path,
        operations,
        list_key,
        permission: list_key,
        has,
        missing: ErrorCode::ADIT_2001,
        replacement: "",
    }
}

const fn edge(path: &'static str, operations: &'static str, list_key: &'static str, has: &'static str) -> Group {
    Group {
        permission: "edges",
        missing: ErrorCode::NGROK_7000,
        replacement: CLOUD_ENDPOINTS,
        ..group(path, operations, list_key, has)
    }
}

const fn backend(path: &'static str, operations: &'static str) -> Group {
    Group {
        permission: "backends",
        missing: ErrorCode::NGROK_6514,
        replacement: CLOUD_ENDPOINTS,
        ..group(path, operations, "backends", "CRUDL")
    }
}

#[rustfmt::skip]
static GROUPS: &[Group] = &[
    edge("/edges/https", "EdgesHttps", "https_edges", "CRUDL"),
    edge("/edges/https/{edge_id}/routes", "EdgesHttpsRoutes", "https_edge_routes", "CRUD"),
    edge("/edges/tcp", "EdgesTcp", "tcp_edges", "CRUDL"),
    edge("/edges/tls", "EdgesTls", "tls_edges", "CRUDL"),
    backend("/backends/failover", "FailoverBackends"),
    backend("/backends/http_response", "HttpResponseBackends"),
    backend("/backends/static", "StaticBackends"),
    backend("/backends/tunnel_group", "TunnelGroupBackends"),
    backend("/backends/weighted", "WeightedBackends"),
    Group { has: "CR", ..group("/abuse_reports", "AbuseReports", "abuse_reports", "") },
    Group { permission: "application_sessions", ..group("/app/sessions", "ApplicationSessions", "application_sessions", "RDL") },
    Group { permission: "application_users", ..group("/app/users", "ApplicationUsers", "application_users", "RDL") },
    group("/event_destinations", "EventDestinations", "event_destinations", "CRUDL"),
    group("/event_subscriptions", "EventSubscriptions", "event_subscriptions", "CRUDL"),
    Group { permission: "kubernetes_operators", ..group("/kubernetes_operators", "KubernetesOperators", "operators", "CRUDL") },
    group("/ssh_certificate_authorities", "SshCertificateAuthorities", "ssh_certificate_authorities", "CRUDL"),
    group("/ssh_credentials", "SshCredentials", "ssh_credentials", "CRUDL"),
    group("/ssh_host_certificates", "SshHostCertificates", "ssh_host_certificates", "CRUDL"),
    group("/ssh_user_certificates", "SshUserCertificates", "ssh_user_certificates", "CRUDL"),
    group("/personal_access_tokens", "PersonalAccessTokens", "personal_access_tokens", "CRUDL"),
    group("/ai_gateway_api_keys", "AIGatewayAPIKeys", "ai_gateway_api_keys", "CRUDL"),
    Group { permission: "endpoint_configurations", replacement: CLOUD_ENDPOINTS, ..group("/pointcfg/{module}", "Pointcfg", "pointcfg", "CRUDL") },
    Group { replacement: CLOUD_ENDPOINTS, ..group("/endpoint_configurations", "EndpointConfigurations", "endpoint_configurations", "CRUDL") },
];

/// What modules are below, how that is called in operations, and each module's path and name.
type Modules = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Modules: `PUT`, `GET` and `DELETE` below a single edge or route.
#[rustfmt::skip]
static MODULES: &[Modules] = &[
    ("/edges/https/{id}", "HttpsEdge", &[("mutual_tls", "MutualTls"), ("tls_termination", "TlsTermination")]),
    ("/edges/https/{edge_id}/routes/{id}", "EdgeRoute", &[
        ("backend", "Backend"), ("ip_restriction", "IpRestriction"), ("request_headers", "RequestHeaders"),
        ("response_headers", "ResponseHeaders"), ("compression", "Compression"), ("circuit_breaker", "CircuitBreaker"),
        ("webhook_verification", "WebhookVerification"), ("oauth", "OAuth"), ("saml", "Saml"), ("oidc", "Oidc"),
        ("websocket_tcp_converter", "WebsocketTcpConverter"), ("user_agent_filter", "UserAgentFilter"),
        ("traffic_policy", "TrafficPolicy"),
    ]),
    ("/endpoint_configurations/{id}", "EndpointConfiguration", &[
        ("backend", "Backend"), ("basic_auth", "BasicAuth"), ("circuit_breaker", "CircuitBreaker"),
        ("compression", "Compression"), ("ip_policy", "IpPolicy"), ("logging", "Logging"), ("mutual_tls", "MutualTls"),
        ("oauth", "OAuth"), ("oidc", "Oidc"), ("request_headers", "RequestHeaders"),
        ("response_headers", "ResponseHeaders"), ("saml", "Saml"), ("tls_termination", "TlsTermination"),
        ("webhook_validation", "WebhookValidation"),
    ]),
    ("/edges/tcp/{id}", "TcpEdge", &[
        ("backend", "Backend"), ("ip_restriction", "IpRestriction"), ("traffic_policy", "TrafficPolicy"),
    ]),
    ("/edges/tls/{id}", "TlsEdge", &[
        ("backend", "Backend"), ("ip_restriction", "IpRestriction"), ("mutual_tls", "MutualTls"),
        ("tls_termination", "TlsTermination"), ("traffic_policy", "TrafficPolicy"),
    ]),
];

/// Single operations that are in no group: method, path, name, permission.
#[rustfmt::skip]
static SINGLE: &[(Method, &str, &str, &str)] = &[
    (Method::GET,    "/event_subscriptions/{subscription_id}/sources",        "EventSourcesList",   "event_subscriptions:read"),
    (Method::POST,   "/event_subscriptions/{subscription_id}/sources",        "EventSourcesCreate", "event_subscriptions:update"),
    (Method::GET,    "/event_subscriptions/{subscription_id}/sources/{type}", "EventSourcesGet",    "event_subscriptions:read"),
    (Method::PATCH,  "/event_subscriptions/{subscription_id}/sources/{type}", "EventSourcesUpdate", "event_subscriptions:update"),
    (Method::DELETE, "/event_subscriptions/{subscription_id}/sources/{type}", "EventSourcesDelete", "event_subscriptions:update"),
    (Method::DELETE, "/reserved_domains/{id}/http_endpoint_configuration",  "ReservedDomainsDeleteHttpEndpointConfig",  "reserved_domains:update"),
    (Method::DELETE, "/reserved_domains/{id}/https_endpoint_configuration", "ReservedDomainsDeleteHttpsEndpointConfig", "reserved_domains:update"),
    (Method::POST,   "/event_destinations/{id}/send_test_event", "EventDestinationsSendTestEvent", "event_destinations:update"),
    (Method::GET,    "/kubernetes_operators/{id}/bound_endpoints", "KubernetesOperatorsGetBoundEndpoints", "kubernetes_operators:read"),
];

/// Their operations.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for group in GROUPS {
        let one: &'static str = format!("{}/{{id}}", group.path).leak();
        #[rustfmt::skip]
        let all = [
            ('C', Method::POST,   group.path, "Create", "create"),
            ('L', Method::GET,    group.path, "List",   "read"),
            ('R', Method::GET,    one,        "Get",    "read"),
            ('U', Method::PATCH,  one,        "Update", "update"),
            ('D', Method::DELETE, one,        "Delete", "delete"),
        ];
        for (letter, method, path, name, verb) in all {
            if group.has.contains(letter) {
                let operation = format!("{}{name}", group.operations).leak();
                let permission = format!("{}:{verb}", group.permission).leak();
                routes.push(route(method, path, operation, permission, letter == 'L'));
            }
        }
    }
    for (below, of, modules) in MODULES {
        for (path, name) in *modules {
            let path: &'static str = format!("{below}/{path}").leak();
            let resource = if below.starts_with("/edges") {
                "edges"
            } else {
                "endpoint_configurations"
            };
            for (method, verb, permission) in [
                (Method::PUT, "Replace", "update"),
                (Method::GET, "Get", "read"),
                (Method::DELETE, "Delete", "delete"),
            ] {
                let permission = format!("{resource}:{permission}").leak();
                let operation = format!("{of}{name}Module{verb}").leak();
                routes.push(route(method, path, operation, permission, false));
            }
        }
    }
    for (method, path, operation, permission) in SINGLE {
        routes.push(route(method.clone(), path, operation, permission, false));
    }
    routes
}

fn route(
    method: Method,
    path: &'static str,
    operation: &'static str,
    permission: &'static str,
    is_list: bool,
) -> Route {
    Route {
        method,
        path,
        operation,
        access: Access::With(permission),
        parameters: if is_list { PAGE } else { NONE },
        handler: Handler::Now(answer),
        subject: None,
    }
}

/// The group that a path is of or below.
fn group_of(path: &str) -> Option<&'static Group> {
    let below = |g: &&Group| {
        path.strip_prefix(g.path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    GROUPS.iter().filter(below).max_by_key(|g| g.path.len())
}

/// Whether an operation is only described.
pub(crate) fn is_unbuilt(route: &Route) -> bool {
    matches!(route.handler, Handler::Now(f) if std::ptr::fn_addr_eq(f, answer as fn(&Call<'_>) -> Result<Reply, ApiError>))
}

fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    let route = call.route;
    let group = group_of(route.path);
    let not_built = || {
        let error = ApiError::new(ErrorCode::ADIT_2009, &[("operation", route.operation)]);
        match group.map_or("", |g| g.replacement) {
            "" => error,
            replacement => error.detail("replacement", replacement),
        }
    };
    let group = group.ok_or_else(not_built)?;
    if route.method == Method::GET && route.path == group.path {
        let uri = call.api.uri(&call.target);
        return Ok(Reply::Json(list_json(group.list_key, Vec::<Value>::new(), uri, None)));
    }
    // There is none of them, so a single one is not there; what would make or change one is not built.
    if matches!(route.method, Method::GET | Method::DELETE) {
        let kind = group.list_key.trim_end_matches('s').replace('_', " ");
        return Err(ApiError::new(
            group.missing,
            &[("kind", &kind), ("id", call.value("id"))],
        ));
    }
    Err(not_built())
}
