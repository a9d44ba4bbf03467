//! One JSON Schema of all kinds, for editors that check descriptors while they are typed.
//!
//! Draft-07, which all of them take. The kind decides which part applies (`if` and `then`, never a
//! bare choice), so that a mistake is told by itself and not as "matches none of nine schemas".
//! The schema lets a placeholder stand for any value below `spec`, because what it is replaced by is
//! known only after reading. Refs are texts to it, so it says nothing about relations.

use serde_json::{Map, Value, json};

use super::{Formats, KindModel, Model, formats::Format, policies::entity_schema, schema::rebase_refs};
use crate::placeholder::Resolver;

/// What describes a schema rather than what it asks for.
const ANNOTATIONS: [&str; 4] = ["title", "description", "examples", "default"];

impl Model {
    /// The JSON Schema of a descriptor document of any kind of this model.
    pub fn json_schema(&self) -> Value {
        let mut definitions = Map::new();
        definitions.insert("placeholder".to_owned(), placeholder());
        definitions.insert("metadata".to_owned(), metadata(&self.formats));
        let of_kinds: Vec<Value> =
            self.kind_names().into_iter().map(|kind| self.of_kind(kind, &mut definitions)).collect();
        let common = |name: &str| entity_schema()["properties"][name].clone();
        let mut kind = common("kind");
        kind["enum"] = json!(self.kind_names());
        json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "Catalog descriptor",
            "description": "An entity of the software catalog, as it stands in catalog-info.yaml.",
            "type": "object",
            "required": ["apiVersion", "kind", "metadata"],
            "additionalProperties": false,
            "properties": {
                "apiVersion": common("apiVersion"),
                "kind": kind,
                "metadata": {"$ref": "#/definitions/metadata"},
                "spec": common("spec"),
            },
            "allOf": of_kinds,
            "definitions": definitions,
        })
    }

    /// What holds for the entities of one kind, whichever of its rows takes them.
    fn of_kind(&self, kind: &str, definitions: &mut Map<String, Value>) -> Value {
        let rows: Vec<&KindModel> = self.kinds.iter().filter(|row| row.kind == kind).collect();
        let versions = super::kinds::each_once(rows.iter().flat_map(|row| &row.api_versions));
        let mut then = json!({"properties": {"apiVersion": {"enum": versions}}});
        let refs: Vec<Value> = rows.iter().map(|row| json!({"$ref": defined(row, definitions)})).collect();
        match (rows.as_slice(), refs.as_slice()) {
            ([row], [only]) if row.spec_type.is_none() => then["allOf"] = json!([only]),
            _ => {
                let choice = rows
                    .iter()
                    .zip(refs)
                    .map(|(row, then)| json!({"if": taken_by(row, &rows), "then": then}));
                then["allOf"] = choice.collect();
                then["anyOf"] = rows.iter().map(|row| taken_by(row, &rows)).collect();
            }
        }
        json!({"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": then})
    }
}

/// Which entities of a kind a row takes, beside the other rows of the kind.
fn taken_by(row: &KindModel, rows: &[&KindModel]) -> Value {
    let mut taken = json!({"properties": {"apiVersion": {"enum": row.api_versions}}});
    let of_type = |types: Value| json!({"properties": {"spec": {"properties": {"type": types}, "required": ["type"]}}, "required": ["spec"]});
    match &row.spec_type {
        Some(spec_type) => taken["allOf"] = json!([of_type(json!({"const": spec_type}))]),
        None => {
            let shares = |other: &&&KindModel| other.api_versions.iter().any(|v| row.is_known_in(v));
            let others: Vec<_> =
                rows.iter().filter(shares).filter_map(|other| other.spec_type.as_ref()).collect();
            if !others.is_empty() {
                taken["not"] = of_type(json!({"enum": others}));
            }
        }
    }
    taken
}

