//! Who asks: API keys (control plane 1.1 and 2.5) at the API's host, sessions (3.2) at the dashboard's.
//!
//! A key is `FIRST_SECOND`: the first part finds it, the SHA-256 of the second is compared in constant time. Only
//! that hash is kept. Keys that nobody has are answered from memory like all others.

use std::sync::Arc;

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix, TEXT_LEN};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};

use crate::Api;
use crate::access::{Access, Key};
use crate::error::ApiError;
use crate::login::cookie::Cookie;
use crate::login::session::{self, Session};
use crate::surface::Surface;

/// Characters of a key's second part: ours has 32, imported ones may have fewer.
const SECOND: std::ops::RangeInclusive<usize> = 20..=32;

/// SHA-256 of the second part of a key.
pub fn hash_of(second: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest(&SHA256, second.as_bytes()).as_ref()) {
        *to = *from;
    }
    hash
}

/// What a request shows.
pub(crate) enum Shown {
    Key(Arc<Key>),
    Session(Box<Session>, Cookie),
}

impl Shown {
    /// Its id, whose objects it opens, and whose it is.
    pub(crate) fn names(&self) -> (Id, Id, Option<Id>) {
        match self {
            Self::Key(key) => (key.id, key.organization, key.owner),
            Self::Session(session, _) => (session.id, session.organization, Some(session.user)),
        }
    }
}

/// A member of several organisations says with it which one he means.
const ORGANIZATION: &str = "adit-organization";

/// What a request shows: a key at the API's host, where no cookie is read; a session at the dashboard's, where no key
/// is.
///
/// # Errors
/// Those of [`authenticate`]; 401 `ERR_ADIT_2101` for a session that has ended or never was; the store is away.
pub(crate) async fn shown(api: &Api, surface: Surface, headers: &HeaderMap) -> Result<Shown, ApiError> {
    if surface == Surface::Api {
        return authenticate(&api.told.access, headers).map(Shown::Key);
    }
    let ended = || ApiError::new(ErrorCode::ADIT_2101, &[]);
    let cookie = Cookie::of(headers).ok_or_else(ended)?;
    let mut session = session::find(&api.stored()?.store, &cookie).await?.ok_or_else(ended)?;
    if let Some(wanted) = headers.get(ORGANIZATION) {
        let wanted = wanted.to_str().unwrap_or_default();
        let missing = || ApiError::new(ErrorCode::ADIT_2001, &[("kind", "organisation"), ("id", wanted)]);
        let id: Id = wanted.parse().map_err(|_| missing())?;
        let tables = api.told.access.read();
        tables.person(id, session.user).ok_or_else(missing)?;
        session.organization = id;
    }
    Ok(Shown::Session(Box::new(session), cookie))
}

/// How the token came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Basic,
    Bearer,
}

/// The key that a request shows. Takes as long for a key that nobody has as for a wrong second part.
///
/// # Errors
/// 401 with 200–203, 206–208.
pub(crate) fn authenticate(access: &Access, headers: &HeaderMap) -> Result<Arc<Key>, ApiError> {
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
    let hash = hash_of(second);
    let is = |of: &[u8; 32]| verify_slices_are_equal(of, &hash).is_ok();
    let tables = access.read();
    let first = first_bytes(first);
    let key = first.and_then(|f| tables.key(&f));
    if let Some(key) = key.filter(|key| is(&key.hash)) {
        return Ok(key.clone());
    }
    let credential = first.and_then(|f| tables.credential(&f));
    let is_authtoken = is(credential.map_or(&NOBODYS, |c| &c.hash)) && credential.is_some();
    Err(ApiError::new(
        match scheme {
            _ if !is_authtoken => ErrorCode::NGROK_203,
            Scheme::Basic => ErrorCode::NGROK_206,
            Scheme::Bearer => ErrorCode::NGROK_207,
        },
        &[],
    ))
}

/// Compared with where there is nothing to compare with.
const NOBODYS: [u8; 32] = [0; 32];

/// The bytes of an id that has these characters behind its prefix.
fn first_bytes(first: &str) -> Option<[u8; 20]> {
    let id: Id = format!("{}_{first}", Prefix::ApiKey.as_str()).parse().ok()?;
    Some(*id.bytes())
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
    use adit_model::{Object, SecretValue};
    use std::collections::HashMap;

    const FIRST: &str = "0ujtsYcgvSTl8PAuAdqWYSMnLOv";
    const SECOND: &str = "abcdefghijklmnopqrstuvwxyz012345";

    fn object(kind: &str, prefix: &str) -> Object {
        Object {
            id: format!("{prefix}_{FIRST}").parse().unwrap(),
            kind: kind.to_owned(),
            organization: Id::new(Prefix::Account, 1_800_000_000, [1; 16]),
            owner: None,
            schema: 1,
            revision: 1,
            created_at: 0,
            updated_at: 0,
            body: serde_json::Map::new(),
        }
    }

    fn asked(value: Option<&str>) -> Result<String, &'static str> {
        let access = Access::new();
        let (key, credential) = (object("api_key", "ak"), object("credential", "cr"));
        let secret = |second| vec![("token".to_owned(), SecretValue::Hashed(hash_of(second)))];
        let secrets = HashMap::from([
            (key.id, secret(SECOND)),
            (credential.id, secret("11111111111111111111111111111111")),
        ]);
        access.load([key, credential], &secrets);
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        authenticate(&access, &headers)
            .map(|key| key.id.to_string())
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
