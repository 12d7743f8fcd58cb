//! The register of villages and residential groups.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::DbError;

/// A village or residential group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Village {
    /// Number.
    pub id: i64,
    /// Code of the unit.
    pub unit: String,
    /// `thon`, `buon`, `bon`, `ban`, `to_dan_pho` or `khu_pho`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// What it is compared by within its unit.
    #[serde(skip)]
    pub key: String,
    /// First day, `yyyy-mm-dd`; null: from the start.
    pub valid_from: Option<String>,
    /// Last day, `yyyy-mm-dd`; null: open.
    pub valid_to: Option<String>,
}

const COLUMNS: &str = "id, unit, kind, name, key, nullif(valid_from, ''), valid_to";

fn read(row: &Row<'_>) -> rusqlite::Result<Village> {
    Ok(Village {
        id: row.get(0)?,
        unit: row.get(1)?,
        kind: row.get(2)?,
        name: row.get(3)?,
        key: row.get(4)?,
        valid_from: row.get(5)?,
        valid_to: row.get(6)?,
    })
}

/// At most so many villages after a place in the order (unit, key, number); of one unit if one is named, and only those
/// that are valid on a day if one is named.
pub fn list(
    connection: &Connection,
    unit: Option<&str>,
    on: Option<&str>,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<Village>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM village g WHERE (?1 IS NULL OR g.unit = ?1) \
         AND (?2 IS NULL OR g.valid_from <= ?2 AND (g.valid_to IS NULL OR g.valid_to >= ?2)) \
         AND (?3 IS NULL OR (g.unit, g.key, g.id) > (SELECT a.unit, a.key, a.id FROM village a WHERE a.id = ?3)) \
         ORDER BY g.unit, g.key, g.id LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map((unit, on, after, limit), read)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// The village of this key that begins on this day; without a day the one that began last.
pub fn find(
    connection: &Connection,
    unit: &str,
    key: &str,
    valid_from: Option<&str>,
) -> Result<Option<Village>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM village WHERE unit = ?1 AND key = ?2 AND (?3 IS NULL OR valid_from = ?3) \
         ORDER BY valid_from DESC LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row((unit, key, valid_from), read).optional()?)
}

/// Writes a village: with the number 0 a new one, else in place of the one of this number.
pub fn put(connection: &Connection, village: &Village) -> Result<(), DbError> {
    connection
        .prepare_cached(
            "INSERT INTO village (id, unit, kind, name, key, valid_from, valid_to) \
             VALUES (nullif(?1, 0), ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name, key = excluded.key, \
             valid_from = excluded.valid_from, valid_to = excluded.valid_to",
        )?
        .execute((
            village.id,
            &village.unit,
            &village.kind,
            &village.name,
            &village.key,
            village.valid_from.as_deref().unwrap_or(""),
            &village.valid_to,
        ))?;
    Ok(())
}

/// Takes a village out of the list, as if it had never stood there. Gives it, if it was there.
pub fn remove(connection: &Connection, id: i64) -> Result<Option<Village>, DbError> {
    let sql = format!("DELETE FROM village WHERE id = ?1 RETURNING {COLUMNS}");
    Ok(connection.prepare_cached(&sql)?.query_row([id], read).optional()?)
}
