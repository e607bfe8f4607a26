//! What a URL text asks for, and how that becomes an address here.

use super::{Binding, EndpointUrl, MAX_INTERNAL_DEPTH, MAX_URL, Scheme, UrlError, UrlRules, shown};
use crate::host::{self, CanonicalHost, HostError};

/// What a URL text asks for; each part may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// The scheme, if written.
    pub scheme: Option<Scheme>,
    /// The host, if written: at least two labels, perhaps a wildcard.
    pub host: Option<CanonicalHost>,
    /// The port, if written.
    pub port: Option<u16>,
}

/// What an endpoint will be reached under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Exactly this.
    Url(EndpointUrl),
    /// A random name below the first base domain.
    RandomName {
        /// The scheme.
        scheme: Scheme,
        /// The public port.
        port: u16,
    },
    /// Any free port of the range.
    RandomPort {
        /// `tcp` or `udp`.
        scheme: Scheme,
        /// The host that the URL will show.
        host: CanonicalHost,
    },
}

impl Address {
    /// Fills what is open: `label` for a random name, `port` for a random port. Neither is called
    /// if nothing is open. `None` if a needed one returned `None`, or the label is not usable.
    pub fn fill(
        self,
        rules: &UrlRules,
        label: impl FnOnce() -> Option<String>,
        port: impl FnOnce() -> Option<u16>,
    ) -> Option<EndpointUrl> {
        match self {
            Self::Url(url) => Some(url),
            Self::RandomName { scheme, port } => {
                let host = rules.base_domains.first()?.child(&label()?).ok()?;
                Some(EndpointUrl {
                    scheme,
                    binding: Binding::Public,
                    host,
                    port,
                })
            }
            Self::RandomPort { scheme, host } => Some(EndpointUrl {
                scheme,
                binding: Binding::Public,
                host,
                port: port()?,
            }),
        }
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        match self {
            Self::Url(url) => url.scheme,
            Self::RandomName { scheme, .. } | Self::RandomPort { scheme, .. } => *scheme,
        }
    }

    /// The binding; only public endpoints can be random.
    #[must_use]
    pub const fn binding(&self) -> Binding {
        match self {
            Self::Url(url) => url.binding,
            Self::RandomName { .. } | Self::RandomPort { .. } => Binding::Public,
        }
    }
}

const SCHEMES: &str = "https, http, tls, tcp, udp";

