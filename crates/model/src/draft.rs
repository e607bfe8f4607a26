//! From a request's body to an object that can be written: unknown fields, types, bounds, defaults, null, PATCH
//! (control plane 1.3, 1.6).

use adit_names::code::ErrorCode;
use adit_names::id::Id;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::claim::Claim;
use crate::context::Context;
use crate::digest::digest;
use crate::field::{Field, Writable};
use crate::kind::Kind;
use crate::object::Object;
use crate::problem::{MAX_PROBLEMS, Problem, Problems, shown};
use crate::reference::Reference;
use crate::secret::{SecretForm, SecretValue};
use crate::value::{Reader, absence};

/// An object with everything that the store's gate checks and writes in one step.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The object. Its revision and times are set by the store.
    pub object: Object,
    /// What it claims.
    pub claims: Vec<Claim>,
    /// What it refers to.
    pub references: Vec<Reference>,
    /// Secrets that are set anew, by field.
    pub secrets: Vec<(&'static str, SecretValue)>,
}

impl Prepared {
    /// An object that is known to be right, with what follows from it.
    #[must_use]
    pub fn new(kind: &Kind, object: Object) -> Self {
        Self {
            claims: (kind.claims)(&object),
            references: (kind.references)(&object),
            secrets: Vec::new(),
            object,
        }
    }

    /// Makes claims and references anew after the object's body was changed.
    pub fn renew(&mut self, kind: &Kind) {
        self.claims = (kind.claims)(&self.object);
        self.references = (kind.references)(&self.object);
    }
}

/// Fields of older clients that no kind has any more: ignored where they are empty.
const FORGOTTEN: &[&str] = &[
    "region",
    "http_endpoint_configuration_id",
    "https_endpoint_configuration_id",
    "endpoint_configuration_id",
    "error_redirect_url",
    "is_dev",
    "membership_id",
];

/// A new object from a request's body. `additions`: Adit's own fields may be given (below `/adit/`). `owner` is who
/// will own it, where its kind has owners.
///
/// # Errors
/// All that is wrong, in the order of the kind's fields; unknown fields first.
pub fn create(
    kind: &'static Kind,
    additions: bool,
    body: &Map<String, Value>,
    id: Id,
    owner: Option<Id>,
    ctx: &Context,
) -> Result<Prepared, Problems> {
    let mut found = Vec::new();
    unknown(kind, additions, body, None, &mut found);
    let mut object = Object {
        id,
        kind: kind.name.to_owned(),
        organization: ctx.organization,
        owner,
        schema: kind.schema,
        revision: 0,
        created_at: ctx.now,
        updated_at: ctx.now,
        body: Map::new(),
    };
    let reader = Reader { additions };
    for field in writable(kind) {
        let given = body
            .get(field.name)
            .filter(|value| !value.is_null() && (additions || !field.addition));
        let before = found.len();
        found.extend(absence(field, field.name, given, true));
        let read = match given {
            Some(value) if found.len() == before => reader.read(field, field.name, value, &mut found),
            _ => None,
        };
        if let Some(value) = read {
            object.body.insert(field.name.to_owned(), value);
        } else if field.secret.is_none() && !field.legacy {
            object.body.insert(field.name.to_owned(), field.default_value());
        }
    }
    add(&mut found, (kind.complete)(&mut object, None, ctx));
    settle(kind, found)?;
    let secrets = take_secrets(kind, &mut object.body);
    sign(kind, &mut object.body, ctx, true);
    let mut prepared = Prepared::new(kind, object);
    prepared.secrets = secrets;
    Ok(prepared)
}

/// What an object becomes by a change: `None` if it stays as it is. Absent and null fields stay; nested objects are
/// replaced whole; `unset` names optional fields that go back to their defaults.
///
/// # Errors
/// All that is wrong, in the order of the kind's fields; unknown fields first. The kind's `empty_update` if nothing is
/// given.
pub fn update(
    kind: &'static Kind,
    additions: bool,
    current: &Object,
    patch: &Map<String, Value>,
    unset: &[&str],
    ctx: &Context,
) -> Result<Option<Prepared>, Problems> {
    let mut found = Vec::new();
    unknown(kind, additions, patch, Some(current), &mut found);
    let mut next = current.clone();
    kind.name.clone_into(&mut next.kind);
    next.schema = next.schema.max(kind.schema);
    let reader = Reader { additions };
    let mut is_given = !unset.is_empty();
    for field in writable(kind).filter(|field| additions || !field.addition) {
        let Some(value) = patch.get(field.name).filter(|value| !value.is_null()) else {
            continue;
        };
        is_given |= !field.legacy || value.as_str() != Some("");
        let before = found.len();
        found.extend(absence(field, field.name, Some(value), false));
        if found.len() == before
            && let Some(value) = reader.read(field, field.name, value, &mut found)
        {
            next.body.insert(field.name.to_owned(), value);
        }
    }
    for name in unset {
        match cleared(kind, additions, name, patch) {
            Ok(field) => {
                next.body.insert(field.name.to_owned(), field.default_value());
            }
            Err(problem) => found.push(problem),
        }
    }
    if !is_given && found.is_empty() {
        return match kind.empty_update {
            Some(code) => Err(Problems(vec![Problem::new(code, "")])),
            None => Ok(None),
        };
    }
    add(&mut found, (kind.complete)(&mut next, Some(current), ctx));
    add(&mut found, immutable(kind, &next, current));
    settle(kind, found)?;
    let secrets = take_secrets(kind, &mut next.body);
    if secrets.is_empty() && next.body == current.body {
        return Ok(None);
    }
    sign(kind, &mut next.body, ctx, false);
    let mut prepared = Prepared::new(kind, next);
    prepared.secrets = secrets;
    Ok(Some(prepared))
}

