//! The predicate language of the `query` members: JSON in, a checked expression out.

use serde_json::{Map, Value};

use super::QueryError;
use crate::index::{SearchRow, lower, relation_key, scalar_text};

/// What an entity must satisfy. Keys and values are lower-cased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// All of them; an empty list is always satisfied.
    All(Vec<Predicate>),
    /// At least one of them; an empty list never is.
    Any(Vec<Predicate>),
    /// Not this one.
    Not(Box<Predicate>),
    /// A test on the rows of one key.
    Field(String, Test),
}

/// A test on the rows of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Some row (or none) has the key.
    Exists(bool),
    /// Some row has one of these values.
    In(Vec<String>),
    /// Some row has a value with this prefix.
    Prefix(String),
}

/// How many operators and fields a query may have together: each is a pass over sets of entities.
const MAX_PARTS: usize = 10_000;

const OPERATORS: [&str; 4] = ["$exists", "$in", "$contains", "$hasPrefix"];

impl Predicate {
    /// Reads a query. Its root must be an object.
    ///
    /// # Errors
    /// If it is not of the language; the text says where.
    pub fn parse(query: &Value) -> Result<Self, QueryError> {
        let Value::Object(members) = query else { return Err(QueryError::new("Query must be an object")) };
        if parts(query) > MAX_PARTS {
            return Err(QueryError(format!(
                "Invalid query: it has more than {MAX_PARTS} operators and fields; use $in for many values of a field"
            )));
        }
        object(members)
    }

    /// Whether an entity with these rows satisfies it. The index answers the same for all entities at once.
    pub fn is_met_by(&self, rows: &[SearchRow]) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.is_met_by(rows)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met_by(rows)),
            Self::Not(part) => !part.is_met_by(rows),
            Self::Field(key, test) => {
                let mut values = rows.iter().filter(|row| row.key == *key).map(|row| row.term.as_ref());
                match test {
                    Test::Exists(exists) => values.next().is_some() == *exists,
                    Test::In(wanted) => {
                        values.flatten().any(|term| wanted.iter().any(|text| text == term.value()))
                    }
                    Test::Prefix(prefix) => {
                        values.flatten().any(|term| term.value().starts_with(prefix.as_str()))
                    }
                }
            }
        }
    }

    /// Tells all keys that it asks for.
    pub fn each_key(&self, tell: &mut impl FnMut(&str)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each_key(tell)),
            Self::Not(part) => part.each_key(tell),
            Self::Field(key, _) => tell(key),
        }
    }

    fn parse_nested(query: &Value) -> Result<Self, QueryError> {
        match query {
            Value::Object(members) => object(members),
            Value::String(_) | Value::Number(_) | Value::Bool(_) => Err(QueryError(format!(
                "Invalid filter predicate: top-level primitive values are not supported. Wrap the value in \
                 a field expression, e.g. {{ \"kind\": {query} }}"
            ))),
            _ => Err(invalid("")),
        }
    }
}

/// How many members all objects in a query have together.
fn parts(query: &Value) -> usize {
    match query {
        Value::Object(members) => members.len() + members.values().map(parts).sum::<usize>(),
        Value::Array(items) => items.iter().map(parts).sum(),
        _ => 0,
    }
}

fn invalid(at: &str) -> QueryError {
    if at.is_empty() {
        return QueryError::new("Invalid query: Validation error: Invalid input");
    }
    QueryError(format!("Invalid query: Validation error: Invalid at \"{at}\""))
}

fn object(members: &Map<String, Value>) -> Result<Predicate, QueryError> {
    if let Some(operator) = members.keys().find(|key| key.starts_with('$')) {
        return logical(members, operator);
    }
    let mut fields = Vec::with_capacity(members.len());
    for (key, value) in members {
        fields.push(field(key, value)?);
    }
    Ok(match fields.len() {
        1 => fields.remove(0),
        _ => Predicate::All(fields),
    })
}

/// An operator is the only key of its object.
fn logical(members: &Map<String, Value>, operator: &str) -> Result<Predicate, QueryError> {
    if members.len() > 1 {
        return Err(invalid(operator));
    }
    let list = |value: &Value| match value {
        Value::Array(items) => items.iter().map(Predicate::parse_nested).collect::<Result<Vec<_>, _>>(),
        _ => Err(invalid(operator)),
    };
    match (operator, &members[operator]) {
        ("$all", value) => Ok(Predicate::All(list(value)?)),
        ("$any", value) => Ok(Predicate::Any(list(value)?)),
        ("$not", value) => Ok(Predicate::Not(Box::new(Predicate::parse_nested(value)?))),
        _ => Err(invalid(operator)),
    }
}

fn field(key: &str, value: &Value) -> Result<Predicate, QueryError> {
    let lowered = lower(key);
    let test = match value {
        Value::Object(members) => return value_operator(key, lowered, members),
        primitive => Test::In(vec![primitive_value(primitive).ok_or_else(|| invalid(key))?]),
    };
    Ok(Predicate::Field(lowered, test))
}

