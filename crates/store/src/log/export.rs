//! Entries outside of the store: lines of JSON, rows of CSV.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::checkpoint::{AuditKey, Checkpoint};
use super::entry::{Entry, Origin};
use super::jcs;

/// Columns of the CSV form, which are also the keys of a line.
pub const COLUMNS: [&str; 23] = [
    "position",
    "organization_id",
    "chain",
    "seq",
    "origin",
    "event_id",
    "event_type",
    "at",
    "principal_id",
    "subject",
    "source",
    "credential_id",
    "ip",
    "user_agent",
    "operation_id",
    "node",
    "object_kind",
    "object_id",
    "revision",
    "before",
    "after",
    "prev_hash",
    "hash",
];

impl Entry {
    /// The whole entry.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let parsed = |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let origin = self
            .origin
            .as_ref()
            .map(|origin| json!({"node": origin.node, "generation": origin.generation, "number": origin.number}));
        json!({
            "position": self.position,
            "organization_id": self.organization_id,
            "chain": self.chain.as_str(),
            "seq": self.seq,
            "origin": origin,
            "event_id": self.event_id,
            "event_type": self.event_type,
            "at": self.at_text(),
            "principal_id": self.principal_id,
            "subject": self.subject,
            "source": self.source,
            "credential_id": self.credential_id,
            "ip": self.ip,
            "user_agent": self.user_agent,
            "operation_id": self.operation_id,
            "node": self.node,
            "object_kind": self.object_kind,
            "object_id": self.object_id,
            "revision": self.revision,
            "before": parsed(&self.before).unwrap_or(Value::Null),
            "after": parsed(&self.after).unwrap_or(Value::Null),
            "prev_hash": crate::hex(&self.prev_hash),
            "hash": crate::hex(&self.hash),
        })
    }

    /// Reads what [`Entry::to_json`] makes; `before` and `after` are brought into canonical form again.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        let fields: &Map<String, Value> = value.as_object()?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let canonical = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => None,
            Some(value) => {
                let mut text = String::new();
                jcs::write(value, &mut text);
                Some(text)
            }
        };
        let hash = |name: &str| crate::unhex(fields.get(name)?.as_str()?)?.try_into().ok();
        let origin = match fields.get("origin") {
            None | Some(Value::Null) => None,
            Some(origin) => Some(Origin {
                node: origin.get("node")?.as_str()?.to_owned(),
                generation: origin.get("generation")?.as_u64()?,
                number: origin.get("number")?.as_u64()?,
            }),
        };
        Some(Self {
            position: fields.get("position")?.as_u64()?,
            organization_id: text("organization_id")?,
            chain: text("chain")?.parse().ok()?,
            seq: fields.get("seq")?.as_u64()?,
            origin,
            event_id: text("event_id")?,
            event_type: text("event_type")?,
            at: text("at")?.parse::<jiff::Timestamp>().ok()?.as_microsecond(),
            principal_id: text("principal_id"),
            subject: text("subject"),
            source: text("source")?,
            credential_id: text("credential_id"),
            ip: text("ip"),
            user_agent: text("user_agent"),
            operation_id: text("operation_id"),
            node: text("node")?,
            object_kind: text("object_kind"),
            object_id: text("object_id"),
            revision: fields.get("revision").and_then(Value::as_u64),
            before: canonical("before"),
            after: canonical("after"),
            prev_hash: hash("prev_hash")?,
            hash: hash("hash")?,
        })
    }

    /// A row of CSV (RFC 4180) with its line end. Texts that a spreadsheet would take for a formula have a `'` before
    /// them; the form for machines is the line of JSON.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let value = self.to_json();
        let mut out = String::new();
        for (index, column) in COLUMNS.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            match value.get(*column) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => push_csv(text, &mut out),
                Some(other) => push_csv(&other.to_string(), &mut out),
            }
        }
        out.push_str("\r\n");
        out
    }
}

fn push_csv(text: &str, out: &mut String) {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !text.contains([',', '"', '\n', '\r']) {
        out.push_str(text);
        return;
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

/// The last line of an export: what was exported, and signed.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    first: Option<Value>,
    last: Option<Value>,
    count: u64,
}

impl Manifest {
    /// An entry was written.
    pub fn add(&mut self, entry: &Entry) {
        let told = json!({
            "position": entry.position,
            "organization_id": entry.organization_id,
            "chain": entry.chain.as_str(),
            "seq": entry.seq,
            "hash": crate::hex(&entry.hash),
        });
        self.first.get_or_insert_with(|| told.clone());
        self.last = Some(told);
        self.count += 1;
    }

    /// The line: `{"manifest": {…}}`, signed over the JCS of the manifest without its signature.
    #[must_use]
    pub fn finish(self, key: &AuditKey, checkpoints: &[Checkpoint]) -> Value {
        let mut manifest = json!({
            "first": self.first,
            "last": self.last,
            "count": self.count,
            "checkpoints": checkpoints.iter().map(Checkpoint::to_json).collect::<Vec<_>>(),
            "public_keys": [{"key_id": key.id(), "public_key": BASE64_STANDARD.encode(key.public())}],
            "key_id": key.id(),
        });
        let mut text = String::new();
        jcs::write(&manifest, &mut text);
        if let Value::Object(fields) = &mut manifest {
            let signature = BASE64_STANDARD.encode(key.sign(text.as_bytes()));
            fields.insert("signature".to_owned(), Value::from(signature));
        }
        json!({ "manifest": manifest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Chain;

    fn entry() -> Entry {
        Entry {
            position: 9,
            organization_id: "ac_system".into(),
            chain: Chain::Live,
            seq: 3,
            origin: Some(Origin {
                node: "edge-1".into(),
                generation: 2,
                number: 5,
            }),
            event_id: "ev_1".into(),
            event_type: "endpoint_online.v0".into(),
            at: 1_795_000_000_123_456,
            principal_id: None,
            subject: Some("=1+1, \"x\"".into()),
            source: "Agent".into(),
            credential_id: None,
            ip: None,
            user_agent: None,
            operation_id: None,
            node: "edge-1".into(),
            object_kind: None,
            object_id: None,
            revision: None,
            before: None,
            after: Some(r#"{"a":1.5,"b":["x",null]}"#.into()),
            prev_hash: [1; 32],
            hash: [2; 32],
        }
    }

    #[test]
    fn lines_read_back() {
        let text = entry().to_json().to_string();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(Entry::from_json(&value), Some(entry()));
        assert_eq!(value.as_object().unwrap().keys().collect::<Vec<_>>(), COLUMNS);
        assert_eq!(Entry::from_json(&json!({"position": 1})), None);
    }

    #[test]
    fn csv() {
        let row = entry().to_csv();
        assert!(row.contains(",\"'=1+1, \"\"x\"\"\",Agent,"), "{row}");
        assert!(row.contains("\"{\"\"a\"\":1.5,"), "{row}");
    }
}
