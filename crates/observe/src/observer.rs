//! The observer of a node: what its workers share, and the two threads that work for it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::broadcast;

use crate::activity::calm::Calm;
use crate::activity::refusal::Refusal;
use crate::activity::session::SessionChange;
use crate::activity::{Activity, ActivityEvent, ActivitySubscription, ActivityTap, SUBSCRIPTION};
use crate::drain::Drain;
use crate::emit::Worker;
use crate::label::RefusalKind;
use crate::log::lines::Lines;
use crate::merge::Merge;
use crate::metrics::cells::{Cells, LoginResult};
use crate::metrics::collect::{NodeValue, NodeValues, collect};
use crate::metrics::policies::PolicyMetrics;
use crate::metrics::text::Format;
use crate::redact::Redaction;
use crate::ring::Ring;
use crate::{record, ring};

/// Activities that may wait for the log.
const ACTIVITIES: usize = 4096;

/// How long the observer waits at its end for the log to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// How finished exchanges and activity are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// Not at all.
    #[default]
    Off,
    /// For people at a terminal.
    Pretty,
    /// One JSON event a line.
    Json,
}

/// Where the log goes.
#[derive(Default)]
pub enum Destination {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
    /// Anything else. May block: only the thread that writes waits for it.
    Writer(Box<dyn Write + Send>),
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdout => "Stdout",
            Self::Stderr => "Stderr",
            Self::Writer(_) => "Writer",
        })
    }
}

/// How to observe.
#[derive(Debug, Default)]
pub struct Options {
    /// Name of this node, in every event.
    pub node: String,
    /// Number of data workers.
    pub workers: usize,
    /// Whether and how to log.
    pub access_log: AccessLog,
    /// Where to log to.
    pub log_to: Destination,
    /// Query parameters whose values are taken out of logs, besides those that always are.
    pub redact: Vec<String>,
    /// Names of the actions of policies, by their numbers.
    pub actions: Vec<&'static str>,
    /// Is given every activity at once, none left out.
    pub activity_tap: Option<Arc<dyn ActivityTap>>,
}

/// What a node observes. Cloning gives another handle; with the last one its threads end, after what was
/// observed before is written (at most a second is spent on that).
#[derive(Clone, Debug)]
pub struct Observer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    drain: Option<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
}

