//! `concurrency-limit`: open requests of a key, those beyond in a queue.

use std::io::Write as _;

use super::get;
use crate::harness::message::ok;
use crate::harness::{Agent, Of, Server, Site, Upstream, Visitor, eventually};

fn file(policy: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(policy.as_bytes()).unwrap();
    file
}

fn limit(phase: &str, more: &str) -> String {
    format!("{phase}:\n  - actions: [{{type: concurrency-limit, config: {{limit: 1{more}}}}}]\n")
}

#[test]
fn one_at_a_time_and_the_next_waits_its_turn() {
    let server = Server::shared("policy");
    let policy = file(&limit("on_http_request", ", queue: 1, queue_timeout: 20s"));
    let flags = ["--traffic-policy-file", policy.path().to_str().unwrap()];
    let site = Site::scripted(server, "places", &flags);
    let mut first = site.visitor();
    first.send(site.get_text("/1"));
    let mut upstream = site.upstream.accept();
    assert_eq!(upstream.request().target(), "/1");
    // Two come, and the queue has one place.
    let mut both = [site.visitor(), site.visitor()];
    for visitor in &mut both {
        visitor.send(site.get_text("/2"));
    }
    let at = eventually("one of them is refused", || {
        both.iter_mut().position(Visitor::has_something)
    });
    let refused = both[at].receive(Of::Get);
    assert_eq!(
        (refused.status(), refused.code()),
        (503, "ERR_ADIT_4291"),
        "{refused:?}"
    );
    assert_eq!(refused.get("retry-after"), Some("1"));
    upstream.send(ok("one"));
    assert_eq!(first.receive(Of::Get).text(), "one");
    assert_eq!(upstream.request().target(), "/2", "now it is its turn");
    upstream.send(ok("two"));
    assert_eq!(both[1 - at].receive(Of::Get).text(), "two");
    // All are gone: there is room.
    first.send(site.get_text("/4"));
    assert_eq!(upstream.request().target(), "/4");
    upstream.send(ok("four"));
    assert_eq!(first.receive(Of::Get).text(), "four");
}

#[test]
fn who_waits_too_long_is_refused() {
    let server = Server::shared("policy");
    let policy = file(&limit("on_http_request", ", queue: 5, queue_timeout: 300ms"));
    let flags = ["--traffic-policy-file", policy.path().to_str().unwrap()];
    let site = Site::scripted(server, "places-late", &flags);
    let mut first = site.visitor();
    first.send(site.get_text("/1"));
    let mut upstream = site.upstream.accept();
    assert_eq!(upstream.request().target(), "/1");
    let mut late = site.h2();
    let answer = late.get("/2");
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "ERR_ADIT_4291"));
    upstream.send(ok("one"));
    assert_eq!(first.receive(Of::Get).text(), "one");
}

/// In `on_tcp_connect` the places are those of connections, for as long as they are open.
#[test]
fn connections_have_places_too() {
    let server = Server::shared("policy");
    let policy = file(&limit("on_tcp_connect", ""));
    let flags = ["--traffic-policy-file", policy.path().to_str().unwrap()];
    let upstream = Upstream::bind();
    let agent = Agent::tcp(server, upstream.address()).args(flags).start();
    let connect = || Visitor::plain(format!("127.0.0.1:{}", agent.port()).parse().unwrap());
    let mut first = connect();
    first.send("a");
    let mut conn = upstream.accept();
    assert_eq!(conn.bytes(1), b"a");
    assert!(connect().rest().0.is_empty(), "closed at once");
    drop((first, conn));
    eventually("the place is free", || {
        let mut next = connect();
        next.try_send("b").ok()?;
        let mut conn = upstream.accepted()?;
        (conn.bytes(1) == b"b").then_some(())
    });

    let site = Site::answering(server, "places-http", &flags, |_| ok("fine"));
    let mut first = site.visitor();
    for _ in 0..3 {
        assert_eq!(
            get(&mut first, &site.host, "/").text(),
            "fine",
            "one connection, many requests"
        );
    }
    let mut second = site.visitor();
    second.send(site.get_text("/"));
    assert!(second.rest_or_alert().is_empty());
    drop(first);
    eventually("the place is free", || {
        let mut next = site.visitor();
        next.try_send(site.get_text("/")).ok()?;
        let answer = next.try_receive(Of::Get).ok()?;
        (answer.text() == "fine").then_some(())
    });
}
