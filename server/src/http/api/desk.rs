//! What a screen shows first: the counters of the queues, the map, and views that somebody saved.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use gandan_model::text::check_text;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::records::{Asked, Body, doc_id, no_record, period};
use super::records_visits::scope;
use crate::auth::Principal;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::day::Day;
use crate::reports::list::issues;
use crate::reports::map::{self, Frame, Points, UnitPoint, Wanted};
use crate::reports::queue::{self, Queue};
use crate::reports::scope::Scope;
use crate::reports::suggest::{self, Suggestion};
use crate::state::AppState;

/// Most views that one account keeps.
const MAX_VIEWS: i64 = 100;
/// Longest query string of a view, in bytes.
const MAX_VIEW: usize = 2_000;

/// Which part of the caller's area.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueQuery {
    /// Id of an area, or code of a unit.
    area: Option<String>,
}

/// What waits for somebody in the caller's area, judged today (UTC+7).
#[utoipa::path(
    get, path = "/api/v1/queue", tag = "staff", security(("bearer" = []), ("session" = [])), params(QueueQuery),
    responses(
        (status = 200, description = "The counters", body = Queue),
        (status = 400, description = "`bad_query`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn queue(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<QueueQuery>,
) -> Result<Json<Queue>, ApiError> {
    let scope = scope(&state, Scope::of(&principal), None, query.area).await?;
    let today = Day::of_ms(state.now_ms());
    Ok(Json(state.db().read_async(move |connection| queue::count(connection, &scope, today)).await?))
}

/// Units on the map: of which period.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitsQuery {
    /// Id of an area, or code of a unit.
    area: Option<String>,
    /// First day.
    #[param(format = Date)]
    from: Option<String>,
    /// Last day.
    #[param(format = Date)]
    to: Option<String>,
}

/// Every unit of the caller's area.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MapUnits {
    /// The units, by code.
    units: Vec<UnitPoint>,
}

/// The units of the caller's area, with how many issues are open, overdue and settled in time.
#[utoipa::path(
    get, path = "/api/v1/map/units", tag = "staff", security(("bearer" = []), ("session" = [])), params(UnitsQuery),
    responses(
        (status = 200, description = "The units", body = MapUnits),
        (status = 400, description = "`bad_query`, `bad_date`, `bad_period`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn map_units(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<UnitsQuery>,
) -> Result<Json<MapUnits>, ApiError> {
    let (from, to) = period(query.from.as_deref(), query.to.as_deref())?;
    let wanted = Wanted { from, to, ..Wanted::default() };
    let scope = scope(&state, Scope::of(&principal), None, query.area).await?;
    let today = Day::of_ms(state.now_ms());
    let facts = Arc::clone(state.facts());
    let read = move |connection: &Connection| map::units(connection, &facts, &scope, &wanted, today);
    Ok(Json(MapUnits { units: state.db().read_async(read).await? }))
}

/// Points on the map: which, and where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PointsQuery {
    /// Id of an area, or code of a unit.
    area: Option<String>,
    /// First day.
    #[param(format = Date)]
    from: Option<String>,
    /// Last day.
    #[param(format = Date)]
    to: Option<String>,
    /// Western edge in degrees.
    west: f64,
    /// Southern edge.
    south: f64,
    /// Eastern edge.
    east: f64,
    /// Northern edge.
    north: f64,
    /// Zoom of the map, 0 to 20.
    #[param(minimum = 0, maximum = 20)]
    zoom: u8,
    /// Hot spots only.
    hot: Option<bool>,
    /// Issues: those open after their date only.
    overdue: Option<bool>,
}

/// Visits or issues (`layer`) of a part of the map. Those that lie close together come as one point with their number: at
/// most 2,000 points, however many records there are. An issue stands at the place of its visit, else at its unit's
/// point; places of household visits are rounded to 0.01 degree.
#[utoipa::path(
    get, path = "/api/v1/map/{layer}/points", tag = "staff", security(("bearer" = []), ("session" = [])),
    params(("layer" = String, Path, description = "`visits` or `issues`"), PointsQuery),
    responses(
        (status = 200, description = "The points", body = Points),
        (status = 400, description = "`bad_query`, `bad_date`, `bad_period`, `bad_frame`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`", body = ErrorBody),
        (status = 404, description = "`unknown_area`; `not_found`: no such layer", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn map_points(
    State(state): State<AppState>,
    principal: Principal,
    Path(layer): Path<String>,
    Asked(query): Asked<PointsQuery>,
) -> Result<Json<Points>, ApiError> {
    let visits = match layer.as_str() {
        "visits" => true,
        "issues" => false,
        _ => return Err(ApiError::not_found("there is no such layer")),
    };
    let PointsQuery { west, south, east, north, zoom, .. } = query;
    let good = [west, south, east, north].iter().all(|edge| edge.is_finite() && edge.abs() <= 360.0);
    if !good || west > east || south > north {
        return Err(ApiError::bad_request("bad_frame", "west ≤ east and south ≤ north, in degrees"));
    }
    let (from, to) = period(query.from.as_deref(), query.to.as_deref())?;
    let (hot, overdue) = (query.hot.unwrap_or(false), query.overdue.unwrap_or(false));
    let wanted = Wanted { from, to, hot, overdue };
    let frame = Frame { west, south, east, north, zoom };
    let scope = scope(&state, Scope::of(&principal), None, query.area).await?;
    let today = Day::of_ms(state.now_ms());
    let facts = Arc::clone(state.facts());
    let read = move |connection: &Connection| {
        if visits {
            map::visits(connection, &facts, &scope, &wanted, frame)
        } else {
            map::issues(connection, &facts, &scope, &wanted, frame, today)
        }
    };
    Ok(Json(state.db().read_async(read).await?))
}

/// Issues that may be the same matter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Suggestions {
    /// The likeliest first, at most ten.
    items: Vec<Suggestion>,
}

/// Issues of the same unit that may be the same matter: by words, field, place and time. A person decides; `duplicate`
/// as an event, or `POST /api/v1/issues/bulk`, makes it so.
#[utoipa::path(
    get, path = "/api/v1/issues/{id}/duplicates", tag = "staff", security(("bearer" = []), ("session" = [])),
    params(("id" = String, Path, description = "The issue's id (a UUID)")),
    responses(
        (status = 200, description = "The suggestions", body = Suggestions),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 404, description = "`not_found`: not there, or not for this account", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn duplicates(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<Suggestions>, ApiError> {
    let id = doc_id(&id)?;
    let scope = Scope::of(&principal);
    let read = move |connection: &Connection| {
        let Some(found) = issues::one(connection, &scope, id)? else { return Ok(None) };
        suggest::duplicates(connection, &scope, &found.unit, id).map(Some)
    };
    let items = state.db().read_async(read).await?.ok_or_else(no_record)?;
    Ok(Json(Suggestions { items }))
}

/// A list with its filters, under a name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedView {
    /// Number of the view.
    id: i64,
    /// `visits`, `issues`, `map` or `overview`.
    list: String,
    /// Its name.
    name: String,
    /// The query string, as it stands in the address bar.
    query: String,
}

/// The views of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedViews {
    /// By list and name.
    items: Vec<SavedView>,
}

/// A view to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewView {
    /// `visits`, `issues`, `map` or `overview`.
    list: String,
    /// Its name, at most 100 characters. A view of the same list and name is replaced.
    name: String,
    /// The query string, at most 2,000 bytes.
    query: String,
}

