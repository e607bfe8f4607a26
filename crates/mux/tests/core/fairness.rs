//! Whose bytes go out when many are ready.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex,
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
        self.run_as(peer, rounds, &waker);
    }

    fn run_as(&mut self, peer: &mut Peer, rounds: usize, waker: &Waker) {
        let data = vec![0; self.chunk];
        for _ in 0..rounds {
            let part = [std::io::IoSlice::new(&data)];
            match peer.core.poll_send(self.key, waker, &part) {
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

/// Tasks run in the order in which they were woken, as a runtime runs them.
#[derive(Default)]
struct RunQueue(Mutex<VecDeque<usize>>);

struct Task {
    index: usize,
    queue: Arc<RunQueue>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.queue.0.lock().unwrap().push_back(self.index);
    }
}

#[test]
fn a_small_frame_waits_for_one_bulk_frame_of_each_ready_stream() {
    const BULK: usize = 2;
    const SMALL: usize = 100;
    let mut peer = peer();
    let chunks = [vec![1 << 20; BULK], vec![200; SMALL]].concat();
    let mut all = senders(&mut peer, &chunks);
    let queue = Arc::<RunQueue>::default();
    // Frames of each bulk stream that went out since a small one asked.
    let mut since: HashMap<u32, [usize; BULK]> = HashMap::new();
    (0..BULK).for_each(|bulk| queue.0.lock().unwrap().push_back(bulk));
    for round in 0..300 {
        // Some small ones become ready; the bulk ones always are.
        for index in (BULK..BULK + SMALL).filter(|index| index % 3 == round % 3) {
            let id = all[index].key.id();
            if since.insert(id, [0; BULK]).is_none() {
                queue.0.lock().unwrap().push_back(index);
            }
        }
        loop {
            let next = queue.0.lock().unwrap().pop_front();
            let Some(index) = next else { break };
            let waker = Waker::from(Arc::new(Task {
                index,
                queue: queue.clone(),
            }));
            let rounds = if index < BULK { 100 } else { 1 };
            all[index].run_as(&mut peer, rounds, &waker);
        }
        for (id, length) in batch(&mut peer) {
            match all[..BULK].iter().position(|s| s.key.id() == id) {
                Some(bulk) => {
                    assert!(length <= 16 << 10 || round == 0, "{length}");
                    since.values_mut().for_each(|ahead| ahead[bulk] += 1);
                }
                None => {
                    let ahead = since.remove(&id).unwrap();
                    assert!(ahead.iter().all(|n| *n <= 1), "{ahead:?} in round {round}");
                }
            }
        }
    }
    let (a, b) = (all[0].sent, all[1].sent);
    assert!(a > 4 << 20 && a.abs_diff(b) <= 64 << 10, "{a}, {b}");
    assert!(all[BULK..].iter().all(|s| s.sent >= 200 * 99));
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
