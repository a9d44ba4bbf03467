//! The `integrations` section: which git hosts there are, and how to read from them.

use serde::Deserialize;

use super::Secret;

/// Git hosts by product. The public hosts are there without configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IntegrationsConfig {
    /// GitHub and GitHub Enterprise.
    pub github: Vec<HostIntegration>,
    /// GitLab.
    pub gitlab: Vec<HostIntegration>,
    /// Bitbucket Cloud.
    pub bitbucket_cloud: Vec<HostIntegration>,
    /// Bitbucket Server and Data Center.
    pub bitbucket_server: Vec<HostIntegration>,
    /// Azure DevOps.
    pub azure: Vec<HostIntegration>,
    /// Gitea and Forgejo.
    pub gitea: Vec<HostIntegration>,
}

/// One git host.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostIntegration {
    /// Host as it stands in URLs, with its port if it is not the usual one. The product's public
    /// host if not given.
    pub host: String,
    /// Sent with each request.
    pub token: Option<Secret>,
    /// Where the host's API starts, without a slash at the end.
    pub api_base_url: Option<String>,
    /// Where raw files start, without a slash at the end.
    pub raw_base_url: Option<String>,
}

impl IntegrationsConfig {
    /// Adds the public hosts that are not configured, and the addresses of the public APIs.
    pub(super) fn complete(&mut self) {
        let raw = Some("https://raw.githubusercontent.com");
        complete(&mut self.github, "github.com", Some("https://api.github.com"), raw);
        complete(&mut self.gitlab, "gitlab.com", Some("https://gitlab.com/api/v4"), None);
        complete(&mut self.bitbucket_cloud, "bitbucket.org", Some("https://api.bitbucket.org/2.0"), None);
        complete(&mut self.azure, "dev.azure.com", None, None);
        let own = self.bitbucket_server.iter_mut().chain(&mut self.gitea);
        own.for_each(HostIntegration::trim);
    }

    /// Every host with the name of its product.
    pub fn hosts(&self) -> impl Iterator<Item = (&'static str, &HostIntegration)> {
        let lists = [
            ("github", &self.github),
            ("gitlab", &self.gitlab),
            ("bitbucketCloud", &self.bitbucket_cloud),
            ("bitbucketServer", &self.bitbucket_server),
            ("azure", &self.azure),
            ("gitea", &self.gitea),
        ];
        lists.into_iter().flat_map(|(product, hosts)| hosts.iter().map(move |host| (product, host)))
    }
}

impl HostIntegration {
    fn trim(&mut self) {
        for url in [&mut self.api_base_url, &mut self.raw_base_url].into_iter().flatten() {
            url.truncate(url.trim_end_matches('/').len());
        }
    }
}

fn complete(hosts: &mut Vec<HostIntegration>, public: &str, api: Option<&str>, raw: Option<&str>) {
    for host in hosts.iter_mut().filter(|host| host.host.is_empty()) {
        host.host = public.to_owned();
    }
    if !hosts.iter().any(|host| host.host == public) {
        hosts.push(HostIntegration { host: public.to_owned(), ..HostIntegration::default() });
    }
    for host in hosts.iter_mut() {
        host.trim();
        if host.host == public {
            host.api_base_url = host.api_base_url.take().or_else(|| api.map(str::to_owned));
            host.raw_base_url = host.raw_base_url.take().or_else(|| raw.map(str::to_owned));
        }
    }
}
