//! The traffic policy of a cloud endpoint when it is written: the same check as everywhere (traffic policy 1.5), with
//! what it refers to looked up.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use adit_model::Object;
use adit_model::kind::endpoint;
use adit_names::endpoint_url::Binding;
use adit_names::id::{Id, Prefix};
use adit_policy::{Actions, Fault, References, Subject};
use serde_json::Value;

use crate::call::Call;
use crate::error::ApiError;

/// Believes every reference and notes it.
#[derive(Default)]
struct Asked {
    policies: Mutex<BTreeSet<String>>,
    secrets: Mutex<BTreeSet<(String, String)>>,
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
}

/// What there is.
struct Found {
    policies: BTreeSet<String>,
    secrets: BTreeSet<(String, String)>,
}

impl References for Found {
    fn has_secret(&self, vault: &str, name: &str) -> bool {
        self.secrets.contains(&(vault.to_owned(), name.to_owned()))
    }

    fn has_ip_policy(&self, id: &str) -> bool {
        self.policies.contains(id)
    }
}

/// Checks the policy of an endpoint that is made or changed.
///
/// # Errors
/// The first fault, with all of them in `details.errors`.
pub(super) async fn check(call: &Call<'_>, object: &Object) -> Result<(), ApiError> {
    let Some(url) = endpoint::url(object) else {
        return Ok(());
    };
    let text = object.text("traffic_policy");
    let subject = Subject {
        internal: url.binding() == Binding::Internal,
        actions: Actions::Edge,
        ..Subject::cloud(url.scheme())
    };
    let asked = Asked::default();
    adit_policy::check(text, subject.with_references(&asked)).map_err(|faults| refused(&faults))?;
    let found = look_up(call, object.organization, asked).await?;
    adit_policy::check(text, subject.with_references(&found)).map_err(|faults| refused(&faults))?;
    Ok(())
}

/// What of it the organisation has.
async fn look_up(call: &Call<'_>, organization: Id, asked: Asked) -> Result<Found, ApiError> {
    let store = &call.api.stored()?.store;
    let policies = asked.policies.into_inner().unwrap_or_else(PoisonError::into_inner);
    let ids: Vec<Id> = policies.iter().filter_map(|id| id.parse().ok()).collect();
    let theirs = store.get_many(&ids).await?.into_iter();
    let theirs = theirs.filter(|o| o.organization == organization && o.id.prefix() == Prefix::IpPolicy);
    let mut found = Found {
        policies: theirs.map(|o| o.id.to_string()).collect(),
        secrets: BTreeSet::new(),
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

fn refused(faults: &[Fault]) -> ApiError {
    let Some(first) = faults.first() else {
        return ApiError::internal("a policy was refused without a reason");
    };
    let all: Vec<Value> = faults.iter().map(Fault::to_json).collect();
    ApiError::with_text(first.code, format!("{first}."))
        .detail("field", "traffic_policy")
        .detail("path", first.path.as_str())
        .detail("line", first.line.to_string())
        .detail("column", first.column.to_string())
        .detail("errors", Value::from(all).to_string())
}
