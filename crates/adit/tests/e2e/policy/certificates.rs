//! Certificates of visitors: asked for by `terminate-tls`, seen by policies and services, of authorities that are written in
//! the policy or stored in the API.

use adit_tls::{ClientProfile, Identity, Roots, Version};
use rcgen::{
    CertificateParams, CertificateRevocationListParams, DnType, DnValue, Issuer, KeyIdMethod, KeyPair,
    RevokedCertParams, SanType,
};
use serde_json::{Value, json};

use super::{endpoint, governed, make, until, url};
use crate::api;
use crate::harness::message::ok;
use crate::harness::{Message, Server, Visitor};

/// An authority of visitors' certificates.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate that is good from and until these years.
    fn issue(&self, name: &str, years: (i32, i32)) -> Identity {
        self.issue_as(name, years, 0xbeef)
    }

    /// The same with this serial number.
    pub(super) fn issue_as(&self, name: &str, years: (i32, i32), serial: u64) -> Identity {
        let mut params = CertificateParams::new([format!("{name}.example.com")]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in [(DnType::OrganizationName, "Example"), (DnType::CommonName, name)] {
            params
                .distinguished_name
                .push(kind, DnValue::Utf8String(value.to_owned()));
        }
        params
            .subject_alt_names
            .push(SanType::Rfc822Name(format!("{name}@example.com").try_into().unwrap()));
        params
            .subject_alt_names
            .push(SanType::URI(format!("spiffe://example.com/{name}").try_into().unwrap()));
        params.serial_number = Some(serial.into());
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &self.issuer).unwrap();
        Identity::from_pem(made.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }

    /// A list of certificates that it has taken back.
    pub(super) fn revoking(&self, serials: &[u64]) -> String {
        self.revoking_in(2020, serials)
    }

    /// One that was made in this year.
    pub(super) fn revoking_in(&self, year: i32, serials: &[u64]) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: (*serial).into(),
            revocation_time: rcgen::date_time_ymd(2021, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(year, 1, 1),
            next_update: rcgen::date_time_ymd(2100, 1, 1),
            crl_number: 1_u64.into(),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

pub(super) const GOOD: (i32, i32) = (2020, 2100);

/// What a visitor gets who shows this; `None`: no connection.
fn ask(server: &Server, host: &str, identity: Option<&Identity>, version: Version) -> Option<Message> {
    let mut builder = ClientProfile::builder(Roots::Pem(server.info.ca_pem())).max_version(version);
    if let Some(identity) = identity {
        builder = builder.identity(identity.clone());
    }
    let profile = builder.build().unwrap();
    let mut visitor = Visitor::handshake(server.info.https, host, &profile).ok()?;
    let request =
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nNgrok-Mtls-Subject-Cn: forged\r\nConnection: close\r\n\r\n");
    visitor.try_send(request).ok()?;
    let mut answer = visitor.rest_or_alert();
    (!answer.is_empty()).then(|| Message::take(&mut answer, crate::harness::Of::Get, true).unwrap())
}

/// A policy with this configuration of `terminate-tls` whose answers say what it sees.
fn policy(config: &Value) -> String {
    let seen = "${conn.tls.client.subject}|${conn.tls.client.issuer.common_name}|${conn.tls.client.san}|${conn.tls.client.serial_number}|${conn.tls.client.verified}|${actions.ngrok.terminate_tls.client.subject.common_name}|${conn.tls.client.signature_algorithm}";
    json!({
        "on_tcp_connect": [{"actions": [{"type": "terminate-tls", "config": config}]}],
        "on_http_request": [{
            "expressions": ["conn.tls.client.san.uris.exists(u, u.endsWith('/banned'))"],
            "actions": [{"type": "deny"}],
        }],
        "on_http_response": [{"actions": [{"type": "add-headers", "config": {"headers": {
            "x-seen": seen,
            "x-own": "${conn.tls.server.san.dns_names.size() > 0 && conn.tls.server.pem.startsWith('-----BEGIN')} ${conn.tls.client.validity.not_after}",
        }}}]}],
    })
    .to_string()
}

#[test]
fn each_strategy_lets_in_whom_it_says() {
    let server = Server::shared("policy");
    let (known, other) = (Authority::new("Known CA"), Authority::new("Other CA"));
    let (good, foreign) = (known.issue("anna", GOOD), other.issue("eve", GOOD));
    let expired = known.issue("late", (2020, 2021));
    let seen = |issuer: &str, name: &str, verified: bool| {
        format!(
            "CN={name},O=Example|{issuer}|DNS:{name}.example.com, email:{name}@example.com, URI:spiffe://example.com/{name}|beef|{verified}|{name}|ECDSA-SHA256"
        )
    };
    let nobody = "||||false||".to_owned();
    for (name, config, wanted) in [
        (
            "cert-verified",
            json!({"mutual_tls_certificate_authorities": [known.pem]}),
            [None, Some(seen("Known CA", "anna", true)), None, None],
        ),
        (
            "cert-any",
            json!({"mutual_tls_verification_strategy": "require-any", "mutual_tls_certificate_authorities": [known.pem]}),
            [
                None,
                Some(seen("Known CA", "anna", true)),
                Some(seen("Other CA", "eve", false)),
                Some(seen("Known CA", "late", false)),
            ],
        ),
        (
            "cert-asked",
            json!({"mutual_tls_verification_strategy": "request"}),
            [
                Some(nobody.clone()),
                Some(seen("Known CA", "anna", false)),
                Some(seen("Other CA", "eve", false)),
                Some(seen("Known CA", "late", false)),
            ],
        ),
        (
            "cert-asked-known",
            json!({"mutual_tls_verification_strategy": "request", "mutual_tls_certificate_authorities": [other.pem, known.pem]}),
            [
                Some(nobody),
                Some(seen("Known CA", "anna", true)),
                Some(seen("Other CA", "eve", true)),
                Some(seen("Known CA", "late", false)),
            ],
        ),
    ] {
        let site = governed(server, name, &policy(&config), |_| ok("in"));
        for version in [Version::Tls12, Version::Tls13] {
            for (identity, wanted) in [None, Some(&good), Some(&foreign), Some(&expired)]
                .into_iter()
                .zip(&wanted)
            {
                let answer = ask(server, &site.host, identity, version);
                let seen = answer.as_ref().and_then(|m| m.get("x-seen"));
                assert_eq!(seen, wanted.as_deref(), "{name} {version:?}: {answer:?}");
                if let Some(answer) = &answer {
                    assert!(
                        answer.get("x-own").is_some_and(|own| own.starts_with("true ")),
                        "{answer:?}"
                    );
                }
            }
        }
        // The service is told of those that were verified, and of nobody by whoever sends the fields himself.
        for request in site.upstream.seen() {
            let told: Vec<_> = ["Subject-Cn", "Subject-Alt-Name-Dns", "Email-Addresses", "Serial-Number"]
                .iter()
                .map(|field| request.all(&format!("Ngrok-Mtls-{field}")))
                .collect();
            let is_told = told.iter().all(|values| values.len() == 1);
            let name = told[0].first().copied().unwrap_or_default();
            assert!(is_told || told.iter().all(Vec::is_empty), "{request:?}");
            if is_told {
                assert!(
                    name == "anna" || (name == "eve" && site.host.starts_with("cert-asked-known")),
                    "{request:?}"
                );
                assert_eq!(told[1], [format!("{name}.example.com")]);
                assert_eq!(told[2], [format!("{name}@example.com")]);
                assert_eq!(told[3], ["beef"]);
            }
        }
    }
    // What a policy sees it can decide by.
    let site = governed(
        server,
        "cert-banned",
        &policy(&json!({"mutual_tls_certificate_authorities": [known.pem]})),
        |_| ok("in"),
    );
    let banned = known.issue("banned", GOOD);
    assert_eq!(
        ask(server, &site.host, Some(&banned), Version::Tls13).unwrap().status(),
        403
    );
    assert_eq!(
        ask(server, &site.host, Some(&good), Version::Tls13).unwrap().status(),
        200
    );
}

#[test]
fn authorities_of_the_api_are_named_by_their_ids() {
    let server = Server::shared("policy");
    let (known, other) = (Authority::new("Stored CA"), Authority::new("Stranger CA"));
    let stored = make(server, "/certificate_authorities", &json!({"ca_pem": known.pem}));
    let id = stored["id"].as_str().unwrap();
    let (good, foreign) = (known.issue("bert", GOOD), other.issue("eve", GOOD));
    let config = json!({"mutual_tls_certificate_authorities": [id]});
    let site = governed(server, "cert-stored", &policy(&config), |_| ok("in"));
    for version in [Version::Tls12, Version::Tls13] {
        assert!(ask(server, &site.host, None, version).is_none());
        assert!(ask(server, &site.host, Some(&foreign), version).is_none());
        let answer = ask(server, &site.host, Some(&good), version).unwrap();
        assert!(answer.get("x-seen").unwrap().contains("|Stored CA|"), "{answer:?}");
    }
    // A cloud endpoint keeps the authorities that it names from being deleted.
    let host = server.host("cert-cloud");
    let answers = json!([{"actions": [{"type": "custom-response", "config": {"body": "${conn.tls.client.subject.common_name}"}}]}]);
    let mut cloud: Value = serde_json::from_str(&policy(&config)).unwrap();
    cloud["on_http_request"] = answers;
    let text = cloud.to_string();
    let cloud = endpoint(server, &url(server, &host), &text);
    let answer = until(
        "in force",
        || ask(server, &host, Some(&good), Version::Tls13).unwrap_or_default(),
        |m| m.text() == "bert",
    );
    assert_eq!(answer.status(), 200);
    assert!(ask(server, &host, Some(&foreign), Version::Tls13).is_none());
    let path = format!("/certificate_authorities/{id}");
    let (status, refused) = api::change(server, "DELETE", &path, "");
    assert_eq!(
        (status, &refused["error_code"]),
        (400, &json!("ERR_ADIT_2011")),
        "{refused}"
    );
    cloud.delete(server);
    assert_eq!(api::change(server, "DELETE", &path, "").0, 204);
    // Who names one that is gone lets nobody in, and one that never was is refused.
    crate::harness::eventually("nobody is let in", || {
        ask(server, &site.host, Some(&good), Version::Tls13)
            .is_none()
            .then_some(())
    });
    let said = super::refused(server, &policy(&json!({"mutual_tls_certificate_authorities": [id]})));
    assert!(
        said.contains("ERR_NGROK_2228") || said.contains("there is no certificate authority"),
        "{said}"
    );
    let body = json!({"type": "cloud", "url": url(server, &host), "traffic_policy": text});
    let (status, refused) = api::post(server, "/endpoints", &body.to_string());
    assert_eq!(
        (status, &refused["error_code"]),
        (400, &json!("ERR_NGROK_2228")),
        "{refused}"
    );
}
