//! The stitcher's loop: lead, work, and begin again when something was away.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use backstitch_event_log::{EventLog, trace::Spans};
use backstitch_read_model::{Leadership, ReadModel};
use backstitch_schemas::Clock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error, State, Status,
    error::Stop,
    metrics::Metrics,
    session::{Session, Surroundings},
};

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Stitches while it leads, and stands by while another one does.
pub struct Worker {
    around: Surroundings,
    holder: String,
    pause: Duration,
}

impl Worker {
    /// A stitcher; `holder` is a name that no other process has.
    pub fn new(
        log: Arc<dyn EventLog>,
        read_model: Arc<dyn ReadModel>,
        clock: Arc<dyn Clock>,
        holder: &str,
        config: Config,
    ) -> Self {
        let status = watch::Sender::new(Status::default());
        let shutdown = CancellationToken::new();
        Self {
            around: Surroundings {
                log,
                read_model,
                clock,
                config,
                status,
                metrics: Metrics::new(),
                spans: Arc::new(Spans::of("backstitch.stitcher")),
                shutdown,
            },
            holder: holder.to_owned(),
            pause: SHORTEST_PAUSE,
        }
    }

    /// How the stitcher is doing, now and later.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.around.status.subscribe()
    }

    /// Stitches until `shutdown`; a commit that was begun is finished.
    ///
    /// # Errors
    /// If log and read model do not fit together or cannot be used, and waiting does not help.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        self.around.shutdown = shutdown;
        let result = loop {
            let started = Instant::now();
            let stop = self.lead_and_work().await;
            if started.elapsed() > LONGEST_PAUSE {
                self.pause = SHORTEST_PAUSE;
            }
            match stop {
                Stop::Shutdown => break Ok(()),
                Stop::Lost => tracing::warn!("another stitcher leads; standing by"),
                Stop::Unavailable(cause) | Stop::Reload(cause) => self.wait(cause).await,
                Stop::Fatal(error) => break Err(error),
            }
        };
        self.around.status.send_modify(|status| status.state = State::Stopped);
        result
    }

    async fn lead_and_work(&self) -> Stop {
        let leadership = match self.lead().await {
            Ok(leadership) => leadership,
            Err(stop) => return stop,
        };
        let stop = match Session::open(self.around.clone(), leadership.clone()).await {
            Ok(session) => session.run().await,
            Err(stop) => stop,
        };
        if !matches!(stop, Stop::Lost)
            && let Err(error) = self.around.read_model.resign(&leadership).await
        {
            tracing::warn!(%error, "the lead is not given back; it runs out by itself");
        }
        stop
    }

    /// Waits until this one leads.
    async fn lead(&self) -> Result<Leadership, Stop> {
        let config = &self.around.config;
        loop {
            if self.around.shutdown.is_cancelled() {
                return Err(Stop::Shutdown);
            }
            if let Some(leadership) = self.around.read_model.lead(&self.holder, config.lease).await? {
                return Ok(leadership);
            }
            self.around.status.send_modify(|status| status.state = State::Standby);
            self.sleep(config.lease / 5).await;
        }
    }

    async fn wait(&mut self, cause: String) {
        tracing::warn!(cause, pause_ms = self.pause.as_millis(), "stitching begins again after a pause");
        self.around.status.send_modify(|status| status.state = State::Waiting(cause));
        self.sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    async fn sleep(&self, pause: Duration) {
        tokio::select! {
            () = self.around.shutdown.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