impl Observer {
    /// Starts the threads that work for the observer.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn new(options: Options) -> io::Result<Self> {
        let Options {
            node,
            workers,
            access_log,
            log_to,
            redact,
            actions,
            activity_tap,
        } = options;
        let shared = Arc::new(Shared::new(node.into(), workers, access_log, actions, activity_tap));
        let writer = match access_log {
            AccessLog::Off => None,
            AccessLog::Pretty | AccessLog::Json => {
                let shared = Arc::clone(&shared);
                Some(
                    thread::Builder::new()
                        .name("adit-log".to_owned())
                        .spawn(move || match log_to {
                            Destination::Stdout => shared.lines.write_to(io::stdout()),
                            Destination::Stderr => shared.lines.write_to(io::stderr()),
                            Destination::Writer(writer) => shared.lines.write_to(writer),
                        })?,
                )
            }
        };
        // Built before the second thread, so that the first one ends if there is no second.
        let mut inner = Inner {
            shared: Arc::clone(&shared),
            drain: None,
            writer,
        };
        let redaction = Redaction::new(&redact);
        let drain = thread::Builder::new()
            .name("adit-observe".to_owned())
            .spawn(move || Drain::new(&shared, redaction).run())?;
        let _ = inner.shared.drain.set(drain.thread().clone());
        inner.drain = Some(drain);
        Ok(Self(Arc::new(inner)))
    }

    /// Where worker `index` says what happened. Beyond the number of workers: the place of everybody else,
    /// as [`Self::control`].
    #[must_use]
    pub fn worker(&self, index: usize) -> Worker {
        Worker::new(Arc::clone(&self.0.shared), index)
    }

    /// Where threads that are no data worker say what happened.
    #[must_use]
    pub fn control(&self) -> Worker {
        self.worker(usize::MAX)
    }

    /// All metrics in OpenMetrics text.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        self.metrics(Format::OpenMetrics)
    }

    /// All metrics in the text wanted.
    #[must_use]
    pub fn metrics(&self, format: Format) -> String {
        let shared = &self.0.shared;
        let cells: Vec<&Cells> = shared.workers().map(|worker| &worker.cells).collect();
        let policies = lock(&shared.policies).clone();
        collect(format, &cells, &shared.node_values(), &policies)
    }

    /// Something happened to an agent or an endpoint: counts it, tells subscribers, logs it. Never waits for
    /// them.
    pub fn activity(&self, activity: Activity) {
        self.0.shared.tell(SystemTime::now(), activity);
        self.0.shared.wake_if_asleep();
    }

    /// Something was refused: counts it and merges it into an event.
    pub fn refusal(&self, refusal: &Refusal<'_>) {
        self.control().refusal(refusal);
    }

    /// All activity from now on, merged refusals included.
    #[must_use]
    pub fn subscribe_activity(&self) -> ActivitySubscription {
        let shared = &self.0.shared;
        ActivitySubscription::new(shared.activity.subscribe(), Arc::clone(&shared.activity_dropped))
    }

    /// The configuration at this position is served now.
    pub fn snapshot_generation(&self, position: u64) {
        self.0.shared.snapshot_generation.store(position, Ordering::Relaxed);
    }

    /// From now on the metrics have this value, as it is in `kept` when they are asked for.
    pub fn watch(&self, value: NodeValue, kept: Arc<AtomicU64>) {
        lock(&self.0.shared.kept).insert(value, kept);
    }

    /// Finished exchanges and connections that left the rings so far, logged or not.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.0.shared.records.load(Ordering::Relaxed)
    }

    /// Waits until what was observed before is written and merged refusals are told; `false` if that takes
    /// longer than `wait`. Blocks the thread: not for data workers.
    #[must_use]
    pub fn flush(&self, wait: Duration) -> bool {
        let end = Instant::now() + wait;
        self.0.shared.control.flush(end, || self.0.shared.wake())
            && self.0.shared.lines.flush(end.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
impl Observer {
    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(drain) = self.drain.take() {
            self.shared.control.stop();
            self.shared.wake();
            let _ = drain.join();
        }
        self.shared.lines.close();
        if let Some(writer) = self.writer.take()
            && self.shared.lines.flush(LAST_LINES)
        {
            let _ = writer.join();
        }
    }
}

/// Counters and ring of one worker, on cache lines of their own.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct WorkerState {
    pub(crate) cells: Cells,
    pub(crate) ring: Ring,
}

impl WorkerState {
    fn new() -> Self {
        Self {
            cells: Cells::default(),
            ring: Ring::new(),
        }
    }
}

/// What workers, threads and handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) node: Arc<str>,
    pub(crate) access_log: AccessLog,
    pub(crate) lines: Lines,
    pub(crate) merge: Merge,
    /// Counted by the observer's thread.
    pub(crate) policies: Mutex<PolicyMetrics>,
    pub(crate) calm: Calm,
    pub(crate) control: Control,
    /// The drain sleeps without a timer and wants to be woken.
    pub(crate) asleep: AtomicBool,
    /// Records that left the rings.
    pub(crate) records: AtomicU64,
    workers: Box<[WorkerState]>,
    /// Of everybody who is no data worker.
    others: WorkerState,
    drain: OnceLock<Thread>,
    activity: broadcast::Sender<Arc<ActivityEvent>>,
    activity_dropped: Arc<AtomicU64>,
    /// Activities for the log.
    activities: Mutex<Vec<Arc<ActivityEvent>>>,
    activity_tap: Option<Arc<dyn ActivityTap>>,
    snapshot_generation: AtomicU64,
    /// Values of the node that others keep.
    kept: Mutex<BTreeMap<NodeValue, Arc<AtomicU64>>>,
}

