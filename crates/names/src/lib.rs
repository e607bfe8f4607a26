//! Canonical host names, endpoint URLs, typed ids and the table of error codes.
//!
//! A leaf crate: no sockets, no clock, no randomness of its own (callers hand in random bytes), so
//! that every other crate speaks of the same names and can test with fixed ones.
//!
//! - [`host`]: the one canonical form of a host name, from SNI, `Host` header or a bind.
//! - [`endpoint_url`]: what an endpoint is reached under, and how a wish becomes one.
//! - [`random_name`]: `<adjective>-<noun>-<8 base32>`.
//! - [`acl`]: what a credential may bind.
//! - [`cidr`]: address ranges, v4-mapped addresses unmapped.
//! - [`id`]: `<prefix>_<27 base62>`, sortable by time.
//! - [`code`]: the one table of error codes.
//! - [`version`]: this build's version and comparison of versions.

pub mod acl;
pub mod cidr;
pub mod code;
pub mod endpoint_url;
pub mod host;
pub mod id;
pub mod random_name;
pub mod version;

pub use acl::{Acl, BindRule};
pub use cidr::{Cidr, CidrSet};
pub use code::ErrorCode;
pub use endpoint_url::{Binding, EndpointUrl, Scheme, UrlError, UrlRules, Wish};
pub use host::{CanonicalHost, HostError};
pub use id::{Id, Prefix};
pub use version::{VERSION, Version};
