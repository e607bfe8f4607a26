//! `adit policy` as a person or a pipeline meets it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_adit"))
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .arg("policy")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        run(self.0.path(), arguments)
    }
}

const RIGHT: &str = "on_http_request:
  - name: no debug
    expressions: [\"hasReqHeader('x-debug')\"]
    actions: [{type: deny, config: {status_code: 404}}]
  - actions: [{type: add-headers, config: {headers: {x-ip: '${conn.client_ip}'}}}]
";

#[test]
fn check_names_the_place_and_what_to_do() {
    let folder = Folder::new(&[
        ("right.yaml", RIGHT),
        (
            "wrong.yaml",
            "on_http_request:\n  - expressions: [\"req.metod == 'GET'\"]\n    actions: [{type: deny}]\n",
        ),
        (
            "dubious.yaml",
            "on_http_request: [{actions: [{type: restrict-ips, config: {deny: [10.0.0.0/8]}}]}]",
        ),
    ]);
    let (code, out, _) = folder.run(&["check", "right.yaml"]);
    assert_eq!((code, out.as_str()), (0, "0 errors, 0 warnings\n"));
    let (code, out, _) = folder.run(&["check", "--cost", "right.yaml"]);
    assert_eq!(code, 0);
    assert!(
        out.starts_with("right.yaml: cost ") && out.contains(" of 100000 at on_http_request[0]."),
        "{out}"
    );
    let (code, out, _) = folder.run(&["check", "wrong.yaml"]);
    assert_eq!(code, 1);
    assert!(out.contains("wrong.yaml:2:20: ERR_NGROK_2200"), "{out}");
    assert!(out.contains("did you mean `req.method`?") && out.contains("^"), "{out}");
    assert_eq!(folder.run(&["check", "dubious.yaml"]).0, 0);
    assert_eq!(folder.run(&["check", "--strict", "dubious.yaml"]).0, 1);
    let (code, out, _) = folder.run(&["check", "--json", "--cloud", "right.yaml"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["errors"][0]["code"]), (1, &"ERR_NGROK_2235".into()));
    assert_eq!(folder.run(&["check", "missing.yaml"]).0, 2);
    let own = Folder::new(&[("own.yaml", "on_http_request:\n  - {id: a, actions: [{type: deny}]}\n")]);
    assert_eq!(own.run(&["check", "own.yaml"]).0, 0);
    let (code, out, _) = own.run(&["check", "--portable", "own.yaml"]);
    assert_eq!(
        (code, out.as_str()),
        (
            1,
            "own.yaml:2:6: not portable: the key `id` of rules is understood by Adit only\n      - {id: a, actions: [{type: deny}]}\n         ^\n    at on_http_request[0].id\n1 errors, 0 warnings\n"
        )
    );
    assert_eq!(folder.run(&["check", "--portable", "right.yaml"]).0, 0);
    let (code, _, error) = folder.run(&["check", "--server", "right.yaml"]);
    assert!(code != 0 && !error.is_empty(), "there is no server: {error}");
}

#[test]
fn test_counts_and_shows_why() {
    let cases = "version: 1
cases:
- id: ok/one
  expr: 1 + 1
  value: 2
- id: wrong/one
  policy_file: right.yaml
  request: {headers: {x-debug: '1'}}
  expect: {forwarded: {}}
- id: open/one
  tags: [unverified]
  expr: 1 + 1
  value: 3
";
    let folder = Folder::new(&[("cases.yaml", cases), ("right.yaml", RIGHT)]);
    let (code, out, _) = folder.run(&["test", "cases.yaml"]);
    assert_eq!(code, 1);
    assert_eq!(out.lines().last(), Some("1 passed, 1 failed"));
    assert!(out.contains("unverified: 0 passed, 1 failed"), "{out}");
    assert!(
        out.contains("FAILED wrong/one") && out.contains("| on_http_request[0]: matched"),
        "{out}"
    );
    let (code, out, _) = folder.run(&["test", "cases.yaml", "--run", "ok/*"]);
    assert_eq!((code, out.as_str()), (0, "1 passed, 0 failed\n"));
    let (code, out, _) = folder.run(&["test", "cases.yaml", "--strict"]);
    assert_eq!((code, out.lines().last()), (1, Some("1 passed, 2 failed")));
    assert_eq!(folder.run(&["test", "right.yaml"]).0, 2);
}

#[test]
fn the_cases_of_the_specification_pass() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../policy/tests/traffic-policy-cases.yaml");
    let folder = Folder::new(&[]);
    for tier in ["native", "cel"] {
        let (code, out, _) = folder.run(&["test", file.to_str().unwrap(), "--tier", tier]);
        assert_eq!(code, 0, "{out}");
        assert!(out.lines().last().unwrap().ends_with(" passed, 0 failed"), "{out}");
        assert!(out.contains("unverified: 69 passed, 0 failed"), "{out}");
    }
}

