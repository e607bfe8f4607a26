//! Login: who is it, does it continue a session that we know, and which leg of it is this.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_cluster::{Leg, RemoteCommands, SessionFacts, StreamFailures};
use adit_names::code::ErrorCode;
use adit_names::id::Prefix;
use adit_names::version::VERSION;
use adit_observe::{Activity, AgentClient, AgentSession, EndpointReason, SessionChange};
use adit_protocol::capability::Grant;
use adit_protocol::client_family::ClientFamily;
use adit_protocol::message::{Auth, AuthExtra, AuthResp, AuthRespExtra, ConnectAddress};
use adit_snapshot::{Credential, EdgeConfig};

use super::{Connection, LegState, Live, Sessions, new_id, window_end};
use crate::session::admission::{self, Door};
use crate::session::capabilities;
use crate::session::clock::Now;
use crate::session::cookie::{SessionCookie, unix_seconds};
use crate::session::refusal::Refusal;

/// Longest metadata of a session or endpoint in bytes.
pub(crate) const MAX_METADATA: usize = 4_096;
const MAX_USER_AGENT: usize = 1_024;
/// Longest other text of a login that is kept.
const MAX_SHOWN: usize = 256;
const MIN_HEARTBEAT: Duration = Duration::from_secs(1);
const MAX_HEARTBEAT: Duration = Duration::from_secs(3_600);
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(10);

/// The connection that wants to log in.
#[derive(Clone, Debug)]
pub struct LegFacts {
    /// Where it came from.
    pub addr: SocketAddr,
    /// The connect name that it asked for.
    pub ingress: String,
    /// Index of the data worker that drives it.
    pub worker: usize,
    /// Round trip to it, about: what its handshake took.
    pub round_trip: Duration,
    /// The connection.
    pub mux: adit_mux::Session,
    /// Why streams on it failed.
    pub failures: Arc<StreamFailures>,
}

/// A login that succeeded.
#[derive(Debug)]
pub struct Accepted {
    /// The answer.
    pub response: AuthResp,
    /// Stands for the connection in all that follows.
    pub connection: Connection,
    /// What is known of the session.
    pub facts: Arc<SessionFacts>,
    /// The connection that had this leg number; to be closed after the answer was sent.
    pub replaced: Option<adit_mux::Session>,
}

/// A session that the agent continues.
struct Known {
    session: Arc<str>,
    epoch: u64,
    first_seen: u64,
}

impl Sessions {
    /// Takes a login.
    ///
    /// # Errors
    /// The codes of agent protocol 7.2; the table is unchanged then.
    pub fn login(&mut self, config: &EdgeConfig, auth: &Auth, leg: LegFacts, now: Now) -> Result<Accepted, Refusal> {
        let extra = &auth.extra;
        let version = auth
            .common_version()
            .ok_or_else(|| Refusal::new(ErrorCode::NGROK_811, &[("asked", &auth.version.join(", "))]))?;
        let door = Door {
            ingress: &leg.ingress,
            ip: leg.addr.ip(),
        };
        let credential = admission::admit(config, extra.token(), door, now.wall)?;
        admission::check_version(config, &credential, &leg.ingress, &extra.client_type, &extra.version)?;
        let heartbeat = check_fields(extra)?;
        let number = extra.leg_number.unwrap_or(0);
        if number >= config.max_legs {
            let (leg, max) = (number.to_string(), config.max_legs.to_string());
            return Err(Refusal::new(ErrorCode::NGROK_9024, &[("leg", &leg), ("max", &max)]));
        }
        let known = self.recognise(&credential, auth, now);
        if number > 0 && known.is_none() {
            return Err(Refusal::new(ErrorCode::ADIT_1103, &[("leg", &number.to_string())]));
        }
        let is_new = known.is_none();
        if known.as_ref().is_none_or(|known| !self.is_connected(&known.session)) {
            self.check_places(config, &credential)?;
        }
        let known = known.unwrap_or_else(|| Known {
            session: new_id(Prefix::Session, now.wall).to_string().into(),
            epoch: 0,
            first_seen: unix_seconds(now.wall),
        });
        let session = known.session.clone();

        // A leg that joins others changes nothing for them; a session that comes back gets a new epoch.
        let joins = self
            .live
            .get(&session)
            .is_some_and(|s| s.legs.keys().any(|n| *n != number));
        let replaced = self.take_leg(config, &session, number, now);
        let facts = match self.live.get(&session) {
            Some(live) if joins => live.facts.clone(),
            _ => {
                let epoch = if is_new { 0 } else { known.epoch.saturating_add(1) };
                Arc::new(facts_of(auth, &credential, &leg, &known, epoch, heartbeat))
            }
        };
        if !joins {
            self.enter(&session, &facts, &credential, auth, &leg, known.first_seen);
            self.renew_windows(config, &session, now);
        }
        let connection = self.add_leg(&session, number, &leg);

        let addresses = leg_addresses(config, &leg.ingress);
        let cookie = self.sealer.seal_session(&SessionCookie {
            organization: facts.organization.clone(),
            credential: facts.credential.clone(),
            session: facts.id.clone(),
            epoch: facts.epoch,
            ingress: leg.ingress,
            first_seen: known.first_seen,
            issued: unix_seconds(now.wall),
        });
        let grant = extra
            .adit
            .as_ref()
            .map(|offer| capabilities::grant(offer, config, leg.round_trip));
        let response = response_of(version, config, &credential, &facts, cookie, addresses, grant);
        Ok(Accepted {
            response,
            connection,
            facts,
            replaced,
        })
    }

