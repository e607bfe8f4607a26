//! Certificates that are uploaded: what is read, checked and shown of them (control plane 2.3, edge 4.6).

mod chain;
mod facts;
mod pem;
mod private_key;
pub mod revoked;
pub mod server;
pub mod visitors;

use adit_names::code::ErrorCode;
use zeroize::Zeroizing;

use crate::problem::{Problem, shown};
use crate::timestamp::timestamp;

/// The certificates of a text, as DER.
fn certificates(text: &str, field: &str) -> Result<Vec<Zeroizing<Vec<u8>>>, Problem> {
    let blocks = pem::blocks(text)
        .map_err(|error| Problem::new(ErrorCode::NGROK_1920, field).value("error", error.to_string()))?;
    for block in &blocks {
        let code = match block.label.as_str() {
            label if label.ends_with("PRIVATE KEY") => ErrorCode::NGROK_1925,
            "CERTIFICATE" if block.has_headers => ErrorCode::NGROK_1910,
            "CERTIFICATE" => continue,
            _ => ErrorCode::NGROK_1911,
        };
        return Err(Problem::new(code, field).value("value", shown(&block.label)));
    }
    Ok(blocks.into_iter().map(|block| block.der).collect())
}

fn unusable(field: &str, error: impl Into<String>) -> Problem {
    Problem::new(ErrorCode::NGROK_1900, field).value("error", error)
}

/// Seconds since the Unix epoch as RFC 3339.
fn time(seconds: i64) -> String {
    timestamp(seconds.saturating_mul(1_000_000), false)
}
