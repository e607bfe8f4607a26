//! Key exchange groups: a client that sent a share is not made to send another.
//!
//! `openssl` always sends the share of the first group it lists, so these clients are rustls with
//! its memory of former connections replaced: they list one group first and send another's share,
//! as browsers and phones do.

use std::sync::Arc;

use adit_tls::accept;
use bytes::BytesMut;
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, NamedGroup, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{NAME, Site, site};

/// Claims that the server took this group the last time.
#[derive(Debug)]
struct Remembers(NamedGroup);

impl ClientSessionStore for Remembers {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        Some(self.0)
    }
    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}
    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }
    fn remove_tls12_session(&self, _: &ServerName<'static>) {}
    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

/// What a client that lists these groups, and sends a share for one of them, ends up with.
async fn negotiated(
    site: &Site,
    listed: Vec<&'static dyn SupportedKxGroup>,
    share: NamedGroup,
) -> (NamedGroup, HandshakeKind) {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(site.ca.pem().as_bytes()).unwrap())
        .unwrap();
    let provider = CryptoProvider {
        kx_groups: listed,
        ..default_provider()
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::store(Arc::new(Remembers(share)));
    let name = ServerName::try_from(NAME).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let (io, mut wire) = tokio::io::duplex(64 * 1024);
    let client_side = async {
        while client.is_handshaking() {
            let mut out = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut out).unwrap();
            }
            wire.write_all(&out).await.unwrap();
            let mut read = BytesMut::with_capacity(16 * 1024);
            assert!(wire.read_buf(&mut read).await.unwrap() > 0);
            let mut rest = &read[..];
            while !rest.is_empty() {
                client.read_tls(&mut rest).unwrap();
                client.process_new_packets().unwrap();
            }
        }
        let mut out = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut out).unwrap();
        }
        wire.write_all(&out).await.unwrap();
    };
    let (accepted, ()) = tokio::join!(accept(io, BytesMut::new(), &site.server), client_side);
    accepted.unwrap();
    (
        client.negotiated_key_exchange_group().unwrap().name(),
        client.handshake_kind().unwrap(),
    )
}

#[tokio::test]
async fn the_share_that_came_is_taken_whatever_is_listed_first() {
    use kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    let site = site();
    for (listed, share) in [
        (vec![X25519MLKEM768, X25519], NamedGroup::X25519),
        (vec![SECP256R1, X25519], NamedGroup::X25519),
        (vec![X25519MLKEM768, X25519, SECP384R1], NamedGroup::secp384r1),
        (vec![X25519, X25519MLKEM768], NamedGroup::X25519MLKEM768),
    ] {
        let got = negotiated(&site, listed, share).await;
        assert_eq!(got, (share, HandshakeKind::Full));
    }
}
