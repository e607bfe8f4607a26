//! The agent's commands: lines, exit codes, environment.

use std::process::Command;

use serde_json::Value;

use crate::harness::message::ok;
use crate::harness::server::{ADIT, Directory, FREE};
use crate::harness::{Agent, Process, Server, Service, Visitor};

fn server() -> &'static Server {
    Server::shared("cli")
}

fn get(server: &Server, host: &str) -> crate::harness::Message {
    Visitor::tls(server, host).ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

#[test]
fn the_stable_line() {
    let service = Service::start(|_| ok("x"));
    let port = service.address().port();
    let agent = Agent::http(server(), service.address())
        .url("https://stable-line.adit.localhost")
        .args(["--name", "web"])
        .start();
    let line = agent
        .process
        .line("started endpoint", |l| l.starts_with("started endpoint "));
    let url = format!("https://stable-line.adit.localhost:{}", server().info.https.port());
    assert_eq!(
        line,
        format!("started endpoint name=web url={url} upstream=http://127.0.0.1:{port}")
    );
    assert_eq!(agent.url, url);
    let said = agent.process.stdout();
    assert!(
        said.lines()
            .any(|l| l.starts_with("session established ") && l.contains(" legs=1 ") && l.ends_with("resumed=false")),
        "{said}"
    );
}

#[test]
fn a_name_is_given_where_none_is_asked_for_and_the_same_one_again() {
    let service = Service::start(|_| ok("given"));
    let named = |name: &str| Agent::http(server(), service.address()).args(["--name", name]).start();
    let first = named("alpha");
    let host = first
        .url
        .strip_prefix("https://")
        .unwrap()
        .rsplit_once(':')
        .unwrap()
        .0
        .to_owned();
    let label = host.strip_suffix(".adit.localhost").unwrap();
    assert!(
        label.split('-').count() >= 3 && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
        "{label}"
    );
    assert_eq!(get(server(), &host).text(), "given");
    let other = named("beta");
    assert_ne!(other.url, first.url);
    let url = first.url.clone();
    assert_eq!(first.stop().code(), 0);
    assert_eq!(named("alpha").url, url);
}

#[test]
fn wrong_usage_ends_with_2() {
    let home = Directory::new();
    for (arguments, says) in [
        (&["http", "8080", "--no-such-flag"][..], "--no-such-flag"),
        (&["http"], "UPSTREAM"),
        (&["nonsense"], "nonsense"),
        (&["http", "8080", "--upstream-protocol", "http9"], "http9"),
        (&["http", "ftp://x"], "UPSTREAM"),
        (
            &["http", "8080", "--url", "https://a.b", "--scheme", "http"],
            "--scheme",
        ),
        (&["http", "8080"], "no server is configured"),
        (&["http", "8080", "--connect-url", "127.0.0.1:1"], "no authtoken"),
    ] {
        let ended = Process::start(
            Command::new(ADIT)
                .args(arguments)
                .env("HOME", home.path())
                .env_remove("XDG_DATA_HOME"),
        )
        .ended();
        assert_eq!(ended.code(), 2, "{arguments:?} {ended:?}");
        assert!(ended.stderr.contains(says), "{arguments:?} {ended:?}");
        assert!(ended.stdout.is_empty(), "{arguments:?} {ended:?}");
    }
}

#[test]
fn a_token_that_nobody_has_ends_with_1_and_its_number() {
    let service = Service::start(|_| ok("x"));
    for (token, code) in [
        ("BAD", "ERR_NGROK_105"),
        ("2abcdefghijklmnopqrstuvwxyz_1abcdefghijklmnopqrstuvw", "ERR_NGROK_10"),
    ] {
        let ended = Agent::http(server(), service.address())
            .env("ADIT_AUTHTOKEN", token)
            .launch()
            .ended();
        assert_eq!(ended.code(), 1, "{ended:?}");
        assert!(ended.stderr.contains(code), "{token} {ended:?}");
        assert!(
            !ended.stderr.contains(token) || token == "BAD",
            "a token is shown: {ended:?}"
        );
    }
}

#[test]
fn a_name_that_is_taken_ends_with_1_and_its_number() {
    let service = Service::start(|_| ok("first"));
    let url = "https://taken-name.adit.localhost";
    let first = Agent::http(server(), service.address()).url(url).start();
    let ended = Agent::http(server(), service.address()).url(url).launch().ended();
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(
        ended.stderr.contains("ERR_NGROK_334") && ended.stderr.contains("taken-name.adit.localhost"),
        "{ended:?}"
    );
    assert_eq!(get(server(), "taken-name.adit.localhost").text(), "first");
    drop(first);
}

#[test]
fn names_that_nobody_may_have_are_refused_by_number() {
    let service = Service::start(|_| ok("x"));
    for (url, code) in [
        ("https://connect.adit.localhost", "ERR_NGROK_320"),
        ("https://adit.localhost", "ERR_NGROK_320"),
        ("https://a.b.adit.localhost", "ERR_NGROK_354"),
        ("https://*.adit.localhost", "ERR_NGROK_318"),
        ("https://app.example.com", "ERR_NGROK_319"),
        ("https://a_b.adit.localhost", "ERR_NGROK_355"),
        ("https://x.adit.localhost:9", "ERR_"),
        ("https://x.adit.localhost/path", "ERR_"),
        ("gopher://x.adit.localhost", "ERR_"),
    ] {
        let ended = Agent::http(server(), service.address()).url(url).launch().ended();
        assert!(matches!(ended.code(), 1 | 2), "{url} {ended:?}");
        assert!(
            ended.stderr.contains(code) || (code == "ERR_" && ended.code() == 2),
            "{url} {ended:?}"
        );
    }
}

#[test]
fn lines_as_json() {
    let service = Service::start(|_| ok("x"));
    let process = Agent::http(server(), service.address())
        .url("https://json-lines.adit.localhost")
        .args(["--log-format", "json"])
        .launch();
    let line = process.line("a JSON line", |l| l.contains("\"started endpoint\""));
    let started: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(started["lvl"], "info");
    assert_eq!(started["obj"], "endpoints");
    assert_eq!(
        started["url"],
        format!("https://json-lines.adit.localhost:{}", server().info.https.port())
    );
    assert_eq!(started["upstream"], format!("http://{}", service.address()));
    process.signal("INT");
    let ended = process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    for line in ended.stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        for key in ["t", "lvl", "msg", "obj"] {
            assert!(line[key].is_string(), "{line}");
        }
    }
}

