//! Events of git hosts: the `events` section, and `catalog.scmEvents`.

use std::fmt;

use backstitch_ingest::{WebhookSecret, Webhooks};
use backstitch_schemas::{command::ScmActions, scm::Scm};
use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};

use super::{AppConfig, Secret};

/// What webhooks are signed with.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventsConfig {
    /// By product.
    pub modules: EventModules,
}

/// What webhooks of each product are signed with.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct EventModules {
    /// Of all hosts of GitHub.
    pub github: EventModule,
    /// Of all hosts of GitLab.
    pub gitlab: EventModule,
}

/// What webhooks of one product are signed with.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventModule {
    /// The secret that is also given to the host.
    pub webhook_secret: Option<SharedSecret>,
}

/// A secret that is not empty: everybody could sign with that.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SharedSecret(pub Secret);

impl TryFrom<String> for SharedSecret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.trim() {
            "" => Err("is empty, so everybody could sign with it; leave it out, or write a secret"),
            text => Ok(Self(Secret::new(text))),
        }
    }
}

/// `catalog.scmEvents`: `true`, or which of `refresh`, `unregister` and `move`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScmEvents(pub ScmActions);

impl<'de> Deserialize<'de> for ScmEvents {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ActionsVisitor;
        impl<'de> Visitor<'de> for ActionsVisitor {
            type Value = ScmEvents;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or an object with refresh, unregister and move")
            }

            fn visit_bool<E: Error>(self, all: bool) -> Result<ScmEvents, E> {
                Ok(ScmEvents(ScmActions { refresh: all, unregister: all, relocate: all }))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ScmEvents, E> {
                match text.trim() {
                    "true" => self.visit_bool(true),
                    "false" => self.visit_bool(false),
                    other => Err(E::custom(format!("\"{other}\" is neither true nor false"))),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ScmEvents, A::Error> {
                ScmActions::deserialize(MapAccessDeserializer::new(map)).map(ScmEvents)
            }
        }
        deserializer.deserialize_any(ActionsVisitor)
    }
}

impl AppConfig {
    /// Which webhooks of git hosts are taken, and what they may do.
    pub fn webhooks(&self) -> Webhooks {
        let ScmEvents(actions) = self.catalog.scm_events;
        let secret = |scm, host, secret: &Secret| WebhookSecret {
            scm,
            host,
            secret: secret.expose().trim().to_owned(),
        };
        let modules = &self.events.modules;
        let of_all = [(Scm::GitHub, &modules.github), (Scm::GitLab, &modules.gitlab)];
        let of_all = of_all.into_iter().filter_map(|(scm, module)| {
            module.webhook_secret.as_ref().map(|SharedSecret(shared)| secret(scm, None, shared))
        });
        let of_apps = self.integrations.webhook_secrets();
        let of_apps = of_apps.into_iter().map(|(host, shared)| secret(Scm::GitHub, Some(host), shared));
        Webhooks {
            actions,
            hosts: self.integrations.webhook_hosts(),
            secrets: of_all.chain(of_apps).collect(),
        }
    }

    /// What a person should know of them at the start.
    pub(super) fn webhook_notice(&self) -> Option<String> {
        let webhooks = self.webhooks();
        (webhooks.actions.any() && webhooks.secrets.is_empty()).then(|| {
            "catalog.scmEvents has no effect until events.modules.github.webhookSecret or \
             events.modules.gitlab.webhookSecret is set"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::{command::ScmActions, scm::Scm};

    use super::super::tests::{check, load_files};

    #[test]
    fn events_of_git_hosts_are_off_or_all_or_some() {
        let actions = |catalog: &str| check(&format!("catalog: {{{catalog}}}"), &[]).webhooks().actions;
        let some = |refresh, unregister, relocate| ScmActions { refresh, unregister, relocate };
        assert_eq!(actions(""), some(false, false, false));
        assert_eq!(actions("scmEvents: true"), some(true, true, true));
        assert_eq!(actions("scmEvents: { refresh: true, move: true }"), some(true, false, true));
        let config = check("catalog: { scmEvents: true }", &[]);
        assert!(
            config.unsupported[0].contains("events.modules.github.webhookSecret"),
            "{:?}",
            config.unsupported
        );
    }

    #[test]
    fn webhooks_speak_of_the_hosts_that_are_named() {
        let hosts =
            |integrations: &str| check(&format!("integrations: {{{integrations}}}"), &[]).webhooks().hosts;
        let (hub, lab) = ((Scm::GitHub, "github.com".to_owned()), (Scm::GitLab, "gitlab.com".to_owned()));
        assert_eq!(hosts(""), [hub.clone(), lab.clone()]);
        let own = (Scm::GitLab, "gitlab.example.com".to_owned());
        assert_eq!(hosts("gitlab: [{host: gitlab.example.com}]"), [hub.clone(), own.clone()]);
        assert_eq!(hosts("gitlab: [{host: gitlab.example.com}, {host: gitlab.com}]"), [hub, own, lab]);
    }

    #[test]
    fn webhooks_are_signed_with_the_secret_of_a_product_or_of_an_app() {
        let config = check(
            "events: {modules: {github: {webhookSecret: '${SECRET}'}, gitlab: {webhookSecret: lab}}}\n",
            &[("SECRET", "hub")],
        );
        let secrets = config.webhooks().secrets;
        let shown: Vec<_> = secrets.iter().map(|known| (known.scm, known.secret.as_str())).collect();
        assert_eq!(shown, [(Scm::GitHub, "hub"), (Scm::GitLab, "lab")]);
        assert!(!format!("{config:?}").contains("hub\""), "secrets are not shown");
        let unset = check(
            "catalog: {scmEvents: true}\nevents: {modules: {github: {webhookSecret: '${SECRET}'}}}\n",
            &[],
        );
        assert!(unset.webhooks().secrets.is_empty(), "and nothing is taken");
        let empty = "events:\n  modules:\n    github: {webhookSecret: ' '}\n";
        let refused = load_files(&[("app-config.yaml", empty)], &[]).unwrap_err().to_string();
        assert!(refused.starts_with("app-config.yaml:3: events.modules.github.webhookSecret"), "{refused}");
    }
}
