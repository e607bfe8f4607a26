//! The thread "adit-observe": empties the workers' rings each 50 ms, makes lines of what it finds, and tells
//! merged refusals. While nothing happens it sleeps without a timer; the first worker with something to say
//! wakes it.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::activity::Activity;
use crate::log::{json, pretty};
use crate::merge::Ongoing;
use crate::observer::{AccessLog, Shared};
use crate::redact::Redaction;
use crate::{record, ring};

/// How often the rings are emptied.
const INTERVAL: Duration = Duration::from_millis(50);

/// How long refusals gather before they are told.
const GATHER: Duration = Duration::from_secs(1);

/// Rounds that found nothing after which the thread sleeps until it is woken.
const QUIET: u32 = 4;

/// What the thread keeps between rounds.
pub(crate) struct Drain<'a> {
    shared: &'a Shared,
    redaction: Redaction,
    spare: Vec<u8>,
    lines: LineBuffer,
    ongoing: Ongoing,
    /// When the refusals that gather are told.
    refusals_due: Option<Instant>,
    quiet: u32,
}

/// Lines made in this round.
#[derive(Default)]
struct LineBuffer {
    json: Vec<u8>,
    text: String,
    count: usize,
}

impl<'a> Drain<'a> {
    pub(crate) fn new(shared: &'a Shared, redaction: Redaction) -> Self {
        Self {
            shared,
            redaction,
            spare: ring::empty(),
            lines: LineBuffer::default(),
            ongoing: Ongoing::default(),
            refusals_due: None,
            quiet: 0,
        }
    }

    /// Runs until the observer stops.
    pub(crate) fn run(mut self) {
        loop {
            let asked = self.shared.control.asked();
            let found = self.round(asked.flush || asked.stop);
            self.shared.control.done(asked);
            if asked.stop {
                return;
            }
            self.quiet = if found { 0 } else { self.quiet.saturating_add(1) };
            self.wait();
        }
    }

    /// Empties everything once; `true` if there was something.
    fn round(&mut self, flush: bool) -> bool {
        let mut found = self.records();
        self.shared.tell_calmed(flush);
        found |= self.activities();
        found |= self.refusals(flush);
        found
    }

    fn records(&mut self) -> bool {
        let shared = self.shared;
        let mut found = false;
        for worker in shared.workers() {
            worker.ring.swap(&mut self.spare);
            shared.count_policies(&self.spare);
            let records = ring::records(&self.spare);
            let count = match shared.access_log {
                AccessLog::Off => records.count(),
                AccessLog::Pretty | AccessLog::Json => records
                    .filter_map(record::read)
                    .map(|record| match shared.access_log {
                        AccessLog::Pretty => {
                            self.lines.count += 1;
                            pretty::finished(&mut self.lines.text, &record, &self.redaction);
                        }
                        AccessLog::Json | AccessLog::Off => {
                            self.lines.count += 1;
                            json::finished(&mut self.lines.json, &shared.node, &record, &self.redaction);
                        }
                    })
                    .count(),
            };
            found |= count > 0;
            shared.records.fetch_add(count as u64, Ordering::Relaxed);
            self.lines.send(shared);
        }
        found
    }

    fn activities(&mut self) -> bool {
        let events = self.shared.take_activities();
        for event in &events {
            let written = match self.shared.access_log {
                AccessLog::Off => false,
                AccessLog::Pretty => pretty::activity(&mut self.lines.text, event),
                AccessLog::Json => json::activity(&mut self.lines.json, event),
            };
            self.lines.count += usize::from(written);
        }
        self.lines.send(self.shared);
        !events.is_empty()
    }

    fn refusals(&mut self, now_all: bool) -> bool {
        let now = Instant::now();
        let waiting = !self.shared.merge.is_empty();
        if waiting && self.refusals_due.is_none() {
            self.refusals_due = Some(now + GATHER);
        }
        let due = self.refusals_due.is_some_and(|due| due <= now)
            || self.ongoing.deadline().is_some_and(|deadline| deadline <= now);
        if now_all || due {
            self.refusals_due = None;
            let events = if now_all {
                self.ongoing.last(&self.shared.merge, now)
            } else {
                self.ongoing.due(&self.shared.merge, now)
            };
            for summary in events {
                self.shared.tell(SystemTime::now(), Activity::Refused(summary));
            }
            self.activities();
        }
        waiting
    }

    /// Sleeps until the next round is worth while.
    fn wait(&self) {
        if self.quiet < QUIET {
            thread::park_timeout(INTERVAL);
            return;
        }
        // From here on whoever stores something wakes us. What was stored before, we see: both sides come
        // by the same lock.
        self.shared.asleep.store(true, Ordering::SeqCst);
        if !self.shared.has_work() {
            let calmed = self.shared.calm.deadline();
            let deadline = [self.refusals_due, self.ongoing.deadline(), calmed]
                .into_iter()
                .flatten()
                .min();
            match deadline {
                Some(deadline) => {
                    thread::park_timeout(deadline.saturating_duration_since(Instant::now()));
                }
                None => thread::park(),
            }
        }
        self.shared.asleep.store(false, Ordering::SeqCst);
    }
}

impl LineBuffer {
    fn send(&mut self, shared: &Shared) {
        let lines = if self.json.is_empty() {
            self.text.as_bytes()
        } else {
            &self.json
        };
        shared.lines.push(lines, self.count);
        self.json.clear();
        self.text.clear();
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use super::*;
    use crate::activity::refusal::Refusal;
    use crate::activity::session::AgentSession;
    use crate::label::{Listener, RefusalKind, RefusalReason};
    use crate::observer::{Destination, Observer, Options};
    use crate::outcome::request::RequestOutcome;

    fn until(condition: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !condition() {
            assert!(Instant::now() < end, "it never happened");
            thread::yield_now();
        }
    }

    /// Once asleep, the thread is woken by each kind of thing it works on, and by nothing else.
    #[test]
    fn whoever_stores_something_wakes_the_sleeping_thread() {
        let observer = Observer::new(Options {
            workers: 1,
            access_log: AccessLog::Json,
            log_to: Destination::Writer(Box::new(std::io::sink())),
            ..Options::default()
        })
        .unwrap();
        let shared = observer.shared();
        let asleep = || shared.asleep.load(Ordering::SeqCst);
        let mut subscription = observer.subscribe_activity();
        for round in 1..=3 {
            until(asleep);
            observer.worker(0).request(&RequestOutcome::default());
            until(|| observer.records() == round);
            until(asleep);
            observer.activity(Activity::SessionStarted(Arc::new(AgentSession::default())));
            until(|| !shared.has_work());
            assert!(subscription.try_next().is_some());
        }
        until(asleep);
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let reason = RefusalReason::Shed;
        observer.refusal(&Refusal::new(RefusalKind::Connection, reason, Listener::Https, ip));
        // Told by its own time, without a flush.
        assert!(matches!(
            subscription.blocking_next().unwrap().activity,
            Activity::Refused(_)
        ));
        until(asleep);
    }
}
