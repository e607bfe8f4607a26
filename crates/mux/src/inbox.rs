//! What streams have received and nobody has read yet.
//!
//! Chunks of all streams of a session live in one slab; a stream holds only the ends of its list,
//! so an idle stream costs nothing here and a frame costs no allocation of a node.
//!
//! A payload stays where it was read to (a slice of the read buffer) only if it is ≥ 1 KiB and pins
//! nothing that this stream does not pin already: its inbox is empty, or ends in a slice of the
//! same buffer. Everything else is copied into memory of its own, small pieces one behind the
//! other, so that no slow stream keeps more than one read buffer alive by a slice. Held memory is
//! counted by capacity: own chunks by what they reserve, each pinned read buffer once as a whole.

use bytes::{Buf, Bytes, BytesMut};
use slab::Slab;

/// Payloads below this are copied.
pub(crate) const SLICE_MIN: usize = 1 << 10;
/// Copied payloads are gathered into chunks up to this size.
const GATHER: usize = 16 << 10;
const NONE: u32 = u32::MAX;

/// The list of one stream.
#[derive(Debug)]
pub(crate) struct Inbox {
    head: u32,
    tail: u32,
}

impl Inbox {
    pub(crate) const fn new() -> Self {
        Self { head: NONE, tail: NONE }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.head == NONE
    }
}

#[derive(Debug)]
enum Chunk {
    /// A slice of a read buffer.
    Slice { bytes: Bytes, region: u32 },
    /// A copy.
    Own(BytesMut),
}

#[derive(Debug)]
struct Node {
    chunk: Chunk,
    next: u32,
}

/// A read buffer of which slices are held.
#[derive(Debug)]
struct Region {
    slices: u32,
    size: usize,
}

/// All chunks of a session.
#[derive(Debug)]
pub(crate) struct Inboxes {
    nodes: Slab<Node>,
    regions: Slab<Region>,
    /// Address range and key of the buffer being received.
    current: (usize, usize, u32),
    held: usize,
}

impl Inboxes {
    pub(crate) const fn new() -> Self {
        Self {
            nodes: Slab::new(),
            regions: Slab::new(),
            current: (0, 0, NONE),
            held: 0,
        }
    }

    /// Bytes of memory held, by capacity.
    pub(crate) const fn held(&self) -> usize {
        self.held
    }

    /// Announces the buffer whose payloads come next, to tell slices of one buffer from another's.
    pub(crate) fn enter(&mut self, buf: &BytesMut) {
        let start = buf.as_ptr().addr();
        let end = start + buf.capacity();
        let (from, to, region) = self.current;
        if from <= start && end <= to && region != NONE {
            return;
        }
        if let Some(old) = self.regions.get(region as usize)
            && old.slices == 0
        {
            self.regions.remove(region as usize);
        }
        let key = self.regions.insert(Region {
            slices: 0,
            size: buf.capacity(),
        });
        self.current = (start, end, key as u32);
    }

    /// Moves the first `n` bytes of `buf` to the end of `inbox`.
    pub(crate) fn push(&mut self, inbox: &mut Inbox, buf: &mut BytesMut, n: usize) {
        let n = n.min(buf.len());
        if n == 0 {
            return;
        }
        let current = self.current.2;
        let tail = self.nodes.get_mut(inbox.tail as usize).map(|n| &mut n.chunk);
        let chunk = match tail {
            None if n >= SLICE_MIN => self.slice(buf, n, current),
            Some(Chunk::Slice { region, .. }) if n >= SLICE_MIN && *region == current => self.slice(buf, n, current),
            Some(Chunk::Own(own)) if own.len() + n <= GATHER => {
                let before = own.capacity();
                if before - own.len() < n {
                    // More small pieces will come: in big steps, or growing costs more than copying.
                    own.reserve((own.len() * 3).max(n).min(GATHER - own.len()));
                }
                own.extend_from_slice(buf.get(..n).unwrap_or_default());
                buf.advance(n);
                self.held += own.capacity() - before;
                return;
            }
            _ => {
                let mut own = BytesMut::with_capacity(n);
                own.extend_from_slice(buf.get(..n).unwrap_or_default());
                buf.advance(n);
                self.held += own.capacity();
                Chunk::Own(own)
            }
        };
        let key = self.nodes.insert(Node { chunk, next: NONE }) as u32;
        match self.nodes.get_mut(inbox.tail as usize) {
            Some(tail) => tail.next = key,
            None => inbox.head = key,
        }
        inbox.tail = key;
    }

