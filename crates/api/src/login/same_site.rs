//! Whether a request was sent by a page of the dashboard itself, and not by one of another site that the browser adds
//! the cookie to (control plane 3.2).

use adit_names::code::ErrorCode;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::{HeaderMap, Method, header};

use super::cookie::Cookie;
use crate::error::ApiError;

const TOKEN: &str = "adit-csrf";
const SITE: &str = "sec-fetch-site";

/// Whether it changes nothing, so that whoever had it sent gains nothing.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whether the browser says that it comes from `dashboard`, the dashboard's own origin.
///
/// # Errors
/// 403 `ERR_ADIT_2107`.
pub(crate) fn check_origin(method: &Method, headers: &HeaderMap, dashboard: &str) -> Result<(), ApiError> {
    if is_safe(method) {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or_default());
    let (site, origin) = (text(SITE), text(header::ORIGIN.as_str()));
    if site.is_none() && origin.is_none() {
        return Err(forged("neither Sec-Fetch-Site nor Origin is there"));
    }
    // Where both are there, both have to say so.
    let is_own = site.is_none_or(|s| s == "same-origin") && origin.is_none_or(|o| o.eq_ignore_ascii_case(dashboard));
    if is_own {
        return Ok(());
    }
    Err(forged("Sec-Fetch-Site or Origin names another site"))
}

/// Whether it shows the token that goes with its session.
///
/// # Errors
/// 403 `ERR_ADIT_2107`.
pub(crate) fn check_token(method: &Method, headers: &HeaderMap, cookie: &Cookie) -> Result<(), ApiError> {
    if is_safe(method) {
        return Ok(());
    }
    let given = headers.get(TOKEN).ok_or_else(|| forged("Adit-CSRF is missing"))?;
    match verify_slices_are_equal(given.as_bytes(), cookie.csrf().as_bytes()) {
        Ok(()) => Ok(()),
        Err(_) => Err(forged("Adit-CSRF is of another session")),
    }
}

fn forged(reason: &str) -> ApiError {
    ApiError::new(ErrorCode::ADIT_2107, &[("reason", reason)]).detail("reason", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DASHBOARD: &str = "https://dashboard.adit.example.com:8443";

    fn is_let_in(site: Option<&str>, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in [(SITE, site), ("origin", origin)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        assert!(check_origin(&Method::GET, &headers, DASHBOARD).is_ok());
        check_origin(&Method::POST, &headers, DASHBOARD).is_ok()
    }

    #[test]
    fn only_the_dashboard_itself() {
        assert!(is_let_in(Some("same-origin"), None));
        assert!(is_let_in(None, Some(DASHBOARD)));
        assert!(is_let_in(Some("same-origin"), Some(DASHBOARD)));
        for site in ["same-site", "cross-site", "none", ""] {
            assert!(!is_let_in(Some(site), None), "{site}");
            assert!(!is_let_in(Some(site), Some(DASHBOARD)), "{site}");
        }
        for origin in [
            "null",
            "https://dashboard.adit.example.com",
            "https://evil.adit.example.com:8443",
            "http://dashboard.adit.example.com:8443",
            "https://dashboard.adit.example.com:8443.evil.example",
        ] {
            assert!(!is_let_in(None, Some(origin)), "{origin}");
            assert!(!is_let_in(Some("same-origin"), Some(origin)), "{origin}");
        }
        assert!(!is_let_in(None, None));
    }
}
