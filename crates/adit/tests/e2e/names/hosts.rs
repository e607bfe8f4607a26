//! One canonical form of a host, however it is written; what is none is refused.

use crate::harness::message::ok;
use crate::harness::upstream::echo;
use crate::harness::{Agent, Of, Server, Service, Site, Visitor};

fn server() -> &'static Server {
    Server::shared("names")
}

#[test]
fn every_way_to_write_a_host_leads_to_the_same_endpoint() {
    let site = Site::answering(server(), "canonical", &[], echo);
    let port = server().info.https.port();
    let mut visitor = site.visitor();
    for host in [
        site.host.clone(),
        site.host.to_uppercase(),
        format!("{}.", site.host),
        format!("{}:{port}", site.host),
        format!("{}.:{port}", site.host),
        "Canonical.adit.LOCALHOST".to_owned(),
    ] {
        let answer = visitor.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(answer.status(), 200, "{host}");
        // The service sees what was sent.
        let seen = site.upstream.seen();
        let seen = seen.last().unwrap();
        assert_eq!(seen.get("host"), Some(host.as_str()));
        assert_eq!(seen.get("x-forwarded-host"), Some(host.as_str()));
    }
}

#[test]
fn what_is_no_host_is_refused_on_both_ports() {
    let site = Site::answering(server(), "no-hosts", &[], echo);
    for host in [
        "x@no-hosts.adit.localhost",
        "no-hosts%2eadit.localhost",
        "[::1]",
        "[::1]:80",
        "no-hosts.adit.localhost:x",
        "b\u{fc}cher.adit.localhost",
        "a b",
        "",
    ] {
        for mut visitor in [site.visitor(), Visitor::plain(server().info.http)] {
            let request: Vec<u8> = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")
                .chars()
                .map(|c| u8::try_from(u32::from(c)).unwrap())
                .collect();
            visitor.send(request);
            let answer = visitor.receive(Of::Get);
            assert_eq!((answer.status(), answer.code()), (400, "ERR_ADIT_4002"), "{host}");
        }
    }
    assert!(site.upstream.seen().is_empty());
}

#[test]
fn an_absolute_target_never_selects_another_endpoint_than_host() {
    let site = Site::answering(server(), "absolute", &[], echo);
    let other = Site::answering(server(), "absolute-other", &[], echo);
    let mut visitor = site.visitor();
    let answer = visitor.ask(format!("GET http://{0}/x?y HTTP/1.1\r\nHost: {0}\r\n\r\n", site.host));
    assert_eq!(answer.status(), 200);
    assert_eq!(
        site.upstream.seen()[0].start,
        "GET /x?y HTTP/1.1",
        "sent on in origin form"
    );
    let answer = visitor.ask(format!(
        "GET https://{}/ HTTP/1.1\r\nHost: {}\r\n\r\n",
        other.host, site.host
    ));
    assert_eq!((answer.status(), answer.code()), (400, "ERR_ADIT_4002"));
    assert!(other.upstream.seen().is_empty());
}

#[test]
fn a_name_in_letters_of_its_own_is_stored_as_an_a_label() {
    let service = Service::start(|_| ok("gefunden"));
    let agent = Agent::http(server(), service.address())
        .url("https://B\u{dc}CHER.adit.localhost")
        .start();
    assert_eq!(
        agent.url,
        format!("https://xn--bcher-kva.adit.localhost:{}", server().info.https.port())
    );
    let mut visitor = Visitor::tls(server(), "xn--bcher-kva.adit.localhost");
    assert_eq!(
        visitor
            .ask("GET / HTTP/1.1\r\nHost: xn--bcher-kva.adit.localhost\r\n\r\n")
            .text(),
        "gefunden"
    );
    assert_eq!(
        visitor
            .ask("GET / HTTP/1.1\r\nHost: XN--BCHER-KVA.adit.localhost\r\n\r\n")
            .text(),
        "gefunden"
    );
}

#[test]
fn a_name_one_level_deeper_is_another_one() {
    let site = Site::answering(server(), "apex", &[], echo);
    for name in ["deeper.apex.adit.localhost", "adit.localhost", "xapex.adit.localhost"] {
        let mut visitor = Visitor::tls(server(), name);
        let answer = visitor.ask(format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n"));
        assert_eq!(answer.code(), "ERR_NGROK_3200", "{name}");
    }
    assert!(site.upstream.seen().is_empty());
}
