//! Runs the processors over one entity.

use std::{fmt, sync::Arc};

use backstitch_schemas::{
    Digest, EntityRef, LocationRef, Problem, canonical,
    change::Content,
    model::{self, KindError, Model},
    placeholder::Contents,
    processed::Relation,
    rules::Rules,
    scm::Hosts,
};
use serde_json::Value;

use crate::{AnnotateLocation, Context, Emitter, KindProcessor, Placeholders, Processor, Verdict};

/// What a pipeline depends on besides its processors.
#[derive(Debug)]
pub struct Settings {
    /// `catalog.rules`, with what single locations may bring in besides.
    pub rules: Rules,
    /// The kinds that are let in, and the formats of fields.
    pub model: Arc<Model>,
    /// The git hosts whose URLs are understood.
    pub hosts: Hosts,
}

impl Default for Settings {
    fn default() -> Self {
        Self { rules: Rules::default(), model: Model::builtin(), hosts: Hosts::default() }
    }
}

/// The processors in their order, with rules and kinds. Pure and stateless: one is shared by all
/// threads.
pub struct Pipeline {
    rules: Rules,
    model: Arc<Model>,
    processors: Vec<Box<dyn Processor>>,
    fingerprint: String,
}

/// What became of an entity.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It passed.
    Good {
        /// The entity as it is stored.
        entity: Value,
        /// The relations it implies, each once, sorted.
        relations: Vec<Relation>,
    },
    /// Its content is wrong; the first problem is worded as in Backstage.
    Invalid(Vec<Problem>),
    /// Rules or kinds do not let it in.
    Refused(Problem),
}

impl Default for Pipeline {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.processors.iter().map(|processor| processor.name()).collect();
        f.debug_struct("Pipeline")
            .field("processors", &names)
            .field("fingerprint", &self.fingerprint)
            .finish()
    }
}

impl Pipeline {
    /// The built-in processors under these settings.
    pub fn new(settings: Settings) -> Self {
        Self::with_processors(settings, Vec::new())
    }

    /// The built-in processors and, after those of the same priority, one's own.
    pub fn with_processors(settings: Settings, own: Vec<Box<dyn Processor>>) -> Self {
        let Settings { rules, model, hosts } = settings;
        let mut kinds = KindProcessor::of_model(&model).into_iter();
        let mut processors: Vec<Box<dyn Processor>> = vec![Box::new(Placeholders)];
        processors.extend(kinds.next().map(boxed));
        processors.push(Box::new(AnnotateLocation { hosts }));
        processors.extend(kinds.map(boxed));
        processors.extend(own);
        processors.sort_by_key(|processor| processor.priority()); // stable
        let fingerprint = fingerprint(&processors, &rules, &model);
        Self { rules, model, processors, fingerprint }
    }

    /// The kinds that are let in.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// A digest of everything that results depend on besides the change. When it differs from that
    /// of the stored results, they have to be made anew.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Processes what a source says. `listed` tells whether a Location lists it: only then do the
    /// rules apply.
    pub fn process(&self, content: &Content, entity: Value, listed: bool) -> Outcome {
        let envelope = model::envelope_problems(&entity);
        let Some(entity_ref) = EntityRef::of_entity(&entity).filter(|_| envelope.is_empty()) else {
            return Outcome::Invalid(envelope);
        };
        if listed
            && let Err(refusal) = self.rules.admit(&entity, &entity_ref, &content.location, &content.origin)
        {
            return Outcome::Refused(self.advised(refusal, &entity, &entity_ref));
        }
        let context = Context {
            entity_ref: &entity_ref,
            location: &place(&content.location),
            origin: &place(&content.origin),
            listed,
            contents: &contents(content),
        };
        match self.run(entity, &context) {
            Ok((entity, relations)) => Outcome::Good { entity, relations },
            Err(Failure::Refused(problem)) => Outcome::Refused(problem),
            Err(Failure::Invalid(problems)) => Outcome::Invalid(problems),
        }
    }

    /// A refusal by the rules, with what helps: a kind that nobody knows, perhaps by a typing error, would not
    /// come in if the rules allowed it either.
    fn advised(&self, refusal: Problem, entity: &Value, entity_ref: &EntityRef) -> Problem {
        let is_known = self
            .processors
            .iter()
            .any(|processor| !matches!(processor.validate_kind(entity), Verdict::NotMine));
        match model::kind_of(&self.model, entity_ref, entity) {
            Err(KindError::Unknown(unknown)) if !is_known => Problem { advice: unknown.advice, ..refusal },
            _ => refusal,
        }
    }

