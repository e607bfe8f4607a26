//! What one batch has before it: rows of the store, read once for all its writes, and what it makes of them.
//!
//! Nobody else can write while a batch holds the gate, hence what was read stays true, and a write is checked against
//! what is stored and what the writes before it in the batch have done. A write that is refused is a way back to the
//! point before it ([`Desk::point`]): to the tables, which are written at the end, it never was.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use adit_model::Object;
use adit_names::id::Id;

use super::slots::Slots;
use crate::claim::{ClaimKey, Held};
use crate::log::{Chain, Entry, Hash, organization_text};
use crate::refer::Ref;
use crate::secret::{self, Secret};
use crate::sql::statements as s;
use crate::sql::{Arg, Conn, SqlError};
use crate::{activity, claim, object, refer};

/// Last entry of a chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) objects: Slots<Id, Option<Arc<Object>>>,
    /// Whose an object is, for those of which no more is needed.
    owners: HashMap<Id, Option<Id>>,
    pub(crate) claims: Slots<ClaimKey, Option<Held>>,
    pub(crate) claims_of: Slots<Id, Vec<ClaimKey>>,
    /// Claims by root, as they are stored.
    pub(crate) roots: HashMap<ClaimKey, Vec<(ClaimKey, Held)>>,
    pub(crate) refs: Slots<Id, Vec<Ref>>,
    /// References to an object, as they are stored.
    referrers: HashMap<Id, Vec<Id>>,
    pub(crate) secrets: Slots<Id, Vec<Secret>>,
    pub(crate) heads: Slots<(Id, Chain), Head>,
    /// How far each spool was taken.
    pub(crate) spools: Slots<String, u64>,
    pub(crate) position: u64,
    pub(crate) entries: Vec<Entry>,
}

/// A point to come back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    objects: usize,
    claims: usize,
    claims_of: usize,
    refs: usize,
    secrets: usize,
    heads: usize,
    position: u64,
    entries: usize,
}

impl Desk {
    pub(crate) fn new(position: u64) -> Self {
        Self {
            position,
            ..Self::default()
        }
    }

    pub(crate) fn point(&self) -> Point {
        Point {
            objects: self.objects.point(),
            claims: self.claims.point(),
            claims_of: self.claims_of.point(),
            refs: self.refs.point(),
            secrets: self.secrets.point(),
            heads: self.heads.point(),
            position: self.position,
            entries: self.entries.len(),
        }
    }

    pub(crate) fn back_to(&mut self, point: Point) {
        self.objects.back_to(point.objects);
        self.claims.back_to(point.claims);
        self.claims_of.back_to(point.claims_of);
        self.refs.back_to(point.refs);
        self.secrets.back_to(point.secrets);
        self.heads.back_to(point.heads);
        self.position = point.position;
        self.entries.truncate(point.entries);
    }

    /// An object as it is now; it was loaded before.
    pub(crate) fn object(&self, id: Id) -> Option<Arc<Object>> {
        self.objects.get(&id).cloned().flatten()
    }

    /// Whose an object is, if it is; it was loaded before.
    pub(crate) fn owner(&self, id: Id) -> Option<Id> {
        match self.objects.get(&id) {
            Some(object) => object.as_ref().map(|object| object.organization),
            None => self.owners.get(&id).copied().flatten(),
        }
    }

    /// Those that refer to an object now; the references to it were loaded before.
    pub(crate) fn referrers(&self, to: Id) -> BTreeSet<Id> {
        let refers = |from: &Id| {
            self.refs
                .get(from)
                .is_none_or(|refs| refs.iter().any(|reference| reference.to == to))
        };
        let stored = self.referrers.get(&to).into_iter().flatten().copied();
        let mut out: BTreeSet<Id> = stored.filter(refers).collect();
        for (from, refs) in self.refs.changed() {
            if refs.iter().any(|reference| reference.to == to) {
                out.insert(*from);
            }
        }
        out
    }

    pub(crate) async fn load_objects(&mut self, conn: &mut Conn, ids: Vec<Id>) -> Result<(), SqlError> {
        let missing = missing(ids, |id| self.objects.is_known(id));
        for row in conn.query_all(&s::OBJECTS_BY_ID, id_args(&missing)).await? {
            let object = object::read(&row)?;
            self.objects.learn(object.id, Some(Arc::new(object)));
        }
        for id in missing {
            if !self.objects.is_known(&id) {
                self.objects.learn(id, None);
            }
        }
        Ok(())
    }

