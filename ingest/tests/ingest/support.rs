//! Ingest over the embedded log, with a follower that finds what a test says.

use std::{
    collections::HashMap,
    future::IntoFuture,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use backstitch_event_log::{BatchLimits, EventLog, embedded::EmbeddedLog};
use backstitch_ingest::{
    CatalogPolicy, Config, Connection, EntityProvider, Finding, FollowedLocation, Follower, FollowerFactory,
    Ingest, Mutation, Parts, Places, Presence, Progress, ReadTimes, Refreshed, Removal, Submission, Ticket,
    http::{HttpState, router},
};
use backstitch_schemas::{
    Change, ClaimKey, EntityRef, Identity, Listing, Problem, ProviderName, SystemClock, Timestamp, Topic,
    change::{CauseKind, Content},
    source::{SourceKey, SourceState},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long a test waits for something before it fails.
const DEADLINE: Duration = Duration::from_secs(20);

type Found = (Vec<Finding>, Vec<(String, SourceState)>);

/// What followers were told, and the way to let them find something.
#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) following: Mutex<HashMap<ProviderName, Vec<FollowedLocation>>>,
    findings: Mutex<HashMap<ProviderName, mpsc::UnboundedSender<Found>>>,
}

impl Outside {
    pub(crate) fn finds(&self, provider: &str, findings: Vec<Finding>) {
        self.finds_and_notes(provider, findings, Vec::new());
    }

    pub(crate) fn finds_and_notes(
        &self,
        provider: &str,
        findings: Vec<Finding>,
        states: Vec<(String, SourceState)>,
    ) {
        let findings_of = self.findings.lock().unwrap();
        findings_of[&ProviderName::new(provider)].send((findings, states)).unwrap();
    }

    pub(crate) fn followed(&self, provider: &str) -> Vec<String> {
        let following = self.following.lock().unwrap();
        let locations = following.get(&ProviderName::new(provider)).into_iter().flatten();
        locations.map(|location| location.entity_ref.to_string()).collect()
    }
}

struct ScriptedFollower {
    provider: ProviderName,
    outside: Arc<Outside>,
    findings: mpsc::UnboundedReceiver<Found>,
}

#[async_trait]
impl Follower for ScriptedFollower {
    async fn follow(&mut self, locations: Vec<FollowedLocation>, _: &[Listing]) {
        self.outside.following.lock().unwrap().insert(self.provider.clone(), locations);
    }

    async fn next(&mut self) -> Found {
        match self.findings.recv().await {
            Some(found) => found,
            None => std::future::pending().await,
        }
    }

    async fn refresh(&mut self, _: &Places, _: bool) -> Option<Ticket> {
        None
    }

    fn refreshed(&mut self, _: Ticket) -> Option<Refreshed> {
        None
    }

    fn next_read(&self) -> Option<Timestamp> {
        None
    }

    fn read_times(&self, _: &str) -> Option<ReadTimes> {
        None
    }

    fn presence(&self, _: &str, _: Timestamp) -> Presence {
        Presence::Unknown
    }

    fn is_busy(&self) -> bool {
        !self.findings.is_empty()
    }
}

struct Followers(Arc<Outside>);

impl FollowerFactory for Followers {
    fn follower(&self, provider: &ProviderName, _: HashMap<String, SourceState>) -> Box<dyn Follower> {
        let (sender, findings) = mpsc::unbounded_channel();
        self.0.findings.lock().unwrap().insert(provider.clone(), sender);
        Box::new(ScriptedFollower { provider: provider.clone(), outside: self.0.clone(), findings })
    }
}

/// A configured provider that says one thing.
pub(crate) struct Fixed {
    pub(crate) name: &'static str,
    pub(crate) entities: Vec<&'static str>,
}

#[async_trait]
impl EntityProvider for Fixed {
    fn name(&self) -> ProviderName {
        ProviderName::new(self.name)
    }

    async fn run(&self, connection: Connection, _: CancellationToken) -> Result<(), Problem> {
        let submissions = self.entities.iter().map(|name| submission(name)).collect();
        let mutation = Mutation::Full { submissions, kept: Vec::new(), removal: Removal::Asked };
        let applied = connection.apply(mutation, CauseKind::Configuration, None).await;
        applied.map(drop).map_err(|cause| Problem::input(cause.to_string()))
    }
}

/// Ingest in a directory; started again there, it goes on.
pub(crate) struct World {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) outside: Arc<Outside>,
    pub(crate) api: Router,
    ingest: Arc<backstitch_ingest::Directory>,
    running: tokio::task::JoinHandle<Result<(), backstitch_event_log::LogError>>,
    shutdown: CancellationToken,
}

