//! Asks everybody who knows something.

use std::collections::{BTreeSet, HashMap};

use backstitch_read_model::{ClaimRecord, HistoryOperation, ReadModel, ReadModelError, Standing};
use backstitch_schemas::{ClaimKey, EntityRef, Listing, LocationRef, ProviderName};

use super::{
    facts::{ClaimFacts, DocumentFacts, EntityFacts, LastChange, Link, SourceView, Visible, Way},
    nearest,
    sources::Sources,
    verdict,
};
use crate::{
    index::{Entity, lower, relation_key},
    query::{Predicate, Test},
    state::ApiState,
    v1::{
        changes::visible_history,
        problems::{claims_with_problems, looked_at, visible_claims, visible_sources},
        views::CauseView,
    },
    view::View,
};

/// Locations above a claim that are followed.
const MAX_DEPTH: usize = 32;
/// Claims of one document that are looked at.
const LOOKED_AT: usize = 5_000;
/// Claims of one document that are told, wrong ones first.
const MAX_CLAIMS: usize = 200;
/// Claims with problems among which is looked for what may be meant, and for who names a ref.
const MAX_PROBLEMS: usize = 10_000;
/// Entities that name a ref that are told.
const MAX_MENTIONS: usize = 20;
/// Locations that name a document that are told.
const MAX_NAMED_BY: usize = 5;

/// Everything known about an entity ref. Claims and sources of what is hidden are not told.
pub(super) async fn entity(
    state: &ApiState,
    view: &View,
    entity_ref: &EntityRef,
) -> Result<EntityFacts, ReadModelError> {
    let read_model = &*state.read_model;
    let claims = claims_on(read_model, view, entity_ref).await?;
    let sources = Sources::of(&visible_sources(read_model, view).await?);
    let visible = view.find(entity_ref).map(|entity| visible(entity));
    let mut mentions = mentions(view, entity_ref);
    let mut nearest = Vec::new();
    if visible.is_none() {
        let wrong = claims_with_problems(read_model, view, MAX_PROBLEMS).await?.items;
        nearest = nearest::refs(view, wrong.iter().map(|claim| &claim.key.entity_ref), entity_ref);
        add_owned(&mut mentions, &wrong, entity_ref);
    }
    let mut facts = EntityFacts {
        entity_ref: entity_ref.clone(),
        revision: view.revision().0,
        visible,
        last_change: last_change(read_model, view, entity_ref).await?,
        claims: Chains::new(read_model, view, &sources).of_all(claims).await?,
        dead_letters: sources.dead_letters(entity_ref),
        mentions,
        nearest,
    };
    add_read_times(state, facts.places().collect()).await;
    Ok(facts)
}

/// Everything known about a document.
pub(super) async fn document(
    state: &ApiState,
    view: &View,
    location: &LocationRef,
) -> Result<DocumentFacts, ReadModelError> {
    let read_model = &*state.read_model;
    let sources = Sources::of(&visible_sources(read_model, view).await?);
    let location = sources.as_read(location);
    let page =
        visible_claims(view, read_model.claims_in(&location, looked_at(view, LOOKED_AT)).await?, LOOKED_AT);
    let unseen = page.total - i64::try_from(page.items.len()).unwrap_or(i64::MAX);
    let mut chains = Chains::new(read_model, view, &sources);
    let (mut claims, tally) = verdict::wrong_first(chains.of_all(page.items).await?, unseen);
    claims.truncate(MAX_CLAIMS);
    let gone = claims.first().filter(|_| tally.live == 0);
    let last_change = match gone {
        Some(gone) => {
            let change = last_change(read_model, view, &gone.claim.key.entity_ref).await?;
            // Any other change is one of another claim on the ref, or from before.
            change.filter(|change| change.operation == HistoryOperation::Deleted)
        }
        None => None,
    };
    let listed = chains.of_document(&location).await?;
    let read = sources.of_document(&location);
    let is_known = !read.is_empty() || !claims.is_empty();
    let nearest = if is_known { Vec::new() } else { nearest::documents(&location, sources.documents()) };
    let named_by = if is_known { Vec::new() } else { naming(view, &location) };
    let mut facts = DocumentFacts {
        revision: view.revision().0,
        sources: read,
        listed,
        named_by,
        claims,
        claims_total: page.total,
        tally,
        matched: sources.matched(&location),
        tells_reading: !view.is_limited(),
        last_change,
        nearest,
        location,
    };
    add_read_times(state, facts.places().collect()).await;
    Ok(facts)
}

async fn last_change(
    read_model: &dyn ReadModel,
    view: &View,
    entity_ref: &EntityRef,
) -> Result<Option<LastChange>, ReadModelError> {
    let history = visible_history(read_model, view, entity_ref, 1).await?;
    Ok(history.first().map(|row| LastChange {
        revision: row.revision.0,
        at: row.at.to_string(),
        operation: row.operation,
        cause: CauseView::from(&row.cause),
    }))
}

/// Adds who names the ref as its owner and did not pass.
fn add_owned(mentions: &mut Vec<(EntityRef, String)>, wrong: &[ClaimRecord], entity_ref: &EntityRef) {
    for claim in wrong.iter().filter(|claim| claim.owner.as_ref() == Some(entity_ref)) {
        let mention = (claim.key.entity_ref.clone(), "ownedBy".to_owned());
        if mentions.len() < MAX_MENTIONS && !mentions.contains(&mention) {
            mentions.push(mention);
        }
    }
}

/// Asks those who read the places when they do.
async fn add_read_times(state: &ApiState, places: Vec<(&str, &mut SourceView)>) {
    let Some(readers) = &state.readers else { return };
    let asked: Vec<_> = places
        .iter()
        .map(|(document, view)| (ProviderName::new(view.provider.as_str()), (*document).to_owned()))
        .collect();
    if asked.is_empty() {
        return;
    }
    for ((_, view), times) in places.into_iter().zip(readers.read_times(&asked).await) {
        if let Some(times) = times {
            view.with_times(times);
        }
    }
}

