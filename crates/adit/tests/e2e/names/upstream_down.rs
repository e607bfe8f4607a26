//! The agent is there and its service is not.

use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::message::ok;
use crate::harness::server::free_range;
use crate::harness::{Agent, Server, Service, Visitor, eventually};

fn server() -> &'static Server {
    Server::shared("names")
}

#[test]
fn a_service_that_is_down_is_said_at_once_and_up_again_at_the_first_request() {
    let port = free_range().split('-').next().unwrap().to_owned();
    let address = format!("127.0.0.1:{port}");
    let host = "down.adit.localhost";
    let agent = Agent::http(server(), address.parse().unwrap())
        .url(&format!("https://{host}"))
        .start();
    let mut visitor = Visitor::tls(server(), host);
    for method in ["GET", "POST", "GET"] {
        let began = Instant::now();
        let answer = visitor.ask(format!("{method} / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!((answer.status(), answer.code()), (502, "ERR_NGROK_8012"), "{answer:?}");
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert!(
            !answer.text().contains(&port),
            "an internal address is shown: {answer:?}"
        );
    }
    let line = agent
        .process
        .line("that it failed", |l| l.starts_with("upstream dial failed "));
    assert!(line.contains(&format!("addr=http://{address}")), "{line}");
    let service = Service::on(TcpListener::bind(&address).unwrap(), |_| ok("up"));
    assert_eq!(
        visitor.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).text(),
        "up"
    );
    agent.process.line("that it is up", |l| l.starts_with("upstream up "));
    drop(service);
}

/// A connection to this address is reset without a byte; that may be before it is seen to be there.
#[track_caller]
fn assert_reset(address: SocketAddr) {
    let end = TcpStream::connect(address).and_then(|mut io| io.read(&mut [0; 1]));
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_tcp_service_that_is_down_is_a_reset() {
    let port = free_range().split('-').next().unwrap().to_owned();
    let agent = Agent::tcp(server(), format!("127.0.0.1:{port}").parse().unwrap()).start();
    let began = Instant::now();
    assert_reset(format!("127.0.0.1:{}", agent.port()).parse().unwrap());
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

/// The number of endpoints of this status.
fn endpoints(server: &Server, status: &str) -> f64 {
    server.metric("adit_endpoints", &[&format!("status=\"{status}\"")])
}

/// The objects of the events of one endpoint's status, in their order: status, status before, reason, detail.
fn told(server: &Server, url: &str) -> Vec<[String; 4]> {
    let text = server.process.stdout();
    let lines = text.lines().filter(|l| l.starts_with('{'));
    lines
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap())
        .filter(|l| l["event_type"].as_str().is_some_and(|t| t.starts_with("endpoint_")) && l["object"]["url"] == url)
        .map(|l| {
            let field = |name: &str| l["object"][name].as_str().unwrap().to_owned();
            assert_eq!(l["event_type"], format!("endpoint_{}.v0", field("status")));
            [
                field("status"),
                field("previous_status"),
                field("reason"),
                field("detail"),
            ]
        })
        .collect()
}

#[test]
fn three_failures_in_a_row_degrade_the_endpoint_and_the_first_success_restores_it() {
    let server = Server::start_with(&["--access-log", "json"]);
    let port = free_range().split('-').next().unwrap().to_owned();
    let address = format!("127.0.0.1:{port}");
    let host = server.host("degrades");
    let agent = Agent::http(&server, address.parse().unwrap())
        .url(&format!("https://{host}"))
        .start();
    let mut visitor = Visitor::tls(&server, &host);
    let mut ask = || visitor.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).status();
    for failures in 1..=4 {
        assert_eq!(ask(), 502);
        let degraded = f64::from(u8::from(failures >= 3));
        assert_eq!(
            (endpoints(&server, "online"), endpoints(&server, "degraded")),
            (1.0 - degraded, degraded)
        );
    }
    let line = agent
        .process
        .line("how others see it", |l| l.starts_with("endpoint status "));
    assert!(
        line.contains("status=degraded") && line.contains("reason=upstream_refused"),
        "{line}"
    );
    // At most one event in five seconds, the last one always.
    eventually("it is told", || (told(&server, &agent.url).len() == 2).then_some(()));
    let service = Service::on(TcpListener::bind(&address).unwrap(), |_| ok("up"));
    assert_eq!(ask(), 200);
    eventually("on line", || {
        (endpoints(&server, "online") == 1.0 && endpoints(&server, "degraded") == 0.0).then_some(())
    });
    drop(service);
    let [bound, degraded, restored] = eventually("three changes are told", || {
        <[_; 3]>::try_from(told(&server, &agent.url)).ok()
    });
    assert_eq!(bound, ["online", "offline", "ok", ""]);
    assert_eq!(degraded[..3], ["degraded", "online", "upstream_refused"]);
    assert!(degraded[3].contains(&address), "{degraded:?}");
    assert_eq!(restored, ["online", "degraded", "ok", ""]);
    drop(agent);
}

#[test]
fn a_tcp_endpoint_is_degraded_and_restored_by_its_connections() {
    let server = Server::start();
    let port = free_range().split('-').next().unwrap().to_owned();
    let upstream = format!("127.0.0.1:{port}");
    let agent = Agent::tcp(&server, upstream.parse().unwrap()).start();
    let address = format!("127.0.0.1:{}", agent.port()).parse().unwrap();
    for _ in 0..3 {
        assert_reset(address);
    }
    eventually("degraded", || (endpoints(&server, "degraded") == 1.0).then_some(()));
    let upstream = crate::harness::Upstream::on(TcpListener::bind(&upstream).unwrap());
    let mut visitor = Visitor::plain(address);
    let mut conn = upstream.accept();
    conn.send("welcome");
    assert_eq!(visitor.bytes(7), b"welcome");
    // While the connection is open still.
    eventually("on line", || (endpoints(&server, "online") == 1.0).then_some(()));
    drop(agent);
}

#[test]
fn an_answer_without_end_restores_it_at_its_beginning() {
    let server = Server::start();
    let port = free_range().split('-').next().unwrap().to_owned();
    let upstream = format!("127.0.0.1:{port}");
    let host = server.host("endless");
    let agent = Agent::http(&server, upstream.parse().unwrap())
        .url(&format!("https://{host}"))
        .start();
    let mut visitor = Visitor::tls(&server, &host);
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for _ in 0..3 {
        assert_eq!(visitor.ask(&request).status(), 502);
    }
    assert_eq!(endpoints(&server, "degraded"), 1.0);
    let upstream = crate::harness::Upstream::on(TcpListener::bind(&upstream).unwrap());
    visitor.send(&request);
    let mut conn = upstream.accept();
    conn.request();
    conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(visitor.receive_head().status(), 200);
    eventually("on line", || (endpoints(&server, "online") == 1.0).then_some(()));
    drop(agent);
}

#[test]
fn a_service_that_closes_without_an_answer_is_told_apart() {
    let site = crate::harness::Site::scripted(server(), "closes", &[]);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/"));
    let mut upstream = site.upstream.accept();
    upstream.request();
    drop(upstream);
    let answer = visitor.receive(crate::harness::Of::Get);
    assert_eq!((answer.status(), answer.code()), (502, "ERR_NGROK_3004"));
}
