//! A deserializer over `serde_json::Value` that matches field names in any case.
//!
//! serde tells a deserializer which fields a struct has. Names that are not equal to one of them are
//! compared without case, the last one wins, unknown ones are dropped. `null` reads as the empty
//! value of whatever is asked for, so that it means the same as an absent field; an `Option` becomes
//! `None`. Everything that is not a struct goes through unchanged.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde_json::{Map, Value};

/// A field has another type than the message needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    path: Vec<String>,
    text: String,
}

impl FieldError {
    fn within(mut self, field: &str) -> Self {
        self.path.push(field.to_owned());
        self
    }
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, field) in self.path.iter().rev().enumerate() {
            f.write_str(if i == 0 { "field " } else { "." })?;
            f.write_str(field)?;
        }
        if !self.path.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.text)
    }
}

impl std::error::Error for FieldError {}

impl de::Error for FieldError {
    fn custom<T: std::fmt::Display>(text: T) -> Self {
        Self {
            path: Vec::new(),
            text: text.to_string(),
        }
    }
}

/// Reads a `T` from one JSON value.
///
/// # Errors
/// [`crate::Error::Syntax`] if the bytes are no JSON (in UTF-8), [`crate::Error::Field`] if a field
/// has the wrong type.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, crate::Error> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| crate::Error::Syntax(error.to_string().into()))?;
    from_value(value)
}

/// Reads a `T` from a value.
///
/// # Errors
/// [`crate::Error::Field`] if a field has the wrong type.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, crate::Error> {
    T::deserialize(Folded(value)).map_err(crate::Error::Field)
}

#[derive(Debug)]
struct Folded(Value);

impl IntoDeserializer<'_, FieldError> for Folded {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

/// Integers: `null` is 0.
macro_rules! numbers {
    ($($method:ident $visit:ident $zero:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
            if self.0.is_null() { visitor.$visit($zero) } else { self.deserialize_any(visitor) }
        }
    )*};
}

impl<'de> Deserializer<'de> for Folded {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => {
                if let Some(value) = number.as_u64() {
                    visitor.visit_u64(value)
                } else if let Some(value) = number.as_i64() {
                    visitor.visit_i64(value)
                } else {
                    visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                }
            }
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Folded))),
            Value::Object(map) => visitor.visit_map(MapDeserializer::new(
                map.into_iter().map(|(key, value)| (key, Self(value))),
            )),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        match self.0 {
            Value::Object(map) => visitor.visit_map(Fields::new(map, fields)),
            Value::Null => visitor.visit_map(Fields::new(Map::new(), fields)),
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                Self(other).deserialize_any(visitor)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.0.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.0.is_null() {
            visitor.visit_bool(false)
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.0.is_null() {
            visitor.visit_str("")
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.0.is_null() {
            Self(Value::Array(Vec::new())).deserialize_any(visitor)
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.0.is_null() {
            Self(Value::Object(Map::new())).deserialize_any(visitor)
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(text.into_deserializer()),
            _ => Err(de::Error::custom("expected a string")),
        }
    }

    numbers! {
        deserialize_i8 visit_i64 0;
        deserialize_i16 visit_i64 0;
        deserialize_i32 visit_i64 0;
        deserialize_i64 visit_i64 0;
        deserialize_u8 visit_u64 0;
        deserialize_u16 visit_u64 0;
        deserialize_u32 visit_u64 0;
        deserialize_u64 visit_u64 0;
        deserialize_f32 visit_f64 0.0;
        deserialize_f64 visit_f64 0.0;
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// The fields of a struct that were sent, under the names it asks for.
struct Fields {
    fields: &'static [&'static str],
    sent: Vec<Option<Value>>,
    next: usize,
}

impl Fields {
    fn new(map: Map<String, Value>, fields: &'static [&'static str]) -> Self {
        let mut sent: Vec<Option<Value>> = Vec::new();
        sent.resize_with(fields.len(), || None);
        for (name, value) in map {
            let place = fields
                .iter()
                .position(|field| *field == name)
                .or_else(|| fields.iter().position(|field| field.eq_ignore_ascii_case(&name)));
            if let Some(slot) = place.and_then(|place| sent.get_mut(place)) {
                *slot = Some(value);
            }
        }
        Self { fields, sent, next: 0 }
    }
}

impl<'de> de::MapAccess<'de> for Fields {
    type Error = FieldError;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        while let (Some(value), Some(name)) = (self.sent.get(self.next), self.fields.get(self.next)) {
            if value.is_some() {
                return seed
                    .deserialize(de::value::StrDeserializer::<FieldError>::new(name))
                    .map(Some);
            }
            self.next += 1;
        }
        Ok(None)
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        let value = self.sent.get_mut(self.next).and_then(Option::take).unwrap_or_default();
        let name = self.fields.get(self.next).copied().unwrap_or_default();
        self.next += 1;
        seed.deserialize(Folded(value)).map_err(|error| error.within(name))
    }
}
