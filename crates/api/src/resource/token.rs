//! Tokens of API keys and credentials (control plane 2.5): `FIRST_SECOND`, where FIRST is the id without its prefix and
//! SECOND is random. The store gets the hash of SECOND; the token is in the answer to its making and nowhere else.
//! Invitations have a link in its place.

use adit_model::{Prepared, SecretValue};
use adit_names::id::Prefix;

use crate::authenticate::hash_of;
use crate::error::ApiError;
use crate::fresh::random;
use crate::login::link;

/// Characters of SECOND: 190 random bits.
const SECOND: usize = 32;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Fields that are in the answer to the making of an object and nowhere else.
pub(crate) const ONCE: [&str; 3] = ["token", "link", "invitation_link"];

/// Gives a new key or credential its token, an invitation its link to a page of `dashboard`: the field and what is in
/// it. None for other kinds.
pub(crate) fn give(prepared: &mut Prepared, dashboard: &str) -> Result<Option<(&'static str, String)>, ApiError> {
    let id = prepared.object.id;
    if id.prefix() == Prefix::Invitation {
        let second = link::secret()?;
        prepared.secrets.push(("link", SecretValue::Hashed(hash_of(&second))));
        let first: String = id.base62().iter().copied().map(char::from).collect();
        return Ok(Some(("link", format!("{dashboard}/#invitation={first}.{second}"))));
    }
    if !matches!(id.prefix(), Prefix::ApiKey | Prefix::Credential) {
        return Ok(None);
    }
    let second = second()?;
    prepared.secrets.push(("token", SecretValue::Hashed(hash_of(&second))));
    let first: String = id.base62().iter().copied().map(char::from).collect();
    Ok(Some(("token", format!("{first}_{second}"))))
}

/// Random letters and digits, all equally likely.
fn second() -> Result<String, ApiError> {
    let mut text = String::with_capacity(SECOND);
    while text.len() < SECOND {
        // Six bits each; the two values that are no digit are drawn again.
        for byte in random::<SECOND>()? {
            if let Some(digit) = BASE62.get(usize::from(byte & 63)).filter(|_| text.len() < SECOND) {
                text.push(char::from(*digit));
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_long_and_all_digits_occur() {
        let all: String = (0..200).map(|_| second().unwrap()).collect();
        assert_eq!(all.len(), 200 * SECOND);
        for digit in BASE62 {
            assert!(all.bytes().any(|b| b == *digit), "{}", char::from(*digit));
        }
    }
}
