//! Which URLs this server lets an organisation have.
//!
//! What a bind asks for is read in the crate `protocol` (agent protocol 6.2), the grammar and the rules of
//! bindings are in the crate `names`. Here stands what of it may be had: by the configuration, by the
//! credential, by a cookie of an earlier bind.

use std::time::SystemTime;

use adit_names::acl::Acl;
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Address, Binding, EndpointUrl, Scheme, UrlRules, Wish};
use adit_names::host::{CanonicalHost, HostError, RESERVED_LABELS};
use adit_snapshot::{Binds, ControlName, EdgeConfig};

use super::cookie::{BindCookie, is_fresh};
use super::refusal::Refusal;

/// The rules for URLs that a configuration makes.
///
/// # Errors
/// Only for a base domain or public host that is no host name.
pub(super) fn url_rules(config: &EdgeConfig) -> Result<UrlRules, HostError> {
    let mut rules = UrlRules::new(CanonicalHost::any_depth(&config.base_domain)?)?;
    rules.tcp_host = CanonicalHost::any_depth(&config.tcp_public_host)?;
    rules.https_ports = vec![config.public_ports.https];
    rules.http_ports = vec![config.public_ports.http];
    rules.private_suffixes = config
        .private_suffixes
        .iter()
        .chain(&config.own_domains)
        .filter_map(|s| CanonicalHost::any_depth(s).ok())
        .collect();
    Ok(rules)
}

/// The URL that the cookie of a rebind gives, if it is one of ours for this organisation and scheme and not
/// older than `names.reclaim`.
pub(super) fn from_cookie(
    cookie: &BindCookie,
    organization: &str,
    scheme: Scheme,
    config: &EdgeConfig,
    rules: &UrlRules,
    now: SystemTime,
) -> Option<EndpointUrl> {
    if cookie.organization != organization || !is_fresh(cookie.created, config.reclaim, now) {
        return None;
    }
    let binding = Binding::from_name(&cookie.binding)?;
    let url = EndpointUrl::from_canonical(&cookie.url, binding).ok()?;
    if url.scheme() != scheme {
        return None;
    }
    // The port of a name is what the public sees today, not when the cookie was made.
    let port = if binding == Binding::Public && scheme.by_name() {
        None
    } else {
        Some(url.port())
    };
    let wish = Wish {
        scheme: Some(scheme),
        host: Some(url.host().clone()),
        port,
    };
    match wish.resolve(Some(binding), rules) {
        Ok(Address::Url(url)) => Some(url),
        _ => None,
    }
}

/// Whether this server lets this organisation have this URL, before asking whether it is free.
///
/// # Errors
/// 318, 319, 320, 321, 354 for names; 307, 309 for TCP addresses; 15010 for Kubernetes bindings.
pub(super) fn check_owned(
    url: &EndpointUrl,
    organization: &str,
    config: &EdgeConfig,
    rules: &UrlRules,
) -> Result<(), Refusal> {
    match url.binding() {
        Binding::Internal => return Ok(()),
        Binding::Kubernetes => {
            return Err(Refusal::unavailable(
                ErrorCode::NGROK_15010,
                "No Kubernetes operator is registered: endpoints with the binding \"kubernetes\" are",
            ));
        }
        Binding::Public => {}
    }
    if url.scheme().by_name() {
        check_name(url.host(), organization, config, rules)
    } else {
        check_port(url, organization, config, rules)
    }
}

/// Whether the organisation lets its public endpoints have only what it has reserved.
pub(super) fn only_reserved(organization: &str, config: &EdgeConfig) -> bool {
    config
        .told
        .organization(organization)
        .is_some_and(|o| o.settings.reserved_names_only)
}

