//! A core under test, fed and read as hex, with a clock that only the test moves.

use std::{
    io::IoSlice,
    task::{Poll, Waker},
    time::{Duration, Instant},
};

use adit_mux::{
    CloseReason, Config, StreamError,
    session::{Batch, Core, Key, Phase},
};
use bytes::{Bytes, BytesMut};

pub(crate) struct Peer {
    pub(crate) core: Core,
    pub(crate) now: Instant,
    buf: BytesMut,
}

/// A server or client without timers of its own.
pub(crate) fn quiet(config: Config) -> Config {
    Config {
        heartbeat: None,
        idle_timeout: None,
        acknowledge: false,
        ..config
    }
}

impl Peer {
    pub(crate) fn new(config: Config) -> Self {
        let now = Instant::now();
        Self {
            core: Core::new(config, now),
            now,
            buf: BytesMut::new(),
        }
    }

    pub(crate) fn server() -> Self {
        Self::new(quiet(Config::server()))
    }

    pub(crate) fn client() -> Self {
        Self::new(quiet(Config::client()))
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        // Chunks as a driver reads them.
        for chunk in bytes.chunks(64 << 10) {
            self.buf.reserve(64 << 10);
            self.buf.extend_from_slice(chunk);
            self.core.recv(&mut self.buf, self.now);
            self.core.check();
        }
    }

    pub(crate) fn hex(&mut self, frames: &str) {
        self.feed(&unhex(frames));
    }

    /// Feeds frames and returns what is answered, as hex.
    pub(crate) fn ask(&mut self, frames: &str) -> String {
        self.hex(frames);
        self.out()
    }

    pub(crate) fn take(&mut self) -> Vec<u8> {
        let (mut batch, mut all) = (Batch::default(), Vec::new());
        while self.core.has_work() {
            if !self.core.take(&mut batch, self.now) {
                self.core.see_end();
                if !self.core.has_work() {
                    break;
                }
            }
            all.extend_from_slice(batch.remaining());
            batch.advance(batch.remaining().len());
        }
        self.core.wake();
        all
    }

    /// What goes out, as hex in groups of a frame's words.
    pub(crate) fn out(&mut self) -> String {
        hex(&self.take())
    }

    pub(crate) fn after(&mut self, time: Duration) -> String {
        self.now += time;
        self.core.handle_timeout(self.now);
        self.out()
    }

    pub(crate) fn accept(&mut self) -> Option<Key> {
        match self.core.poll_accept(Waker::noop()) {
            Poll::Ready(key) => key,
            Poll::Pending => None,
        }
    }

    pub(crate) fn chunk(&mut self, key: Key) -> Poll<Result<Option<Bytes>, StreamError>> {
        self.core.poll_chunk(key, Waker::noop())
    }

    /// All that can be read now; the end or error if there is one.
    pub(crate) fn read(&mut self, key: Key) -> (Vec<u8>, Option<Result<(), StreamError>>) {
        let mut all = Vec::new();
        loop {
            match self.chunk(key) {
                Poll::Pending => return (all, None),
                Poll::Ready(Ok(Some(bytes))) => all.extend_from_slice(&bytes),
                Poll::Ready(Ok(None)) => return (all, Some(Ok(()))),
                Poll::Ready(Err(error)) => return (all, Some(Err(error))),
            }
        }
    }

    pub(crate) fn send(&mut self, key: Key, data: &[u8]) -> Poll<Result<usize, StreamError>> {
        self.core.poll_send(key, Waker::noop(), &[IoSlice::new(data)])
    }

    pub(crate) fn reason(&self) -> Option<CloseReason> {
        self.core.reason().cloned()
    }

    pub(crate) fn is_open(&self) -> bool {
        *self.core.phase() == Phase::Open
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A DATA frame with SYN and a body of `n` bytes, of which the first four are type 3.
pub(crate) fn syn(id: u32, n: usize) -> Vec<u8> {
    let mut frame = adit_mux::frame::data(id, n, true, false).to_vec();
    frame.extend([0, 0, 0, 3].into_iter().chain(std::iter::repeat(0xAA)).take(n));
    frame
}

/// A DATA frame.
pub(crate) fn data(id: u32, n: usize) -> Vec<u8> {
    let mut frame = adit_mux::frame::data(id, n, false, false).to_vec();
    frame.resize(8 + n, 0xBB);
    frame
}
