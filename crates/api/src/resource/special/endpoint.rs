//! Cloud endpoints: the reservation that they stand on, and who else has their URL (control plane 2.1, edge 2.3).

use adit_model::kind::{endpoint, reserved_addr, reserved_domain};
use adit_model::{Object, Prepared};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl, Scheme};
use adit_names::host;
use adit_names::id::Id;

use crate::call::Call;
use crate::error::ApiError;

/// Finds what a new endpoint stands on, and checks that it may be beside those that have its URL.
///
/// # Errors
/// 18006 without a reservation where one is needed; 18016, 18017, 334 for its URL.
pub(super) async fn attach(call: &Call<'_>, prepared: &mut Prepared) -> Result<(), ApiError> {
    let Some(url) = endpoint::url(&prepared.object) else {
        return Ok(());
    };
    if url.binding() == Binding::Public {
        let (domain, address) = if url.scheme().by_name() {
            (domain(call, &url).await?, None)
        } else {
            (None, Some(address(call, &url).await?))
        };
        endpoint::attach(prepared, domain, address);
    }
    check_pool(call, &prepared.object)
}

/// The reserved domain that a name stands on; none for one label below the base domain that nobody has.
async fn domain(call: &Call<'_>, url: &EndpointUrl) -> Result<Option<Id>, ApiError> {
    for key in reserved_domain::candidates(url.host()) {
        match call.api.stored()?.store.holder("name", &key).await? {
            Some((id, organization)) if organization == call.caller.organization => return Ok(Some(id)),
            Some(_) => return Err(unreserved(url)),
            None => {}
        }
    }
    let base = call.api.told.installation.base_domain.as_str();
    let name = url.host().as_str();
    let is_ours = host::is_below(name, base) && reserved_domain::needed_above(url.host(), base).is_empty();
    if is_ours { Ok(None) } else { Err(unreserved(url)) }
}

/// The reserved address of a port.
async fn address(call: &Call<'_>, url: &EndpointUrl) -> Result<Id, ApiError> {
    let protocol = match url.scheme() {
        Scheme::Udp => reserved_addr::Protocol::Udp,
        _ => reserved_addr::Protocol::Tcp,
    };
    let key = reserved_addr::claim_key(protocol, url.port());
    let holder = call.api.stored()?.store.holder("addr", &key).await?;
    let ours = holder.filter(|(_, organization)| *organization == call.caller.organization);
    ours.map(|(id, _)| id).ok_or_else(|| unreserved(url))
}

fn unreserved(url: &EndpointUrl) -> ApiError {
    let text = url.to_string();
    let values = [("field", "url"), ("value", text.as_str()), ("url", text.as_str())];
    ApiError::new(ErrorCode::NGROK_18006, &values).detail("field", "url")
}

/// Whether the agents that have the URL of an endpoint agree with it about pooling. About other cloud endpoints the
/// gate decides.
///
/// # Errors
/// 18017: they pool, it does not. 334: an agent has it alone.
pub(super) fn check_pool(call: &Call<'_>, object: &Object) -> Result<(), ApiError> {
    let Some(url) = endpoint::url(object) else {
        return Ok(());
    };
    let pools = object.flag("pooling_enabled");
    let refused = |code: ErrorCode| {
        let text = url.to_string();
        let values = [("field", "url"), ("value", text.as_str()), ("url", text.as_str())];
        Err(ApiError::new(code, &values).detail("field", "url"))
    };
    let ours = call.caller.organization.to_string();
    for pool in call.api.told.directory.pools() {
        let is_same = pool.url_text() == url.to_string() && pool.url().binding() == url.binding();
        if !is_same || (url.binding() != Binding::Public && pool.organization() != ours) {
            continue;
        }
        for member in pool.members().iter().filter(|m| m.is_connected()) {
            match (pools && pool.organization() == ours, member.options.pooled) {
                (true, true) => {}
                (false, true) if pool.organization() == ours => return refused(ErrorCode::NGROK_18017),
                _ => return refused(ErrorCode::NGROK_334),
            }
        }
    }
    Ok(())
}
