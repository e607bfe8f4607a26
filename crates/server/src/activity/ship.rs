//! From the spool into the log, in batches; a file goes when all of it is there.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use adit_store::Store;
use adit_store::activity::{Activity, MOST};
use adit_store::log::Origin;
use tokio::sync::watch;

use super::segment::{self, Segment};
use super::spool::SpoolReader;

/// Tried again when the store is away.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the last batches may take when the server stops; what is left stays in the spool.
const LAST: Duration = Duration::from_secs(2);

/// Takes activity over until the server stops, and then what is on the disk by then.
pub(crate) async fn ship(mut spool: SpoolReader, store: Store, node: String, mut stopped: watch::Receiver<bool>) {
    let mut shipper = Shipper {
        dir: spool.dir.clone(),
        node,
        at: None,
        store,
        is_away: false,
    };
    let mut every = tokio::time::interval(AGAIN);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        shipper.all(&mut spool).await;
        tokio::select! {
            _ = stopped.wait_for(|s| *s) => break,
            woken = spool.written.changed() => if woken.is_err() { break },
            _ = every.tick() => {}
        }
    }
    // The writer ends after this; what it still writes is taken at the next start.
    let _ = tokio::time::timeout(LAST, shipper.all(&mut spool)).await;
}

/// How far the spool was taken.
struct Shipper {
    dir: PathBuf,
    node: String,
    /// The file that is being taken, and the bytes of it that were.
    at: Option<(Segment, usize)>,
    store: Store,
    is_away: bool,
}

impl Shipper {
    /// Takes everything that is there, or until the store fails.
    async fn all(&mut self, spool: &mut SpoolReader) {
        spool.written.mark_unchanged();
        loop {
            match self.step(spool).await {
                Ok(true) => self.is_away = false,
                Ok(false) => return,
                Err(error) => {
                    if !self.is_away {
                        tracing::warn!(error, "activity waits in the spool");
                    }
                    self.is_away = true;
                    return;
                }
            }
        }
    }

    /// Takes one batch; false if there is nothing more.
    async fn step(&mut self, spool: &SpoolReader) -> Result<bool, String> {
        let segments = Segment::all(&self.dir).map_err(|e| e.to_string())?;
        let (segment, offset) = match self.at.take() {
            Some((segment, offset)) if segments.contains(&segment) => (segment, offset),
            _ => match segments.first() {
                Some(first) => (first.clone(), 0),
                None => return Ok(false),
            },
        };
        self.at = Some((segment.clone(), offset));
        // One behind it: this one is not written any more.
        let is_complete = segments.last() != Some(&segment) || segment.generation != spool.generation;
        let path = segment.path(&self.dir);
        let bytes = std::fs::read(&path).map_err(|e| e.to_string())?;
        let Batch {
            activities,
            taken,
            damaged,
        } = self.batch(&segment, bytes.get(offset..).unwrap_or_default());
        if damaged {
            tracing::warn!(file = %path.display(), "a record of the spool cannot be read and is passed over");
        }
        if taken > 0 {
            if !activities.is_empty() {
                self.store.record(activities).await.map_err(|e| e.to_string())?;
            }
            self.at = Some((segment, offset + taken));
            return Ok(true);
        }
        if is_complete {
            // All of it is in the log; a half record at its end was never said to be recorded.
            std::fs::remove_file(&path).map_err(|e| e.to_string())?;
            spool.size.fetch_sub(bytes.len() as u64, Ordering::Relaxed);
            self.at = None;
            return Ok(true);
        }
        Ok(false)
    }

    /// The next records of a file.
    fn batch(&self, segment: &Segment, mut bytes: &[u8]) -> Batch {
        let mut batch = Batch::default();
        while batch.activities.len() < MOST
            && let Some(record) = segment::read(bytes)
        {
            let origin = Origin {
                node: self.node.clone(),
                generation: segment.generation,
                number: record.number,
            };
            let kept: Option<super::event::Kept> = serde_json::from_slice(record.json).ok();
            match kept.and_then(|kept| kept.into_activity(origin)) {
                Some(activity) => batch.activities.push(activity),
                None => batch.damaged = true,
            }
            batch.taken += bytes.len() - record.rest.len();
            bytes = record.rest;
        }
        batch
    }
}

#[derive(Default)]
struct Batch {
    activities: Vec<Activity>,
    taken: usize,
    damaged: bool,
}
