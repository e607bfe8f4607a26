//! Two agents that want the same name.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::message::ok;
use crate::harness::{Agent, Server, Service, Site, Visitor};

fn server() -> &'static Server {
    Server::shared("names")
}

#[test]
fn the_second_is_refused_while_the_first_serves_without_a_break() {
    let site = Site::answering(server(), "first-come", &[], |_| ok("first"));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut visitor = site.visitor();
                let mut served = 0;
                while !over.load(Ordering::Relaxed) || served < 200 {
                    assert_eq!(visitor.ask(site.get_text("/")).text(), "first");
                    served += 1;
                }
            });
        }
        let service = Service::start(|_| ok("second"));
        for flags in [&[][..], &["--pooling-enabled"]] {
            let ended = Agent::http(server(), service.address())
                .url(&format!("https://{}", site.host))
                .args(flags)
                .launch()
                .ended();
            assert_eq!(ended.code(), 1, "{ended:?}");
            assert!(ended.stderr.contains("ERR_NGROK_334"), "{ended:?}");
        }
        assert!(service.seen().is_empty());
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn both_pooled_both_serve_and_one_that_leaves_is_not_missed() {
    let url = "https://pooled.adit.localhost";
    let start = |text: &'static str| {
        let service = Service::start(move |_| ok(text));
        let agent = Agent::http(server(), service.address())
            .url(url)
            .args(["--pooling-enabled"])
            .start();
        (service, agent)
    };
    let (one, two) = (start("one"), start("two"));
    assert_eq!(one.1.url, two.1.url);
    let mut visitor = Visitor::tls(server(), "pooled.adit.localhost");
    let mut ask = || {
        visitor
            .ask("GET / HTTP/1.1\r\nHost: pooled.adit.localhost\r\n\r\n")
            .text()
    };
    let mut counts = (0, 0);
    for _ in 0..200 {
        match ask().as_str() {
            "one" => counts.0 += 1,
            "two" => counts.1 += 1,
            other => panic!("{other}"),
        }
    }
    // Uniform: fewer than 60 of 200 for either happens once in 10^8 runs.
    assert!(counts.0 >= 60 && counts.1 >= 60, "{counts:?}");
    let (service, agent) = one;
    assert_eq!(agent.stop().code(), 0);
    for _ in 0..50 {
        assert_eq!(ask(), "two");
    }
    drop(service);
}

#[test]
fn https_and_tls_are_one_name() {
    let site = Site::answering(server(), "one-name", &[], |_| ok("x"));
    let service = Service::start(|_| ok("x"));
    let ended = Agent::tls(server(), service.address())
        .url(&format!("tls://{}", site.host))
        .launch()
        .ended();
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(ended.stderr.contains("ERR_NGROK_334"), "{ended:?}");
    // The plain port has names of its own.
    let plain = Agent::http(server(), service.address())
        .url(&format!("http://{}", site.host))
        .start();
    drop(plain);
}

#[test]
fn a_tcp_port_has_one_owner() {
    let service = Service::start(|_| ok("x"));
    let first = Agent::tcp(server(), service.address()).start();
    let ended = Agent::tcp(server(), service.address()).url(&first.url).launch().ended();
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(ended.stderr.contains("ERR_NGROK_334"), "{ended:?}");
    let port = first.port();
    let ended = Agent::tcp(server(), service.address())
        .url(&format!("tcp://other.adit.localhost:{port}"))
        .launch()
        .ended();
    assert_eq!(ended.code(), 1, "{ended:?}");
}
