//! Certificates that are uploaded: what is shown of them, and the number of everything that is wrong with them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

mod common;

use adit_model::kind::certificate::server::covers;
use adit_model::{Context, Prepared, Problems, SecretValue, draft};
use adit_names::id::Prefix;
use common::*;
use rcgen::{
    CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SerialNumber,
};
use serde_json::{Value, json};

fn upload(certificate: &str, key: &str) -> Result<Prepared, Problems> {
    create(
        "tls_certificate",
        json!({"certificate_pem": certificate, "private_key_pem": key}),
    )
}

/// Has signed itself, with these changes.
fn leaf(change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["www.example.org".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "www.example.org");
    change(&mut params);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[test]
fn answers_say_what_the_leaf_says() {
    let (certificate, key) = leaf(|params| {
        params
            .subject_alt_names
            .push(rcgen::SanType::DnsName("*.example.org".try_into().unwrap()));
        params
            .subject_alt_names
            .push(rcgen::SanType::IpAddress("192.0.2.7".parse().unwrap()));
        params
            .subject_alt_names
            .push(rcgen::SanType::IpAddress("2001:db8::7".parse().unwrap()));
        for (kind, text) in [
            (DnType::OrganizationName, "Example"),
            (DnType::OrganizationalUnitName, "Web"),
            (DnType::LocalityName, "Bern"),
            (DnType::StateOrProvinceName, "BE"),
            (DnType::CountryName, "CH"),
        ] {
            params.distinguished_name.push(kind, text);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(SerialNumber::from_slice(&[0x0a, 0xbc, 0x01]));
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    });
    let prepared = upload(&certificate, &key).unwrap();
    // The key is a secret and nowhere else.
    let [("private_key_pem", SecretValue::Sealed(sealed))] = prepared.secrets.as_slice() else {
        panic!("{:?}", prepared.secrets)
    };
    assert_eq!(sealed.as_slice(), key.as_bytes());
    let answer = shown(&stored(prepared), false);
    for (field, value) in [
        ("certificate_pem", json!(certificate)),
        ("subject_common_name", json!("www.example.org")),
        (
            "subject_alternative_names",
            json!({"dns_names": ["www.example.org", "*.example.org"], "ips": ["192.0.2.7", "2001:db8::7"]}),
        ),
        ("issued_at", Value::Null),
        ("not_before", json!("2026-01-01T00:00:00Z")),
        ("not_after", json!("2030-01-01T00:00:00Z")),
        ("key_usages", json!(["DigitalSignature", "KeyEncipherment"])),
        ("extended_key_usages", json!(["ServerAuth", "ClientAuth"])),
        ("private_key_type", json!("ecdsa")),
        ("issuer_common_name", json!("www.example.org")),
        ("serial_number", json!("abc01")),
        ("subject_organization", json!("Example")),
        ("subject_organizational_unit", json!("Web")),
        ("subject_locality", json!("Bern")),
        ("subject_province", json!("BE")),
        ("subject_country", json!("CH")),
    ] {
        assert_eq!(answer[field], value, "{field}");
    }
}

#[test]
fn keys_of_all_usual_kinds_are_accepted() {
    for (algorithm, name) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, "ecdsa"),
        (&rcgen::PKCS_ECDSA_P384_SHA384, "ecdsa"),
        (&rcgen::PKCS_ECDSA_P521_SHA512, "ecdsa"),
        (&rcgen::PKCS_ED25519, "ed25519"),
        (&rcgen::PKCS_RSA_SHA256, "rsa"),
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let params = CertificateParams::new(vec!["www.example.org".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        let prepared = upload(&certificate, &key.serialize_pem()).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert_eq!(prepared.object.body["private_key_type"], name);
    }
}

/// Made with openssl: a key of 1024 bits, an encrypted one in both forms, SEC1 with its curve in front.
#[test]
fn keys_in_the_forms_of_openssl() {
    let dir = tempfile::tempdir().unwrap();
    let openssl = |line: &str| {
        let args = line.split(' ');
        let out = std::process::Command::new("openssl")
            .args(args)
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let subject = "-subj /CN=www.example.org -addext subjectAltName=DNS:www.example.org -addext basicConstraints=critical,CA:FALSE";
    openssl("ecparam -name prime256v1 -genkey -out sec1.pem");
    assert!(read("sec1.pem").contains("EC PARAMETERS"));
    openssl(&format!("req -x509 -key sec1.pem -out sec1.crt -days 30000 {subject}"));
    assert!(upload(&read("sec1.crt"), &read("sec1.pem")).is_ok());
    // Text in front of the block, as openssl writes it, and lines of Windows.
    let text = openssl("x509 -in sec1.crt -text").replace('\n', "\r\n");
    assert!(upload(&text, &read("sec1.pem")).is_ok());
    openssl("genrsa -traditional -out pkcs1.pem 2048");
    openssl(&format!(
        "req -x509 -key pkcs1.pem -out pkcs1.crt -days 30000 {subject}"
    ));
    let prepared = upload(&read("pkcs1.crt"), &read("pkcs1.pem")).unwrap();
    assert_eq!(prepared.object.body["private_key_type"], "rsa");
    openssl("pkcs8 -topk8 -in sec1.pem -out encrypted.pem -passout pass:x");
    assert_eq!(
        blamed(upload(&read("sec1.crt"), &read("encrypted.pem"))),
        ["private_key_pem 1902"]
    );
    openssl("rsa -in pkcs1.pem -aes128 -traditional -out old.pem -passout pass:x");
    assert!(read("old.pem").contains("Proc-Type"));
    assert_eq!(
        blamed(upload(&read("pkcs1.crt"), &read("old.pem"))),
        ["private_key_pem 1902"]
    );
    openssl("genrsa -out weak.pem 1024");
    openssl(&format!("req -x509 -key weak.pem -out weak.crt -days 30000 {subject}"));
    assert_eq!(
        blamed(upload(&read("weak.crt"), &read("weak.pem"))),
        ["private_key_pem 1903"]
    );
    openssl(&format!(
        "req -x509 -key pkcs1.pem -out sha1.crt -sha1 -days 30000 {subject}"
    ));
    let problem = upload(&read("sha1.crt"), &read("pkcs1.pem")).unwrap_err().0.remove(0);
    assert!(problem.message().contains("SHA-1"), "{}", problem.message());
    openssl("genrsa -out other.pem 2048");
    assert_eq!(
        blamed(upload(&read("pkcs1.crt"), &read("other.pem"))),
        ["private_key_pem 1923"]
    );
}

#[test]
fn what_is_no_certificate_or_no_key_has_its_number() {
    let (certificate, key) = certificate("www.example.org");
    let headers = certificate.replacen("-----\n", "-----\nX: y\n\n", 1);
    let request = certificate.replace("CERTIFICATE", "CERTIFICATE REQUEST");
    let no_end = certificate.split("-----END").next().unwrap().to_owned();
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let no_base64 = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    for (pem, code) in [
        ("", 1922),
        ("hello", 1920),
        (no_base64, 1920),
        (no_end.as_str(), 1920),
        (garbage, 1900),
        (key.as_str(), 1925),
        (headers.as_str(), 1910),
        (request.as_str(), 1911),
    ] {
        assert_eq!(blamed(upload(pem, &key)), [format!("certificate_pem {code}")], "{pem}");
    }
    let long = format!("{certificate}{}", "#".repeat(64 * 1024));
    assert_eq!(blamed(upload(&long, &key)), ["certificate_pem 1921"]);
    let damaged = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let two = format!("{key}{key}");
    for (pem, code) in [
        ("", 1901),
        ("hello", 1901),
        (certificate.as_str(), 1924),
        (damaged, 1903),
        (two.as_str(), 1903),
    ] {
        assert_eq!(
            blamed(upload(&certificate, pem)),
            [format!("private_key_pem {code}")],
            "{pem}"
        );
    }
    assert_eq!(
        blamed(upload(&certificate, &"#".repeat(16 * 1024 + 1))),
        ["private_key_pem 1921"]
    );
    // All at once.
    assert_eq!(
        blamed(upload(&key, &certificate)),
        ["certificate_pem 1925", "private_key_pem 1924"]
    );
    assert_eq!(
        blamed(create("tls_certificate", json!({}))),
        ["certificate_pem 1922", "private_key_pem 1901"]
    );
    let other = KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(blamed(upload(&certificate, &other)), ["private_key_pem 1923"]);
    let body = json!({"description": "x".repeat(256), "metadata": "x".repeat(4097)});
    assert_eq!(
        blamed(create("tls_certificate", body))[..2],
        ["description 1914", "metadata 1915"]
    );
}

#[test]
fn a_leaf_must_be_one_that_visitors_accept() {
    let complaint = |change: &dyn Fn(&mut CertificateParams)| {
        let (certificate, key) = leaf(change);
        let problems = upload(&certificate, &key).unwrap_err().0;
        assert!(
            problems.iter().all(|problem| problem.code.number() == 1900),
            "{problems:?}"
        );
        problems
            .iter()
            .map(|problem| problem.message())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let expired = complaint(&|params| params.not_after = rcgen::date_time_ymd(2026, 1, 1));
    assert!(expired.contains("expired"), "{expired}");
    let authority = complaint(&|params| params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
    assert!(authority.contains("authority"), "{authority}");
    let unnamed = complaint(&|params| params.subject_alt_names.clear());
    assert!(unnamed.contains("alternative names"), "{unnamed}");
    let client = complaint(&|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    assert!(client.contains("extended key usage"), "{client}");
    let agreement = complaint(&|params| params.key_usages = vec![KeyUsagePurpose::KeyAgreement]);
    assert!(agreement.contains("key usage"), "{agreement}");
    // Several at once.
    let both = complaint(&|params| {
        params.not_after = rcgen::date_time_ymd(2026, 1, 1);
        params.subject_alt_names.clear();
    });
    assert!(both.contains("expired") && both.contains("alternative names"), "{both}");
    // Not valid yet is no reason to refuse it.
    let (certificate, key) = leaf(|params| params.not_before = rcgen::date_time_ymd(2060, 1, 1));
    assert!(upload(&certificate, &key).is_ok());
    // Whether it has expired is asked of the context's clock, not of this machine's.
    let (certificate, key) = leaf(|params| params.not_after = rcgen::date_time_ymd(2030, 1, 1));
    let later = Context {
        now: 1_950_000_000_000_000,
        ..ctx()
    };
    let body = map(json!({"certificate_pem": certificate, "private_key_pem": key}));
    let kind = kind("tls_certificate");
    assert!(draft::create(kind, false, &body, id(Prefix::Certificate, 1), None, &later).is_err());
}

/// Leaf, two intermediates and root, and the leaf's key.
fn chain() -> ([String; 4], String) {
    let (root_pem, root_key) = authority("Root");
    let root = Issuer::from_ca_cert_pem(&root_pem, root_key).unwrap();
    let mut pems = vec![root_pem];
    let mut issuer = root;
    for name in ["Above", "Below"] {
        let key = KeyPair::generate().unwrap();
        let pem = authority_params(name).signed_by(&key, &issuer).unwrap().pem();
        issuer = Issuer::from_ca_cert_pem(&pem, key).unwrap();
        pems.push(pem);
    }
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["www.example.org".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Leaf");
    pems.push(params.signed_by(&key, &issuer).unwrap().pem());
    pems.reverse();
    (pems.try_into().unwrap(), key.serialize_pem())
}

#[test]
fn the_right_order_of_a_chain_is_named() {
    let ([leaf, below, above, root], key) = chain();
    for pems in [
        vec![&leaf],
        vec![&leaf, &below],
        vec![&leaf, &below, &above],
        vec![&leaf, &below, &above, &root],
    ] {
        let text: String = pems.into_iter().map(String::as_str).collect();
        assert!(upload(&text, &key).is_ok());
    }
    let wrong = |pems: &[&String]| {
        let text: String = pems.iter().map(|pem| pem.as_str()).collect();
        let problems = upload(&text, &key).unwrap_err().0;
        assert_eq!(problems[0].code.number(), 1926);
        assert_eq!(problems.len(), 1, "{problems:?}");
        let suggestion = problems[0].details.iter().find(|(name, _)| *name == "suggestion");
        (problems[0].message(), suggestion.map(|(_, order)| order.clone()))
    };
    let (message, order) = wrong(&[&leaf, &above, &below]);
    assert!(message.contains("Leaf, Above, Below"), "{message}");
    assert!(message.contains("Leaf has not been signed by Above"), "{message}");
    assert_eq!(order.unwrap(), "Leaf, Below, Above");
    assert_eq!(
        wrong(&[&root, &above, &below, &leaf]).1.unwrap(),
        "Leaf, Below, Above, Root"
    );
    // Something in between is missing: no order is right.
    assert_eq!(wrong(&[&leaf, &above]).1, None);
    let (other, _) = certificate("other.example.org");
    assert_eq!(wrong(&[&leaf, &below, &other]).1, None);
    // The name alone proves nothing.
    let forged = authority("Below").0;
    let (message, order) = wrong(&[&leaf, &forged]);
    assert!(
        message.contains("Leaf has not been signed by Below") && order.is_none(),
        "{message}"
    );
    let many: String = std::iter::repeat_n(leaf.as_str(), 11).collect();
    assert_eq!(blamed(upload(&many, &key)), ["certificate_pem 1900"]);
}

#[test]
fn a_chain_stays_and_its_words_change() {
    let object = object("tls_certificate");
    let pem = object.text("certificate_pem").to_owned();
    assert!(update(&object, json!({"certificate_pem": pem})).unwrap().is_none());
    let (other, key) = certificate("other.example.org");
    assert_eq!(
        blamed(update(&object, json!({"certificate_pem": other}))),
        ["certificate_pem 215"]
    );
    assert_eq!(
        blamed(update(&object, json!({"private_key_pem": key}))),
        ["private_key_pem 215"]
    );
    let next = update(&object, json!({"description": "new"})).unwrap().unwrap();
    assert!(next.secrets.is_empty());
    assert_eq!(next.object.body["serial_number"], object.body["serial_number"]);
}

#[test]
fn a_certificate_covers_what_it_names() {
    let (pem, key) = leaf(|params| {
        params
            .subject_alt_names
            .push(rcgen::SanType::DnsName("*.shop.example.org".try_into().unwrap()));
    });
    let object = stored(upload(&pem, &key).unwrap());
    for (domain, is_covered) in [
        ("www.example.org", true),
        ("example.org", false),
        ("a.shop.example.org", true),
        ("shop.example.org", false),
        ("a.b.shop.example.org", false),
        ("*.shop.example.org", true),
        ("*.example.org", false),
        ("*.a.shop.example.org", false),
    ] {
        assert_eq!(covers(&object, domain), is_covered, "{domain}");
    }
}

#[test]
fn authorities_come_one_by_one() {
    let (pem, _) = authority("Clients");
    let upload = |pem: &str| create("certificate_authority", json!({"ca_pem": pem}));
    let answer = shown(&stored(upload(&pem).unwrap()), false);
    assert_eq!(answer["subject_common_name"], "Clients");
    assert_eq!(answer["key_usages"], json!(["CertSign", "CRLSign"]));
    assert_eq!(answer["extended_key_usages"], json!([]));
    assert_eq!(answer["ca_pem"], pem);
    let (leaf, key) = certificate("www.example.org");
    let two = format!("{pem}{}", authority("Others").0);
    for (pem, code) in [
        ("", 1919),
        ("x", 1920),
        (leaf.as_str(), 1913),
        (two.as_str(), 1912),
        (key.as_str(), 1925),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 1900),
    ] {
        assert_eq!(blamed(upload(pem)), [format!("ca_pem {code}")]);
    }
    assert_eq!(blamed(upload(&"#".repeat(256 * 1024 + 1))), ["ca_pem 1921"]);
    let problem = upload(&two).unwrap_err().0.remove(0);
    assert!(problem.values.contains(&("names", "Clients, Others".to_owned())));
    let body = json!({"ca_pem": pem, "description": "x".repeat(256), "metadata": "x".repeat(4097)});
    assert_eq!(
        blamed(create("certificate_authority", body)),
        ["description 1916", "metadata 1917"]
    );
    // Lists of revoked certificates are read when they are written; those of others are none.
    let create = |body| create_as("certificate_authority", true, body);
    let url = |url: &str| create(json!({"ca_pem": pem, "crl_url": url}));
    assert!(url("https://a.example/x.crl").is_ok());
    for wrong in [
        "a.example",
        "ftp://a.example/",
        "https://",
        "https://u:p@a.example/",
        "https://a.example/ x",
    ] {
        assert_eq!(blamed(url(wrong)), ["crl_url 215"], "{wrong}");
    }
    for wrong in [
        pem.as_str(),
        "x",
        "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
    ] {
        let body = json!({"ca_pem": pem, "crl_pem": wrong});
        assert_eq!(blamed(create(body)), ["crl_pem 215"]);
    }
    // An expired authority can be kept: its certificates are refused when they are shown.
    let mut params = authority_params("Old");
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    params
        .custom_extensions
        .push(CustomExtension::from_oid_content(&[1, 3, 9999, 1], vec![5, 0]));
    let old = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    assert!(upload(&old).is_ok());
}
