//! Whether a caller may make, change or delete an object: rights over one's own and over what roles select, before and
//! after the change; owners; people and their roles; not locking oneself out.

use adit_model::Object;
use adit_names::code::ErrorCode;
use serde_json::Value;

use super::permission;
use crate::access::{Access, Caller};
use crate::authorize::{lock_out, owner, people};
use crate::error::ApiError;

/// A change that somebody wants to make.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'w> {
    pub(crate) access: &'w Access,
    pub(crate) caller: &'w Caller,
    /// Resource name of its permissions.
    pub(crate) resource: &'w str,
    /// How an object is called in a refusal.
    pub(crate) noun: &'w str,
    /// How it looks: what roles select by.
    pub(crate) shown: &'w (dyn Fn(&Object) -> Value + Sync),
    /// He said that he knows that he locks himself out.
    pub(crate) force: bool,
}

impl Wish<'_> {
    /// Whether `next` may be made.
    ///
    /// # Errors
    /// 403 `ERR_ADIT_2008`, and those of [`owner`], [`people`], [`lock_out`].
    pub(crate) fn create(&self, next: &Object) -> Result<(), ApiError> {
        self.over(permission(self.resource, "create"), next)?;
        owner::create(self, next)?;
        people::change(self, None, Some(next))?;
        lock_out::check(self, &[(next.id, Some(next))])
    }

    /// Whether `current` may become `next`.
    ///
    /// # Errors
    /// 404 `ERR_ADIT_2001` for what he does not see, else as [`Self::create`].
    pub(crate) fn update(&self, current: &Object, next: &Object) -> Result<(), ApiError> {
        self.seen(current)?;
        let update = permission(self.resource, "update");
        self.over(update, current)?;
        self.over(update, next)?;
        owner::update(self, current, next)?;
        people::change(self, Some(current), Some(next))?;
        lock_out::check(self, &[(next.id, Some(next))])
    }

    /// Whether `current` may be deleted.
    ///
    /// # Errors
    /// As [`Self::update`]; 400 with 1419.
    pub(crate) fn delete(&self, current: &Object) -> Result<(), ApiError> {
        self.seen(current)?;
        self.over(permission(self.resource, "delete"), current)?;
        people::change(self, Some(current), None)?;
        lock_out::last_rule(self, current)?;
        lock_out::check(self, &[(current.id, None)])
    }

    /// What he may not read is not there.
    fn seen(&self, object: &Object) -> Result<(), ApiError> {
        let read = permission(self.resource, "read");
        if self.caller.covers(read, object, || (self.shown)(object)) {
            return Ok(());
        }
        let id = object.id.to_string();
        Err(ApiError::new(ErrorCode::ADIT_2001, &[("kind", self.noun), ("id", &id)]))
    }

    fn over(&self, permission: &str, object: &Object) -> Result<(), ApiError> {
        if self.caller.covers(permission, object, || (self.shown)(object)) {
            return Ok(());
        }
        Err(self.caller.lacks(permission))
    }
}
