//! The register of villages: the list, what is wrong in it, and which of them were visited.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::admin::{administrator, note};
use super::records::{Asked, day, no_record};
use super::reports_frozen::ReportQuery;
use crate::auth::Principal;
use crate::db::sqlite::villages::{self, Village};
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::figures::villages::{VillageRow, by_month};
use crate::reports::scope::Question;
use crate::state::AppState;

/// Most villages of a page.
const MAX_PAGE: usize = 1_000;

/// Which villages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct VillagesQuery {
    /// Code of a unit.
    unit: Option<String>,
    /// Only those that are valid on this day.
    #[param(format = Date)]
    on: Option<String>,
    /// `next` of the page before.
    next: Option<i64>,
}

/// A page of the register.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VillageList {
    /// By unit and name, at most 1,000.
    items: Vec<Village>,
    /// For the next page; null at the end.
    next: Option<i64>,
}

/// Villages and residential groups with their dates. Their names are no secret: everybody who is signed in may read them.
#[utoipa::path(
    get, path = "/api/v1/villages", tag = "staff", security(("bearer" = []), ("session" = [])), params(VillagesQuery),
    responses(
        (status = 200, description = "A page of the register", body = VillageList),
        (status = 400, description = "`bad_query`, `bad_date`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn list_villages(
    State(state): State<AppState>,
    _: Principal,
    Asked(query): Asked<VillagesQuery>,
) -> Result<Json<VillageList>, ApiError> {
    let on = day("on", query.on.as_deref())?.map(|day| day.date().to_string());
    let read = move |connection: &Connection| {
        villages::list(connection, query.unit.as_deref(), on.as_deref(), query.next, MAX_PAGE + 1)
    };
    let mut items = state.db().read_async(read).await?;
    let more = items.len() > MAX_PAGE;
    items.truncate(MAX_PAGE);
    let next = items.last().filter(|_| more).map(|village| village.id);
    Ok(Json(VillageList { items, next }))
}

/// Takes a line out of the register that should never have stood there. A village that is no more is ended by the import
/// instead, with its last day.
#[utoipa::path(
    delete, path = "/api/v1/villages/{id}", tag = "admin", security(("bearer" = []), ("session" = [])),
    params(("id" = i64, Path, description = "Its number")),
    responses(
        (status = 204, description = "Done"),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 404, description = "`not_found`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn remove_village(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    administrator(&principal)?;
    let id: i64 = id.parse().map_err(|_| no_record())?;
    let now_ms = state.now_ms();
    let remove = move |transaction: &Transaction<'_>| {
        let Some(village) = villages::remove(transaction, id)? else { return Ok(false) };
        note(transaction, &principal, "village.remove", &format!("{} {}", village.unit, village.name), now_ms)?;
        Ok(true)
    };
    if state.db().write_async(remove).await? { Ok(StatusCode::NO_CONTENT) } else { Err(no_record()) }
}

/// Coverage, village by village.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VillageCoverage {
    /// At most 500 villages of the list, by unit and name, then at most 100 visited names that it lacks.
    items: Vec<VillageRow>,
}

/// Held visits by village and month: those of the list, visited or not, and names that officials wrote and the list lacks.
/// Ask for one unit (`area`): of a whole province only the first villages are given.
#[utoipa::path(
    get, path = "/api/v1/reports/villages", tag = "reports", security(("bearer" = []), ("session" = [])), params(ReportQuery),
    responses(
        (status = 200, description = "The rows", body = VillageCoverage),
        (status = 400, description = "`bad_query`, `bad_date`, `bad_period`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`; `forbidden` for an agency", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn report_villages(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<ReportQuery>,
) -> Result<Json<VillageCoverage>, ApiError> {
    let read = |connection: &Connection, question: Question, _| by_month(connection, &question);
    Ok(Json(VillageCoverage { items: query.ask(&state, &principal, read).await? }))
}
