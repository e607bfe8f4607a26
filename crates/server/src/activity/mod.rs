//! Activity on its way into the log (control plane 4.7): what agents and endpoints did, and what was refused to them,
//! is numbered and written to a spool on the disk of this node at once, and taken from there in batches into the `live`
//! chains of the log. A login or a bind waits for its spool, never for the database; while that is away activity stays
//! in the spool, also over a restart.
//!
//! `event` makes an activity of the log from an occurrence, `segment` is the form of the files, [`Spool`] writes them,
//! `ship` takes them into the store; `reserve` is room for them on a disk that is full.

mod event;
mod reserve;
mod segment;
mod ship;
mod spool;

#[cfg(test)]
mod tests;

pub(crate) use ship::ship;
pub(crate) use spool::{Spool, SpoolReader};
