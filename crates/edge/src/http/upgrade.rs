//! After `101`: bytes both ways, opaque, without an idle limit of ours.

use std::sync::Arc;

use adit_cluster::AgentStream;
use bytes::{Bytes, BytesMut};

use super::h1_visitor::VisitorIo;
use crate::flows::Flow;
use crate::relay::RelayEnd;
use crate::secure::Conn;

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
