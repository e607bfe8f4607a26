//! Stored resources: what all kinds have in common, written once over [`adit_model`] and [`adit_store`].
//!
//! ```text
//! body ─▶ special (names of vaults, free ports, reservations) ─▶ model::draft ─▶ authorize::Wish ─▶ store.write ─▶ reply
//! ```
//!
//! [`routes`] makes the operations of each kind; one file per operation. What is special about a kind beyond its
//! descriptor is in [`special`], and nowhere else.

mod again;
pub(crate) mod create;
pub(crate) mod delete;
mod filtered;
pub(crate) mod get;
pub(crate) mod idempotency;
pub(crate) mod list;
mod outcome;
pub(crate) mod routes;
mod special;
mod subject;
pub(crate) mod token;
pub(crate) mod update;

use adit_model::{Context, Object, View};
use adit_names::code::ErrorCode;
use adit_names::id::Id;
use adit_store::{Change, Write, Written};
use serde_json::{Map, Value};

use crate::authorize::Wish;
use crate::call::Call;
use crate::error::ApiError;
use crate::people::scope;

pub(crate) use filtered::is_reference;
pub(crate) use special::operations;
pub(crate) use subject::Subject;

impl Call<'_> {
    /// The kind that the operation is about.
    pub(crate) fn subject(&self) -> Result<&'static Subject, ApiError> {
        let route: &'static crate::route_table::Route = self.route;
        route.subject.as_ref().ok_or_else(|| {
            tracing::error!(operation = route.operation, "an operation of all kinds has none");
            ApiError::new(ErrorCode::NGROK_10000, &[])
        })
    }

    /// What checks of a body need to know.
    pub(crate) fn context(&self) -> Context {
        let told = &self.api.told;
        let place = &told.installation;
        Context {
            now: crate::fresh::now_micros(),
            base_domain: place.base_domain.clone(),
            private_suffixes: place.private_suffixes.clone(),
            https_port: place.https_port,
            http_port: place.http_port,
            tcp_ports: place.tcp_ports,
            acme: place.acme,
            organization: self.caller.organization,
            is_operators: told.access.read().operators() == Some(self.caller.organization),
            principal: self.caller.principal,
        }
    }

    /// How an object of a kind looks to the caller.
    pub(crate) fn show(&self, subject: &Subject, object: &Object) -> Value {
        let view = View {
            url: &self.api.told.url,
            additions: subject.additions,
            base_domain: &self.api.told.installation.base_domain,
        };
        if subject.prefix == subject.kind.prefix {
            return adit_model::show(subject.kind, object, &view);
        }
        let mut object = object.clone();
        object.id = subject.shown(object.id);
        adit_model::show(subject.kind, &object, &view)
    }

    /// How an object looks with all its fields, whatever was asked for: what roles select by.
    pub(crate) fn show_all(&self, subject: &Subject, object: &Object) -> Value {
        adit_model::show(subject.kind, object, &self.full_view())
    }

    /// How an object looks with all its fields.
    pub(crate) fn full_view(&self) -> View<'_> {
        View {
            url: &self.api.told.url,
            additions: true,
            base_domain: &self.api.told.installation.base_domain,
        }
    }

    /// The fields of the body; none if it has no body.
    pub(crate) fn fields(&self) -> Result<Map<String, Value>, ApiError> {
        match &self.body {
            None => Ok(Map::new()),
            Some(Value::Object(fields)) => Ok(fields.clone()),
            Some(_) => {
                let values = [("field", "the body"), ("error", "it is not an object")];
                Err(ApiError::new(ErrorCode::NGROK_215, &values))
            }
        }
    }

    /// The object that the path names.
    ///
    /// # Errors
    /// 404 `ERR_ADIT_2001`, also for what belongs to somebody else.
    pub(crate) async fn found(&self, subject: &Subject) -> Result<Object, ApiError> {
        let found = match subject.stored(&self.id) {
            Some(id) => self.api.stored()?.store.get(id).await?,
            None => None,
        };
        let is_ours = |o: &Object| o.kind == subject.kind.name && scope::sees(self.api, &self.caller, o);
        found.filter(is_ours).ok_or_else(|| self.missing(subject))
    }

    /// 404 for the object that the path names.
    fn missing(&self, subject: &Subject) -> ApiError {
        ApiError::new(ErrorCode::ADIT_2001, &[("kind", subject.noun()), ("id", &self.id)])
    }

    /// The change that the caller wants, for whoever decides about it.
    pub(crate) fn wish<'w>(&'w self, subject: &'w Subject, shown: &'w (dyn Fn(&Object) -> Value + Sync)) -> Wish<'w> {
        Wish {
            access: &self.api.told.access,
            caller: &self.caller,
            resource: subject.resource(),
            noun: subject.noun(),
            shown,
            force: self.is_set("force"),
        }
    }

    /// Whether a parameter says yes.
    pub(crate) fn is_set(&self, parameter: &str) -> bool {
        self.query.one(parameter) == Some("true")
    }

    /// Has the store do it.
    ///
    /// # Errors
    /// What the gate refuses, `ERR_ADIT_2012`, `ERR_ADIT_2014`.
    pub(crate) async fn write(&self, subject: &Subject, id: Id, changes: Vec<Change>) -> Result<Written, ApiError> {
        let write = Write {
            organization: scope::of(self.api, subject.kind.name, id, &self.caller),
            actor: self.caller.actor(),
            changes,
            dry_run: self.is_set("dry_run"),
        };
        let written = self.api.stored()?.store.write(write).await;
        written.map_err(|error| ApiError::of_write(error, subject.noun(), &subject.shown(id).to_string()))
    }
}

/// Refuses to change what a newer version wrote.
fn check_schema(subject: &Subject, object: &Object) -> Result<(), ApiError> {
    if object.schema > subject.kind.schema {
        let reason = "the object was written by a newer version of the server";
        return Err(ApiError::unavailable(reason));
    }
    Ok(())
}
