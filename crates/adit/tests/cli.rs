//! The agent's commands as a person or a script meets them before any server is reached: usage, configuration,
//! exit codes, the shape of failures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::{Command, Output};

/// Runs `adit` in an environment that is empty but for `home`.
fn adit(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_adit"))
        .env_clear()
        .env("HOME", home)
        .args(arguments)
        .output()
        .unwrap()
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let home = tempfile::tempdir().unwrap();
    let output = adit(home.path(), arguments);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn version_and_help() {
    assert_eq!(
        run(&["version"]),
        (0, format!("adit {}\n", env!("CARGO_PKG_VERSION")), String::new())
    );
    assert_eq!(run(&["--version"]).0, 0);
    let (code, help, _) = run(&["http", "--help"]);
    assert_eq!(code, 0);
    assert!(help.contains("--url") && help.contains("--connect-url") && help.contains("Examples:"));
    assert!(!help.contains("--basic-auth"), "deprecated flags are hidden");
}

#[test]
fn wrong_usage_is_2_with_a_suggestion() {
    let (code, _, error) = run(&["http", "8080", "--domian", "x"]);
    assert_eq!(code, 2);
    assert!(error.contains("--domain"), "{error}");
    assert_eq!(run(&["htp", "8080"]).0, 2);
    assert_eq!(run(&["http"]).0, 2);
}

#[test]
fn no_server_is_told_with_the_way_out() {
    let (code, out, error) = run(&["http", "8080"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        error.starts_with("error: no server is configured\n  why    "),
        "{error}"
    );
    assert!(error.contains("\n  fix    start one here: adit dev\n"), "{error}");
    let (code, _, error) = run(&["tcp", "22", "--connect-url", "connect.example.com"]);
    assert_eq!(code, 2);
    assert!(error.contains("no authtoken"), "{error}");
}

#[test]
fn an_upstream_that_cannot_be_has_its_code() {
    let (code, _, error) = run(&["http", "http://localhost:8080/path"]);
    assert_eq!(code, 2);
    assert!(
        error.contains("ERR_ADIT_1505") && error.contains("where  UPSTREAM"),
        "{error}"
    );
    let (code, _, error) = run(&["http", "file:///srv"]);
    assert_eq!(code, 2);
    assert!(error.contains("not available in this version"), "{error}");
}

#[test]
fn what_is_not_there_yet_is_refused_and_never_ignored() {
    for arguments in [
        &["http", "80", "--inspect"][..],
        &["http", "80", "--traffic-policy-url", "https://x"],
        &["tls", "80", "--terminate-at", "agent"],
    ] {
        let (code, _, error) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {error}");
        assert!(error.contains("  fix    "), "{error}");
    }
    assert_eq!(
        run(&[
            "http",
            "80",
            "--inspect=false",
            "--connect-url",
            "http://x",
            "--authtoken",
            "t"
        ])
        .0,
        2
    );
}

#[test]
fn failures_are_json_for_programs_that_ask_for_json() {
    let (code, _, error) = run(&["http", "8080", "--log-format", "json"]);
    assert_eq!(code, 2);
    let value: serde_json::Value = serde_json::from_str(error.trim()).unwrap();
    assert_eq!(value["error"]["msg"], "no server is configured");
    assert!(value["error"]["fix"].is_string());
}

#[test]
fn old_flags_hint_at_what_replaces_them() {
    let (_, _, error) = run(&["http", "8080", "--basic-auth", "user:password", "--region", "eu"]);
    assert!(
        error.contains("note: --basic-auth: deprecated, use the traffic policy action basic-auth\n"),
        "{error}"
    );
    assert!(error.contains("note: --region has no effect"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_server_that_is_away_is_waited_for_until_a_signal() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let home = tempfile::tempdir().unwrap();
    let mut agent = Command::new(env!("CARGO_BIN_EXE_adit"))
        .env_clear()
        .env("HOME", home.path())
        .env("ADIT_CONNECT_URL", &closed)
        .env("ADIT_AUTHTOKEN", "t")
        .args(["http", "8080", "--log-format", "logfmt"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(agent.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(
        first.starts_with("t=20")
            && first.contains(r#" lvl=warn msg="cannot reach the server" obj=session cause="cannot connect to "#),
        "{first}"
    );
    let second = lines.next().unwrap().unwrap();
    assert!(
        second.contains(" lvl=info msg=reconnecting obj=session in=0.") && second.ends_with(" attempt=1"),
        "{second}"
    );
    Command::new("kill")
        .args(["-TERM", &agent.id().to_string()])
        .status()
        .unwrap();
    assert_eq!(agent.wait().unwrap().code(), Some(0));
}

#[test]
fn a_server_key_that_is_unknown_or_wrong_is_refused_with_the_way_out() {
    let home = tempfile::tempdir().unwrap();
    let dev = |name: &str, value: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_adit"))
            .env_clear()
            .env("HOME", home.path())
            .env(name, value)
            .args(["dev", "--no-agent"])
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, error) = dev("ADIT_SERVER__LIMITS__BUFERS", "64MiB");
    assert_eq!(code, Some(2));
    assert!(
        error.contains("ADIT_SERVER__LIMITS__BUFERS") && error.contains("`buffers`"),
        "{error}"
    );
    let (code, error) = dev("ADIT_SERVER__LIMITS__BUFFERS", "much");
    assert_eq!(code, Some(2));
    assert!(error.contains("256MiB"), "{error}");
}

/// Set to anything, the pages are written in place of compared.
const WRITE: &str = "ADIT_WRITE_HELP";

/// What a person reads of a command changes only when somebody means it to.
#[test]
fn pages_of_help_are_those_that_were_read() {
    for words in [
        &["api", "credentials"][..],
        &["api", "credentials", "create"],
        &["api", "credentials", "list"],
        &["api", "credentials", "update"],
        &["api", "credentials", "delete"],
        &["audit", "verify"],
    ] {
        let (code, help, _) = run(&[words, &["--help"]].concat());
        assert_eq!(code, 0, "{words:?}");
        let name = format!("tests/help/{}.txt", words.join("-"));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&path, &help).unwrap();
        }
        let read = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            read == help,
            "{name} is another page. If it is meant: {WRITE}=1 cargo test -p adit --test cli pages_of_help\n{help}"
        );
    }
}

/// Ctrl-C while a command waits for the server: 130, as a shell counts it. Whoever runs the tests may have them ignore
/// it, which `env` takes back.
#[cfg(target_os = "linux")]
#[test]
fn a_command_that_is_interrupted_is_130() {
    use std::io::Read as _;
    use std::os::unix::process::ExitStatusExt as _;

    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("/usr/bin/env")
        .arg("--default-signal=INT")
        .arg(env!("CARGO_BIN_EXE_adit"))
        .args(["api", "ip-policies", "list"])
        .env_clear()
        .env("HOME", home.path())
        .env("ADIT_API_KEY", "k")
        .env("ADIT_API_URL", format!("http://{}", server.local_addr().unwrap()))
        .spawn()
        .unwrap();
    let (mut asked, _) = server.accept().unwrap();
    assert_eq!(asked.read(&mut [0; 1]).unwrap(), 1);
    let kill = Command::new("kill").args(["-INT", &command.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let ended = command.wait().unwrap();
    assert_eq!(
        ended.code().or_else(|| ended.signal().map(|signal| 128 + signal)),
        Some(130)
    );
}