/// What a test can choose.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) policy: CatalogPolicy,
    pub(crate) providers: Vec<Arc<dyn EntityProvider>>,
    /// Followers that read; without them a test says what is found.
    pub(crate) followers: Option<Arc<dyn FollowerFactory>>,
    pub(crate) progress: Option<Arc<dyn Progress>>,
}

impl World {
    pub(crate) async fn start(directory: &Path, setup: Setup) -> Self {
        Self::start_on(open(directory).await, setup).await
    }

    pub(crate) async fn start_on(log: Arc<dyn EventLog>, setup: Setup) -> Self {
        // The executable does this once.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let outside = Arc::new(Outside::default());
        let ingest = Ingest::new(Parts {
            log: log.clone(),
            config: setup.config,
            policy: setup.policy,
            providers: setup.providers,
            followers: setup.followers.unwrap_or_else(|| Arc::new(Followers(outside.clone()))),
            clock: Arc::new(SystemClock),
            mint: Arc::new(Identity::mint),
        })
        .reachable_at(address, reqwest::Client::new());
        let directory = ingest.directory();
        let state = HttpState {
            directory: directory.clone(),
            progress: setup.progress,
            previewer: None,
            webhooks: Arc::default(),
        };
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(ingest.run(shutdown.clone()));
        let api = router(state);
        let served =
            axum::serve(listener, api.clone()).with_graceful_shutdown(shutdown.clone().cancelled_owned());
        tokio::spawn(served.into_future());
        let world = Self { log, outside, api, ingest: directory, running, shutdown };
        world.quiet().await;
        world
    }

    /// Ends without a word, as a crash does: nothing is flushed or said.
    pub(crate) async fn kill(self) {
        self.running.abort();
        self.shutdown.cancel();
        drop((self.log, self.api, self.ingest));
    }

    /// Waits until nothing is due or under way.
    pub(crate) async fn quiet(&self) {
        eventually("ingest is quiet", || !self.ingest.is_busy()).await;
    }

    /// How many removals of the provider wait.
    pub(crate) fn held(&self, provider: &str) -> Option<i64> {
        let mut statuses = self.ingest.statuses().into_iter();
        statuses.find(|(name, _)| name.as_str() == provider)?.1.held.map(|held| held.count)
    }

    /// Whether this process owns the provider.
    pub(crate) fn owns(&self, provider: &str) -> bool {
        self.ingest.statuses().iter().any(|(name, _)| name.as_str() == provider)
    }

    pub(crate) async fn push(&self, provider: &str, query: &str, mutation: &Value) -> (StatusCode, Value) {
        let path = format!("/api/ingest/v1/providers/{provider}/mutations{query}");
        self.send("POST", &path, "application/json", mutation.to_string()).await
    }

