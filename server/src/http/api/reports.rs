//! `GET /api/v1/reports/summary`: every figure of a period.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::records::{Asked, day, narrowed, period};
use crate::auth::{Principal, Role};
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::day::Day;
use crate::reports::scope::{Question, Scope};
use crate::reports::summary::{self, Summary};
use crate::state::AppState;

/// What a report is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SummaryQuery {
    /// First day of the period; the beginning if nothing is asked.
    #[param(format = Date)]
    from: Option<String>,
    /// Last day of the period; open if nothing is asked.
    #[param(format = Date)]
    to: Option<String>,
    /// Id of an area, or code of a unit; everything that the caller may see if nothing is asked.
    area: Option<String>,
    /// States and due dates are judged at the end of this day (UTC+7); today if nothing is asked.
    #[param(format = Date)]
    as_of: Option<String>,
}

/// Every figure, with its definition in Vietnamese and English, the period, the area, the judgement day and the number
/// of devices that have not synced. A figure that cannot be given yet is null and stands in `unavailable` with the
/// reason.
#[utoipa::path(
    get, path = "/api/v1/reports/summary", tag = "reports", security(("bearer" = []), ("session" = [])), params(SummaryQuery),
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
    Asked(query): Asked<SummaryQuery>,
) -> Result<Json<Summary>, ApiError> {
    if principal.role == Role::Agency {
        return Err(ApiError::forbidden("an agency sees the issues assigned to it, not the figures of an area"));
    }
    let (from, to) = period(query.from.as_deref(), query.to.as_deref())?;
    let now_ms = state.now_ms();
    let as_of = day("as_of", query.as_of.as_deref())?.unwrap_or(Day::of_ms(now_ms));
    let scope = Scope::of(&principal);
    let read = move |connection: &rusqlite::Connection| {
        let (scope, area) = match narrowed(connection, &scope, query.area.as_deref(), now_ms) {
            Ok(narrowed) => narrowed,
            Err(error) => return Ok(Err(error)),
        };
        let question = Question { from: from.unwrap_or(Day::FIRST), to: to.unwrap_or(Day::LAST), as_of, scope };
        summary::query(connection, &question, area, now_ms).map(Ok)
    };
    let summary = state.db().read_async(read).await??;
    Ok(Json(summary))
}
