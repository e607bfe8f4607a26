//! Claims: what only one object may have.

use adit_model::{Claim, Scope};
use adit_names::code::ErrorCode;
use adit_names::id::Id;

use crate::gate::desk::Desk;
use crate::log::{account, organization_text};
use crate::sql::statements as s;
use crate::sql::{Arg, Conn, Row, SqlError};
use crate::write::Refusal;

/// Class and key.
pub(crate) type ClaimKey = (String, String);

/// Who holds a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) root: Option<String>,
    pub(crate) object: Id,
    pub(crate) organization: Id,
    /// Of a released name: when it is free again.
    pub(crate) expires_at: Option<i64>,
}

impl Held {
    fn is_live(&self, now: i64) -> bool {
        self.expires_at.is_none_or(|at| at > now)
    }
}

/// Reads a row of `class, key, root, object_id, organization_id, expires_at`.
pub(crate) fn read(row: &Row) -> Result<(ClaimKey, Held), SqlError> {
    let held = Held {
        root: row.text_or_null(2)?,
        object: row.parse(3)?,
        organization: account::parse(&row.text(4)?)
            .ok_or_else(|| SqlError::Decode("organization_id of a claim".into()))?,
        expires_at: row.int_or_null(5)?,
    };
    Ok(((row.text(0)?, row.text(1)?), held))
}

/// Appends the values of a row to those of a statement.
pub(crate) fn write((class, key): &ClaimKey, held: &Held, args: &mut Vec<Arg>) {
    args.extend([
        Arg::from(class.as_str()),
        Arg::from(key.as_str()),
        Arg::from(held.root.clone()),
        Arg::from(held.object.to_string()),
        Arg::from(organization_text(held.organization)),
        Arg::from(held.expires_at),
    ]);
}

pub(crate) fn key(claim: &Claim) -> ClaimKey {
    (claim.class.to_owned(), claim.key.clone())
}

/// The keys whose holders decide about a claim: its own, and the one that it shares.
pub(crate) fn keys(claim: &Claim) -> impl Iterator<Item = ClaimKey> {
    let shared = match &claim.scope {
        Scope::Shared { of, .. } => Some((claim.class.to_owned(), of.clone())),
        Scope::Exact | Scope::Sole { .. } | Scope::Subtree { .. } => None,
    };
    std::iter::once(key(claim)).chain(shared)
}

/// What a claim may be below of: each beginning of it that ends with a label, and what it shares or must have alone.
/// None for other claims without labels.
pub(crate) fn roots(claim: &Claim) -> Vec<ClaimKey> {
    let labels = match &claim.scope {
        Scope::Sole { .. } => return vec![key(claim)],
        Scope::Shared { of, .. } => return vec![(claim.class.to_owned(), of.clone())],
        Scope::Subtree { root, .. } => root.as_str(),
        // Names have a dot behind each label (`model::Claim`).
        Scope::Exact if claim.key.ends_with('.') => claim.key.as_str(),
        Scope::Exact => return Vec::new(),
    };
    let ends = labels.match_indices('.').map(|(at, _)| at + 1);
    ends.filter_map(|end| labels.get(..end))
        .map(|root| (claim.class.to_owned(), root.to_owned()))
        .collect()
}

/// Replaces all claims of an object. They and the object's present ones were loaded before.
pub(crate) async fn replace(
    desk: &mut Desk,
    conn: &mut Conn,
    object: Id,
    organization: Id,
    claims: &[Claim],
    now: i64,
) -> Result<Result<(), Refusal>, SqlError> {
    let before = desk.claims_of.get(&object).cloned().unwrap_or_default();
    let after: Vec<ClaimKey> = claims.iter().map(key).collect();
    for gone in before.iter().filter(|key| !after.contains(key)) {
        desk.claims.set(gone.clone(), None);
    }
    for claim in claims {
        let key = key(claim);
        let held = desk.claims.get(&key).cloned().flatten();
        let root = match &claim.scope {
            Scope::Exact | Scope::Sole { .. } => None,
            Scope::Shared { of, .. } => Some(of.clone()),
            Scope::Subtree { root, .. } => Some(root.clone()),
        };
        if held
            .as_ref()
            .is_some_and(|held| held.object == object && held.root == root)
        {
            continue;
        }
        if let Some(code) = conflict(desk, conn, object, organization, claim, held.as_ref(), now).await? {
            return Ok(Err(Refusal {
                code,
                field: String::new(),
                values: Vec::new(),
                details: Vec::new(),
            }));
        }
        let held = Held {
            root,
            object,
            organization,
            expires_at: None,
        };
        desk.claims.set(key, Some(held));
    }
    if before != after {
        desk.claims_of.set(object, after);
    }
    Ok(Ok(()))
}

