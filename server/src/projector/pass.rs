//! One pass over everything that is new.

use std::collections::{HashMap, HashSet};

use gandan_model::document::Document;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_model::mutant;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::ProjectedDocument;
use crate::db::sqlite::rules;
use crate::db::storage::{Content, LineQuery, ReadLog, SpaceRow};
use crate::db::{Db, DbError, Storage};
use crate::documents::{Assembled, LoggedChange, Reader, assemble, changes, open_line};
use crate::metrics::Metrics;
use crate::reports;
use crate::reports::facts::NOTED;

/// Most log entries in one transaction.
const MAX_LINES: usize = 64;
/// Most bytes of bodies in one transaction.
const MAX_BYTES: usize = 512 << 10;
/// Documents after which a transaction takes no further line: each takes some 20 KB while it is worked on.
const MAX_DOCUMENTS: usize = 128;
/// Rows whose due dates are derived in one transaction.
const MAX_ROWS: usize = 2_000;

/// Writes views, with a connection of its own.
pub struct Pass {
    db: Db,
    views: Connection,
    metrics: Metrics,
}

/// A space whose views lag behind its log.
struct Lag {
    space: SpaceId,
    reached: u64,
    head: u64,
}

/// What one transaction is about.
struct Chunk {
    space: SpaceRow,
    /// The place before it.
    from: u64,
    /// Its last place.
    to: u64,
    documents: Vec<Task>,
    /// Documents that were erased.
    erased: Vec<DocId>,
}

/// A document that has news.
struct Task {
    doc: DocId,
    arrived_ms: i64,
    assembled: Assembled,
}

impl Pass {
    /// Opens views that are there.
    pub fn new(db: Db, metrics: Metrics) -> Result<Self, DbError> {
        let views = db.views_writer()?;
        Ok(Self { db, views, metrics })
    }

