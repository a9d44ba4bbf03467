//! URLs of git hosts: where a file is edited, and where the folder around it stands.
//!
//! Text only; nothing is asked of the hosts.

use url::Url;

/// The sorts of git hosts whose URLs are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scm {
    /// github.com and GitHub Enterprise.
    GitHub,
    /// gitlab.com and self-managed GitLab.
    GitLab,
    /// bitbucket.org.
    BitbucketCloud,
    /// dev.azure.com.
    AzureDevOps,
}

/// Which host is of which sort. Hosts are compared to the letter, port included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(Vec<(String, Scm)>);

/// The links of a file on a git host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// Where the file is edited; none if the URL names a commit.
    pub edit: Option<String>,
    /// The folder that the file stands in.
    pub source: String,
}

impl Default for Hosts {
    /// The public hosts.
    fn default() -> Self {
        let host = |name: &str, scm| (name.to_owned(), scm);
        Self(vec![
            host("github.com", Scm::GitHub),
            host("gitlab.com", Scm::GitLab),
            host("bitbucket.org", Scm::BitbucketCloud),
            host("dev.azure.com", Scm::AzureDevOps),
        ])
    }
}

impl Hosts {
    /// Adds a host of one's own.
    pub fn add(&mut self, host: impl Into<String>, scm: Scm) {
        self.0.push((host.into(), scm));
    }

    /// The sort of the host that `url` points at, if it is a git host.
    pub fn scm_of(&self, url: &Url) -> Option<Scm> {
        let name = url.host_str()?;
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        self.0.iter().find(|(known, _)| *known == host).map(|(_, scm)| *scm)
    }

    /// The links of the file at `target`; none if no git host is behind it.
    pub fn links(&self, target: &str) -> Option<Links> {
        let url = Url::parse(target).ok()?;
        let scm = self.scm_of(&url)?;
        let edit = if names_a_commit(target) { None } else { edit_url(scm, &url, target) };
        Some(Links { edit, source: folder_of(scm, &url)? })
    }
}

/// Forty or more hexadecimal digits in a row, as a word.
fn names_a_commit(target: &str) -> bool {
    let words = target.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .into_iter()
        .any(|word| word.len() >= 40 && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

fn edit_url(scm: Scm, url: &Url, target: &str) -> Option<String> {
    match scm {
        Scm::GitHub => Some(with_github_view(target, url, "edit")),
        Scm::GitLab => {
            let view = ["/-/blob/", "/-/tree/", "/-/edit/"].into_iter().find(|view| target.contains(view));
            Some(view.map_or_else(|| target.to_owned(), |view| target.replacen(view, "/-/edit/", 1)))
        }
        Scm::BitbucketCloud => {
            // /workspace/repository/src/ref/path
            let reference = url.path_segments()?.nth(3)?.to_owned();
            let mut edit = url.clone();
            edit.query_pairs_mut().append_pair("mode", "edit").append_pair("at", &reference);
            Some(edit.into())
        }
        Scm::AzureDevOps => Some(target.to_owned()),
    }
}

fn folder_of(scm: Scm, url: &Url) -> Option<String> {
    if scm == Scm::AzureDevOps {
        return azure_folder(url);
    }
    let mut folder = url.join("./").ok()?;
    folder.set_query(url.query());
    let text = String::from(folder.clone());
    Some(if scm == Scm::GitHub { with_github_view(&text, &folder, "tree") } else { text })
}

/// On Azure DevOps the path of the file is a query parameter.
fn azure_folder(url: &Url) -> Option<String> {
    let path = url.query_pairs().find(|(name, _)| name == "path").map(|(_, path)| path.into_owned());
    let path = path.unwrap_or_default();
    let folder = Url::parse(&format!("https://path{path}")).ok()?.join("./").ok()?.path().to_owned();
    let mut others: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    match others.iter_mut().find(|(name, _)| name == "path") {
        Some((_, path)) => *path = folder,
        None => others.push(("path".to_owned(), folder)),
    }
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(others);
    Some(url.into())
}

/// `…/owner/repository/{blob,tree,edit}/…` with another view.
fn with_github_view(text: &str, url: &Url, view: &str) -> String {
    let mut segments = url.path_segments().into_iter().flatten();
    let (owner, repository, current) = (segments.next(), segments.next(), segments.next());
    match (owner, repository, current) {
        (Some(owner), Some(repository), Some(current @ ("blob" | "tree" | "edit"))) => text.replacen(
            &format!("/{owner}/{repository}/{current}/"),
            &format!("/{owner}/{repository}/{view}/"),
            1,
        ),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, edit: Option<&str>, source: &str) {
        let links = Hosts::default().links(target).unwrap();
        assert_eq!((links.edit.as_deref(), links.source.as_str()), (edit, source));
    }

    #[test]
    fn links_are_those_of_backstage() {
        check(
            "https://github.com/o/r/blob/main/a/catalog-info.yaml",
            Some("https://github.com/o/r/edit/main/a/catalog-info.yaml"),
            "https://github.com/o/r/tree/main/a/",
        );
        check(
            "https://gitlab.com/g/s/r/-/blob/main/catalog-info.yaml",
            Some("https://gitlab.com/g/s/r/-/edit/main/catalog-info.yaml"),
            "https://gitlab.com/g/s/r/-/blob/main/",
        );
        check(
            "https://bitbucket.org/w/r/src/master/a.yaml",
            Some("https://bitbucket.org/w/r/src/master/a.yaml?mode=edit&at=master"),
            "https://bitbucket.org/w/r/src/master/",
        );
        check(
            "https://dev.azure.com/o/p/_git/r?path=%2Fa%2Fb.yaml&version=GBmain",
            Some("https://dev.azure.com/o/p/_git/r?path=%2Fa%2Fb.yaml&version=GBmain"),
            "https://dev.azure.com/o/p/_git/r?path=%2Fa%2F&version=GBmain",
        );
    }

    #[test]
    fn a_file_of_a_commit_is_not_edited() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let target = format!("https://github.com/o/r/blob/{commit}/a.yaml");
        check(&target, None, &format!("https://github.com/o/r/tree/{commit}/"));
    }

    #[test]
    fn other_hosts_and_ports_have_no_links() {
        assert_eq!(Hosts::default().links("https://example.com/o/r/blob/main/a.yaml"), None);
        assert_eq!(Hosts::default().links("https://github.com:8443/o/r/blob/main/a.yaml"), None);
        assert_eq!(Hosts::default().links("not a url"), None);
    }
}
