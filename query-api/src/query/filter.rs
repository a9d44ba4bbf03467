//! The `filter` parameters of query strings, turned into the predicate language.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::QueryError;

/// The query that several `filter` parameters mean together: an entity matches one of them.
/// `None` if they ask for nothing.
///
/// # Errors
/// If a statement has no key, or a key that is an operator of the predicate language.
pub fn query_of_filters<'a>(filters: impl IntoIterator<Item = &'a str>) -> Result<Option<Value>, QueryError> {
    let mut queries = Vec::new();
    for filter in filters {
        let fields = parse_filter(filter)?;
        if !fields.is_empty() {
            queries.push(fields_query(fields));
        }
    }
    Ok(match queries.len() {
        0 => None,
        1 => queries.pop(),
        _ => Some(json!({ "$any": queries })),
    })
}

/// The statements of one filter by key, in the order of the keys' first use. A key without values
/// has to exist.
fn parse_filter(filter: &str) -> Result<Vec<(String, Vec<String>)>, QueryError> {
    let mut fields: Vec<(String, Vec<String>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for statement in filter.split(',').map(str::trim).filter(|statement| !statement.is_empty()) {
        let (key, value) = match statement.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.trim().to_owned())),
            None => (statement, None),
        };
        if key.is_empty() {
            return Err(QueryError(format!(
                "Invalid filter, '{statement}' is not a valid statement (expected a string on the form a=b \
                 or a= or a)"
            )));
        }
        if key.starts_with('$') {
            return Err(QueryError(format!(
                "Invalid filter, '{statement}' has an operator as its key; use the query of \
                 POST /entities/by-query for {key}"
            )));
        }
        match places.get(key) {
            Some(place) => fields[*place].1.extend(value),
            None => {
                places.insert(key, fields.len());
                fields.push((key.to_owned(), value.into_iter().collect()));
            }
        }
    }
    Ok(fields)
}

fn fields_query(fields: Vec<(String, Vec<String>)>) -> Value {
    let member = |(key, mut values): (String, Vec<String>)| {
        let test = match values.len() {
            0 => json!({"$exists": true}),
            1 => Value::String(values.remove(0)),
            _ => json!({ "$in": values }),
        };
        (key, test)
    };
    Value::Object(fields.into_iter().map(member).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filters: &[&str], expected: Value) {
        let query = query_of_filters(filters.iter().copied()).unwrap();
        assert_eq!(query.unwrap_or_default(), expected, "{filters:?}");
    }

    #[test]
    fn statements_are_combined_as_in_backstage() {
        check(&["kind=api"], json!({"kind": "api"}));
        check(&["kind=api,kind=component"], json!({"kind": {"$in": ["api", "component"]}}));
        check(&["a=1", "b"], json!({"$any": [{"a": "1"}, {"b": {"$exists": true}}]}));
        check(&[" a = 1 ,, b = 2 = 3 "], json!({"a": "1", "b": "2 = 3"}));
        check(&["a,a=1"], json!({"a": "1"}));
        check(&["a="], json!({"a": ""}));
        check(&[",", " "], Value::Null);
        check(&["a=1,A=2"], json!({"A": "2", "a": "1"}));
        check(&["a"], json!({"a": {"$exists": true}}));
        check(&["a=1,a=2"], json!({"a": {"$in": ["1", "2"]}}));
        check(&["a=b=c"], json!({"a": "b=c"}));
        check(&["", ""], Value::Null);
        check(&[], Value::Null);
        let sets = json!({"$any": [{"a": {"$in": ["1", "2"]}, "b": "3"}, {"c": "4"}]});
        check(&["a=1,a=2,b=3", "c=4"], sets);
    }

    #[test]
    fn a_statement_without_a_key_is_an_error() {
        let error = query_of_filters(["=x"]).unwrap_err();
        let expected =
            "Invalid filter, '=x' is not a valid statement (expected a string on the form a=b or a= or a)";
        assert_eq!(error.0, expected);
        assert!(query_of_filters(["$any=x"]).is_err());
    }
}
