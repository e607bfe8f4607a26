//! One write: its steps checked against the desk and done on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use adit_model::{Object, OnDelete, Prepared, Reference};
use adit_names::id::{Id, Prefix};
use adit_observe::audit::{Verb, event_type};

use super::Task;
use super::append::{What, append, canonical};
use super::desk::Desk;
use crate::activity::spool;
use crate::claim;
use crate::log::Chain;
use crate::log::account::SYSTEM;
use crate::log::jcs::{self, Field};
use crate::refer::{self, Ref};
use crate::secret::{Sealer, Secret};
use crate::sql::{Conn, SqlError};
use crate::write::{Change, Fact, Refusal, Write, WriteError, Written};

/// What every write needs to know.
#[derive(Debug)]
pub(crate) struct Hand<'a> {
    pub(crate) sealer: &'a Sealer,
    pub(crate) node: &'a str,
    /// Microseconds since the Unix epoch.
    pub(crate) now: i64,
}

/// A refusal, or the database's failure.
enum Stop {
    Refused(WriteError),
    Sql(SqlError),
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        Self::Refused(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(WriteError::Refused(refusal))
    }
}

/// With it goes all that belongs to it.
const ORGANIZATION: &str = "organization";

/// At most so many ids stand in a refusal.
const NAMED: usize = 20;

/// Reads at once what the writes of a batch will need, as far as it can be known.
pub(crate) async fn prepare(desk: &mut Desk, conn: &mut Conn, tasks: &[Task]) -> Result<(), SqlError> {
    let writes = || {
        tasks.iter().filter_map(|task| match task {
            Task::Write(write) => Some(write),
            Task::Record(_) | Task::Prune(_) => None,
        })
    };
    let mut chains: Vec<_> = writes().map(|write| (write.organization, Chain::Config)).collect();
    let (mut touched, mut deleted, mut known) = (Vec::new(), Vec::new(), Vec::new());
    let (mut keys, mut roots) = (Vec::new(), Vec::new());
    for change in writes().flat_map(|write| &write.changes) {
        let prepared = match change {
            Change::Create(prepared) => {
                known.push(prepared.object.id);
                prepared
            }
            Change::Update { next, .. } => {
                touched.push(next.object.id);
                next
            }
            Change::Delete { id, .. } => {
                touched.push(*id);
                deleted.push(*id);
                if id.prefix() == Prefix::User {
                    chains.push((SYSTEM, Chain::Config));
                }
                continue;
            }
            Change::Fact(_) => continue,
        };
        if is_installations(&prepared.object) {
            chains.push((SYSTEM, Chain::Config));
        }
        known.extend(prepared.references.iter().map(|reference| reference.to));
        keys.extend(prepared.claims.iter().flat_map(claim::keys));
        roots.extend(prepared.claims.iter().flat_map(claim::roots));
    }
    let mut spools = Vec::new();
    for task in tasks {
        match task {
            Task::Write(_) => {}
            Task::Record(activities) => {
                chains.extend(activities.iter().map(|activity| (activity.organization, Chain::Live)));
                spools.extend(activities.iter().map(|activity| spool(&activity.origin)));
            }
            Task::Prune(prune) => chains.push((prune.organization, Chain::Config)),
        }
    }
    desk.load_spools(conn, spools).await?;
    desk.load_heads(conn, chains).await?;
    desk.load_objects(conn, touched.clone()).await?;
    desk.load_belongings(conn, touched).await?;
    desk.load_owners(conn, known).await?;
    desk.load_claims(conn, keys).await?;
    desk.load_roots(conn, roots).await?;
    desk.load_referrers(conn, deleted).await
}

/// Does a write on the desk. Refused or tried only, it leaves the desk as it was.
pub(crate) async fn apply(
    desk: &mut Desk,
    conn: &mut Conn,
    hand: &Hand<'_>,
    write: &Write,
) -> Result<Result<Written, WriteError>, SqlError> {
    let point = desk.point();
    let mut objects = Vec::new();
    for change in &write.changes {
        let mut step = Step {
            desk,
            conn,
            hand,
            write,
        };
        match step.change(change).await {
            Ok(object) => objects.extend(object),
            Err(Stop::Refused(error)) => {
                desk.back_to(point);
                return Ok(Err(error));
            }
            Err(Stop::Sql(error)) => return Err(error),
        }
    }
    if write.dry_run {
        desk.back_to(point);
    }
    let objects = objects
        .into_iter()
        .map(|object: Arc<Object>| (*object).clone())
        .collect();
    Ok(Ok(Written {
        position: desk.position,
        objects,
    }))
}

