//! Recovery codes (control plane 3.2): 80 random bits each, shown once. Their hashes are kept, sealed as one value.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use super::totp::base32;
use crate::authenticate::hash_of;
use crate::error::ApiError;
use crate::fresh::random;

/// How many there are at first.
pub(super) const COUNT: usize = 10;
/// Longest text that is looked at.
const LONGEST: usize = 64;
const HASH: usize = 32;

/// New codes as their user sees them: `abcd-efgh-ijkl-mnop`.
///
/// # Errors
/// The system gives no random bytes.
pub(super) fn new() -> Result<Vec<String>, ApiError> {
    let one = || {
        let letters = base32(&random::<10>()?).to_ascii_lowercase();
        let mut code = String::with_capacity(letters.len() + 3);
        for (n, letter) in letters.chars().enumerate() {
            if n > 0 && n % 4 == 0 {
                code.push('-');
            }
            code.push(letter);
        }
        Ok(code)
    };
    (0..COUNT).map(|_| one()).collect()
}

/// What is kept of codes.
pub(super) fn kept(codes: &[String]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(codes.iter().flat_map(|code| hash(code)).collect())
}

/// How many of them are left.
pub(super) fn left(kept: &[u8]) -> usize {
    kept.len() / HASH
}

/// What is kept without this code; none if it is not one of them.
pub(super) fn without(kept: &[u8], given: &str) -> Option<Zeroizing<Vec<u8>>> {
    if given.len() > LONGEST {
        return None;
    }
    let hash = hash(given);
    let others: Vec<u8> = kept
        .chunks_exact(HASH)
        .filter(|one| verify_slices_are_equal(one, &hash).is_err())
        .flatten()
        .copied()
        .collect();
    (others.len() < kept.len()).then(|| Zeroizing::new(others))
}

/// Of a code as people copy it: case, hyphens and spaces do not matter.
fn hash(code: &str) -> [u8; HASH] {
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    let letters: Zeroizing<String> = Zeroizing::new(letters.map(|letter| letter.to_ascii_lowercase()).collect());
    hash_of(&letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_good_once_however_it_is_typed() {
        let codes = new().unwrap();
        assert!(codes.iter().all(|code| code.len() == 19), "{codes:?}");
        let mut all = kept(&codes);
        assert_eq!(left(&all), COUNT);
        assert_eq!(without(&all, ""), None);
        assert_eq!(without(&all, "aaaa-bbbb-cccc-dddd"), None);
        assert_eq!(without(&all, &"a".repeat(65)), None);
        for (n, code) in codes.iter().enumerate() {
            let typed = match n % 3 {
                0 => code.to_uppercase(),
                1 => code.replace('-', " "),
                _ => code.clone(),
            };
            let next = without(&all, &typed).unwrap();
            assert_eq!(left(&next), COUNT - n - 1);
            assert_eq!(without(&next, code), None);
            all = next;
        }
    }
}
