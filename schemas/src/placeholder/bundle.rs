//! Makes one document of an API definition that is spread over several files.
//!
//! The first use of something that stands in another file is replaced by it, further uses point to
//! the place where it then stands. The nearer use counts as the first: the one behind fewer
//! references, then the one less deep. References within the document itself stay as they are, and
//! so references that run in circles do no harm.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use serde_json::{Map, Value};

use crate::{json_pointer::escape, percent, yaml::MAX_DEPTH};

/// Keys and values that a bundle may have.
const MAX_NODES: usize = 1_000_000;

/// A file of a bundle: the first is the definition itself.
#[derive(Clone, Debug)]
pub struct Part {
    /// What stands in it.
    pub value: Value,
    /// For each of [`files_of`] its index among the parts.
    pub links: HashMap<String, usize>,
}

/// Why parts make no bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// A reference to something that its file does not hold.
    #[error("`{0}` leads to nothing")]
    Dangling(String),
    /// References that lead to each other only.
    #[error("`{0}` leads back to itself")]
    Endless(String),
    /// More than anybody could read.
    #[error(
        "with the files it refers to it nests more than {MAX_DEPTH} levels or has more than {MAX_NODES} values"
    )]
    TooLarge,
}

/// The other files that a document refers to, as it writes them, without what stands behind `#`.
pub fn files_of(document: &Value) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    references(document, &mut Vec::new(), &Kept::of(document), &mut |_, text| {
        let file = file_of(text);
        if !file.is_empty() {
            files.insert(file.to_owned());
        }
    });
    files
}

/// The definition with everything that it refers to in it.
///
/// # Errors
/// If a reference leads nowhere, or the result is too large.
pub fn bundle(parts: &[Part]) -> Result<Value, BundleError> {
    let Some(root) = parts.first() else { return Ok(Value::Null) };
    let mut bundler = Bundler {
        parts,
        kept: Kept::of(&root.value),
        value: root.value.clone(),
        placed: HashMap::from([((0, String::new()), String::new())]),
        waiting: BinaryHeap::new(),
        nodes: 0,
    };
    bundler.queue(0, 0, &[], &root.value)?;
    while let Some(Reverse(next)) = bundler.waiting.pop() {
        bundler.put(next)?;
    }
    Ok(bundler.value)
}

struct Bundler<'a> {
    parts: &'a [Part],
    kept: Kept,
    value: Value,
    /// By part and pointer in it, the pointer in the bundle where that stands.
    placed: HashMap<(usize, String), String>,
    /// References that are not looked at yet.
    waiting: BinaryHeap<Reverse<Waiting>>,
    nodes: usize,
}

/// A reference in the bundle; the smallest is looked at first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    indirections: usize,
    depth: usize,
    path: Vec<String>,
    part: usize,
    text: String,
}

impl Bundler<'_> {
    /// Notes the references in `value`, which comes from `part` and stands at `path`.
    fn queue(
        &mut self,
        part: usize,
        indirections: usize,
        path: &[String],
        value: &Value,
    ) -> Result<(), BundleError> {
        let depth = depth_of(value, &mut self.nodes);
        if self.nodes > MAX_NODES || path.len() + depth > MAX_DEPTH {
            return Err(BundleError::TooLarge);
        }
        let (waiting, mut path) = (&mut self.waiting, path.to_vec());
        references(value, &mut path, &self.kept, &mut |path, text| {
            // The definition's own references within itself hold as they are.
            if part != 0 || !text.starts_with('#') {
                waiting.push(Reverse(Waiting {
                    indirections,
                    depth: path.len(),
                    path: path.to_vec(),
                    part,
                    text: text.to_owned(),
                }));
            }
        });
        Ok(())
    }

    fn put(&mut self, waiting: Waiting) -> Result<(), BundleError> {
        let Waiting { indirections, path, part, text, .. } = waiting;
        let (part, pointer) = self.target(part, &text)?;
        let here = self.value.pointer_mut(&pointer_of(&path));
        let Some(Value::Object(members)) = here else { return Ok(()) };
        if let Some(place) = place_of(&self.placed, part, &pointer) {
            members.insert("$ref".to_owned(), format!("#{}", escaped(&place)).into());
            return Ok(());
        }
        members.remove("$ref");
        let own = std::mem::take(members);
        let found = lookup(&self.parts[part].value, &pointer).cloned().unwrap_or(Value::Null);
        let value = match found {
            // What stands beside a reference goes before what it leads to.
            Value::Object(found) if !own.is_empty() => Value::Object(merged(own, found)),
            found => found,
        };
        self.placed.insert((part, pointer), pointer_of(&path));
        self.queue(part, indirections + 1, &path, &value)?;
        if let Some(here) = self.value.pointer_mut(&pointer_of(&path)) {
            *here = value;
        }
        Ok(())
    }

    /// What a reference in `part` leads to, through whatever references stand on the way.
    fn target(&self, part: usize, text: &str) -> Result<(usize, String), BundleError> {
        let (mut part, mut text) = (part, text.to_owned());
        let mut been = HashSet::new();
        loop {
            if !been.insert((part, text.clone())) {
                return Err(BundleError::Endless(text));
            }
            let dangling = || BundleError::Dangling(text.clone());
            let file = file_of(&text);
            let target = if file.is_empty() {
                part
            } else {
                *self.parts[part].links.get(file).ok_or_else(dangling)?
            };
            let pointer = pointer_in(&text).ok_or_else(dangling)?;
            match follow(&self.parts[target].value, &pointer).ok_or_else(dangling)? {
                Followed::There => return Ok((target, pointer)),
                Followed::Elsewhere(next) => (part, text) = (target, next),
            }
        }
    }
}

