//! Regular expressions that traffic or variables gave, compiled once as long as they are used.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use regex::Regex;

use crate::expr::functions::compile_pattern;

/// Patterns that are kept; with one more, all are forgotten.
const MAX_PATTERNS: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Patterns {
    compiled: Mutex<HashMap<String, Regex>>,
}

impl Patterns {
    pub(crate) fn is_match(&self, pattern: &str, text: &str) -> Result<bool, String> {
        let lock = || self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(pattern).cloned();
        let regex = match known {
            Some(regex) => regex,
            None => {
                let regex = compile_pattern(pattern)?;
                let mut compiled = lock();
                if compiled.len() >= MAX_PATTERNS {
                    compiled.clear();
                }
                compiled.insert(pattern.to_owned(), regex.clone());
                regex
            }
        };
        Ok(regex.is_match(text))
    }
}
