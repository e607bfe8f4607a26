//! The 10,000 commonest passwords (control plane 3.2), which nobody may choose.
//!
//! `commonest.txt` has the first 10,000 lines of `common-passwords.txt` of Django 5.2 (BSD-3-Clause, see
//! `commonest.LICENSE`), which Royce Williams made from leaked passwords; in lower case, sorted.

use std::collections::HashSet;
use std::sync::LazyLock;

static COMMONEST: LazyLock<HashSet<&'static str>> = LazyLock::new(|| include_str!("commonest.txt").lines().collect());

/// Whether a password is one of them, in whatever case.
pub(super) fn has(password: &str) -> bool {
    COMMONEST.contains(password.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_ten_thousand_and_case_does_not_matter() {
        assert_eq!(COMMONEST.len(), 10_000);
        for common in ["123456", "Password1", "QWERTYUIOP"] {
            assert!(has(common), "{common}");
        }
        assert!(!has("correct horse battery staple"));
    }
}
