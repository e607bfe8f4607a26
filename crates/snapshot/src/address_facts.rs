//! What is known of addresses beside what organisations set: places, networks, categories.

use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;

use adit_policy::Intelligence;

/// Databases of addresses that the operator gave. They may be other ones at the next call.
pub trait AddressFacts: Debug + Send + Sync {
    /// What they say of an address; `None` if that is nothing. Asked on the road, and only where a policy asks: it
    /// neither waits nor reads files.
    fn look_up(&self, ip: IpAddr) -> Option<Arc<Intelligence>>;
}
