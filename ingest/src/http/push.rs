//! `POST /api/ingest/v1/providers/{name}/mutations`

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::{Query, Request, State, rejection::QueryRejection},
    http::header,
    response::Response,
};
use backstitch_schemas::{EntityRef, RefContext, headers};
use serde::Deserialize;

use super::{
    HttpState,
    answer::{PushAnswer, PushOptions},
    error::ApiError,
    extract::ProviderPath,
    forward::forward,
    items::{Intake, Item, RejectedItem},
    stream,
    turn::{Terms, Turn, removals_applied},
};
use crate::{Mutation, Removal, Submission, record::valid_trace};

/// How long a push waits for its owner to start. After a crash, Kafka keeps the partitions of the
/// process that died for 10 s.
const STARTING: Duration = Duration::from_secs(20);

/// A mutation as one JSON document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pushed {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    entities: Vec<Item>,
    #[serde(default)]
    added: Vec<Item>,
    #[serde(default)]
    removed: Vec<Removed>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Removed {
    entity_ref: String,
}

impl Pushed {
    /// A member that belongs to the other type would be passed over in silence.
    fn check_members(&self, full: bool) -> Result<(), ApiError> {
        let misplaced = [
            (
                "entities",
                !full && !self.entities.is_empty(),
                "a full mutation; a delta has `added` and `removed`",
            ),
            ("added", full && !self.added.is_empty(), "a delta; a full mutation has `entities`"),
            ("removed", full && !self.removed.is_empty(), "a delta; a full mutation has `entities`"),
        ];
        match misplaced.iter().find(|(_, wrong, _)| *wrong) {
            Some((member, _, whose)) => {
                Err(ApiError::Input(format!("{member}: unknown here, it belongs to {whose}")))
            }
            None => Ok(()),
        }
    }
}

/// Applies what a provider outside the process says.
#[tracing::instrument(name = "api.ingest.push", skip_all, fields(%provider))]
pub(super) async fn push_mutation(
    State(state): State<HttpState>,
    ProviderPath(provider): ProviderPath,
    options: Result<Query<PushOptions>, QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let Query(options) = options?;
    // Waiting until all is visible counts from when it is acknowledged; here the words are checked.
    options.deadline()?;
    let form = Form::of(&request)?;
    let terms = Terms { patience: options.patience()?, trace: trace_of(&request) };
    if state.directory.is_configured(&provider) {
        return Err(ApiError::Conflict(format!(
            "the provider `{provider}` is configured, so it cannot be pushed"
        )));
    }
    let owner = match state.directory.owner_when_started(&provider, STARTING).await {
        Ok(owner) => owner,
        Err(cause) => return forward(&state, &provider, cause, request).await,
    };
    let intake = Intake { provider: provider.clone(), max_entity_bytes: state.directory.max_entity_bytes() };
    if form == Form::Lines {
        let turn = Turn::take(provider, owner, terms).await?;
        return stream::push_lines(&state, &turn, intake, &options, request.into_body()).await;
    }
    // The whole document is read before the turn is taken: a slow pusher keeps nobody waiting.
    let pushed = read(request.into_body(), state.directory.max_mutation_bytes()).await?;
    let turn = Turn::take(provider, owner, terms).await?;
    push_document(&state, &turn, &intake, &options, pushed).await
}

