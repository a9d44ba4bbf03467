//! Reading what the placeholders of a document ask for, and what those files refer to in turn.

use std::collections::{BTreeMap, HashMap};

use backstitch_schemas::{
    Digest,
    placeholder::{
        self, Placeholder,
        bundle::{self, Part},
    },
    yaml,
};

use super::{
    document::Contents,
    fetch::{Again, Failure, Fetched, Fetcher, Place},
    reach::Reach,
};
use crate::Wake;

/// Reads the contents for one document. Each place is read once, however often it is named.
pub(super) struct ContentReader<'a> {
    pub(super) fetcher: &'a Fetcher,
    pub(super) reach: Reach<'a>,
    /// Whether anything would go if the document did.
    pub(super) held: bool,
    /// Who waits.
    pub(super) wake: Wake,
    read: HashMap<Place, Result<String, String>>,
    watched: Vec<Watched>,
}

/// A place that was read, and how to tell whether it changed.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) place: Place,
    pub(super) etag: Option<String>,
    /// Digest of what was read, or of the reason why not.
    pub(super) digest: Digest,
}

/// Why there is no content.
enum Missing {
    /// For a reason that will last, in the words of [`placeholder`].
    Lasting(String),
    /// Nobody knows for now.
    Unknown(Failure),
}

impl<'a> ContentReader<'a> {
    pub(super) fn new(fetcher: &'a Fetcher, reach: Reach<'a>, held: bool, wake: Wake) -> Self {
        Self { fetcher, reach, held, wake, read: HashMap::new(), watched: Vec::new() }
    }

    /// Reads for all placeholders, by their keys.
    ///
    /// # Errors
    /// Where something is unknown for now, the whole document is, so that a host that is away for a
    /// moment breaks nothing that was sound.
    pub(super) async fn read(
        mut self,
        asked: BTreeMap<String, Placeholder>,
    ) -> Result<(Contents, Vec<Watched>), Failure> {
        let mut contents = Contents::new();
        for (key, placeholder) in asked {
            let content = match self.content(&placeholder).await {
                Ok(text) => Ok(text),
                Err(Missing::Lasting(why)) => Err(why),
                Err(Missing::Unknown(failure)) => return Err(failure),
            };
            contents.insert(key, content);
        }
        Ok((contents, self.watched))
    }

    async fn content(&mut self, placeholder: &Placeholder) -> Result<String, Missing> {
        let value = placeholder.value.as_deref().unwrap_or_default();
        let place = self.reach.place(value, self.reach.document).map_err(Missing::Lasting)?;
        let unread = |cause: String| Missing::Lasting(placeholder::unread(value, &cause));
        let text = self.text_at(&place).await?.map_err(unread)?;
        if !placeholder.resolver.bundles() {
            return Ok(text);
        }
        self.bundled(place, text).await.map_err(|missing| match missing {
            Missing::Lasting(cause) => Missing::Lasting(placeholder::unbundled(value, &cause)),
            unknown => unknown,
        })
    }

    /// The definition at `place` with everything that it refers to in it. One that refers to nothing
    /// outside stays as it was written.
    async fn bundled(&mut self, place: Place, text: String) -> Result<String, Missing> {
        let mut places = vec![place];
        let mut parts: Vec<Part> = Vec::new();
        let mut bytes = 0;
        while let Some(place) = places.get(parts.len()).cloned() {
            let text = match parts.is_empty() {
                true => text.clone(),
                false => self.text_at(&place).await?.map_err(|why| lasting(&place, &why))?,
            };
            bytes += text.len() as u64;
            if bytes > self.fetcher.max_bytes {
                let limit = self.fetcher.max_bytes;
                let why = format!(
                    "with the files it refers to it has more than {limit} bytes, the limit of \
                     `backstitch.ingest.descriptors.maxBytes`"
                );
                return Err(Missing::Lasting(why));
            }
            let value = yaml::parse_single(&text).map_err(|why| lasting(&place, &why.to_string()))?;
            parts.push(self.part(value, &place, &mut places)?);
        }
        if places.len() == 1 {
            return Ok(text);
        }
        let bundled = tokio::task::spawn_blocking(move || bundle::bundle(&parts)).await;
        let bundled = bundled.map_err(|_| Missing::Lasting("the bundler failed".to_owned()))?;
        bundled.map(|value| yaml::to_string(&value)).map_err(|why| Missing::Lasting(why.to_string()))
    }

    /// A part, with the places that it refers to added to `places`.
    fn part(&self, value: serde_json::Value, base: &Place, places: &mut Vec<Place>) -> Result<Part, Missing> {
        let mut links = HashMap::new();
        for file in bundle::files_of(&value) {
            let place = self.reach.place(&file, base).map_err(Missing::Lasting)?;
            let index = places.iter().position(|known| *known == place).unwrap_or_else(|| {
                places.push(place);
                places.len() - 1
            });
            if places.len() > self.fetcher.max_references {
                let limit = self.fetcher.max_references;
                let why = format!(
                    "it refers to more than {limit} files, the limit of \
                     `backstitch.ingest.descriptors.maxReferences`"
                );
                return Err(Missing::Lasting(why));
            }
            links.insert(file, index);
        }
        Ok(Part { value, links })
    }

    async fn text_at(&mut self, place: &Place) -> Result<Result<String, String>, Missing> {
        if let Some(text) = self.read.get(place) {
            return Ok(text.clone());
        }
        let fetched = self.fetcher.fetch(place, None, false, self.wake).await;
        if let Fetched::Failed(failure) = &fetched
            && self.held
            && matches!(failure.again, Again::BackOff | Again::After { .. })
        {
            return Err(Missing::Unknown(failure.clone()));
        }
        let etag = match &fetched {
            Fetched::Content { etag, .. } => etag.clone(),
            _ => None,
        };
        let text = text_of(fetched, place);
        self.watched.push(Watched { place: place.clone(), etag, digest: digest_of(&text) });
        self.read.insert(place.clone(), text.clone());
        Ok(text)
    }
}

impl Watched {
    /// Whether it is what it was, as far as anybody can tell.
    pub(super) async fn is_unchanged(&self, fetcher: &Fetcher, wake: Wake) -> bool {
        match fetcher.fetch(&self.place, self.etag.as_deref(), false, wake).await {
            Fetched::NotModified => true,
            Fetched::Failed(failure) if failure.again != Again::Regularly => true,
            fetched => digest_of(&text_of(fetched, &self.place)) == self.digest,
        }
    }
}

fn lasting(place: &Place, why: &str) -> Missing {
    let place = match place {
        Place::File(path) => path.display().to_string(),
        Place::Url(url) => url.to_string(),
    };
    Missing::Lasting(format!("{place}: {why}"))
}

/// The content that stands at a place, or why there is none.
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
