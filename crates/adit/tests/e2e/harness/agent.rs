//! Agents as processes.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::Command;

use super::process::{Ended, Process};
use super::server::{ADIT, Server};

/// A running agent that offers one endpoint.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) process: Process,
    /// The public URL, as its line says.
    pub(crate) url: String,
}

/// The command of an agent that is not started yet.
#[derive(Debug)]
pub(crate) struct Offer {
    command: Command,
}

impl Agent {
    /// `adit http ADDRESS` for `server`.
    pub(crate) fn http(server: &Server, upstream: SocketAddr) -> Offer {
        Offer::new(server, "http", &upstream.to_string())
    }

    /// `adit tcp ADDRESS`.
    pub(crate) fn tcp(server: &Server, upstream: SocketAddr) -> Offer {
        Offer::new(server, "tcp", &upstream.to_string())
    }

    /// `adit tls ADDRESS`.
    pub(crate) fn tls(server: &Server, upstream: SocketAddr) -> Offer {
        Offer::new(server, "tls", &upstream.to_string())
    }

    /// The port of a `tcp://` endpoint.
    #[track_caller]
    pub(crate) fn port(&self) -> u16 {
        self.url.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// Stops it in order and waits.
    #[track_caller]
    pub(crate) fn stop(self) -> Ended {
        self.process.signal("TERM");
        self.process.ended()
    }
}

impl Offer {
    pub(crate) fn new(server: &Server, kind: &str, upstream: &str) -> Self {
        let mut command = Command::new(ADIT);
        command
            .args([kind, upstream])
            .env("ADIT_AUTHTOKEN", server.info.text("authtoken"))
            .env("ADIT_CONNECT_URL", server.info.text("connect_addr"))
            .env("ADIT_CONNECT_CA", &server.info.ca_file)
            .env("HOME", server.directory())
            .env_remove("XDG_DATA_HOME");
        Self { command }
    }

    pub(crate) fn url(self, url: &str) -> Self {
        self.args(["--url", url])
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it and waits for its endpoint.
    #[track_caller]
    pub(crate) fn start(mut self) -> Agent {
        let process = Process::start(&mut self.command);
        let line = process.line("started endpoint", |l| l.starts_with("started endpoint "));
        let url = line
            .split(' ')
            .find_map(|word| word.strip_prefix("url="))
            .unwrap()
            .to_owned();
        Agent { process, url }
    }

    /// Starts it without waiting for anything.
    #[track_caller]
    pub(crate) fn launch(mut self) -> Process {
        Process::start(&mut self.command)
    }
}
