//! What a session costs, both ends in this process, over loopback TCP (performance 9): CPU per
//! exchange and per MiB from the process' own account, and socket writes.
//!
//! `cargo bench -p adit-mux --bench exchange` prints these beside plain TCP in the same run.
//! Nothing here is asserted: times are compared by hand, in pairs.

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run should stop with the reason"
)]

use std::{
    fs,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Instant,
};

use adit_mux::{Config, Incoming, Session, Stream, session as make_session};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A connection that counts its writes.
struct Counted(TcpStream, Arc<AtomicUsize>);

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        self.1.fetch_add(1, Relaxed);
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// CPU time of the process so far, user and system, in µs. `/proc` counts in ticks of 10 ms.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = after_name
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    // utime and stime are fields 14 and 15; one that is no number (the state) was left out.
    (fields.get(10).unwrap_or(&0.0) + fields.get(11).unwrap_or(&0.0)) * 10_000.0
}

struct Ends {
    client: Session,
    incoming: Incoming,
    writes: Arc<AtomicUsize>,
    _server: Session,
    _unused: Incoming,
    drivers: JoinSet<()>,
}

async fn connect() -> Ends {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (near, far) = (near.unwrap(), far.unwrap().0);
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    let writes = Arc::<AtomicUsize>::default();
    let mut drivers = JoinSet::new();
    let (client, unused, driver) = make_session(Config::client(), Instant::now());
    let io = Counted(near, writes.clone());
    drivers.spawn(async move {
        driver.run(io).await;
    });
    let (server, incoming, driver) = make_session(Config::server(), Instant::now());
    let io = Counted(far, writes.clone());
    drivers.spawn(async move {
        driver.run(io).await;
    });
    Ends {
        client,
        incoming,
        writes,
        _server: server,
        _unused: unused,
        drivers,
    }
}

async fn read_to_end(stream: &mut Stream) -> usize {
    let mut n = 0;
    while let Some(chunk) = stream.chunk().await.unwrap() {
        n += chunk.len();
    }
    n
}

/// Answers each stream by 2 KiB once its 200 bytes are there.
async fn answer(mut incoming: Incoming) {
    let mut tasks = JoinSet::new();
    while let Some(mut stream) = incoming.accept().await {
        tasks.spawn(async move {
            read_to_end(&mut stream).await;
            stream.send_all(&[2; 2_048]).await.unwrap();
            stream.finish().unwrap();
        });
        while tasks.try_join_next().is_some() {}
    }
}

async fn sink(mut incoming: Incoming) {
    let mut tasks = JoinSet::new();
    while let Some(mut stream) = incoming.accept().await {
        tasks.spawn(async move {
            read_to_end(&mut stream).await;
            stream.finish().unwrap();
        });
    }
}

async fn exchanges(name: &str, total: usize) {
    let mut ends = connect().await;
    ends.drivers.spawn(answer(ends.incoming));
    let (cpu_before, start) = (cpu(), Instant::now());
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let session = ends.client.clone();
        tasks.spawn(async move {
            for _ in 0..total / 100 {
                let mut stream = session.open(&[1; 200]).unwrap();
                stream.finish().unwrap();
                assert_eq!(read_to_end(&mut stream).await, 2_048);
            }
        });
    }
    tasks.join_all().await;
    println!(
        "exchange (open, 200 B, 2 KiB, close; 100 at a time), {name}: {:.2} µs CPU, {:.3} writes, {:.2} µs wall",
        (cpu() - cpu_before) / total as f64,
        ends.writes.load(Relaxed) as f64 / total as f64,
        start.elapsed().as_secs_f64() * 1e6 / total as f64,
    );
}

async fn bulk(streams: usize, write: usize, mib: usize) {
    let mut ends = connect().await;
    ends.drivers.spawn(sink(ends.incoming));
    let cpu_before = cpu();
    let mut tasks = JoinSet::new();
    for _ in 0..streams {
        let session = ends.client.clone();
        tasks.spawn(async move {
            let mut stream = session.open(b"type").unwrap();
            let data = vec![7; write];
            for _ in 0..(mib << 20) / streams / write {
                stream.send_all(&data).await.unwrap();
            }
            stream.finish().unwrap();
            read_to_end(&mut stream).await;
        });
    }
    tasks.join_all().await;
    println!(
        "bulk, {streams} streams, writes of {write} B: {:.3} ms CPU per MiB, {:.1} writes per MiB",
        (cpu() - cpu_before) / 1_000.0 / mib as f64,
        ends.writes.load(Relaxed) as f64 / mib as f64,
    );
}

/// The floor: the same bytes over plain TCP, 64 KiB at a time.
async fn plain(mib: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (mut near, mut far) = (near.unwrap(), far.unwrap().0);
    let cpu_before = cpu();
    let write = async move {
        let data = vec![7; 64 << 10];
        for _ in 0..mib * 16 {
            near.write_all(&data).await.unwrap();
        }
    };
    let read = async move {
        let mut buf = vec![0; 64 << 10];
        while far.read(&mut buf).await.unwrap() > 0 {}
    };
    tokio::join!(write, read);
    println!(
        "bulk, plain TCP: {:.3} ms CPU per MiB",
        (cpu() - cpu_before) / 1_000.0 / mib as f64
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let stealing = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    // `cargo test --benches` runs this too: once, and short.
    let quick = std::env::args().any(|argument| argument == "--test");
    let scale = if quick { 1 } else { 50 };
    for _ in 0..if quick { 1 } else { 3 } {
        runtime.block_on(exchanges("one thread", 2_000 * scale));
        stealing.block_on(exchanges("two stealing workers", 2_000 * scale));
        runtime.block_on(plain(16 * scale));
        runtime.block_on(bulk(1, 32 << 10, 16 * scale));
        runtime.block_on(bulk(64, 32 << 10, 16 * scale));
        runtime.block_on(bulk(64, 2 << 10, 16 * scale));
    }
}
