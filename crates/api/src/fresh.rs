//! What is new each time: ids and random bytes.

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};

use crate::error::ApiError;

/// Milliseconds since the Unix epoch.
pub(crate) fn now_millis() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// A new id.
///
/// # Errors
/// When the system gives no random bytes.
pub(crate) fn new_id(prefix: Prefix) -> Result<Id, ApiError> {
    Ok(Id::at_millis(prefix, now_millis(), random()?))
}

/// Random bytes.
///
/// # Errors
/// When the system gives none.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], ApiError> {
    let mut bytes = [0; N];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => {
            tracing::error!("the system gives no random bytes");
            Err(ApiError::new(ErrorCode::NGROK_10000, &[]))
        }
    }
}

/// A short text by which two texts are told apart.
pub(crate) fn mark_of(text: &str) -> String {
    use base64::Engine as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

/// Microseconds since the Unix epoch.
pub(crate) fn now_micros() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_thousand_ids_are_as_many() {
        let ids: std::collections::HashSet<Id> = (0..100_000).map(|_| new_id(Prefix::IpPolicy).unwrap()).collect();
        assert_eq!(ids.len(), 100_000);
    }
}
