//! Where `forward-internal` leads (edge 2.8): an internal endpoint of the same organisation, or nowhere.

use adit_names::code::ErrorCode;
use adit_names::endpoint_url::{Binding, EndpointUrl};
use adit_policy::EffectFault as Fault;

use super::hop::Hop;
use crate::node::Node;
use crate::route::Routed;

/// Most endpoints that one request or connection passes.
const MAX_HOPS: usize = 8;

/// The internal endpoints of this URL in an organisation.
pub(super) fn find(node: &Node, url: &EndpointUrl, organization: &str) -> Option<Routed> {
    let pool = node.directory.find_internal(url, organization);
    let cloud = node.config.load().told.find_internal_cloud(url, organization).cloned();
    Routed::beside(pool, cloud)
}

/// Finds the endpoints of `url` for a policy of the last of `hops`.
///
/// # Errors
/// The code that the target itself would answer with: 3200 for one that is not there, 3603 for a loop.
pub(super) fn open(node: &Node, url: &str, hops: &[Hop]) -> Result<Routed, Fault> {
    let fault = |code: ErrorCode| Fault {
        code,
        message: code.what().to_owned(),
    };
    let organization = hops.first().map_or("", |hop| hop.facts().organization_id.as_str());
    let url = EndpointUrl::from_canonical(url, Binding::Internal).map_err(|_| fault(ErrorCode::NGROK_3200))?;
    let target = find(node, &url, organization).ok_or_else(|| fault(ErrorCode::NGROK_3200))?;
    let target_url = target.url();
    if hops.len() >= MAX_HOPS || hops.iter().any(|hop| hop.facts().url == target_url) {
        return Err(fault(ErrorCode::NGROK_3603));
    }
    Ok(target)
}
