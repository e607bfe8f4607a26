//! From where an organisation's API and dashboard may be used: IP restrictions, their policies and rules
//! (control plane 3.8, edge 6.2).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use adit_model::Object;
use adit_names::cidr::{Cidr, CidrSet};
use adit_names::id::Id;

use super::tables::expiry;

/// What a restriction can be about that matters to the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Door {
    Api,
    Dashboard,
}

impl Door {
    pub(crate) const ALL: [Self; 2] = [Self::Api, Self::Dashboard];

    /// As the restriction's `type` has it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Dashboard => "dashboard",
        }
    }

    fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|door| door.as_str() == text)
    }
}

/// What the restrictions of an organisation say of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// Not enforced: to be recorded only. The restriction that says so.
    WouldDeny(Id),
    /// The restriction that says so.
    Denied(Id),
}

#[derive(Clone, Debug)]
struct Restriction {
    organization: Id,
    door: Door,
    enforced: bool,
    policies: Vec<Id>,
}

#[derive(Clone, Copy, Debug)]
struct Rule {
    policy: Id,
    cidr: Cidr,
    allow: bool,
    expires_at: Option<i64>,
}

/// The rules of a policy, ready for look-ups.
#[derive(Clone, Debug, Default)]
struct Policy {
    rules: BTreeSet<Id>,
    allow: CidrSet,
    deny: CidrSet,
    /// Rules that end; looked at one by one.
    ending: Vec<(Rule, i64)>,
}

/// Restrictions, policies and rules of all organisations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Restrictions {
    restrictions: HashMap<Id, Restriction>,
    by_door: HashMap<(Id, Door), Id>,
    rules: HashMap<Id, Rule>,
    policies: HashMap<Id, Policy>,
    /// Policies whose rules changed since they were made ready.
    changed: HashSet<Id>,
}

impl Restrictions {
    /// Takes an object in; [`Self::ready`] has to be called before the next look-up.
    pub(crate) fn put(&mut self, object: &Object) {
        self.remove(&object.id);
        match object.kind.as_str() {
            "ip_restriction" => {
                // Others are the edge's business.
                let Some(door) = Door::of(object.text("type")) else {
                    return;
                };
                let restriction = Restriction {
                    organization: object.organization,
                    door,
                    enforced: object.flag("enforced"),
                    policies: policies_of(object).collect(),
                };
                self.by_door.insert((object.organization, door), object.id);
                self.restrictions.insert(object.id, restriction);
            }
            "ip_policy_rule" => {
                let policy = object.reference("ip_policy_id");
                let Some((policy, cidr)) = policy.zip(object.text("cidr").parse().ok()) else {
                    return;
                };
                let rule = Rule {
                    policy,
                    cidr,
                    allow: object.text("action") == "allow",
                    expires_at: expiry(object),
                };
                self.rules.insert(object.id, rule);
                self.policies.entry(policy).or_default().rules.insert(object.id);
                self.changed.insert(policy);
            }
            _ => {}
        }
    }

    /// Forgets an object, if it is one of these.
    pub(crate) fn remove(&mut self, id: &Id) {
        if let Some(old) = self.restrictions.remove(id) {
            self.by_door.remove(&(old.organization, old.door));
        }
        if let Some(old) = self.rules.remove(id) {
            self.changed.insert(old.policy);
            if let Some(policy) = self.policies.get_mut(&old.policy) {
                policy.rules.remove(id);
            }
        }
    }

    /// Makes the policies ready whose rules changed: once for many changes.
    pub(crate) fn ready(&mut self) {
        for id in self.changed.drain() {
            let Some(policy) = self.policies.get_mut(&id) else {
                continue;
            };
            if policy.rules.is_empty() {
                self.policies.remove(&id);
                continue;
            }
            let rules: Vec<Rule> = policy
                .rules
                .iter()
                .filter_map(|id| self.rules.get(id))
                .copied()
                .collect();
            let lasting = |allow| rules.iter().filter(move |r| r.expires_at.is_none() && r.allow == allow);
            policy.allow = lasting(true).map(|r| r.cidr).collect();
            policy.deny = lasting(false).map(|r| r.cidr).collect();
            policy.ending = rules.iter().filter_map(|r| Some((*r, r.expires_at?))).collect();
        }
    }

