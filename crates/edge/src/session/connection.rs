//! The streams of one connection: who may ask what at which time, and the answers.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adit_cluster::StreamFailures;
use adit_mux::{Growth, Stream, code};
use adit_names::code::ErrorCode;
use adit_observe::RefusalKind;
use adit_protocol::capability::Capability;
use adit_protocol::client_family::ClientFamily;
use adit_protocol::json::MAX_SIZE;
use adit_protocol::message::{
    Auth, AuthResp, Bind, BindResp, Message, PatchTunnelState, PatchTunnelStateResp, SrvInfoResp, StartTunnelWithLabel,
    StartTunnelWithLabelResp, Unbind, UnbindResp, error_answer,
};
use adit_protocol::typed_stream::StreamType;
use adit_snapshot::Restricts;
use bytes::Bytes;
use tokio::sync::Notify;

use super::admission::{self, Door};
use super::agents::Agents;
use super::clock::Now;
use super::control;
use super::policy;
use super::rate::BindGate;
use super::refusal::Refusal;
use super::request::{self, MAX_BEFORE_LOGIN, NoMessage};
use super::serve::ConnectFacts;
use super::state::{Accepted, Connection, LegFacts, Loss};
use crate::supervise;

/// How long an answered stream waits for the agent to finish it.
const ANSWERED_LINGER: Duration = Duration::from_secs(5);
/// Requests in work at once.
const MAX_REQUESTS: usize = 64;
/// The same before the login.
const MAX_REQUESTS_BEFORE_LOGIN: usize = 4;
/// Questions about the server before the login.
const MAX_SRV_INFO: u32 = 20;

/// How far a connection is.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// Nobody has logged in.
    Greeted,
    /// A login is being looked at.
    Entering,
    /// Logged in; with the streams that negotiation allows.
    Entered { connection: Connection, control: bool },
    /// The login was refused.
    Refused,
    /// The connection is over.
    Ended,
}

/// What the streams of a connection share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) agents: Arc<Agents>,
    facts: ConnectFacts,
    pub(super) mux: adit_mux::Session,
    failures: Arc<StreamFailures>,
    phase: Mutex<Phase>,
    in_work: AtomicUsize,
    srv_infos: AtomicU32,
    binds: BindGate,
    /// The phase has changed in a way that the connection's task waits for.
    pub(super) news: Notify,
}

