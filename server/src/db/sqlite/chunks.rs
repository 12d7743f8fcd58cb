//! Whole documents: manifests and their chunks.

use gandan_model::ids::DocId;
use rusqlite::{Connection, OptionalExtension, Row};

use super::columns::{bytes, doc_id, int, uint};
use crate::db::DbError;
use crate::db::storage::{ChunkRow, DbResult, ManifestRow, No};

/// Manifests of a space that stay fetchable: a device may be half through the one before.
const KEPT_MANIFESTS: i64 = 2;

fn chunk_row(row: &Row<'_>) -> rusqlite::Result<ChunkRow> {
    Ok(ChunkRow { id: row.get(0)?, hash: bytes(row, 1)?, bytes: row.get(2)?, documents: row.get(3)? })
}

/// The last manifest of a space.
pub fn manifest(connection: &Connection, space: No) -> DbResult<Option<ManifestRow>> {
    let mut statement = connection.prepare_cached("SELECT max(id) FROM manifest WHERE space = ?1")?;
    match statement.query_row([space], |row| row.get(0))? {
        Some(id) => manifest_by_id(connection, id),
        None => Ok(None),
    }
}

/// A manifest by its number.
pub fn manifest_by_id(connection: &Connection, id: i64) -> DbResult<Option<ManifestRow>> {
    let mut statement =
        connection.prepare_cached("SELECT id, seq, chain, digest_count, digest_sum FROM manifest WHERE id = ?1")?;
    let row = |row: &Row<'_>| {
        Ok(ManifestRow {
            id: row.get(0)?,
            seq: uint(row, 1)?,
            chain: bytes(row, 2)?,
            digest_count: uint(row, 3)?,
            digest_sum: bytes(row, 4)?,
            chunks: Vec::new(),
        })
    };
    let Some(mut manifest) = statement.query_row([id], row).optional()? else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT c.id, c.hash, length(c.body), c.documents FROM manifest_chunk m JOIN chunk c ON c.id = m.chunk
         WHERE m.manifest = ?1 ORDER BY m.place",
    )?;
    manifest.chunks = statement.query_map([manifest.id], chunk_row)?.collect::<Result<_, _>>()?;
    Ok(Some(manifest))
}

/// The bytes of a chunk.
pub fn body(connection: &Connection, space: No, hash: &[u8; 32]) -> DbResult<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached("SELECT body FROM chunk WHERE space = ?1 AND hash = ?2")?;
    Ok(statement.query_row((space, hash), |row| row.get(0)).optional()?)
}

