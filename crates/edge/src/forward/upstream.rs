//! The agent's side of one exchange, whatever version of HTTP its upstream speaks.

use std::task::{Context, Poll};

use adit_cluster::StreamFailure;
use adit_http1::{FieldList, Framing, Head, Refusal};
use bytes::Bytes;

/// Why the upstream's side failed.
#[derive(Debug)]
pub(crate) enum UpstreamError {
    /// Refused unprocessed (stream reset with REFUSED, agent's accept queue full): any request may go elsewhere.
    Refused,
    /// Closed or reset before or in the middle of the response.
    Closed,
    /// The agent said that it could not reach its upstream, and why.
    DialFailed(Box<StreamFailure>),
    /// The session ended.
    SessionLost,
    /// The answer is not HTTP.
    Invalid(Refusal),
    /// HTTP/2 was asked for and HTTP/1 came back.
    SpeaksHttp1,
}

/// Poll-shaped counterpart of a visitor.
pub(crate) trait Upstream: Send {
    /// Sends body bytes; ready when all of `data` is taken.
    fn poll_send(&mut self, cx: &mut Context<'_>, data: &mut Bytes) -> Poll<Result<(), UpstreamError>>;

    /// Ends the request's body.
    fn poll_finish(&mut self, cx: &mut Context<'_>, trailers: Option<&FieldList>) -> Poll<Result<(), UpstreamError>>;

    /// The next response head, interim ones included.
    fn poll_head(&mut self, cx: &mut Context<'_>, head: &mut Head) -> Poll<Result<(), UpstreamError>>;

    /// What has come behind the head that was just read, as far as it is known without reading on.
    fn behind_head(&self) -> &[u8] {
        &[]
    }

    /// How the body of the final response that was just read is framed.
    fn framing(&self) -> Framing;

    /// The next piece of the response's body; `None` is its end.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, UpstreamError>>;

    /// Trailers of the response, after the body's end: those that may pass. `response` is its head.
    fn trailers(&mut self, response: &Head) -> Option<&FieldList>;

    /// Whether any byte of a response has come.
    fn has_answered(&self) -> bool;

    /// The exchange is given up.
    fn abort(&mut self);
}