    /// Starts to write views. `BEGIN IMMEDIATE` would lock the attached core as well and keep devices waiting; a first
    /// write locks what it writes: changes that are noted for longer than anybody needs go.
    fn begin(&self) -> Result<Transaction<'_>, DbError> {
        let transaction = Transaction::new_unchecked(&self.views, TransactionBehavior::Deferred)?;
        let old = "DELETE FROM fact_change WHERE seq <= (SELECT max(seq) FROM fact_change) - ?1";
        transaction.prepare_cached(old)?.execute([NOTED])?;
        Ok(transaction)
    }

    /// Forgets every view.
    pub(super) fn clear(&self) -> Result<(), DbError> {
        let transaction = self.begin()?;
        reports::clear(&transaction)?;
        transaction.execute_batch("DELETE FROM snapshot; DELETE FROM unapplied; DELETE FROM projected;")?;
        Ok(transaction.commit()?)
    }

    /// Builds views until nothing is new or `stop` says so.
    pub fn run(&mut self, stop: &dyn Fn() -> bool) -> Result<(), DbError> {
        self.run_with_progress(stop, &|_| ())
    }

    /// [`Pass::run`]; `progress` hears how many log entries are left.
    pub(super) fn run_with_progress(&mut self, stop: &dyn Fn() -> bool, progress: &dyn Fn(u64)) -> Result<(), DbError> {
        let lags = self.lags()?;
        let mut left: u64 = lags.iter().map(|lag| lag.head - lag.reached).sum();
        for lag in lags {
            let mut reached = lag.reached;
            if let Some(packed) = self.below_horizon(&lag, stop)? {
                left = left.saturating_sub(packed - reached);
                reached = packed;
            }
            while reached < lag.head && !stop() {
                self.metrics.projector_behind(left);
                progress(left);
                let next = self.chunk(&lag.space, reached)?;
                let Some(chunk) = next else { break };
                left = left.saturating_sub(chunk.to - reached);
                reached = chunk.to;
                self.write(&chunk)?;
            }
        }
        self.metrics.projector_behind(left);
        progress(left);
        self.follow_rules(stop)
    }

    /// Derives every due date again if the rules are others than those by which it was derived.
    fn follow_rules(&self, stop: &dyn Fn() -> bool) -> Result<(), DbError> {
        let (edition, _) = rules::current(&self.views)?;
        let mut applied = self.views.prepare_cached("SELECT edition FROM rules_applied")?;
        if applied.query_row([], |row| row.get::<_, i64>(0)).optional()?.unwrap_or(0) == edition {
            return Ok(());
        }
        let in_force = rules::in_force(&self.views)?;
        let mut place = Some(0);
        while let Some(after) = place {
            if stop() {
                return Ok(());
            }
            let transaction = self.begin()?;
            place = reports::due::derive_after(&transaction, &in_force, after, MAX_ROWS)?;
            if place.is_none() {
                transaction.execute("INSERT OR REPLACE INTO rules_applied (one, edition) VALUES (1, ?1)", [edition])?;
            }
            transaction.commit()?;
        }
        Ok(())
    }

    /// Tells the figures how much is to be done, before anything is.
    pub(super) fn announce(&self) -> Result<(), DbError> {
        self.metrics.projector_behind(self.lags()?.iter().map(|lag| lag.head - lag.reached).sum());
        Ok(())
    }

    fn lags(&self) -> Result<Vec<Lag>, DbError> {
        let mut statement = self.views.prepare_cached(
            "SELECT s.id, coalesce(p.seq, 0), s.head FROM core.space s LEFT JOIN projected p ON p.space = s.no
             WHERE s.head > coalesce(p.seq, 0) ORDER BY s.no",
        )?;
        let rows = statement.query_map([], |row| {
            let number = |index| row.get::<_, i64>(index).map(|number| u64::try_from(number).unwrap_or(0));
            Ok(Lag { space: SpaceId(row.get(0)?), reached: number(1)?, head: number(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// If the place reached lies below the horizon, its documents can only be had whole: builds all of them, chunk by
    /// chunk, and gives the place in the log that this comes to.
    fn below_horizon(&self, lag: &Lag, stop: &dyn Fn() -> bool) -> Result<Option<u64>, DbError> {
        let storage: &dyn Storage = &self.db;
        let found = storage.read(|log| {
            let Some(space) = log.space(&lag.space)? else { return Ok(None) };
            let behind = lag.reached + 1 < space.horizon;
            Ok(if behind { log.manifest(space.no)?.map(|manifest| (space, manifest)) } else { None })
        })?;
        let Some((space, manifest)) = found else { return Ok(None) };
        let part = |to, documents, erased| Chunk { space: space.clone(), from: lag.reached, to, documents, erased };
        for row in &manifest.chunks {
            if stop() {
                return Ok(Some(lag.head));
            }
            let (documents, erased) = storage.read(|log| self.whole(log, &space, &row.hash))?;
            self.write(&part(lag.reached, documents, erased))?;
        }
        // The place moves behind the last chunk, or without one if everything was erased. Until then all would be done again.
        self.write(&part(manifest.seq, Vec::new(), Vec::new()))?;
        Ok(Some(manifest.seq))
    }

    /// The documents that begin in a chunk, and those of which it says that they were erased.
    fn whole(&self, log: &dyn ReadLog, space: &SpaceRow, name: &[u8; 32]) -> Result<(Vec<Task>, Vec<DocId>), DbError> {
        let missing = || DbError::Damaged("a chunk of whole documents is missing".to_owned());
        let body = log.chunk(space.no, name)?.ok_or_else(missing)?;
        let chunk = gandan_sync::compact::decode(&space.id, &body).map_err(DbError::internal)?;
        let mut reader = Reader::new(log, space);
        let (mut tasks, mut seen) = (Vec::new(), HashSet::new());
        for change in chunk.changes {
            let doc = change.doc;
            if !seen.insert(doc) || log.chunks_with(space.no, &doc)?.first() != Some(name) {
                continue;
            }
            let changes = reader.changes(&doc)?;
            let arrived_ms = changes.iter().map(|change| change.received_ms).min().unwrap_or(0);
            match assemble(None, &changes) {
                Some(assembled) => tasks.push(Task { doc, arrived_ms, assembled }),
                None => self.nothing(space, &doc, changes.len() as u64),
            }
        }
        Ok((tasks, chunk.erased))
    }

    fn nothing(&self, space: &SpaceRow, doc: &DocId, changes: u64) {
        tracing::error!(space = %space.id, %doc, "no document can be made of these changes");
        self.metrics.projected(0, changes);
    }

    /// Reads the next lines of a log and builds the documents that they concern.
    fn chunk(&self, space: &SpaceId, from: u64) -> Result<Option<Chunk>, DbError> {
        let storage: &dyn Storage = &self.db;
        storage.read(|log| {
            let Some(space) = log.space(space)? else { return Ok(None) };
            let lines = log.lines(&LineQuery {
                space: space.no,
                after: from,
                max_lines: MAX_LINES,
                max_bytes: MAX_BYTES,
                without_bodies_of: None,
            })?;
            if lines.is_empty() {
                return Ok(None);
            }
            let mut fresh: HashMap<DocId, Vec<LoggedChange>> = HashMap::new();
            let (mut order, mut to, mut erased) = (Vec::new(), from, Vec::new());
            for line in &lines {
                if order.len() >= MAX_DOCUMENTS {
                    break;
                }
                to = line.seq;
                if let Content::Erased(doc) = line.content {
                    erased.push(doc);
                }
                for change in open_line(log, space.id, line) {
                    let changes = fresh.entry(change.doc).or_insert_with(|| {
                        order.push(change.doc);
                        Vec::new()
                    });
                    let (hash, received_ms) = (change.header.hash, line.received_ms);
                    changes.push(LoggedChange { hash, raw: change.raw, seq: line.seq, received_ms });
                }
            }
            let tasks = order.into_iter().filter_map(|doc| {
                let fresh = fresh.remove(&doc).unwrap_or_default();
                self.task(log, &space, doc, &fresh).transpose()
            });
            let documents = tasks.collect::<Result<Vec<_>, _>>()?;
            Ok(Some(Chunk { space, from, to, documents, erased }))
        })
    }

    fn task(
        &self,
        log: &dyn ReadLog,
        space: &SpaceRow,
        doc: DocId,
        fresh: &[LoggedChange],
    ) -> Result<Option<Task>, DbError> {
        let stored = self.snapshot(space.no, &doc)?;
        let mut arrived_ms = fresh.iter().map(|change| change.received_ms).min().unwrap_or(0);
        if let Some((_, arrived)) = &stored {
            arrived_ms = *arrived;
        }
        let clean = !self.has_unapplied(space.no, &doc)?;
        let base = stored.filter(|_| clean).and_then(|(body, _)| Document::load(&body).ok());
        let assembled = match base {
            Some(base) => assemble(Some(base), fresh),
            None if clean && starts_here(log, space, &doc, fresh)? => assemble(None, fresh),
            // Something of it was set aside before, or its snapshot is lost: everything again, with what came since.
            None => assemble(None, &changes(log, space, &doc)?),
        };
        if assembled.is_none() {
            self.nothing(space, &doc, fresh.len() as u64);
        }
        Ok(assembled.map(|assembled| Task { doc, arrived_ms, assembled }))
    }

    fn snapshot(&self, space: i64, doc: &DocId) -> Result<Option<(Vec<u8>, i64)>, DbError> {
        let mut statement =
            self.views.prepare_cached("SELECT body, arrived_ms FROM snapshot WHERE space = ?1 AND document = ?2")?;
        Ok(statement.query_row((space, &doc.0), |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    fn has_unapplied(&self, space: i64, doc: &DocId) -> Result<bool, DbError> {
        let mut statement =
            self.views.prepare_cached("SELECT 1 FROM unapplied WHERE space = ?1 AND document = ?2 LIMIT 1")?;
        Ok(statement.exists((space, &doc.0))?)
    }

    /// Writes rows and the place reached, together. Does nothing if another process was faster.
    fn write(&self, chunk: &Chunk) -> Result<(), DbError> {
        let transaction = self.begin()?;
        let no = chunk.space.no;
        let reached: i64 = transaction
            .query_row("SELECT seq FROM projected WHERE space = ?1", [no], |row| row.get(0))
            .optional()?
            .unwrap_or(0);
        if u64::try_from(reached).ok() != Some(chunk.from) {
            return Ok(());
        }
        let to = i64::try_from(chunk.to).map_err(DbError::internal)?;
        let mut unapplied = 0;
        for task in &chunk.documents {
            unapplied += store(&transaction, no, to, task)?;
            if !mutant::on("lists_nothing") {
                report(&transaction, &chunk.space, task)?;
            }
        }
        for doc in &chunk.erased {
            forget(&transaction, &chunk.space, doc)?;
        }
        transaction
            .prepare_cached("INSERT OR REPLACE INTO projected (space, seq) VALUES (?1, ?2)")?
            .execute([no, to])?;
        transaction.commit()?;
        self.metrics.projected(chunk.documents.len() as u64, unapplied);
        Ok(())
    }
}

/// Whether the fresh changes are the document's first.
fn starts_here(log: &dyn ReadLog, space: &SpaceRow, doc: &DocId, fresh: &[LoggedChange]) -> Result<bool, DbError> {
    let first = fresh.iter().map(|change| change.seq).min().unwrap_or(0);
    Ok(log.changes(space.no, doc)?.iter().all(|change| change.seq >= first))
}

/// Removes every view of an erased document.
fn forget(connection: &Connection, space: &SpaceRow, doc: &DocId) -> Result<(), DbError> {
    reports::erase(connection, &space.id, doc)?;
    for table in ["snapshot", "unapplied"] {
        connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE space = ?1 AND document = ?2"))?
            .execute((space.no, &doc.0))?;
    }
    Ok(())
}

fn store(connection: &Connection, space: i64, seq: i64, task: &Task) -> Result<u64, DbError> {
    connection
        .prepare_cached(
            "INSERT INTO snapshot (space, document, seq, arrived_ms, body) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (space, document) DO UPDATE SET seq = excluded.seq, body = excluded.body",
        )?
        .execute((space, &task.doc.0, seq, task.arrived_ms, &task.assembled.snapshot))?;
    connection
        .prepare_cached("DELETE FROM unapplied WHERE space = ?1 AND document = ?2")?
        .execute((space, &task.doc.0))?;
    for (hash, reason) in &task.assembled.unapplied {
        set_aside(connection, space, seq, &task.doc, hash, reason)?;
    }
    Ok(task.assembled.unapplied.len() as u64)
}

fn set_aside(
    connection: &Connection,
    space: i64,
    seq: i64,
    doc: &DocId,
    hash: &ChangeHash,
    reason: &str,
) -> Result<(), DbError> {
    tracing::warn!(%doc, reason, "a change does not apply and was set aside");
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO unapplied (space, document, hash, seq, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((space, &doc.0, &hash.0, seq, reason))?;
    Ok(())
}

/// Hands the document to the reports. What breaks there costs this document its rows, not the others theirs.
fn report(transaction: &Connection, space: &SpaceRow, task: &Task) -> Result<(), DbError> {
    let kind = task.assembled.document.kind();
    if kind.is_some_and(|kind| kind.compartment() != space.compartment) {
        // A contact among the visits, or a visit among the contacts: whoever wrote it, it is shown to nobody.
        tracing::warn!(space = %space.id, doc = %task.doc, "a document lies in the wrong compartment");
        return Ok(());
    }
    let projected = ProjectedDocument {
        space: space.id,
        unit: &space.unit,
        compartment: space.compartment,
        doc: task.doc,
        kind,
        document: &task.assembled.document,
        arrived_ms: task.arrived_ms,
    };
    transaction.execute_batch("SAVEPOINT document")?;
    let reported = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| reports::project(transaction, &projected)))
        .unwrap_or_else(|_| Err(DbError::internal("projecting panicked")));
    match reported {
        Ok(()) => {}
        Err(error @ (DbError::Full | DbError::Busy | DbError::ReadOnly)) => return Err(error),
        Err(error) => {
            tracing::error!(doc = %task.doc, code = error.code(), %error, "a document cannot be projected");
            transaction.execute_batch("ROLLBACK TO document")?;
        }
    }
    Ok(transaction.execute_batch("RELEASE document")?)
}
