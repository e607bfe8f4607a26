//! What an idle session costs, counted over simulated minutes: polls of its driver, and writes.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use adit_mux::{Config, Heartbeat, Incoming, Session, Stream, session};
use tokio::{io::DuplexStream, task::JoinSet};

use crate::link::Counted;

/// One side: its session, and how often its driver ran and wrote.
struct Side {
    session: Session,
    incoming: Incoming,
    polls: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
}

impl Side {
    fn start(config: Config, io: DuplexStream, tasks: &mut JoinSet<()>) -> Self {
        let now = tokio::time::Instant::now().into_std();
        let (session, incoming, driver) = session(config, now);
        let (polls, writes) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let io = Counted {
            io,
            writes: writes.clone(),
        };
        let counted = polls.clone();
        tasks.spawn(async move {
            let mut run = pin!(driver.run(io));
            poll_fn(|cx| {
                counted.fetch_add(1, Relaxed);
                run.as_mut().poll(cx)
            })
            .await;
        });
        Self {
            session,
            incoming,
            polls,
            writes,
        }
    }

    /// Polls and writes since the last call.
    fn cost(&self) -> (usize, usize) {
        (self.polls.swap(0, Relaxed), self.writes.swap(0, Relaxed))
    }
}

/// A client and a server that have exchanged something and are idle since.
async fn idle(client: Config, tasks: &mut JoinSet<()>) -> (Side, Side) {
    let (a, b) = tokio::io::duplex(64 << 10);
    let mut client = Side::start(client, a, tasks);
    let mut server = Side::start(Config::server(), b, tasks);
    let mut asked = client.session.open(b"typehello").unwrap();
    let mut answered = server.incoming.accept().await.unwrap();
    answered.send_all(&[7; 5_000]).await.unwrap();
    assert!(asked.chunk().await.unwrap().is_some());
    drop((asked, answered));
    let mut pushed = server.session.open(b"typehello").unwrap();
    assert!(client.incoming.accept().await.is_some());
    pushed.reset(6);
    // Ticks, and the memory of closed streams, last as long as this.
    tokio::time::sleep(Duration::from_secs(60)).await;
    client.cost();
    server.cost();
    (client, server)
}

#[tokio::test(start_paused = true)]
async fn a_beat_costs_the_server_one_write_and_two_wake_ups() {
    let mut tasks = JoinSet::new();
    let (client, server) = idle(Config::client(), &mut tasks).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    // An agent beats every 9.5 to 10 s: 60 to 63 times. The server's beat goes out with the echo.
    let (polls, writes) = server.cost();
    assert!((60..=64).contains(&writes), "{writes}");
    assert!(polls <= 2 * writes + 2, "{polls} polls for {writes} writes");
    let (polls, writes) = client.cost();
    assert!(writes <= 128, "a beat and an echo: {writes}");
    assert!(polls <= 260, "{polls}");
    // Nothing is kept for the next beat.
    assert_eq!((client.session.held_bytes(), server.session.held_bytes()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn stock_agents_that_beat_every_ten_seconds_sharp_cost_no_more() {
    let mut tasks = JoinSet::new();
    // Without own beats of the client, the test beats.
    let client = Config {
        heartbeat: None,
        ..Config::client()
    };
    let (client, server) = idle(client, &mut tasks).await;
    let mut beats = client.session.open(&[0xFF; 4]).unwrap();
    for nonce in 0..80_u32 {
        if nonce == 20 {
            // By now the server's beats have come near the agent's, and ride on the echo.
            server.cost();
        }
        beats.send_all(&nonce.to_be_bytes()).await.unwrap();
        assert_eq!(&*beats.chunk().await.unwrap().unwrap(), &nonce.to_be_bytes());
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let (polls, writes) = server.cost();
    assert!((60..=61).contains(&writes), "{writes}");
    // The client's driver acknowledges each beat's four bytes only by its window of 64 KiB.
    assert!(polls <= 3 * writes + 4, "{polls} polls for {writes} writes");
}

#[tokio::test(start_paused = true)]
async fn a_server_beats_by_itself_where_the_agent_rarely_does() {
    let mut tasks = JoinSet::new();
    let client = Config {
        heartbeat: Some(Heartbeat {
            interval: Duration::from_secs(60),
            tolerance: Duration::from_secs(15),
        }),
        idle_timeout: None,
        ..Config::client()
    };
    let (client, server) = idle(client, &mut tasks).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let (polls, writes) = server.cost();
    assert!((54..=75).contains(&writes), "every 10 s, 10 % more or less: {writes}");
    assert!(polls <= 3 * writes, "{polls} polls for {writes} writes");
    assert!(!client.session.is_closed() && !server.session.is_closed());
}

/// What Adit's own control stream does: the server's probe rides on its beat, the agent answers.
async fn answer(mut stream: Stream) {
    stream.set_quiet();
    while let Ok(Some(probe)) = stream.chunk().await {
        if stream.send_all(&probe).await.is_err() {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_rides_on_a_beat_costs_no_write_of_its_own() {
    let mut tasks = JoinSet::new();
    let (client, mut server) = idle(Config::client(), &mut tasks).await;
    tasks.spawn(answer(client.session.open(b"control").unwrap()));
    let mut control = server.incoming.accept().await.unwrap();
    control.set_quiet();
    assert!(control.chunk().await.unwrap().is_some());
    tokio::time::sleep(Duration::from_secs(5)).await;
    client.cost();
    server.cost();
    for n in 0..60_u8 {
        assert!(control.ride(vec![n; 30].into_boxed_slice()));
        assert_eq!(control.chunk().await.unwrap().unwrap(), vec![n; 30]);
        assert_eq!(control.alight(), None, "it has gone");
    }
    let (polls, writes) = server.cost();
    assert!((60..=62).contains(&writes), "{writes}");
    assert!(polls <= 2 * writes + 2, "{polls} polls for {writes} writes");
    let (_, writes) = client.cost();
    assert!(writes <= 126, "the answer goes with the echo: {writes}");
    assert_eq!(server.session.held_bytes(), 0);
    assert!(control.ride(Box::default()) && control.alight().is_some());
    assert!(!control.ride(vec![0; 1_000].into_boxed_slice()), "too much");
}
