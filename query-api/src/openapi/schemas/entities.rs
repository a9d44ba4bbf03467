//! Entities, and what lists and counts them.

use serde_json::{Value, json};

use super::Named;

pub(super) fn schemas() -> Vec<Named> {
    vec![
        ("Entity", entity(&["apiVersion", "kind", "metadata", "relations"])),
        ("EntityFields", entity(&[])),
        ("EntityList", json!({"type": "array", "items": {"$ref": "#/components/schemas/EntityFields"}})),
        ("EntityPage", page()),
        ("EntityQuery", query_body()),
        ("EntityRefs", refs_body()),
        (
            "EntitiesByRefs",
            json!({
                "type": "object",
                "required": ["items"],
                "properties": {"items": {
                    "type": "array",
                    "items": {"anyOf": [{"$ref": "#/components/schemas/EntityFields"}, {"type": "null"}]},
                }},
            }),
        ),
        ("Ancestry", ancestry()),
        ("FacetQuery", facet_query()),
        ("Facets", facets()),
        ("Predicate", predicate()),
    ]
}

fn entity(required: &[&str]) -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "description": if required.is_empty() {
            "An entity, or those of its fields that were asked for."
        } else {
            "A final entity: one claim's content with relations, uid, etag and status."
        },
        "required": required,
        "properties": {
            "apiVersion": text,
            "kind": text,
            "metadata": {
                "type": "object",
                "properties": {
                    "name": text,
                    "namespace": text,
                    "uid": text,
                    "etag": text,
                    "title": text,
                    "description": text,
                    "annotations": {"type": "object"},
                    "labels": {"type": "object"},
                    "tags": {"type": "array"},
                    "links": {"type": "array"},
                },
            },
            "spec": {"type": "object"},
            "relations": {"type": "array", "items": {
                "type": "object",
                "properties": {"type": text, "targetRef": text},
            }},
            "status": {"type": "object", "properties": {"items": {"type": "array"}}},
        },
    })
}

fn page() -> Value {
    json!({
        "type": "object",
        "required": ["items", "totalItems", "pageInfo"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/EntityFields"}},
            "totalItems": {"type": "integer", "minimum": 0},
            "pageInfo": {
                "type": "object",
                "properties": {"nextCursor": {"type": "string"}, "prevCursor": {"type": "string"}},
                "additionalProperties": false,
            },
        },
    })
}

fn query_body() -> Value {
    json!({
        "type": "object",
        "properties": {
            "cursor": {"type": "string", "minLength": 1, "description": "From `pageInfo`; then only `limit` and `fields` count."},
            "limit": {"type": "number", "minimum": 0},
            "offset": {"type": "number", "minimum": 0},
            "fields": {"type": "array", "items": {"type": "string"}, "maxItems": 1000},
            "totalItems": {"type": "string", "enum": ["include", "exclude"]},
            "orderBy": {"type": "array", "items": {
                "type": "object",
                "required": ["field", "order"],
                "properties": {"field": {"type": "string"}, "order": {"type": "string", "enum": ["asc", "desc"]}},
            }},
            "fullTextFilter": {
                "type": "object",
                "properties": {
                    "term": {"type": "string"},
                    "fields": {"type": "array", "items": {"type": "string"}},
                },
            },
            "query": {"$ref": "#/components/schemas/Predicate"},
        },
    })
}

fn refs_body() -> Value {
    json!({
        "type": "object",
        "required": ["entityRefs"],
        "properties": {
            "entityRefs": {"type": "array", "items": {"type": "string"}, "examples": [["component:default/payments"]]},
            "fields": {"type": "array", "items": {"type": "string"}, "maxItems": 1000},
            "query": {"$ref": "#/components/schemas/Predicate"},
        },
    })
}

fn ancestry() -> Value {
    json!({
        "type": "object",
        "required": ["rootEntityRef", "items"],
        "properties": {
            "rootEntityRef": {"type": "string"},
            "items": {"type": "array", "minItems": 1, "items": {
                "type": "object",
                "required": ["entity", "parentEntityRefs"],
                "properties": {
                    "entity": {"$ref": "#/components/schemas/Entity"},
                    "parentEntityRefs": {"type": "array", "items": {"type": "string"}},
                },
            }},
        },
    })
}

fn facet_query() -> Value {
    json!({
        "type": "object",
        "required": ["facets"],
        "properties": {
            "facets": {"type": "array", "minItems": 1, "maxItems": 1000, "items": {"type": "string", "minLength": 1}},
            "query": {"$ref": "#/components/schemas/Predicate"},
        },
    })
}

fn facets() -> Value {
    json!({
        "type": "object",
        "required": ["facets"],
        "properties": {"facets": {"type": "object", "additionalProperties": {"type": "array", "items": {
            "type": "object",
            "required": ["value", "count"],
            "properties": {"value": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
        }}}},
    })
}

/// Only roughly: what the language takes beyond it is refused with a message that says where.
fn predicate() -> Value {
    let nested = json!({"$ref": "#/components/schemas/Predicate"});
    let scalar = json!({"type": ["string", "number", "boolean"]});
    let only = |name: &str, schema: Value| json!({"type": "object", "required": [name], "properties": {name: schema}, "additionalProperties": false});
    json!({
        "description": "`$all`, `$any`, `$not`, or fields with a value or one of `$exists`, `$in`, `$contains`, \
            `$hasPrefix`. An operator is the only member of its object.",
        "anyOf": [
            only("$all", json!({"type": "array", "items": nested})),
            only("$any", json!({"type": "array", "items": nested})),
            only("$not", nested),
            {
                "type": "object",
                "propertyNames": {"pattern": "^[^$]"},
                "additionalProperties": {"anyOf": [
                    scalar,
                    only("$exists", json!({"type": "boolean"})),
                    only("$in", json!({"type": "array", "items": scalar})),
                    only("$contains", scalar),
                    only("$hasPrefix", json!({"type": "string"})),
                ]},
            },
        ],
        "examples": [{"kind": "component", "spec.type": {"$in": ["service", "website"]}}],
    })
}
