//! This build's version, and comparison of versions that others tell us.

use std::fmt;
use std::str::FromStr;

/// Version of this build (all crates share it).
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The product an agent of ours names in its user agent: `adit-agent/<version>`.
pub const AGENT_PRODUCT: &str = concat!("adit-agent/", env!("CARGO_PKG_VERSION"));

/// Versions of the agent protocol that this build speaks, best first (agent protocol 3.2: 2 and 3
/// are treated alike).
pub const AGENT_PROTOCOL_VERSIONS: &[&str] = &["3", "2"];

/// A version as semantic versioning 2.0.0 orders them; build metadata is dropped.
///
/// Missing parts count as 0 (`2` is `2.0.0`), a leading `v` is skipped: agents and embedding
/// programs tell their version in many spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    numbers: [u64; 3],
    pre_release: Option<Box<str>>,
}

/// A text that is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a version such as 1.2.3 or 1.2.3-beta.1")]
pub struct VersionError;

impl Version {
    /// Major, minor, patch.
    #[must_use]
    pub const fn numbers(&self) -> [u64; 3] {
        self.numbers
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let text = text.trim_ascii();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        if text.len() > 128 {
            return Err(VersionError);
        }
        let text = text.split_once('+').map_or(text, |(front, _)| front);
        let (core, pre_release) = match text.split_once('-') {
            Some((_, "")) => return Err(VersionError),
            Some((core, pre)) => (core, Some(pre)),
            None => (text, None),
        };
        let mut numbers = [0; 3];
        let mut slots = numbers.iter_mut();
        for part in core.split('.') {
            let slot = slots.next().ok_or(VersionError)?;
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(VersionError);
            }
            *slot = part.parse().map_err(|_| VersionError)?;
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        if pre_release.is_some_and(|pre| !pre.bytes().all(allowed) || pre.split('.').any(str::is_empty)) {
            return Err(VersionError);
        }
        Ok(Self {
            numbers,
            pre_release: pre_release.map(Into::into),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    /// Semantic versioning 2.0.0, section 11.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        use std::cmp::Ordering;
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| match (&self.pre_release, &other.pre_release) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(a), Some(b)) => {
                    let (mut a, mut b) = (a.split('.'), b.split('.'));
                    loop {
                        match (a.next(), b.next()) {
                            (None, None) => return Ordering::Equal,
                            (None, Some(_)) => return Ordering::Less,
                            (Some(_), None) => return Ordering::Greater,
                            (Some(a), Some(b)) => match identifiers(a, b) {
                                Ordering::Equal => {}
                                unequal @ (Ordering::Less | Ordering::Greater) => return unequal,
                            },
                        }
                    }
                }
            })
    }
}

fn identifiers(a: &str, b: &str) -> std::cmp::Ordering {
    use std::cmp::Ordering;
    match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        match &self.pre_release {
            Some(pre) => write!(f, "-{pre}"),
            None => Ok(()),
        }
    }
}
