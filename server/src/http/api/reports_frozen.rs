//! Reports over time, frozen reports, the emulation report and the Monday digest.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gandan_model::text::check_text;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::records::{AreaError, Asked, Body, day, narrowed, no_record, period};
use super::records_items::IssueItem;
use crate::auth::{Principal, Role};
use crate::db::DbError;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::day::Day;
use crate::reports::facts::Facts;
use crate::reports::list::issues::{self, IssueFilter};
use crate::reports::queue::{self, Queue};
use crate::reports::scope::{Question, Scope};
use crate::reports::series::{self, EmulationRow, Series};
use crate::reports::summary::{self, Area, Period};
use crate::state::AppState;

/// Most issues of one list of the digest.
const LISTED: usize = 50;
/// Most snapshots that are kept.
const MAX_SNAPSHOTS: i64 = 2_000;

/// Which period, area and judgement day.
#[derive(Debug, Clone, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportQuery {
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

/// An agency sees the issues assigned to it, never figures of an area.
fn reader(principal: &Principal) -> Result<Scope, ApiError> {
    if principal.role == Role::Agency {
        return Err(ApiError::forbidden("an agency sees the issues assigned to it, not the figures of an area"));
    }
    Ok(Scope::of(principal))
}

impl ReportQuery {
    /// Runs `read` with the question that this makes for the caller.
    pub(crate) async fn ask<T, F>(self, state: &AppState, principal: &Principal, read: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, Question, Area) -> Result<T, DbError> + Send + 'static,
    {
        let scope = reader(principal)?;
        let (from, to) = period(self.from.as_deref(), self.to.as_deref())?;
        let now_ms = state.now_ms();
        let as_of = day("as_of", self.as_of.as_deref())?.unwrap_or(Day::of_ms(now_ms));
        let read = move |connection: &Connection| {
            let (scope, area) = match narrowed(connection, &scope, self.area.as_deref(), now_ms) {
                Ok(narrowed) => narrowed,
                Err(error) => return Ok(Err(error)),
            };
            let question = Question { from: from.unwrap_or(Day::FIRST), to: to.unwrap_or(Day::LAST), as_of, scope };
            read(connection, question, area).map(Ok::<_, AreaError>)
        };
        Ok(state.db().read_async(read).await??)
    }
}

