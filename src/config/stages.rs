//! What the configuration means for each stage.

use backstitch_ingest::locations::{self, Interval};

use super::{AppConfig, ProcessingInterval};

impl AppConfig {
    /// How locations are read: hosts, their services, and how often.
    pub fn locations(&self) -> locations::Config {
        let allow = self.backend.reading.allow.iter().map(|allowed| locations::AllowedHost {
            host: allowed.host.clone(),
            paths: allowed.paths.clone(),
        });
        locations::Config {
            allow: allow.collect(),
            git_hosts: self.integrations.hosts(),
            network: self.network.network(),
            interval: match self.catalog.processing_interval {
                ProcessingInterval::Between(min, max) => Some(Interval { min, max }),
                ProcessingInterval::Never => None,
            },
            limits: self.backstitch.ingest.descriptors.limits(),
            max_references: self.backstitch.ingest.descriptors.max_references.get(),
            absence_grace: self.backstitch.ingest.absence_grace,
            read_timeout: self.backstitch.ingest.request_timeout,
            ..locations::Config::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use backstitch_schemas::scm::Scm;

    use super::*;
    use crate::cli::ConfigArgs;
    use crate::surroundings::Surroundings;

    #[test]
    fn hosts_and_interval_reach_the_readers() {
        let variables = [
            ("APP_CONFIG_catalog_processingInterval", r#""10m""#),
            ("APP_CONFIG_backstitch_ingest_absenceGrace", r#""1h""#),
            ("APP_CONFIG_backend_reading_allow", r#"[{"host":"*.skerry.example","paths":["/a"]}]"#),
            ("APP_CONFIG_integrations_gitea", r#"[{"host":"git.skerry.example"}]"#),
        ];
        let env = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let here = Surroundings { env, cwd: "/site".into() };
        let config = here.configure(&ConfigArgs::default()).unwrap().locations();
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(config.interval, Some(Interval { min: minutes(10), max: minutes(15) }));
        assert_eq!(config.absence_grace, minutes(60));
        assert_eq!(config.allow[0].host, "*.skerry.example");
        let scm_of = |name: &str| config.git_hosts.iter().find(|host| host.host == name).map(|host| host.scm);
        assert_eq!(scm_of("github.com"), Some(Scm::GitHub));
        assert_eq!(scm_of("git.skerry.example"), Some(Scm::Gitea));
    }
}
