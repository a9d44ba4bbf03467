//! From `integrations` to the git hosts that are read.

use backstitch_ingest::hosts::{App, AppKey, Credentials, GitHost};
use backstitch_schemas::scm::{Hosts, Scm};
use reqwest::header::HeaderValue;
use url::Url;

use super::{
    Secret,
    integrations::{
        AzureIntegration, BaseUrl, BitbucketCloudIntegration, BitbucketServerIntegration, GitHubApp,
        GitHubIntegration, GitLabIntegration, GiteaIntegration, HostName, IntegrationsConfig, Token,
    },
};

const CHECKED: &str = "it was checked when the configuration was read";

impl IntegrationsConfig {
    /// The hosts by product, for whoever only reads URLs.
    pub fn known_hosts(&self) -> Hosts {
        let mut known = Hosts::default();
        for host in self.hosts() {
            known.add(host.host, host.scm);
        }
        known
    }

    /// The hosts that credentials are configured for.
    pub fn credentialed(&self) -> Vec<String> {
        let hosts = self.hosts().into_iter();
        hosts.filter(|host| !matches!(host.credentials, Credentials::None)).map(|host| host.host).collect()
    }

    /// What the webhooks of GitHub Apps are signed with, by host.
    pub(super) fn webhook_secrets(&self) -> Vec<(String, &Secret)> {
        let of_entry = |entry: &'_ GitHubIntegration| named(entry.host.as_ref(), "github.com");
        let apps = self.github.iter().flat_map(|entry| entry.apps.iter().map(move |app| (entry, app)));
        let secrets = apps.filter_map(|(entry, app)| Some((of_entry(entry), app.webhook_secret.as_ref()?)));
        secrets.filter(|(_, secret)| !secret.expose().trim().is_empty()).collect()
    }

    /// The hosts that webhooks may speak of: those that are configured, and the public one of a product
    /// without any.
    pub(super) fn webhook_hosts(&self) -> Vec<(Scm, String)> {
        let entries = |scm| match scm {
            Scm::GitHub => self.github.len(),
            _ => self.gitlab.len(),
        };
        let of = |scm: Scm| {
            let hosts = self.hosts().into_iter().filter(move |host| host.scm == scm);
            // Those that are configured come first.
            hosts.take(entries(scm).max(1)).map(move |host| (scm, host.host))
        };
        [Scm::GitHub, Scm::GitLab].into_iter().flat_map(of).collect()
    }

    /// Every git host: those that are configured, and the public ones besides.
    pub fn hosts(&self) -> Vec<GitHost> {
        let mut hosts = Vec::new();
        hosts.extend(named_by_setting(&self.github, github));
        hosts.extend(named_by_setting(&self.gitlab, gitlab));
        hosts.extend(named_by_setting(&self.bitbucket_cloud, bitbucket_cloud));
        hosts.extend(named_by_setting(&self.bitbucket_server, bitbucket_server));
        hosts.extend(named_by_setting(&self.azure, azure));
        hosts.extend(named_by_setting(&self.gitea, gitea));
        let missing = |public: &GitHost| !hosts.iter().any(|host| host.host == public.host);
        let public: Vec<_> = GitHost::public().into_iter().filter(missing).collect();
        hosts.extend(public);
        hosts
    }
}

/// The hosts of one product, each with the setting that it stands in.
fn named_by_setting<T>(entries: &[T], host_of: fn(&T) -> GitHost) -> impl Iterator<Item = GitHost> {
    entries.iter().map(host_of).enumerate().map(|(index, host)| {
        let setting = format!("{}[{index}]", GitHost::section(host.scm));
        GitHost { setting, ..host }
    })
}

fn github(entry: &GitHubIntegration) -> GitHost {
    let host = named(entry.host.as_ref(), "github.com");
    let is_public = host == "github.com";
    let api = if is_public { "https://api.github.com".to_owned() } else { format!("https://{host}/api/v3") };
    let raw = is_public.then(|| parsed("https://raw.githubusercontent.com"));
    let credentials = if entry.apps.is_empty() {
        entry.token.as_ref().map(bearer).unwrap_or_default()
    } else {
        let otherwise = entry.token.as_ref().map(bearer_header);
        Credentials::Apps { apps: entry.apps.iter().map(app).collect(), otherwise }
    };
    let raw_base_url = entry.raw_base_url.as_ref().map(|BaseUrl(url)| url.clone()).or(raw);
    let api_base_url = base(entry.api_base_url.as_ref(), &api);
    GitHost { raw_base_url, ..host_of(Scm::GitHub, host, api_base_url, credentials) }
}