    fn is_connected(&self, session: &str) -> bool {
        self.live.get(session).is_some_and(|live| !live.legs.is_empty())
    }

    /// Whether one more agent may be connected. Sessions are counted only where there is a limit.
    ///
    /// # Errors
    /// 108, 348.
    fn check_places(&self, config: &EdgeConfig, credential: &Credential) -> Result<(), Refusal> {
        let organization = config.told.organization(&credential.organization);
        let connected = |of: &dyn Fn(&Live) -> bool| {
            let live = self.live.values().filter(|live| !live.legs.is_empty() && of(live));
            live.count() as u64
        };
        let limits = [
            (
                ErrorCode::NGROK_108,
                organization.and_then(|o| o.settings.max_sessions),
                &(|live: &Live| live.credential.organization == credential.organization) as &dyn Fn(&Live) -> bool,
            ),
            (ErrorCode::NGROK_348, credential.max_sessions, &|live: &Live| {
                live.credential.id == credential.id
            }),
        ];
        for (code, max, of) in limits {
            if let Some(max) = max
                && connected(of) >= max
            {
                return Err(Refusal::new(code, &[("max", &max.to_string())]));
            }
        }
        Ok(())
    }

    /// The session that this login continues: by a cookie of ours that fits the credential presented now, or
    /// because the same process of Adit's agent had it.
    fn recognise(&self, credential: &Credential, auth: &Auth, now: Now) -> Option<Known> {
        let by_cookie = self
            .sealer
            .open_session(&auth.extra.cookie, now.wall)
            .filter(|c| {
                c.session == auth.client_id
                    && c.organization == credential.organization
                    && c.credential == credential.id
            })
            .map(|c| (Arc::<str>::from(c.session), c.epoch, c.first_seen));
        let by_instance = || {
            let instance = auth
                .extra
                .adit
                .as_ref()
                .map(|a| a.instance.clone())
                .filter(|i| !i.is_empty())?;
            let session = self.instances.get(&(credential.id.clone(), instance))?;
            Some((session.clone(), 0, self.live.get(session)?.first_seen))
        };
        let (session, epoch, first_seen) = by_cookie.or_else(by_instance)?;
        // What this process knows is never older than what the cookie says.
        let epoch = self.live.get(&session).map_or(epoch, |s| s.facts.epoch.max(epoch));
        Some(Known {
            session,
            epoch,
            first_seen,
        })
    }

    /// Takes the connection out that has this leg number now.
    fn take_leg(
        &mut self,
        config: &EdgeConfig,
        session: &Arc<str>,
        number: u32,
        now: Now,
    ) -> Option<adit_mux::Session> {
        let old = self.live.get(session)?.legs.get(&number)?.leg.mux.clone();
        let until = window_end(config, self.draining, now);
        self.detach(session, number, until, EndpointReason::AgentLost);
        Some(old)
    }

