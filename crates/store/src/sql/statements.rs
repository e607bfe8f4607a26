//! Every statement, once. A test prepares each on both engines and compares parameters and columns.
//!
//! Shared by both engines, hence no clock, no `ILIKE`, no JSON operator and no `FOR UPDATE SKIP LOCKED`
//! (dependencies 4.2); how a list of rows is handed over is all that differs.

use std::sync::OnceLock;

use super::Dialect;
use crate::page::{Op, Term, Value};

/// A statement with placeholders `$1`, `$2`, ….
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) text: &'static str,
}

/// Lengths for which texts of [`Rows`] exist on SQLite.
const LENGTHS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// A statement with a list of rows in it. On SQLite one text per power of two, with `?`, because it looks for names of
/// numbered parameters one by one. On PostgreSQL one text with an array per column: one round trip and one plan however
/// long the list is.
#[derive(Debug)]
pub(crate) struct Rows {
    head: &'static str,
    /// A letter for the type of each column: text, integer, bytes.
    pub(crate) types: &'static str,
    tail: &'static str,
    sqlite: [OnceLock<String>; LENGTHS.len()],
    postgres: OnceLock<String>,
}

impl Rows {
    const fn new(head: &'static str, types: &'static str, tail: &'static str) -> Self {
        Self {
            head,
            types,
            tail,
            sqlite: [const { OnceLock::new() }; LENGTHS.len()],
            postgres: OnceLock::new(),
        }
    }

    /// Parameters per row.
    pub(crate) const fn columns(&self) -> usize {
        self.types.len()
    }

    /// The longest text for SQLite that does not take more than `rows`, and how many it takes.
    pub(crate) fn at_most(&'static self, rows: usize) -> (&'static str, usize) {
        let index = LENGTHS.iter().rposition(|length| *length <= rows).unwrap_or_default();
        self.text(index)
    }

    /// The shortest text for SQLite that takes `rows`, or the longest there is.
    pub(crate) fn at_least(&'static self, rows: usize) -> (&'static str, usize) {
        let index = LENGTHS
            .iter()
            .position(|length| *length >= rows)
            .unwrap_or(LENGTHS.len() - 1);
        self.text(index)
    }

    /// The text for PostgreSQL: a parameter per column.
    pub(crate) fn of_arrays(&'static self) -> &'static str {
        self.postgres.get_or_init(|| self.of_arrays_from(1))
    }

    /// The same, its parameters numbered from `first` on.
    pub(crate) fn of_arrays_from(&self, first: usize) -> String {
        let (mut arrays, mut names) = (String::new(), String::new());
        for (index, kind) in self.types.chars().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let kind = match kind {
                'i' => "bigint",
                'b' => "bytea",
                _ => "text",
            };
            arrays.push_str(&format!("{comma}${}::{kind}[]", first + index));
            names.push_str(&format!("{comma}column{}", index + 1));
        }
        let head = self.head.strip_suffix("VALUES ").unwrap_or(self.head);
        format!("{head}SELECT * FROM unnest({arrays}) AS listed ({names}){}", self.tail)
    }

    /// All texts for an engine.
    #[cfg(test)]
    pub(crate) fn texts(&'static self, dialect: Dialect) -> Vec<&'static str> {
        match dialect {
            Dialect::Sqlite => (0..LENGTHS.len()).map(|index| self.text(index).0).collect(),
            Dialect::Postgres => vec![self.of_arrays()],
        }
    }

    fn text(&'static self, index: usize) -> (&'static str, usize) {
        let length = LENGTHS.get(index).copied().unwrap_or(1);
        let text = self
            .sqlite
            .get(index)
            .map(|slot| slot.get_or_init(|| self.make(length)));
        (text.map(String::as_str).unwrap_or_default(), length)
    }

    fn make(&self, length: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns()].join(", "));
        format!("{}{}{}", self.head, vec![row; length].join(", "), self.tail)
    }
}

/// Makes the constants and the registry of them.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: Statement = Statement { text: $text };)*
        /// All of them, for the test that prepares each.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, Statement)] = &[$((stringify!($name), $name),)*];
    };
}

macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident = $head:expr, $types:literal, $tail:expr;)*) => {
        $($(#[$doc])* pub(crate) static $name: Rows = Rows::new($head, $types, $tail);)*
        /// All of them, for the test that prepares each.
        #[cfg(test)]
        pub(crate) static ALL_LISTS: &[(&str, &Rows)] = &[$((stringify!($name), &$name),)*];
    };
}

macro_rules! object_columns {
    () => {
        "id, kind, schema, organization_id, owner_id, revision, created_at, updated_at, body"
    };
}

macro_rules! entry_columns {
    () => {
        "position, organization_id, chain, seq, origin_node, origin_generation, origin_number, event_id, event_type, at, \
         principal_id, subject, source, credential_id, ip, user_agent, operation_id, node, object_kind, object_id, \
         revision, before, after, prev_hash, hash"
    };
}

/// What of an entry is hashed, in the order in which it is, then position and chain; parted by U+001F, with a `+` before
/// what may be null. The two hashes follow as digits.
macro_rules! packed_columns {
    () => {
        "COALESCE('+' || after, ''), at, COALESCE('+' || before, ''), COALESCE('+' || credential_id, ''), event_id, \
         event_type, COALESCE('+' || ip, ''), node, COALESCE('+' || object_id, ''), COALESCE('+' || object_kind, ''), \
         COALESCE('+' || operation_id, ''), organization_id, COALESCE('+' || principal_id, ''), \
         COALESCE('+' || revision, ''), seq, source, COALESCE('+' || subject, ''), COALESCE('+' || user_agent, ''), \
         position, chain"
    };
}

macro_rules! all_object_columns {
    () => {
        concat!(object_columns!(), ", f1, f2, f3, f4, f5, f6, f7, f8")
    };
}

statements! {
    ENTRY = concat!("SELECT ", entry_columns!(), " FROM log WHERE event_id = $1");
    /// Of an empty store.
    SET_POSITION = "UPDATE log_head SET position = $1 WHERE organization_id = '' AND chain = ''";
    ALL_HEADS = "SELECT organization_id, chain, seq, hash FROM log_head WHERE chain <> '' ORDER BY organization_id, chain";
    SHOW_FSYNC = "SHOW fsync";
    SHOW_SYNCHRONOUS_COMMIT = "SHOW synchronous_commit";
    MIGRATED = "SELECT COALESCE(MAX(number), 0) AS number FROM migrations";
    MIGRATION_DONE = "INSERT INTO migrations (number) VALUES ($1)";
    /// Takes the gate: whoever comes second waits here, and reads afterwards what the first committed.
    GATE = "UPDATE log_head SET position = position WHERE organization_id = '' AND chain = '' RETURNING position";
    /// Position of the last entry.
    POSITION = "SELECT position FROM log_head WHERE organization_id = '' AND chain = ''";
    OBJECT = concat!("SELECT ", object_columns!(), " FROM objects WHERE id = $1");
    /// Whether somebody below a root is another organisation's; as many rows as the caller knows to be gone, and one.
    CLAIMS_BELOW = "SELECT class, key FROM claims WHERE class = $1 AND key >= $2 AND key < $3 AND organization_id <> $4 \
        AND (expires_at IS NULL OR expires_at > $5) ORDER BY key LIMIT $6";
    ANY_OBJECT = "SELECT id FROM objects LIMIT 1";
    CLEAR_SECRETS = "DELETE FROM secrets";
    CLEAR_WORK = "DELETE FROM work";
    DUMP_OBJECTS = concat!("SELECT ", all_object_columns!(), " FROM objects WHERE id > $1 ORDER BY id LIMIT $2");
    DUMP_CLAIMS = "SELECT class, key, root, object_id, organization_id, expires_at FROM claims \
        WHERE (class, key) > ($1, $2) ORDER BY class, key LIMIT $3";
    DUMP_REFS = "SELECT from_id, field, to_id, on_delete FROM refs \
        WHERE (from_id, field, to_id) > ($1, $2, $3) ORDER BY from_id, field, to_id LIMIT $4";
    DUMP_SECRETS = "SELECT object_id, field, version, form, key_id, nonce, value, mark FROM secrets \
        WHERE (object_id, field, version) > ($1, $2, $3) ORDER BY object_id, field, version LIMIT $4";
    DUMP_WORK = "SELECT class, key, organization_id, holder, epoch, position, expires_at, body FROM work \
        WHERE (class, key) > ($1, $2) ORDER BY class, key LIMIT $3";
    /// Without the installation's own row, whose key is empty: it is the position in the header.
    DUMP_HEADS = "SELECT organization_id, chain, position, seq, hash FROM log_head \
        WHERE (organization_id, chain) > ($1, $2) ORDER BY organization_id, chain LIMIT $3";
    DUMP_LOG = concat!("SELECT ", entry_columns!(), " FROM log WHERE position > $1 ORDER BY position LIMIT $2");
    SECRET = "SELECT object_id FROM secrets LIMIT 1";
    HOLDER = "SELECT object_id, organization_id FROM claims WHERE class = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > $3)";
    REFERRERS = "SELECT DISTINCT from_id FROM refs WHERE to_id = $1 ORDER BY from_id LIMIT $2";
    COUNT = "SELECT COUNT(*) AS number FROM objects WHERE organization_id = $1 AND kind = $2";
    OBJECTS_OF_ORGANIZATION = "SELECT id FROM objects WHERE organization_id = $1 ORDER BY id";
    OBJECTS_OF_KIND_WITHIN = "SELECT id FROM objects WHERE organization_id = $1 AND kind = $2 ORDER BY id";
    COUNT_ALL = "SELECT COUNT(*) AS number FROM objects WHERE kind = $1";
    /// What changed since a position, once per object and change.
    CHANGED = "SELECT position, object_kind, object_id FROM log WHERE chain = 'config' AND revision IS NOT NULL AND position > $1 AND position <= $2 \
        ORDER BY position LIMIT $3";
    SEQS_WITHIN = "SELECT organization_id, chain, MIN(seq) AS first, MAX(seq) AS last FROM log \
        WHERE position > $1 AND position <= $2 GROUP BY organization_id, chain";
    ENTRY_HASH = "SELECT hash FROM log WHERE organization_id = $1 AND chain = $2 AND seq = $3";
    FIRST_SEQ = "SELECT seq FROM log WHERE organization_id = $1 AND chain = $2 ORDER BY seq LIMIT 1";
    /// A prefix of a chain, for which a signed head stands from then on.
    PRUNE = "DELETE FROM log WHERE organization_id = $1 AND chain = $2 AND seq <= $3";
    EVENT_AT = "SELECT event_id FROM log WHERE position = $1";
    EVENT_KNOWN = "SELECT position FROM log WHERE event_id = $1";
    OBJECTS_OF_KIND = concat!("SELECT ", object_columns!(), " FROM objects WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3");
    WORK_GET = "SELECT key, organization_id, holder, epoch, position, expires_at, body FROM work WHERE class = $1 AND key = $2";
    WORK_POSITION = "SELECT position FROM work WHERE class = $1 AND key = $2";
    WORK_LIST = "SELECT key, organization_id, holder, epoch, position, expires_at, body FROM work \
        WHERE class = $1 AND key > $2 ORDER BY key LIMIT $3";
    WORK_LIST_OF = "SELECT key, organization_id, holder, epoch, position, expires_at, body FROM work \
        WHERE class = $1 AND organization_id = $2 AND key > $3 ORDER BY key LIMIT $4";
    WORK_PUT = "INSERT INTO work (class, key, organization_id, holder, epoch, position, expires_at, body) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (class, key) DO UPDATE SET \
        organization_id = excluded.organization_id, holder = excluded.holder, epoch = excluded.epoch, \
        position = excluded.position, expires_at = excluded.expires_at, body = excluded.body";
    /// Made, or taken over from one that is past its time.
    WORK_CREATE = "INSERT INTO work (class, key, organization_id, holder, epoch, position, expires_at, body) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (class, key) DO UPDATE SET \
        organization_id = excluded.organization_id, holder = excluded.holder, epoch = excluded.epoch, \
        position = excluded.position, expires_at = excluded.expires_at, body = excluded.body \
        WHERE work.expires_at <= $9";
    WORK_SWAP = "UPDATE work SET organization_id = $3, holder = $4, epoch = $5, position = $6, expires_at = $7, body = $8 \
        WHERE class = $1 AND key = $2 AND epoch = $9 AND position = $10";
    WORK_DELETE = "DELETE FROM work WHERE class = $1 AND key = $2";
    WORK_TAKE = "DELETE FROM work WHERE class = $1 AND key = $2 RETURNING key, organization_id, holder, epoch, position, expires_at, body";
    WORK_EXPIRED = "DELETE FROM work WHERE expires_at <= $1";
    WORK_RENEW = "UPDATE work SET position = position + 1 WHERE class = 'lease' AND holder = $1 RETURNING key, epoch";
}

lists! {
    OBJECTS_BY_ID = concat!("SELECT ", object_columns!(), " FROM objects WHERE id IN ("), "t", ")";
    OWNERS_BY_ID = "SELECT id, organization_id FROM objects WHERE id IN (", "t", ")";
    CLAIMS_BY_KEY = "SELECT c.class, c.key, c.root, c.object_id, c.organization_id, c.expires_at FROM (VALUES ", "tt",
        ") AS v JOIN claims c ON c.class = v.column1 AND c.key = v.column2";
    CLAIMS_BY_ROOT = "SELECT c.class, c.key, c.root, c.object_id, c.organization_id, c.expires_at FROM (VALUES ", "tt",
        ") AS v JOIN claims c ON c.class = v.column1 AND c.root = v.column2";
    CLAIMS_BY_OBJECT = "SELECT class, key, root, object_id, organization_id, expires_at FROM claims WHERE object_id IN (", "t", ")";
    REFS_BY_SOURCE = "SELECT from_id, field, to_id, on_delete FROM refs WHERE from_id IN (", "t", ")";
    REFS_BY_TARGET = "SELECT from_id, field, to_id, on_delete FROM refs WHERE to_id IN (", "t", ")";
    MARKS_BY_OBJECT = "SELECT object_id, field, version, mark FROM secrets WHERE object_id IN (", "t", ")";
    SECRETS_BY_OBJECT = "SELECT object_id, field, version, form, key_id, nonce, value FROM secrets WHERE object_id IN (", "t",
        ") ORDER BY object_id, field, version";
    HEADS = "SELECT h.organization_id, h.chain, h.seq, h.hash FROM (VALUES ", "tt",
        ") AS v JOIN log_head h ON h.organization_id = v.column1 AND h.chain = v.column2";

    PUT_OBJECTS = concat!("INSERT INTO objects (", all_object_columns!(), ") VALUES "), "ttittiiittttttttt",
        " ON CONFLICT (id) DO UPDATE SET schema = excluded.schema, owner_id = excluded.owner_id, \
        revision = excluded.revision, updated_at = excluded.updated_at, body = excluded.body, f1 = excluded.f1, \
        f2 = excluded.f2, f3 = excluded.f3, f4 = excluded.f4, f5 = excluded.f5, f6 = excluded.f6, f7 = excluded.f7, \
        f8 = excluded.f8";
    DELETE_OBJECTS = "DELETE FROM objects WHERE id IN (", "t", ")";
    DELETE_CLAIMS = "DELETE FROM claims WHERE (class, key) IN (VALUES ", "tt", ")";
    PUT_CLAIMS = "INSERT INTO claims (class, key, root, object_id, organization_id, expires_at) VALUES ", "ttttti", "";
    DELETE_REFS = "DELETE FROM refs WHERE from_id IN (", "t", ")";
    PUT_REFS = "INSERT INTO refs (from_id, field, to_id, on_delete) VALUES ", "tttt", "";
    DELETE_SECRETS = "DELETE FROM secrets WHERE (object_id, field) IN (VALUES ", "tt", ")";
    PUT_SECRETS = "INSERT INTO secrets (object_id, field, version, form, key_id, nonce, value, mark) VALUES ", "ttittbbt", "";
    PUT_HEADS = "INSERT INTO log_head (organization_id, chain, position, seq, hash) VALUES ", "ttiib",
        " ON CONFLICT (organization_id, chain) DO UPDATE SET position = excluded.position, seq = excluded.seq, hash = excluded.hash";
    PUT_WORK = "INSERT INTO work (class, key, organization_id, holder, epoch, position, expires_at, body) VALUES ", "ttttiiit", "";
    PUT_ENTRIES = concat!("INSERT INTO log (", entry_columns!(), ") VALUES "), "ittitiittittttttttttittbb", "";
}

/// The statement of a list. Made of fixed words by the shape of the list, never of values; shapes are few, so that it
/// is prepared once for each.
pub(crate) fn page_text(organization: bool, before: bool, terms: &[Term]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from(concat!("SELECT ", object_columns!(), " FROM objects WHERE kind = $1"));
    let mut number = 1;
    let mut condition = |text: &mut String, column: &str, op: &str| {
        number += 1;
        // Writing to a `String` cannot fail.
        let _ = write!(text, " AND {column} {op} ${number}");
    };
    if organization {
        condition(&mut text, "organization_id", "=");
    }
    if before {
        condition(&mut text, "id", "<");
    }
    for term in terms {
        let column = term.column.name();
        match (&term.value, term.op) {
            (Value::Null, Op::Equal) => text.extend([" AND ", column, " IS NULL"]),
            (Value::Null, _) => text.extend([" AND ", column, " IS NOT NULL"]),
            (_, Op::NotEqual) => {
                condition(&mut text, &format!("({column} IS NULL OR {column}"), "<>");
                text.push(')');
            }
            (_, op) => condition(&mut text, column, op.text()),
        }
    }
    let _ = write!(text, " ORDER BY id DESC LIMIT ${}", number + 1);
    text
}

/// The statement of a page of the log, newest first. Made of fixed words, as [`page_text`].
pub(crate) fn entries_text(conditions: &[&str]) -> String {
    log_text(concat!("SELECT ", entry_columns!(), " FROM log"), conditions, "DESC")
}

/// The statement of a piece of the log, oldest first.
pub(crate) fn scan_text(conditions: &[&str]) -> String {
    log_text(concat!("SELECT ", entry_columns!(), " FROM log"), conditions, "ASC")
}

/// As [`scan_text`], all entries in one text, parted by U+001E: engines take longer to hand columns and rows over than to
/// find them. The order within the text is not promised. Null if there are none.
pub(crate) fn packed_text(conditions: &[&str], dialect: Dialect) -> String {
    let hashes = match dialect {
        Dialect::Sqlite => "hex(prev_hash), hex(hash)",
        Dialect::Postgres => "encode(prev_hash, 'hex'), encode(hash, 'hex')",
    };
    let packed = concat!("SELECT concat_ws('\u{1f}', ", packed_columns!());
    let pieces = log_text(&format!("{packed}, {hashes}) AS packed FROM log"), conditions, "ASC");
    format!(
        "SELECT string_agg(packed, '{}') AS packed FROM ({pieces}) AS piece",
        '\u{1e}'
    )
}

fn log_text(select: &str, conditions: &[&str], order: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::from(select);
    for (index, condition) in conditions.iter().enumerate() {
        let word = if index == 0 { "WHERE" } else { "AND" };
        // Writing to a `String` cannot fail.
        let _ = write!(text, " {word} {condition} ${}", index + 1);
    }
    let _ = write!(text, " ORDER BY position {order} LIMIT ${}", conditions.len() + 1);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_texts_for_every_length() {
        let (text, taken) = DELETE_CLAIMS.at_most(3);
        assert_eq!(
            (text, taken),
            ("DELETE FROM claims WHERE (class, key) IN (VALUES (?, ?), (?, ?))", 2)
        );
        let (text, taken) = DELETE_CLAIMS.at_least(3);
        assert_eq!(text.matches('?').count(), 8);
        assert_eq!(taken, 4);
        assert_eq!(DELETE_CLAIMS.at_least(1_000).1, 64);
        assert_eq!(
            DELETE_CLAIMS.of_arrays(),
            "DELETE FROM claims WHERE (class, key) IN \
             (SELECT * FROM unnest($1::text[], $2::text[]) AS listed (column1, column2))"
        );
    }

    /// Number of parameters of a row and names of columns of every statement.
    async fn prepared(conn: &mut crate::sql::Conn) -> Vec<(String, usize, Vec<String>)> {
        let dialect = conn.dialect();
        let mut out = Vec::new();
        for (name, statement) in ALL.iter().filter(|(name, _)| !name.starts_with("SHOW_")) {
            let (parameters, columns) = conn.prepared(statement.text).await.unwrap();
            out.push(((*name).to_owned(), parameters, columns));
        }
        for (name, list) in ALL_LISTS {
            let lengths = match dialect {
                Dialect::Sqlite => &LENGTHS[..],
                Dialect::Postgres => &[1],
            };
            let texts = list.texts(dialect);
            assert_eq!(texts.len(), lengths.len());
            for (text, length) in texts.into_iter().zip(lengths) {
                let (parameters, columns) = conn.prepared(text).await.unwrap();
                assert_eq!(parameters, list.columns() * length, "{name}");
                out.push(((*name).to_owned(), list.columns(), columns));
            }
        }
        out
    }

    #[tokio::test]
    async fn every_statement_means_the_same_on_both_engines() {
        let dir = tempfile::tempdir().unwrap();
        let mut conn = crate::sql::sqlite::writer(&dir.path().join("adit.db")).await.unwrap();
        crate::migrate::run(&mut conn).await.unwrap();
        let mut sqlite = prepared(&mut conn).await;
        // One of each length.
        sqlite.dedup();
        let options = crate::sql::postgres::options(&crate::server::database().await).unwrap();
        let mut conn = crate::sql::postgres::writer(&options).await.unwrap();
        crate::migrate::run(&mut conn).await.unwrap();
        assert_eq!(sqlite, prepared(&mut conn).await);
        assert_eq!(
            sqlite.len(),
            ALL_LISTS.len() + ALL.iter().filter(|(name, _)| !name.starts_with("SHOW_")).count()
        );
    }

    /// Names, order and nullability of the columns of all tables.
    #[tokio::test]
    async fn the_tables_are_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let mut sqlite = crate::sql::sqlite::writer(&dir.path().join("adit.db")).await.unwrap();
        crate::migrate::run(&mut sqlite).await.unwrap();
        let options = crate::sql::postgres::options(&crate::server::database().await).unwrap();
        let mut postgres = crate::sql::postgres::writer(&options).await.unwrap();
        crate::migrate::run(&mut postgres).await.unwrap();
        // A second run finds all done.
        crate::migrate::run(&mut postgres).await.unwrap();
        for table in [
            "objects",
            "claims",
            "refs",
            "log_head",
            "log",
            "secrets",
            "work",
            "migrations",
        ] {
            let ask = format!("SELECT name, \"notnull\" FROM pragma_table_info('{table}') ORDER BY cid");
            let ours = sqlite.rows_owned(ask, Vec::new()).await.unwrap();
            let ask = format!(
                "SELECT column_name::text, CASE is_nullable WHEN 'NO' THEN 1::bigint ELSE 0::bigint END \
                 FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"
            );
            let theirs = postgres.rows_owned(ask, Vec::new()).await.unwrap();
            let read = |rows: &[crate::sql::Row]| -> Vec<_> {
                rows.iter()
                    .map(|row| (row.text(0).unwrap(), row.int(1).unwrap()))
                    .collect()
            };
            assert_eq!(read(&ours), read(&theirs), "{table}");
            assert!(!ours.is_empty());
        }
    }
}
