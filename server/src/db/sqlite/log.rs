//! Reading logs.

use rusqlite::{Connection, OptionalExtension, Row};

use gandan_model::ids::{DeviceId, DocId, SpaceId};
use gandan_model::mutant;

use super::chunks;
use super::columns::{bytes, compartment, device_id, doc_id, hash, int, space_id, state, uint, unpack_heads};
use crate::db::DbError;
use crate::db::storage::{
    Access, ChangeRow, Content, DbResult, DeviceRow, Form, GrantRow, HeadRow, HeldRow, LineQuery, LineRow, ManifestRow,
    No, QuarantinedRow, ReadLog, SpaceRow, WaitingRow,
};

/// A connection, as a log.
pub(super) struct Log<'c>(pub(super) &'c Connection);

const SPACE: &str = "s.no, s.id, s.unit, s.compartment, s.head, s.chain, s.digest_count, s.digest_sum, s.horizon";
const CHANGE: &str = "hash, actor, actor_seq, seq, max_op";

fn space_row(row: &Row<'_>) -> rusqlite::Result<SpaceRow> {
    Ok(SpaceRow {
        no: row.get(0)?,
        id: space_id(row, 1)?,
        unit: row.get(2)?,
        compartment: compartment(row, 3)?,
        head: uint(row, 4)?,
        chain: bytes(row, 5)?,
        digest_count: uint(row, 6)?,
        digest_sum: bytes(row, 7)?,
        horizon: uint(row, 8)?,
    })
}

/// Reads what lies in quarantine; a condition on `q` and `s` may follow.
pub(crate) const QUARANTINED: &str = "SELECT q.id, s.id, q.device, d.id, q.device_seq, q.author, q.reason, q.received_ms,
     q.form, q.hash, q.body, q.resolved_ms, s.unit, s.compartment, d.official, o.name, q.outcome, q.decided_by, q.decided_why
     FROM quarantine q JOIN space s ON s.no = q.space JOIN device d ON d.no = q.device
     LEFT JOIN official o ON o.id = d.official";

pub(crate) fn quarantined_row(row: &Row<'_>) -> rusqlite::Result<QuarantinedRow> {
    Ok(QuarantinedRow {
        id: row.get(0)?,
        space: space_id(row, 1)?,
        device: row.get(2)?,
        device_id: device_id(row, 3)?,
        device_seq: uint(row, 4)?,
        author: row.get::<_, Option<[u8; 8]>>(5)?.map(DeviceId),
        reason: row.get(6)?,
        received_ms: row.get(7)?,
        form: Form::from_number(row.get(8)?),
        hash: row.get(9)?,
        body: row.get(10)?,
        resolved_ms: row.get(11)?,
    })
}

fn change_row(row: &Row<'_>) -> rusqlite::Result<ChangeRow> {
    Ok(ChangeRow {
        hash: hash(row, 0)?,
        actor: device_id(row, 1)?,
        actor_seq: uint(row, 2)?,
        seq: uint(row, 3)?,
        max_op: uint(row, 4)?,
    })
}

pub(super) fn waiting_row(row: &Row<'_>) -> rusqlite::Result<WaitingRow> {
    Ok(WaitingRow {
        id: row.get(0)?,
        device: row.get(1)?,
        device_seq: uint(row, 2)?,
        received_ms: row.get(3)?,
        body: row.get(4)?,
    })
}

