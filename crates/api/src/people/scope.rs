//! Whose users and organisations are.

use adit_model::Object;
use adit_names::id::Id;
use adit_store::{Page, log::account::SYSTEM};

use crate::Api;
use crate::access::Caller;
use crate::error::ApiError;

/// The organisation that an object of a kind belongs to, and whose log its changes go to.
pub(crate) fn of(api: &Api, kind: &str, id: Id, caller: &Caller) -> Id {
    match kind {
        // The first administrator is made together with his organisation, as its object.
        "user" => {
            let tables = api.told.access.read();
            tables.user(&id).map_or(SYSTEM, |user| user.object.organization)
        }
        "organization" => id,
        _ => caller.organization,
    }
}

/// Whether a caller with the right to its kind sees an object there.
pub(crate) fn sees(api: &Api, caller: &Caller, object: &Object) -> bool {
    match object.kind.as_str() {
        "user" => {
            let tables = api.told.access.read();
            tables.person(caller.organization, object.id).is_some()
        }
        // Who may ask for others is one of the operators.
        "organization" => object.id == caller.organization || caller.rights.circumstances.operators,
        _ => object.organization == caller.organization,
    }
}

/// Rows of a list, newest first.
///
/// # Errors
/// The store is away.
pub(crate) async fn page(api: &Api, caller: &Caller, mut page: Page<'_>) -> Result<Vec<Object>, ApiError> {
    let store = &api.stored()?.store;
    match page.kind {
        "user" => {
            let ids = users(api, caller, page.before, page.limit);
            Ok(store.get_many(&ids).await?)
        }
        "organization" => {
            page.organization = None;
            Ok(store.page(&page).await?)
        }
        _ => Ok(store.page(&page).await?),
    }
}

/// The members of the caller's organisation as users, newest first.
fn users(api: &Api, caller: &Caller, before: Option<Id>, limit: usize) -> Vec<Id> {
    let tables = api.told.access.read();
    let members = tables.people_of(caller.organization).filter(|p| p.membership.is_some());
    let mut ids: Vec<Id> = members.map(|p| p.principal).collect();
    ids.retain(|id| before.is_none_or(|before| *id < before));
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.truncate(limit);
    ids
}
