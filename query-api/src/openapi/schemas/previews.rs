//! Checking and looking before anything is stored.

use serde_json::{Value, json};

use super::Named;

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("ValidateEntity", validate()),
        ("InvalidEntity", invalid()),
        ("AnalyzeLocation", analyze()),
        ("AnalyzedLocation", analyzed()),
    ]
}

fn validate() -> Value {
    json!({
        "type": "object",
        "required": ["entity", "location"],
        "properties": {
            "entity": {"type": "object", "description": "The entity as written."},
            "location": {"type": "string", "description": "Where it is taken to stand, `url:https://…`."},
        },
    })
}

fn invalid() -> Value {
    json!({
        "type": "object",
        "required": ["errors"],
        "properties": {
            "errors": {
                "type": "array",
                "description": "The first problem, as Backstage serialises it.",
                "items": {
                    "type": "object",
                    "required": ["name", "message"],
                    "properties": {
                        "name": {"type": "string"},
                        "message": {"type": "string"},
                        "cause": {"type": "object"},
                    },
                },
            },
            "problems": {
                "type": "array",
                "description": "With `problems=all`.",
                "items": {"$ref": "#/components/schemas/Problem"},
            },
        },
    })
}

fn analyze() -> Value {
    json!({
        "type": "object",
        "required": ["location"],
        "properties": {
            "location": {"$ref": "#/components/schemas/LocationInput"},
            "catalogFilename": {"type": "string", "description": "`catalog-info.yaml` without it."},
        },
    })
}

fn analyzed() -> Value {
    json!({
        "type": "object",
        "required": ["existingEntityFiles", "generateEntities"],
        "properties": {
            "existingEntityFiles": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["entity", "isRegistered", "location"],
                    "properties": {
                        "entity": {"$ref": "#/components/schemas/Entity"},
                        "isRegistered": {"type": "boolean"},
                        "location": {"$ref": "#/components/schemas/LocationInput"},
                    },
                },
            },
            "generateEntities": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["entity", "fields"],
                    "properties": {"entity": {"type": "object"}, "fields": {"type": "array"}},
                },
            },
        },
    })
}
