//! A catalog to ask: a read model in a file, filled commit by commit, and the router over it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use backstitch_query_api::{
    ApiState, Catalog, Config, LiveHost, PermissionPolicy, PipelineStatus, StatusSource,
    index::{Index, Loader, Relation},
    router,
};
use backstitch_read_model::{
    ClaimId, ClaimRow, ClaimState, Commit, EntityRow, HistoryOperation, HistoryRow, Leadership, ReadModel,
    RefId, RefRow, RelationEnd, RelationRow, Revision, SourceRow, SqliteReadModel, Standing, TypeId, TypeRow,
};
use backstitch_schemas::{
    ClaimKey, Digest, EntityRef, Identity, Listing, ProviderName, Timestamp, canonical,
    change::{Cause, CauseKind},
    model::{Model, relations_of},
};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;
use uuid::Uuid;

/// A running catalog.
pub(crate) struct Fixture {
    pub(crate) router: Router,
    pub(crate) catalog: Catalog,
    pub(crate) read_model: Arc<SqliteReadModel>,
    leadership: Leadership,
    revision: Revision,
    refs: BTreeMap<EntityRef, RefId>,
    types: BTreeMap<String, TypeId>,
    claims: i64,
    claim_ids: BTreeMap<EntityRef, ClaimId>,
    /// Refs of claims that were made and not committed yet.
    new_refs: Vec<RefRow>,
    /// Entities that are not in the catalog, but whose relations show at those that are.
    pub(crate) absent: Vec<Value>,
    _directory: tempfile::TempDir,
    _shutdown: DropGuard,
}

/// A pipeline with something under way.
#[derive(Debug)]
struct Pipeline;

#[async_trait::async_trait]
impl StatusSource for Pipeline {
    async fn pipeline(&self) -> PipelineStatus {
        PipelineStatus {
            changes_end: Some(2),
            processed_end: Some(0),
            sources_end: None,
            reading: false,
            providers: Vec::new(),
            hosts: vec![LiveHost {
                host: "git.example.com".to_owned(),
                documents: 312,
                limit: Some(5000),
                remaining: Some(4321),
                reset: Some(Timestamp(1_700_000_000_000)),
                waiting_until: None,
                pass: Some((Duration::from_secs(225), Duration::from_secs(337))),
            }],
            notices: vec![
                "catalog.providers.github is not supported yet; its entities will be missing".to_owned(),
            ],
        }
    }
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Fixture {
    /// A catalog without entities.
    pub(crate) async fn empty() -> Self {
        Self::decided_by(None).await
    }

    /// A catalog without entities, where a policy decides.
    pub(crate) async fn decided_by(policy: Option<Arc<dyn PermissionPolicy>>) -> Self {
        Self::configured(Config::default(), |state| ApiState { policy, ..state }).await
    }

    /// A catalog without entities, with other settings and other connections.
    pub(crate) async fn configured(config: Config, connect: impl FnOnce(ApiState) -> ApiState) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let read_model = SqliteReadModel::open(&directory.path().join("read-model.sqlite")).await.unwrap();
        let leadership = read_model.lead("test", Duration::from_secs(600)).await.unwrap().unwrap();
        let shutdown = CancellationToken::new();
        let config = Arc::new(Config { min_revision_seconds: 1, ..config });
        let shared: Arc<dyn ReadModel> = read_model.clone();
        let catalog = Catalog::start(shared.clone(), &config, shutdown.clone());
        let state =
            ApiState { status: Some(Arc::new(Pipeline)), ..ApiState::new(catalog.clone(), shared, config) };
        let mut fixture = Self {
            router: router(connect(state)),
            catalog,
            read_model,
            leadership,
            revision: Revision::start_of(1),
            refs: BTreeMap::new(),
            types: BTreeMap::new(),
            claims: 0,
            claim_ids: BTreeMap::new(),
            new_refs: Vec::new(),
            absent: Vec::new(),
            _directory: directory,
            _shutdown: shutdown.drop_guard(),
        };
        let base = fixture.revision;
        fixture
            .commit(Commit { base, revision: base, log_id: Some(Uuid::from_u128(1)), ..Commit::default() })
            .await;
        fixture
    }

    /// A catalog of some entities, with the relations that their kinds imply.
    pub(crate) async fn with(entities: &[Value]) -> Self {
        let mut fixture = Self::empty().await;
        fixture.add(entities).await;
        fixture
    }

    /// The last revision that was committed.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// Commits some entities, new ones or others in the place of what there is, and waits until the catalog
    /// shows them.
    pub(crate) async fn add(&mut self, entities: &[Value]) {
        self.add_listed(entities, None).await;
    }

