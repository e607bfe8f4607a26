//! `adit audit verify` as a program, on stores that `adit server init` has made: what is whole, what was changed, and
//! what was replaced as a whole.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::Command;

use adit_store::log::AuditKey;
use adit_store::{Engine, KeyPlaces, MasterKey, Options, Store};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

fn adit(home: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_adit"))
        .env_clear()
        .env("HOME", home)
        .current_dir(home)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A data directory with a store in which an installation was begun.
fn installed(home: &Path, name: &str) -> String {
    let folder = home.join(name);
    std::fs::create_dir(&folder).unwrap();
    let data = folder.join("data");
    let arguments = [
        "server",
        "init",
        "--base-domain",
        "tunnels.adit.test",
        "--email",
        "ops@example.com",
        "--data-dir",
        data.to_str().unwrap(),
    ];
    let (code, _, error) = adit(&folder, &arguments);
    assert_eq!(code, 0, "{error}");
    data.to_str().unwrap().to_owned()
}

/// Signs the heads of a store, and puts them and the key beside it.
async fn keep_heads(data: &str, home: &Path) {
    let data = Path::new(data);
    let engine = Engine::Sqlite(data.join("adit.db"));
    let places = KeyPlaces {
        given: None,
        file: None,
        data_dir: data.to_owned(),
    };
    let key = MasterKey::find(&places, &engine).await.unwrap();
    let node = "node-1".to_owned();
    let store = Store::open(Options { engine, node, key }).await.unwrap();
    let key = AuditKey::find(data).unwrap();
    let heads = store.checkpoint_now(&key).await.unwrap();
    assert!(!heads.is_empty());
    let heads: Vec<_> = heads.iter().map(|head| head.to_json().to_string() + "\n").collect();
    std::fs::write(home.join("heads.ndjson"), heads.concat()).unwrap();
    std::fs::write(home.join("key"), BASE64_STANDARD.encode(key.public())).unwrap();
    store.close().await;
}

#[test]
fn what_was_changed_in_the_log_is_found_and_named() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (ours, other) = (installed(home, "ours"), installed(home, "other"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(keep_heads(&ours, home));
    let verify = |data: &str, more: &[&str]| adit(home, &[&["audit", "verify", "--data-dir", data], more].concat());
    let kept = ["--heads", "heads.ndjson", "--key", "key"];
    for more in [&[][..], &kept] {
        let (code, out, error) = verify(&ours, more);
        assert_eq!(code, 0, "{error}");
        assert!(out.contains(" entries in ") && out.contains(", intact to "), "{out}");
    }
    // Whole in itself, but it is another log than the one whose heads were kept.
    assert_eq!(verify(&other, &[]).0, 0);
    let (code, out, error) = verify(&other, &kept);
    assert_eq!((code, out.as_str()), (1, ""), "{error}");
    assert!(error.starts_with("error: the log is not intact: "), "{error}");
    // Heads that nobody signed, and none at all, are wrong usage.
    std::fs::write(home.join("none"), "{}\n").unwrap();
    assert_eq!(verify(&ours, &["--heads", "none"]).0, 2);
    assert_eq!(verify(&ours, &["--heads", "nowhere"]).0, 2);

    // One letter of one entry, in the file itself.
    let database = Path::new(&ours).join("adit.db");
    let whole = std::fs::read(&database).unwrap();
    let entry = b"member_created.v0";
    let mut changed = whole.clone();
    // Wherever it stands: in the table, and in an index if there is one.
    let places: Vec<_> = whole
        .windows(entry.len())
        .enumerate()
        .filter(|(_, part)| *part == entry)
        .collect();
    assert!(!places.is_empty(), "the entry is in the file");
    for (at, _) in places {
        changed[at] = b'M';
    }
    std::fs::write(&database, changed).unwrap();
    let (code, out, error) = verify(&ours, &[]);
    assert_eq!((code, out.as_str()), (1, ""), "{error}");
    let (_, broken) = error
        .split_once("the log is not intact: the config chain of ac_")
        .expect("it says which chain");
    let (_, at) = broken.split_once(" is broken at ").expect("and where");
    let seq: u64 = at.split(':').next().unwrap().parse().unwrap();
    assert!((1..20).contains(&seq), "{error}");
    std::fs::write(&database, whole).unwrap();
    assert_eq!(verify(&ours, &[]).0, 0);
}
