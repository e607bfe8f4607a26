//! `tls://` endpoints: passed through to the agent or its upstream, every byte replayed in order; or terminated
//! here and handed on as plain bytes.

use std::sync::Arc;

use adit_cluster::Class;
use adit_observe::Relayed;
use adit_tls::client_hello::ClientHello;
use bytes::Bytes;
use tokio::net::TcpStream;

use crate::accept::{Accepted, Permit};
use crate::node::Node;
use crate::record_connection::Connection;
use crate::{relay, sniff, tcp};

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
        read,
        ..
    } = accepted;
    let Some(pool) = node.directory.find(Class::Sni, &host) else {
        sniff::refuse_unknown(io).await;
        return;
    };
    match tcp::open(&node, &pool, peer, local, true, &read, &mut record).await {
        Ok((mut stream, member)) => {
            drop(read);
            let _serving = node.serving();
            let relayed = relay::relay(&mut io, &mut stream, Bytes::new(), Bytes::new()).await;
            if relayed.end != relay::RelayEnd::Complete {
                crate::accept::reset(&io);
            }
            record.relayed(&node, &member, &relayed);
        }
        Err(code) => {
            sniff::refuse_offline(io).await;
            record.refused(&node, code);
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
    match tcp::open(&node, &pool, peer, local, false, b"", &mut record).await {
        Ok((mut stream, member)) => {
            let _serving = node.serving();
            let relayed = relay::relay(&mut tls, &mut stream, Bytes::new(), Bytes::new()).await;
            record.relayed(&node, &member, &relayed);
        }
        Err(code) => {
            let _ = tls.shutdown().await;
            record.refused(&node, code);
        }
    }
    drop(permit);
}