enum Followed {
    There,
    /// A reference on the way, with the rest of the pointer behind it.
    Elsewhere(String),
}

/// Goes along a pointer as far as it leads.
fn follow(value: &Value, pointer: &str) -> Option<Followed> {
    let mut here = value;
    let mut rest = pointer;
    while let Some(inner) = rest.strip_prefix('/') {
        let (name, behind) =
            inner.split_once('/').map_or((inner, ""), |(name, _)| (name, &inner[name.len()..]));
        here = match lookup(here, &format!("/{name}")) {
            Some(next) => next,
            None => {
                let text = here.get("$ref").and_then(Value::as_str)?;
                let glue = if text.contains('#') { "" } else { "#" };
                return Some(Followed::Elsewhere(format!("{text}{glue}{}", escaped(rest))));
            }
        };
        rest = behind;
    }
    Some(Followed::There)
}

fn lookup<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    value.pointer(pointer)
}

/// Where in the bundle something stands, by itself or as part of something larger.
fn place_of(placed: &HashMap<(usize, String), String>, part: usize, pointer: &str) -> Option<String> {
    let mut above = pointer;
    loop {
        if let Some(place) = placed.get(&(part, above.to_owned())) {
            return Some(format!("{place}{}", &pointer[above.len()..]));
        }
        above = &above[..above.rfind('/')?];
    }
}

fn merged(own: Map<String, Value>, mut found: Map<String, Value>) -> Map<String, Value> {
    found.extend(own);
    found
}

/// Visits all references in `value` with their paths. What a reference stands beside is not
/// looked into, nor are the places that stay as they are.
fn references(value: &Value, path: &mut Vec<String>, kept: &Kept, visit: &mut impl FnMut(&[String], &str)) {
    if kept.stays(path) {
        return;
    }
    match value {
        Value::Object(members) => {
            if let Some(text) = members.get("$ref").and_then(Value::as_str).filter(|text| !text.is_empty()) {
                visit(path, text);
            }
            for (name, member) in members {
                path.push(name.clone());
                references(member, path, kept, visit);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                references(item, path, kept, visit);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The places of an AsyncAPI document of version 3 that have to stay references: where operations
/// name their channels and messages, and channels their servers.
struct Kept {
    asyncapi_3: bool,
}

impl Kept {
    fn of(root: &Value) -> Self {
        let version = root.get("asyncapi").and_then(Value::as_str);
        Self { asyncapi_3: version.is_some_and(|version| version.starts_with("3.")) }
    }

    fn stays(&self, path: &[String]) -> bool {
        if !self.asyncapi_3 {
            return false;
        }
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let path = path.strip_prefix(&["components"]).unwrap_or(&path);
        matches!(
            path,
            ["channels", _, "servers"]
                | ["operations", _, "channel" | "messages"]
                | ["operations", _, "reply", "channel" | "messages"]
        )
    }
}

/// The part of a reference before `#`.
fn file_of(text: &str) -> &str {
    text.split_once('#').map_or(text, |(file, _)| file)
}

/// The JSON pointer behind `#`, decoded; `None` for an anchor by name.
fn pointer_in(text: &str) -> Option<String> {
    let fragment = text.split_once('#').map_or("", |(_, fragment)| fragment);
    let pointer = percent::decoded(fragment);
    let pointer = pointer.trim_end_matches('/');
    (pointer.is_empty() || pointer.starts_with('/')).then(|| pointer.to_owned())
}

fn pointer_of(path: &[String]) -> String {
    path.iter().map(|name| format!("/{}", escape(name))).collect()
}

/// A pointer as it stands in a URL's fragment.
fn escaped(pointer: &str) -> String {
    pointer.replace('%', "%25").replace('#', "%23").replace(' ', "%20").replace('"', "%22")
}

fn depth_of(value: &Value, nodes: &mut usize) -> usize {
    *nodes += 1;
    let children: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Object(members) => Box::new(members.values()),
        Value::Array(items) => Box::new(items.iter()),
        _ => return 0,
    };
    children.map(|child| depth_of(child, nodes) + 1).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
