//! Devices and their grants.

use gandan_model::ids::{Compartment, DeviceId};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;
use utoipa::ToSchema;

use super::columns::{bytes, compartment, device_id, space_id};
use crate::auth::{Role, Scope};
use crate::db::DbError;
use crate::db::storage::Access;
use crate::rights;

/// A grant as devices are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The space.
    pub space: gandan_model::ids::SpaceId,
    /// Code of its unit.
    pub unit: String,
    /// Its compartment.
    pub compartment: Compartment,
    /// What the device may do.
    pub access: Access,
}

/// Writes a device; gives its number, or `None` if the id belongs to another key or another official.
pub fn put(
    connection: &Connection,
    id: &DeviceId,
    key: &[u8; 32],
    official: Option<&str>,
    now_ms: i64,
) -> Result<Option<i64>, DbError> {
    connection.execute(
        "INSERT INTO device (id, public_key, official, created_ms, last_hash) VALUES (?1, ?2, ?3, ?4, zeroblob(32))
         ON CONFLICT (id) DO NOTHING",
        (&id.0, key, official, now_ms),
    )?;
    let mut statement = connection.prepare_cached("SELECT no, public_key, official FROM device WHERE id = ?1")?;
    let (no, stored, owner): (i64, [u8; 32], Option<String>) =
        statement.query_row([&id.0], |row| Ok((row.get(0)?, bytes(row, 1)?, row.get(2)?)))?;
    Ok((stored == *key && owner.as_deref() == official).then_some(no))
}

/// Gives a device the spaces that its role opens in these units, and takes all others from it. What any device of its
/// official ever had counts as taken: it may bring work from there (of a phone before it, of its twin), which is then set
/// aside for a person and not turned away.
pub fn set_grants(connection: &Connection, device: i64, role: Role, scope: &Scope) -> Result<(), DbError> {
    connection.execute("UPDATE space_grant SET access = 0 WHERE device = ?1", [device])?;
    connection.execute(
        "INSERT INTO space_grant (device, space, access)
         SELECT DISTINCT ?1, g.space, 0 FROM space_grant g JOIN device d ON d.no = g.device
         WHERE d.official = (SELECT official FROM device WHERE no = ?1)
         ON CONFLICT (device, space) DO NOTHING",
        [device],
    )?;
    let mut provinces = std::collections::BTreeSet::new();
    for unit in super::org::communes(connection, scope)? {
        for (compartment, access) in rights::in_unit(role) {
            grant(connection, device, &unit, *compartment, *access)?;
        }
        provinces.extend(super::org::province_of(connection, &unit)?);
    }
    if rights::in_sealed(role) != Access::NONE {
        for province in provinces {
            grant(connection, device, &province, Compartment::Sealed, rights::in_sealed(role))?;
        }
    }
    connection.execute("UPDATE device SET version = version + 1 WHERE no = ?1", [device])?;
    Ok(())
}

fn grant(
    connection: &Connection,
    device: i64,
    unit: &str,
    compartment: Compartment,
    access: Access,
) -> Result<(), DbError> {
    connection
        .prepare_cached(
            "INSERT INTO space_grant (device, space, access)
             SELECT ?1, no, ?4 FROM space WHERE unit = ?2 AND compartment = ?3
             ON CONFLICT (device, space) DO UPDATE SET access = excluded.access",
        )?
        .execute((device, unit, compartment.number(), access.0))?;
    Ok(())
}

