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
use crate::tcp_open::{NotOpened, Waiting};
use crate::{relay, sniff};

/// Serves a connection whose TLS ends behind the agent. ALPN, versions and certificates are between the visitor
/// and the upstream.
pub(crate) async fn passthrough(accepted: Accepted, host: String, hello: ClientHello, node: Arc<Node>) {
    drop(hello);
    let mut record = Connection::begin(&accepted, &host, Relayed::Tls);
    let Accepted {
        mut io,
        peer,
        local,
        permit,
        mut read,
        ..
    } = accepted;
    let Some(pool) = node.directory.find(Class::Sni, &host) else {
        sniff::refuse_unknown(io).await;
        return;
    };
    let waiting = Waiting {
        io: &mut io,
        read: &mut read,
        peer,
        local,
        passthrough_tls: true,
    };
    match waiting.open(&node, &pool, &mut record).await {
        Ok(mut served) => {
            let sent = read.len();
            drop(read);
            let _serving = node.serving();
            let relayed = served.relay(&mut io, sent, &node).await;
            if relayed.end != relay::RelayEnd::Complete {
                crate::accept::reset(&io);
            }
            record.relayed(&node, &pool, &served.member, &relayed);
        }
        Err(NotOpened::Left) => record.left(&node, &pool),
        Err(NotOpened::Refused(code)) => {
            sniff::refuse_offline(io).await;
            record.refused(&node, &pool, code);
        }
    }
    drop(permit);
}

/// Serves a connection of a `tls://` endpoint whose TLS ended here.
pub(crate) async fn terminated(
    mut tls: adit_tls::Stream<TcpStream>,
    host: &str,
    permit: Permit,
    mut record: Connection,
    node: Arc<Node>,
) {
    use tokio::io::AsyncWriteExt;
    let (peer, local) = record.addresses();
    let Some(pool) = node.directory.find(Class::Sni, host) else {
        let _ = tls.shutdown().await;
        return;
    };
    let mut read = BytesMut::new();
    let waiting = Waiting {
        io: &mut tls,
        read: &mut read,
        peer,
        local,
        passthrough_tls: false,
    };
    match waiting.open(&node, &pool, &mut record).await {
        Ok(mut served) => {
            let _serving = node.serving();
            let sent = read.len();
            drop(read);
            let relayed = served.relay(&mut tls, sent, &node).await;
            record.relayed(&node, &pool, &served.member, &relayed);
        }
        Err(NotOpened::Left) => record.left(&node, &pool),
        Err(NotOpened::Refused(code)) => {
            let _ = tls.shutdown().await;
            record.refused(&node, &pool, code);
        }
    }
    drop(permit);
}