#[test]
fn a_failure_as_json() {
    let service = Service::start(|_| ok("x"));
    let ended = Agent::http(server(), service.address())
        .env("ADIT_AUTHTOKEN", "BAD")
        .args(["--log-format", "json"])
        .launch()
        .ended();
    assert_eq!(ended.code(), 1);
    let last = ended.stderr.lines().last().unwrap_or_else(|| panic!("{ended:?}"));
    let failure: Value = serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {ended:?}"));
    assert_eq!(failure["error"]["code"], "ERR_NGROK_105");
    assert!(failure["error"]["msg"].as_str().is_some_and(|m| !m.is_empty()));
}

#[test]
fn without_a_log_only_the_stable_line_is_printed() {
    let service = Service::start(|_| ok("x"));
    let agent = Agent::http(server(), service.address())
        .url("https://quiet.adit.localhost")
        .args(["--log", "false"])
        .start();
    assert_eq!(agent.process.stdout().lines().count(), 1);
    let ended = agent.stop();
    assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
    assert_eq!(ended.code(), 0);
}

#[test]
fn the_old_name_of_the_token_is_honoured() {
    let service = Service::start(|_| ok("old"));
    let agent = Agent::http(server(), service.address())
        .url("https://old-token.adit.localhost")
        .env("ADIT_AUTHTOKEN", "")
        .env("NGROK_AUTHTOKEN", server().info.text("authtoken"))
        .start();
    assert_eq!(get(server(), "old-token.adit.localhost").text(), "old");
    drop(agent);
}

#[test]
fn a_server_that_is_not_there_is_tried_again_until_it_is_stopped() {
    let service = Service::start(|_| ok("x"));
    let process = Agent::http(server(), service.address())
        .env("ADIT_CONNECT_URL", "127.0.0.1:1")
        .launch();
    process.line("that it cannot", |l| l.starts_with("cannot reach the server "));
    process.line("that it goes on", |l| l.starts_with("reconnecting "));
    process.signal("TERM");
    assert_eq!(process.ended().code(), 0);
}

#[test]
fn a_server_of_another_authority_is_not_trusted() {
    let other = Server::start();
    let service = Service::start(|_| ok("x"));
    let ca = other.info.ca_file.display().to_string();
    let process = Agent::http(server(), service.address())
        .env("ADIT_CONNECT_CA", &ca)
        .launch();
    let ended = process.ended();
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(ended.stderr.to_lowercase().contains("certificate"), "{ended:?}");
}

#[test]
fn the_development_server_of_this_machine_is_found() {
    let home = Directory::new();
    let mut command = Command::new(ADIT);
    command
        .args(["dev", "--no-agent"])
        .args(FREE)
        .env("HOME", home.path())
        .env("XDG_DATA_HOME", home.path());
    let dev = Process::start(&mut command);
    dev.line("of the banner", crate::harness::server::is_ready);
    let service = Service::start(|_| ok("x"));
    let mut command = Command::new(ADIT);
    command
        .args(["http", &service.address().to_string()])
        .env("HOME", home.path())
        .env("XDG_DATA_HOME", home.path());
    let agent = Process::start(&mut command);
    agent.line("started endpoint", |l| l.starts_with("started endpoint "));
    assert!(
        agent.stderr().contains("using the development server on this machine"),
        "{}",
        agent.stderr()
    );
}
