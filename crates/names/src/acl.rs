//! What a credential may bind (agent protocol 5.8).
//!
//! An ACL is a list of rules; empty allows everything, otherwise one rule must match the canonical
//! URL (after a random name or port was chosen). Forms:
//!
//! | rule | allows |
//! |---|---|
//! | `*`, `bind:*` | everything |
//! | `bind:HOST` | that host under `http`, `https`, `tls`; internal: any scheme |
//! | `bind:*.HOST` | any host below, not HOST itself |
//! | `bind:HOST:PORT` | that `tcp` or `udp` address; internal: that port; PORT may be `*` |
//! | `bind:SCHEME://HOST[:PORT]` | as written; HOST may be `*` or `*.HOST`, PORT may be `A-B` or `*` |
//! | `bind:KEY=VALUE` | labelled endpoints; KEY and VALUE may each be `*` |
//!
//! A host rule without a scheme never opens a TCP or UDP port: `bind:*.example.com` would otherwise
//! allow every port, because their URLs all show `tcp.<base>`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::code::ErrorCode;
use crate::endpoint_url::{Address, Binding, EndpointUrl, Scheme};
use crate::host::{self, CanonicalHost};

/// Rules in one ACL at most.
pub const MAX_RULES: usize = 1000;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindRule {
    /// Everything.
    Any,
    /// Endpoints by address.
    Address {
        /// Only this scheme.
        scheme: Option<Scheme>,
        /// Which hosts.
        host: HostPattern,
        /// Which ports.
        ports: Option<RangeInclusive<u16>>,
    },
    /// Labelled endpoints with this label; `None` is any value.
    Label {
        /// The label's key; `*` is any key.
        key: Box<str>,
        /// The label's value.
        value: Option<Box<str>>,
    },
}

/// Hosts of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// Every host.
    Any,
    /// This one.
    Exact(CanonicalHost),
    /// Any below this one (which may be a single label, `internal`).
    Below(CanonicalHost),
}

/// A rule that cannot be read. Whoever compiles an ACL treats it as "nothing is allowed".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule:?} is not a bind rule: {reason}")]
pub struct AclError {
    rule: Box<str>,
    reason: &'static str,
}

impl BindRule {
    /// Does the rule allow this endpoint?
    #[must_use]
    pub fn matches(&self, url: &EndpointUrl) -> bool {
        let Self::Address { scheme, host, ports } = self else {
            return matches!(self, Self::Any);
        };
        let scheme_fits = match scheme {
            Some(scheme) => *scheme == url.scheme(),
            // Without a scheme: names by name, addresses by port; internal endpoints share both.
            None => url.binding() == Binding::Internal || url.scheme().by_name() == ports.is_none(),
        };
        let host_fits = match host {
            HostPattern::Any => true,
            HostPattern::Exact(exact) => exact == url.host(),
            HostPattern::Below(base) => host::is_below(url.host().as_str(), base.as_str()),
        };
        scheme_fits && host_fits && ports.as_ref().is_none_or(|ports| ports.contains(&url.port()))
    }

    /// Does the rule allow a labelled endpoint with this label?
    #[must_use]
    pub fn matches_label(&self, key: &str, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Label { key: k, value: v } => {
                (**k == *key || **k == *"*") && v.as_ref().is_none_or(|v| **v == *value)
            }
            Self::Address { .. } => false,
        }
    }
}

impl FromStr for BindRule {
    type Err = AclError;

