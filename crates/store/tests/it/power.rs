//! What a loss of power may leave. `kill -9` never loses the page cache, so it cannot find a missing sync.
//!
//! A process that writes is recorded with `strace`: every write to the files of the database, every sync, every
//! acknowledgement, in their order. From the record the files are rebuilt as a disk may have them at some instant:
//! what was synced is there; of what was written since, anything may be missing, sector by sector. Each such state is
//! opened, and must have all that was acknowledged until then.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use adit_names::id::Id;
use adit_store::Engine;

use crate::crash::{Writing, acknowledgement, check, write_if_told};
use crate::engine::Bench;

/// A disk writes these as a whole, or not at all.
const SECTOR: usize = 512;
/// Instants that are tried, of all that were recorded.
const INSTANTS: usize = 48;

/// What the process did.
#[derive(Debug)]
enum Deed {
    Write {
        file: PathBuf,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        file: PathBuf,
        length: usize,
    },
    /// Whatever was written before this began is on the disk.
    Sync {
        file: PathBuf,
    },
    Remove {
        file: PathBuf,
    },
    Acknowledge(Id, u64),
}

/// Reads a record of `strace -f -y -xx`.
fn read(record: &str, dir: &Path) -> Vec<Deed> {
    let mut deeds = Vec::new();
    let mut offsets: HashMap<(String, String), usize> = HashMap::new();
    // Calls that began, by thread; a sync counts when it ends, everything else when it begins or ends: the reader of a
    // file that is not shared cannot tell.
    let mut begun: HashMap<&str, String> = HashMap::new();
    for line in record.lines() {
        let Some((thread, call)) = line.trim_start().split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        let call = if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, start.to_owned());
            continue;
        } else if call.starts_with("<... ") {
            let Some((_, rest)) = call.split_once("resumed>") else {
                continue;
            };
            format!("{}{rest}", begun.remove(thread).unwrap_or_default())
        } else {
            call.to_owned()
        };
        deeds.extend(deed(&call, dir, &mut offsets));
    }
    deeds
}

fn deed(call: &str, dir: &Path, offsets: &mut HashMap<(String, String), usize>) -> Option<Deed> {
    let (name, rest) = call.split_once('(')?;
    let (args, result) = rest.rsplit_once(" = ")?;
    let args = args.trim_end().strip_suffix(')')?;
    let result: i64 = result.split_whitespace().next()?.parse().ok()?;
    if result < 0 {
        return None;
    }
    let count = usize::try_from(result).ok()?;
    if name == "unlink" {
        let path = PathBuf::from(String::from_utf8(unquote(args)?).ok()?);
        return path.starts_with(dir).then_some(Deed::Remove { file: path });
    }
    let (descriptor, file) = args.split_once('<')?;
    let (file, args) = file.split_once('>')?;
    let args: Vec<&str> = args.trim_start_matches(", ").split(", ").collect();
    // Paths are in hexadecimal as well.
    let file = String::from_utf8(unescape(file)?).ok()?;
    if name == "write" && descriptor == "1" {
        let text = String::from_utf8(unquote(args.first()?)?).ok()?;
        return acknowledgement(&text).map(|(id, revision)| Deed::Acknowledge(id, revision));
    }
    if !Path::new(&file).starts_with(dir) {
        return None;
    }
    let key = (descriptor.to_owned(), file.clone());
    let file = PathBuf::from(file);
    let number = |at: usize| args.get(at).and_then(|text| text.parse::<usize>().ok());
    match name {
        "lseek" => {
            offsets.insert(key, count);
            None
        }
        "write" => {
            let at = offsets.get(&key).copied().unwrap_or_default();
            offsets.insert(key, at + count);
            let bytes = unquote(args.first()?)?;
            assert_eq!(bytes.len(), count, "the record has all of a write");
            Some(Deed::Write { file, at, bytes })
        }
        "pwrite64" => {
            let bytes = unquote(args.first()?)?;
            assert_eq!(bytes.len(), count, "the record has all of a write");
            Some(Deed::Write {
                file,
                at: number(2)?,
                bytes,
            })
        }
        "ftruncate" => Some(Deed::Truncate {
            file,
            length: number(0)?,
        }),
        "fsync" | "fdatasync" => Some(Deed::Sync { file }),
        _ => None,
    }
}

fn unquote(text: &str) -> Option<Vec<u8>> {
    unescape(text.strip_prefix('"')?.strip_suffix('"')?)
}

/// `\x41\x42`; strace leaves nothing else with `-xx`.
fn unescape(text: &str) -> Option<Vec<u8>> {
    if !text.starts_with("\\x") {
        return Some(text.as_bytes().to_vec());
    }
    text.split("\\x")
        .skip(1)
        .map(|digits| u8::from_str_radix(digits, 16).ok())
        .collect()
}

/// The files as they are surely on the disk, and what was written since their last syncs.
#[derive(Clone, Default)]
struct Disk {
    synced: HashMap<PathBuf, Vec<u8>>,
    pending: Vec<(PathBuf, Change)>,
}

