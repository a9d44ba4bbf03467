//! The `catalog` section, with the meaning that it has in Backstage.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use backstitch_schemas::LocationRef;
use backstitch_schemas::command::LocationConflict;
use backstitch_schemas::rules::{AllowConfig, Allowance, RuleConfig, Rules, RulesError};
use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor};

use super::ScmEvents;
use super::duration::{DurationVisitor, HumanDuration};

/// What is read into the catalog, and what may come from where.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CatalogConfig {
    /// Places that are always part of the catalog.
    pub locations: Vec<LocationConfig>,
    /// Which kinds may come from where. Where given, it replaces the default: `Component`, `API` and
    /// `Location` from anywhere.
    pub rules: Option<Vec<RuleConfig>>,
    /// What becomes of an entity that its location no longer lists.
    pub orphan_strategy: OrphanStrategy,
    /// What becomes of the entities of a provider that is no longer configured.
    pub orphan_provider_strategy: OrphanStrategy,
    /// Whether the API refuses to register and to remove locations.
    pub readonly: bool,
    /// What is done with a place that is registered already, where a request does not say.
    pub default_location_conflict_strategy: LocationConflict,
    /// How often each location is read again.
    pub processing_interval: ProcessingInterval,
    /// What git hosts that tell of changes may bring about.
    pub scm_events: ScmEvents,
}

/// One place, e.g. `{ type: file, target: ./catalog-info.yaml }`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct LocationConfig {
    /// `file`, `url`, or the type of another reader.
    #[serde(rename = "type")]
    pub kind: String,
    /// A path or glob for `file` (made absolute against the working directory), a URL for `url`.
    pub target: String,
    /// Kinds that may come from exactly this place, besides those of `catalog.rules`.
    #[serde(default)]
    pub rules: Vec<LocationRule>,
}

impl LocationConfig {
    /// The place as a location ref.
    pub fn location_ref(&self) -> LocationRef {
        LocationRef::new(self.kind.as_str(), self.target.as_str())
    }
}

/// A rule of one location: `{ allow: [User, Group] }`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct LocationRule {
    /// Kinds; case does not matter.
    pub allow: Vec<String>,
}

/// What becomes of entities that nothing lists any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrphanStrategy {
    /// They go.
    #[default]
    Delete,
    /// They stay, marked as orphans.
    Keep,
}

/// How often each location is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessingInterval {
    /// At a random time between the two, so that reads spread out.
    Between(Duration, Duration),
    /// Never: only what is saved, pushed or asked for is read.
    Never,
}

impl Default for ProcessingInterval {
    fn default() -> Self {
        Self::Between(Duration::from_secs(100), Duration::from_secs(150))
    }
}

impl CatalogConfig {
    /// The rules in force: `catalog.rules`, and what each location may bring in besides.
    ///
    /// # Errors
    /// If a rule has both `exact` and `pattern`, or a pattern that is no glob. Configuration that
    /// was loaded has none of these.
    pub fn rules(&self) -> Result<Rules, RulesError> {
        let mut rules = Rules::new(self.rules.as_deref())?;
        for location in &self.locations {
            let allowed = location.rules.iter().flat_map(|rule| &rule.allow).cloned().map(AllowConfig::Kind);
            rules.add_location(&location.location_ref(), Allowance::Rules(allowed.collect()));
        }
        Ok(rules)
    }

    /// Makes the targets of `file` locations absolute: people write them from where they start the
    /// process, and a location's identity must not depend on that.
    pub(super) fn resolve_files(&mut self, cwd: &Path) {
        for location in self.locations.iter_mut().filter(|location| location.kind == "file") {
            location.target = absolute(cwd, &location.target);
        }
    }
}

/// `target` from `cwd`, without `.` and `..` where they can be taken out by name.
pub fn absolute(cwd: &Path, target: &str) -> String {
    let mut clean = std::path::PathBuf::new();
    for part in cwd.join(target).components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean.display().to_string()
}

impl<'de> Deserialize<'de> for ProcessingInterval {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntervalVisitor;
        impl<'de> Visitor<'de> for IntervalVisitor {
            type Value = ProcessingInterval;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("false, or a duration such as 10m, PT1H or { minutes: 10 },")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<ProcessingInterval, E> {
                match value {
                    false => Ok(ProcessingInterval::Never),
                    true => Err(E::custom("true is not an interval; write false or a duration such as 10m")),
                }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ProcessingInterval, E> {
                match text.trim() {
                    "false" => Ok(ProcessingInterval::Never),
                    text => DurationVisitor.visit_str(text).map(spread),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ProcessingInterval, A::Error> {
                DurationVisitor.visit_map(map).map(spread)
            }
        }
        deserializer.deserialize_any(IntervalVisitor)
    }
}

/// From an interval to half as much again, in whole seconds, at least one.
fn spread(HumanDuration(duration): HumanDuration) -> ProcessingInterval {
    let shortest = duration.as_secs_f64().round().max(1.0);
    let longest = (duration.as_secs_f64() * 1.5).round().max(1.0);
    ProcessingInterval::Between(Duration::from_secs_f64(shortest), Duration::from_secs_f64(longest))
}
