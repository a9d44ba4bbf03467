//! Reads descriptor files: bytes in, documents with positions out.
//!
//! YAML 1.2 as the npm package `yaml` reads it for Backstage: core schema, no merge keys, a key
//! twice in one mapping is an error, JSON is accepted because it is YAML. Each document stands for
//! itself: a syntax error in one leaves its siblings readable. What a file may cost is bounded,
//! so an alias bomb is an error and not an outage.

mod explain;
mod load;
mod scalar;
mod split;
mod tabs;

use std::fmt;

use serde_json::Value;

use crate::Problem;
use load::Loaded;
use split::Chunk;

/// Bytes that a descriptor file may have.
pub const MAX_FILE_BYTES: usize = 16 << 20;

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
}

impl Document {
    /// The line of the value at a JSON pointer such as `/spec/owner`, or of its nearest ancestor
    /// that exists. A member of a mapping stands where its key stands.
    ///
    /// The document is read again for this: problems are rare, documents are many.
    pub fn line_of(&self, pointer: &str) -> i32 {
        let line = load::locate(&self.source, pointer);
        line.map_or(self.line, |line| self.first_line + line - 1)
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
    if bytes.len() > MAX_FILE_BYTES {
        let problem = problem(location, &format!("the file has more than {MAX_FILE_BYTES} bytes"));
        return vec![Document {
            index: 1,
            line: 1,
            outcome: Err(problem.with_advice("split the file, or point to large definitions with `$text`")),
            source: String::new(),
            first_line: 1,
        }];
    }
    let text = String::from_utf8_lossy(bytes);
    let chunks = split::documents(text.strip_prefix('\u{feff}').unwrap_or(&text));
    (1..).zip(chunks).filter_map(|(index, chunk)| document(location, index, chunk)).collect()
}

/// Reads data that has to be exactly one document of any type, as `$yaml` demands.
///
/// # Errors
/// With the detail that stands behind the comma in Backstage's messages.
pub fn parse_single(text: &str) -> Result<Value, SingleError> {
    let chunks: Vec<Chunk<'_>> = split::documents(text.strip_prefix('\u{feff}').unwrap_or(text)).collect();
    match chunks.as_slice() {
        [chunk] => tabs::load(chunk.text).1.map(|loaded| loaded.value).map_err(SingleError::Syntax),
        _ => Err(SingleError::Count(chunks.len())),
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

fn document(location: &str, index: i32, chunk: Chunk<'_>) -> Option<Document> {
    let (text, loaded) = tabs::load(chunk.text);
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
    Some(Document { index, line, outcome, source: text.into_owned(), first_line: chunk.line })
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
