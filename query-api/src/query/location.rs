//! Queries for registered locations: the predicate language on their four columns, and the cursor.

use backstitch_schemas::{LocationId, RegisteredLocation};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Predicate, QueryError, opaque};
use crate::index::{lower, scalar_text};

/// What a location must satisfy. Unlike for entities an empty `$all` never is, and `$contains` never is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationPredicate(Term);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Not(Box<Term>),
    Column(Column, Test),
    Always(bool),
}

/// A column of the locations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Id,
    Kind,
    Target,
    EntityRef,
}

/// A test on the text of a column. Texts are lower-cased.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    Prefix(String),
}

impl LocationPredicate {
    /// Reads a query.
    ///
    /// # Errors
    /// If it is not of the language, or names another column.
    pub fn parse(query: &Value) -> Result<Self, QueryError> {
        // The form is that of queries for entities.
        Predicate::parse(query)?;
        term(query).map(Self)
    }

    /// Whether `location` satisfies it.
    pub fn holds(&self, location: &RegisteredLocation) -> bool {
        self.0.holds(location)
    }
}

impl Term {
    fn holds(&self, location: &RegisteredLocation) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.holds(location)),
            Self::Any(terms) => terms.iter().any(|term| term.holds(location)),
            Self::Not(term) => !term.holds(location),
            Self::Column(column, test) => test.holds(&lower(&column.text(location))),
            Self::Always(holds) => *holds,
        }
    }
}

impl Test {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::In(texts) => texts.iter().any(|known| known == text),
            Self::Prefix(prefix) => text.starts_with(prefix),
        }
    }
}

impl Column {
    fn parse(key: &str) -> Result<Self, QueryError> {
        match lower(key).as_str() {
            "id" => Ok(Self::Id),
            "type" => Ok(Self::Kind),
            "target" => Ok(Self::Target),
            "entityref" => Ok(Self::EntityRef),
            _ => Err(QueryError(format!(
                "Invalid filter predicate, expected key to be 'id', 'type', 'target', or 'entityRef', got '{key}'"
            ))),
        }
    }

    fn text(self, location: &RegisteredLocation) -> String {
        match self {
            Self::Id => location.id.to_string(),
            Self::Kind => location.location.kind.clone(),
            Self::Target => location.location.target.clone(),
            Self::EntityRef => location.entity_ref.to_string(),
        }
    }
}

fn term(query: &Value) -> Result<Term, QueryError> {
    let Value::Object(members) = query else { return Ok(Term::Always(false)) };
    let list =
        |value: &Value| value.as_array().into_iter().flatten().map(term).collect::<Result<Vec<_>, _>>();
    match members.iter().next().map(|(key, value)| (key.as_str(), value)) {
        Some(("$all", value)) => {
            let terms = list(value)?;
            Ok(if terms.is_empty() { Term::Always(false) } else { Term::All(terms) })
        }
        Some(("$any", value)) => Ok(Term::Any(list(value)?)),
        Some(("$not", value)) => Ok(Term::Not(Box::new(term(value)?))),
        _ => {
            let fields = members.iter().map(|(key, value)| field(Column::parse(key)?, value));
            Ok(Term::All(fields.collect::<Result<_, _>>()?))
        }
    }
}

/// Of several operators the first counts, in the order in which queries for entities take them.
fn field(column: Column, value: &Value) -> Result<Term, QueryError> {
    let texts = |values: &[Value]| values.iter().filter_map(scalar_text).map(|text| lower(&text)).collect();
    let Value::Object(members) = value else {
        return Ok(Term::Column(column, Test::In(texts(std::slice::from_ref(value)))));
    };
    Ok(operator(members, |test| Term::Column(column, test), texts))
}

fn operator(
    members: &Map<String, Value>,
    on_column: impl Fn(Test) -> Term,
    texts: impl Fn(&[Value]) -> Vec<String>,
) -> Term {
    let get = |name: &str| members.get(name);
    match (get("$exists"), get("$in"), get("$contains"), get("$hasPrefix")) {
        (Some(Value::Bool(exists)), ..) => Term::Always(*exists),
        (_, Some(Value::Array(items)), ..) => on_column(Test::In(texts(items))),
        (_, _, None, Some(Value::String(prefix))) => on_column(Test::Prefix(lower(prefix))),
        _ => Term::Always(false),
    }
}

/// A place in the answer to a query for locations, with the query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocationCursor {
    /// How many locations a page has.
    pub limit: usize,
    /// The last id of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_id: Option<LocationId>,
    /// The query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Value>,
}

impl LocationCursor {
    /// Reads a cursor.
    ///
    /// # Errors
    /// If it is none of ours or Backstage's.
    pub fn decode(text: &str) -> Result<Self, QueryError> {
        let malformed = |reason: String| QueryError(format!("Malformed cursor: {reason}"));
        let value = opaque::value(text).map_err(malformed)?;
        let cursor: Self = serde_json::from_value(value).map_err(|error| malformed(error.to_string()))?;
        if cursor.limit == 0 {
            return Err(malformed("its limit is 0".to_owned()));
        }
        Ok(cursor)
    }

    /// The text for the client.
    pub fn encode(&self) -> String {
        STANDARD.encode(serde_json::to_vec(self).expect("a cursor always serialises"))
    }
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::{EntityRef, LocationRef};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn location() -> RegisteredLocation {
        RegisteredLocation {
            id: LocationId(Uuid::from_u128(0xab)),
            location: LocationRef::new("url", "https://Host/a.yaml"),
            entity_ref: EntityRef::new("Location", None, "generated-1"),
        }
    }

    fn holds(query: Value) -> bool {
        LocationPredicate::parse(&query).unwrap().holds(&location())
    }

    #[test]
    fn columns_are_compared_without_regard_to_case() {
        for query in [
            json!({"Type": "URL"}),
            json!({"type": "url", "target": {"$hasPrefix": "HTTPS://host/"}}),
            json!({"entityRef": {"$in": ["location:default/generated-1", "x"]}}),
            json!({"id": {"$exists": true}}),
            json!({"$any": [{"type": "file"}, {"$not": {"type": "file"}}]}),
            json!({"$all": [{"type": "url"}]}),
            json!({}),
        ] {
            assert!(holds(query.clone()), "{query}");
        }
    }

    #[test]
    fn an_empty_all_and_contains_match_nothing() {
        for query in [
            json!({"$all": []}),
            json!({"$any": []}),
            json!({"type": {"$contains": "url"}}),
            json!({"type": {"$exists": false}}),
            json!({"target": "https://host"}),
        ] {
            assert!(!holds(query.clone()), "{query}");
        }
    }

    #[test]
    fn other_columns_are_refused_by_name() {
        let error = LocationPredicate::parse(&json!({"$not": {"Spec.owner": "x"}})).unwrap_err();
        assert_eq!(
            error.0,
            "Invalid filter predicate, expected key to be 'id', 'type', 'target', or 'entityRef', got 'Spec.owner'"
        );
        assert!(LocationPredicate::parse(&json!([])).is_err());
    }

    #[test]
    fn encode_then_decode_is_identity() {
        let cursor =
            LocationCursor { limit: 2, after_id: Some(location().id), query: Some(json!({"type": "url"})) };
        assert_eq!(LocationCursor::decode(&cursor.encode()), Ok(cursor));
        for text in ["", "!!", "e30=", "eyJsaW1pdCI6MH0="] {
            assert!(LocationCursor::decode(text).unwrap_err().0.starts_with("Malformed cursor: "), "{text}");
        }
    }
}
