//! From a change to its result: the pure heart of the worker.

use std::panic::{self, AssertUnwindSafe};

use backstitch_schemas::{
    Change, ClaimKey, EntityRef, Problem, RefContext, Version, canonical,
    change::{Content, Position},
    processed::{Errors, Form, FormState, GoodForm, Processed, Stamp},
};
use serde_json::Value;

use crate::{Outcome, Pipeline};

/// Why a change has no result.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The entity in it is no JSON: nothing that ingest would write.
    #[error("the entity of the change is not JSON")]
    Entity(#[from] serde_json::Error),
}

impl Pipeline {
    /// What becomes of `change`, the change of `claim` at `version`. The same change gives the same
    /// result, always.
    ///
    /// # Errors
    /// If the change is not one that ingest could have written; it belongs to the dead letters.
    pub fn result_of(
        &self,
        claim: ClaimKey,
        version: Version,
        change: Change,
    ) -> Result<Processed, ProcessError> {
        let stamp = Stamp {
            version,
            identity: change.identity,
            created_at: change.created_at,
            location_key: change.location_key,
            location_id: change.location_id,
            released: change.released,
            fingerprint: self.fingerprint().to_owned(),
        };
        let cause = change.cause;
        let Some(content) = change.content else {
            return Ok(Processed::Form(claim, Form { stamp, state: FormState::Withdrawn, cause }));
        };
        let entity: Value = serde_json::from_str(&content.entity)?;
        let owner = owner_of(&entity, &claim);
        let state = match self.guarded(&content, entity, claim.listing.is_some()) {
            Outcome::Good { entity, relations } => FormState::Good(GoodForm {
                entity: canonical::to_string(&entity),
                relations,
                errors: content.listing_errors,
            }),
            Outcome::Refused(problem) => FormState::Refused(placed(problem, &content)),
            Outcome::Invalid(problems) => {
                let errors = problems.into_iter().map(|problem| placed(problem, &content)).collect();
                return Ok(Processed::Errors(claim, Errors { stamp, errors, owner, cause }));
            }
        };
        Ok(Processed::Form(claim, Form { stamp, state, cause }))
    }

    /// A processor that panics spoils the one entity that it panicked on, and nothing else.
    fn guarded(&self, content: &Content, entity: Value, listed: bool) -> Outcome {
        // Nothing is shared with the panicked call but the pipeline, which is never written to.
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| self.process(content, entity, listed)));
        outcome.unwrap_or_else(|payload| {
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
            let problem = Problem::new("Error", format!("A processor failed on this entity: {text}"));
            Outcome::Invalid(vec![problem.with_advice(
                "this is a mistake in a processor, not in the entity; the catalog keeps the last good version",
            )])
        })
    }
}

/// The owner that an entity names, whatever else is wrong with it.
fn owner_of(entity: &Value, claim: &ClaimKey) -> Option<EntityRef> {
    let context =
        RefContext { default_kind: Some("group"), default_namespace: Some(claim.entity_ref.namespace()) };
    EntityRef::parse(entity["spec"]["owner"].as_str()?, context).ok()
}

/// Says in which document, and on which line of it, a problem stands.
fn placed(mut problem: Problem, content: &Content) -> Problem {
    problem.location.get_or_insert_with(|| content.location.clone());
    if let Some(position) = &content.position {
        problem.document.get_or_insert(position.document);
        problem.line.get_or_insert_with(|| line_of(position, problem.path.as_deref()));
    }
    problem
}

/// The line of `path` or of its nearest ancestor that ingest noted; else where the document begins.
fn line_of(position: &Position, path: Option<&str>) -> i32 {
    let mut path = path.unwrap_or_default();
    loop {
        if let Some(noted) = position.lines.iter().find(|noted| noted.path == path) {
            return noted.line;
        }
        match path.rsplit_once('/') {
            Some((parent, _)) => path = parent,
            None => return position.line,
        }
    }
}
