//! Lasting errors of what a Location lists, kept on the Location's own claim.
//!
//! Errors of one document carry its location ref, those of the targets do not. So the list on the
//! claim is all that has to be remembered: what one finding says replaces its own part only.

use std::collections::HashSet;
use std::sync::Arc;

use backstitch_schemas::Problem;

/// The errors after reading one document.
pub(super) fn after_reading(known: &[Problem], document: &str, found: Vec<Problem>) -> Vec<Problem> {
    let others = known.iter().filter(|problem| problem.location.as_deref() != Some(document)).cloned();
    let found = found.into_iter().map(|problem| at_document(problem, document));
    in_order(others.chain(found).collect())
}

/// The errors after looking at what is listed: those of documents that are still listed stay.
pub(super) fn after_listing(
    known: &[Problem],
    documents: &HashSet<Arc<str>>,
    found: Vec<Problem>,
) -> Vec<Problem> {
    let listed =
        |problem: &&Problem| problem.location.as_deref().is_some_and(|place| documents.contains(place));
    in_order(known.iter().filter(listed).cloned().chain(found).collect())
}

fn at_document(mut problem: Problem, document: &str) -> Problem {
    problem.location = Some(document.to_owned());
    problem
}

/// The same problems give the same list, whatever the order in which they were found.
fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by(|a, b| {
        let key = |p: &Problem| (p.location.clone(), p.document, p.line, p.name.clone(), p.message.clone());
        key(a).cmp(&key(b))
    });
    problems.dedup();
    problems
}
