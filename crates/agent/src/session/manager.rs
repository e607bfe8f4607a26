//! The one task that runs a session's life: dial, log in, bind, stay, come back, leave.
//!
//! It does one thing at a time and looks at the table of endpoints for what is to be done: what is new is bound,
//! what is given up is unbound, what was refused is tried again when it is due.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::incoming::tell_stopped;
use super::leg::Leg;
use super::login::{Instance, Login, Resume};
use super::{Facts, Shared, leave, relocate};
use crate::endpoint::{Endpoint, lock};
use crate::error::Error;
use crate::event::{SessionEvent, Status};
use crate::reconnect::{Backoff, Random, Verdict};

/// How often the two clocks are compared.
const CLOCKS: Duration = Duration::from_secs(8);
/// The wall clock ran ahead of the monotonic one by this much: the machine slept (the monotonic clock of Linux
/// and macOS stands still meanwhile).
const SLEPT: Duration = Duration::from_secs(20);

pub(super) struct Manager {
    pub(super) shared: Arc<Shared>,
    pub(super) instance: Instance,
    pub(super) resume: Resume,
    backoff: Backoff,
    closing: watch::Receiver<bool>,
    /// Somebody waits for the first login.
    first: Option<oneshot::Sender<Result<(), Error>>>,
}

/// Why a connection is not served any more.
enum Ended {
    Closing,
    Lost(Error),
    /// The machine slept: what the connection was is history, and so is what was learned about waiting.
    Slept,
}

impl Manager {
    pub(super) fn new(shared: Arc<Shared>, first: oneshot::Sender<Result<(), Error>>) -> Self {
        let mut random = Random::new();
        let instance = Instance::new(&mut random);
        let closing = shared.closing.subscribe();
        Self {
            shared,
            instance,
            resume: Resume::default(),
            backoff: Backoff::new(random),
            closing,
            first: Some(first),
        }
    }

    /// Runs until the session is closed or given up. Then nothing of it is left.
    pub(super) async fn run(mut self) {
        let cause = self.live().await.err();
        let shared = &self.shared;
        *lock(&shared.leg) = None;
        for endpoint in shared.table.end() {
            endpoint.gone(cause.clone());
        }
        if let Some(first) = self.first.take() {
            let _ = first.send(Err(cause.clone().unwrap_or(Error::Closed)));
        }
        shared.events.tell(|| SessionEvent::Closed { cause: cause.clone() });
        shared.status.send_replace(Status::Closed(cause));
        shared.tasks.end();
    }

    async fn live(&mut self) -> Result<(), Error> {
        loop {
            // Boxed: these states are large, and an idle session is in neither.
            let Some(leg) = Box::pin(self.establish()).await? else {
                return Ok(());
            };
            match self.stay(leg).await {
                Ended::Closing => return Ok(()),
                Ended::Lost(cause) => {
                    if !self.pause(cause).await? {
                        return Ok(());
                    }
                }
                Ended::Slept => {
                    self.backoff.forget();
                    self.offline(Error::lost("this machine was asleep"), Duration::ZERO);
                }
            }
        }
    }

