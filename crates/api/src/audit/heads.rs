//! `GET /adit/audit/heads` and `GET /adit/audit/keys`: what somebody keeps elsewhere, so that a forger cannot rewrite
//! the whole log unseen.

use std::io;

use adit_store::Store;
use adit_store::log::{Checkpoint, account};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc;

use crate::answer::{Content, Full, Reply};
use crate::call::Call;
use crate::error::ApiError;
use crate::route_table::Answer;
use crate::supervise;

/// Heads that are read and sent at once.
const PART: usize = 200;
/// Parts that are made before somebody reads them.
const PARTS: usize = 2;

/// The signed heads of the caller's chains, oldest first, one a line.
pub(crate) fn heads<'c>(call: &'c Call<'c>) -> Answer<'c> {
    Box::pin(async move {
        let since = call.time("since")?.unwrap_or(i64::MIN);
        let store = call.api.stored()?.store.clone();
        let prefix = format!("{}/", account::text(call.caller.organization));
        let (to, parts) = mpsc::channel(PARTS);
        supervise::spawn(async move { write(&store, &prefix, since, &to).await });
        let mut full = Full::done();
        full.status = http::StatusCode::OK;
        full.content = Content::Parts("application/x-ndjson", parts);
        Ok(full.into())
    })
}

async fn write(store: &Store, prefix: &str, since: i64, to: &mpsc::Sender<io::Result<Bytes>>) {
    let mut after = prefix.to_owned();
    loop {
        let read = match store.checkpoints(&after, PART).await {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%error, "the signed heads cannot be read");
                let _ = to.send(Err(io::Error::other("the heads cannot be read"))).await;
                return;
            }
        };
        let is_last = read.len() < PART || read.iter().any(|(name, _)| !name.starts_with(prefix));
        let ours = read.iter().filter(|(name, _)| name.starts_with(prefix));
        let lines: String = ours
            .filter(|(_, head): &&(String, Checkpoint)| head.at >= since)
            .map(|(_, head)| format!("{}\n", head.to_json()))
            .collect();
        if let Some((name, _)) = read.last() {
            after.clone_from(name);
        }
        if to.send(Ok(lines.into())).await.is_err() || is_last {
            return;
        }
    }
}

/// The public halves of the keys that sign here.
pub(crate) fn keys(call: &Call<'_>) -> Result<Reply, ApiError> {
    let key = call.audit_key()?;
    let public = BASE64_STANDARD.encode(key.public());
    Ok(Reply::Json(
        json!({ "keys": [{ "key_id": key.id(), "public_key": public }] }),
    ))
}