/// Gives all claims of an object back.
pub(crate) fn release(desk: &mut Desk, object: Id) {
    for key in desk.claims_of.get(&object).cloned().unwrap_or_default() {
        desk.claims.set(key, None);
    }
    desk.claims_of.set(object, Vec::new());
}

async fn conflict(
    desk: &Desk,
    conn: &mut Conn,
    object: Id,
    organization: Id,
    claim: &Claim,
    held: Option<&Held>,
    now: i64,
) -> Result<Option<ErrorCode>, SqlError> {
    if let Some(held) = held.filter(|held| held.object != object && held.is_live(now)) {
        let same = held.organization == organization;
        return Ok(Some(if same { claim.taken } else { claim.foreign }));
    }
    let foreign = |held: &Held| held.organization != organization && held.is_live(now);
    for root in roots(claim) {
        if with_root(desk, &root).any(foreign) {
            return Ok(Some(claim.foreign));
        }
    }
    let (root, below) = match &claim.scope {
        Scope::Exact => return Ok(None),
        Scope::Sole { shared } => {
            let other = |held: &Held| held.object != object && held.is_live(now);
            return Ok(with_root(desk, &key(claim)).any(other).then_some(*shared));
        }
        Scope::Shared { of, alone } => {
            let held = desk.claims.get(&(claim.class.to_owned(), of.clone()));
            let held = held.and_then(Option::as_ref);
            let held = held.filter(|held| held.object != object && held.is_live(now));
            return Ok(held.map(|held| if foreign(held) { claim.foreign } else { *alone }));
        }
        Scope::Subtree { root, below } => (root, below),
    };
    let mut changed = 0_i64;
    for ((class, key), held) in desk.claims.changed() {
        if class == claim.class && key.starts_with(root.as_str()) {
            if held.as_ref().is_some_and(foreign) {
                return Ok(Some(*below));
            }
            changed += 1;
        }
    }
    // Those that this batch has changed may still stand in the table: one more than these is one that counts.
    let rows = conn
        .rows(
            &s::CLAIMS_BELOW,
            vec![
                Arg::from(claim.class),
                Arg::from(root.as_str()),
                Arg::from(behind(root)),
                Arg::from(organization_text(organization)),
                Arg::from(now),
                Arg::from(changed + 1),
            ],
        )
        .await?;
    for row in rows {
        let key = (row.text(0)?, row.text(1)?);
        if !desk.claims.changed().any(|(changed, _)| *changed == key) {
            return Ok(Some(*below));
        }
    }
    Ok(None)
}

/// The claims with this root as they are now: what is stored, and what this batch has changed. They were loaded
/// before.
fn with_root<'d>(desk: &'d Desk, root: &'d ClaimKey) -> impl Iterator<Item = &'d Held> {
    let stored = desk.roots.get(root).into_iter().flatten();
    let stored = stored.filter(|(key, _)| !desk.claims.changed().any(|(changed, _)| changed == key));
    let changed = desk.claims.changed().filter(|((class, _), _)| *class == root.0);
    let changed = changed.filter_map(|(_, held)| held.as_ref());
    let changed = changed.filter(|held| held.root.as_deref() == Some(root.1.as_str()));
    stored.map(|(_, held)| held).chain(changed)
}

/// The first text behind all that begin with a root, which ends with a dot: `/` follows the dot.
fn behind(root: &str) -> String {
    let mut text = root.strip_suffix('.').unwrap_or(root).to_owned();
    text.push('/');
    text
}
