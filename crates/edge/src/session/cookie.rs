//! Sealed cookies: what lets an agent be itself again, also after a restart of the server without any state.
//!
//! A cookie is AES-256-GCM over a small JSON object, with the id of the key in front and the kind of the cookie
//! as associated data, so that one kind never opens as the other; the whole in base64url without padding
//! (agent protocol 5.2). Nothing in it is secret from its owner; what matters is that only we can make it.

use std::time::{Duration, SystemTime};

use adit_snapshot::SealKey;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Longest text that is tried as a cookie.
const MAX_TEXT: usize = 1_024;
/// How long a session cookie is believed after it was made.
const SESSION_COOKIE_LIFE: Duration = Duration::from_secs(24 * 3600);
/// A cookie from further in the future than this (clocks of nodes differ) is not believed.
const SKEW: u64 = 300;

const KEY_ID_LEN: usize = 4;
const NONCE_LEN: usize = 12;

/// What a session cookie says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionCookie {
    /// Organisation.
    #[serde(rename = "o")]
    pub organization: String,
    /// Credential that logged in.
    #[serde(rename = "c")]
    pub credential: String,
    /// Session id.
    #[serde(rename = "s")]
    pub session: String,
    /// Epoch of the session when the cookie was made.
    #[serde(rename = "e")]
    pub epoch: u64,
    /// Ingress that it logged in at.
    #[serde(rename = "i")]
    pub ingress: String,
    /// First seen, seconds since the Unix epoch.
    #[serde(rename = "f")]
    pub first_seen: u64,
    /// Made, seconds since the Unix epoch.
    #[serde(rename = "t")]
    pub issued: u64,
}

/// What a bind cookie says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BindCookie {
    /// Organisation.
    #[serde(rename = "o")]
    pub organization: String,
    /// Session id.
    #[serde(rename = "s")]
    pub session: String,
    /// Bind id within the session.
    #[serde(rename = "b")]
    pub bind: String,
    /// Id for the API (`tn_…`).
    #[serde(rename = "t")]
    pub endpoint: String,
    /// Canonical URL.
    #[serde(rename = "u")]
    pub url: String,
    /// Binding of the URL.
    #[serde(rename = "n")]
    pub binding: String,
    /// Made, seconds since the Unix epoch.
    #[serde(rename = "m")]
    pub created: u64,
    /// By what the policy is known again that it was bound with; empty without one.
    #[serde(rename = "p", default)]
    pub policy: String,
}

/// Makes and opens cookies.
#[derive(Debug)]
pub(super) struct Sealer {
    key: RandomizedNonceKey,
    id: [u8; KEY_ID_LEN],
    names: hmac::Key,
}

/// The key could not be used.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the sealing key is not usable")]
pub struct BadKey;

impl Sealer {
    /// A sealer with this key.
    ///
    /// # Errors
    /// Only if the cryptographic library refuses the key.
    pub(super) fn new(key: &SealKey) -> Result<Self, BadKey> {
        let mut id = [0; KEY_ID_LEN];
        for (to, from) in id
            .iter_mut()
            .zip(digest(&SHA256, &[b"adit cookie key id\0", &key.0[..]].concat()).as_ref())
        {
            *to = *from;
        }
        let names = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key.0), b"adit stable random names");
        Ok(Self {
            key: RandomizedNonceKey::new(&AES_256_GCM, &key.0).map_err(|_| BadKey)?,
            id,
            names: hmac::Key::new(hmac::HMAC_SHA256, names.as_ref()),
        })
    }

    /// Seals what a session is.
    pub(super) fn seal_session(&self, cookie: &SessionCookie) -> String {
        self.seal(SESSION, cookie)
    }

    /// Opens a session cookie; `None` if it is not ours, or expired.
    pub(super) fn open_session(&self, text: &str, now: SystemTime) -> Option<SessionCookie> {
        let cookie: SessionCookie = self.open(SESSION, text)?;
        is_fresh(cookie.issued, SESSION_COOKIE_LIFE, now).then_some(cookie)
    }

    /// Seals what an endpoint is.
    pub(super) fn seal_bind(&self, cookie: &BindCookie) -> String {
        self.seal(BIND, cookie)
    }

    /// Opens a bind cookie; `None` if it is not ours.
    pub(super) fn open_bind(&self, text: &str) -> Option<BindCookie> {
        self.open(BIND, text)
    }

    /// Bytes for a random name that is always the same for the same things.
    pub(super) fn stable_bytes(&self, of: &[&str]) -> [u8; adit_names::random_name::RANDOM_BYTES] {
        let mut context = hmac::Context::with_key(&self.names);
        for part in of {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut out = [0; adit_names::random_name::RANDOM_BYTES];
        for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        out
    }

    fn seal<T: Serialize>(&self, kind: &[u8], value: &T) -> String {
        // Neither can fail: the values are plain strings and numbers, and far below AES-GCM's length limit.
        let mut sealed = serde_json::to_vec(value).unwrap_or_default();
        let Ok(nonce) = self.key.seal_in_place_append_tag(Aad::from(kind), &mut sealed) else {
            return String::new();
        };
        let mut out = Vec::with_capacity(KEY_ID_LEN + NONCE_LEN + sealed.len());
        out.extend_from_slice(&self.id);
        out.extend_from_slice(nonce.as_ref());
        out.extend_from_slice(&sealed);
        URL_SAFE_NO_PAD.encode(out)
    }

    fn open<T: for<'a> Deserialize<'a>>(&self, kind: &[u8], text: &str) -> Option<T> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, rest) = bytes.split_first_chunk::<KEY_ID_LEN>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        if *id != self.id {
            return None;
        }
        let mut sealed = sealed.to_vec();
        let plain = self
            .key
            .open_in_place(Nonce::from(nonce), Aad::from(kind), &mut sealed)
            .ok()?;
        serde_json::from_slice(plain).ok()
    }
}

