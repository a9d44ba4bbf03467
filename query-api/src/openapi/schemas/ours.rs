//! What Backstage lacks: status, problems, conflicts, changes.

use serde_json::{Value, json};

use super::Named;

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("Problem", problem()),
        ("Problems", counted("Problem")),
        ("ClaimSource", claim_source()),
        ("Claim", claim()),
        ("Conflicts", counted("Claim")),
        ("Change", change()),
        (
            "Changes",
            json!({
                "type": "object",
                "required": ["items"],
                "properties": {
                    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Change"}},
                    "nextSince": {"type": "integer", "format": "int64", "description": "Where to go on."},
                },
            }),
        ),
        (
            "ChangeEvents",
            json!({
                "type": "string",
                "description": "Events `change`, whose data is a Change, and `commit`, whose data says up to \
                    which revision everything was told. The id of an event is a revision to go on from.",
            }),
        ),
        ("ProviderStatus", provider()),
        ("Status", status()),
        ("HostStatus", host_status()),
    ]
}

/// Some items, and how many there are.
fn counted(item: &str) -> Value {
    json!({
        "type": "object",
        "required": ["items", "totalItems"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": format!("#/components/schemas/{item}")}},
            "totalItems": {"type": "integer", "minimum": 0},
        },
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["name", "message"],
        "properties": {
            "entityRef": {"type": "string"},
            "provider": {"type": "string"},
            "level": {"enum": ["warning", "error"], "description": "A warning spoils nothing."},
            "name": {"type": "string"},
            "message": {"type": "string"},
            "advice": {"type": "string", "description": "What to change, for a person."},
            "location": {"type": "string", "description": "Location ref of the document."},
            "document": {"type": "integer", "description": "Number of the document in its file, from 1."},
            "line": {"type": "integer", "description": "Line in the file, from 1."},
            "path": {"type": "string", "description": "JSON pointer of the value in the entity."},
        },
    })
}

fn claim_source() -> Value {
    json!({
        "type": "object",
        "required": ["provider"],
        "properties": {
            "provider": {"type": "string"},
            "location": {"type": "string"},
            "document": {"type": "string"},
        },
    })
}

fn claim() -> Value {
    json!({
        "type": "object",
        "required": ["entityRef", "source", "identity", "createdAt", "released", "state", "standing", "problems"],
        "properties": {
            "entityRef": {"type": "string"},
            "source": {"$ref": "#/components/schemas/ClaimSource"},
            "identity": {"type": "string", "format": "uuid"},
            "createdAt": {"type": "string", "format": "date-time"},
            "locationKey": {"type": "string"},
            "released": {"type": "boolean", "description": "Kept as an orphan."},
            "state": {"type": "string"},
            "standing": {"type": "string"},
            "problems": {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}},
            "winner": {"$ref": "#/components/schemas/ClaimSource"},
        },
    })
}

fn change() -> Value {
    let relations = json!({"type": "array", "items": {"type": "object"}});
    json!({
        "type": "object",
        "required": ["revision", "commit", "at", "entityRef", "operation", "uid", "etag", "bodyChanged",
                     "relationsAdded", "relationsRemoved", "cause"],
        "properties": {
            "revision": {"type": "integer", "format": "int64"},
            "commit": {"type": "integer", "format": "int64", "description": "The last revision of its commit."},
            "at": {"type": "string", "format": "date-time"},
            "entityRef": {"type": "string"},
            "operation": {"type": "string", "enum": ["created", "updated", "deleted"]},
            "uid": {"type": "string", "format": "uuid"},
            "etag": {"type": "string", "description": "Empty when deleted."},
            "bodyChanged": {"type": "boolean"},
            "relationsAdded": relations,
            "relationsRemoved": relations,
            "before": {"type": "object", "description": "The entity before, without relations and etag."},
            "after": {"type": "object", "description": "The entity after, without relations and etag."},
            "cause": {
                "type": "object",
                "required": ["kind", "at"],
                "properties": {
                    "kind": {"type": "string"},
                    "detail": {"type": "string"},
                    "at": {"type": "string", "format": "date-time"},
                },
            },
        },
    })
}

fn provider() -> Value {
    let time = json!({"type": ["string", "null"], "format": "date-time"});
    json!({
        "type": "object",
        "required": ["name", "entities", "outcome"],
        "properties": {
            "name": {"type": "string"},
            "entities": {"type": "integer"},
            "lastRead": time,
            "lastSuccess": time,
            "nextRead": time,
            "outcome": {"type": "string"},
            "held": {
                "type": ["object", "null"],
                "description": "Removals that wait for a person.",
                "properties": {
                    "removals": {"type": "integer"},
                    "since": {"type": "string", "format": "date-time"},
                    "sample": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    })
}

fn host_status() -> Value {
    json!({
        "type": "object",
        "required": ["host", "documents", "budget", "waitingUntil", "pass"],
        "properties": {
            "host": {"type": "string"},
            "documents": {"type": "integer", "minimum": 0, "description": "Documents that are read from it."},
            "budget": {
                "type": ["object", "null"],
                "required": ["limit", "remaining", "reset"],
                "properties": {
                    "limit": {"type": "integer", "minimum": 0},
                    "remaining": {"type": "integer", "minimum": 0},
                    "reset": {"type": ["string", "null"], "format": "date-time"},
                },
                "description": "What the host says of its rate limit.",
            },
            "waitingUntil": {"type": ["string", "null"], "format": "date-time",
                             "description": "Until when polling leaves it alone."},
            "pass": {
                "type": ["object", "null"],
                "required": ["shortestSeconds", "longestSeconds"],
                "properties": {
                    "shortestSeconds": {"type": "integer", "minimum": 0},
                    "longestSeconds": {"type": "integer", "minimum": 0},
                },
                "description": "The time of one full pass over its documents.",
            },
        },
    })
}

fn status() -> Value {
    json!({
        "type": "object",
        "required": ["revision", "incarnation", "entities", "kinds", "providers", "hosts", "lag", "busy",
                     "problems", "problemsTotal", "conflictsTotal", "notices"],
        "properties": {
            "revision": {"type": "integer", "format": "int64"},
            "incarnation": {"type": "integer", "format": "int64"},
            "entities": {"type": "integer", "minimum": 0},
            "kinds": {"type": "object", "additionalProperties": {"type": "integer"}},
            "providers": {"type": "array", "items": {"$ref": "#/components/schemas/ProviderStatus"}},
            "hosts": {"type": "array", "items": {"$ref": "#/components/schemas/HostStatus"}},
            "lag": {
                "type": "object",
                "required": ["changes", "processed"],
                "properties": {"changes": {"type": "integer"}, "processed": {"type": "integer"}},
            },
            "busy": {"type": "boolean"},
            "memory": {"type": "object", "additionalProperties": {"type": "integer"},
                       "description": "Bytes of the index, by part."},
            "problems": {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}},
            "problemsTotal": {"type": "integer", "minimum": 0},
            "conflictsTotal": {"type": "integer", "minimum": 0},
            "notices": {"type": "array", "items": {"type": "string"}},
        },
    })
}
