//! A process that is killed under load: everything it has acknowledged is there, with its entry of the log.
//!
//! The process is this test again, told by its environment to write instead of to watch. It says on its output what was
//! acknowledged to it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use adit_names::id::Id;
use adit_store::log::Scan;
use adit_store::{Engine, MasterKey, Options, Store};
use serde_json::json;

use crate::engine::Bench;
use crate::things::*;

/// Tells the process where to write.
const PLACE: &str = "ADIT_TEST_CRASH_PLACE";
/// How often it is killed; the suite has time for a few.
const KILLS: &str = "ADIT_STORE_KILLS";
const WRITERS: usize = 8;

/// A process that writes.
pub(crate) struct Writing {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Writing {
    /// Starts `test` of this program as the one that writes; `prefix` are words before the program.
    pub(crate) fn start(test: &str, engine: &Engine, prefix: &[&str]) -> Self {
        let place = match engine {
            Engine::Sqlite(path) => path.display().to_string(),
            Engine::Postgres(url) => url.clone(),
        };
        let program = std::env::current_exe().unwrap();
        let program = program.to_str().unwrap();
        let words: Vec<&str> = prefix
            .iter()
            .copied()
            .chain([program, test, "--exact", "--nocapture"])
            .collect();
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .env(PLACE, place)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// What was acknowledged next; none at the end.
    fn next(&mut self) -> Option<(Id, u64)> {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if let Some(acknowledged) = acknowledgement(&line) {
                return Some(acknowledged);
            }
            line.clear();
        }
        None
    }

    pub(crate) fn wait(mut self) {
        while self.next().is_some() {}
        assert!(self.child.wait().unwrap().success());
    }
}

/// Reads `ack <id> <revision>`, wherever it stands in a line.
pub(crate) fn acknowledgement(line: &str) -> Option<(Id, u64)> {
    let (_, rest) = line.split_once("ack ")?;
    let (id, revision) = rest.trim_end().split_once(' ')?;
    Some((id.parse().ok()?, revision.parse().ok()?))
}

/// Writes with several writers until it is killed, or each has made so many changes.
pub(crate) fn write_if_told(changes: usize) -> bool {
    let Ok(place) = std::env::var(PLACE) else { return false };
    let engine = if place.starts_with("postgres:") {
        Engine::Postgres(place)
    } else {
        Engine::Sqlite(place.into())
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let key = MasterKey::new([7; 32]);
        let node = "edge-1".to_owned();
        let store = Store::open(Options { engine, node, key }).await.unwrap();
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| tokio::spawn(changes_of_one(store.clone(), changes)))
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        store.close().await;
    });
    true
}

async fn changes_of_one(store: Store, changes: usize) {
    let organization = organization();
    let mut seen = None;
    for number in 0..changes {
        let done = match seen.take() {
            None => create(&store, prepared(policy(organization, "made"))).await.unwrap(),
            Some(object) => {
                let change = set(&object, "description", json!(format!("change {number}")));
                store.write(write(organization, vec![change])).await.unwrap().objects[0].clone()
            }
        };
        // One write of the system per line, so that lines stay whole.
        let line = format!("ack {} {}\n", done.id, done.revision);
        std::io::stdout().write_all(line.as_bytes()).unwrap();
        std::io::stdout().flush().unwrap();
        seen = (done.revision < 5).then_some(done);
    }
}

/// Everything acknowledged is there with its entry, and the log is whole.
pub(crate) async fn check(store: &Store, acknowledged: &HashMap<Id, u64>) {
    store.verify(None, &[], |_| true).await.unwrap();
    let mut logged: HashMap<(String, u64), usize> = HashMap::new();
    let mut newest: HashMap<String, u64> = HashMap::new();
    let mut scan = Scan::default();
    loop {
        let piece = store.scan(&scan).await.unwrap();
        let Some(last) = piece.last() else { break };
        scan.after = last.position;
        for entry in piece {
            let key = (entry.object_id.unwrap(), entry.revision.unwrap());
            newest.insert(key.0.clone(), key.1);
            *logged.entry(key).or_default() += 1;
        }
    }
    assert!(logged.values().all(|count| *count == 1));
    for (id, revision) in acknowledged {
        assert!(
            logged.contains_key(&(id.to_string(), *revision)),
            "{id} {revision} is not in the log"
        );
    }
    // And the other way round: what is logged is what is there.
    let all = store.all(&["ip_policy"]).await.unwrap();
    let there: HashMap<_, _> = all
        .objects
        .iter()
        .map(|object| (object.id.to_string(), object.revision))
        .collect();
    assert_eq!(there, newest);
}

async fn kills(test: &str, bench: &Bench) {
    let count = std::env::var(KILLS).map_or(12, |count| count.parse().unwrap());
    let mut acknowledged = HashMap::new();
    for round in 0..count {
        let mut writing = Writing::start(test, &bench.engine(), &[]);
        // At once, or after some, or after many.
        let until = (round * 61) % 400;
        let mut seen = 0;
        while seen < until {
            let (id, revision) = writing.next().expect("it writes until it is killed");
            acknowledged.insert(id, revision);
            seen += 1;
        }
        writing.child.kill().unwrap();
        while let Some((id, revision)) = writing.next() {
            acknowledged.insert(id, revision);
        }
        writing.child.wait().unwrap();
        if round % 10 == 0 || round + 1 == count {
            let store = bench.open().await;
            check(&store, &acknowledged).await;
            store.close().await;
        }
    }
    println!("{count} kills, {} objects acknowledged and found", acknowledged.len());
    assert!(acknowledged.len() > 10);
}

#[test]
fn killed_on_sqlite() {
    if !write_if_told(usize::MAX) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(kills("crash::killed_on_sqlite", &Bench::sqlite()));
    }
}

#[test]
fn killed_on_postgres() {
    if !write_if_told(usize::MAX) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { kills("crash::killed_on_postgres", &Bench::postgres().await).await });
    }
}
