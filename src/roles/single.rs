//! One role in a process of its own, on Kafka and Postgres.

use std::sync::Arc;

use anyhow::{Context, Result};
use backstitch_event_log::LogIdentity;
use backstitch_query_api::{ApiState, Catalog, metrics};
use backstitch_schemas::{Clock, SystemClock};
use tokio_util::sync::CancellationToken;

use super::{
    api, commands, health, ingest, pipeline_status,
    place_readers::PlaceReaders,
    preview::{PipelinePreview, Reader},
    process, progress,
    remote_ingest::RemoteIngest,
    server::Server,
    stitch, stores,
    tasks::Tasks,
};
use crate::config::AppConfig;
use crate::shutdown;

/// Reads the outside world, and takes pushes.
///
/// # Errors
/// If something cannot be reached or bound, or a setting cannot be used.
pub(super) async fn ingest(config: AppConfig) -> Result<()> {
    let shutdown = shutdown::install().context("cannot listen to signals")?;
    let stores = stores::open(&config, None, clock()).await?;
    let server = Server::open(&config).await?;
    let rules = config.catalog.rules()?;
    let locations = config.catalog.locations.iter().map(|location| location.location_ref()).collect();
    let pipeline = process::pipeline(&config, rules.clone())?;
    let plan = (locations, rules);
    let (ingest, previewer) =
        ingest::ingest(&config, stores.log, plan, &pipeline, clock(), &server.bound.url)?;
    let progress = progress::ReadModelProgress::new(stores.read_model, None);
    let routes = ingest::routes(&config, ingest.directory(), progress, previewer);
    let ready = health::of_ingest(ingest.directory());
    let router = health::checked(routes.merge(health::routes()), vec![ready]);
    announce("ingest", &server);

    let mut tasks = Tasks::new(shutdown.clone());
    tasks.start("the server stopped", server.serve(router, shutdown.clone()));
    tasks.start("ingest stopped", async move { Ok(ingest.run(shutdown).await?) });
    tasks.finish().await
}

/// Processes changes, beside any number of others.
///
/// # Errors
/// If the log cannot be reached or used.
pub(super) async fn process(config: AppConfig, listens: bool) -> Result<()> {
    let shutdown = shutdown::install().context("cannot listen to signals")?;
    let log = stores::log(&config, None, clock()).await?;
    let pipeline = process::pipeline(&config, config.catalog.rules()?)?;
    let worker = process::worker(log, pipeline, clock());
    let mut tasks = Tasks::new(shutdown.clone());
    if listens {
        tell_health(&mut tasks, &config, health::of_processing(worker.health()), &shutdown).await?;
    }
    println!("processing");
    tasks.start("processing stopped", async move { Ok(worker.run(shutdown).await?) });
    tasks.finish().await
}

/// Builds final entities, or stands by.
///
/// # Errors
/// If log or database cannot be reached, or do not belong together.
pub(super) async fn stitch(config: AppConfig, listens: bool) -> Result<()> {
    let shutdown = shutdown::install().context("cannot listen to signals")?;
    let stores = stores::open(&config, None, clock()).await?;
    let worker = stitch::worker(&config, stores.log, stores.read_model, clock());
    let mut tasks = Tasks::new(shutdown.clone());
    if listens {
        tell_health(&mut tasks, &config, health::of_stitching(worker.status()), &shutdown).await?;
    }
    println!("stitching");
    tasks.start("stitching stopped", async move { Ok(worker.run(shutdown).await?) });
    tasks.finish().await
}

/// Serves the query API.
///
/// # Errors
/// If the database cannot be reached, or the address cannot be bound.
pub(super) async fn serve(config: AppConfig) -> Result<()> {
    let shutdown = shutdown::install().context("cannot listen to signals")?;
    let stores = stores::open(&config, None, clock()).await?;
    let server = Server::open(&config).await?;
    let settings = Arc::new(api::settings(&config));
    let catalog = Catalog::start(stores.read_model.clone(), &settings, shutdown.clone());
    let notices = config.unsupported.iter().cloned().chain(server.notices()).collect();
    let commands =
        commands::LogCommands::new(Arc::clone(&stores.log), Arc::clone(&stores.read_model), clock());
    let status = pipeline_status::Pipeline { log: stores.log, directory: None, notices };
    let pipeline = process::pipeline(&config, config.catalog.rules()?)?;
    let remote = Arc::new(RemoteIngest::new(&config, Arc::clone(&stores.read_model))?);
    let preview = PipelinePreview {
        reader: Reader::Elsewhere(Arc::clone(&remote)),
        pipeline,
        credentialed: config.integrations.credentialed(),
    };
    let state = ApiState {
        status: Some(Arc::new(status)),
        entity_schema: config.backstitch.model()?.json_schema().to_string().into(),
        policy: server.access.policy(),
        public_keys: Some(server.access.public_keys()),
        commands: Some(Arc::new(commands)),
        preview: Some(Arc::new(preview)),
        readers: Some(Arc::new(PlaceReaders::Elsewhere(remote))),
        ..ApiState::new(catalog, stores.read_model, settings)
    };
    metrics::observe(&state, &clock(), config.backstitch.metrics.count_every);
    let router = backstitch_query_api::router(state);
    announce("the catalog API", &server);

    let mut tasks = Tasks::new(shutdown.clone());
    tasks.start("the server stopped", server.serve(router, shutdown));
    tasks.finish().await
}

/// Brings topics and tables to the form that this version needs. What is embedded is brought there
/// when it is opened.
///
/// # Errors
/// If log or database cannot be reached, or cannot be brought to that form.
pub(super) async fn migrate(config: AppConfig) -> Result<()> {
    stores::migrate(&config).await?;
    let log = match &config.backstitch.log {
        Some(url) => {
            let LogIdentity { id, partitions } = stores::log(&config, None, clock()).await?.identity();
            format!("log {id} at {} with {partitions} partitions", url.brokers)
        }
        None => "the log is embedded".to_owned(),
    };
    let database = match &config.backstitch.database {
        Some(_) => "the database is up to date",
        None => "the database is embedded",
    };
    println!("{log}; {database}");
    Ok(())
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// Serves `/livez` and `/readyz` of a role that has no other endpoints.
async fn tell_health(
    tasks: &mut Tasks,
    config: &AppConfig,
    check: health::Check,
    shutdown: &CancellationToken,
) -> Result<()> {
    let server = Server::open(config).await?;
    announce("health", &server);
    let router = health::checked(health::routes(), vec![check]);
    tasks.start("the server stopped", server.serve(router, shutdown.clone()));
    Ok(())
}

fn announce(what: &str, server: &Server) {
    println!("{what} on {}", server.bound.url);
    for notice in server.notices() {
        println!("notice: {notice}");
    }
}
