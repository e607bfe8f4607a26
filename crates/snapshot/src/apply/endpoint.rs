//! Cloud endpoints.

use std::collections::BTreeSet;
use std::sync::Arc;

use adit_model::Object;
use adit_names::endpoint_url::{Binding, EndpointUrl};
use adit_names::id::Id;
use adit_policy::{Actions, Subject};
use serde_json::Value;

use super::access::time;
use super::{Compiler, Written};
use crate::cloud::CloudEndpoint;

impl Compiler {
    /// A policy that cannot be compiled leaves the last good form in force; where there is none, the name is held and
    /// nothing passes.
    pub(super) fn cloud(&mut self, object: &Object) -> Result<(), String> {
        if object.body.get("enabled") == Some(&Value::Bool(false)) {
            self.take_back(object.id);
            return Ok(());
        }
        let until = time(object.text("expires_at")).map_err(|error| format!("expires_at: {error}"))?;
        if until.is_some_and(|at| at <= self.now) {
            self.take_back(object.id);
            return Ok(());
        }
        let text = object.text("url");
        let binding = match object.texts("bindings").next() {
            None => Binding::Public,
            Some(name) => Binding::from_name(name).ok_or_else(|| format!("bindings: {name:?} is not known"))?,
        };
        let url = EndpointUrl::from_canonical(text, binding).map_err(|error| format!("url: {text:?}: {error}"))?;
        let subject = Subject {
            internal: binding == Binding::Internal,
            // It was accepted: where the firewall has gone since, the action that asks it fails, and nothing else.
            actions: Actions::Edge,
            ..Subject::cloud(url.scheme())
        };
        let (policy, wrong) = match self.policies.compile(object.text("traffic_policy"), subject) {
            Ok(policy) => (Some(policy), None),
            Err(faults) => {
                let first = faults.first().map(ToString::to_string).unwrap_or_default();
                (None, Some(format!("traffic_policy: {first}")))
            }
        };
        if let Some(wrong) = &wrong
            && self.has_good_form(object.id, &url)
        {
            return Err(wrong.clone());
        }
        let organization = object.organization.to_string();
        let mut endpoint = CloudEndpoint::new(object.id, &organization, url, policy);
        endpoint.pooled = object.flag("pooling_enabled");
        endpoint.weight = weight(object);
        endpoint.until = until;
        endpoint.facts.metadata = object.text("metadata").to_owned();
        endpoint.facts.organization_name = self.organization_name(&organization);
        let endpoint = Arc::new(endpoint);
        self.take_back(object.id);
        if let Some(at) = until {
            // Ends of forms that are no more are passed over.
            self.expiring.insert((at, object.id));
        }
        self.told.clouds.insert(&endpoint);
        self.written.insert(object.id, Written::Cloud(endpoint));
        wrong.map_or(Ok(()), Err)
    }

    /// Whether this endpoint is in force under this URL with a policy.
    fn has_good_form(&self, id: Id, url: &EndpointUrl) -> bool {
        matches!(self.written.get(&id), Some(Written::Cloud(old)) if old.url == *url && old.policy.is_some())
    }

    fn organization_name(&self, id: &str) -> String {
        let known = self.told.organization(id);
        known.map(|o| o.name.to_string()).unwrap_or_default()
    }

    /// Organisations have another name: the policies of their endpoints see it.
    pub(super) fn organizations_renamed(&mut self, ids: &BTreeSet<Box<str>>) {
        let of_them = |written: &Written| match written {
            Written::Cloud(endpoint) if ids.contains(&endpoint.organization) => Some(endpoint.clone()),
            _ => None,
        };
        let old: Vec<_> = self.written.values().filter_map(of_them).collect();
        for old in old {
            let mut endpoint = old.as_ref().clone();
            endpoint.facts.organization_name = self.organization_name(&endpoint.organization);
            let endpoint = Arc::new(endpoint);
            self.told.clouds.remove(&old);
            self.told.clouds.insert(&endpoint);
            self.written.insert(endpoint.id, Written::Cloud(endpoint));
        }
    }
}

fn weight(object: &Object) -> u32 {
    let given = object.body.get("weight").and_then(Value::as_u64);
    given.and_then(|w| u32::try_from(w).ok()).unwrap_or(100)
}
