//! What is new each time: ids and random bytes.

use std::sync::{Mutex, PoisonError};

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};

use crate::error::ApiError;

/// Milliseconds since the Unix epoch.
pub(crate) fn now_millis() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// The last id that was made here.
static LAST: Mutex<[u8; 20]> = Mutex::new([0; 20]);
/// The bytes of an id that tell the time, in steps of 4 ms.
const TIME: usize = 5;

/// A new id. Those of one node come in their order, also within one step of the time: whoever makes two objects finds
/// the second one first in lists.
///
/// # Errors
/// When the system gives no random bytes.
pub(crate) fn new_id(prefix: Prefix) -> Result<Id, ApiError> {
    let new = *Id::at_millis(prefix, now_millis(), random()?).bytes();
    let step: [u8; 4] = random()?;
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    *last = behind(*last, u32::from_be_bytes(step), new);
    Ok(Id::from_bytes(prefix, *last))
}

/// `new`, or if it is of the same time as `last`, what is behind `last` by a random step.
fn behind(last: [u8; 20], step: u32, new: [u8; 20]) -> [u8; 20] {
    let tail = |bytes: &[u8; 20]| {
        bytes
            .iter()
            .skip(TIME)
            .fold(0_u128, |n, byte| (n << 8) | u128::from(*byte))
    };
    if last.get(..TIME) != new.get(..TIME) || tail(&new) > tail(&last) {
        return new;
    }
    let mut bytes = new;
    let next = tail(&last) + 1 + u128::from(step);
    // A step of the time has room for 2^120: at its very end, which nobody meets, the order is not kept.
    for (byte, of) in bytes
        .iter_mut()
        .skip(TIME)
        .zip(next.to_be_bytes().into_iter().skip(16 - 15))
    {
        *byte = of;
    }
    bytes
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
    fn ids_of_one_node_come_in_their_order() {
        let (low, high) = ([1; 20], [2; 20]);
        assert_eq!(behind(low, 7, high), high);
        // An older time is another time.
        assert_eq!(behind(high, 7, low), low);
        let mut last = low;
        for step in [0, 7, u32::MAX] {
            let next = behind(last, step, [[1; 5].as_slice(), &[0; 15]].concat().try_into().unwrap());
            assert!(next > last && next[..TIME] == last[..TIME], "{next:?}");
            last = next;
        }
        let full = [0xFF; 20];
        assert_eq!(behind(full, 0, full)[..TIME], full[..TIME]);
    }

    #[test]
    fn a_hundred_thousand_ids_are_as_many() {
        let ids: std::collections::HashSet<Id> = (0..100_000).map(|_| new_id(Prefix::IpPolicy).unwrap()).collect();
        assert_eq!(ids.len(), 100_000);
    }
}
