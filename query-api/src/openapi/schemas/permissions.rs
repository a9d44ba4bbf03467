//! Permissions, rules, and conditions applied to entities.

use serde_json::{Value, json};

use super::Named;

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("PermissionMetadata", metadata()),
        ("ApplyConditions", apply_conditions()),
        ("AppliedConditions", applied_conditions()),
        ("PublicKeys", public_keys()),
    ]
}

fn metadata() -> Value {
    json!({
        "type": "object",
        "required": ["permissions", "rules"],
        "properties": {
            "permissions": {"type": "array", "items": {
                "type": "object",
                "required": ["type", "name", "attributes"],
                "properties": {
                    "type": {"enum": ["basic", "resource"]},
                    "name": {"type": "string"},
                    "attributes": {"type": "object", "properties": {"action": {"type": "string"}}},
                    "resourceType": {"type": "string"},
                },
            }},
            "rules": {"type": "array", "items": {
                "type": "object",
                "required": ["name", "description", "resourceType", "paramsSchema"],
                "properties": {
                    "name": {"type": "string"},
                    "description": {"type": "string"},
                    "resourceType": {"type": "string"},
                    "paramsSchema": {"type": "object", "description": "A JSON Schema (draft-07)."},
                },
            }},
        },
    })
}

fn apply_conditions() -> Value {
    let refs = json!({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]});
    json!({
        "type": "object",
        "required": ["items"],
        "properties": {"items": {"type": "array", "items": {
            "type": "object",
            "required": ["id", "resourceRef", "resourceType", "conditions"],
            "properties": {
                "id": {"type": "string"},
                "resourceRef": refs,
                "resourceType": {"type": "string"},
                "conditions": {"type": "object", "description": "A rule, `allOf`, `anyOf` or `not`."},
            },
        }}},
    })
}

fn public_keys() -> Value {
    json!({
        "type": "object",
        "required": ["keys"],
        "properties": {"keys": {"type": "array", "items": {
            "type": "object",
            "required": ["kty"],
            "properties": {"kty": {"type": "string"}, "kid": {"type": "string"}, "alg": {"type": "string"}},
        }}},
    })
}

fn applied_conditions() -> Value {
    let result = json!({"enum": ["ALLOW", "DENY"]});
    json!({
        "type": "object",
        "required": ["items"],
        "properties": {"items": {"type": "array", "items": {
            "type": "object",
            "required": ["id", "result"],
            "properties": {
                "id": {"type": "string"},
                "result": {"oneOf": [result, {"type": "array", "items": result}]},
            },
        }}},
    })
}
