//! Changes of endpoints' status, calmed: at most one event per endpoint and [`APART`], the last change always
//! (edge 2.4). An endpoint that flaps between two events and is then as it was is not told about.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::endpoint::EndpointTransition;
use crate::label::EndpointStatus;

/// Between two events of one endpoint.
const APART: Duration = Duration::from_secs(5);
/// Endpoints whose last event is remembered; those beyond are told about at once.
const ENDPOINTS: usize = 65_536;

/// What was told of which endpoint lately.
#[derive(Debug, Default)]
pub(crate) struct Calm {
    told: Mutex<HashMap<String, Told>>,
}

#[derive(Debug)]
struct Told {
    status: Option<EndpointStatus>,
    /// When the next event may follow.
    again: Instant,
    /// What has to be told then, and when it happened.
    waiting: Option<(SystemTime, EndpointTransition)>,
}

impl Calm {
    /// A change happened; it comes back if it is to be told now.
    pub(crate) fn admit(&self, change: EndpointTransition, at: SystemTime, now: Instant) -> Option<EndpointTransition> {
        let mut told = self.lock();
        if let Some(last) = told.get_mut(&change.endpoint.id)
            && now < last.again
        {
            let previous = last.status;
            last.waiting = Some((at, EndpointTransition { previous, ..change }));
            return None;
        }
        if told.len() < ENDPOINTS || told.contains_key(&change.endpoint.id) {
            told.insert(
                change.endpoint.id.clone(),
                Told {
                    status: change.status,
                    again: now + APART,
                    waiting: None,
                },
            );
        }
        Some(change)
    }

    /// What is to be told by now; all of it with `now_all`.
    pub(crate) fn due(&self, now: Instant, now_all: bool) -> Vec<(SystemTime, EndpointTransition)> {
        let mut due = Vec::new();
        self.lock().retain(|_, last| {
            if last.again > now && !now_all {
                return true;
            }
            let Some((at, change)) = last.waiting.take().filter(|(_, change)| change.status != last.status) else {
                return last.again > now;
            };
            last.status = change.status;
            last.again = now + APART;
            due.push((at, change));
            true
        });
        due.sort_by_key(|(at, _)| *at);
        due
    }

    /// When something is to be told.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let told = self.lock();
        told.values().filter(|t| t.waiting.is_some()).map(|t| t.again).min()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::activity::endpoint::{EndpointFacts, EndpointReason};

    const ONLINE: Option<EndpointStatus> = Some(EndpointStatus::Online);
    const DEGRADED: Option<EndpointStatus> = Some(EndpointStatus::Degraded);
    const OFFLINE: Option<EndpointStatus> = Some(EndpointStatus::Offline);

    fn change(id: &str, previous: Option<EndpointStatus>, status: Option<EndpointStatus>) -> EndpointTransition {
        EndpointTransition {
            endpoint: Arc::new(EndpointFacts {
                id: id.to_owned(),
                ..EndpointFacts::default()
            }),
            previous,
            status,
            reason: EndpointReason::Ok,
            detail: String::new(),
            members_online: 1,
        }
    }

    fn told(events: Vec<(SystemTime, EndpointTransition)>) -> Vec<(Option<EndpointStatus>, Option<EndpointStatus>)> {
        events.into_iter().map(|(_, c)| (c.previous, c.status)).collect()
    }

    #[test]
    fn one_event_in_five_seconds_and_the_last_one_always() {
        let (calm, start, at) = (Calm::default(), Instant::now(), SystemTime::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut status = ONLINE;
        assert!(calm.admit(change("a", None, status), at, start).is_some());
        // Another one is told about at once.
        assert!(calm.admit(change("b", None, ONLINE), at, start).is_some());
        for next in [DEGRADED, ONLINE, OFFLINE, DEGRADED] {
            assert!(calm.admit(change("a", status, next), at, after(1)).is_none());
            status = next;
        }
        assert_eq!(calm.deadline(), Some(after(5)));
        assert_eq!(told(calm.due(after(4), false)), []);
        assert_eq!(told(calm.due(after(5), false)), [(ONLINE, DEGRADED)]);
        // Five seconds from that one.
        assert!(calm.admit(change("a", DEGRADED, ONLINE), at, after(9)).is_none());
        assert_eq!(told(calm.due(after(10), false)), [(DEGRADED, ONLINE)]);
        assert_eq!(told(calm.due(after(15), false)), []);
        assert!(calm.lock().is_empty(), "nothing is remembered for longer");
        assert!(calm.admit(change("a", ONLINE, OFFLINE), at, after(16)).is_some());
    }

    #[test]
    fn what_is_as_it_was_is_not_told_and_at_the_end_nothing_waits() {
        let (calm, start, at) = (Calm::default(), Instant::now(), SystemTime::now());
        assert!(calm.admit(change("a", None, ONLINE), at, start).is_some());
        for (previous, status) in [(ONLINE, DEGRADED), (DEGRADED, ONLINE)] {
            assert!(calm.admit(change("a", previous, status), at, start).is_none());
        }
        assert_eq!(told(calm.due(start, true)), []);
        assert!(calm.admit(change("a", ONLINE, None), at, start).is_none());
        assert_eq!(told(calm.due(start, true)), [(ONLINE, None)]);
        assert_eq!(calm.deadline(), None);
    }
}
