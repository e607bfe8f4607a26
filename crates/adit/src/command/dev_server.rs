//! The development server that runs on this machine, if one does: `adit dev` leaves a file that says how to reach
//! it, and a command for which nothing is configured uses it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What a command needs of `dev.json`.
#[derive(Debug, Deserialize)]
struct File {
    pid: u32,
    https_addr: SocketAddr,
    connect_addr: String,
    ca_file: PathBuf,
    authtoken: String,
    api_url: String,
    api_key: String,
}

/// A development server that runs.
#[derive(Debug)]
pub(crate) struct DevServer {
    pub(crate) directory: PathBuf,
    /// Where it listens; its names need no resolution.
    pub(crate) address: SocketAddr,
    /// The name of its agent port.
    pub(crate) server_name: String,
    pub(crate) ca_file: PathBuf,
    pub(crate) authtoken: String,
    /// `https://api.…:port`.
    pub(crate) api_url: String,
    pub(crate) api_key: String,
}

/// The default data directory of `adit dev`: `adit/dev` in the user's data directory.
pub(crate) fn default_directory() -> Option<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = if cfg!(windows) {
        set("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        set("XDG_DATA_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| home.join(".local/share")))
    };
    base.map(|base| base.join("adit").join("dev"))
}

/// The server of the default data directory, if its process lives.
pub(crate) fn running() -> Option<DevServer> {
    default_directory().and_then(|directory| running_in(&directory))
}

fn running_in(directory: &Path) -> Option<DevServer> {
    let text = std::fs::read(directory.join("dev.json")).ok()?;
    let file: File = serde_json::from_slice(&text).ok()?;
    if !lives(file.pid, file.https_addr) {
        return None;
    }
    let server_name = file
        .connect_addr
        .rsplit_once(':')
        .map_or(file.connect_addr.as_str(), |(host, _)| host)
        .to_owned();
    Some(DevServer {
        directory: directory.to_owned(),
        address: file.https_addr,
        server_name,
        ca_file: directory.join(file.ca_file),
        authtoken: file.authtoken,
        api_url: file.api_url,
        api_key: file.api_key,
    })
}

/// A file may be left behind by a server that was killed.
fn lives(pid: u32, address: SocketAddr) -> bool {
    if cfg!(target_os = "linux") {
        Path::new("/proc").join(pid.to_string()).exists()
    } else {
        std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(300)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_lives_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let write = |pid: u32| {
            let text = format!(
                r#"{{"pid":{pid},"version":"0.1.0","https_addr":"{address}","connect_addr":"connect.adit.localhost:{}","ca_file":"ca.pem","authtoken":"t","api_url":"https://api.adit.localhost","api_key":"k","more":1}}"#,
                address.port()
            );
            std::fs::write(directory.path().join("dev.json"), text).unwrap();
        };
        assert!(running_in(directory.path()).is_none());
        write(std::process::id());
        let found = running_in(directory.path()).unwrap();
        assert_eq!(
            (found.server_name.as_str(), found.address),
            ("connect.adit.localhost", address)
        );
        assert_eq!(found.ca_file, directory.path().join("ca.pem"));
        drop(listener);
        write(u32::MAX);
        assert!(running_in(directory.path()).is_none());
    }
}
