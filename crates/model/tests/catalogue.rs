//! What holds for every kind: its descriptor is consistent and the one that the table of control plane 2.0 has; types,
//! defaults, null, repeats and clearing behave alike for every field.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

mod common;

use std::collections::{BTreeMap, HashSet};

use adit_model::catalogue::{KINDS, by_name, by_prefix};
use adit_model::{Field, Form, Kind, Writable, draft};
use adit_names::id::Prefix;
use common::*;
use serde_json::{Map, Value, json};

/// Rows of control plane 2.0 for the kinds that are stored, word by word.
const MATRIX: &[(&str, &str)] = &[
    (
        "endpoint",
        "region:s · created_at:s · updated_at:s · public_url:s · proto:s · scheme:s · hostport:s · host:s · port:i · type:s(c!) · metadata:s(cu) · description:s(cu) · domain:Ref(?) · tcp_addr:Ref(?) · tunnel:Ref(?) · edge:Ref(?) · upstream_url:s · upstream_protocol:s · url:s(c!u) · principal:Ref(?) · traffic_policy:s(c!u) · bindings:[s](cu) · tunnel_session:Ref(?) · name:s · pooling_enabled:b(cu)",
    ),
    (
        "reserved_domain",
        "created_at:s · description:s(cu) · metadata:s(cu) · domain:s(c) · region:s(c) · cname_target:s(?) · certificate:Ref(?) · certificate_management_policy:ReservedDomainCertPolicy(cu?) · certificate_management_status:ReservedDomainCertStatus(?) · acme_challenge_cname_target:s(?) · resolves_to:[ReservedDomainResolvesToEntry](cu) · certificate_id:s(cuw)",
    ),
    (
        "reserved_addr",
        "created_at:s · description:s(cu) · metadata:s(cu) · addr:s · region:s(c)",
    ),
    (
        "tls_certificate",
        "created_at:s · description:s(cu) · metadata:s(cu) · certificate_pem:s(c!) · subject_common_name:s · subject_alternative_names:TLSCertificateSANs · issued_at:s(?) · not_before:s · not_after:s · key_usages:[s] · extended_key_usages:[s] · private_key_type:s · issuer_common_name:s · serial_number:s · subject_organization:s · subject_organizational_unit:s · subject_locality:s · subject_province:s · subject_country:s · private_key_pem:s(c!wS)",
    ),
    (
        "certificate_authority",
        "created_at:s · description:s(cu) · metadata:s(cu) · ca_pem:s(c!) · subject_common_name:s · not_before:s · not_after:s · key_usages:[s] · extended_key_usages:[s]",
    ),
    (
        "credential",
        "created_at:s · description:s(cu) · metadata:s(cu) · token:s(?S) · acl:[s](cu) · owner_id:s(c?)",
    ),
    (
        "api_key",
        "description:s(cu) · metadata:s(cu) · created_at:s · token:s(?S) · owner_id:s(c?)",
    ),
    ("service_user", "name:s(cu) · active:b(cu) · created_at:s"),
    ("ip_policy", "created_at:s · description:s(cu) · metadata:s(cu)"),
    (
        "ip_policy_rule",
        "created_at:s · description:s(cu) · metadata:s(cu) · cidr:s(c!u) · ip_policy:Ref · action:s(c!) · ip_policy_id:s(c!w)",
    ),
    (
        "ip_restriction",
        "created_at:s · description:s(cu) · metadata:s(cu) · enforced:b(cu) · type:s(c!) · ip_policies:[Ref] · ip_policy_ids:[s](c!uw)",
    ),
    (
        "agent_ingress",
        "description:s(cu) · metadata:s(cu) · domain:s(c!) · ns_targets:[s] · region_domains:[s] · created_at:s · certificate_management_policy:AgentIngressCertPolicy(cu?) · certificate_management_status:AgentIngressCertStatus(?)",
    ),
    (
        "vault",
        "created_at:s · updated_at:s · name:s(cu) · description:s(cu) · metadata:s(cu) · created_by:s · last_updated_by:s",
    ),
    (
        "secret",
        "created_at:s · updated_at:s · name:s(cu) · description:s(cu) · metadata:s(cu) · created_by:Ref · last_updated_by:Ref · vault:Ref · vault_name:s(c) · value:s(cuwS) · vault_id:s(cw)",
    ),
];
/// Where the text of section 2 corrects the table.
const CORRECTED: &[(&str, &str, &str)] = &[
    // 2.1: the type has a default.
    ("endpoint", "type", "s(c)"),
    // 2.6, 2.10: names and values are needed.
    ("service_user", "name", "s(c!u)"),
    ("vault", "name", "s(c!u)"),
    ("secret", "name", "s(c!u)"),
    ("secret", "value", "s(c!uwS)"),
];

