//! Leaving: draining, credentials that were revoked, endpoints and sessions that are ended from here.

use std::sync::Arc;
use std::time::SystemTime;

use adit_cluster::{Draining, Leg, Member, RemoteCommands};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::Address;
use adit_observe::{EndpointReason, StopCode};
use adit_protocol::message::StopTunnel;
use adit_snapshot::EdgeConfig;

use super::{Connection, Sessions};
use crate::session::address;
use crate::session::admission::{self, Door};
use crate::session::clock::Now;
use crate::session::refusal::Refusal;

/// A session that is asked to leave.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// Its connections.
    pub legs: Vec<(Connection, Leg)>,
}

/// What has to be said to an agent after something of it was ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Where to say it: the lowest leg.
    pub leg: Option<adit_mux::Session>,
    /// What to say.
    pub stops: Vec<StopTunnel>,
    /// Connections to be closed afterwards, with this text.
    pub close: Vec<adit_mux::Session>,
    /// Text of the close.
    pub text: String,
}

impl Sessions {
    /// The node drains: members are used only where nothing else serves their name, and lost sessions are kept
    /// longer. Returns who is to be moved.
    pub fn drain(&mut self) -> Vec<Leaving> {
        self.draining = true;
        self.set_draining(None, Draining::Avoid);
        self.live
            .iter()
            .map(|(session, live)| Leaving {
                legs: live
                    .legs
                    .iter()
                    .map(|(number, l)| {
                        let of = Connection {
                            session: session.clone(),
                            leg: *number,
                            id: l.connection,
                        };
                        (of, l.leg.clone())
                    })
                    .collect(),
            })
            .collect()
    }

    /// Ends the idle streams of all endpoints, which would keep connections from becoming empty.
    pub fn drop_idle_streams(&self) {
        for endpoint in self.live.values().flat_map(|s| s.endpoints.values()) {
            endpoint.member.idle().clear();
        }
    }

    /// From now on nothing new is sent to any session: visitors wait for their return.
    pub fn refuse_new(&mut self) {
        self.set_draining(None, Draining::Closed);
    }

    /// An agent says that it is about to stop.
    pub fn leave(&mut self, of: &Connection) {
        if self.current(of).is_some() {
            self.set_draining(Some(&of.session), Draining::Avoid);
        }
    }

    /// An agent has moved: no new streams on this connection, if there is another.
    pub fn drained(&mut self, of: &Connection) {
        let Some(live) = self.current(of) else { return };
        for endpoint in live.endpoints.values() {
            if endpoint.member.legs().iter().any(|l| l.number != of.leg) {
                endpoint.member.remove_leg(of.leg);
                endpoint.pool.changed();
            }
        }
    }

    fn set_draining(&self, session: Option<&Arc<str>>, draining: Draining) {
        for (id, live) in &self.live {
            if session.is_some_and(|s| s != id) {
                continue;
            }
            for endpoint in live.endpoints.values() {
                endpoint.member.set_draining(draining);
                endpoint.member.idle().clear();
                endpoint.pool.changed();
            }
        }
    }

    /// An agent says whether the upstream of an endpoint serves.
    pub fn health(&mut self, of: &Connection, bind: &str, reason: EndpointReason, detail: &str) {
        let Some(live) = self.current(of) else { return };
        let Some(endpoint) = live.endpoints.get(bind).filter(|e| e.member.is_connected()) else {
            return;
        };
        let failure = (reason != EndpointReason::Ok).then(|| (reason, detail.to_owned()));
        if endpoint.member.health().said(failure) {
            self.tell_endpoint(&of.session, bind);
        }
    }

    /// The status of an endpoint changed by what its exchanges came to.
    pub fn observed(&mut self, member: &Member) {
        if let Some((session, bind)) = self.endpoints.get(&member.endpoint_id).cloned() {
            self.tell_endpoint(&session, &bind);
        }
    }

    /// What an agent said about commands from afar, and its lowest connection.
    pub fn remote(&self, session: &str) -> Option<(RemoteCommands, Option<adit_mux::Session>)> {
        let live = self.live.get(session)?;
        Some((live.facts.remote.clone(), live.lowest()))
    }

    /// Ends one endpoint, by its id for the API. The agent drops it without an `Unbind` of its own.
    pub fn stop_endpoint(&mut self, endpoint: &str, code: ErrorCode, message: &str) -> Option<Ended> {
        let (session, bind) = self.endpoints.get(endpoint).cloned()?;
        let ended = Ended {
            leg: self.live.get(&session)?.lowest(),
            stops: vec![stop_tunnel(&bind, code, message)],
            close: Vec::new(),
            text: String::new(),
        };
        self.end_endpoint(&session, &bind, EndpointReason::DisabledByAdmin);
        Some(ended)
    }

