//! `on_tcp_connect` of `tcp://` and `tls://` endpoints: before any byte goes on.

use serde_json::json;

use super::{endpoint, file, make};
use crate::harness::{Agent, End, Server, Upstream, Visitor, eventually};

const DENY: &str = "on_tcp_connect:\n  - actions: [{type: restrict-ips, config: {allow: [192.0.2.0/24]}}]\n";
const ALLOW: &str = "on_tcp_connect:\n  - actions: [{type: restrict-ips, config: {allow: [127.0.0.0/8]}}]\n";

#[test]
fn a_tcp_port_is_closed_to_who_may_not_come() {
    let server = Server::shared("policy");
    let upstream = Upstream::bind();
    for (policy, is_let_in) in [(DENY, false), (ALLOW, true)] {
        let policy = file(policy);
        let agent = Agent::tcp(server, upstream.address())
            .args(["--traffic-policy-file", policy.path().to_str().unwrap()])
            .start();
        let mut visitor = Visitor::plain(format!("127.0.0.1:{}", agent.port()).parse().unwrap());
        if is_let_in {
            let mut conn = upstream.accept();
            visitor.send("ping");
            assert_eq!(conn.bytes(4), b"ping");
            conn.send("pong");
            assert_eq!(visitor.bytes(4), b"pong");
        } else {
            assert_eq!(visitor.rest(), (Vec::new(), End::Reset));
            assert!(upstream.accepted().is_none(), "the agent was not asked");
        }
    }
}

#[test]
fn a_passed_through_name_is_closed_before_the_service_sees_a_byte() {
    let server = Server::shared("policy");
    let upstream = Upstream::bind();
    let policy = file(DENY);
    let host = server.host("closed-tls");
    let _agent = Agent::tls(server, upstream.address())
        .url(&format!("tls://{host}"))
        .args(["--traffic-policy-file", policy.path().to_str().unwrap()])
        .start();
    let profile = adit_tls::ClientProfile::builder(adit_tls::Roots::Pem(server.info.ca_pem()))
        .build()
        .unwrap();
    assert!(Visitor::handshake(server.info.https, &host, &profile).is_err());
    assert!(upstream.accepted().is_none());
}

/// A cloud endpoint with a port of its own, whose connections go on to an agent's internal endpoint.
#[test]
fn a_port_of_the_cloud_leads_to_an_internal_endpoint() {
    let server = Server::start();
    let upstream = Upstream::bind();
    let _agent = Agent::tcp(&server, upstream.address())
        .url("tcp://db.internal:5432")
        .start();
    let address = make(&server, "/reserved_addrs", &json!({}));
    let address = address["addr"].as_str().unwrap().to_owned();
    let port: u16 = address.rsplit_once(':').unwrap().1.parse().unwrap();
    let forward = "on_tcp_connect:\n  - actions: [{type: forward-internal, config: {url: 'tcp://db.internal:5432'}}]\n";
    let cloud = endpoint(&server, &format!("tcp://{address}"), forward);
    let at = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    eventually("it listens", || std::net::TcpStream::connect(at).ok());
    drop(upstream.accept());
    let mut visitor = Visitor::plain(at);
    let mut conn = upstream.accept();
    conn.send("hello");
    assert_eq!(visitor.bytes(5), b"hello");
    visitor.send("select");
    assert_eq!(conn.bytes(6), b"select");
    cloud.set(&server, "on_tcp_connect:\n  - actions: [{type: deny}]\n");
    eventually("it denies", || {
        let mut visitor = Visitor::plain(at);
        let is_reset = visitor.has_something() && visitor.rest() == (Vec::new(), End::Reset);
        drop(upstream.accepted());
        is_reset.then_some(())
    });
    cloud.delete(&server);
    eventually("nobody listens", || std::net::TcpStream::connect(at).err());
}
