//! TLS for the whole of Adit: the edge's public port, the agent's leg, relays between nodes.
//!
//! This is the only crate that knows rustls, and none of its types appear in the interface, so
//! that the library underneath can change without anybody noticing. The road of a connection:
//!
//! 1. [`client_hello`] looks at the first bytes without consuming them: name, ALPN, versions. The
//!    edge decides from that what to do (terminate, pass through, refuse with [`alert`]).
//! 2. A profile ([`ServerProfile`], [`ClientProfile`]) says *how* to speak; a [`Resolver`] says
//!    *as whom*, name by name, with an [`Identity`]. One profile serves any number of names.
//! 3. [`accept`] and [`connect`] shake hands. rustls does that part.
//! 4. [`Stream`] carries the bytes. After the handshake the traffic keys are taken out of rustls
//!    and records are opened and sealed by this crate, straight between buffers shared by all
//!    connections of a thread: no allocation and no extra copy per record, and an idle
//!    connection owns no buffer at all. Only `open` and `seal` know records.
//!
//! Session tickets are sealed with keys that depend on the profile ([`TicketKeys`]), so a ticket
//! never carries a client past a rule that was not in force when it was issued.

mod alert;
mod certificate;
pub mod client_hello;
mod error;
mod handshake;
mod identity;
mod open;
mod outbox;
mod profile;
mod record;
mod resolver;
mod schedule;
mod scratch;
mod seal;
mod stash;
mod stream;
mod ticket;

pub use alert::{alert, code as alert_code};
pub use error::{CertificateProblem, Error, ErrorKind, Side};
pub use handshake::{accept, connect};
pub use identity::Identity;
pub use outbox::kept_bytes;
pub use profile::{
    ClientAuth, ClientProfile, ClientProfileBuilder, ClientRoots, Roots, ServerProfile, ServerProfileBuilder, Version,
};
pub use resolver::Resolver;
pub use stream::{Parts, Stream};
pub use ticket::TicketKeys;
