//! Lowest versions of agents, as organisations and ingresses ask for them.

use std::collections::BTreeMap;

use serde_json::Value;

/// Stands for every kind of client that is not named.
const ANY: &str = "*";

/// Lowest version of each kind of client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LowestVersions(BTreeMap<Box<str>, Box<str>>);

impl LowestVersions {
    /// Of a mapping of kinds of clients (`ngrok-go`, `adit`; `*`: all others) to versions.
    pub fn of(value: Option<&Value>) -> Self {
        let entries = value.and_then(Value::as_object).into_iter().flatten();
        Self(
            entries
                .filter_map(|(client, version)| Some((client.as_str().into(), version.as_str()?.into())))
                .collect(),
        )
    }

    /// The lowest version for this client, if `version` is below it. One that cannot be read is below any.
    pub fn above(&self, client: &str, version: &str) -> Option<&str> {
        let lowest = self.0.get(client).or_else(|| self.0.get(ANY))?;
        (numbers(version) < numbers(lowest)).then_some(&**lowest)
    }
}

/// Major, minor, patch; what is missing or no number is nought.
fn numbers(version: &str) -> [u64; 3] {
    let core = version.trim_start_matches('v');
    let core = core.split(['-', '+']).next().unwrap_or_default();
    let mut parts = core.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_compared_by_number_and_each_client_has_its_own() {
        let lowest = LowestVersions::of(Some(&json!({"ngrok-go": "1.10.0", "*": "0.2", "adit": 7})));
        assert_eq!(lowest.above("ngrok-go", "1.9.9"), Some("1.10.0"));
        assert_eq!(lowest.above("ngrok-go", "v1.10.0-rc1"), None);
        assert_eq!(lowest.above("ngrok-rust", "0.19.0"), None);
        assert_eq!(lowest.above("ngrok-rust", "what"), Some("0.2"));
        assert_eq!(LowestVersions::default().above("adit", ""), None);
    }
}
