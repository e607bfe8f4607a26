//! Activity: what agents and endpoints do, and what was refused. Rare beside traffic, never sampled, one
//! struct per type of event; sent to bounded subscriptions and, if wanted, written to the log.

pub(crate) mod calm;
pub(crate) mod endpoint;
mod object;
pub(crate) mod refusal;
pub(crate) mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use tokio::sync::broadcast;

use crate::activity::endpoint::EndpointTransition;
use crate::activity::refusal::RefusalSummary;
use crate::activity::session::{AgentSession, SessionChange};
use crate::label::{EndpointStatus, RefusalKind};
use crate::outcome::session::SessionOutcome;

/// Events a subscription may be behind before it misses some.
pub(crate) const SUBSCRIPTION: usize = 1024;

/// One occurrence of the class *activity*.
#[derive(Clone, Debug, PartialEq)]
pub enum Activity {
    /// An agent logged in for the first time: `agent_session_start.v0`.
    SessionStarted(Arc<AgentSession>),
    /// A leg came or went, or a lost session was resumed: `agent_session_updated.v0`.
    SessionUpdated(Arc<AgentSession>, SessionChange),
    /// A session is over for good: `agent_session_stop.v0`.
    SessionStopped(Arc<AgentSession>, SessionOutcome),
    /// An endpoint changed its status: `endpoint_online.v0`, `endpoint_degraded.v0`, `endpoint_offline.v0`. At most
    /// one event per endpoint and five seconds, the last one always; the gauge follows every change at once.
    Endpoint(EndpointTransition),
    /// Merged refusals; made by this crate from [`Refusal`](refusal::Refusal)s, not by callers.
    Refused(RefusalSummary),
}

impl Activity {
    /// Type of the event this becomes; `None` for what is counted only (an offline endpoint that is
    /// forgotten has said `endpoint_offline.v0` before).
    #[must_use]
    pub fn event_type(&self) -> Option<&'static str> {
        Some(match self {
            Self::SessionStarted(_) => "agent_session_start.v0",
            Self::SessionUpdated(..) => "agent_session_updated.v0",
            Self::SessionStopped(..) => "agent_session_stop.v0",
            Self::Endpoint(change) => match (change.previous, change.status) {
                (Some(EndpointStatus::Offline), None) => return None,
                (_, Some(EndpointStatus::Online)) => "endpoint_online.v0",
                (_, Some(EndpointStatus::Degraded)) => "endpoint_degraded.v0",
                (_, Some(EndpointStatus::Offline) | None) => "endpoint_offline.v0",
            },
            Self::Refused(summary) if summary.certificate.is_some() => "tls_client_rejected.v0",
            Self::Refused(summary) => match summary.kind {
                RefusalKind::Connection | RefusalKind::Handshake | RefusalKind::Protocol => "connection_refused.v0",
                RefusalKind::Login => "agent_session_refused.v0",
                RefusalKind::Bind => "endpoint_refused.v0",
                RefusalKind::IpRestriction => "ip_restriction_denied.v0",
                RefusalKind::IpRestrictionWarning => "ip_restriction_warning.v0",
                RefusalKind::Guardrail => "guardrail_violation.v0",
            },
        })
    }
}

/// An activity with the time and the node it was seen at.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityEvent {
    /// When it happened.
    pub at: SystemTime,
    /// Name of the node that saw it.
    pub node: Arc<str>,
    /// What happened.
    pub activity: Activity,
}

/// Takes every activity as it happens.
pub trait ActivityTap: Send + Sync + std::fmt::Debug {
    /// Called where the activity happened; has to return at once.
    fn take(&self, event: &Arc<ActivityEvent>);
}

/// A bounded view of all activity from now on.
///
/// A subscriber that is more than 1,024 events behind misses the oldest; [`Self::missed`] says how many.
#[derive(Debug)]
pub struct ActivitySubscription {
    receiver: broadcast::Receiver<Arc<ActivityEvent>>,
    missed: u64,
    dropped: Arc<AtomicU64>,
}

impl ActivitySubscription {
    pub(crate) const fn new(receiver: broadcast::Receiver<Arc<ActivityEvent>>, dropped: Arc<AtomicU64>) -> Self {
        Self {
            receiver,
            missed: 0,
            dropped,
        }
    }

    /// The next event; `None` when the observer is gone. Safe to cancel.
    pub async fn next(&mut self) -> Option<Arc<ActivityEvent>> {
        loop {
            match self.receiver.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(count)) => self.miss(count),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<Arc<ActivityEvent>> {
        loop {
            match self.receiver.try_recv() {
                Ok(event) => return Some(event),
                Err(broadcast::error::TryRecvError::Lagged(count)) => self.miss(count),
                Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => return None,
            }
        }
    }

    /// The next event, waiting on a thread that runs no async tasks; `None` when the observer is gone.
    pub fn blocking_next(&mut self) -> Option<Arc<ActivityEvent>> {
        loop {
            match self.receiver.blocking_recv() {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(count)) => self.miss(count),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// How many events this subscription missed since it began, because it was too slow.
    #[must_use]
    pub const fn missed(&self) -> u64 {
        self.missed
    }

    fn miss(&mut self, count: u64) {
        self.missed = self.missed.saturating_add(count);
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }
}
