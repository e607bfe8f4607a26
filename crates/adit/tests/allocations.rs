//! What a small request allocates: server and agent in this process, a counting allocator, and a visitor and a service
//! that allocate nothing. The goals are 16 for the server and 4 for the agent (docs/performance.md).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::alloc::System;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use adit_agent::{Ca, Session};
use adit_server::config::Settings;
use adit_server::state::State;
use adit_server::{AccessLog, First, Options, Server};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const REQUESTS: usize = 500;
const MOST: usize = 16 + 4;

/// Answers every request of a connection that stays.
fn serve(listener: &TcpListener) {
    let (mut io, _) = listener.accept().unwrap();
    let mut buffer = [0; 4096];
    let mut filled = 0;
    loop {
        match io.read(&mut buffer[filled..]) {
            Ok(n) if n > 0 => filled += n,
            _ => return,
        }
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            filled = 0;
            io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        }
    }
}

/// Asks once, and reads the whole answer.
fn ask(io: &mut TcpStream, request: &[u8]) {
    io.write_all(request).unwrap();
    let mut buffer = [0; 4096];
    let mut filled = 0;
    while !buffer[..filled].ends_with(b"\r\n\r\nok") {
        let n = io.read(&mut buffer[filled..]).unwrap();
        assert!(n > 0, "{}", String::from_utf8_lossy(&buffer[..filled]));
        filled += n;
    }
    assert!(buffer.starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn a_small_request_allocates_little() {
    let directory = tempfile::tempdir().unwrap();
    let local = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (https, http, admin, service) = (local(), local(), local(), local());
    for listener in [&https, &http, &admin] {
        listener.set_nonblocking(true).unwrap();
    }
    let (connect, plain) = (https.local_addr().unwrap(), http.local_addr().unwrap());
    let mut settings = Settings::default();
    settings.agents.accept_without_sni = Some(true);
    settings.domains.private_suffixes = vec!["localhost".to_owned()];
    let state = State::open(directory.path()).unwrap();
    let credentials = state.credentials().unwrap();
    let server = Server::start(Options {
        state,
        base_domain: "adit.localhost".to_owned(),
        https,
        http: Some(http),
        admin,
        workers: 1,
        access_log: AccessLog::Off,
        settings,
        firewall: Err(adit_policy::NoFirewall::NotBuilt),
        first: Some(First::of(&credentials, "adit.localhost").unwrap()),
    })
    .unwrap();
    let upstream = format!("http://{}", service.local_addr().unwrap());
    let serving = std::thread::spawn(move || serve(&service));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (session, endpoint) = runtime.block_on(async {
        let session = Session::builder()
            .environment(|_| None)
            .authtoken(credentials.authtoken.clone())
            .connect_url(connect.to_string())
            .connect_server_name("connect.adit.localhost")
            .ca(Ca::file(server.state().ca_file()).unwrap())
            .connect()
            .await
            .unwrap();
        let endpoint = session
            .http()
            .url("http://count.adit.localhost")
            .listen_and_forward(&upstream)
            .await
            .unwrap();
        (session, endpoint)
    });

    // The agent lives on this thread, the visitor on its own.
    let (done, counted) = tokio::sync::oneshot::channel();
    let visiting = std::thread::spawn(move || {
        let mut visitor = TcpStream::connect(plain).unwrap();
        let request = b"GET /path?q HTTP/1.1\r\nHost: count.adit.localhost\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
        for _ in 0..REQUESTS {
            ask(&mut visitor, request);
        }
        let region = Region::new(ALLOCATOR);
        for _ in 0..REQUESTS {
            ask(&mut visitor, request);
        }
        done.send(region.change()).unwrap();
    });
    let change = runtime.block_on(counted).unwrap();
    visiting.join().unwrap();
    let each = (change.allocations + change.reallocations) as f64 / REQUESTS as f64;
    println!(
        "{each} allocations a request, {} bytes",
        change.bytes_allocated / REQUESTS
    );
    assert!(each <= MOST as f64, "{each} allocations a request: {change:?}");

    runtime.block_on(async {
        endpoint.close().await;
        session.close().await;
        server.stop(std::time::Duration::from_secs(1)).await;
    });
    serving.join().unwrap();
}
