//! The organisation: units, overlapping areas with dates, and units, officials or villages from a table, with a preview.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use gandan_model::moment::parse_date;
use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::admin::{administrator, checked_name, note, refuse};
use super::admin_import::{Import, Kind, Table};
use super::records::{Asked, Body};
use crate::auth::{Principal, ScopeLine};
use crate::db::DbError;
use crate::db::sqlite::{org, people};
use crate::folder::Folder;
use crate::http::error::{ApiError, ErrorBody};
use crate::ledger::regrant;
use crate::state::AppState;

/// Most memberships of one area.
const MAX_MEMBERS: usize = 1_000;

/// A unit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrgUnit {
    /// Code.
    code: String,
    /// Name.
    name: String,
    /// `commune`, `ward`, `special_zone` or `province`.
    kind: String,
    /// Latitude in degrees.
    lat: Option<f64>,
    /// Longitude in degrees.
    lon: Option<f64>,
    /// Whether longer time limits hold there.
    remote: bool,
    /// First day.
    valid_from: Option<String>,
    /// Last day.
    valid_to: Option<String>,
}

/// A unit's belonging to an area.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrgMember {
    /// Code of the unit.
    unit: String,
    /// First day; null: from the start.
    #[schema(format = Date)]
    valid_from: Option<String>,
    /// Last day; null: open.
    #[schema(format = Date)]
    valid_to: Option<String>,
}

/// An area; areas overlap freely.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrgArea {
    /// Id.
    id: String,
    /// Name.
    name: String,
    /// Its units, with dates.
    members: Vec<OrgMember>,
}

/// Units and areas.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Organisation {
    /// By code.
    units: Vec<OrgUnit>,
    /// By id.
    areas: Vec<OrgArea>,
}

fn organisation(connection: &Connection) -> Result<Organisation, DbError> {
    let mut statement = connection
        .prepare_cached("SELECT code, name, kind, lat, lon, remote, valid_from, valid_to FROM unit ORDER BY code")?;
    let units = statement.query_map([], |row| {
        Ok(OrgUnit {
            code: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
            lat: row.get(3)?,
            lon: row.get(4)?,
            remote: row.get(5)?,
            valid_from: row.get(6)?,
            valid_to: row.get(7)?,
        })
    })?;
    let units = units.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut statement = connection.prepare_cached("SELECT id, name FROM area ORDER BY id")?;
    let areas =
        statement.query_map([], |row| Ok(OrgArea { id: row.get(0)?, name: row.get(1)?, members: Vec::new() }))?;
    let mut areas = areas.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT unit, nullif(valid_from, ''), valid_to FROM area_unit WHERE area = ?1 ORDER BY unit, valid_from",
    )?;
    for area in &mut areas {
        let members = statement.query_map([&area.id], |row| {
            Ok(OrgMember { unit: row.get(0)?, valid_from: row.get(1)?, valid_to: row.get(2)? })
        })?;
        area.members = members.collect::<rusqlite::Result<_>>()?;
    }
    Ok(Organisation { units, areas })
}

/// Every unit and every area, with dates. Names of the organisation are no secret: everybody who is signed in may read
/// them.
#[utoipa::path(
    get, path = "/api/v1/org", tag = "staff", security(("bearer" = []), ("session" = [])),
    responses(
        (status = 200, description = "Units and areas", body = Organisation),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn read_org(State(state): State<AppState>, _: Principal) -> Result<Json<Organisation>, ApiError> {
    Ok(Json(state.db().read_async(organisation).await?))
}

/// An area as it should be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AreaChange {
    /// Name.
    name: String,
    /// Its units, with dates; whatever stood there before goes.
    members: Vec<OrgMember>,
}

fn bad_member(connection: &Connection, member: &OrgMember) -> Result<bool, DbError> {
    let dates = [&member.valid_from, &member.valid_to];
    let unreadable = dates.into_iter().flatten().any(|date| parse_date(date).is_err() || date.len() != 10);
    let backwards = member.valid_from.as_ref().zip(member.valid_to.as_ref()).is_some_and(|(from, to)| from > to);
    Ok(unreadable || backwards || !org::has_unit(connection, &member.unit)?)
}