    /// Writes the session into the tables, or what changed of it.
    fn enter(
        &mut self,
        session: &Arc<str>,
        facts: &Arc<SessionFacts>,
        credential: &Arc<Credential>,
        auth: &Auth,
        leg: &LegFacts,
        first_seen: u64,
    ) {
        let told = Arc::new(told_of(facts, leg));
        let instance = auth
            .extra
            .adit
            .as_ref()
            .map(|a| a.instance.clone())
            .filter(|i| !i.is_empty());
        if let Some(old) = self.live.get(session).and_then(|s| s.instance.clone()) {
            self.instances.remove(&(credential.id.clone(), old));
        }
        if let Some(instance) = &instance {
            self.instances
                .insert((credential.id.clone(), instance.clone()), session.clone());
        }
        if let Some(live) = self.live.get_mut(session) {
            live.facts = facts.clone();
            live.told = told;
            live.credential = credential.clone();
            live.instance = instance;
        } else {
            self.activity.push(Activity::SessionStarted(told.clone()));
            let live = Live {
                facts: facts.clone(),
                told,
                credential: credential.clone(),
                first_seen,
                instance,
                legs: Default::default(),
                endpoints: Default::default(),
                ended: Default::default(),
                until: None,
                is_new: true,
                is_hung: false,
                past: (0, 0),
            };
            self.live.insert(session.clone(), live);
        }
    }

    /// A session that is back gets the whole window again to bind its endpoints, for which visitors wait.
    fn renew_windows(&mut self, config: &EdgeConfig, session: &Arc<str>, now: Now) {
        let until = window_end(config, self.draining, now);
        let waiting: Vec<String> = self
            .live
            .get(session)
            .into_iter()
            .flat_map(|s| &s.endpoints)
            .filter(|(_, e)| e.until.is_some())
            .map(|(bind, _)| bind.clone())
            .collect();
        for bind in waiting {
            self.set_endpoint_window(session, &bind, Some(until));
        }
    }

    fn add_leg(&mut self, session: &Arc<str>, number: u32, leg: &LegFacts) -> Connection {
        self.next_connection += 1;
        let connection = Connection {
            session: session.clone(),
            leg: number,
            id: self.next_connection,
        };
        self.set_session_window(session, None);
        self.expect_expiry(session);
        if let Some(live) = self.live.get_mut(session) {
            let others = live.legs.len();
            let leg = Leg {
                number,
                worker: leg.worker,
                mux: leg.mux.clone(),
                failures: leg.failures.clone(),
            };
            live.legs.insert(
                number,
                LegState {
                    connection: connection.id,
                    leg,
                    hung: None,
                },
            );
            let legs = live.leg_count();
            if !std::mem::take(&mut live.is_new) {
                let change = if others > 0 {
                    SessionChange::LegAdded { legs }
                } else {
                    SessionChange::Resumed { legs }
                };
                self.activity.push(Activity::SessionUpdated(live.told.clone(), change));
            }
        }
        self.tell_presence(session);
        connection
    }
}

/// Checks the fields and returns the agent's own interval of heartbeats.
fn check_fields(extra: &AuthExtra) -> Result<Duration, Refusal> {
    let interval = duration(extra.heartbeat_interval, ErrorCode::NGROK_111)?;
    duration(extra.heartbeat_tolerance, ErrorCode::NGROK_112)?;
    if extra.metadata.len() > MAX_METADATA {
        return Err(Refusal::new(
            ErrorCode::NGROK_100,
            &[("size", &extra.metadata.len().to_string())],
        ));
    }
    let error = if extra.user_agent.len() > MAX_USER_AGENT {
        "it is longer than 1024 bytes"
    } else if extra.user_agent.chars().any(char::is_control) {
        "it has control characters"
    } else {
        return Ok(interval);
    };
    Err(Refusal::new(ErrorCode::NGROK_124, &[("error", error)]))
}

