//! Reading a JSON value into a type exactly as JSON Schema reads it: serde is more lenient in three ways.
//!
//! An array is no object here (serde takes one for a struct), `null` is nothing at all, and a whole number is one that
//! every language holds exactly.

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde_json::Value;

use super::published::Refusal;

/// The largest whole number that a double holds exactly, with all below it: 2^53 − 1 (RFC 7493).
pub const INTEGER_MAX: i64 = (1 << 53) - 1;
/// The longest reason, in characters: a value may be megabytes long, and a message quotes it.
const REASON_CHARS_MAX: usize = 200;

/// Reads a value, or says where and why it is not of the type.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(Strict(value)).map_err(|e| {
        let path = pointer(e.path());
        let reason = e.into_inner().to_string();
        // What else would have been allowed is in the schema.
        let reason = reason.split(", expected one of").next().unwrap_or_default();
        let reason = reason.split(", expected `").next().unwrap_or_default();
        let short: String = reason.chars().take(REASON_CHARS_MAX).collect();
        Refusal { path, reason: short.split_whitespace().collect::<Vec<_>>().join(" ") }
    })
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let tokens = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", escape(key))),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    tokens.collect()
}

/// A member's name as a token of a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[derive(Clone, Copy)]
struct Strict<'de>(&'de Value);

impl<'de> IntoDeserializer<'de, Error> for Strict<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Strict<'de> {
    fn integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let exact = match self.0 {
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => whole.unsigned_abs() <= INTEGER_MAX.unsigned_abs(),
                (None, Some(_)) => false,
                (None, None) => true,
            },
            _ => true,
        };
        if !exact {
            return Err(Error::custom("beyond 2^53, where numbers are no longer exact"));
        }
        self.deserialize_any(visitor)
    }
}

macro_rules! integers {
    ($($method:ident)*) => {
        $( fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> { self.integer(visitor) } )*
    };
}

impl<'de> Deserializer<'de> for Strict<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => Err(Error::custom("null: what is not known is left out")),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(whole), _, _) => visitor.visit_u64(whole),
                (None, Some(whole), _) => visitor.visit_i64(whole),
                (None, None, Some(double)) => visitor.visit_f64(double),
                (None, None, None) => Err(Error::custom("not a number that a double can hold")),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.iter().map(Strict));
                let read = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(read)
            }
            Value::Object(members) => {
                let members = members.iter().map(|(key, value)| (key.as_str(), Strict(value)));
                visitor.visit_map(MapDeserializer::new(members))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { self.deserialize_any(visitor) } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.0.is_object() { self.deserialize_any(visitor) } else { Err(Error::custom("not an object")) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => Err(Error::custom("not a string")),
        }
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    serde::forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map identifier
        ignored_any
    }
}
