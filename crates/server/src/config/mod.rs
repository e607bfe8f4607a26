//! What an operator may set: sections and keys, each a field here and one line long.
//!
//! A key exists only from the change that reads it; what is unknown is refused. Every value has a default, so an
//! empty [`Settings`] is a working one. They come from the environment ([`Settings::from_environment`]); whatever
//! says them later (a file) is another layer below that one.

mod environment;
mod machine;
mod size;

use adit_snapshot::MAX_LEGS;
use serde::Deserialize;

pub use environment::{PREFIX, SettingError};
pub use size::Size;

/// The smallest budget that lets streams move at all: sixteen implied windows.
const BUFFERS_MIN: usize = 4 << 20;
/// The budget where the machine does not say how much memory it has.
const BUFFERS_UNKNOWN: usize = 1 << 30;

/// All sections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `limits.…` (edge 1.6).
    pub limits: Limits,
    /// `agents.…` (agent protocol 5.3).
    pub agents: Agents,
}

/// What agents are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agents {
    /// Addresses (`host:port`) at which agents reach this server, at most [`MAX_LEGS`]. Agents that keep several
    /// connections (legs) of one session open one to each. Default: none, so there is one connection.
    pub connect_addresses: Vec<String>,
}

/// What a node may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open connections; default 80 % of the descriptors that the process may have.
    pub connections: Option<usize>,
    /// Open connections of one address; default 1,024. 0 is no limit, here and below.
    pub connections_per_ip: Option<u32>,
    /// New connections of one address a second, with bursts of twice as many; default 200.
    pub accepts_per_ip: Option<u32>,
    /// Handshakes of one address at once; default 64.
    pub handshakes_per_ip: Option<u32>,
    /// Handshakes at once; default 1,000 a core.
    pub handshakes: Option<usize>,
    /// Memory that the server plans with; default 80 % of what the cgroup or the machine has.
    pub memory: Option<Size>,
    /// Bytes held for others on this node; default 25 % of `limits.memory`.
    pub buffers: Option<Size>,
}

impl Limits {
    /// `limits.memory` in bytes; `None` if it is neither set nor known.
    #[must_use]
    pub fn memory(&self) -> Option<usize> {
        self.memory
            .map(Size::bytes)
            .or_else(|| machine::memory().map(|bytes| bytes / 5 * 4))
    }

    /// `limits.buffers` in bytes.
    #[must_use]
    pub fn buffers(&self) -> usize {
        self.buffers.map_or_else(
            || self.memory().map_or(BUFFERS_UNKNOWN, |memory| memory / 4),
            Size::bytes,
        )
    }
}

impl Agents {
    fn check(&self) -> Result<(), SettingError> {
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

impl Settings {
    /// What single values cannot know: how they go together.
    fn check(&self) -> Result<(), SettingError> {
        let wrong = |key: &str, reason: String| Err(SettingError::wrong(key, &reason));
        self.agents.check()?;
        let Limits { memory, buffers, .. } = &self.limits;
        if self.limits.connections == Some(0) {
            return wrong("limits.connections", "0 would let nobody in".to_owned());
        }
        match (buffers.map(Size::bytes), memory.map(Size::bytes)) {
            (Some(buffers), _) if buffers < BUFFERS_MIN => wrong(
                "limits.buffers",
                format!("{buffers} bytes is too little: at least {BUFFERS_MIN} are needed"),
            ),
            (Some(buffers), Some(memory)) if buffers > memory => wrong(
                "limits.buffers",
                format!("{buffers} bytes is more than limits.memory, which is {memory}"),
            ),
            (None, Some(memory)) if memory / 4 < BUFFERS_MIN => wrong(
                "limits.memory",
                format!("{memory} bytes is too little: at least {} are needed", BUFFERS_MIN * 4),
            ),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            "ADIT_SERVER__LIMITS__BUFERS: unknown field `bufers`, expected one of `connections`, `connections_per_ip`, `accepts_per_ip`, `handshakes_per_ip`, `handshakes`, `memory`, `buffers`"
        );
        let refused = read(&[("ADIT_SERVER__LIMIT__BUFFERS", "64MiB")]).unwrap_err();
        assert_eq!(
            refused,
            "ADIT_SERVER__LIMIT__BUFFERS: unknown field `limit`, expected `limits` or `agents`"
        );
        for name in [
            "ADIT_SERVER__",
            "ADIT_SERVER__LIMITS____BUFFERS",
            "ADIT_SERVER__LIMITS__",
        ] {
            assert!(read(&[(name, "1")]).is_err(), "{name}");
        }
    }

    #[test]
    fn every_key_is_documented() {
        let documented = include_str!("../../../../docs/configuration.md");
        let keys = |section: &str, variable: &str| {
            let refused = read(&[(variable, "1")]).unwrap_err();
            let names: Vec<_> = refused.split('`').skip(3).step_by(2).map(str::to_owned).collect();
            assert!(!names.is_empty(), "{refused}");
            for name in &names {
                let row = format!("| `{section}{name}");
                assert!(documented.contains(&row), "no {row} in docs/configuration.md");
            }
            names
        };
        for section in keys("", "ADIT_SERVER__NO_SUCH") {
            let variable = format!("ADIT_SERVER__{}__NO_SUCH", section.to_ascii_uppercase());
            keys(&format!("{section}."), &variable);
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
