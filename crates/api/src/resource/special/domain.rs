//! Reserved domains: what lies above them, and the certificates that they show (control plane 2.2, edge 3.2).

use adit_model::Object;
use adit_model::kind::certificate::server;
use adit_model::kind::reserved_domain;
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::Binding;
use adit_names::host::{self, CanonicalHost};

use crate::call::Call;
use crate::error::ApiError;

/// Whether the organisation may reserve this name, beyond what the gate checks: a name that stands below another one
/// below the base domain needs that one, or a wildcard there; and a certificate must cover it.
///
/// # Errors
/// 414, 430, A2019.
pub(super) async fn check(call: &Call<'_>, domain: &Object) -> Result<(), ApiError> {
    check_certificate(call, domain).await?;
    let name = domain.text("domain");
    let Ok(host) = CanonicalHost::any_depth(name) else {
        return Ok(());
    };
    not_in_use(call, &host)?;
    let needed = reserved_domain::needed_above(&host, &call.api.told.installation.base_domain);
    if needed.is_empty() {
        return Ok(());
    }
    for key in &needed {
        let holder = call.api.stored()?.store.holder("name", key).await?;
        if holder.is_some_and(|(_, organization)| organization == call.caller.organization) {
            return Ok(());
        }
    }
    let error = ApiError::new(ErrorCode::NGROK_414, &[("field", "domain"), ("domain", name)]);
    Err(error.detail("field", "domain"))
}

/// Whether nobody else has something online at a name.
///
/// # Errors
/// 430.
fn not_in_use(call: &Call<'_>, host: &CanonicalHost) -> Result<(), ApiError> {
    let ours = call.caller.organization.to_string();
    let covers = |used: &str| match host.base_of_wildcard() {
        Some(base) => host::is_below(used, base),
        None => used == host.as_str(),
    };
    for pool in call.api.told.directory.pools() {
        let url = pool.url();
        let is_name = url.binding() == Binding::Public && url.scheme().by_name();
        let is_online = || pool.members().iter().any(|member| member.is_connected());
        if is_name && pool.organization() != ours && covers(url.host().as_str()) && is_online() {
            let error = ApiError::new(ErrorCode::NGROK_430, &[("domain", host.as_str())]);
            return Err(error.detail("field", "domain"));
        }
    }
    Ok(())
}

/// Whether the certificate that a domain shall show covers it. That it exists is checked by the gate.
///
/// # Errors
/// A2019 with the names that it covers.
pub(super) async fn check_certificate(call: &Call<'_>, domain: &Object) -> Result<(), ApiError> {
    let Some(id) = domain.reference("certificate_id") else {
        return Ok(());
    };
    let found = call.api.stored()?.store.get(id).await?;
    let is_ours = |c: &Object| c.organization == call.caller.organization && c.kind == "tls_certificate";
    let Some(certificate) = found.filter(is_ours) else {
        return Ok(());
    };
    let name = domain.text("domain");
    if server::covers(&certificate, name) {
        return Ok(());
    }
    let shown = server::names(&certificate).take(20).collect::<Vec<_>>().join(" ");
    let values = [("field", "certificate_id"), ("domain", name), ("names", shown.as_str())];
    let error = ApiError::new(ErrorCode::ADIT_2019, &values);
    Err(error.detail("field", "certificate_id").detail("names", shown))
}
