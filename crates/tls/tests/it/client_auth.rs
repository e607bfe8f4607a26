//! Client certificates in every mode.

use std::sync::Arc;

use adit_tls::{
    CertificateProblem, ClientAuth, ClientProfile, ClientRoots, Error, Identity, ServerProfile, Version, accept,
    alert_code, connect,
};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Ca, NAME, Site, pair, site};

fn server(site: &Site, mode: ClientAuth) -> ServerProfile {
    ServerProfile::builder(Arc::new(site.identity.clone()))
        .client_auth(mode)
        .build()
        .unwrap()
}

fn client(site: &Site, version: Version, identity: Option<Identity>) -> ClientProfile {
    let builder = ClientProfile::builder(site.ca.roots()).max_version(version);
    match identity {
        Some(identity) => builder.identity(identity),
        None => builder,
    }
    .build()
    .unwrap()
}

fn roots(ca: &Ca) -> ClientRoots {
    ClientRoots::from_pem(ca.pem().as_bytes()).unwrap()
}

#[tokio::test]
async fn a_verified_certificate_is_seen_in_all_modes() {
    let site = site();
    let ca = Ca::new("Client Root");
    let identity = ca.leaf(&["client.example"]).identity();
    for version in [Version::Tls12, Version::Tls13] {
        for mode in [
            ClientAuth::Request { roots: roots(&ca) },
            ClientAuth::RequireAny { roots: roots(&ca) },
            ClientAuth::Require { roots: roots(&ca) },
        ] {
            let client = client(&site, version, Some(identity.clone()));
            let (accepted, connected) = pair(&server(&site, mode), &client, NAME).await;
            connected.unwrap();
            let accepted = accepted.unwrap();
            assert!(accepted.peer_verified());
            assert_eq!(accepted.peer_certificate(), identity.chain().next());
        }
    }
}

#[tokio::test]
async fn a_strangers_certificate_is_refused_only_where_it_must_be_verified() {
    let site = site();
    let ca = Ca::new("Client Root");
    let stranger = Ca::new("Stranger").leaf(&["client.example"]).identity();
    for version in [Version::Tls12, Version::Tls13] {
        let client = client(&site, version, Some(stranger.clone()));
        for mode in [
            ClientAuth::Request { roots: roots(&ca) },
            ClientAuth::RequireAny { roots: roots(&ca) },
            ClientAuth::RequireAny {
                roots: ClientRoots::default(),
            },
        ] {
            let (accepted, _) = pair(&server(&site, mode), &client, NAME).await;
            let accepted = accepted.unwrap();
            assert!(!accepted.peer_verified());
            assert!(accepted.peer_certificate().is_some());
        }
        let mode = ClientAuth::Require { roots: roots(&ca) };
        let (accepted, connected) = pair(&server(&site, mode), &client, NAME).await;
        let Error::Certificate { problem, issuer, .. } = accepted.unwrap_err() else {
            panic!("expected a certificate error");
        };
        assert_eq!(problem, CertificateProblem::UnknownIssuer);
        assert_eq!(issuer.as_deref(), Some("Stranger"));
        assert_eq!(refusal(connected).await, alert_code::UNKNOWN_CA);
    }
}

#[tokio::test]
async fn no_certificate_is_refused_only_where_one_is_required() {
    let site = site();
    let ca = Ca::new("Client Root");
    for version in [Version::Tls12, Version::Tls13] {
        let client = client(&site, version, None);
        let mode = ClientAuth::Request { roots: roots(&ca) };
        let (accepted, _) = pair(&server(&site, mode), &client, NAME).await;
        assert!(!accepted.unwrap().peer_verified());
        for mode in [
            ClientAuth::RequireAny { roots: roots(&ca) },
            ClientAuth::Require { roots: roots(&ca) },
        ] {
            let (accepted, connected) = pair(&server(&site, mode), &client, NAME).await;
            assert!(matches!(
                accepted.unwrap_err(),
                Error::Certificate {
                    problem: CertificateProblem::Missing,
                    ..
                }
            ));
            let want = if version == Version::Tls13 {
                alert_code::CERTIFICATE_REQUIRED
            } else {
                alert_code::HANDSHAKE_FAILURE
            };
            assert_eq!(refusal(connected).await, want, "{version:?}");
        }
    }
}

