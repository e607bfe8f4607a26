//! Values that outlive the call that made them: variables, results of actions, what is logged.

use std::fmt::Write as _;

/// A value of the expression language. Mappings keep their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `uint`
    Uint(u64),
    /// `double`
    Double(f64),
    /// `string`
    Text(String),
    /// `bytes`
    Bytes(Vec<u8>),
    /// Microseconds since the Unix epoch.
    Timestamp(i64),
    /// Nanoseconds.
    Duration(i64),
    /// `list`
    List(Vec<Self>),
    /// `map`
    Map(Vec<(Self, Self)>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl Value {
    /// A mapping with string keys.
    pub fn record<K: Into<String>>(fields: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(
            fields
                .into_iter()
                .map(|(key, value)| (Self::Text(key.into()), value))
                .collect(),
        )
    }

    /// The field of a mapping.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map
                .iter()
                .find(|(key, _)| matches!(key, Self::Text(key) if key == name))
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// As it stands in a template (traffic policy 2.3).
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Uint(value) => value.to_string(),
            Self::Double(value) => double(*value),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => {
                    use base64::Engine as _;
                    base64::engine::general_purpose::STANDARD.encode(bytes)
                }
            },
            Self::Timestamp(micros) => timestamp(*micros),
            Self::Duration(nanos) => duration(*nanos),
            Self::List(_) | Self::Map(_) => self.to_json().to_string(),
        }
    }

    /// The same; a string is not copied.
    #[must_use]
    pub fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            other => other.to_text(),
        }
    }

    /// The same, keys of mappings in the one order that both tiers give them: that of their texts.
    #[must_use]
    pub(crate) fn in_order(self) -> Self {
        match self {
            Self::List(list) => Self::List(list.into_iter().map(Self::in_order).collect()),
            Self::Map(map) => {
                let mut map: Vec<_> = map.into_iter().map(|(key, value)| (key, value.in_order())).collect();
                map.sort_by_cached_key(|(key, _)| key.to_text());
                Self::Map(map)
            }
            other => other,
        }
    }

    /// As JSON: keys sorted, compact when written.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => Json::from(*value),
            Self::Uint(value) => Json::from(*value),
            Self::Double(value) => whole(*value).map_or_else(|| Json::from(*value), Json::from),
            Self::Text(_) | Self::Bytes(_) | Self::Timestamp(_) | Self::Duration(_) => Json::String(self.to_text()),
            Self::List(list) => Json::Array(list.iter().map(Self::to_json).collect()),
            Self::Map(map) => {
                let mut fields: Vec<_> = map
                    .iter()
                    .map(|(key, value)| (key.to_text(), value.to_json()))
                    .collect();
                fields.sort_by(|a, b| a.0.cmp(&b.0));
                Json::Object(fields.into_iter().collect())
            }
        }
    }

    /// From JSON: integers that fit are ints, other numbers doubles.
    #[must_use]
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(value) => Self::Int(value),
                None => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(list) => Self::List(list.iter().map(Self::from_json).collect()),
            Json::Object(map) => Self::Map(
                map.iter()
                    .map(|(key, value)| (Self::Text(key.clone()), Self::from_json(value)))
                    .collect(),
            ),
        }
    }

    /// Bytes it holds, roughly, and levels.
    pub(crate) fn measure(&self) -> (usize, usize) {
        let children: Vec<(usize, usize)> = match self {
            Self::Text(text) => return (text.len() + 24, 0),
            Self::Bytes(bytes) => return (bytes.len() + 24, 0),
            Self::List(list) => list.iter().map(Self::measure).collect(),
            Self::Map(map) => map
                .iter()
                .flat_map(|(key, value)| [key.measure(), value.measure()])
                .collect(),
            _ => return (16, 0),
        };
        children.into_iter().fold((24, 1), |(size, deep), (more, below)| {
            (size + more, deep.max(below + 1))
        })
    }
}

/// The integer that a double is, if it is one that both have exactly.
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation)]
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}

fn double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if value != 0.0 && !(1e-7..1e21).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}

/// Seconds with their fraction, zeros cut.
fn fraction(nanos: u32) -> String {
    if nanos == 0 {
        return String::new();
    }
    let digits = format!("{nanos:09}");
    format!(".{}", digits.trim_end_matches('0'))
}

fn duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let part = u32::try_from(nanos % 1_000_000_000).unwrap_or(0);
    format!("{sign}{}{}s", nanos / 1_000_000_000, fraction(part))
}

/// RFC 3339 in UTC.
pub(crate) fn timestamp(micros: i64) -> String {
    let Some(time) = chrono::DateTime::from_timestamp_micros(micros) else {
        return String::new();
    };
    let mut out = time.format("%Y-%m-%dT%H:%M:%S").to_string();
    let _ = write!(out, "{}Z", fraction(time.timestamp_subsec_nanos()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_the_specification_says() {
        for (value, text) in [
            (Value::Null, ""),
            (Value::Double(2.0), "2"),
            (Value::Double(1.5), "1.5"),
            (Value::Double(1e20), "100000000000000000000"),
            (Value::Double(1e21), "1e21"),
            (Value::Duration(90_000_000_000), "90s"),
            (Value::Duration(1_500_000_000), "1.5s"),
            (Value::Timestamp(0), "1970-01-01T00:00:00Z"),
            (Value::Timestamp(1_500_000), "1970-01-01T00:00:01.5Z"),
            (Value::Bytes(vec![0xff]), "/w=="),
            (Value::List(vec![Value::Int(1), Value::from("é<")]), "[1,\"é<\"]"),
            (
                Value::record([("b", Value::Int(1)), ("a", Value::Double(2.0))]),
                "{\"a\":2,\"b\":1}",
            ),
        ] {
            assert_eq!(value.to_text(), text);
        }
    }
}
