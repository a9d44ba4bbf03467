//! The entity model: what makes a document an entity, and what it says about others.
//!
//! Pure checks on values, shared by ingest (before it follows a Location), by processing and by
//! `backstitch validate`. [`check`] runs them all and reports every problem of a document; the first
//! is worded as Backstage words it, because clients match on those texts.
//!
//! ```
//! use backstitch_schemas::model::{self, Model, Stage};
//!
//! let entity = serde_json::json!({
//!     "apiVersion": "backstage.io/v1alpha1",
//!     "kind": "System",
//!     "metadata": {"name": "shop"},
//!     "spec": {},
//! });
//! let checked = model::check(&Model::builtin(), &entity);
//! assert_eq!(checked.violations[0].stage, Stage::Kind);
//! let advice = checked.violations[0].problem.advice.as_deref().unwrap();
//! assert!(advice.starts_with("spec.owner is missing; add the group or user that owns it"));
//! ```

mod advice;
mod builtin;
mod combined;
mod configured;
mod formats;
mod kinds;
mod policies;
mod relations;
mod schema;

use serde_json::Value;

pub use configured::{KindConfig, KindConfigError, KindFault, RelationConfig};
pub use formats::{Format, Formats};
pub use kinds::{KindModel, Match, Model, RelationField};
pub use policies::{envelope_problems, is_descriptor, set_default_namespace};
pub use relations::{relations_of, sort_relation_fields};
pub use schema::{Schema, SchemaError, Violation as SchemaViolation};

use crate::{EntityRef, Problem, nearest::nearest, processed::Relation};

/// The level of checks that a problem belongs to, in the order in which they apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The document has no readable ref.
    Envelope,
    /// Something that all kinds have in common is wrong.
    Policy,
    /// The kind is not configured.
    UnknownKind,
    /// The kind's own schema does not hold.
    Kind,
    /// A field that names other entities does not.
    Relations,
}

/// A problem and its level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which level found it.
    pub stage: Stage,
    /// What is wrong.
    pub problem: Problem,
}

/// What the model says about a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The entity with its namespace filled in and its lists of refs sorted.
    pub entity: Value,
    /// Its ref, if it can be read.
    pub entity_ref: Option<EntityRef>,
    /// The relations it implies; empty if something is wrong.
    pub relations: Vec<Relation>,
    /// All that is wrong with it.
    pub violations: Vec<Violation>,
}

impl Checked {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty()
    }

    /// What is wrong, without the levels.
    pub fn into_problems(self) -> Vec<Problem> {
        self.violations.into_iter().map(|violation| violation.problem).collect()
    }
}

/// Checks a document on all levels. Placeholders have to be substituted before; see
/// [`crate::placeholder`].
pub fn check(model: &Model, entity: &Value) -> Checked {
    let mut entity = entity.clone();
    let envelope = at(Stage::Envelope, envelope_problems(&entity));
    let Some(entity_ref) = EntityRef::of_entity(&entity).filter(|_| envelope.is_empty()) else {
        return Checked { entity, entity_ref: None, relations: Vec::new(), violations: envelope };
    };
    let mut violations = at(Stage::Policy, policy_problems(model, &entity_ref, &entity));
    set_default_namespace(&mut entity);
    let mut relations = Vec::new();
    match kind_of(model, &entity_ref, &entity) {
        Err(KindError::Near(problem)) => {
            let known = violations.iter_mut().map(|violation| &mut violation.problem);
            let news = news_of(problem, known);
            violations.extend(at(Stage::Kind, news.into_iter().collect()));
        }
        Err(KindError::Unknown(problem)) => violations.extend(at(Stage::UnknownKind, vec![problem])),
        Ok(kind) => {
            violations.extend(at(Stage::Kind, kind_problems(kind, &entity_ref, &entity)));
            match relations_of(kind, &entity_ref, &entity) {
                Ok(implied) if violations.is_empty() => relations = implied,
                Ok(_) => {}
                Err(causes) => violations.extend(relation_violations(kind, causes, &violations)),
            }
        }
    }
    // Last, so that problems name places as they were written.
    sort_relation_fields(&mut entity);
    Checked { entity, entity_ref: Some(entity_ref), relations, violations }
}

/// What is wrong with the fields that name other entities, without what is known to be wrong already.
fn relation_violations(kind: &KindModel, causes: Vec<Problem>, known: &[Violation]) -> Vec<Violation> {
    let outer = postprocessing(kind.processor);
    let is_news = |cause: &Problem| !cause.is_told_by(known.iter().map(|violation| &violation.problem));
    let news = causes.into_iter().filter(is_news).map(|cause| caused_by(&outer, cause));
    at(Stage::Relations, news.collect())
}

