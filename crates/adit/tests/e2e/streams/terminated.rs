//! `tls://` endpoints whose TLS ends at the server or at the agent: the service gets plain bytes.

use adit_tls::{ClientProfile, Identity, Roots};

use super::passthrough::certificate;
use crate::harness::server::Directory;
use crate::harness::{Agent, End, Server, Upstream, Visitor};

fn server() -> &'static Server {
    Server::shared("streams")
}

fn relayed(upstream: &Upstream, visitor: &mut Visitor) {
    let mut conn = upstream.accept();
    conn.send("the service speaks first");
    assert_eq!(visitor.bytes(24), b"the service speaks first");
    visitor.send("and is answered");
    assert_eq!(conn.bytes(15), b"and is answered");
    visitor.finish();
    assert_eq!(conn.rest(), (Vec::new(), End::Clean));
    conn.send("last words");
    drop(conn);
    assert_eq!(visitor.rest(), (b"last words".to_vec(), End::Clean));
}

#[test]
fn at_the_server_with_its_own_certificate_and_without_a_protocol() {
    let name = "edge-end.adit.localhost";
    let upstream = Upstream::bind();
    let agent = Agent::tls(server(), upstream.address())
        .url(&format!("tls://{name}"))
        .args(["--terminate-at", "edge"])
        .start();
    for alpn in [&[][..], &["h2", "http/1.1"], &["mqtt"]] {
        let mut visitor = Visitor::tls_with(server(), name, alpn);
        assert_eq!(visitor.alpn(), None, "what the service speaks is not known");
        relayed(&upstream, &mut visitor);
    }
    drop(agent);
}

#[test]
fn at_the_server_with_a_certificate_of_ones_own() {
    let name = "edge-own.adit.localhost";
    let directory = Directory::new();
    let (certificate, key) = certificate(name);
    let (crt_file, key_file) = (directory.path().join("crt"), directory.path().join("key"));
    std::fs::write(&crt_file, &certificate).unwrap();
    std::fs::write(&key_file, key).unwrap();
    let upstream = Upstream::bind();
    for place in ["edge", "agent"] {
        let agent = Agent::tls(server(), upstream.address())
            .url(&format!("tls://{name}"))
            .args([
                "--terminate-at",
                place,
                "--crt",
                &crt_file.display().to_string(),
                "--key",
                &key_file.display().to_string(),
            ])
            .start();
        let profile = ClientProfile::builder(Roots::Pem(certificate.clone().into_bytes()))
            .build()
            .unwrap();
        let mut visitor =
            Visitor::handshake(server().info.https, name, &profile).unwrap_or_else(|e| panic!("{place}: {e}"));
        relayed(&upstream, &mut visitor);
        assert_eq!(agent.stop().code(), 0);
    }
}

/// Only visitors with a certificate of the given authority are let in, at both places and for HTTP as well.
#[test]
fn with_certificates_of_visitors() {
    let directory = Directory::new();
    let name = "edge-mutual.adit.localhost";
    let (own, own_key) = certificate(name);
    let (visitors, visitors_key) = certificate("somebody.example");
    let file = |file: &str, text: &str| {
        let path = directory.path().join(file);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (crt, key, cas) = (file("crt", &own), file("key", &own_key), file("cas", &visitors));
    let upstream = Upstream::bind();
    let stranger = certificate("somebody.example");
    for place in ["edge", "agent"] {
        let agent = Agent::tls(server(), upstream.address())
            .url(&format!("tls://{name}"))
            .args([
                "--terminate-at",
                place,
                "--crt",
                &crt,
                "--key",
                &key,
                "--mutual-tls-cas",
                &cas,
            ])
            .start();
        let with = |identity: Option<(&str, &str)>| {
            let mut builder = ClientProfile::builder(Roots::Pem(own.clone().into_bytes()));
            if let Some((certificate, key)) = identity {
                builder = builder.identity(Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap());
            }
            Visitor::handshake(server().info.https, name, &builder.build().unwrap())
        };
        let mut visitor = with(Some((&visitors, &visitors_key))).unwrap_or_else(|e| panic!("{place}: {e}"));
        relayed(&upstream, &mut visitor);
        for identity in [None, Some((stranger.0.as_str(), stranger.1.as_str()))] {
            // In TLS 1.3 the refusal comes after the client's handshake is done.
            if let Ok(mut visitor) = with(identity) {
                let _ = visitor.try_send("let me in");
                assert_eq!(visitor.rest_or_alert(), b"", "{place}");
            }
        }
        assert_eq!(agent.stop().code(), 0);
        assert!(upstream.accepted().is_none(), "{place}: a stranger reached the service");
    }
}
