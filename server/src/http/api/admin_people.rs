//! Officials and the links with which their phones become theirs; settings for everybody.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::admin::{ScopeItem, administrator, bad_scope, checked_name, note, read_role, refuse, scope_lines};
use super::admin_map::{ATTRIBUTION, TILES, tile_origin};
use super::me::picture;
use super::public::POSTED_LISTS;
use super::records::{Body, no_record};
use crate::auth::{Principal, new_secret};
use crate::db::sqlite::people::{self, Official, Purpose};
use crate::error::ServerError;
use crate::folder::{Decision, Folder, OfficialLine};
use crate::http::error::{ApiError, ErrorBody};
use crate::ledger::{decide, regrant};
use crate::state::AppState;

const DAY_MS: i64 = 24 * 3600 * 1000;
/// Settings that are known, with the longest value of each in characters.
const SETTINGS: [(&str, usize); 5] =
    [("programme_label", 100), ("office_name", 200), (POSTED_LISTS, 5), (TILES, 500), (ATTRIBUTION, 200)];

/// An official.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfficialItem {
    /// Their id: the author of what they write.
    id: String,
    /// Their name.
    name: String,
    /// Role.
    role: String,
    /// What they may see.
    scope: Vec<ScopeItem>,
    /// Devices in use.
    devices: i64,
    /// When one of these last synced, Unix milliseconds.
    last_sync_ms: Option<i64>,
}

/// Officials.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfficialList {
    /// By id.
    items: Vec<OfficialItem>,
}

/// Every official, with the number of devices.
#[utoipa::path(
    get, path = "/api/v1/officials", tag = "admin", security(("bearer" = []), ("session" = [])),
    responses(
        (status = 200, description = "The officials", body = OfficialList),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn list_officials(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<Json<OfficialList>, ApiError> {
    administrator(&principal)?;
    let read = |connection: &Connection| {
        let mut statement = connection.prepare_cached(
            "SELECT o.id, o.name, o.role, count(d.no), max(s.last_sync_ms) FROM official o
             LEFT JOIN device d ON d.official = o.id AND d.revoked_ms IS NULL LEFT JOIN device_seen s ON s.device = d.no
             GROUP BY o.id ORDER BY o.id",
        )?;
        let found = statement.query_map([], |row| {
            Ok(OfficialItem {
                id: row.get(0)?,
                name: row.get(1)?,
                role: row.get(2)?,
                scope: Vec::new(),
                devices: row.get(3)?,
                last_sync_ms: row.get(4)?,
            })
        })?;
        let mut items = found.collect::<rusqlite::Result<Vec<_>>>()?;
        for item in &mut items {
            item.scope = people::official_scope(connection, &item.id)?.iter().map(ScopeItem::from).collect();
        }
        Ok(items)
    };
    Ok(Json(OfficialList { items: state.db().read_async(read).await? }))
}

/// An official as they should be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfficialChange {
    /// Their name.
    name: String,
    /// Role.
    role: String,
    /// What they may see.
    scope: Vec<ScopeItem>,
}

/// Makes an official, or moves them: their devices get what they may see now, at their next contact.
#[utoipa::path(
    put, path = "/api/v1/officials/{id}", tag = "admin", security(("bearer" = []), ("session" = [])), request_body = OfficialChange,
    params(("id" = String, Path, description = "Their id: 1 to 64 of A–Z, a–z, 0–9, `.`, `_`, `-`")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 422, description = "`bad_id`, `bad_code`, `unknown_unit`, `text_needed`, `text_too_long`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn put_official(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Body(body): Body<OfficialChange>,
) -> Result<StatusCode, ApiError> {
    administrator(&principal)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !(1..=64).contains(&id.len()) || !id.bytes().all(plain) {
        return Err(refuse("id", "bad_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'"));
    }
    let (name, role) = (checked_name(&body.name)?, read_role(&body.role)?);
    let (now_ms, folder) = (state.now_ms(), Folder::at(state.db().folder()));
    let put = move |transaction: &Transaction<'_>| {
        let Some(lines) = scope_lines(transaction, &body.scope)? else { return Ok(Err(bad_scope())) };
        let official = Official { id: id.clone(), name: name.clone(), role };
        people::put_official(transaction, &official, &lines, now_ms)?;
        regrant(transaction, &id, role, &people::scope(transaction, &lines, now_ms)?)?;
        note(transaction, &principal, "official.change", &id, now_ms)?;
        // Last: what stands in the ledger and not in the database is done again at the next start.
        let line = OfficialLine { id, name, role, scope: lines };
        decide(transaction, &folder, &Decision::OfficialMoved { official: line, at_ms: now_ms })?;
        Ok(Ok(()))
    };
    state.db().write_async(put).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// How long a link holds.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkWanted {
    /// Days, 1 to 60; 14 if nothing is asked.
    days: Option<u16>,
}

