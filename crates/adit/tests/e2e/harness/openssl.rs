//! `openssl s_client`: a TLS implementation that is not ours, with every knob.

use std::process::{Command, Stdio};

use super::process::{Ended, Process};
use super::server::Server;

/// Shakes hands as `flags` say and sends `GET /` for `host`; what openssl says about it.
#[track_caller]
pub(crate) fn get(server: &Server, host: &str, flags: &[&str]) -> Ended {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            r#"host=$1; shift; printf 'GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$host" | openssl s_client -ign_eof "$@""#,
            "sh",
            host,
            "-connect",
            &server.info.https.to_string(),
            "-CAfile",
        ])
        .arg(&server.info.ca_file)
        .args(flags)
        .stdin(Stdio::null());
    Process::start(&mut command).ended()
}
