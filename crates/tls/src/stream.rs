//! The stream: an established connection as `AsyncRead` and `AsyncWrite`.
//!
//! Costs that callers may count on: a `poll_read` makes at most one successful read of the socket
//! before it returns data, and delivers all of it that fits; a `poll_write` makes one write for
//! everything it accepts (up to 64 KiB, head and body together if written as a vector). What a
//! socket does not take is kept and goes first next time, so after the last `poll_write` a
//! `poll_flush` is needed, as always. No allocation per record; an idle connection owns no buffer.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::alert;
use crate::error::Error;
use crate::open::{Open, Opened};
use crate::outbox::Outbox;
use crate::profile::Version;
use crate::record::{HEADER, MAX_CIPHERTEXT};
use crate::schedule::Schedule;
use crate::scratch::{self, Sealed};
use crate::seal::Seal;
use crate::stash::Stash;

/// What is known about a connection since its handshake.
#[derive(Debug)]
pub(crate) struct Info {
    pub(crate) alpn: Option<Box<[u8]>>,
    pub(crate) server_name: Option<Box<str>>,
    pub(crate) version: Version,
    pub(crate) cipher_suite: &'static str,
    pub(crate) resumed: bool,
    pub(crate) peer_verified: bool,
    pub(crate) peer_certificates: Vec<Vec<u8>>,
}

/// A connection without its socket.
pub(crate) struct Session {
    open: Open,
    seal: Seal,
    schedule: Schedule,
    stash: Stash,
    outbox: Outbox,
    reading: Reading,
    writing: Writing,
    /// Something was sealed while reading, and no writer is waiting who would send it.
    speak_up: bool,
    info: Box<Info>,
}

/// The state of the receiving direction.
enum Reading {
    Live,
    /// Good data came before this error: it is reported next time.
    Failing(Box<Error>),
    Failed,
}

/// The state of the sending direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    Live,
    /// `close_notify` or a fatal alert is sealed.
    Closed,
}

impl Session {
    pub(crate) fn new(open: Open, seal: Seal, schedule: Schedule, stash: Stash, outbox: Outbox, info: Info) -> Self {
        Self {
            open,
            seal,
            schedule,
            stash,
            outbox,
            reading: Reading::Live,
            writing: Writing::Live,
            speak_up: false,
            info: Box::new(info),
        }
    }

    /// Delivers what is there already.
    fn read_stash(&mut self, out: &mut ReadBuf<'_>) {
        self.stash.deliver(out);
        let live = matches!(self.reading, Reading::Live);
        if !live || out.remaining() == 0 || self.stash.sealed().is_empty() {
            return;
        }
        let opened = self.open.open(&mut self.schedule, self.stash.sealed_mut(), out);
        self.stash.opened(opened.used, &opened.plain);
        self.after_opening(opened);
    }

    /// Delivers from `input`, which begins with what was in the stash; the rest goes there.
    fn read_input(&mut self, input: &mut [u8], out: &mut ReadBuf<'_>) {
        let opened = self.open.open(&mut self.schedule, input, out);
        let plain = input.get(opened.plain.clone()).unwrap_or_default();
        let rest = input.get(opened.used..).unwrap_or_default();
        self.stash.replace(plain, rest);
        self.after_opening(opened);
    }

    fn after_opening(&mut self, opened: Opened) {
        let replies = self.open.take_replies();
        if replies.key_update {
            self.seal.schedule_update();
        }
        if replies.no_renegotiation && self.writing == Writing::Live {
            self.speak_up = self.outbox.due().is_empty();
            let Self { seal, outbox, .. } = self;
            scratch::with_sealer(|out| {
                if seal.alert(alert::WARNING, alert::code::NO_RENEGOTIATION, out).is_ok() {
                    outbox.keep(out.filled());
                }
            });
        }
        if let Some(error) = opened.error {
            self.reading = Reading::Failing(Box::new(error));
        }
    }

    /// Whether nothing more can come: `Ok` after a `close_notify`, the error after a failure.
    fn end_of_reading(&mut self) -> Option<Result<(), Error>> {
        match std::mem::replace(&mut self.reading, Reading::Failed) {
            Reading::Live => {
                self.reading = Reading::Live;
                self.open.is_closed().then_some(Ok(()))
            }
            Reading::Failing(error) => Some(Err(*error)),
            Reading::Failed => Some(Err(Error::Io(io::Error::new(
                io::ErrorKind::NotConnected,
                "the TLS connection has failed before",
            )))),
        }
    }

