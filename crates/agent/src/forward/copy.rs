//! The hot path: bytes between a visitor's stream and an upstream connection, both ways, in one future.
//!
//! Nothing is parsed and nothing is allocated per request: what the upstream sends is read into a scratch
//! buffer of the thread and encoded from there straight into the session's out buffer; what the visitor sends
//! arrives as `Bytes` and is written as they are. A buffer of its own a connection has only while the way to
//! the visitor is blocked; an idle one holds none.
//!
//! Ends are passed on: FIN as FIN (RFC 9293, section 3.6) in each direction by itself, a reset as a reset.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

const SCRATCH: usize = 64 * 1024;
/// How long an upstream that was told "no more requests" may stay silent before it is closed.
const LAST_WORDS: Duration = Duration::from_secs(30);

thread_local! {
    static SHARED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lends the thread's scratch buffer for the time of one poll. Not to be nested.
pub(super) fn with_scratch<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    SHARED.with_borrow_mut(|scratch| {
        if scratch.is_empty() {
            scratch.resize(SCRATCH, 0);
        }
        work(scratch)
    })
}

/// The visitor's side of a forwarded connection.
pub(crate) trait Visitor {
    /// The next bytes; `None` is the end (FIN).
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>>;
    /// Takes as much as there is room for, at least one byte.
    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>>;
    /// Sees to it that what was sent leaves.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Sends the end (FIN).
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Ends both directions at once, with a code of the multiplexer.
    fn reset(&mut self, code: u32);
}

/// The upstream's side.
pub(crate) trait Service: AsyncRead + AsyncWrite + Unpin {
    /// Makes the drop of this connection a reset, so that the service sees an abort and not an end.
    fn abort_on_drop(&mut self);
    /// Gives back what is held for speed; called when nothing is under way.
    fn rest(&mut self);
}

/// How a forwarded connection ended, if not by two orderly ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The visitor (or the way to it) is gone.
    Visitor {
        /// The upstream had the last word: nothing is aborted that it still works on.
        answered: bool,
    },
    /// The upstream reset the connection.
    Upstream,
}

/// Copies until both directions have ended. With `requests` the visitor's end means that the edge has given the
/// stream up: an upstream that says nothing more is closed instead of being waited for.
pub(crate) async fn relay<V: Visitor, S: Service>(
    visitor: &mut V,
    service: &mut S,
    requests: bool,
) -> Result<(), Broken> {
    let mut inward = Inward::default();
    let mut outward = Outward::default();
    let mut last_words: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx| {
        let (asked, heard) = match both(&mut inward, &mut outward, cx, visitor, service) {
            Ok(polls) => polls,
            Err(Broken::Visitor { .. }) => {
                let answered = outward.last_word && outward.held.is_empty();
                return Poll::Ready(Err(Broken::Visitor { answered }));
            }
            Err(broken) => return Poll::Ready(Err(broken)),
        };
        match (asked, heard) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            (Poll::Ready(()), Poll::Pending) if requests => {
                let until = Instant::now() + LAST_WORDS;
                let timer = last_words.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
                if std::mem::take(&mut outward.moved) {
                    timer.as_mut().reset(until);
                }
                timer.as_mut().poll(cx).map(Ok)
            }
            _ => {
                if inward.is_quiet() && outward.is_quiet() {
                    service.rest();
                }
                Poll::Pending
            }
        }
    })
    .await
}

/// Moves what can be moved in both directions, and notes who spoke last.
fn both<V: Visitor, S: Service>(
    inward: &mut Inward,
    outward: &mut Outward,
    cx: &mut Context<'_>,
    visitor: &mut V,
    service: &mut S,
) -> Result<(Poll<()>, Poll<()>), Broken> {
    let asked = inward.poll(cx, visitor, service)?;
    if std::mem::take(&mut inward.moved) {
        outward.last_word = false;
    }
    let heard = outward.poll(cx, visitor, service)?;
    Ok((asked, heard))
}

/// Many programs end a TLS connection without `close_notify` (RFC 8446, section 6.1). What is cut off that way
/// shows in the message's own framing.
fn is_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

/// Visitor to upstream.
#[derive(Default)]
struct Inward {
    chunk: Bytes,
    unflushed: bool,
    fin: bool,
    /// The upstream takes nothing more; what comes is read and dropped, so that its last answer, and the
    /// visitor's end, are still passed on.
    deaf: bool,
    done: bool,
    /// Something was written since the flag was last taken.
    moved: bool,
}

