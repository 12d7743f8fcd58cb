//! Officials, tokens, one-time codes.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};

use crate::auth::{Principal, Role, Scope, ScopeLine, equal_in_constant_time, hash_secret};
use crate::db::DbError;

/// Who presents this token; `None` if it is unknown, expired or revoked.
pub fn principal(connection: &Connection, token: &str, now_ms: i64) -> Result<Option<Principal>, DbError> {
    let hash = hash_secret(token);
    let found = connection
        .prepare_cached(
            "SELECT hash, name, role FROM token
             WHERE hash = ?1 AND revoked_ms IS NULL AND (expires_ms IS NULL OR expires_ms > ?2)",
        )?
        .query_row((hash, now_ms), |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get(1)?, row.get::<_, String>(2)?)))
        .optional()?;
    let Some((stored, name, role)) = found else { return Ok(None) };
    let Ok(role) = role.parse::<Role>() else { return Ok(None) };
    if !equal_in_constant_time(&stored, &hash) {
        return Ok(None);
    }
    let mut lines = connection.prepare_cached("SELECT kind, value FROM token_scope WHERE hash = ?1")?;
    let lines = lines.query_map([hash], |row| Ok(ScopeLine::from_columns(&row.get::<_, String>(0)?, row.get(1)?)))?;
    let lines = lines.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Principal { name, role, agency: None, scope: scope(connection, &lines, now_ms)? }))
}

/// The units that these lines come to today.
pub fn scope(connection: &Connection, lines: &[ScopeLine], now_ms: i64) -> Result<Scope, DbError> {
    let today = civil_date(now_ms);
    let mut units = BTreeSet::new();
    for line in lines {
        match line {
            ScopeLine::Province => return Ok(Scope::Province),
            ScopeLine::Unit(code) => {
                units.insert(code.clone());
            }
            ScopeLine::Area(area) => {
                let mut members = connection.prepare_cached(
                    "SELECT unit FROM area_unit
                     WHERE area = ?1 AND valid_from <= ?2 AND (valid_to IS NULL OR valid_to >= ?2)",
                )?;
                for unit in members.query_map((area, &today), |row| row.get(0))? {
                    units.insert(unit?);
                }
            }
        }
    }
    Ok(Scope::Units(units))
}

/// The civil date in UTC+7 as ISO text.
pub fn civil_date(now_ms: i64) -> String {
    let instant = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
    instant.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(7))).date().to_string()
}

/// An official as the database has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Official {
    /// Their id, which stands as author in what they write.
    pub id: String,
    /// Their name.
    pub name: String,
    /// What they are.
    pub role: Role,
}

/// Writes an official and replaces what they may see.
pub fn put_official(
    connection: &Connection,
    official: &Official,
    lines: &[ScopeLine],
    now_ms: i64,
) -> Result<(), DbError> {
    connection.execute(
        "INSERT INTO official (id, name, role, created_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, role = excluded.role",
        (&official.id, &official.name, official.role.as_str(), now_ms),
    )?;
    connection.execute("DELETE FROM official_scope WHERE official = ?1", [&official.id])?;
    for line in lines {
        let (kind, value) = line.columns();
        connection.execute(
            "INSERT OR IGNORE INTO official_scope (official, kind, value) VALUES (?1, ?2, ?3)",
            (&official.id, kind, value),
        )?;
    }
    Ok(())
}

/// An official by their id.
pub fn official(connection: &Connection, id: &str) -> Result<Option<Official>, DbError> {
    let mut statement = connection.prepare_cached("SELECT id, name, role FROM official WHERE id = ?1")?;
    let row = statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))).optional()?;
    Ok(row.and_then(|(id, name, role)| role.parse().ok().map(|role| Official { id, name, role })))
}

/// What an official may see.
pub fn official_scope(connection: &Connection, id: &str) -> Result<Vec<ScopeLine>, DbError> {
    let mut statement = connection.prepare_cached("SELECT kind, value FROM official_scope WHERE official = ?1")?;
    let lines = statement.query_map([id], |row| Ok(ScopeLine::from_columns(&row.get::<_, String>(0)?, row.get(1)?)))?;
    Ok(lines.filter_map(Result::transpose).collect::<Result<_, _>>()?)
}

/// Keeps a bearer token.
pub fn put_token(
    connection: &Connection,
    token: &str,
    (name, role): (&str, Role),
    lines: &[ScopeLine],
    now_ms: i64,
    expires_ms: Option<i64>,
) -> Result<(), DbError> {
    let hash = hash_secret(token);
    connection.execute(
        "INSERT INTO token (hash, name, role, created_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        (hash, name, role.as_str(), now_ms, expires_ms),
    )?;
    for line in lines {
        let (kind, value) = line.columns();
        connection.execute(
            "INSERT OR IGNORE INTO token_scope (hash, kind, value) VALUES (?1, ?2, ?3)",
            (hash, kind, value),
        )?;
    }
    Ok(())
}

/// What a one-time code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To enrol a device.
    Device,
    /// To get a bearer token.
    Login,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Login => "login",
        }
    }
}

/// Keeps a one-time code.
pub fn put_code(
    connection: &Connection,
    code: &str,
    purpose: Purpose,
    official: &str,
    now_ms: i64,
    expires_ms: i64,
) -> Result<(), DbError> {
    connection.execute(
        "INSERT INTO enrolment (code_hash, purpose, official, created_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        (hash_secret(code), purpose.as_str(), official, now_ms, expires_ms),
    )?;
    Ok(())
}

/// A one-time code as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Whose it is.
    pub official: String,
    /// Until when it may be used, Unix milliseconds.
    pub expires_ms: i64,
    /// Whether it was used.
    pub used: bool,
    /// The device that used it.
    pub device: Option<Vec<u8>>,
}

/// Looks a one-time code up.
pub fn code(connection: &Connection, code: &str, purpose: Purpose) -> Result<Option<Code>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT official, expires_ms, used_ms IS NOT NULL, device FROM enrolment WHERE code_hash = ?1 AND purpose = ?2",
    )?;
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Code { official: row.get(0)?, expires_ms: row.get(1)?, used: row.get(2)?, device: row.get(3)? })
    };
    Ok(statement.query_row((hash_secret(code), purpose.as_str()), row).optional()?)
}

/// Marks a one-time code as used.
pub fn use_code(connection: &Connection, code: &str, device: Option<&[u8]>, now_ms: i64) -> Result<(), DbError> {
    connection.execute(
        "UPDATE enrolment SET used_ms = ?2, device = ?3 WHERE code_hash = ?1",
        (hash_secret(code), now_ms, device),
    )?;
    Ok(())
}
