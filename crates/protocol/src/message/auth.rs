//! `Auth` and `AuthResp`: login of a session or of one more leg (agent protocol 3.2, 3.3).

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::Presence;
use crate::capability;

/// Login. From the agent, stream type 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Auth {
    /// Protocol versions in order of preference.
    pub version: Vec<String>,
    /// Empty, or the session to resume or join.
    pub client_id: String,
    /// Everything else.
    pub extra: AuthExtra,
}

/// The field `Extra` of [`Auth`].
#[derive(Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AuthExtra {
    /// Operating system.
    #[serde(rename = "OS")]
    pub os: String,
    /// Processor architecture, in Rust's or Go's words.
    pub arch: String,
    /// The credential; sent as `AuthToken` by the Rust family.
    pub auth_token: String,
    /// The credential as Go spells it, `Authtoken`. Use [`AuthExtra::token`] to read either.
    pub authtoken: Option<String>,
    /// Version of the SDK or of the program that embeds it.
    pub version: String,
    /// Host name of the machine, usually empty.
    pub hostname: String,
    /// Products, most specific first.
    pub user_agent: String,
    /// The user's metadata.
    pub metadata: String,
    /// The cookie of the last answer.
    pub cookie: String,
    /// The agent's beat in nanoseconds.
    pub heartbeat_interval: i64,
    /// After how many nanoseconds without an echo the agent gives up.
    pub heartbeat_tolerance: i64,
    /// Sent by Go, always `null`; ignored.
    pub fingerprint: Presence<Value>,
    /// `None`: too old to say; empty: supported; otherwise why not.
    pub update_unsupported_error: Option<String>,
    /// As for updates.
    pub stop_unsupported_error: Option<String>,
    /// As for updates.
    pub restart_unsupported_error: Option<String>,
    /// `http` or `socks5`, if the agent goes through a proxy.
    pub proxy_type: String,
    /// The agent uses a client certificate.
    #[serde(rename = "MutualTLS")]
    pub mutual_tls: bool,
    /// The agent runs as a service.
    pub service_run: bool,
    /// Version of the agent's configuration file.
    pub config_version: String,
    /// The agent is bound to an interface.
    pub custom_interface: bool,
    /// The agent trusts other authorities than the default.
    #[serde(rename = "CustomCAs")]
    pub custom_cas: bool,
    /// The first product, for display only.
    pub client_type: String,
    /// Number of this connection within its session.
    pub leg_number: Option<u32>,
    /// What Adit's own agent asks for.
    pub adit: Option<capability::Offer>,
}

impl AuthExtra {
    /// The credential, under either spelling.
    #[must_use]
    pub fn token(&self) -> &str {
        let go = self.authtoken.as_deref().unwrap_or_default();
        if go.is_empty() { &self.auth_token } else { go }
    }
}

impl Auth {
    /// The best version that both sides speak (agent protocol 3.2).
    #[must_use]
    pub fn common_version(&self) -> Option<&'static str> {
        self.version.iter().find_map(|asked| {
            adit_names::version::AGENT_PROTOCOL_VERSIONS
                .iter()
                .copied()
                .find(|ours| ours == asked)
        })
    }
}

// Not derived: exactly one of the two spellings of the token is sent.
impl Serialize for AuthExtra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("OS", &self.os)?;
        map.serialize_entry("Arch", &self.arch)?;
        match &self.authtoken {
            Some(token) => map.serialize_entry("Authtoken", token)?,
            None => map.serialize_entry("AuthToken", &self.auth_token)?,
        }
        map.serialize_entry("Version", &self.version)?;
        map.serialize_entry("Hostname", &self.hostname)?;
        map.serialize_entry("UserAgent", &self.user_agent)?;
        map.serialize_entry("Metadata", &self.metadata)?;
        map.serialize_entry("Cookie", &self.cookie)?;
        map.serialize_entry("HeartbeatInterval", &self.heartbeat_interval)?;
        map.serialize_entry("HeartbeatTolerance", &self.heartbeat_tolerance)?;
        if !self.fingerprint.is_absent() {
            map.serialize_entry("Fingerprint", &self.fingerprint)?;
        }
        map.serialize_entry("UpdateUnsupportedError", &self.update_unsupported_error)?;
        map.serialize_entry("StopUnsupportedError", &self.stop_unsupported_error)?;
        map.serialize_entry("RestartUnsupportedError", &self.restart_unsupported_error)?;
        map.serialize_entry("ProxyType", &self.proxy_type)?;
        map.serialize_entry("MutualTLS", &self.mutual_tls)?;
        map.serialize_entry("ServiceRun", &self.service_run)?;
        map.serialize_entry("ConfigVersion", &self.config_version)?;
        map.serialize_entry("CustomInterface", &self.custom_interface)?;
        map.serialize_entry("CustomCAs", &self.custom_cas)?;
        map.serialize_entry("ClientType", &self.client_type)?;
        if let Some(leg) = self.leg_number {
            map.serialize_entry("LegNumber", &leg)?;
        }
        if let Some(adit) = &self.adit {
            map.serialize_entry("Adit", adit)?;
        }
        map.end()
    }
}

