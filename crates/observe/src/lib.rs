//! What happened, said once: every occurrence is one struct with one `emit`.
//!
//! The road of a request fills a [`RequestOutcome`] (or a [`ConnectionOutcome`]) and hands it to its
//! [`Worker`] at the end, also when it was aborted. From that one call come the counters
//! ([`Observer::metrics`]), and a compact record in the worker's ring, from which a thread of its own makes
//! the access log. Rare things ([`Activity`]: agents and endpoints on and off line) go to bounded
//! subscriptions, refusals ([`Refusal`]) are counted at once and merged before they become events, so that
//! an attacker owns neither the log nor the bill of whoever stores events.
//!
//! Three rules hold everywhere here:
//! - Nothing that observes makes traffic wait: every queue is bounded, a full one drops and counts.
//! - [`Worker::request`] allocates nothing: counters are arrays indexed by small enums, the ring's memory is
//!   taken once.
//! - Values of labels are bounded: enums, never a host, path, address or user.
//!
//! ```text
//! worker ── request(&outcome) ──▶ counters (its own cells)            ──▶ metrics text
//!                             └─▶ ring (256 KiB, full = counted drop)
//!                                   └─▶ thread "adit-observe" (each 50 ms) ──▶ line ──▶ queue ──▶ thread "adit-log" ──▶ stdout
//! refusal ──▶ counter, merge table ──┘ each second                    └─▶ subscriptions
//! ```

mod activity;
pub mod audit;
mod drain;
mod emit;
mod label;
mod log;
mod merge;
mod metrics;
mod observer;
mod outcome;
mod record;
mod redact;
mod ring;

pub use activity::endpoint::{EndpointFacts, EndpointReason, EndpointTransition};
pub use activity::refusal::{CertificateSummary, Refusal, RefusalSummary, RefusedCertificate};
pub use activity::session::{AgentSession, SessionChange};
pub use activity::{Activity, ActivityEvent, ActivitySubscription, ActivityTap};
pub use emit::{OpenConnection, OpenStream, Parked, Worker};
pub use label::{
    AgentClient, AttackKind, BufferAction, BufferHolder, CodeClass, ConnectionProtocol, EndpointScheme, EndpointStatus,
    EndpointType, GlitchKind, HandshakeResult, Listener, Method, Outcome, ParkResult, Protocol, RefusalKind,
    RefusalReason, RetryReason, Reuse, Side, StopCode, StreamFailure, TlsVersion,
};
pub use metrics::collect::NodeValue;
pub use metrics::text::Format;
pub use observer::{AccessLog, Destination, Observer, Options};
pub use outcome::connection::{ConnectionOutcome, ConnectionTimings, Relayed};
pub use outcome::policy::{Decided, Policies, PolicyFact, PolicyFacts, PolicyVerdict};
pub use outcome::request::{RequestOutcome, Timings};
pub use outcome::session::SessionOutcome;
pub use outcome::{Target, Visitor};
