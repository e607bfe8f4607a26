//! The agent is there and its service is not.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::harness::message::ok;
use crate::harness::server::free_range;
use crate::harness::{Agent, End, Server, Service, Visitor};

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

#[test]
fn a_tcp_service_that_is_down_is_a_reset() {
    let port = free_range().split('-').next().unwrap().to_owned();
    let agent = Agent::tcp(server(), format!("127.0.0.1:{port}").parse().unwrap()).start();
    let began = Instant::now();
    let mut visitor = Visitor::plain(format!("127.0.0.1:{}", agent.port()).parse().unwrap());
    assert_eq!(visitor.rest(), (Vec::new(), End::Reset));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
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
