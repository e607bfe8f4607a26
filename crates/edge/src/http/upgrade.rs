//! After `101`: bytes both ways, opaque, without an idle limit of ours; or messages that are bytes to the agent.

use std::sync::Arc;

use adit_cluster::AgentStream;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};

use super::h1_visitor::VisitorIo;
use crate::flows::Flow;
use crate::relay::RelayEnd;
use crate::secure::Conn;
use crate::served::Served;
use crate::websocket::{Messages, code};

/// Relays an upgraded exchange. `received` was read from the visitor before the `101`, `early` came behind it
/// from the upstream.
pub(super) async fn relay<IO: VisitorIo>(
    mut io: IO,
    received: BytesMut,
    mut stream: AgentStream,
    early: Bytes,
    conn: &Arc<Conn>,
    flow: &Flow,
) {
    let relayed = crate::relay::relay(&mut io, &mut stream, received.freeze(), early, None, flow, || {}).await;
    if relayed.end == RelayEnd::Cut {
        io.reset();
    }
    conn.observe
        .bytes(conn.kind.listener(), relayed.bytes_in, relayed.bytes_out);
}

/// Moves what a visitor sends in messages to the agent's stream, and what comes back in messages to him. `received` was
/// read from him before the `101`.
pub(super) async fn converse<IO: AsyncRead + AsyncWrite + Unpin>(
    io: IO,
    received: BytesMut,
    mut served: Served,
    conn: &Arc<Conn>,
) {
    let mut messages = Messages::new(io, received);
    let relayed = served.relay(&mut messages, 0, &conn.node).await;
    conn.observe
        .bytes(conn.kind.listener(), relayed.bytes_in, relayed.bytes_out);
    let (code, reason) = match relayed.end {
        RelayEnd::Complete | RelayEnd::Visitor => (code::NORMAL, ""),
        RelayEnd::Cut => (code::POLICY, "not let in any more"),
        RelayEnd::SessionLost => (code::GOING_AWAY, "the agent is gone"),
        RelayEnd::Agent if relayed.upstream_refused => (code::INTERNAL, "the service cannot be reached"),
        RelayEnd::Agent => (code::INTERNAL, "the service broke off"),
    };
    messages.conclude(code, reason).await;
}
