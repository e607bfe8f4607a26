//! HTTP/1 codec: strict, sans-I/O, for both sides of the road.
//!
//! The visitor's connection, the agent's stream and the agent's upstream all
//! speak through this crate. It repairs nothing: a message is accepted as
//! RFC 9112 writes it, or it is refused, because every repair is a chance for
//! two parsers on one road to see two different messages.
//!
//! The road of a message:
//!
//! 1. [`Head::parse_request`] / [`Head::parse_response`] turn bytes into a
//!    [`Head`]: spans into an owned, reusable buffer, with a [`Known`] id per
//!    field. HTTP/2 heads become the same `Head` by [`Head::start_request`].
//! 2. [`request_framing`] / [`response_framing`] say how the body ends,
//!    [`BodyDecoder`] finds its bytes without copying them.
//! 3. Edits ([`Head::set`], [`Head::remove`], [`strip_hop_by_hop`]…) are an
//!    overlay; [`Head::encode_request`] / [`Head::encode_response`] write the
//!    message anew in one pass.
//!
//! What is wrong is a [`Refusal`]: one reason, which knows its status and code.
//!
//! ```
//! use adit_http1::{BodyDecoder, Head, Known, Limits, request_framing, strip_hop_by_hop};
//!
//! let received = b"POST /a HTTP/1.1\r\nHost: b\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";
//! let limits = Limits::request();
//! let mut head = Head::new();
//! let Some(body_at) = head.parse_request(received, &limits)? else { return Ok(()) };
//! assert_eq!(head.get(Known::Host), Some(&b"b"[..]));
//!
//! let mut body = BodyDecoder::new(request_framing(&head)?, &limits);
//! let step = body.decode(&received[body_at..])?;
//! assert_eq!((step.data, step.end), (0..3, true));
//!
//! strip_hop_by_hop(&mut head, false);
//! head.push(b"Via", b"1.1 adit");
//! let mut out = Vec::new();
//! head.encode_request(&mut out);
//! assert_eq!(out, b"POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\nVia: 1.1 adit\r\n\r\n");
//! # Ok::<(), adit_http1::Refusal>(())
//! ```
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

mod body;
mod chunked;
mod date;
mod encode;
mod field;
mod framing;
#[doc(hidden)]
pub mod fuzz;
mod head;
mod hop;
mod interim;
mod known;
mod limits;
mod parse;
mod refuse;
mod scan;
mod status;
mod target;
mod trailer;

pub use body::{BodyDecoder, Decoded};
pub use chunked::{CHUNK_END, ChunkHead, LAST_CHUNK, chunk_head, last_chunk_with_trailers};
pub use date::{DateCache, imf_fixdate};
pub use encode::train_case;
pub use field::{FieldList, Name, token_list};
pub use framing::{Framing, remove_forbidden_length, request_framing, response_framing, set_framing};
pub use head::{Head, Version};
pub use hop::{connection_nominated, is_hop_by_hop, is_persistent, strip_hop_by_hop, upgrade};
pub use interim::{CONTINUE, Expectation, MAX_INTERIM, expectation, is_interim};
pub use known::{Known, is_adit_name, is_identity_name};
pub use limits::Limits;
pub use refuse::{Refusal, RefusalKind, Side};
pub use status::reason_phrase;
pub use target::{Form, is_valid_host};
pub use trailer::{filter_trailers, is_forbidden_trailer};
