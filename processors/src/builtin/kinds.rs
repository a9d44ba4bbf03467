//! Validates the kinds of the model and emits the relations that they imply.

use std::{collections::BTreeSet, sync::Arc};

use backstitch_schemas::{
    Problem,
    model::{self, KindModel, Match, Model, SchemaViolation},
};
use serde_json::Value;

use crate::{Context, Emitter, Processor, Verdict};

/// Speaks for the kinds of the model that carry its name.
#[derive(Debug)]
pub struct KindProcessor {
    name: String,
    model: Arc<Model>,
}

impl KindProcessor {
    /// One processor for each name that the kinds of `model` carry, in the order of the table.
    pub fn of_model(model: &Arc<Model>) -> Vec<Self> {
        let mut seen = BTreeSet::new();
        let names = model.kinds.iter().map(|kind| kind.processor).filter(|name| seen.insert(*name));
        names.map(|name| Self { name: name.to_owned(), model: Arc::clone(model) }).collect()
    }

    fn kind_of(&self, entity: &Value) -> Option<&KindModel> {
        let text = |pointer: &str| entity.pointer(pointer).and_then(Value::as_str);
        let (kind, api_version) =
            (text("/kind").unwrap_or_default(), text("/apiVersion").unwrap_or_default());
        match self.model.find(kind, api_version, text("/spec/type")) {
            Match::Known(kind) => Some(kind).filter(|kind| kind.processor == self.name),
            _ => None,
        }
    }
}

impl Processor for KindProcessor {
    fn name(&self) -> &str {
        &self.name
    }

    fn validate_kind(&self, entity: &Value) -> Verdict {
        let Some(kind) = self.kind_of(entity) else { return Verdict::NotMine };
        let violations = kind.schema.violations(entity);
        if violations.is_empty() {
            return Verdict::Valid;
        }
        Verdict::Invalid(violations.into_iter().map(SchemaViolation::into_problem).collect())
    }

    fn post_process(
        &self,
        mut entity: Value,
        context: &Context<'_>,
        emit: &mut Emitter,
    ) -> Result<Value, Vec<Problem>> {
        if let Some(kind) = self.kind_of(&entity) {
            let relations = model::relations_of(kind, context.entity_ref, &entity)?;
            relations.into_iter().for_each(|relation| emit.relation(relation));
            // Backstage sorts before anything else. Sorted last, problems name places as they were written.
            model::sort_relation_fields(&mut entity);
        }
        Ok(entity)
    }
}
