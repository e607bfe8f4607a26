//! Ending all sessions in order (agent protocol 5.6).
//!
//! A GOAWAY would cut what runs on the connections of stock agents, so a connection is closed at the first
//! moment without an open stream, in waves so that not all agents return at once, and none before the visitors
//! that are connected have been served: there may be nobody else who could. Near the deadline nothing new
//! is sent any more, which makes that moment; what still runs at the deadline is cut.

use std::sync::Arc;
use std::time::Duration;

use adit_cluster::Leg;
use adit_mux::code;
use adit_protocol::control::ControlMessage;
use tokio::time::Instant;

use super::agents::Agents;
use super::state::Connection;

/// How often connections are looked at.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS_PER_SECOND: u32 = 20;
/// How long agents that were told have to move before their connection is closed.
const NOTICE: Duration = Duration::from_secs(2);
/// How long before the deadline new exchanges wait instead of being sent.
const QUIET: Duration = Duration::from_secs(2);
/// Connections that are closed in a second: a twentieth of all, between these.
const WAVE: std::ops::RangeInclusive<usize> = 20..=200;
/// How long connections have to say farewell after the deadline.
const FAREWELL: Duration = Duration::from_secs(2);

/// Drains: returns when every connection of an agent has ended, soon after `deadline` at the latest. `served` says
/// whether the visitors have been served and no more of them come.
pub async fn drain(agents: Arc<Agents>, deadline: Duration, mut served: impl FnMut() -> bool) {
    let leaving = agents.sessions(|s| s.drain());
    let mut open: Vec<(Connection, Leg)> = leaving.into_iter().flat_map(|l| l.legs).collect();
    let notice = ControlMessage::Drain {
        deadline_ms: u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
        addresses: Vec::new(),
        reason: "the server is going away".to_owned(),
    };
    let told: foldhash::HashSet<Connection> = open
        .iter()
        .filter(|(of, _)| agents.outboxes.say(of, notice.clone()))
        .map(|(of, _)| of.clone())
        .collect();
    let began = Instant::now();
    let per_look = (open.len() / 20).clamp(*WAVE.start(), *WAVE.end()) / LOOKS_PER_SECOND as usize;
    let (mut quiet, mut looks) = (false, 0_u32);
    let mut look = tokio::time::interval(LOOK);
    while !open.is_empty() && began.elapsed() < deadline {
        look.tick().await;
        looks = looks.wrapping_add(1);
        if looks.is_multiple_of(LOOKS_PER_SECOND) {
            agents.sessions(|s| s.drop_idle_streams());
        }
        if !quiet && began.elapsed() + QUIET >= deadline {
            quiet = true;
            agents.sessions(|s| s.refuse_new());
        }
        let served = served() || quiet;
        let mut closed = 0;
        open.retain(|(of, leg)| {
            if leg.mux.is_closed() {
                return false;
            }
            let moves = began.elapsed() < NOTICE && told.contains(of);
            if served && closed < per_look.max(1) && !moves && is_idle(&agents, of, leg) {
                closed += 1;
                // Ends without GOAWAY; the connection's task closes TLS and TCP in order.
                leg.mux.abort();
                return false;
            }
            true
        });
    }
    // Those who came back meanwhile as well.
    for session in agents.sessions(|s| s.sessions()) {
        for leg in session.legs {
            leg.mux.close(code::NONE, "server going away");
        }
    }
    let farewell = Instant::now();
    while agents.connections() > 0 && farewell.elapsed() < FAREWELL {
        look.tick().await;
    }
}

/// Whether nothing runs on a connection but heartbeats and Adit's own control stream.
fn is_idle(agents: &Agents, of: &Connection, leg: &Leg) -> bool {
    leg.mux.working_streams() <= usize::from(agents.outboxes.has(of))
}
