//! What is live: sessions of agents and what they offer (control plane 2.1), read from the directory.
//!
//! [`list`], [`get`] and the rest are written once; a kind says what there is of it and how it looks.

pub(crate) mod command;
mod endpoint;
mod tunnel;
mod tunnel_session;

use std::sync::Arc;
use std::time::SystemTime;

use adit_cluster::{Member, Pool, SessionFacts};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::EndpointUrl;
use adit_names::id::{Id, Prefix};
use serde_json::{Value, json};

use crate::Api;
use crate::answer::Reply;
use crate::authorize::permission;
use crate::call::Call;
use crate::error::ApiError;
use crate::filter::{FieldForm, Filter, FilterField};
use crate::fresh::now_micros;
use crate::page::{Page, list_json};
use crate::{route_tree, unbuilt};

pub(crate) use endpoint::Endpoints;
pub(crate) use tunnel::Tunnels;
pub(crate) use tunnel_session::{TunnelSessions, details};

/// A kind of things that are live.
pub(crate) trait Kind {
    /// As sentences name one of it.
    const NAME: &'static str;
    /// As roles name it.
    const KIND: &'static str;
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

    /// What a filter may name of it; nothing where its lists have none.
    const FILTERED: Fields = &[];

    /// The session that it is, or is offered by.
    fn session(found: &Self::Found) -> &SessionFacts;
}

/// Fields by name.
type Fields = &'static [(&'static str, FieldForm)];

/// What roles may select by, of kinds that are live and not stored: name, resource of the permissions, fields.
pub(crate) const LIVE: &[(&str, &str, Fields)] = &[
    (TunnelSessions::KIND, TunnelSessions::PATH, TunnelSessions::FILTERED),
    (Tunnels::KIND, Tunnels::PATH, tunnel::SELECTED),
];

/// `GET /<kind>`.
pub(crate) fn list<K: Kind>(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = Page::of(&call.query, K::PREFIX, K::NAME)?;
    let mut all = K::all(call.api, &call.organization);
    all.retain(|(id, found)| sees::<K>(call, id, found));
    let filter = call.query.one("filter");
    if let Some(text) = filter {
        let fields: Vec<_> = K::FILTERED
            .iter()
            .map(|(name, form)| FilterField::new(*name, *form))
            .collect();
        let (filter, now) = (Filter::parse(text, &fields)?, now_micros());
        all.retain(|(id, found)| filter.matches(&K::show(call.api, id, found), now));
    }
    let kept: Vec<_> = filter.map(|text| ("filter", text)).into_iter().collect();
    let (page_of, more) = page.cut(all);
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

/// The one that the path names.
///
/// # Errors
/// 404 `ERR_ADIT_2001`, also for what belongs to somebody else.
fn found<K: Kind>(call: &Call<'_>) -> Result<K::Found, ApiError> {
    let is_one = call.id.parse::<Id>().is_ok_and(|id| id.prefix() == K::PREFIX);
    is_one
        .then(|| K::find(call.api, &call.organization, &call.id))
        .flatten()
        .filter(|found| sees::<K>(call, &call.id, found))
        .ok_or_else(|| ApiError::new(ErrorCode::ADIT_2001, &[("kind", K::NAME), ("id", &call.id)]))
}

/// Whether the caller's right to read reaches it: all of it, or what his own authtokens brought.
fn sees<K: Kind>(call: &Call<'_>, id: &str, found: &K::Found) -> bool {
    let reach = call.caller.reach(permission(K::PATH, "read"));
    let owner = owner(call.api, K::session(found));
    reach.covers(call.caller.principal, owner, K::KIND, || K::show(call.api, id, found))
}

/// Whether the caller may read an agent's endpoint.
pub(crate) fn may_read_endpoint(call: &Call<'_>, pool: &Arc<Pool>, member: &Arc<Member>) -> bool {
    let id = endpoint_id(&member.endpoint_id);
    pool.organization() == call.organization && sees::<Endpoints>(call, &id, &(pool.clone(), member.clone()))
}

/// Who owns the authtoken of a session.
fn owner(api: &Api, session: &SessionFacts) -> Option<Id> {
    let credential: Id = session.credential.parse().ok()?;
    api.told.access.read().credential(credential.bytes())?.owner
}

/// Endpoints of agents as rows of the list of endpoints, newest first: id, owner, how it looks. At most `limit`.
pub(crate) fn rows(call: &Call<'_>, before: Option<Id>, limit: usize) -> Vec<(Id, Option<Id>, Value)> {
    let mut found: Vec<_> = Endpoints::all(call.api, &call.organization)
        .into_iter()
        .filter_map(|(id, found)| Some((id.parse::<Id>().ok()?, found)))
        .filter(|(id, _)| before.is_none_or(|before| *id < before))
        .collect();
    found.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
    found.truncate(limit);
    let row = |(id, found): (Id, _)| {
        let owner = owner(call.api, Endpoints::session(&found));
        (id, owner, Endpoints::show(call.api, &id.to_string(), &found))
    };
    found.into_iter().map(row).collect()
}

/// The endpoint of an agent that the path names.
pub(crate) fn one(call: &Call<'_>) -> Option<Value> {
    let found = found::<Endpoints>(call).ok()?;
    Some(Endpoints::show(call.api, &call.id, &found))
}

/// `GET /`: where everything is.
pub(crate) fn root(call: &Call<'_>) -> Result<Reply, ApiError> {
    let lists = route_tree::ALL
        .iter()
        .filter(|r| r.operation.ends_with("List") && !r.path.contains('{'));
    let mut uris: serde_json::Map<_, _> = lists
        .filter(|r| !unbuilt::is_unbuilt(r))
        .map(|r| (r.path.trim_start_matches('/').to_owned(), call.api.uri(r.path).into()))
        .collect();
    uris.sort_keys();
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

/// The endpoint of an agent that is named by its id or URL: both of it.
pub(crate) fn endpoint_named(api: &Api, organization: &str, name: &str) -> Option<(String, EndpointUrl)> {
    let is_it = |pool: &Pool, id: &str| id == name || pool.url_text() == name;
    offered(api, organization)
        .map(|(pool, member)| (pool, endpoint_id(&member.endpoint_id)))
        .find(|(pool, id)| is_it(pool, id))
        .map(|(pool, id)| (id, pool.url().clone()))
}

/// The id under which an agent's endpoint is found; it is known by that of its tunnel.
pub(crate) fn endpoint_id(tunnel: &str) -> String {
    as_kind(tunnel, Prefix::Endpoint)
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
