//! The parsers of others: Node's HTTP server, and nginx in front of it.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use crate::harness::server::Directory;
use crate::harness::{Process, Visitor, eventually};

/// A Node process that says what it understood.
pub(super) struct Node {
    _process: Process,
    pub(super) address: SocketAddr,
}

impl Node {
    pub(super) fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/node/server.js");
        let process = Process::start(Command::new("node").arg(script));
        let line = process.line("its port", |l| l.starts_with("listening "));
        let port = line.rsplit(' ').next().unwrap();
        Self {
            address: format!("127.0.0.1:{port}").parse().unwrap(),
            _process: process,
        }
    }

    /// Requests that arrived, and messages that were none.
    pub(super) fn stats(&self) -> (usize, Vec<String>) {
        let answer = Visitor::plain(self.address).ask("GET /stats HTTP/1.1\r\nHost: x\r\nX-Ask: stats\r\n\r\n");
        let json: Value = serde_json::from_slice(&answer.body).unwrap();
        let errors = json["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e.as_str().unwrap().to_owned())
            .collect();
        (usize::try_from(json["requests"].as_u64().unwrap()).unwrap(), errors)
    }
}

/// What Node understood of one request.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) trailers: Vec<(String, String)>,
}

impl Heard {
    #[track_caller]
    pub(super) fn read(json: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(json).unwrap_or_else(|e| panic!("{e}: {}", json.escape_ascii()));
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        let pairs = |name: &str| -> Vec<(String, String)> {
            let all: Vec<_> = json[name]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_str().unwrap().to_owned())
                .collect();
            all.chunks(2).map(|p| (p[0].clone(), p[1].clone())).collect()
        };
        Self {
            method: text("method"),
            target: text("target"),
            fields: pairs("headers"),
            body: text("body"),
            trailers: pairs("trailers"),
        }
    }
}

/// An nginx that passes everything on.
pub(super) struct Nginx {
    _process: Process,
    _directory: Directory,
    pub(super) address: SocketAddr,
}

pub(super) fn nginx_before(upstream: SocketAddr) -> Nginx {
    let directory = Directory::new();
    let at = directory.path().display();
    // Freed for nginx to take; below the ports that the kernel gives.
    let port = crate::harness::server::free_range()
        .split('-')
        .next()
        .unwrap()
        .to_owned();
    let config = format!(
        "daemon off; master_process off; worker_processes 1; pid {at}/pid; error_log {at}/error.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
  large_client_header_buffers 8 128k; client_header_buffer_size 128k; client_max_body_size 0; client_body_buffer_size 256k;
  underscores_in_headers on; ignore_invalid_headers off; keepalive_requests 1000000; keepalive_timeout 1h; merge_slashes off;
  upstream node {{ server {upstream}; keepalive 16; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://node; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $http_host; proxy_request_buffering on; proxy_buffers 8 256k; proxy_buffer_size 256k; proxy_busy_buffers_size 512k; proxy_next_upstream off; }}
  }}
}}"
    );
    std::fs::write(directory.path().join("nginx.conf"), config).unwrap();
    let process = Process::start(
        Command::new("nginx")
            .arg("-p")
            .arg(directory.path())
            .arg("-c")
            .arg(directory.path().join("nginx.conf"))
            .arg("-e")
            .arg(directory.path().join("error.log")),
    );
    let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    eventually("nginx listens", || std::net::TcpStream::connect(address).ok().map(drop));
    Nginx {
        _process: process,
        _directory: directory,
        address,
    }
}