    /// Everything that belongs to an organisation but itself, with what hangs on it: their ids, so many at once that
    /// a large one takes a while.
    pub(crate) async fn load_organization(&mut self, conn: &mut Conn, organization: Id) -> Result<Vec<Id>, SqlError> {
        let text = Arg::from(organization_text(organization));
        let rows = conn.rows(&s::OBJECTS_OF_ORGANIZATION, vec![text]).await?;
        let mut ids: BTreeSet<Id> = rows.iter().map(|row| row.parse(0)).collect::<Result<_, _>>()?;
        let changed = self.objects.changed().filter_map(|(id, object)| {
            let object = object.as_ref()?;
            (object.organization == organization).then_some(*id)
        });
        ids.extend(changed);
        ids.remove(&organization);
        let ids: Vec<Id> = ids.into_iter().collect();
        self.load_objects(conn, ids.clone()).await?;
        self.load_belongings(conn, ids.clone()).await?;
        // What this batch has deleted is gone already.
        Ok(ids.into_iter().filter(|id| self.object(*id).is_some()).collect())
    }

    /// All objects of a kind of an organisation, as they are now. For kinds of which there are few.
    pub(crate) async fn load_kind(
        &mut self,
        conn: &mut Conn,
        organization: Id,
        kind: &str,
    ) -> Result<Vec<Arc<Object>>, SqlError> {
        let args = vec![Arg::from(organization_text(organization)), Arg::from(kind)];
        let rows = conn.rows(&s::OBJECTS_OF_KIND_WITHIN, args).await?;
        let mut ids: BTreeSet<Id> = rows.iter().map(|row| row.parse(0)).collect::<Result<_, _>>()?;
        let changed = self.objects.changed().filter_map(|(id, object)| {
            let object = object.as_ref()?;
            (object.organization == organization && object.kind == kind).then_some(*id)
        });
        ids.extend(changed);
        self.load_objects(conn, ids.iter().copied().collect()).await?;
        // What this batch has deleted is gone already.
        Ok(ids.into_iter().filter_map(|id| self.object(id)).collect())
    }

    pub(crate) async fn load_owners(&mut self, conn: &mut Conn, ids: Vec<Id>) -> Result<(), SqlError> {
        let missing = missing(ids, |id| self.objects.is_known(id) || self.owners.contains_key(id));
        for row in conn.query_all(&s::OWNERS_BY_ID, id_args(&missing)).await? {
            let owner = crate::log::account::parse(&row.text(1)?);
            self.owners.insert(row.parse(0)?, owner);
        }
        for id in missing {
            self.owners.entry(id).or_insert(None);
        }
        Ok(())
    }

    pub(crate) async fn load_claims(&mut self, conn: &mut Conn, keys: Vec<ClaimKey>) -> Result<(), SqlError> {
        let missing = missing(keys, |key| self.claims.is_known(key));
        for row in conn.query_all(&s::CLAIMS_BY_KEY, key_args(&missing)).await? {
            let (key, held) = claim::read(&row)?;
            self.claims.learn(key, Some(held));
        }
        for key in missing {
            if !self.claims.is_known(&key) {
                self.claims.learn(key, None);
            }
        }
        Ok(())
    }

    pub(crate) async fn load_roots(&mut self, conn: &mut Conn, roots: Vec<ClaimKey>) -> Result<(), SqlError> {
        let missing = missing(roots, |root| self.roots.contains_key(root));
        for root in &missing {
            self.roots.insert(root.clone(), Vec::new());
        }
        for row in conn.query_all(&s::CLAIMS_BY_ROOT, key_args(&missing)).await? {
            let (key, held) = claim::read(&row)?;
            if let Some(root) = &held.root {
                let at = (key.0.clone(), root.clone());
                if let Some(list) = self
                    .roots
                    .get_mut(&at)
                    .filter(|list| list.iter().all(|(other, _)| *other != key))
                {
                    list.push((key, held));
                }
            }
        }
        Ok(())
    }