    /// After the socket has failed: records are missing, so none may follow.
    fn give_up_writing(&mut self) {
        self.writing = Writing::Closed;
        self.outbox = Outbox::default();
    }

    /// Seals the last alert; with what is due before it, it is in the outbox afterwards.
    fn close(&mut self, level: u8, code: u8) {
        if self.writing == Writing::Closed {
            return;
        }
        self.writing = Writing::Closed;
        let Self { seal, outbox, .. } = self;
        scratch::with_sealer(|out| {
            outbox.release_into(out);
            // If even the alert cannot be sealed, the connection ends without it.
            let _ = seal.alert(level, code, out);
            outbox.keep(out.filled());
        });
    }
}

/// A TLS connection over `IO`.
pub struct Stream<IO> {
    io: IO,
    session: Session,
}

/// A [`Stream`] taken apart: its socket, and everything else.
pub struct Parts<IO> {
    /// The socket.
    pub io: IO,
    session: Session,
}

impl<IO> Stream<IO> {
    pub(crate) const fn new(io: IO, session: Session) -> Self {
        Self { io, session }
    }

    /// The application protocol agreed on, if any.
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        self.session.info.alpn.as_deref()
    }

    /// The name the client asked for, in the form of
    /// [`crate::client_hello::ClientHello::server_name`].
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.session.info.server_name.as_deref()
    }

    /// `1.2` or `1.3`.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.session.info.version.as_str()
    }

    /// The cipher suite, by its name in IANA's registry.
    #[must_use]
    pub fn cipher_suite(&self) -> &'static str {
        self.session.info.cipher_suite
    }

    /// Whether the handshake resumed an earlier session.
    #[must_use]
    pub fn resumed(&self) -> bool {
        self.session.info.resumed
    }

    /// The peer's chain in DER, end entity first; empty if it showed none.
    #[must_use]
    pub fn peer_certificates(&self) -> Vec<Vec<u8>> {
        self.session.info.peer_certificates.clone()
    }

    /// The peer's own certificate in DER, without a copy.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.session.info.peer_certificates.first().map(Vec::as_slice)
    }

    /// Whether the peer's certificate was found valid and issued by somebody who is trusted.
    /// Always true for a client whose roots are not [`crate::Roots::Insecure`].
    #[must_use]
    pub fn peer_verified(&self) -> bool {
        self.session.info.peer_verified
    }

    /// The socket.
    #[must_use]
    pub const fn get_ref(&self) -> &IO {
        &self.io
    }

    /// The socket. Bytes read from or written to it directly are lost to the connection.
    pub const fn get_mut(&mut self) -> &mut IO {
        &mut self.io
    }

    /// Gives back memory that is not in use. Reading until there is nothing more does it as well,
    /// so this is for connections that are parked without being read.
    pub fn release_buffers(&mut self) {
        self.session.stash.release();
    }

    /// Bytes of buffers that this connection owns: 0 while it is idle.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.session.stash.capacity() + self.session.outbox.capacity() + self.session.open.capacity()
    }

    #[cfg(test)]
    pub(crate) const fn seal_mut(&mut self) -> &mut Seal {
        &mut self.session.seal
    }

    /// Takes the connection apart, for instance to move its socket to another runtime.
    pub fn into_parts(self) -> Parts<IO> {
        Parts {
            io: self.io,
            session: self.session,
        }
    }

    /// Puts a connection together again.
    pub fn from_parts(parts: Parts<IO>) -> Self {
        Self {
            io: parts.io,
            session: parts.session,
        }
    }

    /// Replaces the socket by what `f` makes of it: the same connection on another runtime.
    ///
    /// # Errors
    /// That of `f`; the connection is gone then.
    pub fn map_io<IO2, E>(self, f: impl FnOnce(IO) -> Result<IO2, E>) -> Result<Stream<IO2>, E> {
        Ok(Stream {
            io: f(self.io)?,
            session: self.session,
        })
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Stream<IO> {
    /// One read of the socket, delivered as far as it fits.
    fn fill(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { io, session } = self;
        scratch::with_reader(|buffer| {
            let begun = session.stash.sealed().len();
            // Little more than what the caller can take, but always a whole record.
            let room = (out.remaining() + out.remaining() / 256).clamp(HEADER + MAX_CIPHERTEXT, scratch::READ);
            let place = buffer.get_mut(begun..begun + room).unwrap_or_default();
            let mut place = ReadBuf::new(place);
            match Pin::new(io).poll_read(cx, &mut place) {
                Poll::Ready(result) => result?,
                Poll::Pending => {
                    session.stash.release();
                    return Poll::Pending;
                }
            }
            let read = place.filled().len();
            if read == 0 {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the peer closed the connection without a close_notify",
                )));
            }
            if let Some(front) = buffer.get_mut(..begun) {
                front.copy_from_slice(session.stash.sealed());
            }
            let input = buffer.get_mut(..begun + read).unwrap_or_default();
            session.read_input(input, out);
            Poll::Ready(Ok(()))
        })
    }

    /// Writes what is due, except held tickets.
    fn poll_outbox(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let due = self.session.outbox.due();
            if due.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let result = match ready!(Pin::new(&mut self.io).poll_write(cx, due)) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                result => result,
            };
            match result {
                Ok(n) => self.session.outbox.sent(n),
                Err(error) => {
                    self.session.give_up_writing();
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// Seals and writes once.
    fn poll_write_parts(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.session.writing == Writing::Closed {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the TLS connection is closed for writing",
            )));
        }
        if parts.iter().all(|part| part.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        ready!(self.poll_outbox(cx))?;
        let Self { io, session } = self;
        Poll::Ready(scratch::with_sealer(|out| {
            session.outbox.release_into(out);
            let taken = session
                .seal
                .data(&mut session.schedule, parts, out)
                .map_err(Error::into_io)?;
            if let Err(error) = write_once(io, cx, out, &mut session.outbox) {
                session.give_up_writing();
                return Err(error);
            }
            Ok(taken)
        }))
    }

    /// Sends what reading gave rise to, as far as the socket takes it now.
    ///
    /// Not if a writer is waiting for the socket: its waker must not be replaced by the reader's,
    /// and it will send this as well.
    fn speak_up(&mut self, cx: &mut Context<'_>) {
        if std::mem::take(&mut self.session.speak_up) {
            let _ = self.poll_outbox(cx).map_ok(|()| Pin::new(&mut self.io).poll_flush(cx));
        }
    }

    /// Ends the connection with a fatal alert and FIN.
    pub(crate) async fn abort(&mut self, code: u8) {
        self.session.close(alert::FATAL, code);
        let _ = poll_fn(|cx| Pin::new(&mut *self).poll_shutdown(cx)).await;
    }
}

