//! Finished lines on their way out. The observer's thread appends; a thread of its own writes, and may be
//! stuck in that for ever (full disk, stopped pipe) without anybody waiting for it: a full queue drops.

use std::io::Write;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Lines that may wait.
const LINES: usize = 65_536;
/// Bytes that may wait.
const BYTES: usize = 16 * 1024 * 1024;
/// Memory a buffer keeps when it has been written.
const KEEP: usize = 256 * 1024;

/// The queue between the thread that makes lines and the one that writes them.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    state: Mutex<State>,
    /// Something to write, or the end.
    filled: Condvar,
    /// Everything is written.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    count: usize,
    writing: bool,
    closed: bool,
    dropped: u64,
    failed: u64,
}

impl Lines {
    /// Appends whole lines (each with its end); if there is no room, all of them are dropped and counted.
    pub(crate) fn push(&self, lines: &[u8], count: usize) {
        if count == 0 {
            return;
        }
        let mut state = self.lock();
        if state.count + count > LINES || state.waiting.len() + lines.len() > BYTES {
            state.dropped += count as u64;
            return;
        }
        state.waiting.extend_from_slice(lines);
        state.count += count;
        if !state.writing {
            self.filled.notify_one();
        }
    }

    /// Writes until the queue is closed and empty. Runs on a thread of its own.
    pub(crate) fn write_to(&self, mut out: impl Write) {
        let mut buffer = Vec::new();
        loop {
            let mut state = self.lock();
            state.writing = false;
            while state.count == 0 {
                self.emptied.notify_all();
                if state.closed {
                    return;
                }
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            mem::swap(&mut state.waiting, &mut buffer);
            let count = mem::take(&mut state.count);
            state.writing = true;
            drop(state);
            if out.write_all(&buffer).and_then(|()| out.flush()).is_err() {
                self.lock().failed += count as u64;
            }
            buffer.clear();
            buffer.shrink_to(KEEP);
        }
    }

    /// Waits until everything that was pushed is written; `false` if that takes longer than `wait`.
    pub(crate) fn flush(&self, wait: Duration) -> bool {
        let end = Instant::now() + wait;
        let mut state = self.lock();
        while state.count > 0 || state.writing {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (state, _) = self
                .emptied
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// Lets the writing thread end when everything is written.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// Lines dropped because the queue was full, and lines lost because writing failed.
    pub(crate) fn losses(&self) -> (u64, u64) {
        let state = self.lock();
        (state.dropped, state.failed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::thread;

    use super::*;

    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_beyond_the_limit_are_dropped_and_counted() {
        let lines = Lines::default();
        for _ in 0..LINES + 5 {
            lines.push(b"a\n", 1);
        }
        assert_eq!(lines.losses(), (5, 0));
        assert!(!lines.flush(Duration::ZERO));
        let mut out = Vec::new();
        lines.close();
        lines.write_to(&mut out);
        assert_eq!(out.len(), 2 * LINES);
        assert!(lines.flush(Duration::ZERO));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let lines = Lines::default();
        let line = vec![b'x'; BYTES / 2];
        for _ in 0..3 {
            lines.push(&line, 1);
        }
        assert_eq!(lines.losses(), (1, 0));
    }

    #[test]
    fn failing_writes_lose_lines_but_end_nothing() {
        let lines = Lines::default();
        thread::scope(|scope| {
            scope.spawn(|| lines.write_to(Broken));
            for _ in 0..3 {
                lines.push(b"a\nb\n", 2);
                assert!(lines.flush(Duration::from_secs(60)));
            }
            lines.close();
        });
        assert_eq!(lines.losses(), (0, 6));
    }
}
