//! How policies want a visitor's TLS terminated (traffic policy 4.22): asked right after the ClientHello, before any
//! member is chosen for good.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use adit_policy::{Policy, PolicyError, TlsProfile, View};

use super::connection::{micros, of_bytes};
use super::hop::Hop;
use super::tables::OfOrganization;
use crate::node::Node;
use crate::route::Routed;

/// What the policy of the endpoints of this name says. `None`: nothing. Of members that differ the first one counts.
///
/// # Errors
/// A template has no value: the connection cannot go on.
pub(crate) fn tls_profile(
    node: &Node,
    routed: &Routed,
    name: &str,
    peer: SocketAddr,
    local: SocketAddr,
) -> Result<Option<TlsProfile>, PolicyError> {
    let config = node.config.load();
    let of_agents = routed.pool.as_ref().and_then(|pool| {
        let member = pool.members().first().cloned()?;
        Some(Hop::agent(&member, pool, &config))
    });
    let of_cloud = || routed.cloud.as_ref()?.first().cloned().map(Hop::Cloud);
    let Some(hop) = of_agents.or_else(of_cloud) else {
        return Ok(None);
    };
    let Some(policy) = hop.policy().filter(|policy| policy.terminates_tls()) else {
        return Ok(None);
    };
    let facts = hop.facts();
    let tables = OfOrganization {
        config: &config,
        organization: &facts.organization_id,
    };
    policy.tls_profile(&View {
        now: micros(SystemTime::now()),
        seed: crate::forward::random(),
        connection: &of_bytes(peer, local, &config.region, name),
        endpoint: facts,
        request: None,
        response: None,
        tables: &tables,
        state: &node.policy_state,
    })
}

/// Whether a policy of an endpoint says how TLS is terminated.
pub(crate) fn terminates_tls(policy: Option<&Arc<Policy>>) -> bool {
    policy.is_some_and(|policy| policy.terminates_tls())
}
