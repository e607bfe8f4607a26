//! What policies read of a response's body before its head has gone to the visitor: bounded by what was asked for and by
//! the node's budget, and sent on whatever became of the reading. The request goes on meanwhile.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use adit_http1::{Framing, Known};
use adit_mux::Budget;
use adit_policy::BodyFault;
use bytes::{Bytes, BytesMut};

use super::held::Held;
use super::pump::{End, Pump};
use super::terms::Waits;
use super::upstream::Upstream;
use crate::http::{Visitor, VisitorError};

/// The rest of a response whose head policies look at.
pub(crate) trait Behind: Send {
    /// Ready when the visitor has left.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// The whole body, of at most `limit` bytes. It is given away: what becomes of it is sent in its place.
    ///
    /// # Errors
    /// It is longer, there is no memory for it, or it broke off. What was read is kept.
    fn poll_whole(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        budget: &Arc<Budget>,
    ) -> Poll<Result<Bytes, BodyFault>>;

    /// A copy of its first `limit` bytes, or of all of it. It stays, and is sent.
    ///
    /// # Errors
    /// There is no memory for it, or it broke off before.
    fn poll_begin(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        budget: &Arc<Budget>,
    ) -> Poll<Result<Bytes, BodyFault>>;
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    bytes: BytesMut,
    /// Its end was seen.
    is_whole: bool,
    room: Option<Held>,
    /// Nothing that a policy could answer: the exchange ends with it.
    failed: Option<End>,
}

impl Read {
    /// Keeps a piece; false if there is no room for it.
    fn keep(&mut self, piece: &[u8], budget: &Arc<Budget>) -> bool {
        let before = self.bytes.capacity();
        self.bytes.extend_from_slice(piece);
        let more = self.bytes.capacity().saturating_sub(before);
        match &mut self.room {
            Some(room) => room.grow(more),
            None => {
                self.room = Held::take(budget, more);
                self.room.is_some()
            }
        }
    }
}

/// The part of a body that is sent before anything is read.
#[derive(Debug, Default)]
pub(super) struct Begun {
    pub(super) bytes: Bytes,
    /// Nothing is read any more.
    pub(super) is_all: bool,
    /// How its length is known, if it is not that of the upstream's.
    pub(super) framing: Option<Framing>,
}

impl<V: Visitor, U: Upstream> Pump<'_, V, U> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, End>> {
        if let Poll::Ready(read) = self.upstream.poll_data(cx) {
            if let Some(watch) = &mut self.watch {
                watch.moved();
            }
            return Poll::Ready(read.map_err(End::Upstream));
        }
        self.poll_up(cx)?;
        if self.visitor.poll_gone(cx, false).is_ready() {
            return Poll::Ready(Err(End::Visitor(VisitorError::Gone)));
        }
        match &mut self.watch {
            Some(watch) => watch.poll_over(cx, Waits::Data, true).map(|over| Err(End::Over(over))),
            None => Poll::Pending,
        }
    }

    /// Reads a piece more, or sees the end.
    fn poll_kept(&mut self, cx: &mut Context<'_>, budget: &Arc<Budget>) -> Poll<Result<(), BodyFault>> {
        match ready!(self.poll_piece(cx)) {
            Ok(None) => self.read.is_whole = true,
            Ok(Some(piece)) => {
                if !self.read.keep(&piece, budget) {
                    return Poll::Ready(Err(BodyFault::NoRoom));
                }
            }
            Err(end) => {
                if !matches!(end, End::Upstream(_)) {
                    self.read.failed = Some(end);
                }
                return Poll::Ready(Err(BodyFault::Failed));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// With what the exchange ends because a policy read the body; an upstream that broke off is the policy's to answer.
    pub(super) fn read_failed(&mut self) -> Option<End> {
        self.read.failed.take()
    }

    /// What was read goes first, or `made` in place of all of it. The head is made to fit.
    pub(super) fn begin_body(&mut self, made: Option<Bytes>) {
        let Some(made) = made else {
            self.begun.bytes = std::mem::take(&mut self.read.bytes).freeze();
            self.begun.is_all = self.read.is_whole;
            return;
        };
        let framing = if self.has_no_body() {
            self.upstream.framing()
        } else if self.response.contains(Known::ContentLength) {
            // Where a length was said, it is this one now; chunks end by themselves.
            self.response.set(b"Content-Length", made.len().to_string().as_bytes());
            Framing::Length(made.len() as u64)
        } else {
            Framing::Chunked
        };
        self.begun = Begun {
            bytes: made,
            is_all: true,
            framing: Some(framing),
        };
    }
}

impl<V: Visitor, U: Upstream> Behind for Pump<'_, V, U> {
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.visitor.poll_gone(cx, false)
    }

    fn poll_whole(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        budget: &Arc<Budget>,
    ) -> Poll<Result<Bytes, BodyFault>> {
        if let Framing::Length(length) = self.upstream.framing()
            && usize::try_from(length).map_or(true, |length| length > limit)
        {
            return Poll::Ready(Err(BodyFault::TooLarge));
        }
        loop {
            if self.read.bytes.len() > limit {
                return Poll::Ready(Err(BodyFault::TooLarge));
            }
            if self.read.is_whole {
                return Poll::Ready(Ok(std::mem::take(&mut self.read.bytes).freeze()));
            }
            ready!(self.poll_kept(cx, budget))?;
        }
    }

    fn poll_begin(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        budget: &Arc<Budget>,
    ) -> Poll<Result<Bytes, BodyFault>> {
        while !self.read.is_whole && self.read.bytes.len() < limit {
            ready!(self.poll_kept(cx, budget))?;
        }
        let begin = self.read.bytes.get(..limit).unwrap_or(&self.read.bytes);
        Poll::Ready(Ok(Bytes::copy_from_slice(begin)))
    }
}
