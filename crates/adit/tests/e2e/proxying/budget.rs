//! Hundreds of visitors on several sessions who read nothing of endless responses, and a small `limits.buffers`: the
//! server holds no more than that, those who hold most are given up, and everybody else is served.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use socket2::{Domain, Socket, Type};

use crate::harness::server::Directory;
use crate::harness::{Agent, Server, Site, eventually};

/// `limits.buffers`.
const BUDGET: u64 = 8 << 20;
/// What may come on top (edge specification, 65).
const BESIDE: u64 = 64 << 20;
const SESSIONS: usize = 4;
/// Readers of one session. Without a budget each would cost a window of 256 KiB: 100 MiB together.
const READERS: usize = 100;

static PIECE: LazyLock<Vec<u8>> = LazyLock::new(|| vec![b'x'; 64 * 1024]);

/// A service that sends without end to everybody, and counts what it got rid of.
fn endless() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Arc::<AtomicU64>::default();
    let counted = sent.clone();
    std::thread::spawn(move || {
        for conn in listener.incoming().map_while(Result::ok) {
            let counted = counted.clone();
            std::thread::spawn(move || serve(conn, &counted));
        }
    });
    (address, sent)
}

fn serve(mut conn: TcpStream, sent: &AtomicU64) {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match conn.read(&mut piece) {
            Ok(n) if n > 0 => head.extend_from_slice(&piece[..n]),
            _ => return,
        }
    }
    let _ = conn.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1_u64 << 40).as_bytes());
    while conn.write_all(&PIECE).is_ok() {
        sent.fetch_add(PIECE.len() as u64, Ordering::Relaxed);
    }
}

/// A visitor of the plain port who asks and never reads; its own socket holds next to nothing.
fn silent_reader(server: &Server, host: &str) -> Socket {
    let mut socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    socket.connect(&server.info.http.into()).unwrap();
    socket
        .write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())
        .unwrap();
    socket
}

#[test]
fn stalled_readers_on_several_sessions_stay_within_it() {
    let directory = Directory::new();
    let mut command = directory.dev_on_free_ports();
    command.env("ADIT_SERVER__LIMITS__BUFFERS", BUDGET.to_string());
    let server = Server::started(directory, &mut command);
    let (address, _sent) = endless();
    let agents: Vec<_> = (0..SESSIONS)
        .map(|n| {
            let url = format!("http://{}", server.host(&format!("flood{n}")));
            Agent::http(&server, address).url(&url).start()
        })
        .collect();
    let quiet = Site::answering(&server, "calm", &[], |_| crate::harness::message::ok("served"));
    assert_eq!(quiet.get("/").text(), "served");
    let before = server.memory();

    let mut readers = Vec::new();
    let mut most = 0;
    for n in 0..SESSIONS * READERS {
        readers.push(silent_reader(&server, &server.host(&format!("flood{}", n % SESSIONS))));
        if n % 20 == 0 {
            most = most.max(server.memory());
            assert_eq!(quiet.get("/").text(), "served", "another session, all the while");
        }
    }
    let held = || server.metric("adit_buffers_bytes", &["sessions"]);
    let shed = || server.metric("adit_buffers_shed_total", &["reset"]);
    // The server gives streams up until what is left fits.
    eventually("streams are given up until the rest fits", || {
        most = most.max(server.memory());
        assert_eq!(quiet.get("/").text(), "served");
        (shed() > 0.0 && held() < BUDGET as f64 * 0.9).then_some(())
    });
    let grown = most.saturating_sub(before);
    assert!(grown < BUDGET + BESIDE, "{} MiB", grown >> 20);
    // The sessions of the readers live: their agents never had to come again.
    assert_eq!(server.metric("adit_agent_sessions", &[]), SESSIONS as f64 + 1.0);
    drop((readers, agents));
    eventually("everything is given back", || (held() < 1e6).then_some(()));
}
