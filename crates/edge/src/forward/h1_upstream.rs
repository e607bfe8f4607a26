//! An upstream that speaks HTTP/1 over an agent's stream.

use std::io::IoSlice;
use std::task::{Context, Poll, ready};

use adit_cluster::AgentStream;
use adit_http1::{
    BodyDecoder, CHUNK_END, ChunkHead, FieldList, Framing, Head, LAST_CHUNK, Limits, Refusal, filter_trailers,
    last_chunk_with_trailers, response_framing,
};
use adit_mux::{StreamError, code};
use bytes::{Buf, Bytes, BytesMut};

use super::taking::{Taking, poll_watched};
use super::upstream::{Upstream, UpstreamError};

/// What becomes of a stream after its exchange.
pub(super) enum Rest {
    /// It may carry another request.
    Idle(AgentStream),
    /// It has served; to be ended in order.
    Ending(AgentStream),
    /// It was reset.
    Gone,
}

/// One exchange on one stream.
#[derive(Debug)]
pub(super) struct H1Upstream {
    stream: AgentStream,
    /// A stock agent has not shown yet that it took the stream.
    taking: Option<Taking>,
    /// Received and not yet taken.
    received: Bytes,
    /// The beginning of a head that came in several pieces.
    partial: BytesMut,
    /// Framing of the request's body.
    sending: Framing,
    /// Encoded bytes that the stream had no room for.
    unsent: BytesMut,
    finished: bool,
    is_head: bool,
    framing: Framing,
    body: Option<BodyDecoder>,
    answered: bool,
    ended: bool,
    keep_alive: bool,
}

impl H1Upstream {
    /// A stream on which the request's head has been sent; `unsent` is what it had no room for.
    pub(super) fn new(
        stream: AgentStream,
        taking: Option<Taking>,
        sending: Framing,
        is_head: bool,
        unsent: BytesMut,
    ) -> Self {
        Self {
            stream,
            taking,
            received: Bytes::new(),
            partial: BytesMut::new(),
            sending,
            unsent,
            finished: false,
            is_head,
            framing: Framing::None,
            body: None,
            answered: false,
            ended: false,
            keep_alive: false,
        }
    }

    /// The stream, and whether it may carry another request: response read to its end, request sent to its end,
    /// both sides willing.
    pub(super) fn into_rest(mut self) -> Rest {
        let sent = self.finished && self.unsent.is_empty();
        let clean = self.ended && self.received.is_empty() && self.partial.is_empty();
        if !sent {
            // Answered before the request was whole: the rest of it is nobody's.
            self.stream.reset(code::CANCELLED);
            Rest::Gone
        } else if clean && self.keep_alive && !self.stream.peer_finished() {
            Rest::Idle(self.stream)
        } else {
            Rest::Ending(self.stream)
        }
    }