/// Makes an area or replaces it. Devices of officials who work in it get what they may see now.
#[utoipa::path(
    put, path = "/api/v1/org/areas/{id}", tag = "admin", security(("bearer" = []), ("session" = [])), request_body = AreaChange,
    params(("id" = String, Path, description = "Id of the area: 1 to 64 of a–z, 0–9, `-`, `_`")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 422, description = "`bad_id`, `bad_member`, `text_needed`, `text_too_long`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn put_area(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Body(body): Body<AreaChange>,
) -> Result<StatusCode, ApiError> {
    administrator(&principal)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    if !(1..=64).contains(&id.len()) || !id.bytes().all(plain) || id == "province" {
        return Err(refuse("id", "bad_id", "1 to 64 of a-z, 0-9, '-', '_', and not \"province\""));
    }
    if body.members.len() > MAX_MEMBERS {
        return Err(refuse("members", "bad_member", "at most 1,000 lines"));
    }
    let name = checked_name(&body.name)?;
    let now_ms = state.now_ms();
    let put = move |transaction: &Transaction<'_>| {
        for member in &body.members {
            if bad_member(transaction, member)? {
                let message = format!("{}: no such unit, or its dates cannot be", member.unit);
                return Ok(Err(refuse("members", "bad_member", &message)));
            }
        }
        transaction.execute(
            "INSERT INTO area (id, name) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
            (&id, &name),
        )?;
        transaction.execute("DELETE FROM area_unit WHERE area = ?1", [&id])?;
        for member in &body.members {
            transaction.execute(
                "INSERT OR REPLACE INTO area_unit (area, unit, valid_from, valid_to) VALUES (?1, ?2, ?3, ?4)",
                (&id, &member.unit, member.valid_from.as_deref().unwrap_or(""), &member.valid_to),
            )?;
        }
        regrant_area(transaction, &id, now_ms)?;
        note(transaction, &principal, "area.change", &id, now_ms)?;
        Ok(Ok(()))
    };
    state.db().write_async(put).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives the devices of everybody who works in an area what they may see now.
fn regrant_area(transaction: &Transaction<'_>, area: &str, now_ms: i64) -> Result<(), DbError> {
    let mut statement =
        transaction.prepare("SELECT official FROM official_scope WHERE kind = 'area' AND value = ?1")?;
    let officials =
        statement.query_map([area], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    for id in officials {
        let Some(official) = people::official(transaction, &id)? else { continue };
        let lines: Vec<ScopeLine> = people::official_scope(transaction, &id)?;
        regrant(transaction, &id, official.role, &people::scope(transaction, &lines, now_ms)?)?;
    }
    Ok(())
}

/// What to take in.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// `true`: do it. Otherwise only the preview is given and nothing changes.
    apply: Option<bool>,
}

/// Units (`units`, columns of `lam-dong-units.csv`) or officials (`officials`: `id`, `name`, `role`, `units` and `areas`
/// separated by `;`) or villages (`villages`: `unit`, `kind`, `name`, `valid_from`, `valid_to`) from a CSV or XLSX file, at most 256 KiB. Without `apply` nothing changes and the answer says what
/// would; with it all lines are taken in, or none if one is faulty. Nothing is ever removed.
#[utoipa::path(
    post, path = "/api/v1/org/import/{kind}", tag = "admin", security(("bearer" = []), ("session" = [])),
    params(("kind" = String, Path, description = "`units`, `officials` or `villages`"), ImportQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file"),
    responses(
        (status = 200, description = "What changes", body = Import),
        (status = 400, description = "`bad_query`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 404, description = "`not_found`: no such kind", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 422, description = "`bad_table`: not a table with these columns", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn import(
    State(state): State<AppState>,
    principal: Principal,
    Path(kind): Path<String>,
    Asked(query): Asked<ImportQuery>,
    body: Bytes,
) -> Result<Json<Import>, ApiError> {
    administrator(&principal)?;
    let kind = Kind::read(&kind).ok_or_else(|| ApiError::not_found("units, officials or villages"))?;
    let table = tokio::task::spawn_blocking(move || Table::read(&body)).await.map_err(DbError::internal)?;
    let table = table.map_err(|message| refuse("file", "bad_table", &message))?;
    let (now_ms, apply) = (state.now_ms(), query.apply == Some(true));
    let folder = Folder::at(state.db().folder());
    let work = move |transaction: &Transaction<'_>| {
        let import = match kind {
            Kind::Units => Import::units(transaction, &table, apply)?,
            Kind::Villages => Import::villages(transaction, &table, apply)?,
            Kind::Officials => Import::officials(transaction, &table, apply.then_some(&folder), now_ms)?,
        };
        if import.applied {
            note(transaction, &principal, "org.import", kind.as_str(), now_ms)?;
        }
        Ok(import)
    };
    Ok(Json(state.db().write_async(work).await?))
}
