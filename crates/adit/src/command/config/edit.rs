//! Sets one key of the configuration file and leaves everything else, comments included, as it is.
//!
//! The text is changed by lines; what came out is read again, and is only kept if it says what was asked and all
//! else as before.

use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use super::file;
use crate::exit::Failure;

/// Sets `agent.KEY` (the key at the top in a file of version 2) in the file, which is made if there is none.
pub(super) fn set(path: &Path, key: &str, value: &str) -> Result<(), Failure> {
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Failure::usage(format!("{key} has characters that no key has")).fix("copy it again, whole"));
    }
    let shown = path.display();
    let old = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::usage(format!("{shown} cannot be read: {error}"))),
    };
    let new = with(&old, key, value).map_err(|why| {
        Failure::usage(format!("{shown} is left as it is: {why}")).fix(format!("write {key} into it by hand"))
    })?;
    if new != old {
        write(path, &new).map_err(|e| Failure::failed(format!("{shown} cannot be written: {e}")))?;
    }
    Ok(())
}

/// The text with the key set.
fn with(old: &str, key: &str, value: &str) -> Result<String, String> {
    let before = file::document(old)?;
    let v2 = file::version(&before)? == 2;
    let line = format!("{key}: {}", quoted(value));
    let lines: Vec<&str> = old.lines().collect();
    let mut out: Vec<String> = lines.iter().map(|l| (*l).to_owned()).collect();
    if v2 {
        put(&mut out, 0..lines.len(), 0, key, &line, lines.len());
    } else if old.trim().is_empty() {
        out = vec!["version: 3".to_owned(), "agent:".to_owned(), format!("  {line}")];
    } else if let Some(agent) = lines.iter().position(|l| is_key(l, 0, "agent")) {
        let rest = lines.get(agent + 1..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|l| starts_at(l) == Some(0))
            .map_or(lines.len(), |n| agent + 1 + n);
        let indent = rest
            .iter()
            .take(end - agent - 1)
            .find_map(|l| starts_at(l))
            .unwrap_or(2);
        put(&mut out, agent + 1..end, indent, key, &line, agent + 1);
    } else {
        out.push("agent:".to_owned());
        out.push(format!("  {line}"));
    }
    let mut new = out.join("\n");
    new.push('\n');
    // The proof: the same document but for this key.
    let mut wanted = before;
    let map = wanted.as_object_mut().ok_or("it is no map of keys")?;
    if map.is_empty() {
        map.insert("version".to_owned(), 3.into());
    }
    let part = if v2 {
        &mut wanted
    } else {
        let agent = map.entry("agent").or_insert(Value::Null);
        if agent.is_null() {
            *agent = Value::Object(serde_json::Map::new());
        }
        agent
    };
    let part = part.as_object_mut().ok_or("agent is no map of keys")?;
    part.insert(key.to_owned(), value.into());
    if file::document(&new).as_ref() == Ok(&wanted) {
        Ok(new)
    } else {
        Err("its form is not one that can be changed safely".to_owned())
    }
}

/// Replaces the key within `range`, where keys stand behind `indent` spaces, or inserts it at `at`.
fn put(out: &mut Vec<String>, range: std::ops::Range<usize>, indent: usize, key: &str, line: &str, at: usize) {
    let line = format!("{}{line}", " ".repeat(indent));
    let start = range.start;
    let found = out
        .get(range)
        .and_then(|lines| lines.iter().position(|l| is_key(l, indent, key)));
    match found.and_then(|n| out.get_mut(start + n)) {
        Some(old) => {
            // What stands behind the value is a comment, if a space comes before #.
            let comment = old
                .find(" #")
                .and_then(|n| old.get(n..))
                .map(str::to_owned)
                .unwrap_or_default();
            *old = line + &comment;
        }
        None => out.insert(at, line),
    }
}

/// The column of the first character of a line that says something.
fn starts_at(line: &str) -> Option<usize> {
    let text = line.trim_start_matches(' ');
    (!text.trim().is_empty() && !text.starts_with('#')).then(|| line.len() - text.len())
}

fn is_key(line: &str, indent: usize, key: &str) -> bool {
    starts_at(line) == Some(indent)
        && line
            .get(indent..)
            .and_then(|l| l.strip_prefix(key))
            .is_some_and(|rest| rest.trim_start().starts_with(':'))
}

/// A value that YAML cannot take for something else.
fn quoted(value: &str) -> String {
    let plain = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.contains('_')
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain {
        value.to_owned()
    } else {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Writes it aside and renames it, readable by its owner alone.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let directory = path
        .parent()
        .filter(|d| !d.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(directory)?;
    // A link is followed: people keep such files elsewhere.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut aside = path.clone().into_os_string();
    aside.push(format!(".{}.new", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&aside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&aside, &path)
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_else_stays() {
        for (old, new) in [
            ("", "version: 3\nagent:\n  api_key: \"k1\"\n"),
            (
                "# mine\nversion: 3\nagent: # the agent\n    authtoken: t # secret\n\nendpoints:\n  - name: web\n",
                "# mine\nversion: 3\nagent: # the agent\n    api_key: \"k1\"\n    authtoken: t # secret\n\nendpoints:\n  - name: web\n",
            ),
            (
                "version: 3\nagent:\n  api_key: old # of the team\n  nested:\n    api_key: no\n",
                "version: 3\nagent:\n  api_key: \"k1\" # of the team\n  nested:\n    api_key: no\n",
            ),
            (
                "version: 3\nendpoints: []\n",
                "version: 3\nendpoints: []\nagent:\n  api_key: \"k1\"\n",
            ),
            ("version: 3\nagent:\n", "version: 3\nagent:\n  api_key: \"k1\"\n"),
            (
                "version: 2\ntunnels:\n  api_key:\n    proto: http\n",
                "version: 2\ntunnels:\n  api_key:\n    proto: http\napi_key: \"k1\"\n",
            ),
            ("version: \"2\"\napi_key: a", "version: \"2\"\napi_key: \"k1\"\n"),
        ] {
            assert_eq!(with(old, "api_key", "k1").as_deref(), Ok(new), "{old}");
            assert_eq!(with(new, "api_key", "k1").as_deref(), Ok(new), "twice is once");
        }
        for wrong in [
            "version: 3\nagent: {authtoken: t}\n",
            "version: 3\nagent: text\n",
            "endpoints: []\n",
            "a: [\n",
        ] {
            assert!(with(wrong, "api_key", "k1").is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_are_texts() {
        assert_eq!(quoted("ak_2ab"), "ak_2ab");
        for value in ["123", "true", "null_", "1e5", "a:b", "0x_1"] {
            let text = with("", "api_key", value).unwrap();
            assert_eq!(file::AgentFile::of(&text).unwrap().api_key.as_deref(), Some(value));
        }
    }

    #[test]
    fn only_the_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("adit/adit.yml");
        set(&path, "api_key", "k_1").unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "version: 3\nagent:\n  api_key: k_1\n"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(set(&path, "api_key", "a\nb").is_err());
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
