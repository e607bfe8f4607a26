//! URLs in configurations.

use crate::url;

/// An absolute `http` or `https` URL with a host.
pub(super) fn http(text: &str) -> Result<(), String> {
    let parts = url::parts(text);
    if text.bytes().any(|b| b <= b' ' || b == 0x7f) {
        return Err("the URL has white space or control characters in it".to_owned());
    }
    let scheme = parts.scheme.unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err("the URL must begin with http:// or https://".to_owned());
    }
    let authority = parts.authority.unwrap_or_default();
    if authority.contains('@') {
        return Err("the URL must not hold user and password".to_owned());
    }
    if url::split_authority(authority).0.is_empty() {
        return Err("the URL has no host".to_owned());
    }
    Ok(())
}

/// The same, `https` only, or `http` to names below `.internal`.
pub(super) fn keys(text: &str) -> Result<(), String> {
    http(text)?;
    let scheme = url::parts(text).scheme;
    if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http")) && !is_internal(text) {
        return Err("the URL must begin with https://".to_owned());
    }
    Ok(())
}

/// Whether a URL leads to an internal endpoint of whoever asks.
pub(super) fn is_internal(text: &str) -> bool {
    let authority = url::parts(text).authority.unwrap_or_default();
    let host = url::split_authority(authority).0.trim_end_matches('.');
    host.to_ascii_lowercase().ends_with(".internal")
}

/// The target of `forward-internal`: scheme, host below `.internal`, port, nothing else. Gives its canonical form.
pub(crate) fn internal(text: &str) -> Result<String, String> {
    let parts = url::parts(text);
    let scheme = parts.scheme.unwrap_or_default().to_ascii_lowercase();
    let default = match scheme.as_str() {
        "http" => Some(80),
        "https" => Some(443),
        "tcp" | "tls" => None,
        _ => return Err("the URL must begin with http://, https://, tcp:// or tls://".to_owned()),
    };
    let plain_path = parts.path.is_empty() || parts.path == "/";
    if !plain_path || parts.query.is_some() || parts.fragment.is_some() {
        return Err("the URL has scheme, host and port only".to_owned());
    }
    let authority = parts.authority.unwrap_or_default().to_ascii_lowercase();
    let (host, port) = url::split_authority(&authority);
    let labels_fine = host.strip_suffix(".internal").is_some_and(|labels| {
        labels.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        })
    });
    if !labels_fine || host.len() > 253 {
        return Err("the host must end in .internal".to_owned());
    }
    match (port, default) {
        (Some(0), _) => Err("the port must not be 0".to_owned()),
        (None, None) => Err(format!("a {scheme} URL needs a port")),
        (Some(port), _) | (None, Some(port)) => Ok(format!("{scheme}://{host}:{port}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_targets_have_one_form() {
        assert_eq!(internal("https://A.internal").as_deref(), Ok("https://a.internal:443"));
        assert_eq!(internal("tcp://a.internal:5").as_deref(), Ok("tcp://a.internal:5"));
        for text in [
            "https://www.example.com",
            "https://internal",
            "https://a.internal/x",
            "https://u@a.internal",
            "tcp://a.internal",
            "ftp://a.internal",
            "https://a.internal?x",
            "https://a b.internal",
            "",
        ] {
            assert!(internal(text).is_err(), "{text}");
        }
    }
}
