//! Taking a document out of every table.
//!
//! Where a document is named is found by the first eight bytes of its id: in every body they stand outside of what is
//! compressed, before its first change.

use gandan_model::ids::DocId;
use rusqlite::{Connection, Row};

use super::columns::{bytes, int, uint};
use super::{chunks, log};
use crate::db::storage::{DbResult, EnvelopeState, Form, ManifestRow, No, SpaceRow, WaitingRow};

fn prefix(doc: &DocId) -> [u8; 8] {
    let mut prefix = [0; 8];
    prefix.copy_from_slice(&doc.0[..8]);
    prefix
}

/// Places of a log whose bodies name the document.
pub fn lines_naming(connection: &Connection, space: No, doc: &DocId) -> DbResult<Vec<u64>> {
    let mut statement =
        connection.prepare_cached("SELECT seq FROM log WHERE space = ?1 AND kind IN (0, 3) AND instr(body, ?2) > 0")?;
    let rows = statement.query_map((space, prefix(doc)), |row| uint(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Nothing is left of a line but its hash.
pub fn empty_line(connection: &Connection, space: No, seq: u64) -> DbResult<()> {
    connection.execute(
        "UPDATE envelope SET state = ?3 WHERE (device, device_seq) =
         (SELECT device, device_seq FROM log WHERE space = ?1 AND seq = ?2)",
        (space, int(seq)?, EnvelopeState::Gone.number()),
    )?;
    let sql = "UPDATE log SET kind = 1, body = NULL WHERE space = ?1 AND seq = ?2";
    connection.execute(sql, (space, int(seq)?))?;
    Ok(())
}

/// This chunk is left of a line.
pub fn redact_line(connection: &Connection, space: No, seq: u64, chunk: &[u8]) -> DbResult<()> {
    let sql = "UPDATE log SET kind = 3, body = ?3 WHERE space = ?1 AND seq = ?2";
    connection.execute(sql, (space, int(seq)?, chunk))?;
    Ok(())
}

/// Waiting envelopes that name the document.
pub fn waiting_naming(connection: &Connection, space: No, doc: &DocId) -> DbResult<Vec<WaitingRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, device, device_seq, received_ms, body FROM waiting WHERE space = ?1 AND instr(body, ?2) > 0",
    )?;
    let rows = statement.query_map((space, prefix(doc)), log::waiting_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes a waiting envelope; what is left of it goes to quarantine.
pub fn drop_waiting(
    connection: &Connection,
    row: &WaitingRow,
    left: Option<&[u8]>,
    space: No,
    now_ms: i64,
) -> DbResult<()> {
    connection.execute("DELETE FROM waiting WHERE id = ?1", [row.id])?;
    let state = if left.is_some() { EnvelopeState::Quarantined } else { EnvelopeState::Gone };
    connection.execute(
        "UPDATE envelope SET state = ?3 WHERE device = ?1 AND device_seq = ?2",
        (row.device, int(row.device_seq)?, state.number()),
    )?;
    if let Some(left) = left {
        connection.execute(
            "INSERT INTO quarantine (space, device, device_seq, reason, received_ms, body, form)
             VALUES (?1, ?2, ?3, 'erased_document', ?4, ?5, ?6)",
            (space, row.device, int(row.device_seq)?, now_ms, left, Form::Chunk.number()),
        )?;
    }
    Ok(())
}

/// What lies in quarantine and names the document.
pub fn quarantined_naming(connection: &Connection, space: No, doc: &DocId) -> DbResult<Vec<(i64, Form, Vec<u8>)>> {
    let mut statement =
        connection.prepare_cached("SELECT id, form, body FROM quarantine WHERE space = ?1 AND instr(body, ?2) > 0")?;
    let row = |row: &Row<'_>| Ok((row.get(0)?, Form::from_number(row.get(1)?), row.get(2)?));
    let rows = statement.query_map((space, prefix(doc)), row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Nothing is left of it.
pub fn empty_quarantined(connection: &Connection, id: i64, now_ms: i64) -> DbResult<()> {
    connection.execute(
        "UPDATE envelope SET state = ?2 WHERE (device, device_seq) =
         (SELECT device, device_seq FROM quarantine WHERE id = ?1 AND author IS NULL)",
        (id, EnvelopeState::Gone.number()),
    )?;
    let sql = "UPDATE quarantine SET body = NULL, outcome = coalesce(outcome, 'erased'),
               resolved_ms = coalesce(resolved_ms, ?2) WHERE id = ?1";
    connection.execute(sql, (id, now_ms))?;
    Ok(())
}

/// This chunk is left of it.
pub fn redact_quarantined(connection: &Connection, id: i64, chunk: &[u8]) -> DbResult<()> {
    let sql = "UPDATE quarantine SET body = ?2, form = ?3 WHERE id = ?1";
    connection.execute(sql, (id, chunk, Form::Chunk.number()))?;
    Ok(())
}

/// Chunks with changes of the document, whether a manifest names them or not.
pub fn chunks_with(connection: &Connection, space: No, doc: &DocId) -> DbResult<Vec<(i64, [u8; 32])>> {
    let mut statement = connection.prepare_cached(
        "SELECT c.id, c.hash FROM chunk_document d JOIN chunk c ON c.id = d.chunk
         WHERE d.space = ?1 AND d.document = ?2",
    )?;
    let rows = statement.query_map((space, &doc.0), |row| Ok((row.get(0)?, bytes(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Every manifest of a space.
pub fn manifests(connection: &Connection, space: No) -> DbResult<Vec<ManifestRow>> {
    let mut statement = connection.prepare_cached("SELECT id FROM manifest WHERE space = ?1")?;
    let ids: Vec<i64> = statement.query_map([space], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let found = ids.into_iter().map(|id| chunks::manifest_by_id(connection, id));
    Ok(found.collect::<DbResult<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Sets the digest of a manifest.
pub fn put_digest(connection: &Connection, manifest: i64, count: u64, sum: [u8; 32]) -> DbResult<()> {
    let sql = "UPDATE manifest SET digest_count = ?2, digest_sum = ?3 WHERE id = ?1";
    connection.execute(sql, (manifest, int(count)?, sum))?;
    Ok(())
}

/// Puts another chunk, or none, in the place of a chunk.
pub fn replace_chunk(connection: &Connection, old: i64, new: Option<i64>) -> DbResult<()> {
    match new {
        Some(new) => connection.execute("UPDATE manifest_chunk SET chunk = ?2 WHERE chunk = ?1", [old, new])?,
        None => connection.execute("DELETE FROM manifest_chunk WHERE chunk = ?1", [old])?,
    };
    chunks::remove(connection, old)
}

/// Forgets the document, remembers that it was erased, and appends that to the log, whose head `space` names already.
pub fn close(
    connection: &Connection,
    space: &SpaceRow,
    doc: &DocId,
    hash: &[u8; 32],
    server: No,
    now_ms: i64,
) -> DbResult<()> {
    connection.execute("DELETE FROM change WHERE space = ?1 AND document = ?2", (space.no, &doc.0))?;
    connection.execute("DELETE FROM document WHERE space = ?1 AND id = ?2", (space.no, &doc.0))?;
    connection.execute("INSERT OR IGNORE INTO erased VALUES (?1, ?2, ?3)", (space.no, &doc.0, now_ms))?;
    connection.execute(
        "INSERT INTO log (space, seq, kind, hash, device, device_seq, chain, received_ms, body)
         VALUES (?1, ?2, 4, ?3, ?4, 0, ?5, ?6, ?7)",
        (space.no, int(space.head)?, hash, server, space.chain, now_ms, &doc.0),
    )?;
    connection.execute(
        "UPDATE space SET head = ?2, chain = ?3, digest_count = ?4, digest_sum = ?5 WHERE no = ?1",
        (space.no, int(space.head)?, space.chain, int(space.digest_count)?, space.digest_sum),
    )?;
    Ok(())
}

/// The spaces in which a document of this id lies, with their unit and the number of their compartment.
pub fn spaces_of(connection: &Connection, doc: &DocId) -> DbResult<Vec<super::spaces::Place>> {
    let mut statement = connection.prepare_cached(
        "SELECT s.id, s.unit, s.compartment FROM space s JOIN document d ON d.space = s.no AND d.id = ?1",
    )?;
    let row =
        |row: &Row<'_>| Ok((super::columns::space_id(row, 0)?, row.get(1)?, super::columns::compartment(row, 2)?));
    let rows = statement.query_map([&doc.0], row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}
