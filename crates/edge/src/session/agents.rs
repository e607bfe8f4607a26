//! What all agents' connections of a node share, and the clock that ends windows.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adit_cluster::{BoundPolicy, Directory, LocalClaims};
use adit_mux::{Budget, code};
use adit_names::code::{Class, ErrorCode};
use adit_names::id::Id;
use adit_observe::{
    AgentClient, BufferAction, BufferHolder, Listener, Observer, Refusal as Refused, RefusalKind, RefusalReason,
};
use adit_snapshot::{EdgeConfig, Policies};
use arc_swap::ArcSwap;

use super::clock::Now;
use super::commands;
use super::cookie::BadKey;
use super::outbox::Outboxes;
use super::policy;
use super::ports::TcpPorts;
use super::rate::LoginGate;
use super::refusal::Refusal;
use super::state::Sessions;

/// How often windows, idle streams and the configuration are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Knows when what was told to the observer is kept for sure.
pub trait Recorder: Send + Sync + std::fmt::Debug {
    /// Waits, not for long, until everything that was told so far is kept.
    fn recorded(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The agents' side of a node.
#[derive(Debug)]
pub struct Agents {
    /// What the node was told.
    pub config: Arc<ArcSwap<EdgeConfig>>,
    /// What is live.
    pub directory: Arc<Directory>,
    /// Bytes that sessions hold for others.
    pub budget: Arc<Budget>,
    sessions: Mutex<Sessions>,
    observer: Option<Observer>,
    recorder: Option<Arc<dyn Recorder>>,
    pub(super) logins: LoginGate,
    pub(super) outboxes: Outboxes,
    connections: AtomicUsize,
    policies: Mutex<Policies>,
}

/// A connection that is counted as long as this lives.
#[derive(Debug)]
pub(super) struct Counted(Arc<Agents>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Agents {
    /// No sessions yet.
    ///
    /// # Errors
    /// If the key of the cookies is not usable.
    pub fn new(
        config: Arc<ArcSwap<EdgeConfig>>,
        directory: Arc<Directory>,
        ports: Arc<dyn TcpPorts>,
        observer: Option<Observer>,
        recorder: Option<Arc<dyn Recorder>>,
    ) -> Result<Arc<Self>, BadKey> {
        let told = config.load();
        let sessions = Sessions::new(&told, directory.clone(), Arc::new(LocalClaims::default()), ports)?;
        let budget = Budget::new(told.limits.buffers);
        drop(told);
        Ok(Arc::new(Self {
            config,
            directory,
            budget,
            sessions: Mutex::new(sessions),
            observer,
            recorder,
            logins: LoginGate::default(),
            outboxes: Outboxes::default(),
            connections: AtomicUsize::new(0),
            policies: Mutex::default(),
        }))
    }

    /// Asks or changes the table of sessions; what happened is told to the observer, and to agents that listen.
    pub fn sessions<R>(&self, step: impl FnOnce(&mut Sessions) -> R) -> R {
        let (result, activity, notices) = {
            let mut sessions = self.lock();
            (step(&mut sessions), sessions.take_activity(), sessions.take_notices())
        };
        for (to, message) in notices {
            // Only Adit's own agent listens.
            self.outboxes.say(&to, message);
        }
        if let Some(observer) = &self.observer {
            activity.into_iter().for_each(|a| observer.activity(a));
        }
        result
    }

    /// Compiles the policy of an endpoint of this session, beside the workers: it may take some milliseconds.
    ///
    /// # Errors
    /// 9026; for an option from before traffic policies the code of its row.
    pub(super) async fn compile(
        self: &Arc<Self>,
        session: &str,
        brought: policy::Brought,
    ) -> Result<Option<BoundPolicy>, Refusal> {
        let organization = self.directory.session(session).map(|s| s.facts.organization.clone());
        let agents = self.clone();
        let compile = move || {
            let config = agents.config.load_full();
            let organization = organization.unwrap_or_default();
            policy::compile(&agents.policies, &config, &organization, &brought)
        };
        let compiled = tokio::task::spawn_blocking(compile).await;
        compiled.unwrap_or_else(|_| Err(Refusal::new(ErrorCode::NGROK_802, &[("request", "the policy")])))
    }

    /// Waits until what was told to the observer is kept: an answer to an agent comes after its record.
    pub(super) async fn recorded(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.recorded().await;
        }
    }

    /// Connections of agents, those that have not logged in too.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    pub(super) fn count_connection(self: &Arc<Self>) -> Counted {
        self.connections.fetch_add(1, Ordering::AcqRel);
        Counted(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        // A panic in one login leaves the table as it was between two of its steps: others go on.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a refusal and tells it.
    pub(super) fn refused(&self, kind: RefusalKind, refusal: &Refusal, ip: IpAddr, user_agent: &str) {
        tracing::debug!(code = refusal.code().as_str(), peer = %ip, "refused: {}", refusal.text());
        let Some(observer) = &self.observer else {
            return;
        };
        observer.refusal(&Refused {
            error_code: refusal.code().as_str(),
            client: AgentClient::of(user_agent),
            detail: refusal.text(),
            ..Refused::new(kind, reason_of(refusal.code()), Listener::Https, ip)
        });
        if let Some((organization, restriction)) = refusal.restriction() {
            self.restricted(RefusalKind::IpRestriction, organization, restriction, ip);
        }
    }

    /// Tells an organisation that its restriction of agents' addresses kept one out, or would have.
    pub(super) fn restricted(&self, kind: RefusalKind, organization: &str, restriction: Id, ip: IpAddr) {
        let Some(observer) = &self.observer else {
            return;
        };
        observer.refusal(&Refused {
            error_code: ErrorCode::NGROK_115.as_str(),
            rule: &restriction.to_string(),
            organization,
            ..Refused::new(kind, RefusalReason::IpRule, Listener::Https, ip)
        });
    }

    /// Ends what the present configuration no longer allows; within a second this happens by itself.
    pub fn enforce(&self) {
        let config = self.config.load_full();
        for ended in self.sessions(|s| s.enforce(&config, Now::real())) {
            commands::say_ended(ended);
        }
    }
}

/// Ends windows, sweeps idle streams and enforces changes of the configuration. To be spawned once.
pub async fn run_clock(agents: Arc<Agents>) {
    let mut every = tokio::time::interval(TICK);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut enforced = agents.config.load_full();
    let mut told = Told::default();
    loop {
        every.tick().await;
        if let Some(observer) = &agents.observer {
            told.buffers(&agents.budget, observer);
        }
        for url in agents.sessions(|s| s.tick(Now::real())) {
            tracing::debug!(%url, "endpoint given up: its agent did not return");
        }
        for connection in agents.sessions(|s| s.look_for_hung(Now::real())) {
            connection.close(code::NONE, "the agent takes no streams");
        }
        agents.directory.sweep_idle(Now::real().at);
        let config = agents.config.load_full();
        let expired = agents.sessions(|s| s.has_expired(Now::real().wall));
        if expired || !Arc::ptr_eq(&config, &enforced) {
            enforced = config;
            agents.enforce();
        }
    }
}

/// What the metrics know of the budget.
#[derive(Default)]
struct Told {
    sessions: i64,
    visitors: i64,
    shed: u64,
}

impl Told {
    /// Tells what has changed.
    fn buffers(&mut self, budget: &Budget, observer: &Observer) {
        let number = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
        // Not in the budget: no stream that is reset gives them back while its visitor reads nothing.
        let visitors = adit_tls::kept_bytes();
        let sessions = number(budget.used());
        let (visitors, shed) = (number(visitors), budget.shed());
        let metrics = observer.control();
        metrics.buffers(BufferHolder::Sessions, sessions - self.sessions);
        metrics.buffers(BufferHolder::Visitors, visitors - self.visitors);
        metrics.buffers_shed(BufferAction::Reset, shed - self.shed);
        *self = Self {
            sessions,
            visitors,
            shed,
        };
    }
}

/// The label of a refusal.
fn reason_of(code: ErrorCode) -> RefusalReason {
    match code {
        ErrorCode::NGROK_4018 | ErrorCode::NGROK_105 | ErrorCode::NGROK_106 | ErrorCode::NGROK_107 => {
            RefusalReason::Authtoken
        }
        ErrorCode::NGROK_300 => RefusalReason::Revoked,
        ErrorCode::NGROK_128 => RefusalReason::LoginRate,
        ErrorCode::NGROK_811 | ErrorCode::NGROK_121 | ErrorCode::NGROK_124 => RefusalReason::Client,
        ErrorCode::ADIT_1106 => RefusalReason::Revoked,
        ErrorCode::NGROK_115 | ErrorCode::NGROK_116 | ErrorCode::NGROK_126 | ErrorCode::NGROK_127 => {
            RefusalReason::IpRule
        }
        ErrorCode::NGROK_118 | ErrorCode::NGROK_122 => RefusalReason::Ingress,
        ErrorCode::ADIT_1103 => RefusalReason::Resume,
        ErrorCode::NGROK_308 | ErrorCode::NGROK_316 | ErrorCode::NGROK_356 | ErrorCode::NGROK_399 => RefusalReason::Acl,
        ErrorCode::NGROK_334 | ErrorCode::NGROK_320 => RefusalReason::Claimed,
        ErrorCode::ADIT_1201 | ErrorCode::NGROK_307 | ErrorCode::NGROK_309 => RefusalReason::Port,
        ErrorCode::NGROK_9026 | ErrorCode::NGROK_9025 => RefusalReason::Policy,
        ErrorCode::NGROK_803 => RefusalReason::Draining,
        ErrorCode::ADIT_1101 | ErrorCode::ADIT_1102 | ErrorCode::NGROK_800 | ErrorCode::NGROK_812 => {
            RefusalReason::Protocol
        }
        other => match other.class() {
            Class::Name => RefusalReason::Url,
            Class::Limit => RefusalReason::Limit,
            Class::Invalid => RefusalReason::Protocol,
            Class::Internal => RefusalReason::Internal,
            _ => RefusalReason::Other,
        },
    }
}