    /// Commits some entities that a Location lists.
    pub(crate) async fn add_listed(&mut self, entities: &[Value], listing: Option<Listing>) {
        let base = self.revision;
        let last = Revision(base.0 + i64::try_from(entities.len()).unwrap());
        let mut commit = Commit { base, revision: last, ..Commit::default() };
        let entities: Vec<_> = entities.iter().map(completed).collect();
        let absent = self.absent.iter().map(completed);
        let relations = implied(&entities.iter().cloned().chain(absent).collect::<Vec<_>>());
        for (position, entity) in entities.iter().enumerate() {
            let revision = Revision(base.0 + 1 + i64::try_from(position).unwrap());
            let entity_ref = EntityRef::of_entity(entity).unwrap();
            let (claim, before) = self.known(&entity_ref);
            let ref_id = self.ref_id(&entity_ref, &mut commit);
            let mut body = entity.clone();
            let uid = Uuid::from_u128(u128::from(Digest::of(entity_ref.as_str().as_bytes()).0 as u64));
            body["metadata"]["uid"] = uid.to_string().into();
            let body = canonical::to_string(&body);
            let key = match &listing {
                Some(listing) => {
                    ClaimKey::listed(entity_ref.clone(), ProviderName::new("locations"), listing.clone())
                }
                None => ClaimKey::own(entity_ref.clone(), ProviderName::new("inventory")),
            };
            commit.claims.push(claim_row(claim, key, ref_id, uid, &body));
            let etag = canonical::sha1_hex(body.as_bytes());
            let shown: Vec<RelationEnd> = relations.get(&entity_ref).cloned().unwrap_or_default();
            let past = before.clone().unwrap_or_default();
            let relations_added: Vec<_> = shown.iter().filter(|end| !past.contains(end)).cloned().collect();
            let relations_removed: Vec<_> = past.iter().filter(|end| !shown.contains(end)).cloned().collect();
            for end in &relations_added {
                let row = self.relation_row(claim, ref_id, end, &mut commit);
                commit.relations_added.push(row);
            }
            for end in &relations_removed {
                let row = self.relation_row(claim, ref_id, end, &mut commit);
                commit.relations_removed.push(row);
            }
            commit.history.push(HistoryRow {
                revision,
                commit: last,
                at: Timestamp(1_700_000_000_000),
                entity_ref,
                operation: match before {
                    None => HistoryOperation::Created,
                    Some(_) => HistoryOperation::Updated,
                },
                uid,
                etag: etag.clone(),
                body: Some(body.clone()),
                relations_added,
                relations_removed,
                cause: Cause { kind: CauseKind::Push, detail: Some("a test".to_owned()), at: Timestamp(1) },
            });
            let (body_digest, relations_digest) = (Digest::of(body.as_bytes()), Digest(0));
            commit.entities.push(EntityRow {
                ref_id,
                uid,
                claim,
                body,
                body_digest,
                relations_digest,
                etag,
                revision,
            });
        }
        self.commit(commit).await;
    }

    /// The claim on a ref, and the relations that its entity shows if there is one.
    fn known(&mut self, entity_ref: &EntityRef) -> (ClaimId, Option<Vec<RelationEnd>>) {
        let next = ClaimId(self.claims + 1);
        let claim = *self.claim_ids.entry(entity_ref.clone()).or_insert(next);
        self.claims = self.claims.max(claim.0);
        let index = self.catalog.index().unwrap();
        let end =
            |shown: &Relation| RelationEnd { kind: shown.kind.to_string(), target: shown.target.clone() };
        (claim, index.find(entity_ref).map(|entity| entity.relations.iter().map(end).collect()))
    }

    fn relation_row(
        &mut self,
        originator: ClaimId,
        source: RefId,
        end: &RelationEnd,
        commit: &mut Commit,
    ) -> RelationRow {
        let (kind, target) = (self.type_id(&end.kind, commit), self.ref_id(&end.target, commit));
        RelationRow { originator, source, kind, target }
    }

    /// Removes an entity.
    pub(crate) async fn remove(&mut self, entity_ref: &str) {
        let entity_ref = EntityRef::from_canonical(entity_ref);
        let (base, revision) = (self.revision, self.revision.next());
        let index = self.catalog.index().unwrap();
        let entity = index.find(&entity_ref).unwrap();
        let removed = entity
            .relations
            .iter()
            .map(|r| RelationEnd { kind: r.kind.to_string(), target: r.target.clone() });
        let history = HistoryRow {
            revision,
            commit: revision,
            at: Timestamp(1_700_000_000_000),
            entity_ref: entity_ref.clone(),
            operation: HistoryOperation::Deleted,
            uid: entity.uid,
            etag: String::new(),
            body: None,
            relations_added: Vec::new(),
            relations_removed: removed.collect(),
            cause: Cause { kind: CauseKind::Read, detail: None, at: Timestamp(1) },
        };
        let entities_removed = vec![self.refs[&entity_ref]];
        self.commit(Commit { base, revision, entities_removed, history: vec![history], ..Commit::default() })
            .await;
    }

