//! `scm-events`: what a git host tells is read again, and registered locations go or move with their files.
//! What is told may be over by now, so that a location goes only if reading it confirms that it is gone.
//!
//! Carried out again after a crash, it finds nothing left to do.

use backstitch_schemas::{
    LocationRef, RegisteredLocation,
    change::Cause,
    command::{Command, ScmEvents},
    scm::ScmEvent,
};
use url::Url;

use super::{
    Owner,
    command::{Answer, payload},
    step::Stop,
};
use crate::{
    Changed, Places, claims::scm_events::Step, locations::DefaultLocationStore, metrics::scm_acted,
    tail::locked,
};

impl Owner {
    /// Heeds what a git host tells. Nobody waits for the outcome.
    pub(super) async fn heed(&mut self, command: &Command, cause: Cause) -> Result<Option<Answer>, Stop> {
        let told: ScmEvents = match payload(command) {
            Ok(told) => told,
            Err(answer) => return Ok(Some(answer)),
        };
        let sender = command.requested_by.clone().unwrap_or_default();
        if self.provider.as_str() == DefaultLocationStore::NAME {
            let steps = locked(&self.claims).told(told.actions, &told.events);
            let detail = told.commit_url.as_ref().map(|commit| format!("{sender} about {commit}"));
            let cause = Cause { detail: detail.or(cause.detail), ..cause };
            let mut doubted = Vec::new();
            for step in steps {
                match step {
                    Step::Doubt { location, with_repository } => doubted.push((location, with_repository)),
                    Step::Move(from, to) => {
                        let left = self.follow_move(from, &to, &sender, cause.clone()).await?;
                        doubted.extend(left.map(|location| (location, true)));
                    }
                }
            }
            self.doubt(doubted, &sender, &cause).await;
        }
        if told.actions.refresh {
            self.read_for_host(Places::Changed(changed(&told)), sender).await;
        }
        Ok(None)
    }

    /// Lets a location read another place. The location, if another one is there already: then nothing is
    /// lost with this one, once its old place is gone.
    async fn follow_move(
        &mut self,
        from: RegisteredLocation,
        to: &LocationRef,
        sender: &str,
        cause: Cause,
    ) -> Result<Option<RegisteredLocation>, Stop> {
        let moved = locked(&self.claims).move_location(from.id, to);
        let Ok((_, submission)) = moved else { return Ok(Some(from)) };
        let (id, place) = (from.id, &from.location);
        tracing::info!(%id, %place, %to, sender, "moved, because its git host says so");
        scm_acted("move", 1);
        self.say(vec![submission], Vec::new(), cause).await.map(|()| None)
    }
}

/// What has to be read again. Repositories that are gone or elsewhere are left to polling: where they
/// were, hosts redirect or say nothing that counts.
fn changed(told: &ScmEvents) -> Changed {
    let mut changed = Changed { on_default_branch: told.on_default_branch, ..Changed::default() };
    for event in &told.events {
        let (files, urls) = match event {
            ScmEvent::LocationCreated { url }
            | ScmEvent::LocationUpdated { url }
            | ScmEvent::LocationDeleted { url } => (true, vec![url]),
            ScmEvent::LocationMoved { from_url, to_url } => (true, vec![from_url, to_url]),
            ScmEvent::RepositoryCreated { url } | ScmEvent::RepositoryUpdated { url } => (false, vec![url]),
            ScmEvent::RepositoryDeleted { .. } | ScmEvent::RepositoryMoved { .. } => continue,
        };
        let urls = urls.into_iter().filter_map(|url| Url::parse(url).ok());
        // A URL with a query names no repository by what it begins with.
        let plain = |url: &Url| url.query().is_none() && url.fragment().is_none();
        if files {
            changed.files.extend(urls);
        } else {
            changed.repositories.extend(urls.filter(plain));
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_with_a_query_and_one_that_is_gone_are_not_read() {
        let url = |text: &str| text.to_owned();
        let told = ScmEvents {
            actions: Default::default(),
            commit_url: None,
            on_default_branch: true,
            events: vec![
                ScmEvent::RepositoryUpdated { url: url("https://h/o/r?at=main") },
                ScmEvent::RepositoryUpdated { url: url("https://h/o/r#readme") },
                ScmEvent::RepositoryUpdated { url: url("https://h/o/r") },
                ScmEvent::RepositoryDeleted { url: url("https://h/o/gone") },
                ScmEvent::LocationUpdated { url: url("https://h/o/r?path=/a.yaml") },
                ScmEvent::LocationMoved { from_url: url("https://h/a"), to_url: url("https://h/b") },
            ],
        };
        let changed = changed(&told);
        let texts = |urls: &[Url]| urls.iter().map(Url::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&changed.repositories), ["https://h/o/r"]);
        assert_eq!(texts(&changed.files), ["https://h/o/r?path=/a.yaml", "https://h/a", "https://h/b"]);
        assert!(changed.on_default_branch);
    }
}
