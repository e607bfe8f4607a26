//! Entries of the log, and how they are hashed.

use adit_names::id::Id;
use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;

use super::{account, jcs};
use crate::sql::{Arg, Row, SqlError};

/// Version of the way entries are hashed; the first thing that goes in.
const DOMAIN: &[u8] = b"adit-audit-v1\0";

/// A SHA-256.
pub type Hash = [u8; 32];

/// Which of an organisation's two chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chain {
    /// Changes, security decisions, sign-ins.
    Config,
    /// Activity: agent sessions, endpoints, refusals.
    Live,
}

impl Chain {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Live => "live",
        }
    }

    /// What stands before the first entry.
    #[must_use]
    pub fn genesis(self, organization_id: &str) -> Hash {
        let tail: &[u8] = match self {
            Self::Config => b"",
            Self::Live => b"/live",
        };
        sha256(&[DOMAIN, organization_id.as_bytes(), tail])
    }
}

impl std::str::FromStr for Chain {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "config" => Ok(Self::Config),
            "live" => Ok(Self::Live),
            _ => Err(()),
        }
    }
}

/// Where an activity was seen first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Name of the node.
    pub node: String,
    /// Counts the starts of its spool.
    pub generation: u64,
    /// Number in its spool.
    pub number: u64,
}

/// One entry as it is stored. Texts are kept as they are, so that what is hashed is what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Place in the whole log.
    pub position: u64,
    /// Whose (`ac_…`, `ac_system`).
    pub organization_id: String,
    /// In which chain.
    pub chain: Chain,
    /// Number in its chain, from 1.
    pub seq: u64,
    /// Of activities.
    pub origin: Option<Origin>,
    /// `ev_…`.
    pub event_id: String,
    /// `ip_policy_created.v0`.
    pub event_type: String,
    /// Microseconds since the Unix epoch.
    pub at: i64,
    /// Who did it.
    pub principal_id: Option<String>,
    /// E-mail or name.
    pub subject: Option<String>,
    /// `API`, `Dashboard`, `Agent`, `Host`, `System`.
    pub source: String,
    /// With which key.
    pub credential_id: Option<String>,
    /// From where.
    pub ip: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// `op_…`.
    pub operation_id: Option<String>,
    /// Which node wrote it.
    pub node: String,
    /// Kind of the object.
    pub object_kind: Option<String>,
    /// Its id.
    pub object_id: Option<String>,
    /// Its revision after the change; none for facts.
    pub revision: Option<u64>,
    /// JSON in canonical form, secrets as marks.
    pub before: Option<String>,
    /// JSON in canonical form, secrets as marks.
    pub after: Option<String>,
    /// Hash of the entry before.
    pub prev_hash: Hash,
    /// Its own.
    pub hash: Hash,
}

impl Entry {
    /// The text that is hashed: JCS of the entry without position, origin, chain and the hashes (control plane 5.2).
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut out = String::with_capacity(768);
        self.write_canonical(&mut out);
        out
    }

    /// As [`Entry::canonical`], into a buffer that can be used again.
    pub fn write_canonical(&self, out: &mut String) {
        self.content().write(out);
    }

    fn content(&self) -> Content<'_> {
        Content {
            after: self.after.as_deref(),
            at: self.at,
            before: self.before.as_deref(),
            credential_id: self.credential_id.as_deref(),
            event_id: &self.event_id,
            event_type: &self.event_type,
            ip: self.ip.as_deref(),
            node: &self.node,
            object_id: self.object_id.as_deref(),
            object_kind: self.object_kind.as_deref(),
            operation_id: self.operation_id.as_deref(),
            organization_id: &self.organization_id,
            principal_id: self.principal_id.as_deref(),
            revision: self.revision,
            seq: self.seq,
            source: &self.source,
            subject: self.subject.as_deref(),
            user_agent: self.user_agent.as_deref(),
        }
    }

    /// What its hash has to be. `buffer` is emptied and used.
    #[must_use]
    pub fn computed_hash(&self, buffer: &mut String) -> Hash {
        self.content().hash(&self.prev_hash, buffer)
    }

    /// Its place in its chain.
    pub(crate) fn link(&self, buffer: &mut String) -> Link<'_> {
        Link {
            organization_id: &self.organization_id,
            chain: self.chain,
            seq: self.seq,
            prev_hash: self.prev_hash,
            hash: self.hash,
            computed: self.computed_hash(buffer),
        }
    }

    /// `2026-11-24T15:00:00.123456Z`.
    #[must_use]
    pub fn at_text(&self) -> String {
        let mut out = String::with_capacity(27);
        write_time(self.at, &mut out);
        out
    }
}

