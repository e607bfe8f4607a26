//! What guardrails require of a cloud endpoint's own policy, asked when it is written (traffic policy 6.1).

use std::collections::BTreeSet;

use adit_model::Object;
use adit_model::kind::guardrail::{self, Mode, Place, Scope, Whom};
use adit_model::kind::{endpoint, organization};
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl};
use adit_names::id::Id;
use adit_policy::{Actions, Endpoint, Requirement, Selector, Subject};

use super::guardrail::of_organization;
use crate::call::Call;
use crate::error::ApiError;

/// Checks the policy of an endpoint that is made or changed.
///
/// # Errors
/// `ERR_ADIT_2250` with the guardrail and what is missing.
pub(super) async fn check(call: &Call<'_>, object: &Object) -> Result<(), ApiError> {
    let Some(url) = endpoint::url(object) else {
        return Ok(());
    };
    let mut asking = around(call, object.organization, &url).await?;
    asking.retain(|guardrail| guardrail::mode(guardrail) == Some(Mode::Enforce) && !requirements(guardrail).is_empty());
    if asking.is_empty() {
        return Ok(());
    }
    let subject = Subject {
        internal: url.binding() == Binding::Internal,
        actions: Actions::Edge,
        ..Subject::cloud(url.scheme())
    };
    // That it is right was checked before.
    let policy = adit_policy::compile(object.text("traffic_policy"), subject);
    let policy = policy.map_err(|faults| crate::policy::refused(&faults))?;
    for guardrail in &asking {
        for required in requirements(guardrail) {
            if !required.is_met(&policy) {
                let (name, error) = (guardrail.text("name"), required.to_string());
                let refusal = ApiError::new(ErrorCode::ADIT_2250, &[("name", name), ("error", &error)]);
                return Err(refusal
                    .detail("field", "traffic_policy")
                    .detail("guardrail", guardrail.id.to_string())
                    .detail("requirement", error));
            }
        }
    }
    Ok(())
}

/// The guardrails around an endpoint: its organisation's, and those of the whole installation.
async fn around(call: &Call<'_>, of: Id, url: &EndpointUrl) -> Result<Vec<Object>, ApiError> {
    let mut all = of_organization(call, of).await?;
    all.retain(|guardrail| !guardrail.flag("installation"));
    let organization = call.api.stored()?.store.get(of).await?;
    let everywhere: BTreeSet<Id> = organization.iter().flat_map(organization::default_guardrails).collect();
    let name = organization
        .as_ref()
        .map_or("", |organization| organization.text("name"));
    let operators = call.api.told.access.read().operators();
    if let Some(operators) = operators {
        let theirs = of_organization(call, operators).await?.into_iter();
        all.extend(theirs.filter(|guardrail| guardrail.flag("installation")));
    }
    let now = crate::fresh::now_micros();
    all.retain(|guardrail| everywhere.contains(&guardrail.id) || Covers::read(guardrail).covers(url, (of, name), now));
    Ok(all)
}

/// Guardrails that the organisation has set to stand around every endpoint.
pub(super) async fn everywhere(call: &Call<'_>, of: Id) -> Result<BTreeSet<Id>, ApiError> {
    let object = call.api.stored()?.store.get(of).await?;
    Ok(object.iter().flat_map(organization::default_guardrails).collect())
}

/// Whom a guardrail is about; what of it cannot be read is about everybody.
pub(super) struct Covers {
    scope: Option<Scope>,
    selector: Option<Selector>,
}

impl Covers {
    pub(super) fn read(guardrail: &Object) -> Self {
        let scope = Scope::read(guardrail);
        let selector = match scope.as_ref().map(|scope| &scope.whom) {
            Some(Whom::Endpoints(text)) => Selector::compile(text).ok(),
            Some(Whom::Organization | Whom::Domains(_)) | None => None,
        };
        Self { scope, selector }
    }

    /// Whether it is about the endpoint of this URL of an organisation, whose id and name these are; `now` in microseconds
    /// since the Unix epoch.
    pub(super) fn covers(&self, url: &EndpointUrl, (organization, name): (Id, &str), now: i64) -> bool {
        if self
            .scope
            .as_ref()
            .is_some_and(|scope| scope.rank(&Place::of(url)).is_none())
        {
            return false;
        }
        let Some(selector) = &self.selector else { return true };
        let facts = Endpoint::of_url(url, &organization.to_string(), name);
        selector.covers_endpoint(&facts, now)
    }
}

/// What a guardrail requires. What cannot be read makes it refuse all traffic, which a write need not repeat.
pub(super) fn requirements(guardrail: &Object) -> Vec<Requirement> {
    Requirement::read_all(guardrail.body.get("require")).unwrap_or_default()
}
