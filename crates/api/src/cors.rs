//! Requests of pages of other origins (control plane 1.1). This is safe only because nothing here reads a cookie: who
//! asks has a key, and a page that has it may use it.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};

use crate::answer::Body;
use crate::error::ApiError;
use crate::route_tree;

/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
/// Fields of answers that a page may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Adit-Dry-Run, Adit-Pending-Nodes, Adit-Position, Adit-Replayed, ETag, Ngrok-Operation-Id, RateLimit-Limit, \
     RateLimit-Remaining, RateLimit-Reset, Retry-After",
);

/// Whether a request only asks what may be asked.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight: the methods of that path, and the fields that were asked for.
///
/// # Errors
/// 404 `ERR_ADIT_2003`.
pub(crate) fn preflight(path: &str, asked: &HeaderMap) -> Result<Response<Body>, ApiError> {
    let methods = route_tree::methods(path)?;
    let mut response = Response::new(Body::Whole(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if let Ok(methods) = HeaderValue::from_str(&methods) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    if let Some(fields) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, fields.clone());
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    Ok(response)
}

/// The origin that an answer to a request with these fields is for, if it is one of `allowed` (`*` is all).
pub(crate) fn origin(allowed: &[String], asked: &HeaderMap) -> Option<HeaderValue> {
    let origin = asked.get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    let fits = |o: &String| o == "*" || o.eq_ignore_ascii_case(text);
    allowed.iter().any(fits).then(|| origin.clone())
}

/// Lets pages of this origin read the answer.
pub(crate) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}
