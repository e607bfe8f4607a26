//! A service closes a kept connection in the very moment in which the next request is sent over it.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use crate::harness::message::ok;
use crate::harness::upstream::Conn;
use crate::harness::{Agent, Server, Site, Visitor};

const ROUNDS: usize = 100;

/// A service that closes a connection at the barrier, behind its answer to `/warm`, and how often it has seen each
/// target.
struct Closing {
    address: std::net::SocketAddr,
    seen: Arc<Mutex<HashMap<String, usize>>>,
    moment: Arc<Barrier>,
    over: Arc<AtomicBool>,
}

impl Closing {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let it = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            moment: Arc::new(Barrier::new(2)),
            over: Arc::default(),
        };
        let (seen, moment, over) = (it.seen.clone(), it.moment.clone(), it.over.clone());
        std::thread::spawn(move || {
            for io in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Acquire) {
                    return;
                }
                let (seen, moment) = (seen.clone(), moment.clone());
                std::thread::spawn(move || {
                    let mut conn = Conn::new(io);
                    while let Some(request) = conn.try_request() {
                        *seen.lock().unwrap().entry(request.target().to_owned()).or_default() += 1;
                        if conn.try_send(ok(request.target())).is_err() {
                            return;
                        }
                        // What warms a connection up is followed by its end, at the moment of the next request.
                        if request.target().starts_with("/warm") {
                            moment.wait();
                            return;
                        }
                    }
                });
            }
        });
        it
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        let _ = std::net::TcpStream::connect(self.address);
    }
}

/// Statuses of the requests that met the closing connection.
fn race(name: &str, method: &str, body: &str) -> (Vec<u16>, HashMap<String, usize>) {
    let server = Server::shared("proxying");
    let service = Closing::start();
    let host = server.host(name);
    let agent = Agent::http(server, service.address)
        .url(&format!("https://{host}"))
        .start();
    let mut visitor = Visitor::tls(server, &host);
    let mut statuses = Vec::new();
    for round in 0..ROUNDS {
        assert_eq!(
            visitor
                .ask(format!("GET /warm/{round} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
                .status(),
            200
        );
        service.moment.wait();
        let target = format!("/race/{round}");
        let answer = visitor.ask(format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        if answer.status() == 200 {
            assert_eq!(answer.text(), target);
        } else {
            assert_eq!((answer.status(), answer.code()), (502, "ERR_NGROK_3004"), "{answer:?}");
        }
        statuses.push(answer.status());
    }
    drop(agent);
    let seen = service.seen.lock().unwrap().clone();
    (statuses, seen)
}

#[test]
fn a_get_never_fails() {
    let (statuses, _) = race("stale-get", "GET", "");
    assert!(statuses.iter().all(|s| *s == 200), "{statuses:?}");
}

#[test]
fn a_put_with_a_small_body_never_fails() {
    let (statuses, _) = race("stale-put", "PUT", "may be sent again");
    assert!(statuses.iter().all(|s| *s == 200), "{statuses:?}");
}

/// A POST that met the closing connection may fail, since nobody knows what became of it; it is never sent twice.
#[test]
fn a_post_arrives_at_most_once() {
    let (statuses, seen) = race("stale-post", "POST", "once");
    for (round, status) in statuses.iter().enumerate() {
        let arrived = seen.get(&format!("/race/{round}")).copied().unwrap_or(0);
        assert!(arrived <= 1, "round {round}: {arrived} times");
        assert!(*status != 200 || arrived == 1, "round {round}");
    }
}

/// A connection that was closed a while ago is not used at all.
#[test]
fn after_the_end_was_seen_even_a_post_is_safe() {
    let server = Server::shared("proxying");
    let site = Site::scripted(server, "stale-seen", &[]);
    let mut visitor = site.visitor();
    for round in 0..5 {
        visitor.send(site.get_text("/warm"));
        let mut upstream = site.upstream.accept();
        upstream.request();
        upstream.send(ok("warm"));
        assert_eq!(visitor.receive(crate::harness::Of::Get).text(), "warm");
        drop(upstream);
        // Another exchange of the same session behind the end.
        let mut other = site.visitor();
        other.send(site.get_text("/between"));
        let mut upstream = site.upstream.accept();
        assert_eq!(upstream.request().target(), "/between");
        upstream.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(other.receive(crate::harness::Of::Get).status(), 200);
        drop(upstream);

        visitor.send(format!(
            "POST /post/{round} HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\nhi",
            site.host
        ));
        let mut upstream = site.upstream.accept();
        assert_eq!(upstream.request().text(), "hi");
        upstream.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(visitor.receive(crate::harness::Of::Get).status(), 200, "round {round}");
    }
}

#[test]
fn a_kept_connection_is_used_again() {
    let site = Site::scripted(Server::shared("proxying"), "stale-kept", &[]);
    let mut visitor = site.visitor();
    visitor.send(site.get_text("/0"));
    let mut upstream = site.upstream.accept();
    for i in 0..5 {
        assert_eq!(upstream.request().target(), format!("/{i}"));
        upstream.send(ok("x"));
        assert_eq!(visitor.receive(crate::harness::Of::Get).status(), 200);
        visitor.send(site.get_text(&format!("/{}", i + 1)));
    }
    assert_eq!(upstream.request().target(), "/5");
    assert!(site.upstream.accepted().is_none());
}

#[test]
fn connections_that_must_not_be_kept_are_not() {
    let site = Site::scripted(Server::shared("proxying"), "stale-not-kept", &[]);
    let mut visitor = site.visitor();
    for response in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    ] {
        visitor.send(site.get_text("/one"));
        let mut upstream = site.upstream.accept();
        upstream.request();
        upstream.send(response);
        assert_eq!(visitor.receive(crate::harness::Of::Get).text(), "hi");
        assert_eq!(upstream.rest().0, b"", "{response:?}");
    }
}