/// Rows for charts: received against settled, visits and states week by week, visits by unit and month.
#[utoipa::path(
    get, path = "/api/v1/reports/series", tag = "reports", security(("bearer" = []), ("session" = [])), params(ReportQuery),
    responses(
        (status = 200, description = "The rows", body = Series),
        (status = 400, description = "`bad_query`, `bad_date`, `bad_period`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`; `forbidden` for an agency", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn report_series(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<ReportQuery>,
) -> Result<Json<Series>, ApiError> {
    let facts = Arc::clone(state.facts());
    let read = move |connection: &Connection, question: Question, _| series::query(connection, &facts, &question);
    Ok(Json(query.ask(&state, &principal, read).await?))
}

/// The emulation report.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Emulation {
    /// The period.
    period: Period,
    /// The area.
    area: Area,
    /// Units with something to show, by code; nothing here ranks.
    units: Vec<EmulationRow>,
}

/// What units have to show for emulation: visits, follow-ups, models, help in weak areas. Nobody is ranked, and neither
/// satisfaction nor withdrawals nor complaints count.
#[utoipa::path(
    get, path = "/api/v1/reports/emulation", tag = "reports", security(("bearer" = []), ("session" = [])), params(ReportQuery),
    responses(
        (status = 200, description = "The report", body = Emulation),
        (status = 400, description = "`bad_query`, `bad_date`, `bad_period`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`; `forbidden` for an agency", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn report_emulation(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<ReportQuery>,
) -> Result<Json<Emulation>, ApiError> {
    let facts = Arc::clone(state.facts());
    let read = move |connection: &Connection, question: Question, area| {
        let period = Period { from: question.from.date(), to: question.to.date() };
        Ok(Emulation { period, area, units: series::emulation(connection, &facts, &question)? })
    };
    Ok(Json(query.ask(&state, &principal, read).await?))
}

/// Which Monday, and for which area.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DigestQuery {
    /// A day; the digest is that of the Monday of its week. Today if nothing is asked.
    #[param(format = Date)]
    day: Option<String>,
    /// Id of an area, or code of a unit.
    area: Option<String>,
}

/// What a Monday morning needs to know.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MondayDigest {
    /// The Monday.
    #[schema(value_type = String, format = Date)]
    monday: jiff::civil::Date,
    /// The week before it.
    week: Period,
    /// The area.
    area: Area,
    /// The counters as they stand.
    queue: Queue,
    /// Figures of the week before, in rows for charts.
    figures: Series,
    /// Issues received in the week, at most 50, the last first.
    new: Vec<IssueItem>,
    /// Of all open issues those marked urgent or emergency, at most 50, the next due first.
    urgent: Vec<IssueItem>,
    /// Open issues whose date has passed, at most 50, the longest first.
    overdue: Vec<IssueItem>,
    /// Open issues whose date lies in this week, at most 50.
    due: Vec<IssueItem>,
}

fn listed(
    connection: &Connection,
    scope: &Scope,
    filter: &IssueFilter,
    order: &str,
) -> Result<Vec<IssueItem>, DbError> {
    let order = issues::order(Some(order)).ok_or_else(|| DbError::internal("no such order"))?;
    let page = issues::query(connection, scope, filter, order, None, LISTED)?;
    page.items.into_iter().map(IssueItem::try_from).collect()
}

fn monday_digest(
    connection: &Connection,
    facts: &Facts,
    scope: &Scope,
    area: Area,
    today: Day,
) -> Result<MondayDigest, DbError> {
    let monday = Day(today.0 - (today.0 - 4).rem_euclid(7));
    let (from, to) = (Day(monday.0 - 7), Day(monday.0 - 1));
    let question = Question { from, to, as_of: today, scope: scope.clone() };
    let week = IssueFilter { from: Some(from), to: Some(to), ..IssueFilter::default() };
    let open = IssueFilter { open: Some(true), ..IssueFilter::default() };
    let late = IssueFilter { overdue: Some((true, today)), ..IssueFilter::default() };
    let due = IssueFilter { due_from: Some(today), due_to: Some(Day(monday.0 + 6)), ..open.clone() };
    let mut urgent = Vec::new();
    for priority in ["emergency", "urgent"] {
        let filter = IssueFilter { priority: Some(priority.to_owned()), ..open.clone() };
        urgent.extend(listed(connection, scope, &filter, "due_asc")?);
    }
    urgent.truncate(LISTED);
    Ok(MondayDigest {
        monday: monday.date(),
        week: Period { from: from.date(), to: to.date() },
        area,
        queue: queue::count(connection, scope, today)?,
        figures: series::query(connection, facts, &question)?,
        new: listed(connection, scope, &week, "received_desc")?,
        urgent,
        overdue: listed(connection, scope, &late, "due_asc")?,
        due: listed(connection, scope, &due, "due_asc")?,
    })
}

/// The digest of a Monday morning: what came in last week, what is urgent, overdue and due now.
#[utoipa::path(
    get, path = "/api/v1/reports/digest", tag = "reports", security(("bearer" = []), ("session" = [])), params(DigestQuery),
    responses(
        (status = 200, description = "The digest", body = MondayDigest),
        (status = 400, description = "`bad_query`, `bad_date`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`; `forbidden` for an agency", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn report_digest(
    State(state): State<AppState>,
    principal: Principal,
    Asked(query): Asked<DigestQuery>,
) -> Result<Json<MondayDigest>, ApiError> {
    let today = day("day", query.day.as_deref())?.unwrap_or(Day::of_ms(state.now_ms()));
    let asked = ReportQuery { from: None, to: None, area: query.area, as_of: None };
    let facts = Arc::clone(state.facts());
    let read = move |connection: &Connection, question: Question, area| {
        monday_digest(connection, &facts, &question.scope, area, today)
    };
    Ok(Json(asked.ask(&state, &principal, read).await?))
}

/// A report to freeze.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Freeze {
    /// A name for it, at most 200 characters.
    name: String,
    /// Which report.
    report: ReportQuery,
}

/// A frozen report in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Frozen {
    /// Its number.
    id: i64,
    /// Its name.
    name: String,
    /// When it was made, Unix milliseconds.
    made_ms: i64,
    /// By whom.
    made_by: String,
    /// The period.
    period: Period,
    /// Area as it was asked for.
    area: String,
    /// SHA-256 of its bytes, hexadecimal.
    sha256: String,
}

/// Frozen reports.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FrozenList {
    /// The last made first.
    items: Vec<Frozen>,
}

/// Whether the caller may see a snapshot of these units (a JSON list; none: the whole province).
fn may_see(scope: &Scope, units: Option<&str>, sealed: bool) -> bool {
    if sealed && !scope.sealed {
        return false;
    }
    match (&scope.units, units) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(own), Some(list)) => {
            let list: Vec<String> = serde_json::from_str(list).unwrap_or_default();
            !list.is_empty() && list.iter().all(|unit| own.contains(unit))
        }
    }
}

