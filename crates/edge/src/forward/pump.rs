//! Moves one exchange: the request's body toward the agent, the response toward the visitor, both at once, in
//! one task. Whatever was read is written in the same turn; nothing waits for more.

use std::task::{Context, Poll, ready};

use adit_http1::{FieldList, Head, Version, filter_trailers};
use bytes::{Bytes, BytesMut};

use crate::http::{Visitor, VisitorError};
use crate::reply::Answer;
use crate::timer::Deadline;

use super::body::Begun;
use super::response_head;
use super::upstream::{Upstream, UpstreamError};
use super::websocket;

/// Most interim responses per exchange.
const INTERIM_MAX: u32 = 16;
/// A body up to this size is kept until an answer begins, so that the request can be sent again.
pub(super) const HOLD_MAX: usize = 64 * 1024;

/// How moving ended.
#[derive(Debug)]
pub(super) enum End {
    /// The response is complete and flushed.
    Complete,
    /// `101`: its head is flushed, raw bytes follow.
    Upgraded,
    /// The head of the final response stands in `response` and waits for [`Pump::send_head`]; only if it is governed.
    Head,
    /// A policy answers in place of the upstream. Made by whoever pumps.
    Replaced(Answer),
    /// A policy ends the connection. Made by whoever pumps.
    Closed,
    Visitor(VisitorError),
    Upstream(UpstreamError),
}

/// What the request asked that matters while moving.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) is_head: bool,
    pub(super) upgrade: bool,
    /// The visitor waits for `100 Continue`; sent by us when the upstream says nothing for a second.
    pub(super) expects_continue: bool,
    /// The stream becomes a tunnel once it is answered (extended CONNECT).
    pub(super) tunnel: bool,
    /// Interim responses may be sent (not to HTTP/1.0).
    pub(super) interim: bool,
    /// The response is looked at by policies before it goes to the visitor.
    pub(super) governed: bool,
    /// The visitor takes trailers: HTTP/2, or HTTP/1 with `TE: trailers`.
    pub(super) trailers: bool,
}

enum Up {
    /// Reading the visitor.
    Body,
    Send(Bytes),
    Finish,
    Done,
}

enum Down {
    Head,
    /// The head was read and is the policies' now.
    Judged,
    Body,
    Flush {
        upgraded: bool,
    },
}

/// The state of one attempt.
pub(super) struct Pump<'a, V, U> {
    pub(super) visitor: &'a mut V,
    pub(super) upstream: &'a mut U,
    pub(super) request: &'a Head,
    pub(super) response: &'a mut Head,
    wanted: Wanted,
    edit: response_head::Edit<'a>,
    up: Up,
    down: Down,
    /// What an earlier attempt had read, if something else goes first.
    behind: Bytes,
    trailers: Option<FieldList>,
    interim: u32,
    continue_sent: bool,
    /// The body sent so far, while it may be needed again.
    pub(super) held: Option<BytesMut>,
    deadline: Option<&'a Deadline>,
    /// Microseconds from the start to the first byte of the response.
    pub(super) first_byte: Option<std::time::Instant>,
}

impl<'a, V: Visitor, U: Upstream> Pump<'a, V, U> {
    /// `replay` is what an earlier attempt had read of the body already.
    #[allow(clippy::too_many_arguments, reason = "the parts of one exchange")]
    pub(super) fn new(
        visitor: &'a mut V,
        upstream: &'a mut U,
        request: &'a Head,
        response: &'a mut Head,
        wanted: Wanted,
        edit: response_head::Edit<'a>,
        replay: Option<BytesMut>,
        deadline: Option<&'a Deadline>,
    ) -> Self {
        let up = match &replay {
            // What follows the head of a tunnel is not a body: it waits for the answer.
            _ if wanted.tunnel => Up::Finish,
            Some(b) if !b.is_empty() => Up::Send(Bytes::copy_from_slice(b)),
            _ => Up::Body,
        };
        Self {
            visitor,
            upstream,
            request,
            response,
            wanted,
            edit,
            up,
            down: Down::Head,
            behind: Bytes::new(),
            trailers: None,
            interim: 0,
            continue_sent: false,
            held: replay,
            deadline,
            first_byte: None,
        }
    }

    /// The same with what policies have read of the body, before all that is read now.
    pub(super) fn beginning_with(mut self, begun: Begun) -> Self {
        if !begun.bytes.is_empty()
            && !self.wanted.tunnel
            && let Up::Send(replay) = std::mem::replace(&mut self.up, Up::Send(begun.bytes))
        {
            self.behind = replay;
        }
        self.trailers = begun.trailers;
        self
    }