/// The alert that a refused client gets: in TLS 1.3 its own handshake ends before.
async fn refusal<IO>(connected: Result<adit_tls::Stream<IO>, Error>) -> u8
where
    IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let error = match connected {
        Err(error) => error.alert(),
        Ok(mut stream) => {
            let error = stream.read_u8().await.unwrap_err();
            Error::from_io(&error).and_then(Error::alert)
        }
    };
    error.unwrap()
}

#[tokio::test]
async fn revoked_certificates_are_refused() {
    let site = site();
    let ca = Ca::new("Client Root");
    let good = ca.leaf_with(&["good.example"], |params| {
        params.serial_number = Some(1_u64.into());
    });
    let bad = ca.leaf_with(&["bad.example"], |params| {
        params.serial_number = Some(2_u64.into());
    });
    let mode = ClientAuth::Require {
        roots: roots(&ca).with_crls_pem(ca.revoke(2).as_bytes()).unwrap(),
    };
    let server = server(&site, mode);
    let with = |leaf: &crate::support::certs::Leaf| client(&site, Version::Tls13, Some(leaf.identity()));
    let (accepted, _) = pair(&server, &with(&good), NAME).await;
    assert!(accepted.unwrap().peer_verified());
    let (accepted, connected) = pair(&server, &with(&bad), NAME).await;
    assert!(matches!(
        accepted.unwrap_err(),
        Error::Certificate {
            problem: CertificateProblem::Revoked,
            ..
        }
    ));
    assert_eq!(refusal(connected).await, alert_code::CERTIFICATE_REVOKED);
}

/// Each authority has its own lists, and one of which they are not known vouches for nobody.
#[tokio::test]
async fn lists_belong_to_their_authorities() {
    let site = site();
    let (first, second, silent) = (Ca::new("First"), Ca::new("Second"), Ca::new("Silent"));
    let numbered =
        |ca: &Ca, serial: u64| ca.leaf_with(&["client.example"], |params| params.serial_number = Some(serial.into()));
    let listed = roots(&first).with_crls_pem(first.revoke(2).as_bytes()).unwrap();
    let all = roots(&silent)
        .with_unknown_revocations()
        .and(listed)
        .and(roots(&second));
    let server = server(&site, ClientAuth::Require { roots: all });
    for version in [Version::Tls12, Version::Tls13] {
        for (leaf, refused) in [
            (numbered(&first, 1), None),
            (numbered(&first, 2), Some(alert_code::CERTIFICATE_REVOKED)),
            (numbered(&second, 2), None),
            (numbered(&silent, 1), Some(alert_code::UNKNOWN_CA)),
            (numbered(&Ca::new("Stranger"), 1), Some(alert_code::UNKNOWN_CA)),
        ] {
            let client = client(&site, version, Some(leaf.identity()));
            let (accepted, connected) = pair(&server, &client, NAME).await;
            match refused {
                None => assert!(accepted.unwrap().peer_verified()),
                Some(alert) => assert_eq!(refusal(connected).await, alert, "{version:?}"),
            }
        }
    }
}