    /// Takes the first chunk.
    pub(crate) fn pop(&mut self, inbox: &mut Inbox) -> Option<Bytes> {
        let node = self.nodes.try_remove(inbox.head as usize)?;
        inbox.head = node.next;
        if node.next == NONE {
            inbox.tail = NONE;
        }
        Some(match node.chunk {
            Chunk::Own(own) => {
                self.held -= own.capacity();
                own.freeze()
            }
            Chunk::Slice { bytes, region } => {
                self.unpin(region);
                bytes
            }
        })
    }

    /// Drops all chunks of `inbox`.
    pub(crate) fn clear(&mut self, inbox: &mut Inbox) {
        while self.pop(inbox).is_some() {}
    }

    /// Gives the slabs' memory back; worth it only when nothing is held.
    pub(crate) fn trim(&mut self) {
        if self.nodes.is_empty() {
            self.nodes = Slab::new();
            self.regions = Slab::new();
            self.current = (0, 0, NONE);
        }
    }

    pub(crate) fn footprint(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.regions.capacity() * size_of::<Region>()
    }

    fn slice(&mut self, buf: &mut BytesMut, n: usize, region: u32) -> Chunk {
        if let Some(pinned) = self.regions.get_mut(region as usize) {
            if pinned.slices == 0 {
                self.held += pinned.size;
            }
            pinned.slices += 1;
        }
        Chunk::Slice {
            bytes: buf.split_to(n).freeze(),
            region,
        }
    }

    fn unpin(&mut self, region: u32) {
        let Some(pinned) = self.regions.get_mut(region as usize) else {
            return;
        };
        pinned.slices -= 1;
        if pinned.slices == 0 {
            self.held -= pinned.size;
            if region != self.current.2 {
                self.regions.remove(region as usize);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(n: usize) -> BytesMut {
        let mut buf = BytesMut::with_capacity(64 << 10);
        buf.extend((0..n).map(|i| i as u8));
        buf
    }

    #[test]
    fn small_payloads_pin_nothing_and_are_gathered() {
        let (mut all, mut inbox) = (Inboxes::new(), Inbox::new());
        for _ in 0..1_000 {
            let mut buf = filled(10);
            all.enter(&buf);
            all.push(&mut inbox, &mut buf, 10);
        }
        assert!(all.held() <= 2 * 10_000, "{}", all.held());
        assert_eq!(all.pop(&mut inbox).unwrap().len(), 10_000);
        assert!(inbox.is_empty());
        assert_eq!(all.held(), 0);
    }

    #[test]
    fn slices_of_one_buffer_pin_it_once() {
        let (mut all, mut inbox) = (Inboxes::new(), Inbox::new());
        let mut buf = filled(8 << 10);
        all.enter(&buf);
        all.push(&mut inbox, &mut buf, 4 << 10);
        all.push(&mut inbox, &mut buf, 4 << 10);
        assert_eq!(all.held(), 64 << 10);
        let mut next = filled(4 << 10);
        all.enter(&next);
        all.push(&mut inbox, &mut next, 4 << 10);
        assert_eq!(all.held(), 68 << 10, "another buffer is not pinned too");
        assert_eq!(all.pop(&mut inbox).unwrap().len(), 4 << 10);
        all.clear(&mut inbox);
        assert_eq!(all.held(), 0);
        assert_eq!(all.regions.len(), 1);
        all.trim();
        assert_eq!(all.footprint(), 0);
    }
}
