//! Whose bytes go out when many are ready.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Wake, Waker},
};

use adit_mux::{
    Config,
    frame::Header,
    session::{Batch, Key},
};

use crate::peer::{Peer, quiet};

/// A task that notes that it was woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Sender {
    key: Key,
    flag: Arc<Flag>,
    chunk: usize,
    sent: usize,
}

impl Sender {
    /// Sends as long as it can, as a copy loop does; what it sent.
    fn run(&mut self, peer: &mut Peer, rounds: usize) {
        let waker = Waker::from(self.flag.clone());
        let data = vec![0; self.chunk];
        for _ in 0..rounds {
            let part = [std::io::IoSlice::new(&data)];
            match peer.core.poll_send(self.key, &waker, &part) {
                Poll::Ready(Ok(n)) => self.sent += n,
                Poll::Ready(Err(error)) => panic!("{error}"),
                Poll::Pending => return,
            }
        }
    }
}

fn senders(peer: &mut Peer, chunks: &[usize]) -> Vec<Sender> {
    let senders = chunks
        .iter()
        .map(|chunk| {
            let key = peer.core.open(b"type").unwrap();
            let grant = adit_mux::frame::wndinc(key.id(), 1 << 30);
            peer.feed(&grant);
            Sender {
                key,
                flag: Arc::default(),
                chunk: *chunk,
                sent: 0,
            }
        })
        .collect();
    peer.take();
    // The opening frames made a crowd; an empty batch later it is forgotten.
    peer.core.take(&mut Batch::default(), peer.now);
    senders
}

fn peer() -> Peer {
    Peer::new(Config {
        max_unaccepted: 448,
        ..quiet(Config::server())
    })
}

/// The frames of one batch: stream and length.
fn batch(peer: &mut Peer) -> Vec<(u32, usize)> {
    let mut batch = Batch::default();
    peer.core.take(&mut batch, peer.now);
    peer.core.wake();
    let (mut rest, mut frames) = (batch.remaining(), Vec::new());
    while let Some((head, tail)) = rest.split_first_chunk::<8>() {
        let header = Header::parse(head);
        frames.push((header.stream, header.length as usize));
        rest = &tail[header.length as usize..];
    }
    frames
}

#[test]
fn one_alone_fills_the_batch_with_one_frame() {
    let mut peer = peer();
    let mut bulk = senders(&mut peer, &[32 << 10]);
    bulk[0].run(&mut peer, 100);
    let frames = batch(&mut peer);
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert!((60 << 10..=64 << 10).contains(&frames[0].1), "{frames:?}");
}

#[test]
fn a_small_frame_waits_for_one_bulk_frame_of_each_ready_stream() {
    let mut peer = peer();
    let mut chunks = vec![200; 100];
    chunks[0] = 1 << 20;
    chunks[1] = 1 << 20;
    let mut all = senders(&mut peer, &chunks);
    let bulk: Vec<u32> = all[..2].iter().map(|s| s.key.id()).collect();
    let mut since: HashMap<u32, Vec<u32>> = HashMap::new();
    for round in 0..200 {
        // The small ones ask whenever they can, the bulk ones all the time.
        for sender in &mut all {
            let woken = sender.flag.0.swap(false, Ordering::Relaxed);
            if sender.chunk > 200 || round % 3 == 0 || woken {
                let waits = since.contains_key(&sender.key.id());
                let before = sender.sent;
                sender.run(&mut peer, if sender.chunk > 200 { 100 } else { 1 });
                if sender.chunk == 200 && !waits {
                    since.insert(sender.key.id(), Vec::new());
                }
                let _ = before;
            }
        }
        for (id, length) in batch(&mut peer) {
            if bulk.contains(&id) {
                if round > 1 {
                    assert!(length <= 16 << 10, "{length}");
                }
                since.values_mut().for_each(|passed| passed.push(id));
            } else if let Some(passed) = since.remove(&id) {
                for bulk in &bulk {
                    let ahead = passed.iter().filter(|id| *id == bulk).count();
                    assert!(
                        round < 2 || ahead <= 2,
                        "{ahead} frames of {bulk} in round {round}"
                    );
                }
            }
        }
    }
    let (a, b) = (all[0].sent, all[1].sent);
    assert!(a.abs_diff(b) <= 64 << 10, "round robin by bytes: {a}, {b}");
    assert!(
        all[2..].iter().all(|s| s.sent >= 200 * 60),
        "nobody starves"
    );
}

#[test]
fn equal_shares_for_unequal_writes() {
    let mut peer = peer();
    let mut all = senders(&mut peer, &[1_000, 5_000, 16_000, 64_000]);
    for _ in 0..400 {
        for sender in &mut all {
            if sender.flag.0.swap(false, Ordering::Relaxed) || sender.sent == 0 {
                sender.run(&mut peer, 100);
            }
        }
        batch(&mut peer);
    }
    let most = all.iter().map(|s| s.sent).max().unwrap();
    let least = all.iter().map(|s| s.sent).min().unwrap();
    assert!(least * 10 >= most * 9, "{least} and {most}");
}

#[test]
fn a_woken_task_that_never_comes_blocks_nobody() {
    let mut peer = peer();
    let mut all = senders(&mut peer, &[16 << 10; 12]);
    for sender in &mut all {
        sender.run(&mut peer, 100);
    }
    // The first ten never run again.
    for _ in 0..20 {
        batch(&mut peer);
        for sender in &mut all[10..] {
            if sender.flag.0.swap(false, Ordering::Relaxed) {
                sender.run(&mut peer, 100);
            }
        }
    }
    assert!(all[10].sent > 100 << 10 && all[11].sent > 100 << 10);
    for sender in &all[..10] {
        peer.core.reset(sender.key, 6);
    }
    assert!(peer.is_open());
}
