//! Lengths of time as people write them.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// The longest that is taken: ten years.
const MAX: u64 = 10 * 366 * 86_400;

/// A length of time: `10s`, `500ms`, `5m`, `72h`, `7d`; `0` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(Duration);

impl Time {
    /// As the rest of the program has it.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = Time;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time with its unit as in 500ms, 10s, 5m, 72h or 7d")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Time, E> {
        match number {
            0 => Ok(Time(Duration::ZERO)),
            _ => Err(E::invalid_value(Unexpected::Unsigned(number), &self)),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Time, E> {
        match number {
            0 => Ok(Time(Duration::ZERO)),
            _ => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
        read(text)
            .map(Time)
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

fn read(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let time = match unit.trim_start() {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(3_600)?),
        "d" => Duration::from_secs(number.checked_mul(86_400)?),
        "" if number == 0 => Duration::ZERO,
        _ => return None,
    };
    (time.as_secs() <= MAX).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units() {
        for (text, seconds) in [
            ("10s", 10.0),
            ("500 ms", 0.5),
            ("5m", 300.0),
            ("72h", 259_200.0),
            ("7d", 604_800.0),
            ("0", 0.0),
        ] {
            assert_eq!(read(text).map(|t| t.as_secs_f64()), Some(seconds), "{text}");
        }
        for text in [
            "",
            "10",
            "s",
            "-1s",
            "1.5s",
            "1y",
            "99999999999h",
            "99999999999999999999s",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
