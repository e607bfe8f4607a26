//! The cookie of a dashboard session, and the token that goes with it against forged requests (control plane 3.2).

use adit_names::id::{Id, Prefix};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};

use crate::error::ApiError;
use crate::fresh::random;

/// `__Host-`: browsers take it only with `Secure`, with the path `/`, and for this host alone.
const NAME: &str = "__Host-adit-session";
const SECRET: usize = 32;
const CSRF: &str = "adit csrf v1";

/// What a browser shows: which session, whose it is, and the secret that proves it.
#[derive(Clone)]
pub(crate) struct Cookie {
    pub(crate) session: Id,
    pub(crate) user: Id,
    secret: [u8; SECRET],
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cookie({})", self.session)
    }
}

impl Cookie {
    /// A new one.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn new(session: Id, user: Id) -> Result<Self, ApiError> {
        Ok(Self {
            session,
            user,
            secret: random()?,
        })
    }

    /// The one of a request; none if it has none, several, or one of another form.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let fields = headers.get_all(header::COOKIE).iter();
        let pairs = fields.filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
        let mut values = pairs.filter_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='));
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        Self::parse(value)
    }

    fn parse(value: &str) -> Option<Self> {
        let mut parts = value.splitn(3, '.');
        let mut id = |prefix: Prefix| format!("{}_{}", prefix.as_str(), parts.next()?).parse().ok();
        let (session, user) = (id(Prefix::DashboardSession)?, id(Prefix::User)?);
        let secret = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
        Some(Self { session, user, secret })
    }

    /// As it is set in a browser, for at most so many seconds.
    ///
    /// # Errors
    /// Never: all of it is ASCII.
    pub(crate) fn set(&self, seconds: i64) -> Result<HeaderValue, ApiError> {
        let first = |id: Id| id.base62().into_iter().map(char::from).collect::<String>();
        let secret = URL_SAFE_NO_PAD.encode(self.secret);
        header_value(&format!(
            "{NAME}={}.{}.{secret}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax",
            first(self.session),
            first(self.user),
        ))
    }

    /// Takes the cookie out of a browser.
    ///
    /// # Errors
    /// Never: all of it is ASCII.
    pub(crate) fn unset() -> Result<HeaderValue, ApiError> {
        header_value(&format!("{NAME}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"))
    }

    /// What is kept of its secret.
    pub(crate) fn hash(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.secret);
        URL_SAFE_NO_PAD.encode(digest)
    }

    /// Whether it is the one of which this was kept.
    pub(crate) fn is(&self, hash: &str) -> bool {
        verify_slices_are_equal(self.hash().as_bytes(), hash.as_bytes()).is_ok()
    }

    /// What requests that change something have to show beside the cookie, which a page of another site cannot read.
    pub(crate) fn csrf(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, CSRF.as_bytes()))
    }
}

fn header_value(text: &str) -> Result<HeaderValue, ApiError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| ApiError::internal("a cookie has no form"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie() -> Cookie {
        let id = |prefix| Id::new(prefix, 1_800_000_000, [7; 16]);
        Cookie::new(id(Prefix::DashboardSession), id(Prefix::User)).unwrap()
    }

    fn shown(cookie: &Cookie) -> String {
        let set = cookie.set(60).unwrap();
        set.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    fn of(fields: &[&str]) -> Option<Cookie> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::COOKIE, field.parse().unwrap());
        }
        Cookie::of(&headers)
    }

    #[test]
    fn it_comes_back_among_others() {
        let cookie = cookie();
        let shown = shown(&cookie);
        let back = of(&[&format!("a=1; {shown}; b=__Host-adit-session")]).unwrap();
        assert_eq!((back.session, back.user), (cookie.session, cookie.user));
        assert!(back.is(&cookie.hash()));
        assert_eq!(back.csrf(), cookie.csrf());
        assert_eq!(of(&["a=1", &shown]).unwrap().secret, cookie.secret);
    }

    #[test]
    fn what_is_not_one_is_none() {
        let one = shown(&cookie());
        assert!(of(&[]).is_none());
        assert!(of(&[&one, &shown(&cookie())]).is_none());
        for broken in [
            "__Host-adit-session=",
            "__Host-adit-session=x.y.z",
            one.split_at(one.len() - 1).0,
            &format!("{one}x"),
            &one.replace("__Host-", ""),
        ] {
            assert!(of(&[broken]).is_none(), "{broken}");
        }
    }

    #[test]
    fn another_secret_is_another_session() {
        let (one, other) = (cookie(), cookie());
        assert!(!one.is(&other.hash()));
        assert_ne!(one.csrf(), other.csrf());
        assert!(!format!("{one:?}").contains(&URL_SAFE_NO_PAD.encode(one.secret)));
    }

    #[test]
    fn it_has_the_flags_that_browsers_demand_for_its_name() {
        let set = cookie().set(60).unwrap();
        let text = set.to_str().unwrap();
        assert!(
            text.ends_with("; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax"),
            "{text}"
        );
        assert!(set.is_sensitive());
    }
}
