//! Connections that are used for another host than they were made for.

use http::{Request, StatusCode};

use crate::harness::message::ok;
use crate::harness::{H2, Server, Site};

fn server() -> &'static Server {
    Server::shared("names")
}

fn to(host: &str) -> Request<()> {
    Request::get(format!("https://{host}/")).body(()).unwrap()
}

#[test]
fn neighbours_of_one_organisation_share_a_connection() {
    let one = Site::answering(server(), "neighbour-one", &[], |_| ok("one"));
    let two = Site::answering(server(), "neighbour-two", &[], |_| ok("two"));
    let mut h2 = one.h2();
    assert_eq!(h2.ask(to(&one.host), b"").text(), "one");
    assert_eq!(h2.ask(to(&two.host), b"").text(), "two");
    let mut h1 = one.visitor();
    assert_eq!(h1.ask(two.get_text("/")).text(), "two");
    assert_eq!(h1.ask(one.get_text("/")).text(), "one");
}

#[test]
fn a_host_that_the_certificate_does_not_cover_or_nobody_has_is_misdirected() {
    let site = Site::answering(server(), "made-for", &[], |_| ok("x"));
    let mut h2 = site.h2();
    for host in [
        "deep.er.adit.localhost",
        "elsewhere.example",
        "nobody-there.adit.localhost",
        "connect.adit.localhost",
        "api.adit.localhost",
    ] {
        let answer = h2.ask(to(host), b"");
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::MISDIRECTED_REQUEST, "ERR_ADIT_4210"),
            "{host}"
        );
    }
    // The connection is kept.
    assert_eq!(h2.ask(to(&site.host), b"").status, 200);
    let mut h1 = site.visitor();
    let answer = h1.ask("GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n");
    assert_eq!((answer.status(), answer.code()), (421, "ERR_ADIT_4210"));
    assert_eq!(h1.ask(site.get_text("/")).status(), 200);
    assert_eq!(site.upstream.seen().len(), 2);
}

/// The handshake of A asked for no certificate: it must not become a way to B, which demands one.
#[test]
fn a_host_with_another_rule_for_client_certificates_is_misdirected() {
    let ca = server().info.ca_file.display().to_string();
    let open = Site::answering(server(), "rule-open", &[], |_| ok("open"));
    let closed = Site::answering(server(), "rule-closed", &["--mutual-tls-cas", &ca], |_| ok("closed"));
    let mut h2 = open.h2();
    assert_eq!(h2.ask(to(&open.host), b"").text(), "open");
    let answer = h2.ask(to(&closed.host), b"");
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::MISDIRECTED_REQUEST, "ERR_ADIT_4210")
    );
    let mut h1 = open.visitor();
    assert_eq!(h1.ask(closed.get_text("/")).status(), 421);
    assert!(closed.upstream.seen().is_empty());
    // From a name that is not offered at all it is no way either.
    let mut h2 = H2::connect(server(), "rule-nobody.adit.localhost");
    assert_eq!(h2.ask(to(&closed.host), b"").status, 421);
    assert!(closed.upstream.seen().is_empty());
}

#[test]
fn a_passed_through_name_is_not_reached_over_another_connection() {
    let open = Site::answering(server(), "through-open", &[], |_| ok("open"));
    let service = crate::harness::Service::start(|_| ok("never"));
    let agent = crate::harness::Agent::tls(server(), service.address())
        .url("tls://through-closed.adit.localhost")
        .start();
    let mut h2 = open.h2();
    let answer = h2.ask(to("through-closed.adit.localhost"), b"");
    assert_eq!(answer.status, 421);
    assert!(service.seen().is_empty());
    drop(agent);
}
