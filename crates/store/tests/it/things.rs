//! Objects and changes for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adit_model::{Claim, Object, OnDelete, Prepared, Reference, Scope, SecretValue};
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use adit_store::{Actor, Again, Change, Source, Store, Write, WriteError, Written};
use serde_json::{Map, Value, json};

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A new id; later ones are greater.
pub(crate) fn id(prefix: Prefix) -> Id {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut random = [0; 16];
    random[8..].copy_from_slice(&number.to_be_bytes());
    random[..4].copy_from_slice(&std::process::id().to_be_bytes());
    Id::new(prefix, 1_795_000_000, random)
}

pub(crate) fn organization() -> Id {
    id(Prefix::Account)
}

pub(crate) fn object(prefix: Prefix, kind: &str, organization: Id, body: Value) -> Object {
    let Value::Object(body) = body else {
        panic!("a body is an object")
    };
    Object {
        id: id(prefix),
        kind: kind.to_owned(),
        organization,
        owner: None,
        schema: 1,
        revision: 0,
        created_at: 0,
        updated_at: 0,
        body,
    }
}

pub(crate) fn policy(organization: Id, description: &str) -> Object {
    object(
        Prefix::IpPolicy,
        "ip_policy",
        organization,
        json!({"description": description, "metadata": ""}),
    )
}

pub(crate) fn prepared(object: Object) -> Prepared {
    Prepared {
        object,
        claims: Vec::new(),
        references: Vec::new(),
        secrets: Vec::new(),
    }
}

pub(crate) fn actor() -> Actor {
    Actor {
        principal: None,
        subject: "a@example.com".to_owned(),
        source: Source::Api,
        credential: None,
        ip: Some("203.0.113.7".parse().unwrap()),
        user_agent: "test".to_owned(),
        operation_id: "op_1".to_owned(),
    }
}

pub(crate) fn write(organization: Id, changes: Vec<Change>) -> Write {
    Write {
        organization,
        actor: actor(),
        changes,
        dry_run: false,
    }
}

/// An update of what was seen, with one field set; made anew in the same way.
pub(crate) fn set(seen: &Object, field: &'static str, value: Value) -> Change {
    let change = move |object: &Object| {
        let mut next = object.clone();
        next.body.insert(field.to_owned(), value.clone());
        prepared(next)
    };
    Change::Update {
        seen: seen.revision,
        next: change(seen),
        again: Again(Arc::new(move |object| Ok(Some(change(object))))),
        only_seen: false,
    }
}

pub(crate) fn delete(id: Id) -> Change {
    Change::Delete { id, only: None }
}

pub(crate) async fn create(store: &Store, prepared: Prepared) -> Result<Object, WriteError> {
    let organization = prepared.object.organization;
    let written: Written = store.write(write(organization, vec![Change::Create(prepared)])).await?;
    Ok(written.objects.into_iter().next().unwrap())
}

pub(crate) fn exact(class: &'static str, key: &str) -> Claim {
    Claim {
        class,
        key: key.to_owned(),
        scope: Scope::Exact,
        taken: ErrorCode::NGROK_105,
        foreign: ErrorCode::NGROK_106,
    }
}

/// `com.example.*.` below `com.example.`.
pub(crate) fn name(key: &str) -> Claim {
    let root = key.strip_suffix("*.").unwrap_or(key).to_owned();
    Claim {
        class: "name",
        key: key.to_owned(),
        scope: Scope::Subtree {
            root,
            below: ErrorCode::NGROK_107,
        },
        taken: ErrorCode::NGROK_105,
        foreign: ErrorCode::NGROK_106,
    }
}

pub(crate) fn domain(organization: Id, key: &str) -> Prepared {
    let object = object(
        Prefix::ReservedDomain,
        "reserved_domain",
        organization,
        json!({"domain": key}),
    );
    Prepared {
        claims: vec![name(key)],
        ..prepared(object)
    }
}

pub(crate) fn reference(field: &'static str, to: Id, on_delete: OnDelete) -> Reference {
    Reference {
        field,
        to,
        on_delete,
        missing: ErrorCode::NGROK_118,
    }
}

pub(crate) fn rule(organization: Id, policy: Id, on_delete: OnDelete) -> Prepared {
    let object = object(
        Prefix::IpPolicyRule,
        "ip_policy_rule",
        organization,
        json!({"ip_policy_id": policy.to_string(), "cidr": "10.0.0.0/8", "action": "allow"}),
    );
    Prepared {
        references: vec![reference("ip_policy_id", policy, on_delete)],
        ..prepared(object)
    }
}

pub(crate) fn sealed(text: &str) -> SecretValue {
    SecretValue::Sealed(text.as_bytes().to_vec().into())
}

pub(crate) fn refused(result: Result<impl Sized, WriteError>) -> ErrorCode {
    match result {
        Err(WriteError::Refused(refusal)) => refusal.code,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

pub(crate) fn body(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else {
        panic!("a body is an object")
    };
    map
}