    /// Whether these policies together let an address in: at least one rule allows it, none denies it.
    pub(crate) fn allow(&self, policies: &[Id], ip: IpAddr, now: i64) -> bool {
        let policies = || policies.iter().filter_map(|id| self.policies.get(id));
        let ending = |allow| {
            let rules = policies().flat_map(|p| &p.ending);
            let mut matching = rules.filter(|(r, until)| *until > now && r.allow == allow && r.cidr.contains(ip));
            matching.next().is_some()
        };
        let allowed = policies().any(|p| p.allow.contains(ip)) || ending(true);
        allowed && !policies().any(|p| p.deny.contains(ip)) && !ending(false)
    }

    /// What the restriction of a door says of an address; without one everybody is let in.
    pub(crate) fn verdict(&self, organization: Id, door: Door, ip: IpAddr, now: i64) -> Verdict {
        let id = self.by_door.get(&(organization, door));
        let Some((id, restriction)) = id.and_then(|id| Some((*id, self.restrictions.get(id)?))) else {
            return Verdict::Allowed;
        };
        if self.allow(&restriction.policies, ip, now) {
            Verdict::Allowed
        } else if restriction.enforced {
            Verdict::Denied(id)
        } else {
            Verdict::WouldDeny(id)
        }
    }

    /// Whether a policy that an enforced restriction of a door uses has no other rule than this, or no other that lets
    /// anybody in.
    pub(crate) fn needs(&self, policy: Id, rule: Id) -> bool {
        let enforced = self.restrictions.values().filter(|r| r.enforced);
        let Some(policy) = self
            .policies
            .get(&policy)
            .filter(|_| enforced.flat_map(|r| &r.policies).any(|p| *p == policy))
        else {
            return false;
        };
        let others = || {
            policy
                .rules
                .iter()
                .filter(|id| **id != rule)
                .filter_map(|id| self.rules.get(id))
        };
        let allows = self.rules.get(&rule).is_some_and(|r| r.allow);
        others().next().is_none() || allows && !others().any(|r| r.allow)
    }

    /// The same with changes that are not made yet: objects as they will be, and none for those that go.
    pub(crate) fn after<'o>(&self, organization: Id, changes: impl Iterator<Item = (Id, Option<&'o Object>)>) -> Self {
        let changes: Vec<_> = changes.collect();
        let mut after = self.of(organization);
        // A restriction that comes brings its policies along.
        for object in changes.iter().filter_map(|(_, object)| *object) {
            let policies: Vec<Id> = policies_of(object).collect();
            after.take_policies(self, &policies);
        }
        for (id, object) in changes {
            match object {
                Some(object) => after.put(object),
                None => {
                    after.remove(&id);
                    // Rules go with their policy.
                    let rules = after.policies.remove(&id).map(|p| p.rules).unwrap_or_default();
                    for rule in rules {
                        after.rules.remove(&rule);
                    }
                }
            }
        }
        after.ready();
        after
    }

    /// The part that decides about an organisation's doors.
    fn of(&self, organization: Id) -> Self {
        let mut part = Self::default();
        for door in Door::ALL {
            let Some(id) = self.by_door.get(&(organization, door)) else {
                continue;
            };
            let Some(restriction) = self.restrictions.get(id) else {
                continue;
            };
            part.by_door.insert((organization, door), *id);
            part.restrictions.insert(*id, restriction.clone());
            part.take_policies(self, &restriction.policies);
        }
        part
    }

    fn take_policies(&mut self, from: &Self, policies: &[Id]) {
        for id in policies {
            let Some(policy) = from.policies.get(id) else {
                continue;
            };
            let rules = policy.rules.iter().filter_map(|r| Some((*r, *from.rules.get(r)?)));
            self.rules.extend(rules);
            self.policies.insert(*id, policy.clone());
        }
    }
}

