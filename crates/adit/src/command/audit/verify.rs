//! `adit audit verify`: is the log what was written (control plane 5.3)? The entries come over the API, from exports, or
//! from the store on this machine; the hashes are computed here in any case.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use adit_store::log::{AuditKey, Chain, ChainHead, Checkpoint, Entry, Verified, Verifier, VerifyError};
use adit_store::{Engine, Store};
use serde_json::Value;

use super::keys::Trusted;
use crate::command::api::client::{Client, Request};
use crate::command::api::{Common, event_loop, show};
use crate::exit::{Exit, Failure};

/// Longest line of an export: an entry has two objects of at most a request's size.
const LINE: usize = 16 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Exports, oldest first; without any, the entries come over the API
    #[arg(value_name = "EXPORT", conflicts_with_all = ["data_dir", "db"])]
    exports: Vec<PathBuf>,
    /// The data directory of a server on this machine, running or not
    #[arg(long, value_name = "DIR", conflicts_with = "db", help_heading = "Source")]
    data_dir: Option<PathBuf>,
    /// The database itself: a file of SQLite, or postgres://…
    #[arg(long, value_name = "FILE|URL", help_heading = "Source")]
    db: Option<String>,
    /// Heads that were kept elsewhere: the answer of `adit audit heads`, or audit_checkpoint events
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    heads: Vec<PathBuf>,
    /// The public key of the server, from `GET /adit/audit/keys`; only heads that it signed count then
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    key: Option<PathBuf>,
    /// Only entries from this number on
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let mut trusted = Trusted::default();
        if let Some(path) = &self.key {
            trusted.read(path)?;
        }
        let mut heads = Vec::new();
        for path in &self.heads {
            heads_of(path, &trusted, &mut heads)?;
        }
        let verified = if let Some(directory) = &self.data_dir {
            self.in_store(&data(directory, &mut trusted)?, &heads, &trusted)?
        } else if let Some(database) = &self.db {
            self.in_store(&engine(database), &heads, &trusted)?
        } else {
            let mut check = Check::new(self.from, &heads);
            if self.exports.is_empty() {
                let mut client = self.common.target.client()?;
                event_loop()?.block_on(self.over_the_api(&mut client, &mut check, &mut trusted))?;
            } else {
                // Parts of a log: what comes before is not looked at.
                check.verifier = check.verifier.from_anywhere();
                for path in &self.exports {
                    manifest_of(path, &mut trusted, self.key.is_some(), &mut check)?;
                }
                for path in &self.exports {
                    check.part(path)?;
                }
            }
            check.finish()?
        };
        println!("{}", sentence(&verified));
        Ok(Exit::Done)
    }

    async fn over_the_api(&self, client: &mut Client, check: &mut Check, trusted: &mut Trusted) -> Result<(), Failure> {
        let form = self.common.failure_form();
        if self.key.is_none() {
            let answer = client.ask(&Request::get("/adit/audit/keys")).await?;
            if let Some(keys) = show::body(&answer, form)? {
                trusted.add(&keys);
            }
        }
        // Before the first entry: what was signed must still be there.
        let mut lines = Lines::default();
        let mut sink = |piece: &[u8]| lines.each(piece, |line| check.head(line, trusted));
        let answer = client
            .ask_into(&Request::get("/adit/audit/heads"), Some(&mut sink))
            .await?;
        if answer.status != 200 {
            show::body(&answer, form)?;
        }
        lines.end(|line| check.head(line, trusted))?;
        let mut lines = Lines::default();
        let mut sink = |piece: &[u8]| lines.each(piece, |line| check.line(line));
        let answer = client
            .ask_into(
                &Request::get("/adit/audit/export?format=ndjson&verify=true"),
                Some(&mut sink),
            )
            .await?;
        if answer.status != 200 {
            show::body(&answer, form)?;
        }
        lines.end(|line| check.line(line))?;
        if !check.has_manifest {
            return Err(broken("the export ends in the middle"));
        }
        Ok(())
    }

    fn in_store(&self, engine: &Engine, heads: &[ChainHead], trusted: &Trusted) -> Result<Verified, Failure> {
        event_loop()?.block_on(async {
            let store = Store::open_to_read(engine)
                .await
                .map_err(|e| Failure::failed(e.to_string()))?;
            let signed = signatures(&store, trusted).await;
            // They were checked just now; what nobody can check counts as it stands.
            let from = self.from.unwrap_or(0);
            let verified = store.verify_from(None, from, heads, |_| true).await;
            store.close().await;
            signed?;
            verified.map_err(|error| match error {
                VerifyError::Broken(what) => broken(what),
                VerifyError::Store(error) => Failure::failed(error.to_string()),
            })
        })
    }
}

