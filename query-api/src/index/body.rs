//! The JSON of an entity as it is held: compressed beside a sample of the catalog.
//!
//! Entities of one catalog resemble each other, so a short text compresses well where it may refer to
//! some of the others. Each body is a frame of its own: reading one costs about a microsecond, and
//! says nothing about its neighbours. See decision record 0024.

use std::{borrow::Cow, cell::RefCell, sync::Arc};

use serde_json::Value;
use zstd::zstd_safe::{CCtx, CDict, DCtx, DDict, compress_bound};

use super::splice;

/// Higher levels take five times longer for a tenth less.
const LEVEL: i32 = 3;

thread_local! {
    // Making one costs more than what it is used for.
    static COMPRESSING: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
    static DECOMPRESSING: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// The canonical JSON of an entity without `relations` and `metadata.etag`.
#[derive(Clone, Debug)]
pub struct Body {
    held: Held,
    /// Of the text.
    bytes: u32,
    /// Where `metadata` begins, just behind its brace.
    metadata_at: Option<u32>,
}

#[derive(Clone, Debug)]
enum Held {
    Text(Arc<str>),
    Frame(Arc<[u8]>, Arc<Sample>),
}

/// Some bodies of a catalog, which others are compressed beside.
pub struct Sample {
    compressing: CDict<'static>,
    decompressing: DDict<'static>,
}

impl Body {
    /// A body of the read model, compressed if there is a sample and if that makes it smaller.
    pub fn new(text: &str, sample: Option<&Arc<Sample>>) -> Self {
        let metadata_at = splice::behind_metadata_brace(text).and_then(|at| u32::try_from(at).ok());
        let bytes = u32::try_from(text.len()).ok();
        let frame = sample.filter(|_| bytes.is_some()).and_then(|sample| sample.frame_of(text));
        let held = frame.unwrap_or_else(|| Held::Text(text.into()));
        Self { held, bytes: bytes.unwrap_or(u32::MAX), metadata_at }
    }

    /// The JSON text.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.held {
            Held::Text(text) => Cow::Borrowed(text),
            Held::Frame(frame, sample) => Cow::Owned(sample.text_of(frame, self.bytes as usize)),
        }
    }

    /// The JSON value; null if the text is none.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap_or_default()
    }

    pub(super) fn metadata_at(&self) -> Option<usize> {
        self.metadata_at.map(|at| at as usize)
    }

    /// How many bytes it takes.
    pub(super) fn held_bytes(&self) -> u64 {
        match &self.held {
            Held::Text(text) => text.len() as u64,
            Held::Frame(frame, _) => frame.len() as u64,
        }
    }

    /// How many bytes its text has.
    pub(super) fn text_bytes(&self) -> u64 {
        u64::from(self.bytes)
    }
}

impl Sample {
    /// From how many entities on a sample is worth its own memory.
    pub(super) const WORTH: usize = 1_000;
    /// How many bodies it is made of.
    const BODIES: usize = 64;
    /// Of one body, so that a large definition does not fill it.
    const BYTES_OF_BODY: usize = 1_024;

    /// A sample of a catalog.
    pub(super) fn of<'a>(bodies: impl Iterator<Item = Cow<'a, str>>) -> Arc<Self> {
        let mut sample = Vec::with_capacity(Self::BODIES * Self::BYTES_OF_BODY);
        for body in bodies {
            sample.extend(body.bytes().take(Self::BYTES_OF_BODY));
        }
        Arc::new(Self { compressing: CDict::create(&sample, LEVEL), decompressing: DDict::create(&sample) })
    }

    /// Enough of `count` items for a sample, spread over all of them.
    pub(super) fn spread<T>(items: impl Iterator<Item = T>, count: usize) -> impl Iterator<Item = T> {
        items.step_by((count / Self::BODIES).max(1)).take(Self::BODIES)
    }

    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> u64 {
        (self.compressing.sizeof() + self.decompressing.sizeof()) as u64
    }

    fn frame_of(self: &Arc<Self>, text: &str) -> Option<Held> {
        let mut frame = Vec::with_capacity(compress_bound(text.len()));
        let compress = |context: &RefCell<CCtx<'_>>| {
            context.borrow_mut().compress_using_cdict(&mut frame, text.as_bytes(), &self.compressing)
        };
        let size = COMPRESSING.with(compress).ok()?;
        (size < text.len()).then(|| Held::Frame(frame.into(), Arc::clone(self)))
    }

    fn text_of(&self, frame: &[u8], bytes: usize) -> String {
        let mut text = Vec::with_capacity(bytes);
        let decompress = |context: &RefCell<DCtx<'_>>| {
            context.borrow_mut().decompress_using_ddict(&mut text, frame, &self.decompressing)
        };
        let read = DECOMPRESSING.with(decompress);
        assert!(read == Ok(bytes), "a frame that was made in this process can be read in it");
        String::from_utf8(text).expect("frames are made of text")
    }
}

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sample").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body_of(name: &str, description: &str) -> String {
        let metadata = serde_json::json!({"name": name, "description": description});
        serde_json::json!({"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": metadata})
            .to_string()
    }

    fn sample() -> Arc<Sample> {
        let bodies = (0..Sample::BODIES).map(|number| body_of(&format!("service-{number}"), "What it does"));
        Sample::of(bodies.map(Cow::Owned))
    }

    #[test]
    fn what_resembles_the_sample_takes_a_fraction() {
        let text = body_of("service-1000", "What it does");
        let body = Body::new(&text, Some(&sample()));
        assert!(body.held_bytes() * 3 < body.text_bytes(), "{} of {}", body.held_bytes(), body.text_bytes());
        assert_eq!(body.text(), text);
    }

    #[test]
    fn a_body_is_read_beside_the_sample_that_it_was_made_with() {
        let text = body_of("service-1", "What it did");
        let before = Body::new(&text, Some(&sample()));
        let other = Sample::of(std::iter::once(Cow::Borrowed("something else")));
        assert_eq!(Body::new(&text, Some(&other)).text(), before.text());
    }

    #[test]
    fn what_does_not_become_smaller_stays_text() {
        let body = Body::new("{}", Some(&sample()));
        assert_eq!((body.held_bytes(), &*body.text()), (2, "{}"));
    }

    proptest! {
        #[test]
        fn a_body_reads_as_it_was_written(text in ".{0,400}", repeated in 0..2_000_usize) {
            let text = format!("{text}{}", "x".repeat(repeated));
            let body = Body::new(&text, Some(&sample()));
            prop_assert_eq!(body.text(), text);
        }
    }
}
