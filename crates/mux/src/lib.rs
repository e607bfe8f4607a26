//! Stream multiplexing (muxado framing): a sans-I/O core and a thin driver.
//!
//! One connection carries many streams. [`session()`] makes the three parts of a session: a
//! [`Session`] opens streams, an [`Incoming`] yields the streams the peer opens, a [`Driver`] moves
//! bytes between the session and one `AsyncRead + AsyncWrite`. The wire format and every rule are
//! those of agent protocol 2; the decisions (limits, ids, windows, heartbeat, what to answer to a
//! peer that breaks a rule) are made in [`session::Core`], which knows neither sockets nor clocks.
//!
//! The road of a frame, outward: [`Stream::poll_send`] takes the session's lock once and encodes
//! straight into one flat buffer; the driver swaps that buffer for an empty one and makes one write
//! of it, outside the lock. Inward: the driver reads up to 64 KiB, the core cuts it into frames and
//! puts the payloads into the streams' inboxes, and each stream's task is woken at most once.
//!
//! This crate is a leaf: it knows nothing of messages, HTTP or TLS. The first four bytes of a
//! stream are its type; only the heartbeat type (0xFFFFFFFF) is handled here, all others are left
//! in the data.

// Under loom only the driver's gate is built: that is what the model checks.
#[cfg(not(loom))]
mod adapter;
#[cfg(not(loom))]
pub mod budget;
#[cfg(not(loom))]
pub mod code;
#[cfg(not(loom))]
mod config;
#[cfg(not(loom))]
mod driver;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod flood;
#[cfg(not(loom))]
pub mod frame;
#[cfg(not(loom))]
mod fuzz;
#[cfg(not(loom))]
mod handle;
#[cfg(not(loom))]
mod heartbeat;
#[cfg(not(loom))]
mod ids;
#[cfg(not(loom))]
mod inbox;
#[cfg(not(loom))]
mod schedule;
#[cfg(not(loom))]
pub mod session;
#[cfg(not(loom))]
mod stream;
#[cfg(not(loom))]
mod wait;
#[cfg(not(loom))]
mod window;

#[cfg(loom)]
#[path = "driver/gate.rs"]
mod gate;

#[cfg(not(loom))]
pub use {
    budget::Budget,
    config::{Config, Growth, Heartbeat, Role},
    driver::Driver,
    error::{CloseReason, OpenError, StreamError},
    fuzz::fuzz_frames,
    handle::{Capacity, Closed, Incoming, Session, Stream, session},
    session::{Counters, RIDER_MAX},
};
