//! `POST /validate-entity`

use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use backstitch_schemas::{LocationRef, Problem, model};
use serde_json::{Value, json};

use crate::{
    Principal,
    access::permissions,
    body::JsonBody,
    error::ApiError,
    openapi::{Answer, Group, Operation, Param, ParamKind},
    params::Params,
    state::ApiState,
};

pub(crate) const OPERATION: Operation = Operation::post(
    Group::Preview,
    "/validate-entity",
    "validateEntity",
    "Processes an entity as if it had been read from a place, placeholders included, and stores nothing. What is wrong \
     is listed in an answer with status 400.",
)
.query(&[Param::new("problems", ParamKind::Word(&["all"]), "Tells every problem, each with its place and what to do, beside the first.")])
.body("ValidateEntity")
.answers(&[
    Answer::empty(StatusCode::OK, "Nothing is wrong."),
    Answer::json_with(StatusCode::BAD_REQUEST, "InvalidEntity", "What is wrong."),
])
.refuses(&[StatusCode::NOT_IMPLEMENTED, StatusCode::SERVICE_UNAVAILABLE]);

/// Says whether an entity would pass.
#[tracing::instrument(name = "api.entities.validate", skip_all)]
pub(crate) async fn validate_entity(
    State(state): State<ApiState>,
    principal: Principal,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    state.authorize(&principal, permissions::ENTITY_VALIDATE).await?;
    let tells_all = Params::read(uri.query()).one("problems") == Some("all");
    let location = body.text("location")?.ok_or_else(|| JsonBody::missing("location"))?;
    let entity = body.member("entity").ok_or_else(|| JsonBody::missing("entity"))?;
    let problems = problems(&state, entity, location).await?;
    let Some(first) = problems.first() else { return Ok(StatusCode::OK.into_response()) };
    let mut body = json!({"errors": [serialised(first)]});
    // Backstage stops at the first; the others are told to those who ask for them.
    if tells_all {
        body["problems"] = json!(problems);
    }
    Ok((StatusCode::BAD_REQUEST, crate::answer::json(&body)).into_response())
}

async fn problems(state: &ApiState, entity: &Value, location: &str) -> Result<Vec<Problem>, ApiError> {
    let envelope = model::envelope_problems(entity);
    if !envelope.is_empty() {
        return Ok(envelope);
    }
    let place = match LocationRef::parse(location) {
        Ok(place) if place.kind == "url" => place,
        _ => return Ok(vec![foreign(location)]),
    };
    Ok(state.preview()?.entity(entity, &place).await?.problems)
}

fn foreign(location: &str) -> Problem {
    Problem::new(
        "TypeError",
        format!(
            "Invalid location ref {location}, only 'url:<target>' is supported, e.g. url:https://host/path"
        ),
    )
}

/// The problem as Backstage serialises an error.
fn serialised(problem: &Problem) -> Value {
    let mut error = json!({"name": problem.name, "message": problem.message});
    if let Some((name, message)) = problem.cause() {
        error["cause"] = json!({"name": name, "message": message});
    }
    error
}
