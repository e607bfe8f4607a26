//! What the tests of the model share: a context, ids, short ways to make and change objects.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several test files"
)]

use adit_model::{Context, Kind, Object, Prepared, Problems, View, catalogue, draft, show};
use adit_names::id::{Id, Prefix};
use serde_json::{Map, Value};

pub(crate) fn ctx() -> Context {
    Context {
        now: 1_795_000_000_000_000,
        base_domain: "adit.example.com".to_owned(),
        private_suffixes: vec!["corp".to_owned()],
        https_port: 443,
        http_port: 80,
        tcp_ports: Some((20_000, 20_009)),
        organization: id(Prefix::Account, 1),
        is_operators: false,
        principal: Some(id(Prefix::User, 2)),
    }
}

pub(crate) fn id(prefix: Prefix, n: u8) -> Id {
    Id::new(prefix, 1_795_000_000, [n; 16])
}

pub(crate) fn kind(name: &str) -> &'static Kind {
    catalogue::by_name(name).unwrap_or_else(|| panic!("no kind {name}"))
}

pub(crate) fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

pub(crate) fn create(name: &str, body: Value) -> Result<Prepared, Problems> {
    create_as(name, false, body)
}

/// Through the surface with additions where that is asked for, or the kind has no other.
pub(crate) fn create_as(name: &str, additions: bool, body: Value) -> Result<Prepared, Problems> {
    let kind = kind(name);
    let owner = Some(id(Prefix::User, 2));
    draft::create(kind, additions, &map(body), id(kind.prefix, 9), owner, &ctx())
}

pub(crate) fn made(name: &str, body: Value) -> Object {
    stored(create_as(name, true, body).unwrap())
}

/// As the store gives it back.
pub(crate) fn stored(prepared: Prepared) -> Object {
    let mut object = prepared.object;
    object.revision = 1;
    object
}

pub(crate) fn update(object: &Object, patch: Value) -> Result<Option<Prepared>, Problems> {
    draft::update(kind(&object.kind), true, object, &map(patch), &[], &ctx())
}

pub(crate) fn view(additions: bool) -> View<'static> {
    View {
        url: "https://api.example.com",
        additions,
        base_domain: "adit.example.com",
    }
}

pub(crate) fn shown(object: &Object, additions: bool) -> Value {
    show(kind(&object.kind), object, &view(additions))
}

/// `field code` of every problem.
pub(crate) fn blamed(result: Result<impl std::fmt::Debug, Problems>) -> Vec<String> {
    let problems = result.unwrap_err().0;
    for problem in &problems {
        let text = problem.message();
        assert!(
            !text.contains('{'),
            "{}: a placeholder is not filled: {text}",
            problem.code
        );
    }
    problems
        .iter()
        .map(|p| format!("{} {}", p.field, p.code.number()))
        .collect()
}
