//! The audit log is looked after while the server runs (control plane 5.2 to 5.4): heads of chains are signed, what was
//! written is checked again in the background, what is older than the operator keeps is taken away.
//!
//! Of several nodes one signs and prunes, by a lease; each checks for itself. Nothing here repairs a log.

mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adit_store::log::{AuditKey, Chain, Checkpoint};
use adit_store::{Actor, Source, Store};
use tokio::sync::watch as channel;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::config::{Settings, Time};

use self::watch::Watch;

/// How often chains are looked at that may have to be signed.
const SIGN: Duration = Duration::from_secs(10);
/// How long the lease goes on after its holder has gone.
const LEASE: Duration = Duration::from_secs(30);
/// How often a part of the log is checked.
const CHECK: Duration = Duration::from_secs(60);
/// How often old entries are taken away.
const PRUNE: Duration = Duration::from_secs(3_600);
/// Steps of at most 1,000 entries that are taken away at once.
const STEPS: usize = 200;
/// How long the last heads may take when the server stops.
const LAST: Duration = Duration::from_secs(2);

/// How long what is in the log stays there, in microseconds; `None` is for ever.
#[derive(Clone, Copy, Debug)]
struct Retention {
    chain: Chain,
    least: Option<i64>,
}

/// What others show of the log.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// 1 as long as nothing was found broken.
    pub(crate) intact: Arc<AtomicU64>,
    /// Bytes of SQLite's own log.
    pub(crate) store_log: Arc<AtomicU64>,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            intact: Arc::new(AtomicU64::new(1)),
            store_log: Arc::default(),
        }
    }
}

/// See the module.
pub(crate) struct Auditor {
    store: Store,
    key: Arc<AuditKey>,
    node: String,
    retention: [Retention; 2],
    watch: Watch,
    shown: Shown,
}

impl Auditor {
    pub(crate) fn new(store: Store, key: Arc<AuditKey>, node: String, settings: &Settings, shown: Shown) -> Self {
        let least = |set: Option<Time>, days: u64| {
            let time = set.map_or_else(|| Duration::from_secs(days * 86_400), Time::get);
            i64::try_from(time.as_micros()).ok().filter(|least| *least > 0)
        };
        let retention = [
            Retention {
                chain: Chain::Config,
                least: least(settings.audit.retention, 400),
            },
            Retention {
                chain: Chain::Live,
                least: least(settings.audit.retention_live, 90),
            },
        ];
        Self {
            watch: Watch::new(store.clone(), key.clone(), shown.intact.clone()),
            store,
            key,
            node,
            retention,
            shown,
        }
    }

    /// Looks after the log until the server stops.
    pub(crate) async fn run(&mut self, mut stopped: channel::Receiver<bool>) {
        let every = |time| {
            let mut interval = interval(time);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        let (mut sign, mut check, mut prune) = (every(SIGN), every(CHECK), every(PRUNE));
        loop {
            // What is under way when the server stops is left: a store that does not answer would hold it for ever.
            tokio::select! {
                _ = stopped.wait_for(|s| *s) => return,
                () = self.due(&mut sign, &mut check, &mut prune) => {}
            }
        }
    }

    /// Waits for what is due next, and does it.
    async fn due(&mut self, sign: &mut Interval, check: &mut Interval, prune: &mut Interval) {
        tokio::select! {
            _ = sign.tick() => {
                self.shown.store_log.store(self.store.log_length(), Ordering::Relaxed);
                if self.is_holder().await {
                    self.sign().await;
                }
            }
            _ = check.tick() => self.watch.step().await,
            _ = prune.tick() => if self.is_holder().await {
                self.prune().await;
            }
        }
    }

    /// Signs what has come since, after everything is written.
    pub(crate) async fn last(&self) {
        match tokio::time::timeout(LAST, self.store.checkpoint_now(&self.key)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last entries of the log are not signed"),
            Err(_) => tracing::warn!("the last entries of the log are not signed: the store does not answer"),
        }
    }

    async fn is_holder(&self) -> bool {
        match self.store.work().lease("audit", &self.node, LEASE).await {
            Ok(is_holder) => is_holder,
            Err(error) => {
                tracing::debug!(%error, "the lease of the log");
                false
            }
        }
    }

    async fn sign(&self) {
        match self.store.checkpoint(&self.key).await {
            Ok(made) if made.is_empty() => {}
            Ok(made) => tracing::debug!(heads = made.len(), "heads of the log were signed"),
            Err(error) => tracing::warn!(%error, "the heads of the log cannot be signed"),
        }
    }

    async fn prune(&self) {
        let now = jiff::Timestamp::now().as_microsecond();
        for Retention { chain, least } in self.retention {
            let Some(least) = least else { continue };
            let trusts = |signed: &Checkpoint| signed.is_signed_by(self.key.public());
            let before = now.saturating_sub(least);
            match self.store.prune(chain, before, STEPS, trusts).await {
                Ok(0) => {}
                Ok(steps) => tracing::info!(steps, chain = chain.as_str(), "old entries of the log were taken away"),
                Err(error) => tracing::warn!(%error, "old entries of the log cannot be taken away"),
            }
        }
    }
}

/// The server itself as the one who does something.
pub(crate) fn system() -> Actor {
    Actor {
        principal: None,
        subject: "system".to_owned(),
        source: Source::System,
        credential: None,
        ip: None,
        user_agent: String::new(),
        operation_id: String::new(),
    }
}