    fn from_str(text: &str) -> Result<Self, AclError> {
        let wrong = |reason| AclError {
            rule: text.chars().take(128).collect(),
            reason,
        };
        if text == "*" {
            return Ok(Self::Any);
        }
        let body = text
            .strip_prefix("bind:")
            .ok_or_else(|| wrong("it does not start with \"bind:\""))?;
        if body == "*" {
            return Ok(Self::Any);
        }
        if let Some((key, value)) = body.split_once('=') {
            if key.is_empty() || value.is_empty() {
                return Err(wrong("a label rule is bind:KEY=VALUE, each of which may be *"));
            }
            return Ok(Self::Label {
                key: key.into(),
                value: (value != "*").then(|| value.into()),
            });
        }
        let (scheme, rest) = match body.split_once("://") {
            Some((name, rest)) => {
                let scheme = Scheme::from_name(name);
                (
                    Some(scheme.ok_or_else(|| wrong("the scheme is not one of https, http, tls, tcp, udp"))?),
                    rest,
                )
            }
            None => (None, body),
        };
        let (name, ports) = match rest.rsplit_once(':') {
            Some((name, ports)) => (
                name,
                Some(port_range(ports).ok_or_else(|| wrong("the port is not N, A-B or *"))?),
            ),
            None => (rest, None),
        };
        let host = match name {
            "*" if scheme.is_some() => HostPattern::Any,
            "" if scheme.is_some() => HostPattern::Any,
            _ => match name.strip_prefix("*.") {
                Some(base) => {
                    HostPattern::Below(CanonicalHost::any_depth(base).map_err(|_| wrong("the host is not valid"))?)
                }
                None => {
                    HostPattern::Exact(CanonicalHost::for_endpoint(name).map_err(|_| wrong("the host is not valid"))?)
                }
            },
        };
        Ok(Self::Address { scheme, host, ports })
    }
}

fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let number = |digits: &str| host::port_number(digits.as_bytes()).ok();
    if text == "*" {
        return Some(1..=u16::MAX);
    }
    match text.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(first..=last)
        }
        None => number(text).map(|port| port..=port),
    }
}

/// All rules of a credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acl {
    rules: Vec<BindRule>,
}

impl Acl {
    /// Reads every rule.
    ///
    /// # Errors
    /// [`AclError`] for the first rule that cannot be read, or more than [`MAX_RULES`].
    pub fn parse<T: AsRef<str>>(rules: impl IntoIterator<Item = T>) -> Result<Self, AclError> {
        let rules = rules
            .into_iter()
            .map(|rule| rule.as_ref().parse())
            .collect::<Result<Vec<_>, _>>()?;
        if rules.len() > MAX_RULES {
            return Err(AclError {
                rule: Box::default(),
                reason: "more than 1000 rules",
            });
        }
        Ok(Self { rules })
    }

    /// Is there no rule, so that everything is allowed?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// May this endpoint be bound?
    #[must_use]
    pub fn allows(&self, url: &EndpointUrl) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|rule| rule.matches(url))
    }

    /// May a labelled endpoint with this label be bound?
    #[must_use]
    pub fn allows_label(&self, key: &str, value: &str) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|rule| rule.matches_label(key, value))
    }

    /// The code of a refusal: 356 when a random port was asked for, 308 for a given address,
    /// 316 for a name.
    #[must_use]
    pub const fn refusal(asked: &Address) -> ErrorCode {
        match asked {
            Address::RandomPort { .. } => ErrorCode::NGROK_356,
            Address::RandomName { .. } => ErrorCode::NGROK_316,
            Address::Url(url) if url.scheme().by_name() => ErrorCode::NGROK_316,
            Address::Url(_) => ErrorCode::NGROK_308,
        }
    }
}

impl fmt::Display for BindRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bind:")?;
        match self {
            Self::Any => f.write_str("*"),
            Self::Label { key, value } => write!(f, "{key}={}", value.as_deref().unwrap_or("*")),
            Self::Address { scheme, host, ports } => {
                if let Some(scheme) = scheme {
                    write!(f, "{scheme}://")?;
                }
                match host {
                    HostPattern::Any => f.write_str("*")?,
                    HostPattern::Exact(host) => write!(f, "{host}")?,
                    HostPattern::Below(base) => write!(f, "*.{base}")?,
                }
                match ports {
                    None => Ok(()),
                    Some(ports) if *ports == (1..=u16::MAX) => f.write_str(":*"),
                    Some(ports) if ports.start() == ports.end() => write!(f, ":{}", ports.start()),
                    Some(ports) => write!(f, ":{}-{}", ports.start(), ports.end()),
                }
            }
        }
    }
}
