//! Cloud endpoints: which ones a public name means, beside what agents offer.

use std::sync::Arc;

use adit_cluster::{Class, Pool};
use adit_snapshot::Told;

use super::routed::Routed;

/// The endpoints that answer for `host`, among those that agents offer and those of the cloud. Costs nothing while
/// there is no cloud endpoint.
pub(crate) fn beside(told: &Told, class: Class, host: &str, pool: Option<Arc<Pool>>) -> Option<Routed> {
    if !told.has_cloud_endpoints() {
        return pool.map(Routed::agents);
    }
    Routed::beside(pool, told.find_cloud(class, host).cloned())
}
