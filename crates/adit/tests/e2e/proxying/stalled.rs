//! One visitor who reads nothing of an endless response: it costs what the windows hold, and nobody else notices.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::harness::message::ok;
use crate::harness::upstream::Conn;
use crate::harness::{Agent, H2, Server, Upstream, Visitor};

static PIECE: LazyLock<Vec<u8>> = LazyLock::new(|| vec![b'x'; 64 * 1024]);

/// A service that sends without end on `/endless` and says how much it got rid of.
struct Endless {
    server: Server,
    _agent: Agent,
    host: String,
    sent: Arc<AtomicU64>,
    _serving: std::thread::JoinHandle<()>,
}

impl Endless {
    fn start(name: &str) -> Self {
        let server = Server::start();
        let upstream = Upstream::bind();
        let host = server.host(name);
        let agent = Agent::http(&server, upstream.address())
            .url(&format!("https://{host}"))
            .start();
        let sent = Arc::new(AtomicU64::new(0));
        let counted = sent.clone();
        let serving = std::thread::spawn(move || {
            loop {
                let mut conn: Conn = loop {
                    match upstream.accepted() {
                        Some(conn) => break conn,
                        None => std::thread::sleep(Duration::from_millis(2)),
                    }
                };
                let counted = counted.clone();
                std::thread::spawn(move || {
                    while let Some(request) = conn.try_request() {
                        if request.target() != "/endless" {
                            conn.send(ok("served"));
                            continue;
                        }
                        conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1_u64 << 40));
                        while conn.try_send(&*PIECE).is_ok() {
                            counted.fetch_add(PIECE.len() as u64, Ordering::Relaxed);
                        }
                        return;
                    }
                });
            }
        });
        Self {
            server,
            _agent: agent,
            host,
            sent,
            _serving: serving,
        }
    }

    /// Waits until the service cannot get rid of any more.
    fn wait_until_full(&self) -> u64 {
        let mut last = (self.sent.load(Ordering::Relaxed), Instant::now());
        let began = Instant::now();
        loop {
            std::thread::sleep(Duration::from_millis(20));
            let now = self.sent.load(Ordering::Relaxed);
            if now != last.0 {
                last = (now, Instant::now());
            } else if now > 0 && last.1.elapsed() > Duration::from_millis(700) {
                return now;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "it takes everything: {now}");
        }
    }

    /// Requests of others over the same session are served.
    fn others_are_served(&self) {
        let mut visitor = Visitor::tls(&self.server, &self.host);
        let mut times: Vec<_> = (0..100)
            .map(|_| {
                let began = Instant::now();
                let answer = visitor.ask(format!("GET /small HTTP/1.1\r\nHost: {}\r\n\r\n", self.host));
                assert_eq!(answer.text(), "served");
                began.elapsed()
            })
            .collect();
        times.sort();
        // Not a measurement: a stalled session would take forever.
        assert!(times[50] < Duration::from_millis(500), "{:?}", times[50]);
    }
}

/// Bytes between service and visitor: kernel buffers of four sockets, the agent's scratch, the windows.
const ON_THE_WAY: u64 = 48 << 20;
/// What the server itself may grow by: windows of stream and visitor, with room for what a debug build wastes.
const GROWTH: u64 = 12 << 20;

#[test]
fn over_http_1() {
    let endless = Endless::start("stalled1");
    endless.others_are_served();
    let before = endless.server.memory();
    let mut visitor = Visitor::tls(&endless.server, &endless.host);
    visitor.send(format!("GET /endless HTTP/1.1\r\nHost: {}\r\n\r\n", endless.host));
    assert_eq!(visitor.receive_head().status(), 200);
    let sent = endless.wait_until_full();
    assert!(sent < ON_THE_WAY, "{sent}");
    let grown = endless.server.memory().saturating_sub(before);
    assert!(grown < GROWTH, "{} KiB", grown / 1024);
    endless.others_are_served();
    // It goes on where it stopped.
    visitor.skip(usize::try_from(sent).unwrap() + (1 << 20));
}

#[test]
fn over_http_2() {
    let endless = Endless::start("stalled2");
    endless.others_are_served();
    let before = endless.server.memory();
    let mut h2 = H2::connect(&endless.server, &endless.host);
    let request = h2.to(http::Method::GET, "/endless").body(()).unwrap();
    let (response, _) = h2.begin(request, true);
    let body = h2.wait("the head", response).unwrap().into_body();
    let sent = h2.meanwhile(|| endless.wait_until_full());
    assert!(sent < ON_THE_WAY, "{sent}");
    let grown = endless.server.memory().saturating_sub(before);
    assert!(grown < GROWTH, "{} KiB", grown / 1024);
    h2.meanwhile(|| endless.others_are_served());
    assert_eq!(h2.get("/small").text(), "served", "on the same connection too");
    drop(body);
}

/// The other direction: a service that does not read an upload.
#[test]
fn an_upload_that_nobody_reads() {
    let server = Server::start();
    let upstream = Upstream::bind();
    let host = server.host("stalled-up");
    let agent = Agent::http(&server, upstream.address())
        .url(&format!("https://{host}"))
        .start();
    let mut visitor = Visitor::tls(&server, &host);
    visitor.send(format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n",
        1_u64 << 40
    ));
    let conn = upstream.accept();
    let before = server.memory();
    let mut sent = 0_u64;
    while visitor.try_send_now(&PIECE, Duration::from_millis(700)) {
        sent += PIECE.len() as u64;
        assert!(sent < ON_THE_WAY, "it takes everything");
    }
    let grown = server.memory().saturating_sub(before);
    assert!(grown < GROWTH, "{} KiB", grown / 1024);
    drop((conn, agent));
}
