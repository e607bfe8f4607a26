//! Reading JSON as the session protocol wants it (agent protocol 3.1).
//!
//! - A request is not ended by FIN, and may come byte by byte: [`Scanner`] finds the end of one
//!   object in a growing buffer without reading it again; what follows is ignored.
//! - Field names match in any case, the last duplicate wins, `null` is absent: [`from_slice`] and
//!   [`from_value`] read any `Deserialize` type so, at every level, by mapping received names onto
//!   the names the type asks for. Keys of maps and free-form values are left as they are.

mod fold;
mod scan;

pub use fold::{FieldError, from_slice, from_value};
pub use scan::{Reader, Scanner};

/// Largest message in bytes.
pub const MAX_SIZE: usize = 1 << 20;
/// Deepest nesting of objects and arrays.
pub const MAX_DEPTH: usize = 32;
