//! Tickets: who may use them, how long they wait, and that no rule is skipped with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adit_tls::{ClientAuth, ClientProfile, ClientRoots, Error, ServerProfile, Stream, TicketKeys, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::support::sockets::Counted;
use crate::support::{Ca, NAME, Site, pair, shake, site};

const SECRET: [u8; 32] = [42; 32];

fn server(site: &Site, alpn: &[&str]) -> ServerProfile {
    ServerProfile::builder(Arc::new(site.identity.clone()))
        .alpn(alpn)
        .tickets(TicketKeys::new(SECRET))
        .build()
        .unwrap()
}

fn client(site: &Site, version: Version) -> ClientProfile {
    ClientProfile::builder(site.ca.roots())
        .max_version(version)
        .build()
        .unwrap()
}

/// One connection with one answer; says whether it was resumed.
async fn visit(server: &ServerProfile, client: &ClientProfile) -> bool {
    let (accepted, connected) = pair(server, client, NAME).await;
    let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
    exchange(&mut accepted, &mut connected).await;
    assert_eq!(accepted.resumed(), connected.resumed());
    accepted.resumed()
}

async fn exchange(server: &mut Stream<DuplexStream>, client: &mut Stream<DuplexStream>) {
    server.write_all(b"answer").await.unwrap();
    let mut answer = [0; 6];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"answer");
}

#[tokio::test]
async fn a_ticket_resumes_at_every_node_with_the_same_rules() {
    let site = site();
    for version in [Version::Tls13, Version::Tls12] {
        let client = client(&site, version);
        assert!(!visit(&server(&site, &[]), &client).await);
        assert!(visit(&server(&site, &[]), &client).await, "{version:?}");
    }
}

#[tokio::test]
async fn other_rules_mean_a_full_handshake() {
    let site = site();
    for version in [Version::Tls13, Version::Tls12] {
        let client = client(&site, version);
        assert!(!visit(&server(&site, &[]), &client).await);
        assert!(!visit(&server(&site, &["h2"]), &client).await);
        let roots = ClientRoots::from_pem(Ca::new("Client Root").pem().as_bytes()).unwrap();
        let asking = ServerProfile::builder(Arc::new(site.identity.clone()))
            .client_auth(ClientAuth::Request { roots })
            .tickets(TicketKeys::new(SECRET))
            .build()
            .unwrap();
        let strict = ServerProfile::builder(Arc::new(site.identity.clone()))
            .client_auth(ClientAuth::Require {
                roots: ClientRoots::from_pem(Ca::new("Client Root").pem().as_bytes()).unwrap(),
            })
            .tickets(TicketKeys::new(SECRET))
            .build()
            .unwrap();
        assert_ne!(asking.hash(), strict.hash());
        assert!(!visit(&asking, &client).await);
        // Whoever has a ticket from before still has to show a certificate.
        let (accepted, _) = pair(&strict, &client, NAME).await;
        assert!(matches!(accepted.unwrap_err(), Error::Certificate { .. }));
    }
}

#[tokio::test]
async fn without_keys_there_are_no_tickets() {
    let site = site();
    for version in [Version::Tls13, Version::Tls12] {
        let client = client(&site, version);
        for _ in 0..2 {
            assert!(!visit(&site.server, &client).await);
        }
    }
}

static NOW: AtomicU64 = AtomicU64::new(0);

#[tokio::test]
async fn tickets_end_with_their_key() {
    const HOUR: u64 = 3600;
    let site = site();
    let begin = 100_000 * 6 * HOUR;
    NOW.store(begin, Ordering::Relaxed);
    let keys = TicketKeys::new(SECRET).with_clock(|| NOW.load(Ordering::Relaxed));
    let server = ServerProfile::builder(Arc::new(site.identity.clone()))
        .tickets(keys)
        .build()
        .unwrap();
    let client = client(&site, Version::Tls13);
    assert!(!visit(&server, &client).await);
    NOW.store(begin + 12 * HOUR, Ordering::Relaxed);
    assert!(visit(&server, &client).await);
    NOW.store(begin + 36 * HOUR, Ordering::Relaxed);
    assert!(!visit(&server, &client).await);
}

