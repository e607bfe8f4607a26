//! How a try ended that brought no answer, and what follows from it (edge 7.8).

use adit_cluster::{Choice, Pool};
use adit_mux::OpenError;
use adit_observe::RetryReason;
use adit_policy::Attempt as Ended;

use super::exchange::{Forwarded, Progress};
use super::upstream::UpstreamError;
use crate::admit::Permitted;
use crate::http::RequestFacts;
use crate::reply::Answer;

/// Further tries where nothing of the request was processed.
const UNPROCESSED: u8 = 2;
/// Further tries where it may have been, and may be once more.
const REPEATED: u8 = 1;

/// How one attempt ended.
pub(super) enum Attempt {
    Done(Forwarded),
    /// Nothing of an answer has come.
    Failed(Failure),
    /// An answer has come that a policy does not want; nothing of it was sent.
    Again,
}

/// A failure before any answer.
#[derive(Debug)]
pub(super) enum Failure {
    Open(OpenError),
    Upstream(UpstreamError),
    /// The same on a stream that had idled: the upstream closed it in that moment.
    Stale,
    /// A stream that had idled was gone before a byte was written.
    Unsent,
    /// A time that a policy sets was over; `whole`: that of the exchange, so that no other try can help.
    Late {
        whole: bool,
    },
}

impl Failure {
    /// What a policy's `retry` makes of it; `None`: it is nothing that another try could change.
    pub(super) fn ended(&self) -> Option<Ended> {
        match self {
            Self::Open(OpenError::Closed | OpenError::GoingAway) | Self::Unsent => Some(Ended::ConnectFailure),
            Self::Upstream(UpstreamError::Refused | UpstreamError::DialFailed(_)) => Some(Ended::ConnectFailure),
            Self::Open(_) | Self::Late { whole: true } => None,
            Self::Upstream(_) | Self::Stale | Self::Late { whole: false } => Some(Ended::Reset),
        }
    }

    pub(super) fn reason(&self) -> RetryReason {
        match self {
            Self::Open(OpenError::StreamLimit | OpenError::Unaccepted) => RetryReason::Limit,
            Self::Stale | Self::Unsent => RetryReason::Stale,
            Self::Upstream(UpstreamError::Refused) => RetryReason::Refused,
            Self::Upstream(UpstreamError::SpeaksHttp1) => RetryReason::ProtocolFallback,
            Self::Open(_) | Self::Upstream(_) | Self::Late { .. } => RetryReason::SessionLost,
        }
    }
}

/// Whether to try again (`None`), and if not, what to answer (edge 7.8). `is_kept`: the visitor belongs to this member.
pub(super) fn after_failure(
    failure: &Failure,
    facts: &RequestFacts,
    progress: &mut Progress,
    permitted: &Permitted,
    pool: &Pool,
    is_kept: bool,
) -> Option<Answer> {
    let whole_body_held = !facts.has_body() || progress.held.is_some();
    let may_repeat = facts.idempotent && whole_body_held;
    // Another try counts against one of the two bounds.
    let (allowed, processed, elsewhere, answer) = match failure {
        Failure::Open(OpenError::Closed | OpenError::GoingAway) => (true, false, true, Answer::session_lost()),
        Failure::Open(_) => return Some(Answer::internal()),
        // Nothing of it was processed, so any method may go to another member, its body being held.
        Failure::Upstream(UpstreamError::Refused) => (whole_body_held, false, true, Answer::stream_refused()),
        Failure::Late { .. } => return Some(Answer::timed_out()),
        Failure::Unsent => {
            progress.fresh_only = true;
            (true, false, false, Answer::session_lost())
        }
        Failure::Stale => {
            progress.fresh_only = true;
            // To another member, if any will do: this one may be about to withdraw the endpoint, and there is one more
            // try only.
            (may_repeat, true, !is_kept, Answer::upstream_invalid())
        }
        Failure::Upstream(UpstreamError::SpeaksHttp1) => (whole_body_held, false, false, Answer::upstream_invalid()),
        Failure::Upstream(UpstreamError::SessionLost) => (may_repeat, true, true, Answer::session_lost()),
        Failure::Upstream(UpstreamError::DialFailed(_)) => return Some(Answer::dial_failed()),
        // Another member, if there is one: this one may just have withdrawn the endpoint.
        Failure::Upstream(UpstreamError::Closed) => {
            let other = pool.choose_other(super::random(), &[permitted.member().key]);
            let allowed = may_repeat && matches!(other, Choice::Member(_));
            (allowed, true, true, Answer::upstream_invalid())
        }
        Failure::Upstream(UpstreamError::Invalid(r)) => return Some(Answer::upstream_refused_head(r.code())),
    };
    let (count, most) = if processed {
        // Of two members one may come while the other goes.
        let changes = matches!(failure, Failure::Upstream(UpstreamError::Closed));
        (&mut progress.repeated, REPEATED + u8::from(changes))
    } else {
        (&mut progress.unprocessed, UNPROCESSED)
    };
    if !allowed || *count >= most {
        return Some(answer);
    }
    *count += 1;
    if elsewhere && !progress.tried.contains(&permitted.member().key) {
        progress.tried.push(permitted.member().key);
    }
    // A session that was lost is known to be before its own task says so, else the next choice is the same one.
    permitted.member().remove_closed_legs();
    if !matches!(pool.choose_other(super::random(), &progress.tried), Choice::Member(_)) {
        // Nobody else: the same one again, as soon as its agent has returned.
        progress.tried.clear();
    }
    None
}
