//! How a member is chosen for a visitor: as the settings of its URL say (edge 2.6).

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::time::Duration;

use adit_cluster::{By, Ejection, Pool};
use adit_http1::Head;
use adit_snapshot::{EdgeConfig, PoolSettings, Sticky, Strategy};

/// Where nothing else is said.
const SLOW_START: Duration = Duration::from_secs(10);

/// How the traffic of a pool is spread, looked up once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread<'c>(Option<&'c PoolSettings>);

impl<'c> Spread<'c> {
    pub(crate) fn of(config: &'c EdgeConfig, pool: &Pool) -> Self {
        Self(
            config
                .told
                .pool(pool.url(), pool.organization())
                .map(|settings| &**settings),
        )
    }

    /// What keeps visitors at members.
    pub(crate) fn sticky(self) -> &'c Sticky {
        self.0.map_or(&Sticky::Off, |settings| &settings.sticky)
    }

    /// The rule for the visitor at `ip`, which is asked for only if it counts; `head` is its request, if there is one.
    pub(crate) fn by(self, ip: impl FnOnce() -> IpAddr, head: Option<&Head>) -> By {
        let random = crate::forward::random();
        let Some(settings) = self.0 else {
            return By::Random(random);
        };
        match &settings.sticky {
            Sticky::ClientIp => return By::Value(hash(ip())),
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
    pub(crate) fn slow_start(self) -> Duration {
        self.0.map_or(SLOW_START, |settings| settings.slow_start)
    }

    /// When members are put out.
    pub(crate) fn ejection(self) -> Ejection {
        let told = self.0.map_or_else(Default::default, |settings| settings.ejection);
        Ejection {
            failures: told.failures,
            on_5xx: told.on_5xx,
            base: told.base,
            max: told.max,
            max_percent: told.max_percent,
        }
    }
}

/// The same on every node.
pub(super) fn hash(value: impl Hash) -> u64 {
    foldhash::fast::FixedState::with_seed(0x5eed).hash_one(value)
}
