//! That an exception of a guardrail has ended is told in the log of its organisation, at most once, by whichever node sees it
//! first (traffic policy 6.1). The edge needs nobody for it: it looks at the clock.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use adit_model::timestamp::timestamp;
use adit_names::id::Id;
use adit_snapshot::EdgeConfig;
use adit_store::{Change, Fact, Item, Store, Write};
use arc_swap::ArcSwap;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::audit::system;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);
/// What ended so long ago, while no node looked, is told no more; microseconds.
const BACK: i64 = 86_400_000_000;
/// Rows that say what was told.
const CLASS: &str = "guardrail_exception";

/// An exception that has ended.
struct Ended {
    organization: Id,
    guardrail: Id,
    key: String,
    until: i64,
    after: Value,
}

/// Tells of them until the server stops.
pub(crate) async fn tell(config: Arc<ArcSwap<EdgeConfig>>, store: Store, mut stopped: watch::Receiver<bool>) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut looked: Option<Arc<EdgeConfig>> = None;
    let mut since = 0;
    // By this node or another: any change of the configuration finds them again, and the database is not asked again.
    let mut told: HashSet<String> = HashSet::new();
    loop {
        tokio::select! {
            _ = stopped.wait_for(|s| *s) => return,
            _ = every.tick() => {}
        }
        let now = jiff::Timestamp::now().as_microsecond();
        let config = config.load_full();
        // A guardrail that was written meanwhile may have one that has ended already.
        let is_known = looked.as_ref().is_some_and(|looked| Arc::ptr_eq(looked, &config));
        let from = if is_known { since } else { now.saturating_sub(BACK) };
        let all = ended(&config, from, now);
        if !is_known {
            // What is too old to be found again needs not be known any more.
            let found: HashSet<&String> = all.iter().map(|ended| &ended.key).collect();
            told.retain(|key| found.contains(key));
        }
        let mut is_told = true;
        for ended in all {
            if told.contains(&ended.key) {
                continue;
            }
            let key = ended.key.clone();
            if record(&store, ended).await {
                told.insert(key);
            } else {
                is_told = false;
            }
        }
        if is_told {
            (looked, since) = (Some(config), now);
        }
    }
}

/// Those that have ended since `from`.
fn ended(config: &EdgeConfig, from: i64, now: i64) -> Vec<Ended> {
    let mut all = Vec::new();
    for guardrail in config.told.all_guardrails() {
        let Ok(organization) = guardrail.organization.parse() else {
            continue;
        };
        for exception in &guardrail.exceptions {
            let Some(until) = exception.until.filter(|until| (from..=now).contains(until)) else {
                continue;
            };
            all.push(Ended {
                organization,
                guardrail: guardrail.id,
                key: format!("{} {until} {} {}", guardrail.id, exception.rule, exception.url),
                until,
                after: json!({
                    "guardrail_id": guardrail.id.to_string(),
                    "name": guardrail.name,
                    "endpoint_url": exception.url,
                    "rule_id": exception.rule,
                    "expires_at": timestamp(until, false),
                }),
            });
        }
    }
    all
}

/// Writes it down, unless a node has; false if the store does not take it.
async fn record(store: &Store, ended: Ended) -> bool {
    let mut item = Item::new(ended.key, Value::Null);
    item.organization = Some(ended.organization);
    item.expires_at = Some(ended.until.saturating_add(2 * BACK));
    match store.work().create(CLASS, &item).await {
        Ok(true) => {}
        Ok(false) => return true,
        Err(error) => {
            tracing::debug!(%error, "that an exception of a guardrail has ended");
            return false;
        }
    }
    let fact = Fact {
        event_type: "guardrail_exception_expired.v0",
        object: Some(("guardrail".to_owned(), ended.guardrail.to_string())),
        after: ended.after,
    };
    let write = Write {
        organization: ended.organization,
        actor: system(),
        changes: vec![Change::Fact(fact)],
        dry_run: false,
    };
    let Err(error) = store.write(write).await else {
        return true;
    };
    tracing::warn!(%error, "that an exception of a guardrail has ended was not recorded");
    // Somebody may yet.
    let _ = store.work().delete(CLASS, &item.key).await;
    false
}