#[test]
fn kinds_are_told_apart() {
    let mut seen = HashSet::new();
    for kind in KINDS {
        for (what, text) in [
            ("name", kind.name),
            ("prefix", kind.prefix.as_str()),
            ("path", kind.path),
            ("operations", kind.operations),
        ] {
            assert!(seen.insert((what, text)), "{what} {text} twice");
        }
        assert!(std::ptr::eq(by_name(kind.name).unwrap(), *kind));
        assert!(std::ptr::eq(by_prefix(kind.prefix).unwrap(), *kind));
        assert!(kind.schema >= 1 && kind.about.ends_with('.'), "{}", kind.name);
        for field in kind.fields {
            let about = field.hidden && field.writable == Writable::Never || field.about.ends_with('.');
            assert!(about, "{} {}: {:?}", kind.name, field.name, field.about);
            let writable = field.writable != Writable::Never;
            assert!(seen.insert((kind.name, if writable { field.name } else { "" })) || !writable);
            assert!(!(field.required && field.nullable), "{} {}", kind.name, field.name);
            assert!(!field.hidden || field.secret.is_none() || field.writable != Writable::Never);
        }
    }
    assert_eq!(by_prefix(Prefix::Bot).unwrap().name, "service_user");
    assert!(by_name("nonsense").is_none());
}

#[test]
fn fields_are_those_of_the_table() {
    for (name, row) in MATRIX {
        let mut wanted: BTreeMap<&str, String> = BTreeMap::new();
        for entry in row.split(" · ").filter(|entry| !entry.starts_with("created_at:")) {
            let (field, form) = entry.split_once(':').unwrap();
            wanted.insert(field, form.to_owned());
        }
        for (_, field, form) in CORRECTED.iter().filter(|(kind, ..)| kind == name) {
            *wanted.get_mut(field).unwrap() = (*form).to_owned();
        }
        let described = |field: &&Field| !field.addition && !field.legacy;
        let internal = |field: &&Field| !(field.hidden && field.writable == Writable::Never);
        let found: BTreeMap<&str, &Field> = kind(name)
            .fields
            .iter()
            .filter(described)
            .filter(internal)
            .map(|field| (field.name, field))
            .collect();
        assert_eq!(
            wanted.keys().collect::<Vec<_>>(),
            found.keys().collect::<Vec<_>>(),
            "{name}"
        );
        for (field, form) in wanted {
            let (of, flags) = form.split_once('(').unwrap_or((&form, ""));
            let f = found[field];
            let is = |flag: char| flags.contains(flag);
            let at = format!("{name}.{field}: {form}");
            assert_eq!(is('c'), f.writable != Writable::Never, "{at}");
            assert_eq!(is('u'), f.writable == Writable::Always, "{at}");
            assert_eq!(is('!'), f.required, "{at}");
            assert_eq!(is('w'), f.hidden, "{at}");
            assert_eq!(is('?'), f.nullable && !f.hidden, "{at}");
            assert_eq!(is('S'), f.secret.is_some(), "{at}");
            let fits = matches!(
                (of, f.form),
                ("s", Form::Text(_) | Form::Choice(_) | Form::Id(_) | Form::Timestamp)
                    | ("b", Form::Flag)
                    | ("i", Form::Integer(..))
                    | ("[s]", Form::Texts(..) | Form::Ids(..))
                    | ("Ref" | "[Ref]", Form::Any)
                    | ("[ReservedDomainResolvesToEntry]", Form::Objects(..))
                    | (
                        "ReservedDomainCertPolicy" | "AgentIngressCertPolicy" | "TLSCertificateSANs",
                        Form::Object(_)
                    )
                    | ("ReservedDomainCertStatus" | "AgentIngressCertStatus", Form::Any)
            );
            assert!(fits, "{at} is {:?}", f.form);
        }
    }
}

