//! What cases and explanations come to, in the one form in which commands and the API tell it (traffic policy 6.2, 9).

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::{Case, Outcome};

impl Case {
    /// As commands and the API show it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let (outcome, details) = match &self.outcome {
            Outcome::Passed => ("passed", &[][..]),
            Outcome::Failed(wrong) => ("failed", wrong.as_slice()),
            Outcome::Lacks(names) => ("skipped", names.as_slice()),
        };
        json!({"id": self.id, "unverified": self.unverified, "outcome": outcome, "details": details})
    }
}

/// How cases are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counting {
    /// Unverified cases count like the others.
    pub strict: bool,
    /// Cases that cannot be run count as failed.
    pub no_skip: bool,
}

/// How many cases came to what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// As expected.
    pub passed: usize,
    /// Not as expected.
    pub failed: usize,
    /// Unverified ones, apart.
    pub unverified_passed: usize,
    /// The same that failed.
    pub unverified_failed: usize,
    /// Not run, by what is lacking.
    pub skipped: BTreeMap<String, usize>,
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, case: &Case, counting: Counting) {
        let passed = match &case.outcome {
            Outcome::Passed => true,
            Outcome::Failed(_) => false,
            Outcome::Lacks(names) => {
                if !counting.no_skip {
                    *self.skipped.entry(names.join(" ")).or_default() += 1;
                    return;
                }
                false
            }
        };
        let place = match (case.unverified && !counting.strict, passed) {
            (true, true) => &mut self.unverified_passed,
            (true, false) => &mut self.unverified_failed,
            (false, true) => &mut self.passed,
            (false, false) => &mut self.failed,
        };
        *place += 1;
    }

    /// As commands and the API show it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "passed": self.passed, "failed": self.failed, "skipped": self.skipped,
            "unverified": {"passed": self.unverified_passed, "failed": self.unverified_failed},
        })
    }
}

impl std::fmt::Display for Counts {
    /// The last lines of `adit policy test`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.skipped.is_empty() {
            let all: usize = self.skipped.values().sum();
            let each: Vec<_> = self.skipped.iter().map(|(name, n)| format!("{name} {n}")).collect();
            writeln!(f, "skipped: {all} ({})", each.join(", "))?;
        }
        if self.unverified_passed + self.unverified_failed > 0 {
            let (passed, failed) = (self.unverified_passed, self.unverified_failed);
            writeln!(f, "unverified: {passed} passed, {failed} failed")?;
        }
        writeln!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}
