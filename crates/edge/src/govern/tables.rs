//! What policies refer to by name, from the snapshot.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use adit_policy::{Authority, Intelligence, IpPolicy, Tables};
use adit_snapshot::EdgeConfig;

/// The names of one organisation.
pub(super) struct OfOrganization<'a> {
    pub(super) config: &'a EdgeConfig,
    pub(super) organization: &'a str,
}

impl Tables for OfOrganization<'_> {
    fn secret(&self, vault: &str, name: &str) -> Option<&str> {
        self.config.told.secret(self.organization, vault, name)
    }

    fn ip_policy(&self, id: &str) -> Option<&IpPolicy> {
        let id = id.parse().ok()?;
        self.config
            .told
            .ip_policy(id, self.organization)
            .map(|policy| &policy.ranges)
    }

    fn authority(&self, id: &str) -> Option<Authority<'_>> {
        self.config.authority(id, self.organization, SystemTime::now())
    }

    fn intelligence(&self, ip: IpAddr) -> Option<Arc<Intelligence>> {
        self.config.address_facts.as_ref()?.look_up(ip)
    }
}
