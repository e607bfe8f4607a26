//! How a member is chosen for a visitor: as the settings of its URL say (edge 2.6).

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::time::Duration;

use adit_cluster::{By, Ejection, Pool};
use adit_http1::Head;
use adit_snapshot::{EdgeConfig, Sticky, Strategy};

/// Where nothing else is said.
const SLOW_START: Duration = Duration::from_secs(10);

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

/// How long a new member gets less than its share.
pub(crate) fn slow_start(config: &EdgeConfig, pool: &Pool) -> Duration {
    config
        .told
        .pool(pool.url(), pool.organization())
        .map_or(SLOW_START, |settings| settings.slow_start)
}

/// When members are put out.
pub(crate) fn ejection(config: &EdgeConfig, pool: &Pool) -> Ejection {
    let settings = config.told.pool(pool.url(), pool.organization());
    let told = settings.map_or_else(Default::default, |settings| settings.ejection);
    Ejection {
        failures: told.failures,
        on_5xx: told.on_5xx,
        base: told.base,
        max: told.max,
        max_percent: told.max_percent,
    }
}

/// The same on every node.
pub(super) fn hash(value: impl Hash) -> u64 {
    foldhash::fast::FixedState::with_seed(0x5eed).hash_one(value)
}
