//! Byte classes, and the scans over them: eight bytes a step where it matters.

const TOKEN: u8 = 1;
const TEXT: u8 = 2;
const HOST: u8 = 4;

static CLASS: [u8; 256] = classes();

/// The table behind the class tests, made at compile time.
#[allow(clippy::indexing_slicing, reason = "the loop runs over exactly the 256 entries")]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        if b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            )
        {
            table[i] |= TOKEN;
        }
        if (b >= 0x20 && b != 0x7F) || b == b'\t' {
            table[i] |= TEXT;
        }
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_') {
            table[i] |= HOST;
        }
        i += 1;
    }
    table
}

#[allow(clippy::indexing_slicing, reason = "a u8 cannot point outside of 256 entries")]
#[inline]
fn class(b: u8) -> u8 {
    CLASS[b as usize]
}

/// tchar of RFC 9110 5.6.2.
#[inline]
pub(crate) fn is_token_byte(b: u8) -> bool {
    class(b) & TOKEN != 0
}

/// What may stand in a field value or reason phrase: HTAB, SP, VCHAR, obs-text.
#[inline]
pub(crate) fn is_text_byte(b: u8) -> bool {
    class(b) & TEXT != 0
}

/// What may stand in a host name: letters, digits, `-`, `.`, `_`.
#[inline]
pub(crate) fn is_host_byte(b: u8) -> bool {
    class(b) & HOST != 0
}

/// Whether `s` is a token of RFC 9110 5.6.2.
pub(crate) fn is_token(s: &[u8]) -> bool {
    !s.is_empty() && s.iter().all(|&b| is_token_byte(b))
}

/// Whether `s` may be a field value.
pub(crate) fn is_text(s: &[u8]) -> bool {
    text_len(s) == s.len()
}

/// Optional white space of RFC 9110 5.6.3.
#[inline]
pub(crate) const fn is_ows(b: u8) -> bool {
    b == b' ' || b == b'\t'
}

/// `s` without white space at its ends.
pub(crate) fn trim(mut s: &[u8]) -> &[u8] {
    while let [b, rest @ ..] = s
        && is_ows(*b)
    {
        s = rest;
    }
    while let [rest @ .., b] = s
        && is_ows(*b)
    {
        s = rest;
    }
    s
}

/// Length of the token that `s` begins with.
#[inline]
pub(crate) fn token_len(s: &[u8]) -> usize {
    s.iter().position(|&b| !is_token_byte(b)).unwrap_or(s.len())
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// High bit of each byte of `x` that is below `n` (≤ 128). Bytes above the
/// lowest hit may be marked falsely, the lowest never is.
#[inline]
const fn below(x: u64, n: u8) -> u64 {
    x.wrapping_sub(ONES * n as u64) & !x & HIGHS
}

/// The same for bytes equal to `n`.
#[inline]
const fn equal(x: u64, n: u8) -> u64 {
    below(x ^ (ONES * n as u64), 1)
}

/// Length of the run of [`is_text_byte`] that `s` begins with.
#[inline]
pub(crate) fn text_len(s: &[u8]) -> usize {
    let mut rest = s;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let x = u64::from_le_bytes(*chunk);
        let stop = below(x, 0x20) | equal(x, 0x7F);
        if stop == 0 {
            rest = tail;
            continue;
        }
        let n = (stop.trailing_zeros() / 8) as usize;
        if chunk.get(n) != Some(&b'\t') {
            return s.len() - rest.len() + n;
        }
        rest = rest.get(n + 1..).unwrap_or_default();
    }
    s.len() - rest.len() + rest.iter().position(|&b| !is_text_byte(b)).unwrap_or(rest.len())
}

/// What may stand in a request target: every visible ASCII byte but `#`.
#[inline]
pub(crate) const fn is_target_byte(b: u8) -> bool {
    b > 0x20 && b < 0x7F && b != b'#'
}

/// Length of the run of [`is_target_byte`] that `s` begins with.
#[inline]
pub(crate) fn target_len(s: &[u8]) -> usize {
    let mut rest = s;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let x = u64::from_le_bytes(*chunk);
        let stop = below(x, 0x21) | equal(x, 0x7F) | equal(x, b'#') | (x & HIGHS);
        if stop != 0 {
            return s.len() - rest.len() + (stop.trailing_zeros() / 8) as usize;
        }
        rest = tail;
    }
    s.len() - rest.len() + rest.iter().position(|&b| !is_target_byte(b)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fast_scans_agree_with_the_classes(s in proptest::collection::vec(any::<u8>(), 0..40), fill in 0x21u8..0x7F) {
            let mut padded = vec![fill; 13];
            padded.extend_from_slice(&s);
            for text in [&s, &padded] {
                prop_assert_eq!(text_len(text), text.iter().position(|&b| !is_text_byte(b)).unwrap_or(text.len()));
                prop_assert_eq!(target_len(text), text.iter().position(|&b| !is_target_byte(b)).unwrap_or(text.len()));
            }
        }
    }

    #[test]
    fn trim_takes_only_space_and_tab() {
        assert_eq!(trim(b" \t a b\t "), b"a b");
        assert_eq!(trim(b"\x0ba"), b"\x0ba");
        assert_eq!(trim(b"  "), b"");
    }
}
