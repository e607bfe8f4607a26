//! Counts of passed and failed tests, read from the lines that test runners print.

use std::fmt;

/// What was run so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Adds what a `cargo test` binary says at its end: `test result: ok. 3 passed; 0 failed; …`.
    pub(crate) fn read_cargo(&mut self, line: &str) {
        let Some(rest) = line.trim_start().strip_prefix("test result: ") else {
            return;
        };
        let counts = rest.split_once(". ").map_or(rest, |(_, counts)| counts);
        for part in counts.split(';') {
            match number_and_word(part) {
                Some((n, "passed")) => self.passed += n,
                Some((n, "failed")) => self.failed += n,
                _ => {}
            }
        }
    }

    /// The plain closing line of any other runner: `3 passed, 0 failed`, perhaps with `, 1 skipped`.
    pub(crate) fn of_plain(line: &str) -> Option<Self> {
        let mut parts = line.trim().split(',').map(number_and_word);
        let tally = match (parts.next()??, parts.next()??) {
            ((passed, "passed"), (failed, "failed")) => Self { passed, failed },
            _ => return None,
        };
        match parts.next() {
            None | Some(Some((_, "skipped"))) => Some(tally),
            Some(_) => None,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

fn number_and_word(part: &str) -> Option<(u64, &str)> {
    let (number, word) = part.trim().split_once(' ')?;
    Some((number.parse().ok()?, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_lines_add_up() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test a ... ok",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 7 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.01s",
        ] {
            tally.read_cargo(line);
        }
        assert_eq!(tally.to_string(), "10 passed, 2 failed");
    }

    #[test]
    fn a_plain_line_stands_alone() {
        let three = Some(Tally { passed: 3, failed: 1 });
        assert_eq!(Tally::of_plain("3 passed, 1 failed"), three);
        assert_eq!(Tally::of_plain("  3 passed, 1 failed, 2 skipped\r"), three);
        assert_eq!(Tally::of_plain("all 3 passed, 1 failed"), None);
        assert_eq!(Tally::of_plain("3 passed"), None);
        assert_eq!(Tally::of_plain("3 passed, 1 failed, really"), None);
    }
}