/// Values that are of no type that this form has.
fn wrong(form: Form) -> Vec<Value> {
    let all = [
        json!(true),
        json!(7),
        json!(1.5),
        json!("\u{1}text"),
        json!(["\0"]),
        json!([7]),
        json!({"\0": 1}),
    ];
    let keep = |value: &Value| match form {
        Form::Text(_) | Form::Choice(_) | Form::Id(_) | Form::Timestamp => !value.is_string(),
        Form::Flag => !value.is_boolean(),
        Form::Integer(..) => value.as_i64().is_none(),
        Form::Ids(..) => *value != json!(["\0"]),
        Form::Texts(..) | Form::Objects(..) | Form::Map(_) | Form::Object(_) => true,
        Form::Any => false,
    };
    all.into_iter().filter(keep).collect()
}

#[test]
fn a_wrong_type_is_refused_wherever_it_stands() {
    let mut tried = 0;
    for kind in KINDS {
        let sample = sample(kind.name);
        let object = made(kind.name, sample.clone());
        for field in kind.fields.iter().filter(|field| field.writable != Writable::Never) {
            let mut values: Vec<(String, Value)> = wrong(field.form)
                .into_iter()
                .map(|value| (field.name.to_owned(), value))
                .collect();
            if let Form::Object(fields) | Form::Objects(fields, _) = field.form {
                let is_list = matches!(field.form, Form::Objects(..));
                for inner in fields {
                    for value in wrong(inner.form) {
                        let whole = json!({inner.name: value});
                        let (path, whole) = if is_list {
                            (format!("{}[0].{}", field.name, inner.name), json!([whole]))
                        } else {
                            (format!("{}.{}", field.name, inner.name), whole)
                        };
                        values.push((path, whole));
                    }
                }
            }
            for (path, value) in values {
                tried += 1;
                let mut body = sample.clone();
                body[field.name] = value.clone();
                let blamed = blamed(create_as(kind.name, true, body));
                assert!(
                    blamed
                        .iter()
                        .any(|text| text.starts_with(&path) && text.ends_with(" 215"))
                        || blamed
                            .iter()
                            .any(|text| text.starts_with(&format!("{path}.")) && text.ends_with(" 214")),
                    "{} {path} {value}: {blamed:?}",
                    kind.name
                );
                assert!(
                    update(&object, json!({field.name: value})).is_err(),
                    "{} {path}",
                    kind.name
                );
            }
        }
    }
    assert!(tried > 700, "{tried}");
}

#[test]
fn every_text_has_its_bound_and_no_zero_byte() {
    for kind in KINDS {
        for field in kind.fields.iter().filter(|field| field.writable != Writable::Never) {
            let Form::Text(most) = field.form else { continue };
            for text in ["a\0b".to_owned(), "x".repeat(most + 1)] {
                let mut body = sample(kind.name);
                body[field.name] = text.into();
                let blamed = blamed(create_as(kind.name, true, body));
                let blames = |text: &String| text.starts_with(&format!("{} ", field.name));
                assert!(blamed.iter().any(blames), "{} {}: {blamed:?}", kind.name, field.name);
            }
        }
    }
}

#[test]
fn null_is_absent_for_every_field() {
    for kind in KINDS {
        let body = map(sample(kind.name));
        let mut nulls = body.clone();
        for field in kind.fields.iter().filter(|field| field.writable != Writable::Never) {
            nulls.entry(field.name).or_insert(Value::Null);
        }
        let plain = create_as(kind.name, true, Value::Object(body)).unwrap();
        let with_nulls = create_as(kind.name, true, Value::Object(nulls.clone())).unwrap();
        assert_eq!(plain.object, with_nulls.object, "{}", kind.name);
        // In a change null leaves everything as it is.
        let object = stored(plain);
        let all_null: Map<String, Value> = nulls.keys().map(|name| (name.clone(), Value::Null)).collect();
        match update(&object, Value::Object(all_null)) {
            Ok(next) => assert!(next.is_none(), "{}", kind.name),
            Err(problems) => assert_eq!(Some(problems.0[0].code), kind.empty_update, "{}", kind.name),
        }
    }
}

