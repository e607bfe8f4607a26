//! Lists in pages (control plane 1.5): newest first, `before_id` names the last one that was seen, so that what
//! comes and goes between two pages never repeats or skips anything else.

use adit_names::code::ErrorCode;
use adit_names::id::{Id, Prefix};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::query::Query;

/// Most objects of a page, and how many there are unless asked otherwise.
const MAX: usize = 100;

/// Which page was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    before: Option<String>,
    limit: usize,
}

impl Page {
    /// The page that a query asks for, in a list of ids with this prefix.
    ///
    /// # Errors
    /// 227, 233, 244.
    pub(crate) fn of(query: &Query, prefix: Prefix, kind: &str) -> Result<Self, ApiError> {
        let limit = match query.one("limit") {
            None => MAX,
            Some(text) => {
                let number: i64 = text
                    .parse()
                    .map_err(|_| ApiError::new(ErrorCode::NGROK_244, &[("value", text)]))?;
                usize::try_from(number)
                    .ok()
                    .filter(|n| (1..=MAX).contains(n))
                    .ok_or_else(|| {
                        ApiError::new(ErrorCode::NGROK_233, &[("value", text)]).detail("limit", MAX.to_string())
                    })?
            }
        };
        let before = query.one("before_id").map(|text| {
            let is_one = text.parse::<Id>().is_ok_and(|id| id.prefix() == prefix);
            let start = format!("{}_", prefix.as_str());
            is_one.then(|| text.to_owned()).ok_or_else(|| {
                ApiError::new(
                    ErrorCode::NGROK_227,
                    &[("value", text), ("kind", kind), ("prefix", &start)],
                )
                .detail("field", "before_id")
            })
        });
        Ok(Self {
            before: before.transpose()?,
            limit,
        })
    }

    /// The id that the page ends before.
    pub(crate) fn before_id(&self) -> Option<Id> {
        self.before.as_ref().and_then(|id| id.parse().ok())
    }

    /// Most objects of the page.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The objects of this page out of all of them, newest first, and whether more follow.
    pub(crate) fn cut<T>(&self, mut all: Vec<(String, T)>) -> (Vec<(String, T)>, bool) {
        if let Some(before) = &self.before {
            all.retain(|(id, _)| id < before);
        }
        all.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
        let more = all.len() > self.limit;
        all.truncate(self.limit);
        (all, more)
    }

    /// The query of the page behind the one that ends with `last`; `kept` are parameters that it repeats.
    pub(crate) fn next(&self, last: &str, kept: &[(&str, &str)]) -> String {
        let mut query = format!("?before_id={last}&limit={}", self.limit);
        for (name, value) in kept {
            query.extend(["&", name, "="]);
            query.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        query
    }
}

/// The body of a list.
pub(crate) fn list_json(key: &str, objects: Vec<Value>, uri: String, next: Option<String>) -> Value {
    let mut body = Map::new();
    body.insert(key.to_owned(), Value::Array(objects));
    body.insert("uri".to_owned(), uri.into());
    body.insert("next_page_uri".to_owned(), next.map_or(Value::Null, Value::String));
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Result<Page, &'static str> {
        let known = [("limit", false), ("before_id", false)];
        let query = Query::parse(Some(text), &known).unwrap();
        Page::of(&query, Prefix::Session, "tunnel session").map_err(|e| e.code().as_str())
    }

    fn id(n: u64) -> String {
        Id::new(Prefix::Session, 1_800_000_000 + n, [0; 16]).to_string()
    }

    #[test]
    fn pages_follow_each_other_without_an_empty_last_one() {
        let all: Vec<_> = [2, 4, 1, 3].map(|n| (id(n), n)).into();
        let (first, more) = page("limit=2").unwrap().cut(all.clone());
        assert_eq!((first, more), (vec![(id(4), 4), (id(3), 3)], true));
        // The last one seen need not exist any more.
        let rest: Vec<_> = all.into_iter().filter(|(_, n)| *n != 3).collect();
        let (second, more) = page(&format!("limit=2&before_id={}", id(3))).unwrap().cut(rest);
        assert_eq!((second, more), (vec![(id(2), 2), (id(1), 1)], false));
    }

    #[test]
    fn limits_and_ids_are_checked() {
        assert_eq!(page("").unwrap().limit, 100);
        assert_eq!(page("limit=100&before_id=").unwrap().before, None);
        for (text, code) in [
            ("limit=0", "ERR_NGROK_233"),
            ("limit=101", "ERR_NGROK_233"),
            ("limit=-1", "ERR_NGROK_233"),
            ("limit=ten", "ERR_NGROK_244"),
            ("before_id=nonsense", "ERR_NGROK_227"),
            ("before_id=ep_0ujtsYcgvSTl8PAuAdqWYSMnLOv", "ERR_NGROK_227"),
        ] {
            assert_eq!(page(text), Err(code), "{text}");
        }
    }
}