impl ReadLog for Log<'_> {
    fn device(&self, id: &DeviceId) -> DbResult<Option<DeviceRow>> {
        let mut statement = self.0.prepare_cached(
            "SELECT no, id, public_key, official, revoked_ms, last_seq, last_hash, wipe FROM device WHERE id = ?1",
        )?;
        let row = |row: &Row<'_>| {
            Ok(DeviceRow {
                no: row.get(0)?,
                id: device_id(row, 1)?,
                key: bytes(row, 2)?,
                official: row.get(3)?,
                revoked_ms: row.get(4)?,
                last_seq: uint(row, 5)?,
                last_hash: bytes(row, 6)?,
                wipe: row.get(7)?,
            })
        };
        Ok(statement.query_row([&id.0], row).optional()?)
    }

    fn grants(&self, device: No) -> DbResult<Vec<GrantRow>> {
        let mut statement = self.0.prepare_cached(
            "SELECT s.no, s.id, g.access FROM space_grant g JOIN space s ON s.no = g.space WHERE g.device = ?1",
        )?;
        let rows = statement.query_map([device], |row| {
            Ok(GrantRow { space_no: row.get(0)?, space: space_id(row, 1)?, access: Access(row.get(2)?) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn access(&self, device: No, space: No) -> DbResult<Access> {
        let mut statement = self.0.prepare_cached("SELECT access FROM space_grant WHERE device = ?1 AND space = ?2")?;
        let access = statement.query_row([device, space], |row| row.get(0)).optional()?;
        Ok(access.map_or(Access::NONE, Access))
    }

    fn space(&self, id: &SpaceId) -> DbResult<Option<SpaceRow>> {
        let mut statement = self.0.prepare_cached(&format!("SELECT {SPACE} FROM space s WHERE s.id = ?1"))?;
        Ok(statement.query_row([&id.0], space_row).optional()?)
    }

    fn readable_spaces(&self, device: No) -> DbResult<Vec<SpaceRow>> {
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {SPACE} FROM space_grant g JOIN space s ON s.no = g.space
             WHERE g.device = ?1 AND g.access & 1 ORDER BY s.id"
        ))?;
        let rows = statement.query_map([device], space_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn held(&self, device: No, device_seq: u64) -> DbResult<Option<HeldRow>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT signature, state, seq FROM envelope WHERE device = ?1 AND device_seq = ?2")?;
        let row = |row: &Row<'_>| Ok(HeldRow { signature: bytes(row, 0)?, state: state(row, 1)?, seq: uint(row, 2)? });
        Ok(statement.query_row((device, int(device_seq)?), row).optional()?.filter(|_| !mutant::on("replay")))
    }

    fn documents_with_prefix(&self, space: No, prefix: [u8; 8]) -> DbResult<Vec<DocId>> {
        let (mut low, mut high) = ([0; 16], [0xff; 16]);
        low[..8].copy_from_slice(&prefix);
        high[..8].copy_from_slice(&prefix);
        let mut statement =
            self.0.prepare_cached("SELECT id FROM document WHERE space = ?1 AND id BETWEEN ?2 AND ?3 LIMIT 2")?;
        let rows = statement.query_map((space, low, high), |row| doc_id(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn heads(&self, space: No, doc: &DocId) -> DbResult<Option<Vec<HeadRow>>> {
        let mut statement = self.0.prepare_cached("SELECT heads FROM document WHERE space = ?1 AND id = ?2")?;
        let mut rows = statement.query((space, &doc.0))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let blob = row.get_ref(0)?;
        unpack_heads(blob.as_blob().map_err(DbError::internal)?).map(Some)
    }

    fn changes(&self, space: No, doc: &DocId) -> DbResult<Vec<ChangeRow>> {
        let mut statement =
            self.0.prepare_cached(&format!("SELECT {CHANGE} FROM change WHERE space = ?1 AND document = ?2"))?;
        let rows = statement.query_map((space, &doc.0), change_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn last_of_actor(&self, space: No, doc: &DocId, actor: &DeviceId) -> DbResult<Option<ChangeRow>> {
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {CHANGE} FROM change WHERE space = ?1 AND document = ?2 AND actor = ?3
             ORDER BY actor_seq DESC LIMIT 1"
        ))?;
        Ok(statement.query_row((space, &doc.0, &actor.0), change_row).optional()?)
    }

    fn change_of_actor(&self, space: No, doc: &DocId, actor: &DeviceId, seq: u64) -> DbResult<Option<ChangeRow>> {
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {CHANGE} FROM change WHERE space = ?1 AND document = ?2 AND actor = ?3 AND actor_seq = ?4"
        ))?;
        Ok(statement.query_row((space, &doc.0, &actor.0, int(seq)?), change_row).optional()?)
    }

    fn chain_at(&self, space: No, seq: u64) -> DbResult<Option<[u8; 32]>> {
        let mut statement = self.0.prepare_cached("SELECT chain FROM log WHERE space = ?1 AND seq = ?2")?;
        Ok(statement.query_row((space, int(seq)?), |row| bytes(row, 0)).optional()?)
    }

    fn lines(&self, query: &LineQuery) -> DbResult<Vec<LineRow>> {
        let mut statement = self.0.prepare_cached(
            "SELECT l.seq, l.chain, l.hash, d.id, l.device_seq, l.received_ms, l.kind, l.body
             FROM log l JOIN device d ON d.no = l.device
             WHERE l.space = ?1 AND l.seq > ?2 ORDER BY l.seq LIMIT ?3",
        )?;
        let limit = i64::try_from(query.max_lines).unwrap_or(i64::MAX);
        let mut rows = statement.query((query.space, int(query.after)?, limit))?;
        let (mut lines, mut left) = (Vec::new(), query.max_bytes);
        while let Some(row) = rows.next()? {
            let line = line_row(row, query.without_bodies_of)?;
            let size = match &line.content {
                Content::Envelope(body) | Content::Redacted(body) => body.len(),
                Content::Gone | Content::Compacted | Content::Erased(_) => 0,
            };
            if size > left && !lines.is_empty() {
                break;
            }
            left = left.saturating_sub(size);
            lines.push(line);
        }
        Ok(lines)
    }

    fn waiting(&self, space: No, limit: usize) -> DbResult<Vec<WaitingRow>> {
        let mut statement = self.0.prepare_cached(
            "SELECT id, device, device_seq, received_ms, body FROM waiting WHERE space = ?1 ORDER BY id LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map([space, limit], waiting_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn waiting_of(&self, device: No) -> DbResult<u64> {
        let mut statement = self.0.prepare_cached("SELECT count(*) FROM waiting WHERE device = ?1")?;
        Ok(statement.query_row([device], |row| uint(row, 0))?)
    }

    fn quarantined_of(&self, device: No) -> DbResult<u64> {
        let sql = "SELECT count(*) FROM quarantine WHERE device = ?1 AND resolved_ms IS NULL";
        Ok(self.0.prepare_cached(sql)?.query_row([device], |row| uint(row, 0))?)
    }

    fn quarantined(&self, id: i64) -> DbResult<Option<QuarantinedRow>> {
        let mut statement = self.0.prepare_cached(&format!("{QUARANTINED} WHERE q.id = ?1"))?;
        Ok(statement.query_row([id], quarantined_row).optional()?)
    }

    fn is_erased(&self, space: No, doc: &DocId) -> DbResult<bool> {
        let mut statement = self.0.prepare_cached("SELECT 1 FROM erased WHERE space = ?1 AND document = ?2")?;
        Ok(statement.exists((space, &doc.0))?)
    }

    fn has_line(&self, space: No, prefix: [u8; 8]) -> DbResult<bool> {
        let mut statement =
            self.0.prepare_cached("SELECT 1 FROM log WHERE space = ?1 AND substr(hash, 1, 8) = ?2 LIMIT 1")?;
        Ok(statement.exists((space, prefix))?)
    }

    fn each_document(&self, space: No, each: &mut dyn FnMut(DocId, Vec<HeadRow>)) -> DbResult<()> {
        let mut statement = self.0.prepare_cached("SELECT id, heads FROM document WHERE space = ?1 ORDER BY id")?;
        let mut rows = statement.query([space])?;
        while let Some(row) = rows.next()? {
            let heads = unpack_heads(row.get_ref(1)?.as_blob().map_err(DbError::internal)?)?;
            if !heads.is_empty() {
                each(doc_id(row, 0)?, heads);
            }
        }
        Ok(())
    }

    fn manifest(&self, space: No) -> DbResult<Option<ManifestRow>> {
        chunks::manifest(self.0, space)
    }

    fn chunk(&self, space: No, hash: &[u8; 32]) -> DbResult<Option<Vec<u8>>> {
        chunks::body(self.0, space, hash)
    }

    fn chunks_with(&self, space: No, doc: &DocId) -> DbResult<Vec<[u8; 32]>> {
        chunks::with_document(self.0, space, doc)
    }

    fn position(&self, device: No, token: u64) -> DbResult<Option<Vec<u8>>> {
        let mut statement =
            self.0.prepare_cached("SELECT positions FROM device_position WHERE device = ?1 AND token = ?2")?;
        Ok(statement.query_row((device, int(token)?), |row| row.get(0)).optional()?)
    }

    fn last_token(&self, device: No) -> DbResult<u64> {
        let mut statement =
            self.0.prepare_cached("SELECT coalesce(max(token), 0) FROM device_position WHERE device = ?1")?;
        Ok(statement.query_row([device], |row| uint(row, 0))?)
    }
}

fn line_row(row: &Row<'_>, without_bodies_of: Option<DeviceId>) -> DbResult<LineRow> {
    let device = device_id(row, 3)?;
    let content = match row.get::<_, u8>(6)? {
        0 if without_bodies_of == Some(device) => Content::Envelope(Vec::new()),
        0 => Content::Envelope(row.get(7)?),
        1 => Content::Gone,
        2 => Content::Compacted,
        3 => Content::Redacted(row.get(7)?),
        4 => Content::Erased(doc_id(row, 7)?),
        kind => return Err(DbError::Damaged(format!("a line of kind {kind}"))),
    };
    Ok(LineRow {
        seq: uint(row, 0)?,
        chain: bytes(row, 1)?,
        hash: bytes(row, 2)?,
        device,
        device_seq: uint(row, 4)?,
        received_ms: row.get(5)?,
        content,
    })
}
