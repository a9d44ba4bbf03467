//! Reads descriptor files: bytes in, documents with positions out.
//!
//! YAML 1.2 as the npm package `yaml` reads it for Backstage: core schema, no merge keys, a key
//! twice in one mapping is an error, JSON is accepted because it is YAML. Each document stands for
//! itself: a syntax error in one leaves its siblings readable. What a file may cost is bounded,
//! so an alias bomb is an error and not an outage.

mod explain;
mod limits;
mod lines;
mod load;
mod scalar;
mod split;
mod tabs;
mod write;

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use crate::Problem;
use load::Loaded;
use split::Chunk;

pub use limits::{Limits, MAX_DEPTH};
pub(crate) use write::on_one_line;
pub use write::to_string;

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// Number in the file, from 1. Empty documents count, though they are passed over.
    pub index: i32,
    /// Line where the content begins, from 1.
    pub line: i32,
    /// The mapping that stands there, or why there is none.
    pub outcome: Result<Value, Problem>,
    source: String,
    first_line: i32,
    limits: Limits,
}

impl Document {
    /// The line of the value at a JSON pointer such as `/spec/owner`, or of its nearest ancestor
    /// that exists. A member of a mapping stands where its key stands.
    ///
    /// The document is read again for this: problems are rare, documents are many.
    pub fn line_of(&self, pointer: &str) -> i32 {
        self.lines_of([pointer]).remove(pointer).unwrap_or(self.line)
    }

    /// The lines of several values, as [`Self::line_of`] tells them, from one more reading.
    pub fn lines_of<'p>(&self, pointers: impl IntoIterator<Item = &'p str>) -> BTreeMap<&'p str, i32> {
        let lines = lines::locate(&self.source, pointers, &self.limits).into_iter();
        lines
            .map(|(pointer, line)| (pointer, line.map_or(self.line, |line| self.first_line + line - 1)))
            .collect()
    }

    /// Says where `problem` stands: this document, and the line of its path.
    pub fn place(&self, mut problem: Problem) -> Problem {
        problem.document = Some(self.index);
        problem.line = Some(problem.path.as_deref().map_or(self.line, |path| self.line_of(path)));
        problem
    }
}

/// Reads all documents of a file. `location` is the text that stands for the file in problems,
/// such as `file:/srv/catalog-info.yaml`. Empty documents are left out.
pub fn parse(location: &str, bytes: &[u8]) -> Vec<Document> {
    parse_within(location, bytes, &Limits::default())
}

/// The same within these limits. What exceeds one is a problem that names it.
pub fn parse_within(location: &str, bytes: &[u8], limits: &Limits) -> Vec<Document> {
    if bytes.len() > limits.max_bytes {
        return vec![refused(location, 1, 1, &limits.bytes_exceeded(), limits)];
    }
    let text = String::from_utf8_lossy(bytes);
    let mut documents = Vec::new();
    for (index, chunk) in (1..).zip(split::documents(text.strip_prefix('\u{feff}').unwrap_or(&text))) {
        if documents.len() == limits.max_documents {
            documents.push(refused(location, index, chunk.line, &limits.documents_exceeded(), limits));
            break;
        }
        documents.extend(document(location, index, chunk, limits));
    }
    documents
}

/// Reads data that has to be exactly one document of any type, as `$yaml` demands.
///
/// # Errors
/// With the detail that stands behind the comma in Backstage's messages.
pub fn parse_single(text: &str) -> Result<Value, SingleError> {
    let mut chunks = split::documents(text.strip_prefix('\u{feff}').unwrap_or(text));
    match (chunks.next(), chunks.count()) {
        (Some(chunk), 0) => {
            let loaded = tabs::load(chunk.text, &Limits::default()).1;
            loaded.map(|loaded| loaded.value).map_err(SingleError::Syntax)
        }
        (first, more) => Err(SingleError::Count(usize::from(first.is_some()) + more)),
    }
}

/// Why data is not one document.
#[derive(Debug, thiserror::Error)]
pub enum SingleError {
    /// It does not parse.
    #[error("{0}")]
    Syntax(SyntaxError),
    /// There is none, or more than one.
    #[error("expected to find exactly one document of data, found {0}")]
    Count(usize),
}

/// What is wrong in a document, in the place of its own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong.
    pub detail: String,
    /// Line, from 1.
    pub line: i32,
    /// Column, from 1.
    pub column: i32,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "YAMLParseError: {} at line {}, column {}", self.detail, self.line, self.column)
    }
}

impl std::error::Error for SyntaxError {}

fn document(location: &str, index: i32, chunk: Chunk<'_>, limits: &Limits) -> Option<Document> {
    let (text, loaded) = tabs::load(chunk.text, limits);
    let (line, outcome) = match loaded {
        Ok(Loaded { value: Value::Null, .. }) => return None,
        Ok(Loaded { value: value @ Value::Object(_), line }) => (chunk.line + line - 1, Ok(value)),
        Ok(Loaded { value, line }) => (chunk.line + line - 1, Err(not_a_mapping(&value))),
        Err(error) => (chunk.line + error.line - 1, Err(syntax_problem(location, &chunk, error))),
    };
    let outcome = outcome.map_err(|mut problem| {
        problem.location = Some(location.to_owned());
        problem.document = Some(index);
        problem.line = Some(line);
        problem
    });
    let limits = limits.clone();
    Some(Document { index, line, outcome, source: text.into_owned(), first_line: chunk.line, limits })
}

/// What stands for the documents that a limit of the file shuts out.
fn refused(location: &str, index: i32, line: i32, detail: &str, limits: &Limits) -> Document {
    let mut problem = problem(location, detail)
        .with_advice("split the file, point to large definitions with `$text`, or raise the limit");
    (problem.document, problem.line) = (Some(index), Some(line));
    let source = String::new();
    Document { index, line, outcome: Err(problem), source, first_line: line, limits: limits.clone() }
}

fn not_a_mapping(value: &Value) -> Problem {
    let (type_of, what) = match value {
        Value::Array(_) => ("object", "a list"),
        Value::Bool(_) => ("boolean", "true or false"),
        Value::Number(_) => ("number", "a number"),
        _ => ("string", "a text"),
    };
    Problem::new("Error", format!("Expected object at root, got {type_of}")).with_advice(format!(
        "the document is {what}; an entity is a mapping with `apiVersion`, `kind`, `metadata` and `spec`"
    ))
}

fn problem(location: &str, detail: &str) -> Problem {
    let mut problem = Problem::new("Error", format!("YAML error at {location}, {detail}"));
    problem.location = Some(location.to_owned());
    problem
}

fn syntax_problem(location: &str, chunk: &Chunk<'_>, mut error: SyntaxError) -> Problem {
    let index = usize::try_from(error.line - 1).unwrap_or_default();
    let advice = explain::advice(&error.detail, chunk.text.lines().nth(index).unwrap_or_default());
    error.detail = explain::wording(&error.detail).to_owned();
    error.line += chunk.line - 1;
    problem(location, &error.to_string()).with_advice(format!("the document does not parse: {advice}"))
}

#[cfg(test)]
mod tests;