fn app(entry: &GitHubApp) -> App {
    App {
        id: entry.app_id.clone(),
        key: AppKey::from_pem(entry.private_key.0.expose()).expect(CHECKED),
        owners: entry.allowed_installation_owners.clone(),
    }
}

fn gitlab(entry: &GitLabIntegration) -> GitHost {
    let host = named(entry.host.as_ref(), "gitlab.com");
    let pages = entry.base_url.as_ref().map_or(format!("https://{host}"), |BaseUrl(url)| plain(url));
    let api_base_url = base(entry.api_base_url.as_ref(), &format!("{pages}/api/v4"));
    host_of(Scm::GitLab, host, api_base_url, entry.token.as_ref().map(bearer).unwrap_or_default())
}

fn bitbucket_cloud(entry: &BitbucketCloudIntegration) -> GitHost {
    let api_base_url = base(entry.api_base_url.as_ref(), "https://api.bitbucket.org/2.0");
    let token = entry.token.as_ref().map(|Token(token)| token);
    let credentials = match (&entry.username, token.or(entry.app_password.as_ref())) {
        (Some(user), Some(password)) => Some(basic(user, password)),
        (None, _) => entry.token.as_ref().map(bearer),
        (Some(_), None) => None,
    };
    host_of(Scm::BitbucketCloud, "bitbucket.org".to_owned(), api_base_url, credentials.unwrap_or_default())
}

fn bitbucket_server(entry: &BitbucketServerIntegration) -> GitHost {
    let HostName(host) = entry.host.clone();
    let api_base_url = base(entry.api_base_url.as_ref(), &format!("https://{host}/rest/api/1.0"));
    let by_password = entry.username.as_ref().zip(entry.password.as_ref());
    let credentials = entry.token.as_ref().map(bearer);
    let credentials = credentials.or_else(|| by_password.map(|(user, password)| basic(user, password)));
    host_of(Scm::BitbucketServer, host, api_base_url, credentials.unwrap_or_default())
}

fn azure(entry: &AzureIntegration) -> GitHost {
    let host = named(entry.host.as_ref(), "dev.azure.com");
    let api_base_url = parsed(&format!("https://{host}"));
    let given = entry.credentials.iter().find_map(|credential| credential.personal_access_token.as_ref());
    let token = given.or(entry.token.as_ref());
    let credentials = token.map(|Token(token)| basic("", token)).unwrap_or_default();
    host_of(Scm::AzureDevOps, host, api_base_url, credentials)
}

fn gitea(entry: &GiteaIntegration) -> GitHost {
    let HostName(host) = entry.host.clone();
    let pages = entry.base_url.as_ref().map_or(format!("https://{host}"), |BaseUrl(url)| plain(url));
    let credentials = match (&entry.username, &entry.password) {
        (Some(user), Some(Token(password))) => Some(basic(user, password)),
        (None, Some(Token(token))) => {
            Some(Credentials::Fixed(Credentials::token(token.expose()).expect(CHECKED)))
        }
        (_, None) => None,
    };
    host_of(Scm::Gitea, host, parsed(&format!("{pages}/api/v1")), credentials.unwrap_or_default())
}

fn host_of(scm: Scm, host: String, api_base_url: Url, credentials: Credentials) -> GitHost {
    GitHost { scm, host, api_base_url, raw_base_url: None, credentials, setting: String::new() }
}

fn bearer(token: &Token) -> Credentials {
    Credentials::Fixed(bearer_header(token))
}

fn bearer_header(token: &Token) -> HeaderValue {
    Credentials::bearer(token.0.expose()).expect(CHECKED)
}

fn basic(user: &str, password: &Secret) -> Credentials {
    Credentials::Fixed(Credentials::basic(user, password.expose()))
}

fn named(host: Option<&HostName>, public: &str) -> String {
    host.map_or_else(|| public.to_owned(), |HostName(host)| host.clone())
}

fn base(given: Option<&BaseUrl>, default: &str) -> Url {
    given.map_or_else(|| parsed(default), |BaseUrl(url)| url.clone())
}

fn parsed(url: &str) -> Url {
    Url::parse(url).expect("host and address were checked when the configuration was read")
}

fn plain(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
