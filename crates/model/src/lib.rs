//! What an organisation sets: one descriptor per kind of resource, and what is done alike for all of them.
//!
//! A kind is one file in [`kind`] and one line in [`catalogue`]: its fields with types, limits and defaults, what it
//! claims (names that only one object may have), what it refers to, which of its values are secrets, how it looks.
//! Everything else (reading a body, merging a change, checking types, documents, tests) follows from that and is
//! written once. There is no input and no clock here: what a check needs is in [`Context`].
//!
//! The way of a change: JSON ─▶ [`draft`] ─▶ [`Prepared`] ─▶ the store's gate.

pub mod catalogue;
mod claim;
mod context;
mod digest;
pub mod draft;
mod field;
pub mod kind;
mod object;
mod problem;
mod reference;
mod secret;
mod show;
pub mod timestamp;
mod value;

pub use claim::{Claim, Scope};
pub use context::Context;
pub use draft::Prepared;
pub use field::{Field, Form, Writable};
pub use kind::{Kind, Surface, View};
pub use object::Object;
pub use problem::{MAX_PROBLEMS, MAX_SHOWN, Problem, Problems};
pub use reference::{OnDelete, Reference};
pub use secret::{SecretForm, SecretValue};
pub use show::show;
