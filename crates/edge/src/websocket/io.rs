//! A visitor's WebSocket as bytes: what is read is the payload of its messages, what is written goes in binary messages.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::frames::{self, Control, Decoder, Fault, code};
use crate::forward::{give_buffer, take_buffer};
use crate::reply::linger;
use crate::timer::{Deadline, Timer};

/// Longest message that is sent; what comes at once from the agent is sent in as many as it needs.
const PIECE: usize = 16 * 1024;
/// Reads without payload after which others have their turn.
const TURNS: u32 = 32;
/// Once one side has closed, the other has this long to do so.
const CLOSING: Duration = Duration::from_secs(10);
/// How long the last frame may take to leave.
const LAST: Duration = Duration::from_secs(1);

/// The connection of a visitor who speaks WebSocket.
///
/// Its end of reading is the visitor's close frame; shutting it down sends ours, and the transport stays open until
/// [`Messages::conclude`].
#[derive(Debug)]
pub(crate) struct Messages<IO> {
    io: IO,
    decoder: Decoder,
    /// Read before the handshake was answered.
    early: BytesMut,
    /// Whole frames, from `written` on not written yet.
    out: Vec<u8>,
    written: usize,
    pong: Option<Control>,
    /// Nothing more is read.
    is_read: bool,
    /// Our close frame stands in `out`, or has left.
    is_closed: bool,
    fault: Option<Fault>,
    /// Runs once one side has closed.
    closing: Option<Deadline>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Messages<IO> {
    /// `early` was read behind the request's head.
    pub(crate) fn new(io: IO, early: BytesMut) -> Self {
        Self {
            io,
            decoder: Decoder::new(),
            early,
            out: Vec::new(),
            written: 0,
            pong: None,
            is_read: false,
            is_closed: false,
            fault: None,
            closing: None,
        }
    }

    /// Ends the connection: our close frame with this code, or that of the visitor's breach, if none was sent yet, and
    /// the transport's end. A visitor who does not take them is not waited for.
    pub(crate) async fn conclude(mut self, code: u16, reason: &str) {
        let (code, reason) = self.fault.map_or((code, reason), |fault| (fault.code, fault.why));
        self.close(code, reason);
        let ended = async {
            std::future::poll_fn(|cx| self.poll_out(cx)).await?;
            self.io.shutdown().await
        };
        let left = tokio::time::timeout(LAST, ended).await;
        if !self.is_read || self.fault.is_some() {
            // He may still be sending, and a reset would overtake our last frame.
            if matches!(left, Ok(Ok(()))) {
                linger(&mut self.io).await;
            }
        }
        give_buffer(std::mem::take(&mut self.out));
    }

    /// Queues our close frame, once.
    fn close(&mut self, code: u16, reason: &str) {
        if std::mem::replace(&mut self.is_closed, true) {
            return;
        }
        self.pong = None;
        match self.decoder.closed() {
            // The answer to a close frame says the same (RFC 6455, section 5.5.1).
            Some(closed) if self.fault.is_none() => {
                let said = closed.bytes();
                frames::write_close(said.get(..2).unwrap_or_default(), &mut self.out);
            }
            _ => {
                let mut payload = code.to_be_bytes().to_vec();
                payload.extend_from_slice(reason.as_bytes());
                frames::write_close(&payload, &mut self.out);
            }
        }
    }

    /// Writes what is queued, and then the answer to the newest ping.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        loop {
            while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
                match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                    0 => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                    n => self.written += n,
                }
            }
            self.out.clear();
            self.written = 0;
            match self.pong.take() {
                Some(ping) if !self.is_closed => frames::write_pong(&ping, &mut self.out),
                _ => return Poll::Ready(Ok(())),
            }
        }
    }

    /// One side has closed: from now on the other one's time runs, and whoever moves bytes is woken when it is over.
    fn begin_closing(&mut self, cx: &mut Context<'_>) {
        self.closing.get_or_insert_with(|| {
            let deadline = Timer::current().deadline();
            deadline.set(CLOSING);
            deadline
        });
        let _ = self.poll_late(cx);
    }

    /// # Errors
    /// The visitor has closed, and the service goes on without an end, or he does not take what it still says.
    fn in_time(&self, cx: &mut Context<'_>) -> std::io::Result<()> {
        if !self.is_closed && self.poll_late(cx).is_ready() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    fn poll_late(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.closing
            .as_ref()
            .map_or(Poll::Pending, |closing| closing.poll_expired(cx))
    }

    /// Reads bytes of frames into `buf`, first those that were read before. Returns how many.
    fn poll_frames(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<std::io::Result<usize>> {
        if !self.early.is_empty() {
            let n = self.early.len().min(buf.len());
            if let Some(place) = buf.get_mut(..n) {
                self.early.copy_to_slice(place);
            }
            if self.early.is_empty() {
                self.early = BytesMut::new();
            }
            return Poll::Ready(Ok(n));
        }
        let mut raw = ReadBuf::new(buf);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut raw))?;
        Poll::Ready(Ok(raw.filled().len()))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Messages<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        for _ in 0..TURNS {
            if this.is_read {
                return Poll::Ready(Ok(()));
            }
            let room = buf.initialize_unfilled();
            let n = match this.poll_frames(cx, room) {
                Poll::Ready(read) => read?,
                // A visitor who does not answer our close frame has nothing more to say.
                Poll::Pending if this.is_closed && this.poll_late(cx).is_ready() => {
                    this.is_read = true;
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending => return Poll::Pending,
            };
            if n == 0 {
                // Many leave without a close frame; what breaks off within a message is no end.
                this.is_read = true;
                return Poll::Ready(if this.decoder.is_between_messages() {
                    Ok(())
                } else {
                    Err(std::io::ErrorKind::UnexpectedEof.into())
                });
            }
            let payload = this.decoder.take(room.get_mut(..n).unwrap_or_default());
            let payload = payload.map_err(|fault| {
                this.fault = Some(fault);
                this.is_read = true;
                std::io::Error::new(std::io::ErrorKind::InvalidData, fault.why)
            })?;
            if this.decoder.closed().is_some() {
                this.is_read = true;
                this.begin_closing(cx);
            } else if let Some(ping) = this.decoder.take_ping() {
                this.pong = Some(ping);
                if let Poll::Ready(written) = this.poll_out(cx) {
                    written?;
                }
                if let Poll::Ready(flushed) = Pin::new(&mut this.io).poll_flush(cx) {
                    flushed?;
                }
            }
            if payload > 0 {
                buf.advance(payload);
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Messages<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        if this.is_closed {
            return Poll::Ready(Err(std::io::ErrorKind::BrokenPipe.into()));
        }
        this.in_time(cx)?;
        ready!(this.poll_out(cx))?;
        if this.out.capacity() == 0 {
            this.out = take_buffer();
        }
        let piece = buf.get(..PIECE).unwrap_or(buf);
        frames::write_message(piece, &mut this.out);
        if let Poll::Ready(written) = this.poll_out(cx) {
            written?;
        }
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        this.in_time(cx)?;
        ready!(this.poll_out(cx))?;
        if this.out.capacity() > 0 {
            give_buffer(std::mem::take(&mut this.out));
        }
        Pin::new(&mut this.io).poll_flush(cx)
    }

    /// The service has ended.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        this.close(code::NORMAL, "");
        this.begin_closing(cx);
        ready!(this.poll_out(cx))?;
        Pin::new(&mut this.io).poll_flush(cx)
    }
}
