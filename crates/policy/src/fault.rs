//! What is wrong with a document: collected, not thrown, so that an author sees all of it at once.

use adit_names::code::ErrorCode;

use crate::document::{Node, Path, Position};
use crate::expr::MAX_COST;

/// So many faults are collected.
pub const MAX_FAULTS: usize = 50;

/// One error of a document (traffic policy 1.5).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({path}, line {line}, column {column}). {fix}")]
pub struct Fault {
    /// Its row of the table of error codes.
    pub code: ErrorCode,
    /// Keys and indexes that lead there: `on_http_request[1].expressions[0]`; empty for the whole document.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Column behind its end if it ends on the same line.
    pub end_column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl Fault {
    /// As the API and commands show it (traffic policy 1.5).
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "code": self.code.as_str(),
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "end_column": self.end_column,
            "message": self.message,
            "fix": self.fix,
        })
    }
}

/// Something that is allowed and probably not meant (traffic policy 1.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Its name: `unreachable_rule`.
    pub code: &'static str,
    /// As in [`Fault::path`].
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What it means.
    pub message: String,
}

impl Warning {
    /// As the API and commands show it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "code": self.code,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "message": self.message,
        })
    }
}

/// Faults and warnings of one document, and the secrets that it names.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<Warning>,
    /// Vault and name, each once.
    pub(crate) secrets: Vec<(String, String)>,
    pub(crate) cost: Cost,
}

/// What the expressions of a document may cost at most, in steps: nodes of each times the longest list that it goes
/// through (traffic policy 7.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// Of all of them together.
    pub total: usize,
    /// Of the dearest one.
    pub largest: usize,
    /// Where that stands; empty without expressions.
    pub at: String,
}

impl Cost {
    /// What one may cost.
    pub const LIMIT: usize = MAX_COST;

    pub(crate) fn add(&mut self, path: &Path<'_>, cost: usize) {
        self.total = self.total.saturating_add(cost);
        if cost > self.largest {
            self.largest = cost;
            self.at = path.to_string();
        }
    }
}

impl Findings {
    pub(crate) fn fault(
        &mut self,
        code: ErrorCode,
        path: &Path<'_>,
        at: Position,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.push(Fault {
            code,
            path: path.to_string(),
            line: at.line,
            column: at.column,
            end_column: None,
            message: message.into(),
            fix: fix.into(),
        });
    }

    /// A fault of a whole value.
    pub(crate) fn of(
        &mut self,
        code: ErrorCode,
        path: &Path<'_>,
        node: &Node,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.push(Fault {
            code,
            path: path.to_string(),
            line: node.at.line,
            column: node.at.column,
            end_column: (node.end.line == node.at.line).then_some(node.end.column),
            message: message.into(),
            fix: fix.into(),
        });
    }

    pub(crate) fn secret(&mut self, vault: &str, name: &str) {
        if !self.secrets.iter().any(|(v, n)| v == vault && n == name) {
            self.secrets.push((vault.to_owned(), name.to_owned()));
        }
    }

    pub(crate) fn push(&mut self, fault: Fault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    pub(crate) fn warn(&mut self, code: &'static str, path: &Path<'_>, at: Position, message: impl Into<String>) {
        if self.warnings.len() < MAX_FAULTS {
            self.warnings.push(Warning {
                code,
                path: path.to_string(),
                line: at.line,
                column: at.column,
                message: message.into(),
            });
        }
    }
}

/// The known name that is nearest to `name`, if one is near enough to be meant.
pub(crate) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-'], "");
    let wanted = plain(name);
    known
        .into_iter()
        .map(|candidate| (distance(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(name.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean …", or the list of what is known.
pub(crate) fn suggest<'n>(name: &str, known: impl IntoIterator<Item = &'n str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let known: Vec<_> = known.into_iter().collect();
            format!("known: {}", known.join(", "))
        }
    }
}

/// Levenshtein's distance; long texts count as far away.
fn distance(a: &str, b: &str) -> usize {
    if a.len().max(b.len()) > 128 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (to, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let here = (diagonal + usize::from(from != *to)).min(*cell + 1).min(left + 1);
            diagonal = *cell;
            *cell = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        assert_eq!(nearest("add-header", ["add-headers", "deny"]), Some("add-headers"));
        assert_eq!(nearest("req.metod", ["req.method", "req.host"]), Some("req.method"));
        assert_eq!(nearest("zzz", ["deny", "log"]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
