//! What guardrails of the organisation require of an endpoint's own policy, asked when it is bound and when its policy
//! changes (traffic policy 6.1).

use std::time::{SystemTime, UNIX_EPOCH};

use adit_cluster::BoundPolicy;
use adit_names::code::ErrorCode;
use adit_names::endpoint_url::EndpointUrl;
use adit_policy::Endpoint;
use adit_snapshot::{EdgeConfig, Guardrail, Place};

use super::refusal::Refusal;

/// Whether an endpoint with this policy may stand at this URL. One that is `returning` to the URL that it had, with the
/// policy that it had, has the grace of those that run.
///
/// # Errors
/// `ERR_ADIT_2250` with the guardrail and what is missing.
pub(super) fn check(
    config: &EdgeConfig,
    url: &EndpointUrl,
    organization: &str,
    policy: Option<&BoundPolicy>,
    returning: bool,
    now: SystemTime,
) -> Result<(), Refusal> {
    let policy = policy.map(|policy| &*policy.policy);
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    for guardrail in config.told.guardrails(organization, &Place::of(url)) {
        if returning && now < guardrail.requires_from {
            continue;
        }
        if let Some(required) = guardrail
            .unmet(policy)
            .filter(|_| covers(config, &guardrail, url, organization, now))
        {
            let error = required.to_string();
            let values = [("name", &*guardrail.name), ("error", error.as_str())];
            return Err(Refusal::new(ErrorCode::ADIT_2250, &values));
        }
    }
    Ok(())
}

/// Whether the expression of its scope, if it has one, is about this endpoint.
fn covers(config: &EdgeConfig, guardrail: &Guardrail, url: &EndpointUrl, organization: &str, now: i64) -> bool {
    let Some(selector) = &guardrail.selector else {
        return true;
    };
    // As the road shows it.
    let name = config.told.organization(organization).map_or("", |o| &o.name);
    let endpoint = Endpoint::of_url(url, organization, name);
    selector.covers_endpoint(&endpoint, now)
}
