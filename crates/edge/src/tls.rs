//! `tls://` endpoints: passed through to the agent or its upstream, every byte replayed in order; or terminated
//! here and handed on as plain bytes.

use std::sync::Arc;

use adit_cluster::Class;
use adit_observe::Relayed;
use adit_tls::client_hello::ClientHello;
use bytes::BytesMut;
use tokio::net::TcpStream;

use crate::accept::{Accepted, Permit};
use crate::node::Node;
use crate::record_connection::Connection;
use crate::route::{self, Routed};
use crate::sniff;
use crate::tcp_open::{Carried, Waiting};

/// Serves a connection whose TLS ends behind the agent. ALPN, versions and certificates are between the visitor
/// and the upstream.
pub(crate) async fn passthrough(accepted: Accepted, host: String, hello: ClientHello, node: Arc<Node>) {
    drop(hello);
    let record = Connection::begin(&accepted, &host, Relayed::Tls);
    let Accepted {
        mut io,
        peer,
        local,
        permit,
        read,
        ..
    } = accepted;
    let Some(routed) = endpoints(&node, &host) else {
        sniff::refuse_unknown(io).await;
        return;
    };
    let waiting = Waiting {
        io: &mut io,
        read,
        peer,
        local,
        passthrough_tls: true,
    };
    match waiting.carry(&node, &routed, record).await {
        Carried::Broken | Carried::Closed => crate::accept::reset(&io),
        Carried::Refused => sniff::refuse_offline(io).await,
        Carried::Complete | Carried::Left => {}
    }
    drop(permit);
}

/// The endpoints of a name on the TLS port.
fn endpoints(node: &Node, host: &str) -> Option<Routed> {
    let pool = node.directory.find(Class::Sni, host);
    route::cloud::beside(&node.config.load().told, Class::Sni, host, pool)
}

/// Serves a connection of a `tls://` endpoint whose TLS ended here.
pub(crate) async fn terminated(
    mut tls: adit_tls::Stream<TcpStream>,
    host: &str,
    permit: Permit,
    record: Connection,
    node: Arc<Node>,
) {
    use tokio::io::AsyncWriteExt;
    let (peer, local) = record.addresses();
    let Some(routed) = endpoints(&node, host) else {
        let _ = tls.shutdown().await;
        return;
    };
    let waiting = Waiting {
        io: &mut tls,
        read: BytesMut::new(),
        peer,
        local,
        passthrough_tls: false,
    };
    match waiting.carry(&node, &routed, record).await {
        Carried::Refused => {
            let _ = tls.shutdown().await;
        }
        Carried::Closed => crate::accept::reset(tls.get_ref()),
        Carried::Broken | Carried::Complete | Carried::Left => {}
    }
    drop(permit);
}