/// Freezes a report: the bytes are kept and given again as they are, whatever happens to the records.
#[utoipa::path(
    post, path = "/api/v1/reports/snapshots", tag = "reports", security(("bearer" = []), ("session" = [])), request_body = Freeze,
    responses(
        (status = 201, description = "Kept", body = Frozen),
        (status = 400, description = "`bad_json`, `bad_date`, `bad_period`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`outside_area`; `forbidden` for roles that do not report", body = ErrorBody),
        (status = 404, description = "`unknown_area`", body = ErrorBody),
        (status = 422, description = "`text_needed`, `text_too_long`, `too_many`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn freeze(
    State(state): State<AppState>,
    principal: Principal,
    Body(body): Body<Freeze>,
) -> Result<(StatusCode, Json<Frozen>), ApiError> {
    if matches!(principal.role, Role::FieldOfficial | Role::Administrator) {
        return Err(ApiError::forbidden("reports are frozen by those who make them"));
    }
    let refuse = |code: &'static str, message: &str| {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).with_field("name")
    };
    let name = check_text("name", body.name.trim(), 200);
    let name = name.map_err(|_| refuse("text_too_long", "at most 200 characters"))?;
    if name.is_empty() {
        return Err(refuse("text_needed", "give the report a name"));
    }
    let (now_ms, facts) = (state.now_ms(), Arc::clone(state.facts()));
    let read = move |connection: &Connection, question: Question, area: Area| {
        let units = question.scope.units.as_ref().map(serde_json::to_string).transpose()?;
        let summary = summary::query(connection, &facts, &question, area.clone(), now_ms)?;
        let sealed = summary.denunciations.is_some();
        Ok((serde_json::to_vec(&summary)?, (question.from, question.to), area.id, units, sealed))
    };
    let (bytes, (from, to), area, units, sealed) = body.report.ask(&state, &principal, read).await?;
    let hash: [u8; 32] = Sha256::digest(&bytes).into();
    let frozen = state.db().write_async(move |transaction| {
        let count: i64 = transaction.query_row("SELECT count(*) FROM report_snapshot", [], |row| row.get(0))?;
        if count >= MAX_SNAPSHOTS {
            return Ok(None);
        }
        transaction.execute(
            "INSERT INTO report_snapshot (name, made_ms, made_by, from_day, to_day, area, units, sealed, sha256, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            (&name, now_ms, &principal.name, from.0, to.0, &area, &units, sealed, hash, &bytes),
        )?;
        let period = Period { from: from.date(), to: to.date() };
        let sha256 = data_encoding::HEXLOWER.encode(&hash);
        let id = transaction.last_insert_rowid();
        Ok(Some(Frozen { id, name, made_ms: now_ms, made_by: principal.name, period, area, sha256 }))
    });
    let frozen = frozen.await?.ok_or_else(|| refuse("too_many", "no more than 2,000 reports are kept"))?;
    Ok((StatusCode::CREATED, Json(frozen)))
}

/// The frozen reports that the caller may see: those of units that are all in the caller's area.
#[utoipa::path(
    get, path = "/api/v1/reports/snapshots", tag = "reports", security(("bearer" = []), ("session" = [])),
    responses(
        (status = 200, description = "The list", body = FrozenList),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden` for an agency", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn snapshots(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<Json<FrozenList>, ApiError> {
    let scope = reader(&principal)?;
    let read = move |connection: &Connection| {
        let mut statement = connection.prepare_cached(
            "SELECT id, name, made_ms, made_by, from_day, to_day, area, sha256, units, sealed FROM report_snapshot
             ORDER BY id DESC",
        )?;
        let found = statement.query_map([], |row| {
            let frozen = Frozen {
                id: row.get(0)?,
                name: row.get(1)?,
                made_ms: row.get(2)?,
                made_by: row.get(3)?,
                period: Period { from: Day(row.get(4)?).date(), to: Day(row.get(5)?).date() },
                area: row.get(6)?,
                sha256: data_encoding::HEXLOWER.encode(&row.get::<_, [u8; 32]>(7)?),
            };
            Ok((frozen, row.get::<_, Option<String>>(8)?, row.get::<_, bool>(9)?))
        })?;
        let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
        let seen = found.into_iter().filter(|(_, units, sealed)| may_see(&scope, units.as_deref(), *sealed));
        Ok(seen.map(|(frozen, ..)| frozen).collect())
    };
    Ok(Json(FrozenList { items: state.db().read_async(read).await? }))
}

/// A frozen report, byte for byte as it was made; `etag` is its SHA-256.
#[utoipa::path(
    get, path = "/api/v1/reports/snapshots/{id}", tag = "reports", security(("bearer" = []), ("session" = [])),
    params(("id" = String, Path, description = "Number of the report")),
    responses(
        (status = 200, description = "The report", body = summary::Summary),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden` for an agency", body = ErrorBody),
        (status = 404, description = "`not_found`: not there, or not for this account", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn snapshot(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let scope = reader(&principal)?;
    let id: i64 = id.parse().map_err(|_| no_record())?;
    let read = move |connection: &Connection| {
        let sql = "SELECT body, sha256, units, sealed FROM report_snapshot WHERE id = ?1";
        let found = connection
            .query_row(sql, [id], |row| {
                Ok((
                    row.get::<_, Vec<u8>>(0)?,
                    row.get::<_, [u8; 32]>(1)?,
                    row.get::<_, Option<String>>(2)?,
                    row.get::<_, bool>(3)?,
                ))
            })
            .optional()?;
        Ok(found.filter(|(_, _, units, sealed)| may_see(&scope, units.as_deref(), *sealed)))
    };
    let (bytes, hash, ..) = state.db().read_async(read).await?.ok_or_else(no_record)?;
    let mut response = bytes.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", data_encoding::HEXLOWER.encode(&hash))) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}
