//! Bodies on their way: encoded (`compress-response`), decoded for `…-find-replace`, cut into the messages of an event
//! stream. No I/O: bytes in, bytes out.

mod decode;
mod encode;
mod events;

pub(crate) use decode::{DecodeFault, decode, decode_begin};
pub use encode::{Coding, Encoder};
pub use events::{Event, EventStream, MAX_EVENT, Piece};