/// A user, whose changes go to the installation's own chain.
fn is_installations(object: &Object) -> bool {
    object.organization == SYSTEM && object.id.prefix() == Prefix::User
}

struct Step<'a> {
    desk: &'a mut Desk,
    conn: &'a mut Conn,
    hand: &'a Hand<'a>,
    write: &'a Write,
}

impl Step<'_> {
    async fn change(&mut self, change: &Change) -> Result<Option<Arc<Object>>, Stop> {
        match change {
            Change::Create(prepared) => self.create(prepared).await.map(Some),
            Change::Update {
                seen,
                next,
                again,
                only_seen,
            } => {
                self.desk.load_objects(self.conn, vec![next.object.id]).await?;
                let current = self.own(next.object.id)?;
                if current.revision == *seen {
                    return self.update(&current, next).await.map(Some);
                }
                if *only_seen {
                    return Err(WriteError::Stale {
                        current: current.revision,
                    }
                    .into());
                }
                match (again.0)(&current)? {
                    Some(next) => self.update(&current, &next).await.map(Some),
                    None => Ok(Some(current)),
                }
            }
            Change::Delete { id, only } => self.delete(*id, *only).await.map(|()| None),
            Change::Fact(fact) => {
                self.fact(fact);
                Ok(None)
            }
        }
    }

    /// An object of the write's organisation.
    fn own(&self, id: Id) -> Result<Arc<Object>, WriteError> {
        self.desk
            .object(id)
            .filter(|object| self.may_touch(object))
            .ok_or(WriteError::NotFound)
    }

    /// Users are the installation's, but are made and sent away together with their membership.
    fn may_touch(&self, object: &Object) -> bool {
        object.organization == self.write.organization || is_installations(object)
    }

    async fn create(&mut self, prepared: &Prepared) -> Result<Arc<Object>, Stop> {
        let mut object = prepared.object.clone();
        if !self.may_touch(&object) {
            return Err(WriteError::NotFound.into());
        }
        self.desk.load_owners(self.conn, vec![object.id]).await?;
        if self.desk.owner(object.id).is_some() {
            return Err(WriteError::Unavailable(format!("{} is taken", object.id)).into());
        }
        object.revision = 1;
        object.created_at = self.hand.now;
        object.updated_at = self.hand.now;
        // What a new object has is known: nothing.
        if !self.desk.claims_of.is_known(&object.id) {
            self.desk.claims_of.learn(object.id, Vec::new());
            self.desk.refs.learn(object.id, Vec::new());
            self.desk.secrets.learn(object.id, Vec::new());
        }
        self.belongings(&object, prepared).await?;
        let object = Arc::new(object);
        self.desk.objects.set(object.id, Some(Arc::clone(&object)));
        let after = self.redacted(&object);
        self.entry(&object, Verb::Created, object.revision, None, Some(after));
        Ok(object)
    }

    async fn update(&mut self, current: &Arc<Object>, prepared: &Prepared) -> Result<Arc<Object>, Stop> {
        let mut object = prepared.object.clone();
        if current.schema > object.schema {
            return Err(WriteError::Newer.into());
        }
        let same = object.body == current.body && object.owner == current.owner && object.schema == current.schema;
        if same && prepared.secrets.is_empty() {
            return Ok(Arc::clone(current));
        }
        object.id = current.id;
        object.kind.clone_from(&current.kind);
        object.organization = current.organization;
        object.revision = current.revision + 1;
        object.created_at = current.created_at;
        object.updated_at = self.hand.now;
        self.desk.load_belongings(self.conn, vec![object.id]).await?;
        let before = self.redacted(current);
        self.belongings(&object, prepared).await?;
        let object = Arc::new(object);
        self.desk.objects.set(object.id, Some(Arc::clone(&object)));
        let after = self.redacted(&object);
        self.entry(&object, Verb::Updated, object.revision, Some(before), Some(after));
        Ok(object)
    }

    /// References, claims and secrets of an object that is made or changed.
    async fn belongings(&mut self, object: &Object, prepared: &Prepared) -> Result<(), Stop> {
        self.check_together(object).await?;
        self.check_references(&prepared.references).await?;
        let refs: Vec<Ref> = prepared.references.iter().map(Ref::from).collect();
        if self.desk.refs.get(&object.id) != Some(&refs) {
            self.desk.refs.set(object.id, refs);
        }
        let keys = prepared.claims.iter().flat_map(claim::keys).collect();
        self.desk.load_claims(self.conn, keys).await?;
        let roots = prepared.claims.iter().flat_map(claim::roots).collect();
        self.desk.load_roots(self.conn, roots).await?;
        claim::replace(
            self.desk,
            self.conn,
            object.id,
            object.organization,
            &prepared.claims,
            self.hand.now,
        )
        .await??;
        self.secrets(object.id, prepared)
    }

    /// Whether all objects of its kind stay within what they must keep together.
    async fn check_together(&mut self, object: &Object) -> Result<(), Stop> {
        let Some(together) = adit_model::catalogue::together(&object.kind) else {
            return Ok(());
        };
        let all = self
            .desk
            .load_kind(self.conn, object.organization, &object.kind)
            .await?;
        let others = all.iter().filter(|other| other.id != object.id);
        let others: Vec<&Object> = others.map(|other| &**other).collect();
        together(object, &others).map_err(|problem| {
            Stop::from(Refusal {
                code: problem.code,
                field: problem.field,
                values: problem.values,
                details: problem.details,
            })
        })
    }

    async fn check_references(&mut self, references: &[Reference]) -> Result<(), Stop> {
        let targets = references.iter().map(|reference| reference.to).collect();
        self.desk.load_owners(self.conn, targets).await?;
        for reference in references {
            let owner = self.desk.owner(reference.to);
            // Users are the installation's: a user may be a member of several organisations.
            let is_user = reference.to.prefix() == Prefix::User;
            if owner.is_none_or(|owner| owner != self.write.organization && !(is_user && owner == SYSTEM)) {
                return Err(Refusal {
                    code: reference.missing,
                    field: reference.field.to_owned(),
                    values: vec![("id", reference.to.to_string())],
                    details: Vec::new(),
                }
                .into());
            }
        }
        Ok(())
    }

    fn secrets(&mut self, object: Id, prepared: &Prepared) -> Result<(), Stop> {
        if prepared.secrets.is_empty() {
            return Ok(());
        }
        let mut secrets = self.desk.secrets.get(&object).cloned().unwrap_or_default();
        let text = object.to_string();
        for (field, value) in &prepared.secrets {
            let newest = secrets
                .iter()
                .filter(|secret| secret.field == *field)
                .map(|secret| secret.version)
                .max();
            secrets.retain(|secret| secret.field != *field);
            let secret = self
                .hand
                .sealer
                .seal(&text, field, newest.unwrap_or_default() + 1, value);
            secrets.push(secret.ok_or_else(|| WriteError::Unavailable("a secret cannot be sealed".to_owned()))?);
        }
        self.desk.secrets.set(object, secrets);
        Ok(())
    }

    /// Deletes an object and what cascades from it; takes it out of those that let go; is refused if another holds it.
    async fn delete(&mut self, id: Id, only: Option<u64>) -> Result<(), Stop> {
        self.desk.load_objects(self.conn, vec![id]).await?;
        let object = self.own(id)?;
        if let Some(seen) = only.filter(|seen| *seen != object.revision) {
            tracing::trace!(seen, "a deletion of another revision");
            return Err(WriteError::Stale {
                current: object.revision,
            }
            .into());
        }
        // In the order in which they are reached, the object itself first.
        let mut doomed = vec![id];
        if object.kind == ORGANIZATION {
            doomed.extend(self.desk.load_organization(self.conn, id).await?);
        }
        let mut restricting: Vec<(Id, Id, adit_names::code::ErrorCode)> = Vec::new();
        let mut detaching: Vec<(Id, Ref)> = Vec::new();
        // Who refers to something of an organisation is of the same one.
        let mut level = if object.kind == ORGANIZATION {
            Vec::new()
        } else {
            vec![id]
        };
        while !level.is_empty() {
            self.desk.load_referrers(self.conn, level.clone()).await?;
            let referrers: BTreeSet<Id> = level.iter().flat_map(|to| self.desk.referrers(*to)).collect();
            self.desk
                .load_belongings(self.conn, referrers.iter().copied().collect())
                .await?;
            self.desk
                .load_objects(self.conn, referrers.iter().copied().collect())
                .await?;
            let mut next = Vec::new();
            for to in level {
                for from in self.desk.referrers(to) {
                    for reference in self.desk.refs.get(&from).into_iter().flatten().filter(|r| r.to == to) {
                        match reference.on_delete {
                            OnDelete::Restrict(code) => restricting.push((from, to, code)),
                            OnDelete::Detach => detaching.push((from, reference.clone())),
                            OnDelete::Cascade if doomed.contains(&from) => {}
                            OnDelete::Cascade => {
                                doomed.push(from);
                                next.push(from);
                            }
                        }
                    }
                }
            }
            level = next;
        }
        restricting.retain(|(from, _, _)| !doomed.contains(from));
        if let Some((_, to, code)) = restricting.first() {
            let named: BTreeSet<Id> = restricting.iter().map(|(from, _, _)| *from).collect();
            let named: Vec<String> = named.iter().take(NAMED).map(Id::to_string).collect();
            return Err(Refusal {
                code: *code,
                field: String::new(),
                values: vec![("id", to.to_string())],
                details: vec![("referenced_by", named.join(" "))],
            }
            .into());
        }
        detaching.retain(|(from, _)| !doomed.contains(from));
        self.detach(&detaching)?;
        for id in doomed.into_iter().rev() {
            self.desk.load_belongings(self.conn, vec![id]).await?;
            let Some(object) = self.desk.object(id) else { continue };
            let known = adit_model::catalogue::by_name(&object.kind);
            if known.is_some_and(|kind| kind.schema < object.schema) {
                return Err(WriteError::Newer.into());
            }
            let before = self.redacted(&object);
            claim::release(self.desk, id);
            self.desk.refs.set(id, Vec::new());
            self.desk.secrets.set(id, Vec::new());
            self.desk.objects.set(id, None);
            self.entry(&object, Verb::Deleted, object.revision, Some(before), None);
        }
        Ok(())
    }

    /// One change per object, however often it is taken out of it.
    fn detach(&mut self, detaching: &[(Id, Ref)]) -> Result<(), Stop> {
        let from: BTreeSet<Id> = detaching.iter().map(|(from, _)| *from).collect();
        for id in from {
            let Some(current) = self.desk.object(id) else { continue };
            let known = adit_model::catalogue::by_name(&current.kind);
            if known.is_some_and(|kind| kind.schema < current.schema) {
                return Err(WriteError::Newer.into());
            }
            let before = self.redacted(&current);
            let mut object = (*current).clone();
            let mut refs = self.desk.refs.get(&id).cloned().unwrap_or_default();
            for (_, gone) in detaching.iter().filter(|(from, _)| *from == id) {
                refer::detach(&mut object.body, &gone.field, &gone.to.to_string());
                refs.retain(|reference| reference != gone);
            }
            object.revision += 1;
            object.updated_at = self.hand.now;
            self.desk.refs.set(id, refs);
            let object = Arc::new(object);
            self.desk.objects.set(id, Some(Arc::clone(&object)));
            let after = self.redacted(&object);
            self.entry(&object, Verb::Updated, object.revision, Some(before), Some(after));
        }
        Ok(())
    }

    /// An object as the log shows it: its body, and marks where secrets are.
    fn redacted(&self, object: &Object) -> String {
        let mut newest: Vec<&Secret> = Vec::new();
        for secret in self.desk.secrets.get(&object.id).into_iter().flatten() {
            match newest.iter_mut().find(|other| other.field == secret.field) {
                Some(other) if other.version < secret.version => *other = secret,
                Some(_) => {}
                None => newest.push(secret),
            }
        }
        let is_secret = |name: &str| newest.iter().any(|secret| secret.field == name);
        let body = object.body.iter().filter(|(name, _)| !is_secret(name));
        let body = body.map(|(name, value)| (name.as_str(), Field::Value(value)));
        let secrets = newest
            .iter()
            .map(|secret| (secret.field.as_str(), Field::Text(&secret.mark)));
        let mut out = String::with_capacity(256);
        jcs::write_fields(body.chain(secrets), &mut out);
        out
    }

    fn entry(&mut self, object: &Object, verb: Verb, revision: u64, before: Option<String>, after: Option<String>) {
        let what = What {
            organization: object.organization,
            chain: Chain::Config,
            event_type: event_type(&object.kind, verb),
            object_kind: Some(object.kind.clone()),
            object_id: Some(object.id.to_string()),
            revision: Some(revision),
            before,
            after,
            seen: None,
        };
        append(self.desk, self.hand, &self.write.actor, what);
    }

    fn fact(&mut self, fact: &Fact) {
        let (object_kind, object_id) = fact.object.clone().unzip();
        let what = What {
            organization: self.write.organization,
            chain: Chain::Config,
            event_type: fact.event_type.to_owned(),
            object_kind,
            object_id,
            revision: None,
            before: None,
            after: canonical(&fact.after),
            seen: None,
        };
        append(self.desk, self.hand, &self.write.actor, what);
    }
}