/// Puts the schema of a row among the definitions, and returns the reference to it.
fn defined(row: &KindModel, definitions: &mut Map<String, Value>) -> String {
    let number = (1..).find(|number| !definitions.contains_key(&name_of(row, *number)));
    let name = name_of(row, number.expect("there is always one more number"));
    let place = format!("#/definitions/{name}");
    let mut schema = row.schema.json().clone();
    if let Some(members) = schema.as_object_mut() {
        members.remove("$schema");
        members.remove("propertyOrder");
    }
    // The root has spoken about these.
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("apiVersion");
        properties.remove("kind");
    }
    rebase_refs(&mut schema, &place);
    if let Some(spec) = schema.pointer_mut("/properties/spec") {
        let_placeholders_in(spec);
    }
    definitions.insert(name, schema);
    place
}

fn name_of(row: &KindModel, number: usize) -> String {
    match number {
        1 => row.kind.clone(),
        number => format!("{}{number}", row.kind),
    }
}

/// An object whose only key names a resolver.
fn placeholder() -> Value {
    let names: Vec<_> = Resolver::all().map(Resolver::name).collect();
    json!({
        "type": "object",
        "description": "Stands for the content of another file.",
        "minProperties": 1,
        "maxProperties": 1,
        "patternProperties": {(format!(r"^\$({})$", names.join("|"))): {"type": "string"}},
        "additionalProperties": false,
    })
}

/// Lets a placeholder stand in the place of every member and item below `schema`.
fn let_placeholders_in(schema: &mut Value) {
    let Some(keywords) = schema.as_object_mut() else { return };
    keywords.remove("propertyOrder");
    for (keyword, below) in keywords.iter_mut() {
        match (keyword.as_str(), below) {
            ("properties" | "patternProperties", Value::Object(members)) => {
                members.values_mut().for_each(or_placeholder);
            }
            ("items" | "additionalProperties", below) if below.is_object() => or_placeholder(below),
            ("allOf" | "anyOf" | "oneOf", Value::Array(branches)) => {
                branches.iter_mut().for_each(let_placeholders_in);
            }
            ("if" | "then" | "else" | "not", below) => let_placeholders_in(below),
            ("definitions" | "$defs", Value::Object(schemas)) => {
                schemas.values_mut().for_each(let_placeholders_in);
            }
            _ => {}
        }
    }
}

fn or_placeholder(schema: &mut Value) {
    let_placeholders_in(schema);
    let Some(keywords) = schema.as_object_mut() else { return };
    let (mut outer, mut asked) = (Map::new(), Map::new());
    for (keyword, value) in std::mem::take(keywords) {
        let to = if ANNOTATIONS.contains(&keyword.as_str()) { &mut outer } else { &mut asked };
        to.insert(keyword, value);
    }
    if !asked.is_empty() {
        outer.insert("if".to_owned(), json!({"$ref": "#/definitions/placeholder"}));
        outer.insert("then".to_owned(), Value::Bool(true));
        outer.insert("else".to_owned(), Value::Object(asked));
    }
    *keywords = outer;
}

/// The metadata of all kinds, with the formats of its fields.
fn metadata(formats: &Formats) -> Value {
    let mut schema = entity_schema()["properties"]["metadata"].clone();
    remove_orders(&mut schema);
    for (place, format) in [
        ("/name", &formats.name),
        ("/namespace", &formats.namespace),
        ("/labels/additionalProperties", &formats.label_value),
        ("/tags/items", &formats.tag),
        ("/links/items/properties/url", &formats.url),
        ("/links/items/properties/title", &formats.filled),
        ("/links/items/properties/icon", &formats.filled),
    ] {
        let field = schema.pointer_mut(&format!("/properties{place}"));
        let field = field.expect("our own schema has the fields that have formats");
        field["pattern"] = json!(format.pattern);
        told(field, format);
    }
    for (field, format) in [("labels", &formats.label_key), ("annotations", &formats.annotation_key)] {
        schema["properties"][field]["propertyNames"] = json!({"pattern": format.pattern});
        told(&mut schema["properties"][field]["propertyNames"], format);
    }
    schema
}

/// What the editor says where a pattern does not hold (read by VS Code and its language servers).
fn told(field: &mut Value, format: &Format) {
    field["patternErrorMessage"] = json!(format.advice);
}

fn remove_orders(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.remove("propertyOrder");
            members.values_mut().for_each(remove_orders);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_orders),
        _ => {}
    }
}
