//! One entity, read as if it stood alone in a document.

use std::collections::BTreeSet;

use backstitch_schemas::{LocationRef, Problem};
use serde_json::Value;

use super::{LocationFollowers, contents::ContentReader, document::Draft, fetch::Place, reach::Reach};
use crate::{Submission, Wake};

impl LocationFollowers {
    /// What a Location would claim that lists a document at `location` with only this entity in it: its
    /// placeholders are read.
    ///
    /// # Errors
    /// If it has no readable ref, or what a placeholder asks for cannot be read now.
    pub async fn submission(&self, entity: &Value, location: &LocationRef) -> Result<Submission, Problem> {
        let fetcher = self.fetcher();
        let document = location.to_string();
        let place = place_of(location)?;
        let draft = Draft::parse(&document, entity.to_string().as_bytes(), &fetcher.limits);
        let reach = Reach { document: &place, roots: &BTreeSet::new(), hosts: fetcher.urls.scm() };
        let reader = ContentReader::new(&fetcher, reach, false, Wake::Person);
        let (contents, _) = reader.read(draft.asks_for()).await.map_err(|failure| failure.problem)?;
        let descriptor = draft.finish(&contents, &self.config().model);
        if let Some(problem) = descriptor.errors.into_iter().next() {
            return Err(problem);
        }
        let described = descriptor.entities.into_iter().next();
        let described = described.ok_or_else(|| Problem::input("<root> must be object - type: object"))?;
        let mut submission = described.submission(&document, location);
        // It stands in no file, so no line of one is to be named.
        submission.content.position = None;
        Ok(submission)
    }
}

fn place_of(location: &LocationRef) -> Result<Place, Problem> {
    let target = &location.target;
    match (location.kind.as_str(), url::Url::parse(target)) {
        ("url", Ok(url)) => Ok(Place::Url(url)),
        ("url", Err(cause)) => Err(Problem::input(format!("{target} is no URL: {cause}"))),
        (kind, _) => {
            Err(Problem::input(format!("Entities cannot be checked as if they stood at a {kind} location")))
        }
    }
}
