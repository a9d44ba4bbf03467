//! Registered locations.

use serde_json::{Value, json};

use super::Named;

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("Location", location()),
        ("Locations", locations()),
        ("LocationInput", input()),
        ("CreatedLocation", created()),
        ("LocationQuery", query()),
        ("LocationPage", page()),
        ("RefreshEntity", refresh()),
        ("UnprocessedEntities", unprocessed()),
    ]
}

fn location() -> Value {
    json!({
        "type": "object",
        "required": ["id", "type", "target", "entityRef"],
        "properties": {
            "id": {"type": "string"},
            "type": {"type": "string", "description": "`url`, or another type that may be registered."},
            "target": {"type": "string"},
            "entityRef": {"type": "string", "description": "Its Location entity."},
        },
    })
}

fn locations() -> Value {
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["data"],
            "properties": {"data": {"$ref": "#/components/schemas/Location"}},
        },
    })
}

fn input() -> Value {
    json!({
        "type": "object",
        "required": ["type", "target"],
        "additionalProperties": false,
        "properties": {
            "type": {"type": "string", "minLength": 1},
            "target": {"type": "string", "minLength": 1},
            "presence": {"type": "string", "enum": ["required", "optional"]},
        },
    })
}

fn created() -> Value {
    json!({
        "type": "object",
        "required": ["location", "entities"],
        "properties": {
            "location": {"$ref": "#/components/schemas/Location"},
            "entities": {
                "type": "array",
                "items": {"type": "object"},
                "description": "Of a dry run: what would be there. Else empty.",
            },
            "exists": {"type": "boolean", "description": "Of a dry run: whether it is registered."},
        },
    })
}

fn query() -> Value {
    json!({
        "type": "object",
        "properties": {
            "limit": {"type": "integer", "minimum": 1},
            "query": {"$ref": "#/components/schemas/Predicate"},
            "cursor": {"type": "string", "description": "From the page before; nothing else counts then."},
        },
    })
}

fn page() -> Value {
    json!({
        "type": "object",
        "required": ["items", "totalItems", "pageInfo"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Location"}},
            "totalItems": {"type": "integer"},
            "pageInfo": {"type": "object", "properties": {"nextCursor": {"type": "string"}}},
        },
    })
}

fn refresh() -> Value {
    json!({
        "type": "object",
        "required": ["entityRef"],
        "additionalProperties": false,
        "properties": {
            "entityRef": {"type": "string"},
            "authorizationToken": {"type": "string"},
        },
    })
}

fn unprocessed() -> Value {
    json!({
        "type": "object",
        "required": ["type", "entities"],
        "properties": {
            "type": {"type": "string", "enum": ["failed", "pending"]},
            "entities": {"type": "array", "items": {"type": "object"}},
        },
    })
}
