//! Host names: what visitors may send, what may be bound, and that both agree.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

use std::borrow::Cow;
use std::net::IpAddr;

use adit_names::host::{Authority, Host, HostError, is_below, server_name};
use adit_names::{CanonicalHost, ErrorCode};
use proptest::prelude::*;

fn name(value: &str) -> Result<(String, Option<u16>), HostError> {
    CanonicalHost::from_host_header(value.as_bytes()).map(|(host, port)| (host.to_string(), port))
}

#[test]
fn host_headers_that_are_taken() {
    for (value, host, port) in [
        ("app.example.com", "app.example.com", None),
        ("APP.Example.COM", "app.example.com", None),
        ("app.example.com.", "app.example.com", None),
        ("app.example.com:8443", "app.example.com", Some(8443)),
        ("app.example.com.:1", "app.example.com", Some(1)),
        ("localhost", "localhost", None),
        ("xn--bcher-kva.example.com", "xn--bcher-kva.example.com", None),
        ("XN--BCHER-KVA.example.com", "xn--bcher-kva.example.com", None),
        ("1.example", "1.example", None),
        ("r3---sn-a.example.com", "r3---sn-a.example.com", None),
    ] {
        assert_eq!(name(value), Ok((host.to_owned(), port)), "{value}");
    }
}

#[test]
fn host_headers_that_are_refused() {
    for value in [
        "",
        ".",
        ":80",
        "a..b",
        ".a.b",
        "a.b..",
        "user@a.b",
        "a.b%2e",
        "a b.c",
        "a_b.c",
        "b\u{fc}cher.de",
        "-a.b",
        "a-.b",
        "a.b:0",
        "a.b:65536",
        "a.b:",
        "a.b:+1",
        "a.b:80:80",
        "a.b:8o",
        "*.b.c",
        "xn--.com",
        "xn--zzzzzzzzz9.com",
        "a.b/c",
        "a.b\\c",
        "a.b\0",
        "[::1",
        "[::1]x",
        "[::1]:",
        "[]",
        "[1.2.3.4]",
        "[fe80::1%eth0]",
        "a,b.c",
    ] {
        assert!(Authority::parse(value.as_bytes()).is_err(), "{value:?} was taken");
    }
    let label = "a".repeat(64);
    assert_eq!(name(&format!("{label}.com")), Err(HostError::LabelTooLong));
    let long = format!(
        "{}.{}.{}.{}",
        "a".repeat(63),
        "b".repeat(63),
        "c".repeat(63),
        "d".repeat(61)
    );
    assert_eq!(long.len(), 253);
    assert!(name(&long).is_ok());
    assert_eq!(name(&format!("{long}d")), Err(HostError::NameTooLong));
    assert!(Authority::parse(b"a\xff.b").is_err());
}

#[test]
fn addresses_are_told_from_names() {
    for (value, address, port) in [
        ("127.0.0.1", "127.0.0.1", None),
        ("127.0.0.1:80", "127.0.0.1", Some(80)),
        ("[2001:db8::1]:443", "2001:db8::1", Some(443)),
        ("[::ffff:10.0.0.1]", "10.0.0.1", None),
    ] {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(
            Authority::parse(value.as_bytes()),
            Ok(Authority {
                host: Host::Address(address),
                port
            }),
            "{value}"
        );
        assert_eq!(name(value), Err(HostError::IpLiteral), "{value}");
    }
    assert_eq!(server_name(b"127.0.0.1"), Err(HostError::IpLiteral));
    assert_eq!(server_name(b"::1"), Err(HostError::IpLiteral));
}

#[test]
fn canonical_names_are_not_copied() {
    assert!(matches!(server_name(b"app.example.com"), Ok(Cow::Borrowed(_))));
    assert!(matches!(server_name(b"app.example.com."), Ok(Cow::Borrowed(_))));
    assert!(matches!(server_name(b"App.example.com"), Ok(Cow::Owned(_))));
}

