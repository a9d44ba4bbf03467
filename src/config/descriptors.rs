//! `backstitch.ingest.descriptors`: what descriptor files may cost.

use std::num::NonZeroUsize;

use backstitch_schemas::yaml::{Limits, MAX_DEPTH};
use serde::Deserialize;
use serde::de::Error;

/// What descriptor files may cost. What exceeds a limit is refused with an error that names it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DescriptorConfig {
    /// Bytes of a file, or of what a placeholder names.
    pub max_bytes: NonZeroUsize,
    /// Documents of a file, empty ones not counted.
    pub max_documents: NonZeroUsize,
    /// Levels that a document may nest, at most 100.
    #[serde(deserialize_with = "depth")]
    pub max_depth: NonZeroUsize,
    /// Keys and values of a document, its aliases written out.
    pub max_nodes: NonZeroUsize,
    /// Bytes of text in a document, its aliases written out.
    pub max_text: NonZeroUsize,
    /// Files that an API definition may refer to, itself counted.
    pub max_references: NonZeroUsize,
}

impl Default for DescriptorConfig {
    fn default() -> Self {
        let Limits { max_bytes, max_documents, max_depth, max_nodes, max_text } = Limits::default();
        let limit = |limit| NonZeroUsize::new(limit).expect("no limit is zero by default");
        Self {
            max_bytes: limit(max_bytes),
            max_documents: limit(max_documents),
            max_depth: limit(max_depth),
            max_nodes: limit(max_nodes),
            max_text: limit(max_text),
            max_references: limit(200),
        }
    }
}

impl DescriptorConfig {
    /// The limits of one file.
    pub fn limits(&self) -> Limits {
        Limits {
            max_bytes: self.max_bytes.get(),
            max_documents: self.max_documents.get(),
            max_depth: self.max_depth.get(),
            max_nodes: self.max_nodes.get(),
            max_text: self.max_text.get(),
        }
    }
}

fn depth<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<NonZeroUsize, D::Error> {
    let depth = NonZeroUsize::deserialize(deserializer)?;
    match depth.get() <= MAX_DEPTH {
        true => Ok(depth),
        false => Err(D::Error::custom(format!("a number from 1 to {MAX_DEPTH} is expected"))),
    }
}
