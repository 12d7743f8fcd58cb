//! What staff do with a visit: verify it, or return it to be completed.

use axum::Json;
use axum::extract::{Path, State};
use gandan_model::codes::VisitStatus;
use gandan_model::document::Document;
use gandan_model::patch::FieldEdit;
use gandan_model::visit::Visit;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::records::{Body, doc_id, no_record};
use super::staff::{Acted, Action, act, allow, refused};
use crate::auth::Principal;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::list::visits;
use crate::reports::scope::Scope;
use crate::staff_writer::{StaffError, Target};
use crate::state::AppState;

/// Why a visit is returned.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnReason {
    /// What is missing or wrong.
    reason: String,
}

async fn target(state: &AppState, principal: &Principal, action: Action, id: &str) -> Result<Target, ApiError> {
    let id = doc_id(id)?;
    let scope = Scope::of(principal);
    let found = state.db().read_async(move |connection| visits::one(connection, &scope, id)).await?;
    let found = found.ok_or_else(no_record)?;
    allow(state, principal, action, &found.unit, Some(id)).await?;
    Ok(Target::Existing { unit: found.unit, compartment: found.compartment, doc: id })
}

fn bad_transition(visit: &Visit, to: &str) -> StaffError {
    refused("status", "bad_transition", format!("a visit that is {} cannot be {to}", visit.status))
}

/// Verifies a visit that was handed in. A verified visit with amendments is verified anew, amendments included.
#[utoipa::path(
    post, path = "/api/v1/visits/{id}/verify", tag = "staff", security(("bearer" = []), ("session" = [])),
    params(("id" = String, Path, description = "The visit's id (a UUID)")),
    responses(
        (status = 200, description = "Done, or verified already (`seq` is null)", body = Acted),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`", body = ErrorBody),
        (status = 404, description = "`not_found`: not there, or not for this account", body = ErrorBody),
        (status = 422, description = "`bad_transition`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn verify(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<Acted>, ApiError> {
    Ok(Json(verify_one(&state, principal, &id).await?))
}

/// Verifies one visit.
pub(super) async fn verify_one(state: &AppState, principal: Principal, id: &str) -> Result<Acted, ApiError> {
    let target = target(state, &principal, Action::Verify, id).await?;
    let edits = |document: &Document| {
        let visit = Visit::of(document);
        match visit.status {
            VisitStatus::Verified if !visit.amendment_pending => Ok(Vec::new()),
            VisitStatus::Submitted | VisitStatus::Verified => Ok(vec![FieldEdit::new("event", "verified")]),
            _ => Err(bad_transition(&visit, "verified")),
        }
    };
    act(state, principal, Action::Verify, target, edits).await
}

/// Returns a visit to those who recorded it, with the reason.
#[utoipa::path(
    post, path = "/api/v1/visits/{id}/return", tag = "staff", security(("bearer" = []), ("session" = [])), request_body = ReturnReason,
    params(("id" = String, Path, description = "The visit's id (a UUID)")),
    responses(
        (status = 200, description = "Done, or returned already (`seq` is null)", body = Acted),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`", body = ErrorBody),
        (status = 404, description = "`not_found`: not there, or not for this account", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 422, description = "`reason_needed`, `bad_transition`, `text_too_long`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn return_visit(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Body(body): Body<ReturnReason>,
) -> Result<Json<Acted>, ApiError> {
    Ok(Json(return_one(&state, principal, &id, body).await?))
}

/// Returns one visit.
pub(super) async fn return_one(
    state: &AppState,
    principal: Principal,
    id: &str,
    body: ReturnReason,
) -> Result<Acted, ApiError> {
    let target = target(state, &principal, Action::Return, id).await?;
    let edits = move |document: &Document| {
        let visit = Visit::of(document);
        if body.reason.trim().is_empty() {
            return Err(refused("reason", "reason_needed", "say what is missing or wrong"));
        }
        match visit.status {
            VisitStatus::Returned => Ok(Vec::new()),
            VisitStatus::Submitted | VisitStatus::Verified => {
                Ok(vec![FieldEdit::new("event", json!({"to": "returned", "reason": body.reason}))])
            }
            _ => Err(bad_transition(&visit, "returned")),
        }
    };
    act(state, principal, Action::Return, target, edits).await
}
