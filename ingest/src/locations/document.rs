//! What a descriptor file holds: bytes and the contents of placeholders in, entities out.
//!
//! Pure. Reading happens between [`Draft::parse`], which tells what the placeholders ask for, and
//! [`Draft::finish`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use backstitch_schemas::{
    EntityRef, LocationRef, Problem, canonical,
    change::{Content, PathLine, Position, Substitution},
    model::{self, Model},
    placeholder::{self, Placeholder},
    yaml::{self, Limits},
};
use serde_json::{Map, Value};

use crate::Submission;

/// What was read, by [`Placeholder::key`]: the content, or why there is none.
pub(super) type Contents = BTreeMap<String, Result<String, String>>;

/// A file that is parsed, while the contents of its placeholders are still to be read.
pub(super) struct Draft {
    location: String,
    documents: Vec<yaml::Document>,
    /// Whether there is nothing at all in it.
    blank: bool,
}

/// What a descriptor file holds, before it is known along which edges it is listed.
#[derive(Debug, Default)]
pub(super) struct Descriptor {
    /// Its entities; of several with one ref the last.
    pub(super) entities: Vec<Described>,
    /// What is wrong with it, apart from its entities.
    pub(super) errors: Vec<Problem>,
    /// Whether something in it could not be read, so that nothing may be taken for gone.
    pub(super) incomplete: bool,
    /// Whether it is without any content, as a file that is being written.
    pub(super) blank: bool,
}

/// An entity as it stands in its file.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) entity_ref: EntityRef,
    entity: Value,
    position: Position,
    substitutions: Vec<Substitution>,
}

impl Draft {
    /// Parses a file.
    pub(super) fn parse(location: &str, bytes: &[u8], limits: &Limits) -> Self {
        let (blank, documents) = (bytes.trim_ascii().is_empty(), yaml::parse_within(location, bytes, limits));
        Self { location: location.to_owned(), documents, blank }
    }

    /// The placeholders that ask for something, by their keys.
    pub(super) fn asks_for(&self) -> BTreeMap<String, Placeholder> {
        let entities = self.documents.iter().filter_map(|document| document.outcome.as_ref().ok());
        entities.flat_map(placeholder::placeholders).filter_map(|found| Some((found.key()?, found))).collect()
    }

    /// Says what the file holds.
    pub(super) fn finish(self, contents: &Contents, model: &Model) -> Descriptor {
        let mut descriptor = Descriptor { blank: self.blank, ..Descriptor::default() };
        let mut places: HashMap<EntityRef, usize> = HashMap::new();
        for document in self.documents {
            let described = match describe(&document, contents, model) {
                Ok(described) => described,
                Err(problem) => {
                    descriptor.errors.push(Problem { location: Some(self.location.clone()), ..problem });
                    descriptor.incomplete = true;
                    continue;
                }
            };
            if let Some(&earlier) = places.get(&described.entity_ref) {
                let twice = twice(&self.location, &descriptor.entities[earlier], &described);
                descriptor.errors.push(twice);
                descriptor.entities[earlier] = described;
            } else {
                places.insert(described.entity_ref.clone(), descriptor.entities.len());
                descriptor.entities.push(described);
            }
        }
        descriptor
    }
}

impl Described {
    /// The claim on this entity by a Location that lists its file.
    pub(super) fn submission(&self, location: &str, origin: &LocationRef) -> Submission {
        let origin = origin.to_string();
        let mut entity = self.entity.clone();
        annotate(&mut entity, location, &origin);
        Submission {
            entity_ref: self.entity_ref.clone(),
            location_key: Some(location.to_owned()),
            location_id: None,
            content: Content {
                entity: canonical::to_string(&entity),
                location: location.to_owned(),
                origin,
                position: Some(self.position.clone()),
                substitutions: self.substitutions.clone(),
                listing_errors: Vec::new(),
            },
        }
    }
}

fn describe(document: &yaml::Document, contents: &Contents, model: &Model) -> Result<Described, Problem> {
    let entity = document.outcome.clone()?;
    let Some(entity_ref) = EntityRef::of_entity(&entity) else {
        let problem = model::envelope_problems(&entity).into_iter().next();
        let problem = problem.unwrap_or_else(|| Problem::input("the document has no readable entity ref"));
        return Err(document.place(problem));
    };
    let asked: BTreeSet<_> = placeholder::placeholders(&entity).iter().filter_map(Placeholder::key).collect();
    let substitutions = asked.into_iter().map(|value| substitution(value, contents)).collect();
    let wrong = wrong_paths(&entity, contents, model);
    let lines = document.lines_of(wrong.iter().map(String::as_str)).into_iter();
    let lines = lines.map(|(path, line)| PathLine { line, path: path.to_owned() }).collect();
    let position = Position { document: document.index, line: document.line, lines };
    Ok(Described { entity_ref, entity, position, substitutions })
}

/// The places in an entity that the checks of processing find wrong.
fn wrong_paths(entity: &Value, contents: &Contents, model: &Model) -> BTreeSet<String> {
    let contents = contents.iter().map(|(value, content)| {
        (value.as_str(), content.as_ref().map(String::as_str).map_err(String::as_str))
    });
    let problems = match placeholder::substitute(entity.clone(), &contents.collect()) {
        Ok(substituted) => model::check(model, &substituted).into_problems(),
        Err(problems) => problems,
    };
    problems.into_iter().filter_map(|problem| problem.path).collect()
}