/// Of several operators the first that is well-formed counts, as the original's schema has it.
fn value_operator(key: &str, lowered: String, members: &Map<String, Value>) -> Result<Predicate, QueryError> {
    let well_formed = |name: &&str| match (*name, members.get(*name)) {
        ("$exists", Some(Value::Bool(_))) | ("$hasPrefix", Some(Value::String(_))) => true,
        ("$in", Some(Value::Array(items))) => items.iter().all(|item| primitive_value(item).is_some()),
        ("$contains", Some(value)) => !value.is_null(),
        _ => false,
    };
    let operator = OPERATORS.into_iter().find(|name| well_formed(name)).ok_or_else(|| invalid(key))?;
    let test = match (operator, &members[operator]) {
        ("$exists", Value::Bool(exists)) => Test::Exists(*exists),
        ("$hasPrefix", Value::String(prefix)) => Test::Prefix(lower(prefix)),
        ("$in", Value::Array(items)) => Test::In(items.iter().filter_map(primitive_value).collect()),
        ("$contains", Value::Object(object)) => return contains_object(key, &lowered, object),
        (_, value) => Test::In(vec![primitive_value(value).ok_or_else(|| invalid(key))?]),
    };
    Ok(Predicate::Field(lowered, test))
}

/// `{"relations": {"$contains": {"type": …, "targetRef": …}}}`
fn contains_object(key: &str, lowered: &str, object: &Map<String, Value>) -> Result<Predicate, QueryError> {
    if lowered != "relations" {
        let message = format!("Object form of $contains is not supported for field \"{key}\"");
        return Err(QueryError(message));
    }
    let wrong = |what: &str| QueryError(format!("Invalid $contains for field \"{key}\": {what}"));
    let (mut kind, mut target) = (None, None);
    for (name, value) in object {
        let slot = match lower(name).as_str() {
            "type" => &mut kind,
            "targetref" => &mut target,
            _ => return Err(wrong(&format!("unknown property \"{name}\""))),
        };
        if slot.replace(value).is_some() {
            return Err(wrong(&format!("property \"{name}\" is given twice")));
        }
    }
    let kind = kind.and_then(Value::as_str).filter(|kind| !kind.is_empty());
    let kind = kind.ok_or_else(|| wrong("\"type\" must be a non-empty string"))?;
    let test = match target {
        None => Test::Exists(true),
        Some(target) => Test::In(targets(target).ok_or_else(|| {
            wrong("\"targetRef\" must be a string or {\"$in\": [string, …]} with at least one item")
        })?),
    };
    Ok(Predicate::Field(relation_key(kind), test))
}

fn targets(target: &Value) -> Option<Vec<String>> {
    match target {
        Value::String(target) => Some(vec![lower(target)]),
        Value::Object(members) if members.len() == 1 => {
            let items = members.get("$in")?.as_array().filter(|items| !items.is_empty())?;
            items.iter().map(|item| item.as_str().map(lower)).collect()
        }
        _ => None,
    }
}

fn primitive_value(value: &Value) -> Option<String> {
    scalar_text(value).map(|text| lower(&text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(query: Value) -> String {
        Predicate::parse(&query).unwrap_err().0
    }

    fn is(key: &str, value: &str) -> Predicate {
        Predicate::Field(key.to_owned(), Test::In(vec![value.to_owned()]))
    }

    #[test]
    fn fields_are_lower_cased_and_combined() {
        let parsed = Predicate::parse(&json!({"Kind": "API", "spec.n": 1.0}));
        assert_eq!(parsed, Ok(Predicate::All(vec![is("kind", "api"), is("spec.n", "1")])));
        assert_eq!(Predicate::parse(&json!({})), Ok(Predicate::All(vec![])));
        let parsed = Predicate::parse(&json!({"$not": {"a": {"$contains": "B"}}}));
        assert_eq!(parsed, Ok(Predicate::Not(Box::new(is("a", "b")))));
    }

    #[test]
    fn of_several_operators_the_first_known_one_counts() {
        let parsed = Predicate::parse(&json!({"kind": {"$in": ["api"], "$exists": false}}));
        assert_eq!(parsed, Ok(Predicate::Field("kind".to_owned(), Test::Exists(false))));
    }

    #[test]
    fn relations_can_be_asked_for_as_objects() {
        let parsed = Predicate::parse(&json!({"Relations": {"$contains": {"type": "ownedBy"}}}));
        assert_eq!(parsed, Ok(Predicate::Field("relations.ownedby".to_owned(), Test::Exists(true))));
        let target =
            json!({"relations": {"$contains": {"type": "ownedBy", "targetRef": {"$in": ["Group:a/b"]}}}});
        assert_eq!(Predicate::parse(&target), Ok(is("relations.ownedby", "group:a/b")));
        for contains in [
            json!({}),
            json!({"type": ""}),
            json!({"type": "a", "other": 1}),
            json!({"type": "a", "Type": "b"}),
            json!({"type": "a", "targetRef": {"$in": []}}),
        ] {
            assert!(Predicate::parse(&json!({"relations": {"$contains": contains}})).is_err(), "{contains}");
        }
    }

    #[test]
    fn what_is_not_of_the_language_says_so() {
        assert_eq!(message(json!({"$nope": 1})), "Invalid query: Validation error: Invalid at \"$nope\"");
        assert_eq!(message(json!([])), "Query must be an object");
        assert_eq!(
            message(json!({"$not": "x"})),
            "Invalid filter predicate: top-level primitive values are not supported. Wrap the value in a \
             field expression, e.g. { \"kind\": \"x\" }"
        );
        assert_eq!(
            message(json!({"spec": {"$contains": {"a": 1}}})),
            "Object form of $contains is not supported for field \"spec\""
        );
        for query in
            [json!({"a": null}), json!({"a": {"$x": 1}}), json!({"$all": [], "a": 1}), json!({"a": []})]
        {
            assert!(Predicate::parse(&query).is_err(), "{query}");
        }
    }
}
