//! Erasing a document for good: out of the log, its chunks, the queues beside it, and the views.
//!
//! The chain commits to hashes, so a body can go while everything around it stays. What is left of an envelope that held
//! other documents too becomes a chunk; what is left of nothing is gone. The erasure itself becomes a line of the log, so
//! every device hears of it, and the id is remembered for ever: whoever sends the document again is told that it is gone.
//!
//! The decision stands in the ledger before the transaction ends, so a restore of older data cannot undo it. Freed space
//! is overwritten (`secure_delete`), and afterwards both write-ahead files are emptied.

use std::collections::BTreeMap;

use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_sync::digest::advance_heads;
use gandan_sync::response::erasure_hash;
use gandan_sync::{Change, Cursor, Digest, Outgoing, RelayedEnvelope, compact};
use rusqlite::Connection;

use crate::db::sqlite::spaces::Place;
use crate::db::sqlite::{self, chunks, devices, erasing};
use crate::db::storage::{Content, DbResult, Form, LineQuery, ReadLog, SpaceRow};
use crate::db::{Db, DbError};
use crate::documents::open_line;
use crate::events::SpaceEvent;
use crate::folder::{Decision, Folder};
use crate::ingest::LogResolver;
use crate::ledger;
use crate::reports::audit::{self, NewEntry};

/// Erases a document within the caller's transaction; gives the place of the erasure in the log, or `None` if it was
/// erased before or there is no such space. The document need not be there: its id is closed all the same.
pub fn erase(transaction: &Connection, space: &SpaceId, doc: &DocId, now_ms: i64) -> DbResult<Option<u64>> {
    let log = sqlite::log_of(transaction);
    let Some(mut row) = log.space(space)? else { return Ok(None) };
    if log.is_erased(row.no, doc)? {
        return Ok(None);
    }
    let heads: Vec<ChangeHash> =
        log.heads(row.no, doc)?.unwrap_or_default().into_iter().map(|head| head.hash).collect();
    // Everything is opened while references to the document can still be resolved.
    lines(transaction, &log, &row, doc)?;
    waiting(transaction, &log, &row, doc, now_ms)?;
    quarantined(transaction, &log, &row, doc, now_ms)?;
    packed(transaction, &row, doc)?;

    let mut digest = Digest { count: row.digest_count, sum: row.digest_sum };
    digest.replace(doc, &heads, &[]);
    (row.digest_count, row.digest_sum) = (digest.count, digest.sum);
    let hash = erasure_hash(space, doc);
    let cursor = Cursor { seq: row.head, chain: row.chain }.after(&hash);
    (row.head, row.chain) = (cursor.seq, cursor.chain);
    let server = devices::server(transaction)?;
    erasing::close(transaction, &row, doc, &hash.0, server, now_ms)?;
    Ok(Some(cursor.seq))
}

/// Who erases, and why.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// The account.
    pub who: &'a str,
    /// Its role.
    pub role: &'static str,
    /// Why.
    pub reason: &'a str,
}

/// Erases a document in these spaces, with the ledger and the audit trail, all or nothing. Gives what is news for
/// devices. The views follow with the projector, and [`empty_journals`] ends it.
pub fn erase_everywhere(
    db: &Db,
    places: &[Place],
    doc: &DocId,
    by: &By<'_>,
    now_ms: i64,
) -> Result<Vec<SpaceEvent>, DbError> {
    let folder = Folder::at(db.folder());
    db.write(|transaction| {
        let mut news = Vec::new();
        for (space, unit, _) in places {
            let seq = erase(transaction, space, doc, now_ms)?;
            news.extend(seq.map(|head| SpaceEvent { space: *space, head }));
            let entry = NewEntry {
                at_ms: now_ms,
                who: by.who.to_owned(),
                role: by.role,
                action: "record.erase",
                unit: unit.clone(),
                doc: Some(*doc),
                seq: seq.and_then(|seq| i64::try_from(seq).ok()),
                result: if seq.is_some() { "done" } else { "unchanged" }.to_owned(),
                reason: Some(by.reason.to_owned()),
            };
            audit::add(transaction, &entry)?;
        }
        for event in &news {
            let decision = Decision::DocumentErased { space: event.space, document: *doc, at_ms: now_ms };
            ledger::decide(transaction, &folder, &decision)?;
        }
        Ok(news)
    })
}

/// Empties the write-ahead files, so that nothing erased stands in them. Waits for readers; fails with
/// [`DbError::Busy`] if one does not end.
pub fn empty_journals(db: &Db) -> Result<(), DbError> {
    empty_core_journal(db)?;
    empty(&db.views_writer()?)
}

/// [`empty_journals`] for the core database alone.
pub fn empty_core_journal(db: &Db) -> Result<(), DbError> {
    db.with_writer(empty)
}