    /// Commits claims and states of sources, and no entity.
    pub(crate) async fn add_claims(&mut self, claims: Vec<ClaimRow>, sources: Vec<SourceRow>) {
        let (base, revision, refs) = (self.revision, self.revision, std::mem::take(&mut self.new_refs));
        self.commit(Commit { base, revision, refs, claims, sources, ..Commit::default() }).await;
    }

    /// A claim that did not make an entity; to be committed with the next claims.
    pub(crate) fn claim(&mut self, key: ClaimKey, standing: Standing) -> ClaimRow {
        self.claims += 1;
        let mut commit = Commit::default();
        let ref_id = self.ref_id(&key.entity_ref, &mut commit);
        self.new_refs.append(&mut commit.refs);
        let uid = Uuid::from_u128(u128::try_from(self.claims).unwrap());
        ClaimRow { standing, ..claim_row(ClaimId(self.claims), key, ref_id, uid, "{}") }
    }

    async fn commit(&mut self, commit: Commit) {
        self.read_model.commit(&self.leadership, &commit).await.unwrap();
        self.revision = commit.revision;
        self.catalog.at_least(self.revision, Duration::from_secs(120)).await.unwrap();
    }

    fn ref_id(&mut self, entity_ref: &EntityRef, commit: &mut Commit) -> RefId {
        let next = RefId(i32::try_from(self.refs.len() + 1).unwrap());
        *self.refs.entry(entity_ref.clone()).or_insert_with(|| {
            commit.refs.push(RefRow { id: next, entity_ref: entity_ref.clone() });
            next
        })
    }

    fn type_id(&mut self, name: &str, commit: &mut Commit) -> TypeId {
        let next = TypeId(i16::try_from(self.types.len() + 1).unwrap());
        *self.types.entry(name.to_owned()).or_insert_with(|| {
            commit.types.push(TypeRow { id: next, name: name.to_owned() });
            next
        })
    }

    /// The index, loaded from a snapshot.
    pub(crate) async fn loaded_again(&self) -> Index {
        let (revision, mut parts) = self.read_model.snapshot().await.unwrap();
        let mut loader = Loader::default();
        while let Some(part) = parts.recv().await {
            loader.take(part.unwrap());
        }
        loader.finish(revision)
    }

    // --- asking ---

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }
}

/// A component with a type.
pub(crate) fn component(name: &str, kind: &str) -> Value {
    json!({"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": name},
           "spec": {"type": kind, "lifecycle": "production", "owner": "team-a"}})
}

/// The entity as processing leaves it, as far as these tests look.
fn completed(entity: &Value) -> Value {
    let mut entity = entity.clone();
    if entity["metadata"].get("namespace").is_none() {
        entity["metadata"]["namespace"] = "default".into();
    }
    entity
}

/// The relations that these entities imply by the rules of their kinds, in both directions.
fn implied(entities: &[Value]) -> BTreeMap<EntityRef, Vec<RelationEnd>> {
    let model = Model::builtin();
    let mut shown: BTreeMap<EntityRef, BTreeSet<RelationEnd>> = BTreeMap::new();
    for entity in entities {
        let source = EntityRef::of_entity(entity).unwrap();
        let Some(kind) = model.kinds.iter().find(|kind| entity["kind"] == kind.kind.as_str()) else {
            continue;
        };
        for relation in relations_of(kind, &source, entity).unwrap() {
            let end = RelationEnd { kind: relation.kind, target: relation.target };
            shown.entry(relation.source).or_default().insert(end);
        }
    }
    shown.into_iter().map(|(entity_ref, ends)| (entity_ref, ends.into_iter().collect())).collect()
}

fn claim_row(id: ClaimId, key: ClaimKey, ref_id: RefId, uid: Uuid, form: &str) -> ClaimRow {
    ClaimRow {
        id,
        key,
        ref_id,
        identity: Identity(uid),
        created_at: Timestamp(1_700_000_000_000),
        location_key: None,
        location_id: None,
        released: false,
        version: 1,
        state: ClaimState::Good,
        fingerprint: "f".to_owned(),
        form: Some(form.to_owned()),
        form_digest: Digest::of(form.as_bytes()),
        form_errors: Vec::new(),
        errors_version: -1,
        errors_identity: Uuid::nil(),
        errors: Vec::new(),
        errors_owner: None,
        standing: Standing::Winner,
    }
}
