//! Entity providers: everything that reads the outside world and emits what changed.
//!
//! A provider says what there is ([`Mutation`]); its *owner* compares that with what the log already
//! says and appends the difference. The Locations among a provider's claims are *followed*: a
//! [`Follower`] reads what they list and reports [`Finding`]s, which the owner applies the same way.
//!
//! A provider of one's own says everything it knows, as often as it likes; what was said before
//! costs nothing downstream:
//!
//! ```
//! use async_trait::async_trait;
//! use backstitch_ingest::{Connection, EntityProvider, Mutation, Removal, Submission};
//! use backstitch_schemas::{
//!     EntityRef, Problem, ProviderName, canonical,
//!     change::{CauseKind, Content},
//! };
//! use serde_json::json;
//! use tokio_util::sync::CancellationToken;
//!
//! struct Teams(Vec<&'static str>);
//!
//! #[async_trait]
//! impl EntityProvider for Teams {
//!     fn name(&self) -> ProviderName {
//!         ProviderName::new("teams")
//!     }
//!
//!     async fn run(&self, connection: Connection, _: CancellationToken) -> Result<(), Problem> {
//!         let submissions = self.0.iter().map(|team| group(team)).collect();
//!         // What is missing was found missing: a wave of removals waits for a person.
//!         let mutation = Mutation::Full { submissions, kept: Vec::new(), removal: Removal::Found };
//!         let applied = connection.apply(mutation, CauseKind::Read, None).await;
//!         applied.map(drop).map_err(|cause| Problem::new("ServiceUnavailableError", cause.to_string()))
//!     }
//! }
//!
//! fn group(team: &str) -> Submission {
//!     let entity = json!({
//!         "apiVersion": "backstage.io/v1alpha1",
//!         "kind": "Group",
//!         "metadata": {"name": team},
//!         "spec": {"type": "team", "children": []},
//!     });
//!     Submission {
//!         entity_ref: EntityRef::new("Group", None, team),
//!         location_key: None,
//!         location_id: None,
//!         content: Content {
//!             entity: canonical::to_string(&entity),
//!             location: "teams:all".to_owned(),
//!             origin: "teams:all".to_owned(),
//!             position: None,
//!             substitutions: Vec::new(),
//!             listing_errors: Vec::new(),
//!         },
//!     }
//! }
//! ```
//!
//! What happens to it, from the outside in: [`Ingest`] owns the providers whose partition of
//! `catalog.commands` this process holds (`service`), one task per provider applies what is said
//! (`owner`), what that means for the log is decided by pure functions (`claims`, `hold`), and
//! providers outside the process say it over HTTP ([`http`]), where git hosts tell of changes, too (`events`).

mod bodies;
mod claims;
mod commander;
mod config;
mod events;
mod finding;
mod hold;
pub mod hosts;
pub mod http;
pub mod locations;
pub mod metrics;
mod owner;
mod preview;
mod progress;
mod provider;
mod record;
mod service;
mod tail;
mod writer;

pub use commander::Commander;
pub use config::{CatalogPolicy, Config, ConfigError, RemovalHold, Strategy};
pub use events::{WebhookSecret, Webhooks};
pub use finding::{Changed, Finding, FollowedLocation, Follower, Places, Presence, Refreshed, Ticket, Wake};
pub use owner::{ProviderStatus, ReadTimes};
pub use preview::{Found, PreviewRead, Previewer};
pub use progress::{Outcome, Progress, RefOutcome};
pub use provider::{
    ApplyError, Connection, EntityProvider, Mutation, MutationOutcome, Removal, Request, Submission,
};
pub use service::{Directory, FollowerFactory, Ingest, NotHere, Parts};
