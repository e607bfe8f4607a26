//! Buffers of an exchange: kept per worker, held by a connection only while it serves a request.

use std::cell::{Cell, RefCell};

use adit_http1::Head;

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

    /// Back into the store.
    pub(crate) fn give(mut self: Box<Self>) {
        self.request.clear();
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
