//! `If-Match` (control plane 1.6): a change only of the revision that was read.

use adit_names::code::ErrorCode;
use http::{HeaderMap, header};

use crate::error::ApiError;

/// What a request's `If-Match` allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Whatever there is.
    Any,
    /// Only this revision.
    Only(u64),
}

/// What `If-Match` says; without one the last writer wins.
///
/// # Errors
/// 412 `ERR_ADIT_2006` for a tag that no revision has.
pub(crate) fn wanted(headers: &HeaderMap) -> Result<Wanted, ApiError> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(Wanted::Any);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(Wanted::Any);
    }
    // Caches and proxies may have made it weak; it is the number all the same. Clients may leave the quotes out.
    let tag = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
    tag.parse().map(Wanted::Only).map_err(|_| stale(None))
}

impl Wanted {
    /// Refuses an object of another revision.
    ///
    /// # Errors
    /// 412 `ERR_ADIT_2006`.
    pub(crate) fn check(self, revision: u64) -> Result<(), ApiError> {
        match self {
            Self::Only(only) if only != revision => Err(stale(Some(revision))),
            Self::Any | Self::Only(_) => Ok(()),
        }
    }

    pub(crate) fn only(self) -> Option<u64> {
        match self {
            Self::Any => None,
            Self::Only(revision) => Some(revision),
        }
    }
}

/// 412 with the revision that there is.
pub(crate) fn stale(current: Option<u64>) -> ApiError {
    let error = ApiError::new(ErrorCode::ADIT_2006, &[]);
    match current {
        Some(revision) => error.detail("current", revision.to_string()),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_tag() {
        let asked = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, text.parse().unwrap());
            wanted(&headers).map_err(|e| e.code().as_str())
        };
        assert_eq!(wanted(&HeaderMap::new()).unwrap(), Wanted::Any);
        assert_eq!(asked("*"), Ok(Wanted::Any));
        for text in ["\"7\"", "W/\"7\"", "7", " \"7\" "] {
            assert_eq!(asked(text), Ok(Wanted::Only(7)), "{text}");
        }
        for text in ["\"x\"", "\"1\", \"2\"", "\"-1\""] {
            assert_eq!(asked(text), Err("ERR_ADIT_2006"), "{text}");
        }
        assert!(Wanted::Only(7).check(7).is_ok());
        assert_eq!(Wanted::Only(7).check(8).unwrap_err().detail_of("current"), Some("8"));
    }
}
