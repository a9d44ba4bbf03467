//! What git hosts tell about files and repositories, whatever product they are of.

use serde::{Deserialize, Serialize};
use url::Url;

use super::Scm;

/// Something that happened on a git host. URLs are those that people see: a file is
/// `https://host/owner/name/blob/branch/path`, a repository `https://host/owner/name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum ScmEvent {
    /// A file is new.
    #[serde(rename = "location.created")]
    LocationCreated {
        /// The file.
        url: String,
    },
    /// A file has changed.
    #[serde(rename = "location.updated")]
    LocationUpdated {
        /// The file.
        url: String,
    },
    /// A file is gone.
    #[serde(rename = "location.deleted")]
    LocationDeleted {
        /// The file.
        url: String,
    },
    /// A file has another path.
    #[serde(rename = "location.moved")]
    LocationMoved {
        /// Where it was.
        from_url: String,
        /// Where it is.
        to_url: String,
    },
    /// A repository is new.
    #[serde(rename = "repository.created")]
    RepositoryCreated {
        /// The repository.
        url: String,
    },
    /// A repository has changed, or one of its branches, in ways that nobody lists.
    #[serde(rename = "repository.updated")]
    RepositoryUpdated {
        /// The repository, or `…/blob/branch` of it.
        url: String,
    },
    /// A repository is gone.
    #[serde(rename = "repository.deleted")]
    RepositoryDeleted {
        /// The repository.
        url: String,
    },
    /// A repository has another name or another owner.
    #[serde(rename = "repository.moved")]
    RepositoryMoved {
        /// Where it was.
        from_url: String,
        /// Where it is.
        to_url: String,
    },
}

/// What is behind the URL `whole`, seen from `part`: `Some("")` for itself, `Some("/…")` below it, and
/// nothing for `…/name-2` seen from `…/name`.
pub fn below<'a>(whole: &'a str, part: &str) -> Option<&'a str> {
    let rest = whole.strip_prefix(part)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

impl Scm {
    /// All URLs that name the same file, folder or branch as `url`: each view of it and, where the branch
    /// is the default one, by `HEAD` too. Only the URL itself, where a product is not told apart this way.
    pub fn spellings(self, url: &Url, on_default_branch: bool) -> Vec<String> {
        let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        let (repository, rest, dashes): (_, _, &[&str]) = match (self, &segments[..]) {
            (Self::GitHub, [owner, name, view, rest @ ..]) if VIEWS.contains(view) => {
                (vec![*owner, *name], rest, &[""])
            }
            (Self::GitLab, segments) => match dashed(segments) {
                Some(dash) => (segments[..dash].to_vec(), &segments[dash + 2..], &["-/", ""]),
                None => return vec![url.to_string()],
            },
            _ => return vec![url.to_string()],
        };
        let [branch, path @ ..] = rest else { return vec![url.to_string()] };
        let branches = if on_default_branch { vec![*branch, "HEAD"] } else { vec![*branch] };
        let (repository, path) = (repository.join("/"), path.join("/"));
        let mut spellings = Vec::new();
        for (dash, view, branch) in dashes
            .iter()
            .flat_map(|dash| VIEWS.map(|view| (dash, view)))
            .flat_map(|(dash, view)| branches.iter().map(move |branch| (dash, view, branch)))
        {
            let mut spelling = url.clone();
            let rest = if path.is_empty() { String::new() } else { format!("/{path}") };
            spelling.set_path(&format!("/{repository}/{dash}{view}/{branch}{rest}"));
            spellings.push(spelling.into());
        }
        spellings
    }
}

/// How a file is looked at.
const VIEWS: [&str; 4] = ["blob", "tree", "raw", "edit"];

/// Where GitLab's dash before a view stands.
fn dashed(segments: &[&str]) -> Option<usize> {
    segments.windows(2).position(|pair| pair[0] == "-" && VIEWS.contains(&pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_written_as_in_backstage() {
        let event =
            ScmEvent::LocationMoved { from_url: "https://h/a".to_owned(), to_url: "https://h/b".to_owned() };
        let json = r#"{"type":"location.moved","fromUrl":"https://h/a","toUrl":"https://h/b"}"#;
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
        assert_eq!(serde_json::from_str::<ScmEvent>(json).unwrap(), event);
    }

    #[test]
    fn a_repository_is_no_prefix_of_its_namesakes() {
        assert_eq!(below("https://h/o/r/blob/main/a", "https://h/o/r"), Some("/blob/main/a"));
        assert_eq!(below("https://h/o/r", "https://h/o/r"), Some(""));
        assert_eq!(below("https://h/o/r2/blob/main/a", "https://h/o/r"), None);
    }

    #[test]
    fn a_file_has_many_urls() {
        let spellings = |scm: Scm, url: &str, default| scm.spellings(&Url::parse(url).unwrap(), default);
        let github = spellings(Scm::GitHub, "https://github.com/o/r/blob/feature%2Fx/a%20b.yaml", false);
        assert_eq!(github.len(), 4);
        assert!(github.contains(&"https://github.com/o/r/tree/feature%2Fx/a%20b.yaml".to_owned()));
        let head = spellings(Scm::GitHub, "https://github.com/o/r/blob/main", true);
        assert!(head.contains(&"https://github.com/o/r/tree/HEAD".to_owned()) && head.len() == 8, "{head:?}");
        let gitlab = spellings(Scm::GitLab, "https://gitlab.com/g/s/p/-/blob/main/a.yaml", true);
        assert!(gitlab.contains(&"https://gitlab.com/g/s/p/raw/HEAD/a.yaml".to_owned()));
        assert!(gitlab.contains(&"https://gitlab.com/g/s/p/-/blob/main/a.yaml".to_owned()));
        let repository = "https://gitlab.com/g/p";
        assert_eq!(spellings(Scm::GitLab, repository, true), [repository]);
    }
}
