//! `terminate-tls`: versions, certificates and authorities of visitors that a policy asks for.

use adit_tls::{ClientProfile, Identity, Roots, Version};

use super::{file, get, refused};
use crate::harness::message::ok;
use crate::harness::{Agent, Server, Upstream, Visitor};

/// A certificate that signs itself, and its key.
fn made(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// The lines of a PEM block as a block of YAML.
fn block(pem: &str, indent: usize) -> String {
    let spaces = " ".repeat(indent);
    let lines: Vec<_> = pem.lines().map(|line| format!("{spaces}{line}")).collect();
    format!("|\n{}", lines.join("\n"))
}

fn policy(config: &str) -> String {
    format!("on_tcp_connect:\n  - actions:\n      - type: terminate-tls\n        config:\n{config}\n")
}

fn roots(server: &Server) -> Roots {
    Roots::Pem(server.info.ca_pem())
}

#[test]
fn old_versions_are_refused_where_a_policy_says_so() {
    let server = Server::shared("policy");
    let site = super::governed(server, "new-tls", &policy("          min_version: '1.3'"), |_| {
        ok("new")
    });
    let old = ClientProfile::builder(roots(server))
        .max_version(Version::Tls12)
        .build()
        .unwrap();
    assert!(Visitor::handshake(server.info.https, &site.host, &old).is_err());
    let mut visitor = site.visitor();
    assert_eq!(get(&mut visitor, &site.host, "/").text(), "new");
    // A connection that was made for another name does not lead past it.
    let other = super::governed(server, "any-tls", "on_http_request: []", |_| ok("any"));
    let mut visitor = Visitor::handshake(server.info.https, &other.host, &old).unwrap();
    assert_eq!(get(&mut visitor, &other.host, "/").text(), "any");
    let crossed = get(&mut visitor, &site.host, "/");
    assert_eq!((crossed.status(), crossed.code()), (421, "ERR_ADIT_4210"));
}

#[test]
fn visitors_show_certificates_of_the_authority_in_the_policy() {
    let server = Server::shared("policy");
    let (authority, key) = made("visitor.example");
    let config = format!(
        "          mutual_tls_certificate_authorities:\n            - {}",
        block(&authority, 14)
    );
    let site = super::governed(server, "mutual", &policy(&config), |_| ok("known"));
    let with = |identity: Option<Identity>| {
        let mut builder = ClientProfile::builder(roots(server));
        if let Some(identity) = identity {
            builder = builder.identity(identity);
        }
        let profile = builder.build().unwrap();
        let mut visitor = Visitor::handshake(server.info.https, &site.host, &profile).ok()?;
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", site.host);
        visitor.try_send(request).ok()?;
        let answer = String::from_utf8(visitor.rest_or_alert()).unwrap();
        answer.ends_with("known").then_some(())
    };
    let identity = |(chain, key): (String, String)| Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    assert!(with(None).is_none(), "without a certificate");
    assert!(
        with(Some(identity(made("stranger.example")))).is_none(),
        "of somebody else"
    );
    assert!(with(Some(identity((authority, key)))).is_some());
    assert_eq!(site.upstream.seen().len(), 1);
    for (wrong, place) in [
        (
            "          mutual_tls_certificate_authorities: [ca_123]",
            "mutual_tls_certificate_authorities[0]",
        ),
        ("          server_certificate: nothing", "server_certificate"),
    ] {
        let said = refused(server, &policy(wrong));
        assert!(said.contains(place), "{said}");
    }
}

/// Of a `tls://` endpoint, which passes everything through without such a rule.
#[test]
fn tls_of_a_tls_endpoint_ends_here_with_the_certificate_of_the_policy() {
    let server = Server::shared("policy");
    let host = server.host("ended");
    let (chain, key) = made(&host);
    let config = format!(
        "          server_certificate: {}\n          server_private_key: {}",
        block(&chain, 12),
        block(&key, 12)
    );
    let (policy, upstream) = (file(&policy(&config)), Upstream::bind());
    let _agent = Agent::tls(server, upstream.address())
        .url(&format!("tls://{host}"))
        .args(["--traffic-policy-file", policy.path().to_str().unwrap()])
        .start();
    let own = ClientProfile::builder(Roots::Pem(chain.into_bytes())).build().unwrap();
    let mut visitor = Visitor::handshake(server.info.https, &host, &own).unwrap();
    visitor.send("plain");
    let mut conn = upstream.accept();
    assert_eq!(conn.bytes(5), b"plain", "the service sees no TLS");
    conn.send("reply");
    assert_eq!(visitor.bytes(5), b"reply");
    // Without the rule the handshake is the service's.
    assert!(reaches_the_service(server, "not-ended"));
}

/// Whether a ClientHello reaches the service of an endpoint without a policy.
fn reaches_the_service(server: &Server, name: &str) -> bool {
    let (host, upstream) = (server.host(name), Upstream::bind());
    let _agent = Agent::tls(server, upstream.address())
        .url(&format!("tls://{host}"))
        .start();
    let address = server.info.https;
    let profile = ClientProfile::builder(roots(server)).build().unwrap();
    let asking = std::thread::spawn(move || Visitor::handshake(address, &host, &profile).is_err());
    let first = upstream.accept().bytes(1);
    asking.join().unwrap() && first == [22]
}
