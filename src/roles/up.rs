//! All roles in one process.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use backstitch_query_api::{ApiState, Catalog, metrics};
use backstitch_schemas::{Clock, SystemClock};
use tokio_util::sync::CancellationToken;

use super::{
    api, commands, health, ingest, pipeline_status,
    place_readers::PlaceReaders,
    preview::{PipelinePreview, Reader},
    process, progress,
    server::Server,
    stitch, stores,
    tasks::Tasks,
};
use crate::cli::UpArgs;
use crate::client::Client;
use crate::commands::Screen;
use crate::config::AppConfig;
use crate::data_dir::DataDir;
use crate::plan::{self, Plan};
use crate::report::{Invitation, Start};
use crate::surroundings::Surroundings;
use crate::{example, shutdown};

/// Runs everything until a signal, and tells the person at the terminal what came of the first read.
///
/// # Errors
/// If something cannot be opened or bound, or a role stops for a reason that a person has to mend.
pub(super) async fn up(args: &UpArgs, config: AppConfig, here: &Surroundings) -> Result<()> {
    let since = Instant::now();
    let shutdown = shutdown::install().context("cannot listen to signals")?;
    let data = DataDir::open(&config.backstitch.data_dir)?;
    if config.is_default() && args.paths.is_empty() {
        example::extract(&data.example(), &data.path().join("example.json"))?;
    }
    let plan = plan::plan(&config, &args.paths, &data.example(), here)?;
    let server = Server::open(&config).await?;
    let stores = stores::open(&config, Some(&data), Arc::new(SystemClock)).await?;
    let (url, token, notices) =
        (server.bound.url.clone(), server.access.own_token(), notices(&config, &server));
    let mut screen = Screen::new(io::stdout(), io::stdout().is_terminal());
    let shown = here.shown(data.path());
    screen.start(&Start { reading: plan.reading.clone(), data: shown, notices: &notices })?;
    let edit = plan.edit.clone();
    let mut tasks = start(&config, stores, plan, server, notices, &shutdown)?;
    let (cwd, stopping) = (here.cwd.clone(), shutdown.clone());
    tasks.start("cannot tell how the first read goes", async move {
        let client = Client::new(&url, Some(token))?;
        let invitation = Invitation { url: &url, edit };
        tokio::select! {
            () = stopping.cancelled() => Ok(()),
            watched = screen.watch(&client, &invitation, &cwd, since) => {
                watched?;
                stopping.cancelled().await;
                Ok(())
            }
        }
    });
    tasks.finish().await
}

/// What a person should know at start, in status and on the page.
fn notices(config: &AppConfig, server: &Server) -> Vec<String> {
    config.unsupported.iter().cloned().chain(server.notices()).collect()
}

/// Starts all roles on one log and one read model.
fn start(
    config: &AppConfig,
    stores: stores::Stores,
    plan: Plan,
    server: Server,
    notices: Vec<String>,
    shutdown: &CancellationToken,
) -> Result<Tasks> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stores::Stores { log, read_model } = stores;
    let pipeline = process::pipeline(config, plan.rules.clone())?;
    let plan = (plan.locations, plan.rules);
    let (ingest, previewer) =
        ingest::ingest(config, log.clone(), plan, &pipeline, clock.clone(), &server.bound.url)?;
    let directory = ingest.directory();
    let settings = Arc::new(api::settings(config));
    let catalog = Catalog::start(read_model.clone(), &settings, shutdown.clone());
    let progress = progress::ReadModelProgress::new(read_model.clone(), Some(catalog.clone()));
    let pushes = ingest::routes(config, directory.clone(), progress, Arc::clone(&previewer));
    let preview = PipelinePreview {
        reader: Reader::Here(previewer),
        pipeline: Arc::clone(&pipeline),
        credentialed: config.integrations.credentialed(),
    };
    let worker = process::worker(log.clone(), pipeline, clock.clone());
    let stitcher = stitch::worker(config, log.clone(), read_model.clone(), clock.clone());
    let checks = vec![
        health::of_ingest(directory.clone()),
        health::of_processing(worker.health()),
        health::of_stitching(stitcher.status()),
    ];
    let commands = commands::LogCommands::new(log.clone(), read_model.clone(), Arc::new(SystemClock));
    let readers = PlaceReaders::Here(directory.clone());
    let status = pipeline_status::Pipeline { log, directory: Some(directory), notices };
    let state = ApiState {
        status: Some(Arc::new(status)),
        entity_schema: config.backstitch.model()?.json_schema().to_string().into(),
        policy: server.access.policy(),
        public_keys: Some(server.access.public_keys()),
        commands: Some(Arc::new(commands)),
        preview: Some(Arc::new(preview)),
        readers: Some(Arc::new(readers)),
        ..ApiState::new(catalog, read_model, settings)
    };
    metrics::observe(&state, &clock, config.backstitch.metrics.count_every);
    let api = backstitch_query_api::router(state);

    let mut tasks = Tasks::new(shutdown.clone());
    let router = health::checked(pushes.merge(api), checks);
    tasks.start("the server stopped", server.serve(router, shutdown.clone()));
    let stopping = shutdown.clone();
    tasks.start("ingest stopped", async move { Ok(ingest.run(stopping).await?) });
    let stopping = shutdown.clone();
    tasks.start("processing stopped", async move { Ok(worker.run(stopping).await?) });
    let stopping = shutdown.clone();
    tasks.start("stitching stopped", async move { Ok(stitcher.run(stopping).await?) });
    Ok(tasks)
}