fn writable(kind: &'static Kind) -> impl Iterator<Item = &'static Field> {
    kind.fields.iter().filter(|field| field.writable != Writable::Never)
}

/// Reports what the kind does not have. `current` is the object of a change: its id may be repeated.
fn unknown(
    kind: &'static Kind,
    additions: bool,
    body: &Map<String, Value>,
    current: Option<&Object>,
    found: &mut Vec<Problem>,
) {
    for (key, value) in body {
        let field = writable(kind).find(|field| field.name == key);
        if field.is_some_and(|field| additions || !field.addition) {
            continue;
        }
        if found.len() >= MAX_PROBLEMS {
            return;
        }
        if key == "id"
            && let Some(object) = current
        {
            found.extend(repeated_id(object, value));
            continue;
        }
        let is_empty = matches!(value, Value::Null | Value::Bool(false)) || value.as_str() == Some("");
        let forgotten = FORGOTTEN.contains(&key.as_str());
        if forgotten && is_empty {
            continue;
        }
        let supported: Vec<_> = writable(kind)
            .filter(|field| !field.legacy && (additions || !field.addition))
            .filter(|field| current.is_none() || field.writable == Writable::Always)
            .map(|field| field.name)
            .collect();
        let problem = Problem::new(ErrorCode::NGROK_214, shown(key)).detail("supported", supported.join(", "));
        found.push(if forgotten {
            problem.detail("hint", "this field of older versions is only accepted empty")
        } else if field.is_some() {
            problem.detail("hint", format!("this field is set below /adit/{}", kind.path))
        } else {
            problem
        });
    }
}

fn repeated_id(object: &Object, value: &Value) -> Option<Problem> {
    let same = match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || text.parse::<Id>().is_ok_and(|id| id.bytes() == object.id.bytes()),
        _ => false,
    };
    (!same).then(|| Problem::wrong("id", "it differs from the id in the path"))
}

/// The field that `unset` names, if it can be cleared.
fn cleared(
    kind: &'static Kind,
    additions: bool,
    name: &str,
    patch: &Map<String, Value>,
) -> Result<&'static Field, Problem> {
    let is_clearable = |field: &&Field| {
        field.writable == Writable::Always
            && !field.required
            && field.secret.is_none()
            && (additions || !field.addition)
    };
    let field = writable(kind).filter(is_clearable).find(|field| field.name == name);
    let Some(field) = field else {
        return Err(Problem::wrong(
            shown(name),
            "it is no optional field that can be changed",
        ));
    };
    if patch.get(name).is_some_and(|value| !value.is_null()) {
        return Err(Problem::wrong(name, "it is given and unset at once"));
    }
    Ok(field)
}

/// Reports fields that were given anew, but are set for good when the object is made. A value that is the same in
/// another spelling is no change.
fn immutable(kind: &'static Kind, next: &Object, current: &Object) -> Vec<Problem> {
    writable(kind)
        .filter(|field| field.writable == Writable::Create && !field.legacy)
        .filter(|field| {
            let now = next.body.get(field.name);
            now.is_some() && (field.secret.is_some() || now != current.body.get(field.name))
        })
        .map(|field| Problem::wrong(field.name, format!("it cannot be changed: make a new {}", kind.noun)))
        .collect()
}

/// Adds problems of a later check, but none of a field that was wrong already: they would only follow from it.
fn add(found: &mut Vec<Problem>, more: Vec<Problem>) {
    let blamed: Vec<String> = found.iter().map(|problem| problem.root().to_owned()).collect();
    let is_new = |problem: &Problem| problem.root().is_empty() || !blamed.iter().any(|root| root == problem.root());
    found.extend(more.into_iter().filter(is_new));
}

/// Puts problems in the order of the kind's fields.
fn settle(kind: &Kind, mut found: Vec<Problem>) -> Result<(), Problems> {
    if found.is_empty() {
        return Ok(());
    }
    let place = |problem: &Problem| {
        let root = problem.root();
        match kind.fields.iter().position(|field| field.name == root) {
            Some(at) => at + 1,
            // Unknown fields first, what concerns no field last.
            None if root.is_empty() => usize::MAX,
            None => 0,
        }
    };
    found.sort_by_key(place);
    found.truncate(MAX_PROBLEMS);
    Err(Problems(found))
}

/// Takes the secrets out of a body, and what is only read for old clients.
fn take_secrets(kind: &'static Kind, body: &mut Map<String, Value>) -> Vec<(&'static str, SecretValue)> {
    let mut secrets = Vec::new();
    for field in writable(kind) {
        if field.legacy {
            body.shift_remove(field.name);
        }
        let Some(form) = field.secret else { continue };
        if let Some(Value::String(text)) = body.shift_remove(field.name) {
            let bytes = Zeroizing::new(text.into_bytes());
            secrets.push((
                field.name,
                match form {
                    SecretForm::Hashed => SecretValue::Hashed(digest(&bytes)),
                    SecretForm::Sealed => SecretValue::Sealed(bytes),
                },
            ));
        }
    }
    secrets
}

/// Notes who made and who last changed the object, where its kind says so.
fn sign(kind: &Kind, body: &mut Map<String, Value>, ctx: &Context, is_new: bool) {
    let principal = ctx.principal.map_or(Value::Null, |id| Value::from(id.to_string()));
    let has = |name| kind.fields.iter().any(|field| field.name == name);
    if is_new && has("created_by") {
        body.insert("created_by".to_owned(), principal.clone());
    }
    if has("last_updated_by") {
        body.insert("last_updated_by".to_owned(), principal);
    }
}
