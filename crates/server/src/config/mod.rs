//! What an operator may set: sections and keys, each a field here and one line long.
//!
//! A key exists only from the change that reads it; what is unknown is refused. Every value has a default, so an
//! empty [`Settings`] is a working one but for the base domain, which only `adit dev` has by itself. They come from a
//! file ([`Settings::from_file`]) and from the environment, which lies above it.

mod agents;
mod auth;
mod environment;
mod file;
mod limits;
mod machine;
mod ports;
mod sections;
mod size;
pub mod template;
mod time;

use std::path::PathBuf;

use serde::Deserialize;

pub use agents::Agents;
pub use auth::{Argon2, Auth};
pub use environment::{PREFIX, SettingError};
pub use limits::{HttpLimits, Limits, TlsLimits};
pub use ports::Ports;
pub use sections::{
    AccessLogForm, Audit, Cluster, Control, Domains, Drain, Endpoints, IpCategory, Listen, Log, Mux, Names, Network,
    Node, Outbound, Parking, Place, Policy, ProxyProtocol, Sessions, Tcp, Tls, Trace, Waf,
};
pub use size::Size;
pub use time::Time;

/// All keys and sections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Domain below which names are given. Required.
    pub base_domain: Option<String>,
    /// Where state is kept; default `/var/lib/adit`.
    pub data_dir: Option<PathBuf>,
    /// `sqlite` (the default: `adit.db` in the data directory) or `postgres://user:password@host/database`.
    pub store: Option<Secret>,
    /// The master key in base64.
    pub master_key: Option<Secret>,
    /// File with the master key: base64 or 32 raw bytes.
    pub master_key_file: Option<PathBuf>,
    /// Ports of `tcp://` endpoints; default none.
    pub tcp_ports: Option<Ports>,
    /// HTTP peers whose forwarded headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// `listen.…`
    pub listen: Listen,
    /// `control.…`
    pub control: Control,
    /// `tls.…`
    pub tls: Tls,
    /// `proxy_protocol.…`
    pub proxy_protocol: ProxyProtocol,
    /// `node.…`
    pub node: Node,
    /// `cluster.…`
    pub cluster: Cluster,
    /// `limits.…` (edge 1.6, 1.7).
    pub limits: Limits,
    /// `agents.…` (agent protocol 5.3).
    pub agents: Agents,
    /// `mux.…`
    pub mux: Mux,
    /// `sessions.…`
    pub sessions: Sessions,
    /// `parking.…`
    pub parking: Parking,
    /// `names.…`
    pub names: Names,
    /// `tcp.…`
    pub tcp: Tcp,
    /// `domains.…`
    pub domains: Domains,
    /// `endpoints.…`
    pub endpoints: Endpoints,
    /// `policy.…`
    pub policy: Policy,
    /// `log.…`
    pub log: Log,
    /// `drain.…`
    pub drain: Drain,
    /// `outbound.…` (traffic policy 7.3).
    pub outbound: Outbound,
    /// `audit.…`
    pub audit: Audit,
    /// `auth.…`
    pub auth: Auth,
}

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// It.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Settings {
    /// What single values cannot know: how they go together.
    fn check(&self) -> Result<(), SettingError> {
        self.agents.check()?;
        self.limits.check()?;
        self.policy.check()?;
        self.auth.check()?;
        if self.tls.cert_file.is_some() != self.tls.key_file.is_some() {
            return Err(SettingError::wrong(
                "tls.cert_file",
                "tls.cert_file and tls.key_file go together: one of them is missing",
            ));
        }
        if let Some(store) = &self.store {
            let text = store.reveal();
            if text != "sqlite" && !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
                return Err(SettingError::wrong(
                    "store",
                    "neither sqlite nor postgres://user:password@host/database",
                ));
            }
        }
        if let Some(domain) = &self.base_domain
            && let Err(error) = adit_names::host::CanonicalHost::any_depth(domain)
        {
            return Err(SettingError::wrong("base_domain", &format!("{domain:?}: {error}")));
        }
        Ok(())
    }

    /// The same with the values of `old` where a new one is taken up only by a new process.
    #[must_use]
    pub fn with_fixed(mut self, old: &Self) -> Self {
        self.limits.memory = old.limits.memory;
        self.limits.buffers = old.limits.buffers;
        self.limits.connections = old.limits.connections;
        self.policy.waf.clone_from(&old.policy.waf);
        let old = old.clone();
        Self {
            base_domain: old.base_domain,
            data_dir: old.data_dir,
            store: old.store,
            master_key: old.master_key,
            master_key_file: old.master_key_file,
            listen: old.listen,
            node: old.node,
            cluster: old.cluster,
            tcp: old.tcp,
            log: old.log,
            tls: old.tls,
            audit: old.audit,
            auth: old.auth,
            ..self
        }
    }

    /// Keys whose value is another one than in `new` and is taken up only by a new process.
    #[must_use]
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let limits = (&self.limits.memory, &self.limits.buffers, &self.limits.connections);
        let new_limits = (&new.limits.memory, &new.limits.buffers, &new.limits.connections);
        [
            ("base_domain", self.base_domain == new.base_domain),
            ("data_dir", self.data_dir == new.data_dir),
            ("store", self.store == new.store),
            ("master_key", self.master_key == new.master_key),
            ("master_key_file", self.master_key_file == new.master_key_file),
            ("listen", self.listen == new.listen),
            ("node", self.node == new.node),
            ("cluster", self.cluster == new.cluster),
            ("tcp", self.tcp == new.tcp),
            ("log", self.log == new.log),
            (
                "limits.memory, limits.buffers, limits.connections",
                limits == new_limits,
            ),
            ("policy.waf", self.policy.waf == new.policy.waf),
            ("tls", self.tls == new.tls),
            ("audit", self.audit == new.audit),
            ("auth", self.auth == new.auth),
        ]
        .into_iter()
        .filter_map(|(key, same)| (!same).then_some(key))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use super::limits::BUFFERS_MIN;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::from_environment(variables.iter().map(|(name, value)| (*name, *value))).map_err(|e| e.to_string())
    }

    #[test]
    fn nothing_set_is_a_working_configuration() {
        let settings = read(&[("PATH", "/bin"), ("ADIT_AUTHTOKEN", "x")]).unwrap();
        assert_eq!(settings, Settings::default());
        assert!(settings.limits.buffers() >= BUFFERS_MIN);
    }

    #[test]
    fn the_budget_is_a_quarter_of_the_memory() {
        let limits = read(&[("ADIT_SERVER__LIMITS__MEMORY", "1GiB")]).unwrap().limits;
        assert_eq!((limits.memory(), limits.buffers()), (Some(1 << 30), 256 << 20));
        let limits = read(&[
            ("ADIT_SERVER__LIMITS__MEMORY", "1 GiB"),
            ("ADIT_SERVER__LIMITS__BUFFERS", "67108864"),
        ])
        .unwrap()
        .limits;
        assert_eq!(limits.buffers(), 64 << 20);
    }

    #[test]
    fn values_that_do_not_go_together_are_refused() {
        let refused = read(&[
            ("ADIT_SERVER__LIMITS__MEMORY", "64MiB"),
            ("ADIT_SERVER__LIMITS__BUFFERS", "65MiB"),
        ]);
        assert_eq!(
            refused.unwrap_err(),
            "ADIT_SERVER__LIMITS__BUFFERS: 68157440 bytes is more than limits.memory, which is 67108864"
        );
        let refused = read(&[("ADIT_SERVER__LIMITS__BUFFERS", "0")]).unwrap_err();
        assert!(refused.contains("0 bytes is too little"), "{refused}");
        assert!(read(&[("ADIT_SERVER__LIMITS__MEMORY", "15MiB")]).is_err());
    }

    #[test]
    fn unknown_keys_are_refused_with_the_known_ones() {
        let refused = read(&[("ADIT_SERVER__LIMITS__BUFERS", "64MiB")]).unwrap_err();
        assert_eq!(
            refused,
            "ADIT_SERVER__LIMITS__BUFERS: unknown field `bufers`, expected one of `connections`, `connections_per_ip`, `accepts_per_ip`, `handshakes_per_ip`, `handshakes`, `memory`, `buffers`, `http`, `tls`"
        );
        let refused = read(&[("ADIT_SERVER__LIMIT__BUFFERS", "64MiB")]).unwrap_err();
        let begin = "ADIT_SERVER__LIMIT__BUFFERS: unknown field `limit`, expected one of `base_domain`, ";
        assert!(refused.starts_with(begin), "{refused}");
        for name in [
            "ADIT_SERVER__",
            "ADIT_SERVER__LIMITS____BUFFERS",
            "ADIT_SERVER__LIMITS__",
        ] {
            assert!(read(&[(name, "1")]).is_err(), "{name}");
        }
    }

    /// Every key below `section`, as the refusal of one that does not exist lists them; sections end with a dot.
    fn keys(section: &str) -> Vec<String> {
        let variable = format!("{PREFIX}{}NO_SUCH", section.to_ascii_uppercase().replace('.', "__"));
        let refused = match read(&[(&variable, "1")]) {
            Err(refused) if refused.contains("unknown field `no_such`") => refused,
            // A value, not a section.
            _ => return Vec::new(),
        };
        refused
            .split('`')
            .skip(3)
            .step_by(2)
            .flat_map(|name| {
                let key = format!("{section}{name}");
                let below = keys(&format!("{key}."));
                if below.is_empty() { vec![key] } else { below }
            })
            .collect()
    }

    #[test]
    fn every_key_is_documented_and_nothing_else() {
        let keys = keys("");
        assert!(
            keys.len() > 40 && keys.contains(&"limits.http.uri_max".to_owned()),
            "{keys:?}"
        );
        let documented = include_str!("../../../../docs/configuration.md");
        for key in &keys {
            assert!(
                documented.contains(&format!("| `{key}` |")),
                "{key} is not in docs/configuration.md"
            );
        }
        let rows = documented
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        for row in rows {
            assert!(
                keys.iter().any(|key| key == row),
                "docs/configuration.md has {row}, which is no key"
            );
        }
    }

    #[test]
    fn wrong_values_name_the_variable_and_what_is_expected() {
        for value in ["12 apples", "-1", "1.5", "[1]", "99999999999999999999999"] {
            let refused = read(&[("ADIT_SERVER__LIMITS__BUFFERS", value)]).unwrap_err();
            assert!(refused.starts_with("ADIT_SERVER__LIMITS__BUFFERS: "), "{refused}");
            assert!(refused.contains("256MiB"), "{refused}");
        }
        assert!(read(&[("ADIT_SERVER__LIMITS", "5")]).is_err());
        assert!(read(&[("ADIT_SERVER__LIMITS__BUFFERS", "{a: [")]).is_err());
    }

    #[test]
    fn connect_addresses_are_a_list_of_hosts_and_ports() {
        let of = |text| read(&[("ADIT_SERVER__AGENTS__CONNECT_ADDRESSES", text)]);
        let settings = of(r#"["127.0.0.1:8443", "localhost:8443"]"#).unwrap();
        assert_eq!(settings.agents.connect_addresses, ["127.0.0.1:8443", "localhost:8443"]);
        for (text, says) in [
            (r#"["127.0.0.1"]"#, "is not host:port"),
            (r#"["h:0"]"#, "is not host:port"),
            (r#"["https://h:1"]"#, "is not host:port"),
            (r#"["h:1", "H:1"]"#, "stands there twice"),
            (r#"["a:1", "b:1", "c:1", "d:1", "e:1"]"#, "at most 4"),
        ] {
            let refused = of(text).unwrap_err();
            assert!(
                refused.starts_with("ADIT_SERVER__AGENTS__CONNECT_ADDRESSES: "),
                "{refused}"
            );
            assert!(refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn what_may_be_asked_is_a_list_of_networks_and_places() {
        let of = |text| read(&[("ADIT_SERVER__OUTBOUND__ALLOW", text)]);
        let outbound = of(r#"["10.1.0.0/16", "127.0.0.1", "Hooks.example.com:9000"]"#)
            .unwrap()
            .outbound;
        assert_eq!((outbound.allow.len(), outbound.policy_external), (3, false));
        for wrong in [
            r#"["hooks.example.com"]"#,
            r#"["10.0.0.0/33"]"#,
            r#"["a:0"]"#,
            "10.0.0.0/8",
        ] {
            let refused = of(wrong).unwrap_err();
            assert!(refused.starts_with("ADIT_SERVER__OUTBOUND__ALLOW: "), "{refused}");
        }
    }

    #[test]
    fn an_empty_variable_sets_nothing_and_a_section_may_come_as_one_text() {
        assert_eq!(
            read(&[("ADIT_SERVER__LIMITS__BUFFERS", "")]).unwrap(),
            Settings::default()
        );
        let settings = read(&[
            ("ADIT_SERVER__LIMITS", r#"{"memory": "1GiB"}"#),
            ("ADIT_SERVER__LIMITS__BUFFERS", "8MiB"),
        ])
        .unwrap();
        assert_eq!(
            (settings.limits.memory(), settings.limits.buffers()),
            (Some(1 << 30), 8 << 20)
        );
    }
}
