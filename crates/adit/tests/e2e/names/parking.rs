//! Requests wait while the only agent is about to come back; nothing fails, nothing is sent twice.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::harness::message::ok;
use crate::harness::{Agent, End, Line, Of, Server, Service, Visitor, eventually};
use crate::listeners::hello::client_hello;

/// An endpoint whose agent is behind a line that can be cut.
struct Away {
    server: Server,
    line: Line,
    _agent: Agent,
    service: Service,
    host: String,
}

impl Away {
    fn start(name: &str) -> Self {
        let server = Server::start();
        let line = Line::to(server.info.https);
        let service = Service::start(|request| ok(request.target()));
        let host = server.host(name);
        let agent = Agent::http(&server, service.address())
            .url(&format!("https://{host}"))
            .over(&line, &server)
            .start();
        Self {
            server,
            line,
            _agent: agent,
            service,
            host,
        }
    }

    fn visitor(&self) -> Visitor {
        Visitor::tls(&self.server, &self.host)
    }

    fn text(&self, target: &str) -> String {
        format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host)
    }

    fn parked(&self) -> f64 {
        self.server.metric("adit_parked_requests", &[])
    }

    fn cut(&self) {
        cut(&self.line, &self.server);
    }

    #[track_caller]
    fn wait_for_parked(&self, n: f64) {
        eventually("requests wait", || (self.parked() >= n).then_some(()));
    }
}

/// Cuts the line and waits until the server has noticed.
#[track_caller]
fn cut(line: &Line, server: &Server) {
    line.cut();
    eventually("the server misses the agent", || {
        (server.metric("adit_endpoints", &["status=\"offline\""]) >= 1.0).then_some(())
    });
}

#[test]
fn a_request_waits_for_its_agent_and_is_served() {
    let away = Away::start("waits");
    let mut before = away.visitor();
    assert_eq!(before.ask(away.text("/before")).text(), "/before");
    away.cut();
    before.send(away.text("/during"));
    let mut posting = away.visitor();
    posting.send(format!(
        "POST /post HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\nbody",
        away.host
    ));
    away.wait_for_parked(2.0);
    away.line.mend();
    assert_eq!(before.receive(Of::Get).text(), "/during");
    assert_eq!(posting.receive(Of::Get).text(), "/post");
    let mut seen: Vec<_> = away
        .service
        .seen()
        .iter()
        .map(|r| format!("{} {}", r.start, r.text()))
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            "GET /before HTTP/1.1 ",
            "GET /during HTTP/1.1 ",
            "POST /post HTTP/1.1 body"
        ]
    );
    assert_eq!(away.parked(), 0.0);
    assert!(away.server.metric("adit_parked_seconds_count", &[]) >= 2.0);
}

