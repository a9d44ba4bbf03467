//! What answers of all groups have in common.

use serde_json::json;

use super::Named;

pub(super) fn schemas() -> Vec<Named> {
    vec![
        (
            "Error",
            json!({
                "type": "object",
                "required": ["error", "request", "response"],
                "properties": {
                    "error": {
                        "type": "object",
                        "required": ["name", "message"],
                        "properties": {
                            "name": {"type": "string", "description": "What clients act on, such as `InputError`."},
                            "message": {"type": "string"},
                        },
                    },
                    "request": {
                        "type": "object",
                        "required": ["method", "url"],
                        "properties": {
                            "method": {"type": "string"},
                            "url": {"type": "string", "description": "Relative to the mount."},
                        },
                    },
                    "response": {
                        "type": "object",
                        "required": ["statusCode"],
                        "properties": {"statusCode": {"type": "integer"}},
                    },
                },
            }),
        ),
        ("EntitySchema", json!({"type": "object", "description": "A JSON Schema (draft-07)."})),
        ("Document", json!({"type": "object", "description": "An OpenAPI 3.1 document."})),
    ]
}
