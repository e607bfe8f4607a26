//! The committed description of the API is what the code makes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests: also in their helper functions")]

use std::path::Path;

/// Set to anything, the test writes the document in place of comparing it: `cargo xtask openapi` does.
const WRITE: &str = "ADIT_WRITE_OPENAPI";

#[test]
fn the_committed_document_is_the_one_that_the_code_makes() {
    let made = format!("{:#}\n", adit_api::openapi::document());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    let line = made.lines().zip(committed.lines()).position(|(a, b)| a != b);
    assert!(
        made == committed,
        "crates/api/openapi.json differs from line {:?} on: run `cargo xtask openapi`",
        line.map(|n| n + 1)
    );
}
