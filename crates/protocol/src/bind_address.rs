//! Which address does a `Bind` ask for (agent protocol 6.2)?
//!
//! A bind can name its address in several places, old and new. First of these that says something:
//!
//! 1. the bind cookie, at a rebind: the caller has opened it and hands in the URL;
//! 2. at a rebind without a cookie: what the answer before had filled in (`Hostname`, `Addr`);
//! 3. `URL`, if it has a host or port;
//! 4. `Addr`; `Domain`; `Hostname`; `Subdomain` below the base domain;
//! 5. nothing: a random name or port.

use adit_names::endpoint_url::{Address, Binding, EndpointUrl, Scheme, UrlError, UrlRules, Wish};
use adit_names::{CanonicalHost, ErrorCode};
use serde::Deserialize;

use crate::json;
use crate::message::Bind;

/// What an endpoint will be reached under, and where that came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindAddress {
    /// The address, perhaps still to be chosen.
    pub address: Address,
    /// Where it was named.
    pub source: Source,
}

/// Where an address was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// In the cookie of an earlier bind.
    Cookie,
    /// In the option `URL`.
    Url,
    /// In the option `Addr`.
    Addr,
    /// In the option `Domain`.
    Domain,
    /// In the option `Hostname`.
    Hostname,
    /// In the option `Subdomain`.
    Subdomain,
    /// Nowhere.
    Nothing,
}

/// Why a bind's address was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AddressError {
    code: ErrorCode,
    message: String,
}

impl AddressError {
    fn new(code: ErrorCode, values: &[(&str, &str)]) -> Self {
        Self {
            code,
            message: code.message(values),
        }
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }
}

impl From<UrlError> for AddressError {
    fn from(error: UrlError) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
        }
    }
}

/// The options that name an address; the same for every protocol.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Named {
    #[serde(rename = "URL")]
    url: String,
    addr: String,
    domain: String,
    hostname: String,
    subdomain: String,
}

/// The address that `bind` asks for.
///
/// `cookie` is the URL of an earlier bind, if the bind brought a cookie that was believed. `udp`
/// says whether the session may have `udp` endpoints. Reservations, ACLs and claims come later.
///
/// # Errors
/// [`AddressError`] with ngrok's number for the cause.
pub fn select(
    bind: &Bind,
    cookie: Option<&EndpointUrl>,
    udp: bool,
    rules: &UrlRules,
) -> Result<BindAddress, AddressError> {
    let scheme = proto(&bind.proto, udp)?;
    let binding = binding(bind.bindings())?;
    if let Some(url) = cookie.filter(|url| url.scheme() == scheme) {
        return Ok(BindAddress {
            address: Address::Url(url.clone()),
            source: Source::Cookie,
        });
    }
    let named: Named = json::from_value(bind.opts.clone())
        .map_err(|error| AddressError::new(ErrorCode::NGROK_301, &[("error", &error.to_string())]))?;

    let mut url = Wish::parse(&named.url)?;
    // A URL without a scheme is https, as Go reads it.
    let url_scheme = url.scheme.unwrap_or(Scheme::Https);
    if !named.url.is_empty() && url_scheme != scheme {
        return Err(AddressError::new(
            ErrorCode::NGROK_9036,
            &[("scheme", url_scheme.as_str()), ("allowed", scheme.as_str())],
        ));
    }
    url.scheme = Some(scheme);

    let older = if scheme.by_name() {
        by_name(&named, scheme, rules)?
    } else {
        by_addr(&named, scheme)?
    };
    let by_url = (url.host.is_some() || url.port.is_some()).then_some((url, Source::Url));
    let rebind = !bind.id.is_empty();
    let (wish, source) = if rebind { older.or(by_url) } else { by_url.or(older) }.unwrap_or_else(|| {
        let nothing = Wish {
            scheme: Some(scheme),
            ..Wish::default()
        };
        (nothing, Source::Nothing)
    });
    Ok(BindAddress {
        address: wish.resolve(binding, rules)?,
        source,
    })
}

/// The protocol of a bind.
///
/// # Errors
/// 332, or ERR_ADIT_1205 for `udp` on a session that cannot have it.
fn proto(name: &str, udp: bool) -> Result<Scheme, AddressError> {
    match Scheme::from_name(name) {
        Some(Scheme::Udp) if !udp => Err(AddressError::new(
            ErrorCode::ADIT_1205,
            &[("feature", "A udp endpoint")],
        )),
        Some(scheme) => Ok(scheme),
        None => Err(AddressError::new(ErrorCode::NGROK_332, &[("protocol", name)])),
    }
}

/// The one binding asked for, if any.
///
/// # Errors
/// 15005 for an unknown one or two different ones, 15006 for a repeated one.
fn binding(names: &[String]) -> Result<Option<Binding>, AddressError> {
    let mut chosen = None;
    for name in names {
        let binding = Binding::from_name(name);
        let code = match (binding, chosen) {
            (Some(binding), None) => {
                chosen = Some(binding);
                continue;
            }
            (Some(binding), Some(before)) if binding == before => ErrorCode::NGROK_15006,
            (Some(_), Some(_)) | (None, _) => ErrorCode::NGROK_15005,
        };
        return Err(AddressError::new(code, &[("binding", name)]));
    }
    Ok(chosen)
}

/// `Domain`, `Hostname`, `Subdomain`: at most one, or all the same.
fn by_name(named: &Named, scheme: Scheme, rules: &UrlRules) -> Result<Option<(Wish, Source)>, AddressError> {
    let mut found: Option<(Wish, Source)> = None;
    let subdomain = subdomain(&named.subdomain, rules)?;
    for (text, source) in [
        (named.domain.as_str(), Source::Domain),
        (named.hostname.as_str(), Source::Hostname),
        (subdomain.as_str(), Source::Subdomain),
    ] {
        if text.is_empty() {
            continue;
        }
        let wish = host_wish(text, scheme)?;
        match &found {
            Some((first, _)) if *first != wish => {
                return Err(AddressError::new(ErrorCode::NGROK_9021, &[]));
            }
            Some(_) => {}
            None => found = Some((wish, source)),
        }
    }
    Ok(found)
}

/// `shop` becomes `shop.<base>`.
fn subdomain(label: &str, rules: &UrlRules) -> Result<String, AddressError> {
    if label.is_empty() {
        return Ok(String::new());
    }
    let base = rules.base_domains.first().map_or("", CanonicalHost::as_str);
    Ok(format!("{}.{base}", label.trim_end_matches('.')))
}

fn by_addr(named: &Named, scheme: Scheme) -> Result<Option<(Wish, Source)>, AddressError> {
    if named.addr.is_empty() {
        return Ok(None);
    }
    Ok(Some((host_wish(&named.addr, scheme)?, Source::Addr)))
}

/// `host[:port]` in an option that is no URL.
fn host_wish(text: &str, scheme: Scheme) -> Result<Wish, AddressError> {
    let mut wish = Wish::parse(text)?;
    if let Some(given) = wish.scheme.filter(|given| *given != scheme) {
        return Err(AddressError::new(
            ErrorCode::NGROK_9036,
            &[("scheme", given.as_str()), ("allowed", scheme.as_str())],
        ));
    }
    wish.scheme = Some(scheme);
    Ok(wish)
}
