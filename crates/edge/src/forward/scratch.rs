//! Buffers of an exchange: kept per worker, held by a connection only while it serves a request.

use std::cell::{Cell, RefCell};

use adit_http1::Head;

use crate::govern::AsReceived;

/// Most exchanges kept per worker.
const KEPT: usize = 256;
/// A buffer that grew beyond this is not kept.
const BUFFER_MAX: usize = 128 * 1024;

thread_local! {
    #[allow(clippy::vec_box, reason = "moved between connections as a pointer, not as its hundreds of bytes")]
    static EXCHANGES: RefCell<Vec<Box<Exchange>>> = const { RefCell::new(Vec::new()) };
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

/// The two heads of an exchange, its id and its depth.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    pub(crate) request: Head,
    received: Head,
    is_kept: bool,
    pub(crate) response: Head,
    pub(crate) request_id: String,
    /// How many policies stand behind the request, each having asked for the next; 0 for a visitor's.
    pub(crate) depth: u8,
}

impl Exchange {
    /// One from this worker's store.
    pub(crate) fn take() -> Box<Self> {
        EXCHANGES.with_borrow_mut(Vec::pop).unwrap_or_default()
    }

    /// Keeps a copy of the request as it was received, for policies that are asked after it was made ready for an upstream.
    pub(crate) fn keep_received(&mut self) {
        self.received.copy_from(&self.request);
        self.is_kept = true;
    }

    /// Whether there is such a copy.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// The request for policies: as it was received if that was kept, else as it is, `is_rewritten` or not.
    pub(crate) fn as_received(&self, is_rewritten: bool) -> AsReceived<'_> {
        AsReceived {
            head: if self.is_kept { &self.received } else { &self.request },
            is_rewritten: is_rewritten && !self.is_kept,
            id: &self.request_id,
            depth: self.depth,
        }
    }

    /// The request as it goes to an upstream, the place of its response, and the request as it was received.
    pub(crate) fn parts(&mut self) -> (&Head, &mut Head, AsReceived<'_>) {
        let received = AsReceived {
            head: if self.is_kept { &self.received } else { &self.request },
            is_rewritten: !self.is_kept,
            id: &self.request_id,
            depth: self.depth,
        };
        (&self.request, &mut self.response, received)
    }

    /// Back into the store.
    pub(crate) fn give(mut self: Box<Self>) {
        self.request.clear();
        self.received.clear();
        self.is_kept = false;
        self.response.clear();
        self.request_id.clear();
        self.depth = 0;
        EXCHANGES.with_borrow_mut(|all| {
            if all.len() < KEPT {
                all.push(self);
            }
        });
    }
}

/// An empty buffer from this worker's store.
pub(crate) fn take_buffer() -> Vec<u8> {
    BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Back into the store.
pub(crate) fn give_buffer(mut buffer: Vec<u8>) {
    if buffer.capacity() == 0 || buffer.capacity() > BUFFER_MAX {
        return;
    }
    buffer.clear();
    BUFFERS.with_borrow_mut(|all| {
        if all.len() < KEPT {
            all.push(buffer);
        }
    });
}

/// A random number for choosing members and for ids: fast, not for secrets (splitmix64).
pub(crate) fn random() -> u64 {
    RANDOM.with(|state| {
        let mut s = state.get();
        if s == 0 {
            use std::hash::{BuildHasher, RandomState};
            s = RandomState::new().hash_one(std::thread::current().id()) | 1;
        }
        s = s.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(s);
        let mut z = s;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}
