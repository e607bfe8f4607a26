//! What the API does beside answering: writes what is to be recorded, and when keys were used.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::Api;

/// How often refusals are written.
const RECORD: Duration = Duration::from_secs(1);
/// How often the uses of keys are written, and what is past its time is deleted.
const USED: Duration = Duration::from_secs(60);

impl Api {
    /// Does it until `stop` becomes true; then once more, so that nothing noted is lost.
    pub async fn background(&self, mut stop: watch::Receiver<bool>) {
        let mut record = tokio::time::interval(RECORD);
        let mut used = tokio::time::interval(USED);
        loop {
            tokio::select! {
                _ = record.tick() => self.write_record().await,
                () = self.record.wake.notified() => self.write_record().await,
                _ = used.tick() => {
                    self.write_used().await;
                    self.forget_expired().await;
                }
                _ = stop.wait_for(|s| *s) => break,
            }
        }
        self.write_record().await;
        self.write_used().await;
    }

    /// Writes to the log what is due. What the store does not take is lost, and said so.
    pub async fn write_record(&self) {
        let Ok(stored) = self.stored() else { return };
        for write in self.record.due(Instant::now()) {
            if let Err(error) = stored.store.write(write).await {
                tracing::warn!(%error, "a security decision was not recorded");
            }
        }
    }

    /// Deletes sessions, links and idempotency keys that are past their time.
    async fn forget_expired(&self) {
        let Ok(stored) = self.stored() else { return };
        if let Err(error) = stored.store.work().expire().await {
            tracing::warn!(%error, "what is past its time was not deleted");
        }
    }

    pub(crate) async fn write_used(&self) {
        let Ok(stored) = self.stored() else { return };
        if let Err(error) = self.told.access.used().write(&stored.store).await {
            tracing::warn!(%error, "when keys were used was not written");
        }
    }
}