    pub(crate) async fn push_lines(&self, provider: &str, lines: &[String]) -> (StatusCode, Value) {
        let path = format!("/api/ingest/v1/providers/{provider}/mutations");
        self.send("POST", &path, "application/x-ndjson", lines.join("\n")).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: impl Into<Body>,
    ) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        let response = self.api.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 24).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// The records of `catalog.changes` that are still there, in order.
    pub(crate) async fn changes(&self) -> Vec<(ClaimKey, Change)> {
        let mut reader = self.log.read(Topic::Changes, &[]).await.unwrap();
        let mut changes = Vec::new();
        loop {
            let records = reader.next_until_end(&BatchLimits::default()).await.unwrap();
            if records.is_empty() {
                return changes;
            }
            let decoded = records.iter().filter_map(|record| {
                let key = ClaimKey::decode(&record.key).ok()?;
                Some((key, Change::decode(&record.value).unwrap()))
            });
            changes.extend(decoded);
        }
    }

    /// The refs that are claimed, by what the log says.
    pub(crate) async fn claimed(&self) -> Vec<String> {
        let live = |(key, change): (ClaimKey, Change)| change.content.map(|_| key.entity_ref.to_string());
        let mut refs: Vec<_> = self.changes().await.into_iter().filter_map(live).collect();
        refs.sort();
        refs
    }

    /// Waits until these refs are claimed, in order.
    pub(crate) async fn until_claimed(&self, refs: &[&str]) {
        let wait = async {
            while self.claimed().await != refs {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(DEADLINE, wait).await;
        assert!(waited.is_ok(), "expected {refs:?}, the log has {:?}", self.claimed().await);
    }

    /// Waits until the latest change of this claim satisfies a condition.
    pub(crate) async fn change_where(&self, name: &str, holds: impl Fn(&Change) -> bool) -> Change {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let changes = self.changes().await;
            let change = changes.into_iter().rev().find(|(key, _)| key.entity_ref.name() == name);
            match change {
                Some((_, change)) if holds(&change) => return change,
                seen => assert!(tokio::time::Instant::now() < deadline, "{name} is {seen:?}"),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// How far a topic has come: the same after doing nothing.
    pub(crate) async fn end(&self, topic: Topic) -> i64 {
        self.log.end(topic).await.unwrap()[0].1.0
    }

    pub(crate) async fn provider_state(&self, provider: &str) -> SourceState {
        self.state(&SourceKey::Provider(ProviderName::new(provider))).await.unwrap()
    }

    /// What `catalog.sources` says under a key.
    pub(crate) async fn state(&self, key: &SourceKey) -> Option<SourceState> {
        let mut reader = self.log.read(Topic::Sources, &[]).await.unwrap();
        let records = reader.next_until_end(&BatchLimits::default()).await.unwrap();
        let key = key.encode();
        let record = records.iter().rev().find(|record| record.key == key)?;
        Some(SourceState::decode(&record.value).unwrap())
    }
}

/// The log of a directory, once whoever had it is gone.
pub(crate) async fn open(directory: &Path) -> Arc<EmbeddedLog> {
    let file = directory.join("log.db");
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        match EmbeddedLog::open(&file, Arc::new(SystemClock)).await {
            Ok(log) => return log,
            Err(cause) => assert!(tokio::time::Instant::now() < deadline, "the log stays taken: {cause}"),
        }
        tokio::task::yield_now().await;
    }
}

/// Waits for a condition.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, wait).await.is_ok(), "{what}: did not happen in {DEADLINE:?}");
}

pub(crate) fn entity(name: &str) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name},
        "spec": {"type": "service", "lifecycle": "production", "owner": "team"},
    })
}

pub(crate) fn location(name: &str, target: &str) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Location",
        "metadata": {"name": name, "annotations": {"backstage.io/managed-by-location": "url:https://host/a.yaml"}},
        "spec": {"target": target},
    })
}

pub(crate) fn submission(name: &str) -> Submission {
    let entity = entity(name);
    Submission {
        entity_ref: EntityRef::of_entity(&entity).unwrap(),
        location_key: None,
        location_id: None,
        content: Content {
            entity: backstitch_schemas::canonical::to_string(&entity),
            location: "file:/a.yaml".to_owned(),
            origin: "file:/a.yaml".to_owned(),
            position: None,
            substitutions: Vec::new(),
            listing_errors: Vec::new(),
        },
    }
}

/// A full mutation of components `0..count`.
pub(crate) fn full(count: usize) -> Value {
    let entities: Vec<_> = (0..count).map(|n| json!({"entity": entity(&format!("c{n}"))})).collect();
    json!({"type": "full", "entities": entities})
}

/// The same as lines, with the end line.
pub(crate) fn lines(count: usize) -> Vec<String> {
    let entities = (0..count).map(|n| entity(&format!("c{n}")).to_string());
    entities.chain([json!({"end": true, "count": count}).to_string()]).collect()
}
