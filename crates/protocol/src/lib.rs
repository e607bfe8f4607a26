//! What agent and edge say to each other: data only.
//!
//! No sockets and no clock: bytes in, values out, and back. Both sides of a session use it.
//!
//! - [`typed_stream`]: the four bytes every stream starts with.
//! - [`json`]: one JSON value out of a growing buffer; field names in any case.
//! - [`message`]: the messages of a session, one file each.
//! - [`bind_address`]: which address a `Bind` asks for.
//! - [`proxy_header`]: what the edge says in front of a visitor's bytes.
//! - [`proxy_protocol`]: PROXY protocol v1 and v2, read and written.
//! - [`client_family`]: who the agent is, and which limits to keep toward it.
//! - [`capability`], [`control`]: what only Adit's own agent and server say.

pub mod bind_address;
pub mod capability;
pub mod client_family;
pub mod control;
pub mod json;
pub mod message;
pub mod proxy_header;
pub mod proxy_protocol;
pub mod typed_stream;

#[doc(hidden)]
pub mod fuzz;

pub use client_family::ClientFamily;
pub use message::{Error, Message};
pub use proxy_header::ProxyHeader;
pub use proxy_protocol::crc32c;
pub use typed_stream::StreamType;
