//! The audit log from outside: read, exported, verified on line and off line; what is recorded of a stop and of agents
//! that are kept out; a full disk; a database that is away.

mod away;
mod full;
mod log;
mod restrictions;
mod stop;

use std::path::Path;
use std::process::Command;

use crate::harness::process::Ended;
use crate::harness::server::ADIT;
use crate::harness::{Of, Process, Server, Visitor};

use serde_json::Value;

/// Runs the program with the server's API and key.
fn adit(server: &Server, args: &[&str]) -> Ended {
    let mut command = Command::new(ADIT);
    command
        .args(args)
        .env("HOME", server.directory())
        .env("ADIT_API_URL", server.info.text("api_url"))
        .env("ADIT_API_KEY", server.info.text("api_key"))
        .env("ADIT_CONNECT_CA", &server.info.ca_file);
    Process::start(&mut command).ended()
}

/// The same without a server.
fn offline(args: &[&str]) -> Ended {
    let mut command = Command::new(ADIT);
    Process::start(command.args(args)).ended()
}

/// Makes an IP policy; status and body of the answer.
fn make_policy(server: &Server) -> (u16, Value) {
    let host = "api.adit.localhost";
    let key = server.info.text("api_key");
    let body = r#"{"description":"x"}"#;
    let mut visitor = Visitor::tls(server, host);
    visitor.send(format!(
        "POST /ip_policies HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nNgrok-Version: 2\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let answer = visitor.receive(Of::Get);
    (answer.status(), serde_json::from_slice(&answer.body).unwrap())
}

/// Statements in a database, behind everybody's back.
fn sql(database: &Path, statements: &str) {
    use sqlx::{ConnectOptions as _, Connection as _};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
    let statements = sqlx::AssertSqlSafe(statements.to_owned());
    crate::harness::visitor::runtime().block_on(async {
        let mut conn = options.connect().await.unwrap();
        sqlx::raw_sql(statements).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    });
}

/// The texts that a query finds.
fn texts(database: &Path, query: &str) -> Vec<String> {
    use sqlx::{ConnectOptions as _, Row as _};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
    let query = sqlx::AssertSqlSafe(query.to_owned());
    crate::harness::visitor::runtime().block_on(async {
        let mut conn = options.connect().await.unwrap();
        let rows = sqlx::query(query).fetch_all(&mut conn).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    })
}

/// It went well, and said how many entries are intact.
#[track_caller]
fn intact(ended: &Ended) -> u64 {
    assert_eq!(ended.code(), 0, "{ended:?}");
    let said = ended.stdout.trim_end();
    let (count, rest) = said.split_once(" entries in ").unwrap_or_else(|| panic!("{said}"));
    let (_, hash) = rest
        .split_once(" chains, intact to ")
        .unwrap_or_else(|| panic!("{said}"));
    assert!(
        hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()),
        "{said}"
    );
    count.parse().unwrap()
}

/// It ended with 1 and named what is wrong.
#[track_caller]
fn broken(ended: &Ended, named: &str) {
    assert!(
        ended.code() == 1 && ended.stderr.contains(named),
        "wanted {named:?}: {ended:?}"
    );
}
