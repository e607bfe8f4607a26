//! Metrics: counters in arrays, one set of cells per worker, added up when somebody asks.

pub(crate) mod cell;
pub(crate) mod cells;
pub(crate) mod collect;
pub(crate) mod policies;
pub(crate) mod text;
