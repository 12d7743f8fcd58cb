//! What everybody may ask, without an account: how a matter stands, by its ticket, and what was posted of a unit.
//!
//! Tickets are numbered, so anybody can try them one after another. That is why an answer holds nothing that a resident
//! or an official wrote: no title, no text, no name, no village. Whatever is not to be shown is answered like a ticket
//! that was never given, byte for byte.

use axum::Json;
use axum::extract::{Extension, Path, State};
use gandan_model::rows::IssueRow;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::DbError;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::middleware::CallerAddress;
use crate::state::AppState;

/// Most entries of a posted list.
const MAX_POSTED: i64 = 200;
/// The setting that posts lists: `true` or anything else.
pub(crate) const POSTED_LISTS: &str = "posted_lists";

/// How a matter stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Standing {
    /// The ticket.
    ticket: String,
    /// Where it stands.
    status: String,
    /// Field of work.
    field: Option<String>,
    /// Name of the unit.
    unit: String,
    /// The agency that has to settle it.
    agency: Option<String>,
    /// Day of receipt.
    #[schema(value_type = Option<String>, format = Date)]
    received_on: Option<Date>,
    /// Last day for settling it.
    #[schema(value_type = Option<String>, format = Date)]
    due_on: Option<Date>,
    /// Day on which it was settled.
    #[schema(value_type = Option<String>, format = Date)]
    settled_on: Option<Date>,
    /// Day of the reply.
    #[schema(value_type = Option<String>, format = Date)]
    replied_on: Option<Date>,
    /// The result, as a code.
    outcome: Option<String>,
}

/// Matters of a unit, as they are posted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PostedList {
    /// Name of the unit.
    unit: String,
    /// The last received first, at most 200.
    items: Vec<Standing>,
}

/// What the public may see of an issue (alias `i`).
const SHOWN: &str =
    "i.sealed = 0 AND i.deleted = 0 AND i.compartment = 0 AND i.kind <> 'denunciation' AND i.ticket IS NOT NULL";

fn standing(json: &str, unit: String) -> Result<Option<Standing>, DbError> {
    let row: IssueRow = serde_json::from_str(json)?;
    if row.erased || row.confidentiality.as_str() != "normal" {
        return Ok(None);
    }
    Ok(Some(Standing {
        ticket: row.ticket.unwrap_or_default(),
        status: row.status.to_string(),
        field: row.field.map(|code| code.to_string()),
        unit,
        agency: row.agency,
        received_on: row.received_on,
        due_on: row.resolve_due,
        settled_on: row.settled_on,
        replied_on: row.replied_on,
        outcome: row.outcome.map(|code| code.to_string()),
    }))
}

fn by_ticket(connection: &Connection, ticket: &str) -> Result<Option<Standing>, DbError> {
    let sql = format!(
        "SELECT t.json, u.name FROM issue_row i JOIN issue_text t ON t.n = i.n JOIN unit u ON u.code = i.unit \
         WHERE i.ticket = ?1 AND {SHOWN} ORDER BY i.created_ms, i.id LIMIT 1"
    );
    let found = connection
        .prepare_cached(&sql)?
        .query_row([ticket], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    found.map_or(Ok(None), |(json, unit)| standing(&json, unit))
}

fn posted(connection: &Connection, unit: &str) -> Result<Option<PostedList>, DbError> {
    let open = "SELECT value = 'true' FROM setting WHERE key = ?1";
    let open: Option<bool> = connection.query_row(open, [POSTED_LISTS], |row| row.get(0)).optional()?;
    let name = "SELECT name FROM unit WHERE code = ?1 AND kind <> 'province'";
    let name: Option<String> = connection.query_row(name, [unit], |row| row.get(0)).optional()?;
    let (Some(true), Some(name)) = (open, name) else { return Ok(None) };
    let sql = format!(
        "SELECT t.json FROM issue_row i JOIN issue_text t ON t.n = i.n WHERE i.unit = ?1 AND i.countable = 1 AND {SHOWN} \
         ORDER BY i.received_day DESC, i.id DESC LIMIT ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((unit, MAX_POSTED), |row| row.get::<_, String>(0))?;
    let mut items = Vec::new();
    for json in rows {
        items.extend(standing(&json?, name.clone())?);
    }
    Ok(Some(PostedList { unit: name, items }))
}

fn paced(state: &AppState, caller: Option<Extension<CallerAddress>>) -> Result<(), ApiError> {
    match caller.map(|Extension(CallerAddress(address))| state.limits().public(address)) {
        Some(Err(seconds)) => Err(ApiError::too_often(seconds)),
        _ => Ok(()),
    }
}

fn nothing() -> ApiError {
    ApiError::not_found("there is nothing to show under this code")
}

/// How a matter stands, by the ticket that the resident was given: status, agency, dates, result; no names, no text. A
/// wrong ticket and one that is not to be shown get the same answer. 60 requests at once and 20 a minute from one
/// address.
#[utoipa::path(
    get, path = "/api/v1/public/ticket/{code}", tag = "public",
    params(("code" = String, Path, description = "The ticket")),
    responses(
        (status = 200, description = "How it stands", body = Standing),
        (status = 404, description = "`not_found`", body = ErrorBody),
        (status = 429, description = "`too_many_requests`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn ticket(
    State(state): State<AppState>,
    caller: Option<Extension<CallerAddress>>,
    Path(code): Path<String>,
) -> Result<Json<Standing>, ApiError> {
    paced(&state, caller)?;
    let code = code.trim().to_uppercase();
    if code.len() > 64 {
        return Err(nothing());
    }
    let found = state.db().read_async(move |connection| by_ticket(connection, &code)).await?;
    found.map(Json).ok_or_else(nothing)
}

/// The matters of a unit as they are posted, if the administrator has them posted (setting `posted_lists`).
#[utoipa::path(
    get, path = "/api/v1/public/units/{unit}/issues", tag = "public",
    params(("unit" = String, Path, description = "Code of the unit")),
    responses(
        (status = 200, description = "The list", body = PostedList),
        (status = 404, description = "`not_found`: no such unit, or nothing is posted", body = ErrorBody),
        (status = 429, description = "`too_many_requests`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn posted_list(
    State(state): State<AppState>,
    caller: Option<Extension<CallerAddress>>,
    Path(unit): Path<String>,
) -> Result<Json<PostedList>, ApiError> {
    paced(&state, caller)?;
    let found = state.db().read_async(move |connection| posted(connection, &unit)).await?;
    found.map(Json).ok_or_else(nothing)
}