/// What of an entry is hashed, in the order in which it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content<'a> {
    pub(crate) after: Option<&'a str>,
    pub(crate) at: i64,
    pub(crate) before: Option<&'a str>,
    pub(crate) credential_id: Option<&'a str>,
    pub(crate) event_id: &'a str,
    pub(crate) event_type: &'a str,
    pub(crate) ip: Option<&'a str>,
    pub(crate) node: &'a str,
    pub(crate) object_id: Option<&'a str>,
    pub(crate) object_kind: Option<&'a str>,
    pub(crate) operation_id: Option<&'a str>,
    pub(crate) organization_id: &'a str,
    pub(crate) principal_id: Option<&'a str>,
    pub(crate) revision: Option<u64>,
    pub(crate) seq: u64,
    pub(crate) source: &'a str,
    pub(crate) subject: Option<&'a str>,
    pub(crate) user_agent: Option<&'a str>,
}

/// A place in a chain: what an entry says of itself, and what its content says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link<'a> {
    pub(crate) organization_id: &'a str,
    pub(crate) chain: Chain,
    pub(crate) seq: u64,
    pub(crate) prev_hash: Hash,
    pub(crate) hash: Hash,
    pub(crate) computed: Hash,
}

impl Content<'_> {
    fn write(&self, out: &mut String) {
        out.push_str("{\"after\":");
        out.push_str(self.after.unwrap_or("null"));
        out.push_str(",\"at\":\"");
        write_time(self.at, out);
        out.push_str("\",\"before\":");
        out.push_str(self.before.unwrap_or("null"));
        let field = |name: &str, value: Option<&str>, out: &mut String| {
            out.push_str(name);
            match value {
                Some(text) => jcs::write_text(text, out),
                None => out.push_str("null"),
            }
        };
        field(",\"credential_id\":", self.credential_id, out);
        field(",\"event_id\":", Some(self.event_id), out);
        field(",\"event_type\":", Some(self.event_type), out);
        field(",\"ip\":", self.ip, out);
        field(",\"node\":", Some(self.node), out);
        field(",\"object_id\":", self.object_id, out);
        field(",\"object_kind\":", self.object_kind, out);
        field(",\"operation_id\":", self.operation_id, out);
        field(",\"organization_id\":", Some(self.organization_id), out);
        field(",\"principal_id\":", self.principal_id, out);
        out.push_str(",\"revision\":");
        match self.revision {
            Some(revision) => write_count(revision, out),
            None => out.push_str("null"),
        }
        out.push_str(",\"seq\":");
        write_count(self.seq, out);
        field(",\"source\":", Some(self.source), out);
        field(",\"subject\":", self.subject, out);
        field(",\"user_agent\":", self.user_agent, out);
        out.push('}');
    }

    /// What the hash behind `previous` has to be. `buffer` is emptied and used.
    pub(crate) fn hash(&self, previous: &Hash, buffer: &mut String) -> Hash {
        buffer.clear();
        self.write(buffer);
        sha256(&[DOMAIN, previous, buffer.as_bytes()])
    }
}

fn write_count(count: u64, out: &mut String) {
    use std::fmt::Write as _;
    // Writing to a `String` cannot fail.
    let _ = write!(out, "{count}");
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// RFC 3339 with microseconds. Times beyond the year 9999 do not come from clocks; they are written as the epoch.
pub(crate) fn write_time(at: i64, out: &mut String) {
    let at = Timestamp::from_microsecond(at).map_or(0, |_| at);
    let (seconds, micros) = (at.div_euclid(SECOND), at.rem_euclid(SECOND));
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // The calendar repeats every 400 years (146,097 days); a year that begins in March has its odd day at the end.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let mut digits = |number: i64, count: u32, behind: char| {
        for place in (0..count).rev() {
            let digit = u8::try_from(number / 10_i64.pow(place) % 10).unwrap_or_default();
            out.push(char::from(b'0' + digit));
        }
        out.push(behind);
    };
    digits(year, 4, '-');
    digits(month, 2, '-');
    digits(day, 2, 'T');
    digits(second / 3_600, 2, ':');
    digits(second / 60 % 60, 2, ':');
    digits(second % 60, 2, '.');
    digits(micros, 6, 'Z');
}

