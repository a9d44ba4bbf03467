//! From values to types: a serde deserializer that knows paths and places.
//!
//! Any `Config` struct that derives `Deserialize` can be a part of the configuration. What serde
//! alone would not give: an error names the key with file and line, an unknown key in one of our
//! own sections is refused with the nearest known one, and texts of variables (`${PORT}`) are
//! taken where a number or a truth value is asked for.

use std::fmt;

use backstitch_schemas::nearest::nearest;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};

use super::ConfigError;
use super::node::{Node, Place, Value};
use super::substitute::join;

/// What happens to a key that the type does not know.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// It is somebody else's: passed over.
    Ignored,
    /// It is a mistake: refused, with the nearest known key.
    Refused,
}

/// Reads `node`, which stands at `path`.
pub(super) fn read<T: DeserializeOwned>(node: &Node, path: &str, unknown: Unknown) -> Result<T, ConfigError> {
    T::deserialize(Reader { node, path: path.to_owned(), unknown })
        .map_err(|error| error.at(path, &node.place).into())
}

#[derive(Clone)]
struct Reader<'a> {
    node: &'a Node,
    path: String,
    unknown: Unknown,
}

impl<'a> Reader<'a> {
    fn below(&self, key: &str, node: &'a Node) -> Self {
        Self { node, path: join(&self.path, key), unknown: self.unknown }
    }

    fn refuse(&self, expected: &str) -> Error {
        Error::Detail(format!("{expected} is expected, not {}", describe(&self.node.value)))
            .at(&self.path, &self.node.place)
    }

    fn refuse_unknown(&self, known: &'static [&'static str]) -> Result<(), Error> {
        let Value::Object(fields) = &self.node.value else { return Ok(()) };
        match fields.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some((key, node)) => Err(Error::UnknownKey {
                path: join(&self.path, key),
                place: node.place.clone(),
                nearest: nearest(key, known.iter().copied()).map(|name| join(&self.path, name)),
            }),
        }
    }

    fn text_as<T: std::str::FromStr>(&self) -> Option<T> {
        match &self.node.value {
            Value::String(text) => text.trim().parse().ok(),
            Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        }
    }

    fn fields(&self) -> Fields<'a> {
        let fields: &[(String, Node)] = match &self.node.value {
            Value::Object(fields) => fields,
            _ => &[],
        };
        Fields { reader: self.clone(), fields: fields.iter(), current: None }
    }
}

