//! `tcp://` endpoints: who speaks first, ends in each direction by itself, resets as resets.

use std::net::SocketAddr;
use std::time::Duration;

use crate::harness::upstream::Conn;
use crate::harness::{Agent, End, Server, Upstream, Visitor};

/// An endpoint and the service behind it.
struct Tcp {
    upstream: Upstream,
    agent: Agent,
}

impl Tcp {
    fn start() -> Self {
        let upstream = Upstream::bind();
        let agent = Agent::tcp(Server::shared("streams"), upstream.address()).start();
        Self { upstream, agent }
    }

    fn address(&self) -> SocketAddr {
        format!("127.0.0.1:{}", self.agent.port()).parse().unwrap()
    }

    fn connect(&self) -> (Visitor, Conn) {
        let visitor = Visitor::plain(self.address());
        (visitor, self.upstream.accept())
    }
}

#[test]
fn the_url_says_where_it_is() {
    let tcp = Tcp::start();
    assert_eq!(tcp.agent.url, format!("tcp://tcp.adit.localhost:{}", tcp.agent.port()));
    let line = tcp.agent.process.stdout();
    assert!(
        line.contains(&format!("upstream=tcp://{}", tcp.upstream.address())),
        "{line}"
    );
}

#[test]
fn the_service_speaks_first() {
    let tcp = Tcp::start();
    let (mut visitor, mut conn) = tcp.connect();
    conn.send("SSH-2.0-OpenSSH_9.2\r\n");
    assert_eq!(visitor.bytes(21), b"SSH-2.0-OpenSSH_9.2\r\n");
    visitor.send("SSH-2.0-visitor\r\n");
    assert_eq!(conn.bytes(17), b"SSH-2.0-visitor\r\n");
}

#[test]
fn each_direction_ends_by_itself() {
    let tcp = Tcp::start();
    // printf x | nc -N
    let (mut visitor, mut conn) = tcp.connect();
    visitor.send("x");
    visitor.finish();
    assert_eq!(conn.rest(), (b"x".to_vec(), End::Clean));
    for part in ["the ", "full ", "answer"] {
        conn.send(part);
        assert_eq!(visitor.bytes(part.len()), part.as_bytes());
    }
    drop(conn);
    assert_eq!(visitor.rest(), (Vec::new(), End::Clean));
    // And the other way round.
    let (mut visitor, mut conn) = tcp.connect();
    conn.send("bye");
    conn.finish();
    assert_eq!(visitor.rest(), (b"bye".to_vec(), End::Clean));
    visitor.send("not yet");
    assert_eq!(conn.bytes(7), b"not yet");
    visitor.finish();
    assert_eq!(conn.rest(), (Vec::new(), End::Clean));
}

#[test]
fn a_reset_is_a_reset_in_both_directions() {
    let tcp = Tcp::start();
    let (mut visitor, mut conn) = tcp.connect();
    visitor.send("x");
    assert_eq!(conn.bytes(1), b"x");
    visitor.reset();
    assert_eq!(conn.rest().1, End::Reset);
    let (mut visitor, mut conn) = tcp.connect();
    conn.send("x");
    assert_eq!(visitor.bytes(1), b"x");
    conn.reset();
    assert_eq!(visitor.rest().1, End::Reset);
}

#[test]
fn an_agent_that_is_killed_is_a_reset() {
    let mut tcp = Tcp::start();
    let (mut visitor, mut conn) = tcp.connect();
    conn.send("x");
    assert_eq!(visitor.bytes(1), b"x");
    tcp.agent.process.kill();
    assert_eq!(visitor.rest().1, End::Reset);
}

#[test]
fn megabytes_pass_unchanged_both_ways_at_once() {
    const LENGTH: usize = 8 << 20;
    let tcp = Tcp::start();
    let (mut visitor, conn) = tcp.connect();
    let data = |salt: u32| -> Vec<u8> {
        (0..LENGTH as u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 ^ salt as u8)
            .collect()
    };
    let (up, down) = (data(1), data(2));
    std::thread::scope(|scope| {
        let (up, down) = (&up, &down);
        let mut reading = conn.try_clone();
        let mut writing = conn;
        let received = scope.spawn(move || reading.bytes(LENGTH));
        let sent = scope.spawn(move || {
            writing.send(down);
            writing.finish();
            writing
        });
        // The visitor has one thread: it must read while it writes, or both sides wait for each other.
        let mut got = Vec::new();
        for piece in up.chunks(64 * 1024) {
            visitor.send(piece);
            got.extend(visitor.bytes(piece.len()));
        }
        assert!(got == *down);
        assert!(received.join().unwrap() == *up);
        drop(sent.join().unwrap());
    });
}

#[test]
fn a_hundred_connections_at_once_keep_apart() {
    let tcp = Tcp::start();
    let mut pairs: Vec<_> = (0..100)
        .map(|i| {
            let mut visitor = Visitor::plain(tcp.address());
            visitor.send(format!("{i:04}"));
            let mut conn = tcp.upstream.accept();
            let id = conn.bytes(4);
            (i, visitor, conn, id)
        })
        .collect();
    for (i, visitor, conn, id) in &mut pairs {
        assert_eq!(id, format!("{i:04}").as_bytes());
        conn.send(format!("{i:06}"));
        assert_eq!(visitor.bytes(6), format!("{i:06}").into_bytes());
    }
}

/// Nothing is cut for being idle: there is no limit, so nothing to wait for but that a short pause is none either.
#[test]
fn an_idle_connection_is_left_alone() {
    let tcp = Tcp::start();
    let (mut visitor, mut conn) = tcp.connect();
    visitor.send("a");
    assert_eq!(conn.bytes(1), b"a");
    std::thread::sleep(Duration::from_secs(6));
    visitor.send("b");
    assert_eq!(conn.bytes(1), b"b");
    conn.send("c");
    assert_eq!(visitor.bytes(1), b"c");
}

#[test]
fn after_the_agent_has_gone_nobody_listens() {
    let tcp = Tcp::start();
    let address = tcp.address();
    let ended = tcp.agent.stop();
    assert_eq!(ended.code(), 0);
    crate::harness::eventually("the port is closed", || {
        std::net::TcpStream::connect(address).is_err().then_some(())
    });
}
