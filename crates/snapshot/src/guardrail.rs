//! Guardrails of organisations, compiled, and which of them stand around an endpoint (traffic policy 1.3, 6.1).

use std::sync::Arc;

use adit_model::kind::guardrail::{Exception, Place, Rank, Scope};
use adit_names::id::Id;
use adit_policy::{Policy, Requirement, Selector};

use crate::told::Told;

/// One guardrail that is in force, or tells whom it would refuse.
#[derive(Debug)]
pub struct Guardrail {
    /// Identifier (`gr_…`).
    pub id: Id,
    /// Its name.
    pub name: Box<str>,
    /// Whose it is: what its policy refers to is looked up there.
    pub organization: Box<str>,
    /// It stands around the endpoints of all organisations.
    pub installation: bool,
    /// Whom it is about.
    pub scope: Scope,
    /// The expression of its scope, if it has one.
    pub selector: Option<Selector>,
    /// Its policy; none: it is quarantined and lets nobody pass. No two guardrails share one, so that a connection that
    /// has passed one has not passed the other.
    pub policy: Option<Arc<Policy>>,
    /// It only tells whom it would refuse.
    pub dry_run: bool,
    /// Lower ones go first among those of the same rank.
    pub priority: u64,
    /// Rules that do not hold for an endpoint.
    pub exceptions: Box<[Exception]>,
    /// What it requires of the own policies of endpoints.
    pub requires: Box<[Requirement]>,
    /// From when on endpoints that run must meet that, microseconds since the Unix epoch.
    pub requires_from: i64,
    /// Stands before the paths of its rules where they are told: its id and a dot.
    pub prefix: Box<str>,
}

impl Guardrail {
    /// One around every endpoint of an organisation that decides nothing and requires nothing.
    pub fn new(id: Id, organization: &str, policy: Option<Arc<Policy>>) -> Self {
        Self {
            id,
            name: Box::default(),
            organization: organization.into(),
            installation: false,
            scope: Scope::organization(),
            selector: None,
            policy,
            dry_run: false,
            priority: 100,
            exceptions: Box::default(),
            requires: Box::default(),
            requires_from: 0,
            prefix: format!("{id}.").into(),
        }
    }

    /// What an endpoint with this policy of its own does not meet; `None` in a dry run too.
    #[must_use]
    pub fn unmet(&self, policy: Option<&Policy>) -> Option<&Requirement> {
        if self.dry_run {
            return None;
        }
        self.requires.iter().find(|required| !required.is_met_by(policy))
    }

    /// Ids of its rules that do not hold for an endpoint now; `now` in microseconds since the Unix epoch.
    pub fn exempt<'a>(&'a self, place: &Place<'a>, now: i64) -> impl Iterator<Item = &'a str> {
        let is_it = move |place: Place<'a>, exception: &Exception| {
            let url = place.url;
            // Its own URL, or the name that was asked for where that is a wildcard.
            let text = exception.url.split_once("://");
            let (scheme, rest) = text.unwrap_or_default();
            let port = url.scheme().default_port() != Some(url.port());
            let is_name = |host: &str| match rest.strip_prefix(host) {
                Some("") => !port,
                Some(rest) => port && rest.strip_prefix(':').is_some_and(|p| p.parse() == Ok(url.port())),
                None => false,
            };
            scheme == url.scheme().as_str() && (is_name(url.host().as_str()) || is_name(place.host))
        };
        let place = *place;
        self.exceptions
            .iter()
            .filter(move |exception| exception.until.is_none_or(|until| now < until) && is_it(place, exception))
            .map(|exception| &*exception.rule)
    }
}

/// A guardrail of an organisation, in the order of priority.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    pub(crate) guardrail: Arc<Guardrail>,
    /// The organisation has set that it stands around every endpoint.
    pub(crate) everywhere: bool,
}

impl Told {
    /// Whether there is any guardrail.
    pub fn has_guardrails(&self) -> bool {
        !self.guardrails.is_empty() || !self.installation.is_empty()
    }

    /// All guardrails of all organisations that are not off.
    pub fn all_guardrails(&self) -> impl Iterator<Item = &Guardrail> {
        let own = self.guardrails.iter().flat_map(|(_, all)| all.iter());
        own.chain(self.installation.iter()).map(|applied| &*applied.guardrail)
    }

    /// The guardrails around an endpoint of an organisation, the outermost first. Of one whose scope is an expression it is
    /// for the caller to evaluate it. Takes no lock, and no memory where there is none.
    pub fn guardrails(&self, organization: &str, place: &Place<'_>) -> Vec<Arc<Guardrail>> {
        if !self.has_guardrails() {
            return Vec::new();
        }
        let mut out = Vec::new();
        around(&self.installation, place, &mut out);
        if let Some(own) = self.guardrails.get(organization) {
            around(own, place, &mut out);
        }
        out
    }

    /// Writes a guardrail beside the others of its organisation.
    pub fn put_guardrail(&mut self, guardrail: Guardrail) {
        let organization = guardrail.organization.clone();
        let mut all = self
            .guardrails
            .get(&*organization)
            .map(|all| all.to_vec())
            .unwrap_or_default();
        all.retain(|applied| applied.guardrail.id != guardrail.id);
        all.push(Applied {
            guardrail: Arc::new(guardrail),
            everywhere: false,
        });
        self.put_guardrails(&organization, all);
    }

    /// Writes the guardrails of an organisation.
    pub(crate) fn put_guardrails(&mut self, organization: &str, mut all: Vec<Applied>) {
        // Who passed before is asked again.
        self.networks_generation += 1;
        all.sort_by_key(|applied| (applied.guardrail.priority, applied.guardrail.id));
        if all.is_empty() {
            self.guardrails.remove(organization);
        } else {
            self.guardrails.insert(organization.into(), all.into());
        }
    }

    /// Writes the guardrails of the whole installation.
    pub(crate) fn put_installation_guardrails(&mut self, mut all: Vec<Applied>) {
        self.networks_generation += 1;
        all.sort_by_key(|applied| (applied.guardrail.priority, applied.guardrail.id));
        self.installation = all.into();
    }
}

/// Those of a list that are about the place, by rank, behind what is there.
fn around(all: &[Applied], place: &Place<'_>, out: &mut Vec<Arc<Guardrail>>) {
    let ranked = |applied: &Applied| {
        let rank = if applied.everywhere {
            Rank::Organization
        } else {
            applied.guardrail.scope.rank(place)?
        };
        Some((rank, applied.guardrail.clone()))
    };
    let mut found: Vec<_> = all.iter().filter_map(ranked).collect();
    // Stable: those of the same rank stay in the order of priority.
    found.sort_by_key(|(rank, _)| *rank);
    out.extend(found.into_iter().map(|(_, guardrail)| guardrail));
}
