//! `POST /analyze-location`

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use backstitch_schemas::{EntityRef, LocationRef, scm::Repository};
use serde_json::{Value, json};
use url::Url;

use crate::{
    Descriptors, Principal,
    access::permissions,
    body::JsonBody,
    error::ApiError,
    openapi::{Answer, Group, Operation},
    snapshot::Snapshot,
    state::ApiState,
    view::View,
};

const FILENAME: &str = "catalog-info.yaml";

pub(crate) const OPERATION: Operation = Operation::post(
    Group::Preview,
    "/analyze-location",
    "analyzeLocation",
    "Looks for descriptors in the repository behind a URL, or suggests one.",
)
.body("AnalyzeLocation")
.answers(&[Answer::json("AnalyzedLocation", "The files that are there, or an entity to begin with.")])
.refuses(&[StatusCode::SERVICE_UNAVAILABLE])
.reads_catalog();

/// Says what is behind a URL.
#[tracing::instrument(name = "api.locations.analyze", skip_all)]
pub(crate) async fn analyze_location(
    State(state): State<ApiState>,
    principal: Principal,
    Snapshot(view): Snapshot,
    body: JsonBody,
) -> Result<Response, ApiError> {
    state.authorize(&principal, permissions::LOCATION_ANALYZE).await?;
    let location = body.object("location")?.ok_or_else(|| JsonBody::missing("location"))?;
    let text = |name: &str| match location.get(name) {
        None => Err(ApiError::input(format!("request/body/location must have required property '{name}'"))),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(ApiError::input(format!("request/body/location/{name} must be string"))),
    };
    let (_, target) = (text("type")?, text("target")?);
    let filename = body.text("catalogFilename")?.unwrap_or(FILENAME);
    let Ok(url) = Url::parse(target) else {
        return Err(ApiError::input("The given location.target is not a URL"));
    };
    let repository = state.config.git_hosts.repository(&url);
    let found = match &state.preview {
        Some(preview) => preview.descriptors(&repository, filename).await?,
        None => Descriptors::default(),
    };
    let answer = if found.files.is_empty() {
        json!({"existingEntityFiles": [], "generateEntities": [suggestion(&repository)]})
    } else {
        json!({"existingEntityFiles": existing(&found, &view), "generateEntities": []})
    };
    Ok(crate::answer::json(&answer).into_response())
}

fn suggestion(repository: &Repository) -> Value {
    let mut entity = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": repository.name},
        "spec": {"type": "other", "lifecycle": "unknown"},
    });
    if let Some((annotation, slug)) = repository.slug() {
        entity["metadata"]["annotations"] = json!({ annotation: slug });
    }
    json!({"entity": entity, "fields": []})
}

/// The entities of the files, and whether the catalog has each already, from wherever.
fn existing(found: &Descriptors, view: &View) -> Vec<Value> {
    let of_file = |(location, entities): &(LocationRef, Vec<Value>)| {
        entities
            .iter()
            .map(|entity| {
                json!({
                    "location": {"type": location.kind, "target": location.target},
                    "isRegistered": EntityRef::of_entity(entity).is_some_and(|entity_ref| view.sees(&entity_ref)),
                    "entity": entity,
                })
            })
            .collect::<Vec<_>>()
    };
    found.files.iter().flat_map(of_file).collect()
}
