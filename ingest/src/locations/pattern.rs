//! File patterns: which files a target such as `/srv/**/catalog-info.yaml` means.
//!
//! `*`, `?` and `[…]` stay within a name, `**` is any number of directories, `{a,b}` is both. Hidden
//! names are matched only by what begins with a dot, and `**` does not go through symbolic links.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use backstitch_schemas::Problem;
use globset::{GlobBuilder, GlobMatcher};

/// A file pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    branches: Vec<Branch>,
}

/// One way through a pattern, without braces.
#[derive(Clone, Debug)]
struct Branch {
    base: PathBuf,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug)]
enum Segment {
    AnyDepth,
    Name { matcher: GlobMatcher, hidden: bool },
}

/// What stands in the directories that a pattern leads through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Walk {
    /// The files that match.
    pub(super) files: BTreeSet<PathBuf>,
    /// The directories that were listed: a new match appears in one of them.
    pub(super) directories: BTreeSet<PathBuf>,
}

/// A directory that could not be listed, so that nothing is known.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be listed: {cause}", directory.display())]
pub(super) struct WalkError {
    pub(super) directory: PathBuf,
    #[source]
    pub(super) cause: io::Error,
}

impl Pattern {
    /// Whether a path is meant as a pattern.
    pub(crate) fn is_pattern(path: &str) -> bool {
        path.contains(['*', '?', '[', '{'])
    }

    /// Reads the pattern of an absolute path.
    pub(crate) fn new(text: &str) -> Result<Self, Problem> {
        let branches = braces(text).iter().map(|branch| Branch::new(branch)).collect::<Result<_, _>>();
        let branches = branches.map_err(|cause: globset::Error| {
            Problem::input(format!("the pattern {text} cannot be used: {cause}"))
                .with_advice("`*`, `?`, `[…]`, `{a,b}` and `**` have a meaning in patterns")
        })?;
        Ok(Self { text: text.to_owned(), branches })
    }

    /// The pattern as written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The directories below which all matches are.
    pub(super) fn bases(&self) -> impl Iterator<Item = &Path> {
        self.branches.iter().map(|branch| branch.base.as_path())
    }

    /// Whether a file with this path would match.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        self.branches.iter().any(|branch| {
            let Ok(rest) = path.strip_prefix(&branch.base) else { return false };
            let names: Option<Vec<&str>> = rest.iter().map(|name| name.to_str()).collect();
            names.is_some_and(|names| matches(&branch.segments, &names))
        })
    }

    /// Lists the directories that the pattern leads through.
    ///
    /// # Errors
    /// If one of them cannot be listed.
    pub(super) fn walk(&self) -> Result<Walk, WalkError> {
        let mut walk = Walk::default();
        for branch in &self.branches {
            descend(&branch.base, &branch.segments, &mut walk)?;
        }
        Ok(walk)
    }
}

impl Branch {
    fn new(text: &str) -> Result<Self, globset::Error> {
        let names: Vec<&str> = text.split('/').collect();
        let literal = names.iter().take_while(|name| !Pattern::is_pattern(name)).count();
        // The last name is always matched, so that a branch without wildcards lists its directory.
        let (base, rest) = names.split_at(literal.min(names.len().saturating_sub(1)));
        let base = PathBuf::from(format!("/{}", base.join("/").trim_matches('/')));
        let segments = rest.iter().filter(|name| !name.is_empty()).map(|name| Segment::new(name));
        Ok(Self { base, segments: segments.collect::<Result<_, _>>()? })
    }
}

impl Segment {
    fn new(name: &str) -> Result<Self, globset::Error> {
        if name == "**" {
            return Ok(Self::AnyDepth);
        }
        let glob = GlobBuilder::new(name).literal_separator(true).backslash_escape(true).build()?;
        Ok(Self::Name { matcher: glob.compile_matcher(), hidden: name.starts_with('.') })
    }

    fn takes(&self, name: &str) -> bool {
        match self {
            Self::AnyDepth => !name.starts_with('.'),
            Self::Name { matcher, hidden } => (*hidden || !name.starts_with('.')) && matcher.is_match(name),
        }
    }
}

fn matches(segments: &[Segment], names: &[&str]) -> bool {
    match (segments.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((Segment::AnyDepth, rest)), None) => matches(rest, names),
        (Some((any @ Segment::AnyDepth, rest)), Some((name, deeper))) => {
            matches(rest, names) || (any.takes(name) && matches(segments, deeper))
        }
        (Some((segment, rest)), Some((name, deeper))) => segment.takes(name) && matches(rest, deeper),
        _ => false,
    }
}

