//! Writing the spool: a thread that appends what waits and syncs it, all of it at once.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use adit_edge::session::Recorder;
use adit_observe::{ActivityEvent, ActivityTap};
use aws_lc_rs::rand;
use tokio::sync::watch;

use super::event::Kept;
use super::reserve;
use super::segment::{self, Segment};

/// Occurrences that may wait for the disk; what comes beyond is counted and lost.
const WAITING: usize = 16 * 1024;
/// Most records of one group.
const GROUP: usize = 1_024;
/// Largest file.
const SEGMENT: u64 = 4 << 20;
/// Most bytes of all files; beyond, what comes is counted and lost.
const MOST: u64 = 1 << 30;
/// How long a login or bind waits for the disk at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// The spool of this node. With its last handle the thread ends, after what waits is written.
#[derive(Debug)]
pub(crate) struct Spool {
    queue: Mutex<Option<SyncSender<Arc<ActivityEvent>>>>,
    /// How many were taken in.
    taken: AtomicU64,
    lost: Arc<AtomicU64>,
    size: Arc<AtomicU64>,
    /// How many are on the disk, or given up.
    done: watch::Receiver<u64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What whoever ships the spool needs of it.
#[derive(Debug)]
pub(crate) struct SpoolReader {
    pub(super) dir: PathBuf,
    pub(super) generation: u64,
    /// Number of the last record that is on the disk.
    pub(super) written: watch::Receiver<u64>,
    /// Bytes on the disk.
    pub(super) size: Arc<AtomicU64>,
}

impl Spool {
    /// Opens the spool in `dir`, made if it is not there, with a generation of its own.
    ///
    /// # Errors
    /// The folder cannot be made, read or written.
    pub(crate) fn open(dir: &Path) -> std::io::Result<(Arc<Self>, SpoolReader)> {
        std::fs::create_dir_all(dir)?;
        let before = Segment::all(dir)?;
        let now = u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or(1);
        // Also where a clock went back.
        let generation = before.last().map_or(now, |last| now.max(last.generation + 1));
        let sizes = before
            .iter()
            .filter_map(|s| std::fs::metadata(s.path(dir)).ok())
            .map(|m| m.len());
        let size = Arc::new(AtomicU64::new(sizes.sum()));
        let (queue, waiting) = sync_channel(WAITING);
        let (done_tx, done) = watch::channel(0);
        let (written_tx, written) = watch::channel(0);
        let lost = Arc::new(AtomicU64::new(0));
        let mut writer = Writer {
            dir: dir.to_owned(),
            generation,
            next: 1,
            file: None,
            size: size.clone(),
            lost: lost.clone(),
        };
        // What cannot be written shall be known now.
        writer.rotate()?;
        let thread = std::thread::Builder::new()
            .name("activity".to_owned())
            .spawn(move || writer.run(&waiting, &done_tx, &written_tx))?;
        let spool = Arc::new(Self {
            queue: Mutex::new(Some(queue)),
            taken: AtomicU64::new(0),
            lost,
            size: size.clone(),
            done,
            thread: Mutex::new(Some(thread)),
        });
        let reader = SpoolReader {
            dir: dir.to_owned(),
            generation,
            written,
            size,
        };
        Ok((spool, reader))
    }

    /// Bytes of the spool, for the metrics.
    pub(crate) fn size(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.size)
    }

    /// How many occurrences were not kept, for the metrics.
    pub(crate) fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lost)
    }

    /// Ends it after what waits is written.
    pub(crate) fn close(&self) {
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic there concerns nobody any more.
            let _ = thread.join();
        }
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "activity was not recorded: the disk was too slow, or full");
        }
    }
}

impl ActivityTap for Spool {
    fn take(&self, event: &Arc<ActivityEvent>) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.as_ref().is_some_and(|q| q.try_send(event.clone()).is_ok()) {
            // Under the lock, so that a number stands for everything that was queued before it.
            self.taken.fetch_add(1, Ordering::AcqRel);
        } else {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Recorder for Spool {
    fn recorded(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let all = self.taken.load(Ordering::Acquire);
        let mut done = self.done.clone();
        Box::pin(async move {
            // A disk that hangs, or a thread that is gone, holds nobody up for longer than that.
            let _ = tokio::time::timeout(PATIENCE, done.wait_for(|done| *done >= all)).await;
        })
    }
}

/// The thread's side.
struct Writer {
    dir: PathBuf,
    generation: u64,
    next: u64,
    file: Option<(File, u64)>,
    size: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
}

impl Writer {
    fn run(&mut self, waiting: &Receiver<Arc<ActivityEvent>>, done: &watch::Sender<u64>, written: &watch::Sender<u64>) {
        let mut said = false;
        while let Ok(first) = waiting.recv() {
            let mut group = vec![first];
            group.extend(waiting.try_iter().take(GROUP - 1));
            match self.append(&group) {
                Ok(()) => {
                    said = false;
                    written.send_replace(self.next - 1);
                }
                Err(error) => {
                    self.lost.fetch_add(group.len() as u64, Ordering::Relaxed);
                    if !said {
                        tracing::error!(%error, "activity cannot be spooled and is lost");
                    }
                    said = true;
                }
            }
            done.send_modify(|done| *done += group.len() as u64);
        }
    }

    fn append(&mut self, group: &[Arc<ActivityEvent>]) -> std::io::Result<()> {
        if self.size.load(Ordering::Relaxed) > MOST {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let mut bytes = Vec::new();
        let mut next = self.next;
        for event in group {
            let mut random = [0; 16];
            rand::fill(&mut random).map_err(|_| std::io::Error::other("no random numbers"))?;
            let Some(kept) = Kept::of(event, random) else { continue };
            if segment::write(next, &serde_json::to_vec(&kept)?, &mut bytes) {
                next += 1;
            }
        }
        if self.file.as_ref().is_none_or(|(_, length)| *length > SEGMENT) {
            self.rotate()?;
        }
        if self.write(&bytes).is_err() {
            // Half a record may stand there: what follows goes to another file, for which there is a reserve.
            self.rotate()?;
            self.write(&bytes)?;
        }
        self.next = next;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let Some((file, length)) = &mut self.file else {
            return Err(std::io::ErrorKind::NotFound.into());
        };
        if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_data()) {
            self.file = None;
            return Err(error);
        }
        *length += bytes.len() as u64;
        self.size.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Begins another file.
    fn rotate(&mut self) -> std::io::Result<()> {
        let segment = Segment {
            generation: self.generation,
            first: self.next,
        };
        let path = segment.path(&self.dir);
        let is_reserved = reserve::take(&self.dir, &path);
        let mut options = File::options();
        // Cut, it would lose the blocks that it was given.
        options.create(true).truncate(!is_reserved).write(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        self.file = Some((options.open(path)?, 0));
        reserve::fill(&self.dir);
        File::open(&self.dir)?.sync_all()
    }
}