    /// Ends a session: nothing of it is kept, its cookie begins it anew.
    pub fn stop_session(&mut self, session: &str, code: ErrorCode, message: &str, wall: SystemTime) -> Option<Ended> {
        let (session, live) = self.live.get_key_value(session)?;
        let session = session.clone();
        let ended = Ended {
            leg: live.lowest(),
            stops: live
                .endpoints
                .keys()
                .map(|bind| stop_tunnel(bind, code, message))
                .collect(),
            close: live.legs.values().map(|l| l.leg.mux.clone()).collect(),
            text: format!("{message} {code}"),
        };
        self.end_session(
            &session,
            StopCode::Command,
            message,
            EndpointReason::DisabledByAdmin,
            wall,
        );
        Some(ended)
    }

    /// Brings what is live in line with a configuration: sessions that may not log in any more end, and so do
    /// endpoints that their credential or this server no longer allows.
    pub fn enforce(&mut self, config: &EdgeConfig, now: Now) -> Vec<Ended> {
        let mut ended = Vec::new();
        let sessions: Vec<Arc<str>> = self.live.keys().cloned().collect();
        self.expiry = None;
        for session in sessions {
            let Some(live) = self.live.get_mut(&session) else {
                continue;
            };
            let door = Door {
                ingress: &live.told.ingress_hostname,
                ip: live.facts.addr.ip(),
            };
            let found = config
                .credential(&live.credential.hash)
                .filter(|c| c.id == live.facts.credential);
            let allowed = match found {
                Some(credential) => admission::check(config, &credential, door, now.wall).map(|()| credential),
                None => Err(Refusal::new(
                    ErrorCode::NGROK_300,
                    &[("credential", &live.facts.credential)],
                )),
            };
            match allowed {
                Ok(credential) => {
                    live.credential = credential;
                    self.expect_expiry(&session);
                    ended.extend(self.enforce_endpoints(&session, config));
                }
                Err(refusal) => ended.extend(self.end_refused(&session, &refusal, now.wall)),
            }
        }
        ended
    }

    /// Whether a credential of a session may have expired.
    pub fn has_expired(&self, wall: SystemTime) -> bool {
        self.expiry.is_some_and(|at| at <= wall)
    }

    /// Remembers when the credential of a session expires.
    pub(super) fn expect_expiry(&mut self, session: &Arc<str>) {
        let of = self.live.get(session).and_then(|live| live.credential.expires);
        self.expiry = self.expiry.into_iter().chain(of).min();
    }

    /// Ends a session that would be refused now.
    fn end_refused(&mut self, session: &Arc<str>, refusal: &Refusal, wall: SystemTime) -> Option<Ended> {
        let live = self.live.get(session)?;
        let (code, stop_code, reason) = match refusal.code() {
            ErrorCode::NGROK_300 => (
                ErrorCode::ADIT_1212,
                StopCode::Revoked,
                EndpointReason::CredentialRevoked,
            ),
            ErrorCode::NGROK_115 | ErrorCode::NGROK_116 | ErrorCode::NGROK_126 => {
                (refusal.code(), StopCode::IpRule, EndpointReason::IpRule)
            }
            ErrorCode::NGROK_118 | ErrorCode::NGROK_122 => {
                (refusal.code(), StopCode::IngressClosed, EndpointReason::DisabledByAdmin)
            }
            code => (code, StopCode::Revoked, EndpointReason::DisabledByAdmin),
        };
        let text = if code == refusal.code() {
            refusal.text()
        } else {
            code.what()
        };
        let ended = Ended {
            leg: live.lowest(),
            stops: live
                .endpoints
                .keys()
                .map(|bind| stop_tunnel(bind, code, text))
                .collect(),
            close: live.legs.values().map(|l| l.leg.mux.clone()).collect(),
            text: format!("{} {}", refusal.text(), refusal.code()),
        };
        self.end_session(session, stop_code, refusal.text(), reason, wall);
        Some(ended)
    }

    /// Ends the endpoints of a session that would be refused now.
    fn enforce_endpoints(&mut self, session: &Arc<str>, config: &EdgeConfig) -> Option<Ended> {
        let live = self.live.get(session)?;
        let rules = address::url_rules(config).ok()?;
        let refused: Vec<(String, Refusal)> = live
            .endpoints
            .iter()
            .filter_map(|(bind, endpoint)| {
                let asked = Address::Url(endpoint.url.clone());
                let credential = &live.credential;
                address::check_owned(&endpoint.url, &credential.organization, config, &rules)
                    .and_then(|()| address::check_acl(&credential.binds, &credential.id, &asked, &endpoint.url))
                    .err()
                    .map(|refusal| (bind.clone(), refusal))
            })
            .collect();
        if refused.is_empty() {
            return None;
        }
        let ended = Ended {
            leg: live.lowest(),
            stops: refused
                .iter()
                .map(|(bind, r)| stop_tunnel(bind, r.code(), r.text()))
                .collect(),
            close: Vec::new(),
            text: String::new(),
        };
        for (bind, _) in &refused {
            self.end_endpoint(session, bind, EndpointReason::DisabledByAdmin);
        }
        Some(ended)
    }
}

fn stop_tunnel(bind: &str, code: ErrorCode, message: &str) -> StopTunnel {
    StopTunnel {
        id: bind.to_owned(),
        message: message.to_owned(),
        error_code: code.as_str().to_owned(),
    }
}
