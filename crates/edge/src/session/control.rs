//! The control stream of Adit's own agent (agent protocol 9.2): probes, drain notices, causes of failures.
//!
//! The agent opens it on each connection after the login. When it ends, what it was for ends, and the session
//! goes on as any other. A probe rides on each heartbeat of the server, so that an idle session costs one write and
//! two wake-ups in ten seconds, with its probe as without.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_cluster::{StreamFailure, StreamFailures};
use adit_mux::{Stream, code};
use adit_observe::EndpointReason;
use adit_protocol::control::{ControlMessage, Health, MAX_PER_SECOND, Upstream};
use bytes::{Buf, Bytes, BytesMut};

use super::agents::Agents;
use super::clock::Now;
use super::state::Connection;

/// A connection whose probes are not answered for this long is closed (agent protocol 9.6).
const PROBE_LIFE: Duration = Duration::from_secs(25);

/// Runs the control stream until it ends.
pub(super) async fn run(
    mut stream: Stream,
    first: Bytes,
    of: Connection,
    mux: adit_mux::Session,
    failures: Arc<StreamFailures>,
    agents: Arc<Agents>,
) {
    let Some(outbox) = agents.outboxes.open(&of) else {
        // At most one a connection.
        stream.reset(code::REFUSED);
        return;
    };
    let control = Control {
        of: of.clone(),
        mux,
        failures,
        agents: agents.clone(),
    };
    stream.set_quiet();
    control.serve(&mut stream, first, &outbox).await;
    agents.outboxes.close(&of);
}

struct Control {
    of: Connection,
    mux: adit_mux::Session,
    failures: Arc<StreamFailures>,
    agents: Arc<Agents>,
}

impl Control {
    async fn serve(&self, stream: &mut Stream, first: Bytes, outbox: &super::outbox::Outbox) {
        let mut received = BytesMut::from(&first[..]);
        drop(first);
        let mut rate = PerSecond::new(Now::real().at);
        let mut probe = 1_u64;
        ask(stream, probe);
        let answered = tokio::time::sleep(PROBE_LIFE);
        tokio::pin!(answered);
        loop {
            loop {
                match ControlMessage::decode(&received) {
                    Ok(Some((message, len))) => {
                        received.advance(len);
                        if !rate.allows(Now::real().at) {
                            self.mux.close(code::CALM, "control messages");
                            return;
                        }
                        if matches!(message, ControlMessage::ProbeOk { n, .. } if n == probe) {
                            answered.as_mut().reset(tokio::time::Instant::now() + PROBE_LIFE);
                            probe += 1;
                            ask(stream, probe);
                        }
                        self.take(message);
                    }
                    Ok(None) => {
                        if received.is_empty() {
                            received = BytesMut::new();
                        }
                        break;
                    }
                    Err(error) => {
                        tracing::debug!(session = &*self.of.session, %error, "control stream ended");
                        stream.reset(code::PROTOCOL);
                        return;
                    }
                }
            }
            tokio::select! {
                chunk = stream.chunk() => match chunk {
                    // Between messages no memory is kept.
                    Ok(Some(chunk)) if received.is_empty() => received = chunk.try_into_mut().unwrap_or_else(|c| c.as_ref().into()),
                    Ok(Some(chunk)) => received.extend_from_slice(&chunk),
                    _ => return,
                },
                message = outbox.next() => {
                    let waiting = stream.alight();
                    if !say(stream, &message).await {
                        return;
                    }
                    if let Some(probe) = waiting {
                        stream.ride(probe);
                    }
                }
                () = &mut answered => {
                    self.mux.close(code::NONE, "the agent does not answer probes");
                    return;
                }
            }
        }
    }

    fn take(&self, message: ControlMessage) {
        let of = &self.of;
        match message {
            ControlMessage::ProbeOk { ep, .. } => self.agents.sessions(|s| {
                for state in &ep {
                    if let Some(reason) = reason_of(state.up) {
                        s.health(of, &state.id, reason, "");
                    }
                }
            }),
            ControlMessage::Health { ep } => self.agents.sessions(|s| {
                for health in &ep {
                    let reason = match health.state {
                        Health::Up => EndpointReason::Ok,
                        Health::Down if health.reason.contains("timeout") => EndpointReason::UpstreamTimeout,
                        Health::Down => EndpointReason::UpstreamRefused,
                    };
                    s.health(of, &health.id, reason, &health.reason);
                }
            }),
            ControlMessage::Drained => self.agents.sessions(|s| s.drained(of)),
            ControlMessage::Leave { .. } => self.agents.sessions(|s| s.leave(of)),
            ControlMessage::StreamError { sid, class, addr, err } => {
                if let Ok(id) = u32::try_from(sid) {
                    self.failures.put(
                        id,
                        StreamFailure {
                            class,
                            addr,
                            error: err,
                        },
                    );
                }
            }
            ControlMessage::Goodbye { code, text } => {
                tracing::debug!(session = &*of.session, code, text, "the agent says goodbye");
            }
            // What only the server says, and what is newer than this server.
            _ => {}
        }
    }
}

/// What the last dial of an upstream says about the endpoint; a refused or slow dial alone says nothing yet:
/// the agent reports `health` when it lasts.
fn reason_of(up: Upstream) -> Option<EndpointReason> {
    matches!(up, Upstream::Ok).then_some(EndpointReason::Ok)
}

/// Leaves a probe for the server's next heartbeat.
fn ask(stream: &mut Stream, n: u64) {
    let mut bytes = Vec::new();
    let encoded = ControlMessage::Probe { n }.encode(&mut bytes);
    if encoded.is_ok() {
        stream.ride(bytes.into_boxed_slice());
    }
}

/// Says something; false if the stream is over.
async fn say(stream: &mut Stream, message: &ControlMessage) -> bool {
    let mut bytes = Vec::new();
    match message.encode(&mut bytes) {
        Ok(()) => stream.send_all(&bytes).await.is_ok(),
        Err(_) => true,
    }
}

/// Counts messages by the second.
struct PerSecond {
    since: Instant,
    count: u32,
}

impl PerSecond {
    fn new(now: Instant) -> Self {
        Self { since: now, count: 0 }
    }

    fn allows(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.count) = (now, 0);
        }
        self.count += 1;
        self.count <= MAX_PER_SECOND
    }
}
