//! Waiting for a member: order, bounds, places given back, time-outs.

mod live;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use adit_cluster::{Directory, ParkLimits, ParkRefused, Parked, Woken};

use live::{leg, online};

const WAIT: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn poll(parked: &mut Parked, count: &Arc<Count>) -> Poll<Woken> {
    let waker = Waker::from(count.clone());
    Pin::new(parked).poll(&mut Context::from_waker(&waker))
}

#[tokio::test(start_paused = true)]
async fn waiters_go_on_in_order_of_arrival_and_at_most_32_a_turn() {
    let d = Directory::default();
    let (pool, member) = online(&d, "https://a.example.com");
    member.disconnect();
    let mut waiters: Vec<_> = (0..100)
        .map(|_| (pool.park(WAIT).unwrap(), Arc::new(Count::default())))
        .collect();
    for (parked, count) in &mut waiters {
        assert_eq!(poll(parked, count), Poll::Pending);
    }
    assert_eq!((pool.parked(), d.parked()), (100, 100));
    member.set_leg(&leg(0));
    pool.changed();
    let woken = |waiters: &[(Parked, Arc<Count>)]| waiters.iter().map(|(_, c)| c.get()).collect::<Vec<_>>();
    let now = woken(&waiters);
    assert!(now[..32].iter().all(|n| *n == 1) && now[32..].iter().all(|n| *n == 0));
    // One of the first lot is slow: the second lot waits for it.
    for (parked, count) in &mut waiters[..31] {
        assert_eq!(poll(parked, count), Poll::Ready(Woken::Member));
    }
    assert_eq!(woken(&waiters)[32], 0);
    // It leaves instead of being polled: the same to the others.
    drop(waiters.remove(31));
    let now = woken(&waiters);
    assert!(now[31..63].iter().all(|n| *n == 1) && now[63..].iter().all(|n| *n == 0));
    for (parked, count) in &mut waiters[31..] {
        assert_eq!(poll(parked, count), Poll::Ready(Woken::Member));
    }
    assert_eq!((pool.parked(), d.parked()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn when_the_member_goes_again_those_behind_keep_waiting() {
    let d = Directory::default();
    let (pool, member) = online(&d, "https://a.example.com");
    member.disconnect();
    let mut waiters: Vec<_> = (0..40)
        .map(|_| (pool.park(WAIT).unwrap(), Arc::new(Count::default())))
        .collect();
    for (parked, count) in &mut waiters {
        assert!(poll(parked, count).is_pending());
    }
    member.set_leg(&leg(0));
    pool.changed();
    member.disconnect();
    for (parked, count) in &mut waiters[..32] {
        assert_eq!(poll(parked, count), Poll::Ready(Woken::Member));
    }
    assert!(waiters[32..].iter_mut().all(|(p, c)| poll(p, c).is_pending()));
    member.set_leg(&leg(0));
    pool.changed();
    assert!(
        waiters[32..]
            .iter_mut()
            .all(|(p, c)| poll(p, c) == Poll::Ready(Woken::Member))
    );
}

#[tokio::test(start_paused = true)]
async fn places_are_bounded_for_an_endpoint_and_for_the_node_and_given_back() {
    let d = Directory::new(ParkLimits {
        per_endpoint: 3,
        per_node: 5,
    });
    let (a, member_a) = online(&d, "https://a.example.com");
    let (b, member_b) = online(&d, "https://b.example.com");
    member_a.disconnect();
    member_b.disconnect();
    let mut at_a: Vec<_> = (0..3).map(|_| a.park(WAIT).unwrap()).collect();
    assert_eq!(a.park(WAIT).unwrap_err(), ParkRefused::Full);
    let at_b: Vec<_> = (0..2).map(|_| b.park(WAIT).unwrap()).collect();
    assert_eq!(b.park(WAIT).unwrap_err(), ParkRefused::Full, "the node is full");
    at_a.pop();
    assert_eq!(d.parked(), 4);
    let third = b.park(WAIT).unwrap();
    assert_eq!(b.parked(), 3);
    drop((third, at_a, at_b));
    assert_eq!((a.parked(), b.parked(), d.parked()), (0, 0, 0));
    assert_eq!(a.park(Duration::ZERO).unwrap_err(), ParkRefused::Off);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_after_its_time_or_when_the_name_is_given_up() {
    let d = Directory::default();
    let (pool, member) = online(&d, "https://a.example.com");
    member.disconnect();
    let start = tokio::time::Instant::now();
    assert_eq!(pool.park(WAIT).unwrap().await, Woken::TimedOut);
    assert_eq!(start.elapsed().as_secs(), WAIT.as_secs());
    assert_eq!(d.parked(), 0);
    let (parked, count) = (&mut pool.park(WAIT).unwrap(), Arc::new(Count::default()));
    assert!(poll(parked, &count).is_pending());
    d.close(&pool);
    assert_eq!(count.get(), 1);
    assert_eq!(poll(parked, &count), Poll::Ready(Woken::Gone));
    assert_eq!(pool.park(WAIT).unwrap_err(), ParkRefused::Gone);
    assert_eq!(d.parked(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_the_member_is_back_already_does_not_wait() {
    let d = Directory::default();
    let (pool, _member) = online(&d, "https://a.example.com");
    assert_eq!(pool.park(WAIT).unwrap().await, Woken::Member);
    assert_eq!(d.parked(), 0);
}