/// Load without a pause while the line is cut again and again: no request fails, no POST arrives twice.
#[test]
fn under_load_nothing_fails() {
    let away = Away::start("under-load");
    let over = AtomicBool::new(false);
    let asked = [const { AtomicUsize::new(0) }; 4];
    std::thread::scope(|scope| {
        for (worker, asked) in asked.iter().enumerate() {
            let (away, over) = (&away, &over);
            scope.spawn(move || {
                let mut visitor = away.visitor();
                let mut i = 0;
                while !over.load(Ordering::Relaxed) {
                    let target = format!("/{worker}/{i}");
                    let answer = visitor.ask(away.text(&target));
                    assert_eq!((answer.status(), answer.text()), (200, target), "{answer:?}");
                    asked.fetch_add(1, Ordering::Relaxed);
                    i += 1;
                }
            });
        }
        for _ in 0..4 {
            // Each of them: a request is sent again once only, so none may meet two cuts.
            for asked in &asked {
                let before = asked.load(Ordering::Relaxed);
                eventually("load", || (asked.load(Ordering::Relaxed) > before + 12).then_some(()));
            }
            away.line.cut();
            away.wait_for_parked(1.0);
            away.line.mend();
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(away.server.metric("adit_parked_seconds_count", &[]) > 0.0);
}

#[test]
fn who_leaves_while_waiting_frees_the_place() {
    let away = Away::start("leaves");
    away.cut();
    let waiting: Vec<_> = (0..8)
        .map(|i| {
            let mut visitor = away.visitor();
            visitor.send(away.text(&format!("/left/{i}")));
            visitor
        })
        .collect();
    away.wait_for_parked(8.0);
    let mut stays = away.visitor();
    stays.send(away.text("/stays"));
    away.wait_for_parked(9.0);
    for (i, mut visitor) in waiting.into_iter().enumerate() {
        if i % 2 == 0 {
            visitor.finish();
        } else {
            visitor.reset();
        }
    }
    eventually("the places are free", || (away.parked() == 1.0).then_some(()));
    away.line.mend();
    assert_eq!(stays.receive(Of::Get).text(), "/stays");
    assert_eq!(away.service.seen().len(), 1);
}

#[test]
fn the_257th_does_not_wait() {
    let away = Away::start("full");
    away.cut();
    let mut waiting = Vec::new();
    let mut h2 = Vec::new();
    // Streams of a few connections: cheaper than connections.
    for _ in 0..4 {
        let mut connection = crate::harness::H2::connect(&away.server, &away.host);
        for _ in 0..64 {
            let request = connection.to(http::Method::GET, "/full").body(()).unwrap();
            waiting.push(connection.begin(request, true).0);
        }
        h2.push(connection);
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for connection in h2 {
            let over = &over;
            scope.spawn(move || {
                connection
                    .meanwhile(|| eventually("the end of the test", || over.load(Ordering::Relaxed).then_some(())));
            });
        }
        away.wait_for_parked(256.0);
        let began = Instant::now();
        let answer = away.visitor().ask(away.text("/257"));
        assert_eq!((answer.status(), answer.code()), (404, "ERR_NGROK_3200"));
        assert_eq!(answer.get("retry-after"), Some("5"));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        over.store(true, Ordering::Relaxed);
    });
    drop(waiting);
}

#[test]
fn unknown_names_never_wait_and_nobody_waits_longer_than_ten_seconds() {
    let away = Away::start("too-long");
    away.cut();
    let began = Instant::now();
    let mut unknown = Visitor::tls(&away.server, "never-heard-of.adit.localhost");
    assert_eq!(
        unknown
            .ask("GET / HTTP/1.1\r\nHost: never-heard-of.adit.localhost\r\n\r\n")
            .status(),
        404
    );
    assert!(began.elapsed() < Duration::from_secs(5));
    let began = Instant::now();
    let mut visitor = away.visitor();
    let answer = visitor.ask(away.text("/"));
    assert_eq!(
        (answer.status(), answer.code(), answer.get("retry-after")),
        (404, "ERR_NGROK_3200", Some("5"))
    );
    assert!(
        (Duration::from_millis(9_500)..Duration::from_secs(15)).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn an_agent_that_says_goodbye_leaves_nobody_waiting() {
    let server = Server::shared("names");
    let service = Service::start(|_| ok("x"));
    let agent = Agent::http(server, service.address())
        .url("https://goodbye.adit.localhost")
        .start();
    assert_eq!(agent.stop().code(), 0);
    let began = Instant::now();
    let mut visitor = Visitor::tls(server, "goodbye.adit.localhost");
    let answer = visitor.ask("GET / HTTP/1.1\r\nHost: goodbye.adit.localhost\r\n\r\n");
    assert_eq!(answer.code(), "ERR_NGROK_3200");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // And the name is free for anybody.
    let again = Agent::http(server, service.address())
        .url("https://goodbye.adit.localhost")
        .start();
    drop(again);
}

/// The outcomes of connections that were logged so far.
fn outcomes(server: &Server) -> Vec<String> {
    let text = server.process.stdout();
    text.lines()
        .filter(|l| l.starts_with('{'))
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap())
        .filter(|l| l["event_type"] == "tcp_connection_closed.v0")
        .map(|l| l["object"]["outcome"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_connection_that_leaves_while_waiting_frees_the_place() {
    let server = Server::start_with(&["--access-log", "json"]);
    let upstream = crate::harness::Upstream::bind();
    let (passed, ended) = (server.host("leaves-passed"), server.host("leaves-ended"));
    let line = Line::to(server.info.https);
    let tcp = Agent::tcp(&server, upstream.address()).over(&line, &server).start();
    let tls = [(&passed, &[][..]), (&ended, &["--terminate-at", "edge"])].map(|(name, place)| {
        Agent::tls(&server, upstream.address())
            .url(&format!("tls://{name}"))
            .args(place)
            .over(&line, &server)
            .start()
    });
    line.cut();
    eventually("the server misses the agents", || {
        (server.metric("adit_endpoints", &["status=\"offline\""]) == 3.0).then_some(())
    });
    let parked = || server.metric("adit_parked_requests", &[]);
    let address = format!("127.0.0.1:{}", tcp.port()).parse().unwrap();
    // A ClientHello for the endpoint that is passed through: nobody answers it yet.
    let hello = client_hello(&["-servername", &passed]);
    for (n, what) in ["tcp", "tcp, with something sent", "terminated", "passed through"]
        .into_iter()
        .enumerate()
    {
        let mut visitor = match what {
            "terminated" => Visitor::tls(&server, &ended),
            "passed through" => Visitor::plain(server.info.https),
            _ => Visitor::plain(address),
        };
        match what {
            "tcp, with something sent" => visitor.send("hello"),
            "passed through" => visitor.send(&hello),
            _ => {}
        }
        eventually(what, || (parked() == 1.0).then_some(()));
        if what == "tcp, with something sent" {
            visitor.reset();
        } else {
            visitor.finish();
        }
        // At once, and not when nobody would wait any longer.
        eventually(what, || (outcomes(&server).len() == n + 1).then_some(()));
        assert_eq!(outcomes(&server)[n], "client_aborted", "{what}");
        assert_eq!(parked(), 0.0);
    }
    // Who has only ended its own side reads the answer.
    let mut asks = Visitor::plain(address);
    asks.send("question");
    asks.finish();
    eventually("it waits", || (parked() == 1.0).then_some(()));
    line.mend();
    let mut conn = upstream.accept();
    assert_eq!(conn.rest(), (b"question".to_vec(), End::Clean));
    conn.send("answer");
    drop(conn);
    assert_eq!(asks.rest(), (b"answer".to_vec(), End::Clean));
    drop((tcp, tls));
}

#[test]
fn a_tcp_connection_waits_too() {
    let server = Server::start();
    let line = Line::to(server.info.https);
    let upstream = crate::harness::Upstream::bind();
    let agent = Agent::tcp(&server, upstream.address()).over(&line, &server).start();
    let address = format!("127.0.0.1:{}", agent.port()).parse().unwrap();
    cut(&line, &server);
    let mut visitor = Visitor::plain(address);
    visitor.send("hello");
    assert!(!visitor.has_something());
    line.mend();
    let mut conn = upstream.accept();
    assert_eq!(conn.bytes(5), b"hello");
    conn.send("welcome");
    assert_eq!(visitor.bytes(7), b"welcome");
    drop(conn);
    assert_eq!(visitor.rest().1, End::Clean);
    drop(agent);
}