    /// The stream and what was received behind a `101`.
    pub(super) fn into_raw(self) -> (AgentStream, Bytes) {
        (self.stream, self.received)
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        while !self.unsent.is_empty() {
            let n = ready!(self.stream.poll_send(cx, &self.unsent)).map_err(|e| failed(&e))?;
            self.unsent.advance(n);
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what there is room for and keeps the rest.
    fn send_parts(&mut self, cx: &mut Context<'_>, parts: &[&[u8]]) -> Result<(), UpstreamError> {
        let slices: smallvec::SmallVec<[IoSlice<'_>; 4]> = parts.iter().map(|p| IoSlice::new(p)).collect();
        let mut sent = match self.stream.poll_send_vectored(cx, &slices) {
            Poll::Ready(r) => r.map_err(|e| failed(&e))?,
            Poll::Pending => 0,
        };
        for part in parts {
            let skip = sent.min(part.len());
            sent -= skip;
            self.unsent.extend_from_slice(part.get(skip..).unwrap_or_default());
        }
        Ok(())
    }

    /// Reads the next chunk off the stream into `received`; false at its end.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, UpstreamError>> {
        match ready!(poll_watched(&mut self.stream, &mut self.taking, cx, |stream, cx| {
            stream.poll_chunk(cx)
        })) {
            Ok(Some(chunk)) => {
                self.answered = true;
                self.received = chunk;
                Poll::Ready(Ok(true))
            }
            Ok(None) => Poll::Ready(Ok(false)),
            Err(e) => Poll::Ready(Err(failed(&e))),
        }
    }

    /// Parses a head off what was received. `None`: more is needed.
    fn take_head(&mut self, head: &mut Head) -> Result<Option<()>, Refusal> {
        let limits = Limits::response();
        if self.partial.is_empty() {
            match head.parse_response(&self.received, &limits)? {
                Some(n) => self.received.advance(n),
                None => {
                    self.partial.extend_from_slice(&self.received);
                    self.received = Bytes::new();
                    return Ok(None);
                }
            }
        } else {
            let had = self.partial.len();
            self.partial.extend_from_slice(&self.received);
            match head.parse_response(&self.partial, &limits)? {
                Some(n) => {
                    self.received.advance(n.saturating_sub(had).min(self.received.len()));
                    self.partial = BytesMut::new();
                }
                None => {
                    self.received = Bytes::new();
                    return Ok(None);
                }
            }
        }
        Ok(Some(()))
    }
}

impl Upstream for H1Upstream {
    fn poll_send(&mut self, cx: &mut Context<'_>, data: &mut Bytes) -> Poll<Result<(), UpstreamError>> {
        ready!(self.poll_unsent(cx))?;
        if self.sending == Framing::Chunked {
            if !data.is_empty() {
                // The chunk is as large as what may be sent now, so that at most its frame is copied.
                let room = ready!(self.stream.poll_reserve(cx)).map_err(|e| failed(&e))?;
                let piece = data.split_to(data.len().min(room.max(1)));
                let head = ChunkHead::new(piece.len());
                self.send_parts(cx, &[head.as_bytes(), &piece, CHUNK_END])?;
                if !data.is_empty() {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        } else {
            while !data.is_empty() {
                let n = ready!(self.stream.poll_send(cx, data)).map_err(|e| failed(&e))?;
                data.advance(n);
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>, trailers: Option<&FieldList>) -> Poll<Result<(), UpstreamError>> {
        if !self.finished {
            self.finished = true;
            if self.sending == Framing::Chunked {
                match trailers {
                    Some(t) => {
                        let mut out = Vec::new();
                        last_chunk_with_trailers(t, &mut out);
                        self.unsent.extend_from_slice(&out);
                    }
                    None => self.unsent.extend_from_slice(LAST_CHUNK),
                }
            }
        }
        // The stream is not ended here: agents take an early FIN for a visitor that left.
        self.poll_unsent(cx)
    }

    fn poll_head(&mut self, cx: &mut Context<'_>, head: &mut Head) -> Poll<Result<(), UpstreamError>> {
        loop {
            if self.received.is_empty() && !ready!(self.poll_receive(cx))? {
                return Poll::Ready(Err(UpstreamError::Closed));
            }
            match self.take_head(head) {
                Ok(None) => continue,
                Ok(Some(())) => {}
                Err(r) => return Poll::Ready(Err(UpstreamError::Invalid(r))),
            }
            let status = head.status();
            if status >= 200 {
                let framing = response_framing(head, self.is_head).map_err(UpstreamError::Invalid)?;
                self.framing = framing;
                self.keep_alive = framing != Framing::UntilClose && adit_http1::is_persistent(head);
                self.body = Some(BodyDecoder::new(framing, &Limits::response()));
                self.ended = matches!(framing, Framing::None | Framing::Length(0));
            }
            return Poll::Ready(Ok(()));
        }
    }

    fn behind_head(&self) -> &[u8] {
        &self.received
    }

    fn framing(&self) -> Framing {
        self.framing
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, UpstreamError>> {
        loop {
            if self.ended {
                return Poll::Ready(Ok(None));
            }
            let Some(body) = &mut self.body else {
                return Poll::Ready(Ok(None));
            };
            if !self.received.is_empty() {
                let d = body.decode(&self.received).map_err(UpstreamError::Invalid)?;
                let data = self.received.slice(d.data);
                self.received.advance(d.consumed);
                self.ended = d.end;
                if !data.is_empty() {
                    return Poll::Ready(Ok(Some(data)));
                }
                if d.end || d.consumed > 0 {
                    continue;
                }
                // A piece of framing that is incomplete stays until more has come.
                let rest = std::mem::take(&mut self.received);
                self.partial.extend_from_slice(&rest);
            }
            let more = ready!(self.poll_receive(cx))?;
            if !more {
                let body = self.body.as_mut().map(BodyDecoder::finish_eof);
                return match body {
                    Some(Ok(())) => {
                        self.ended = true;
                        Poll::Ready(Ok(None))
                    }
                    _ => Poll::Ready(Err(UpstreamError::Closed)),
                };
            }
            if !self.partial.is_empty() {
                self.partial.extend_from_slice(&self.received);
                self.received = std::mem::take(&mut self.partial).freeze();
            }
        }
    }

    fn trailers(&mut self, response: &Head) -> Option<&FieldList> {
        let list = self.body.as_mut()?.trailers_mut()?;
        filter_trailers(list, response);
        Some(&*list).filter(|t| !t.is_empty())
    }

    fn has_answered(&self) -> bool {
        self.answered
    }

    fn abort(&mut self) {
        self.stream.reset(code::CANCELLED);
    }
}

/// What the failure of a stream means for an exchange.
pub(super) fn failed(e: &StreamError) -> UpstreamError {
    match e {
        StreamError::Reset(code::REFUSED | code::ACCEPT_QUEUE_FULL) => UpstreamError::Refused,
        StreamError::SessionLost => UpstreamError::SessionLost,
        _ => UpstreamError::Closed,
    }
}
