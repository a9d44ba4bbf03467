//! What a file leaves to its surroundings: `${NAME}`, `$env`, `$file` and `$include`.
//!
//! Same meaning as in Backstage's configuration loader. A variable that is not set makes the
//! whole value undefined, so its key is missing; what that means is for the reader of the key.
//! Sections that we do not read are left as they are: nothing in them can stop the start.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::node::{Node, Value};
use super::{ConfigError, sections};

/// Reads a file that configuration names.
pub(super) type ReadFile<'a> = dyn Fn(&Path) -> io::Result<String> + 'a;

/// The surroundings of a configuration file.
pub(super) struct Substitution<'a> {
    /// The environment.
    pub(super) env: &'a BTreeMap<String, String>,
    /// Reads `$file` and `$include`.
    pub(super) read: &'a ReadFile<'a>,
    /// Values that became undefined, for the log: key, then variable.
    pub(super) undefined: Vec<(String, String)>,
}

impl Substitution<'_> {
    /// The node with everything filled in; `None` if it became undefined. `dir` is the folder
    /// that relative file names start from.
    pub(super) fn apply(&mut self, node: Node, dir: &Path, path: &str) -> Result<Option<Node>, ConfigError> {
        if !sections::is_read(path) {
            return Ok(Some(node));
        }
        match node.value {
            Value::String(text) => {
                let filled = self.fill(&text, path);
                Ok(filled.map(|text| Node { value: Value::String(text), place: node.place }))
            }
            Value::Object(_) => match include_of(&node, path)? {
                Some((directive, argument)) => self.include(&node, directive, &argument, dir, path),
                None => self.children(node, dir, path).map(Some),
            },
            Value::Array(_) => self.children(node, dir, path).map(Some),
            _ => Ok(Some(node)),
        }
    }

    fn children(&mut self, mut node: Node, dir: &Path, path: &str) -> Result<Node, ConfigError> {
        node.value = match node.value {
            Value::Array(items) => {
                let mut filled = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    filled.extend(self.apply(item, dir, &format!("{path}[{index}]"))?);
                }
                Value::Array(filled)
            }
            Value::Object(fields) => {
                let mut filled = Vec::with_capacity(fields.len());
                for (key, item) in fields {
                    let below = self.apply(item, dir, &join(path, &key))?;
                    filled.extend(below.map(|item| (key, item)));
                }
                Value::Object(filled)
            }
            scalar => scalar,
        };
        Ok(node)
    }

    fn include(
        &mut self,
        node: &Node,
        directive: Directive,
        argument: &str,
        dir: &Path,
        path: &str,
    ) -> Result<Option<Node>, ConfigError> {
        let refuse = |detail: String| value_error(node, path, detail);
        let Some(argument) = self.fill(argument, path) else {
            return Err(refuse(format!(
                "{} names something by a variable that is not set",
                directive.name()
            )));
        };
        match directive {
            Directive::Env => Ok(self.variable(&argument, path).map(|text| string_at(node, text))),
            Directive::File => {
                let text = self.read_file(&dir.join(&argument))?;
                Ok(Some(string_at(node, text.trim_end().to_owned())))
            }
            Directive::Include => {
                let (file, inner) = argument.split_once('#').unwrap_or((&argument, ""));
                let file = dir.join(file);
                let included = self.included_part(&file, inner).map_err(|error| match error {
                    PartError::Config(error) => error,
                    PartError::Missing(detail) => refuse(detail),
                })?;
                let Some(included) = included else { return Ok(None) };
                let dir = file.parent().unwrap_or(dir).to_owned();
                match included.value {
                    Value::String(text) => Ok(self
                        .fill(&text, path)
                        .map(|text| Node { value: Value::String(text), place: included.place })),
                    // The included object's own fields are filled in; it is not itself an include again.
                    _ => self.children(included, &dir, path).map(Some),
                }
            }
        }
    }

    fn included_part(&self, file: &Path, inner: &str) -> Result<Option<Node>, PartError> {
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !["json", "yaml", "yml"].contains(&extension) {
            return Err(PartError::Missing(format!(
                "cannot include {}: only .yaml, .yml and .json",
                file.display()
            )));
        }
        let text = self.read_file(file)?;
        let mut node = Node::parse(&file.display().to_string(), &text)?;
        for part in inner.split('.').filter(|part| !part.is_empty()) {
            if !matches!(node.value, Value::Object(_)) {
                return Err(PartError::Missing(format!("{} has no object above '{part}'", file.display())));
            }
            let Some(below) = node.get(part) else { return Ok(None) };
            node = below.clone();
        }
        Ok(Some(node))
    }

    fn read_file(&self, path: &Path) -> Result<String, ConfigError> {
        (self.read)(path).map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })
    }

    /// Replaces each `${NAME}` and `${NAME:-default}`; `$${` stands for a literal `${`.
    fn fill(&mut self, text: &str, path: &str) -> Option<String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(found) = next_expression(rest) {
            filled.push_str(&rest[..found.start]);
            match found.escaped {
                true => filled.push_str(&rest[found.start + 1..found.end]),
                false => filled.push_str(&self.evaluate(found.inner, path)?),
            }
            rest = &rest[found.end..];
        }
        filled.push_str(rest);
        Some(filled)
    }

    fn evaluate(&mut self, expression: &str, path: &str) -> Option<String> {
        match expression.split_once(":-") {
            None => self.variable(expression.trim(), path),
            Some((name, default)) => {
                let set =
                    self.env.get(name.trim()).map(|value| value.trim()).filter(|value| !value.is_empty());
                let value = set.unwrap_or(default.trim());
                (!value.is_empty()).then(|| value.to_owned())
            }
        }
    }

    fn variable(&mut self, name: &str, path: &str) -> Option<String> {
        let value = self.env.get(name).map(|value| value.trim().to_owned());
        if value.is_none() {
            self.undefined.push((path.to_owned(), name.to_owned()));
        }
        value
    }
}

