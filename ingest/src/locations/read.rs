//! Reading one document with all that its placeholders ask for, off the follower's loop.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use backstitch_schemas::{Digest, Problem, model::Model};

use super::{
    contents::{ContentReader, Watched},
    document::{Descriptor, Draft},
    fetch::{Again, Failure, Fetched, Fetcher, Place},
    reach::Reach,
};
use crate::Wake;

/// A document to be read.
pub(super) struct Job {
    /// Its location ref.
    pub(super) location: Arc<str>,
    /// Where it stands.
    pub(super) place: Place,
    /// Directories that its placeholders may reach into, if it is a file.
    pub(super) roots: BTreeSet<PathBuf>,
    /// What was read before. If all of it is the same still, that is all there is to say.
    pub(super) before: Option<Arc<Seen>>,
    /// Whether anything would go if the document did.
    pub(super) held: bool,
    /// Who waits.
    pub(super) wake: Wake,
}

/// What was read, by its digests and validators.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) etag: Option<String>,
    pub(super) digest: Digest,
    pub(super) status: Option<u16>,
    /// What its placeholders stand for.
    pub(super) parts: Vec<Watched>,
}

/// What came of a job.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was read.
    Read(Seen, Descriptor),
    /// It is what it was, with these validators.
    Unchanged(Seen),
    /// It is confirmed not to exist.
    Absent,
    /// Nothing is known.
    Failed(Failure),
}

impl Job {
    /// Reads.
    pub(super) async fn run(self, fetcher: &Fetcher, model: Arc<Model>) -> Outcome {
        let etag = self.before.as_ref().and_then(|before| before.etag.as_deref());
        let fetched = match fetcher.fetch(&self.place, etag, self.held, self.wake).await {
            Fetched::NotModified if self.parts_are_unchanged(fetcher).await => {
                let before = self.before.as_deref().cloned().unwrap_or_default();
                return Outcome::Unchanged(Seen { status: Some(304), ..before });
            }
            // What a placeholder stands for has changed, so the document is needed after all.
            Fetched::NotModified => fetcher.fetch(&self.place, None, self.held, self.wake).await,
            fetched => fetched,
        };
        match fetched {
            Fetched::Content { bytes, etag, status } => {
                let seen = Seen { etag, digest: Digest::of(&bytes), status, parts: Vec::new() };
                self.content(bytes, seen, fetcher, model).await
            }
            Fetched::Absent => Outcome::Absent,
            Fetched::Failed(failure) => Outcome::Failed(failure),
            Fetched::NotModified => Outcome::Failed(passing("the host answered 304 to a plain request")),
        }
    }

    async fn content(self, bytes: Vec<u8>, seen: Seen, fetcher: &Fetcher, model: Arc<Model>) -> Outcome {
        if let Some(before) = &self.before
            && before.digest == seen.digest
            && self.parts_are_unchanged(fetcher).await
        {
            return Outcome::Unchanged(Seen { parts: before.parts.clone(), ..seen });
        }
        let (location, limits) = (Arc::clone(&self.location), fetcher.limits.clone());
        let parsed = tokio::task::spawn_blocking(move || {
            let draft = Draft::parse(&location, &bytes, &limits);
            let asked = draft.asks_for();
            (draft, asked)
        });
        let Ok((draft, asked)) = parsed.await else { return Outcome::Failed(broken(&self.location)) };
        let reach = Reach { document: &self.place, roots: &self.roots, hosts: fetcher.urls.scm() };
        let reader = ContentReader::new(fetcher, reach, self.held, self.wake);
        let (contents, parts) = match reader.read(asked).await {
            Ok(read) => read,
            Err(failure) => return Outcome::Failed(failure),
        };
        let finished = tokio::task::spawn_blocking(move || draft.finish(&contents, &model)).await;
        match finished {
            Ok(descriptor) => Outcome::Read(Seen { parts, ..seen }, descriptor),
            Err(_) => Outcome::Failed(broken(&self.location)),
        }
    }

    /// Whether everything that its placeholders stand for is the same, as far as anybody can tell.
    async fn parts_are_unchanged(&self, fetcher: &Fetcher) -> bool {
        let Some(before) = &self.before else { return false };
        for part in &before.parts {
            if !part.is_unchanged(fetcher, self.wake).await {
                return false;
            }
        }
        true
    }
}

fn passing(message: &str) -> Failure {
    Failure { problem: Problem::new("Error", message), status: None, again: Again::BackOff }
}

fn broken(location: &str) -> Failure {
    let problem = Problem::new("Error", format!("Failed to parse YAML at {location}, the parser failed"))
        .with_advice("this is a fault of Backstitch; please report it with the file");
    Failure { problem, status: None, again: Again::Regularly }
}
