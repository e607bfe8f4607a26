//! How a member is chosen for a visitor: as the settings of its URL say (edge 2.6).

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use adit_cluster::{By, Pool};
use adit_http1::Head;
use adit_snapshot::{EdgeConfig, Sticky, Strategy};

/// The rule for this visitor; `head` is its request, if there is one.
pub(crate) fn by(config: &EdgeConfig, pool: &Pool, ip: IpAddr, head: Option<&Head>) -> By {
    let random = crate::forward::random();
    let Some(settings) = config.told.pool(pool.url(), pool.organization()) else {
        return By::Random(random);
    };
    match &settings.sticky {
        Sticky::ClientIp => return By::Value(hash(ip)),
        Sticky::Header(name) => {
            if let Some(value) = head.and_then(|head| head.find(name.as_bytes())) {
                return By::Value(hash(value));
            }
        }
        // A cookie is looked at before, where there can be one.
        Sticky::Cookie | Sticky::Off => {}
    }
    match settings.strategy {
        Strategy::Random => By::Random(random),
        Strategy::LeastBusy => By::LeastBusy(random),
        Strategy::RoundRobin => By::RoundRobin,
    }
}

/// The same on every node.
pub(super) fn hash(value: impl Hash) -> u64 {
    foldhash::fast::FixedState::with_seed(0x5eed).hash_one(value)
}
