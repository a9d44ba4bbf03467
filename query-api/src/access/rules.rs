//! The rules that conditions are made of, as permission backends want them described.

use serde_json::{Map, Value, json};

use super::RESOURCE_TYPE;

/// A rule.
struct Rule {
    name: &'static str,
    about: &'static str,
    params: &'static [Param],
}

/// A parameter of a rule.
struct Param {
    name: &'static str,
    about: &'static str,
    kind: ParamKind,
}

/// What a parameter may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ParamKind {
    /// A text that has to be given.
    Text,
    /// A text.
    OptionalText,
    /// A list of texts that has to be given.
    Texts,
}

use ParamKind::{OptionalText, Text, Texts};

const RULES: [Rule; 6] = [
    Rule {
        name: "HAS_ANNOTATION",
        about: "Allow entities with the specified annotation",
        params: &[
            Param { name: "annotation", about: "Name of the annotation to match on", kind: Text },
            Param { name: "value", about: "Value of the annotation to match on", kind: OptionalText },
        ],
    },
    Rule {
        name: "HAS_LABEL",
        about: "Allow entities with the specified label",
        params: &[
            Param { name: "label", about: "Name of the label to match on", kind: Text },
            Param { name: "value", about: "Value of the label to match on", kind: OptionalText },
        ],
    },
    Rule {
        name: "HAS_METADATA",
        about: "Allow entities with the specified metadata subfield",
        params: &[
            Param { name: "key", about: "Property within the entities metadata to match on", kind: Text },
            Param { name: "value", about: "Value of the given property to match on", kind: OptionalText },
        ],
    },
    Rule {
        name: "HAS_SPEC",
        about: "Allow entities with the specified spec subfield",
        params: &[
            Param { name: "key", about: "Property within the entities spec to match on", kind: Text },
            Param { name: "value", about: "Value of the given property to match on", kind: OptionalText },
        ],
    },
    Rule {
        name: "IS_ENTITY_KIND",
        about: "Allow entities matching a specified kind",
        params: &[Param { name: "kinds", about: "List of kinds to match at least one of", kind: Texts }],
    },
    Rule {
        name: "IS_ENTITY_OWNER",
        about: "Allow entities owned by a specified claim",
        params: &[Param {
            name: "claims",
            about: "List of claims to match at least one on within ownedBy",
            kind: Texts,
        }],
    },
];

/// All rules with the JSON schemas of their parameters.
pub(crate) fn rules() -> Vec<Value> {
    RULES.iter().map(Rule::described).collect()
}

impl Rule {
    fn described(&self) -> Value {
        let properties = self.params.iter().map(|param| (param.name.to_owned(), param.schema()));
        let properties: Map<_, _> = properties.collect();
        let needed = self.params.iter().filter(|param| param.kind != OptionalText);
        let required: Vec<_> = needed.map(|param| param.name).collect();
        json!({
            "name": self.name, "description": self.about, "resourceType": RESOURCE_TYPE,
            "paramsSchema": {
                "type": "object", "properties": properties, "required": required,
                "additionalProperties": false, "$schema": "http://json-schema.org/draft-07/schema#",
            },
        })
    }
}

impl Param {
    fn schema(&self) -> Value {
        match self.kind {
            Text | OptionalText => json!({"type": "string", "description": self.about}),
            Texts => json!({"type": "array", "items": {"type": "string"}, "description": self.about}),
        }
    }
}
