//! What policies refer to, looked up in the caller's organisation.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use adit_names::id::{Id, Prefix};
use adit_policy::{References, Subject};

use crate::call::Call;
use crate::error::ApiError;

/// Believes every reference and notes it.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    policies: Mutex<BTreeSet<String>>,
    secrets: Mutex<BTreeSet<(String, String)>>,
    authorities: Mutex<BTreeSet<String>>,
}

/// The secrets that a policy names, by vault and name: those that its expressions ask for, however they are written.
/// What is wrong with the policy is others' to say.
pub(crate) fn secrets_named(policy: &str, subject: Subject<'_>) -> BTreeSet<(String, String)> {
    let asked = Asked::default();
    drop(adit_policy::check(policy, subject.with_references(&asked)));
    asked.secrets.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl References for Asked {
    fn has_secret(&self, vault: &str, name: &str) -> bool {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert((vault.to_owned(), name.to_owned()));
        true
    }

    fn has_ip_policy(&self, id: &str) -> bool {
        let mut policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        policies.insert(id.to_owned());
        true
    }

    fn has_authority(&self, id: &str) -> bool {
        let mut authorities = self.authorities.lock().unwrap_or_else(PoisonError::into_inner);
        authorities.insert(id.to_owned());
        true
    }
}

/// What there is.
#[derive(Debug)]
pub(crate) struct Found {
    policies: BTreeSet<String>,
    secrets: BTreeSet<(String, String)>,
    authorities: BTreeSet<String>,
    /// Of these kinds everything is taken to be there.
    believed: Believed,
}

#[derive(Debug, Default)]
struct Believed {
    policies: bool,
    secrets: bool,
    authorities: bool,
}

impl Found {
    /// The same for whoever only asks: what he may not read is taken to be there, so that names cannot be guessed.
    pub(crate) fn read_by(self, call: &Call<'_>) -> Self {
        let lacks = |permission: &str| !call.caller.reach(permission).all;
        Self {
            believed: Believed {
                policies: lacks("ip_policies:read"),
                secrets: lacks("vault_secrets:read"),
                authorities: lacks("certificate_authorities:read"),
            },
            ..self
        }
    }
}

impl References for Found {
    fn has_secret(&self, vault: &str, name: &str) -> bool {
        self.believed.secrets || self.secrets.contains(&(vault.to_owned(), name.to_owned()))
    }

    fn has_ip_policy(&self, id: &str) -> bool {
        self.believed.policies || self.policies.contains(id)
    }

    fn has_authority(&self, id: &str) -> bool {
        self.believed.authorities || self.authorities.contains(id)
    }
}

/// What the organisation has of what was asked for.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn look_up(call: &Call<'_>, organization: Id, asked: Asked) -> Result<Found, ApiError> {
    let store = &call.api.stored()?.store;
    let policies = asked.policies.into_inner().unwrap_or_else(PoisonError::into_inner);
    let authorities = asked.authorities.into_inner().unwrap_or_else(PoisonError::into_inner);
    let ids = policies.iter().chain(&authorities);
    let ids: Vec<Id> = ids.filter_map(|id| id.parse().ok()).collect();
    let theirs = store.get_many(&ids).await?;
    let of = |prefix: Prefix| {
        let theirs = theirs
            .iter()
            .filter(|o| o.organization == organization && o.id.prefix() == prefix);
        theirs.map(|o| o.id.to_string()).collect()
    };
    let mut found = Found {
        policies: of(Prefix::IpPolicy),
        authorities: of(Prefix::CertificateAuthority),
        secrets: BTreeSet::new(),
        believed: Believed::default(),
    };
    for (vault, name) in asked.secrets.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let Some((id, _)) = store.holder("vault", &format!("{organization} {vault}")).await? else {
            continue;
        };
        if store.holder("secret", &format!("{id} {name}")).await?.is_some() {
            found.secrets.insert((vault, name));
        }
    }
    Ok(found)
}
