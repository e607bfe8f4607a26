//! `adit api` against a server whose every answer is the test's own: what is sent, what is printed, how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use serde_json::{Value, json};

/// A request as it arrived.
#[derive(Debug)]
struct Seen {
    line: String,
    fields: Vec<(String, String)>,
    body: Value,
}

impl Seen {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// A server that answers with the given answers, one after the other, and tells what it was asked.
struct Double {
    address: SocketAddr,
    seen: Receiver<Seen>,
}

/// Status, further fields, body; status 0 closes the connection instead.
type Answer = (u16, &'static str, Value);

impl Double {
    fn new(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (send, seen) = sync_channel(1_000);
        std::thread::spawn(move || {
            let mut answers = answers.into_iter();
            while let Ok((io, _)) = listener.accept() {
                let mut io = BufReader::new(io);
                while let Some(request) = read(&mut io) {
                    // Nobody listens any more: the test is over.
                    if send.send(request).is_err() {
                        return;
                    }
                    let Some((status, fields, body)) = answers.next() else {
                        return;
                    };
                    if status == 0 {
                        break;
                    }
                    let body = if body.is_null() {
                        String::new()
                    } else {
                        body.to_string()
                    };
                    let body = body.replace("BASE", &format!("http://{address}"));
                    let text = format!(
                        "HTTP/1.1 {status} X\r\n{fields}Content-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    io.get_mut().write_all(text.as_bytes()).unwrap();
                }
            }
        });
        Self { address, seen }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = adit(arguments);
        command
            .env("ADIT_API_KEY", "key_1")
            .env("ADIT_API_URL", format!("http://{}", self.address));
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&self.command(arguments).output().unwrap())
    }

    /// The next request that arrived.
    #[track_caller]
    fn next(&self) -> Seen {
        self.seen.try_recv().expect("no request arrived")
    }

    #[track_caller]
    fn nothing_more(&self) {
        assert!(self.seen.try_recv().is_err(), "one request too many");
    }
}

fn read(io: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = || {
        let mut line = String::new();
        io.read_line(&mut line).ok()?;
        (!line.is_empty()).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut fields = Vec::new();
    loop {
        let field = line()?;
        if field.is_empty() {
            break;
        }
        let (name, value) = field.split_once(": ").unwrap();
        fields.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = fields
        .iter()
        .find(|(n, _)| n == "content-length")
        .map_or(0, |(_, v)| v.parse().unwrap());
    let mut body = vec![0; length];
    io.read_exact(&mut body).ok()?;
    Some(Seen {
        line: first,
        fields,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

struct Ended {
    code: i32,
    out: String,
    error: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            error: text(&output.stderr),
        }
    }

    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.error);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// The program in an environment of its own, after `adit api`.
fn adit(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adit"));
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .arg("api")
        .args(arguments);
    command
}

fn ok(body: Value) -> Vec<Answer> {
    vec![(200, "", body)]
}

#[test]
fn a_create_sends_what_was_given_and_nothing_else() {
    let server = Double::new(vec![(201, "", json!({"id": "cr_1", "token": "secret"}))]);
    let ended = server.run(&[
        "credentials",
        "create",
        "--acl",
        "bind:*.example.com,bind:b",
        "--acl",
        "bind:c",
        "--description",
        "-a \"b\" ü",
    ]);
    assert_eq!(ended.json(), json!({"id": "cr_1", "token": "secret"}));
    assert_eq!(ended.error, "");
    let seen = server.next();
    assert_eq!(seen.line, "POST /credentials HTTP/1.1");
    assert_eq!(
        seen.body,
        json!({"acl": ["bind:*.example.com", "bind:b", "bind:c"], "description": "-a \"b\" ü"})
    );
    assert_eq!(seen.field("authorization"), Some("Bearer key_1"));
    assert_eq!(seen.field("ngrok-version"), Some("2"));
    assert_eq!(seen.field("content-type"), Some("application/json"));
    assert_eq!(seen.field("host"), Some(server.address.to_string().as_str()));
    assert!(
        seen.field("idempotency-key")
            .is_some_and(|k| k.len() > 32 && k.len() <= 255)
    );
}

#[test]
fn an_absent_flag_is_an_absent_field_and_an_empty_one_is_empty() {
    let server = Double::new(vec![(200, "", json!({"id": "cr_1"})); 4].into_iter().collect());
    server.run(&["credentials", "update", "cr_1", "--acl", "", "--metadata", ""]);
    let seen = server.next();
    assert_eq!(seen.line, "PATCH /credentials/cr_1 HTTP/1.1");
    assert_eq!(seen.body, json!({"acl": [], "metadata": ""}));
    assert_eq!(seen.field("idempotency-key"), None);
    server.run(&[
        "service-users",
        "update",
        "service_1",
        "--active=false",
        "--if-match",
        "7",
        "--dry-run",
        "--wait",
    ]);
    let seen = server.next();
    assert_eq!(
        seen.line,
        "PATCH /service_users/service_1?dry_run=true&wait=applied HTTP/1.1"
    );
    assert_eq!(seen.body, json!({"active": false}));
    assert_eq!(seen.field("if-match"), Some("\"7\""));
    server.run(&["service-users", "update", "service_1", "--active", "--unset", "name"]);
    let seen = server.next();
    assert_eq!(seen.line, "PATCH /service_users/service_1?unset=name HTTP/1.1");
    assert_eq!(seen.body, json!({"active": true}));
    server.run(&["authtokens", "get", "a/b?c"]);
    assert_eq!(server.next().line, "GET /credentials/a%2Fb%3Fc HTTP/1.1");
}

#[test]
fn bodies_and_texts_from_files_and_stdin() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body.json");
    std::fs::write(
        &file,
        r#"{"action":"deny","cidr":"10.0.0.0/8","ip_policy_id":"ipp_1","more":{"a":[1]}}"#,
    )
    .unwrap();
    let server = Double::new(vec![(201, "", json!({})), (201, "", json!({}))]);
    let data = format!("@{}", file.display());
    let ended = server.run(&["ip-policy-rules", "create", "--data", &data, "--cidr", "::/0"]);
    assert_eq!(ended.code, 0, "{}", ended.error);
    assert_eq!(
        server.next().body,
        json!({"action": "deny", "cidr": "::/0", "ip_policy_id": "ipp_1", "more": {"a": [1]}})
    );
    let mut command = server.command(&["ip-policies", "create", "--description-file", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all("line\nline\n".as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(server.next().body, json!({"description": "line\nline\n"}));
}

#[test]
fn pages_are_followed_on_a_pipe_unless_a_limit_is_given() {
    let pages = || {
        vec![
            (
                200,
                "",
                json!({"ip_policies": [{"id": "ipp_3"}, {"id": "ipp_2"}], "uri": "BASE/ip_policies", "next_page_uri": "BASE/ip_policies?before_id=ipp_2&limit=2"}),
            ),
            (
                200,
                "",
                json!({"ip_policies": [{"id": "ipp_1"}], "uri": "x", "next_page_uri": null}),
            ),
        ]
    };
    let server = Double::new(pages());
    let ended = server.run(&["ip-policies", "list", "--filter", "obj.id != \"a&b\""]);
    let list = ended.json();
    assert_eq!(
        list["ip_policies"],
        json!([{"id": "ipp_3"}, {"id": "ipp_2"}, {"id": "ipp_1"}])
    );
    assert_eq!(list["next_page_uri"], Value::Null);
    assert_eq!(
        server.next().line,
        "GET /ip_policies?filter=obj.id%20%21%3D%20%22a%26b%22 HTTP/1.1"
    );
    assert_eq!(server.next().line, "GET /ip_policies?before_id=ipp_2&limit=2 HTTP/1.1");

    let server = Double::new(pages());
    let ended = server.run(&["ip-policies", "list", "--limit", "2"]);
    assert_eq!(ended.json()["ip_policies"].as_array().unwrap().len(), 2);
    assert!(
        ended.json()["next_page_uri"].is_string() && ended.error.contains("there are more"),
        "{}",
        ended.error
    );
    server.next();
    server.nothing_more();

    for (form, printed) in [
        ("id", "ipp_3\nipp_2\nipp_1\n"),
        ("csv", "id\r\nipp_3\r\nipp_2\r\nipp_1\r\n"),
    ] {
        let ended = Double::new(pages()).run(&["ip-policies", "list", "--limit", "2", "--all", "-o", form]);
        assert_eq!((ended.code, ended.out.as_str()), (0, printed), "{}", ended.error);
    }
    let ended = Double::new(pages()).run(&["ip-policies", "list", "-o", "jsonl", "--sort", "id"]);
    assert_eq!(
        ended.out,
        "{\"id\":\"ipp_1\"}\n{\"id\":\"ipp_2\"}\n{\"id\":\"ipp_3\"}\n"
    );
}

#[test]
fn the_key_is_not_carried_to_another_server() {
    let server = Double::new(ok(
        json!({"ip_policies": [], "uri": "x", "next_page_uri": "http://127.0.0.1:1/ip_policies"}),
    ));
    let ended = server.run(&["ip-policies", "list"]);
    assert_eq!(ended.code, 1);
    assert!(ended.error.contains("which is another server"), "{}", ended.error);
}

#[test]
fn what_passes_is_tried_again_and_what_could_be_done_twice_is_not() {
    let server = Double::new(vec![
        (503, "Retry-After: 0\r\n", json!({})),
        (0, "", Value::Null),
        (429, "", json!({"error_code": "ERR_NGROK_226"})),
        (201, "", json!({"id": "ipp_1"})),
    ]);
    let ended = server.run(&["ip-policies", "create"]);
    assert_eq!(ended.json()["id"], "ipp_1");
    let keys: Vec<_> = (0..4)
        .map(|_| server.next().field("idempotency-key").unwrap().to_owned())
        .collect();
    assert!(keys.iter().all(|k| *k == keys[0]), "{keys:?}");

    let server = Double::new(vec![(
        503,
        "",
        json!({"status_code": 503, "error_code": "ERR_ADIT_2012", "msg": "Away.", "details": {}}),
    )]);
    let ended = server.run(&["ip-policies", "update", "ipp_1", "--description", "x"]);
    assert_eq!(ended.code, 1);
    assert!(ended.error.contains("[ERR_ADIT_2012]"), "{}", ended.error);
    server.next();
    server.nothing_more();

    let answers = vec![
        (
            500,
            "",
            json!({"error_code": "ERR_NGROK_10000", "msg": "Internal error.", "details": {}})
        );
        5
    ];
    let server = Double::new(answers);
    assert_eq!(server.run(&["ip-policies", "get", "ipp_1"]).code, 1);
    for _ in 0..4 {
        server.next();
    }
    server.nothing_more();
}

#[test]
fn refusals_are_1_and_keep_the_servers_words() {
    let error = json!({"status_code": 400, "error_code": "ERR_NGROK_1409", "msg": "No network.",
        "details": {"operation_id": "op_1", "field": "cidr", "hint": "use /24"}});
    let arguments = [
        "ip-policy-rules",
        "create",
        "--cidr",
        "x",
        "--action",
        "allow",
        "--ip-policy-id",
        "ipp_1",
    ];
    let ended = Double::new(vec![(400, "", error.clone())]).run(&arguments);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert_eq!(
        ended.error,
        "error: No network. [ERR_NGROK_1409] (operation op_1)\n  where  field cidr\n  fix    use /24\n"
    );
    let ended = Double::new(vec![(400, "", error.clone())]).run(&[&arguments[..], &["--json"]].concat());
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert_eq!(serde_json::from_str::<Value>(&ended.error).unwrap(), error);
    let ended = Double::new(vec![(404, "", Value::Null)]).run(&["ip-policies", "get", &format!("ipp_{:027}", 1)]);
    assert_eq!(ended.code, 1);
    assert!(ended.error.contains("404"), "{}", ended.error);
}

#[test]
fn wrong_usage_is_2_and_sends_nothing() {
    let server = Double::new(Vec::new());
    for arguments in [
        &["ip-policy-rules", "create", "--action", "allow"][..],
        &["ip-policies", "get"],
        &["ip-policies", "get", ""],
        &["ip-policies", "crate"],
        &["ip-policys", "list"],
        &["ip-policies", "create", "--data", "[]"],
        &["ip-policies", "create", "--data", "{"],
        &["ip-policies", "create", "--data", "@/nonexistent"],
        &["ip-policies", "create", "--description-file", "/nonexistent"],
        &[
            "ip-policies",
            "create",
            "--description-file",
            "-",
            "--metadata-file",
            "-",
        ],
        &["ip-policies", "create", "--description", "a", "--description-file", "b"],
        &["ip-policies", "update", "ipp_1", "--if-match", "x"],
        &["ip-policies", "list", "--limit", "ten"],
        &["service-users", "create", "--active=maybe"],
        &["ip-policies", "list", "--timeout", "0"],
        &["ip-policies", "list", "--api-url", "http://api.example.com"],
        &["ip-policies", "list", "--config", "/nonexistent"],
    ] {
        let ended = server.run(arguments);
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (2, ""),
            "{arguments:?}: {}",
            ended.error
        );
        assert!(ended.error.starts_with("error: "), "{arguments:?}: {}", ended.error);
    }
    server.nothing_more();
    let ended = Ended::of(&adit(&["ip-policies", "list"]).output().unwrap());
    assert_eq!(ended.code, 2);
    assert!(ended.error.contains("no server is configured"), "{}", ended.error);
}

#[test]
fn a_server_that_is_not_there_is_1() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    let mut command = adit(&["ip-policies", "update", "ipp_1", "--api-url", &url]);
    let ended = Ended::of(&command.env("ADIT_API_KEY", "k").output().unwrap());
    assert_eq!(ended.code, 1);
    assert!(ended.error.contains("cannot connect"), "{}", ended.error);
}

#[test]
fn a_delete_says_nothing_unless_asked() {
    let server = Double::new(vec![(204, "", Value::Null), (204, "", Value::Null)]);
    let ended = server.run(&["ip-policies", "delete", "ipp_1"]);
    assert_eq!((ended.code, ended.out.as_str(), ended.error.as_str()), (0, "", ""));
    let ended = server.run(&["ip-policies", "delete", "ipp_1", "-v"]);
    assert_eq!(
        (ended.code, ended.out.as_str(), ended.error.as_str()),
        (0, "", "note: deleted ipp_1\n")
    );
    assert_eq!(server.next().line, "DELETE /ip_policies/ipp_1 HTTP/1.1");
}

#[test]
fn a_natural_name_stands_for_the_id_of_exactly_one_object() {
    let unknown = || {
        (
            404,
            "",
            json!({"error_code": "ERR_ADIT_2001", "msg": "no such", "status_code": 404}),
        )
    };
    let (one, two) = (format!("rd_{:027}", 1), format!("rd_{:027}", 2));
    let domain = |id: &str, name: &str| json!({"id": id, "domain": name});
    let page = |objects: Vec<Value>, next: Value| {
        (
            200,
            "",
            json!({"reserved_domains": objects, "uri": "x", "next_page_uri": next}),
        )
    };
    let server = Double::new(vec![
        unknown(),
        page(
            vec![domain(&one, "b.example.com")],
            "BASE/reserved_domains?before_id=x".into(),
        ),
        page(vec![domain(&two, "a.example.com")], Value::Null),
        (204, "", Value::Null),
        // Two are called alike.
        unknown(),
        page(
            vec![domain(&one, "a.example.com"), domain(&two, "a.example.com")],
            Value::Null,
        ),
        // None is: the server's words.
        unknown(),
        page(vec![domain(&one, "b.example.com")], Value::Null),
        // An id is an id.
        unknown(),
    ]);
    assert_eq!(server.run(&["reserved-domains", "delete", "a.example.com"]).code, 0);
    let lines: Vec<_> = (0..4).map(|_| server.next().line).collect();
    assert_eq!(lines[0], "DELETE /reserved_domains/a.example.com HTTP/1.1");
    assert_eq!(lines[1], "GET /reserved_domains?limit=100 HTTP/1.1");
    assert_eq!(lines[2], "GET /reserved_domains?before_id=x HTTP/1.1");
    assert_eq!(lines[3], format!("DELETE /reserved_domains/{two} HTTP/1.1"));
    let ended = server.run(&["reserved-domains", "delete", "a.example.com"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.error.contains(&one) && ended.error.contains(&two),
        "{}",
        ended.error
    );
    let ended = server.run(&["reserved-domains", "delete", "a.example.com"]);
    assert_eq!(ended.code, 1);
    assert!(ended.error.contains("ERR_ADIT_2001"), "{}", ended.error);
    (0..4).for_each(|_| drop(server.next()));
    assert_eq!(server.run(&["reserved-domains", "get", &two]).code, 1);
    server.next();
    server.nothing_more();
}

#[test]
fn the_key_is_found_where_it_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let server = Double::new(vec![(200, "", json!({})), (200, "", json!({}))]);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_adit"));
        let output = command
            .env_clear()
            .env("HOME", home.path())
            .args(arguments)
            .output()
            .unwrap();
        Ended::of(&output)
    };
    let ended = run(&["config", "add-api-key", "ak_kept"]);
    assert_eq!(ended.code, 0, "{}", ended.error);
    let url = format!("http://{}", server.address);
    assert_eq!(run(&["api", "root", "get", "--api-url", &url]).code, 0);
    assert_eq!(server.next().field("authorization"), Some("Bearer ak_kept"));
    let ended = run(&["api", "root", "get", "--api-url", &url, "--api-key", "ak_flag"]);
    assert!(ended.error.contains("can be seen by others"), "{}", ended.error);
    assert_eq!(server.next().field("authorization"), Some("Bearer ak_flag"));
    assert_eq!(run(&["config", "check"]).code, 0);
    let path = ended_path(home.path());
    std::fs::write(&path, "agent: {}\n").unwrap();
    let ended = run(&["config", "check"]);
    assert_eq!(ended.code, 2);
    assert!(ended.error.contains("it has no version"), "{}", ended.error);
}

fn ended_path(home: &std::path::Path) -> std::path::PathBuf {
    let base = if cfg!(target_os = "macos") {
        "Library/Application Support"
    } else {
        ".config"
    };
    home.join(base).join("adit/adit.yml")
}