impl Shared {
    pub(super) fn new(agents: Arc<Agents>, facts: ConnectFacts, mux: adit_mux::Session) -> Arc<Self> {
        Arc::new(Self {
            agents,
            facts,
            mux,
            failures: Arc::default(),
            phase: Mutex::new(Phase::Greeted),
            in_work: AtomicUsize::new(0),
            srv_infos: AtomicU32::new(0),
            binds: BindGate::default(),
            news: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn phase(&self) -> Phase {
        self.lock().clone()
    }

    fn set_phase(&self, phase: Phase) {
        *self.lock() = phase;
        self.news.notify_one();
    }

    /// The connection is over; returns how far it was.
    pub(super) fn end(&self) -> Phase {
        std::mem::replace(&mut *self.lock(), Phase::Ended)
    }

    /// From looked at to logged in; false if the connection ended meanwhile.
    fn enter(&self, entered: Phase) -> bool {
        let mut phase = self.lock();
        let still = matches!(*phase, Phase::Entering);
        if still {
            *phase = entered;
            self.news.notify_one();
        }
        still
    }

    /// Whether it has asked about the server.
    pub(super) fn has_asked(&self) -> bool {
        self.srv_infos.load(Ordering::Relaxed) > 0
    }

    fn connection(&self) -> Option<Connection> {
        match &*self.lock() {
            Phase::Entered { connection, .. } => Some(connection.clone()),
            Phase::Greeted | Phase::Entering | Phase::Refused | Phase::Ended => None,
        }
    }

    /// Handles a stream in a task of its own, so that a slow one delays no other.
    pub(super) fn take_stream(self: Arc<Self>, mut stream: Stream) {
        let entered = self.connection().is_some();
        let max = if entered {
            MAX_REQUESTS
        } else {
            MAX_REQUESTS_BEFORE_LOGIN
        };
        if self.in_work.fetch_add(1, Ordering::AcqRel) >= max {
            self.in_work.fetch_sub(1, Ordering::AcqRel);
            stream.reset(code::REFUSED);
            return;
        }
        supervise::spawn("agent request", async move {
            let work = InWork(self.clone());
            self.serve_stream(stream, work).await;
        });
    }

    async fn serve_stream(self: &Arc<Self>, mut stream: Stream, work: InWork) {
        let Ok((kind, first)) = request::read_type(&mut stream).await else {
            stream.reset(code::PROTOCOL);
            return;
        };
        if kind == StreamType::AditControl
            && let Phase::Entered {
                connection,
                control: true,
            } = self.phase()
        {
            drop(work);
            let (mux, failures) = (self.mux.clone(), self.failures.clone());
            // A task of its own: this one is as large as a login, and the control stream lasts as long as the session.
            let control = control::run(stream, first, connection, mux, failures, self.agents.clone());
            supervise::spawn("agent control", control);
            return;
        }
        let Some(answer) = self.answer_to(kind, &mut stream, &first).await else {
            stream.reset(code::PROTOCOL);
            return;
        };
        let refused = matches!(answer.then, Then::Linger);
        if request::answer(&mut stream, &answer.json).await.is_ok() {
            if let Then::Entered { replaced, window } = answer.then {
                if let Some(window) = window {
                    // Streams that are opened from now on are behind the answer on the wire.
                    self.mux.set_send_window(window);
                }
                if let Some(replaced) = replaced {
                    replaced.close(code::NONE, "replaced");
                }
            }
            drop(work);
            if refused {
                self.set_phase(Phase::Refused);
            }
            request::wait_for_end(&mut stream, ANSWERED_LINGER).await;
        } else if refused {
            self.set_phase(Phase::Refused);
        }
    }

    /// The answer to a request; `None` if none came.
    async fn answer_to(self: &Arc<Self>, kind: StreamType, stream: &mut Stream, first: &Bytes) -> Option<Answer> {
        if let StreamType::Unknown(number) = kind {
            return Some(self.unknown(number));
        }
        // Adit's control stream does not exist for who did not ask for it.
        if kind == StreamType::AditControl || !kind.opened_by_agent() {
            return Some(self.unknown(kind.number()));
        }
        let connection = self.connection();
        if connection.is_none() && !kind.before_login() {
            let refusal = Refusal::new(ErrorCode::ADIT_1101, &[("message", kind.name())]);
            self.agents
                .refused(RefusalKind::Protocol, &refusal, self.facts.addr.ip(), "");
            return Some(Answer::error(&refusal));
        }
        if kind == StreamType::Auth {
            return self.answer_to_auth(stream, first).await;
        }
        let max = if connection.is_some() {
            MAX_SIZE
        } else {
            MAX_BEFORE_LOGIN
        };
        let json = match request::read_json(stream, first, max).await {
            Ok(json) => json,
            Err(NoMessage::Gone) => return None,
            Err(NoMessage::Wrong(error)) => return Some(Answer::wrong(kind, &error)),
        };
        if kind == StreamType::SrvInfo {
            return Some(self.answer_to_srv_info(connection.is_some()));
        }
        let connection = connection?;
        Some(match kind {
            StreamType::Bind => self.answer_to_bind(&connection, &json).await,
            StreamType::Unbind => decoded(kind, &json, |unbind: Unbind| {
                let error = self
                    .agents
                    .sessions(|s| s.unbind(&connection, &unbind))
                    .err()
                    .map(|r| r.to_error());
                UnbindResp {
                    error,
                    ..UnbindResp::default()
                }
                .encode()
            }),
            StreamType::PatchTunnelState => match PatchTunnelState::decode(&json) {
                Ok(patch) => {
                    let refused = self.patch(&connection, &patch).await.err();
                    let error = refused.map(|r| r.to_error()).unwrap_or_default();
                    Answer::plain(PatchTunnelStateResp { error }.encode())
                }
                Err(error) => Answer::wrong(kind, &error),
            },
            StreamType::StartTunnelWithLabel => decoded(kind, &json, |start: StartTunnelWithLabel| {
                let error = self
                    .agents
                    .sessions(|s| s.start_labeled(&connection, &start))
                    .err()
                    .map(|r| r.to_error());
                StartTunnelWithLabelResp {
                    error,
                    ..StartTunnelWithLabelResp::default()
                }
                .encode()
            }),
            _ => return None,
        })
    }

    fn unknown(&self, number: u32) -> Answer {
        let refusal = Refusal::with_text(ErrorCode::NGROK_800, format!("Unknown stream type: {number}"));
        self.agents
            .refused(RefusalKind::Protocol, &refusal, self.facts.addr.ip(), "");
        Answer::error(&refusal)
    }

    fn answer_to_srv_info(&self, entered: bool) -> Answer {
        if !entered && self.srv_infos.fetch_add(1, Ordering::Relaxed) >= MAX_SRV_INFO {
            self.mux.close(code::CALM, "too many questions");
        }
        Answer::plain(
            SrvInfoResp {
                region: self.agents.config.load().region.clone(),
            }
            .encode(),
        )
    }

    async fn answer_to_auth(self: &Arc<Self>, stream: &mut Stream, first: &Bytes) -> Option<Answer> {
        let before = {
            let mut phase = self.lock();
            let before = phase.clone();
            if matches!(before, Phase::Greeted) {
                *phase = Phase::Entering;
            }
            before
        };
        match before {
            Phase::Greeted => {}
            Phase::Entering | Phase::Entered { .. } => {
                let refusal = Refusal::new(ErrorCode::ADIT_1102, &[]);
                return Some(Answer::plain(AuthResp::refused(refusal.to_error()).encode()));
            }
            Phase::Refused | Phase::Ended => return None,
        }
        let mut user_agent = String::new();
        let refusal = match self.log_in(stream, first, &mut user_agent).await {
            Ok(answer) => return Some(answer),
            Err(LoginEnd::Gone) => {
                self.set_phase(Phase::Refused);
                return None;
            }
            Err(LoginEnd::Wrong(error)) => {
                let code = error.code(StreamType::Auth);
                let max = MAX_BEFORE_LOGIN.to_string();
                Refusal::new(code, &[("error", &error.to_string()), ("max", &max)])
            }
            Err(LoginEnd::Refused(refusal)) => refusal,
        };
        self.agents
            .refused(RefusalKind::Login, &refusal, self.facts.addr.ip(), &user_agent);
        Some(Answer {
            json: AuthResp::refused(refusal.to_error()).encode(),
            then: Then::Linger,
        })
    }

    async fn log_in(
        self: &Arc<Self>,
        stream: &mut Stream,
        first: &Bytes,
        user_agent: &mut String,
    ) -> Result<Answer, LoginEnd> {
        let json = request::read_json(stream, first, MAX_BEFORE_LOGIN)
            .await
            .map_err(|e| match e {
                NoMessage::Gone => LoginEnd::Gone,
                NoMessage::Wrong(error) => LoginEnd::Wrong(error),
            })?;
        let auth = Auth::decode(&json).map_err(LoginEnd::Wrong)?;
        user_agent.clone_from(&auth.extra.user_agent);
        // Who has no credential is told so at once, and takes no place from those who have.
        let door = Door {
            ingress: &self.facts.ingress,
            ip: self.facts.addr.ip(),
        };
        let credential = admission::admit(&self.agents.config.load(), auth.extra.token(), door, Now::real().wall)
            .map_err(LoginEnd::Refused)?;
        let hold = self.agents.logins.hold(Now::real().at).ok_or_else(|| {
            LoginEnd::Refused(Refusal::with_text(
                ErrorCode::NGROK_128,
                "Too many agents are logging in right now; please try again.",
            ))
        })?;
        if !hold.is_zero() {
            tokio::time::sleep(hold).await;
        }
        if self.mux.is_closed() {
            return Err(LoginEnd::Gone);
        }
        let config = self.agents.config.load_full();
        let leg = LegFacts {
            addr: self.facts.addr,
            ingress: self.facts.ingress.clone(),
            worker: self.facts.worker,
            round_trip: self.facts.round_trip,
            mux: self.mux.clone(),
            failures: self.failures.clone(),
        };
        let accepted = self
            .agents
            .sessions(|s| s.login(&config, &auth, leg, Now::real()))
            .map_err(LoginEnd::Refused)?;
        let Accepted {
            response,
            connection,
            facts,
            replaced,
        } = accepted;
        let ip = self.facts.addr.ip();
        if let Restricts::Would(id) = config.told.restricts_agent(&credential.organization, ip) {
            self.agents
                .restricted(RefusalKind::IpRestrictionWarning, &credential.organization, id, ip);
        }
        self.agents.recorded().await;
        self.set_limits(facts.family, &response, config.max_stream_window, config.session_budget);
        let grant = response.extra.adit.as_ref();
        let control = grant.is_some_and(|g| g.caps.has(Capability::Control));
        let window = grant.filter(|g| g.caps.has(Capability::Window)).map(|g| g.window);
        if let Some(window) = window {
            // Ours is ready before the agent learns of it; toward the agent it counts from the answer on.
            self.mux.set_receive_window(window);
        }
        if !self.enter(Phase::Entered {
            connection: connection.clone(),
            control,
        }) {
            // The connection ended while its login was held: nobody else would ever take the leg out again.
            self.agents
                .sessions(|s| s.leg_lost(&config, &connection, Loss::Closed, Now::real()));
            return Err(LoginEnd::Gone);
        }
        Ok(Answer {
            json: response.encode(),
            then: Then::Entered { replaced, window },
        })
    }

    /// Limits toward this client (agent protocol 2.7).
    fn set_limits(&self, family: ClientFamily, response: &AuthResp, max_stream_window: u32, session_budget: u32) {
        let limits = family.limits(response.extra.adit.as_ref().map(|g| g.max_streams));
        let growth = if limits.grow {
            Growth::Grow {
                max_stream_window,
                session_budget: usize::try_from(session_budget).unwrap_or(usize::MAX),
            }
        } else {
            Growth::Exact
        };
        self.mux.set_limits(limits.max_outbound, limits.max_unaccepted, growth);
    }

    async fn answer_to_bind(self: &Arc<Self>, connection: &Connection, json: &[u8]) -> Answer {
        let bind = match Bind::decode(json) {
            Ok(bind) => bind,
            Err(error) => {
                return Answer::plain(BindResp::refused(error.answer_text(StreamType::Bind)).encode());
            }
        };
        let hold = self.binds.hold(Now::real().at);
        if !hold.is_zero() {
            tokio::time::sleep(hold).await;
        }
        match self.bind(connection, &bind).await {
            Ok(response) => {
                tracing::debug!(session = &*connection.session, url = response.url, "bound");
                self.agents.recorded().await;
                Answer::plain(response.encode())
            }
            Err(refusal) => {
                self.agents
                    .refused(RefusalKind::Bind, &refusal, self.facts.addr.ip(), "");
                Answer::plain(BindResp::refused(refusal.to_error()).encode())
            }
        }
    }
}

impl Shared {
    async fn bind(&self, connection: &Connection, bind: &Bind) -> Result<BindResp, Refusal> {
        let config = self.agents.config.load_full();
        let policy = match policy::of_bind(bind, &config)? {
            Some(brought) => self.agents.compile(&connection.session, brought).await?,
            None => None,
        };
        self.agents
            .sessions(|s| s.bind(&config, connection, bind, policy, Now::real()))
    }

    async fn patch(&self, connection: &Connection, patch: &PatchTunnelState) -> Result<(), Refusal> {
        let policy = match &patch.traffic_policy {
            Some(text) => {
                let brought = self
                    .agents
                    .sessions(|s| s.with_policy(connection, &patch.tunnel_id, text))?;
                Some(self.agents.compile(&connection.session, brought).await?)
            }
            None => None,
        };
        let config = self.agents.config.load_full();
        self.agents
            .sessions(|s| s.patch(&config, connection, patch, policy, Now::real()))
    }
}

/// A request in work.
struct InWork(Arc<Shared>);

impl Drop for InWork {
    fn drop(&mut self) {
        self.0.in_work.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Why a login did not succeed.
enum LoginEnd {
    Gone,
    Wrong(adit_protocol::Error),
    Refused(Refusal),
}

/// An answer, and what happens when it was sent.
struct Answer {
    json: Vec<u8>,
    then: Then,
}

enum Then {
    Nothing,
    /// The agent is in; it replaced a connection, or streams toward it begin with a larger window.
    Entered {
        replaced: Option<adit_mux::Session>,
        window: Option<u32>,
    },
    /// The client is expected to close.
    Linger,
}

impl Answer {
    fn plain(json: Vec<u8>) -> Self {
        Self {
            json,
            then: Then::Nothing,
        }
    }

    fn error(refusal: &Refusal) -> Self {
        Self::plain(error_answer(refusal.code(), refusal.text()))
    }

    fn wrong(kind: StreamType, error: &adit_protocol::Error) -> Self {
        let text = error.answer_text(kind);
        Self::plain(match kind {
            StreamType::Bind => BindResp::refused(text).encode(),
            _ => UnbindResp {
                error: Some(text),
                ..UnbindResp::default()
            }
            .encode(),
        })
    }
}

/// Decodes a message and lets `step` make the answer.
fn decoded<M: Message>(kind: StreamType, json: &[u8], step: impl FnOnce(M) -> Vec<u8>) -> Answer {
    match M::decode(json) {
        Ok(message) => Answer::plain(step(message)),
        Err(error) => Answer::wrong(kind, &error),
    }
}
