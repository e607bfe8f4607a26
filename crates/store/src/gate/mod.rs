//! The gate: the one way to change what is stored.
//!
//! One task per node takes what waits, at most [`BATCH`] tasks, and does them in one transaction that begins with the
//! row of the installation's head: whoever has it is alone, so that positions have no gaps, checks cannot race, and
//! every chain has one writer (control plane 10.2, cluster 3). What a batch needs is read with few statements, checked
//! in memory ([`desk`], [`step`]), and written with few statements ([`flush`]).

mod append;
pub(crate) mod desk;
mod flush;
mod prune;
mod record;
mod slots;
pub(crate) mod step;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::Instant;

use self::desk::Desk;
use self::step::Hand;
use crate::activity::Activity;
use crate::id;
use crate::log::{Chain, Prune};
use crate::secret::Sealer;
use crate::sql::statements as s;
use crate::sql::{Arg, Conn, SqlError};
use crate::write::{Write, WriteError, Written};
use crate::writer::Writer;

/// Most tasks of one transaction.
const BATCH: usize = 64;
/// Most tasks that wait.
const QUEUE: usize = 4_096;
/// A write that has not reached the gate by then is given up.
const PATIENCE: Duration = Duration::from_secs(2);
/// A database that has not answered by then is away. PostgreSQL itself gives up earlier where it can be reached
/// (`sql::postgres`).
const SILENCE: Duration = Duration::from_secs(10);
/// Nobody has written for so long: time to tidy up.
const IDLE: Duration = Duration::from_millis(200);
/// How long the first write of a batch waits for others, at most.
const GATHER: Duration = Duration::from_millis(2);

/// What the gate does.
pub(crate) enum Task {
    /// A change.
    Write(Write),
    /// Activities from a spool.
    Record(Vec<Activity>),
    /// Old entries that go.
    Prune(Prune),
}

/// A task that waits.
struct Waiting {
    task: Task,
    since: Instant,
    answer: oneshot::Sender<Result<Written, WriteError>>,
}

/// The way to the gate.
#[derive(Debug)]
pub(crate) struct Gate {
    queue: mpsc::Sender<Waiting>,
    stop: watch::Sender<bool>,
}

/// What the task of the gate works with.
pub(crate) struct Keeper {
    pub(crate) writer: Arc<Mutex<Writer>>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) node: Arc<str>,
    pub(crate) wake: watch::Sender<u64>,
}

impl Gate {
    /// The gate and the task that keeps it.
    pub(crate) fn new(keeper: Keeper) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (stop, stopping) = watch::channel(false);
        (Self { queue, stop }, keeper.run(waiting, stopping))
    }

    /// Takes no more tasks; those that wait are done.
    pub(crate) fn close(&self) {
        self.stop.send_replace(true);
    }

    pub(crate) async fn write(&self, write: Write) -> Result<Written, WriteError> {
        self.submit(Task::Write(write)).await
    }

    pub(crate) async fn record(&self, activities: Vec<Activity>) -> Result<Written, WriteError> {
        self.submit(Task::Record(activities)).await
    }

    pub(crate) async fn prune(&self, prune: Prune) -> Result<Written, WriteError> {
        self.submit(Task::Prune(prune)).await
    }

    async fn submit(&self, task: Task) -> Result<Written, WriteError> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            task,
            since: Instant::now(),
            answer,
        };
        match self.queue.send_timeout(waiting, PATIENCE).await {
            Ok(()) => {}
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => return Err(WriteError::Late),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => return Err(stopped()),
        }
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> WriteError {
    WriteError::Unavailable("the store is stopping".to_owned())
}

/// Why a batch did not come to its end.
enum Broken {
    /// Before its commit: nothing was written.
    Before(SqlError),
    /// Its commit was not answered. Here is one of its entries, to look for.
    Commit(SqlError, Option<String>),
}

impl From<SqlError> for Broken {
    fn from(error: SqlError) -> Self {
        Self::Before(error)
    }
}

/// What a batch did.
struct Done {
    results: Vec<Result<Written, WriteError>>,
    /// Position of its last entry, if it wrote any.
    position: Option<u64>,
    /// Something that is not activity.
    is_change: bool,
    event: Option<String>,
}

