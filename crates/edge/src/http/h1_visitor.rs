//! A visitor that speaks HTTP/1: its connection's bytes in and out.

use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use adit_http1::{
    BodyDecoder, CHUNK_END, FieldList, Framing, Head, LAST_CHUNK, Limits, Version, chunk_head, last_chunk_with_trailers,
};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};

use super::visitor::{Visitor, VisitorError};
use crate::forward::{Pinned, give_buffer, take_buffer};
use crate::timer::Deadline;

/// Room for heads.
const HEAD_READ: usize = 4 * 1024;
/// Room for bodies: as much as one read of the TLS layer can give.
const BODY_READ: usize = 64 * 1024;
/// Most bytes read ahead of the request that is being served.
const READ_AHEAD: usize = 16 * 1024;
/// Queued bytes from which on more waits until they have left.
const COPY_MAX: usize = 64 * 1024;
/// Time over which the rate of a request's body is averaged, and the grace before the first look.
const RATE_WINDOW: Duration = Duration::from_secs(30);

/// A connection of a visitor: TLS stream or plain socket.
pub(crate) trait VisitorIo: AsyncRead + AsyncWrite + Unpin + Send {
    /// Nothing will be read or written for a while: memory goes back.
    fn release_buffers(&mut self) {}

    /// Its end will be a reset.
    fn reset(&self);
}

impl VisitorIo for tokio::net::TcpStream {
    fn reset(&self) {
        crate::accept::reset(self);
    }
}

impl VisitorIo for adit_tls::Stream<tokio::net::TcpStream> {
    fn release_buffers(&mut self) {
        Self::release_buffers(self);
    }

    fn reset(&self) {
        crate::accept::reset(self.get_ref());
    }
}

/// One HTTP/1 connection.
#[derive(Debug)]
pub(super) struct H1Visitor<IO> {
    io: IO,
    /// Read and not yet consumed.
    received: BytesMut,
    /// Encoded and not yet written, from `written` on.
    out: Vec<u8>,
    written: usize,
    /// Body bytes behind `out`, not copied.
    tail: Bytes,
    body: Option<BodyDecoder>,
    trailers: Option<FieldList>,
    /// It said `TE: trailers`.
    wants_trailers: bool,
    version: Version,
    sending: Framing,
    /// The visitor ended its side.
    ended: bool,
    failed: bool,
    close: bool,
    keep_alive_header: bool,
    body_in: u64,
    body_out: u64,
    window_start: u64,
    min_rate: u32,
    pinned: Option<Pinned>,
    pub(super) deadline: Deadline,
}

impl<IO: VisitorIo> H1Visitor<IO> {
    pub(super) fn new(io: IO, received: BytesMut, deadline: Deadline, min_rate: u32) -> Self {
        Self {
            io,
            received,
            out: Vec::new(),
            written: 0,
            tail: Bytes::new(),
            body: None,
            trailers: None,
            wants_trailers: false,
            version: Version::Http11,
            sending: Framing::None,
            ended: false,
            failed: false,
            close: false,
            keep_alive_header: false,
            body_in: 0,
            body_out: 0,
            window_start: 0,
            min_rate,
            pinned: None,
            deadline,
        }
    }

    /// The connection's end will be a reset.
    pub(super) fn reset(&self) {
        self.io.reset();
    }

    /// What was read and not yet consumed.
    pub(super) fn received(&mut self) -> &mut BytesMut {
        &mut self.received
    }

