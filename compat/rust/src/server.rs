//! A server of Adit of this test run alone: its own data directory, free ports, stopped at the end.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::harness::eventually;

/// `adit dev --no-agent`. Started again, it has the same directory and the same ports.
pub struct Server {
    folder: TempDir,
    tcp_ports: String,
    pub info: Info,
    child: Mutex<Option<Child>>,
    roots: rustls::RootCertStore,
}

/// What a server writes when it is ready.
#[derive(Clone)]
pub struct Info {
    pub https: String,
    pub http: String,
    admin: String,
    pub connect: String,
    pub ca_file: PathBuf,
    pub token: String,
    pub api_url: String,
    pub api_key: String,
}

impl Server {
    pub async fn start() -> Result<Self> {
        Self::start_on("127.0.0.1").await
    }

    /// On an address of this machine; IPv6 in brackets.
    pub async fn start_on(host: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("adit-compat-").tempdir()?;
        let first = free_ports(20);
        let tcp_ports = format!("{first}-{}", first + 19);
        let any = format!("{host}:0");
        let (child, info) = spawn(folder.path(), &tcp_ports, [&any, &any, &any]).await?;
        let mut roots = rustls::RootCertStore::empty();
        for certificate in crate::sdk::certificates(&fs::read(&info.ca_file)?)? {
            roots.add(certificate)?;
        }
        Ok(Self {
            folder,
            tcp_ports,
            info,
            child: Mutex::new(Some(child)),
            roots,
        })
    }

    pub async fn start_again(&self) -> Result<()> {
        let Info { https, http, admin, .. } = &self.info;
        let (child, _) = spawn(self.folder.path(), &self.tcp_ports, [https, http, admin]).await?;
        *self.child.lock().unwrap() = Some(child);
        Ok(())
    }

    /// What a visitor needs to trust its certificates.
    pub fn roots(&self) -> rustls::RootCertStore {
        self.roots.clone()
    }

    fn take(&self) -> Option<Child> {
        self.child.lock().unwrap().take()
    }

    /// As `kill -9`.
    pub async fn kill(&self) -> Result<()> {
        let mut child = self.take().context("not running")?;
        child.kill().await?;
        Ok(())
    }

    /// Asks it to drain and stop; does not wait.
    pub async fn terminate(&self) -> Result<Ending> {
        let child = self.take().context("not running")?;
        signal_terminate(&child).await?;
        Ok(Ending(child))
    }

    /// Fails until it has begun to stop (or has stopped).
    pub async fn draining(&self) -> Result<()> {
        ensure!(!self.folder.path().join("data/dev.json").exists(), "still serving");
        Ok(())
    }

    pub async fn stop(&self) {
        if let Ok(ending) = self.terminate().await
            && let Err(error) = ending.wait().await
        {
            println!("stopping the server: {error:#}");
        }
    }
}

/// A server that was asked to stop; killed when dropped.
pub struct Ending(Child);

impl Ending {
    pub async fn wait(mut self) -> Result<ExitStatus> {
        let ended = tokio::time::timeout(Duration::from_secs(15), self.0.wait()).await;
        Ok(ended.context("the server does not end")??)
    }
}

async fn signal_terminate(child: &Child) -> Result<()> {
    let pid = child.id().context("the server ended before")?.to_string();
    ensure!(
        Command::new("kill").args(["-TERM", &pid]).status().await?.success(),
        "kill"
    );
    Ok(())
}

async fn spawn(folder: &Path, tcp_ports: &str, [https, http, admin]: [&String; 3]) -> Result<(Child, Info)> {
    let binary = std::env::var_os("ADIT_BIN").context("ADIT_BIN is not set")?;
    let log_file = folder.join("log");
    let log = File::options().create(true).append(true).open(&log_file)?;
    let data = folder.join("data");
    let mut child = Command::new(binary)
        .args([
            "dev",
            "--no-agent",
            "--tcp-ports",
            tcp_ports,
            "--https",
            https,
            "--http",
            http,
            "--admin",
            admin,
        ])
        .arg("--data-dir")
        .arg(&data)
        .stdin(Stdio::null())
        .stderr(log.try_clone()?)
        .stdout(log)
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id();
    let ready = || {
        let info = read_info(&data.join("dev.json"), pid);
        async move { info }
    };
    let info = eventually(Duration::from_secs(20), "dev.json", ready).await;
    if let Some(status) = child.try_wait()? {
        bail!("the server ended with {status}: {}", fs::read_to_string(log_file)?);
    }
    Ok((
        child,
        info.with_context(|| fs::read_to_string(log_file).unwrap_or_default())?,
    ))
}

fn read_info(file: &Path, pid: Option<u32>) -> Result<Info> {
    let said: BTreeMap<String, Value> = serde_json::from_slice(&fs::read(file)?)?;
    ensure!(
        said.get("pid").and_then(Value::as_u64) == pid.map(u64::from),
        "dev.json of another process"
    );
    let text = |key: &str| {
        Ok::<_, anyhow::Error>(
            said.get(key)
                .and_then(Value::as_str)
                .context("a key is missing")?
                .to_owned(),
        )
    };
    Ok(Info {
        https: text("https_addr")?,
        http: text("http_addr")?,
        admin: text("admin_addr")?,
        connect: text("connect_addr")?,
        ca_file: text("ca_file")?.into(),
        token: text("authtoken")?,
        api_url: text("api_url")?,
        api_key: text("api_key")?,
    })
}

/// The first of `count` neighbouring free ports, below those that systems hand out themselves.
fn free_ports(count: u16) -> u16 {
    loop {
        let first = rand::random_range(10_000..32_000 - count);
        if (first..first + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return first;
        }
    }
}