fn substitution(value: String, contents: &Contents) -> Substitution {
    match contents.get(&value) {
        Some(Ok(text)) => Substitution { value, text: Some(text.clone()), error: None },
        Some(Err(error)) => Substitution { value, text: None, error: Some(error.clone()) },
        None => Substitution { value, text: None, error: Some("nothing was read there".to_owned()) },
    }
}

/// Says where the entity comes from, whatever it says itself.
fn annotate(entity: &mut Value, location: &str, origin: &str) {
    let Some(metadata) = entity.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let annotations = metadata.entry("annotations").or_insert(Value::Null);
    if annotations.is_null() {
        *annotations = Value::Object(Map::new());
    }
    // Annotations of another form are for processing to reject.
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert("backstage.io/managed-by-location".to_owned(), location.into());
        annotations.insert("backstage.io/managed-by-origin-location".to_owned(), origin.into());
    }
}

fn twice(location: &str, earlier: &Described, later: &Described) -> Problem {
    let (entity_ref, first, second) = (&later.entity_ref, &earlier.position, &later.position);
    let message = format!(
        "{entity_ref} stands twice in {location}: in document {} (line {}) and document {} (line {})",
        first.document, first.line, second.document, second.line
    );
    let advice = format!(
        "{entity_ref} stands here and again in line {}, and the last one counts; remove one of them, or give it \
         another name",
        second.line
    );
    Problem {
        location: Some(location.to_owned()),
        document: Some(first.document),
        line: Some(first.line),
        ..Problem::new("DuplicateWarning", message).with_advice(advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(text: &str, contents: &Contents) -> Descriptor {
        Draft::parse("file:/a.yaml", text.as_bytes(), &Limits::default()).finish(contents, &Model::builtin())
    }

    fn system(name: &str) -> String {
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata:\n  name: {name}\nspec:\n  owner: me\n"
        )
    }

    #[test]
    fn a_sound_document_is_claimed_with_its_place_and_no_lines() {
        let descriptor = descriptor(&format!("---\n{}---\n{}", system("a"), system("b")), &Contents::new());
        let origin = LocationRef::new("url", "https://h/root");
        let submission = descriptor.entities[1].submission("file:/a.yaml", &origin);
        assert_eq!(submission.entity_ref.as_str(), "system:default/b");
        assert_eq!(submission.location_key.as_deref(), Some("file:/a.yaml"));
        let position = submission.content.position.unwrap();
        assert_eq!((position.document, position.line, position.lines.len()), (2, 9, 0));
        let annotations = "{\"backstage.io/managed-by-location\":\"file:/a.yaml\",\
                           \"backstage.io/managed-by-origin-location\":\"url:https://h/root\"}";
        assert!(submission.content.entity.contains(annotations), "{}", submission.content.entity);
        assert!(descriptor.errors.is_empty() && !descriptor.incomplete);
    }

    #[test]
    fn a_wrong_value_has_its_line() {
        let text = system("a").replace("owner: me", "domain: 1\n  owner: me");
        let descriptor = descriptor(&text, &Contents::new());
        let lines = &descriptor.entities[0].position.lines;
        assert_eq!(lines.as_slice(), [PathLine { path: "/spec/domain".to_owned(), line: 6 }]);
    }

    #[test]
    fn a_document_without_a_ref_makes_the_file_incomplete() {
        let text = format!("{}---\nkind: System\n---\na: [\n", system("a"));
        let descriptor = descriptor(&text, &Contents::new());
        assert_eq!(descriptor.entities.len(), 1);
        assert!(descriptor.incomplete);
        let lines: Vec<_> = descriptor.errors.iter().map(|problem| problem.line).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], Some(8));
        assert!(descriptor.errors.iter().all(|problem| problem.location.as_deref() == Some("file:/a.yaml")));
    }

    #[test]
    fn the_last_of_two_documents_with_one_ref_counts() {
        let text = format!("{}---\n{}", system("a"), system("A").replace("owner: me", "owner: you"));
        let descriptor = descriptor(&text, &Contents::new());
        assert_eq!(descriptor.entities.len(), 1);
        assert_eq!(descriptor.entities[0].position.document, 2);
        assert_eq!(
            descriptor.errors[0].message,
            "system:default/a stands twice in file:/a.yaml: in document 1 (line 1) and document 2 (line 8)"
        );
        assert!(!descriptor.incomplete);
    }

    #[test]
    fn contents_travel_with_the_entity() {
        let text = system("a").replace("owner: me", "owner:\n    $text: ./owner");
        let asked = Draft::parse("file:/a", text.as_bytes(), &Limits::default()).asks_for();
        assert_eq!(asked.keys().collect::<Vec<_>>(), ["./owner"]);
        let contents = Contents::from([("./owner".to_owned(), Ok("me".to_owned()))]);
        let described = descriptor(&text, &contents).entities.remove(0);
        assert_eq!(described.substitutions[0].text.as_deref(), Some("me"));
        assert!(described.position.lines.is_empty());
        let described = descriptor(&text, &Contents::new()).entities.remove(0);
        assert_eq!(described.position.lines[0].line, 6);
        assert!(described.substitutions[0].error.is_some());
    }
}
