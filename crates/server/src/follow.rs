//! The feed loop: what is in the store becomes what the edge reads and what the API knows of its callers.
//!
//! Everything at one position at the start, then change by change: woken by the store, else once a second. The
//! position always advances; what cannot be compiled is quarantined and said. While the store is away, what was told
//! last stays in force.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adit_api::{Access, Secrets};
use adit_model::Object;
use adit_names::id::Id;
use adit_snapshot::{Change, Compiler, EdgeConfig, Quarantined};
use adit_store::{Everything, Store, StoreError};
use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};

use crate::disk_snapshot::{self, Told};
use crate::health::Health;

/// Looked for changes without being woken.
const POLL: Duration = Duration::from_secs(1);
/// A store that says nothing for so long is away.
const SILENT: Duration = Duration::from_secs(5);
/// Kinds that the edge is told of, beside those of [`Access::KINDS`].
const OF_THE_EDGE: &[&str] = &[
    "reserved_domain",
    "reserved_addr",
    "agent_ingress",
    "endpoint",
    "endpoint_pool",
    "guardrail",
    "secret",
];

/// Follows one store.
pub(crate) struct Follower {
    store: Store,
    compiler: Compiler,
    /// What the operator set; what organisations set is laid over it.
    settings: EdgeConfig,
    config: Arc<ArcSwap<EdgeConfig>>,
    access: Arc<Access>,
    position: u64,
    applied: watch::Sender<u64>,
    /// Snapshots that were replaced and are perhaps still read: the last reader shall not have to free them.
    replaced: Vec<Arc<EdgeConfig>>,
    health: Arc<Health>,
}

/// Kinds that a node is told of.
pub(crate) fn kinds() -> Vec<&'static str> {
    let mut kinds = Access::KINDS.to_vec();
    kinds.extend(OF_THE_EDGE);
    kinds
}

impl Follower {
    /// Reads everything.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn start(store: Store, settings: EdgeConfig, health: Arc<Health>) -> Result<Self, StoreError> {
        let mut follower = Self::new(store, settings, health);
        follower.load().await?;
        follower.health.told();
        Ok(follower)
    }

    /// Begins with what this node was told before, since the store does not answer.
    pub(crate) fn resume(store: Store, settings: EdgeConfig, health: Arc<Health>, told: Told) -> Self {
        let mut follower = Self::new(store, settings, health);
        if let Some(event_id) = &told.everything.event_id {
            follower.store.remember(told.everything.position, event_id.clone());
        }
        follower.take(told.everything, &told.secrets);
        follower.health.away(Some(told.at));
        follower
    }

    fn new(store: Store, settings: EdgeConfig, health: Arc<Health>) -> Self {
        Self {
            store,
            compiler: Compiler::default(),
            config: Arc::new(ArcSwap::from_pointee(settings.clone())),
            settings,
            access: Arc::new(Access::new()),
            position: 0,
            applied: watch::Sender::new(0),
            replaced: Vec::new(),
            health,
        }
    }

    /// What the edge reads.
    pub(crate) fn config(&self) -> Arc<ArcSwap<EdgeConfig>> {
        self.config.clone()
    }

    /// What the API knows of its callers.
    pub(crate) fn access(&self) -> Arc<Access> {
        self.access.clone()
    }

    /// The position up to which this node has applied the log.
    pub(crate) fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// Follows until it is told to stop. New settings of the operator come through `settings`.
    pub(crate) async fn run(mut self, mut stopped: watch::Receiver<bool>, mut settings: mpsc::Receiver<EdgeConfig>) {
        let mut wake = self.store.wake();
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut is_away = false;
        loop {
            tokio::select! {
                _ = stopped.wait_for(|s| *s) => return,
                Some(new) = settings.recv() => self.set(new),
                woken = wake.changed() => if woken.is_err() { return },
                _ = poll.tick() => {}
            }
            let stepped = tokio::select! {
                stepped = self.step() => stepped,
                _ = stopped.wait_for(|s| *s) => return,
            };
            match stepped {
                Ok(()) => {
                    if is_away {
                        tracing::info!("the store can be read again");
                    }
                    is_away = false;
                    self.health.told();
                }
                Err(error) if !is_away => {
                    is_away = true;
                    self.health.away(None);
                    tracing::warn!(%error, "the store cannot be read; what was told last stays in force");
                }
                Err(_) => {}
            }
            self.replaced.retain(|old| Arc::strong_count(old) > 1);
        }
    }

    /// Takes new settings of the operator over.
    fn set(&mut self, settings: EdgeConfig) {
        let revocations = self.settings.revocations.clone();
        self.settings = EdgeConfig {
            revocations,
            ..settings
        };
        let (config, _) = self.compiler.apply(&self.settings, []);
        self.publish(config);
    }

    /// Takes over what changed since the last step.
    async fn step(&mut self) -> Result<(), StoreError> {
        if self.compiler.set_now(SystemTime::now()) {
            let (config, _) = self.compiler.apply(&self.settings, []);
            self.publish(config);
        }
        let silent = |_| StoreError::Unavailable("it does not answer".to_owned());
        let feed = tokio::time::timeout(SILENT, self.store.changes(self.position)).await;
        let feed = feed.map_err(silent)??;
        if feed.resync {
            return self.load().await;
        }
        if feed.position == self.position {
            return Ok(());
        }
        let there = feed.changed.iter().filter(|c| c.object.is_some()).map(|c| c.id);
        let secrets = self.secrets(there).await?;
        self.access
            .apply(feed.changed.iter().map(|c| (c.id, c.object.clone())), &secrets);
        let changes = feed
            .changed
            .into_iter()
            .map(|c| change(c.id, c.kind, c.object, &secrets));
        let (config, quarantined) = self.compiler.apply(&self.settings, changes);
        say(&quarantined);
        self.publish(config);
        self.position = feed.position;
        self.applied.send_replace(self.position);
        Ok(())
    }

    /// Takes everything over, in place of what was known.
    async fn load(&mut self) -> Result<(), StoreError> {
        let everything = self.store.all(&kinds()).await?;
        let secrets = self.secrets(everything.objects.iter().map(|o| o.id)).await?;
        self.take(everything, &secrets);
        Ok(())
    }

    fn take(&mut self, everything: Everything, secrets: &Secrets) {
        self.compiler.set_now(SystemTime::now());
        self.compiler.reset();
        let changes = everything
            .objects
            .iter()
            .map(|o| change(o.id, o.kind.clone(), Some(o.clone()), secrets));
        let (config, quarantined) = self.compiler.apply(&self.settings, changes);
        say(&quarantined);
        self.access.load(everything.objects, secrets);
        self.publish(config);
        self.position = everything.position;
        self.applied.send_replace(self.position);
    }

    /// The hashes of those of these objects that have tokens, and the values of secrets in vaults.
    async fn secrets(&self, ids: impl Iterator<Item = Id>) -> Result<Secrets, StoreError> {
        disk_snapshot::secrets(&self.store, ids).await
    }

    fn publish(&mut self, config: EdgeConfig) {
        self.replaced.push(self.config.swap(Arc::new(config)));
    }
}

fn change(id: Id, kind: String, object: Option<Object>, secrets: &Secrets) -> Change {
    let token = disk_snapshot::token(secrets, id);
    let secret = disk_snapshot::value(secrets, id).map(|value| value.to_owned().into());
    Change {
        id,
        kind,
        object,
        token,
        secret,
        imported: false,
    }
}

fn say(quarantined: &[Quarantined]) {
    for q in quarantined {
        tracing::warn!(id = %q.id, kind = q.kind, error = q.error, "quarantined: a change cannot be put in force");
    }
}
