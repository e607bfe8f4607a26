//! Results of actions: the names below `actions.` (traffic policy 4), each with the type of its zero.

use std::sync::LazyLock;

use super::env::{CERTIFICATE, Type};

/// Those whose names are fixed.
pub(crate) const RESULTS: &[(&str, Type)] = &[
    ("ngrok.add_headers.headers_added", Type::Map),
    ("ngrok.remove_headers.headers_removed", Type::List),
    ("ngrok.basic_auth.credentials.presented", Type::Bool),
    ("ngrok.basic_auth.credentials.username", Type::Text),
    ("ngrok.basic_auth.credentials.authorized", Type::Bool),
    ("ngrok.circuit_breaker.state", Type::Text),
    ("adit.circuit_breaker.state", Type::Text),
    ("ngrok.compress.already_compressed", Type::Bool),
    ("ngrok.compress.negotiated_algorithm", Type::Text),
    ("ngrok.compress_response.already_compressed", Type::Bool),
    ("ngrok.compress_response.negotiated_algorithm", Type::Text),
    ("ngrok.forward_internal.url", Type::Text),
    ("ngrok.http_request.attempts", Type::List),
    ("ngrok.http_request.req.method", Type::Text),
    ("ngrok.http_request.req.header", Type::Map),
    ("ngrok.http_request.req.url", Type::Text),
    ("ngrok.http_request.req.body", Type::Text),
    ("ngrok.http_request.res.resolved_ip", Type::Text),
    ("ngrok.http_request.res.header", Type::Map),
    ("ngrok.http_request.res.status_code", Type::Int),
    ("ngrok.http_request.res.time_ms", Type::Text),
    ("ngrok.http_request.res.body", Type::Text),
    ("ngrok.jwt_validation.tokens", Type::List),
    ("ngrok.log.metadata", Type::Map),
    ("ngrok.owasp_crs_request.decision", Type::Text),
    ("ngrok.owasp_crs_request.anomaly_score", Type::Int),
    ("ngrok.owasp_crs_request.anomaly_score_threshold", Type::Int),
    ("ngrok.owasp_crs_request.matched_rules", Type::List),
    ("ngrok.owasp_crs_response.decision", Type::Text),
    ("ngrok.owasp_crs_response.anomaly_score", Type::Int),
    ("ngrok.owasp_crs_response.anomaly_score_threshold", Type::Int),
    ("ngrok.owasp_crs_response.matched_rules", Type::List),
    ("ngrok.rate_limit.bucket_key", Type::Text),
    ("ngrok.rate_limit.limited", Type::Bool),
    ("ngrok.redirect.matches", Type::List),
    ("ngrok.redirect.url", Type::Text),
    ("ngrok.url_rewrite.matches", Type::List),
    ("ngrok.url_rewrite.url", Type::Text),
    ("ngrok.request_body_find_replace.replacements", Type::List),
    ("ngrok.response_body_find_replace.replacements", Type::List),
    ("ngrok.sse_find_replace.replacements", Type::List),
    ("ngrok.restrict_ips.action", Type::Text),
    ("ngrok.restrict_ips.matched_cidr", Type::Text),
    ("ngrok.set_vars.vars", Type::Map),
    ("ngrok.terminate_tls.cipher_suite", Type::Text),
    ("ngrok.terminate_tls.version", Type::Text),
    ("ngrok.terminate_tls.sni", Type::Text),
    ("ngrok.terminate_tls.warnings", Type::List),
    ("ngrok.verify_webhook.verified", Type::Bool),
    ("adit.retry.attempts", Type::Int),
];

/// Actions whose results have `error.code` and `error.message`.
pub(crate) const WITH_ERROR: &[&str] = &[
    "add_headers",
    "remove_headers",
    "basic_auth",
    "circuit_breaker",
    "compress",
    "compress_response",
    "forward_internal",
    "http_request",
    "jwt_validation",
    "log",
    "oauth",
    "oidc",
    "openid_connect",
    "saml",
    "owasp_crs_request",
    "owasp_crs_response",
    "rate_limit",
    "redirect",
    "url_rewrite",
    "request_body_find_replace",
    "response_body_find_replace",
    "sse_find_replace",
    "restrict_ips",
    "set_vars",
    "terminate_tls",
    "verify_webhook",
];

