//! What checks need to know beside the object.

use adit_names::id::Id;

/// Where and by whom an object is made or changed.
#[derive(Clone, Debug)]
pub struct Context {
    /// Microseconds since the Unix epoch.
    pub now: i64,
    /// Base domain of the installation, canonical.
    pub base_domain: String,
    /// Suffixes that are accepted beside the Public Suffix List.
    pub private_suffixes: Vec<String>,
    /// Public port of `https://` endpoints.
    pub https_port: u16,
    /// Public port of `http://` endpoints.
    pub http_port: u16,
    /// Ports of `tcp://` endpoints: first and last.
    pub tcp_ports: Option<(u16, u16)>,
    /// Whose object it is.
    pub organization: Id,
    /// Whether that is the operators' organisation.
    pub is_operators: bool,
    /// Who makes or changes it (`usr_…`, `service_…`); none for the system itself.
    pub principal: Option<Id>,
}
