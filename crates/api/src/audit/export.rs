//! `GET /adit/audit/export`: all entries of a time, oldest first, then a signed line that says what was exported.

use std::io;
use std::sync::Arc;

use adit_names::code::ErrorCode;
use adit_store::log::{AuditKey, COLUMNS, Manifest, Scan};
use adit_store::{Change, Fact, Store, StoreError, Write};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::answer::{Content, Full};
use crate::call::Call;
use crate::error::ApiError;
use crate::route_table::Answer;
use crate::supervise;

/// Parts that are made before somebody reads them; with [`PART`] what an export holds of memory.
const PARTS: usize = 2;
/// Bytes of a part.
const PART: usize = 64 << 10;
/// Signed heads that are read at once.
const HEADS: usize = 1_000;

/// The form of an export.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Ndjson,
    Csv,
}

/// Streams the log of the caller's organisation. The log says so first, unless it is only verified.
pub(crate) fn export<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let form = match call.query.one("format").unwrap_or("ndjson") {
            "ndjson" => Form::Ndjson,
            "csv" => Form::Csv,
            _ => {
                let values = [("field", "format"), ("error", "it is ndjson or csv")];
                return Err(ApiError::new(ErrorCode::NGROK_215, &values).detail("field", "format"));
            }
        };
        let scan = Scan {
            organization: Some(call.caller.organization),
            from: call.time("from")?,
            to: call.time("to")?,
            ..Scan::default()
        };
        call.audit_key()?;
        if !call.is_set("verify") {
            record(call, form).await?;
        }
        let key = call.api.audit_key.clone();
        let store = call.api.stored()?.store.clone();
        let (to, parts) = mpsc::channel(PARTS);
        supervise::spawn(async move {
            let Some(key) = key else { return };
            let writer = Writer {
                to,
                part: String::new(),
            };
            writer.all(&store, key, scan, form).await;
        });
        let media = match form {
            Form::Ndjson => "application/x-ndjson",
            Form::Csv => "text/csv; charset=utf-8",
        };
        let mut full = Full::done();
        full.status = http::StatusCode::OK;
        full.content = Content::Parts(media, parts);
        Ok(full.into())
    })
}

/// Puts into the log that it was exported, before it is: nobody takes it away unseen.
async fn record(call: &Call<'_>, form: Form) -> Result<(), ApiError> {
    let asked = |name: &str| call.query.one(name).map_or(Value::Null, Value::from);
    let fact = Fact {
        event_type: "audit_exported.v0",
        object: None,
        after: json!({"from": asked("from"), "to": asked("to"), "format": match form {
            Form::Ndjson => "ndjson",
            Form::Csv => "csv",
        }}),
    };
    let write = Write {
        organization: call.caller.organization,
        actor: call.caller.actor(),
        changes: vec![Change::Fact(fact)],
        dry_run: false,
    };
    let written = call.api.stored()?.store.write(write).await;
    written
        .map(drop)
        .map_err(|error| ApiError::of_write(error, "export", ""))
}

/// Nobody reads any more.
struct Gone;

struct Writer {
    to: mpsc::Sender<io::Result<Bytes>>,
    part: String,
}

impl Writer {
    /// Writes everything. What cannot be read ends it with an error, so that nobody takes a part for the whole.
    async fn all(mut self, store: &Store, key: Arc<AuditKey>, scan: Scan, form: Form) {
        match self.entries(store, &key, scan, form).await {
            Ok(Ok(())) | Err(Gone) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "an export of the audit log broke off");
                let _ = self.to.send(Err(io::Error::other("the log cannot be read"))).await;
            }
        }
    }

    async fn entries(
        &mut self,
        store: &Store,
        key: &AuditKey,
        mut scan: Scan,
        form: Form,
    ) -> Result<Result<(), StoreError>, Gone> {
        if form == Form::Csv {
            self.part.push_str(&COLUMNS.join(","));
            self.part.push_str("\r\n");
        }
        let mut manifest = Manifest::default();
        loop {
            let entries = match store.scan(&scan).await {
                Ok(entries) => entries,
                Err(error) => return Ok(Err(error)),
            };
            let Some(last) = entries.last() else { break };
            scan.after = last.position;
            for entry in &entries {
                manifest.add(entry);
                match form {
                    Form::Ndjson => self.line(&entry.to_json()),
                    Form::Csv => self.part.push_str(&entry.to_csv()),
                }
                if self.part.len() >= PART {
                    self.flush().await?;
                }
            }
        }
        let mut checkpoints = Vec::new();
        if let Some(organization) = scan.organization {
            let prefix = format!("{organization}/");
            let mut after = prefix.clone();
            'all: loop {
                let read = match store.checkpoints(&after, HEADS).await {
                    Ok(read) => read,
                    Err(error) => return Ok(Err(error)),
                };
                let is_last = read.len() < HEADS;
                for (name, checkpoint) in read {
                    if !name.starts_with(&prefix) {
                        break 'all;
                    }
                    checkpoints.push(checkpoint);
                    after = name;
                }
                if is_last {
                    break;
                }
            }
        }
        let last = manifest.finish(key, &checkpoints);
        if form == Form::Csv {
            self.part.push('#');
        }
        self.line(&last);
        self.flush().await?;
        Ok(Ok(()))
    }

    fn line(&mut self, json: &Value) {
        self.part.push_str(&json.to_string());
        self.part.push('\n');
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        let part = Bytes::from(std::mem::take(&mut self.part));
        self.to.send(Ok(part)).await.map_err(|_| Gone)
    }
}