async fn push_document(
    state: &HttpState,
    turn: &Turn,
    intake: &Intake,
    options: &PushOptions,
    pushed: Pushed,
) -> Result<Response, ApiError> {
    let full = match pushed.kind.as_str() {
        "full" => true,
        "delta" => false,
        other => return Err(ApiError::Input(format!("type: expected `full` or `delta`, found `{other}`"))),
    };
    pushed.check_members(full)?;
    let items = if full { pushed.entities } else { pushed.added };
    if full && items.is_empty() && !options.allow_empty {
        return Err(ApiError::Input(
            "an empty full mutation would remove everything; add ?allowEmpty=true if that is meant"
                .to_owned(),
        ));
    }
    let (submissions, rejected) = sort_out(intake, items);
    if !rejected.is_empty() && !options.partial {
        return Err(ApiError::Rejected {
            message: format!("TypeError: {}; nothing was applied", rejected[0].reason),
            rejected: serde_json::to_value(&rejected).unwrap_or_default(),
        });
    }
    let mut answer = PushAnswer { accepted: submissions.len() as u64, ..PushAnswer::default() };
    let refs: Vec<_> = submissions.iter().map(|submission| submission.entity_ref.clone()).collect();
    let mutation = if full {
        full_mutation(submissions, &rejected)
    } else {
        Mutation::Delta { added: submissions, removed: removed_refs(&pushed.removed)? }
    };
    let outcome = turn.apply(mutation).await?;
    answer.removals = match &outcome.removal_skipped {
        Some(why) => format!("skipped: {why}"),
        None => removals_applied(&turn.provider, &outcome),
    };
    let position = outcome.position.clone();
    answer.rejected = rejected;
    answer.add(outcome);
    Ok(answer.respond(state, &turn.provider, refs, &position, options.deadline()?).await)
}

fn full_mutation(submissions: Vec<Submission>, rejected: &[RejectedItem]) -> Mutation {
    let unreadable = rejected.iter().find(|rejected| rejected.entity_ref.is_none());
    let removal = match unreadable {
        Some(rejected) => Removal::Skipped(format!("entity {} has no readable ref", rejected.line)),
        None => Removal::Found,
    };
    let kept = rejected.iter().filter_map(|rejected| rejected.entity_ref.clone()).collect();
    Mutation::Full { submissions, kept, removal }
}

fn sort_out(intake: &Intake, items: Vec<Item>) -> (Vec<Submission>, Vec<RejectedItem>) {
    let (mut submissions, mut rejected) = (Vec::with_capacity(items.len()), Vec::new());
    for (line, item) in (1..).zip(items) {
        match intake.submission(line, item) {
            Ok(submission) => submissions.push(submission),
            Err(item) => rejected.push(item),
        }
    }
    (submissions, rejected)
}

fn removed_refs(removed: &[Removed]) -> Result<Vec<EntityRef>, ApiError> {
    let parse = |removed: &Removed| {
        let text = &removed.entity_ref;
        let parsed = EntityRef::parse(text, RefContext::default());
        let parsed = parsed.map_err(|cause| ApiError::Input(format!("removed: {cause}")))?;
        // No entity has such a name, so its ref is a slip rather than somebody else's.
        let slip =
            |part: &str| part.contains(|c: char| c.is_whitespace() || c.is_control() || "/:".contains(c));
        if [parsed.kind(), parsed.namespace(), parsed.name()].into_iter().any(slip) {
            return Err(ApiError::Input(format!(
                "removed: `{text}` is no entity ref; expected kind:namespace/name"
            )));
        }
        Ok(parsed)
    };
    removed.iter().map(parse).collect()
}

fn trace_of(request: &Request) -> Option<String> {
    let parent = request.headers().get(headers::TRACEPARENT)?.to_str().ok()?;
    valid_trace(parent).map(str::to_owned)
}

/// How a mutation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One JSON document.
    Document,
    /// One entity a line.
    Lines,
}

impl Form {
    /// # Errors
    /// If the content type is another. It is not guessed: a browser sends some types to any place, on behalf of
    /// any page.
    fn of(request: &Request) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/json" => Ok(Self::Document),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Self::Lines),
            other => Err(ApiError::Input(format!(
                "unsupported media type `{other}`; push application/json or application/x-ndjson"
            ))),
        }
    }
}

async fn read(body: Body, limit: usize) -> Result<Pushed, ApiError> {
    let bytes = to_bytes(body, limit).await.map_err(|_| {
        ApiError::TooLarge(format!(
            "the mutation is larger than {limit} bytes or broke off; push it as application/x-ndjson"
        ))
    })?;
    serde_json::from_slice(&bytes).map_err(|cause| ApiError::Input(format!("not a mutation: {cause}")))
}
