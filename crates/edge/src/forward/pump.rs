//! Moves one exchange: the request's body toward the agent, the response toward the visitor, both at once, in
//! one task. Whatever was read is written in the same turn; nothing waits for more.

use std::task::{Context, Poll, ready};

use adit_http1::{FieldList, Framing, Head, Known, Version, filter_trailers};
use bytes::{Bytes, BytesMut};

use crate::http::{Visitor, VisitorError};
use crate::reply::Answer;
use crate::timer::Deadline;

use super::again::Armed;
use super::behind::{Begun, Read};
use super::body::First;
use super::coding::Coder;
use super::messages::{Messages, Next};
use super::response_head;
use super::terms::{Over, Waits, Watch};
use super::upstream::{Upstream, UpstreamError};
use super::websocket;

/// Most interim responses per exchange.
const INTERIM_MAX: u32 = 16;
/// A body up to this size is kept until an answer begins, so that the request can be sent again.
pub(super) const HOLD_MAX: usize = 64 * 1024;

/// Bytes of a body that is there already that are sent at once.
const PIECE: usize = 64 * 1024;

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
    /// A term of a policy was broken.
    Over(Over),
    /// A message of an event stream waits to be looked at: [`Pump::messages`]; only if they are.
    Message,
    /// A policy wants another try in place of this response. Made by whoever pumps.
    Again,
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
    /// The request has one.
    pub(super) has_body: bool,
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
    pub(super) watch: Option<Watch>,
    /// What policies read of the response's body, and what is sent first of it.
    pub(super) read: Read,
    pub(super) begun: Begun,
    /// A cookie that the visitor gets with the response.
    cookie: Option<&'a str>,
    /// A policy may want another try, whatever is answered.
    pub(super) armed: Option<Armed>,
    /// The response is an event stream whose messages are looked at.
    pub(super) messages: Option<Messages>,
    coder: Option<Coder>,
    /// It takes nothing more now.
    visitor_is_full: bool,
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
            watch: None,
            read: Read::default(),
            begun: Begun::default(),
            armed: None,
            cookie: None,
            messages: None,
            coder: None,
            visitor_is_full: false,
            first_byte: None,
        }
    }

    /// The same with what policies have read of the body, before all that is read now.
    pub(super) fn beginning_with(mut self, begun: First) -> Self {
        if !begun.bytes.is_empty()
            && !self.wanted.tunnel
            && let Up::Send(replay) = std::mem::replace(&mut self.up, Up::Send(begun.bytes))
        {
            self.behind = replay;
        }
        self.trailers = begun.trailers;
        self
    }

    /// Another try may follow, also behind a head.
    pub(super) fn repeatable(&mut self, armed: Option<Armed>) {
        self.armed = armed;
    }

    /// The visitor gets this cookie with the response.
    pub(super) fn give_cookie(&mut self, cookie: Option<&'a str>) {
        self.cookie = cookie;
    }

    /// Whether a body is expected of the request.
    pub(super) fn has_body(&self) -> bool {
        self.wanted.has_body
    }

    /// The terms that it keeps.
    pub(super) fn watch(&mut self, watch: Option<Watch>) {
        self.watch = watch;
    }

    /// The body of the response is encoded on its way; to be said before its head is sent.
    pub(super) fn encode(&mut self, coder: Coder) {
        self.coder = Some(coder);
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
        let answered = self.has_begun();
        if let Some(watch) = &mut self.watch {
            let waits = match (&self.down, &self.up) {
                (Down::Head, Up::Done) => Waits::Head,
                (Down::Body, _) if !self.visitor_is_full => Waits::Data,
                _ => Waits::Visitor,
            };
            return watch.poll_over(cx, waits, answered).map(End::Over);
        }
        Poll::Pending
    }

    pub(super) fn poll_up(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if !matches!(self.up, Up::Done)
            && let Some(watch) = &self.watch
        {
            // Also what policies have read of it before.
            watch.body(self.visitor.counted().0).map_err(End::Over)?;
        }
        loop {
            match &mut self.up {
                Up::Body => match self.visitor.poll_body(cx) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Ok(Some(data))) => {
                        if let Some(watch) = &self.watch {
                            watch.body(self.visitor.counted().0).map_err(End::Over)?;
                        }
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
            let most = self.armed.map_or(HOLD_MAX, |armed| armed.hold.max(HOLD_MAX));
            let is_late = self.first_byte.is_some() && self.armed.is_none();
            if held.len() + data.len() > most || is_late {
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
            if self.armed.is_none() && !matches!(self.up, Up::Body) {
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
        self.held = None;
        if let Some(cookie) = self.cookie.take() {
            self.response.push(b"Set-Cookie", cookie.as_bytes());
        }
        if status == 101 {
            self.down = Down::Flush { upgraded: true };
            return self.visitor.send_head(self.response, Framing::None, true);
        }
        let no_body = self.has_no_body();
        if no_body {
            self.coder = None;
            self.messages = None;
        }
        if self.messages.is_some() {
            self.response.remove(Known::ContentLength);
        }
        let framing = if self.coder.is_some() || self.messages.is_some() {
            Framing::Chunked
        } else {
            self.begun.framing.unwrap_or_else(|| self.upstream.framing())
        };
        self.down = Down::Body;
        self.visitor.send_head(self.response, framing, no_body)
    }

    /// Whether no body follows the final head, whatever it says.
    pub(super) fn has_no_body(&self) -> bool {
        self.wanted.is_head || matches!(self.response.status(), 204 | 304)
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
        self.visitor_is_full = true;
        if let Err(e) = ready!(self.visitor.poll_ready(cx)) {
            return Poll::Ready(Err(End::Visitor(e)));
        }
        self.visitor_is_full = false;
        match self.messages.as_mut().map_or(Next::Nothing, Messages::next) {
            Next::Bytes(bytes) => return self.give(cx, bytes),
            Next::Message => return Poll::Ready(Err(End::Message)),
            Next::Nothing => {}
        }
        let read = if !self.begun.bytes.is_empty() {
            let most = self.begun.bytes.len().min(PIECE);
            Ok(Some(self.begun.bytes.split_to(most)))
        } else if self.begun.is_all {
            Ok(None)
        } else {
            match self.upstream.poll_data(cx) {
                Poll::Ready(read) => read,
                Poll::Pending => return self.pause(),
            }
        };
        if let Some(watch) = &mut self.watch {
            watch.moved();
        }
        match read {
            Ok(Some(data)) => match &mut self.messages {
                Some(messages) => messages.push(&data),
                None => return self.give(cx, data),
            },
            Ok(None) => {
                let mut last = self.messages.take().map(Messages::finish).unwrap_or_default();
                if let Some(coder) = &mut self.coder {
                    let encoded = coder.push(&last).map_err(End::Upstream)?;
                    last = encoded.into();
                    last.extend_from_slice(&coder.finish().map_err(End::Upstream)?);
                }
                if !last.is_empty() {
                    self.visitor.send_data(last.into()).map_err(End::Visitor)?;
                }
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

    /// A piece of the response goes to the visitor, who is ready for one.
    fn give(&mut self, cx: &mut Context<'_>, data: Bytes) -> Poll<Result<(), End>> {
        let data = match &mut self.coder {
            Some(coder) => coder.push(&data).map_err(End::Upstream)?,
            None => data,
        };
        if !data.is_empty() {
            self.visitor.send_data(data).map_err(End::Visitor)?;
        }
        if self.coder.as_mut().is_some_and(Coder::has_had_its_turn) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// The upstream has nothing more now: what an encoder holds leaves, so that streams stay live.
    fn pause(&mut self) -> Poll<Result<(), End>> {
        if let Some(coder) = &mut self.coder
            && let Some(rest) = coder.pause().map_err(End::Upstream)?
        {
            self.visitor.send_data(rest).map_err(End::Visitor)?;
        }
        Poll::Pending
    }
}
