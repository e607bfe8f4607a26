//! Compiled traffic policies, shared: endpoints with the same text run the same program.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use adit_names::endpoint_url::Scheme;
use adit_policy::{Fault, Owner, Policy, Subject};

/// Entries from which on those that nobody uses any more are looked for.
const SWEEP_FROM: usize = 64;

/// What a compilation depends on.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    text: Box<str>,
    owner: Owner,
    scheme: Scheme,
    internal: bool,
}

/// Compiles policies, each text once for as long as somebody uses it.
#[derive(Debug, Default)]
pub struct Policies {
    known: HashMap<Key, Weak<Policy>, foldhash::fast::RandomState>,
    /// Size at which the next sweep is made.
    sweep_at: usize,
}

impl Policies {
    /// The policy of this text.
    ///
    /// # Errors
    /// All that is wrong with the text.
    pub fn compile(&mut self, text: &str, subject: Subject<'_>) -> Result<Arc<Policy>, Vec<Fault>> {
        let key = Key {
            text: text.into(),
            owner: subject.owner,
            scheme: subject.scheme,
            internal: subject.internal,
        };
        if let Some(known) = self.known.get(&key).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let policy = Arc::new(adit_policy::compile(text, subject)?);
        if self.known.len() >= self.sweep_at.max(SWEEP_FROM) {
            self.known.retain(|_, policy| policy.strong_count() > 0);
            self.sweep_at = self.known.len() * 2;
        }
        self.known.insert(key, Arc::downgrade(&policy));
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = "on_http_request:\n  - actions:\n      - type: deny\n";

    #[test]
    fn one_text_is_one_program_for_as_long_as_it_is_used() {
        let mut policies = Policies::default();
        let cloud = Subject::cloud(Scheme::Https);
        let first = policies.compile(DENY, cloud).unwrap();
        assert!(Arc::ptr_eq(&first, &policies.compile(DENY, cloud).unwrap()));
        let of_agent = policies.compile(DENY, Subject::agent(Scheme::Https)).unwrap();
        assert!(!Arc::ptr_eq(&first, &of_agent), "another subject is another program");
        drop((first, of_agent));
        for i in 0..SWEEP_FROM {
            policies.compile(&format!("{DENY}# {i}\n"), cloud).unwrap();
        }
        assert!(
            policies.known.len() <= SWEEP_FROM,
            "those that nobody uses are forgotten"
        );
        assert!(policies.compile("on_http_request: [", cloud).is_err());
    }
}
