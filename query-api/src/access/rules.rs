//! The rules that conditions are made of, as permission backends want them described.

use serde_json::{Value, json};

use super::RESOURCE_TYPE;

/// Name, description, and parameters with their description; the last says which one is a list.
type Rule = (&'static str, &'static str, &'static [Param]);

/// Name, description, whether it is needed, and whether it is a list of texts.
type Param = (&'static str, &'static str, bool, bool);

const RULES: [Rule; 6] = [
    (
        "HAS_ANNOTATION",
        "Allow entities with the specified annotation",
        &[
            ("annotation", "Name of the annotation to match on", true, false),
            ("value", "Value of the annotation to match on", false, false),
        ],
    ),
    (
        "HAS_LABEL",
        "Allow entities with the specified label",
        &[
            ("label", "Name of the label to match on", true, false),
            ("value", "Value of the label to match on", false, false),
        ],
    ),
    (
        "HAS_METADATA",
        "Allow entities with the specified metadata subfield",
        &[
            ("key", "Property within the entities metadata to match on", true, false),
            ("value", "Value of the given property to match on", false, false),
        ],
    ),
    (
        "HAS_SPEC",
        "Allow entities with the specified spec subfield",
        &[
            ("key", "Property within the entities spec to match on", true, false),
            ("value", "Value of the given property to match on", false, false),
        ],
    ),
    (
        "IS_ENTITY_KIND",
        "Allow entities matching a specified kind",
        &[("kinds", "List of kinds to match at least one of", true, true)],
    ),
    (
        "IS_ENTITY_OWNER",
        "Allow entities owned by a specified claim",
        &[("claims", "List of claims to match at least one on within ownedBy", true, true)],
    ),
];

/// All rules with the JSON schemas of their parameters.
pub(crate) fn rules() -> Vec<Value> {
    RULES.iter().map(described).collect()
}

fn described((name, description, params): &Rule) -> Value {
    let mut properties = serde_json::Map::new();
    for (param, about, _, is_list) in *params {
        let schema = match is_list {
            true => json!({"type": "array", "items": {"type": "string"}, "description": about}),
            false => json!({"type": "string", "description": about}),
        };
        properties.insert((*param).to_owned(), schema);
    }
    let required: Vec<_> = params.iter().filter(|param| param.2).map(|param| param.0).collect();
    json!({
        "name": name, "description": description, "resourceType": RESOURCE_TYPE,
        "paramsSchema": {
            "type": "object", "properties": properties, "required": required,
            "additionalProperties": false, "$schema": "http://json-schema.org/draft-07/schema#",
        },
    })
}
