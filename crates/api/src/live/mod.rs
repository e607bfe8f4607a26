//! What is live: sessions of agents and what they offer (control plane 2.1), read from the directory.
//!
//! [`list`], [`get`] and the rest are written once; a kind says what there is of it and how it looks.

pub(crate) mod command;
mod endpoint;
mod tunnel;
mod tunnel_session;

use std::sync::Arc;
use std::time::SystemTime;

use adit_cluster::{Member, Pool};
use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use serde_json::{Value, json};

use crate::Api;
use crate::answer::Reply;
use crate::call::Call;
use crate::error::ApiError;
use crate::page::{Page, list_json};

pub(crate) use endpoint::Endpoints;
pub(crate) use tunnel::Tunnels;
pub(crate) use tunnel_session::{TunnelSessions, details};

/// A kind of things that are live.
pub(crate) trait Kind {
    /// As sentences name one of it.
    const NAME: &'static str;
    /// Its path without slashes; also the key of lists.
    const PATH: &'static str;
    /// Of its ids.
    const PREFIX: Prefix;
    /// Where the directory has it.
    type Found;

    /// All that an organisation has, with their ids, in no order.
    fn all(api: &Api, organization: &str) -> Vec<(String, Self::Found)>;

    /// The one with this id.
    fn find(api: &Api, organization: &str, id: &str) -> Option<Self::Found>;

    /// How it looks; all fields always.
    fn show(api: &Api, id: &str, found: &Self::Found) -> Value;

    /// Whether it is asked for by the kind's own parameters.
    fn wanted(_: &Call<'_>, _: &str, _: &Self::Found) -> bool {
        true
    }
}

/// `GET /<kind>`.
pub(crate) fn list<K: Kind>(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = Page::of(&call.query, K::PREFIX, K::NAME)?;
    let mut all = K::all(call.api, &call.organization);
    all.retain(|(id, found)| K::wanted(call, id, found));
    let (page_of, more) = page.cut(all);
    let kept: Vec<(&str, &str)> = ["id", "url"]
        .into_iter()
        .flat_map(|name| call.query.all(name).map(move |value| (name, value)))
        .collect();
    let next = page_of
        .last()
        .filter(|_| more)
        .map(|(last, _)| call.api.uri(&format!("/{}{}", K::PATH, page.next(last, &kept))));
    let objects = page_of.iter().map(|(id, found)| K::show(call.api, id, found)).collect();
    let uri = call.api.uri(&call.target);
    Ok(Reply::Json(list_json(K::PATH, objects, uri, next)))
}

/// `GET /<kind>/{id}`.
pub(crate) fn get<K: Kind>(call: &Call<'_>) -> Result<Reply, ApiError> {
    let found = found::<K>(call)?;
    Ok(Reply::Json(K::show(call.api, &call.id, &found)))
}

/// A change of something that only its agent can change.
pub(crate) fn read_only<K: Kind>(call: &Call<'_>) -> Result<Reply, ApiError> {
    found::<K>(call)?;
    Err(ApiError::new(ErrorCode::ADIT_2018, &[("id", &call.id)]))
}

/// The one that the path names.
///
/// # Errors
/// 404 `ERR_ADIT_2001`, also for what belongs to somebody else.
fn found<K: Kind>(call: &Call<'_>) -> Result<K::Found, ApiError> {
    let is_one = call.id.parse::<Id>().is_ok_and(|id| id.prefix() == K::PREFIX);
    is_one
        .then(|| K::find(call.api, &call.organization, &call.id))
        .flatten()
        .ok_or_else(|| ApiError::new(ErrorCode::ADIT_2001, &[("kind", K::NAME), ("id", &call.id)]))
}

/// `GET /`: where everything is.
pub(crate) fn root(call: &Call<'_>) -> Result<Reply, ApiError> {
    let kinds = [Endpoints::PATH, TunnelSessions::PATH, Tunnels::PATH];
    let uris: serde_json::Map<_, _> = kinds
        .iter()
        .map(|path| ((*path).to_owned(), call.api.uri(&format!("/{path}")).into()))
        .collect();
    Ok(Reply::Json(json!({
        "uri": call.api.uri("/"),
        "subresource_uris": uris,
    })))
}

/// A reference to an object.
fn reference(api: &Api, path: &str, id: &str) -> Value {
    json!({"id": id, "uri": api.uri(&format!("/{path}/{id}"))})
}

/// Whole seconds in UTC.
fn timestamp(at: SystemTime) -> String {
    let seconds = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(0));
    let at = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// When an id was made.
fn made(id: &str) -> String {
    let seconds = id.parse::<Id>().map_or(0, |id| id.unix_seconds());
    timestamp(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
}

/// The same id as another kind's: an endpoint of an agent and its tunnel share the part behind the prefix.
fn as_kind(id: &str, prefix: Prefix) -> String {
    let text = id.split_once('_').map_or(id, |(_, text)| text);
    format!("{}_{text}", prefix.as_str())
}

/// What agents offer now, for one organisation.
fn offered(api: &Api, organization: &str) -> impl Iterator<Item = (Arc<Pool>, Arc<Member>)> {
    let pools = api.told.directory.pools().into_iter();
    pools
        .filter(move |pool| pool.organization() == organization)
        .flat_map(|pool| {
            let members: Vec<_> = pool.members().iter().filter(|m| m.is_connected()).cloned().collect();
            members.into_iter().map(move |m| (pool.clone(), m))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_and_ids() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_532_400_999);
        assert_eq!(timestamp(at), "2026-11-24T15:00:00Z");
        let id = Id::new(Prefix::Tunnel, 1_795_532_400, [7; 16]).to_string();
        assert_eq!(made(&id), "2026-11-24T15:00:00Z");
        let endpoint = as_kind(&id, Prefix::Endpoint);
        assert_eq!(endpoint.strip_prefix("ep_"), id.strip_prefix("tn_"));
    }
}
