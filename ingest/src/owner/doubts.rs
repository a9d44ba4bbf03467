//! Registered locations that a git host says are gone: they are read at once, and taken back only if that
//! confirms it.
//!
//! A webhook may come twice, late, or from somebody who kept it, and what it tells of may be there again.
//! Doubts end with the process; the location stays then, with the error of its next read.

use std::{collections::BTreeSet, mem, sync::Arc, time::Duration};

use backstitch_schemas::{RegisteredLocation, Timestamp, change::Cause};

use super::{Owner, step::Stop};
use crate::{Places, Presence, Ticket, metrics::scm_acted, tail::locked};

/// How long a host may go on serving what it says is gone: longer than until the second look.
const PATIENCE: Duration = Duration::from_secs(60);

/// A registered location that a git host says is gone.
pub(super) struct Doubt {
    location: RegisteredLocation,
    /// Whether its whole repository is said to be gone.
    with_repository: bool,
    /// The webhook, as people name it.
    sender: String,
    cause: Cause,
    /// The read that looks whether it is.
    ticket: Ticket,
    since: Timestamp,
}

/// What became of a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// It is gone.
    Gone,
    /// Its host may say so yet.
    Open,
    /// Its host serves it all the same, or cannot be asked.
    Stays,
}

impl Owner {
    /// Has locations read that their host says are gone.
    pub(super) async fn doubt(
        &mut self,
        locations: Vec<(RegisteredLocation, bool)>,
        sender: &str,
        cause: &Cause,
    ) {
        for (location, with_repository) in locations {
            let place: Arc<str> = location.location.to_string().into();
            let places = Places::Doubted(BTreeSet::from([Arc::clone(&place)]));
            let Some(ticket) = self.read_for_host(places, sender.to_owned()).await else {
                tracing::info!(%place, sender, "a git host says that this is gone; it stays registered, because it is not read");
                continue;
            };
            let (sender, cause, since) = (sender.to_owned(), cause.clone(), self.now());
            self.doubts.retain(|doubt| doubt.location.id != location.id);
            self.doubts.push(Doubt { location, with_repository, sender, cause, ticket, since });
        }
    }

    /// Takes back the locations that were read meanwhile, and are gone.
    pub(super) async fn settle_doubts(&mut self) -> Result<(), Stop> {
        for doubt in mem::take(&mut self.doubts) {
            match self.judge(&doubt) {
                Judgement::Open => self.doubts.push(doubt),
                Judgement::Gone => self.take_back(doubt).await?,
                Judgement::Stays => {
                    let (place, sender) = (&doubt.location.location, doubt.sender);
                    tracing::info!(%place, sender, "it stays registered: its git host said that it is gone, and reading it did not confirm that");
                }
            }
        }
        Ok(())
    }

    fn judge(&self, doubt: &Doubt) -> Judgement {
        let place = doubt.location.location.to_string();
        let under_way = self.refreshing.iter().any(|refreshing| refreshing.ticket == doubt.ticket);
        let seen = if under_way { Presence::Unknown } else { self.follower.presence(&place, doubt.since) };
        judgement(seen, doubt.with_repository, self.now().0 - doubt.since.0)
    }

    async fn take_back(&mut self, doubt: Doubt) -> Result<(), Stop> {
        let Doubt { location, sender, cause, .. } = doubt;
        if locked(&self.claims).registered_with(location.id).as_ref() != Some(&location) {
            // Somebody was faster, or it reads another place by now.
            return Ok(());
        }
        let (id, place) = (location.id, &location.location);
        tracing::info!(%id, %place, sender, "unregistered, because its git host says that it is gone, and it is");
        scm_acted("delete", 1);
        self.say(Vec::new(), vec![location.entity_ref], cause).await
    }
}

/// What a read tells that came `age` ms after the doubt. A host that says that a repository is gone answers
/// for it as for one that may not be seen; both together count.
fn judgement(seen: Presence, with_repository: bool, age: i64) -> Judgement {
    match seen {
        Presence::Absent => Judgement::Gone,
        Presence::OutOfSight if with_repository => Judgement::Gone,
        _ if i128::from(age) > i128::try_from(PATIENCE.as_millis()).unwrap_or(i128::MAX) => Judgement::Stays,
        _ => Judgement::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_confirmed_goes() {
        let late = 60_001;
        for (seen, with_repository, age, expected) in [
            (Presence::Absent, false, 0, Judgement::Gone),
            (Presence::Absent, true, late, Judgement::Gone),
            (Presence::OutOfSight, true, 0, Judgement::Gone),
            (Presence::OutOfSight, false, 0, Judgement::Open),
            (Presence::OutOfSight, false, late, Judgement::Stays),
            (Presence::There, true, 0, Judgement::Open),
            (Presence::There, true, late, Judgement::Stays),
            (Presence::Unknown, true, late, Judgement::Stays),
        ] {
            assert_eq!(judgement(seen, with_repository, age), expected, "{seen:?} after {age} ms");
        }
    }
}