/// Writes `out` with one call and keeps what is left of it.
fn write_once<IO: AsyncWrite + Unpin>(
    io: &mut IO,
    cx: &mut Context<'_>,
    out: &Sealed,
    outbox: &mut Outbox,
) -> io::Result<()> {
    let records = out.filled();
    let written = match Pin::new(io).poll_write(cx, records) {
        Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
        Poll::Ready(Ok(n)) => n,
        Poll::Ready(Err(error)) => return Err(error),
        Poll::Pending => 0,
    };
    match records.get(written..) {
        Some(left) if !left.is_empty() => outbox.keep(left),
        _ => {}
    }
    Ok(())
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = out.filled().len();
        loop {
            this.session.read_stash(out);
            if out.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            match this.session.end_of_reading() {
                None => {}
                Some(Ok(())) => return Poll::Ready(Ok(())),
                Some(Err(error)) => {
                    if let Error::Protocol { alert: Some(code), .. } = error {
                        this.session.speak_up = this.session.outbox.due().is_empty();
                        this.session.close(alert::FATAL, code);
                        this.speak_up(cx);
                    }
                    return Poll::Ready(Err(error.into_io()));
                }
            }
            this.speak_up(cx);
            if let Err(error) = ready!(this.fill(cx, out)) {
                this.session.reading = Reading::Failed;
                return Poll::Ready(Err(error));
            }
            if out.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_parts(cx, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_parts(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_outbox(cx))?;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    /// Sends `close_notify`, then closes the socket for writing (FIN).
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.session.close(alert::WARNING, alert::code::CLOSE_NOTIFY);
        ready!(this.poll_outbox(cx))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

impl<IO: fmt::Debug> fmt::Debug for Stream<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("io", &self.io)
            .field("info", &self.session.info)
            .finish_non_exhaustive()
    }
}

impl<IO: fmt::Debug> fmt::Debug for Parts<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("io", &self.io).finish_non_exhaustive()
    }
}
