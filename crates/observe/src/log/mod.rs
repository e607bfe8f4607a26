//! The access log: one line for each finished exchange or connection, and one for each activity.

pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod policy;
pub(crate) mod pretty;

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// A time as RFC 3339 in UTC with microseconds.
pub(crate) fn timestamp(at: SystemTime) -> String {
    format!("{:.6}", instant(at))
}

/// A time for jiff; times it cannot hold are the epoch.
fn instant(at: SystemTime) -> Timestamp {
    at.duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_micros()).ok())
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Bytes as text; what is not UTF-8 becomes U+FFFD.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn timestamps() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_709_209_800_000_001, "2024-02-29T12:30:00.000001Z"),
            (1_795_532_400_123_456, "2026-11-24T15:00:00.123456Z"),
            (u64::MAX, "1970-01-01T00:00:00.000000Z"),
        ] {
            let at = UNIX_EPOCH.checked_add(Duration::from_micros(micros)).unwrap();
            assert_eq!(timestamp(at), text);
        }
    }
}
