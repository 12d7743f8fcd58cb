//! Devices and what their officials may see: the administrator's.

use axum::Json;
use axum::extract::{Path, State};
use gandan_model::ids::DeviceId;
use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::records::Body;
use super::records_erase::checked;
use crate::auth::{Principal, Role, ScopeLine};
use crate::db::DbError;
use crate::db::sqlite::devices::{self, DeviceLine};
use crate::db::sqlite::{log_of, org, people};
use crate::db::storage::ReadLog as _;
use crate::folder::{Decision, Folder, OfficialLine};
use crate::http::error::{ApiError, ErrorBody};
use crate::ledger;
use crate::reports::audit::{self, NewEntry};
use crate::state::AppState;

/// Most lines of what an official may see.
const MAX_LINES: usize = 200;

fn administers(principal: &Principal) -> Result<(), ApiError> {
    if principal.role == Role::Administrator {
        Ok(())
    } else {
        Err(ApiError::forbidden(format!("{} does not look after devices", principal.role)))
    }
}

/// Whether every unit that these lines come to lies in the administrator's own area.
fn covers(connection: &Connection, principal: &Principal, lines: &[ScopeLine], now_ms: i64) -> Result<bool, DbError> {
    let scope = people::scope(connection, lines, now_ms)?;
    Ok(org::communes(connection, &scope)?.iter().all(|unit| principal.can_see_unit(unit)))
}

/// All devices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceList {
    /// In the order in which they were enrolled.
    items: Vec<DeviceLine>,
}

/// The devices of officials in the administrator's area.
#[utoipa::path(
    get, path = "/api/v1/devices", tag = "staff", security(("bearer" = [])),
    responses(
        (status = 200, description = "The devices", body = DeviceList),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn list(State(state): State<AppState>, principal: Principal) -> Result<Json<DeviceList>, ApiError> {
    administers(&principal)?;
    let now_ms = state.now_ms();
    let read = move |connection: &Connection| {
        let mut items = Vec::new();
        for line in devices::list(connection)? {
            let lines = people::official_scope(connection, &line.official)?;
            if covers(connection, &principal, &lines, now_ms)? {
                items.push(line);
            }
        }
        Ok(DeviceList { items })
    };
    Ok(Json(state.db().read_async(read).await?))
}

/// Taking a device out of service.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revocation {
    /// The phone was lost or stolen: everything on it goes at its next contact.
    #[serde(default)]
    wipe: bool,
    /// Why; 1 to 1,000 bytes.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

/// What became of a device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Revoked {
    /// The device.
    #[schema(value_type = String)]
    device: DeviceId,
    /// False: it was revoked before, and nothing changed.
    changed: bool,
}

/// Takes a device out of service, at once and for good. It receives nothing any more; what it still sends goes to
/// quarantine.
#[utoipa::path(
    post, path = "/api/v1/devices/{id}/revoke", tag = "staff", security(("bearer" = [])), request_body = Revocation,
    params(("id" = String, Path, description = "The device, hexadecimal")),
    responses(
        (status = 200, description = "Revoked", body = Revoked),
        (status = 400, description = "`bad_json`, `bad_reason`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`", body = ErrorBody),
        (status = 404, description = "`not_found`: no such device, or not for this account", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn revoke(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Body(body): Body<Revocation>,
) -> Result<Json<Revoked>, ApiError> {
    administers(&principal)?;
    let reason = checked(&body.reason)?;
    let device: DeviceId = id.parse().map_err(|_| ApiError::not_found("no such device"))?;
    let (now_ms, folder) = (state.now_ms(), Folder::at(state.db().folder()));
    let write = move |transaction: &Transaction<'_>| {
        let owner = log_of(transaction).device(&device)?.and_then(|row| row.official);
        let Some(owner) = owner else { return Ok(None) };
        if !covers(transaction, &principal, &people::official_scope(transaction, &owner)?, now_ms)? {
            return Ok(None);
        }
        let changed = devices::revoke(transaction, &device, body.wipe, now_ms)?;
        let result = if changed { "done" } else { "unchanged" };
        let reason = format!("{device} of {owner}: {reason}");
        audit::add(transaction, &entry(&principal, now_ms, "device.revoke", result, reason))?;
        if changed {
            let decision = Decision::DeviceRevoked { device, at_ms: now_ms, wipe: body.wipe };
            ledger::decide(transaction, &folder, &decision)?;
        }
        Ok(Some(Revoked { device, changed }))
    };
    let revoked = state.db().write_async(write).await?;
    revoked.map(Json).ok_or_else(|| ApiError::not_found("no such device"))
}

/// What an official is to see.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Move {
    /// Units and areas, such as `{"kind": "unit", "value": "24781"}` or `{"kind": "province"}`; none: nothing any more.
    #[schema(value_type = Vec<Object>, max_items = 200)]
    scope: Vec<ScopeLine>,
    /// Why; 1 to 1,000 bytes.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

/// Where an official is now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Moved {
    /// The official.
    official: String,
    /// Their devices that moved along.
    devices: usize,
}