// The token must not reach a log by way of `{:?}`.
impl std::fmt::Debug for AuthExtra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthExtra")
            .field("user_agent", &self.user_agent)
            .field("version", &self.version)
            .field("has_token", &!self.token().is_empty())
            .field("has_cookie", &!self.cookie.is_empty())
            .field("leg_number", &self.leg_number)
            .field("adit", &self.adit)
            .finish_non_exhaustive()
    }
}

/// Answer to [`Auth`]. On failure only `error` is set; everything else is sent empty, for the sake of
/// strict decoders.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AuthResp {
    /// The version chosen.
    pub version: String,
    /// Id of the session.
    pub client_id: String,
    /// Why not; `None` or empty on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Everything else.
    pub extra: AuthRespExtra,
}

/// The field `Extra` of [`AuthResp`]; the default value is sent as `{}`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AuthRespExtra {
    /// Version of the server.
    pub version: String,
    /// Region of the node.
    pub region: String,
    /// To be sent back at the next login.
    pub cookie: String,
    /// Name of the organisation.
    pub account_name: String,
    /// Seconds until the session ends by itself; 0: never.
    pub session_duration: i64,
    /// Name of the plan.
    pub plan_name: String,
    /// A line for people.
    pub banner: String,
    /// The agent is older than recommended.
    pub deprecation_warning: Option<DeprecationWarning>,
    /// Where further legs may go; the first is this one.
    pub connect_addresses: Option<Vec<ConnectAddress>>,
    /// Id of the session in the API.
    #[serde(rename = "AgentSessionID")]
    pub agent_session_id: String,
    /// What was granted to Adit's own agent.
    pub adit: Option<capability::Grant>,
}

impl AuthResp {
    /// The answer to a login that is refused; `error` from
    /// [`adit_names::code::agent_error_text`].
    #[must_use]
    pub fn refused(error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }
}

// Not derived: a refusal sends `{}`, a success every field even if empty.
impl Serialize for AuthRespExtra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if *self == Self::default() {
            return map.end();
        }
        map.serialize_entry("Version", &self.version)?;
        map.serialize_entry("Region", &self.region)?;
        map.serialize_entry("Cookie", &self.cookie)?;
        map.serialize_entry("AccountName", &self.account_name)?;
        map.serialize_entry("SessionDuration", &self.session_duration)?;
        map.serialize_entry("PlanName", &self.plan_name)?;
        map.serialize_entry("Banner", &self.banner)?;
        if let Some(warning) = &self.deprecation_warning {
            map.serialize_entry("DeprecationWarning", warning)?;
        }
        if let Some(addresses) = &self.connect_addresses {
            map.serialize_entry("ConnectAddresses", addresses)?;
        }
        map.serialize_entry("AgentSessionID", &self.agent_session_id)?;
        if let Some(adit) = &self.adit {
            map.serialize_entry("Adit", adit)?;
        }
        map.end()
    }
}

/// The agent is older than the organisation recommends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DeprecationWarning {
    /// The recommended version.
    pub next_min: String,
    /// From when it will be required, RFC 3339; `0001-01-01T00:00:00Z`: not set.
    pub next_date: String,
    /// Text for people.
    pub msg: String,
}

/// One more place to connect to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ConnectAddress {
    /// Its region.
    pub region: String,
    /// `host:port`.
    pub server_addr: String,
}
