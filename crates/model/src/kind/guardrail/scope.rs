//! Whom a guardrail is about. The one place that says it: binds, writes of cloud endpoints and the road ask here.

use adit_names::endpoint_url::{Binding, EndpointUrl, Scheme};
use adit_names::host::{CanonicalHost, is_below};
use serde_json::Value;

use crate::object::Object;

/// Whom a guardrail is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Which endpoints.
    pub whom: Whom,
    /// Only those that are reached from there; empty: from anywhere.
    pub bindings: Box<[Binding]>,
    /// Only those of these schemes; empty: any.
    pub schemes: Box<[Scheme]>,
}

/// Which endpoints a guardrail is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// All of the organisation.
    Organization,
    /// Those of these names.
    Domains(Box<[CanonicalHost]>),
    /// Those for which this expression is true; who asks evaluates it.
    Endpoints(Box<str>),
}

/// An endpoint that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its URL.
    pub url: &'a EndpointUrl,
    /// The name that the visitor asks for, where the URL is a wildcard's.
    pub host: &'a str,
}

impl<'a> Place<'a> {
    /// An endpoint under its own name.
    #[must_use]
    pub fn of(url: &'a EndpointUrl) -> Self {
        Self {
            url,
            host: url.host().as_str(),
        }
    }
}

/// How near a guardrail stands to an endpoint; those that are further out go first (traffic policy 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Around the organisation.
    Organization,
    /// Around the name itself.
    Name,
    /// Around the names below another one; a longer one goes first.
    Wildcard(std::cmp::Reverse<usize>),
}

impl Scope {
    /// The scope of everything.
    #[must_use]
    pub fn organization() -> Self {
        Self {
            whom: Whom::Organization,
            bindings: Box::default(),
            schemes: Box::default(),
        }
    }

    /// The scope of a stored guardrail; `None` if it cannot be read.
    #[must_use]
    pub fn read(object: &Object) -> Option<Self> {
        let scope = object.body.get("scope")?;
        let texts = |name: &str| -> Option<Vec<&str>> {
            match scope.get(name) {
                None => Some(Vec::new()),
                Some(list) => list.as_array()?.iter().map(Value::as_str).collect(),
            }
        };
        let domains = texts("domains")?;
        let expression = scope.get("endpoints").and_then(Value::as_str).unwrap_or_default();
        let whom = if scope.get("organization") == Some(&Value::Bool(true)) {
            Whom::Organization
        } else if !domains.is_empty() {
            let hosts = domains.iter().map(|name| CanonicalHost::any_depth(name).ok());
            Whom::Domains(hosts.collect::<Option<_>>()?)
        } else if !expression.trim().is_empty() {
            Whom::Endpoints(expression.into())
        } else {
            return None;
        };
        let bindings = texts("bindings")?.into_iter().map(Binding::from_name);
        let schemes = texts("protocols")?.into_iter().map(Scheme::from_name);
        Some(Self {
            whom,
            bindings: bindings.collect::<Option<_>>()?,
            schemes: schemes.collect::<Option<_>>()?,
        })
    }

    /// How near it stands to an endpoint; `None` if it is not about it. Of an expression it is taken to be true.
    #[must_use]
    pub fn rank(&self, place: &Place<'_>) -> Option<Rank> {
        let fits = (self.bindings.is_empty() || self.bindings.contains(&place.url.binding()))
            && (self.schemes.is_empty() || self.schemes.contains(&place.url.scheme()));
        if !fits {
            return None;
        }
        match &self.whom {
            Whom::Organization | Whom::Endpoints(_) => Some(Rank::Organization),
            Whom::Domains(domains) => domains.iter().filter_map(|domain| rank_of(domain, place.host)).min(),
        }
    }
}

/// How near a name of a scope stands to a host. A wildcard endpoint answers for all names below it, so what is about one of
/// them is about the endpoint.
fn rank_of(domain: &CanonicalHost, host: &str) -> Option<Rank> {
    if domain.as_str() == host {
        return Some(Rank::Name);
    }
    if let Some(below) = host.strip_prefix("*.")
        && is_below(domain.base_of_wildcard().unwrap_or_else(|| domain.as_str()), below)
    {
        return Some(Rank::Name);
    }
    let base = domain.base_of_wildcard()?;
    is_below(host, base).then_some(Rank::Wildcard(std::cmp::Reverse(base.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> CanonicalHost {
        CanonicalHost::any_depth(name).unwrap()
    }

    fn url(text: &str) -> EndpointUrl {
        let binding = if text.contains(".internal") {
            Binding::Internal
        } else {
            Binding::Public
        };
        EndpointUrl::from_canonical(text, binding).unwrap()
    }

    fn domains(names: &[&str]) -> Scope {
        Scope {
            whom: Whom::Domains(names.iter().map(|name| host(name)).collect()),
            ..Scope::organization()
        }
    }

    #[test]
    fn names_stand_nearer_than_wildcards_and_long_ones_before_short_ones() {
        let of = |names: &[&str], text: &str| domains(names).rank(&Place::of(&url(text)));
        let wildcard = |base: &str| Some(Rank::Wildcard(std::cmp::Reverse(base.len())));
        assert_eq!(of(&["a.example.com"], "https://a.example.com"), Some(Rank::Name));
        assert_eq!(
            of(&["*.example.com"], "https://a.b.example.com"),
            wildcard("example.com")
        );
        assert_eq!(of(&["*.example.com"], "https://example.com"), None);
        assert_eq!(of(&["*.example.com"], "https://aexample.com"), None);
        assert_eq!(
            of(&["*.example.com", "a.example.com"], "tls://a.example.com"),
            Some(Rank::Name)
        );
        assert!(wildcard("b.example.com") < wildcard("example.com") && Some(Rank::Name) < wildcard("example.com"));
        // A wildcard endpoint answers for the name.
        assert_eq!(of(&["a.example.com"], "https://*.example.com"), Some(Rank::Name));
        let wild = url("https://*.example.com");
        let asked = |name| Place { url: &wild, host: name };
        assert_eq!(
            domains(&["a.example.com"]).rank(&asked("a.example.com")),
            Some(Rank::Name)
        );
        assert_eq!(domains(&["a.example.com"]).rank(&asked("b.example.com")), None);
    }

    #[test]
    fn bindings_and_schemes_narrow_a_scope() {
        let mut scope = Scope::organization();
        scope.bindings = [Binding::Public].into();
        scope.schemes = [Scheme::Https].into();
        let covers = |text: &str| scope.rank(&Place::of(&url(text))).is_some();
        assert!(covers("https://a.example.com"));
        assert!(!covers("http://a.example.com") && !covers("https://a.internal"));
    }
}