    fn run(&self, entity: Value, context: &Context<'_>) -> Result<(Value, Vec<Relation>), Failure> {
        let mut entity = self.pre_process(entity, context)?;
        let mut problems = model::policy_problems(&self.model, context.entity_ref, &entity);
        model::set_default_namespace(&mut entity);
        if EntityRef::of_entity(&entity).as_ref() != Some(context.entity_ref) {
            problems
                .push(Problem::input("Fatal: The entity kind, namespace, or name changed during processing"));
        }
        self.validate(&entity, context, &mut problems)?;
        if !problems.is_empty() {
            let further = self.further_problems(entity, context, &problems);
            problems.extend(further);
            return Err(Failure::Invalid(problems));
        }
        self.post_process(entity, context)
    }

    /// What would be wrong next, so that a person need not mend one thing to hear of another. A value that
    /// is known to be wrong is not told twice.
    fn further_problems(&self, entity: Value, context: &Context<'_>, known: &[Problem]) -> Vec<Problem> {
        let Err(Failure::Invalid(further)) = self.post_process(entity, context) else { return Vec::new() };
        further.into_iter().filter(|problem| problem.path.is_some() && !problem.is_told_by(known)).collect()
    }

    /// A failure ends the pre-processing: what comes later would only complain about what is
    /// missing because of it.
    fn pre_process(&self, mut entity: Value, context: &Context<'_>) -> Result<Value, Failure> {
        for processor in &self.processors {
            let outer = || model::preprocessing(processor.name());
            entity = processor.pre_process(entity, context).map_err(|causes| wrapped(&outer(), causes))?;
        }
        Ok(entity)
    }

    /// All processors are asked; one has to take the entity for its own. What is wrong comes behind the
    /// `problems` that are known.
    fn validate(
        &self,
        entity: &Value,
        context: &Context<'_>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Failure> {
        let mut claimed = false;
        for processor in &self.processors {
            match processor.validate_kind(entity) {
                Verdict::NotMine => {}
                Verdict::Valid => claimed = true,
                Verdict::Invalid(causes) => {
                    claimed = true;
                    let outer = model::validating(processor.name(), context.entity_ref);
                    problems.extend(causes.into_iter().map(|cause| model::caused_by(&outer, cause)));
                }
            }
        }
        if !claimed {
            match model::kind_of(&self.model, context.entity_ref, entity) {
                Ok(_) => {}
                Err(KindError::Near(problem)) => {
                    let news = model::news_of(problem, &mut *problems);
                    problems.extend(news);
                }
                Err(KindError::Unknown(problem)) => return Err(Failure::Refused(problem)),
            }
        }
        Ok(())
    }

    fn post_process(
        &self,
        mut entity: Value,
        context: &Context<'_>,
    ) -> Result<(Value, Vec<Relation>), Failure> {
        let mut emitter = Emitter::default();
        for processor in &self.processors {
            let outer = || model::postprocessing(processor.name());
            entity = processor
                .post_process(entity, context, &mut emitter)
                .map_err(|causes| wrapped(&outer(), causes))?;
        }
        if !emitter.errors.is_empty() {
            return Err(Failure::Invalid(emitter.errors));
        }
        // What the catalog itself assigns is not for a source to say.
        if let Some(metadata) = entity.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("uid");
            metadata.remove("etag");
        }
        emitter.relations.sort();
        emitter.relations.dedup();
        Ok((entity, emitter.relations))
    }
}

enum Failure {
    Invalid(Vec<Problem>),
    Refused(Problem),
}

fn wrapped(outer: &str, causes: Vec<Problem>) -> Failure {
    Failure::Invalid(causes.into_iter().map(|cause| model::caused_by(outer, cause)).collect())
}

fn boxed(processor: KindProcessor) -> Box<dyn Processor> {
    Box::new(processor)
}

/// Splits without judging: what came with the change is shown as it came.
fn place(text: &str) -> LocationRef {
    let (kind, target) = text.split_once(':').unwrap_or(("unknown", text));
    LocationRef::new(kind, target)
}

fn contents(content: &Content) -> Contents<'_> {
    let substitutions = content.substitutions.iter();
    substitutions
        .map(|substitution| {
            let error = substitution.error.as_deref().unwrap_or("nothing was read there");
            (substitution.value.as_str(), substitution.text.as_deref().ok_or(error))
        })
        .collect()
}

fn fingerprint(processors: &[Box<dyn Processor>], rules: &Rules, model: &Model) -> String {
    let processors: Vec<Value> = processors
        .iter()
        .map(|processor| serde_json::json!([processor.name(), processor.version(), processor.settings()]))
        .collect();
    let text = serde_json::json!([processors, rules.fingerprint(), model.fingerprint()]);
    Digest::of(canonical::to_string(&text).as_bytes()).to_string()
}

#[cfg(test)]
mod tests;
