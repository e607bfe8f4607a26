//! Times and spans as filters write them.

use jiff::Timestamp;

const SECOND: i64 = 1_000_000;

/// Microseconds since 1970 of an RFC 3339 text; a date alone is its midnight in UTC.
pub(super) fn micros(text: &str) -> Option<i64> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_microsecond());
    }
    let date = text.strip_suffix('Z').unwrap_or(text);
    let plain = date.len() == 10 && date.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    plain
        .then(|| format!("{date}T00:00:00Z").parse::<Timestamp>().ok())
        .flatten()
        .map(|at| at.as_microsecond())
}

/// Microseconds of `7d`, `24h`, `1h30m`, `90s`.
pub(super) fn span(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut number: Option<i64> = None;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                number = Some(
                    number
                        .unwrap_or(0)
                        .checked_mul(10)?
                        .checked_add(i64::from(byte - b'0'))?,
                );
            }
            unit => {
                let seconds = match unit {
                    b's' => 1,
                    b'm' => 60,
                    b'h' => 3_600,
                    b'd' => 86_400,
                    _ => return None,
                };
                let part = number.take()?.checked_mul(seconds)?.checked_mul(SECOND)?;
                total = total.checked_add(part)?;
            }
        }
    }
    (number.is_none() && !text.is_empty()).then_some(total)
}

/// The whole second that a time lies in.
pub(super) fn whole_second(micros: i64) -> i64 {
    micros.saturating_sub(micros.rem_euclid(SECOND))
}

/// The second after that one.
pub(super) fn next_second(micros: i64) -> i64 {
    whole_second(micros).saturating_add(SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(micros("1970-01-01T00:00:01Z"), Some(SECOND));
        assert_eq!(micros("1970-01-01T02:00:00.5+02:00"), Some(SECOND / 2));
        assert_eq!(micros("1970-01-02Z"), Some(86_400 * SECOND));
        assert_eq!(micros("1970-01-02"), Some(86_400 * SECOND));
        for wrong in [
            "",
            "Z",
            "1970",
            "1970-13-01",
            "1970-01-01T00:00",
            "1970-01-01T00:00:00",
            "today",
        ] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
        assert_eq!(whole_second(-1), -SECOND);
        assert_eq!(next_second(-1), 0);
        assert_eq!((whole_second(SECOND), next_second(SECOND)), (SECOND, 2 * SECOND));
    }

    #[test]
    fn spans() {
        assert_eq!(span("7d"), Some(7 * 86_400 * SECOND));
        assert_eq!(span("1h30m5s"), Some(5_405 * SECOND));
        for wrong in [
            "",
            "7",
            "d",
            "-1d",
            "1w",
            "1d2",
            "99999999999999999999d",
            "9999999999999d",
        ] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }
}
