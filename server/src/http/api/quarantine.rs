//! What lies in quarantine: to be looked at, admitted into the log, or discarded.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::records::{Asked, Body};
use super::records_erase::{Reason, checked};
use crate::auth::Principal;
use crate::db::DbError;
use crate::erasure::By;
use crate::exchange::Undecided;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::quarantine::{self, QuarantineFilter, QuarantineItem};
use crate::state::AppState;

/// What a list is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuarantineQuery {
    /// Code of a unit.
    unit: Option<String>,
    /// Why it is there, such as `revoked_device`.
    reason: Option<String>,
    /// `true`: what was decided already.
    decided: Option<bool>,
    /// Only items after this number.
    after: Option<i64>,
    /// Items of the page, 1 to 50; 20 if nothing is asked.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<usize>,
}

/// A page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuarantinePage {
    /// The oldest first. Pass the last one's `id` as `after` for those that follow.
    items: Vec<QuarantineItem>,
}

/// Work that came too late, from somebody who lost the right, or without a signature: nothing of it is lost, and nothing
/// of it counts until somebody admits it.
#[utoipa::path(
    get, path = "/api/v1/quarantine", tag = "staff", security(("bearer" = [])), params(QuarantineQuery),
    responses(
        (status = 200, description = "A page", body = QuarantinePage),
        (status = 400, description = "`bad_query`, `bad_limit`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<QuarantineQuery>,
) -> Result<Json<QuarantinePage>, ApiError> {
    if !quarantine::may_read(principal.role) {
        return Err(ApiError::forbidden(format!("{} does not look after quarantine", principal.role)));
    }
    let limit = query.limit.unwrap_or(20);
    if !(1..=50).contains(&limit) {
        return Err(ApiError::bad_request("bad_limit", "limit is 1 to 50").with_field("limit"));
    }
    let filter = QuarantineFilter {
        unit: query.unit,
        reason: query.reason,
        decided: query.decided.unwrap_or(false),
        after: query.after.unwrap_or(0),
        limit,
    };
    let items = state.db().read_async(move |connection| quarantine::query(connection, &principal, &filter)).await?;
    Ok(Json(QuarantinePage { items }))
}

/// What was decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Decided {
    /// The item.
    id: i64,
    /// `admitted` or `discarded`.
    outcome: &'static str,
    /// Its place in the log of its space, if it was admitted.
    seq: Option<u64>,
}

/// Takes an item into the log, past the missing right but past no other check: from then on it counts like everything
/// else, and the device that brought it is told so.
#[utoipa::path(
    post, path = "/api/v1/quarantine/{id}/admit", tag = "staff", security(("bearer" = [])), request_body = Reason,
    params(("id" = i64, Path, description = "The item")),
    responses(
        (status = 200, description = "Admitted", body = Decided),
        (status = 400, description = "`bad_json`, `bad_reason`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`", body = ErrorBody),
        (status = 404, description = "`not_found`: no such item, or not for this account", body = ErrorBody),
        (status = 409, description = "`decided_before`, or why it cannot be admitted: `missing_dependency`, `not_readable`, `sequence_reused`, `bad_change`, `erased`", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn admit(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<i64>,
    Body(body): Body<Reason>,
) -> Result<Json<Decided>, ApiError> {
    decide(state, principal, id, &body.reason, true).await
}

/// Puts an item away. It stays where it is, marked as discarded, and counts nowhere.
#[utoipa::path(
    post, path = "/api/v1/quarantine/{id}/discard", tag = "staff", security(("bearer" = [])), request_body = Reason,
    params(("id" = i64, Path, description = "The item")),
    responses(
        (status = 200, description = "Discarded", body = Decided),
        (status = 400, description = "`bad_json`, `bad_reason`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`", body = ErrorBody),
        (status = 404, description = "`not_found`: no such item, or not for this account", body = ErrorBody),
        (status = 409, description = "`decided_before`", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn discard(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<i64>,
    Body(body): Body<Reason>,
) -> Result<Json<Decided>, ApiError> {
    decide(state, principal, id, &body.reason, false).await
}

async fn decide(
    state: AppState,
    principal: Principal,
    id: i64,
    reason: &str,
    admit: bool,
) -> Result<Json<Decided>, ApiError> {
    let reason = checked(reason)?;
    if !quarantine::may_read(principal.role) {
        return Err(ApiError::forbidden(format!("{} does not look after quarantine", principal.role)));
    }
    let decided = tokio::task::spawn_blocking(move || carry_out(&state, &principal, id, &reason, admit));
    match decided.await.map_err(DbError::internal)?? {
        Ok(seq) => Ok(Json(Decided { id, outcome: if admit { "admitted" } else { "discarded" }, seq })),
        Err(Undecided::NotThere) => Err(ApiError::not_found("no such item")),
        Err(Undecided::NotAllowed) => Err(ApiError::forbidden("this account reads here and decides nothing")),
        Err(Undecided::NotPossible(code)) => {
            Err(ApiError::new(StatusCode::CONFLICT, code, "the item stays where it is; the code says why"))
        }
    }
}

fn carry_out(
    state: &AppState,
    principal: &Principal,
    id: i64,
    reason: &str,
    admit: bool,
) -> Result<Result<Option<u64>, Undecided>, DbError> {
    let may_decide = |unit: &str, compartment| {
        if !quarantine::sees(principal, unit, compartment) {
            return Err(Undecided::NotThere);
        }
        if quarantine::may_decide(principal.role, compartment) { Ok(()) } else { Err(Undecided::NotAllowed) }
    };
    let by = By { who: &principal.name, role: principal.role.as_str(), reason };
    state.exchange().decide(id, admit, &by, may_decide)
}
