//! TLS as other implementations see it: versions, suites, protocols, resumption.

use crate::harness::message::ok;
use crate::harness::process::Ended;
use crate::harness::server::Directory;
use crate::harness::{Server, Site, Visitor, openssl};

fn server() -> &'static Server {
    Server::shared("listeners")
}

/// `openssl s_client` to this name.
fn connect(name: &str, flags: &[&str]) -> Ended {
    let host = server().host(name);
    openssl::get(server(), &host, &[&["-servername", &host], flags].concat())
}

#[test]
fn old_versions_and_weak_suites_are_refused() {
    for flags in [
        &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"][..],
        &["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"],
        &[
            "-tls1_2",
            "-cipher",
            "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0",
        ],
        &["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"],
        &["-tls1_2", "-curves", "secp521r1"],
    ] {
        let said = connect("weak", flags);
        assert!(
            said.stdout.contains("Cipher is (NONE)") || said.stderr.contains("alert"),
            "{flags:?} {said:?}"
        );
        assert!(!said.stdout.contains("HTTP/1.1"), "{flags:?} {said:?}");
    }
}

#[test]
fn modern_suites_and_groups_are_spoken() {
    for (flags, cipher) in [
        (&["-tls1_3"][..], "TLS_AES_128_GCM_SHA256"),
        (
            &["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"],
            "TLS_AES_256_GCM_SHA384",
        ),
        (
            &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
            "TLS_CHACHA20_POLY1305_SHA256",
        ),
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
            "ECDHE-ECDSA-AES128-GCM-SHA256",
        ),
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"],
            "ECDHE-ECDSA-CHACHA20-POLY1305",
        ),
        (&["-tls1_3", "-curves", "P-256"], "TLS_"),
        (&["-tls1_3", "-curves", "P-384"], "TLS_"),
        (&["-tls1_3", "-curves", "X25519"], "TLS_"),
    ] {
        let said = connect("modern", flags);
        assert!(
            said.stdout.contains(&format!("Cipher is {cipher}")),
            "{flags:?} {said:?}"
        );
        assert!(said.stdout.contains("HTTP/1.1 404"), "{flags:?} {said:?}");
    }
}

#[test]
fn there_is_no_renegotiation_compression_or_early_data() {
    let said = connect("none-of-it", &["-tls1_2"]);
    assert!(said.stdout.contains("Compression: NONE"), "{said:?}");
    assert!(said.stdout.contains("Extended master secret: yes"), "{said:?}");
    assert!(said.stdout.contains("Secure Renegotiation IS supported"), "{said:?}");
    let said = connect("none-of-it", &["-tls1_3"]);
    assert!(said.stdout.contains("Max Early Data: 0"), "{said:?}");
}

#[test]
fn protocols() {
    for (offered, selected) in [
        ("h2", "ALPN protocol: h2"),
        ("http/1.1", "ALPN protocol: http/1.1"),
        ("http/1.1,h2", "ALPN protocol: h2"),
        ("foo,http/1.1", "ALPN protocol: http/1.1"),
    ] {
        let said = connect("alpn", &["-alpn", offered]);
        assert!(said.stdout.contains(selected), "{offered}: {said:?}");
    }
    let none = connect("alpn", &[]);
    assert!(
        none.stdout.contains("No ALPN negotiated") && none.stdout.contains("HTTP/1.1 404"),
        "{none:?}"
    );
    let foreign = connect("alpn", &["-alpn", "foo"]);
    assert!(foreign.stderr.contains("alert number 120"), "{foreign:?}");
}

#[test]
fn a_session_is_resumed_under_its_own_name_only() {
    let directory = Directory::new();
    for version in ["-tls1_3", "-tls1_2"] {
        let file = directory.path().join(format!("session{version}")).display().to_string();
        let first = connect("resumed", &[version, "-sess_out", &file]);
        assert!(first.stdout.contains("\nNew, "), "{first:?}");
        let second = connect("resumed", &[version, "-sess_in", &file]);
        assert!(second.stdout.contains("\nReused, "), "{version} {second:?}");
        assert!(second.stdout.contains("HTTP/1.1 404"), "{second:?}");
        let other = connect("other-name", &[version, "-sess_in", &file]);
        assert!(other.stdout.contains("\nNew, "), "{version} {other:?}");
    }
}

/// A name that demands client certificates has a profile of its own: no ticket of another profile leads past it.
#[test]
fn a_ticket_does_not_lead_past_a_new_client_certificate_rule() {
    let directory = Directory::new();
    let file = directory.path().join("session").display().to_string();
    let name = "ticket-rule";
    let site = Site::answering(server(), name, &[], |_| ok("open"));
    let first = connect(name, &["-tls1_3", "-sess_out", &file]);
    assert!(first.stdout.contains("HTTP/1.1 200"), "{first:?}");
    assert_eq!(site.agent.stop().code(), 0);

    let ca = server().info.ca_file.display().to_string();
    let site = Site::answering(server(), name, &["--mutual-tls-cas", &ca], |_| ok("closed"));
    let second = connect(name, &["-tls1_3", "-sess_in", &file]);
    assert!(!second.stdout.contains("HTTP/1.1 200"), "{second:?}");
    assert!(second.stderr.contains("alert"), "{second:?}");
    assert_eq!(site.upstream.seen().len(), 0);
}

#[test]
fn the_certificate_is_of_the_local_authority_and_for_the_name() {
    let visitor = Visitor::tls(server(), "any-name.adit.localhost");
    drop(visitor);
    let said = connect(
        "any-name",
        &["-verify_return_error", "-verify_hostname", "any-name.adit.localhost"],
    );
    assert!(said.stdout.contains("Verify return code: 0 (ok)"), "{said:?}");
}
