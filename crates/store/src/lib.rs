//! The truth: everything that was set, durable, and in one order.
//!
//! All changes pass one gate ([`Store::write`]): in one transaction it takes the next positions, checks claims and
//! references, writes objects and secrets, and appends the entries of the log, chained by hash per organisation. What
//! was acknowledged is durable; positions have no gaps; nobody can see one half of a change. The log is change feed,
//! audit log and outbox at once. SQLite and PostgreSQL are driven by the same statements.
//!
//! ```text
//! write ─▶ gate (≤ 64 at once) ─▶ desk: read, check, change ─▶ flush ─▶ commit ─▶ answers, wake-up
//!                                                                          └─▶ feed ─▶ snapshot, access, events
//! ```

pub mod activity;
pub mod backup;
mod claim;
mod error;
mod feed;
mod file;
mod gate;
mod id;
mod index;
pub mod log;
mod master_key;
mod migrate;
mod object;
mod page;
mod read_only;
mod refer;
mod secret;
mod sql;
mod store;
mod supervise;
mod work;
mod write;
mod writer;

pub use error::{OpenError, StoreError};
pub use feed::{Changed, Everything, Feed};
pub use master_key::{KeyPlaces, MasterKey};
pub use page::{Column, Op, Page, Term, Value};
pub use store::{Engine, Options, Store};
pub use work::{Item, Work};
pub use write::{Actor, Again, Change, Fact, Refusal, Remake, Source, Write, WriteError, Written};

/// The PostgreSQL of the tests.
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "a helper of tests, of which these need a part"
)]
#[path = "../tests/it/postgres.rs"]
mod server;

/// Bytes as digits.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a `String` cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Digits as bytes.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}