/// Why no kind of the model takes an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KindError {
    /// The kind exists, but not in this API version or spelling: the content is wrong.
    Near(Problem),
    /// The kind is not configured: the entity is refused.
    Unknown(Problem),
}

/// The row of the model that takes `entity`.
///
/// # Errors
/// If there is none.
pub fn kind_of<'m>(
    model: &'m Model,
    entity_ref: &EntityRef,
    entity: &Value,
) -> Result<&'m KindModel, KindError> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, api_version) = (text(entity.get("kind")), text(entity.get("apiVersion")));
    let spec_type = entity.pointer("/spec/type").and_then(Value::as_str);
    let problem = |path: &str, advice: String| {
        let message = format!(
            "No processor recognized the entity {entity_ref} as valid, possibly caused by a foreign kind or \
             apiVersion"
        );
        Problem::input(message).with_advice(advice).at_path(path)
    };
    match model.find(&kind, &api_version, spec_type) {
        Match::Known(found) => Ok(found),
        Match::OtherVersion(versions) => {
            let versions = versions.join("` or `");
            let advice = format!("{kind} is not known as `{api_version}`; write `apiVersion: {versions}`");
            Err(KindError::Near(problem("/apiVersion", advice)))
        }
        Match::OtherType(types) => {
            let found = spec_type.map_or_else(|| "missing".to_owned(), |found| format!("`{found}`"));
            let advice = format!("spec.type is {found}; {kind} is known with `{}`", types.join("`, `"));
            Err(KindError::Near(problem("/spec/type", advice)))
        }
        Match::OtherSpelling(known) => {
            let advice = format!("kinds are case-sensitive; write `kind: {known}`");
            Err(KindError::Near(problem("/kind", advice)))
        }
        Match::Unknown => Err(KindError::Unknown(problem("/kind", unknown_kind(model, &kind)))),
    }
}

/// What is still to be told of an entity that no kind takes, beside what is `known`. One value is told once:
/// who spoke of it before gets the advice, because it names what the kind would take.
pub fn news_of<'a>(near: Problem, known: impl IntoIterator<Item = &'a mut Problem>) -> Option<Problem> {
    match known.into_iter().find(|known| known.path == near.path) {
        Some(known) => {
            known.advice = near.advice;
            None
        }
        None => Some(near),
    }
}

/// What to do about a kind that is not in the table.
fn unknown_kind(model: &Model, kind: &str) -> String {
    let known = model.kind_names();
    match nearest(kind, known.iter().copied()) {
        Some(meant) => format!(
            "the kind {kind} is not known; did you mean {meant}? Kinds of your own are described under \
             `backstitch.kinds` in the configuration"
        ),
        None => format!(
            "the kind {kind} is not configured here; known are {}. To let it in, describe it under \
             `backstitch.kinds` in the configuration",
            known.join(", ")
        ),
    }
}

/// What the policies find wrong, in the words of the wrapped error.
pub fn policy_problems(model: &Model, entity_ref: &EntityRef, entity: &Value) -> Vec<Problem> {
    let outer = format!("Policy check failed for {entity_ref}");
    let causes = policies::policy_problems(&model.formats, entity);
    causes.into_iter().map(|cause| caused_by(&outer, cause)).collect()
}

/// What the kind's schema finds wrong, in the words of the wrapped error.
pub fn kind_problems(kind: &KindModel, entity_ref: &EntityRef, entity: &Value) -> Vec<Problem> {
    let outer = validating(kind.processor, entity_ref);
    let violations = kind.schema.violations(entity);
    violations.into_iter().map(|violation| caused_by(&outer, violation.into_problem())).collect()
}

/// `outer; caused by <cause>`: the wrapping that Backstage gives to errors of its processors. What
/// is said about the place and the remedy stays.
pub fn caused_by(outer: &str, cause: Problem) -> Problem {
    Problem {
        name: "InputError".to_owned(),
        message: format!("{outer}; caused by {}: {}", cause.name, cause.message),
        ..cause
    }
}

/// The text that a processor's failure in validation is wrapped in.
pub fn validating(processor: &str, entity_ref: &EntityRef) -> String {
    format!("Processor {processor} threw an error while validating the entity {entity_ref}")
}

/// The text that a processor's failure in pre-processing is wrapped in.
pub fn preprocessing(processor: &str) -> String {
    format!("Processor {processor} threw an error while preprocessing")
}

/// The text that a processor's failure in post-processing is wrapped in.
pub fn postprocessing(processor: &str) -> String {
    format!("Processor {processor} threw an error while postprocessing")
}

fn at(stage: Stage, problems: Vec<Problem>) -> Vec<Violation> {
    problems.into_iter().map(|problem| Violation { stage, problem }).collect()
}

#[cfg(test)]
mod tests;