/// The grants of a device that hold now.
pub fn grants(connection: &Connection, device: i64) -> Result<Vec<Granted>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT s.id, s.unit, s.compartment, g.access FROM space_grant g JOIN space s ON s.no = g.space
         WHERE g.device = ?1 AND g.access <> 0 ORDER BY s.unit, s.compartment",
    )?;
    let rows = statement.query_map([device], |row| {
        Ok(Granted {
            space: space_id(row, 0)?,
            unit: row.get(1)?,
            compartment: compartment(row, 2)?,
            access: Access(row.get(3)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Sets the hash of the token with which a device listens for events.
pub fn set_events_hash(connection: &Connection, device: i64, hash: [u8; 32]) -> Result<(), DbError> {
    connection.execute("UPDATE device SET events_hash = ?2 WHERE no = ?1", (device, hash))?;
    Ok(())
}

/// The device that listens with the token of this hash, unless it was revoked.
pub fn by_events_hash(connection: &Connection, hash: &[u8; 32]) -> Result<Option<i64>, DbError> {
    let mut statement =
        connection.prepare_cached("SELECT no FROM device WHERE events_hash = ?1 AND revoked_ms IS NULL")?;
    Ok(statement.query_row([hash], |row| row.get(0)).optional()?)
}

/// Revokes a device; false if there is none or nothing changed. With `wipe` everything on it goes at its next contact;
/// a device that was revoked before can still be told so.
pub fn revoke(connection: &Connection, id: &DeviceId, wipe: bool, now_ms: i64) -> Result<bool, DbError> {
    let changed = connection.execute(
        "UPDATE device SET revoked_ms = coalesce(revoked_ms, ?2), wipe = max(wipe, ?3), version = version + 1
         WHERE id = ?1 AND official IS NOT NULL AND (revoked_ms IS NULL OR wipe < ?3)",
        (&id.0, now_ms, wipe),
    )?;
    Ok(changed > 0)
}

/// How many devices of an official became others since then.
pub fn renewals_since(connection: &Connection, official: &str, since_ms: i64) -> Result<i64, DbError> {
    let sql = "SELECT count(*) FROM renewal r JOIN device d ON d.no = r.old WHERE d.official = ?1 AND r.at_ms > ?2";
    Ok(connection.prepare_cached(sql)?.query_row((official, since_ms), |row| row.get(0))?)
}

/// Remembers that a device became another one, and gives that one its rights.
pub fn put_renewal(connection: &Connection, old: i64, new: i64, now_ms: i64) -> Result<(), DbError> {
    connection.execute("INSERT INTO renewal (old, new, at_ms) VALUES (?1, ?2, ?3)", (old, new, now_ms))?;
    connection.execute(
        "INSERT INTO space_grant (device, space, access) SELECT ?2, space, access FROM space_grant WHERE device = ?1
         ON CONFLICT (device, space) DO UPDATE SET access = excluded.access",
        (old, new),
    )?;
    Ok(())
}

/// A device as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeviceLine {
    /// The device, hexadecimal.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// Whose it is.
    pub official: String,
    /// The official's name.
    pub name: String,
    /// Since when, Unix milliseconds.
    pub created_ms: i64,
    /// When it was revoked, Unix milliseconds.
    pub revoked_ms: Option<i64>,
    /// Whether everything on it has to go at its next contact.
    pub wipe: bool,
    /// When it was last in contact, Unix milliseconds.
    pub last_sync_ms: Option<i64>,
    /// How far its clock was ahead then, in milliseconds; negative: behind.
    pub skew_ms: Option<i64>,
    /// Version of the records that its app writes.
    pub schema: Option<u32>,
    /// What it brought and nobody has decided about: envelopes in quarantine.
    pub quarantined: i64,
    /// Why the last of these is there.
    pub last_reason: Option<String>,
    /// How it says that it is; null: its app is older than that question.
    pub health: Option<DeviceHealth>,
}

/// How a device said that it was, at the end of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeviceHealth {
    /// When it said so, Unix milliseconds. It says so again when something has changed.
    pub at_ms: i64,
    /// Version of its app, and what it runs on.
    pub app: String,
    /// Changes on it that the server has not confirmed.
    pub waiting: i64,
    /// Envelopes on it that the server refused or set aside.
    pub held_back: i64,
    /// Photographs on it whose bytes the server does not have.
    pub files: i64,
    /// Code of its last exchange that failed for a reason which does not pass by itself.
    pub failure: Option<String>,
    /// When that was, Unix milliseconds.
    pub failure_ms: Option<i64>,
}

/// Every device of an official, in the order in which they were enrolled.
pub fn list(connection: &Connection) -> Result<Vec<DeviceLine>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT d.id, o.id, o.name, d.created_ms, d.revoked_ms, d.wipe, s.last_sync_ms, s.skew_ms, s.schema,
         (SELECT count(*) FROM quarantine q WHERE q.device = d.no AND q.resolved_ms IS NULL),
         (SELECT q.reason FROM quarantine q WHERE q.device = d.no AND q.resolved_ms IS NULL ORDER BY q.id DESC LIMIT 1),
         h.at_ms, h.app, h.waiting, h.held_back, h.files, h.failure, h.failure_ms
         FROM device d JOIN official o ON o.id = d.official LEFT JOIN device_seen s ON s.device = d.no
         LEFT JOIN device_health h ON h.device = d.no ORDER BY d.no",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(DeviceLine {
            device: device_id(row, 0)?,
            official: row.get(1)?,
            name: row.get(2)?,
            created_ms: row.get(3)?,
            revoked_ms: row.get(4)?,
            wipe: row.get(5)?,
            last_sync_ms: row.get(6)?,
            skew_ms: row.get(7)?,
            schema: row.get(8)?,
            quarantined: row.get(9)?,
            last_reason: row.get(10)?,
            health: health(row)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The columns from the eleventh on; a device that never said how it is has none of them.
fn health(row: &Row<'_>) -> rusqlite::Result<Option<DeviceHealth>> {
    let Some(at_ms) = row.get(11)? else { return Ok(None) };
    Ok(Some(DeviceHealth {
        at_ms,
        app: row.get(12)?,
        waiting: row.get(13)?,
        held_back: row.get(14)?,
        files: row.get(15)?,
        failure: row.get(16)?,
        failure_ms: row.get(17)?,
    }))
}

/// The server's own device: its number and its id.
pub fn server_device(connection: &Connection) -> Result<(i64, DeviceId), DbError> {
    let no = server(connection)?;
    Ok((no, connection.query_row("SELECT id FROM device WHERE no = ?1", [no], |row| device_id(row, 0))?))
}

/// The number of the server's own device: the newest, after a restore.
pub fn server(connection: &Connection) -> Result<i64, DbError> {
    let mut statement = connection.prepare_cached("SELECT max(no) FROM device WHERE official IS NULL")?;
    let no: Option<i64> = statement.query_row([], |row| row.get(0))?;
    no.ok_or_else(|| DbError::internal("the server's own device is missing"))
}

/// The devices of an official that were not revoked.
pub fn of_official(connection: &Connection, official: &str) -> Result<Vec<DeviceId>, DbError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM device WHERE official = ?1 AND revoked_ms IS NULL ORDER BY no")?;
    let rows = statement.query_map([official], |row| device_id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