impl Shared {
    fn new(
        node: Arc<str>,
        workers: usize,
        access_log: AccessLog,
        actions: Vec<&'static str>,
        activity_tap: Option<Arc<dyn ActivityTap>>,
    ) -> Self {
        Self {
            node,
            access_log,
            lines: Lines::default(),
            merge: Merge::default(),
            policies: Mutex::new(PolicyMetrics::new(actions)),
            calm: Calm::default(),
            control: Control::default(),
            asleep: AtomicBool::new(false),
            records: AtomicU64::new(0),
            workers: (0..workers).map(|_| WorkerState::new()).collect(),
            others: WorkerState::new(),
            drain: OnceLock::new(),
            activity: broadcast::Sender::new(SUBSCRIPTION),
            activity_dropped: Arc::default(),
            activities: Mutex::default(),
            activity_tap,
            snapshot_generation: AtomicU64::new(0),
            kept: Mutex::default(),
        }
    }

    pub(crate) fn worker(&self, index: usize) -> &WorkerState {
        self.workers.get(index).unwrap_or(&self.others)
    }

    pub(crate) fn workers(&self) -> impl Iterator<Item = &WorkerState> {
        self.workers.iter().chain([&self.others])
    }

    /// Counts an activity, tells subscribers, keeps it for the log.
    pub(crate) fn tell(&self, at: SystemTime, activity: Activity) {
        self.count(&activity);
        let activity = match activity {
            Activity::Endpoint(change) => match self.calm.admit(change, at, Instant::now()) {
                Some(change) => Activity::Endpoint(change),
                None => return,
            },
            other => other,
        };
        self.publish(at, activity);
    }

    /// Tells what waited until its endpoint was quiet; all of it with `now_all`.
    pub(crate) fn tell_calmed(&self, now_all: bool) {
        for (at, change) in self.calm.due(Instant::now(), now_all) {
            self.publish(at, Activity::Endpoint(change));
        }
    }