const SESSION: &[u8] = b"adit session cookie 1";
const BIND: &[u8] = b"adit bind cookie 1";

/// Whether something made at `made` is at most `life` old.
pub(crate) fn is_fresh(made: u64, life: Duration, now: SystemTime) -> bool {
    let now = unix_seconds(now);
    made <= now.saturating_add(SKEW) && now.saturating_sub(made) <= life.as_secs()
}

/// Seconds since the Unix epoch; 0 before it.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Agents keep the cookie and send it with each login.
    const MAX_SESSION_COOKIE: usize = 512;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&SealKey([byte; 32])).unwrap()
    }

    fn session(issued: u64) -> SessionCookie {
        SessionCookie {
            organization: "ac_2fWHmaP1sGrGoClCTr3KEvTxDPP".to_owned(),
            credential: "cr_2fWHmaP1sGrGoClCTr3KEvTxDPP".to_owned(),
            session: "ts_2fWHmaP1sGrGoClCTr3KEvTxDPP".to_owned(),
            epoch: u64::MAX,
            ingress: "agin_2fWHmaP1sGrGoClCTr3KEvTxDPP".to_owned(),
            first_seen: 4_000_000_000,
            issued,
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_session_cookie_opens_with_its_key_for_a_day() {
        let s = sealer(1);
        let cookie = session(1_000_000);
        let text = s.seal_session(&cookie);
        assert!(text.len() <= MAX_SESSION_COOKIE, "{} bytes", text.len());
        assert_eq!(sealer(1).open_session(&text, at(1_000_000 + 86_400)), Some(cookie));
        assert_eq!(s.open_session(&text, at(1_000_000 + 86_401)), None, "expired");
        assert_eq!(s.open_session(&text, at(999_000)), None, "from the future");
        assert_eq!(sealer(2).open_session(&text, at(1_000_000)), None, "another key");
    }

    #[test]
    fn a_changed_cookie_does_not_open_and_kinds_do_not_mix() {
        let s = sealer(1);
        let text = s.seal_session(&session(1_000_000));
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 1;
            assert_eq!(s.open_session(&URL_SAFE_NO_PAD.encode(&changed), at(1_000_000)), None);
        }
        for end in 0..text.len() {
            assert_eq!(s.open_session(&text[..end], at(1_000_000)), None);
        }
        assert_eq!(s.open_bind(&text), None);
        assert_eq!(s.open_session("cookie-ts_0001", at(0)), None);
        assert_eq!(s.open_session(&"A".repeat(5_000), at(0)), None);
    }

    #[test]
    fn stable_bytes_depend_on_every_part_and_its_borders() {
        let s = sealer(1);
        let a = s.stable_bytes(&["o", "c", "n"]);
        assert_eq!(a, sealer(1).stable_bytes(&["o", "c", "n"]));
        assert_ne!(a, s.stable_bytes(&["o", "cn", ""]));
        assert_ne!(a, s.stable_bytes(&["o", "c", "m"]));
        assert_ne!(a, sealer(2).stable_bytes(&["o", "c", "n"]));
    }
}
