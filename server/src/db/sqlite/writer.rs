//! Writing logs.

use rusqlite::Connection;

use gandan_model::ids::{DeviceId, DocId, SpaceId};

use super::columns::{int, pack_heads};
use super::log::Log;
use crate::db::storage::{
    Access, ChangeRow, DbResult, DeviceRow, EnvelopeState, GrantRow, HeadRow, HealthRow, HeldRow, LineQuery, LineRow,
    ManifestRow, NewContent, NewLine, NewQuarantine, No, QuarantinedRow, ReadLog, SeenRow, SpaceRow, WaitingRow,
    WriteLog,
};
use crate::reports::audit::{self, NewEntry};

/// A connection that writes logs.
pub(super) struct Writer(pub(super) Connection);

impl Writer {
    fn log(&self) -> Log<'_> {
        Log(&self.0)
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> DbResult<()> {
        self.0.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }
}

/// What a writer reads is what it has written, committed or not.
impl ReadLog for Writer {
    fn device(&self, id: &DeviceId) -> DbResult<Option<DeviceRow>> {
        self.log().device(id)
    }

    fn grants(&self, device: No) -> DbResult<Vec<GrantRow>> {
        self.log().grants(device)
    }

    fn access(&self, device: No, space: No) -> DbResult<Access> {
        self.log().access(device, space)
    }

    fn space(&self, id: &SpaceId) -> DbResult<Option<SpaceRow>> {
        self.log().space(id)
    }

    fn readable_spaces(&self, device: No) -> DbResult<Vec<SpaceRow>> {
        self.log().readable_spaces(device)
    }

    fn held(&self, device: No, device_seq: u64) -> DbResult<Option<HeldRow>> {
        self.log().held(device, device_seq)
    }

    fn documents_with_prefix(&self, space: No, prefix: [u8; 8]) -> DbResult<Vec<DocId>> {
        self.log().documents_with_prefix(space, prefix)
    }

    fn heads(&self, space: No, doc: &DocId) -> DbResult<Option<Vec<HeadRow>>> {
        self.log().heads(space, doc)
    }

    fn changes(&self, space: No, doc: &DocId) -> DbResult<Vec<ChangeRow>> {
        self.log().changes(space, doc)
    }

    fn last_of_actor(&self, space: No, doc: &DocId, actor: &DeviceId) -> DbResult<Option<ChangeRow>> {
        self.log().last_of_actor(space, doc, actor)
    }

    fn change_of_actor(&self, space: No, doc: &DocId, actor: &DeviceId, seq: u64) -> DbResult<Option<ChangeRow>> {
        self.log().change_of_actor(space, doc, actor, seq)
    }

    fn chain_at(&self, space: No, seq: u64) -> DbResult<Option<[u8; 32]>> {
        self.log().chain_at(space, seq)
    }

    fn lines(&self, query: &LineQuery) -> DbResult<Vec<LineRow>> {
        self.log().lines(query)
    }

    fn waiting(&self, space: No, limit: usize) -> DbResult<Vec<WaitingRow>> {
        self.log().waiting(space, limit)
    }

    fn waiting_of(&self, device: No) -> DbResult<u64> {
        self.log().waiting_of(device)
    }

    fn quarantined_of(&self, device: No) -> DbResult<u64> {
        self.log().quarantined_of(device)
    }

    fn quarantined(&self, id: i64) -> DbResult<Option<QuarantinedRow>> {
        self.log().quarantined(id)
    }

    fn is_erased(&self, space: No, doc: &DocId) -> DbResult<bool> {
        self.log().is_erased(space, doc)
    }

    fn has_line(&self, space: No, prefix: [u8; 8]) -> DbResult<bool> {
        self.log().has_line(space, prefix)
    }

    fn each_document(&self, space: No, each: &mut dyn FnMut(DocId, Vec<HeadRow>)) -> DbResult<()> {
        self.log().each_document(space, each)
    }

    fn manifest(&self, space: No) -> DbResult<Option<ManifestRow>> {
        self.log().manifest(space)
    }

    fn chunk(&self, space: No, hash: &[u8; 32]) -> DbResult<Option<Vec<u8>>> {
        self.log().chunk(space, hash)
    }

    fn chunks_with(&self, space: No, doc: &DocId) -> DbResult<Vec<[u8; 32]>> {
        self.log().chunks_with(space, doc)
    }

    fn position(&self, device: No, token: u64) -> DbResult<Option<Vec<u8>>> {
        self.log().position(device, token)
    }

    fn last_token(&self, device: No) -> DbResult<u64> {
        self.log().last_token(device)
    }
}

impl WriteLog for Writer {
    fn begin(&self) -> DbResult<()> {
        self.execute("BEGIN IMMEDIATE", [])
    }

    fn commit(&self) -> DbResult<()> {
        self.execute("COMMIT", [])
    }

    fn rollback(&self) {
        if !self.0.is_autocommit() {
            // A rollback that fails leaves a transaction that can never be committed: the next `begin` fails and
            // says so.
            let _ = self.execute("ROLLBACK", []);
        }
    }

    fn append(&self, line: &NewLine<'_>) -> DbResult<()> {
        let (kind, body) = match &line.content {
            NewContent::Envelope(body) => (0, *body),
            NewContent::Chunk(body) => (3, *body),
            NewContent::Erased(doc) => (4, &doc.0[..]),
        };
        self.execute(
            "INSERT INTO log (space, seq, kind, hash, device, device_seq, chain, received_ms, body)
             VALUES (?1, ?2, ?9, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                line.space,
                int(line.seq)?,
                line.hash,
                line.device,
                int(line.device_seq)?,
                line.chain,
                line.received_ms,
                body,
                kind,
            ),
        )
    }

