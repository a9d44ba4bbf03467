//! Kinds that an installation adds by configuration (`backstitch.kinds`), without code.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Formats, KindModel, Model, RelationField, Schema, builtin::builtin_kinds, formats::Format,
    kinds::each_once, schema::rebase_refs,
};

/// The processor that speaks for configured kinds in error texts.
const PROCESSOR: &str = "ConfiguredKindsProcessor";

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// An entry of `backstitch.kinds`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KindConfig {
    /// The kind in its exact spelling.
    pub kind: String,
    /// The API versions that it is taken in.
    pub api_versions: Vec<String>,
    /// Restricts the entry to entities with this `spec.type`. So one kind can have several forms, and
    /// a built-in kind one more.
    #[serde(default)]
    pub spec_type: Option<String>,
    /// A JSON Schema (draft-07) of `spec`, inline or as the name of a file, relative to the
    /// configuration file. Without one, every `spec` is taken.
    #[serde(default = "any_spec")]
    pub schema: Value,
    /// The fields that name other entities.
    #[serde(default)]
    pub relations: Vec<RelationConfig>,
}

/// A field of a configured kind that names other entities.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelationConfig {
    /// The field below `spec`, such as `owner` or `deployment.clusters`. It holds an entity ref or a
    /// list of them; a list on the way is entered.
    pub field: String,
    /// Kind of a ref that gives none. Without it, a ref without kind is an error.
    #[serde(default)]
    pub default_kind: Option<String>,
    /// Namespace of a ref that gives none. Without it, that of the entity.
    #[serde(default)]
    pub default_namespace: Option<String>,
    /// Type of the relation from the entity to what it names, such as `ownedBy`.
    pub forward: String,
    /// Type of the relation back, such as `ownerOf`.
    pub reverse: String,
}

/// An entry of `backstitch.kinds` that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct KindConfigError {
    /// Which entry, from 0.
    pub index: usize,
    /// Where in the entry, such as `relations[0].forward`.
    pub field: String,
    /// What is wrong with it.
    pub fault: KindFault,
}

/// What is wrong with an entry of `backstitch.kinds`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KindFault {
    /// A text that is not of the form that the field has.
    #[error("`{text}` is not valid; {advice}")]
    Format {
        /// The text.
        text: String,
        /// What it has to look like.
        advice: &'static str,
    },
    /// A kind without API versions would take no entity.
    #[error(
        "names no API version; write the one that descriptors of this kind begin with, such as `acme.example/v1`"
    )]
    NoVersion,
    /// Another row takes the same entities.
    #[error("{kind} in `{api_version}` is {known}; give an API version or a `specType` that is not taken")]
    Taken {
        /// The kind.
        kind: String,
        /// The API version that both have.
        api_version: String,
        /// Who has it.
        known: &'static str,
    },
    /// Refs do not tell kinds apart that differ in case only.
    #[error(
        "refs ignore case, so `{kind}` would have the refs of {known}; write `kind: {known}`, or choose another name"
    )]
    Case {
        /// The kind.
        kind: String,
        /// The kind that is there.
        known: String,
    },
    /// The schema is no JSON Schema, or not of the draft that editors take.
    #[error("{0}; it has to be a self-contained JSON Schema (draft-07) of `spec`")]
    Schema(String),
    /// The schema does not know the field of a relation.
    #[error("spec.{0} is no property of the schema; correct the name, or add the property to the schema")]
    UnknownField(String),
}

fn any_spec() -> Value {
    json!({"type": "object"})
}

impl Model {
    /// The built-in kinds and those of `configured`.
    ///
    /// # Errors
    /// For the first entry that cannot be used, naming it.
    pub fn configured(configured: &[KindConfig]) -> Result<Arc<Self>, KindConfigError> {
        if configured.is_empty() {
            return Ok(Self::builtin());
        }
        let mut kinds = builtin_kinds();
        for (index, config) in configured.iter().enumerate() {
            let at = |(field, fault)| KindConfigError { index, field, fault };
            not_taken(config, &kinds).map_err(at)?;
            kinds.push(config.kind_model().map_err(at)?);
        }
        Ok(Arc::new(Self::new(kinds)))
    }
}

/// A fault and the field that has it.
type Fault = (String, KindFault);

fn not_taken(config: &KindConfig, kinds: &[KindModel]) -> Result<(), Fault> {
    let KindConfig { kind, api_versions, spec_type, .. } = config;
    let other_case = kinds.iter().find(|row| row.kind != *kind && row.kind.eq_ignore_ascii_case(kind));
    if let Some(row) = other_case {
        let fault = KindFault::Case { kind: kind.clone(), known: row.kind.clone() };
        return Err(("kind".to_owned(), fault));
    }
    for row in kinds.iter().filter(|row| row.kind == *kind && row.spec_type == *spec_type) {
        if let Some(index) = api_versions.iter().position(|version| row.is_known_in(version)) {
            let known = if row.processor == PROCESSOR { "configured twice" } else { "built in" };
            let (kind, api_version) = (kind.clone(), api_versions[index].clone());
            let fault = KindFault::Taken { kind, api_version, known };
            return Err((format!("apiVersions[{index}]"), fault));
        }
    }
    Ok(())
}

