//! `adit server`: made by `init`, checked, run, reloaded, drained.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Process, eventually};

/// A folder with a configuration in it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn adit(&self, args: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_adit"));
        command.current_dir(self.folder.path()).args(args);
        Process::start(&mut command)
    }

    fn add(&self, text: &str) {
        let path = self.path("adit-server.yml");
        let old = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, old + text).unwrap();
    }
}

/// A port that was free a moment ago.
fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn answer(port: u16, path: &str) -> Option<String> {
    let mut io = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    io.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    io.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn init(place: &Place) -> String {
    let data = place.path("data");
    let args = [
        "server",
        "init",
        "--base-domain",
        "tunnels.adit.test",
        "--email",
        "ops@example.com",
        "--data-dir",
        data.to_str().unwrap(),
    ];
    let ended = place.adit(&args).ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    ended.stdout
}

fn word<'a>(said: &'a str, of: &str) -> &'a str {
    let line = said.lines().find_map(|l| l.strip_prefix(of)).unwrap();
    line.trim()
}

#[test]
fn an_installation_from_nothing_to_an_agent_on_line() {
    let place = Place::new();
    let said = init(&place);
    let (key, token) = (word(&said, "API key"), word(&said, "Authtoken"));
    assert!(key.len() == 60 && token.len() == 60, "{said}");
    // Running it twice changes nothing and says so.
    let again = init(&place);
    assert!(again.contains("nothing to do") && !again.contains("API key"), "{again}");

    let (https, http, admin) = (free(), free(), free());
    place.add(&format!(
        "listen:\n  https: 127.0.0.1:{https}\n  http: 127.0.0.1:{http}\n  admin: 127.0.0.1:{admin}\ndomains:\n  private_suffixes: [test]\n"
    ));
    let checked = place.adit(&["server", "check-config"]).ended();
    assert_eq!(checked.code(), 0, "{checked:?}");
    let server = place.adit(&["server"]);
    server.line("ready", |l| l == "ready");
    let ready = answer(admin, "/readyz").unwrap();
    assert!(ready.starts_with("HTTP/1.1 200 "), "{ready}");

    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = upstream.local_addr().unwrap().port().to_string();
    let ca = place.path("data/ca.pem");
    let agent = agent(&place, &ca, https, token, &port);
    agent.line("started endpoint", |l| {
        l.starts_with("started endpoint ") && l.contains("url=http://app.tunnels.adit.test")
    });

    // A second one on the same data directory is refused, and so is a broken file; both leave the first alone.
    let second = place.adit(&["server"]).ended();
    assert!(
        second.code() == 1 && second.stderr.contains("another server"),
        "{second:?}"
    );
    place.add("lisen: {}\n");
    let refused = place.adit(&["server", "check-config"]).ended();
    let place_of = refused.stderr.lines().next().unwrap_or_default();
    assert!(
        refused.code() == 2 && place_of.contains("adit-server.yml:") && place_of.contains("lisen"),
        "{refused:?}"
    );
    server.signal("HUP");
    eventually("what is wrong is said", || {
        server.stderr().contains("nothing is changed").then_some(())
    });
    assert!(answer(admin, "/readyz").is_some());

    server.signal("TERM");
    let ended = server.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    drop(agent);
}

fn agent(place: &Place, ca: &Path, https: u16, token: &str, port: &str) -> Process {
    let connect = format!("127.0.0.1:{https}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_adit"));
    command
        .current_dir(place.folder.path())
        .env("ADIT_AUTHTOKEN", token)
        .env("ADIT_CONNECT_URL", connect)
        .env("ADIT_CONNECT_CA", ca)
        .args([
            "http",
            port,
            "--url",
            "http://app.tunnels.adit.test",
            "--connect-server-name",
            "connect.tunnels.adit.test",
        ]);
    Process::start(&mut command)
}
