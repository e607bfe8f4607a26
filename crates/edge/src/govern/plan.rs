//! What is known of an endpoint before a member of it is chosen, and the guardrails around it (traffic policy 1.3).

use std::sync::Arc;
use std::time::SystemTime;

use adit_names::endpoint_url::{Binding, EndpointUrl};
use adit_policy::{Endpoint as Facts, Requirement, Run};
use adit_snapshot::{EdgeConfig, Guardrail, Place};

use super::connection::micros;
use super::hop::Hop;
use crate::route::Routed;

/// An endpoint with its guardrails.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What its guardrails see of it: nothing of a member.
    pub(super) facts: Facts,
    url: EndpointUrl,
    /// The name that is asked for.
    host: Box<str>,
    /// The outermost first.
    pub(super) guardrails: Vec<Arc<Guardrail>>,
}

impl Plan {
    /// For visitors who ask these endpoints for `host`, which may be empty where ports are told apart. `None`: no
    /// guardrail is about them.
    pub(crate) fn of(config: &EdgeConfig, routed: &Routed, host: &str) -> Option<Box<Self>> {
        Self::around(config, routed.endpoint_url()?, routed.organization(), host)
    }

    /// The same for an endpoint whose member was chosen already.
    pub(super) fn of_hop(config: &EdgeConfig, hop: &Hop, host: &str) -> Option<Box<Self>> {
        Self::around(config, hop.url(), hop.organization(), host)
    }

    fn around(config: &EdgeConfig, url: &EndpointUrl, organization: &str, host: &str) -> Option<Box<Self>> {
        let host = if host.is_empty() { url.host().as_str() } else { host };
        let guardrails = config.told.guardrails(organization, &Place { url, host });
        if guardrails.is_empty() {
            return None;
        }
        let name = config.told.organization(organization).map_or("", |o| &o.name);
        let facts = Facts::of_url(url, organization, name);
        Some(Box::new(Self {
            facts,
            url: url.clone(),
            host: host.into(),
            guardrails,
        }))
    }

    /// The name that is asked for.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether visitors reach it by their own connections, which have a phase of their own.
    pub(super) fn is_public(&self) -> bool {
        self.url.binding() != Binding::Internal
    }

    /// A run of one of its guardrails, as this endpoint has it.
    pub(super) fn dress(&self, run: Run, guardrail: &Guardrail) -> Run {
        let mut run = run.with_prefix(&*guardrail.prefix);
        if guardrail.dry_run {
            run = run.with_dry_run();
        }
        if guardrail.exceptions.is_empty() {
            return run;
        }
        let place = Place {
            url: &self.url,
            host: &self.host,
        };
        let exempt = guardrail.exempt(&place, micros(SystemTime::now()));
        run.without(exempt.map(str::to_owned))
    }

    /// The first guardrail that requires what the endpoint's own policy lacks, if the grace is over, and what that is.
    pub(super) fn unmet_by(&self, hop: &Hop) -> Option<(&Arc<Guardrail>, &Requirement)> {
        let policy = hop.policy().map(|policy| &**policy);
        let asks = self
            .guardrails
            .iter()
            .filter(|guardrail| !guardrail.requires.is_empty());
        let mut unmet = asks.filter_map(|guardrail| Some((guardrail, guardrail.unmet(policy)?)));
        unmet.find(|(guardrail, _)| micros(SystemTime::now()) >= guardrail.requires_from)
    }

    /// The endpoint's URL.
    pub(super) fn url(&self) -> &EndpointUrl {
        &self.url
    }
}