fn refused(field: &'static str, code: &'static str, message: &str) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).with_field(field)
}

/// The views that the account saved.
#[utoipa::path(
    get, path = "/api/v1/views", tag = "staff", security(("bearer" = []), ("session" = [])),
    responses(
        (status = 200, description = "The views", body = SavedViews),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn views(State(state): State<AppState>, principal: Principal) -> Result<Json<SavedViews>, ApiError> {
    let read = move |connection: &Connection| {
        let mut statement = connection
            .prepare_cached("SELECT id, list, name, query FROM saved_view WHERE owner = ?1 ORDER BY list, name")?;
        let found = statement.query_map([&principal.name], |row| {
            Ok(SavedView { id: row.get(0)?, list: row.get(1)?, name: row.get(2)?, query: row.get(3)? })
        })?;
        Ok(found.collect::<rusqlite::Result<Vec<_>>>()?)
    };
    Ok(Json(SavedViews { items: state.db().read_async(read).await? }))
}

/// Saves a view.
#[utoipa::path(
    post, path = "/api/v1/views", tag = "staff", security(("bearer" = []), ("session" = [])), request_body = NewView,
    responses(
        (status = 201, description = "Saved", body = SavedView),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 422, description = "`bad_code`, `text_needed`, `text_too_long`, `too_many`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn save_view(
    State(state): State<AppState>,
    principal: Principal,
    Body(body): Body<NewView>,
) -> Result<(StatusCode, Json<SavedView>), ApiError> {
    if !matches!(body.list.as_str(), "visits" | "issues" | "map" | "overview") {
        return Err(refused("list", "bad_code", "visits, issues, map or overview"));
    }
    let name = check_text("name", body.name.trim(), 100);
    let name = name.map_err(|_| refused("name", "text_too_long", "at most 100 characters"))?;
    if name.is_empty() {
        return Err(refused("name", "text_needed", "give the view a name"));
    }
    if body.query.len() > MAX_VIEW {
        return Err(refused("query", "text_too_long", "at most 2,000 bytes"));
    }
    let now_ms = state.now_ms();
    let saved = state.db().write_async(move |transaction| {
        let own = "SELECT count(*) FROM saved_view WHERE owner = ?1 AND NOT (list = ?2 AND name = ?3)";
        let others: i64 = transaction.query_row(own, (&principal.name, &body.list, &name), |row| row.get(0))?;
        if others >= MAX_VIEWS {
            return Ok(None);
        }
        let id = transaction.query_row(
            "INSERT INTO saved_view (owner, list, name, query, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (owner, list, name) DO UPDATE SET query = excluded.query RETURNING id",
            (&principal.name, &body.list, &name, &body.query, now_ms),
            |row| row.get(0),
        )?;
        Ok(Some(SavedView { id, list: body.list, name, query: body.query }))
    });
    let saved = saved.await?.ok_or_else(|| refused("name", "too_many", "an account keeps at most 100 views"))?;
    Ok((StatusCode::CREATED, Json(saved)))
}

/// Forgets a view.
#[utoipa::path(
    delete, path = "/api/v1/views/{id}", tag = "staff", security(("bearer" = []), ("session" = [])),
    params(("id" = String, Path, description = "Number of the view")),
    responses(
        (status = 204, description = "Gone"),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 404, description = "`not_found`: not there, or somebody else's", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn forget_view(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id: i64 = id.parse().map_err(|_| no_record())?;
    let forget = move |transaction: &rusqlite::Transaction<'_>| {
        let sql = "DELETE FROM saved_view WHERE id = ?1 AND owner = ?2";
        Ok(transaction.execute(sql, (id, &principal.name))?)
    };
    if state.db().write_async(forget).await? == 0 { Err(no_record()) } else { Ok(StatusCode::NO_CONTENT) }
}