    fn put_change(&self, space: No, doc: &DocId, change: &ChangeRow) -> DbResult<()> {
        self.execute(
            "INSERT INTO change (space, document, actor, actor_seq, hash, seq, max_op)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                space,
                &doc.0,
                &change.actor.0,
                int(change.actor_seq)?,
                &change.hash.0,
                int(change.seq)?,
                int(change.max_op)?,
            ),
        )
    }

    fn put_heads(&self, space: No, doc: &DocId, heads: &[HeadRow]) -> DbResult<()> {
        self.execute(
            "INSERT INTO document (space, id, heads) VALUES (?1, ?2, ?3)
             ON CONFLICT (space, id) DO UPDATE SET heads = excluded.heads",
            (space, &doc.0, pack_heads(heads)),
        )
    }

    fn put_space_head(&self, space: &SpaceRow) -> DbResult<()> {
        self.execute(
            "UPDATE space SET head = ?2, chain = ?3, digest_count = ?4, digest_sum = ?5 WHERE no = ?1",
            (space.no, int(space.head)?, space.chain, int(space.digest_count)?, space.digest_sum),
        )
    }

    fn put_device_head(&self, device: No, last_seq: u64, last_hash: [u8; 32]) -> DbResult<()> {
        self.execute(
            "UPDATE device SET last_seq = ?2, last_hash = ?3 WHERE no = ?1",
            (device, int(last_seq)?, last_hash),
        )
    }

    fn put_held(&self, device: No, device_seq: u64, held: &HeldRow) -> DbResult<()> {
        self.execute(
            "INSERT INTO envelope (device, device_seq, signature, state, seq) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (device, device_seq) DO UPDATE SET state = excluded.state, seq = excluded.seq",
            (device, int(device_seq)?, held.signature, held.state.number(), int(held.seq)?),
        )
    }

    fn put_waiting(&self, space: No, row: &WaitingRow) -> DbResult<()> {
        self.execute(
            "INSERT INTO waiting (space, device, device_seq, received_ms, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            (space, row.device, int(row.device_seq)?, row.received_ms, &row.body),
        )
    }

    fn remove_waiting(&self, id: i64) -> DbResult<()> {
        self.execute("DELETE FROM waiting WHERE id = ?1", [id])
    }

    fn put_quarantine(&self, row: &NewQuarantine<'_>) -> DbResult<()> {
        self.execute(
            "INSERT INTO quarantine (space, device, device_seq, reason, received_ms, body, form, hash, author)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (space, hash) WHERE hash IS NOT NULL DO NOTHING",
            (
                row.space,
                row.device,
                int(row.device_seq)?,
                row.reason,
                row.received_ms,
                row.body,
                row.form.number(),
                row.hash,
                row.author.map(|author| author.0),
            ),
        )
    }

    fn set_held(&self, device: No, device_seq: u64, state: EnvelopeState, seq: u64) -> DbResult<()> {
        self.execute(
            "UPDATE envelope SET state = ?3, seq = ?4 WHERE device = ?1 AND device_seq = ?2",
            (device, int(device_seq)?, state.number(), int(seq)?),
        )
    }

    fn audit(&self, entry: &NewEntry) -> DbResult<()> {
        audit::add(&self.0, entry)
    }

    fn decide_quarantined(&self, id: i64, outcome: &str, entry: &NewEntry) -> DbResult<()> {
        self.execute(
            "UPDATE quarantine SET resolved_ms = ?2, outcome = ?3, decided_by = ?4, decided_why = ?5 WHERE id = ?1",
            (id, entry.at_ms, outcome, &entry.who, &entry.reason),
        )?;
        self.audit(entry)
    }

    fn put_position(&self, device: No, token: u64, position: &[u8]) -> DbResult<()> {
        self.execute(
            "INSERT OR REPLACE INTO device_position (device, token, positions) VALUES (?1, ?2, ?3)",
            (device, int(token)?, position),
        )?;
        // The last answer may have got lost: the device then still stands where the one before left it.
        self.execute(
            "DELETE FROM device_position WHERE device = ?1 AND token NOT IN
             (SELECT token FROM device_position WHERE device = ?1 ORDER BY token DESC LIMIT 2)",
            [device],
        )
    }

    fn put_seen(&self, seen: &SeenRow) -> DbResult<()> {
        self.execute(
            "INSERT OR REPLACE INTO device_seen (device, last_sync_ms, skew_ms, schema) VALUES (?1, ?2, ?3, ?4)",
            (seen.device, seen.at_ms, seen.skew_ms, seen.schema),
        )
    }

    fn put_health(&self, HealthRow { device, at_ms, health }: &HealthRow) -> DbResult<()> {
        let (failure, failure_ms) = match &health.failure {
            Some(failure) => (Some(&failure.code), Some(int(failure.at_ms)?)),
            None => (None, None),
        };
        self.execute(
            "INSERT OR REPLACE INTO device_health (device, at_ms, app, waiting, held_back, files, failure, failure_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (device, at_ms, &health.app, health.waiting, health.held_back, health.files, failure, failure_ms),
        )
    }

    fn tidy(&self) -> DbResult<()> {
        self.0.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }
}