/// Nanoseconds of a heartbeat; none at all is the default.
fn duration(nanoseconds: i64, code: ErrorCode) -> Result<Duration, Refusal> {
    if nanoseconds == 0 {
        return Ok(DEFAULT_HEARTBEAT);
    }
    match u64::try_from(nanoseconds).map(Duration::from_nanos) {
        Ok(d) if d >= MIN_HEARTBEAT => Ok(d.min(MAX_HEARTBEAT)),
        Ok(d) => Err(Refusal::new(code, &[("value", &format!("{d:?}"))])),
        Err(_) => Err(Refusal::new(code, &[("value", &format!("{nanoseconds}ns"))])),
    }
}

fn facts_of(
    auth: &Auth,
    credential: &Credential,
    leg: &LegFacts,
    known: &Known,
    epoch: u64,
    heartbeat_interval: Duration,
) -> SessionFacts {
    let extra = &auth.extra;
    SessionFacts {
        id: known.session.to_string(),
        epoch,
        organization: credential.organization.clone(),
        credential: credential.id.clone(),
        family: ClientFamily::from_auth(auth),
        client_type: shown(&extra.client_type),
        agent_version: shown(&extra.version),
        user_agent: extra.user_agent.clone(),
        os: shown(&extra.os),
        arch: go_arch(&extra.arch),
        hostname: shown(&extra.hostname),
        metadata: extra.metadata.clone(),
        addr: leg.addr,
        started: std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(known.first_seen),
        heartbeat_interval,
        remote: RemoteCommands {
            stop: extra.stop_unsupported_error.as_deref().map(shown),
            restart: extra.restart_unsupported_error.as_deref().map(shown),
            update: extra.update_unsupported_error.as_deref().map(shown),
        },
        idle_streams: Arc::default(),
    }
}

fn told_of(facts: &SessionFacts, leg: &LegFacts) -> AgentSession {
    AgentSession {
        id: facts.id.clone(),
        organization_id: facts.organization.clone(),
        credential_id: facts.credential.clone(),
        agent_ip: Some(facts.addr.ip()),
        ingress_server_ip: None,
        ingress_hostname: leg.ingress.clone(),
        user_agent: facts.user_agent.clone(),
        metadata: facts.metadata.clone(),
        os: facts.os.clone(),
        arch: facts.arch.clone(),
        hostname: facts.hostname.clone(),
        agent_version: facts.agent_version.clone(),
        client_type: AgentClient::of(&facts.user_agent),
        started_at: facts.started,
    }
}

fn response_of(
    version: &str,
    config: &EdgeConfig,
    credential: &Credential,
    facts: &SessionFacts,
    cookie: String,
    addresses: Option<Vec<ConnectAddress>>,
    adit: Option<Grant>,
) -> AuthResp {
    AuthResp {
        version: version.to_owned(),
        client_id: facts.id.clone(),
        error: None,
        extra: AuthRespExtra {
            version: VERSION.to_owned(),
            region: config.region.clone(),
            cookie,
            account_name: config
                .told
                .organization(&credential.organization)
                .map(|o| o.name.to_string())
                .unwrap_or_default(),
            session_duration: 0,
            plan_name: "self-hosted".to_owned(),
            banner: String::new(),
            deprecation_warning: None,
            connect_addresses: addresses,
            agent_session_id: facts.id.clone(),
            adit,
        },
    }
}

/// Where an agent may keep further connections, if there is more than one place.
fn leg_addresses(config: &EdgeConfig, ingress: &str) -> Option<Vec<ConnectAddress>> {
    let all = config.leg_addresses(ingress)?.into_iter();
    let address = |server_addr: &str| ConnectAddress {
        region: config.region.clone(),
        server_addr: server_addr.to_owned(),
    };
    Some(all.map(address).collect())
}

/// A text for display: without control characters, bounded.
fn shown(text: &str) -> String {
    let mut out: String = text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect();
    out.shrink_to_fit();
    out
}

/// Architectures in the words of Go.
fn go_arch(arch: &str) -> String {
    match arch {
        "x86_64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        "x86" | "i686" | "i586" => "386".to_owned(),
        other => shown(other),
    }
}
