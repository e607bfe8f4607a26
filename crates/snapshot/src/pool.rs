//! How the traffic of a URL is spread over its endpoints (edge 2.6).

use std::time::Duration;

use adit_model::kind::endpoint_pool;

/// Settings of one URL of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// How an endpoint is chosen.
    pub strategy: Strategy,
    /// What keeps a visitor at his endpoint.
    pub sticky: Sticky,
    /// So long a new endpoint gets less than its share.
    pub slow_start: Duration,
    /// When an endpoint is put out.
    pub ejection: Ejection,
    /// How endpoints are checked, if they are.
    pub health_check: Option<HealthCheck>,
}

/// How endpoints are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// By what.
    pub kind: HealthCheckKind,
    /// What is asked for; begins with `/`.
    pub path: Box<str>,
    /// Time between two checks.
    pub interval: Duration,
    /// Longest time for an answer.
    pub timeout: Duration,
    /// Good ones in a row that put an endpoint in.
    pub up: u32,
    /// Bad ones in a row that put it out.
    pub down: u32,
    /// Lowest good status.
    pub expect_first: u16,
    /// Highest good status.
    pub expect_last: u16,
}

/// By what an endpoint is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthCheckKind {
    /// A request and the status of its answer.
    Http,
    /// A connection that is not closed at once.
    Tcp,
}

/// When an endpoint is put out for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// After so many failures in a row; 0: never.
    pub failures: u32,
    /// After so many answers 5xx in a row; 0: they do not count.
    pub on_5xx: u32,
    /// For so long the first time, and at most.
    pub base: Duration,
    /// See `base`.
    pub max: Duration,
    /// Most endpoints at once, in percent.
    pub max_percent: u32,
}

/// How an endpoint is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Any.
    #[default]
    Random,
    /// The less busy of two.
    LeastBusy,
    /// One after the other.
    RoundRobin,
}

/// What keeps a visitor at an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sticky {
    /// Nothing.
    #[default]
    Off,
    /// A cookie of the edge's; the strategy decides where it is missing, and on connections without TLS.
    Cookie,
    /// Its address.
    ClientIp,
    /// The value of this field of its requests; the strategy decides where it is missing.
    Header(Box<str>),
}

impl Default for Ejection {
    fn default() -> Self {
        Self {
            failures: 5,
            on_5xx: 0,
            base: Duration::from_secs(5),
            max: Duration::from_secs(300),
            max_percent: 50,
        }
    }
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            sticky: Sticky::default(),
            slow_start: Duration::from_secs(10),
            ejection: Ejection::default(),
            health_check: None,
        }
    }
}

impl PoolSettings {
    /// As an object of the store says. An expression to hash by is not evaluated: any endpoint is chosen.
    pub(crate) fn of(settings: &endpoint_pool::Settings<'_>) -> Self {
        let usual = Ejection::default();
        // What an older version left out is as it is by default.
        let count = |name, usual| {
            let set = settings.number("ejection", name);
            set.map_or(usual, |set| u32::try_from(set).unwrap_or(u32::MAX))
        };
        let time = |name, usual| settings.number("ejection", name).map_or(usual, Duration::from_secs);
        Self {
            strategy: match settings.strategy {
                endpoint_pool::Strategy::Random | endpoint_pool::Strategy::Hash(_) => Strategy::Random,
                endpoint_pool::Strategy::LeastBusy => Strategy::LeastBusy,
                endpoint_pool::Strategy::RoundRobin => Strategy::RoundRobin,
            },
            sticky: match settings.sticky {
                endpoint_pool::Sticky::Off => Sticky::Off,
                endpoint_pool::Sticky::Cookie => Sticky::Cookie,
                endpoint_pool::Sticky::ClientIp => Sticky::ClientIp,
                endpoint_pool::Sticky::Header(name) => Sticky::Header(name.into()),
            },
            slow_start: Duration::from_secs(settings.slow_start),
            ejection: Ejection {
                failures: count("failures", usual.failures),
                on_5xx: count("eject_on_5xx", usual.on_5xx),
                base: time("base", usual.base),
                max: time("max", usual.max),
                max_percent: count("max_percent", usual.max_percent),
            },
            health_check: settings.health_check().map(|kind| {
                let number = |name, usual| settings.number("health_check", name).unwrap_or(usual);
                let small = |name, usual| u32::try_from(number(name, usual)).unwrap_or(u32::MAX);
                let status = |name, usual| u16::try_from(number(name, usual)).unwrap_or(u16::MAX);
                HealthCheck {
                    kind: match kind {
                        endpoint_pool::Check::Http(_) => HealthCheckKind::Http,
                        endpoint_pool::Check::Tcp => HealthCheckKind::Tcp,
                    },
                    path: match kind {
                        endpoint_pool::Check::Http(path) => path.into(),
                        endpoint_pool::Check::Tcp => Box::default(),
                    },
                    interval: Duration::from_secs(number("interval", 10)),
                    timeout: Duration::from_secs(number("timeout", 2)),
                    up: small("up", 2),
                    down: small("down", 3),
                    expect_first: status("expect_first", 200),
                    expect_last: status("expect_last", 399),
                }
            }),
        }
    }
}
