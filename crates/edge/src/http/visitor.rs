//! The visitor's side of one exchange, whatever version of HTTP it speaks.

use std::task::{Context, Poll};

use adit_http1::{FieldList, Framing, Head, Refusal};
use bytes::Bytes;

use crate::forward::Pinned;

/// Why the visitor's side failed.
#[derive(Debug)]
pub(crate) enum VisitorError {
    /// Left: connection or stream closed, reset, or write failed.
    Gone,
    /// Sent a body that is not HTTP.
    Refused(Refusal),
    /// Sent its body too slowly.
    TooSlow,
}

/// How the length of a response body is known on the upstream's side.
pub(crate) type ResponseFraming = Framing;

/// Poll-shaped, so that one task can drive visitor and agent stream without channels between them.
///
/// What is sent is queued; nothing leaves before [`poll_flush`](Self::poll_flush), so that a head and the first
/// bytes of its body leave in one write.
pub(crate) trait Visitor: Send {
    /// The next piece of the request's body; `None` is its end.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, VisitorError>>;

    /// Trailers of the request, after the body's end.
    fn take_trailers(&mut self) -> Option<FieldList>;

    /// Whether the request's body has been read to its end.
    fn body_done(&self) -> bool;

    /// Resolves when the visitor has left. With `end_is_leaving` also when it has merely ended its side.
    fn poll_gone(&mut self, cx: &mut Context<'_>, end_is_leaving: bool) -> Poll<()>;

    /// Queues an interim response (1xx).
    fn send_interim(&mut self, head: &Head) -> Result<(), VisitorError>;

    /// Queues the head of the final response. `body` says how the length is known; `no_body` that none follows
    /// whatever the head says (HEAD, 204, 304).
    fn send_head(&mut self, head: &mut Head, body: ResponseFraming, no_body: bool) -> Result<(), VisitorError>;

    /// Room for more data?
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), VisitorError>>;

    /// Queues body bytes; only after `poll_ready`.
    fn send_data(&mut self, data: Bytes) -> Result<(), VisitorError>;

    /// Queues the end of the response.
    fn send_end(&mut self, trailers: Option<&FieldList>) -> Result<(), VisitorError>;

    /// Writes out what is queued.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), VisitorError>>;

    /// The response cannot be completed: the visitor must see that it is broken.
    fn break_off(&mut self);

    /// The place for the stream that belongs to the visitor's connection; none where requests share one at once.
    fn pinned(&mut self) -> Option<&mut Option<Pinned>> {
        None
    }

    /// Body bytes received and sent so far in this exchange.
    fn counted(&self) -> (u64, u64);
}
