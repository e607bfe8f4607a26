//! What the edge was **told**: the immutable [`EdgeConfig`] that a whole node reads without a lock.
//!
//! A change makes a new `EdgeConfig` that is swapped in as a whole; what is *live* (sessions, the endpoints
//! they offer) is not here but in the directory of the crate `cluster`. The road loads the configuration once
//! per request and keeps what it loaded until the request ends.
//!
//! * [`EdgeConfig`] is what the operator set; its [`Told`] is what organisations set, in maps of which a change copies
//!   one part.
//! * [`Compiler`] makes the one from the store's objects: everything at the start, then change by change. What
//!   cannot be compiled is quarantined and never stops what comes behind it.

mod access;
mod address_facts;
mod agent_version;
mod apply;
mod cloud;
mod config;
mod guardrail;
mod ingress;
mod names;
mod networks;
mod policy;
mod pool;
mod reserved;
mod revocations;
mod shards;
mod told;

pub use adit_model::kind::guardrail::Place;

pub use access::{Binds, Credential, HASH_LEN, Organization, OrganizationSettings, Standing, TokenHash};
pub use address_facts::AddressFacts;
pub use agent_version::LowestVersions;
pub use apply::{Change, Compiler, Quarantined};
pub use cloud::{CloudEndpoint, CloudPool};
pub use config::{EdgeConfig, Limits, MAX_LEGS, Parking, PolicyTrace, PublicPorts, SealKey};
pub use guardrail::Guardrail;
pub use ingress::Ingress;
pub use names::ControlName;
pub use networks::{IpPolicy, Networks, Restrictions, Restricts};
pub use policy::Policies;
pub use pool::{Ejection, HealthCheck, HealthCheckKind, PoolSettings, Sticky, Strategy};
pub use reserved::Reservation;
pub use revocations::{ListRefused, RevocationUrl, Revocations};
pub use told::Told;
