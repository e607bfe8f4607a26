//! Targets, authorities and queries of URLs, as the policy language sees them (traffic policy 3.1, edge 7.1).

use adit_names::endpoint_url::Scheme;
use percent_encoding::percent_decode_str;

/// Path and query of a request target.
pub(crate) fn split_target(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

/// Host without brackets, and port.
pub(crate) fn split_authority(authority: &str) -> (&str, Option<u16>) {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').unwrap_or((rest, ""));
        return (host, after.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (authority, None),
        },
        None => (authority, None),
    }
}

/// The authority without the port that its scheme has anyway.
pub(crate) fn without_default_port(scheme: Scheme, authority: &str) -> &str {
    let Some(default) = scheme.default_port() else {
        return authority;
    };
    match authority.rsplit_once(':') {
        Some((host, port)) if port.parse() == Ok(default) => host,
        _ => authority,
    }
}

pub(crate) fn with_query(path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path.to_owned(),
    }
}

pub(crate) fn absolute(scheme: Scheme, authority: &str, path: &str, query: Option<&str>) -> String {
    format!(
        "{scheme}://{}{}",
        without_default_port(scheme, authority),
        with_query(path, query)
    )
}

pub(crate) fn absolute_raw(scheme: Scheme, authority: &str, target: &str) -> String {
    format!("{scheme}://{authority}{target}")
}

const fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The byte that `%XX` at the start of `bytes` means.
fn escape(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [b'%', high, low, ..] => Some(hex(*high)? << 4 | hex(*low)?),
        _ => None,
    }
}

/// One form for all spellings of a path: unreserved characters decoded, other escapes in upper case, dot segments
/// resolved; empty segments stay. What is returned begins with `/`, except for `*`.
pub(crate) fn canonical_path(path: &str) -> String {
    if path == "*" {
        return path.to_owned();
    }
    let mut decoded = String::with_capacity(path.len() + 1);
    let bytes = path.as_bytes();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match escape(rest) {
            Some(byte) if unreserved(byte) => {
                decoded.push(char::from(byte));
                at += 3;
            }
            Some(_) => {
                decoded.extend(rest.iter().take(3).map(|b| char::from(b.to_ascii_uppercase())));
                at += 3;
            }
            None => {
                let c = path
                    .get(at..)
                    .and_then(|rest| rest.chars().next())
                    .unwrap_or('\u{fffd}');
                decoded.push(c);
                at += c.len_utf8();
            }
        }
    }
    let mut out: Vec<&str> = Vec::new();
    let segments: Vec<&str> = decoded.strip_prefix('/').unwrap_or(&decoded).split('/').collect();
    let last = segments.len().saturating_sub(1);
    for (i, segment) in segments.into_iter().enumerate() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    out.pop();
                }
                if i == last {
                    out.push("");
                }
            }
            segment => out.push(segment),
        }
    }
    format!("/{}", out.join("/"))
}

/// The path of a target if it is what [`canonical_path`] makes of it, as can be told at a glance: one that is canonical may
/// be missed, what is given is. Most rules ask for it, hence one pass.
pub(crate) fn plain_path(target: &str) -> Option<&str> {
    let mut before = 0;
    for (at, byte) in target.bytes().enumerate() {
        match byte {
            b'?' => return target.get(..at).filter(|_| at > 0),
            b'%' => return None,
            b'.' if before == b'/' => return None,
            b'/' => {}
            _ if at == 0 => return None,
            _ => {}
        }
        before = byte;
    }
    (!target.is_empty()).then_some(target)
}

/// Pairs of a form: `+` is a space, escapes are decoded.
pub(crate) fn form(query: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        let spaces = part.replace('+', " ");
        percent_decode_str(&spaces).decode_utf8_lossy().into_owned()
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Percent-encodes all but unreserved characters; a space is `+` in forms.
pub(crate) fn encode(text: &str, plus: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if unreserved(byte) {
            out.push(char::from(byte));
        } else if byte == b' ' && plus {
            out.push('+');
        } else {
            push_escape(&mut out, byte);
        }
    }
    out
}

fn push_escape(out: &mut String, byte: u8) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    out.push('%');
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

/// Encodes only what may not stand in a URL; existing escapes stay.
pub(crate) fn encode_illegal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let legal = match byte {
            b'%' => bytes.get(at..).and_then(escape).is_some(),
            b'!' | b'#'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~' => true,
            _ => false,
        };
        if legal {
            out.push(char::from(*byte));
        } else {
            push_escape(&mut out, *byte);
        }
    }
    out
}