    /// Everything that hangs on objects that are changed or deleted: claims, references from them, secrets.
    pub(crate) async fn load_belongings(&mut self, conn: &mut Conn, ids: Vec<Id>) -> Result<(), SqlError> {
        let missing = missing(ids, |id| self.claims_of.is_known(id));
        for id in &missing {
            self.claims_of.learn(*id, Vec::new());
            self.refs.learn(*id, Vec::new());
            self.secrets.learn(*id, Vec::new());
        }
        // A query may be filled up with an id twice, but answers each row once.
        for row in conn.query_all(&s::CLAIMS_BY_OBJECT, id_args(&missing)).await? {
            let (key, held) = claim::read(&row)?;
            if let Some(list) = self.claims_of.learned(&held.object) {
                list.push(key.clone());
            }
            self.claims.learn(key, Some(held));
        }
        for row in conn.query_all(&s::REFS_BY_SOURCE, id_args(&missing)).await? {
            let (from, reference) = refer::read(&row)?;
            if let Some(list) = self.refs.learned(&from) {
                list.push(reference);
            }
        }
        for row in conn.query_all(&s::MARKS_BY_OBJECT, id_args(&missing)).await? {
            let (object, secret) = secret::read_mark(&row)?;
            if let Some(list) = self.secrets.learned(&object) {
                list.push(secret);
            }
        }
        Ok(())
    }

    pub(crate) async fn load_referrers(&mut self, conn: &mut Conn, ids: Vec<Id>) -> Result<(), SqlError> {
        let missing = missing(ids, |id| self.referrers.contains_key(id));
        for id in &missing {
            self.referrers.insert(*id, Vec::new());
        }
        for row in conn.query_all(&s::REFS_BY_TARGET, id_args(&missing)).await? {
            let (from, reference) = refer::read(&row)?;
            if let Some(list) = self.referrers.get_mut(&reference.to) {
                list.push(from);
            }
        }
        Ok(())
    }

    pub(crate) async fn load_spools(&mut self, conn: &mut Conn, spools: Vec<String>) -> Result<(), SqlError> {
        for spool in missing(spools, |spool| self.spools.is_known(spool)) {
            let args = vec![Arg::from(activity::CLASS), Arg::from(spool.as_str())];
            let row = conn.row(&s::WORK_POSITION, args).await?;
            let taken = row.map(|row| row.count(0)).transpose()?;
            self.spools.learn(spool, taken.unwrap_or_default());
        }
        Ok(())
    }

    pub(crate) async fn load_heads(&mut self, conn: &mut Conn, chains: Vec<(Id, Chain)>) -> Result<(), SqlError> {
        let missing = missing(chains, |chain| self.heads.is_known(chain));
        let args = missing
            .iter()
            .flat_map(|(organization, chain)| [Arg::from(organization_text(*organization)), Arg::from(chain.as_str())]);
        for row in conn.query_all(&s::HEADS, args.collect()).await? {
            let organization = crate::log::account::parse(&row.text(0)?)
                .ok_or_else(|| SqlError::Decode("organization_id of a chain's head".into()))?;
            let hash = Hash::try_from(row.blob(3)?).map_err(|_| SqlError::Decode("hash of a chain's head".into()))?;
            let head = Head {
                seq: row.count(2)?,
                hash,
            };
            self.heads.learn((organization, row.parse(1)?), head);
        }
        for (organization, chain) in missing {
            if !self.heads.is_known(&(organization, chain)) {
                let hash = chain.genesis(&organization_text(organization));
                self.heads.learn((organization, chain), Head { seq: 0, hash });
            }
        }
        Ok(())
    }
}

/// Each that is not known yet, once.
fn missing<K: Ord + Clone>(keys: Vec<K>, known: impl Fn(&K) -> bool) -> Vec<K> {
    let missing: BTreeSet<K> = keys.into_iter().filter(|key| !known(key)).collect();
    missing.into_iter().collect()
}

pub(crate) fn id_args(ids: &[Id]) -> Vec<Arg> {
    ids.iter().map(|id| Arg::from(id.to_string())).collect()
}

fn key_args(keys: &[ClaimKey]) -> Vec<Arg> {
    keys.iter()
        .flat_map(|(class, key)| [Arg::from(class.as_str()), Arg::from(key.as_str())])
        .collect()
}
