//! Explanations and dangling relations.

use serde_json::{Value, json};

use super::Named;

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("Explanation", explanation()),
        ("ExplainedClaim", explained_claim()),
        ("ReadingState", reading()),
        ("Dangling", dangling()),
    ]
}

fn explanation() -> Value {
    json!({
        "type": "object",
        "required": ["subject", "revision", "state", "summary", "advice", "claims", "claimsTotal", "reading",
                     "listed", "mentionedBy", "nearest"],
        "properties": {
            "subject": {"type": "string", "description": "The ref or the location ref that was asked for."},
            "revision": {"type": "integer", "format": "int64"},
            "state": {"type": "string", "enum": [
                "visible", "stale", "lists-trouble", "last-good-form", "dead-letter", "orphan", "removal-held", "refused", "invalid", "lost", "detached",
                "withdrawn", "unknown", "empty", "unreadable", "not-read",
            ]},
            "summary": {"type": "string"},
            "advice": {"type": "string", "description": "What to do."},
            "entity": {
                "type": "object",
                "required": ["uid", "revision", "orphan"],
                "properties": {
                    "uid": {"type": "string", "format": "uuid"},
                    "revision": {"type": "integer", "format": "int64"},
                    "orphan": {"type": "boolean"},
                },
            },
            "lastChange": {
                "type": "object",
                "required": ["revision", "at", "operation", "cause"],
                "properties": {
                    "revision": {"type": "integer", "format": "int64"},
                    "at": {"type": "string", "format": "date-time"},
                    "operation": {"type": "string", "enum": ["created", "updated", "deleted"]},
                    "cause": {"type": "object"},
                },
            },
            "claims": {"type": "array", "items": {"$ref": "#/components/schemas/ExplainedClaim"}},
            "claimsTotal": {"type": "integer", "minimum": 0},
            "reading": {"type": "array", "items": {"$ref": "#/components/schemas/ReadingState"}},
            "listed": {
                "type": "array",
                "description": "The ways that lead to the document.",
                "items": {
                    "type": "object",
                    "required": ["provider", "chain"],
                    "properties": {"provider": {"type": "string"}, "chain": chain()},
                },
            },
            "mentionedBy": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["entityRef", "relation"],
                    "properties": {"entityRef": {"type": "string"}, "relation": {"type": "string"}},
                },
            },
            "nearest": {"type": "array", "items": {"type": "string"}},
        },
    })
}

fn explained_claim() -> Value {
    json!({
        "allOf": [
            {"$ref": "#/components/schemas/Claim"},
            {
                "type": "object",
                "required": ["chain", "verdict"],
                "properties": {
                    "chain": chain(),
                    "unread": {
                        "type": "array",
                        "description": "What it lists and cannot be read now, some of it.",
                        "items": {
                            "type": "object",
                            "required": ["document", "reading"],
                            "properties": {
                                "document": {"type": "string"},
                                "reading": {"$ref": "#/components/schemas/ReadingState"},
                            },
                        },
                    },
                    "heldSince": {"type": "string", "format": "date-time"},
                    "verdict": {"type": "string"},
                },
            },
        ],
    })
}

fn chain() -> Value {
    json!({
        "type": "array",
        "description": "From the document up to what the provider submitted.",
        "items": {
            "type": "object",
            "required": ["document", "listedBy", "locationWins"],
            "properties": {
                "document": {"type": "string"},
                "listedBy": {"type": "string"},
                "locationWins": {"type": "boolean"},
                "reading": {"$ref": "#/components/schemas/ReadingState"},
            },
        },
    })
}

fn reading() -> Value {
    let time =
        |description: &str| json!({"type": "string", "format": "date-time", "description": description});
    json!({
        "type": "object",
        "required": ["provider", "outcome", "errors"],
        "properties": {
            "provider": {"type": "string"},
            "outcome": {"type": "string", "enum": ["ok", "unchanged", "failed", "absent", "refused", "withdrawn"]},
            "httpStatus": {"type": "integer"},
            "since": time("Since when reads fail, or since when the content is the same."),
            "lastRead": time("Absent where whoever reads it does not answer."),
            "lastSuccess": time("The last read that found it. Absent where whoever reads it does not answer, unless reads fail."),
            "nextRead": time("Absent where whoever reads it does not answer, and while it is read."),
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}},
        },
    })
}

fn dangling() -> Value {
    json!({
        "type": "object",
        "required": ["items", "totalItems"],
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["targetRef", "relation", "count", "sources"],
                    "properties": {
                        "targetRef": {"type": "string"},
                        "relation": {"type": "string"},
                        "count": {"type": "integer", "minimum": 1},
                        "sources": {"type": "array", "items": {"type": "string"}},
                    },
                },
            },
            "totalItems": {"type": "integer", "minimum": 0},
        },
    })
}
