//! What the edge itself answers: refusals and failures, each with its code, in the form the visitor asked for.

mod answer;
mod linger;
mod page;

pub(crate) use answer::{Answer, Form};
pub(crate) use linger::linger;
