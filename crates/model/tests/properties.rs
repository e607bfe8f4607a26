//! Whatever is sent, an answer comes, and what is accepted is stable.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

mod common;

use std::collections::HashMap;
use std::sync::LazyLock;

use adit_model::catalogue::KINDS;
use adit_model::{MAX_PROBLEMS, Object, Writable, draft, show};
use base64::Engine as _;
use common::*;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// One object of each kind; keys take time to make.
static OBJECTS: LazyLock<HashMap<&'static str, Object>> =
    LazyLock::new(|| KINDS.iter().map(|kind| (kind.name, object(kind.name))).collect());

static PAIR: LazyLock<(String, String)> = LazyLock::new(|| certificate("www.example.org"));
static AUTHORITY: LazyLock<String> = LazyLock::new(|| authority("Example").0);

/// What the block of a PEM text holds.
fn unarmour(pem: &str) -> Vec<u8> {
    let data: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(data).unwrap()
}

/// A PEM text with the lines of another one around it.
fn armour(pem: &str, der: &[u8]) -> String {
    let lines: Vec<&str> = pem.lines().collect();
    let data = base64::engine::general_purpose::STANDARD.encode(der);
    format!("{}\n{data}\n{}\n", lines[0], lines[lines.len() - 1])
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z0-9*.:/_-]{0,40}",
        "(https|tcp|http)://[a-z.*]{0,20}(:[0-9]{0,6})?",
        "[0-9a-f.:]{0,20}(/[0-9]{0,3})?",
        "(ipp|usr|cert|vault|role)_[0-9A-Za-z]{26,28}",
        Just("2027-01-01T00:00:00Z".to_owned()),
        Just("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----".to_owned()),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..6).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Names of fields of any kind, and others.
fn name() -> impl Strategy<Value = String> {
    let names: Vec<String> = KINDS
        .iter()
        .flat_map(|kind| kind.fields.iter().map(|field| field.name.to_owned()))
        .chain(["id", "value", "authority", "sessions", "type"].map(str::to_owned))
        .collect();
    prop_oneof![9 => prop::sample::select(names), 1 => any::<String>()]
}

/// A body with the names of one kind.
fn body() -> impl Strategy<Value = (usize, Map<String, Value>)> {
    (0..KINDS.len()).prop_flat_map(|at| {
        let names: Vec<&'static str> = KINDS[at].fields.iter().map(|field| field.name).collect();
        let key = prop_oneof![9 => prop::sample::select(names).prop_map(str::to_owned), 1 => name()];
        (
            Just(at),
            prop::collection::vec((key, json()), 0..8).prop_map(|pairs| pairs.into_iter().collect()),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Nothing that is sent brings it down; refusals are bounded and have usable texts; what is accepted can be shown,
    /// claimed, and written again without a change.
    #[test]
    fn any_body_is_answered((at, body) in body(), additions: bool, unset in prop::collection::vec(name(), 0..3)) {
        let kind = KINDS[at];
        let unset: Vec<&str> = unset.iter().map(String::as_str).collect();
        let current = &OBJECTS[kind.name];
        let of = |problems: adit_model::Problems| {
            assert!(!problems.0.is_empty() && problems.0.len() <= MAX_PROBLEMS);
            for problem in problems.0 {
                assert!(problem.message().len() < 2048);
            }
        };
        match draft::create(kind, additions, &body, id(kind.prefix, 5), None, &ctx()) {
            Ok(prepared) => check(&stored(prepared)),
            Err(problems) => of(problems),
        }
        match draft::update(kind, additions, current, &body, &unset, &ctx()) {
            Ok(Some(prepared)) => {
                // A change changes something.
                prop_assert!(prepared.object.body != current.body || !prepared.secrets.is_empty());
                check(&stored(prepared));
            }
            Ok(None) => {}
            Err(problems) => of(problems),
        }
    }

    /// Certificates and keys that were damaged anywhere are refused or read, never more.
    #[test]
    fn damaged_certificates_are_answered(
        at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        part in 0..3,
    ) {
        let damage = |pem: &str| {
            let mut der = unarmour(pem);
            for (place, byte) in &at {
                let place = place.index(der.len());
                der[place] = *byte;
            }
            armour(pem, &der)
        };
        let (certificate, key) = &*PAIR;
        let certificate = if part == 0 { damage(certificate) } else { certificate.clone() };
        let key = if part == 1 { damage(key) } else { key.clone() };
        let tls = serde_json::json!({"certificate_pem": certificate, "private_key_pem": key});
        let _ = create("tls_certificate", tls);
        let authority = if part == 2 { damage(&AUTHORITY) } else { certificate };
        let _ = create("certificate_authority", serde_json::json!({"ca_pem": authority}));
    }

    /// A change of one valid object by parts of itself is none.
    #[test]
    fn parts_of_itself_change_nothing(at in 0..KINDS.len(), picked: u64) {
        let kind = KINDS[at];
        let object = &OBJECTS[kind.name];
        let mut patch = Map::new();
        for (n, field) in kind.fields.iter().enumerate() {
            if let Some(value) = object.body.get(field.name)
                && picked >> (n % 64) & 1 == 1
                && field.writable != Writable::Never
            {
                patch.insert(field.name.to_owned(), value.clone());
            }
        }
        match draft::update(kind, true, object, &patch, &[], &ctx()) {
            Ok(next) => prop_assert!(next.is_none(), "{next:?}"),
            Err(problems) => {
                let nothing_given = patch.values().all(Value::is_null);
                prop_assert!(nothing_given && Some(problems.0[0].code) == kind.empty_update, "{problems:?}");
            }
        }
    }
}

/// What holds for every object that was accepted.
fn check(object: &Object) {
    let kind = kind(&object.kind);
    for additions in [false, true] {
        let answer = show(kind, object, &view(additions));
        assert!(answer.get("id").is_some());
    }
    for claim in (kind.claims)(object) {
        assert!(!claim.key.is_empty() && claim.key.len() < 8192);
    }
    let _ = (kind.references)(object);
    // Written again as it is, it stays.
    let mut patch = Map::new();
    for field in kind.fields.iter().filter(|field| field.writable != Writable::Never) {
        if let Some(value) = object.body.get(field.name) {
            patch.insert(field.name.to_owned(), value.clone());
        }
    }
    match draft::update(kind, true, object, &patch, &[], &ctx()) {
        Ok(next) => assert!(
            next.is_none(),
            "{} is not stable: {object:?} becomes {next:?}",
            kind.name
        ),
        Err(problems) => assert_eq!(
            Some(problems.0[0].code),
            kind.empty_update,
            "{problems:?} of {object:?}"
        ),
    }
}
