//! The one list of operations. A new operation is a line here and a handler; paths, methods, permissions and query
//! parameters of all of them are seen in one place.

use std::future::Future;
use std::pin::Pin;

use adit_names::code::ErrorCode;
use http::Method;

use crate::call::{Call, Reply};
use crate::error::ApiError;
use crate::live::{Endpoints, TunnelSessions, Tunnels, command, details, get, list, read_only, root};
use crate::query::{self, Parameter};

/// What answers an operation: at once, or after something was waited for.
pub(crate) enum Handler {
    Now(fn(&Call<'_>) -> Result<Reply, ApiError>),
    Later(for<'c> fn(&'c Call<'c>) -> Answer<'c>),
}

/// A reply that is waited for.
pub(crate) type Answer<'c> = Pin<Box<dyn Future<Output = Result<Reply, ApiError>> + Send + 'c>>;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, without a key.
    Everybody,
    /// Keys with this permission.
    With(&'static str),
}

/// One operation.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// `{id}` stands for one segment.
    pub(crate) path: &'static str,
    #[allow(dead_code, reason = "documents are made from it")]
    /// Its name, for logs and rights; that of ngrok's description where that has it.
    pub(crate) operation: &'static str,
    pub(crate) access: Access,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) handler: Handler,
}

const NONE: &[Parameter] = &[];
const PAGE: &[Parameter] = &[("before_id", false), ("limit", false)];
const ENDPOINTS: &[Parameter] = &[("before_id", false), ("limit", false), ("id", true), ("url", true)];

const fn route(
    method: Method,
    path: &'static str,
    operation: &'static str,
    permission: &'static str,
    parameters: &'static [Parameter],
    handler: Handler,
) -> Route {
    Route {
        method,
        path,
        operation,
        access: Access::With(permission),
        parameters,
        handler,
    }
}

use Handler::{Later, Now};

/// All operations.
#[rustfmt::skip]
pub(crate) static ROUTES: &[Route] = &[
    Route { method: Method::GET, path: "/", operation: "Root", access: Access::Everybody, parameters: NONE, handler: Now(root) },
    route(Method::GET,    "/endpoints",                     "EndpointsList",         "endpoints:read",       ENDPOINTS, Now(list::<Endpoints>)),
    route(Method::GET,    "/endpoints/{id}",                "EndpointsGet",          "endpoints:read",       NONE, Now(get::<Endpoints>)),
    route(Method::PATCH,  "/endpoints/{id}",                "EndpointsUpdate",       "endpoints:update",     NONE, Now(read_only::<Endpoints>)),
    route(Method::DELETE, "/endpoints/{id}",                "EndpointsDelete",       "endpoints:delete",     NONE, Now(read_only::<Endpoints>)),
    route(Method::GET,    "/tunnel_sessions",               "TunnelSessionsList",    "tunnel_sessions:read", PAGE, Now(list::<TunnelSessions>)),
    route(Method::GET,    "/tunnel_sessions/{id}",          "TunnelSessionsGet",     "tunnel_sessions:read", NONE, Now(get::<TunnelSessions>)),
    route(Method::POST,   "/tunnel_sessions/{id}/restart",  "TunnelSessionsRestart", "sessions:control",     NONE, Later(command::restart)),
    route(Method::POST,   "/tunnel_sessions/{id}/stop",     "TunnelSessionsStop",    "sessions:control",     NONE, Later(command::stop)),
    route(Method::POST,   "/tunnel_sessions/{id}/update",   "TunnelSessionsUpdate",  "sessions:control",     NONE, Later(command::update)),
    route(Method::GET,    "/tunnels",                       "TunnelsList",           "tunnels:read",         PAGE, Now(list::<Tunnels>)),
    route(Method::GET,    "/tunnels/{id}",                  "TunnelsGet",            "tunnels:read",         NONE, Now(get::<Tunnels>)),
    route(Method::GET,    "/adit/tunnel_sessions/{id}",     "AditTunnelSessionsGet", "tunnel_sessions:read", NONE, Now(details)),
    route(Method::POST,   "/adit/endpoints/{id}/disable",   "AditEndpointsDisable",  "endpoints:update",     NONE, Later(command::disable)),
];

/// The operation that a request asks for, and the id in its path.
///
/// # Errors
/// 404 `ERR_ADIT_2003`, 405 `ERR_ADIT_2002`.
pub(crate) fn find(method: &Method, path: &str) -> Result<(&'static Route, String), ApiError> {
    // Clients that join strings send `//x`, others leave a slash behind it.
    let trimmed = path.trim_start_matches('/');
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    let mut allowed: Vec<&str> = Vec::new();
    for route in ROUTES {
        let Some(id) = matches(route.path, trimmed) else {
            continue;
        };
        if route.method == *method || (*method == Method::HEAD && route.method == Method::GET) {
            return Ok((route, id));
        }
        allowed.push(route.method.as_str());
    }
    if allowed.is_empty() {
        return Err(ApiError::new(ErrorCode::ADIT_2003, &[("path", path)]));
    }
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    let error = ApiError::new(ErrorCode::ADIT_2002, &[("method", method.as_str())]);
    Err(error.detail("supported", allowed.join(", ")))
}

/// The id in `path` (without the first slash) if it is one of `pattern`'s; empty where the pattern has none.
fn matches(pattern: &str, path: &str) -> Option<String> {
    let mut id = String::new();
    let mut left = path.split('/');
    for wanted in pattern.trim_start_matches('/').split('/') {
        let segment = query::decode(left.next()?)?;
        match wanted {
            "{id}" if !segment.is_empty() => id = segment,
            _ if segment == wanted => {}
            _ => return None,
        }
    }
    left.next().is_none().then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &Method, path: &str) -> Result<(&'static str, String), (&'static str, Option<String>)> {
        find(method, path)
            .map(|(route, id)| (route.operation, id))
            .map_err(|e| (e.code().as_str(), e.detail_of("supported").map(str::to_owned)))
    }

    #[test]
    fn each_line_is_found_and_has_a_name_of_its_own() {
        let mut names = std::collections::HashSet::new();
        for route in ROUTES {
            assert!(names.insert(route.operation), "{} twice", route.operation);
            let path = route.path.replace("{id}", "x_1");
            let id = if path == route.path { "" } else { "x_1" };
            assert_eq!(asked(&route.method, &path), Ok((route.operation, id.to_owned())));
        }
    }

    #[test]
    fn slashes_codes_and_methods() {
        let list = Ok(("TunnelsList", String::new()));
        assert_eq!(asked(&Method::GET, "//tunnels/"), list);
        assert_eq!(asked(&Method::GET, "/tunnel%73"), list);
        assert_eq!(asked(&Method::HEAD, "/tunnels"), list);
        assert_eq!(
            asked(&Method::GET, "/tunnels/a%2Fb"),
            Ok(("TunnelsGet", "a/b".to_owned()))
        );
        for path in [
            "/Tunnels",
            "/tunnels//",
            "/tunnels/x/y",
            "/tunnels/%",
            "/nowhere",
            "/adit",
        ] {
            assert_eq!(asked(&Method::GET, path), Err(("ERR_ADIT_2003", None)), "{path}");
        }
        assert_eq!(
            asked(&Method::PUT, "/endpoints/x"),
            Err(("ERR_ADIT_2002", Some("GET, PATCH, DELETE, HEAD".to_owned())))
        );
    }
}