/// SHA-256 of the parts, one behind the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// Reads a row with the columns of the statements that select entries.
pub(crate) fn read(row: &Row) -> Result<Entry, SqlError> {
    let damaged = |column: &str| SqlError::Decode(format!("{column} of an entry of the log").into());
    let count_or_null = |at| -> Result<Option<u64>, SqlError> {
        row.int_or_null(at)?
            .map(|value| u64::try_from(value).map_err(|_| damaged("a number")))
            .transpose()
    };
    let hash = |at| -> Result<Hash, SqlError> { Hash::try_from(row.blob(at)?).map_err(|_| damaged("a hash")) };
    Ok(Entry {
        position: row.count(0)?,
        organization_id: row.text(1)?,
        chain: row.parse(2)?,
        seq: row.count(3)?,
        origin: match row.text_or_null(4)? {
            Some(node) => Some(Origin {
                node,
                generation: count_or_null(5)?.unwrap_or_default(),
                number: count_or_null(6)?.unwrap_or_default(),
            }),
            None => None,
        },
        event_id: row.text(7)?,
        event_type: row.text(8)?,
        at: row.int(9)?,
        principal_id: row.text_or_null(10)?,
        subject: row.text_or_null(11)?,
        source: row.text(12)?,
        credential_id: row.text_or_null(13)?,
        ip: row.text_or_null(14)?,
        user_agent: row.text_or_null(15)?,
        operation_id: row.text_or_null(16)?,
        node: row.text(17)?,
        object_kind: row.text_or_null(18)?,
        object_id: row.text_or_null(19)?,
        revision: count_or_null(20)?,
        before: row.text_or_null(21)?,
        after: row.text_or_null(22)?,
        prev_hash: hash(23)?,
        hash: hash(24)?,
    })
}

/// Appends the values of a row to those of a statement.
pub(crate) fn write(entry: Entry, args: &mut Vec<Arg>) {
    let origin = entry.origin;
    args.extend([
        Arg::from(entry.position),
        Arg::from(entry.organization_id),
        Arg::from(entry.chain.as_str()),
        Arg::from(entry.seq),
        Arg::from(origin.as_ref().map(|origin| origin.node.clone())),
        Arg::from(origin.as_ref().map(|origin| origin.generation)),
        Arg::from(origin.as_ref().map(|origin| origin.number)),
        Arg::from(entry.event_id),
        Arg::from(entry.event_type),
        Arg::from(entry.at),
        Arg::from(entry.principal_id),
        Arg::from(entry.subject),
        Arg::from(entry.source),
        Arg::from(entry.credential_id),
        Arg::from(entry.ip),
        Arg::from(entry.user_agent),
        Arg::from(entry.operation_id),
        Arg::from(entry.node),
        Arg::from(entry.object_kind),
        Arg::from(entry.object_id),
        Arg::from(entry.revision),
        Arg::from(entry.before),
        Arg::from(entry.after),
        Arg::from(entry.prev_hash.to_vec()),
        Arg::from(entry.hash.to_vec()),
    ]);
}