#[test]
fn explain_tells_rule_by_rule() {
    let folder = Folder::new(&[("right.yaml", RIGHT)]);
    let (code, out, error) = folder.run(&["explain", "right.yaml", "--request", "GET https://app.example.com/a"]);
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(
        out.starts_with(
            "on_http_request[0] \"no debug\": not matched: `hasReqHeader('x-debug')`\n    hasReqHeader('x-debug') = false\n"
        ),
        "{out}"
    );
    assert!(
        out.contains("        headers.x-ip: \"203.0.113.10\""),
        "the field evaluated: {out}"
    );
    assert!(
        out.contains("-> the service: GET /a (host app.example.com)\n   x-ip: 203.0.113.10"),
        "{out}"
    );
    let arguments = [
        "explain",
        "right.yaml",
        "--request",
        "https://a.example/",
        "-H",
        "X-Debug: 1",
        "--json",
    ];
    let (_, out, _) = folder.run(&arguments);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["response"]["status"], 404);
    assert_eq!(json["forwarded"], serde_json::Value::Null);
    assert_eq!(json["rules"][1]["outcome"], "skipped");
    assert_eq!(folder.run(&["explain", "right.yaml", "--request", "nonsense"]).0, 2);
    assert_eq!(
        folder.run(&["explain", "--request", "https://a.example/"]).0,
        2,
        "a policy or an endpoint"
    );
}

/// The guard holds on the operator's machine as it does on the server, and nothing is sent unless that is asked for.
#[test]
fn effects_are_sent_from_here_under_the_guard() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let policy = format!(
        "on_http_request: [{{actions: [{{type: http-request, config: {{url: 'http://127.0.0.1:{port}/'}}}}]}}]"
    );
    let folder = Folder::new(&[("call.yaml", &policy)]);
    let arguments = ["explain", "call.yaml", "--request", "https://app.example.com/"];
    let (code, out, error) = folder.run(&arguments);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains(": not performed: network effects"), "{out}");
    let (code, out, error) = folder.run(&[&arguments[..], &["--effects"]].concat());
    assert_eq!(code, 0, "{error}");
    assert!(
        out.contains("ERR_ADIT_5203") && out.contains("127.0.0.1") && !out.contains("not performed"),
        "{out}"
    );
    if let Ok((mut connection, _)) = listener.accept() {
        let mut got = [0; 64];
        let _ = connection.read(&mut got);
        let _ = connection.write(b"");
        panic!("loopback was asked");
    }
}