/// A link with which one device becomes an official's. Shown only now, good once.
#[derive(Serialize, ToSchema)]
pub(crate) struct EnrolmentLink {
    /// The official.
    official: String,
    /// Their name.
    name: String,
    /// The link.
    link: String,
    /// The link as a QR code, SVG.
    qr_svg: String,
    /// Until when it may be used, Unix milliseconds.
    expires_ms: i64,
}

/// Makes a one-time link for a device of an official, with its picture for a phone's camera. The address in it is the
/// one by which this request came.
#[utoipa::path(
    post, path = "/api/v1/officials/{id}/enrolment", tag = "admin", security(("bearer" = []), ("session" = [])), request_body = LinkWanted,
    params(("id" = String, Path, description = "Their id")),
    responses(
        (status = 201, description = "The link", body = EnrolmentLink),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 404, description = "`not_found`", body = ErrorBody),
        (status = 422, description = "`bad_days`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn enrolment_link(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<LinkWanted>,
) -> Result<(StatusCode, Json<EnrolmentLink>), ApiError> {
    administrator(&principal)?;
    let days = body.days.unwrap_or(14);
    if !(1..=60).contains(&days) {
        return Err(refuse("days", "bad_days", "1 to 60 days"));
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let scheme = if state.secure() { "https" } else { "http" };
    let code = new_secret::<16>().map_err(|error| ServerError::Internal(error.to_string()))?;
    let link = format!("{scheme}://{host}/enrol#{code}");
    let qr_svg = picture(&link)?;
    let now_ms = state.now_ms();
    let expires_ms = now_ms + i64::from(days) * DAY_MS;
    let make = move |transaction: &Transaction<'_>| {
        let Some(official) = people::official(transaction, &id)? else { return Ok(None) };
        people::put_code(transaction, &code, Purpose::Device, &official.id, now_ms, expires_ms)?;
        note(transaction, &principal, "official.link", &official.id, now_ms)?;
        Ok(Some(official))
    };
    let official = state.db().write_async(make).await?.ok_or_else(no_record)?;
    let link = EnrolmentLink { official: official.id, name: official.name, link, qr_svg, expires_ms };
    Ok((StatusCode::CREATED, Json(link)))
}

/// What the administrator sets for everybody: `programme_label`, `office_name`, `posted_lists` (`true` or `false`),
/// `map_tiles` (`https://host/{z}/{x}/{y}.png`, or empty: none) and `map_attribution`, whose words must stand on the map.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub(crate) struct Settings(BTreeMap<String, String>);

/// The settings, for everybody who is signed in. One that was never set is missing.
#[utoipa::path(
    get, path = "/api/v1/settings", tag = "staff", security(("bearer" = []), ("session" = [])),
    responses(
        (status = 200, description = "The settings", body = Settings),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn settings(State(state): State<AppState>, _: Principal) -> Result<Json<Settings>, ApiError> {
    let read = |connection: &Connection| {
        let mut statement = connection.prepare_cached("SELECT key, value FROM setting")?;
        let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    };
    Ok(Json(Settings(state.db().read_async(read).await?)))
}

/// Sets some settings; those that are not named stay.
#[utoipa::path(
    put, path = "/api/v1/settings", tag = "admin", security(("bearer" = []), ("session" = [])), request_body = Settings,
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 422, description = "`bad_setting`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn put_settings(
    State(state): State<AppState>,
    principal: Principal,
    Body(Settings(values)): Body<Settings>,
) -> Result<StatusCode, ApiError> {
    administrator(&principal)?;
    for (key, value) in &values {
        let longest = SETTINGS.iter().find(|(name, _)| name == key).map(|(_, longest)| *longest);
        let fits = longest.is_some_and(|longest| value.chars().count() <= longest && !value.contains(char::is_control));
        let sensible = match key.as_str() {
            POSTED_LISTS => matches!(value.as_str(), "true" | "false"),
            TILES => value.is_empty() || tile_origin(value).is_some(),
            _ => true,
        };
        if !fits || !sensible {
            return Err(refuse("settings", "bad_setting", "no such setting, or no such value"));
        }
    }
    let tiles = values.get(TILES).map(|address| tile_origin(address));
    let now_ms = state.now_ms();
    let put = move |transaction: &Transaction<'_>| {
        for (key, value) in &values {
            transaction.execute("INSERT OR REPLACE INTO setting (key, value) VALUES (?1, ?2)", (key, value))?;
            note(transaction, &principal, "setting.change", key, now_ms)?;
        }
        Ok(())
    };
    state.db().write_async(put).await?;
    if let Some(origin) = tiles {
        state.set_tiles(origin);
    }
    Ok(StatusCode::NO_CONTENT)
}