/// Every signed head of a store is signed with a key that is trusted, if one is known.
async fn signatures(store: &Store, trusted: &Trusted) -> Result<(), Failure> {
    if trusted.is_empty() {
        return Ok(());
    }
    let mut after = String::new();
    loop {
        let page = store.checkpoints(&after, 1_000).await;
        let page = page.map_err(|e| Failure::failed(e.to_string()))?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after.clone_from(last);
        if let Some((_, head)) = page.iter().find(|(_, head)| !trusted.counts(head)) {
            return Err(unsigned(head));
        }
    }
}

fn unsigned(head: &Checkpoint) -> Failure {
    broken(format!(
        "the head {} of the {} chain of {} has a signature that is not the server's",
        head.seq,
        head.chain.as_str(),
        head.organization_id
    ))
}

/// The store of a data directory, and the key with which it signs.
fn data(directory: &Path, trusted: &mut Trusted) -> Result<Engine, Failure> {
    // Finding makes a key where there is none.
    if trusted.is_empty() && directory.join("audit-key").exists() {
        let key = AuditKey::find(directory).map_err(|e| Failure::failed(e.to_string()))?;
        trusted.public(key.public().to_vec());
    }
    Ok(Engine::Sqlite(directory.join("adit.db")))
}

fn engine(database: &str) -> Engine {
    if database.starts_with("postgres://") || database.starts_with("postgresql://") {
        Engine::Postgres(database.to_owned())
    } else {
        Engine::Sqlite(database.into())
    }
}

/// `<n> entries in <m> chains, intact to <hash>`.
fn sentence(verified: &Verified) -> String {
    // The hash of what people look at: the changes of an organisation rather than those of the installation itself.
    let system = |organization: &str| organization == "ac_system";
    let heads = verified.heads.iter();
    let told = heads.min_by_key(|((organization, chain), _)| (*chain != Chain::Config, system(organization)));
    let hash = told.map_or_else(
        || "the beginning".to_owned(),
        |(_, (_, hash))| hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
    );
    format!(
        "{} entries in {} chains, intact to {hash}",
        verified.entries,
        verified.heads.len()
    )
}

fn broken(what: impl std::fmt::Display) -> Failure {
    Failure::failed(format!("the log is not intact: {what}"))
}

/// Entries on their way through the verifier.
struct Check {
    verifier: Verifier,
    from: u64,
    /// The last line of an export was there.
    has_manifest: bool,
    /// Entries since the beginning of this export.
    count: u64,
}

impl Check {
    fn new(from: Option<u64>, heads: &[ChainHead]) -> Self {
        let mut verifier = Verifier::new();
        if from.is_some() {
            verifier = verifier.from_anywhere();
        }
        for head in heads {
            verifier.head(&head.organization_id, head.chain, head.seq, head.hash);
        }
        Self {
            verifier,
            from: from.unwrap_or(0),
            has_manifest: false,
            count: 0,
        }
    }

    /// A signed head of the server.
    fn head(&mut self, line: &str, trusted: &Trusted) -> Result<(), Failure> {
        let value: Value = serde_json::from_str(line).map_err(|e| Failure::failed(format!("a head: {e}")))?;
        let signed = Checkpoint::from_json(&value).ok_or_else(|| Failure::failed("a head cannot be read"))?;
        if !trusted.counts(&signed) {
            return Err(unsigned(&signed));
        }
        self.verifier
            .head(&signed.organization_id, signed.chain, signed.seq, signed.hash);
        Ok(())
    }

    /// A line of an export.
    fn line(&mut self, line: &str) -> Result<(), Failure> {
        let value: Value = serde_json::from_str(line).map_err(|e| broken(format!("a line is no JSON: {e}")))?;
        if let Some(manifest) = value.get("manifest") {
            self.has_manifest = true;
            let told = manifest.get("count").and_then(Value::as_u64);
            if told != Some(self.count) {
                let told = told.map_or_else(|| "an unknown number of".to_owned(), |n| n.to_string());
                return Err(broken(format!(
                    "the export has {} entries, its manifest says {told}",
                    self.count
                )));
            }
            return Ok(());
        }
        self.count += 1;
        let entry = Entry::from_json(&value).ok_or_else(|| broken(format!("line {} is no entry", self.count)))?;
        if entry.seq < self.from {
            return Ok(());
        }
        self.verifier.entry(&entry).map_err(broken)
    }

    /// The entries of a file.
    fn part(&mut self, path: &Path) -> Result<(), Failure> {
        self.count = 0;
        self.has_manifest = false;
        each_line(path, |line| self.line(line))?;
        if !self.has_manifest {
            return Err(broken(format!("{} ends in the middle", path.display())));
        }
        Ok(())
    }

    fn finish(self) -> Result<Verified, Failure> {
        self.verifier.finish().map_err(broken)
    }
}