fn check_name(host: &CanonicalHost, organization: &str, config: &EdgeConfig, rules: &UrlRules) -> Result<(), Refusal> {
    let domain = [("domain", host.as_str())];
    let below_base = host
        .as_str()
        .strip_suffix(config.base_domain.as_str())
        .and_then(|s| s.strip_suffix('.'));
    let is_nobodys = below_base.is_some_and(|labels| {
        let last = labels.rsplit('.').next().unwrap_or_default();
        RESERVED_LABELS.contains(&last) || last.starts_with('_')
    });
    let reserved = host.as_str() == config.base_domain
        || *host == rules.tcp_host
        || is_nobodys
        || ControlName::of(host.as_str(), &config.base_domain).is_some()
        || config.told.ingress(host.as_str()).is_some();
    if reserved {
        return Err(Refusal::new(ErrorCode::NGROK_320, &domain));
    }
    let reservation = config.told.reservation(host);
    if reservation.is_some_and(|r| r.organization != organization) {
        return Err(Refusal::new(ErrorCode::NGROK_320, &domain));
    }
    if reservation.is_none() && only_reserved(organization, config) {
        return Err(Refusal::new(ErrorCode::NGROK_319, &domain));
    }
    if is_own(host, config) {
        return Ok(());
    }
    match reservation {
        Some(r) if host.is_wildcard() && !r.exact => {
            return Err(Refusal::new(
                ErrorCode::NGROK_321,
                &[("domain", host.as_str()), ("match", r.name)],
            ));
        }
        Some(_) => return Ok(()),
        None => {}
    }
    if host.is_wildcard() {
        return Err(Refusal::new(ErrorCode::NGROK_318, &domain));
    }
    match below_base {
        Some(label) if !label.contains('.') => Ok(()),
        Some(_) => Err(Refusal::new(ErrorCode::NGROK_354, &domain)),
        None => Err(Refusal::new(ErrorCode::NGROK_319, &domain)),
    }
}

fn check_port(url: &EndpointUrl, organization: &str, config: &EdgeConfig, rules: &UrlRules) -> Result<(), Refusal> {
    let (host, address) = (url.host(), url.host_and_port());
    let owner = config.told.port_owner(url.port());
    let is_name_of_this = || {
        *host == rules.tcp_host
            || host.as_str() == config.base_domain
            || is_own(host, config)
            || config
                .told
                .reservation(host)
                .is_some_and(|r| r.organization == organization)
    };
    let is_unreserved = owner.is_none() && only_reserved(organization, config);
    if is_unreserved || owner.is_some_and(|owner| owner != organization) || !is_name_of_this() {
        return Err(Refusal::new(ErrorCode::NGROK_309, &[("address", &address)]));
    }
    match config.tcp_ports {
        Some((first, last)) if (first..=last).contains(&url.port()) => Ok(()),
        _ => Err(Refusal::new(ErrorCode::NGROK_307, &[("address", &address)])),
    }
}

/// Whether a name is one of the domains that every organisation here may bind, or lies below one.
fn is_own(host: &CanonicalHost, config: &EdgeConfig) -> bool {
    config
        .own_domains
        .iter()
        .any(|d| host.as_str() == d || host.is_below(d))
}

/// Whether the credential may have this URL.
///
/// # Errors
/// 316 for names, 308 for addresses, 356 for a random port.
pub(super) fn check_acl(binds: &Binds, credential: &str, asked: &Address, url: &EndpointUrl) -> Result<(), Refusal> {
    if allows(binds, url) {
        return Ok(());
    }
    Err(acl_refusal(
        credential,
        asked,
        url.host().as_str(),
        &url.host_and_port(),
    ))
}

/// Whether the rules of a credential allow this URL.
pub(super) fn allows(binds: &Binds, url: &EndpointUrl) -> bool {
    match binds {
        Binds::Acl(acl) => acl.allows(url),
        Binds::Nothing => false,
    }
}

/// The refusal of an address by the ACL of a credential.
pub(super) fn acl_refusal(credential: &str, asked: &Address, name: &str, address: &str) -> Refusal {
    Refusal::new(
        Acl::refusal(asked),
        &[("credential", credential), ("name", name), ("address", address)],
    )
}
