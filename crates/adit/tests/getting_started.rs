//! `docs/getting-started.md`, run as it stands in an empty directory. Only the ports are other ones: those of the page
//! may be taken here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![cfg(target_os = "linux")]

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../../../docs/getting-started.md");

/// The commands of the page, with free ports for its own.
fn script() -> String {
    let blocks = PAGE
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let mut script: String = blocks.collect();
    // Held until all are found, so that they differ.
    let ports: Vec<_> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    for (own, port) in ["8443", "8080", "4041", "8000"].iter().zip(&ports) {
        assert!(script.contains(own), "the page has no port {own}");
        script = script.replace(own, &port.local_addr().unwrap().port().to_string());
    }
    script
}

#[test]
fn the_page_runs_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_adit")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    // Whatever happens, nothing is left behind.
    let script = format!(
        "set -e\ntrap 'kill $AGENT $SERVICE $SERVER 2> /dev/null' EXIT\n{}",
        script()
    );
    let ended = Command::new("timeout")
        .args(["--kill-after=5", "60", "bash", "-c", &script])
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&ended.stdout);
    let error = String::from_utf8_lossy(&ended.stderr);
    let log = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    assert!(
        ended.status.success(),
        "{out}\n{error}\n{}\n{}",
        log("server.log"),
        log("agent.log")
    );
    assert!(
        log("refusal.txt").contains("other.tunnels.localhost"),
        "{}",
        log("refusal.txt")
    );
    assert!(out.contains("\"event_type\":\"tunnel_credential_created.v0\""), "{out}");
    assert!(out.contains(" entries in ") && out.contains(", intact to "), "{out}");
}
