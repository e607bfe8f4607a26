//! Certificates of visitors that were taken back: lists that stand in the authority or are fetched, the alerts that tell
//! visitors why, the event that tells everybody else, and what services are told of a good one.

use std::sync::{Arc, Mutex};

use adit_tls::{ClientProfile, Error, Identity, Roots, Version};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use super::certificates::{Authority, GOOD};
use super::{governed, make};
use crate::api;
use crate::harness::message::{ok, response};
use crate::harness::visitor::within;
use crate::harness::{Directory, Server, Service, Upstream, Visitor, eventually};

/// The alert that a visitor gets who shows this; `None`: he is let in.
fn alert(server: &Server, host: &str, identity: Option<&Identity>, version: Version) -> Option<u8> {
    let mut builder = ClientProfile::builder(Roots::Pem(server.info.ca_pem())).max_version(version);
    if let Some(identity) = identity {
        builder = builder.identity(identity.clone());
    }
    let mut visitor = match Visitor::handshake(server.info.https, host, &builder.build().unwrap()) {
        Ok(visitor) => visitor,
        Err(error) => return Some(error.alert().unwrap_or_else(|| panic!("{error}"))),
    };
    // In TLS 1.3 the visitor's own handshake ends before he is judged.
    let _ = visitor.try_send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
    let (mut io, runtime) = visitor.into_tls();
    match within(&runtime, "an answer", io.read_u8()) {
        Ok(_) => None,
        Err(error) => Some(
            Error::from_io(&error)
                .and_then(Error::alert)
                .unwrap_or_else(|| panic!("{error}")),
        ),
    }
}

fn policy(authority: &Value) -> String {
    let config = json!({"mutual_tls_certificate_authorities": [authority["id"]], "tls_headers": "full"});
    json!({"on_tcp_connect": [{"actions": [{"type": "terminate-tls", "config": config}]}]}).to_string()
}

