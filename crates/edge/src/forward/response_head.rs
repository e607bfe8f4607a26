//! The head that goes to the visitor: nothing of the upstream's that only the edge may say.

use std::cell::RefCell;
use std::time::SystemTime;

use adit_http1::{DateCache, Head, Known, is_adit_name, remove_forbidden_length, strip_hop_by_hop};

thread_local! {
    static DATE: RefCell<DateCache> = RefCell::new(DateCache::default());
}

/// Calls `f` with the current `Date` value.
pub(crate) fn date<T>(f: impl FnOnce(&[u8]) -> T) -> T {
    DATE.with_borrow_mut(|cache| f(cache.of(SystemTime::now())))
}

/// How responses of one exchange are edited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edit<'a> {
    /// The host that was sent upstream instead of the endpoint's, if any.
    pub(super) rewritten_host: Option<&'a str>,
    /// The endpoint's own host and port, put where the upstream names the rewritten host.
    pub(super) authority: &'a str,
    pub(super) port: u16,
    pub(super) scheme: &'static str,
}

impl Edit<'_> {
    /// Edits a final response; `body` is what is known of its body's beginning.
    pub(super) fn response(&self, head: &mut Head, body: &[u8]) {
        strip_hop_by_hop(head, false);
        remove_forbidden_length(head);
        let mut dated = false;
        head.retain(|known, name, value| match known {
            Known::AltSvc | Known::NgrokErrorCode => false,
            Known::SetCookie => !is_own_cookie(value),
            Known::Date => {
                dated = true;
                true
            }
            Known::Other => !is_adit_name(name),
            _ => true,
        });
        self.locations(head);
        if !dated {
            date(|d| head.push(b"Date", d));
        }
        if is_dial_failure(head, body) {
            head.push(b"ngrok-error-code", b"ERR_NGROK_8012");
        }
    }

    /// Edits an interim response.
    pub(super) fn interim(&self, head: &mut Head) {
        strip_hop_by_hop(head, false);
        remove_forbidden_length(head);
        head.retain(|known, name, _| may_pass(known, name));
    }

    /// Edits a `101`: `Connection` and `Upgrade` stay.
    pub(super) fn upgraded(&self, head: &mut Head) {
        strip_hop_by_hop(head, true);
        remove_forbidden_length(head);
        head.retain(|known, name, _| may_pass(known, name));
    }

    /// `Location` and `Content-Location` that name the rewritten host come back as the endpoint's.
    fn locations(&self, head: &mut Head) {
        let Some(rewritten) = self.rewritten_host else { return };
        for (known, name) in [
            (Known::Location, &b"Location"[..]),
            (Known::ContentLocation, &b"Content-Location"[..]),
        ] {
            let Some(moved) = head.get(known).and_then(|v| self.relocate(v, rewritten)) else {
                continue;
            };
            head.set(name, moved.as_bytes());
        }
    }

    fn relocate(&self, value: &[u8], rewritten: &str) -> Option<String> {
        let text = std::str::from_utf8(value).ok()?;
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        // The rewritten host itself, or without its port; another port is another service.
        let host_only = rewritten.rsplit_once(':').map_or(rewritten, |(host, _)| host);
        if !authority.eq_ignore_ascii_case(rewritten) && !authority.eq_ignore_ascii_case(host_only) {
            return None;
        }
        let (scheme, own) = (self.scheme, self.authority);
        Some(match (scheme, self.port) {
            ("https", 443) | ("http", 80) => format!("{scheme}://{own}{path}"),
            (_, port) => format!("{scheme}://{own}:{port}{path}"),
        })
    }
}

/// Whether a field of a 1xx response is the upstream's to say.
fn may_pass(known: Known, name: &[u8]) -> bool {
    match known {
        Known::AltSvc | Known::NgrokErrorCode => false,
        Known::Other => !is_adit_name(name),
        _ => true,
    }
}

/// Cookies that only the edge sets.
pub(super) fn is_own_cookie(value: &[u8]) -> bool {
    let name = value.split(|b| *b == b'=').next().unwrap_or_default().trim_ascii();
    name.starts_with(b"__Host-adit-") || name.starts_with(b"adit-session") || name.starts_with(b"__Secure-adit-")
}

/// The open SDKs answer 502 themselves when their upstream cannot be reached: the Rust family with a text of
/// a fixed beginning, Go with nothing at all.
fn is_dial_failure(head: &Head, body: &[u8]) -> bool {
    let own = |known| matches!(known, Known::ContentLength | Known::Date | Known::Connection);
    head.status() == 502
        && head.fields().all(|(name, _)| own(name.known()))
        && (head.get(Known::ContentLength) == Some(b"0") || body.starts_with(b"failed to dial backend: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDIT: Edit<'static> = Edit {
        rewritten_host: Some("inner.example:8080"),
        authority: "app.example.com",
        port: 443,
        scheme: "https",
    };

    #[test]
    fn only_the_rewritten_host_is_relocated() {
        let moved = |v: &str| EDIT.relocate(v.as_bytes(), "inner.example:8080");
        assert_eq!(
            moved("http://inner.example/x?y").as_deref(),
            Some("https://app.example.com/x?y")
        );
        assert_eq!(
            moved("http://Inner.Example:8080").as_deref(),
            Some("https://app.example.com")
        );
        assert_eq!(moved("http://other/"), None);
        assert_eq!(moved("/relative"), None);
    }

    #[test]
    fn the_dial_failures_of_the_sdks_get_their_code() {
        let code = |status, fields: &[(&str, &str)], body: &str| {
            let mut h = Head::default();
            h.start_response(status);
            for (name, value) in fields {
                h.push(name.as_bytes(), value.as_bytes());
            }
            EDIT.response(&mut h, body.as_bytes());
            h.find(b"ngrok-error-code").map(<[u8]>::to_vec)
        };
        let rust = "failed to dial backend: Connection refused (os error 111)";
        let dialled = Some(b"ERR_NGROK_8012".to_vec());
        assert_eq!(code(502, &[("content-length", "57")], rust), dialled);
        assert_eq!(code(502, &[("Content-Length", "0")], ""), dialled);
        assert_eq!(code(502, &[("content-length", "57"), ("server", "x")], rust), None);
        assert_eq!(code(502, &[("content-length", "4")], "oops"), None);
        assert_eq!(code(500, &[("content-length", "57")], rust), None);
    }

    #[test]
    fn what_only_the_edge_may_say_is_removed() {
        let mut h = Head::default();
        h.start_response(200);
        for (n, v) in [
            ("ngrok-error-code", "ERR_NGROK_1"),
            ("Adit-Position", "1"),
            ("Alt-Svc", "h3=\":443\""),
            ("Set-Cookie", "__Host-adit-session-x=1"),
            ("Set-Cookie", "mine=1"),
            ("Server", "nginx"),
        ] {
            h.push(n.as_bytes(), v.as_bytes());
        }
        EDIT.response(&mut h, b"");
        assert_eq!(h.find(b"ngrok-error-code"), None);
        assert_eq!(h.find(b"adit-position"), None);
        assert_eq!(h.get(Known::AltSvc), None);
        assert_eq!(h.get_all(Known::SetCookie).count(), 1);
        assert_eq!(h.get(Known::Server), Some(&b"nginx"[..]));
        assert!(h.get(Known::Date).is_some());
    }
}
