//! What agents are told, and what they may have (agent protocol 5.3).

use adit_snapshot::MAX_LEGS;
use serde::Deserialize;

use super::SettingError;

/// Agents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agents {
    /// Addresses (`host:port`) at which agents reach this server, at most [`MAX_LEGS`]. Agents that keep several
    /// connections (legs) of one session open one to each. Default: none, so there is one connection.
    pub connect_addresses: Vec<String>,
    /// Agents that name no server (reached by address) are accepted; default false.
    pub accept_without_sni: Option<bool>,
    /// Most connections of one session; default [`MAX_LEGS`].
    pub max_legs: Option<u32>,
    /// Most endpoints of one session; default 256.
    pub max_endpoints: Option<usize>,
}

impl Agents {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        let wrong = |reason: String| Err(SettingError::wrong("agents.connect_addresses", &reason));
        let all = &self.connect_addresses;
        if all.len() > MAX_LEGS as usize {
            return wrong(format!(
                "{} addresses are too many: at most {MAX_LEGS} are used",
                all.len()
            ));
        }
        for (i, address) in all.iter().enumerate() {
            let parts = address.rsplit_once(':');
            let fits = parts.is_some_and(|(host, port)| {
                let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
                !host.is_empty() && host.bytes().all(plain) && port.parse::<u16>().is_ok_and(|p| p != 0)
            });
            if !fits {
                return wrong(format!("{address:?} is not host:port"));
            }
            if all.iter().take(i).any(|other| other.eq_ignore_ascii_case(address)) {
                return wrong(format!("{address} stands there twice"));
            }
        }
        Ok(())
    }
}
