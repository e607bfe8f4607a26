//! The `openssl` program as an independent peer.

use std::process::Stdio;
use std::sync::OnceLock;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::certs::Leaf;

/// The program, or `None` (after saying so) if it is not installed.
pub(crate) fn find() -> Option<()> {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let found = *FOUND.get_or_init(|| {
        std::process::Command::new("openssl")
            .arg("version")
            .output()
            .is_ok_and(|output| output.status.success())
    });
    if !found {
        println!("skipped: no openssl program");
    }
    found.then_some(())
}

/// A command with closed standard error, and pipes for the rest, killed when dropped.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

/// What `s_client` printed, standard error included.
pub(crate) async fn s_client(address: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut child = command(&["s_client", "-connect", address])
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (written, output) = tokio::join!(
        async {
            let _ = stdin.write_all(input).await;
            stdin
        },
        child.wait_with_output()
    );
    drop(written);
    let output = output.unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A running `s_server`.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: BufReader<ChildStdout>,
    _child: Child,
    _files: TempDir,
}

impl Server {
    /// Starts it with this certificate and waits until it listens.
    pub(crate) async fn start(leaf: &Leaf, arguments: &[&str]) -> Option<Self> {
        find()?;
        let files = tempfile::tempdir().unwrap();
        let cert = files.path().join("cert.pem");
        let key = files.path().join("key.pem");
        std::fs::write(&cert, &leaf.chain).unwrap();
        std::fs::write(&key, &leaf.key).unwrap();
        let mut child = command(&["s_server", "-accept", "127.0.0.1:0"])
            .arg("-cert")
            .arg(&cert)
            .arg("-key")
            .arg(&key)
            .args(arguments)
            .current_dir(files.path())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(stdout.read_line(&mut line).await.unwrap() > 0, "s_server ended");
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                break address.trim().to_owned();
            }
        };
        Some(Self {
            address,
            stdin: child.stdin.take().unwrap(),
            stdout,
            _child: child,
            _files: files,
        })
    }

    /// The folder it serves files from.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self._files.path()
    }
}
