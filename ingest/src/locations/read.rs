//! Reading one document with all that its placeholders ask for, off the follower's loop.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use backstitch_schemas::{Digest, Problem, model::Model};
use url::Url;

use super::{
    document::{Contents, Descriptor, Draft},
    fetch::{Again, Failure, Fetched, Fetcher, Place},
    target,
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
    pub(super) parts: Vec<Part>,
}

/// What one placeholder value stands for.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) place: Place,
    etag: Option<String>,
    /// Digest of what was read, or of the reason why not.
    digest: Digest,
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
        let location = Arc::clone(&self.location);
        let parsed = tokio::task::spawn_blocking(move || {
            let draft = Draft::parse(&location, &bytes);
            let asked = draft.asks_for();
            (draft, asked)
        });
        let Ok((draft, asked)) = parsed.await else { return Outcome::Failed(broken(&self.location)) };
        let (contents, parts) = match self.parts(asked, fetcher).await {
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
            let digest = match fetcher.fetch(&part.place, part.etag.as_deref(), false, self.wake).await {
                Fetched::NotModified => continue,
                Fetched::Failed(failure) if failure.again != Again::Regularly => continue,
                fetched => digest_of(&text_of(fetched, &part.place)),
            };
            if digest != part.digest {
                return false;
            }
        }
        true
    }

    /// Reads what the placeholders ask for.
    ///
    /// Where that is unknown for now, the whole document is, so that a host that is away for a
    /// moment breaks nothing that was sound.
    async fn parts(
        &self,
        asked: BTreeSet<String>,
        fetcher: &Fetcher,
    ) -> Result<(Contents, Vec<Part>), Failure> {
        let (mut contents, mut parts) = (Contents::new(), Vec::new());
        for value in asked {
            let place = match self.part_place(&value) {
                Ok(place) => place,
                Err(why) => {
                    contents.insert(value, Err(why));
                    continue;
                }
            };
            let fetched = fetcher.fetch(&place, None, false, self.wake).await;
            if let Fetched::Failed(failure) = &fetched
                && self.held
                && matches!(failure.again, Again::BackOff | Again::After { .. })
            {
                return Err(failure.clone());
            }
            let etag = match &fetched {
                Fetched::Content { etag, .. } => etag.clone(),
                _ => None,
            };
            let text = text_of(fetched, &place);
            parts.push(Part { place, etag, digest: digest_of(&text) });
            contents.insert(value, text);
        }
        Ok((contents, parts))
    }

    /// What a placeholder value stands for, seen from this document.
    fn part_place(&self, value: &str) -> Result<Place, String> {
        let no_url = |base: &str, cause: url::ParseError| {
            format!("could not form a URL out of {base} and {value}, {cause}")
        };
        match &self.place {
            Place::Url(base) => match target::relative_url(base.as_str(), value) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Place::Url(url)),
                Ok(url) => Err(format!("{url} is no web address")),
                Err(cause) => Err(no_url(base.as_str(), cause)),
            },
            Place::File(base) => match Url::parse(value) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Place::Url(url)),
                _ => self.file_beside(base, value).map(Place::File),
            },
        }
    }

    /// The file that a placeholder names: relative to the document, or, with a leading slash, to
    /// the root of the repository. Files elsewhere are none of its business.
    fn file_beside(&self, base: &Path, value: &str) -> Result<PathBuf, String> {
        let repository = base.ancestors().skip(1).find(|dir| dir.join(".git").exists());
        let path = match (value.strip_prefix('/'), repository) {
            (Some(rest), Some(root)) => target::beside(&root.join("x").to_string_lossy(), rest),
            (Some(_), None) => return Err("an absolute path needs a repository around the file".to_owned()),
            (None, _) => target::beside(&base.to_string_lossy(), value),
        };
        // Links are followed first, or they would lead out.
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let real_path = real(&path);
        let roots: Vec<&Path> = match repository {
            Some(root) => vec![root],
            None => self.roots.iter().map(PathBuf::as_path).chain(base.parent()).collect(),
        };
        if roots.iter().any(|root| real_path.starts_with(real(root))) {
            return Ok(path);
        }
        let within = roots.first().map_or(String::new(), |root| root.display().to_string());
        Err(format!("Placeholder may only reference files from the same repository as the entity ({within})"))
    }
}

/// The content that a placeholder asks for, or why there is none.
fn text_of(fetched: Fetched, place: &Place) -> Result<String, String> {
    match fetched {
        Fetched::Content { bytes, .. } => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Fetched::Absent => Err("NotFoundError: the file does not exist".to_owned()),
        Fetched::Failed(failure) => Err(match (failure.status, place) {
            (Some(404), Place::Url(url)) => format!("NotFoundError: could not read {url}, 404 Not Found"),
            // What reading a Location says first, its placeholders do not.
            _ => failure.problem.headline().replacen(": Unable to read url, ", ": ", 1),
        }),
        Fetched::NotModified => Err("the host answered 304 to a plain request".to_owned()),
    }
}

fn digest_of(text: &Result<String, String>) -> Digest {
    match text {
        Ok(text) => Digest::of(text.as_bytes()),
        Err(why) => Digest::of(format!("\0{why}").as_bytes()),
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
