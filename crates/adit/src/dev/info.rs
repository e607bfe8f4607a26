//! `dev.json`: where a running development server is, for scripts, tests and other agents.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::places::DEV_JSON;
use crate::exit::{Exit, Failure};

/// The content of `dev.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DevInfo {
    pub(super) pid: u32,
    pub(super) version: String,
    pub(super) started_at: String,
    pub(super) base_domain: String,
    pub(super) https_addr: String,
    pub(super) http_addr: String,
    pub(super) admin_addr: String,
    pub(super) connect_addr: String,
    pub(super) api_url: String,
    pub(super) dashboard_url: String,
    pub(super) ca_file: String,
    pub(super) authtoken: String,
    pub(super) api_key: String,
    pub(super) admin_email: String,
    pub(super) admin_password: String,
    pub(super) signin_url: String,
    pub(super) public_url: Option<String>,
}

impl DevInfo {
    /// Writes it into the data directory, readable by its owner alone.
    pub(super) fn write(&self, dir: &Path) -> Result<(), Failure> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|e| Failure::failed(format!("dev.json: {e}")))?;
        text.push(b'\n');
        let path = dir.join(DEV_JSON);
        adit_server::write_durably(&path, &text, 0o600).map_err(|e| Failure::failed(format!("{}: {e}", path.display())))
    }

    /// Takes it away again.
    pub(super) fn remove(dir: &Path) {
        // Already gone is as good.
        let _ = fs::remove_file(dir.join(DEV_JSON));
    }

    /// What is written in a data directory.
    pub(super) fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(dir.join(DEV_JSON)).ok()?).ok()
    }
}

/// Origin of the dashboard of the development server that runs on a data directory.
pub(crate) fn dashboard_of(dir: &Path) -> Option<String> {
    running(dir).ok().map(|info| info.dashboard_url)
}

fn running(dir: &Path) -> Result<DevInfo, Failure> {
    DevInfo::read(dir).filter(|i| is_alive(i.pid)).ok_or_else(|| {
        Failure::failed(format!("no development server runs on {}", dir.display())).fix("start one: adit dev")
    })
}

/// Whether a process of this id lives.
fn is_alive(pid: u32) -> bool {
    !cfg!(target_os = "linux") || Path::new("/proc").join(pid.to_string()).exists()
}

/// `adit dev status`.
pub(super) fn status(dir: &Path) -> Result<Exit, Failure> {
    let info = running(dir)?;
    println!("running        pid {}, since {}", info.pid, info.started_at);
    if let Some(url) = &info.public_url {
        println!("public URL     {url}");
    }
    println!("agents         {}", info.connect_addr);
    println!("health         http://{}/healthz", info.admin_addr);
    Ok(Exit::Done)
}

/// `adit dev hosts`.
pub(super) fn hosts(dir: &Path) -> Result<Exit, Failure> {
    let info = running(dir)?;
    let ip = info.https_addr.rsplit_once(':').map_or("127.0.0.1", |(ip, _)| ip);
    let mut names = vec![format!("connect.{}", info.base_domain)];
    if let Some(host) = info
        .public_url
        .as_deref()
        .and_then(|u| u.split_once("://"))
        .map(|(_, rest)| rest.split([':', '/']).next().unwrap_or(rest))
    {
        names.push(host.to_owned());
    }
    println!("{ip} {}", names.join(" "));
    Ok(Exit::Done)
}