#[tokio::test]
async fn tickets_leave_with_the_first_answer_and_cost_no_write() {
    let site = site();
    let client = client(&site, Version::Tls13);
    let server = server(&site, &[]);
    let (a, b) = tokio::io::duplex(256 * 1024);
    let (a, calls) = Counted::new(a);
    let (accepted, connected) = shake(a, &server, b, &client, NAME).await;
    let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
    assert_eq!(calls.take().1, 1, "the hello flight");
    accepted.flush().await.unwrap();
    connected.write_all(b"request").await.unwrap();
    let mut request = [0; 7];
    accepted.read_exact(&mut request).await.unwrap();
    accepted.flush().await.unwrap();
    assert_eq!(calls.take(), (1, 0), "no flush lets them go");
    accepted.write_all(b"answer").await.unwrap();
    accepted.flush().await.unwrap();
    assert_eq!(calls.take(), (0, 1), "tickets and answer together");
    assert_eq!(accepted.buffered(), 0);
    let mut answer = [0; 6];
    connected.read_exact(&mut answer).await.unwrap();
    let (again, _) = pair(&server, &client, NAME).await;
    assert!(again.unwrap().resumed());
}

#[tokio::test]
async fn tickets_leave_at_shutdown_at_the_latest() {
    let site = site();
    let client = client(&site, Version::Tls13);
    let server = server(&site, &[]);
    let (accepted, connected) = pair(&server, &client, NAME).await;
    accepted.unwrap().shutdown().await.unwrap();
    let mut nothing = Vec::new();
    connected.unwrap().read_to_end(&mut nothing).await.unwrap();
    assert!(nothing.is_empty());
    let (again, _) = pair(&server, &client, NAME).await;
    assert!(again.unwrap().resumed());
}

#[tokio::test]
async fn a_client_certificate_is_judged_again_at_resumption() {
    let site = site();
    let ca = Ca::new("Client Root");
    let roots = || ClientRoots::from_pem(ca.pem().as_bytes()).unwrap();
    static NOW: AtomicU64 = AtomicU64::new(0);
    let begin = rcgen::date_time_ymd(2030, 1, 1);
    let seconds = u64::try_from(begin.unix_timestamp()).unwrap();
    NOW.store(seconds, Ordering::Relaxed);
    let server = ServerProfile::builder(Arc::new(site.identity.clone()))
        .client_auth(ClientAuth::Require { roots: roots() })
        .tickets(TicketKeys::new(SECRET))
        .clock(|| NOW.load(Ordering::Relaxed))
        .build()
        .unwrap();
    let leaf = ca.leaf_with(&["client.example"], |params| {
        params.not_after = begin + std::time::Duration::from_secs(60);
    });
    for version in [Version::Tls13, Version::Tls12] {
        let client = ClientProfile::builder(site.ca.roots())
            .max_version(version)
            .identity(ca.leaf(&["client.example"]).identity())
            .build()
            .unwrap();
        assert!(!visit(&server, &client).await);
        let (accepted, _) = pair(&server, &client, NAME).await;
        let accepted = accepted.unwrap();
        assert!(accepted.resumed() && accepted.peer_verified());
        assert!(accepted.peer_certificate().is_some());
    }
    let client = ClientProfile::builder(site.ca.roots())
        .identity(leaf.identity())
        .build()
        .unwrap();
    assert!(!visit(&server, &client).await);
    NOW.store(seconds + 30, Ordering::Relaxed);
    assert!(visit(&server, &client).await);
    // The certificate expires; the ticket does not.
    NOW.store(seconds + 90, Ordering::Relaxed);
    let (accepted, connected) = pair(&server, &client, NAME).await;
    let error = accepted.unwrap_err();
    assert!(
        matches!(
            &error,
            Error::Certificate {
                problem: adit_tls::CertificateProblem::Expired,
                ..
            }
        ),
        "{error}"
    );
    let error = connected.unwrap().read_u8().await.unwrap_err();
    assert_eq!(
        Error::from_io(&error).and_then(Error::alert),
        Some(adit_tls::alert_code::CERTIFICATE_EXPIRED)
    );
}