fn policies_of(object: &Object) -> impl Iterator<Item = Id> {
    object.texts("ip_policy_ids").filter_map(|id| id.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use adit_names::id::Prefix;
    use serde_json::{Value, json};

    fn id(prefix: Prefix, n: u8) -> Id {
        Id::new(prefix, 1_800_000_000, [n; 16])
    }

    fn object(kind: &str, id: Id, body: &Value) -> Object {
        Object {
            id,
            kind: kind.to_owned(),
            organization: self::id(Prefix::Account, 0),
            owner: None,
            schema: 1,
            revision: 1,
            created_at: 0,
            updated_at: 0,
            body: body.as_object().unwrap().clone(),
        }
    }

    fn rule(n: u8, policy: u8, cidr: &str, action: &str) -> Object {
        let policy = id(Prefix::IpPolicy, policy).to_string();
        let body = json!({"ip_policy_id": policy, "cidr": cidr, "action": action});
        object("ip_policy_rule", id(Prefix::IpPolicyRule, n), &body)
    }

    fn restriction(n: u8, door: &str, enforced: bool, policies: &[u8]) -> Object {
        let policies: Vec<_> = policies.iter().map(|p| id(Prefix::IpPolicy, *p).to_string()).collect();
        let body = json!({"type": door, "enforced": enforced, "ip_policy_ids": policies});
        object("ip_restriction", id(Prefix::IpRestriction, n), &body)
    }

    fn made(objects: &[Object]) -> Restrictions {
        let mut all = Restrictions::default();
        for object in objects {
            all.put(object);
        }
        all.ready();
        all
    }

    fn verdict(all: &Restrictions, door: Door, ip: &str) -> Verdict {
        all.verdict(id(Prefix::Account, 0), door, ip.parse().unwrap(), 100)
    }

    #[test]
    fn allowed_is_what_some_rule_allows_and_none_denies() {
        let all = made(&[
            rule(1, 1, "10.0.0.0/8", "allow"),
            rule(2, 2, "10.9.0.0/16", "deny"),
            rule(3, 2, "2001:db8::/32", "allow"),
            restriction(1, "api", true, &[1, 2]),
            restriction(2, "dashboard", false, &[3]),
        ]);
        let denied = Verdict::Denied(id(Prefix::IpRestriction, 1));
        for (ip, is) in [
            ("10.1.2.3", Verdict::Allowed),
            ("::ffff:10.1.2.3", Verdict::Allowed),
            ("10.9.2.3", denied),
            ("192.0.2.1", denied),
            ("2001:db8::1", Verdict::Allowed),
        ] {
            assert_eq!(verdict(&all, Door::Api, ip), is, "{ip}");
        }
        // An empty policy matches nothing.
        let warned = Verdict::WouldDeny(id(Prefix::IpRestriction, 2));
        assert_eq!(verdict(&all, Door::Dashboard, "10.1.2.3"), warned);
        assert_eq!(verdict(&made(&[]), Door::Api, "10.1.2.3"), Verdict::Allowed);
    }

    #[test]
    fn rules_end_at_their_time() {
        let mut ending = rule(1, 1, "10.0.0.0/8", "allow");
        let at = |micros| jiff::Timestamp::from_microsecond(micros).unwrap().to_string();
        ending.body.insert("expires_at".to_owned(), at(101).into());
        let all = made(&[ending.clone(), restriction(1, "api", true, &[1])]);
        assert_eq!(verdict(&all, Door::Api, "10.1.2.3"), Verdict::Allowed);
        ending.body.insert("expires_at".to_owned(), at(100).into());
        let all = made(&[ending, restriction(1, "api", true, &[1])]);
        assert_ne!(verdict(&all, Door::Api, "10.1.2.3"), Verdict::Allowed);
    }

    #[test]
    fn changes_are_seen_before_they_are_made() {
        let mut all = made(&[
            rule(1, 1, "10.0.0.0/8", "allow"),
            restriction(1, "api", true, &[1]),
            rule(2, 2, "192.0.2.0/24", "allow"),
        ]);
        let after = |all: &Restrictions, object: &Object| {
            let changes = [(object.id, Some(object))];
            verdict(
                &all.after(id(Prefix::Account, 0), changes.into_iter()),
                Door::Api,
                "10.1.2.3",
            )
        };
        let denied = Verdict::Denied(id(Prefix::IpRestriction, 1));
        assert_eq!(after(&all, &restriction(1, "api", true, &[2])), denied);
        assert_eq!(after(&all, &restriction(1, "api", true, &[2, 1])), Verdict::Allowed);
        assert_eq!(after(&all, &rule(3, 1, "10.1.0.0/16", "deny")), denied);
        assert_eq!(after(&all, &rule(3, 2, "10.1.0.0/16", "deny")), Verdict::Allowed);
        assert_eq!(after(&all, &rule(1, 1, "10.2.0.0/16", "allow")), denied);
        let gone = all.after(
            id(Prefix::Account, 0),
            [(id(Prefix::IpPolicyRule, 1), None)].into_iter(),
        );
        assert_eq!(verdict(&gone, Door::Api, "10.1.2.3"), denied);
        // Nothing of that was made.
        assert_eq!(verdict(&all, Door::Api, "10.1.2.3"), Verdict::Allowed);
        all.remove(&id(Prefix::IpPolicyRule, 1));
        all.ready();
        assert_eq!(verdict(&all, Door::Api, "10.1.2.3"), denied);
        all.remove(&id(Prefix::IpRestriction, 1));
        assert_eq!(verdict(&all, Door::Api, "10.1.2.3"), Verdict::Allowed);
    }
}
