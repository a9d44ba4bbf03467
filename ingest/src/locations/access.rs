//! Which URLs may be read. Pure; asked before every request, redirects included.

use backstitch_schemas::{Problem, percent, scm::host_of};
use url::Url;

use super::{AllowedHost, Config};
use crate::hosts::{GitHost, no_file};

/// Which URLs may be read.
#[derive(Clone, Debug)]
pub(super) struct Access {
    allow: Vec<AllowedHost>,
    git_hosts: Vec<GitHost>,
}

impl Access {
    pub(super) fn new(config: &Config) -> Self {
        Self { allow: config.allow.clone(), git_hosts: config.git_hosts.clone() }
    }

    /// Lets a URL be listed by a Location, or says why it is never read.
    pub(super) fn check(&self, url: &Url) -> Result<(), Problem> {
        match self.git_host(url) {
            Some(git) => git.scm.file(url).map(drop).map_err(|why| no_file(url, &why)),
            None => self.check_page(url),
        }
    }

    /// Lets a URL be fetched as it is, or says why not.
    pub(super) fn check_page(&self, url: &Url) -> Result<(), Problem> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(url, "only `https` and `http` URLs can be read"));
        }
        if self.git_host(url).is_some() {
            return Err(refused(url, "pages of a git host are not read; name the file in its repository"));
        }
        let host = host_of(url);
        if self.allow.iter().any(|allowed| allowed.covers(&host, url)) {
            return Ok(());
        }
        Err(refused(url, &format!("add `- host: {host}` to `backend.reading.allow`")))
    }
}

impl Access {
    /// The git host that `url` points at.
    pub(super) fn git_host(&self, url: &Url) -> Option<&GitHost> {
        let host = host_of(url);
        self.git_hosts.iter().find(|git| git.host.eq_ignore_ascii_case(&host))
    }
}

impl AllowedHost {
    fn covers(&self, host: &str, url: &Url) -> bool {
        let host_matches = match self.host.strip_prefix('*') {
            Some(suffix) if suffix.starts_with('.') => {
                host.len() > suffix.len() && host.to_lowercase().ends_with(&suffix.to_lowercase())
            }
            _ => host.eq_ignore_ascii_case(&self.host),
        };
        let path_matches = self.paths.as_ref().is_none_or(|paths| {
            // A server may decode what the parser of URLs left alone, and climb out of the path.
            !percent::climbs(url.path()) && paths.iter().any(|path| url.path().starts_with(path))
        });
        host_matches && path_matches
    }
}

fn refused(url: &Url, advice: &str) -> Problem {
    let message = format!(
        "Unable to read url, Reading from '{url}' is not allowed. You may need to configure an integration for \
         the target host, or add it to the configured list of allowed hosts at 'backend.reading.allow'"
    );
    Problem::new("NotAllowedError", message).with_advice(format!("`{url}` may not be read: {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<(), &str>) {
        let allowed = |host: &str, paths: Option<&[&str]>| AllowedHost {
            host: host.to_owned(),
            paths: paths.map(|paths| paths.iter().map(|&path| path.to_owned()).collect()),
        };
        let access = Access::new(&Config {
            allow: vec![
                allowed("example.com", None),
                allowed("*.wild.org", None),
                allowed("ports.net:8080", None),
                allowed("paths.net", Some(&["/open/"])),
            ],
            ..Config::default()
        });
        let outcome = access.check(&Url::parse(url).unwrap()).map_err(|problem| problem.message);
        match (outcome, expected) {
            (Ok(()), Ok(())) => {}
            (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
            (outcome, _) => panic!("{url}: {outcome:?}"),
        }
    }

    #[test]
    fn only_listed_hosts_and_paths_are_read() {
        let refused = Err("is not allowed");
        check("https://example.com/a", Ok(()));
        check("https://EXAMPLE.com:443/a", Ok(()));
        check("https://example.com:8443/a", refused);
        check("https://sub.example.com/a", refused);
        check("https://a.b.wild.org/a", Ok(()));
        check("https://wild.org/a", refused);
        check("https://evilwild.org/a", refused);
        check("http://ports.net:8080/a", Ok(()));
        check("https://paths.net/open/a", Ok(()));
        check("https://paths.net/closed", refused);
        check("https://paths.net/open/../closed", refused);
        check("https://paths.net/open/%252e%252e/closed", refused);
        check("https://paths.net/open/..%2fclosed", refused);
        check("file:///etc/passwd", refused);
    }

    #[test]
    fn git_hosts_are_never_read_as_web_pages() {
        let no_file = Err("Incorrect URL");
        check("https://github.com/a/b/blob/main/catalog-info.yaml", Ok(()));
        check("https://github.com/a/b", no_file);
        check("https://github.com/a/b/blob/main/a/%2e%2e%2fx.yaml", no_file);
        check("https://gitlab.com/a/b/-/blob/main/x.yaml", Ok(()));
        check("https://raw.githubusercontent.com/a/b/main/x.yaml", Err("is not allowed"));
        let access = Access::new(&Config { allow: Vec::new(), ..Config::default() });
        assert!(access.check_page(&Url::parse("https://github.com/a/b/blob/main/x.yaml").unwrap()).is_err());
    }
}
