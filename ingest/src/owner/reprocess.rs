//! When the rules of processing changed: every claim is appended again, behind live changes.

use std::collections::HashMap;

use backstitch_event_log::{BatchLimits, LogError};
use backstitch_schemas::{
    Change,
    change::{Cause, CauseKind},
};

use super::{
    Owner,
    step::{STEP_RECORDS, Stop},
};
use crate::{
    bodies::{Bodies, Body},
    tail::locked,
};

/// A pass over everything that the provider has in the log.
pub(super) struct Reprocess {
    bodies: Bodies,
}

/// The next bodies of a pass that is under way; never, if none is. Safe to cancel.
pub(super) async fn next(reprocess: &mut Option<Reprocess>) -> Result<Option<Vec<Body>>, LogError> {
    match reprocess {
        Some(reprocess) => {
            let limits = BatchLimits { records: STEP_RECORDS, ..BatchLimits::default() };
            reprocess.bodies.next(&limits).await
        }
        None => std::future::pending().await,
    }
}

impl Owner {
    /// Begins a pass if results in the log depend on other rules than today's.
    pub(super) async fn begin_reprocessing(&mut self) -> Result<(), Stop> {
        let fingerprint = &self.shared.policy.fingerprint;
        if self.state.fingerprint.as_ref() == Some(fingerprint) {
            return Ok(());
        }
        let first = {
            let claims = locked(&self.claims);
            Self::first_offsets(claims.keys().filter_map(|key| claims.get(&key).map(|known| known.at)))
        };
        if first.is_empty() {
            self.state.fingerprint = Some(fingerprint.clone());
            return Ok(());
        }
        let bodies = self.open_bodies(&first).await?;
        tracing::info!(provider = %self.provider, "the rules of processing changed, appending everything again");
        self.reprocess = Some(Reprocess { bodies });
        Ok(())
    }

    /// Appends those that are still the latest of their claim. The pass ends with its fingerprint.
    pub(super) async fn append_again(
        &mut self,
        bodies: Result<Option<Vec<Body>>, LogError>,
    ) -> Result<(), Stop> {
        let bodies = match bodies {
            Ok(bodies) => bodies,
            Err(LogError::Unavailable(_)) => {
                // What was appended again counts twice at most; results are the same.
                self.reprocess = None;
                return self.begin_reprocessing().await;
            }
            Err(cause) => return Err(Stop::Unusable(cause.to_string())),
        };
        let Some(bodies) = bodies else {
            self.reprocess = None;
            self.state.fingerprint = Some(self.shared.policy.fingerprint.clone());
            return self.write_state(false).await;
        };
        let cause = Cause { kind: CauseKind::Reprocess, detail: None, at: self.now() };
        let changes =
            self.latest(bodies).map(|(key, _, change)| (key, Change { cause: cause.clone(), ..change }));
        let changes = changes.collect();
        self.append(changes, Vec::new(), None).await.map(drop)
    }

    /// Reads the latest content of these claims.
    pub(super) async fn contents(
        &mut self,
        wanted: &HashMap<backstitch_schemas::ClaimKey, (u32, i64)>,
    ) -> Result<Vec<Body>, Stop> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let first = Self::first_offsets(wanted.values().copied());
        let mut found = Vec::with_capacity(wanted.len());
        loop {
            let mut bodies = self.open_bodies(&first).await?;
            found.clear();
            let read = loop {
                if found.len() == wanted.len() {
                    break Ok(());
                }
                match bodies.next(&BatchLimits::default()).await {
                    Ok(Some(read)) => {
                        found.extend(read.into_iter().filter(|(key, at, _)| wanted.get(key) == Some(at)));
                    }
                    Ok(None) => break Ok(()),
                    Err(cause) => break Err(cause),
                }
            };
            match read {
                Ok(()) => return Ok(found),
                Err(LogError::Unavailable(_)) => tokio::time::sleep(super::RETRY).await,
                Err(cause) => return Err(Stop::Unusable(cause.to_string())),
            }
        }
    }

    async fn open_bodies(&mut self, first: &HashMap<u32, i64>) -> Result<Bodies, Stop> {
        loop {
            match Bodies::open(&*self.shared.log, self.provider.clone(), first).await {
                Ok(bodies) => return Ok(bodies),
                Err(LogError::Unavailable(cause)) => {
                    tracing::warn!(provider = %self.provider, cause, "the log is away, waiting to read it back");
                    tokio::time::sleep(super::RETRY).await;
                }
                Err(cause) => return Err(Stop::Unusable(cause.to_string())),
            }
        }
    }

    fn latest(&self, bodies: Vec<Body>) -> impl Iterator<Item = Body> {
        let claims = locked(&self.claims);
        let latest = |(key, at, _): &Body| claims.get(key).is_some_and(|known| known.at == *at);
        bodies.into_iter().filter(latest).collect::<Vec<_>>().into_iter()
    }
}