/// Locations that name a document as it is written.
fn naming(view: &View, location: &str) -> Vec<EntityRef> {
    let target = location.split_once(':').map_or(location, |(_, target)| target);
    let named = |field: &str| Predicate::Field(field.to_owned(), Test::In(vec![lower(target)]));
    let either = Predicate::Any(vec![named("spec.target"), named("spec.targets")]);
    let of_kind = Predicate::Field("kind".to_owned(), Test::In(vec!["location".to_owned()]));
    let found = view.some_of(&Predicate::All(vec![of_kind, either]), MAX_NAMED_BY);
    found.into_iter().map(|entity| entity.entity_ref.clone()).collect()
}

fn visible(entity: &Entity) -> Visible {
    let orphan = &entity.body.value()["metadata"]["annotations"]["backstage.io/orphan"];
    Visible {
        uid: entity.uid.to_string(),
        revision: entity.revision.0,
        orphan: orphan.as_str() == Some("true"),
    }
}

/// Who names the ref in a relation.
fn mentions(view: &View, entity_ref: &EntityRef) -> Vec<(EntityRef, String)> {
    let naming = |kind: &str| {
        let test = Test::In(vec![entity_ref.to_string()]);
        view.some_of(&Predicate::Field(relation_key(kind), test), MAX_MENTIONS)
    };
    let types: BTreeSet<&str> = view.index().relation_types().collect();
    let named = types.into_iter().flat_map(|kind| {
        naming(kind)
            .into_iter()
            .map(|entity| (entity.entity_ref.clone(), kind.to_owned()))
            .collect::<Vec<_>>()
    });
    named.take(MAX_MENTIONS).collect()
}

async fn claims_on(
    read_model: &dyn ReadModel,
    view: &View,
    entity_ref: &EntityRef,
) -> Result<Vec<ClaimRecord>, ReadModelError> {
    if view.tells_claims_on(entity_ref) { read_model.claims_of(entity_ref).await } else { Ok(Vec::new()) }
}

/// Follows claims and documents up to what their providers submitted.
struct Chains<'a> {
    read_model: &'a dyn ReadModel,
    view: &'a View,
    sources: &'a Sources,
    /// Claims on Locations, as far as they were asked for.
    known: HashMap<EntityRef, Vec<ClaimRecord>>,
}

impl<'a> Chains<'a> {
    fn new(read_model: &'a dyn ReadModel, view: &'a View, sources: &'a Sources) -> Self {
        Self { read_model, view, sources, known: HashMap::new() }
    }

    async fn of_all(&mut self, claims: Vec<ClaimRecord>) -> Result<Vec<ClaimFacts>, ReadModelError> {
        let mut facts = Vec::new();
        for claim in claims {
            let chain = self.above(&claim.key.provider, claim.key.listing.as_ref()).await?;
            let held_since = self.held_since(&claim.key).await?;
            let unread = self.sources.unread_of(&claim.key);
            facts.push(ClaimFacts { claim, chain, unread, held_since });
        }
        Ok(facts)
    }

    /// The ways that lead to a document that is read, whatever came of it.
    async fn of_document(&mut self, document: &str) -> Result<Vec<Way>, ReadModelError> {
        let mut ways = Vec::new();
        for (provider, listing) in self.sources.listings_of(document) {
            let chain = self.above(&provider, Some(&listing)).await?;
            ways.push(Way { provider: provider.to_string(), chain });
        }
        Ok(ways)
    }

    /// The way from what is listed up to what its provider submitted.
    async fn above(
        &mut self,
        provider: &ProviderName,
        listing: Option<&Listing>,
    ) -> Result<Vec<Link>, ReadModelError> {
        let mut links = Vec::new();
        let mut next = listing.cloned();
        while let Some(listing) = next.filter(|_| links.len() < MAX_DEPTH) {
            let reading = self.sources.reading(provider.as_str(), &listing.listed);
            let parent = self.claim_on(provider, &listing).await?;
            links.push(Link {
                document: listing.listed.to_string(),
                listed_by: listing.location.to_string(),
                location_wins: parent.is_some_and(|claim| claim.standing == Standing::Winner),
                reading,
            });
            next = parent.and_then(|parent| parent.key.listing.clone());
        }
        Ok(links)
    }

    /// Since when the removal of a claim, or of a Location that leads to it, waits for a person.
    async fn held_since(&mut self, key: &ClaimKey) -> Result<Option<String>, ReadModelError> {
        let mut next = Some(key.clone());
        let mut depth = 0;
        while let Some(key) = next.filter(|_| depth < MAX_DEPTH) {
            if let Some(since) = self.sources.held_since(&key) {
                return Ok(Some(since));
            }
            depth += 1;
            next = match &key.listing {
                Some(listing) => self.claim_on(&key.provider, listing).await?.map(|claim| claim.key.clone()),
                None => None,
            };
        }
        Ok(None)
    }

    /// The claim on the Location that lists something.
    async fn claim_on(
        &mut self,
        provider: &ProviderName,
        listing: &Listing,
    ) -> Result<Option<&ClaimRecord>, ReadModelError> {
        if !self.known.contains_key(&listing.location) {
            let claims = claims_on(self.read_model, self.view, &listing.location).await?;
            self.known.insert(listing.location.clone(), claims);
        }
        let is_it = |key: &ClaimKey| key.provider == *provider && key.document() == &*listing.document;
        Ok(self.known[&listing.location].iter().find(|claim| is_it(&claim.key)))
    }
}
