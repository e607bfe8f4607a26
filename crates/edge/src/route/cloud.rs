//! Cloud endpoints: which one a name means, beside what agents offer, and what its visitors get.

use adit_cluster::{Class, Pool};
use adit_names::host::CanonicalHost;
use adit_snapshot::{CloudPool, Told};

use crate::reply::Answer;

/// The cloud endpoints that answer for `host` instead of `pool`, which agents offer: those whose name fits better. Of
/// two that fit alike (agents and cloud endpoints that share a URL) the agents' goes first while it is on line.
pub(crate) fn instead_of<'a>(told: &'a Told, class: Class, host: &str, pool: Option<&Pool>) -> Option<&'a CloudPool> {
    if !told.has_cloud_endpoints() {
        return None;
    }
    let cloud = told.find_cloud(class, host)?;
    let of_cloud = cloud.first().map_or(0, |c| fit(c.url.host()));
    let wins = pool.is_none_or(|pool| of_cloud > fit(pool.url().host()) || !pool.is_online());
    wins.then_some(cloud)
}

/// How well a name fits a host that it covers: exactly, or as a wildcard with so many bytes behind the star.
fn fit(name: &CanonicalHost) -> usize {
    name.base_of_wildcard().map_or(usize::MAX, str::len)
}

/// What a visitor of a cloud endpoint gets. This is where its traffic policy will decide: until there is an engine
/// that runs it, no request passes, whatever the policy would say.
pub(crate) fn answer(_endpoints: &CloudPool) -> Answer {
    Answer::policy_invalid()
}
