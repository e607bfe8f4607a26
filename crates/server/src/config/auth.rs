//! How people sign in.

use adit_api::login::password::Cost;
use serde::Deserialize;

use super::{SettingError, Size};

/// Memory of a hash: from OWASP's least to what a machine can do at once for several people.
const MEMORY: std::ops::RangeInclusive<usize> = 7 << 20..=1 << 30;
/// Passes and lanes.
const FEW: std::ops::RangeInclusive<u32> = 1..=16;

/// How people sign in (control plane 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// `auth.argon2.…`
    pub argon2: Argon2,
}

/// How dear the hash of a password is. Those that were made with other values are made anew at the next sign-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Argon2 {
    /// Memory; default 19 MiB, 7 MiB to 1 GiB.
    pub memory: Option<Size>,
    /// Passes over it; default 2, at most 16.
    pub passes: Option<u32>,
    /// Lanes; default 1, at most 16.
    pub lanes: Option<u32>,
}

impl Auth {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        let Argon2 { memory, passes, lanes } = self.argon2;
        if let Some(memory) = memory.filter(|memory| !MEMORY.contains(&memory.bytes())) {
            let reason = format!("{} bytes is not from 7 MiB to 1 GiB", memory.bytes());
            return Err(SettingError::wrong("auth.argon2.memory", &reason));
        }
        for (key, value) in [("auth.argon2.passes", passes), ("auth.argon2.lanes", lanes)] {
            if let Some(value) = value.filter(|value| !FEW.contains(value)) {
                return Err(SettingError::wrong(key, &format!("{value} is not from 1 to 16")));
            }
        }
        Ok(())
    }
}

impl Argon2 {
    /// With the defaults where nothing is set.
    pub(crate) fn cost(self) -> Cost {
        let usual = Cost::default();
        let kib = |memory: Size| u32::try_from(memory.bytes() / 1024).unwrap_or(u32::MAX);
        Cost {
            memory: self.memory.map_or(usual.memory, kib),
            passes: self.passes.unwrap_or(usual.passes),
            lanes: self.lanes.unwrap_or(usual.lanes),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Settings;

    #[test]
    fn hashes_have_bounds() {
        let read = |name: &str, value: &str| {
            let name = format!("ADIT_SERVER__AUTH__ARGON2__{name}");
            Settings::from_environment([(&*name, value)]).map_err(|error| error.to_string())
        };
        let settings = read("MEMORY", "64MiB").unwrap();
        let cost = settings.auth.argon2.cost();
        assert_eq!((cost.memory, cost.passes, cost.lanes), (64 * 1024, 2, 1));
        for (name, value) in [("MEMORY", "1MiB"), ("MEMORY", "2GiB"), ("PASSES", "0"), ("LANES", "17")] {
            let refused = read(name, value).unwrap_err();
            assert!(refused.contains(&format!("AUTH__ARGON2__{name}")), "{refused}");
        }
    }
}
