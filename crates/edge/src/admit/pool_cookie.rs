//! The cookie that keeps a visitor at one member of a pool (edge 2.6): sealed, so that it says nothing and nobody else
//! can make one, and good for the pool that it was made for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adit_http1::{Head, Known};
use adit_snapshot::SealKey;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const NAME: &str = "__Host-adit-pool";
/// Longest value that is tried.
const MAX_TEXT: usize = 512;
/// How long one is believed where nothing else is said.
const LIFE: Duration = Duration::from_secs(24 * 3600);
const NONCE_LEN: usize = 12;
const TIME_LEN: usize = 8;

/// Makes and opens the cookies of pools.
#[derive(Debug)]
pub(crate) struct PoolCookies(Option<RandomizedNonceKey>);

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl PoolCookies {
    /// With a key of their own, made from the node's.
    pub(crate) fn new(key: &SealKey) -> Self {
        let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key.0), b"adit cookies of pools");
        Self(RandomizedNonceKey::new(&AES_256_GCM, own.as_ref()).ok())
    }

    /// The endpoint that the visitor's cookie names for this pool.
    pub(super) fn open(&self, request: &Head, pool: &str, now: SystemTime) -> Option<String> {
        let key = self.0.as_ref()?;
        let text = value(request)?;
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let open = key
            .open_in_place(Nonce::from(nonce), Aad::from(pool.as_bytes()), &mut sealed)
            .ok()?;
        let (until, endpoint) = open.split_first_chunk::<TIME_LEN>()?;
        (u64::from_be_bytes(*until) > seconds(now)).then(|| String::from_utf8(endpoint.to_vec()).ok())?
    }

    /// The field value that gives the visitor a cookie for this endpoint. `None`: none can be made.
    pub(super) fn make(&self, pool: &str, endpoint: &str, ttl: Option<Duration>, now: SystemTime) -> Option<String> {
        let key = self.0.as_ref()?;
        let until = seconds(now).saturating_add(ttl.unwrap_or(LIFE).as_secs());
        let mut sealed = until.to_be_bytes().to_vec();
        sealed.extend_from_slice(endpoint.as_bytes());
        let nonce = key
            .seal_in_place_append_tag(Aad::from(pool.as_bytes()), &mut sealed)
            .ok()?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        let value = URL_SAFE_NO_PAD.encode(whole);
        // Without a time of its own it ends with the browser.
        let age = ttl.map_or_else(String::new, |ttl| format!("; Max-Age={}", ttl.as_secs()));
        Some(format!("{NAME}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}"))
    }
}

/// What the request's cookie of this name says.
fn value(request: &Head) -> Option<&[u8]> {
    request
        .get_all(Known::Cookie)
        .flat_map(|line| line.split(|b| *b == b';'))
        .find_map(|pair| {
            let value = pair.trim_ascii().strip_prefix(NAME.as_bytes())?.strip_prefix(b"=")?;
            (value.len() <= MAX_TEXT).then_some(value)
        })
}

#[cfg(test)]
mod tests {
    use adit_http1::Version;

    use super::*;

    fn request(cookie: &str) -> Head {
        let mut head = Head::new();
        head.start_request(b"GET", b"/", Version::Http11).unwrap();
        head.push(b"Cookie", format!("a=1; {cookie}; b=2").as_bytes());
        head
    }

    #[test]
    fn a_cookie_is_good_for_its_pool_its_time_and_its_server() {
        let (cookies, other) = (PoolCookies::new(&SealKey([1; 32])), PoolCookies::new(&SealKey([2; 32])));
        let now = SystemTime::now();
        let made = cookies
            .make("https://a.example", "ep_1", Some(Duration::from_secs(60)), now)
            .unwrap();
        let (pair, attributes) = made.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60");
        assert!(!pair.contains("ep_1"));
        let open = |cookies: &PoolCookies, pool, at| cookies.open(&request(pair), pool, at);
        assert_eq!(open(&cookies, "https://a.example", now).as_deref(), Some("ep_1"));
        assert_eq!(open(&cookies, "https://b.example", now), None);
        assert_eq!(open(&cookies, "https://a.example", now + Duration::from_secs(61)), None);
        assert_eq!(open(&other, "https://a.example", now), None);
        for broken in ["__Host-adit-pool=", "__Host-adit-pool=AAAA", "other=1"] {
            assert_eq!(cookies.open(&request(broken), "https://a.example", now), None);
        }
    }
}