impl Inward {
    fn poll<V: Visitor, S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        visitor: &mut V,
        service: &mut S,
    ) -> Result<Poll<()>, Broken> {
        loop {
            if self.done {
                return Ok(Poll::Ready(()));
            }
            if !self.chunk.is_empty() {
                if self.deaf {
                    self.chunk.clear();
                    continue;
                }
                match Pin::new(&mut *service).poll_write(cx, &self.chunk) {
                    Poll::Pending => return Ok(Poll::Pending),
                    Poll::Ready(Ok(n)) if n > 0 => {
                        self.chunk.advance(n);
                        self.unflushed = true;
                        self.moved = true;
                    }
                    Poll::Ready(_) => self.deaf = true,
                }
                continue;
            }
            if self.fin {
                if !self.deaf && Pin::new(&mut *service).poll_shutdown(cx).is_pending() {
                    return Ok(Poll::Pending);
                }
                self.done = true;
                continue;
            }
            match visitor.poll_chunk(cx) {
                Poll::Ready(Ok(Some(chunk))) => self.chunk = chunk,
                Poll::Ready(Ok(None)) => self.fin = true,
                Poll::Ready(Err(error)) if is_end(&error) => self.fin = true,
                Poll::Ready(Err(_)) => return Err(Broken::Visitor { answered: false }),
                Poll::Pending => {
                    // An empty `Bytes` that points into a read buffer would keep that buffer.
                    self.chunk = Bytes::new();
                    if self.unflushed && !self.deaf {
                        match Pin::new(&mut *service).poll_flush(cx) {
                            Poll::Ready(Ok(())) => self.unflushed = false,
                            Poll::Ready(Err(_)) => self.deaf = true,
                            Poll::Pending => {}
                        }
                    }
                    return Ok(Poll::Pending);
                }
            }
        }
    }

    fn is_quiet(&self) -> bool {
        self.chunk.is_empty() && !self.unflushed
    }
}

/// Upstream to visitor.
#[derive(Default)]
struct Outward {
    /// What the visitor's side had no room for, and how much of it has gone since.
    held: Vec<u8>,
    gone: usize,
    unflushed: bool,
    end: bool,
    done: bool,
    /// Something was read since the flag was last taken.
    moved: bool,
    /// The upstream has spoken since the visitor last did.
    last_word: bool,
}

impl Outward {
    fn poll<V: Visitor, S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        visitor: &mut V,
        service: &mut S,
    ) -> Result<Poll<()>, Broken> {
        loop {
            if self.done {
                return Ok(Poll::Ready(()));
            }
            if let Some(rest) = self.held.get(self.gone..).filter(|rest| !rest.is_empty()) {
                match visitor.poll_send(cx, rest) {
                    Poll::Pending => return Ok(Poll::Pending),
                    Poll::Ready(Ok(n)) => self.gone += n,
                    Poll::Ready(Err(_)) => return Err(Broken::Visitor { answered: false }),
                }
                continue;
            }
            self.held.clear();
            self.gone = 0;
            if self.end {
                return match visitor.poll_finish(cx) {
                    Poll::Pending => Ok(Poll::Pending),
                    Poll::Ready(Ok(())) => {
                        self.done = true;
                        self.held = Vec::new();
                        Ok(Poll::Ready(()))
                    }
                    Poll::Ready(Err(_)) => Err(Broken::Visitor { answered: false }),
                };
            }
            match with_scratch(|scratch| self.read(cx, visitor, service, scratch))? {
                Poll::Ready(()) => {}
                Poll::Pending => {
                    self.held = Vec::new();
                    if self.unflushed {
                        match visitor.poll_flush(cx) {
                            Poll::Ready(Ok(())) => self.unflushed = false,
                            Poll::Ready(Err(_)) => return Err(Broken::Visitor { answered: false }),
                            Poll::Pending => {}
                        }
                    }
                    return Ok(Poll::Pending);
                }
            }
        }
    }

    /// Reads once and sends on what was read; what finds no room is held.
    fn read<V: Visitor, S: Service>(
        &mut self,
        cx: &mut Context<'_>,
        visitor: &mut V,
        service: &mut S,
        scratch: &mut [u8],
    ) -> Result<Poll<()>, Broken> {
        let mut buffer = ReadBuf::new(scratch);
        match Pin::new(service).poll_read(cx, &mut buffer) {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) if is_end(&error) => {
                self.end = true;
                return Ok(Poll::Ready(()));
            }
            Poll::Ready(Err(_)) => return Err(Broken::Upstream),
        }
        let read = buffer.filled();
        if read.is_empty() {
            self.end = true;
            return Ok(Poll::Ready(()));
        }
        self.moved = true;
        self.last_word = true;
        self.unflushed = true;
        let sent = match visitor.poll_send(cx, read) {
            Poll::Pending => 0,
            Poll::Ready(Ok(n)) => n,
            Poll::Ready(Err(_)) => return Err(Broken::Visitor { answered: false }),
        };
        self.held.extend_from_slice(read.get(sent..).unwrap_or_default());
        Ok(Poll::Ready(()))
    }

    fn is_quiet(&self) -> bool {
        self.held.is_empty() && !self.unflushed
    }
}
