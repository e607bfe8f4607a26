//! How the traffic of a URL is spread over its endpoints (edge 2.6).

/// Settings of one URL of an organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolSettings {
    /// How an endpoint is chosen.
    pub strategy: Strategy,
    /// What keeps a visitor at his endpoint.
    pub sticky: Sticky,
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
