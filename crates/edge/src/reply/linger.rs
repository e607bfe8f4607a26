//! Lingering close: what a refused visitor still sends is read and thrown away for a moment, because closing
//! over unread bytes sends a RST, and a RST may overtake the answer.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Most bytes that are read and thrown away.
const LIMIT: usize = 64 * 1024;
/// Longest time for that.
const TIME: Duration = Duration::from_secs(1);

/// Reads `io` to its end, 64 KiB or one second, whichever comes first.
pub(crate) async fn linger<IO: AsyncRead + Unpin>(io: &mut IO) {
    let drain = async {
        let mut left = LIMIT;
        let mut waste = [0; 2048];
        while left > 0 {
            match io.read(&mut waste).await {
                Ok(0) | Err(_) => return,
                Ok(n) => left = left.saturating_sub(n),
            }
        }
    };
    // The end of the time is as good as the end of the bytes.
    let _ = tokio::time::timeout(TIME, drain).await;
}