impl Keeper {
    async fn run(self, mut queue: mpsc::Receiver<Waiting>, mut stopping: watch::Receiver<bool>) {
        let mut usual = 1;
        loop {
            let has_work = self.writer.lock().await.has_work();
            let first = tokio::select! {
                biased;
                first = queue.recv() => first,
                stop = stopping.changed(), if !queue.is_closed() => {
                    drop(stop);
                    queue.close();
                    continue;
                }
                () = tokio::time::sleep(IDLE), if has_work => {
                    self.writer.lock().await.tidy().await;
                    continue;
                }
            };
            let Some(first) = first else { break };
            let mut batch = vec![first];
            gather(&mut queue, &mut batch, usual).await;
            usual = batch.len();
            let late = |waiting: &Waiting| waiting.since.elapsed() >= PATIENCE;
            let (late, batch): (Vec<_>, Vec<_>) = batch.into_iter().partition(late);
            for waiting in late {
                let _ = waiting.answer.send(Err(WriteError::Late));
            }
            if !batch.is_empty() {
                self.process(batch).await;
            }
        }
        self.writer.lock().await.close().await;
    }

    async fn process(&self, batch: Vec<Waiting>) {
        let mut writer = self.writer.lock().await;
        let (tasks, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|w| (w.task, w.answer)).unzip();
        let results = self.all(&mut writer, &tasks).await;
        for (answer, result) in answers.into_iter().zip(results) {
            // Who asked may have gone away.
            let _ = answer.send(result);
        }
        writer.tidy_if_long().await;
    }

    /// The batch as a whole; if the database refuses one of its rows, each write by itself, so that one that cannot be
    /// stored hurts nobody else.
    async fn all(&self, writer: &mut Writer, tasks: &[Task]) -> Vec<Result<Written, WriteError>> {
        let error = match self.attempt(writer, tasks).await {
            Ok(results) => return results,
            Err(error) => error,
        };
        let is_about_rows = is_about_rows(&error);
        if !is_about_rows || tasks.len() == 1 {
            tracing::warn!(%error, "the store did not take a change");
            return vec![Err(unavailable(&error)); tasks.len()];
        }
        let mut results = Vec::with_capacity(tasks.len());
        for task in tasks {
            let one = self.attempt(writer, std::slice::from_ref(task)).await;
            match one {
                Ok(one) => results.extend(one),
                Err(error) => {
                    tracing::warn!(%error, "the store did not take a change");
                    results.push(Err(unavailable(&error)));
                }
            }
        }
        results
    }

    /// A second try on a new connection if the first was lost. After a lost answer to a commit the log tells whether it
    /// was done (cluster 3.2).
    async fn attempt(&self, writer: &mut Writer, tasks: &[Task]) -> Result<Vec<Result<Written, WriteError>>, SqlError> {
        let mut again = true;
        loop {
            let mut conn = writer.take().await?;
            let outcome = self.transact(&mut conn, tasks).await;
            match outcome {
                Ok(done) => {
                    writer.put(conn, done.position.is_some());
                    self.announce(&done);
                    return Ok(done.results);
                }
                Err((Broken::Before(error), _)) => {
                    let lost = writer.put_broken(conn, &error).await;
                    if !(lost && again) {
                        return Err(error);
                    }
                }
                Err((Broken::Commit(error, event), done)) => {
                    writer.put_broken(conn, &error).await;
                    let mut conn = writer.take().await.map_err(|_| error)?;
                    let known = match &event {
                        Some(event) => is_known(&mut conn, event).await,
                        None => Ok(false),
                    };
                    match (known, done) {
                        (Ok(true), Some(done)) => {
                            writer.put(conn, true);
                            self.announce(&done);
                            return Ok(done.results);
                        }
                        (Ok(_), _) if again => writer.put(conn, false),
                        (Ok(_), _) => {
                            writer.put(conn, false);
                            return Err(SqlError::Protocol("a commit was not answered, twice".to_owned()));
                        }
                        (Err(error), _) => {
                            writer.put_broken(conn, &error).await;
                            return Err(error);
                        }
                    }
                }
            }
            again = false;
        }
    }

