//! `GET /api/v1/reports/summary`: every figure of a period. `GET /api/v1/reports/devices`: whose devices may still hold
//! something of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::records::Asked;
use super::reports_frozen::ReportQuery;
use crate::auth::Principal;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::figures::devices::{self, DeviceWaitedFor};
use crate::reports::scope::Question;
use crate::reports::summary::{self, Summary};
use crate::state::AppState;

/// Every figure, with its definition in Vietnamese and English, the period, the area, the judgement day and the number
/// of devices that have not synced. A figure that cannot be given yet is null and stands in `unavailable` with the
/// reason.
#[utoipa::path(
    get, path = "/api/v1/reports/summary", tag = "reports", security(("bearer" = []), ("session" = [])), params(ReportQuery),
    responses(
        (status = 200, description = "The figures", body = Summary),
        (status = 400, description = "`bad_query`, `bad_date`, `bad_period`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`; `forbidden` for an agency, which sees its own issues only", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn report_summary(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<ReportQuery>,
) -> Result<Json<Summary>, ApiError> {
    let (now_ms, facts) = (state.now_ms(), Arc::clone(state.facts()));
    let read = move |connection: &Connection, question: Question, area| {
        summary::query(connection, &facts, &question, area, now_ms)
    };
    Ok(Json(query.ask(&state, &principal, read).await?))
}

/// Devices that may still hold something of a period.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DevicesWaitedFor {
    /// Those not heard of for the longest time first; at most 500.
    items: Vec<DeviceWaitedFor>,
}

/// The devices that `devices_not_synced` of the summary counts, with whose they are: whom to call before the figures are
/// handed on.
#[utoipa::path(
    get, path = "/api/v1/reports/devices", tag = "reports", security(("bearer" = []), ("session" = [])), params(ReportQuery),
    responses(
        (status = 200, description = "The devices", body = DevicesWaitedFor),
        (status = 400, description = "`bad_query`, `bad_date`, `bad_period`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`; `forbidden` for an agency", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn report_devices(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<ReportQuery>,
) -> Result<Json<DevicesWaitedFor>, ApiError> {
    let now_ms = state.now_ms();
    let read = move |connection: &Connection, question: Question, _| devices::list(connection, &question, now_ms);
    Ok(Json(DevicesWaitedFor { items: query.ask(&state, &principal, read).await? }))
}
