//! `Idempotency-Key` (control plane 1.6): the same request twice makes one object.
//!
//! A mark in the table `work` says which request a key stands for and which id its object will have; it is there
//! before the object is written, and gets the answer afterwards. So a repetition finds the answer, or, if the first
//! node died between both, the object itself.

use std::future::Future;

use adit_names::code::ErrorCode;
use adit_names::id::Id;
use adit_store::Item;
use aws_lc_rs::digest::{SHA256, digest};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Subject, token};
use crate::answer::{Content, Full};
use crate::call::Call;
use crate::error::ApiError;
use crate::fresh::now_micros;

const HEADER: &str = "idempotency-key";
const CLASS: &str = "idempotency";
/// Longest key in bytes.
const MAX_KEY: usize = 255;
/// How long a key is known, in microseconds.
const KNOWN: i64 = 24 * 3_600 * 1_000_000;
/// How long a request without an answer counts as running.
const RUNNING: i64 = 60 * 1_000_000;

/// Does `act`, which makes the object with this id, unless the key of the request was used before.
///
/// # Errors
/// 409 `ERR_ADIT_2007` for another request with the same key, or one that is still running.
pub(crate) async fn once(
    call: &Call<'_>,
    subject: &Subject,
    id: Id,
    act: impl Future<Output = Result<Full, ApiError>> + Send,
) -> Result<Full, ApiError> {
    let Some(key) = call.headers.get(HEADER) else {
        return act.await;
    };
    if call.is_set("dry_run") {
        return act.await;
    }
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(used("it has no text, or more than 255 bytes"));
    }
    let work = call.api.stored()?.store.work();
    let mark = Mark {
        print: print(call),
        id,
        began: now_micros(),
    };
    let mut item = Item::new(name(call, key.as_bytes()), mark.json());
    item.organization = Some(call.caller.organization);
    item.expires_at = Some(mark.began + KNOWN);
    if !work.create(CLASS, &item).await? {
        let Some(known) = work.get(CLASS, &item.key).await? else {
            return Err(used("it has just been forgotten").retry_after(1));
        };
        if let Some(answer) = replay(call, subject, &mark.print, &known).await? {
            return Ok(answer);
        }
        // The first one died before it wrote anything: this one takes its place, if no other does.
        item.epoch = known.epoch + 1;
        if !work.swap(CLASS, &item, known.epoch, known.position).await? {
            return Err(used("that request is still running").retry_after(1));
        }
    }
    match act.await {
        Ok(answer) => {
            if let (Content::Json(json), Some(body)) = (&answer.content, item.body.as_object_mut()) {
                let mut json = json.clone();
                for field in token::ONCE {
                    if let Some(shown) = json.get_mut(field) {
                        *shown = Value::Null;
                    }
                }
                body.insert("answer".to_owned(), json);
                if let Err(error) = work.put(CLASS, &item).await {
                    tracing::warn!(%error, "the answer of an idempotency key is not kept: a repetition reads the object");
                }
            }
            Ok(answer)
        }
        Err(error) => {
            // Nothing was made, so the key is free. If that cannot be told, the mark is void in a minute.
            if let Err(error) = work.delete(CLASS, &item.key).await {
                tracing::warn!(%error, "an idempotency key stays taken");
            }
            Err(error)
        }
    }
}

/// The first answer again; none if the first request left nothing.
async fn replay(call: &Call<'_>, subject: &Subject, print: &str, known: &Item) -> Result<Option<Full>, ApiError> {
    let text = |name: &str| known.body.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("print") != print {
        return Err(used("it stood for another request"));
    }
    let again = |json| Some(Full::json(StatusCode::CREATED, json).replayed());
    if let Some(answer) = known.body.get("answer") {
        return Ok(again(answer.clone()));
    }
    if let Ok(id) = text("id").parse()
        && let Some(object) = call.api.stored()?.store.get(id).await?
    {
        return Ok(again(call.show(subject, &object)));
    }
    let began = known.body.get("began").and_then(Value::as_i64).unwrap_or_default();
    if now_micros() < began.saturating_add(RUNNING) {
        return Err(used("that request is still running").retry_after(1));
    }
    Ok(None)
}

/// What is known of a request from before it is answered.
struct Mark {
    print: String,
    id: Id,
    began: i64,
}

impl Mark {
    fn json(&self) -> Value {
        json!({ "print": self.print, "id": self.id.to_string(), "began": self.began })
    }
}

/// What makes a request the same: method, path, query and body.
fn print(call: &Call<'_>) -> String {
    let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
    hex(format!("{} {}\n{body}", call.route.method, call.target).as_bytes())
}

/// Keys are their owner's own; what they say is not kept.
fn name(call: &Call<'_>, key: &[u8]) -> String {
    let owner = call.caller.principal.unwrap_or(call.caller.organization);
    let mut text = format!("{} {owner}\n", call.caller.organization).into_bytes();
    text.extend_from_slice(key);
    hex(&text)
}

fn hex(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

fn used(reason: &str) -> ApiError {
    ApiError::new(ErrorCode::ADIT_2007, &[("reason", reason)])
}
