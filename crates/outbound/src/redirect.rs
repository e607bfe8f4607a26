//! What a redirect makes of a call (RFC 9110 section 15.4).

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use url::Url;

use crate::reason::Failure;

/// Reads a URL that is to be asked.
///
/// # Errors
/// [`Failure::Url`], [`Failure::Internal`].
pub(crate) fn url(text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).map_err(|_| Failure::Url("is not absolute, or broken"))?;
    checked(url)
}

fn checked(url: Url) -> Result<Url, Failure> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Failure::Url("is neither http:// nor https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Failure::Url("must not hold user and password"));
    }
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    if host.is_empty() {
        return Err(Failure::Url("has no host"));
    }
    if host == "internal" || host.ends_with(".internal") {
        return Err(Failure::Internal(host.to_owned()));
    }
    Ok(url)
}

/// What is asked at one hop.
#[derive(Debug)]
pub(crate) struct Hop {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Hop {
    /// The next hop if `status` and `headers` send there.
    ///
    /// # Errors
    /// A place that must not be asked.
    pub(crate) fn next(&self, status: StatusCode, headers: &HeaderMap) -> Result<Option<Self>, Failure> {
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = headers.get(header::LOCATION) else {
            return Ok(None);
        };
        let location = location.to_str().map_err(|_| Failure::Url("of a redirect is broken"))?;
        let url = self
            .url
            .join(location)
            .map_err(|_| Failure::Url("of a redirect is broken"))?;
        let url = checked(url)?;
        let mut headers = self.headers.clone();
        if url.origin() != self.url.origin() {
            // They were meant for the first one.
            for name in [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION] {
                headers.remove(name);
            }
        }
        let becomes_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => self.method != Method::HEAD,
            _ => false,
        };
        let (method, body) = if becomes_get {
            headers.remove(header::CONTENT_TYPE);
            (Method::GET, Bytes::new())
        } else {
            (self.method.clone(), self.body.clone())
        };
        Ok(Some(Self {
            method,
            url,
            headers,
            body,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: Method) -> Hop {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "x".parse().unwrap());
        headers.insert(header::CONTENT_TYPE, "y".parse().unwrap());
        Hop {
            method,
            url: url("https://a.example.com/p?q").unwrap(),
            headers,
            body: Bytes::from_static(b"b"),
        }
    }

    fn next(method: Method, status: u16, location: &str) -> Result<Option<Hop>, Failure> {
        let headers = HeaderMap::from_iter([(header::LOCATION, location.parse().unwrap())]);
        hop(method).next(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn methods_bodies_and_what_is_for_one_origin() {
        let same = next(Method::POST, 307, "/x").unwrap().unwrap();
        assert_eq!(
            (same.method, same.url.as_str()),
            (Method::POST, "https://a.example.com/x")
        );
        assert!(same.headers.contains_key(header::AUTHORIZATION) && same.body == "b");
        let get = next(Method::POST, 302, "//a.example.com:444/").unwrap().unwrap();
        assert_eq!(get.method, Method::GET);
        assert!(get.body.is_empty() && get.headers.is_empty());
        assert_eq!(next(Method::PUT, 301, "/").unwrap().unwrap().method, Method::PUT);
        assert_eq!(next(Method::PUT, 303, "/").unwrap().unwrap().method, Method::GET);
        assert!(next(Method::GET, 304, "/").unwrap().is_none());
    }

    #[test]
    fn places_that_are_not_asked() {
        for text in [
            "ftp://x/",
            "/x",
            "http://",
            "https://u:p@x/",
            "https://u@x/",
            "file:///etc/passwd",
        ] {
            assert!(matches!(url(text), Err(Failure::Url(_))), "{text}");
        }
        for text in ["http://A.Internal/", "http://a.internal.:80", "http://internal/"] {
            assert!(matches!(url(text), Err(Failure::Internal(_))), "{text}");
        }
        assert!(matches!(next(Method::GET, 302, "file:///x"), Err(Failure::Url(_))));
        assert!(matches!(
            next(Method::GET, 302, "http://db.internal/"),
            Err(Failure::Internal(_))
        ));
        // All spellings of an address are one.
        for text in [
            "http://2130706433/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://0177.0.0.1/",
        ] {
            assert_eq!(url(text).unwrap().host_str(), Some("127.0.0.1"), "{text}");
        }
    }
}
