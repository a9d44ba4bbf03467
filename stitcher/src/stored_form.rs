//! How a good form is stored beside its claim.
//!
//! The relations of a winner are rows of their own, so its form is the entity alone. A claim that
//! does not win has no such rows; its form is `[entity, relations]`, so that it can win later
//! without its record being read again. An entity is an object, so the two cannot be confused.

use backstitch_schemas::processed::Relation;
use serde_json::value::RawValue;

/// The text for a claim that does not win.
pub(crate) fn with_relations(entity: &str, relations: &[Relation]) -> String {
    let relations = serde_json::to_string(relations).expect("relations always serialise");
    format!("[{entity},{relations}]")
}

/// Whether the text holds relations too.
pub(crate) fn has_relations(text: &str) -> bool {
    text.starts_with('[')
}

/// The entity's text, and the relations if the text holds them. `None` if it is neither form.
pub(crate) fn parse(text: &str) -> Option<(&str, Option<Vec<Relation>>)> {
    if !has_relations(text) {
        return Some((text, None));
    }
    let (entity, relations): (&RawValue, Vec<Relation>) = serde_json::from_str(text).ok()?;
    Some((entity.get(), Some(relations)))
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::EntityRef;

    use super::*;

    #[test]
    fn encode_then_parse_is_identity() {
        let relation = Relation {
            source: EntityRef::from_canonical("component:default/a"),
            kind: "ownedBy".to_owned(),
            target: EntityRef::from_canonical("group:default/\"g\""),
        };
        let text = with_relations(r#"{"a":[1]}"#, std::slice::from_ref(&relation));
        assert_eq!(parse(&text), Some((r#"{"a":[1]}"#, Some(vec![relation]))));
        assert_eq!(parse("{}"), Some(("{}", None)));
    }
}
