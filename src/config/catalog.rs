//! The `catalog` section, with the meaning that it has in Backstage.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};

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
    /// Whether locations may be registered and entities deleted through the API.
    pub readonly: bool,
    /// How often each location is read again.
    pub processing_interval: ProcessingInterval,
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

/// A rule of one location: `{ allow: [User, Group] }`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct LocationRule {
    /// Kinds; case does not matter.
    pub allow: Vec<String>,
}

/// A rule of `catalog.rules`. An entity may come in if any rule matches it and its location.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RuleConfig {
    /// What may come in.
    pub allow: Vec<Allow>,
    /// From where; anywhere if not given, nowhere if empty.
    pub locations: Option<Vec<LocationMatcher>>,
}

/// `Component`, or `{ kind: Component, spec.type: service }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Allow {
    /// The kind; case does not matter.
    pub kind: String,
    /// If given, `spec.type` must be this; case does not matter.
    pub spec_type: Option<String>,
}

/// Which locations a rule is about.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "RawMatcher")]
pub struct LocationMatcher {
    /// `file`, `url`, …
    pub kind: String,
    /// Which targets of this type.
    pub target: TargetMatcher,
}

/// Which targets a [`LocationMatcher`] accepts.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetMatcher {
    /// All of the type.
    Any,
    /// This one.
    Exact(String),
    /// Those that match this glob; case does not matter, and `*` matches hidden names too.
    Pattern(String),
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
    /// Makes the targets of `file` locations absolute: people write them from where they start the
    /// process, and a location's identity must not depend on that.
    pub(super) fn resolve_files(&mut self, cwd: &Path) {
        for location in self.locations.iter_mut().filter(|location| location.kind == "file") {
            location.target = absolute(cwd, &location.target);
        }
    }
}

/// `target` from `cwd`, without `.` and `..` where they can be taken out by name.
pub(crate) fn absolute(cwd: &Path, target: &str) -> String {
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

#[derive(Deserialize)]
struct RawMatcher {
    #[serde(rename = "type")]
    kind: String,
    exact: Option<String>,
    pattern: Option<String>,
}

impl TryFrom<RawMatcher> for LocationMatcher {
    type Error = &'static str;

    fn try_from(raw: RawMatcher) -> Result<Self, Self::Error> {
        let target = match (raw.exact, raw.pattern) {
            (None, None) => TargetMatcher::Any,
            (Some(exact), None) => TargetMatcher::Exact(exact),
            (None, Some(pattern)) => TargetMatcher::Pattern(pattern),
            (Some(_), Some(_)) => return Err("has both `exact` and `pattern`; one of them must go"),
        };
        Ok(Self { kind: raw.kind, target })
    }
}

impl<'de> Deserialize<'de> for Allow {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            kind: String,
            #[serde(rename = "spec.type")]
            spec_type: Option<String>,
        }
        struct AllowVisitor;
        impl<'de> Visitor<'de> for AllowVisitor {
            type Value = Allow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a kind, or an object with `kind` and `spec.type`,")
            }

            fn visit_str<E: Error>(self, kind: &str) -> Result<Allow, E> {
                Ok(Allow { kind: kind.to_owned(), spec_type: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Allow, A::Error> {
                let Fields { kind, spec_type } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Allow { kind, spec_type })
            }
        }
        deserializer.deserialize_any(AllowVisitor)
    }
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