impl KindConfig {
    fn kind_model(&self) -> Result<KindModel, Fault> {
        let formats = Formats::default();
        accept("kind".to_owned(), &self.kind, &formats.kind)?;
        if self.api_versions.is_empty() {
            return Err(("apiVersions".to_owned(), KindFault::NoVersion));
        }
        for (index, version) in self.api_versions.iter().enumerate() {
            accept(format!("apiVersions[{index}]"), version, &formats.api_version)?;
        }
        if let Some(spec_type) = &self.spec_type {
            accept("specType".to_owned(), spec_type, &formats.filled)?;
        }
        let schema = self.compiled().map_err(|reason| ("schema".to_owned(), KindFault::Schema(reason)))?;
        let relations = self.relations.iter().enumerate();
        let relations = relations.map(|(index, config)| config.relation_field(index, &self.schema, &formats));
        Ok(KindModel {
            kind: self.kind.clone(),
            api_versions: each_once(self.api_versions.iter()).into_iter().map(str::to_owned).collect(),
            spec_type: self.spec_type.clone(),
            schema,
            relations: relations.collect::<Result<_, _>>()?,
            processor: PROCESSOR,
        })
    }

    /// The schema of the whole entity.
    fn compiled(&self) -> Result<Schema, String> {
        let Value::Object(spec) = &self.schema else { return Err("the schema is not an object".to_owned()) };
        let mut spec = spec.clone();
        if let Some(draft) = spec.remove("$schema").filter(|draft| !is_our_draft(draft)) {
            return Err(format!("the schema is written for {draft}"));
        }
        spec.remove("$id");
        let mut spec = Value::Object(spec);
        rebase_refs(&mut spec, "#/properties/spec");
        let schema = json!({
            "$schema": DRAFT,
            "title": self.kind,
            "type": "object",
            "required": ["spec"],
            "propertyOrder": ["apiVersion", "kind", "spec"],
            "properties": {
                "apiVersion": {"enum": self.api_versions}, "kind": {"enum": [self.kind]}, "spec": spec,
            },
        });
        Schema::of_json(schema).map_err(|error| error.to_string())
    }
}

fn is_our_draft(draft: &Value) -> bool {
    draft.as_str().is_some_and(|draft| draft.contains("json-schema.org/draft-07/schema"))
}

impl RelationConfig {
    fn relation_field(
        &self,
        index: usize,
        schema: &Value,
        formats: &Formats,
    ) -> Result<RelationField, Fault> {
        let at = |field: &str| format!("relations[{index}].{field}");
        if self.field.split('.').any(str::is_empty) {
            let advice = "name a field below `spec`, such as `owner` or `deployment.clusters`";
            return Err((at("field"), KindFault::Format { text: self.field.clone(), advice }));
        }
        let first = self.field.split('.').next().unwrap_or_default();
        if plain_properties(schema).is_some_and(|properties| !properties.contains_key(first)) {
            return Err((at("field"), KindFault::UnknownField(first.to_owned())));
        }
        for (field, text, format) in [
            ("defaultKind", &self.default_kind, &formats.kind),
            ("defaultNamespace", &self.default_namespace, &formats.namespace),
            ("forward", &Some(self.forward.clone()), &formats.relation_type),
            ("reverse", &Some(self.reverse.clone()), &formats.relation_type),
        ] {
            text.as_ref().map_or(Ok(()), |text| accept(at(field), text, format))?;
        }
        Ok(RelationField {
            field: self.field.clone(),
            default_kind: self.default_kind.clone(),
            default_namespace: self.default_namespace.clone(),
            forward: self.forward.clone(),
            reverse: self.reverse.clone(),
        })
    }
}

/// The properties of a schema that names them all in one place.
fn plain_properties(schema: &Value) -> Option<&Map<String, Value>> {
    let elsewhere = ["$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties"];
    let properties = schema.get("properties").and_then(Value::as_object)?;
    elsewhere.iter().all(|keyword| schema.get(keyword).is_none()).then_some(properties)
}

fn accept(field: String, text: &str, format: &Format) -> Result<(), Fault> {
    match (format.accepts)(text) {
        true => Ok(()),
        false => Err((field, KindFault::Format { text: text.to_owned(), advice: format.advice })),
    }
}
