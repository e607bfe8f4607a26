//! The terms that policies set for an exchange: how much may pass, and how long it may take (`request-limit`,
//! `timeout`; traffic policy 6.5).
//!
//! Time is kept by one deadline of the worker's sweep for each exchange that has such terms; others have none. It is
//! late by up to two sweeps, never early.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use adit_policy::Terms;

use super::exchange::{Forwarded, Progress};
use super::failure::{Attempt, Failure};
use crate::http::Visitor;
use crate::reply::Answer;
use crate::timer::{Deadline, Timer};

/// Which term was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The request's body is too long.
    Body,
    /// The whole exchange took too long.
    Whole,
    /// The upstream let us wait too long; another one might not.
    Upstream,
}

/// For what an exchange waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// For the upstream to answer: it has the whole request.
    Head,
    /// For more of the response.
    Data,
    /// For the visitor.
    Visitor,
}

/// The terms of one try, watched.
#[derive(Debug)]
pub(super) struct Watch {
    max_body: Option<u64>,
    clock: Option<Clock>,
}

#[derive(Debug)]
struct Clock {
    deadline: Deadline,
    whole: Option<Instant>,
    this_try: Option<Instant>,
    head: Option<Duration>,
    idle: Option<Duration>,
    waits: Waits,
    /// Since then.
    since: Instant,
}

impl Watch {
    /// For a try that begins now of an exchange that began at `began`. `None`: there is nothing to watch.
    pub(super) fn new(terms: &Terms, began: Instant) -> Option<Self> {
        let whole = match (terms.max_duration, terms.total_timeout) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let per_try = terms.retry.as_ref().and_then(|retry| retry.per_try_timeout);
        let is_timed = [whole, per_try, terms.response_header_timeout, terms.idle_timeout]
            .iter()
            .any(Option::is_some);
        if !is_timed && terms.max_body.is_none() {
            return None;
        }
        let now = Instant::now();
        let clock = is_timed.then(|| Clock {
            deadline: Timer::current().deadline(),
            whole: whole.and_then(|time| began.checked_add(time)),
            this_try: per_try.and_then(|time| now.checked_add(time)),
            head: terms.response_header_timeout,
            idle: terms.idle_timeout,
            waits: Waits::Visitor,
            since: now,
        });
        Some(Self {
            max_body: terms.max_body,
            clock,
        })
    }

    /// So much of the request's body has come.
    pub(super) fn body(&self, bytes: u64) -> Result<(), Over> {
        match self.max_body {
            Some(most) if bytes > most => Err(Over::Body),
            _ => Ok(()),
        }
    }

    /// Something of the response has come.
    pub(super) fn moved(&mut self) {
        if let Some(clock) = &mut self.clock {
            clock.waits = Waits::Visitor;
        }
    }

    /// Ready when a time is over.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>, waits: Waits, answered: bool) -> Poll<Over> {
        match &mut self.clock {
            Some(clock) => clock.poll_over(cx, waits, answered),
            None => Poll::Pending,
        }
    }
}

impl Clock {
    fn poll_over(&mut self, cx: &mut Context<'_>, waits: Waits, answered: bool) -> Poll<Over> {
        loop {
            let now = Instant::now();
            if waits != self.waits {
                self.waits = waits;
                self.since = now;
            }
            let patience = match waits {
                Waits::Head => self.head,
                Waits::Data => self.idle,
                Waits::Visitor => None,
            };
            let waited = patience.and_then(|time| self.since.checked_add(time));
            let this_try = self.this_try.filter(|_| !answered);
            let times = [
                (self.whole, Over::Whole),
                (waited, Over::Upstream),
                (this_try, Over::Upstream),
            ];
            let nearest = times
                .into_iter()
                .filter_map(|(at, over)| Some((at?, over)))
                .min_by_key(|(at, _)| *at);
            let Some((at, over)) = nearest else {
                self.deadline.clear();
                return Poll::Pending;
            };
            if at <= now {
                return Poll::Ready(over);
            }
            self.deadline.set(at.duration_since(now));
            ready!(self.deadline.poll_expired(cx));
        }
    }
}

/// What becomes of a try whose terms were broken; the upstream has been given up. `answered`: its response has begun.
pub(super) async fn broken<V: Visitor>(
    over: Over,
    answered: bool,
    visitor: &mut V,
    progress: &mut Progress,
) -> Attempt {
    if answered {
        progress.upstream_broke = over != Over::Body;
        // What came so far is the visitor's, who can tell by it that more is missing.
        let _ = poll_fn(|cx| visitor.poll_flush(cx)).await;
        visitor.break_off();
        return Attempt::Done(Forwarded::Broken);
    }
    match over {
        Over::Body => Attempt::Done(Forwarded::Answer(Answer::body_too_long())),
        Over::Whole => Attempt::Failed(Failure::Late { whole: true }),
        Over::Upstream => Attempt::Failed(Failure::Late { whole: false }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(terms: &Terms, began: Instant) -> Option<Watch> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async { Watch::new(terms, began) })
    }

    fn over(watch: &mut Watch, waits: Waits, answered: bool) -> Poll<Over> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        watch.poll_over(&mut cx, waits, answered)
    }

    #[test]
    fn without_terms_nothing_is_watched() {
        assert!(watch(&Terms::default(), Instant::now()).is_none());
    }

    #[test]
    fn a_body_is_counted_to_its_limit() {
        let terms = Terms {
            max_body: Some(3),
            ..Terms::default()
        };
        let mut watch = watch(&terms, Instant::now()).unwrap();
        assert_eq!((watch.body(3), watch.body(4)), (Ok(()), Err(Over::Body)));
        assert!(over(&mut watch, Waits::Head, false).is_pending(), "it has no clock");
    }

    #[test]
    fn each_wait_has_its_own_time() {
        let long_ago = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        let second = Some(Duration::from_secs(1));
        let whole = Terms {
            total_timeout: second,
            max_duration: Some(Duration::from_secs(60)),
            ..Terms::default()
        };
        let mut whole = watch(&whole, long_ago).unwrap();
        assert_eq!(over(&mut whole, Waits::Visitor, true), Poll::Ready(Over::Whole));

        let waits = Terms {
            response_header_timeout: second,
            idle_timeout: second,
            ..Terms::default()
        };
        for (waiting, other) in [(Waits::Head, Waits::Visitor), (Waits::Data, Waits::Head)] {
            let mut watch = watch(&waits, long_ago).unwrap();
            assert!(over(&mut watch, waiting, false).is_pending());
            watch.clock.as_mut().unwrap().since = long_ago;
            assert_eq!(over(&mut watch, waiting, false), Poll::Ready(Over::Upstream));
            assert!(over(&mut watch, other, false).is_pending(), "another wait begins anew");
            watch.clock.as_mut().unwrap().since = long_ago;
            watch.moved();
            assert!(over(&mut watch, waiting, false).is_pending(), "something came");
        }
    }
}
