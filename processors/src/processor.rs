//! What a processor is.

use backstitch_schemas::{EntityRef, LocationRef, Problem, placeholder::Contents, processed::Relation};
use serde_json::Value;

/// A step of processing. All hooks are pure: the same entity and context give the same answer, on
/// every machine and in every year, or a replay would change the past.
///
/// Hooks run processor by processor, in order of priority: first all `pre_process`, then the checks
/// that all kinds have in common, then all `validate_kind`, then all `post_process`.
pub trait Processor: Send + Sync + 'static {
    /// Unique and stable: it stands in error texts and in configuration.
    fn name(&self) -> &str;

    /// To be raised with every change of behaviour: stored results are then made anew.
    fn version(&self) -> u32 {
        1
    }

    /// Lower comes first.
    fn priority(&self) -> i32 {
        20
    }

    /// Whatever the behaviour depends on besides name and version, as a stable text.
    fn settings(&self) -> String {
        String::new()
    }

    /// Changes the entity before it is checked. Kind, namespace and name must stay.
    ///
    /// # Errors
    /// The causes that make the entity invalid.
    fn pre_process(&self, entity: Value, _context: &Context<'_>) -> Result<Value, Vec<Problem>> {
        Ok(entity)
    }

    /// Says whether the entity is of a kind that this processor knows, and valid.
    fn validate_kind(&self, _entity: &Value) -> Verdict {
        Verdict::NotMine
    }

    /// Changes a valid entity for the last time, and emits what follows from it.
    ///
    /// # Errors
    /// The causes that make the entity invalid.
    fn post_process(
        &self,
        entity: Value,
        _context: &Context<'_>,
        _emit: &mut Emitter,
    ) -> Result<Value, Vec<Problem>> {
        Ok(entity)
    }
}

/// What is known about an entity besides itself.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Its ref.
    pub entity_ref: &'a EntityRef,
    /// The document it stands in.
    pub location: &'a LocationRef,
    /// The place whose registration led to it.
    pub origin: &'a LocationRef,
    /// Whether a Location lists it, rather than a provider having submitted it itself.
    pub listed: bool,
    /// What was read for its placeholders.
    pub contents: &'a Contents<'a>,
}

/// A processor's word on an entity's kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Of no kind that it knows.
    NotMine,
    /// Of a kind that it knows, and valid.
    Valid,
    /// Of a kind that it knows, and not valid.
    Invalid(Vec<Problem>),
}

/// Takes what processors emit.
#[derive(Debug, Default)]
pub struct Emitter {
    pub(crate) relations: Vec<Relation>,
    pub(crate) errors: Vec<Problem>,
}

impl Emitter {
    /// Emits a relation between any two refs.
    pub fn relation(&mut self, relation: Relation) {
        self.relations.push(relation);
    }

    /// Reports an error that makes the entity invalid, while processing goes on to find more.
    pub fn error(&mut self, problem: Problem) {
        self.errors.push(problem);
    }
}