/// Moves an official to other units. At their next contact their devices hand over what they wrote, get the new units and
/// let go of the others; what they send later for a unit that was taken from them goes to quarantine.
#[utoipa::path(
    post, path = "/api/v1/officials/{id}/scope", tag = "staff", security(("bearer" = [])), request_body = Move,
    params(("id" = String, Path, description = "The official's id")),
    responses(
        (status = 200, description = "Moved", body = Moved),
        (status = 400, description = "`bad_json`, `bad_reason`, `bad_scope`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`", body = ErrorBody),
        (status = 404, description = "`not_found`: no such official, or not for this account", body = ErrorBody),
        (status = 413, description = "`too_large`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
        (status = 507, description = "`disk_full`: nothing was changed", body = ErrorBody),
    )
)]
pub(crate) async fn scope(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Body(body): Body<Move>,
) -> Result<Json<Moved>, ApiError> {
    administers(&principal)?;
    let reason = checked(&body.reason)?;
    if body.scope.len() > MAX_LINES {
        return Err(ApiError::bad_request("bad_scope", "at most 200 units and areas").with_field("scope"));
    }
    let (now_ms, folder) = (state.now_ms(), Folder::at(state.db().folder()));
    let write = move |transaction: &Transaction<'_>| {
        let Some(official) = people::official(transaction, &id)? else { return Ok(Err(Misplaced::NotFound)) };
        let before = people::official_scope(transaction, &id)?;
        if !covers(transaction, &principal, &before, now_ms)? {
            return Ok(Err(Misplaced::NotFound));
        }
        for line in &body.scope {
            let known = match line {
                ScopeLine::Unit(code) => org::has_unit(transaction, code)?,
                ScopeLine::Area(area) => org::has_area(transaction, area)?,
                ScopeLine::Province => true,
            };
            if !known {
                return Ok(Err(Misplaced::Unknown));
            }
        }
        if !covers(transaction, &principal, &body.scope, now_ms)? {
            return Ok(Err(Misplaced::Unknown));
        }
        people::put_official(transaction, &official, &body.scope, now_ms)?;
        let scope = people::scope(transaction, &body.scope, now_ms)?;
        ledger::regrant(transaction, &id, official.role, &scope)?;
        let moved = Moved { official: id.clone(), devices: devices::of_official(transaction, &id)?.len() };
        let reason = format!("{id}: {reason}");
        audit::add(transaction, &entry(&principal, now_ms, "official.move", "done", reason))?;
        let official = OfficialLine { id, name: official.name, role: official.role, scope: body.scope };
        ledger::decide(transaction, &folder, &Decision::OfficialMoved { official, at_ms: now_ms })?;
        Ok(Ok(moved))
    };
    match state.db().write_async(write).await? {
        Ok(moved) => Ok(Json(moved)),
        Err(Misplaced::NotFound) => Err(ApiError::not_found("no such official")),
        Err(Misplaced::Unknown) => {
            Err(ApiError::bad_request("bad_scope", "a unit or area is not known, or not in your area")
                .with_field("scope"))
        }
    }
}

/// Why somebody was not moved.
enum Misplaced {
    NotFound,
    Unknown,
}

fn entry(principal: &Principal, at_ms: i64, action: &'static str, result: &str, reason: String) -> NewEntry {
    NewEntry {
        at_ms,
        who: principal.name.clone(),
        role: principal.role.as_str(),
        action,
        unit: String::new(),
        doc: None,
        seq: None,
        result: result.to_owned(),
        reason: Some(reason),
    }
}
