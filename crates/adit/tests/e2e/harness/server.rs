//! A development server as a process: its own data directory, free ports, and what `dev.json` says about it.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use super::message::{Message, Of};
use super::process::Process;
use super::visitor::Visitor;

/// The program under test.
pub(crate) const ADIT: &str = env!("CARGO_BIN_EXE_adit");
/// The domain that every server of the suite has.
pub(crate) const BASE: &str = "adit.localhost";

/// A running `adit dev`.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) info: Info,
    directory: Directory,
}

/// A data directory: of one server, or kept over a restart.
#[derive(Debug)]
pub(crate) struct Directory {
    temporary: TempDir,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self {
            temporary: tempfile::Builder::new().prefix("adit-e2e-").tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// `adit dev` on this directory, with a home of its own.
    pub(crate) fn dev(&self) -> Command {
        let mut command = Command::new(ADIT);
        command
            .arg("dev")
            .arg("--data-dir")
            .arg(self.path().join("data"))
            .env("HOME", self.path())
            .env_remove("XDG_DATA_HOME");
        command
    }

    /// The same with `--no-agent` and free ports.
    pub(crate) fn dev_on_free_ports(&self) -> Command {
        let mut command = self.dev();
        command
            .arg("--no-agent")
            .args(FREE)
            .arg("--tcp-ports")
            .arg(free_range());
        command
    }

    pub(crate) fn info(&self) -> Info {
        Info::read(&self.path().join("data/dev.json"))
    }
}

/// Any free port for each listener.
pub(crate) const FREE: [&str; 6] = [
    "--https",
    "127.0.0.1:0",
    "--http",
    "127.0.0.1:0",
    "--admin",
    "127.0.0.1:0",
];

/// What `dev.json` says.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    pub(crate) https: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) ca_file: PathBuf,
    pub(crate) json: serde_json::Value,
}

impl Info {
    #[track_caller]
    fn read(path: &Path) -> Self {
        let text = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let address = |name: &str| json[name].as_str().unwrap().parse().unwrap();
        Self {
            https: address("https_addr"),
            http: address("http_addr"),
            admin: address("admin_addr"),
            ca_file: PathBuf::from(json["ca_file"].as_str().unwrap()),
            json,
        }
    }

    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> &str {
        self.json[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {}", self.json))
    }

    pub(crate) fn ca_pem(&self) -> Vec<u8> {
        std::fs::read(&self.ca_file).unwrap()
    }
}

/// The line of the banner that comes after `dev.json` has been written.
pub(crate) fn is_ready(line: &str) -> bool {
    line.starts_with("Ctrl-C stops.")
}

impl Server {
    /// A server of its own for one test.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more flags.
    #[track_caller]
    pub(crate) fn start_with(flags: &[&str]) -> Self {
        let directory = Directory::new();
        Self::start_in(directory, flags)
    }

    #[track_caller]
    pub(crate) fn start_in(directory: Directory, flags: &[&str]) -> Self {
        let mut command = directory.dev_on_free_ports();
        Self::started(directory, command.args(flags))
    }

    /// Runs a command that was made by `directory`.
    #[track_caller]
    pub(crate) fn started(directory: Directory, command: &mut Command) -> Self {
        let process = Process::start(command);
        process.line("of the banner", is_ready);
        let info = directory.info();
        Self {
            process,
            info,
            directory,
        }
    }

    /// One whose data directory is a file system of its own, of so many bytes.
    #[track_caller]
    pub(crate) fn on_small_disk(bytes: u64) -> Self {
        let directory = Directory::new();
        let data = directory.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let dev = directory.dev_on_free_ports();
        let mut command = Command::new("unshare");
        let script = format!(r#"mount -t tmpfs -o size={bytes},mode=700 tmpfs "$1" && shift && exec "$@""#);
        command
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
            .arg(&data)
            .arg(dev.get_program())
            .args(dev.get_args())
            .env("HOME", directory.path())
            .env_remove("XDG_DATA_HOME");
        let process = Process::start(&mut command);
        process.line("of the banner", is_ready);
        // Mounted for that process alone.
        let seen = PathBuf::from(format!("/proc/{}/root{}", process.id(), data.display()));
        let mut info = Info::read(&seen.join("dev.json"));
        info.ca_file = seen.join("ca.pem");
        Self {
            process,
            info,
            directory,
        }
    }

    /// A process that was started and waited for otherwise.
    #[track_caller]
    pub(crate) fn of(process: Process, directory: Directory) -> Self {
        let info = directory.info();
        Self {
            process,
            info,
            directory,
        }
    }

    /// The server that tests of one theme share. It lives until the suite ends.
    #[track_caller]
    pub(crate) fn shared(theme: &'static str) -> &'static Self {
        static SERVERS: LazyLock<Mutex<HashMap<&'static str, &'static Server>>> = LazyLock::new(Mutex::default);
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        servers
            .entry(theme)
            .or_insert_with(|| Box::leak(Box::new(Self::start())))
    }

    /// `kill -9`, and a second one without an agent on the same directory and ports.
    #[track_caller]
    pub(crate) fn restart(self) -> Self {
        let Info { https, http, admin, .. } = self.info;
        let [https, http, admin] = [https, http, admin].map(|a| a.to_string());
        self.killed_and_started(&["--no-agent", "--https", &https, "--http", &http, "--admin", &admin])
    }

    /// `kill -9`, and a second one with these flags on the same directory.
    #[track_caller]
    pub(crate) fn killed_and_started(self, flags: &[&str]) -> Self {
        let Self {
            mut process, directory, ..
        } = self;
        process.kill();
        let mut command = directory.dev();
        command.args(flags);
        Self::started(directory, &mut command)
    }

    /// The process, to be waited for, and its directory, for another one.
    pub(crate) fn parts(self) -> (Process, Directory) {
        (self.process, self.directory)
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// `NAME.adit.localhost`.
    pub(crate) fn host(&self, name: &str) -> String {
        format!("{name}.{BASE}")
    }

    /// One `GET` on the admin port.
    #[track_caller]
    pub(crate) fn admin(&self, path: &str) -> Message {
        let mut visitor = Visitor::plain(self.info.admin);
        visitor.send(format!(
            "GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n"
        ));
        visitor.receive(Of::Get)
    }

    /// The sum of a metric's samples whose labels contain all of `labels`.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = self.admin("/metrics").text();
        text.lines()
            .filter(|l| l.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
            .filter(|l| labels.iter().all(|label| l.contains(label)))
            .filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.memory_of("VmRSS:")
    }

    /// The most that it ever was.
    pub(crate) fn memory_peak(&self) -> u64 {
        self.memory_of("VmHWM:")
    }

    fn memory_of(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with(what)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

/// Ports for `tcp://` endpoints that nobody has: below the range from which the kernel takes ports of its own.
pub(crate) fn free_range() -> String {
    const LENGTH: u16 = 16;
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        AtomicU16::new(10_000 + (now.subsec_nanos() % 1_300) as u16 * LENGTH)
    });
    loop {
        let first = NEXT.fetch_add(LENGTH, Ordering::Relaxed);
        if first > 32_000 {
            NEXT.store(10_000, Ordering::Relaxed);
            continue;
        }
        let last = first + LENGTH - 1;
        if (first..=last).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return format!("{first}-{last}");
        }
    }
}
