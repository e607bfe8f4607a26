//! Stored resources: what all kinds have in common, written once over [`adit_model`] and `adit_store`.

pub(crate) mod routes;
mod subject;

pub(crate) use subject::Subject;
