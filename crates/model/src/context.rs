//! What checks need to know beside the object.

use adit_names::endpoint_url::UrlRules;
use adit_names::host::CanonicalHost;
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
    /// Whether certificates are obtained for names outside the base domain.
    pub acme: bool,
    /// Whose object it is.
    pub organization: Id,
    /// Whether that is the operators' organisation.
    pub is_operators: bool,
    /// Who makes or changes it (`usr_…`, `service_…`); none for the system itself.
    pub principal: Option<Id>,
}

impl Context {
    /// The rules for URLs that follow; `None` if the base domain is no host name.
    #[must_use]
    pub fn url_rules(&self) -> Option<UrlRules> {
        let mut rules = UrlRules::new(CanonicalHost::any_depth(&self.base_domain).ok()?).ok()?;
        rules.private_suffixes = self
            .private_suffixes
            .iter()
            .filter_map(|suffix| CanonicalHost::any_depth(suffix).ok())
            .collect();
        rules.https_ports = vec![self.https_port];
        rules.http_ports = vec![self.http_port];
        Some(rules)
    }
}
