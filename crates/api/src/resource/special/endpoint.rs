//! Cloud endpoints: the reservation that they stand on, and who else has their URL (control plane 2.1, edge 2.3).

use adit_model::kind::{endpoint, reserved_addr, reserved_domain};
use adit_model::{Object, Prepared};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl, Scheme};
use adit_names::host;
use adit_names::id::Id;
use adit_store::{Column, Op, Page, Term, Value};

use crate::call::Call;
use crate::error::ApiError;

/// Endpoints of one URL that are looked at.
const SAME_URL: usize = 100;

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
    check_pool(call, &prepared.object).await
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

/// Whether those that have the URL of an endpoint agree with it about pooling.
///
/// # Errors
/// 18016: it shall pool, one of them does not. 18017: they pool, it does not. 334: an agent has it alone.
pub(super) async fn check_pool(call: &Call<'_>, object: &Object) -> Result<(), ApiError> {
    let Some(url) = endpoint::url(object) else {
        return Ok(());
    };
    let pools = object.flag("pooling_enabled");
    let refused = |code: ErrorCode| {
        let text = url.to_string();
        let values = [("field", "url"), ("value", text.as_str()), ("url", text.as_str())];
        Err(ApiError::new(code, &values).detail("field", "url"))
    };
    for other in stored(call, object).await? {
        match (pools, other.flag("pooling_enabled")) {
            (true, false) => return refused(ErrorCode::NGROK_18016),
            (false, true) => return refused(ErrorCode::NGROK_18017),
            // The gate refuses the second one.
            (false, false) | (true, true) => {}
        }
    }
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

/// Other cloud endpoints of the organisation with the same URL.
async fn stored(call: &Call<'_>, object: &Object) -> Result<Vec<Object>, ApiError> {
    let mut terms = Vec::new();
    if let Some(column) = Column::of("endpoint", "url") {
        terms.push(Term {
            column,
            op: Op::Equal,
            value: Value::Text(object.text("url").to_owned()),
        });
    }
    let page = Page {
        kind: "endpoint",
        organization: Some(call.caller.organization),
        before: None,
        limit: SAME_URL,
        terms,
    };
    let mut found = call.api.stored()?.store.page(&page).await?;
    // Internal and public endpoints may have the same host.
    let binding = |o: &Object| o.texts("bindings").next().map(str::to_owned);
    found.retain(|o| o.id != object.id && o.text("url") == object.text("url") && binding(o) == binding(object));
    Ok(found)
}