    /// Reads more; `Ok(0)` is the end of the visitor's side.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<std::io::Result<usize>> {
        let before = self.received.len();
        let n = ready!(poll_read_into(&mut self.io, cx, &mut self.received, room))?;
        debug_assert_eq!(self.received.len(), before + n);
        if n == 0 {
            self.ended = true;
        }
        Poll::Ready(Ok(n))
    }

    /// Begins an exchange whose request has this framing.
    pub(super) fn begin(&mut self, version: Version, framing: Framing, close: bool) {
        self.version = version;
        self.body = match framing {
            Framing::None | Framing::Length(0) => None,
            other => {
                self.deadline.set(RATE_WINDOW * 2);
                Some(BodyDecoder::new(other, &Limits::request()))
            }
        };
        self.trailers = None;
        self.sending = Framing::None;
        self.close = close;
        self.keep_alive_header = version == Version::Http10 && !close;
        self.body_in = 0;
        self.body_out = 0;
        self.window_start = 0;
        if self.out.capacity() == 0 {
            self.out = take_buffer();
        }
    }

    /// Whether the visitor asked for trailers (RFC 9110, section 6.5.1).
    pub(super) fn wants_trailers(&mut self, wants: bool) {
        self.wants_trailers = wants;
    }

    /// Whether the connection may carry another request after this exchange.
    pub(super) fn may_go_on(&self) -> bool {
        !self.close && !self.failed && !self.ended_and_empty() && self.body.is_none()
    }

    fn ended_and_empty(&self) -> bool {
        self.ended && self.received.is_empty()
    }

    /// Whether the visitor has ended its side.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The connection ends after this exchange.
    pub(super) fn close_after(&mut self) {
        self.close = true;
    }

    /// Memory goes back while nothing happens.
    pub(super) fn rest(&mut self) {
        give_buffer(std::mem::take(&mut self.out));
        self.written = 0;
        if self.received.is_empty() {
            self.received = BytesMut::new();
        }
        self.io.release_buffers();
    }

    /// The connection and what was read beyond the last exchange.
    pub(super) fn into_parts(self) -> (IO, BytesMut) {
        (self.io, self.received)
    }

    /// Encodes a head that the edge made, with its body.
    pub(super) fn send_own(&mut self, head: &mut Head, body: &[u8], is_head: bool) {
        if self.close {
            head.set(b"Connection", b"close");
        }
        head.encode_response(&mut self.out);
        if !is_head {
            self.out.extend_from_slice(body);
            self.body_out += body.len() as u64;
        }
    }

    fn queue_chunk(&mut self, data: &Bytes) {
        chunk_head(data.len(), &mut self.out);
        self.out.extend_from_slice(data);
        self.out.extend_from_slice(CHUNK_END);
    }

    /// Whether the body came too slowly over the last window.
    fn too_slow(&mut self) -> bool {
        let got = self.body_in - self.window_start;
        let want = u64::from(self.min_rate) * RATE_WINDOW.as_secs();
        self.window_start = self.body_in;
        self.deadline.set(RATE_WINDOW);
        got < want
    }
}

/// Reads into `buffer`, making `room` where there is none.
fn poll_read_into<IO: AsyncRead + Unpin>(
    io: &mut IO,
    cx: &mut Context<'_>,
    buffer: &mut BytesMut,
    room: usize,
) -> Poll<std::io::Result<usize>> {
    crate::relay::poll_read_scratch(io, cx, room, |got| buffer.extend_from_slice(got))
}

