//! Codes of a clock (RFC 6238): HMAC-SHA-1, six digits, another one every 30 seconds.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

/// Bytes of a secret: what RFC 4226 section 4 recommends.
pub(super) const SECRET: usize = 20;
/// Seconds for which a code is shown.
pub(super) const STEP: u64 = 30;

/// The step that a code is of, if it is that of this moment (in seconds since the Unix epoch), the one before or the
/// one after: clocks differ, and people type slowly.
pub(super) fn step_of(secret: &[u8], given: &str, now: u64) -> Option<u64> {
    let step = now / STEP;
    let near = [step.saturating_sub(1), step, step.saturating_add(1)];
    // All are looked at, so that the time it takes does not say which it was.
    near.into_iter().fold(None, |found, step| {
        let is_it = verify_slices_are_equal(code(secret, step).as_bytes(), given.as_bytes()).is_ok();
        if is_it { Some(step) } else { found }
    })
}

/// The code of a step.
fn code(secret: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    // RFC 4226 section 5.3: the last four bits say where the number begins.
    let offset = tag.last().map_or(0, |last| usize::from(last & 0xf));
    let number = tag
        .iter()
        .skip(offset)
        .take(4)
        .fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

/// Base 32 without padding (RFC 4648 section 6), as authenticators read secrets.
pub(super) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let mut push = |five: u32| text.extend(LETTERS.get((five & 31) as usize).map(|letter| char::from(*letter)));
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            push(bits >> count);
        }
    }
    if count > 0 {
        push(bits << (5 - count));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: time and the last six of its eight digits.
    const VECTORS: [(u64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];
    const KEY: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (now, expected) in VECTORS {
            assert_eq!(code(KEY, now / STEP), expected, "{now}");
        }
    }

    #[test]
    fn one_step_of_difference_is_let_pass_and_two_are_not() {
        // The first one is too near to the beginning of time.
        for (now, given) in VECTORS.into_iter().skip(1) {
            let step = now / STEP;
            let first = step * STEP;
            for (at, is_right) in [
                (first.saturating_sub(31), false),
                (first.saturating_sub(30), true),
                (first, true),
                (first + 29, true),
                (first + 59, true),
                (first + 60, false),
            ] {
                assert_eq!(step_of(KEY, given, at), is_right.then_some(step), "{now} at {at}");
            }
        }
        for wrong in ["", "287", "2870820", "28708２", "000000"] {
            assert_eq!(step_of(KEY, wrong, 59), None, "{wrong}");
        }
    }

    #[test]
    fn secrets_are_written_as_authenticators_read_them() {
        // RFC 4648, section 10.
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }
}
