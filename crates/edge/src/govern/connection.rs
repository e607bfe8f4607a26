//! What policies see of a visitor's connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use adit_policy::{Connection, Tls};

use crate::secure::Conn;

/// Microseconds since the Unix epoch.
pub(super) fn micros(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Of a connection that carries HTTP; `client` is who asks, which behind a trusted proxy is not who connected. Made once
/// for whoever connected.
pub(super) fn of_http(conn: &Conn, client: IpAddr) -> Arc<Connection> {
    if client == conn.peer.ip() {
        return conn.seen_by_policies(|| Arc::new(seen_from(conn, client)));
    }
    Arc::new(seen_from(conn, client))
}

fn seen_from(conn: &Conn, client: IpAddr) -> Connection {
    let mut seen = Connection::new(SocketAddr::new(client, conn.peer.port()), conn.local);
    seen.server_region.clone_from(&conn.node.config.load().region);
    seen.started_at = micros(conn.connected_at);
    seen.tls = conn.tls.map(|tls| {
        Box::new(Tls {
            sni: conn.sni.clone().unwrap_or_default(),
            version: tls.version.to_owned(),
            cipher_suite: tls.cipher_suite.to_owned(),
            resumed: tls.resumed,
            alpn: tls.alpn.to_owned(),
            client: conn
                .client_certificate()
                .map(|told| told.fields.clone())
                .unwrap_or_default(),
            server: conn
                .own_certificate()
                .map(|told| told.fields.clone())
                .unwrap_or_default(),
            ..Tls::default()
        })
    });
    seen
}

/// Of a connection that is bytes to us; of one with TLS the name is known.
pub(super) fn of_bytes(peer: SocketAddr, local: SocketAddr, region: &str, sni: &str) -> Arc<Connection> {
    let mut seen = Connection::new(peer, local);
    region.clone_into(&mut seen.server_region);
    seen.started_at = micros(SystemTime::now());
    seen.tls = (!sni.is_empty()).then(|| {
        Box::new(Tls {
            sni: sni.to_owned(),
            ..Tls::default()
        })
    });
    Arc::new(seen)
}