/// What the last line of an export anchors; its signature must be good.
fn manifest_of(path: &Path, trusted: &mut Trusted, only_known: bool, check: &mut Check) -> Result<(), Failure> {
    let mut last = String::new();
    each_line(path, |line| {
        if line.starts_with("{\"manifest\"") {
            line.clone_into(&mut last);
        }
        Ok(())
    })?;
    let value: Value =
        serde_json::from_str(&last).map_err(|_| broken(format!("{} has no manifest", path.display())))?;
    let manifest = value.get("manifest").cloned().unwrap_or_default();
    if !only_known {
        trusted.add(&manifest);
    }
    if !trusted.signed(&manifest) {
        return Err(broken(format!(
            "the manifest of {} is not signed by the server",
            path.display()
        )));
    }
    let heads = manifest.get("checkpoints").and_then(Value::as_array);
    for head in heads.into_iter().flatten() {
        check.head(&head.to_string(), trusted)?;
    }
    Ok(())
}

/// Heads in a file: checkpoints, or events that carry them, alone or in arrays.
fn heads_of(path: &Path, trusted: &Trusted, found: &mut Vec<ChainHead>) -> Result<(), Failure> {
    let before = found.len();
    each_line(path, |line| {
        let value: Value = serde_json::from_str(line)
            .map_err(|e| Failure::usage(format!("{} holds no heads: {e}", path.display())))?;
        let several = match &value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for one in several {
            let head = one.get("object").unwrap_or(one);
            let Some(head) = Checkpoint::from_json(head) else {
                continue;
            };
            if !trusted.counts(&head) {
                return Err(unsigned(&head));
            }
            found.push(ChainHead {
                organization_id: head.organization_id,
                chain: head.chain,
                seq: head.seq,
                hash: head.hash,
            });
        }
        Ok(())
    })?;
    if found.len() == before {
        return Err(Failure::usage(format!("{} holds no heads", path.display())));
    }
    Ok(())
}

fn each_line(path: &Path, mut each: impl FnMut(&str) -> Result<(), Failure>) -> Result<(), Failure> {
    let unreadable = |e: std::io::Error| Failure::usage(format!("{} cannot be read: {e}", path.display()));
    let mut file = BufReader::new(std::fs::File::open(path).map_err(unreadable)?);
    let mut lines = Lines::default();
    loop {
        let piece = file.fill_buf().map_err(unreadable)?;
        if piece.is_empty() {
            break;
        }
        lines.each(piece, &mut each)?;
        let length = piece.len();
        file.consume(length);
    }
    lines.end(each)
}

/// Cuts what comes in pieces into lines.
#[derive(Debug, Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    fn each(&mut self, piece: &[u8], mut each: impl FnMut(&str) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut left = piece;
        while let Some(end) = left.iter().position(|b| *b == b'\n') {
            let (line, behind) = left.split_at(end);
            left = behind.get(1..).unwrap_or_default();
            if self.rest.is_empty() {
                one(line, &mut each)?;
            } else {
                self.rest.extend_from_slice(line);
                one(&std::mem::take(&mut self.rest), &mut each)?;
            }
        }
        if self.rest.len() + left.len() > LINE {
            return Err(broken("a line is longer than any entry"));
        }
        self.rest.extend_from_slice(left);
        Ok(())
    }

    fn end(mut self, mut each: impl FnMut(&str) -> Result<(), Failure>) -> Result<(), Failure> {
        one(&std::mem::take(&mut self.rest), &mut each)
    }
}

fn one(line: &[u8], each: &mut impl FnMut(&str) -> Result<(), Failure>) -> Result<(), Failure> {
    let text = std::str::from_utf8(line)
        .map_err(|_| broken("a line is no text"))?
        .trim();
    if text.is_empty() { Ok(()) } else { each(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole() {
        let mut seen = Vec::new();
        let mut lines = Lines::default();
        for piece in ["ab", "c\n\nde", "\nf"] {
            lines
                .each(piece.as_bytes(), |line| {
                    seen.push(line.to_owned());
                    Ok(())
                })
                .unwrap();
        }
        lines
            .end(|line| {
                seen.push(line.to_owned());
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, ["abc", "de", "f"]);
    }

    #[test]
    fn the_line_that_is_printed() {
        let mut verified = Verified::default();
        assert_eq!(sentence(&verified), "0 entries in 0 chains, intact to the beginning");
        verified.entries = 9;
        for (organization, chain, byte) in [
            ("ac_1", Chain::Live, 1),
            ("ac_1", Chain::Config, 2),
            ("ac_system", Chain::Config, 3),
        ] {
            verified.heads.insert((organization.to_owned(), chain), (3, [byte; 32]));
        }
        assert_eq!(sentence(&verified), "9 entries in 3 chains, intact to 0202020202020202");
    }
}
