//! What the program prints: lines about a running agent, and failures.

pub(crate) mod document;
pub(crate) mod event;
pub(crate) mod failure;
pub(crate) mod line;
pub(crate) mod printer;
