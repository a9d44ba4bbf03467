//! The one session that commits. Its process is the leader row's backend, so that a successor can end it.

use std::time::Duration;

use sqlx::{ConnectOptions as _, PgConnection, PgPool, postgres::PgConnectOptions};
use tokio::sync::Mutex;

use super::{commit, leader};
use crate::{Commit, CommitError, Leadership, ReadModelError, errors};

/// The session that commits, or none while it is not needed or broke.
#[derive(Debug)]
pub(super) struct Writer {
    options: PgConnectOptions,
    session: Mutex<Option<Session>>,
}

#[derive(Debug)]
struct Session {
    conn: PgConnection,
    /// The epoch for which it is the leader row's backend.
    epoch: Option<i64>,
}

impl Writer {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        // Lists are of any length, and a plan for an unknown length goes by the indexes. A plan for a
        // known one may read a whole table, as long as nobody counted how large it has become.
        let options = options.options([("plan_cache_mode", "force_generic_plan")]);
        Self { options, session: Mutex::new(None) }
    }

    /// Takes leadership for the session.
    pub(super) async fn lead(
        &self,
        holder: &str,
        lease: Duration,
    ) -> Result<Option<Leadership>, ReadModelError> {
        let mut slot = self.session.lock().await;
        let mut session = self.session(slot.take()).await?;
        let leadership = leader::lead(&mut session.conn, holder, lease).await.map_err(errors::reading)?;
        session.epoch = leadership.as_ref().map_or(session.epoch, |leadership| Some(leadership.epoch));
        *slot = Some(session);
        Ok(leadership)
    }

    /// Makes a commit. A session that is in an unknown state afterwards is given up.
    pub(super) async fn commit(
        &self,
        readers: &PgPool,
        leadership: &Leadership,
        commit: &Commit,
    ) -> Result<(), CommitError> {
        let mut slot = self.session.lock().await;
        // Out of its slot meanwhile: if this future is dropped, so is the session, and its transaction.
        let mut session = self.session(slot.take()).await?;
        adopt(&mut session, leadership).await?;
        let outcome = commit::commit(&mut session.conn, leadership, commit).await;
        match &outcome {
            Ok(()) | Err(CommitError::LostLeadership | CommitError::Data(_)) => *slot = Some(session),
            Err(CommitError::ReadModel(_)) => {}
            Err(CommitError::Unclear(_)) => settle(readers, leadership).await,
        }
        outcome
    }

    async fn session(&self, session: Option<Session>) -> Result<Session, ReadModelError> {
        match session {
            Some(session) => Ok(session),
            None => {
                let conn = self.options.connect().await.map_err(errors::reading)?;
                Ok(Session { conn, epoch: None })
            }
        }
    }
}

/// Makes a new session the one that commits for a leadership whose session broke.
async fn adopt(session: &mut Session, leadership: &Leadership) -> Result<(), CommitError> {
    if session.epoch == Some(leadership.epoch) {
        return Ok(());
    }
    let adopted = leader::adopt(&mut session.conn, leadership.epoch).await.map_err(errors::writing)?;
    session.epoch = adopted.then_some(leadership.epoch);
    if adopted { Ok(()) } else { Err(CommitError::LostLeadership) }
}

/// Ends the session of an unclear commit, so that the head that is read next tells what became of it.
async fn settle(readers: &PgPool, leadership: &Leadership) {
    if let Err(error) = leader::end_session(readers, leadership.epoch).await {
        tracing::warn!(%error, "the session of an unclear commit was not ended");
    }
}