fn descend(directory: &Path, segments: &[Segment], walk: &mut Walk) -> Result<(), WalkError> {
    let Some((segment, rest)) = segments.split_first() else { return Ok(()) };
    let any_depth = matches!(segment, Segment::AnyDepth);
    if any_depth {
        // `**` at the end means every file below.
        descend(directory, if rest.is_empty() { &[] } else { rest }, walk)?;
    }
    let unlisted = |cause| WalkError { directory: directory.to_owned(), cause };
    let entries = match fs::read_dir(directory) {
        // Gone since its parent was listed.
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(unlisted)?,
    };
    walk.directories.insert(directory.to_owned());
    for entry in entries {
        let entry = entry.map_err(unlisted)?;
        let name = entry.file_name();
        if !name.to_str().is_some_and(|name| segment.takes(name)) {
            continue;
        }
        let path = entry.path();
        let linked = entry.file_type().map_err(unlisted)?.is_symlink();
        // A link that leads nowhere is nothing.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_dir() {
            let deeper = if any_depth { segments } else { rest };
            if !(any_depth && linked) {
                descend(&path, deeper, walk)?;
            }
        } else if rest.is_empty() {
            walk.files.insert(path);
        }
    }
    Ok(())
}

/// The pattern once for each choice in its braces.
fn braces(text: &str) -> Vec<String> {
    let Some((open, close)) = outer_braces(text) else { return vec![text.to_owned()] };
    let (before, after) = (&text[..open], &text[close + 1..]);
    let choices = choices(&text[open + 1..close]);
    if choices.len() < 2 {
        // `{a}` is no choice; its braces stand for themselves.
        return braces(after).into_iter().map(|rest| format!("{}{rest}", &text[..=close])).collect();
    }
    choices.iter().flat_map(|choice| braces(&format!("{before}{choice}{after}"))).collect()
}

fn outer_braces(text: &str) -> Option<(usize, usize)> {
    let open = text.find('{')?;
    let mut depth = 0;
    for (at, character) in text[open..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((open, open + at));
        }
    }
    None
}

fn choices(text: &str) -> Vec<&str> {
    let (mut found, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[from..]);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, tree: &[&str], expected: &[&str]) {
        let root = tempfile::tempdir().unwrap();
        for file in tree {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let text = format!("{}/{pattern}", root.path().display());
        let pattern = Pattern::new(&text).unwrap();
        let expected: BTreeSet<_> = expected.iter().map(|file| root.path().join(file)).collect();
        assert_eq!(pattern.walk().unwrap().files, expected, "{text}");
        for file in tree.iter().map(|file| root.path().join(file)) {
            assert_eq!(pattern.matches(&file), expected.contains(&file), "{text} and {}", file.display());
        }
    }

    const TREE: &[&str] =
        &["a.yaml", "b.yml", ".h.yaml", "x/a.yaml", "x/y/a.yaml", ".git/a.yaml", "x/.d/a.yaml"];

    #[test]
    fn patterns_mean_what_they_mean_in_a_shell() {
        check("*.yaml", TREE, &["a.yaml"]);
        check("**/a.yaml", TREE, &["a.yaml", "x/a.yaml", "x/y/a.yaml"]);
        check("**/*.{yaml,yml}", TREE, &["a.yaml", "b.yml", "x/a.yaml", "x/y/a.yaml"]);
        check("*/?.yaml", TREE, &["x/a.yaml"]);
        check("{x/y,.git}/a.yaml", TREE, &["x/y/a.yaml", ".git/a.yaml"]);
        check(".*.yaml", TREE, &[".h.yaml"]);
        check("x/**", TREE, &["x/a.yaml", "x/y/a.yaml"]);
        check("[ab].*", TREE, &["a.yaml", "b.yml"]);
    }

    #[test]
    fn a_walk_lists_the_directories_where_matches_can_appear() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::create_dir_all(root.path().join("c")).unwrap();
        let pattern = Pattern::new(&format!("{}/a/**/x.yaml", root.path().display())).unwrap();
        let expected = [root.path().join("a"), root.path().join("a/b")].into_iter().collect();
        assert_eq!(pattern.walk().unwrap().directories, expected);
        let nowhere = Pattern::new(&format!("{}/d/*", root.path().display())).unwrap();
        assert_eq!(nowhere.walk().unwrap(), Walk::default());
    }
}
