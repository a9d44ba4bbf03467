//! Asks everybody who knows something.

use std::collections::{BTreeSet, HashMap};

use backstitch_read_model::{ClaimRecord, ReadModel, ReadModelError, SourceRow, Standing};
use backstitch_schemas::{ClaimKey, EntityRef, LocationRef, source::SourceKey, source::SourceState};

use super::{
    facts::{ClaimFacts, DocumentFacts, EntityFacts, LastChange, Link, SourceView, Visible},
    nearest,
};
use crate::{
    index::{Entity, relation_key},
    query::{Predicate, Test},
    state::ApiState,
    v1::{
        changes::visible_history,
        problems::{looked_at, visible_claims, visible_sources},
        views::CauseView,
    },
    view::View,
};

/// Locations above a claim that are followed.
const MAX_DEPTH: usize = 32;
/// Claims of one document that are told.
const MAX_CLAIMS: usize = 200;
/// Entities that name a ref that are told.
const MAX_MENTIONS: usize = 20;

/// Everything known about an entity ref. Claims and sources of what is hidden are not told.
pub(super) async fn entity(
    state: &ApiState,
    view: &View,
    entity_ref: &EntityRef,
) -> Result<EntityFacts, ReadModelError> {
    let read_model = &*state.read_model;
    let claims = claims_on(read_model, view, entity_ref).await?;
    let sources = Sources::of(&visible_sources(read_model, view).await?);
    let history = visible_history(read_model, view, entity_ref, 1).await?;
    let visible = view.find(entity_ref).map(|entity| visible(entity));
    let nearest = if visible.is_none() { nearest::refs(view, entity_ref) } else { Vec::new() };
    Ok(EntityFacts {
        entity_ref: entity_ref.clone(),
        revision: view.revision().0,
        visible,
        last_change: history.first().map(|row| LastChange {
            revision: row.revision.0,
            at: row.at.to_string(),
            operation: row.operation,
            cause: CauseView::from(&row.cause),
        }),
        claims: with_chains(read_model, view, &sources, claims).await?,
        mentions: mentions(view, entity_ref),
        nearest,
    })
}

/// Everything known about a document.
pub(super) async fn document(
    state: &ApiState,
    view: &View,
    location: &LocationRef,
) -> Result<DocumentFacts, ReadModelError> {
    let read_model = &*state.read_model;
    let location = location.to_string();
    let sources = Sources::of(&visible_sources(read_model, view).await?);
    let page =
        visible_claims(view, read_model.claims_in(&location, looked_at(view, MAX_CLAIMS)).await?, MAX_CLAIMS);
    let read = sources.of_document(&location);
    let nearest = if read.is_empty() { nearest::texts(&location, sources.documents()) } else { Vec::new() };
    Ok(DocumentFacts {
        revision: view.revision().0,
        sources: read,
        claims: with_chains(read_model, view, &sources, page.items).await?,
        claims_total: page.total,
        nearest,
        location,
    })
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

async fn with_chains(
    read_model: &dyn ReadModel,
    view: &View,
    sources: &Sources,
    claims: Vec<ClaimRecord>,
) -> Result<Vec<ClaimFacts>, ReadModelError> {
    let mut parents = HashMap::new();
    let mut facts = Vec::new();
    for claim in claims {
        let chain = chain(read_model, view, sources, &claim.key, &mut parents).await?;
        let held_since = sources.held_since(&claim.key);
        facts.push(ClaimFacts { claim, chain, held_since });
    }
    Ok(facts)
}

/// The way from a claim up to what its provider submitted.
async fn chain(
    read_model: &dyn ReadModel,
    view: &View,
    sources: &Sources,
    key: &ClaimKey,
    known: &mut HashMap<EntityRef, Vec<ClaimRecord>>,
) -> Result<Vec<Link>, ReadModelError> {
    let mut links = Vec::new();
    let mut at = key.clone();
    while let Some(listing) = at.listing.clone().filter(|_| links.len() < MAX_DEPTH) {
        if !known.contains_key(&listing.location) {
            known.insert(listing.location.clone(), claims_on(read_model, view, &listing.location).await?);
        }
        let parent = known[&listing.location]
            .iter()
            .find(|claim| claim.key.provider == at.provider && claim.key.document() == &*listing.document);
        links.push(Link {
            document: listing.listed.to_string(),
            listed_by: listing.location.to_string(),
            location_wins: parent.is_some_and(|claim| claim.standing == Standing::Winner),
            reading: sources.reading(at.provider.as_str(), &listing.listed),
        });
        let Some(parent) = parent else { break };
        at = parent.key.clone();
    }
    Ok(links)
}

/// What `catalog.sources` says, by provider and document.
struct Sources {
    providers: HashMap<String, SourceState>,
    documents: HashMap<(String, String), SourceState>,
}

impl Sources {
    fn of(rows: &[SourceRow]) -> Self {
        let (mut providers, mut documents) = (HashMap::new(), HashMap::new());
        for row in rows {
            match SourceKey::decode(row.key.as_bytes()) {
                Ok(SourceKey::Provider(name)) => drop(providers.insert(name.to_string(), row.state.clone())),
                Ok(SourceKey::Location(name, document)) if row.state.outcome != "withdrawn" => {
                    drop(documents.insert((name.to_string(), document), row.state.clone()));
                }
                Ok(_) | Err(_) => {}
            }
        }
        Self { providers, documents }
    }

    fn reading(&self, provider: &str, document: &str) -> Option<SourceView> {
        let state = self.documents.get(&(provider.to_owned(), document.to_owned()))?;
        Some(SourceView::of(provider, state))
    }

    fn of_document(&self, document: &str) -> Vec<SourceView> {
        let read = self.documents.iter().filter(|((_, read), _)| read == document);
        let mut views: Vec<_> = read.map(|((provider, _), state)| SourceView::of(provider, state)).collect();
        views.sort_by(|a, b| a.provider.cmp(&b.provider));
        views
    }

    fn documents(&self) -> impl Iterator<Item = &str> {
        self.documents.keys().map(|(_, document)| document.as_str())
    }

    /// Since when a claim's removal waits for a person, as far as the provider tells which ones do.
    fn held_since(&self, key: &ClaimKey) -> Option<String> {
        let held = self.providers.get(key.provider.as_str())?.held.as_ref()?;
        held.sample.iter().any(|name| name == key.entity_ref.as_str()).then(|| held.since.to_string())
    }
}
