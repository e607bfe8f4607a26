//! Tokens of API keys and credentials (control plane 2.5): `FIRST_SECOND`, where FIRST is the id without its prefix and
//! SECOND is random. The store gets the hash of SECOND; the token is in the answer to its making and nowhere else.

use adit_model::{Prepared, SecretValue};
use adit_names::id::Prefix;

use crate::authenticate::hash_of;
use crate::error::ApiError;
use crate::fresh::random;

/// Characters of SECOND: 190 random bits.
const SECOND: usize = 32;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Gives a new key or credential its token; none for other kinds.
pub(crate) fn give(prepared: &mut Prepared) -> Result<Option<String>, ApiError> {
    let id = prepared.object.id;
    if !matches!(id.prefix(), Prefix::ApiKey | Prefix::Credential) {
        return Ok(None);
    }
    let second = second()?;
    prepared.secrets.push(("token", SecretValue::Hashed(hash_of(&second))));
    let first: String = id.base62().iter().copied().map(char::from).collect();
    Ok(Some(format!("{first}_{second}")))
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