#[derive(Clone)]
enum Change {
    Sector { at: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Disk {
    fn add(&mut self, deed: &Deed) {
        match deed {
            Deed::Write { file, at, bytes } => {
                let mut at = *at;
                let mut bytes = &bytes[..];
                while !bytes.is_empty() {
                    let (now, later) = bytes.split_at(bytes.len().min(SECTOR - at % SECTOR));
                    let change = Change::Sector {
                        at,
                        bytes: now.to_vec(),
                    };
                    self.pending.push((file.clone(), change));
                    at += now.len();
                    bytes = later;
                }
            }
            Deed::Truncate { file, length } => self.pending.push((file.clone(), Change::Length(*length))),
            Deed::Sync { file } => {
                let pending = std::mem::take(&mut self.pending);
                let (now, later): (Vec<_>, _) = pending.into_iter().partition(|(name, _)| name == file);
                self.pending = later;
                for (_, change) in now {
                    change.apply(self.synced.entry(file.clone()).or_default());
                }
                self.synced.entry(file.clone()).or_default();
            }
            Deed::Remove { file } => {
                self.synced.remove(file);
                self.pending.retain(|(name, _)| name != file);
            }
            Deed::Acknowledge(..) => {}
        }
    }

    /// The files, with those pending changes that `kept` keeps.
    fn state(&self, kept: impl Fn(usize) -> bool) -> HashMap<PathBuf, Vec<u8>> {
        let mut files = self.synced.clone();
        for (number, (file, change)) in self.pending.iter().enumerate() {
            if kept(number) {
                change.apply(files.entry(file.clone()).or_default());
            }
        }
        files
    }
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Sector { at, bytes } => {
                if file.len() < at + bytes.len() {
                    file.resize(at + bytes.len(), 0);
                }
                file[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Length(length) => file.resize(*length, 0),
        }
    }
}

#[test]
fn lost_on_sqlite() {
    if write_if_told(30) {
        return;
    }
    let bench = Bench::sqlite();
    let Engine::Sqlite(path) = bench.engine() else {
        panic!("it is SQLite")
    };
    let dir = path.parent().unwrap().canonicalize().unwrap();
    let record = dir.join("record");
    let calls = "trace=write,pwrite64,lseek,ftruncate,fsync,fdatasync,unlink";
    let record_text = record.display().to_string();
    let strace = [
        "strace",
        "-f",
        "-y",
        "-xx",
        "-s",
        "1048576",
        "-e",
        calls,
        "-e",
        "signal=none",
        "-o",
        &record_text,
    ];
    Writing::start("power::lost_on_sqlite", &Engine::Sqlite(dir.join("adit.db")), &strace).wait();
    let deeds = read(&std::fs::read_to_string(&record).unwrap(), &dir);

    let syncs = deeds.iter().filter(|deed| matches!(deed, Deed::Sync { .. })).count();
    let all = deeds
        .iter()
        .filter(|deed| matches!(deed, Deed::Acknowledge(..)))
        .count();
    assert_eq!(all, 8 * 30);
    assert!(syncs > 20, "{syncs} syncs were recorded");
    // Until the tables are made there is nothing to lose.
    let first = deeds
        .iter()
        .position(|deed| matches!(deed, Deed::Acknowledge(..)))
        .unwrap();
    let step = (deeds.len() - first) / INSTANTS;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut disk = Disk::default();
    let mut acknowledged = HashMap::new();
    let mut states = 0;
    for (number, deed) in deeds.iter().enumerate() {
        if let Deed::Acknowledge(id, revision) = deed {
            acknowledged.insert(*id, *revision);
        }
        disk.add(deed);
        if number < first || (number - first) % step != 0 {
            continue;
        }
        let pending = disk.pending.len();
        let shapes: [&dyn Fn(usize) -> bool; 5] =
            [&|_| false, &|_| true, &|n| n % 2 == 0, &|n| n >= pending / 2, &|n| {
                (n * 7 + number) % 3 == 0
            }];
        // Without anything pending all are the same.
        for shape in &shapes[..if pending == 0 { 1 } else { shapes.len() }] {
            let copy = Bench::sqlite();
            let Engine::Sqlite(path) = copy.engine() else {
                panic!("it is SQLite")
            };
            for (file, bytes) in disk.state(shape) {
                if let Some(name) = file
                    .file_name()
                    .filter(|name| name.to_string_lossy().starts_with("adit.db"))
                {
                    // What other processes share is not on the disk in any sense that counts: SQLite makes it anew.
                    if !name.to_string_lossy().ends_with("-shm") {
                        std::fs::write(path.with_file_name(name), bytes).unwrap();
                    }
                }
            }
            runtime.block_on(async {
                let store = copy.open().await;
                check(&store, &acknowledged).await;
                store.close().await;
            });
            states += 1;
        }
    }
    println!(
        "{} writes and syncs, {states} states of the disk, all whole",
        deeds.len()
    );
    assert!(states > INSTANTS);
}
