//! Finding and reading the configuration file, as far as control commands need it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::exit::Failure;

/// Largest file that is read.
const MAX: u64 = 1 << 20;

/// What control commands take from the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AgentFile {
    pub(crate) api_key: Option<String>,
    pub(crate) api_url: Option<String>,
    pub(crate) connect_url: Option<String>,
    pub(crate) connect_cas: Option<String>,
}

/// A variable of the process's environment that is set.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

impl AgentFile {
    /// What these files say, later ones over earlier ones.
    pub(crate) fn merged(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut all = Self::default();
        for path in files {
            let one = Self::read(path)?;
            let over = |later: Option<String>, earlier: &mut Option<String>| {
                if later.is_some() {
                    *earlier = later;
                }
            };
            over(one.api_key, &mut all.api_key);
            over(one.api_url, &mut all.api_url);
            over(one.connect_url, &mut all.connect_url);
            over(one.connect_cas, &mut all.connect_cas);
        }
        Ok(all)
    }

    /// One file.
    ///
    /// # Errors
    /// It cannot be read, or is no configuration file of version 2 or 3.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let size = std::fs::metadata(path).map(|m| m.len());
        if size.is_ok_and(|size| size > MAX) {
            return Err(Failure::usage(format!("{shown} has more than {MAX} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| Failure::usage(format!("{shown} cannot be read: {e}")))?;
        Self::of(&text).map_err(|why| Failure::usage(format!("{shown}: {why}")))
    }

    /// What a text says.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        let whole = document(text)?;
        let v2 = version(&whole)? == 2;
        let part = if v2 { Some(&whole) } else { whole.get("agent") };
        let text = |key: &str| match part.and_then(|p| p.get(key)) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(value)) => value_of(value).map(Some),
            // A key of digits only is a number to YAML.
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(format!("{key} is no text")),
        };
        Ok(Self {
            api_key: text("api_key")?,
            api_url: text("api_url")?,
            connect_url: text(if v2 { "server_addr" } else { "connect_url" })?,
            connect_cas: text(if v2 { "root_cas" } else { "connect_cas" })?,
        })
    }
}

/// The whole file; an empty one is an empty map.
pub(super) fn document(text: &str) -> Result<Value, String> {
    let value: Value = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
    match value {
        Value::Null => Ok(Value::Object(serde_json::Map::new())),
        Value::Object(_) => Ok(value),
        _ => Err("it is no map of keys".to_owned()),
    }
}

/// Its version; an empty file has the newest.
pub(super) fn version(whole: &Value) -> Result<u64, String> {
    match whole.get("version") {
        None if whole.as_object().is_some_and(serde_json::Map::is_empty) => Ok(3),
        None => Err("it has no version: write version: 3 in it".to_owned()),
        Some(version) => match version.as_u64().or_else(|| version.as_str()?.parse().ok()) {
            Some(known @ (2 | 3)) => Ok(known),
            _ => Err(format!("its version {version} is unknown, there are 2 and 3")),
        },
    }
}

/// `@/path` names a file that holds the value.
fn value_of(text: &str) -> Result<String, String> {
    match text.strip_prefix('@') {
        None => Ok(text.to_owned()),
        Some(path) => std::fs::read_to_string(path)
            .map(|value| value.trim().to_owned())
            .map_err(|e| format!("{path} cannot be read: {e}")),
    }
}

/// The files to read: those given, else those of `ADIT_CONFIG` or `NGROK_CONFIG`, else the platform's, else ngrok's.
pub(crate) fn chosen(given: &[PathBuf], environment: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    if !given.is_empty() {
        return given.to_vec();
    }
    if let Some(list) = environment("ADIT_CONFIG").or_else(|| environment("NGROK_CONFIG")) {
        return list
            .split(',')
            .map(str::trim)
            .filter(|p| !p.is_empty())
            .map(PathBuf::from)
            .collect();
    }
    let Some(base) = directory(environment) else {
        return Vec::new();
    };
    ["adit/adit.yml", "ngrok/ngrok.yml"]
        .into_iter()
        .map(|name| base.join(name))
        .find(|path| path.is_file())
        .into_iter()
        .collect()
}

/// `adit/adit.yml` in the platform's configuration directory.
pub(super) fn default_path() -> Option<PathBuf> {
    directory(&environment).map(|base| base.join("adit").join("adit.yml"))
}

fn directory(environment: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name: &str| environment(name).map(PathBuf::from);
    if cfg!(windows) {
        set("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        set("XDG_CONFIG_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| home.join(".config")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        let v3 =
            AgentFile::of("version: 3\nagent:\n  api_key: k\n  connect_url: connect.example.com:443\nendpoints: []\n");
        let v3 = v3.unwrap();
        assert_eq!(v3.api_key.as_deref(), Some("k"));
        assert_eq!(v3.connect_url.as_deref(), Some("connect.example.com:443"));
        let v2 = AgentFile::of("version: \"2\"\napi_key: k\nserver_addr: s:443\nroot_cas: trusted\n").unwrap();
        assert_eq!(
            (v2.api_key.as_deref(), v2.connect_url.as_deref()),
            (Some("k"), Some("s:443"))
        );
        assert_eq!(v2.connect_cas.as_deref(), Some("trusted"));
        assert_eq!(AgentFile::of("").unwrap(), AgentFile::default());
        for wrong in [
            "agent: {}",
            "version: 4",
            "- a",
            "version: 3\nagent:\n\tx: 1",
            "version: 3\nagent: {api_key: []}",
        ] {
            assert!(AgentFile::of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn where_it_is_looked_for() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| (name == "XDG_CONFIG_HOME").then(|| home.path().display().to_string());
        if cfg!(target_os = "linux") {
            assert!(chosen(&[], &at).is_empty());
            std::fs::create_dir_all(home.path().join("ngrok")).unwrap();
            std::fs::write(home.path().join("ngrok/ngrok.yml"), "").unwrap();
            assert_eq!(chosen(&[], &at), [home.path().join("ngrok/ngrok.yml")]);
            std::fs::create_dir_all(home.path().join("adit")).unwrap();
            std::fs::write(home.path().join("adit/adit.yml"), "").unwrap();
            assert_eq!(chosen(&[], &at), [home.path().join("adit/adit.yml")]);
        }
        let list = |name: &str| (name == "NGROK_CONFIG").then(|| "/a, /b".to_owned());
        assert_eq!(chosen(&[], &list), [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(chosen(&["/c".into()], &list), [PathBuf::from("/c")]);
    }
}
