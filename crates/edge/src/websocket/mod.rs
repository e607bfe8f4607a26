//! WebSockets that end at the edge (`websocket-tcp`, edge 7.6): what visitors send in messages is bytes to the agent's
//! service, and what comes back is sent in binary messages. No extensions.
//!
//! * [`frames`] reads and writes frames (RFC 6455, section 5), without I/O and without holding a message.
//! * [`io`] is a visitor's connection whose messages are read and written as bytes, for the relay of other connections.

mod frames;
mod io;
mod text;

pub(crate) use frames::code;
pub(crate) use io::Messages;
