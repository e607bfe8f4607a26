//! Names of reserved domains: what is accepted, in which form, and the number of everything that is not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

mod common;

use adit_model::kind::reserved_domain::{self, candidates, needed_above, reversed};
use adit_model::{Claim, Scope, draft};
use adit_names::code::ErrorCode;
use adit_names::host::CanonicalHost;
use adit_names::host::RESERVED_LABELS;
use adit_names::id::Prefix;
use common::*;
use serde_json::{Value, json};

#[test]
fn good_names_become_canonical() {
    let long = format!("{}.example.org", "a".repeat(63));
    for (given, kept) in [
        ("app.example.org", "app.example.org"),
        ("APP.Example.ORG", "app.example.org"),
        ("app.example.org.", "app.example.org"),
        ("example.org", "example.org"),
        ("*.example.org", "*.example.org"),
        ("*.a.b.example.org", "*.a.b.example.org"),
        ("a.b.c.d.e.example.org", "a.b.c.d.e.example.org"),
        ("1.example.org", "1.example.org"),
        ("a-b.example.org", "a-b.example.org"),
        ("a--b.example.org", "a--b.example.org"),
        ("bücher.example.org", "xn--bcher-kva.example.org"),
        ("xn--bcher-kva.example.org", "xn--bcher-kva.example.org"),
        ("BÜCHER.example.org", "xn--bcher-kva.example.org"),
        ("*.bücher.example", "!411"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("example.co.uk", "example.co.uk"),
        ("*.example.co.uk", "*.example.co.uk"),
        ("me.github.io", "me.github.io"),
        ("*.me.github.io", "*.me.github.io"),
        ("app.corp", "app.corp"),
        ("*.app.corp", "*.app.corp"),
        ("foo.adit.example.com", "foo.adit.example.com"),
        ("*.foo.adit.example.com", "*.foo.adit.example.com"),
        ("a.foo.adit.example.com", "a.foo.adit.example.com"),
        ("other.example.com", "other.example.com"),
        ("adit.example.com.example.org", "adit.example.com.example.org"),
        ("xadit.example.com", "xadit.example.com"),
        (long.as_str(), long.as_str()),
    ] {
        match (
            create("reserved_domain", json!({"domain": given})),
            kept.strip_prefix('!'),
        ) {
            (Ok(prepared), None) => assert_eq!(prepared.object.body["domain"], kept, "{given}"),
            (result, Some(code)) => assert_eq!(blamed(result), [format!("domain {code}")], "{given}"),
            (Err(problems), None) => panic!("{given}: {problems:?}"),
        }
    }
}

#[test]
fn bad_names_have_their_numbers() {
    let label = format!("{}.example.org", "a".repeat(64));
    let name = format!("{}.example.org", vec!["abcdefghi"; 25].join("."));
    let unicode = format!("{}.example.org", vec!["büb"; 60].join("."));
    for (given, code) in [
        ("a.*.example.org", 402),
        ("a*.b*.example.org", 402),
        ("*.*.example.org", 402),
        ("*a.example.org", 403),
        ("a*.example.org", 403),
        ("**.example.org", 403),
        ("adit.example.com", 404),
        ("*.adit.example.com", 404),
        ("example.com", 404),
        ("*.example.com", 404),
        ("ADIT.example.com", 404),
        ("connect.adit.example.com", 404),
        ("api.adit.example.com", 404),
        ("ns1.adit.example.com", 404),
        ("x.connect.adit.example.com", 450),
        ("*.connect.adit.example.com", 450),
        ("a.b.cname.adit.example.com", 450),
        ("a b.example.org", 406),
        ("a/b.example.org", 406),
        ("a@b.example.org", 406),
        ("a:80.example.org", 406),
        ("https://app.example.org", 406),
        ("app.example.org/", 406),
        ("app.example.org:443", 406),
        ("a,b.example.org", 406),
        ("a\tb.example.org", 406),
        ("-a.example.org", 407),
        ("a.-b.example.org", 407),
        ("*.-b.example.org", 407),
        ("a-.example.org", 408),
        ("a.b-.example.org", 408),
        ("a..example.org", 409),
        (".example.org", 409),
        ("*..example.org", 409),
        ("example.org..", 409),
        ("ab--c.example.org", 410),
        ("app.nosuchtld", 411),
        ("*.app.nosuchtld", 411),
        ("foo.internal", 411),
        ("app.localhost", 411),
        ("10.0.0.1", 411),
        ("*.co.uk", 416),
        ("co.uk", 416),
        ("*.com", 416),
        ("*.github.io", 416),
        ("*.corp", 416),
        ("xn--a.example.org", 429),
        ("xn--bcher-kva0.example.org", 429),
        ("xn--ascii-.example.org", 408),
        ("a_b.example.org", 438),
        ("_dmarc.example.org", 438),
        ("localhost", 448),
        ("com", 448),
        ("*", 448),
        ("app", 448),
        (label.as_str(), 513),
        (name.as_str(), 423),
        (unicode.as_str(), 514),
    ] {
        assert_eq!(
            blamed(create("reserved_domain", json!({"domain": given}))),
            [format!("domain {code}")],
            "{given}"
        );
    }
}

#[test]
fn labels_of_the_server_are_nobodys() {
    for label in RESERVED_LABELS {
        let name = format!("{label}.adit.example.com");
        assert_eq!(
            blamed(create("reserved_domain", json!({"domain": name}))),
            ["domain 404"]
        );
    }
}

#[test]
fn no_name_is_a_random_one_and_the_old_field_still_works() {
    let domain = create("reserved_domain", json!({})).unwrap().object.body["domain"].clone();
    let domain = domain.as_str().unwrap();
    assert!(domain.ends_with(".adit.example.com") && domain.len() > 30, "{domain}");
    // It follows from the id.
    let kind = kind("reserved_domain");
    let other = draft::create(
        kind,
        false,
        &map(json!({})),
        id(Prefix::ReservedDomain, 8),
        None,
        &ctx(),
    )
    .unwrap();
    assert_ne!(other.object.body["domain"], domain);
    let named = create("reserved_domain", json!({"name": "shop"})).unwrap();
    assert_eq!(named.object.body["domain"], "shop.adit.example.com");
    assert!(!named.object.body.contains_key("name"));
    let named = create("reserved_domain", json!({"name": "shop.example.org"})).unwrap();
    assert_eq!(named.object.body["domain"], "shop.example.org");
    assert_eq!(
        blamed(create(
            "reserved_domain",
            json!({"name": "a", "domain": "b.example.org"})
        )),
        ["domain 449"]
    );
}

#[test]
fn a_name_is_owned_with_what_is_below() {
    let claim = |domain: &str| {
        create("reserved_domain", json!({"domain": domain}))
            .unwrap()
            .claims
            .remove(0)
    };
    let of = |claim: Claim| (claim.class, claim.key, claim.scope);
    let scope = |root: &str| Scope::Subtree {
        root: root.to_owned(),
        below: ErrorCode::NGROK_417,
    };
    assert_eq!(
        of(claim("app.example.org")),
        ("name", "org.example.app.".to_owned(), scope("org.example.app."))
    );
    assert_eq!(
        of(claim("*.example.org")),
        ("name", "org.example.*.".to_owned(), scope("org.example."))
    );
    let claim = claim("example.org");
    assert_eq!(
        (claim.taken, claim.foreign),
        (ErrorCode::NGROK_413, ErrorCode::NGROK_414)
    );
}

#[test]
fn reservations_are_found_from_hosts() {
    let host = |name: &str| CanonicalHost::for_endpoint(name).unwrap();
    assert_eq!(
        candidates(&host("a.b.example.org")),
        ["org.example.b.a.", "org.example.b.*.", "org.example.*.", "org.*."]
    );
    assert_eq!(candidates(&host("*.example.org")), ["org.example.*.", "org.*."]);
    assert_eq!(reversed("example.org"), "org.example.");
    let needed = |name: &str| needed_above(&host(name), "adit.example.com");
    assert!(needed("shop.adit.example.com").is_empty());
    assert!(needed("*.shop.adit.example.com").is_empty());
    assert!(needed("a.b.example.org").is_empty());
    assert_eq!(
        needed("x.shop.adit.example.com"),
        ["com.example.adit.shop.", "com.example.adit.shop.*."]
    );
    assert_eq!(needed("a.b.shop.adit.example.com").len(), 4);
}

#[test]
fn certificates_come_from_one_source_and_not_for_our_names() {
    let certificate = id(Prefix::Certificate, 1).to_string();
    let policy = json!({"authority": "letsencrypt"});
    let make = |domain: &str, certificate: &str, policy: &Value| {
        let body = json!({"domain": domain, "certificate_id": certificate, "certificate_management_policy": policy});
        create("reserved_domain", body)
    };
    let none = Value::Null;
    let prepared = make("app.example.org", &certificate, &none).unwrap();
    assert_eq!(prepared.references[0].missing, ErrorCode::NGROK_1965);
    let prepared = make("app.example.org", "", &policy).unwrap();
    assert_eq!(
        prepared.object.body["certificate_management_policy"],
        json!({"authority": "letsencrypt", "private_key_type": "ecdsa"})
    );
    assert_eq!(
        blamed(make("app.example.org", &certificate, &policy)),
        ["certificate_id 434"]
    );
    assert_eq!(
        blamed(make("a.adit.example.com", &certificate, &none)),
        ["certificate_id 440"]
    );
    assert_eq!(
        blamed(make("a.adit.example.com", "", &policy)),
        ["certificate_management_policy 439"]
    );
    assert_eq!(
        blamed(make("me.github.io", "", &policy)),
        ["certificate_management_policy 447"]
    );
    assert!(make("a.me.github.io", "", &policy).is_ok());
    assert!(make("example.org", "", &policy).is_ok());
    // The operators' organisation may.
    let mut operators = ctx();
    operators.is_operators = true;
    let body = map(json!({"domain": "a.adit.example.com", "certificate_id": certificate}));
    let kind = kind("reserved_domain");
    assert!(draft::create(kind, false, &body, id(Prefix::ReservedDomain, 1), None, &operators).is_ok());
    for (policy, field, code) in [
        (json!({"authority": "nobody"}), "authority", 435),
        (json!({"private_key_type": "dsa"}), "private_key_type", 1909),
    ] {
        let at = format!("certificate_management_policy.{field} {code}");
        assert_eq!(blamed(make("app.example.org", "", &policy)), [at]);
    }
    let object = made(
        "reserved_domain",
        json!({"domain": "app.example.org", "certificate_id": certificate}),
    );
    assert_eq!(
        blamed(update(&object, json!({"certificate_management_policy": {}}))),
        ["certificate_id 434"]
    );
    // A policy is replaced whole.
    let object = made(
        "reserved_domain",
        json!({"domain": "app.example.org", "certificate_management_policy": {"private_key_type": "rsa"}}),
    );
    let next = update(
        &object,
        json!({"certificate_management_policy": {"authority": "zerossl"}}),
    )
    .unwrap()
    .unwrap();
    assert_eq!(
        next.object.body["certificate_management_policy"],
        json!({"authority": "zerossl", "private_key_type": "ecdsa"})
    );
}

#[test]
fn the_other_fields_have_their_numbers() {
    let with = |field: &str, value: Value| create("reserved_domain", json!({"domain": "a.example.org", field: value}));
    assert_eq!(blamed(with("description", "x".repeat(256).into())), ["description 420"]);
    assert_eq!(blamed(with("metadata", "x".repeat(4097).into())), ["metadata 421"]);
    assert_eq!(blamed(with("region", "mars".into())), ["region 500"]);
    for region in ["au", "eu", "ap", "us", "jp", "in", "sa", "global", ""] {
        assert_eq!(with("region", region.into()).unwrap().object.body["region"], region);
    }
    assert!(with("resolves_to", json!([{"value": "global"}, {"value": "eu-1"}])).is_ok());
    assert_eq!(
        blamed(with("resolves_to", json!([{"value": "eu"}, {"value": "eu"}]))),
        ["resolves_to[1].value 456"]
    );
    assert_eq!(
        blamed(with("resolves_to", json!([{"value": "the moon"}]))),
        ["resolves_to[0].value 459"]
    );
    assert_eq!(blamed(with("resolves_to", json!([{}]))), ["resolves_to[0].value 459"]);
    assert_eq!(
        blamed(with("resolves_to", json!([{"value": "eu", "x": 1}]))),
        ["resolves_to[0].x 214"]
    );
    let object = object("reserved_domain");
    assert_eq!(blamed(update(&object, json!({}))), [" 422"]);
    assert_eq!(
        blamed(update(&object, json!({"domain": "b.example.org"}))),
        ["domain 215"]
    );
    assert_eq!(blamed(update(&object, json!({"name": "b"}))), ["name 215"]);
    assert!(update(&object, json!({"domain": "*.EXAMPLE.org."})).unwrap().is_none());
}

#[test]
fn answers_say_what_to_enter_in_dns() {
    let wild = shown(&made("reserved_domain", json!({"domain": "*.example.org"})), true);
    let cname = wild["cname_target"].as_str().unwrap();
    assert_eq!(cname.len(), 20 + ".cname.adit.example.com".len());
    assert!(cname.ends_with(".cname.adit.example.com"));
    assert!(
        wild["acme_challenge_cname_target"]
            .as_str()
            .unwrap()
            .ends_with(".acme.adit.example.com")
    );
    assert_eq!(wild["state"], "pending_dns");
    assert_eq!(wild["certificate_management_status"], Value::Null);
    let records: Vec<_> = wild["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].clone())
        .collect();
    assert_eq!(
        records,
        [
            "*.example.org",
            "_adit-challenge.example.org",
            "_acme-challenge.example.org"
        ]
    );
    assert_eq!(
        wild["records"][1]["value"].as_str().unwrap().len(),
        "adit-verify=".len() + 32
    );
    let exact = shown(&made("reserved_domain", json!({"domain": "a.example.org"})), true);
    assert_eq!(exact["acme_challenge_cname_target"], Value::Null);
    let ours = shown(&made("reserved_domain", json!({"domain": "a.adit.example.com"})), true);
    assert_eq!(ours["cname_target"], Value::Null);
    assert_eq!(ours["state"], "active");
    assert_eq!(ours["records"], json!([]));
    let managed = json!({"domain": "a.example.org", "certificate_management_policy": {}});
    let answer = shown(&made("reserved_domain", managed), false);
    assert_eq!(
        answer["certificate_management_status"],
        json!({"renews_at": null, "provisioning_job": null})
    );
    assert_eq!(answer.get("state"), None);
    let domain = reserved_domain::domain(&made("reserved_domain", json!({"domain": "*.example.org"}))).unwrap();
    assert!(domain.host.is_wildcard() && !domain.is_active);
}

/// Certificates are obtained for names outside the base domain unless something else is asked for.
#[test]
fn the_usual_policy_is_that_of_names_that_can_have_one() {
    let with_acme = |acme: bool, body: Value| {
        let ctx = adit_model::Context { acme, ..ctx() };
        let id = id(Prefix::ReservedDomain, 9);
        let made = draft::create(kind("reserved_domain"), true, &map(body), id, None, &ctx);
        made.unwrap().object.body["certificate_management_policy"].clone()
    };
    let usual = json!({"authority": "letsencrypt", "private_key_type": "ecdsa"});
    assert_eq!(with_acme(true, json!({"domain": "a.example.org"})), usual);
    assert_eq!(
        with_acme(
            true,
            json!({"domain": "a.example.org", "certificate_management_policy": null})
        ),
        usual
    );
    assert_eq!(with_acme(false, json!({"domain": "a.example.org"})), Value::Null);
    assert_eq!(with_acme(true, json!({"domain": "a.adit.example.com"})), Value::Null);
    let uploaded = json!({"domain": "a.example.org", "certificate_id": id(Prefix::Certificate, 1).to_string()});
    assert_eq!(with_acme(true, uploaded), Value::Null);
}