/// A server that may fetch from this machine.
fn fetching() -> Server {
    let directory = Directory::new();
    let mut command = directory.dev_on_free_ports();
    command.env("ADIT_SERVER__OUTBOUND__ALLOW", r#"["127.0.0.1"]"#);
    Server::started(directory, &mut command)
}

#[track_caller]
fn change(server: &Server, authority: &Value, body: &Value) {
    let path = format!("/adit/certificate_authorities/{}", authority["id"].as_str().unwrap());
    let (status, answer) = api::change(server, "PATCH", &path, &body.to_string());
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn each_certificate_that_is_no_good_has_its_alert() {
    let server = Server::start();
    let (known, other) = (Authority::new("Revoking CA"), Authority::new("Other CA"));
    let body = json!({"ca_pem": known.pem, "crl_pem": known.revoking(&[2])});
    let stored = make(&server, "/adit/certificate_authorities", &body);
    assert_eq!(stored["crl_stale"], "deny");
    let site = governed(&server, "revoked", &policy(&stored), |_| ok("in"));
    let one = known.issue_as("one", GOOD, 1);
    let two = known.issue_as("two", GOOD, 2);
    let late = known.issue_as("late", (2020, 2021), 3);
    let foreign = other.issue_as("eve", GOOD, 2);
    for (version, missing) in [(Version::Tls12, 40), (Version::Tls13, 116)] {
        for (identity, wanted) in [
            (None, Some(missing)),
            (Some(&foreign), Some(48)),
            (Some(&late), Some(45)),
            (Some(&two), Some(44)),
            (Some(&one), None),
        ] {
            assert_eq!(alert(&server, &site.host, identity, version), wanted, "{version:?}");
        }
    }
    // The service is told all of the good one, and by nobody else.
    for request in site.upstream.seen() {
        assert_eq!(request.get("adit-mtls-subject"), Some("CN=one,O=Example"));
        assert_eq!(
            request.get("adit-mtls-issuer").map(|i| i.contains("Revoking CA")),
            Some(true)
        );
        assert_eq!(request.get("adit-mtls-uris"), Some("spiffe://example.com/one"));
        assert_eq!(request.get("adit-mtls-fingerprint-sha256").map(str::len), Some(64));
        let whole = request.get("client-cert").unwrap();
        assert!(whole.starts_with(":MII") && whole.ends_with(':'), "{whole}");
        assert_eq!(request.get("ngrok-mtls-serial-number"), Some("1"));
    }
    assert_eq!(site.upstream.seen().len(), 2);
    // Another list takes the place of the first one, for those that are known by a ticket as well.
    change(&server, &stored, &json!({"crl_pem": known.revoking(&[1])}));
    eventually("the new list is in force", || {
        (alert(&server, &site.host, Some(&one), Version::Tls13) == Some(44)).then_some(())
    });
    assert_eq!(alert(&server, &site.host, Some(&two), Version::Tls13), None);
    change(&server, &stored, &json!({"crl_pem": ""}));
    eventually("no list is", || {
        alert(&server, &site.host, Some(&one), Version::Tls13)
            .is_none()
            .then_some(())
    });

    // Told to the organisation, merged with its like.
    let list = eventually("the events", || {
        let list = api::get(
            &server,
            "/adit/audit?limit=100&filter=obj.event_type%20%3D%3D%20%22tls_client_rejected.v0%22",
        );
        let entries = list["entries"].as_array().cloned().unwrap_or_default();
        (entries.len() >= 4).then_some(entries)
    });
    let endpoint = format!("https://{}", site.host);
    for (reason, subject, serial) in [
        ("revoked", "two", "2"),
        ("expired", "late", "3"),
        ("unknown_issuer", "eve", "2"),
        ("missing", "", ""),
    ] {
        let entry = list.iter().find(|entry| entry["after"]["reason"] == reason);
        let after = &entry.unwrap_or_else(|| panic!("no {reason} in {list:?}"))["after"];
        assert_eq!(
            after["certificate"],
            json!({"subject": subject, "serial": serial}),
            "{after}"
        );
        assert!(after["endpoint"].as_str().unwrap().starts_with(&endpoint), "{after}");
        assert!(after["count"].as_u64() >= Some(1), "{after}");
    }
}

#[test]
fn a_list_that_is_none_is_refused() {
    let server = Server::shared("policy");
    let (known, other) = (Authority::new("Refusing CA"), Authority::new("Another CA"));
    let refused = |field: &str, value: &str, says: &str| {
        let body = json!({"ca_pem": known.pem, field: value});
        let (status, answer) = api::post(server, "/adit/certificate_authorities", &body.to_string());
        assert_eq!(status, 400, "{answer}");
        let text = answer.to_string();
        assert!(text.contains(field) && text.contains(says), "{text}");
    };
    refused("crl_pem", &other.revoking(&[1]), "another authority");
    refused("crl_pem", &known.pem, "CERTIFICATE");
    refused("crl_pem", "no list", "");
    refused("crl_pem", &Authority::new("Refusing CA").revoking(&[1]), "signature");
    refused("crl_url", "ftp://lists.example.com/a.crl", "http");
    refused("crl_url", "http://user:secret@lists.example.com/a.crl", "http");
    refused("crl_stale", "maybe", "");
}

#[test]
fn lists_are_fetched_and_kept() {
    let server = fetching();
    let known = Authority::new("Fetched CA");
    let list = Arc::new(Mutex::new(known.revoking(&[2]).into_bytes()));
    let shown = list.clone();
    let lists = Service::start(move |_| {
        response(
            "200 OK",
            "Content-Type: application/pkix-crl\r\n",
            &shown.lock().unwrap(),
        )
    });
    let url = format!("http://{}/ca.crl", lists.address());
    let stored = make(
        &server,
        "/adit/certificate_authorities",
        &json!({"ca_pem": known.pem, "crl_url": url}),
    );
    let site = governed(&server, "fetched", &policy(&stored), |_| ok("in"));
    let (one, two) = (known.issue_as("one", GOOD, 1), known.issue_as("two", GOOD, 2));
    eventually("the list is there", || {
        alert(&server, &site.host, Some(&one), Version::Tls13)
            .is_none()
            .then_some(())
    });
    assert_eq!(alert(&server, &site.host, Some(&two), Version::Tls13), Some(44));
    let kept = server.directory().join("data/revoked");
    let kept = kept.join(format!("{}.crl", stored["id"].as_str().unwrap()));
    eventually("the list is kept", || kept.exists().then_some(()));
    // What comes is not a list of this authority: what is known counts on.
    *list.lock().unwrap() = Authority::new("Fetched CA").revoking(&[1]).into_bytes();
    change(&server, &stored, &json!({"crl_url": format!("{url}?again")}));
    eventually("it was asked", || (lists.seen().len() >= 2).then_some(()));
    assert_eq!(alert(&server, &site.host, Some(&two), Version::Tls13), Some(44));

    // Neither does one that is older than what is known, here or after a restart; one that is newer counts at once.
    let on_disk = || std::fs::read(&kept).unwrap();
    let known_one = on_disk();
    *list.lock().unwrap() = known.revoking_in(2019, &[1]).into_bytes();
    change(&server, &stored, &json!({"crl_url": format!("{url}?older")}));
    eventually("the older one was asked", || {
        lists
            .seen()
            .iter()
            .any(|request| request.target().ends_with("older"))
            .then_some(())
    });
    assert_eq!(alert(&server, &site.host, Some(&two), Version::Tls13), Some(44));
    *list.lock().unwrap() = known.revoking_in(2021, &[1]).into_bytes();
    change(&server, &stored, &json!({"crl_url": format!("{url}?newer")}));
    eventually("the newer one counts", || {
        (alert(&server, &site.host, Some(&one), Version::Tls13) == Some(44)).then_some(())
    });
    assert_eq!(alert(&server, &site.host, Some(&two), Version::Tls13), None);
    eventually("the newer one is kept", || (on_disk() != known_one).then_some(()));
    change(&server, &stored, &json!({"crl_pem": known.revoking_in(2022, &[2])}));
    eventually("the written one is newer still", || {
        (alert(&server, &site.host, Some(&two), Version::Tls13) == Some(44)).then_some(())
    });

    // A list that cannot be had lets nobody in, unless the organisation wants to go on without.
    let closed = Upstream::bind().address();
    let body = json!({"ca_pem": known.pem, "crl_url": format!("http://{closed}/")});
    let missing = make(&server, "/adit/certificate_authorities", &body);
    let strict = governed(&server, "unfetched", &policy(&missing), |_| ok("in"));
    for version in [Version::Tls12, Version::Tls13] {
        assert_eq!(alert(&server, &strict.host, Some(&one), version), Some(48));
    }
    change(&server, &missing, &json!({"crl_stale": "allow"}));
    eventually("it goes on without", || {
        alert(&server, &strict.host, Some(&one), Version::Tls13)
            .is_none()
            .then_some(())
    });
}
