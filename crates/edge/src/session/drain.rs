//! Ending all sessions in order (agent protocol 5.6).
//!
//! A GOAWAY would cut what runs on the connections of stock agents, so a connection is closed at the first
//! moment without an open stream, in waves so that not all agents return at once. Near the deadline nothing new
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
/// How long before the deadline new exchanges wait instead of being sent.
const QUIET: Duration = Duration::from_secs(2);
/// Connections that are closed in a second: a twentieth of all, between these.
const WAVE: std::ops::RangeInclusive<usize> = 20..=200;
/// How long connections have to say farewell after the deadline.
const FAREWELL: Duration = Duration::from_secs(2);

/// Drains: returns when every connection of an agent has ended, soon after `deadline` at the latest.
pub async fn drain(agents: Arc<Agents>, deadline: Duration) {
    let leaving = agents.sessions(|s| s.drain());
    let mut open: Vec<(Connection, Leg)> = leaving.into_iter().flat_map(|l| l.legs).collect();
    let notice = ControlMessage::Drain {
        deadline_ms: u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
        addresses: Vec::new(),
        reason: "the server is going away".to_owned(),
    };
    for (of, _) in &open {
        agents.outboxes.say(of, notice.clone());
    }
    let began = Instant::now();
    let per_look = (open.len() / 20).clamp(*WAVE.start(), *WAVE.end()) / 20;
    let mut quiet = false;
    let mut look = tokio::time::interval(LOOK);
    while !open.is_empty() && began.elapsed() < deadline {
        look.tick().await;
        if !quiet && began.elapsed() + QUIET >= deadline {
            quiet = true;
            agents.sessions(|s| s.refuse_new());
        }
        let mut closed = 0;
        open.retain(|(of, leg)| {
            if leg.mux.is_closed() {
                return false;
            }
            if closed < per_look.max(1) && is_idle(&agents, of, leg) {
                closed += 1;
                // Ends without GOAWAY; the connection's task closes TLS and TCP in order.
                leg.mux.abort();
                return false;
            }
            true
        });
    }
    for (_, leg) in &open {
        leg.mux.close(code::NONE, "server going away");
    }
    let farewell = Instant::now();
    while agents.connections() > 0 && farewell.elapsed() < FAREWELL {
        look.tick().await;
    }
}

/// Whether nothing runs on a connection but heartbeats and Adit's own control stream.
///
/// Every agent beats on a stream of its own; ours exists once it has a round trip to tell.
fn is_idle(agents: &Agents, of: &Connection, leg: &Leg) -> bool {
    let beats = 1 + usize::from(leg.mux.rtt().is_some());
    let control = usize::from(agents.outboxes.has(of));
    leg.mux.open_streams() <= beats + control
}