    /// Tries until there is a connection with every endpoint on it; `None` if the session is closed before.
    async fn establish(&mut self) -> Result<Option<Arc<Leg>>, Error> {
        loop {
            let attempt = self.backoff.attempt() + 1;
            self.shared.events.tell(|| SessionEvent::Connecting { attempt });
            let mut closing = self.closing.clone();
            let tried = tokio::select! {
                biased;
                () = asked(&mut closing) => return Ok(None),
                tried = self.attempt() => tried,
            };
            match tried {
                Ok(leg) => return Ok(Some(leg)),
                Err(cause) => {
                    if !self.pause(cause).await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn attempt(&mut self) -> Result<Arc<Leg>, Error> {
        let shared = Arc::clone(&self.shared);
        let mut last = Error::configuration(
            "no connect address is set",
            "set ADIT_CONNECT_URL, or connect_url in the program",
        );
        for address in &shared.options.addresses {
            match Leg::connect(&shared, address, &self.instance, &self.resume, 0).await {
                Ok((leg, login)) => return self.online(leg, login).await,
                Err(error) if error.retryable() => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Logged in: binds what there is, then says so.
    async fn online(&mut self, leg: Arc<Leg>, login: Login) -> Result<Arc<Leg>, Error> {
        let shared = Arc::clone(&self.shared);
        let resumed = !self.resume.client_id.is_empty() && self.resume.client_id == login.resume.client_id;
        self.learn(&login);
        for endpoint in shared.table.all() {
            endpoint.forget_refusal();
            if !endpoint.is_leaving() {
                self.bind(&leg, &endpoint).await?;
            }
        }
        self.backoff.online(Instant::now());
        *lock(&shared.leg) = Some(Arc::clone(&leg));
        shared.status.send_replace(Status::Online);
        shared.events.tell(|| SessionEvent::Online {
            id: login.resume.client_id.clone(),
            region: login.region.clone(),
            version: login.version.clone(),
            resumed,
            banner: login.banner.clone(),
        });
        if let Some(text) = login.deprecation {
            shared.events.tell(|| SessionEvent::Notice {
                level: "warning".to_owned(),
                code: String::new(),
                text,
                url: String::new(),
            });
        }
        if let Some(first) = self.first.take() {
            let _ = first.send(Ok(()));
        }
        Ok(leg)
    }

    pub(super) fn learn(&mut self, login: &Login) {
        self.resume = login.resume.clone();
        *lock(&self.shared.facts) = Facts {
            id: login.resume.client_id.clone(),
            region: login.region.clone(),
        };
    }

    /// Waits before the next attempt; false if the session is closed meanwhile.
    async fn pause(&mut self, cause: Error) -> Result<bool, Error> {
        let verdict = self.backoff.failed(Instant::now(), &cause);
        let Verdict::Retry(wait) = verdict else {
            return Err(cause);
        };
        self.offline(cause, wait);
        tokio::select! {
            biased;
            () = asked(&mut self.closing) => Ok(false),
            () = tokio::time::sleep(wait) => Ok(true),
        }
    }

    /// There is no connection now: says so.
    fn offline(&self, cause: Error, retry_in: Duration) {
        *lock(&self.shared.leg) = None;
        self.shared.status.send_if_modified(|status| {
            let next = if *status == Status::Connecting {
                Status::Connecting
            } else {
                Status::Reconnecting
            };
            std::mem::replace(status, next.clone()) != next
        });
        let attempt = self.backoff.attempt();
        self.shared.events.tell(|| SessionEvent::Lost {
            cause,
            retry_in,
            attempt,
        });
    }

    /// Serves a connection until it ends or the session is closed.
    async fn stay(&mut self, mut leg: Arc<Leg>) -> Ended {
        let shared = Arc::clone(&self.shared);
        let mut closing = self.closing.clone();
        let mut clocks = Clocks::now();
        loop {
            let tended = tokio::select! {
                biased;
                () = asked(&mut closing) => {
                    Box::pin(leave::leave(&shared, &leg)).await;
                    return Ended::Closing;
                }
                tended = Box::pin(self.tend(&leg)) => tended,
            };
            let due = match tended {
                Ok(due) => due,
                Err(cause) => return self.lost(&leg, cause).await,
            };
            if let Some(notice) = relocate::due(&shared, &leg) {
                let moved = tokio::select! {
                    biased;
                    () = asked(&mut closing) => continue,
                    moved = Box::pin(relocate::relocate(self, &leg, notice)) => moved,
                };
                match moved {
                    Ok(next) => leg = next,
                    Err(cause) => return Ended::Lost(cause),
                }
                continue;
            }
            let check = clocks.next();
            tokio::select! {
                biased;
                () = asked(&mut closing) => {}
                cause = leg.closed() => return Ended::Lost(cause),
                () = shared.wake.notified() => {}
                () = tokio::time::sleep_until(due.map_or(check, |due| due.min(check))) => {
                    if clocks.slept() {
                        leg.mux.abort();
                        return Ended::Slept;
                    }
                }
            }
        }
    }

    /// A request failed: either the connection is gone, or the server does not answer and it had better be.
    async fn lost(&self, leg: &Leg, cause: Error) -> Ended {
        if matches!(cause, Error::Lost { .. }) && leg.mux.is_closed() {
            return Ended::Lost(leg.closed().await);
        }
        leg.mux.close(adit_mux::code::CANCELLED, "no answer");
        Ended::Lost(cause)
    }

    /// Does what the table asks for; returns when something is due again.
    async fn tend(&self, leg: &Leg) -> Result<Option<Instant>, Error> {
        let mut due: Option<Instant> = None;
        for endpoint in self.shared.table.all() {
            if endpoint.is_leaving() {
                self.unbind(leg, &endpoint).await?;
            } else if endpoint.is_wanted() || endpoint.retry_at().is_some_and(|at| at <= Instant::now()) {
                self.bind(leg, &endpoint).await?;
            }
            if let Some(at) = endpoint.retry_at() {
                due = Some(due.map_or(at, |due| due.min(at)));
            }
        }
        Ok(due)
    }

    /// Binds an endpoint, for the first time or again. Only the loss of the connection is an error.
    pub(super) async fn bind(&self, leg: &Leg, endpoint: &Arc<Endpoint>) -> Result<(), Error> {
        let shared = &self.shared;
        let first = endpoint.is_wanted();
        match leg.bind(&endpoint.bind_request()).await? {
            Ok(answer) => {
                let (before, now) = endpoint.accepted(answer);
                if before.id != now.id {
                    shared.table.name(&now.id, endpoint);
                }
                shared.events.tell(|| SessionEvent::EndpointOnline {
                    name: endpoint.name(),
                    url: now.url.clone(),
                    upstream: endpoint.upstream(),
                    again: !first,
                });
            }
            Err(refusal) => {
                let retry_in = (!first).then(|| endpoint.refused(Instant::now(), refusal.retryable()));
                shared.events.tell(|| SessionEvent::EndpointRefused {
                    name: endpoint.name(),
                    code: refusal.code().map(str::to_owned),
                    message: refusal.to_string(),
                    retry_in,
                });
                if first {
                    shared.table.remove(endpoint);
                    endpoint.gone(Some(refusal));
                }
            }
        }
        Ok(())
    }

    async fn unbind(&self, leg: &Leg, endpoint: &Arc<Endpoint>) -> Result<(), Error> {
        let id = endpoint.bound().id;
        if !id.is_empty() {
            match leg.unbind(id).await {
                // What the server does not know is gone already.
                Ok(()) | Err(Error::Refused { .. }) => {}
                Err(cause) => return Err(cause),
            }
            tell_stopped(&self.shared, endpoint, None, String::new());
        }
        self.shared.table.remove(endpoint);
        endpoint.gone(None);
        Ok(())
    }
}

/// Resolves when the session is to be closed.
async fn asked(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// The wall clock and the monotonic clock, to tell a sleep of the machine.
struct Clocks {
    monotonic: Instant,
    wall: SystemTime,
}

impl Clocks {
    fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    fn next(&self) -> Instant {
        self.monotonic + CLOCKS
    }

    /// Compares with now, which is kept for the next comparison.
    fn slept(&mut self) -> bool {
        let now = Self::now();
        let ran = now.monotonic.duration_since(self.monotonic);
        let passed = now.wall.duration_since(self.wall).unwrap_or_default();
        *self = now;
        passed > ran + SLEPT
    }
}