/// How an organisation is written in an entry.
pub(crate) fn organization_text(organization: Id) -> String {
    account::text(organization)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: &Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn first() -> Entry {
        Entry {
            position: 1,
            organization_id: "ac_0ujsszwN8NRY24YaXiTIE2VWDTS".into(),
            chain: Chain::Config,
            seq: 1,
            origin: None,
            event_id: "ev_0ujzPyRiIAffKhBux4PvQdDqMHY".into(),
            event_type: "ip_policy_created.v0".into(),
            at: "2026-11-24T15:00:00.123456Z"
                .parse::<Timestamp>()
                .unwrap()
                .as_microsecond(),
            principal_id: Some("usr_0uk1HdCJ6hUZKDgcxhpJwUl5ZEI".into()),
            subject: Some("a@example.com".into()),
            source: "API".into(),
            credential_id: Some("ak_0ujtsYcgvSTl8PAuAdqWYSMnLOv".into()),
            ip: Some("203.0.113.7".into()),
            user_agent: Some("ngrok-api-go".into()),
            operation_id: Some("op_0uk1Hbc9dQ9pxyTqJ93IUrfhdGq".into()),
            node: "edge-1".into(),
            object_kind: Some("ip_policy".into()),
            object_id: Some("ipp_0uk0FyGbgMlMLFuwqkpbxVVDkEf".into()),
            revision: Some(1),
            before: None,
            after: Some(r#"{"description":"office","metadata":""}"#.into()),
            prev_hash: Chain::Config.genesis("ac_0ujsszwN8NRY24YaXiTIE2VWDTS"),
            hash: [0; 32],
        }
    }

    #[test]
    fn the_vectors_of_the_specification() {
        // Control plane 5.5.
        let mut buffer = String::new();
        let one = first();
        assert_eq!(
            hex(&one.prev_hash),
            "1bfc07611d9e622266ea104abb9192831fed0e347d7b240e32d830ef496752ea"
        );
        assert_eq!(
            one.canonical(),
            r#"{"after":{"description":"office","metadata":""},"at":"2026-11-24T15:00:00.123456Z","before":null,"credential_id":"ak_0ujtsYcgvSTl8PAuAdqWYSMnLOv","event_id":"ev_0ujzPyRiIAffKhBux4PvQdDqMHY","event_type":"ip_policy_created.v0","ip":"203.0.113.7","node":"edge-1","object_id":"ipp_0uk0FyGbgMlMLFuwqkpbxVVDkEf","object_kind":"ip_policy","operation_id":"op_0uk1Hbc9dQ9pxyTqJ93IUrfhdGq","organization_id":"ac_0ujsszwN8NRY24YaXiTIE2VWDTS","principal_id":"usr_0uk1HdCJ6hUZKDgcxhpJwUl5ZEI","revision":1,"seq":1,"source":"API","subject":"a@example.com","user_agent":"ngrok-api-go"}"#
        );
        let hash = one.computed_hash(&mut buffer);
        assert_eq!(
            hex(&hash),
            "4531b3f48e57ba82b8cb854fdb984f266904a571e03362bcf0dc959197601c50"
        );
        let two = Entry {
            seq: 2,
            revision: Some(2),
            event_type: "ip_policy_updated.v0".into(),
            event_id: "ev_0uk1HlVrx1BkFbFcQAT0VTMBVo5".into(),
            at: "2026-11-24T15:00:01Z".parse::<Timestamp>().unwrap().as_microsecond(),
            before: one.after.clone(),
            after: Some(r#"{"description":"offices","metadata":""}"#.into()),
            prev_hash: hash,
            ..one
        };
        assert_eq!(
            hex(&two.computed_hash(&mut buffer)),
            "7eca02bbe9aa0b744bd3f4abec67ea6e1804d798424e5cbbb161083874aca9bc"
        );
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        let mut at = -62_135_596_800_000_000;
        let mut count = 0;
        // From the year 1 to 9999 in steps that meet every day of the year and every hour.
        while let Ok(time) = Timestamp::from_microsecond(at) {
            let mut ours = String::new();
            write_time(at, &mut ours);
            assert_eq!(ours, format!("{time:.6}"), "{at}");
            at += 1_234_567_890_123;
            count += 1;
        }
        assert!(count > 100_000);
        for edge in [
            "2000-02-29T23:59:59.999999Z",
            "2100-03-01T00:00:00.000000Z",
            "1969-12-31T23:59:59.000001Z",
        ] {
            let mut ours = String::new();
            write_time(edge.parse::<Timestamp>().unwrap().as_microsecond(), &mut ours);
            assert_eq!(ours, edge);
        }
    }

    #[test]
    fn the_canonical_text_is_jcs() {
        let mut entry = first();
        entry.subject = Some("ä \"quoted\"\n".into());
        entry.ip = None;
        let value: serde_json::Value = serde_json::from_str(&entry.canonical()).unwrap();
        let mut again = String::new();
        jcs::write(&value, &mut again);
        assert_eq!(again, entry.canonical());
    }
}
