//! Reading a location and all that it leads to once, without claiming anything: what registering it
//! would bring.
//!
//! The same follower reads it that would follow it for good, so a preview and the real thing agree.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use backstitch_schemas::{ClaimKey, EntityRef, Listing, LocationRef, Problem, ProviderName, change::Content};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::{
    CatalogPolicy, Finding, FollowedLocation, Follower, FollowerFactory, Submission,
    claims::location::followed,
    locations::{LocationFollowers, generated},
};

/// The longest that reading a location may take: somebody waits for the answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads on request.
pub struct Previewer {
    followers: Arc<LocationFollowers>,
    policy: CatalogPolicy,
}

/// What a location leads to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PreviewRead {
    /// What stands there, the generated Location first, then what each document holds, its last entity first.
    pub found: Vec<Found>,
    /// Why something could not be read.
    pub problems: Vec<Problem>,
}

/// Something that would be claimed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Its ref.
    pub entity_ref: EntityRef,
    /// What processing needs.
    pub content: Content,
    /// Whether a Location lists it: then the rules apply.
    pub listed: bool,
}

impl Previewer {
    /// A previewer that reads as `followers` do.
    pub fn new(followers: Arc<LocationFollowers>, policy: CatalogPolicy) -> Self {
        Self { followers, policy }
    }

    /// What registering `location` would lead to.
    pub async fn location(&self, location: &LocationRef, presence: Option<&str>) -> PreviewRead {
        let follower = self.followers.follower(&provider(), HashMap::new());
        let mut tour = Tour { policy: &self.policy, read: PreviewRead::default(), followed: HashMap::new() };
        tour.claim(None, generated_location(location, presence));
        tour.read_all(follower, location).await;
        tour.read
    }

    /// What would be claimed if `entity` stood alone in a document at `location`.
    ///
    /// # Errors
    /// If it has no readable ref, or what a placeholder asks for cannot be read now.
    pub async fn entity(&self, entity: &Value, location: &LocationRef) -> Result<Found, Problem> {
        let Submission { entity_ref, content, .. } = self.followers.submission(entity, location).await?;
        Ok(Found { entity_ref, content, listed: false })
    }
}

impl fmt::Debug for Previewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Previewer").finish_non_exhaustive()
    }
}

/// Who claims makes no difference to what is read.
fn provider() -> ProviderName {
    ProviderName::new("preview")
}

fn generated_location(location: &LocationRef, presence: Option<&str>) -> Submission {
    let mut submission = generated::submission(location, &location.generated_name(), None);
    if let Some(presence) = presence
        && let Ok(mut entity) = serde_json::from_str::<Value>(&submission.content.entity)
    {
        entity["spec"]["presence"] = presence.into();
        submission.content.entity = backstitch_schemas::canonical::to_string(&entity);
    }
    submission
}

/// What was read so far.
struct Tour<'a> {
    policy: &'a CatalogPolicy,
    read: PreviewRead,
    /// The Locations found so far, by ref and the document that each stands in.
    followed: HashMap<(EntityRef, String), FollowedLocation>,
}

impl Tour<'_> {
    /// Follows what was claimed, and what is found on the way, until there is nothing more to read.
    async fn read_all(&mut self, mut follower: Box<dyn Follower>, location: &LocationRef) {
        let deadline = Instant::now() + PATIENCE;
        follower.follow(self.locations(), &[]).await;
        while follower.is_busy() {
            let Ok((findings, _)) = timeout_at(deadline, follower.next()).await else {
                let seconds = PATIENCE.as_secs();
                let message = format!("{location} could not be read to its end within {seconds} seconds");
                self.read.problems.push(Problem::new("Error", message));
                return;
            };
            let known = self.followed.len();
            for finding in findings {
                self.take(finding);
            }
            if self.followed.len() > known {
                follower.follow(self.locations(), &[]).await;
            }
        }
    }

    fn locations(&self) -> Vec<FollowedLocation> {
        self.followed.values().cloned().collect()
    }

    fn take(&mut self, finding: Finding) {
        match finding {
            Finding::Read { listing, submissions, errors, .. } => {
                self.note(errors);
                // Backstage takes the last one first, and people compare the two.
                for submission in submissions.into_iter().rev() {
                    self.claim(Some(&listing), submission);
                }
            }
            Finding::Listed { errors, .. } => self.note(errors),
            Finding::Absent { error, .. } => self.note(error),
            Finding::Failed { problem, .. } => self.note([problem]),
            Finding::Unchanged(_) => {}
        }
    }

    /// A place that is listed twice has its problems once.
    fn note(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            if !self.read.problems.contains(&problem) {
                self.read.problems.push(problem);
            }
        }
    }

    fn claim(&mut self, listing: Option<&Listing>, submission: Submission) {
        let Submission { entity_ref, content, .. } = submission;
        let key = match listing {
            Some(listing) => ClaimKey::listed(entity_ref.clone(), provider(), listing.clone()),
            None => ClaimKey::own(entity_ref.clone(), provider()),
        };
        if entity_ref.is_location()
            && let Some(location) = followed(&key, &content, &self.policy.model, &self.policy.rules)
        {
            self.followed.insert((entity_ref.clone(), key.document().to_owned()), location);
        }
        self.read.found.push(Found { entity_ref, content, listed: listing.is_some() });
    }
}
