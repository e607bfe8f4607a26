//! Query strings, strictly (control plane 1.5): unknown and repeated names are refused.

use adit_names::code::ErrorCode;
use percent_encoding::percent_decode_str;

use crate::error::ApiError;

/// Names and values in their order, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// A name that a path takes, and whether it may be repeated.
pub(crate) type Parameter = (&'static str, bool);

impl Query {
    /// The query of a URL; only `known` names.
    ///
    /// # Errors
    /// 230 malformed, 231 unknown, 232 repeated.
    pub(crate) fn parse(text: Option<&str>, known: &[Parameter]) -> Result<Self, ApiError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in text.unwrap_or_default().split('&').filter(|p| !p.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let [name, value] = [name, value].map(|t| decode(&t.replace('+', " ")));
            let malformed = || ApiError::new(ErrorCode::NGROK_230, &[("error", "a % without two hexadecimal digits")]);
            let (name, value) = (name.ok_or_else(malformed)?, value.ok_or_else(malformed)?);
            let Some((_, repeatable)) = known.iter().find(|(k, _)| *k == name) else {
                let supported: Vec<_> = known.iter().map(|(k, _)| *k).collect();
                return Err(
                    ApiError::new(ErrorCode::NGROK_231, &[("name", &name)]).detail("supported", supported.join(" "))
                );
            };
            if !repeatable && pairs.iter().any(|(n, _)| *n == name) {
                return Err(ApiError::new(ErrorCode::NGROK_232, &[("name", &name)]));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// The value of a name, unless it is empty.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a name that are not empty.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |(n, v)| n == name && !v.is_empty())
            .map(|(_, v)| v.as_str())
    }
}

/// A text with its percent codes replaced, once; `None` if one is broken or the result is not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let broken = text.split('%').skip(1).any(|after| {
        let code = after.as_bytes().get(..2);
        !code.is_some_and(|c| c.iter().all(u8::is_ascii_hexdigit))
    });
    if broken {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(|t| t.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Parameter] = &[("limit", false), ("id", true)];

    fn code(text: &str) -> &'static str {
        Query::parse(Some(text), KNOWN).unwrap_err().code().as_str()
    }

    #[test]
    fn values_are_decoded_once() {
        let query = Query::parse(Some("limit=%2531&id=a+b&id=%C3%BC&"), KNOWN).unwrap();
        assert_eq!(query.one("limit"), Some("%31"));
        assert_eq!(query.all("id").collect::<Vec<_>>(), ["a b", "ü"]);
        assert_eq!(Query::parse(None, KNOWN).unwrap(), Query::default());
    }

    #[test]
    fn what_is_unknown_repeated_or_broken_is_refused() {
        assert_eq!(code("limits=1"), "ERR_NGROK_231");
        assert_eq!(code("limit=1&limit=2"), "ERR_NGROK_232");
        assert_eq!(code("limit=%4"), "ERR_NGROK_230");
        assert_eq!(code("limit=%FF"), "ERR_NGROK_230");
    }
}