/// Results of the three login actions.
const LOGIN: &[(&str, Type)] = &[
    ("identity.id", Type::Text),
    ("identity.email", Type::Text),
    ("identity.name", Type::Text),
    ("identity.provider_user_id", Type::Text),
    ("identity.current_provider_session_id", Type::Text),
    ("identity.current_session_id", Type::Text),
    ("identity.groups", Type::List),
    ("identity.claims", Type::Map),
    ("identity.email_verified", Type::Bool),
    ("identity.provider", Type::Text),
    ("access_token", Type::Text),
    ("refresh_token", Type::Text),
    ("identity_token", Type::Text),
    ("expires_at", Type::Text),
    ("session_timed_out", Type::Bool),
    ("session_max_duration_reached", Type::Bool),
    ("userinfo_refreshed", Type::Bool),
    ("user_info_refreshed", Type::Bool),
];

/// Is `path` (below `actions.`) a result, or does it stand in one or above one? Its type if it is exactly one.
pub(crate) fn result(path: &str) -> Option<Option<Type>> {
    let mut known = None;
    let mut consider = |name: &str, ty: Type| {
        if name == path {
            known = Some(Some(ty));
        } else if known.is_none() && (below(name, path) || (matches!(ty, Type::List | Type::Map) && below(path, name)))
        {
            known = Some(None);
        }
    };
    for (name, ty) in RESULTS {
        consider(name, *ty);
    }
    for action in WITH_ERROR {
        consider(&format!("ngrok.{action}.error.code"), Type::Text);
        consider(&format!("ngrok.{action}.error.message"), Type::Text);
    }
    for action in ["oauth", "oidc", "saml"] {
        for (name, ty) in LOGIN {
            consider(&format!("ngrok.{action}.{name}"), *ty);
        }
    }
    for side in ["client", "server"] {
        for (name, ty) in CERTIFICATE {
            consider(&format!("ngrok.terminate_tls.{side}.{name}"), ty);
        }
    }
    known
}

/// Names of results whose place is only known when they are set: of logins, of certificates.
static DYNAMIC: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut out = Vec::new();
    for action in ["oauth", "oidc", "saml"] {
        out.extend(LOGIN.iter().map(|(name, _)| format!("ngrok.{action}.{name}")));
        out.extend(["code", "message"].map(|name| format!("ngrok.{action}.error.{name}")));
    }
    for side in ["client", "server"] {
        let certificate = CERTIFICATE.iter();
        out.extend(certificate.map(|(name, _)| format!("ngrok.terminate_tls.{side}.{name}")));
    }
    out
});

/// The result of a login of that name.
pub(crate) fn login_result(path: &str) -> Option<&'static str> {
    DYNAMIC.iter().map(String::as_str).find(|known| *known == path)
}

/// The result of `terminate-tls` for a field of a certificate.
pub(crate) fn certificate_result(side: &str, field: &str) -> Option<&'static str> {
    let path = format!("ngrok.terminate_tls.{side}.{field}");
    DYNAMIC.iter().map(String::as_str).find(|known| *known == path)
}

/// Do results stand below `path`, and is it none itself?
pub(crate) fn is_namespace(path: &str) -> bool {
    let fields = RESULTS.iter().map(|(name, _)| (*name).to_owned());
    let errors = WITH_ERROR.iter().map(|action| format!("ngrok.{action}.error.code"));
    let logins = ["oauth", "oidc", "saml"]
        .into_iter()
        .flat_map(|action| LOGIN.iter().map(move |(name, _)| format!("ngrok.{action}.{name}")));
    fields.chain(errors).chain(logins).any(|name| below(&name, path))
}

/// Does `name` stand below `path`?
fn below(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_known_with_what_stands_around_them() {
        assert_eq!(result("ngrok.basic_auth.credentials.presented"), Some(Some(Type::Bool)));
        assert_eq!(result("ngrok.basic_auth"), Some(None));
        assert_eq!(result("ngrok.rate_limit.error.code"), Some(Some(Type::Text)));
        assert_eq!(result("ngrok.nothing"), None);
        assert_eq!(result("ngrok.http_request.res.header.x"), Some(None));
    }
}
