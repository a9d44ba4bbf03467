//! Our own section, `backstitch`.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use backstitch_schemas::model::{KindConfig, KindConfigError, Model};
use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};

use super::descriptors::DescriptorConfig;
use super::duration::HumanDuration;
use super::{PortalConfig, Secret};

/// What is ours: where things are kept, and how the stages work.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackstitchConfig {
    /// The folder of the embedded log and read model. Locked by the process that uses it.
    pub data_dir: PathBuf,
    /// `kafka://host:port,host:port`; the embedded log if not given.
    pub log: Option<LogUrl>,
    /// `postgres://user:password@host/database`; the embedded database if not given.
    pub database: Option<DatabaseUrl>,
    /// Put before the names of topics, consumer groups and writers, so that one Kafka can serve
    /// several catalogs.
    pub prefix: String,
    /// Partitions of the topics that this installation creates; 12 on Kafka and 1 embedded if not
    /// given. Fixed once they are created.
    pub partitions: Option<std::num::NonZeroU16>,
    /// Copies of each topic that this installation creates on Kafka. 1 is for a single node, and loses
    /// data with it.
    pub replication: std::num::NonZeroU16,
    /// Kinds that are let in besides the nine that Backstage knows.
    pub kinds: Vec<KindConfig>,
    /// How the outside world is read.
    pub ingest: IngestConfig,
    /// How final entities are built.
    pub stitcher: StitcherConfig,
    /// What is kept of the past.
    pub history: HistoryConfig,
    /// The portal that knows people and plugins.
    pub portal: PortalConfig,
    /// What is told about the catalog in numbers.
    pub metrics: MetricsConfig,
}

impl Default for BackstitchConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./.backstitch"),
            log: None,
            database: None,
            prefix: "catalog.".to_owned(),
            partitions: None,
            replication: std::num::NonZeroU16::new(3).expect("3 is not zero"),
            kinds: Vec::new(),
            ingest: IngestConfig::default(),
            stitcher: StitcherConfig::default(),
            history: HistoryConfig::default(),
            portal: PortalConfig::default(),
            metrics: MetricsConfig::default(),
        }
    }
}

impl BackstitchConfig {
    /// All that is known about entities: the built-in kinds and those of this installation.
    ///
    /// # Errors
    /// If an entry of `kinds` cannot be used. Configuration that was loaded has none of these.
    pub fn model(&self) -> Result<Arc<Model>, KindConfigError> {
        Model::configured(&self.kinds)
    }
}

/// How the outside world is read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngestConfig {
    /// When removals wait for a person.
    pub removal_hold: RemovalHold,
    /// How long entities stay after their document is confirmed to be absent, where a Location
    /// requires its presence.
    #[serde(deserialize_with = "duration")]
    pub absence_grace: Duration,
    /// Bytes that one entity may have after substitution.
    pub max_entity_bytes: usize,
    /// What descriptor files may cost.
    pub descriptors: DescriptorConfig,
    /// The types of locations that may be registered through the API.
    pub location_types: Vec<String>,
    /// Where other ingest processes reach this one, e.g. `http://ingest-1:7007`: a push that comes to
    /// a process that does not own the provider goes on to the one that does. The address that is
    /// listened on, if not given.
    pub address: Option<String>,
    /// Files of certificate authorities that are trusted besides the system's, in PEM form.
    pub extra_ca_files: Vec<PathBuf>,
    /// How long a request for a document may take, answer included.
    #[serde(deserialize_with = "duration")]
    pub request_timeout: Duration,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            removal_hold: RemovalHold::default(),
            absence_grace: Duration::from_secs(24 * 3600),
            max_entity_bytes: 6_000_000,
            descriptors: DescriptorConfig::default(),
            location_types: vec!["url".to_owned()],
            address: None,
            extra_ca_files: Vec::new(),
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// When removals found by reading wait for a person: `{ share: 0.2, minimum: 10 }`, or `false`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RemovalHold {
    /// Removals of a provider within an hour are held beyond both limits.
    Beyond {
        /// Share of the provider's entities, from 0 to 1.
        share: f64,
        /// Number of entities.
        minimum: u32,
    },
    /// Nothing is held.
    Off,
}

impl Default for RemovalHold {
    fn default() -> Self {
        Self::Beyond { share: 0.2, minimum: 10 }
    }
}

fn duration<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    HumanDuration::deserialize(deserializer).map(|HumanDuration(duration)| duration)
}

/// How final entities are built.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StitcherConfig {
    /// Records that one batch may have. Batches grow with lag up to here.
    pub max_batch: std::num::NonZeroUsize,
}

impl Default for StitcherConfig {
    fn default() -> Self {
        Self { max_batch: std::num::NonZeroUsize::new(20_000).expect("20,000 is not zero") }
    }
}

/// What is kept of the past.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HistoryConfig {
    /// How long changes are kept: for whoever follows them, and for people. Older ones are removed in
    /// whole commits.
    #[serde(deserialize_with = "duration")]
    pub retention: Duration,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self { retention: Duration::from_secs(90 * 24 * 60 * 60) }
    }
}

/// What is told about the catalog in numbers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricsConfig {
    /// How old the numbers of entities, relations and locations may be. They are counted when somebody
    /// asks, and not again before this.
    #[serde(deserialize_with = "duration")]
    pub count_every: Duration,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { count_every: Duration::from_secs(30) }
    }
}

/// The address of Kafka: `kafka://host:port,host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LogUrl {
    /// `host:port,host:port`.
    pub brokers: String,
}

impl TryFrom<String> for LogUrl {
    type Error = String;

    fn try_from(url: String) -> Result<Self, String> {
        match url.strip_prefix("kafka://").map(|brokers| brokers.trim_end_matches('/')) {
            Some(brokers) if !brokers.is_empty() => Ok(Self { brokers: brokers.to_owned() }),
            _ => Err(format!("\"{url}\" is not an address of the form kafka://host:port,host:port")),
        }
    }
}

/// The address of a Postgres database. It may hold a password, so it is not shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseUrl(pub Secret);

impl TryFrom<String> for DatabaseUrl {
    type Error = &'static str;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        match url.starts_with("postgres://") || url.starts_with("postgresql://") {
            true => Ok(Self(Secret::new(url))),
            false => Err("is not an address of the form postgres://user:password@host/database"),
        }
    }
}

impl<'de> Deserialize<'de> for RemovalHold {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            share: Option<f64>,
            minimum: Option<u32>,
        }
        struct HoldVisitor;
        impl<'de> Visitor<'de> for HoldVisitor {
            type Value = RemovalHold;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("false, or an object with share and minimum,")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<RemovalHold, E> {
                Ok(if value { RemovalHold::default() } else { RemovalHold::Off })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RemovalHold, A::Error> {
                let Fields { share, minimum } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                let share = share.unwrap_or(0.2);
                if !(0.0..=1.0).contains(&share) {
                    return Err(A::Error::custom("share must be from 0 to 1"));
                }
                Ok(RemovalHold::Beyond { share, minimum: minimum.unwrap_or(10) })
            }
        }
        deserializer.deserialize_any(HoldVisitor)
    }
}