impl Wish {
    /// Reads `[scheme "://"] [host] [":" port]`.
    ///
    /// # Errors
    /// [`UrlError`], with the number that ngrok documents for the cause.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let malformed = |reason| UrlError::Malformed {
            url: shown(text),
            reason,
        };
        if text.len() > MAX_URL {
            return Err(malformed("it is longer than 2048 bytes"));
        }
        if text.bytes().any(|b| b.is_ascii_control()) {
            return Err(malformed("it has control characters"));
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((name, rest)) => {
                let plausible = name.starts_with(|c: char| c.is_ascii_alphabetic())
                    && name
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
                if !plausible {
                    return Err(malformed("there is no scheme in front of '://'"));
                }
                let scheme = Scheme::from_name(name).ok_or_else(|| UrlError::Scheme {
                    given: shown(name),
                    allowed: SCHEMES,
                })?;
                (Some(scheme), rest)
            }
            None => (None, text),
        };
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        no_other_parts(text, authority, tail)?;
        let (host, port) = host_and_port(text, authority)?;
        let host = if host.is_empty() {
            None
        } else {
            Some(CanonicalHost::for_endpoint(host).map_err(|error| UrlError::Host {
                url: shown(text),
                error,
            })?)
        };
        Ok(Self { scheme, host, port })
    }

    /// Applies binding, defaults and this installation's rules. No scheme means `https`; no
    /// binding means `public`, or `internal` for a host that ends in `.internal`.
    ///
    /// Whether the name is reserved, by whom, and whether it is free, is not asked here.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn resolve(self, binding: Option<Binding>, rules: &UrlRules) -> Result<Address, UrlError> {
        let scheme = self.scheme.unwrap_or(Scheme::Https);
        let is_internal = self.host.as_ref().is_some_and(|host| host.is_below("internal"));
        let inferred = if is_internal {
            Binding::Internal
        } else {
            Binding::Public
        };
        match binding.unwrap_or(inferred) {
            Binding::Public => self.public(scheme, rules),
            Binding::Internal => self.internal(scheme),
            Binding::Kubernetes => self.kubernetes(scheme),
        }
    }

    fn public(self, scheme: Scheme, rules: &UrlRules) -> Result<Address, UrlError> {
        if let Some(host) = &self.host {
            if !rules.reachable(host) || host.is_below("internal") {
                let suffix = host.labels().next_back().unwrap_or_default().into();
                return Err(UrlError::Suffix {
                    host: host.clone(),
                    suffix,
                });
            }
            if host.is_wildcard() && !scheme.by_name() {
                return Err(UrlError::Host {
                    url: host.as_str().into(),
                    error: HostError::Character('*'),
                });
            }
        }
        if scheme.by_name() {
            let port = rules.public_port(scheme, self.port)?;
            return Ok(match self.host {
                Some(host) => Address::Url(EndpointUrl {
                    scheme,
                    binding: Binding::Public,
                    host,
                    port,
                }),
                None => Address::RandomName { scheme, port },
            });
        }
        let shown = if scheme == Scheme::Udp {
            &rules.udp_host
        } else {
            &rules.tcp_host
        };
        let host = self.host.unwrap_or_else(|| shown.clone());
        Ok(match self.port {
            Some(port) => Address::Url(EndpointUrl {
                scheme,
                binding: Binding::Public,
                host,
                port,
            }),
            None => Address::RandomPort { scheme, host },
        })
    }

    fn internal(self, scheme: Scheme) -> Result<Address, UrlError> {
        if scheme == Scheme::Udp {
            return Err(UrlError::Scheme {
                given: "udp".into(),
                allowed: "https, http, tls, tcp",
            });
        }
        let host = self.host.ok_or(UrlError::InternalHostMissing)?;
        if !host.is_below("internal") {
            return Err(UrlError::InternalHost(host));
        }
        let depth = host.labels().count() - 1;
        if depth > MAX_INTERNAL_DEPTH {
            return Err(UrlError::Depth { host, depth });
        }
        let port = own_port(scheme, self.port)?;
        Ok(Address::Url(EndpointUrl {
            scheme,
            binding: Binding::Internal,
            host,
            port,
        }))
    }

    fn kubernetes(self, scheme: Scheme) -> Result<Address, UrlError> {
        if !matches!(scheme, Scheme::Http | Scheme::Tcp) {
            return Err(UrlError::KubernetesScheme(scheme));
        }
        let host = self.host.ok_or(UrlError::KubernetesHostMissing)?;
        if host.is_wildcard() || host.labels().count() != 2 {
            return Err(UrlError::KubernetesHost(host));
        }
        let port = own_port(scheme, self.port)?;
        Ok(Address::Url(EndpointUrl {
            scheme,
            binding: Binding::Kubernetes,
            host,
            port,
        }))
    }
}

/// The port of an endpoint that no public listener serves: any, but `tcp` has no default.
fn own_port(scheme: Scheme, asked: Option<u16>) -> Result<u16, UrlError> {
    asked
        .or_else(|| scheme.default_port())
        .ok_or_else(|| UrlError::PortForScheme {
            scheme,
            allowed: "any from 1 to 65535, but one must be given".to_owned(),
        })
}

fn no_other_parts(url: &str, authority: &str, tail: &str) -> Result<(), UrlError> {
    let refuse = |part, value: &str| {
        Err(UrlError::Part {
            url: shown(&without_userinfo(url)),
            part,
            value: shown(value),
        })
    };
    if let Some((userinfo, _)) = authority.rsplit_once('@') {
        // The part before the colon names the mistake well enough; the rest may be a password.
        return refuse("userinfo", userinfo.split(':').next().unwrap_or_default());
    }
    let (rest, fragment) = match tail.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (tail, None),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    if !path.is_empty() && path != "/" {
        return refuse("path", path);
    }
    if let Some(query) = query {
        return refuse("query", query);
    }
    if let Some(fragment) = fragment {
        return refuse("fragment", fragment);
    }
    if path == "/" {
        return Err(UrlError::TrailingSlash(shown(url.strip_suffix('/').unwrap_or(url))));
    }
    Ok(())
}

fn host_and_port<'a>(url: &str, authority: &'a str) -> Result<(&'a str, Option<u16>), UrlError> {
    if authority.starts_with('[') || host::is_ip_form(authority) {
        return Err(UrlError::Host {
            url: shown(url),
            error: HostError::IpLiteral,
        });
    }
    let Some((host, digits)) = authority.rsplit_once(':') else {
        return Ok((authority, None));
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(UrlError::PortNumber(shown(url)));
    }
    match host::port_number(digits.as_bytes()) {
        Ok(port) => Ok((host, Some(port))),
        Err(_) => Err(UrlError::PortRange(shown(url))),
    }
}

/// The URL as error texts may repeat it: what stands before an `@` is left out.
fn without_userinfo(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(..end).and_then(|authority| authority.rfind('@')) {
        Some(at) => {
            let separator = if scheme.is_empty() { "" } else { "://" };
            format!("{scheme}{separator}…{}", rest.get(at..).unwrap_or_default())
        }
        None => url.to_owned(),
    }
}
