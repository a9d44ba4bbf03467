//! What a descriptor file may cost. Each refusal names its limit and the setting to change it.

/// Levels that a value may nest at most, whatever is configured: readers of JSON downstream stop at
/// 128.
pub const MAX_DEPTH: usize = 100;

/// What a descriptor file may cost (`backstitch.ingest.descriptors`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file.
    pub max_bytes: usize,
    /// Documents of a file, empty ones not counted.
    pub max_documents: usize,
    /// Levels that a document may nest, up to [`MAX_DEPTH`].
    pub max_depth: usize,
    /// Keys and values of a document, once its aliases are written out.
    pub max_nodes: usize,
    /// Bytes of text in a document, once its aliases are written out.
    pub max_text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 10 << 20,
            max_documents: 10_000,
            max_depth: MAX_DEPTH,
            max_nodes: 1_000_000,
            max_text: 20 << 20,
        }
    }
}

impl Limits {
    pub(super) fn bytes_exceeded(&self) -> String {
        exceeded("the file has more than", self.max_bytes, "bytes", "maxBytes")
    }

    pub(super) fn documents_exceeded(&self) -> String {
        let limit = exceeded("the file has more than", self.max_documents, "documents", "maxDocuments");
        format!("{limit}; those from here on are not read")
    }

    pub(super) fn depth_exceeded(&self) -> String {
        exceeded("The document nests more than", self.max_depth, "levels", "maxDepth")
    }

    pub(super) fn nodes_exceeded(&self, aliased: bool) -> String {
        exceeded(blame(aliased), self.max_nodes, "keys and values", "maxNodes")
    }

    pub(super) fn text_exceeded(&self, aliased: bool) -> String {
        exceeded(blame(aliased), self.max_text, "bytes of text", "maxText")
    }
}

/// npm's parser says the first half of this about an alias bomb.
fn blame(aliased: bool) -> &'static str {
    match aliased {
        true => {
            "Excessive alias count indicates a resource exhaustion attack: the document has, with its \
                 aliases written out, more than"
        }
        false => "The document has more than",
    }
}

fn exceeded(start: &str, limit: usize, of: &str, setting: &str) -> String {
    format!("{start} {limit} {of}, the limit of `backstitch.ingest.descriptors.{setting}`")
}
