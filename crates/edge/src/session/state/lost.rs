//! Connections that end, the windows in which their agent may return, and what happens when they are over.

use std::sync::Arc;
use std::time::SystemTime;

use adit_names::endpoint_url::EndpointUrl;
use adit_observe::{Activity, EndpointReason, SessionChange, SessionOutcome, StopCode};
use adit_snapshot::EdgeConfig;

use super::{Connection, Sessions, window_end};
use crate::session::clock::Now;

/// Why a connection ended, as events say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The agent or the network closed it.
    Closed,
    /// Nothing was heard for too long, or nothing could be written.
    Silent,
    /// This side ended it.
    ByServer,
    /// The agent said that it goes.
    Left,
}

impl Sessions {
    /// A connection ended. Endpoints that no other leg carries enter the resume window. A connection that was
    /// replaced by another of the same leg number changes nothing.
    pub fn leg_lost(&mut self, config: &EdgeConfig, of: &Connection, loss: Loss, now: Now) {
        if self.current(of).is_none() {
            return;
        }
        let reason = match loss {
            _ if self.draining => EndpointReason::AgentDraining,
            Loss::Left => EndpointReason::AgentClosed,
            Loss::Closed => EndpointReason::AgentLost,
            Loss::Silent | Loss::ByServer => EndpointReason::HeartbeatLate,
        };
        // Nobody waits for an agent that has said goodbye.
        let until = match loss {
            Loss::Left if !self.draining => now.at,
            _ => window_end(config, self.draining, now),
        };
        self.detach(&of.session, of.leg, until, reason);
        self.tell_presence(&of.session);
        let Some(live) = self.live.get(&of.session) else {
            return;
        };
        let legs = live.leg_count();
        self.activity.push(Activity::SessionUpdated(
            live.told.clone(),
            SessionChange::LegLost { legs },
        ));
        if legs == 0 {
            self.set_session_window(&of.session, Some(until));
        }
    }

    /// Takes a leg away from the session and its endpoints.
    pub(super) fn detach(&mut self, session: &Arc<str>, leg: u32, until: std::time::Instant, reason: EndpointReason) {
        let Some(live) = self.live.get_mut(session) else {
            return;
        };
        if let Some(leg) = live.legs.remove(&leg) {
            live.past = leg.bytes_after(live.past);
        }
        let mut offline = Vec::new();
        for (bind, endpoint) in &live.endpoints {
            if !endpoint.member.is_connected() {
                continue;
            }
            endpoint.member.remove_leg(leg);
            if !endpoint.member.is_connected() {
                endpoint.member.idle().clear();
                endpoint.member.health().set_offline(Some(reason));
                offline.push(bind.clone());
            }
        }
        for bind in offline {
            self.set_endpoint_window(session, &bind, Some(until));
            self.tell_endpoint(session, &bind);
        }
    }

    /// Ends all windows that are over; returns the URLs that were given up.
    pub fn tick(&mut self, now: Now) -> Vec<EndpointUrl> {
        let mut gone = Vec::new();
        while let Some((at, session, bind)) = self.deadlines.first().cloned()
            && at <= now.at
        {
            let ended = self.live.get(&session).into_iter().flat_map(|s| &s.endpoints);
            gone.extend(
                ended
                    .filter(|(id, _)| bind.as_ref().is_none_or(|b| b == *id))
                    .map(|(_, e)| e.url.clone()),
            );
            match bind {
                Some(bind) => self.end_endpoint(&session, &bind, EndpointReason::AgentLost),
                None => {
                    let code = StopCode::ClientClosed;
                    self.end_session(&session, code, "", EndpointReason::AgentLost, now.wall);
                }
            }
        }
        gone
    }

    /// Ends a session with all its endpoints.
    pub(super) fn end_session(
        &mut self,
        session: &Arc<str>,
        stop_code: StopCode,
        error: &str,
        reason: EndpointReason,
        wall: SystemTime,
    ) {
        self.set_session_window(session, None);
        let Some(live) = self.live.get(session) else {
            return;
        };
        let binds: Vec<String> = live.endpoints.keys().cloned().collect();
        let endpoints = live.endpoints.values().map(|e| e.member.endpoint_id.clone()).collect();
        for bind in &binds {
            self.end_endpoint(session, bind, reason);
        }
        let Some(live) = self.live.remove(session) else {
            return;
        };
        let (bytes_in, bytes_out) = live.bytes();
        self.tell_presence(session);
        if let Some(instance) = live.instance {
            let key = (live.facts.credential.clone(), instance);
            if self.instances.get(&key).is_some_and(|s| s == session) {
                self.instances.remove(&key);
            }
        }
        self.activity.push(Activity::SessionStopped(
            live.told,
            SessionOutcome {
                stopped_at: wall,
                stop_code,
                error: error.to_owned(),
                bytes_in,
                bytes_out,
                endpoints,
            },
        ));
    }
}