impl<IO: VisitorIo> Visitor for H1Visitor<IO> {
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, VisitorError>> {
        loop {
            let Some(body) = &mut self.body else {
                return Poll::Ready(Ok(None));
            };
            if !self.received.is_empty() {
                let d = body.decode(&self.received).map_err(VisitorError::Refused)?;
                let taken = self.received.split_to(d.consumed).freeze();
                if d.end {
                    self.trailers = Some(body.trailers()).filter(|t| !t.is_empty()).cloned();
                    self.body = None;
                    self.deadline.clear();
                }
                let data = taken.slice(d.data);
                if !data.is_empty() {
                    self.body_in += data.len() as u64;
                    return Poll::Ready(Ok(Some(data)));
                }
                if d.end {
                    return Poll::Ready(Ok(None));
                }
                if d.consumed > 0 {
                    continue;
                }
            }
            if self.ended {
                return Poll::Ready(Err(VisitorError::Gone));
            }
            match self.poll_receive(cx, BODY_READ) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(VisitorError::Gone)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => {
                    self.failed = true;
                    return Poll::Ready(Err(VisitorError::Gone));
                }
                Poll::Pending => {
                    if self.min_rate > 0 && self.deadline.poll_expired(cx).is_ready() && self.too_slow() {
                        return Poll::Ready(Err(VisitorError::TooSlow));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn take_trailers(&mut self) -> Option<FieldList> {
        self.trailers.take()
    }

    fn body_done(&self) -> bool {
        self.body.is_none()
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>, end_is_leaving: bool) -> Poll<()> {
        if self.failed || (self.ended && end_is_leaving) {
            return Poll::Ready(());
        }
        // While the body is being read, reading is its business; before that it is read ahead a little.
        if (self.body.is_some() && !end_is_leaving) || self.ended {
            return Poll::Pending;
        }
        while self.received.len() < READ_AHEAD {
            match ready!(self.poll_receive(cx, HEAD_READ)) {
                Ok(0) if end_is_leaving => return Poll::Ready(()),
                Ok(0) => return Poll::Pending,
                Ok(_) => {}
                Err(_) => {
                    self.failed = true;
                    return Poll::Ready(());
                }
            }
        }
        Poll::Pending
    }

    fn send_interim(&mut self, head: &Head) -> Result<(), VisitorError> {
        head.encode_response(&mut self.out);
        Ok(())
    }

    fn send_head(&mut self, head: &mut Head, body: Framing, no_body: bool) -> Result<(), VisitorError> {
        let status = head.status();
        if status == 101 {
            head.encode_response(&mut self.out);
            return Ok(());
        }
        self.sending = if no_body { Framing::None } else { body };
        match body {
            // The length that the upstream gave stands in the head still; 204 has none.
            Framing::Length(_) | Framing::None => {}
            Framing::Chunked | Framing::UntilClose if no_body => {}
            Framing::Chunked | Framing::UntilClose => {
                if self.version == Version::Http11 {
                    head.push(b"Transfer-Encoding", b"chunked");
                    self.sending = Framing::Chunked;
                } else {
                    self.sending = Framing::UntilClose;
                    self.close = true;
                }
            }
        }
        if self.version == Version::Http10 {
            // Answered and ended: HTTP/1.0 clients that ask for more get a new connection.
            self.close = true;
        }
        if self.close || self.ended_and_empty() {
            self.close = true;
            head.push(b"Connection", b"close");
        }
        head.encode_response(&mut self.out);
        Ok(())
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), VisitorError>> {
        if self.tail.is_empty() && self.out.len() - self.written < COPY_MAX {
            return Poll::Ready(Ok(()));
        }
        self.poll_flush(cx)
    }

    fn send_data(&mut self, data: Bytes) -> Result<(), VisitorError> {
        self.body_out += data.len() as u64;
        match self.sending {
            Framing::None => {}
            Framing::Chunked => self.queue_chunk(&data),
            Framing::Length(_) | Framing::UntilClose => {
                if data.len() > 1024 {
                    // Behind what is queued, in the same write, without a copy.
                    self.tail = data;
                } else {
                    self.out.extend_from_slice(&data);
                }
            }
        }
        Ok(())
    }

    fn send_end(&mut self, trailers: Option<&FieldList>) -> Result<(), VisitorError> {
        if self.sending == Framing::Chunked {
            match trailers {
                Some(t) if !t.is_empty() && self.wants_trailers => last_chunk_with_trailers(t, &mut self.out),
                _ => self.out.extend_from_slice(LAST_CHUNK),
            }
        }
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), VisitorError>> {
        let result = ready!(self.poll_write_out(cx));
        if result.is_err() {
            self.failed = true;
        }
        Poll::Ready(result.map_err(|_| VisitorError::Gone))
    }

    fn break_off(&mut self) {
        // Without the last chunk, or short of the length: the visitor sees that something is missing.
        self.close = true;
        self.failed = true;
    }

    fn pinned(&mut self) -> Option<&mut Option<Pinned>> {
        Some(&mut self.pinned)
    }

    fn counted(&self) -> (u64, u64) {
        (self.body_in, self.body_out)
    }
}

impl<IO: VisitorIo> H1Visitor<IO> {
    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if self.out.is_empty() && self.tail.is_empty() {
            return Pin::new(&mut self.io).poll_flush(cx);
        }
        while let Some(rest) = self.out.get(self.written..).filter(|r| !r.is_empty()) {
            let parts = [IoSlice::new(rest), IoSlice::new(&self.tail)];
            let n = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, &parts))?;
            if n == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            let of_tail = n.saturating_sub(rest.len());
            self.written += n - of_tail;
            self.tail.advance(of_tail);
        }
        self.out.clear();
        self.written = 0;
        while !self.tail.is_empty() {
            let n = ready!(Pin::new(&mut self.io).poll_write(cx, &self.tail))?;
            if n == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            self.tail.advance(n);
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }
}
