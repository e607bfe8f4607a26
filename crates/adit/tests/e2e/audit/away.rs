//! The database goes away, or is there and says nothing: what was told stays in force, also over a new start; changes
//! are refused; afterwards everything is as if it had never been away.

use std::net::TcpListener;

use super::{adit, intact, make_policy};
use crate::harness::postgres::Own;
use crate::harness::server::Directory;
use crate::harness::{Agent, Line, Server, Service, Visitor, eventually};

const HOST: &str = "away.adit.localhost";

fn asked(server: &Server) -> u16 {
    let mut visitor = Visitor::tls(server, HOST);
    visitor.ask(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).status()
}

#[track_caller]
fn refused(server: &Server) {
    let (status, body) = make_policy(server);
    assert_eq!(
        (status, body["error_code"].as_str()),
        (503, Some("ERR_ADIT_2012")),
        "{body}"
    );
}

/// Status and body of `/readyz`.
fn ready(server: &Server) -> (u16, String) {
    let answer = server.admin("/readyz");
    (answer.status(), answer.text())
}

#[track_caller]
fn degraded(server: &Server) {
    eventually("/readyz says what is missing", || {
        (ready(server) == (200, "{\"degraded\":[\"store\"]}\n".to_owned())).then_some(())
    });
    assert_eq!(server.metric("adit_store_away", &[]), 1.0);
}

#[track_caller]
fn whole(server: &Server) {
    eventually("/readyz says nothing is missing", || {
        (ready(server) == (200, "ready\n".to_owned())).then_some(())
    });
    eventually("changes are taken", || (make_policy(server).0 == 201).then_some(()));
    assert_eq!(server.metric("adit_store_away", &[]), 0.0);
}

/// A database behind a line, and how a server with it is started.
struct Far {
    database: Own,
    line: Line,
    store: String,
}

impl Far {
    fn new() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let port = format!("port={}", free.port());
        let database = Own::start(&["listen_addresses=127.0.0.1", &port]);
        let line = Line::to(free);
        let store = format!("postgres://postgres@{}/postgres?sslmode=disable", line.address());
        Self { database, line, store }
    }

    fn server(&self, directory: Directory) -> Server {
        let mut command = directory.dev_on_free_ports();
        command.env("ADIT_SERVER__STORE", &self.store);
        Server::started(directory, &mut command)
    }
}

fn offer(server: &Server, service: &Service) -> Agent {
    Agent::http(server, service.address())
        .url(&format!("https://{HOST}"))
        .start()
}

#[test]
fn a_database_that_says_nothing_stops_changes_and_nothing_else() {
    let far = Far::new();
    let server = far.server(Directory::new());
    assert_eq!(make_policy(&server).0, 201);
    let service = Service::echo();
    let agent = offer(&server, &service);
    assert_eq!(asked(&server), 200);

    far.line.silence();
    // Whoever asks is told that there is none; the first may also be one who waits behind another's change.
    let (status, body) = make_policy(&server);
    let code = body["error_code"].as_str().unwrap_or_default();
    assert!(
        status == 503 && ["ERR_ADIT_2012", "ERR_ADIT_2014"].contains(&code),
        "{status} {body}"
    );
    degraded(&server);
    assert_eq!(asked(&server), 200);
    agent.stop();
    let agent = offer(&server, &service);
    assert_eq!(asked(&server), 200);
    far.line.mend();
    whole(&server);
    intact(&adit(&server, &["audit", "verify"]));
    drop((agent, server));
    far.database.stop();
}

#[test]
fn a_database_that_is_away_stops_changes_and_nothing_else() {
    let far = Far::new();
    let line = &far.line;
    let server = far.server(Directory::new());
    assert_eq!(make_policy(&server).0, 201);
    let service = Service::echo();
    let agent = offer(&server, &service);
    assert_eq!(asked(&server), 200);

    line.cut();
    refused(&server);
    degraded(&server);
    assert_eq!(asked(&server), 200);
    // Agents come and go: their credentials are known.
    agent.stop();
    let agent = offer(&server, &service);
    assert_eq!(asked(&server), 200);
    line.mend();
    whole(&server);

    // A new start without it.
    eventually("what it was told is on the disk", || {
        let files = std::fs::read_dir(server.directory().join("data/snapshot")).ok()?;
        (files.count() > 0).then_some(())
    });
    agent.stop();
    line.cut();
    degraded(&server);
    server.process.signal("TERM");
    let (process, directory) = server.parts();
    let ended = process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    let server = far.server(directory);
    degraded(&server);
    refused(&server);
    let agent = offer(&server, &service);
    assert_eq!(asked(&server), 200);
    line.mend();
    whole(&server);

    // Everything that happened meanwhile comes into the log, which is whole.
    eventually("what agents did is in the log", || {
        let filter = "obj.event_type == \"endpoint_online.v0\"";
        let list = adit(&server, &["audit", "list", "--filter", filter, "--all", "-o", "jsonl"]);
        (list.stdout.matches(HOST).count() >= 3).then_some(())
    });
    intact(&adit(&server, &["audit", "verify"]));
    drop((agent, server));
    far.database.stop();
}
