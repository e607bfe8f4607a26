//! `adit dev`: its ports, its file, its banner, its upstream.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::harness::message::ok;
use crate::harness::server::{Directory, FREE, free_range, is_ready};
use crate::harness::{Message, Of, Process, Server, Service, Visitor, eventually};

/// One `GET /` for the public URL of a server with an agent of its own.
fn get(server: &Server) -> Message {
    let url = server.info.text("public_url");
    let host = url
        .strip_prefix("https://")
        .unwrap()
        .split(':')
        .next()
        .unwrap()
        .to_owned();
    let mut visitor = Visitor::tls(server, &host);
    visitor.ask(format!(
        "GET /a?b=c HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n"
    ))
}

fn with_agent(flags: &[&str]) -> Server {
    let directory = Directory::new();
    let mut command = directory.dev();
    command.args(FREE).args(["--tcp-ports", &free_range()]).args(flags);
    Server::started(directory, &mut command)
}

#[test]
fn the_file_says_where_everything_is_and_goes_with_the_server() {
    let server = Server::start();
    let info = &server.info;
    assert_eq!(info.json["pid"], server.process.id());
    assert_eq!(info.text("base_domain"), "adit.localhost");
    assert_eq!(info.text("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(
        info.text("connect_addr"),
        format!("connect.adit.localhost:{}", info.https.port())
    );
    assert_eq!(
        info.text("api_url"),
        format!("https://api.adit.localhost:{}", info.https.port())
    );
    assert_eq!(
        info.text("dashboard_url"),
        format!("https://dashboard.adit.localhost:{}", info.https.port())
    );
    assert!(info.text("signin_url").starts_with(info.text("dashboard_url")));
    assert!(info.text("started_at").ends_with('Z'));
    assert_eq!(info.text("admin_email"), "admin@adit.localhost");
    for secret in ["authtoken", "api_key", "admin_password"] {
        assert!(info.text(secret).len() >= 20, "{secret}");
    }
    assert!(info.ca_pem().starts_with(b"-----BEGIN CERTIFICATE-----"));
    let file = server.directory().join("data/dev.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let directory = server.directory().to_owned();
    let left: Vec<_> = std::fs::read_dir(directory.join("data"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(!left.iter().any(|n| n.to_string_lossy().contains("tmp")), "{left:?}");

    server.process.signal("TERM");
    eventually("dev.json is removed", || (!file.exists()).then_some(()));
    assert_eq!(server.process.ended().code(), 0);
}

#[test]
fn a_second_start_is_refused_with_the_address_of_the_first() {
    let server = Server::start();
    let mut second = Command::new(crate::harness::server::ADIT);
    second
        .arg("dev")
        .arg("--data-dir")
        .arg(server.directory().join("data"))
        .arg("--no-agent")
        .args(FREE);
    let ended = Process::start(&mut second).ended();
    assert_eq!(ended.code(), 1);
    assert!(ended.stderr.contains("already running"), "{ended:?}");
    assert!(ended.stderr.contains(&server.process.id().to_string()), "{ended:?}");
    assert!(ended.stderr.contains(&server.info.https.to_string()), "{ended:?}");
    // The first has not noticed.
    assert!(server.directory().join("data/dev.json").exists());
    assert_eq!(server.admin("/healthz").status(), 200);
}

#[test]
fn a_port_given_by_flag_that_is_taken_ends_the_start_and_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--https", "--http", "--admin"] {
        let directory = Directory::new();
        let mut command = directory.dev();
        command.arg("--no-agent");
        for other in FREE.chunks(2) {
            let value = if other[0] == flag { address.as_str() } else { other[1] };
            command.args([other[0], value]);
        }
        let ended = Process::start(&mut command).ended();
        assert_eq!(ended.code(), 1, "{ended:?}");
        assert!(
            ended.stderr.contains(flag) && ended.stderr.contains(&address),
            "{ended:?}"
        );
        assert!(ended.stderr.contains("in use"), "{ended:?}");
        assert!(!directory.path().join("data/dev.json").exists());
    }
}

#[test]
fn a_default_port_that_is_taken_moves() {
    // Whether taken here or by somebody else on this machine: they are taken.
    let _held: Vec<_> = [8443, 8080, 4041]
        .iter()
        .filter_map(|p| TcpListener::bind(("127.0.0.1", *p)).ok())
        .collect();
    let directory = Directory::new();
    let mut command = directory.dev();
    command.arg("--no-agent").args(["--tcp-ports", &free_range()]);
    let server = Server::started(directory, &mut command);
    assert_ne!(server.info.https.port(), 8443);
    assert_ne!(server.info.http.port(), 8080);
    assert_ne!(server.info.admin.port(), 4041);
    assert!(
        server.process.stderr().contains("127.0.0.1:8443 is in use"),
        "{}",
        server.process.stderr()
    );
    assert_eq!(server.admin("/readyz").status(), 200);
}

#[test]
fn without_an_upstream_a_page_of_its_own_answers_and_echoes() {
    let server = with_agent(&[]);
    let answer = get(&server);
    assert_eq!(answer.status(), 200);
    let echo: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (&echo["method"], &echo["path"], &echo["query"]),
        (&"GET".into(), &"/a".into(), &"b=c".into())
    );
    let line = server
        .process
        .line("started endpoint", |l| l.starts_with("started endpoint "));
    assert!(
        line.contains(&format!("url={}", server.info.text("public_url"))),
        "{line}"
    );
}

#[test]
fn the_line_with_curl_works_as_it_stands() {
    let server = with_agent(&[]);
    let banner = server.process.stdout();
    let line = banner
        .lines()
        .find_map(|l| l.trim().strip_prefix("Try it"))
        .unwrap_or_else(|| panic!("{banner}"));
    let out = Command::new("sh")
        .args(["-c", &format!("{} -sS", line.trim())])
        .env("HOME", server.directory())
        .output()
        .unwrap();
    assert!(out.status.success(), "{line}\n{out:?}");
    assert!(
        String::from_utf8_lossy(&out.stdout).contains("\"method\": \"GET\""),
        "{out:?}"
    );
}

#[test]
fn an_upstream_that_is_down_gets_a_url_all_the_same_and_serves_when_it_is_up() {
    let port = free_range().split('-').next().unwrap().to_owned();
    let server = with_agent(&[&port]);
    let down = get(&server);
    assert_eq!((down.status(), down.code()), (502, "ERR_NGROK_8012"));
    let said = server
        .process
        .line("about the upstream", |l| l.contains("refuses connections"));
    assert!(said.contains(&port), "{said}");

    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    let service = Service::on(listener, |_| ok("up"));
    let up = get(&server);
    assert_eq!((up.status(), up.text().as_str()), (200, "up"));
    server.process.line("that it is up", |l| {
        l.starts_with("  ok: upstream") && l.contains(&port)
    });
    drop(service);
}

#[test]
fn a_url_of_ones_own_is_given() {
    let service = Service::start(|_| ok("mine"));
    let address = service.address().to_string();
    let server = with_agent(&[&address, "--url", "https://mine.adit.localhost"]);
    let port = server.info.https.port();
    assert_eq!(
        server.info.text("public_url"),
        format!("https://mine.adit.localhost:{port}")
    );
    assert_eq!(get(&server).text(), "mine");
}

#[test]
fn the_server_itself_is_no_upstream() {
    let port = free_range().split('-').next().unwrap().to_owned();
    let directory = Directory::new();
    let mut command = directory.dev();
    command.args([
        &port,
        "--https",
        &format!("127.0.0.1:{port}"),
        "--http",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
    ]);
    let ended = Process::start(&mut command).ended();
    assert_eq!(ended.code(), 2, "{ended:?}");
    assert!(ended.stderr.contains("this server itself"), "{ended:?}");
}

#[test]
fn wrong_flags_end_with_2() {
    for wrong in [
        &["--no-such-flag"][..],
        &["--tcp-ports", "9-7"],
        &["--no-agent", "--url", "https://x.adit.localhost"],
        &["--https", "nonsense"],
    ] {
        let ended = Process::start(Directory::new().dev().args(wrong)).ended();
        assert_eq!(ended.code(), 2, "{wrong:?} {ended:?}");
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{ended:?}");
    }
}

#[test]
fn the_page_of_a_server_without_an_agent_is_the_banner_for_agents() {
    let server = Server::start();
    let banner = server.process.stdout();
    assert!(banner.contains(server.info.text("connect_addr")), "{banner}");
    assert!(banner.contains(server.info.text("authtoken")), "{banner}");
    assert!(banner.contains(&server.info.ca_file.display().to_string()), "{banner}");
    assert!(server.info.json["public_url"].is_null());
    assert!(banner.lines().any(is_ready));
    let mut visitor = Visitor::tls(&server, "nobody.adit.localhost");
    visitor.send("GET / HTTP/1.1\r\nHost: nobody.adit.localhost\r\n\r\n");
    assert_eq!(visitor.receive(Of::Get).code(), "ERR_NGROK_3200");
}
