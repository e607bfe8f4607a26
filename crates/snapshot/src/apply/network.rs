//! IP policies with their rules, and restrictions.

use std::time::SystemTime;

use adit_model::Object;
use adit_names::cidr::Cidr;
use adit_names::id::Id;

use super::access::time;
use super::{Compiler, Written, ids, too_new};
use crate::networks::{IpPolicy, Networks, Restrictions};

/// A rule that can be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    allow: bool,
    range: Cidr,
    /// From when on it is none any more.
    until: Option<SystemTime>,
}

/// A restriction. It is in force although parts of it cannot be read: then it lets nobody pass.
#[derive(Debug)]
pub(super) struct RestrictionSource {
    organization: Box<str>,
    agents: bool,
    endpoints: bool,
    enforced: bool,
    networks: Networks,
}

impl Compiler {
    pub(super) fn policy(&mut self, id: Id, organization: Id) {
        self.rules.entry(id).or_default();
        self.written.insert(id, Written::Policy { organization });
        self.dirty.policies.insert(id);
    }

    pub(super) fn rule(&mut self, object: &Object, newer: bool) -> Result<(), String> {
        let policy = object
            .reference("ip_policy_id")
            .or_else(|| object.reference("ip_policy"))
            .ok_or("ip_policy_id: it belongs to no policy")?;
        if let Some(Written::Rule { policy: old }) = self.written.get(&object.id)
            && *old != policy
        {
            self.forget_rule(*old, object.id);
        }
        let rule = if newer {
            Err(too_new(object.schema))
        } else {
            rule(object)
        };
        if let Ok(Rule { until: Some(at), .. }) = rule {
            self.expiring.insert((at, object.id));
        }
        // Its policy may come later in the same batch.
        self.rules
            .entry(policy)
            .or_default()
            .insert(object.id, rule.as_ref().ok().copied());
        self.written.insert(object.id, Written::Rule { policy });
        self.dirty.policies.insert(policy);
        rule.map(|_| ())
    }

    pub(super) fn forget_rule(&mut self, policy: Id, rule: Id) {
        if let Some(rules) = self.rules.get_mut(&policy) {
            rules.remove(&rule);
            self.dirty.policies.insert(policy);
        }
    }

    pub(super) fn renew_policy(&mut self, id: Id) {
        let Some(rules) = self.rules.get(&id) else {
            self.told.remove_policy(id);
            return;
        };
        let organization = match self.written.get(&id) {
            Some(Written::Policy { organization }) => Some(*organization),
            _ => None,
        };
        let in_force = |rule: &&Rule| rule.until.is_none_or(|at| self.now < at);
        let of = |allow| {
            let kept = rules.values().flatten().filter(in_force);
            kept.filter(|rule| rule.allow == allow).map(|rule| rule.range).collect()
        };
        let policy = IpPolicy {
            organization,
            broken: rules.values().any(Option::is_none),
            ..IpPolicy::new(adit_policy::IpPolicy {
                allow: of(true),
                deny: of(false),
            })
        };
        self.told.put_policy(id, policy);
    }

    pub(super) fn restriction(&mut self, object: &Object, newer: bool) -> Result<(), String> {
        self.forget_restriction(object.id);
        self.written.insert(object.id, Written::Restriction);
        let kind = object.text("type");
        let mut wrong = newer.then(|| too_new(object.schema));
        let (agents, endpoints) = match kind {
            "agent" => (true, false),
            "endpoints" => (false, true),
            "dashboard" | "api" => return Ok(()),
            _ => {
                wrong = Some(format!("type: {kind:?} is not known"));
                (true, true)
            }
        };
        // What is not enforced restricts nothing, unless it cannot be read whether it is; of agents it is recorded whom
        // it would keep out.
        let enforced = wrong.is_some() || object.flag("enforced");
        if !enforced && !agents {
            return Ok(());
        }
        let networks = match ids(object, "ip_policy_ids") {
            Ok(policies) if wrong.is_none() => Networks::Policies(policies),
            Ok(_) => Networks::Nobody,
            Err(error) => {
                wrong = Some(error);
                Networks::Nobody
            }
        };
        let organization: Box<str> = object.organization.to_string().into();
        self.restricted
            .entry(organization.clone())
            .or_default()
            .insert(object.id);
        self.dirty.restrictions.insert(organization.clone());
        self.restrictions.insert(
            object.id,
            RestrictionSource {
                organization,
                agents,
                endpoints,
                enforced,
                networks,
            },
        );
        wrong.map_or(Ok(()), Err)
    }

    pub(super) fn forget_restriction(&mut self, id: Id) {
        let Some(old) = self.restrictions.remove(&id) else {
            return;
        };
        if let Some(all) = self.restricted.get_mut(&old.organization) {
            all.remove(&id);
            if all.is_empty() {
                self.restricted.remove(&old.organization);
            }
        }
        self.dirty.restrictions.insert(old.organization);
    }

    pub(super) fn renew_restrictions(&mut self, organization: &str) {
        let mut all = Restrictions::default();
        let mut enforced = Vec::new();
        let ids = self.restricted.get(organization).into_iter().flatten();
        for (id, source) in ids.filter_map(|id| Some((*id, self.restrictions.get(id)?))) {
            if source.agents {
                if source.enforced {
                    enforced.push((id, source.networks.clone()));
                }
                let known = if source.enforced {
                    &mut all.agent
                } else {
                    &mut all.agent_watched
                };
                let (first, networks) = known.take().unzip();
                *known = Some((first.unwrap_or(id), both(networks, &source.networks)));
            }
            if source.endpoints {
                all.endpoints = Some(both(all.endpoints.take(), &source.networks));
            }
        }
        if enforced.len() > 1 {
            all.several = enforced.into();
        }
        self.told.put_restrictions(organization, all);
    }
}

/// There is one restriction of a type; should there be two, the union of their policies counts, and nobody passes if
/// one of them cannot be read.
fn both(first: Option<Networks>, second: &Networks) -> Networks {
    match (first, second) {
        (None, networks) => networks.clone(),
        (Some(Networks::Policies(a)), Networks::Policies(b)) => {
            Networks::Policies(a.iter().chain(b).copied().collect())
        }
        _ => Networks::Nobody,
    }
}

fn rule(object: &Object) -> Result<Rule, String> {
    let text = object.text("cidr");
    let range = text.parse().map_err(|error| format!("cidr: {error}"))?;
    let allow = match object.text("action") {
        "allow" => true,
        "deny" => false,
        other => return Err(format!("action: {other:?} is neither allow nor deny")),
    };
    let until = time(object.text("expires_at")).map_err(|error| format!("expires_at: {error}"))?;
    Ok(Rule { allow, range, until })
}
