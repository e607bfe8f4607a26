//! One PostgreSQL for all tests of a process, on a Unix socket in a directory of its own, with its usual safety: it
//! syncs. It ends with the process, however that ends: a shell holds it as long as its input is open.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{ConnectOptions, Connection};

/// The server.
struct Server {
    dir: PathBuf,
    _shell: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Address of a new, empty database.
pub(crate) async fn database() -> String {
    let dir = SERVER.get_or_init(start).dir.clone();
    let name = format!("t{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    run(&url(&dir, "postgres"), &format!("CREATE DATABASE {name}")).await;
    url(&dir, &name)
}

/// Socket of the server and name of a new, empty database.
pub(crate) async fn socket() -> (PathBuf, String) {
    let url = database().await;
    let (_, rest) = url.split_once("localhost/").unwrap();
    let (name, dir) = rest.split_once("?host=").unwrap();
    (Path::new(dir).join(".s.PGSQL.5432"), name.to_owned())
}

/// Runs a statement.
pub(crate) async fn run(url: &str, statement: &str) {
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    let mut conn = options.connect().await.unwrap();
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

fn url(dir: &Path, database: &str) -> String {
    format!("postgres://postgres@localhost/{database}?host={}", dir.display())
}

fn start() -> Server {
    start_with(&[])
}

/// Starts a server with further settings; it lives as long as what is returned.
fn start_with(settings: &[&str]) -> Server {
    let bin = binaries();
    // Sockets have short paths, and a server does not run as root.
    let dir = tempfile::Builder::new()
        .prefix("adit-pg-")
        .tempdir_in("/tmp")
        .unwrap()
        .keep();
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut prefix = Vec::new();
    if is_root {
        let nobody = Command::new("id").args(["-u", "nobody"]).output().unwrap();
        let nobody: u32 = String::from_utf8(nobody.stdout).unwrap().trim().parse().unwrap();
        std::os::unix::fs::chown(&dir, Some(nobody), None).unwrap();
        prefix.extend(["setpriv", "--reuid=nobody", "--clear-groups"].map(str::to_owned));
    }
    let data = dir.join("data");
    let mut words = prefix.clone();
    words.push(bin.join("initdb").display().to_string());
    words.extend(
        [
            "-D",
            &data.display().to_string(),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
        ]
        .map(str::to_owned),
    );
    let made = Command::new(&words[0])
        .args(&words[1..])
        .current_dir("/")
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&made.stderr)
    );

    let mut words = prefix;
    words.push(bin.join("postgres").display().to_string());
    words.extend(["-D", &data.display().to_string(), "-k", &dir.display().to_string()].map(str::to_owned));
    for setting in ["listen_addresses=", "max_connections=200"].iter().chain(settings) {
        words.extend(["-c".to_owned(), (*setting).to_owned()]);
    }
    // The shell ends the server when its input closes: with this process.
    let script =
        r#"log=$1; dir=$2; shift 2; "$@" >"$log" 2>&1 & pid=$!; cat; kill -INT $pid; wait $pid; rm -rf "$dir""#;
    let log = dir.join("log");
    let shell = Command::new("sh")
        .args(["-c", script, "sh"])
        .args([&log, &dir])
        .args(&words)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let port = settings.iter().find_map(|setting| setting.strip_prefix("port="));
    let socket = dir.join(format!(".s.PGSQL.{}", port.unwrap_or("5432")));
    while std::os::unix::net::UnixStream::connect(&socket).is_err() || !is_ready(&log) {
        assert!(
            Instant::now() < deadline,
            "PostgreSQL does not start: {}",
            std::fs::read_to_string(&log).unwrap()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Server { dir, _shell: shell }
}

fn is_ready(log: &Path) -> bool {
    std::fs::read_to_string(log).is_ok_and(|log| log.contains("ready to accept connections"))
}

/// Where `initdb` and `postgres` are: in the path, or where Debian keeps them.
fn binaries() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        places.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let has_both = |dir: &PathBuf| ["initdb", "postgres"].iter().all(|name| dir.join(name).exists());
    let found = places
        .into_iter()
        .find(has_both)
        .expect("PostgreSQL is installed (package postgresql)");
    // `postgres` finds its other files beside itself, not beside a link to itself.
    let real = found.join("postgres").canonicalize().unwrap();
    real.parent().unwrap().to_owned()
}

/// A server of one test, with settings of its own.
pub(crate) struct Own(Server);

impl Own {
    pub(crate) fn start(settings: &[&str]) -> Self {
        Self(start_with(settings))
    }

    pub(crate) fn url(&self) -> String {
        url(&self.0.dir, "postgres")
    }

    /// Ends it and waits until it has ended.
    pub(crate) fn stop(mut self) {
        drop(self.0._shell.stdin.take());
        self.0._shell.wait().unwrap();
    }
}