/// A root and the authority below it stand side by side: what either of them knows to be revoked is, whichever
/// certificates the client sends along.
#[tokio::test]
async fn no_other_path_leads_around_a_list() {
    let site = site();
    let root = Ca::new("Root");
    let issuing = root.below("Issuing", 7);
    let numbered =
        |serial: u64| issuing.leaf_with(&["client.example"], |params| params.serial_number = Some(serial.into()));
    let (good, bad) = (numbered(1), numbered(2));
    let listed = || roots(&issuing).with_crls_pem(issuing.revoke(2).as_bytes()).unwrap();
    let below_is_revoked = || roots(&root).with_crls_pem(root.revoke(7).as_bytes()).unwrap();
    let (revoked, unknown) = (
        Some(CertificateProblem::Revoked),
        Some(CertificateProblem::RevocationUnknown),
    );
    for (authorities, of_good, of_bad) in [
        (roots(&root).and(listed()), None, revoked.clone()),
        (listed().and(roots(&root)), None, revoked.clone()),
        (
            roots(&root).with_unknown_revocations().and(listed()),
            unknown.clone(),
            revoked.clone(),
        ),
        (
            listed().and(roots(&root).with_unknown_revocations()),
            unknown.clone(),
            revoked.clone(),
        ),
        (
            roots(&root).and(roots(&issuing).with_unknown_revocations()),
            unknown.clone(),
            unknown,
        ),
        (
            below_is_revoked().and(roots(&issuing)),
            revoked.clone(),
            revoked.clone(),
        ),
    ] {
        let server = server(&site, ClientAuth::Require { roots: authorities });
        for (leaf, problem) in [(&good, of_good), (&bad, of_bad)] {
            for chain in [leaf.chain.clone(), format!("{}{}", leaf.chain, issuing.pem())] {
                let identity = Identity::from_pem(chain.as_bytes(), leaf.key.as_bytes()).unwrap();
                let client = client(&site, Version::Tls13, Some(identity));
                let (accepted, _) = pair(&server, &client, NAME).await;
                let found = match accepted {
                    Ok(accepted) => {
                        assert!(accepted.peer_verified());
                        None
                    }
                    Err(Error::Certificate { problem, .. }) => Some(problem),
                    Err(other) => panic!("{other}"),
                };
                assert_eq!(found, problem);
            }
        }
    }
}

/// An authority with a new key and its old name: the list of the old key says nothing about the new one's certificates.
#[tokio::test]
async fn a_list_is_about_the_certificates_of_its_key() {
    let site = site();
    let (old, new) = (Ca::new("Renewed"), Ca::new("Renewed"));
    let numbered =
        |ca: &Ca, serial: u64| ca.leaf_with(&["client.example"], |params| params.serial_number = Some(serial.into()));
    let listed = || roots(&old).with_crls_pem(old.revoke(2).as_bytes()).unwrap();
    for authorities in [listed().and(roots(&new)), roots(&new).and(listed())] {
        let server = server(&site, ClientAuth::Require { roots: authorities });
        for (leaf, is_good) in [
            (numbered(&old, 1), true),
            (numbered(&old, 2), false),
            (numbered(&new, 1), true),
            (numbered(&new, 2), true),
        ] {
            let client = client(&site, Version::Tls13, Some(leaf.identity()));
            let (accepted, _) = pair(&server, &client, NAME).await;
            assert_eq!(accepted.is_ok_and(|accepted| accepted.peer_verified()), is_good);
        }
    }
}

#[test]
fn authorities_must_be_there_and_well_formed() {
    let site = site();
    assert!(ClientRoots::from_pem(b"").is_err());
    for roots in [
        ClientRoots::default(),
        ClientRoots::from_der(vec![b"nonsense".to_vec()]),
    ] {
        let built = ServerProfile::builder(Arc::new(site.identity.clone()))
            .client_auth(ClientAuth::Require { roots })
            .build();
        assert!(built.is_err());
    }
}

/// On real sockets: one that is closed with unread data resets the connection, and on some systems
/// a reset takes the alert away from the client. After the alert there must be a plain end.
#[tokio::test]
async fn a_refused_client_reads_why_although_it_has_sent_a_request() {
    let site = site();
    let mode = ClientAuth::Require {
        roots: roots(&Ca::new("Client Root")),
    };
    let server = server(&site, mode);
    let client = client(&site, Version::Tls13, None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (accepted, alert) = tokio::join!(
        async {
            let (socket, _) = listener.accept().await.unwrap();
            accept(socket, BytesMut::new(), &server).await
        },
        async {
            let mut socket = TcpStream::connect(address).await.unwrap();
            let mut stream = connect(&mut socket, NAME, &client).await.unwrap();
            // Leaves right behind the certificate message, before the server reads that.
            stream.write_all(&[b'x'; 30_000]).await.unwrap();
            let error = stream.read_u8().await.unwrap_err();
            drop(stream);
            assert_eq!(socket.read(&mut [0; 64]).await.unwrap(), 0);
            assert!(socket.take_error().unwrap().is_none(), "a reset came as well");
            Error::from_io(&error).and_then(Error::alert)
        }
    );
    assert!(accepted.is_err());
    assert_eq!(alert, Some(alert_code::CERTIFICATE_REQUIRED));
}