#[test]
fn answers_have_all_described_fields_and_no_secrets() {
    for kind in KINDS {
        let object = object(kind.name);
        for additions in [false, true] {
            let answer = map(shown(&object, additions));
            let mut wanted: Vec<&str> = vec!["id", "uri", "created_at"];
            let is_shown = |field: &&Field| !field.hidden && !field.legacy && (additions || !field.addition);
            wanted.extend(kind.fields.iter().filter(is_shown).map(|field| field.name));
            assert_eq!(
                answer.keys().map(String::as_str).collect::<Vec<_>>(),
                wanted,
                "{}",
                kind.name
            );
            for field in kind.fields.iter().filter(is_shown) {
                fits(kind, field, &answer[field.name]);
            }
        }
        let text = format!("{object:?}");
        assert!(
            !text.contains("hunter2") && !text.contains("PRIVATE KEY"),
            "{}",
            kind.name
        );
    }
}

/// An object that an older version wrote, without any of the fields, is answered with all of them.
#[test]
fn answers_have_all_fields_whatever_is_stored() {
    for kind in KINDS {
        let mut object = object(kind.name);
        object.body.clear();
        let answer = shown(&object, true);
        for field in kind.fields.iter().filter(|field| !field.hidden && !field.legacy) {
            let value = &answer[field.name];
            assert!(
                field.nullable || !value.is_null() || matches!(field.form, Form::Any),
                "{} {}",
                kind.name,
                field.name
            );
        }
    }
}

fn fits(kind: &Kind, field: &Field, value: &Value) {
    let ok = match field.form {
        _ if value.is_null() => field.nullable,
        Form::Text(_) | Form::Choice(_) | Form::Id(_) | Form::Timestamp => value.is_string(),
        Form::Flag => value.is_boolean(),
        Form::Integer(least, most) => value.as_i64().is_some_and(|n| (least..=most).contains(&n)),
        Form::Ids(..) | Form::Texts(..) => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        Form::Objects(..) => value.as_array().is_some_and(|list| list.iter().all(Value::is_object)),
        Form::Map(_) | Form::Object(_) => value.is_object(),
        Form::Any => value.is_object() || value.is_array(),
    };
    assert!(ok, "{} {} is {value}", kind.name, field.name);
    if let (Form::Object(fields), Value::Object(map)) = (field.form, value) {
        for inner in fields {
            fits(
                kind,
                inner,
                map.get(inner.name)
                    .unwrap_or_else(|| panic!("{}.{}", field.name, inner.name)),
            );
        }
    }
}

#[test]
fn a_change_to_what_is_shown_changes_nothing() {
    for kind in KINDS {
        let object = object(kind.name);
        let answer = shown(&object, true);
        let mut patch = Map::new();
        for field in kind
            .fields
            .iter()
            .filter(|field| field.writable != Writable::Never && !field.legacy)
        {
            let value = if field.hidden {
                object.body.get(field.name)
            } else {
                answer.get(field.name)
            };
            if let Some(value) = value {
                patch.insert(field.name.to_owned(), value.clone());
            }
        }
        let next = update(&object, Value::Object(patch)).unwrap_or_else(|e| panic!("{} {e:?}", kind.name));
        assert!(next.is_none(), "{}: {next:?}", kind.name);
    }
}

#[test]
fn what_is_optional_can_be_cleared_and_the_rest_not() {
    for kind in KINDS {
        let object = object(kind.name);
        for field in kind.fields.iter().filter(|field| !field.legacy) {
            let result = draft::update(kind, true, &object, &Map::new(), &[field.name], &ctx());
            let writable: Vec<_> = kind
                .fields
                .iter()
                .filter(|f| f.name == field.name && f.writable == Writable::Always)
                .collect();
            match writable.as_slice() {
                [one] if !one.required && one.secret.is_none() => {
                    if let Some(next) = result.unwrap_or_else(|e| panic!("{} {}: {e:?}", kind.name, field.name)) {
                        assert_ne!(next.object.body, object.body);
                    }
                }
                _ => assert!(result.is_err(), "{} {}", kind.name, field.name),
            }
        }
    }
}

#[test]
fn defaults_are_values_of_their_fields() {
    for kind in KINDS {
        let object = object(kind.name);
        for field in kind.fields {
            let _: Value = if field.default.is_empty() {
                Value::Null
            } else {
                serde_json::from_str(field.default).unwrap_or_else(|e| panic!("{} {}: {e}", kind.name, field.name))
            };
            let value = field.default_value();
            let can_be_set =
                field.writable == Writable::Always && !field.required && field.secret.is_none() && !field.legacy;
            if can_be_set && !value.is_null() {
                let result = update(&object, json!({field.name: value}));
                assert!(result.is_ok(), "{} {}: {result:?}", kind.name, field.name);
            }
        }
    }
}