/// What a value is, without saying what it holds: it may be a secret.
fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.text_as::<$type>() {
                Some(number) => visitor.$visit(number),
                None => {
                    let detail = match stringify!($type) {
                        // Where a float ends is of no use to anybody.
                        "f32" | "f64" => "must be a number".to_owned(),
                        _ => format!("must be a number from {} to {}", <$type>::MIN, <$type>::MAX),
                    };
                    Err(Error::Detail(detail).at(&self.path, &self.node.place))
                }
            }
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let (path, place) = (self.path.clone(), &self.node.place);
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(value) => match (value.as_u64(), value.as_i64(), value.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (None, Some(value), _) => visitor.visit_i64(value),
                (None, None, value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Value::String(value) => visitor.visit_str(value),
            Value::Array(items) => visitor.visit_seq(Items { reader: self, items: items.iter(), index: 0 }),
            Value::Object(_) => visitor.visit_map(self.fields()),
        }
        .map_err(|error: Error| error.at(&path, place))
    }

    numbers! {
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64, deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(text) => match text.trim().to_lowercase().as_str() {
                "true" | "yes" | "on" | "y" | "1" => visitor.visit_bool(true),
                "false" | "no" | "off" | "n" | "0" => visitor.visit_bool(false),
                _ => Err(self.refuse("true or false")),
            },
            _ => Err(self.refuse("true or false")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::String(text) => visitor.visit_str(text),
            // An unquoted token of digits is still a token.
            Value::Number(number) => visitor.visit_string(number.to_string()),
            _ => Err(self.refuse("a text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Array(_) => self.deserialize_any(visitor),
            _ => Err(self.refuse("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Object(_) => self.deserialize_any(visitor),
            _ => Err(self.refuse("an object")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.unknown == Unknown::Refused {
            self.refuse_unknown(known)?;
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::String(text) if known.contains(&text.as_str()) => {
                let text: StrDeserializer<'_, Error> = text.as_str().into_deserializer();
                visitor.visit_enum(text)
            }
            Value::String(text) => {
                let detail = format!("must be {}, not \"{text}\"", known.or_list());
                Err(Error::Detail(detail).at(&self.path, &self.node.place))
            }
            _ => Err(self.refuse(&known.or_list())),
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// `"delete" or "keep"`.
trait OrList {
    fn or_list(&self) -> String;
}

impl OrList for [&str] {
    fn or_list(&self) -> String {
        self.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ")
    }
}

struct Items<'a> {
    reader: Reader<'a>,
    items: std::slice::Iter<'a, Node>,
    index: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.items.next() else { return Ok(None) };
        let path = format!("{}[{}]", self.reader.path, self.index);
        self.index += 1;
        let reader = Reader { node, path: path.clone(), unknown: self.reader.unknown };
        seed.deserialize(reader).map(Some).map_err(|error| error.at(&path, &node.place))
    }
}

struct Fields<'a> {
    reader: Reader<'a>,
    fields: std::slice::Iter<'a, (String, Node)>,
    current: Option<&'a (String, Node)>,
}

impl<'de> de::MapAccess<'de> for Fields<'de> {
    type Error = Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        // A key without a value is a key that was not written.
        self.current = self.fields.by_ref().find(|(_, node)| node.value != Value::Null);
        let Some((key, _)) = self.current else { return Ok(None) };
        let key: StrDeserializer<'_, Error> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let (key, node) = self.current.take().expect("serde asks for a value after its key only");
        let reader = self.reader.below(key, node);
        let path = reader.path.clone();
        seed.deserialize(reader).map_err(|error| error.at(&path, &node.place))
    }
}

/// An error on its way up: its place is known once it has passed the value that it is about.
#[derive(Debug)]
pub(super) enum Error {
    Detail(String),
    Placed {
        path: String,
        place: Place,
        detail: String,
    },
    /// A key of the object that the error passes next.
    UnknownMember {
        name: String,
        nearest: Option<String>,
    },
    UnknownKey {
        path: String,
        place: Place,
        nearest: Option<String>,
    },
}

impl Error {
    fn at(self, path: &str, place: &Place) -> Self {
        match self {
            Self::Detail(detail) => Self::Placed { path: path.to_owned(), place: place.clone(), detail },
            Self::UnknownMember { name, nearest } => Self::UnknownKey {
                path: join(path, &name),
                place: place.clone(),
                nearest: nearest.map(|name| join(path, &name)),
            },
            placed => placed,
        }
    }
}

impl From<Error> for ConfigError {
    fn from(error: Error) -> Self {
        match error {
            Error::Placed { path, place, detail } => Self::Value { path, place, detail },
            Error::UnknownKey { path, place, nearest } => Self::UnknownKey { path, place, nearest },
            unplaced @ (Error::Detail(_) | Error::UnknownMember { .. }) => Self::Value {
                path: String::new(),
                place: Place { source: "configuration".into(), line: None },
                detail: unplaced.to_string(),
            },
        }
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Detail(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Detail(format!("`{field}` is missing"))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let nearest = nearest(field, expected.iter().copied()).map(str::to_owned);
        Self::UnknownMember { name: field.to_owned(), nearest }
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Detail(format!("{expected} is expected"))
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Detail(detail) | Self::Placed { detail, .. } => f.write_str(detail),
            Self::UnknownKey { path, .. } | Self::UnknownMember { name: path, .. } => {
                write!(f, "{path} is not a setting")
            }
        }
    }
}
