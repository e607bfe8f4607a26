//! Lists, exports, heads, and the verification of each form of the log.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{adit, broken, intact, make_policy, offline, sql};
use crate::harness::{Server, eventually};

/// A server with some changes, and what somebody kept of its log.
struct Kept {
    server: Server,
    folder: PathBuf,
}

impl Kept {
    fn new() -> Self {
        let server = Server::start();
        // The first heads are signed soon after the start.
        eventually("a signed head", || {
            (!adit(&server, &["audit", "heads"]).stdout.is_empty()).then_some(())
        });
        for _ in 0..5 {
            assert_eq!(make_policy(&server).0, 201);
        }
        let folder = server.directory().to_owned();
        let kept = Self { server, folder };
        for (name, args) in [
            ("heads.ndjson", &["audit", "heads"][..]),
            ("export.ndjson", &["audit", "export"]),
            ("keys.json", &["api", "audit", "get-keys", "-o", "json"]),
        ] {
            let ended = adit(&kept.server, args);
            assert_eq!(ended.code(), 0, "{ended:?}");
            std::fs::write(kept.path(name), ended.stdout).unwrap();
        }
        kept
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Another key than the server's.
    fn wrong_key(&self) -> String {
        let path = self.path("wrong-key");
        std::fs::write(&path, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n").unwrap();
        text(&path)
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_log_is_intact_wherever_it_is_read() {
    let kept = Kept::new();
    let server = &kept.server;
    let list = adit(server, &["audit", "list", "--limit", "3", "-o", "jsonl"]);
    assert_eq!(list.code(), 0, "{list:?}");
    let entries: Vec<Value> = list
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(entries.len(), 3, "{list:?}");
    // The export is an entry, too.
    let told: Vec<_> = entries.iter().map(|e| (&e["event_type"], &e["source"])).collect();
    let [exported, made] = ["audit_exported.v0", "ip_policy_created.v0"].map(Value::from);
    let api = Value::from("API");
    assert_eq!(told, [(&exported, &api), (&made, &api), (&made, &api)]);

    let [heads, export, keys] = ["heads.ndjson", "export.ndjson", "keys.json"].map(|name| text(&kept.path(name)));
    let data = text(&kept.path("data"));
    let db = text(&kept.path("data/adit.db"));
    let before = intact(&offline(&["audit", "verify", "--db", &db]));
    let over_api = intact(&adit(server, &["audit", "verify"]));
    assert_eq!(
        over_api,
        intact(&adit(server, &["audit", "verify", "--heads", &heads, "--key", &keys]))
    );
    assert!(over_api + 3 > intact(&adit(server, &["audit", "verify", "--from", "3"])));
    // Verifying adds none; a running server is no obstacle.
    for more in [
        &[][..],
        &["--heads", &heads],
        &["--key", &keys],
        &["--heads", &heads, "--key", &keys],
    ] {
        for place in [["--data-dir", &data], ["--db", &db]] {
            let args = [&["audit", "verify"][..], &place, more].concat();
            assert_eq!(intact(&offline(&args)), before, "{args:?}");
        }
        let args = [&["audit", "verify", &export][..], more].concat();
        assert_eq!(intact(&offline(&args)), over_api, "{args:?}");
    }
    let rest = intact(&offline(&["audit", "verify", "--db", &db, "--from", "4"]));
    assert!(rest < before && rest > 0, "{rest} of {before}");

    // Usage: nothing to read, nothing in it, two sources at once.
    for args in [
        &["audit", "verify", "--db", "/nowhere/adit.db"][..],
        &["audit", "verify", "/nowhere/export"],
    ] {
        let ended = offline(args);
        assert!(ended.code() != 0 && ended.stderr.contains("/nowhere"), "{ended:?}");
    }
    assert_eq!(
        offline(&["audit", "verify", "--db", &db, "--data-dir", &data]).code(),
        2
    );
    assert_eq!(offline(&["audit", "verify", "--db", &db, "--heads", &keys]).code(), 2);
}

#[test]
fn what_a_forger_does_to_the_store_is_found_and_named() {
    let kept = Kept::new();
    let keys = text(&kept.path("keys.json"));
    let heads = text(&kept.path("heads.ndjson"));
    let data = kept.path("data");
    let wrong_key = kept.wrong_key();
    let kept_heads = kept.text("heads.ndjson");
    let kept_heads = kept_heads
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_config = kept_heads.filter(|head| head["chain"] == "config");
    let first_head = of_config.filter_map(|head| head["seq"].as_u64()).min().unwrap();
    let Kept { server, folder } = kept;
    server.process.signal("TERM");
    let Server { process, .. } = server;
    // The folder is kept by the server's own value.
    let ended = process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    let db = data.join("adit.db");
    let whole = intact(&offline(&[
        "audit",
        "verify",
        "--db",
        &text(&db),
        "--key",
        &keys,
        "--heads",
        &heads,
    ]));
    assert!(whole >= 10);
    // What was written last was signed when the server stopped.
    broken(
        &offline(&["audit", "verify", "--db", &text(&db), "--key", &wrong_key]),
        "has a signature that is not the server's",
    );
    broken(
        &offline(&[
            "audit",
            "verify",
            "--db",
            &text(&db),
            "--key",
            &wrong_key,
            "--heads",
            &heads,
        ]),
        "has a signature that is not the server's",
    );
    let ours = "chain = 'config' AND organization_id <> 'ac_system'";
    let to = |seq: u64| {
        format!(
            "DELETE FROM log WHERE seq > {seq} AND {ours};
             UPDATE log_head SET seq = {seq}, hash = (SELECT hash FROM log WHERE seq = {seq} AND {ours}) WHERE {ours};"
        )
    };
    let forget = "DELETE FROM work WHERE class = 'checkpoint';";
    for (number, (statements, named, with_heads)) in [
        (
            format!("UPDATE log SET subject = 'mallory' WHERE seq = 3 AND {ours}"),
            "is broken at 3: its content has the hash",
            false,
        ),
        (
            format!("UPDATE log SET after = '{{}}' WHERE seq = 7 AND {ours}"),
            "is broken at 7: its content has the hash",
            false,
        ),
        (
            format!("DELETE FROM log WHERE seq = 3 AND {ours}"),
            "is broken at 3: entry 4 follows instead",
            false,
        ),
        (
            format!("DELETE FROM log WHERE seq = 1 AND {ours}"),
            "the entries before it are missing",
            false,
        ),
        (
            format!("DELETE FROM log WHERE seq > 8 AND {ours}"),
            "the chain ends at 8, but there was an entry",
            false,
        ),
        // The head in the database as well: the heads that were signed tell.
        (to(8), "the chain ends at 8, but there was an entry", false),
        // Those as well: the heads that somebody keeps elsewhere tell.
        (
            format!("{} {forget}", to(first_head - 1)),
            &*format!(
                "the chain ends at {}, but there was an entry {first_head}",
                first_head - 1
            ),
            true,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let copy = folder.join(format!("copy-{number}.db"));
        std::fs::copy(&db, &copy).unwrap();
        sql(&copy, &statements);
        let copy = text(&copy);
        let plain = offline(&["audit", "verify", "--db", &copy]);
        if with_heads {
            intact(&plain);
        } else {
            broken(&plain, named);
        }
        broken(
            &offline(&["audit", "verify", "--db", &copy, "--heads", &heads, "--key", &keys]),
            named,
        );
    }
}

#[test]
fn what_a_forger_does_to_an_export_is_found_and_named() {
    let kept = Kept::new();
    let export = kept.text("export.ndjson");
    let lines: Vec<&str> = export.lines().collect();
    let wrong_key = kept.wrong_key();
    let path = text(&kept.path("forged.ndjson"));
    let verify = |lines: &[&str], more: &[&str]| {
        std::fs::write(&path, format!("{}\n", lines.join("\n"))).unwrap();
        offline(&[&["audit", "verify", &path][..], more].concat())
    };
    intact(&verify(&lines, &[]));
    let mut forged = lines.clone();
    let changed = forged[2].replace("\"source\":\"", "\"source\":\"x");
    forged[2] = &changed;
    broken(&verify(&forged, &[]), "its content has the hash");
    let mut forged = lines.clone();
    forged.remove(2);
    broken(&verify(&forged, &[]), "follows instead");
    broken(&verify(&lines[..lines.len() - 1], &[]), "has no manifest");
    let mut forged = lines.clone();
    forged.remove(lines.len() - 2);
    broken(&verify(&forged, &[]), "its manifest says");
    let mut forged = lines.clone();
    let last = lines[lines.len() - 1].replace("\"count\":", "\"count\":1");
    forged[lines.len() - 1] = &last;
    broken(&verify(&forged, &[]), "is not signed by the server");
    broken(&verify(&lines, &["--key", &wrong_key]), "is not signed by the server");
}
