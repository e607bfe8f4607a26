//! SHA-256.

use aws_lc_rs::digest::{SHA256, digest as compute};

/// SHA-256 of some bytes.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(compute(&SHA256, bytes).as_ref()) {
        *to = *from;
    }
    out
}