fn empty(connection: &Connection) -> Result<(), DbError> {
    let busy: i64 = connection.query_row("PRAGMA main.wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 { Ok(()) } else { Err(DbError::Busy) }
}

/// What is left without a document.
enum Left {
    /// It was not in there.
    Untouched,
    /// Nothing.
    Nothing,
    /// A chunk with the rest.
    Chunk(Vec<u8>),
}

fn without(changes: Vec<Change>, doc: &DocId) -> DbResult<Left> {
    let before = changes.len();
    let rest: Vec<Change> = changes.into_iter().filter(|change| change.doc != *doc).collect();
    if rest.len() == before && before > 0 {
        return Ok(Left::Untouched);
    }
    if rest.is_empty() { Ok(Left::Nothing) } else { chunk(&rest).map(Left::Chunk) }
}

/// A chunk of these changes.
pub(crate) fn chunk(changes: &[Change]) -> DbResult<Vec<u8>> {
    let outgoing: Vec<Outgoing<'_>> = changes.iter().map(Change::outgoing).collect();
    compact::encode(&outgoing, &[]).map_err(DbError::internal)
}

/// The changes of an envelope outside the log; none if it cannot be opened.
pub(crate) fn open(log: &dyn ReadLog, space: &SpaceId, body: &[u8], form: Form) -> Vec<Change> {
    match form {
        Form::Envelope => {
            let relayed = RelayedEnvelope::from_bytes(body).ok();
            let opened = relayed.and_then(|relayed| relayed.open(*space, None, &LogResolver::new(log)).ok());
            opened.map(|envelope| envelope.changes).unwrap_or_default()
        }
        Form::Chunk => compact::decode(space, body).map(|chunk| chunk.changes).unwrap_or_default(),
    }
}

fn lines(transaction: &Connection, log: &dyn ReadLog, space: &SpaceRow, doc: &DocId) -> DbResult<()> {
    let mut left = BTreeMap::new();
    for seq in erasing::lines_naming(transaction, space.no, doc)? {
        let query =
            LineQuery { space: space.no, after: seq - 1, max_lines: 1, max_bytes: usize::MAX, without_bodies_of: None };
        for line in log.lines(&query)? {
            if matches!(line.content, Content::Envelope(_) | Content::Redacted(_)) {
                left.insert(seq, without(open_line(log, space.id, &line), doc)?);
            }
        }
    }
    for (seq, left) in left {
        match left {
            Left::Untouched => {}
            Left::Nothing => erasing::empty_line(transaction, space.no, seq)?,
            Left::Chunk(body) => erasing::redact_line(transaction, space.no, seq, &body)?,
        }
    }
    Ok(())
}

fn waiting(transaction: &Connection, log: &dyn ReadLog, space: &SpaceRow, doc: &DocId, now_ms: i64) -> DbResult<()> {
    for row in erasing::waiting_naming(transaction, space.no, doc)? {
        // What cannot be opened yet may be all about the document: it goes.
        match without(open(log, &space.id, &row.body, Form::Envelope), doc)? {
            Left::Untouched => {}
            Left::Nothing => erasing::drop_waiting(transaction, &row, None, space.no, now_ms)?,
            Left::Chunk(body) => erasing::drop_waiting(transaction, &row, Some(&body), space.no, now_ms)?,
        }
    }
    Ok(())
}

fn quarantined(
    transaction: &Connection,
    log: &dyn ReadLog,
    space: &SpaceRow,
    doc: &DocId,
    now_ms: i64,
) -> DbResult<()> {
    for (id, form, body) in erasing::quarantined_naming(transaction, space.no, doc)? {
        match without(open(log, &space.id, &body, form), doc)? {
            Left::Untouched => {}
            Left::Nothing => erasing::empty_quarantined(transaction, id, now_ms)?,
            Left::Chunk(body) => erasing::redact_quarantined(transaction, id, &body)?,
        }
    }
    Ok(())
}

/// Takes the document out of chunks, and out of the digests of the manifests that name them.
fn packed(transaction: &Connection, space: &SpaceRow, doc: &DocId) -> DbResult<()> {
    let mut opened = BTreeMap::new();
    for (id, hash) in erasing::chunks_with(transaction, space.no, doc)? {
        let body = chunks::body(transaction, space.no, &hash)?.unwrap_or_default();
        let content = compact::decode(&space.id, &body).map_err(|_| DbError::Damaged("a chunk".to_owned()))?;
        opened.insert(id, content);
    }
    for manifest in erasing::manifests(transaction, space.no)? {
        let mut heads = Vec::new();
        for chunk in &manifest.chunks {
            let changes = opened.get(&chunk.id).into_iter().flat_map(|content| &content.changes);
            for change in changes.filter(|change| change.doc == *doc) {
                let header = &change.header;
                advance_heads(&mut heads, &header.deps, header.hash, header.genesis().is_some());
            }
        }
        let mut digest = Digest { count: manifest.digest_count, sum: manifest.digest_sum };
        digest.replace(doc, &heads, &[]);
        erasing::put_digest(transaction, manifest.id, digest.count, digest.sum)?;
    }
    for (id, content) in opened {
        let rest: Vec<Change> = content.changes.into_iter().filter(|change| change.doc != *doc).collect();
        let mut replacement = None;
        if !rest.is_empty() {
            let mut documents: Vec<DocId> = rest.iter().map(|change| change.doc).collect();
            documents.dedup();
            let body = chunk(&rest)?;
            replacement = Some(chunks::put(transaction, space.no, &compact::hash(&body), &documents, &body)?);
        }
        erasing::replace_chunk(transaction, id, replacement)?;
    }
    Ok(())
}