    /// Whether the head of the final response went to the visitor.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.down, Down::Head | Down::Judged)
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        // The response first: it is what most wake-ups are for, and an early answer makes the rest moot.
        let down = self.poll_down(cx);
        if let Poll::Ready(end) = down {
            return Poll::Ready(end);
        }
        match self.poll_up(cx) {
            Ok(()) => {}
            Err(end) => return Poll::Ready(end),
        }
        if self.visitor.poll_gone(cx, false).is_ready() {
            return Poll::Ready(End::Visitor(VisitorError::Gone));
        }
        Poll::Pending
    }

    fn poll_up(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        loop {
            match &mut self.up {
                Up::Body => match self.visitor.poll_body(cx) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Ok(Some(data))) => {
                        self.hold(&data);
                        self.up = Up::Send(data);
                    }
                    Poll::Ready(Ok(None)) => {
                        if let Some(trailers) = self.visitor.take_trailers() {
                            self.trailers = Some(trailers);
                        }
                        // HTTP/2 has no need to announce them.
                        if let Some(t) = &mut self.trailers
                            && self.request.version() != Version::Http2
                        {
                            filter_trailers(t, self.request);
                        }
                        self.up = Up::Finish;
                    }
                    Poll::Ready(Err(e)) => return Err(End::Visitor(e)),
                },
                Up::Send(data) => match self.upstream.poll_send(cx, data) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Ok(())) if self.behind.is_empty() => self.up = Up::Body,
                    Poll::Ready(Ok(())) => self.up = Up::Send(std::mem::take(&mut self.behind)),
                    Poll::Ready(Err(e)) => return self.up_failed(e),
                },
                Up::Finish => match self.upstream.poll_finish(cx, self.trailers.as_ref()) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Ok(())) => self.up = Up::Done,
                    Poll::Ready(Err(e)) => return self.up_failed(e),
                },
                Up::Done => return Ok(()),
            }
        }
    }

    /// The request could not be sent whole. If an answer has begun it goes on: an upstream may well answer
    /// early and stop reading.
    fn up_failed(&mut self, e: UpstreamError) -> Result<(), End> {
        self.up = Up::Done;
        if matches!(self.down, Down::Head) && !self.upstream.has_answered() {
            Err(End::Upstream(e))
        } else {
            Ok(())
        }
    }

    fn hold(&mut self, data: &[u8]) {
        if let Some(held) = &mut self.held {
            if held.len() + data.len() > HOLD_MAX || self.first_byte.is_some() {
                self.held = None;
            } else {
                held.extend_from_slice(data);
            }
        }
    }

    fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let step = match self.down {
                Down::Head => self.poll_head(cx),
                Down::Judged => return Poll::Ready(End::Head),
                Down::Body => self.poll_body(cx),
                Down::Flush { upgraded } => {
                    return match ready!(self.visitor.poll_flush(cx)) {
                        Ok(()) if upgraded => Poll::Ready(End::Upgraded),
                        Ok(()) => Poll::Ready(End::Complete),
                        Err(e) => Poll::Ready(End::Visitor(e)),
                    };
                }
            };
            match step {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(end)) => return Poll::Ready(end),
                Poll::Pending => {
                    // Nothing more now: what is queued leaves in this turn.
                    if let Poll::Ready(Err(e)) = self.visitor.poll_flush(cx) {
                        return Poll::Ready(End::Visitor(e));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        match self.upstream.poll_head(cx, self.response) {
            Poll::Pending => {
                if let Some(deadline) = self.deadline
                    && !self.continue_sent
                    && deadline.poll_expired(cx).is_ready()
                {
                    deadline.clear();
                    self.response.start_response(100);
                    self.continue_sent = true;
                    if let Err(e) = self.visitor.send_interim(self.response) {
                        return Poll::Ready(Err(End::Visitor(e)));
                    }
                }
                return Poll::Pending;
            }
            Poll::Ready(Err(e)) => return Poll::Ready(Err(End::Upstream(e))),
            Poll::Ready(Ok(())) => {}
        }
        if self.first_byte.is_none() {
            self.first_byte = Some(std::time::Instant::now());
            if self.held.is_some() && !matches!(self.up, Up::Body) {
                self.held = None;
            }
        }
        let status = self.response.status();
        if status == 101 {
            // The visitor of a tunnel sees no key and no answer to it: they are between the upstream and us.
            let is_answered = !self.wanted.tunnel || websocket::is_accepted(self.request, self.response);
            if !self.wanted.upgrade || !is_answered {
                return Poll::Ready(Err(End::Upstream(UpstreamError::Closed)));
            }
            self.edit.upgraded(self.response);
        } else if (100..200).contains(&status) {
            return Poll::Ready(self.interim(status));
        } else {
            self.edit.response(self.response, self.upstream.behind_head());
        }
        if self.wanted.governed {
            self.down = Down::Judged;
            return Poll::Ready(Err(End::Head));
        }
        Poll::Ready(self.send_head().map_err(End::Visitor))
    }

    /// Sends the head of the final response, which stands in `response`.
    ///
    /// # Errors
    /// The visitor takes none.
    pub(super) fn send_head(&mut self) -> Result<(), VisitorError> {
        let status = self.response.status();
        if status == 101 {
            self.down = Down::Flush { upgraded: true };
            return self.visitor.send_head(self.response, adit_http1::Framing::None, true);
        }
        let framing = self.upstream.framing();
        let no_body = self.wanted.is_head || matches!(status, 204 | 304);
        self.down = Down::Body;
        self.visitor.send_head(self.response, framing, no_body)
    }

    fn interim(&mut self, status: u16) -> Result<(), End> {
        self.interim += 1;
        if self.interim > INTERIM_MAX {
            return Err(End::Upstream(UpstreamError::Closed));
        }
        if status == 100 {
            if self.continue_sent || !self.wanted.expects_continue {
                return Ok(());
            }
            self.continue_sent = true;
        }
        if self.wanted.interim {
            self.edit.interim(self.response);
            self.visitor.send_interim(self.response).map_err(End::Visitor)?;
        }
        Ok(())
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        if let Err(e) = ready!(self.visitor.poll_ready(cx)) {
            return Poll::Ready(Err(End::Visitor(e)));
        }
        match ready!(self.upstream.poll_data(cx)) {
            Ok(Some(data)) => {
                if let Err(e) = self.visitor.send_data(data) {
                    return Poll::Ready(Err(End::Visitor(e)));
                }
            }
            Ok(None) => {
                let trailers = self.upstream.trailers(self.response).filter(|_| self.wanted.trailers);
                if let Err(e) = self.visitor.send_end(trailers) {
                    return Poll::Ready(Err(End::Visitor(e)));
                }
                self.down = Down::Flush { upgraded: false };
            }
            Err(e) => return Poll::Ready(Err(End::Upstream(e))),
        }
        Poll::Ready(Ok(()))
    }
}