    /// Activity wakes nobody: it changes nothing that others follow.
    fn announce(&self, done: &Done) {
        if let Some(position) = done.position.filter(|_| done.is_change) {
            self.wake.send_modify(|known| *known = position.max(*known));
        }
    }

    async fn transact(&self, conn: &mut Conn, tasks: &[Task]) -> Result<Done, (Broken, Option<Done>)> {
        let done = in_time(self.fill(conn, tasks))
            .await
            .map_err(|error| (Broken::Before(error), None))?;
        match done.position {
            // Nothing was written: all refused, or only tried.
            None => conn.rollback().await.map_err(|error| (Broken::Before(error), None))?,
            Some(_) => {
                if let Err(error) = in_time(conn.commit()).await {
                    return Err((Broken::Commit(error, done.event.clone()), Some(done)));
                }
            }
        }
        Ok(done)
    }

    async fn fill(&self, conn: &mut Conn, tasks: &[Task]) -> Result<Done, SqlError> {
        let before = conn.begin_writing().await?;
        let hand = Hand {
            sealer: &self.sealer,
            node: &self.node,
            now: id::now(),
        };
        let mut desk = Desk::new(before);
        step::prepare(&mut desk, conn, tasks).await?;
        let mut results = Vec::with_capacity(tasks.len());
        for task in tasks {
            results.push(match task {
                Task::Write(write) => step::apply(&mut desk, conn, &hand, write).await?,
                Task::Record(activities) => Ok(record::apply(&mut desk, &hand, activities)),
                Task::Prune(prune) => prune::apply(&mut desk, conn, &hand, prune).await?,
            });
        }
        let position = Some(desk.position).filter(|position| *position > before);
        let is_change = desk.entries.iter().any(|entry| entry.chain == Chain::Config);
        let event = desk.entries.first().map(|entry| entry.event_id.clone());
        if position.is_some() {
            flush::flush(desk, conn, &hand).await?;
        }
        Ok(Done {
            results,
            position,
            is_change,
            event,
        })
    }
}

/// Whether an entry was committed. Asked behind the gate: its commit may be under way still.
async fn is_known(conn: &mut Conn, event: &str) -> Result<bool, SqlError> {
    conn.begin_writing().await?;
    let row = conn.row(&s::EVENT_KNOWN, vec![Arg::from(event)]).await?;
    conn.rollback().await?;
    Ok(row.is_some())
}

async fn in_time<T>(work: impl Future<Output = Result<T, SqlError>>) -> Result<T, SqlError> {
    let silent = |_| SqlError::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(SILENCE, work).await.map_err(silent)?
}

/// Takes what waits. If it is less than the batch before had, the others are probably just being told: they get a
/// moment, never more than [`GATHER`].
async fn gather(queue: &mut mpsc::Receiver<Waiting>, batch: &mut Vec<Waiting>, usual: usize) {
    let deadline = Instant::now() + GATHER;
    loop {
        while batch.len() < BATCH {
            match queue.try_recv() {
                Ok(waiting) => batch.push(waiting),
                Err(_) => break,
            }
        }
        if batch.len() >= usual.min(BATCH) || Instant::now() >= deadline {
            return;
        }
        let left = deadline.saturating_duration_since(Instant::now()).min(GATHER / 8);
        match tokio::time::timeout(left, queue.recv()).await {
            Ok(Some(waiting)) => batch.push(waiting),
            Ok(None) | Err(_) => return,
        }
    }
}

/// Whether the database refused what was to be written, rather than to write at all.
fn is_about_rows(error: &SqlError) -> bool {
    let Some(error) = error.as_database_error() else {
        return matches!(error, SqlError::Encode(_));
    };
    // PostgreSQL's classes: data, integrity, limits. SQLite's codes: too big, mismatch.
    let refused = |code: &str| matches!(code.get(..2), Some("22" | "23" | "54")) && code.len() == 5;
    let code = error.code();
    !matches!(error.kind(), sqlx::error::ErrorKind::Other)
        || code.is_some_and(|code| refused(&code) || matches!(&*code, "18" | "20"))
}

fn unavailable(error: &SqlError) -> WriteError {
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        // The gate was not reached: its statement or lock timed out.
        Some("57014" | "55P03") => WriteError::Late,
        _ => WriteError::Unavailable(error.to_string()),
    }
}
