//! From a method and a path to the operation: all lines of the table, and what follows from the kinds, as a tree of
//! path segments. It is made once; a request looks up one map per segment, however many operations there are.

use std::collections::HashMap;
use std::sync::LazyLock;

use adit_names::code::ErrorCode;
use http::Method;

use crate::error::ApiError;
use crate::query;
use crate::route_table::{ROUTES, Route};
use crate::{resource, unbuilt};

/// All operations: the lines of the table, then those that follow from the kinds, then those that are only described.
/// No two have the same method and path.
pub(crate) static ALL: LazyLock<Vec<&'static Route>> = LazyLock::new(|| {
    let mut all: Vec<&'static Route> = Vec::new();
    let rest = resource::routes::all().into_iter().chain(unbuilt::routes());
    let rest = rest.map(|route| &*Box::leak(Box::new(route)));
    for route in ROUTES.iter().chain(rest) {
        if !all.iter().any(|r| r.method == route.method && r.path == route.path) {
            all.push(route);
        }
    }
    all
});

static TREE: LazyLock<Node> = LazyLock::new(|| {
    let mut root = Node::default();
    for route in ALL.iter() {
        let mut node = &mut root;
        for segment in segments(route.path) {
            node = match name_of(segment) {
                Some(_) => node.any.get_or_insert_default(),
                None => node.literal.entry(segment).or_default(),
            };
        }
        node.routes.push(route);
    }
    root
});

/// What can come at one place of a path.
#[derive(Default)]
struct Node {
    literal: HashMap<&'static str, Self>,
    /// What stands for any segment.
    any: Option<Box<Self>>,
    /// Operations of the path that ends here.
    routes: Vec<&'static Route>,
}

/// The values that a path has for the names of its pattern.
pub(crate) type Values = Vec<(&'static str, String)>;

/// The operation that a request asks for, and what its path names.
///
/// # Errors
/// 404 `ERR_ADIT_2003`, 405 `ERR_ADIT_2002`.
pub(crate) fn find(method: &Method, path: &str) -> Result<(&'static Route, Values), ApiError> {
    let (node, values) = node(path)?;
    let fits = |route: &&&Route| route.method == *method || (*method == Method::HEAD && route.method == Method::GET);
    if let Some(route) = node.routes.iter().find(fits) {
        let names = segments(route.path).filter_map(name_of);
        return Ok((route, names.zip(values).collect()));
    }
    let error = ApiError::new(ErrorCode::ADIT_2002, &[("method", method.as_str())]);
    Err(error.detail("supported", methods_of(node)))
}

/// The methods of a path, comma-separated.
///
/// # Errors
/// 404 `ERR_ADIT_2003`.
pub(crate) fn methods(path: &str) -> Result<String, ApiError> {
    node(path).map(|(node, _)| methods_of(node))
}

fn methods_of(node: &Node) -> String {
    let mut allowed: Vec<&str> = node.routes.iter().map(|r| r.method.as_str()).collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    allowed.join(", ")
}

/// Where a path leads. Clients that join strings send `//x`, others leave a slash behind it.
fn node(path: &str) -> Result<(&'static Node, Vec<String>), ApiError> {
    let unknown = || ApiError::new(ErrorCode::ADIT_2003, &[("path", path)]);
    let mut node: &'static Node = &TREE;
    let mut values = Vec::new();
    let trimmed = path.trim_start_matches('/');
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    for segment in segments(trimmed) {
        let segment = query::decode(segment).ok_or_else(unknown)?;
        node = match (node.literal.get(segment.as_str()), &node.any) {
            (Some(next), _) => next,
            (None, Some(next)) if !segment.is_empty() => {
                values.push(segment);
                next
            }
            _ => return Err(unknown()),
        };
    }
    if node.routes.is_empty() {
        return Err(unknown());
    }
    Ok((node, values))
}

/// What a segment of a pattern is called if it stands for any.
fn name_of(segment: &str) -> Option<&str> {
    segment.strip_prefix('{').and_then(|s| s.strip_suffix('}'))
}

/// The segments of a path; none of `/`.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/').filter(move |_| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = Result<(&'static str, String), (&'static str, Option<String>)>;

    fn asked(method: &Method, path: &str) -> Found {
        find(method, path)
            .map(|(route, values)| {
                let values: Vec<_> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
                (route.operation, values.join(" "))
            })
            .map_err(|e| (e.code().as_str(), e.detail_of("supported").map(str::to_owned)))
    }

    #[test]
    fn each_operation_is_found_and_has_a_name_of_its_own() {
        let mut names = std::collections::HashSet::new();
        for route in ALL.iter() {
            assert!(names.insert(route.operation), "{} twice", route.operation);
            let mut expected = Vec::new();
            let path: Vec<_> = route
                .path
                .split('/')
                .map(|segment| match segment.strip_prefix('{') {
                    Some(name) => {
                        expected.push(format!("{}=x_1", name.trim_end_matches('}')));
                        "x_1"
                    }
                    None => segment,
                })
                .collect();
            let found = asked(&route.method, &path.join("/"));
            assert_eq!(found, Ok((route.operation, expected.join(" "))), "{}", route.path);
        }
    }

    #[test]
    fn slashes_codes_and_methods() {
        let list = Ok(("TunnelsList", String::new()));
        assert_eq!(asked(&Method::GET, "//tunnels/"), list);
        assert_eq!(asked(&Method::GET, "/tunnel%73"), list);
        assert_eq!(asked(&Method::HEAD, "/tunnels"), list);
        assert_eq!(asked(&Method::GET, "/"), Ok(("Root", String::new())));
        assert_eq!(
            asked(&Method::GET, "/tunnels/a%2Fb"),
            Ok(("TunnelsGet", "id=a/b".to_owned()))
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
            asked(&Method::PUT, "/tunnel_sessions/x"),
            Err(("ERR_ADIT_2002", Some("GET, HEAD".to_owned())))
        );
    }
}
