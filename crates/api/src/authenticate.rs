//! Who asks: API keys (control plane 1.1 and 2.5).
//!
//! A key is `FIRST_SECOND`: the first part finds it, the SHA-256 of the second is compared in constant time. Only
//! that hash is kept.

use std::collections::{BTreeSet, HashMap};

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix, TEXT_LEN};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};

use crate::error::ApiError;

/// Characters of a key's second part: ours has 32, imported ones may have fewer.
const SECOND: std::ops::RangeInclusive<usize> = 20..=32;

/// What a key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// All that its owner may.
    All,
    /// Only these (`tunnel_sessions:read`, `sessions:control`, …).
    Only(BTreeSet<String>),
}

/// A key.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its id (`ak_…`).
    pub id: String,
    /// The organisation whose objects it sees (`ac_…`).
    pub organization: String,
    /// What it may do.
    pub permissions: Permissions,
    /// SHA-256 of the part behind the underscore.
    pub hash: [u8; 32],
}

/// All keys, by the first part of the key.
#[derive(Debug, Default)]
pub struct Keys {
    by_first: HashMap<String, ApiKey>,
}

impl Keys {
    /// A table of these keys.
    pub fn new(keys: impl IntoIterator<Item = ApiKey>) -> Self {
        let first = |key: &ApiKey| {
            key.id
                .split_once('_')
                .map_or_else(String::new, |(_, text)| text.to_owned())
        };
        Self {
            by_first: keys.into_iter().map(|key| (first(&key), key)).collect(),
        }
    }

    /// The key with this text. Takes as long for a wrong second part as for the right one.
    fn find(&self, first: &str, second: &str) -> Option<&ApiKey> {
        let key = self.by_first.get(first)?;
        verify_slices_are_equal(&key.hash, &hash_of(second)).ok()?;
        Some(key)
    }
}

/// SHA-256 of the second part of a key.
pub fn hash_of(second: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest(&SHA256, second.as_bytes()).as_ref()) {
        *to = *from;
    }
    hash
}

/// How the token came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Basic,
    Bearer,
}

/// The key that a request shows.
///
/// # Errors
/// 401 with 200–203, 206–208.
pub(crate) fn authenticate<'k>(
    keys: &'k Keys,
    is_authtoken: &dyn Fn(&str) -> bool,
    headers: &HeaderMap,
) -> Result<&'k ApiKey, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let missing = || ApiError::new(ErrorCode::NGROK_200, &[]);
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(malformed());
    }
    let (scheme, token) = token_in(value.to_str().map_err(|_| malformed())?)?;
    if token.is_empty() {
        return Err(missing());
    }
    if token.parse::<Id>().is_ok_and(|id| id.prefix() == Prefix::ApiKey) {
        return Err(ApiError::new(ErrorCode::NGROK_208, &[]));
    }
    let (first, second) = parts(&token).ok_or_else(malformed)?;
    if let Some(key) = keys.find(first, second) {
        return Ok(key);
    }
    Err(ApiError::new(
        match scheme {
            _ if !is_authtoken(&token) => ErrorCode::NGROK_203,
            Scheme::Basic => ErrorCode::NGROK_206,
            Scheme::Bearer => ErrorCode::NGROK_207,
        },
        &[],
    ))
}

fn malformed() -> ApiError {
    ApiError::new(ErrorCode::NGROK_202, &[])
}

/// Scheme and token of the field.
fn token_in(value: &str) -> Result<(Scheme, String), ApiError> {
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok((Scheme::Bearer, rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        // A key without a scheme must not be repeated in an answer.
        let named = if scheme.len() <= 16 { scheme } else { "given" };
        return Err(ApiError::new(ErrorCode::NGROK_201, &[("scheme", named)]));
    }
    let pair = STANDARD.decode(rest).ok().and_then(|b| String::from_utf8(b).ok());
    let pair = pair.ok_or_else(malformed)?;
    let (user, password) = pair.split_once(':').ok_or_else(malformed)?;
    let token = if password.is_empty() { user } else { password };
    Ok((Scheme::Basic, token.to_owned()))
}

/// Both parts of a token, if it has the form of one.
fn parts(token: &str) -> Option<(&str, &str)> {
    let (first, second) = token.split_once('_')?;
    let base62 = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric());
    (first.len() == TEXT_LEN && SECOND.contains(&second.len()) && base62(first) && base62(second))
        .then_some((first, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "0ujtsYcgvSTl8PAuAdqWYSMnLOv";
    const SECOND: &str = "abcdefghijklmnopqrstuvwxyz012345";

    fn asked(value: Option<&str>) -> Result<String, &'static str> {
        let keys = Keys::new([ApiKey {
            id: format!("ak_{FIRST}"),
            organization: "ac_x".to_owned(),
            permissions: Permissions::All,
            hash: hash_of(SECOND),
        }]);
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        let is_authtoken = |t: &str| t.ends_with("_11111111111111111111111111111111");
        authenticate(&keys, &is_authtoken, &headers)
            .map(|key| key.id.clone())
            .map_err(|e| e.code().as_str())
    }

    #[test]
    fn each_way_to_show_a_key_and_to_get_it_wrong() {
        let id = format!("ak_{FIRST}");
        let key = format!("{FIRST}_{SECOND}");
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for good in [
            format!("Bearer {key}"),
            format!("bearer  {key}"),
            basic(&format!("anybody:{key}")),
            basic(&format!("{key}:")),
        ] {
            assert_eq!(asked(Some(&good)).as_deref(), Ok(id.as_str()), "{good}");
        }
        let other = format!("{FIRST}_00000000000000000000000000000000");
        let unknown = format!("1ujtsYcgvSTl8PAuAdqWYSMnLOv_{SECOND}");
        let authtoken = format!("{FIRST}_11111111111111111111111111111111");
        for (value, code) in [
            (None, "ERR_NGROK_200"),
            (Some("Bearer".to_owned()), "ERR_NGROK_200"),
            (Some(format!("Token {key}")), "ERR_NGROK_201"),
            (Some(key.clone()), "ERR_NGROK_201"),
            (Some("Bearer nonsense".to_owned()), "ERR_NGROK_202"),
            (Some(format!("Bearer {key}x")), "ERR_NGROK_202"),
            (Some("Basic ???".to_owned()), "ERR_NGROK_202"),
            (Some(format!("Bearer {other}")), "ERR_NGROK_203"),
            (Some(format!("Bearer {unknown}")), "ERR_NGROK_203"),
            (Some(basic(&format!(":{authtoken}"))), "ERR_NGROK_206"),
            (Some(format!("Bearer {authtoken}")), "ERR_NGROK_207"),
            (Some(format!("Bearer {id}")), "ERR_NGROK_208"),
        ] {
            assert_eq!(asked(value.as_deref()), Err(code), "{value:?}");
        }
    }

    #[test]
    fn a_key_without_a_scheme_is_not_repeated() {
        let error = token_in(&format!("{FIRST}_{SECOND}")).err().unwrap();
        assert!(!error.json("op").to_string().contains(SECOND));
    }
}
