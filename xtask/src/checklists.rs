//! The lists of which test shows what (`tests/README.md`) name tests that are there: a test that is renamed or removed
//! takes its line with it.

#![allow(clippy::unwrap_used, reason = "tests: also in their helper functions")]

use std::collections::BTreeSet;
use std::path::Path;

use crate::workspace::Workspace;

/// Names of all functions and modules in the Rust files below a folder.
fn named_in(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named_in(&path, names);
        } else if path.extension().is_some_and(|end| end == "rs") {
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                for (_, rest) in ["fn ", "mod "].iter().filter_map(|word| line.split_once(word)) {
                    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                    names.insert(rest[..end.unwrap_or(rest.len())].to_owned());
                }
            }
        }
    }
}

/// Tests that a line names: `module::name`, or `…name` with the module of the one before; a name may end with `…`.
fn tests_of(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter_map(|text| {
        let name = match text.strip_prefix('…') {
            Some(name) => name,
            None => text.rsplit_once("::")?.1,
        };
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_name = name.contains('_') && name.trim_end_matches('…').chars().all(is_word);
        (is_name && !name.starts_with('_')).then_some(name)
    })
}

#[test]
fn the_tests_that_are_named_are_there() {
    let workspace = Workspace::find().unwrap();
    let mut names = BTreeSet::new();
    for folder in ["crates", "xtask"] {
        named_in(&workspace.root().join(folder), &mut names);
    }
    let text = std::fs::read_to_string(workspace.root().join("tests/README.md")).unwrap();
    let is_there = |name: &str| match name.strip_suffix('…') {
        Some(start) => names.iter().any(|other| other.starts_with(start)),
        None => names.contains(name),
    };
    let named: Vec<&str> = text.lines().flat_map(tests_of).collect();
    assert!(named.len() > 200, "{} are named", named.len());
    let gone: Vec<&&str> = named.iter().filter(|name| !is_there(name)).collect();
    assert!(
        gone.is_empty(),
        "tests/README.md names tests that are not there: {gone:?}"
    );
}
