//! Who is sent where, and the plans that visits carry out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use gandan_model::codes::Programme;
use gandan_model::genesis::DocKind;
use gandan_model::moment::parse_date;
use gandan_model::patch::FieldEdit;
use rusqlite::OptionalExtension;
use serde::Deserialize;
use utoipa::ToSchema;

use super::records::Body;
use super::staff::{Acted, Action, act, allow};
use crate::auth::Principal;
use crate::http::error::{ApiError, ErrorBody};
use crate::staff_writer::Target;
use crate::state::AppState;

/// An official is sent to a unit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAssignment {
    /// Code of the unit.
    unit: String,
    /// Official's id.
    official: String,
    /// First day (`2026-08-02`).
    from: String,
    /// Last day; absent: until further notice.
    to: Option<String>,
    /// Number of the decision.
    decision: Option<String>,
    /// Under which programme.
    programme: Option<String>,
}

/// A plan or decision that visits in a unit carry out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPlan {
    /// Code of the unit.
    unit: String,
    /// Its number, such as `88/KH-TTr`.
    number: String,
    /// Its date.
    date: String,
    /// Who issued it.
    issuer: Option<String>,
    /// Its title.
    title: String,
}

fn unprocessable(field: &'static str, code: &'static str, message: &str) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).with_field(field)
}

/// Refuses units that do not exist (404 `unknown_area`) or lie outside of the account's units (403 `outside_area`).
async fn check_unit(state: &AppState, principal: &Principal, unit: &str) -> Result<(), ApiError> {
    if !principal.can_see_unit(unit) {
        let message = "this account sees nothing of that unit";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "outside_area", message).with_field("unit"));
    }
    if known(state, "SELECT 1 FROM unit WHERE code = ?1", unit).await? {
        return Ok(());
    }
    Err(ApiError::new(StatusCode::NOT_FOUND, "unknown_area", "there is no such unit").with_field("unit"))
}

async fn known(state: &AppState, sql: &'static str, id: &str) -> Result<bool, ApiError> {
    let id = id.to_owned();
    let found = state.db().read_async(move |connection| {
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_row([id], |_| Ok(())).optional()?.is_some())
    });
    Ok(found.await?)
}

fn fields(given: &[(&str, Option<&str>)]) -> Vec<FieldEdit> {
    given
        .iter()
        .filter_map(|(field, value)| Some(FieldEdit::new(*field, value.filter(|text| !text.is_empty())?)))
        .collect()
}

/// Sends an official to a unit. For several units, one call each: every unit's phones learn of their own.
#[utoipa::path(
    post, path = "/api/v1/assignments", tag = "staff", security(("bearer" = []), ("session" = [])), request_body = NewAssignment,
    responses(
        (status = 201, description = "Made", body = Acted),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`, `outside_area`", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 422, description = "`unknown_official`, `bad_date`, `bad_period`, `bad_code`, `text_too_long`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn assignment(
    State(state): State<AppState>,
    principal: Principal,
    Body(body): Body<NewAssignment>,
) -> Result<(StatusCode, Json<Acted>), ApiError> {
    check_unit(&state, &principal, &body.unit).await?;
    allow(&state, &principal, Action::NewAssignment, &body.unit, None).await?;
    if !known(&state, "SELECT 1 FROM official WHERE id = ?1", &body.official).await? {
        return Err(unprocessable("official", "unknown_official", "there is no such official"));
    }
    let day =
        |field, text: &str| parse_date(text).map_err(|error| unprocessable(field, "bad_date", &error.to_string()));
    let from = day("from", &body.from)?;
    let to = body.to.as_deref().map(|to| day("to", to)).transpose()?;
    if to.is_some_and(|to| to < from) {
        return Err(unprocessable("to", "bad_period", "to lies before from"));
    }
    if body.programme.as_deref().is_some_and(|code| !Programme::from(code).is_known()) {
        return Err(unprocessable("programme", "bad_code", "not a code of the list"));
    }
    let mut edits = fields(&[
        ("official", Some(&body.official)),
        ("from", Some(&body.from)),
        ("to", body.to.as_deref()),
        ("decision", body.decision.as_deref()),
        ("programme", body.programme.as_deref()),
    ]);
    edits.push(FieldEdit::new("units", vec![body.unit.clone()]));
    let target = Target::New { unit: body.unit, kind: DocKind::Assignment };
    let acted = act(&state, principal, Action::NewAssignment, target, move |_| Ok(edits)).await?;
    Ok((StatusCode::CREATED, Json(acted)))
}

/// Enters a plan or decision.
#[utoipa::path(
    post, path = "/api/v1/plans", tag = "staff", security(("bearer" = []), ("session" = [])), request_body = NewPlan,
    responses(
        (status = 201, description = "Made", body = Acted),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`, `outside_area`", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 422, description = "`bad_date`, `text_needed`, `text_too_long`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn plan(
    State(state): State<AppState>,
    principal: Principal,
    Body(body): Body<NewPlan>,
) -> Result<(StatusCode, Json<Acted>), ApiError> {
    check_unit(&state, &principal, &body.unit).await?;
    allow(&state, &principal, Action::NewPlan, &body.unit, None).await?;
    for (field, text) in [("number", &body.number), ("title", &body.title)] {
        if text.trim().is_empty() {
            return Err(unprocessable(field, "text_needed", "must not be empty"));
        }
    }
    let edits = fields(&[
        ("number", Some(&body.number)),
        ("date", Some(&body.date)),
        ("issuer", body.issuer.as_deref()),
        ("title", Some(&body.title)),
    ]);
    let target = Target::New { unit: body.unit, kind: DocKind::Plan };
    let acted = act(&state, principal, Action::NewPlan, target, move |_| Ok(edits)).await?;
    Ok((StatusCode::CREATED, Json(acted)))
}