/// The names of the chunks of the last manifest with changes of a document, in their order.
pub fn with_document(connection: &Connection, space: No, doc: &DocId) -> DbResult<Vec<[u8; 32]>> {
    let mut statement = connection.prepare_cached(
        "SELECT c.hash FROM chunk_document d
         JOIN manifest_chunk m ON m.chunk = d.chunk
              AND m.manifest = (SELECT max(id) FROM manifest WHERE space = ?1)
         JOIN chunk c ON c.id = d.chunk
         WHERE d.space = ?1 AND d.document = ?2 ORDER BY m.place",
    )?;
    let rows = statement.query_map((space, &doc.0), |row| bytes(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The documents in a chunk.
pub fn documents(connection: &Connection, chunk: i64) -> DbResult<Vec<DocId>> {
    let mut statement = connection.prepare_cached("SELECT document FROM chunk_document WHERE chunk = ?1")?;
    let rows = statement.query_map([chunk], |row| doc_id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes a chunk, unless it is there; gives its number.
pub fn put(connection: &Connection, space: No, hash: &[u8; 32], docs: &[DocId], chunk: &[u8]) -> DbResult<i64> {
    let count = u32::try_from(docs.len()).map_err(DbError::internal)?;
    connection
        .prepare_cached(
            "INSERT INTO chunk (space, hash, documents, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (space, hash) DO NOTHING",
        )?
        .execute((space, hash, count, chunk))?;
    let mut statement = connection.prepare_cached("SELECT id FROM chunk WHERE space = ?1 AND hash = ?2")?;
    let id: i64 = statement.query_row((space, hash), |row| row.get(0))?;
    let mut statement = connection
        .prepare_cached("INSERT OR IGNORE INTO chunk_document (space, document, chunk) VALUES (?1, ?2, ?3)")?;
    for doc in docs {
        statement.execute((space, &doc.0, id))?;
    }
    Ok(id)
}

/// Publishes a manifest of these chunks (`id` and the chunks' other members do not matter but their numbers do) and
/// forgets the oldest ones.
pub fn publish(connection: &Connection, space: No, manifest: &ManifestRow, now_ms: i64) -> DbResult<()> {
    connection.execute(
        "INSERT INTO manifest (space, seq, chain, digest_count, digest_sum, made_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (space, int(manifest.seq)?, manifest.chain, int(manifest.digest_count)?, manifest.digest_sum, now_ms),
    )?;
    let id = connection.last_insert_rowid();
    let mut statement = connection.prepare_cached("INSERT INTO manifest_chunk VALUES (?1, ?2, ?3)")?;
    for (place, chunk) in (0_i64..).zip(&manifest.chunks) {
        statement.execute((id, place, chunk.id))?;
    }
    keep_last(connection, space, KEPT_MANIFESTS)
}

/// Forgets all but the last `keep` manifests of a space. Their chunks go with [`prune`].
pub fn keep_last(connection: &Connection, space: No, keep: i64) -> DbResult<()> {
    let old = "SELECT id FROM manifest WHERE space = ?1 AND id NOT IN
               (SELECT id FROM manifest WHERE space = ?1 ORDER BY id DESC LIMIT ?2)";
    connection.execute(&format!("DELETE FROM manifest_chunk WHERE manifest IN ({old})"), (space, keep))?;
    connection.execute(&format!("DELETE FROM manifest WHERE id IN ({old})"), (space, keep))?;
    Ok(())
}

/// Removes at most `limit` chunks of a space that are in no manifest; gives how many went.
pub fn prune(connection: &Connection, space: No, limit: usize) -> DbResult<usize> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM chunk c WHERE space = ?1 AND NOT EXISTS (SELECT 1 FROM manifest_chunk m WHERE m.chunk = c.id)
         LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let unused: Vec<i64> = statement.query_map((space, limit), |row| row.get(0))?.collect::<Result<_, _>>()?;
    unused.iter().try_for_each(|id| remove(connection, *id))?;
    Ok(unused.len())
}

/// Removes a chunk that is in no manifest.
pub fn remove(connection: &Connection, id: i64) -> DbResult<()> {
    connection.prepare_cached("DELETE FROM chunk_document WHERE chunk = ?1")?.execute([id])?;
    connection.prepare_cached("DELETE FROM chunk WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Every document of a space with the place of its last change, the newest first.
pub fn by_age(connection: &Connection, space: No) -> DbResult<Vec<(DocId, u64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT document, max(seq) FROM change WHERE space = ?1 GROUP BY document ORDER BY max(seq) DESC, document",
    )?;
    let rows = statement.query_map([space], |row| Ok((doc_id(row, 0)?, uint(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Ids that were erased in a space, in the order of the ids.
pub fn erased(connection: &Connection, space: No) -> DbResult<Vec<DocId>> {
    let mut statement = connection.prepare_cached("SELECT document FROM erased WHERE space = ?1 ORDER BY document")?;
    let rows = statement.query_map([space], |row| doc_id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many ids were erased in a space.
pub fn erased_count(connection: &Connection, space: No) -> DbResult<u64> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM erased WHERE space = ?1")?;
    Ok(statement.query_row([space], |row| uint(row, 0))?)
}

/// The last place of a log up to `seq` that arrived at or before a moment; 0 if there is none.
pub fn last_before(connection: &Connection, space: No, seq: u64, moment_ms: i64) -> DbResult<u64> {
    let mut statement = connection.prepare_cached(
        "SELECT seq FROM log WHERE space = ?1 AND seq <= ?2 AND received_ms <= ?3 ORDER BY seq DESC LIMIT 1",
    )?;
    Ok(statement.query_row((space, int(seq)?, moment_ms), |row| uint(row, 0)).optional()?.unwrap_or(0))
}

/// Drops the bodies of lines from the horizon on to `to`, and moves the horizon behind them.
pub fn drop_bodies(connection: &Connection, space: No, to: u64) -> DbResult<usize> {
    let dropped = connection.execute(
        "UPDATE log SET kind = 2, body = NULL WHERE space = ?1 AND kind IN (0, 3) AND seq <= ?2
         AND seq >= (SELECT horizon FROM space WHERE no = ?1)",
        (space, int(to)?),
    )?;
    connection.execute("UPDATE space SET horizon = ?2 WHERE no = ?1 AND horizon < ?2", (space, int(to + 1)?))?;
    Ok(dropped)
}
