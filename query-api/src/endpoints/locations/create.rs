//! `POST /locations`

use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use backstitch_schemas::{
    RegisteredLocation,
    command::{LocationConflict, Register},
};
use serde_json::json;

use super::{input::LocationInput, told};
use crate::{
    Principal,
    access::permissions,
    answer,
    audit::Notes,
    error::ApiError,
    openapi::{Answer, Group, Operation, Param, ParamKind},
    params::Params,
    state::ApiState,
};

pub(crate) const OPERATION: Operation = Operation::post(
    Group::Locations,
    "/locations",
    "createLocation",
    "Registers a place. The answer comes when this server shows its Location entity; what it lists follows.",
)
.query(&[
    Param::new("dryRun", ParamKind::Text, "`true` reads and processes without storing anything."),
    Param::new(
        "onConflict",
        ParamKind::Word(&["refresh", "reject"]),
        "What to do with a place that is registered: read it again, or refuse with 409. The default is a setting.",
    ),
])
.body("LocationInput")
.answers(&[Answer::json_with(StatusCode::CREATED, "CreatedLocation", "The location.")])
.refuses(&[StatusCode::CONFLICT, StatusCode::NOT_IMPLEMENTED, StatusCode::SERVICE_UNAVAILABLE]);

/// Registers a place, or tells what registering it would bring.
#[tracing::instrument(name = "api.locations.create", skip_all)]
pub(crate) async fn create_location(
    State(state): State<ApiState>,
    principal: Principal,
    notes: Notes,
    uri: Uri,
    input: LocationInput,
) -> Result<Response, ApiError> {
    let params = Params::read(uri.query());
    let is_dry_run = is_dry_run(&params);
    input.note(&notes);
    if !is_dry_run {
        state.check_writable()?;
    }
    state.authorize(&principal, permissions::LOCATION_CREATE).await?;
    input.check_type(&state.config)?;
    let body = if is_dry_run {
        super::dry_run::previewed(&state, &input).await?
    } else {
        let location = register(&state, &principal, input, conflict_strategy(&params, &state)).await?;
        json!({"location": location, "entities": []})
    };
    Ok((StatusCode::CREATED, answer::json(&body)).into_response())
}

async fn register(
    state: &ApiState,
    principal: &Principal,
    input: LocationInput,
    on_conflict: LocationConflict,
) -> Result<RegisteredLocation, ApiError> {
    let payload = Register { location: input.location, on_conflict, id: None };
    told(state.ask_store(principal, "register", &payload).await?)
}

fn conflict_strategy(params: &Params<'_>, state: &ApiState) -> LocationConflict {
    match params.one("onConflict") {
        Some("refresh") => LocationConflict::Refresh,
        Some(_) => LocationConflict::Reject,
        None => state.config.location_conflict,
    }
}

/// Whether nothing is to be stored: `dryRun` means yes, as generously as Backstage takes it.
pub(crate) fn is_dry_run(params: &Params<'_>) -> bool {
    const YES: [&str; 5] = ["true", "1", "y", "yes", "on"];
    params.one("dryRun").is_some_and(|text| YES.iter().any(|yes| text.trim().eq_ignore_ascii_case(yes)))
}
