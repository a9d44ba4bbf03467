//! `GET /api/catalog/v1/changes` as server-sent events.
//!
//! A reader is asked for more only when it has taken what it has, so a slow one costs a part of some
//! changes and nothing more. The id of an event is a revision from which reading goes on without loss or
//! repetition, also within a commit.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response, Sse,
    sse::{Event, KeepAlive},
};
use backstitch_read_model::Revision;
use serde_json::json;

use super::views::ChangeView;
use crate::{
    access::Principal,
    answer,
    error::ApiError,
    feed::{Feed, Part, Told},
    query::Predicate,
    state::ApiState,
};

/// Changes that are looked at before a reader has to take them.
const ROWS: usize = 200;

/// Comments keep proxies from closing a stream in which nothing happens.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Who follows, and what.
pub(super) struct Reader {
    pub(super) state: ApiState,
    pub(super) principal: Principal,
    pub(super) filter: Option<Predicate>,
}

/// A stream that is being read.
struct Followed {
    reader: Reader,
    since: Revision,
    waiting: VecDeque<Event>,
    is_over: bool,
}

/// Tells what happens after `since`, until the reader goes away or the process ends.
///
/// # Errors
/// If history does not reach back to `since`, or the read model does not answer.
pub(super) async fn follow(reader: Reader, since: Revision) -> Result<Response, ApiError> {
    if reader.state.read_model.history_after(since, 0).await?.is_none() {
        return Err(gone(since));
    }
    // The first event says where the stream begins, so that a reader that began now can go on from there.
    let followed = Followed { reader, since, waiting: [commit(since)].into(), is_over: false };
    let events = futures::stream::unfold(followed, |mut followed| async {
        let event = followed.next().await?;
        Some((Ok::<_, Infallible>(event), followed))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

impl Followed {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            let index = self.reader.state.catalog.beyond(self.since).await?;
            let part = self.reader.part(index, self.since).await;
            match part {
                Ok(Some(part)) => {
                    self.since = part.next;
                    self.waiting.extend(part.told.iter().map(event));
                }
                Ok(None) => self.end("gone", &gone(self.since)),
                // The reader comes back with the id that it had last.
                Err(error) => self.end("error", &error),
            }
        }
    }

    fn end(&mut self, name: &str, error: &ApiError) {
        let data = json!({"error": {"name": error.name, "message": error.message}});
        self.waiting.push_back(Event::default().event(name).data(data.to_string()));
        self.is_over = true;
    }
}

impl Reader {
    async fn part(
        &self,
        index: std::sync::Arc<crate::index::Index>,
        since: Revision,
    ) -> Result<Option<Part>, ApiError> {
        // Asked again each time: what somebody may see changes while they watch.
        let view = self.state.view(index, &self.principal).await?;
        let feed = Feed::of(&*self.state.read_model, &view, self.filter.as_ref())?;
        Ok(feed.after(since, ROWS).await?)
    }
}

fn event(told: &Told) -> Event {
    match told {
        Told::Commit(revision) => commit(*revision),
        Told::Change(change) => {
            let data = serde_json::to_string(&ChangeView::whole(change)).expect("changes have texts as keys");
            Event::default().event("change").id(change.row.revision.to_string()).data(data)
        }
    }
}

fn commit(revision: Revision) -> Event {
    let data = json!({"revision": revision.0}).to_string();
    Event::default().event("commit").id(revision.to_string()).data(data)
}

/// The error of a revision from which nobody can go on.
pub(super) fn gone(since: Revision) -> ApiError {
    ApiError::gone(format!(
        "Revision {since} is of another incarnation of the catalog, or history does not reach back to it; take a \
         snapshot (GET /entities) and go on from its {} header",
        answer::REVISION_HEADER
    ))
}
