//! Timestamps as answers show them (control plane 1.2).

use jiff::Timestamp;

/// What is shown for a time that was never set.
pub const NEVER: &str = "0001-01-01T00:00:00Z";

/// Microseconds since the Unix epoch as RFC 3339 in UTC: whole seconds, or with all six digits of the fraction. Times
/// that no calendar has are shown as [`NEVER`].
#[must_use]
pub fn timestamp(micros: i64, fraction: bool) -> String {
    match Timestamp::from_microsecond(micros) {
        Ok(time) if fraction => format!("{time:.6}"),
        Ok(_) => match Timestamp::from_second(micros.div_euclid(1_000_000)) {
            Ok(time) => time.to_string(),
            Err(_) => NEVER.to_owned(),
        },
        Err(_) => NEVER.to_owned(),
    }
}

/// The canonical form of a timestamp with any offset, and its microseconds; `None` if it is none.
#[must_use]
pub fn canonical(text: &str) -> Option<(String, i64)> {
    if text.len() > 64 {
        return None;
    }
    let micros = text.parse::<Timestamp>().ok()?.as_microsecond();
    let time = Timestamp::from_microsecond(micros).ok()?;
    Some((time.to_string(), micros))
}

/// Microseconds of a timestamp that [`canonical`] made.
#[must_use]
pub fn micros(text: &str) -> Option<i64> {
    canonical(text).map(|(_, micros)| micros)
}
