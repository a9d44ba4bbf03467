//! Log and read model, as the configuration chooses them.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use backstitch_event_log::EventLog;
use backstitch_event_log::embedded::EmbeddedLog;
use backstitch_event_log::kafka::{KafkaConfig, KafkaLog};
use backstitch_read_model::{PostgresReadModel, ReadModel, SqliteReadModel};
use backstitch_schemas::Clock;

use crate::config::AppConfig;
use crate::data_dir::DataDir;

/// Log and read model of this process.
#[derive(Clone, Debug)]
pub(super) struct Stores {
    /// The log between the stages.
    pub(super) log: Arc<dyn EventLog>,
    /// The database between stitcher and query API.
    pub(super) read_model: Arc<dyn ReadModel>,
}

/// Opens what the configuration names. What it does not name lies in the data directory.
///
/// # Errors
/// If a server cannot be reached, or the two do not go together.
pub(super) async fn open(
    config: &AppConfig,
    data: Option<&DataDir>,
    clock: Arc<dyn Clock>,
) -> Result<Stores> {
    Ok(Stores { log: log(config, data, clock).await?, read_model: read_model(config, data).await? })
}

/// Opens the log only, for a role that needs no database.
///
/// # Errors
/// If it cannot be reached or opened.
pub(super) async fn log(
    config: &AppConfig,
    data: Option<&DataDir>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn EventLog>> {
    let own = &config.backstitch;
    let Some(url) = &own.log else {
        let file = in_data_dir(data, "log.db", "backstitch.log: kafka://host:port")?;
        check_beside(&file, config)?;
        let log = EmbeddedLog::open(&file, clock).await;
        return Ok(log.with_context(|| {
            let file = file.display();
            format!("cannot use the log in {file}; if it is damaged, bring back a copy, or move it and the read model away: the sources are then read anew")
        })?);
    };
    let kafka = KafkaConfig {
        prefix: own.prefix.clone(),
        partitions: own.partitions.map(|count| u32::from(count.get())),
        replication: own.replication.get(),
        ..KafkaConfig::new(url.brokers.as_str())
    };
    let log = KafkaLog::connect(kafka).await;
    Ok(log.with_context(|| format!("cannot use Kafka at {}", url.brokers))?)
}

/// Refuses to begin a new log beside the read model of another: what was lost would be taken for gone.
fn check_beside(log: &Path, config: &AppConfig) -> Result<()> {
    let read_model = log.with_file_name("read-model.db");
    if config.backstitch.database.is_none() && !log.exists() && read_model.exists() {
        let (log, read_model) = (log.display(), read_model.display());
        bail!(
            "{log} is gone, but {read_model} was built from it; bring the log back, or delete {read_model}* to \
             begin with an empty catalog"
        );
    }
    Ok(())
}

/// Opens the read model only, for a role that needs no log.
///
/// # Errors
/// If it cannot be reached or opened.
pub(super) async fn read_model(config: &AppConfig, data: Option<&DataDir>) -> Result<Arc<dyn ReadModel>> {
    match &config.backstitch.database {
        Some(url) => {
            let database = PostgresReadModel::connect(url.0.expose()).await;
            Ok(database.context("cannot use the database of backstitch.database")?)
        }
        None if config.backstitch.log.is_some() => {
            bail!(
                "backstitch.log is Kafka, but backstitch.database is not set; give it a postgres:// address"
            )
        }
        None => {
            let file = in_data_dir(data, "read-model.db", "backstitch.database: postgres://…")?;
            Ok(SqliteReadModel::open(&file).await.context("cannot open the embedded read model")?)
        }
    }
}

/// Brings the tables of a Postgres to the form that this version needs. The embedded ones are brought
/// there when they are opened.
///
/// # Errors
/// If the database cannot be reached, or a later version has been there.
pub(super) async fn migrate(config: &AppConfig) -> Result<()> {
    if let Some(url) = &config.backstitch.database {
        PostgresReadModel::migrate(url.0.expose()).await.context("cannot migrate the database")?;
    }
    Ok(())
}

fn in_data_dir(data: Option<&DataDir>, file: &str, setting: &str) -> Result<std::path::PathBuf> {
    let data = data.with_context(|| {
        format!("a role of its own shares nothing through files; set {setting}, or run `backstitch up`")
    })?;
    Ok(data.path().join(file))
}