#[derive(Clone, Copy)]
enum Directive {
    Env,
    File,
    Include,
}

impl Directive {
    fn name(self) -> &'static str {
        match self {
            Self::Env => "$env",
            Self::File => "$file",
            Self::Include => "$include",
        }
    }
}

enum PartError {
    Config(ConfigError),
    Missing(String),
}

impl From<ConfigError> for PartError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// The directive that this object is, with its argument.
fn include_of(node: &Node, path: &str) -> Result<Option<(Directive, String)>, ConfigError> {
    let Value::Object(fields) = &node.value else { return Ok(None) };
    let all = [Directive::Env, Directive::File, Directive::Include];
    let found = fields.iter().find_map(|(key, argument)| {
        all.into_iter().find(|directive| directive.name() == key).map(|directive| (directive, argument))
    });
    let Some((directive, argument)) = found else { return Ok(None) };
    if fields.len() != 1 {
        return Err(value_error(node, path, format!("{} must stand alone in its object", directive.name())));
    }
    match &argument.value {
        Value::String(text) => Ok(Some((directive, text.clone()))),
        _ => Err(value_error(node, path, format!("{} needs a text", directive.name()))),
    }
}

struct Expression<'a> {
    start: usize,
    end: usize,
    escaped: bool,
    inner: &'a str,
}

/// The next `${…}` or `$${…}` whose inside has no braces.
fn next_expression(text: &str) -> Option<Expression<'_>> {
    let mut from = 0;
    while let Some(open) = text[from..].find("${").map(|at| at + from) {
        let inside = open + 2;
        let stop = text[inside..].find(['{', '}'])? + inside;
        if text[stop..].starts_with('}') {
            let escaped = text[..open].ends_with('$') && open > from;
            let start = if escaped { open - 1 } else { open };
            return Some(Expression { start, end: stop + 1, escaped, inner: &text[inside..stop] });
        }
        from = stop;
    }
    None
}

fn string_at(node: &Node, text: String) -> Node {
    Node { value: Value::String(text), place: node.place.clone() }
}

fn value_error(node: &Node, path: &str, detail: String) -> ConfigError {
    ConfigError::Value { path: path.to_owned(), place: node.place.clone(), detail }
}

/// `path.key`, or `key` at the root.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The folder that relative names in `file` start from.
pub(super) fn folder_of(file: &Path, cwd: &Path) -> PathBuf {
    cwd.join(file).parent().map_or_else(|| cwd.to_owned(), Path::to_owned)
}