/// Decodes escapes; `+` stays. `None` for a bad escape or what is not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'%' {
            out.push(escape(bytes.get(at..)?)?);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    String::from_utf8(out).ok()
}

/// A URL in its parts, as they are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Parts<'a> {
    pub(crate) scheme: Option<&'a str>,
    pub(crate) authority: Option<&'a str>,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) fragment: Option<&'a str>,
}

/// Splits a reference as RFC 3986, appendix B, does. Nothing is refused.
pub(crate) fn parts(text: &str) -> Parts<'_> {
    let (rest, fragment) = match text.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (text, None),
    };
    let (rest, query) = split_target(rest);
    let mut out = Parts {
        query,
        fragment,
        ..Parts::default()
    };
    let mut rest = rest;
    if let Some((scheme, after)) = rest.split_once(':')
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    {
        out.scheme = Some(scheme);
        rest = after;
    }
    if let Some(after) = rest.strip_prefix("//") {
        let end = after.find('/').unwrap_or(after.len());
        out.authority = after.get(..end);
        rest = after.get(end..).unwrap_or_default();
    }
    out.path = rest;
    out
}

/// `reference` resolved against an absolute URL (RFC 3986, 5.2).
pub(crate) fn resolve(base: &str, reference: &str) -> String {
    let base = parts(base);
    let target = parts(reference);
    let fragment = target
        .fragment
        .map_or_else(String::new, |fragment| format!("#{fragment}"));
    let scheme = target.scheme.or(base.scheme).unwrap_or_default();
    if target.scheme.is_some() && target.authority.is_none() {
        // Not a hierarchical URL (mailto:, javascript:): as it is, for the caller to refuse.
        return reference.to_owned();
    }
    let (authority, path, query) = if target.authority.is_some() {
        (target.authority, target.path.to_owned(), target.query)
    } else if target.path.is_empty() {
        (base.authority, base.path.to_owned(), target.query.or(base.query))
    } else if target.path.starts_with('/') {
        (base.authority, target.path.to_owned(), target.query)
    } else {
        let folder = base
            .path
            .rfind('/')
            .map_or("/", |at| base.path.get(..=at).unwrap_or("/"));
        (base.authority, format!("{folder}{}", target.path), target.query)
    };
    let path = remove_dots(&path);
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("{scheme}://{}{path}{query}{fragment}", authority.unwrap_or_default())
}

fn remove_dots(path: &str) -> String {
    if !path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return path.to_owned();
    }
    let mut out: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let last = segments.len().saturating_sub(1);
    for (i, segment) in segments.into_iter().enumerate() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    out.pop();
                }
                if i == last {
                    out.push("");
                }
            }
            segment => out.push(segment),
        }
    }
    format!("/{}", out.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_canonical_form() {
        for (path, canonical) in [
            ("/a/%7Euser/../b%2fc/", "/a/b%2Fc/"),
            ("/public/%2e%2e/secret", "/secret"),
            ("//x//y", "//x//y"),
            ("/a/..", "/"),
            ("/../..", "/"),
            ("/a/.", "/a/"),
            ("/é%zz", "/é%zz"),
            ("", "/"),
            ("*", "*"),
        ] {
            assert_eq!(canonical_path(path), canonical, "{path}");
        }
    }

    #[test]
    fn references_are_resolved() {
        let base = "https://a.example/b/c/d?q";
        for (reference, url) in [
            ("g", "https://a.example/b/c/g"),
            ("/g", "https://a.example/g"),
            ("?y", "https://a.example/b/c/d?y"),
            ("//h/x", "https://h/x"),
            ("../g", "https://a.example/b/g"),
            ("http://x/y", "http://x/y"),
            ("javascript:alert(1)", "javascript:alert(1)"),
        ] {
            assert_eq!(resolve(base, reference), url);
        }
    }

    #[test]
    fn illegal_bytes_are_escaped_and_escapes_kept() {
        assert_eq!(encode_illegal("/a b/%20/é?x=\"%zz"), "/a%20b/%20/%C3%A9?x=%22%25zz");
        assert_eq!(decode("%zz"), None);
        assert_eq!(decode("a%2Fb+c").as_deref(), Some("a/b+c"));
        assert_eq!(encode("a b/é", true), "a+b%2F%C3%A9");
    }

    #[test]
    fn authorities_are_split() {
        assert_eq!(split_authority("[::1]:80"), ("::1", Some(80)));
        assert_eq!(split_authority("h"), ("h", None));
        assert_eq!(without_default_port(Scheme::Https, "h:443"), "h");
        assert_eq!(without_default_port(Scheme::Https, "h:80"), "h:80");
    }
}
