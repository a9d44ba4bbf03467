//! A problem with an entity or its source, as a person is told about it.

use serde::{Deserialize, Serialize};

use crate::json_pointer::leads_into;

/// How bad a problem is. The words are those of status items, GitHub and SARIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The document does its work, but not as its author may think.
    Warning,
    /// The document is not let into the catalog, or not as it stands.
    Error,
}

impl Level {
    /// `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What is wrong, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Error name in Backstage's words (`InputError`, `NotAllowedError`, `NotFoundError`, …); the name of
    /// a warning, of which Backstage has none, ends in `Warning`.
    pub name: String,
    /// What clients match on: for model errors the text shape that Backstage gives.
    pub message: String,
    /// What is wrong and what to change, for a person, in one or two sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Location ref of the document, e.g. `file:/srv/catalog-info.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Number of the document in its file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<i32>,
    /// Line in the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<i32>,
    /// JSON pointer of the value in the entity, e.g. `/spec/owner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Problem {
    /// A problem with nothing known about its place.
    pub fn new(name: &str, message: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            message: message.into(),
            advice: None,
            location: None,
            document: None,
            line: None,
            path: None,
        }
    }

    /// A problem with the input itself: trying again cannot help.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new("InputError", message)
    }

    /// The same problem with a sentence that tells what to do.
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The same problem at a place in the entity.
    pub fn at_path(mut self, pointer: impl Into<String>) -> Self {
        self.path = Some(pointer.into());
        self
    }

    /// Whether it is about the value at `pointer`, or about something in it.
    pub fn is_within(&self, pointer: &str) -> bool {
        self.path.as_deref().is_some_and(|path| leads_into(path, pointer))
    }

    /// Whether it is about a value that one of `known` says is wrong already: mending that may mend this.
    pub fn is_told_by<'a>(&self, known: impl IntoIterator<Item = &'a Self>) -> bool {
        known.into_iter().filter_map(|known| known.path.as_deref()).any(|pointer| self.is_within(pointer))
    }

    /// How bad it is, as its name tells.
    pub fn level(&self) -> Level {
        if self.name.ends_with("Warning") { Level::Warning } else { Level::Error }
    }

    /// `name: message`, the text of a status item.
    pub fn headline(&self) -> String {
        format!("{}: {}", self.name, self.message)
    }

    /// Name and message of the error that a processor's error wraps, as Backstage serialises it
    /// under `cause`; none if nothing is wrapped.
    pub fn cause(&self) -> Option<(&str, &str)> {
        self.message.split_once("; caused by ")?.1.split_once(": ")
    }
}
