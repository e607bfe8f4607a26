//! SIGTERM: what runs is finished, then the program ends.

use std::sync::LazyLock;
use std::time::Instant;

use adit_tls::{ClientProfile, Roots};

use crate::harness::message::{ok, response};
use crate::harness::{End, Of, Server, Site, Visitor, eventually};

/// The server has begun to drain: it says so on its admin port.
fn drains(server: &Server) {
    server.process.signal("TERM");
    eventually("/readyz says 503", || {
        (server.admin("/readyz").status() == 503).then_some(())
    });
}

#[test]
fn a_response_that_runs_is_completed() {
    let server = Server::start();
    let site = Site::scripted(&server, "drain-running", &[]);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/slow"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    assert_eq!(visitor.receive_head().status(), 200);
    assert_eq!(visitor.bytes(5), b"01234");

    drains(&server);
    upstream.send("56789");
    assert_eq!(visitor.bytes(5), b"56789");
    let Site { agent, .. } = site;
    let ended = server.process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    drop(agent);
}

#[test]
fn a_large_response_to_a_slow_reader_is_completed() {
    static BODY: LazyLock<Vec<u8>> = LazyLock::new(|| (0..16_000_000_u32).map(|i| i as u8).collect());
    let server = Server::start();
    let site = Site::scripted(&server, "drain-large", &[]);
    let mut visitor = site.visitor();
    visitor.shrink(64 * 1024);
    visitor.send(site.get_text("/large"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    let sending = std::thread::spawn(move || {
        upstream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", BODY.len()));
        upstream.send(&*BODY);
        upstream
    });
    assert_eq!(visitor.receive_head().status(), 200);
    drains(&server);
    assert!(visitor.bytes(BODY.len()) == *BODY);
    drop(sending.join().unwrap());
    let Site { agent, .. } = site;
    assert_eq!(server.process.ended().code(), 0);
    drop(agent);
}

#[test]
fn an_idle_server_ends_at_once() {
    let server = Server::start();
    let site = Site::answering(&server, "drain-idle", &[], |_| ok("x"));
    let mut idle = site.visitor();
    assert_eq!(idle.ask(site.get_text("/")).status(), 200);
    let began = Instant::now();
    server.process.signal("TERM");
    let Site { agent, .. } = site;
    let ended = server.process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
    drop(agent);
}

/// A stream that is kept for one visitor, because it has logged in over it, is as idle as the visitor.
#[test]
fn a_login_of_an_idle_visitor_holds_nothing_up() {
    let server = Server::start();
    let site = Site::answering(&server, "drain-login", &[], |_| {
        response("401 Unauthorized", "WWW-Authenticate: NTLM\r\n", b"")
    });
    let mut idle = site.visitor();
    assert_eq!(idle.ask(site.get_text("/")).status(), 401);
    let began = Instant::now();
    server.process.signal("TERM");
    let Site { agent, .. } = site;
    assert_eq!(server.process.ended().code(), 0);
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
    drop(agent);
}

#[test]
fn a_second_signal_does_not_wait() {
    let server = Server::start();
    let site = Site::scripted(&server, "drain-twice", &[]);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/never"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    drains(&server);
    let began = Instant::now();
    server.process.signal("TERM");
    let Site { agent, .. } = site;
    let ended = server.process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    // Nothing that looks like an answer.
    assert!(matches!(
        visitor.try_receive(Of::Get),
        Err(End::Clean | End::Cut | End::Reset)
    ));
    drop(agent);
}

/// A connection of an agent that offers these protocols.
fn agent_connection(server: &Server, alpn: &[&str]) -> Result<Visitor, adit_tls::Error> {
    let profile = ClientProfile::builder(Roots::Pem(server.info.ca_pem()))
        .alpn(alpn)
        .build()
        .unwrap();
    let name = server.info.text("connect_addr").rsplit_once(':').unwrap().0;
    Visitor::handshake(server.info.https, name, &profile)
}

/// Adit's own agent goes elsewhere at once; a stock agent, whose patience grows by the factor fifty, is never turned
/// away: it is held for eight seconds, in which the next process may come, and then let in.
#[test]
fn agents_that_come_while_it_drains() {
    let server = Server::start();
    let site = Site::scripted(&server, "drain-agents", &[]);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/slow"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    drains(&server);

    let began = Instant::now();
    assert!(agent_connection(&server, &["adit-agent/1"]).is_err());
    assert!(began.elapsed().as_secs() < 6, "{:?}", began.elapsed());
    let began = Instant::now();
    let mut stock = agent_connection(&server, &[]).unwrap();
    assert!(began.elapsed().as_secs() >= 7, "{:?}", began.elapsed());
    // It is served: the session begins with a frame of the server's own, its heartbeat.
    assert_eq!(stock.bytes(8).len(), 8);

    upstream.send(ok("x"));
    assert_eq!(visitor.receive(Of::Get).status(), 200);
    let Site { agent, .. } = site;
    assert_eq!(server.process.ended().code(), 0);
    drop(agent);
}

#[test]
fn an_agent_that_is_stopped_finishes_what_runs_and_its_name_is_free_at_once() {
    let server = Server::shared("cli");
    let site = Site::scripted(server, "drain-agent", &[]);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/slow"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    assert_eq!(visitor.receive_head().status(), 200);
    assert_eq!(visitor.bytes(5), b"01234");
    site.agent.process.signal("TERM");
    // It says that it leaves; until it has left, it serves.
    let mut other = site.visitor();
    other.send(site.get_text("/meanwhile"));
    let mut second = site.upstream.accept();
    second.request();
    second.send(ok("served"));
    assert_eq!(other.receive(Of::Get).text(), "served");
    upstream.send("56789");
    assert_eq!(visitor.bytes(5), b"56789");
    let ended = site.agent.process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    let began = Instant::now();
    let answer = other.ask(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", site.host));
    assert_eq!(answer.code(), "ERR_NGROK_3200");
    assert!(
        began.elapsed().as_secs() < 5,
        "nobody waits for an agent that has said goodbye"
    );
}
