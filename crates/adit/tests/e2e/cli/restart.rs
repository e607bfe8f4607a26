//! `kill -9` and a second start: the same names, the same credentials, agents that come back by themselves.

use crate::harness::message::ok;
use crate::harness::server::{Directory, FREE};
use crate::harness::{Agent, Of, Server, Site, Visitor, eventually};

#[test]
fn url_token_and_authority_are_the_same_after_kill_9() {
    let directory = Directory::new();
    let mut first = directory.dev();
    first.args(FREE);
    let first = Server::started(directory, &mut first);
    let (info, ca) = (first.info.clone(), first.info.ca_pem());
    let https = info.https.to_string();
    let second = first.killed_and_started(&["--https", &https, "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    for name in ["public_url", "authtoken", "api_key", "admin_password", "connect_addr"] {
        assert_eq!(second.info.text(name), info.text(name), "{name}");
    }
    assert_eq!(second.info.ca_pem(), ca);
    let host = info
        .text("public_url")
        .strip_prefix("https://")
        .unwrap()
        .split(':')
        .next()
        .unwrap()
        .to_owned();
    let mut visitor = Visitor::tls(&second, &host);
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!(visitor.receive(Of::Get).status(), 200);
}

#[test]
fn an_agent_comes_back_to_a_server_that_was_killed() {
    let server = Server::start();
    let site = Site::answering(&server, "comes-back", &[], |_| ok("served"));
    assert_eq!(site.get("/").text(), "served");
    let Site {
        agent, upstream, host, ..
    } = site;
    let Agent { process, url } = agent;
    let server = server.restart();
    eventually("the endpoint is back", || {
        let mut visitor = Visitor::tls(&server, &host);
        let answer = visitor.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        (answer.status() == 200).then(|| assert_eq!(answer.text(), "served"))
    });
    let said = process.stdout();
    let lines: Vec<_> = said.lines().filter(|l| l.starts_with("started endpoint ")).collect();
    assert!(lines.iter().all(|l| l.contains(&format!("url={url} "))), "{said}");
    assert!(said.contains("session lost") && said.contains("reconnecting"), "{said}");
    drop(upstream);
}
