//! Repeating an exchange because its policy says so (`retry`, traffic policy 6.5): only while nothing of a response was
//! sent, the request's body is held, and the endpoint's budget lasts.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use adit_cluster::{Choice, Pool};
use adit_http1::Head;
use adit_policy::{Attempt as Ended, Retry};

use super::exchange::Progress;
use super::held::Held;
use super::pump::HOLD_MAX;
use crate::admit::Permitted;
use crate::govern::Chain;
use crate::http::Visitor;
use crate::node::Node;

/// Longest wait before a try.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// What a policy's `retry` has come to in one exchange.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// Those that ended.
    made: u32,
    /// Memory for a body that is held longer than others are.
    room: Option<Held>,
}

/// What a try has to know of those that may follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Armed {
    /// Its number, from 1.
    pub(super) number: u32,
    /// Bytes of the request's body that are held for another one.
    pub(super) hold: usize,
}

impl Tries {
    /// A try begins. `None`: no policy would repeat it.
    pub(super) fn begin(
        &mut self,
        node: &Node,
        chain: Option<&Chain>,
        request: &mut Head,
        has_body: bool,
    ) -> Option<Armed> {
        let chain = chain?;
        let retry = chain.terms().retry.as_ref()?;
        if self.made == 0 {
            node.retry_budgets.begins(&chain.budget_key(), retry.budget);
        }
        let number = self.made + 1;
        request.set(b"X-Adit-Attempt", number.to_string().as_bytes());
        let mut hold = retry.body_hold;
        if has_body && hold > HOLD_MAX && self.room.is_none() {
            self.room = Held::take(&node.agents.budget, hold);
            if self.room.is_none() {
                hold = HOLD_MAX;
            }
        }
        Some(Armed { number, hold })
    }

    /// Goes on to the next try: to another member if there is one, after the wait that the policy wants. False: the
    /// visitor has left meanwhile.
    pub(super) async fn next<V: Visitor>(&mut self, visitor: &mut V, retry: Option<Arc<Retry>>) -> bool {
        self.made += 1;
        let Some(backoff) = retry.map(|retry| retry.backoff).filter(|time| !time.is_zero()) else {
            return true;
        };
        let doubled = 1_u32.checked_shl(self.made - 1).unwrap_or(u32::MAX);
        let wait = backoff.checked_mul(doubled).unwrap_or(BACKOFF_MAX).min(BACKOFF_MAX);
        let mut wait = std::pin::pin!(tokio::time::sleep(wait));
        poll_fn(|cx| {
            if wait.as_mut().poll(cx).is_ready() {
                return Poll::Ready(true);
            }
            visitor.poll_gone(cx, true).map(|()| false)
        })
        .await
    }
}

/// Whether a try that ended in one of these ways is to be followed by another. `held`: so much of the request's body is
/// held, if all of it that was read is.
pub(super) fn is_due(
    node: &Node,
    chain: &mut Option<Box<Chain>>,
    armed: Option<Armed>,
    has_body: bool,
    held: Option<usize>,
    ended: &[Ended],
) -> bool {
    let (Some(chain), Some(armed)) = (chain, armed) else {
        return false;
    };
    let is_held = !has_body || held.is_some_and(|held| held <= armed.hold);
    is_held
        && ended.iter().any(|ended| chain.repeats(node, armed.number, *ended))
        && node.retry_budgets.take(&chain.budget_key())
}

/// The member that was tried is the last choice for the next try.
pub(super) fn elsewhere(progress: &mut Progress, permitted: &Permitted, pool: &Pool) {
    let member = permitted.member();
    if !progress.tried.contains(&member.key) {
        progress.tried.push(member.key);
    }
    // A session that was lost is known to be before its own task says so, else the next choice is the same one.
    member.remove_closed_legs();
    if !matches!(pool.choose_other(super::random(), &progress.tried), Choice::Member(_)) {
        // Nobody else: the same one again, as soon as its agent has returned.
        progress.tried.clear();
    }
}