#[test]
fn diff_tells_rules_and_decisions() {
    let other = RIGHT.replace("404", "410").replace(
        "  - actions: [{type: add-headers",
        "  - actions: [{type: log, config: {metadata: {a: b}}}]\n  - actions: [{type: add-headers",
    );
    let cases = "version: 1
cases:
- {id: plain, policy: '{}', expect: {forwarded: {}}}
- {id: debug, doc: somebody looks, policy: '{}', request: {headers: {x-debug: '1'}}, expect: {forwarded: false}}
- {id: text, expr: 1 + 1, value: 2}
";
    let folder = Folder::new(&[
        ("a.yaml", RIGHT),
        ("b.yaml", &other),
        ("cases.yaml", cases),
        ("bad.yaml", "on_http_request: [{}]"),
    ]);
    assert_eq!(
        folder.run(&["diff", "a.yaml", "a.yaml"]),
        (0, "0 rules differ\n".to_owned(), String::new())
    );
    let (code, out, _) = folder.run(&["diff", "a.yaml", "b.yaml"]);
    assert_eq!(code, 1);
    let expected = "~ on_http_request[0] \"no debug\"\n    actions[0].config.status_code: 404 → 410\n";
    assert!(
        out.starts_with(expected) && out.contains("+ on_http_request[1]"),
        "{out}"
    );
    let (code, out, _) = folder.run(&["diff", "a.yaml", "b.yaml", "--cases", "cases.yaml"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("debug: somebody looks\n    response.status: 404 → 410\n"),
        "{out}"
    );
    assert!(out.contains("plain\n    logs: [] → [{\"a\":\"b\"}]\n"), "{out}");
    assert_eq!(out.lines().last(), Some("2 cases, 2 decided differently"));
    let (code, out, _) = folder.run(&["diff", "a.yaml", "b.yaml", "--cases", "cases.yaml", "--json"]);
    let first: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!((code, &first["id"], &first["step"]), (1, &"plain".into(), &0.into()));
    // One that cannot be the policy of such an endpoint decides nothing.
    let (_, out, _) = folder.run(&["diff", "a.yaml", "bad.yaml", "--cases", "cases.yaml"]);
    assert!(out.contains("refused: nothing →"), "{out}");
    let (code, _, error) = folder.run(&["diff", "a.yaml", "bad.yaml"]);
    assert!(code == 1 && error.contains("bad.yaml is wrong"), "{error}");
}

#[test]
fn fmt_lays_out_and_writes_only_what_changes() {
    let written = "# mine\non_http_request: [{actions: [{config: {status_code: 404}, type: deny}]}] # end\n";
    let laid_out = "# mine\non_http_request: # end\n  - actions:\n      - type: deny\n        config:\n          status_code: 404\n";
    let folder = Folder::new(&[
        ("a.yaml", written),
        ("b.yaml", laid_out),
        ("c.yaml", "a: &x []\nb: *x\n"),
    ]);
    let file = |name: &str| std::fs::read_to_string(folder.0.path().join(name)).unwrap();
    assert_eq!(folder.run(&["fmt", "a.yaml"]), (0, laid_out.to_owned(), String::new()));
    assert_eq!(
        folder.run(&["fmt", "--check", "a.yaml", "b.yaml"]),
        (1, "a.yaml\n".to_owned(), String::new())
    );
    assert_eq!(file("a.yaml"), written);
    assert_eq!(
        folder.run(&["fmt", "--write", "a.yaml", "b.yaml"]),
        (0, "a.yaml\n".to_owned(), String::new())
    );
    assert_eq!(file("a.yaml"), laid_out);
    assert_eq!(folder.run(&["fmt", "--check", "a.yaml", "b.yaml"]).0, 0);
    let (code, out, error) = folder.run(&["fmt", "--write", "c.yaml"]);
    assert!(
        code == 1 && out.is_empty() && error.contains("an anchor would be lost"),
        "{error}"
    );
    assert_eq!(file("c.yaml"), "a: &x []\nb: *x\n");
    assert_eq!(
        std::fs::read_dir(folder.0.path()).unwrap().count(),
        3,
        "nothing is left beside them"
    );
}

#[test]
fn snapshots_are_written_and_reports_are_for_machines() {
    let cases = "version: 1
cases:
- {id: kept, expr: 1 + 1, value: 3}
- id: sum
  tags: [snapshot]
  expr: 1 + 1
  value: 3  # was
";
    let folder = Folder::new(&[("cases.yaml", cases)]);
    let (code, out, _) = folder.run(&["test", "cases.yaml", "--junit"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("<testsuite name=\"cases.yaml\" tests=\"2\" failures=\"2\" skipped=\"0\">"),
        "{out}"
    );
    let (code, out, error) = folder.run(&["test", "cases.yaml", "--update", "--run", "kept"]);
    assert_eq!(
        (code, out.lines().last(), error.as_str()),
        (1, Some("0 passed, 1 failed"), "")
    );
    let (code, out, error) = folder.run(&["test", "cases.yaml", "--update"]);
    assert_eq!(
        (code, out.lines().last(), error.as_str()),
        (1, Some("1 passed, 1 failed"), "written: sum\n")
    );
    let now = std::fs::read_to_string(folder.0.path().join("cases.yaml")).unwrap();
    assert_eq!(now, cases.replace("value: 3  # was", "value: 2  # was"));
}

#[test]
fn convert_and_schema() {
    let folder = Folder::new(&[(
        "old.json",
        r#"{"Inbound":[{"Expressions":["req.Method == 'PUT'"],"Actions":[{"Type":"deny"}]}]}"#,
    )]);
    let (code, out, _) = folder.run(&["convert", "old.json"]);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        "on_http_request:\n  - expressions:\n      - \"req.method == 'PUT'\"\n    actions:\n      - type: deny\n"
    );
    let (_, out, _) = folder.run(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(schema["title"], "Traffic Policy");
}

/// With the firewall no case of it is left out.
#[cfg(feature = "waf")]
#[test]
fn the_firewall_answers_the_cases_that_ask_it() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../policy/tests/traffic-policy-cases.yaml");
    let folder = Folder::new(&[]);
    let (code, out, error) = folder.run(&["test", file.to_str().unwrap(), "--run", "owasp-crs-re*", "--no-skip"]);
    assert_eq!((code, out.as_str(), error.as_str()), (0, "4 passed, 0 failed\n", ""));
}
