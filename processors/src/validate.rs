//! The checks of the pipeline on a descriptor file, for `backstitch validate`.

use std::collections::HashMap;

use backstitch_schemas::{
    EntityRef, LocationRef, Problem,
    change::{Content, Substitution},
    placeholder, yaml,
};
use serde_json::Value;

use crate::{Outcome, Pipeline};

/// What was found in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The file, as it was given.
    pub file: String,
    /// Number of the document in the file, from 1.
    pub document: i32,
    /// Line in the file, from 1.
    pub line: i32,
    /// What is wrong.
    pub problem: Problem,
}

/// The content that a placeholder names, or why there is none, in the words of
/// [`backstitch_schemas::placeholder`]; nothing if that is not known here.
pub type ReadContent<'a> = dyn Fn(&str) -> Option<Result<String, String>> + 'a;

/// Checks all documents of a file as processing would. What a placeholder stands for is checked if
/// `read` knows it, else it is taken to be right. The pipeline's rules apply with `location` as the
/// origin; use [`backstitch_schemas::rules::Rules::everything`] to leave them out.
pub fn validate_file(
    pipeline: &Pipeline,
    location: &LocationRef,
    bytes: &[u8],
    read: &ReadContent<'_>,
) -> Vec<Finding> {
    let documents = yaml::parse(&location.to_string(), bytes);
    let mut findings = Vec::new();
    for document in &documents {
        let problems = match &document.outcome {
            Err(problem) => vec![problem.clone()],
            Ok(entity) => problems_of(pipeline, location, entity, read),
        };
        findings.extend(problems.into_iter().map(|problem| finding(location, document, problem)));
    }
    findings.extend(duplicates(location, &documents));
    findings.sort_by_key(|finding| (finding.document, finding.line));
    findings
}

fn finding(location: &LocationRef, document: &yaml::Document, problem: Problem) -> Finding {
    let mut problem = if problem.line.is_some() { problem } else { document.place(problem) };
    problem.location = Some(location.to_string());
    Finding {
        file: location.target.clone(),
        document: document.index,
        line: problem.line.unwrap_or(document.line),
        problem,
    }
}

fn problems_of(
    pipeline: &Pipeline,
    location: &LocationRef,
    entity: &Value,
    read: &ReadContent<'_>,
) -> Vec<Problem> {
    let (mut substitutions, mut unread) = (Vec::new(), Vec::new());
    for placeholder in placeholder::placeholders(entity) {
        let Some((place, value)) = placeholder.value.as_deref().zip(placeholder.key()) else { continue };
        let content = read(place).unwrap_or_else(|| {
            unread.push(placeholder.pointer.clone());
            Ok("{}".to_owned())
        });
        let (text, error) = match content {
            Ok(text) => (Some(text), None),
            Err(why) => (None, Some(why)),
        };
        substitutions.push(Substitution { value, text, error });
    }
    let content = Content {
        entity: String::new(),
        location: location.to_string(),
        origin: location.to_string(),
        position: None,
        substitutions,
        listing_errors: Vec::new(),
    };
    let mut problems = match pipeline.process(&content, entity.clone(), true) {
        Outcome::Good { .. } => Vec::new(),
        Outcome::Invalid(problems) => problems,
        Outcome::Refused(problem) => vec![problem],
    };
    problems.retain(|problem| !unread.iter().any(|pointer| problem.is_within(pointer)));
    problems
}

/// Of two documents with one ref the last counts.
fn duplicates(location: &LocationRef, documents: &[yaml::Document]) -> Vec<Finding> {
    let mut last: HashMap<EntityRef, &yaml::Document> = HashMap::new();
    let mut findings = Vec::new();
    for document in documents {
        let Some(entity_ref) = document.outcome.as_ref().ok().and_then(EntityRef::of_entity) else {
            continue;
        };
        if let Some(earlier) = last.insert(entity_ref.clone(), document) {
            let message = format!(
                "{entity_ref} is defined by document {} and by document {}; the last counts",
                earlier.index, document.index
            );
            let advice = format!(
                "{entity_ref} stands here and again in line {}, and the last one counts; remove one of the two \
                 documents, or give it another name",
                document.line
            );
            let problem =
                Problem::new("DuplicateWarning", message).with_advice(advice).at_path("/metadata/name");
            findings.push(finding(location, earlier, problem));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::{Level, rules::Rules};

    use super::*;
    use crate::Settings;

    fn check(text: &str, expected: &[(i32, i32, Level, &str)]) {
        let settings = Settings { rules: Rules::everything(), ..Settings::default() };
        let file = LocationRef::new("file", "a.yaml");
        let findings = validate_file(&Pipeline::new(settings), &file, text.as_bytes(), &|_| None);
        let found: Vec<_> = findings
            .iter()
            .map(|f| {
                (
                    f.document,
                    f.line,
                    f.problem.level(),
                    f.problem.advice.as_deref().unwrap_or(&f.problem.message),
                )
            })
            .collect();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!((found.0, found.1, found.2), (expected.0, expected.1, expected.2), "{found:?}");
            assert!(found.3.contains(expected.3), "{found:?}");
        }
    }

    const HEAD: &str = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata:\n  name: a\n";

    #[test]
    fn a_sound_file_has_no_findings() {
        check(&format!("{HEAD}spec:\n  owner: x\n"), &[]);
        check(
            "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: a}\nspec:\n  type: openapi\n  lifecycle: \
             production\n  owner: x\n  definition:\n    $text: ./openapi.yaml\n",
            &[],
        );
    }

    #[test]
    fn every_problem_has_its_document_line_and_remedy() {
        let text = format!("{HEAD}spec:\n  owner: 1\n---\n{HEAD}  tags: [Bad]\nspec: {{}}\n---\na: [\n");
        check(
            &text,
            &[
                (1, 4, Level::Warning, "remove one of the two"),
                (1, 6, Level::Error, "put it in quotes"),
                (2, 12, Level::Error, "metadata.tags[0] is `Bad`"),
                (2, 13, Level::Error, "spec.owner is missing"),
                (3, 16, Level::Error, "does not parse"),
            ],
        );
    }

    #[test]
    fn the_rules_apply() {
        let file = LocationRef::new("file", "a.yaml");
        let findings = validate_file(&Pipeline::default(), &file, HEAD.as_bytes(), &|_| None);
        assert_eq!(findings[0].problem.name, "NotAllowedError");
        assert_eq!((findings.len(), findings[0].line), (1, 2));
    }
}
