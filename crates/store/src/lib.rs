//! The truth: everything that was set, durable, and in one order.
//!
//! All changes pass one gate ([`Store::write`]): in one transaction it takes the next positions, checks claims and
//! references, writes objects and secrets, and appends the entries of the log, chained by hash per organisation. What
//! was acknowledged is durable; positions have no gaps; nobody can see one half of a change. The log is change feed,
//! audit log and outbox at once. SQLite and PostgreSQL are driven by the same statements.

mod write;

pub use write::{Actor, Again, Change, Fact, Refusal, Source, Write, WriteError, Written};
