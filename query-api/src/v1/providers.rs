//! How reading goes for each provider, from what the log says of it and of the places it reads.

use std::collections::BTreeMap;

use backstitch_read_model::SourceRow;
use backstitch_schemas::{
    Timestamp,
    source::{SourceKey, SourceState},
};
use serde::Serialize;

use crate::state::LiveProvider;

/// How reading goes for one provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProviderStatus {
    pub(crate) name: String,
    /// How many entities it claims.
    pub(crate) entities: i64,
    /// When it last read, or was last pushed.
    pub(crate) last_read: Option<String>,
    /// When that last told what is there.
    pub(crate) last_success: Option<String>,
    /// When something of it is read again.
    pub(crate) next_read: Option<String>,
    pub(crate) outcome: String,
    pub(crate) held: Option<HeldStatus>,
}

/// Removals that wait for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HeldStatus {
    pub(crate) removals: i64,
    pub(crate) since: String,
    /// Some of the refs.
    pub(crate) sample: Vec<String>,
}

/// What the places of one provider say together.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    entities: i64,
    last_read: Option<Timestamp>,
    last_success: Option<Timestamp>,
    next_read: Option<Timestamp>,
}

/// All providers, by name. What is known of them right now counts more than what was recorded.
pub(crate) fn providers(sources: &[SourceRow], live: &[LiveProvider]) -> Vec<ProviderStatus> {
    let mut recorded = Vec::new();
    let mut places: BTreeMap<String, Places> = BTreeMap::new();
    for row in sources {
        match SourceKey::decode(row.key.as_bytes()) {
            Ok(SourceKey::Provider(name)) if !is_gone(&row.state) => {
                recorded.push((name.to_string(), &row.state));
            }
            Ok(SourceKey::Location(name, _)) if row.state.outcome != "withdrawn" => {
                places.entry(name.to_string()).or_default().add(&row.state);
            }
            _ => {}
        }
    }
    let status = |(name, state): (String, &SourceState)| {
        let places = places.get(&name).copied().unwrap_or_default();
        let live = live.iter().find(|live| live.name.as_str() == name);
        provider(name, state, places, live)
    };
    recorded.into_iter().map(status).collect()
}

/// A provider that was taken out of the configuration has nothing to tell any more.
fn is_gone(state: &SourceState) -> bool {
    state.outcome == "withdrawn" && state.entities.unwrap_or(0) == 0
}

fn provider(
    name: String,
    state: &SourceState,
    places: Places,
    live: Option<&LiveProvider>,
) -> ProviderStatus {
    let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let last_read = live.and_then(|live| live.last_read).max(state.last_read_at).max(places.last_read);
    let last_success =
        live.and_then(|live| live.last_success).max(state.last_success_at).max(places.last_success);
    let next_read = match live {
        Some(live) => live.next_read,
        None => state.next_read_at.or(places.next_read),
    };
    ProviderStatus {
        name,
        entities: live.map(|live| live.entities).or(state.entities).unwrap_or(places.entities),
        last_read: text(last_read),
        last_success: text(last_success),
        next_read: text(next_read),
        outcome: state.outcome.clone(),
        held: state.held.as_ref().map(|held| HeldStatus {
            removals: held.count,
            since: held.since.to_string(),
            sample: held.sample.clone(),
        }),
    }
}

impl Places {
    fn add(&mut self, state: &SourceState) {
        self.entities += state.entities.unwrap_or(0);
        self.last_read = self.last_read.max(state.last_read_at);
        self.last_success = self.last_success.max(state.last_success_at);
        self.next_read = [self.next_read, state.next_read_at].into_iter().flatten().min();
    }
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::ProviderName;

    use super::*;

    fn row(key: &SourceKey, state: SourceState) -> SourceRow {
        SourceRow { key: String::from_utf8(key.encode()).unwrap(), state }
    }

    fn sources() -> Vec<SourceRow> {
        let name = ProviderName::new("locations");
        let read = |at, entities| SourceState {
            outcome: "ok".to_owned(),
            last_read_at: Some(Timestamp(at)),
            last_success_at: Some(Timestamp(at)),
            next_read_at: Some(Timestamp(at + 60_000)),
            entities: Some(entities),
            ..SourceState::default()
        };
        let gone = SourceState { outcome: "withdrawn".to_owned(), ..SourceState::default() };
        vec![
            row(&SourceKey::Location(name.clone(), "file:/a".to_owned()), read(1_000, 2)),
            row(&SourceKey::Location(name.clone(), "file:/b".to_owned()), read(2_000, 3)),
            row(&SourceKey::Provider(ProviderName::new("gone")), gone),
            row(&SourceKey::Provider(name), SourceState { outcome: "ok".to_owned(), ..Default::default() }),
        ]
    }

    #[test]
    fn a_provider_is_as_its_places_are() {
        let [status] = providers(&sources(), &[]).try_into().unwrap();
        assert_eq!((status.name.as_str(), status.entities), ("locations", 5));
        assert_eq!(status.last_read.as_deref(), Some("1970-01-01T00:00:02Z"));
        assert_eq!(status.next_read.as_deref(), Some("1970-01-01T00:01:01Z"));
    }

    #[test]
    fn what_is_known_right_now_counts_more_than_what_was_recorded() {
        let live = LiveProvider {
            name: ProviderName::new("locations"),
            entities: 7,
            last_read: Some(Timestamp(60_000)),
            last_success: None,
            next_read: None,
        };
        let [status] = providers(&sources(), &[live]).try_into().unwrap();
        assert_eq!((status.entities, status.next_read), (7, None));
        assert_eq!(status.last_read.as_deref(), Some("1970-01-01T00:01:00Z"));
        assert_eq!(status.last_success.as_deref(), Some("1970-01-01T00:00:02Z"));
    }
}
