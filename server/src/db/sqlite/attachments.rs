//! Files: which the server has, which records name them, which must not come back.

use gandan_model::ids::{DeviceId, DocId, FileHash, SpaceId};
use gandan_model::visit::FileUse;
use rusqlite::{Connection, OptionalExtension};

use super::columns::bytes;
use crate::db::DbError;

/// A file that the server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its length in bytes.
    pub length: u64,
    /// Its media type.
    pub mime: String,
}

/// The file, if it is here.
pub fn find(connection: &Connection, hash: &FileHash) -> Result<Option<Stored>, DbError> {
    let mut statement = connection.prepare_cached("SELECT length, mime FROM attachment WHERE hash = ?1")?;
    let found = statement.query_row([&hash.0], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
    Ok(found.map(|(length, mime)| Stored { length: u64::try_from(length).unwrap_or(0), mime }))
}

/// Notes that a file is here.
pub fn put(
    connection: &Connection,
    hash: &FileHash,
    file: &Stored,
    device: &DeviceId,
    now_ms: i64,
) -> Result<(), DbError> {
    let length = i64::try_from(file.length).map_err(DbError::internal)?;
    connection
        .prepare_cached(
            "INSERT INTO attachment (hash, length, mime, device, received_ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (hash) DO NOTHING",
        )?
        .execute((&hash.0, length, &file.mime, &device.0, now_ms))?;
    Ok(())
}

/// Notes that a file is not here any more.
pub fn forget(connection: &Connection, hash: &FileHash) -> Result<(), DbError> {
    connection.prepare_cached("DELETE FROM attachment WHERE hash = ?1")?.execute([&hash.0])?;
    Ok(())
}

/// Closes a name for ever; false if it was closed before.
pub fn close(connection: &Connection, hash: &FileHash, now_ms: i64) -> Result<bool, DbError> {
    forget(connection, hash)?;
    let sql = "INSERT INTO attachment_gone (hash, at_ms) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING";
    Ok(connection.prepare_cached(sql)?.execute((&hash.0, now_ms))? > 0)
}

/// Whether the file was removed and must not come back.
pub fn is_gone(connection: &Connection, hash: &FileHash) -> Result<bool, DbError> {
    Ok(connection.prepare_cached("SELECT 1 FROM attachment_gone WHERE hash = ?1")?.exists([&hash.0])?)
}

/// All names that are closed.
pub fn gone(connection: &Connection) -> Result<Vec<FileHash>, DbError> {
    hashes(connection, "SELECT hash FROM attachment_gone", [])
}

/// Pictures, thumbnails among them, that came before then.
pub fn pictures_before(connection: &Connection, before_ms: i64) -> Result<Vec<FileHash>, DbError> {
    hashes(connection, "SELECT hash FROM attachment WHERE mime LIKE 'image/%' AND received_ms < ?1", [before_ms])
}

/// Bytes that a device has brought since then.
pub fn brought_since(connection: &Connection, device: &DeviceId, since_ms: i64) -> Result<u64, DbError> {
    let sql = "SELECT ifnull(sum(length), 0) FROM attachment WHERE device = ?1 AND received_ms >= ?2";
    let sum: i64 = connection.prepare_cached(sql)?.query_row((&device.0, since_ms), |row| row.get(0))?;
    Ok(u64::try_from(sum).unwrap_or(0))
}

/// The spaces whose records name the file. Needs the views.
pub fn spaces_naming(connection: &Connection, hash: &FileHash) -> Result<Vec<SpaceId>, DbError> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT space FROM attachment_use WHERE hash = ?1")?;
    let rows = statement.query_map([&hash.0], |row| bytes(row, 0).map(SpaceId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a document names the file. Needs the views.
pub fn names(connection: &Connection, doc: &DocId, hash: &FileHash) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM attachment_use WHERE hash = ?1 AND document = ?2";
    Ok(connection.prepare_cached(sql)?.exists((&hash.0, &doc.0))?)
}

/// Writes down which files a document names, and which it no longer may. On a connection that writes the views.
pub fn project(
    connection: &Connection,
    (space, doc): (&SpaceId, &DocId),
    files: &[FileUse],
    removed: &[FileHash],
) -> Result<(), DbError> {
    let sql = "DELETE FROM attachment_use WHERE document = ?1 AND space = ?2";
    connection.prepare_cached(sql)?.execute((&doc.0, &space.0))?;
    for file in files {
        let sql = "INSERT OR IGNORE INTO attachment_use (hash, space, document) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute((&file.hash.0, &space.0, &doc.0))?;
    }
    for hash in removed {
        let sql = "INSERT OR IGNORE INTO attachment_removed (hash) VALUES (?1)";
        connection.prepare_cached(sql)?.execute([&hash.0])?;
    }
    Ok(())
}

/// A document was erased: its files go with it. On a connection that writes the views.
pub fn erase(connection: &Connection, space: &SpaceId, doc: &DocId) -> Result<(), DbError> {
    let of = "WHERE document = ?1 AND space = ?2";
    let sql = format!("INSERT OR IGNORE INTO attachment_removed (hash) SELECT hash FROM attachment_use {of}");
    connection.prepare_cached(&sql)?.execute((&doc.0, &space.0))?;
    connection.prepare_cached(&format!("DELETE FROM attachment_use {of}"))?.execute((&doc.0, &space.0))?;
    Ok(())
}

/// What may be removed, as of one moment.
#[derive(Debug, Default)]
pub struct Removable {
    /// Taken away for good.
    pub removed: Vec<FileHash>,
    /// Named by no record, and older than the time of grace.
    pub unnamed: Vec<FileHash>,
}

/// What may be removed; nothing while the views lag behind the logs, since a record that names a file may not be among
/// them yet.
pub fn removable(connection: &Connection, older_than_ms: i64) -> Result<Removable, DbError> {
    const LAG: &str =
        "SELECT 1 FROM space s LEFT JOIN projected p ON p.space = s.no WHERE s.head > coalesce(p.seq, 0) LIMIT 1";
    const NAMED: &str = "EXISTS (SELECT 1 FROM attachment_use u WHERE u.hash = x.hash)";
    let moment = connection.unchecked_transaction()?;
    if moment.prepare_cached(LAG)?.exists([])? {
        return Ok(Removable::default());
    }
    let open = "NOT EXISTS (SELECT 1 FROM attachment_gone g WHERE g.hash = x.hash)";
    let removed = format!("SELECT x.hash FROM attachment_removed x WHERE NOT {NAMED} AND {open}");
    let unnamed = format!("SELECT x.hash FROM attachment x WHERE x.received_ms < ?1 AND NOT {NAMED}");
    Ok(Removable { removed: hashes(&moment, &removed, [])?, unnamed: hashes(&moment, &unnamed, [older_than_ms])? })
}

fn hashes(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<FileHash>, DbError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| bytes(row, 0).map(FileHash))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