    /// Tells subscribers of what was counted, and keeps it for the log.
    fn publish(&self, at: SystemTime, activity: Activity) {
        if activity.event_type().is_none() {
            return;
        }
        let event = Arc::new(ActivityEvent {
            at,
            node: Arc::clone(&self.node),
            activity,
        });
        if let Some(tap) = &self.activity_tap {
            tap.take(&event);
        }
        if self.access_log != AccessLog::Off {
            let mut waiting = lock(&self.activities);
            if waiting.len() < ACTIVITIES {
                waiting.push(Arc::clone(&event));
            } else {
                self.activity_dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        // An error says that nobody listens.
        let _ = self.activity.send(event);
    }

    pub(crate) fn refusal(&self, cells: &Cells, refusal: &Refusal<'_>) {
        match refusal.kind {
            RefusalKind::Connection | RefusalKind::Handshake => {
                cells.connections_refused.add((refusal.listener, refusal.reason), 1);
            }
            RefusalKind::Login => cells.logins.add((refusal.client, LoginResult::Refused), 1),
            RefusalKind::Bind => cells.endpoints_refused.add((refusal.reason,), 1),
            // Counted by its kind of glitch, as the refused login, and with the outcome of the exchange.
            RefusalKind::Protocol
            | RefusalKind::IpRestriction
            | RefusalKind::IpRestrictionWarning
            | RefusalKind::Guardrail => {}
        }
        self.merge.add(refusal, SystemTime::now());
        self.wake_if_asleep();
    }

    fn count(&self, activity: &Activity) {
        let cells = &self.others.cells;
        match activity {
            Activity::SessionStarted(session) => {
                cells.sessions.add((session.client_type,), 1);
                cells.logins.add((session.client_type, LoginResult::Ok), 1);
            }
            Activity::SessionUpdated(session, change) => match change {
                SessionChange::LegAdded { .. } => {
                    cells.logins.add((session.client_type, LoginResult::Leg), 1);
                }
                SessionChange::Resumed { .. } => {
                    cells.logins.add((session.client_type, LoginResult::Resumed), 1);
                }
                SessionChange::LegLost { .. } => {}
            },
            Activity::SessionStopped(session, _) => {
                cells.sessions.subtract((session.client_type,), 1);
            }
            Activity::Endpoint(change) => {
                let endpoint = &change.endpoint;
                if let Some(previous) = change.previous {
                    cells.endpoints.subtract((endpoint.scheme, previous, endpoint.kind), 1);
                }
                if let Some(status) = change.status {
                    cells.endpoints.add((endpoint.scheme, status, endpoint.kind), 1);
                }
            }
            // Each was counted when it came.
            Activity::Refused(_) => {}
        }
    }

    /// Counts what policies did in the records of a ring.
    pub(crate) fn count_policies(&self, records: &[u8]) {
        let mut policed = ring::records(records)
            .filter(|record| record::is_policed(record))
            .peekable();
        if policed.peek().is_none() {
            return;
        }
        let mut policies = lock(&self.policies);
        for record in policed.filter_map(record::read) {
            policies.count(&record.outcome);
        }
    }

    /// Activities that wait for the log.
    pub(crate) fn take_activities(&self) -> Vec<Arc<ActivityEvent>> {
        mem::take(&mut *lock(&self.activities))
    }

    /// Whether a round of the drain would find something.
    pub(crate) fn has_work(&self) -> bool {
        self.workers().any(|worker| !worker.ring.is_empty())
            || !self.merge.is_empty()
            || !lock(&self.activities).is_empty()
    }

    /// Wakes the drain if it sleeps without a timer. To be called after what it shall find is stored under
    /// a lock that [`Self::has_work`] takes as well: either it has seen it, or we see that it sleeps.
    pub(crate) fn wake_if_asleep(&self) {
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed) {
            self.wake();
        }
    }

    /// Wakes the drain.
    pub(crate) fn wake(&self) {
        if let Some(drain) = self.drain.get() {
            drain.unpark();
        }
    }

    fn node_values(&self) -> NodeValues {
        let (log_lines_dropped, log_lines_failed) = self.lines.losses();
        let ring_dropped: u64 = self.workers().map(|worker| worker.cells.ring_dropped.read(0)).sum();
        let kept = lock(&self.kept);
        let kept = kept.iter().map(|(value, kept)| (*value, kept.load(Ordering::Relaxed)));
        NodeValues {
            kept: kept.collect(),
            snapshot_generation: self.snapshot_generation.load(Ordering::Relaxed),
            log_lines_dropped,
            log_lines_failed,
            ring_dropped_lines: if self.access_log == AccessLog::Off {
                0
            } else {
                ring_dropped
            },
            activity_dropped: self.activity_dropped.load(Ordering::Relaxed),
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the handles ask of the drain.
#[derive(Debug, Default)]
pub(crate) struct Control {
    state: Mutex<ControlState>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct ControlState {
    flushes_asked: u64,
    flushes_done: u64,
    stop: bool,
}

/// What was asked when a round of the drain began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Tell everything now.
    pub(crate) flush: bool,
    /// Tell everything and end.
    pub(crate) stop: bool,
    flushes: u64,
}

impl Control {
    pub(crate) fn asked(&self) -> Asked {
        let state = lock(&self.state);
        Asked {
            flush: state.flushes_asked > state.flushes_done,
            stop: state.stop,
            flushes: state.flushes_asked,
        }
    }

    /// The round that began with `asked` is over.
    pub(crate) fn done(&self, asked: Asked) {
        lock(&self.state).flushes_done = asked.flushes;
        self.done.notify_all();
    }

    fn stop(&self) {
        lock(&self.state).stop = true;
    }

    fn flush(&self, end: Instant, wake: impl FnOnce()) -> bool {
        let mut state = lock(&self.state);
        state.flushes_asked += 1;
        let mine = state.flushes_asked;
        wake();
        while state.flushes_done < mine {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (state, _) = self
                .done
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}
