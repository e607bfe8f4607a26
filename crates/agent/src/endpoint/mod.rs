//! What this program offers: one record per endpoint, from the wish to the public URL and back.
//!
//! A record is entered in the session's table by `listen()`; the session's manager binds it, binds it again
//! after each reconnection, and takes it back when its listener or forwarder is dropped.

pub(crate) mod builder;
pub(crate) mod modules;
pub(crate) mod options;
pub(crate) mod table;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adit_protocol::control::UpstreamState;
use adit_protocol::message::{Bind, BindExtra, BindResp, Presence};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::Error;
use crate::forward::Forward;
use crate::listen::Queue;

/// The longest pause between two tries to bind an endpoint again that was refused.
const REFUSED_LONGEST: Duration = Duration::from_secs(60);

/// What the server is asked for. Everything that a rebind repeats.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) proto: &'static str,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) metadata: String,
    pub(crate) bindings: Vec<String>,
    pub(crate) pooling: bool,
    pub(crate) forwards_to: String,
    pub(crate) forwards_proto: &'static str,
    pub(crate) opts: Map<String, Value>,
}

/// What happens with a visitor's stream.
#[derive(Debug)]
pub(crate) enum Sink {
    Forward(Forward),
    /// They wait for the listener's `accept`.
    Listen(Queue),
}

/// Where an endpoint stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not yet bound for the first time.
    Wanted,
    /// Bound; after a lost connection it is bound again.
    Online,
    /// Refused the first time, stopped by the server, or closed here (`None`).
    Gone(Option<Error>),
}

/// What the server answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bound {
    pub(crate) id: String,
    pub(crate) url: String,
    /// What `PatchTunnelState` names.
    pub(crate) tunnel: String,
    token: String,
    proto: String,
    opts: Value,
}

/// One endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) sink: Sink,
    wish: Mutex<Wish>,
    bound: Mutex<Bound>,
    phase: watch::Sender<Phase>,
    leaving: AtomicBool,
    refused: Mutex<Refused>,
}

/// When an endpoint that was refused is tried again.
#[derive(Debug, Default)]
struct Refused {
    times: u32,
    next: Option<Instant>,
}

impl Endpoint {
    pub(crate) fn new(wish: Wish, sink: Sink) -> Arc<Self> {
        Arc::new(Self {
            sink,
            wish: Mutex::new(wish),
            bound: Mutex::default(),
            phase: watch::Sender::new(Phase::Wanted),
            leaving: AtomicBool::new(false),
            refused: Mutex::default(),
        })
    }

    pub(crate) fn name(&self) -> String {
        lock(&self.wish).name.clone()
    }

    /// Where its traffic goes, for people.
    pub(crate) fn upstream(&self) -> String {
        lock(&self.wish).forwards_to.clone()
    }

    pub(crate) fn bound(&self) -> Bound {
        lock(&self.bound).clone()
    }

    /// The state of its upstream as a probe asks for it; nothing for a listener, which is this program itself.
    pub(crate) fn probe_state(&self) -> Option<UpstreamState> {
        match &self.sink {
            Sink::Forward(forward) => Some(forward.probe_state(lock(&self.bound).id.clone())),
            Sink::Listen(_) => None,
        }
    }

    pub(crate) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub(crate) fn is_wanted(&self) -> bool {
        *self.phase.borrow() == Phase::Wanted
    }

    /// Asks the manager to take it back.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// The request that binds it, for the first time or again.
    pub(crate) fn bind_request(&self) -> Bind {
        let wish = lock(&self.wish);
        let bound = lock(&self.bound);
        let again = !bound.id.is_empty();
        // At a rebind the server gets its own echo, which holds the address it gave; the policy is the newest.
        let mut opts = match &bound.opts {
            Value::Object(echo) if again => echo.clone(),
            _ => wish.opts.clone(),
        };
        if let Some(policy) = wish.opts.get(options::TRAFFIC_POLICY) {
            opts.insert(options::TRAFFIC_POLICY.to_owned(), policy.clone());
        }
        Bind {
            id: bound.id.clone(),
            proto: if again && !bound.proto.is_empty() {
                bound.proto.clone()
            } else {
                wish.proto.to_owned()
            },
            forwards_to: wish.forwards_to.clone(),
            forwards_proto: wish.forwards_proto.to_owned(),
            opts: Value::Object(opts),
            extra: BindExtra {
                name: Some(wish.name.clone()),
                token: bound.token.clone(),
                metadata: wish.metadata.clone(),
                description: wish.description.clone(),
                bindings: Presence::Value(wish.bindings.clone()),
                pooling_enabled: Some(wish.pooling),
                ..BindExtra::default()
            },
        }
    }

    /// The server accepted. Returns what it was bound to before and now.
    pub(crate) fn accepted(&self, answer: BindResp) -> (Bound, Bound) {
        let mut bound = lock(&self.bound);
        let before = bound.clone();
        // An id once given stays: the server uses it in stream headers whatever its later answers say.
        let id = if before.id.is_empty() {
            answer.id
        } else {
            before.id.clone()
        };
        *bound = Bound {
            id,
            url: answer.url,
            tunnel: answer.extra.tunnel_id,
            token: answer.extra.token,
            proto: answer.proto,
            opts: answer.opts,
        };
        *lock(&self.refused) = Refused::default();
        let now = bound.clone();
        drop(bound);
        self.phase.send_replace(Phase::Online);
        (before, now)
    }

    /// The server refused a rebind: it is tried again, at longer and longer intervals.
    pub(crate) fn refused(&self, now: Instant, retryable: bool) -> Duration {
        let mut refused = lock(&self.refused);
        let first = if retryable {
            Duration::from_secs(1)
        } else {
            Duration::from_secs(10)
        };
        let wait = first.saturating_mul(1 << refused.times.min(6)).min(REFUSED_LONGEST);
        refused.times += 1;
        refused.next = Some(now + wait);
        wait
    }

    /// When it is due to be tried again after a refusal.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        lock(&self.refused).next
    }

    /// A new connection: everything is tried at once.
    pub(crate) fn forget_refusal(&self) {
        *lock(&self.refused) = Refused::default();
    }

    pub(crate) fn gone(&self, cause: Option<Error>) {
        self.phase.send_replace(Phase::Gone(cause));
    }

    /// Notes what a successful patch changed, for later rebinds.
    pub(crate) fn patched(&self, change: impl FnOnce(&mut Wish)) {
        change(&mut lock(&self.wish));
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while one of these is held leaves a value that is whole: each is written in one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