#[test]
fn names_to_bind_have_ngroks_numbers() {
    for (wish, code) in [
        ("1.21 gigawatts", ErrorCode::NGROK_326),
        ("a!b.com", ErrorCode::NGROK_326),
        ("127.0.0.1", ErrorCode::NGROK_326),
        ("::1", ErrorCode::NGROK_326),
        ("a.*.com", ErrorCode::NGROK_326),
        ("a..com", ErrorCode::NGROK_327),
        (".a.com", ErrorCode::NGROK_327),
        ("-a.com", ErrorCode::NGROK_328),
        ("a-.com", ErrorCode::NGROK_329),
        ("ab--c.com", ErrorCode::NGROK_330),
        ("xn--zzzzzzzzz9.com", ErrorCode::NGROK_347),
        ("xn--.com", ErrorCode::NGROK_329),
        ("a_b.com", ErrorCode::NGROK_355),
        ("b\u{fc}_cher.com", ErrorCode::NGROK_355),
        ("b\u{fc} cher.com", ErrorCode::NGROK_326),
        ("shop", ErrorCode::NGROK_448),
        ("*.com", ErrorCode::NGROK_448),
        ("*", ErrorCode::NGROK_326),
        ("", ErrorCode::NGROK_326),
    ] {
        assert_eq!(
            CanonicalHost::for_endpoint(wish).map_err(|e| e.code()),
            Err(code),
            "{wish:?}"
        );
    }
    let long = |n: usize| format!("{}.com", "a".repeat(n));
    assert_eq!(
        CanonicalHost::for_endpoint(&long(64)).map_err(|e| e.code()),
        Err(ErrorCode::NGROK_396)
    );
    let very = "a.".repeat(127) + "com";
    assert_eq!(
        CanonicalHost::for_endpoint(&very).map_err(|e| e.code()),
        Err(ErrorCode::NGROK_397)
    );
}

#[test]
fn own_letters_become_a_labels() {
    for wish in [
        "B\u{dc}CHER.example.com",
        "b\u{fc}cher.example.com",
        "xn--bcher-kva.example.com",
        "XN--BCHER-KVA.EXAMPLE.COM",
    ] {
        let host = CanonicalHost::for_endpoint(wish).unwrap();
        assert_eq!(host.as_str(), "xn--bcher-kva.example.com", "{wish}");
        assert_eq!(
            CanonicalHost::from_host_header(host.as_str().as_bytes()).unwrap().0,
            host
        );
    }
    assert_eq!(
        CanonicalHost::for_endpoint("*.b\u{fc}cher.com").unwrap().as_str(),
        "*.xn--bcher-kva.com"
    );
}

#[test]
fn wildcards_cover_any_depth_but_not_the_apex() {
    let wildcard = CanonicalHost::for_endpoint("*.Example.com").unwrap();
    assert!(wildcard.is_wildcard());
    assert_eq!(wildcard.base_of_wildcard(), Some("example.com"));
    assert!(wildcard.covers("a.example.com") && wildcard.covers("a.b.example.com"));
    assert!(!wildcard.covers("example.com") && !wildcard.covers("aexample.com") && !wildcard.covers(".example.com"));
    let exact = CanonicalHost::for_endpoint("a.example.com").unwrap();
    assert!(exact.covers("a.example.com") && !exact.covers("b.a.example.com") && exact.base_of_wildcard().is_none());
    assert!(
        exact.is_below("example.com") && !exact.is_below("a.example.com") && is_below("*.example.com", "example.com")
    );
    assert_eq!(exact.child("tcp").unwrap().as_str(), "tcp.a.example.com");
}

proptest! {
    #[test]
    fn no_bytes_panic_and_canonical_is_stable(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok((host, _)) = CanonicalHost::from_host_header(&bytes) {
            let (again, _) = CanonicalHost::from_host_header(host.as_str().as_bytes()).unwrap();
            prop_assert_eq!(&again, &host);
            if let Ok(bound) = CanonicalHost::any_depth(host.as_str()) {
                prop_assert_eq!(bound, host);
            }
        }
        let _ = server_name(&bytes);
    }

    #[test]
    fn likely_names_are_stable(text in "(\\*\\.)?[a-zA-Z0-9.*_\u{e4}\u{f6}\u{fc}\u{df}\u{4e2d}\u{200d}-]{0,40}(\\.com)?") {
        if let Ok(host) = CanonicalHost::any_depth(&text) {
            let again = CanonicalHost::any_depth(host.as_str()).unwrap();
            prop_assert_eq!(&again, &host);
            if !host.is_wildcard() {
                prop_assert_eq!(CanonicalHost::from_server_name(host.as_str().as_bytes()).unwrap(), host);
            }
        }
    }
}
