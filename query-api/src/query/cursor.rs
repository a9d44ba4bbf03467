//! The cursor of the paged query: where a page ends, and what was asked.
//!
//! It is base64 of a JSON object that clients read: `catalog-client` looks for a `query` member to
//! choose between GET and POST. Its members are those of Backstage, so bookmarked cursors go on.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{QueryError, opaque};
use crate::index::Position;

/// A place in the answer to a query, with the query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// What to sort by; only the first counts.
    pub order_fields: Vec<CursorOrder>,
    /// The position: sort value and uid, or only the uid. Absent before the first page.
    pub order_field_values: Vec<Option<String>>,
    /// Whether the page before the position is meant, not the one after it.
    pub is_previous: bool,
    /// The predicate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Value>,
    /// The text that is searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_text_filter: Option<FullTextTerm>,
    /// The position of the very first item, to know when a way back ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sort_field_values: Option<Vec<Option<String>>>,
    /// The total as counted for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_items: Option<u64>,
}

/// One sort order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorOrder {
    /// The field as written.
    pub field: String,
    /// `asc` or `desc`.
    pub order: Order,
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Smallest first.
    Asc,
    /// Greatest first.
    Desc,
}

/// A text that is searched, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FullTextTerm {
    /// What to find; blank for everything.
    #[serde(default)]
    pub term: String,
    /// Where to look; the sort field if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
}

impl Cursor {
    /// Reads a cursor.
    ///
    /// # Errors
    /// If it is none of ours or Backstage's.
    pub fn decode(text: &str) -> Result<Self, QueryError> {
        let malformed = |reason: String| QueryError(format!("Malformed cursor: {reason}"));
        let value = opaque::value(text).map_err(malformed)?;
        if let Some(issues) = missing_members(&value) {
            return Err(malformed(format!("InputError: Malformed cursor: {issues}")));
        }
        let cursor: Self =
            serde_json::from_value(value).map_err(|error| malformed(format!("InputError: {error}")))?;
        cursor.position().map_err(|reason| malformed(reason.to_owned()))?;
        Ok(cursor)
    }

    /// The text for the client.
    pub fn encode(&self) -> String {
        STANDARD.encode(serde_json::to_vec(self).expect("a cursor always serialises"))
    }

    /// The position, if this is not the beginning.
    pub fn position(&self) -> Result<Option<Position>, &'static str> {
        let uid = |text: &Option<String>| {
            let uid = text.as_deref().and_then(|text| Uuid::parse_str(text).ok());
            uid.ok_or("orderFieldValues has no uid")
        };
        match self.order_field_values.as_slice() {
            [] => Ok(None),
            [id] if self.order_fields.is_empty() => Ok(Some(Position { value: None, uid: uid(id)? })),
            [value, id] if !self.order_fields.is_empty() => {
                Ok(Some(Position { value: value.clone(), uid: uid(id)? }))
            }
            _ => Err("orderFieldValues does not fit orderFields"),
        }
    }

    /// A position in the cursor's form.
    pub fn values_of(position: Position) -> Vec<Option<String>> {
        let uid = Some(position.uid.to_string());
        match position.value {
            Some(value) => vec![Some(value), uid],
            None => vec![uid],
        }
    }
}

/// What a cursor lacks, in the form that Backstage tells it.
fn missing_members(value: &Value) -> Option<String> {
    let required = [("orderFields", "array"), ("orderFieldValues", "array"), ("isPrevious", "boolean")];
    let missing = required.into_iter().filter(|(name, _)| value.get(name).is_none());
    // Written by hand because the members have an order.
    let issues: Vec<_> = missing
        .map(|(name, kind)| {
            format!(
                "  {{\n    \"code\": \"invalid_type\",\n    \"expected\": \"{kind}\",\n    \"received\": \
                 \"undefined\",\n    \"path\": [\n      \"{name}\"\n    ],\n    \"message\": \"Required\"\n  }}"
            )
        })
        .collect();
    (!issues.is_empty()).then(|| format!("[\n{}\n]", issues.join(",\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encode_then_decode_is_identity() {
        let cursor = Cursor {
            order_fields: vec![CursorOrder { field: "metadata.näme".to_owned(), order: Order::Desc }],
            order_field_values: vec![Some("ä".to_owned()), Some(Uuid::nil().to_string())],
            is_previous: true,
            query: Some(serde_json::json!({"kind": "api"})),
            full_text_filter: Some(FullTextTerm { term: "x".to_owned(), fields: None }),
            first_sort_field_values: None,
            total_items: Some(3),
        };
        assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
    }

    #[test]
    fn foreign_texts_are_malformed() {
        for text in ["!!notacursor", "eyJhIjoxfQ==", "", "bnVsbA=="] {
            let error = Cursor::decode(text).unwrap_err();
            assert!(error.0.starts_with("Malformed cursor: "), "{text}: {error}");
        }
    }
}
