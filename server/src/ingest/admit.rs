//! Does an envelope continue what the log knows?
//!
//! Only headers are looked at: a change's hash, dependencies, actor, sequence number and first operation number. Whether
//! its operations make sense is for the projector to find out; here it is made sure that no device can break the order
//! of a document for others: no actor's sequence number is used twice or skipped, nothing builds on what is not there,
//! and operation numbers go on exactly where the dependencies end (a change far ahead would leave no numbers for those
//! after it).

use std::collections::BTreeMap;

use gandan_model::genesis::{DocKind, genesis, kind_of_genesis};
use gandan_model::ids::{ChangeHash, DeviceId, DocId};
use gandan_model::mutant;
use gandan_sync::digest::advance_heads;
use gandan_sync::{Change, Refusal};
use std::sync::LazyLock;

use super::batch::DocState;
use crate::db::storage::{ChangeRow, DbResult, HeadRow, No, ReadLog};

/// What became of the check.
pub(super) enum Check {
    /// It continues the log.
    New(NewChanges),
    /// All of its changes are in the log, the last at `seq`.
    Known {
        /// The highest place of any of them.
        seq: u64,
    },
    /// It builds on a change that is not here.
    Missing,
    /// It continues the log, but for the changes of documents that were erased.
    Redact(NewChanges),
    /// It writes only to documents that were erased.
    Erased,
    /// It never will.
    Refuse(Refusal),
}

/// What an envelope adds.
#[derive(Default)]
pub(super) struct NewChanges {
    /// The changes, in order; their `seq` is not set yet.
    pub(super) rows: Vec<(DocId, ChangeRow)>,
    /// The documents as they are afterwards.
    pub(super) docs: BTreeMap<DocId, DocState>,
}

/// Checks one envelope without writing anything.
pub(super) struct Checker<'a> {
    log: &'a dyn ReadLog,
    space: No,
    batch: &'a BTreeMap<(No, DocId), DocState>,
    new: NewChanges,
    /// Changes of older history, read when a dependency is not a head.
    history: BTreeMap<DocId, BTreeMap<ChangeHash, u64>>,
    known_seq: u64,
    erased: usize,
}

/// Why one change stops the envelope.
enum Stop {
    Missing,
    Refuse(Refusal),
}

/// Operation number at which each genesis ends.
static GENESIS_OPS: LazyLock<BTreeMap<DocKind, u64>> = LazyLock::new(|| {
    let ops = |kind: DocKind| gandan_sync::scan(&genesis(kind).raw).map_or(0, |header| header.max_op());
    DocKind::ALL.into_iter().map(|kind| (kind, ops(kind))).collect()
});

impl<'a> Checker<'a> {
    pub(super) fn new(log: &'a dyn ReadLog, space: No, batch: &'a BTreeMap<(No, DocId), DocState>) -> Self {
        Self { log, space, batch, new: NewChanges::default(), history: BTreeMap::new(), known_seq: 0, erased: 0 }
    }

    pub(super) fn check(mut self, changes: &[Change]) -> DbResult<Check> {
        for change in changes {
            if let Some(stop) = self.change(change)? {
                return Ok(match stop {
                    Stop::Missing => Check::Missing,
                    Stop::Refuse(refusal) => Check::Refuse(refusal),
                });
            }
        }
        Ok(if self.erased == changes.len() {
            Check::Erased
        } else if self.erased > 0 && !self.new.rows.is_empty() {
            Check::Redact(self.new)
        } else if self.new.rows.is_empty() {
            Check::Known { seq: self.known_seq }
        } else {
            Check::New(self.new)
        })
    }

    fn change(&mut self, change: &Change) -> DbResult<Option<Stop>> {
        let (doc, header) = (&change.doc, &change.header);
        if !self.load(doc)? {
            self.erased += 1;
            return Ok(None);
        }
        let last = self.last_seq_of(doc, &header.actor)?;
        if header.seq <= last {
            return self.repeated(change);
        }
        let mut base = 0;
        for dep in &header.deps {
            match self.max_op_of(doc, dep)? {
                Some(max_op) => base = base.max(max_op),
                None => return Ok(Some(Stop::Missing)),
            }
        }
        let rooted = !header.deps.is_empty() || header.genesis().is_some();
        if !rooted || header.seq != last + 1 || header.start_op != base + 1 {
            return Ok(Some(Stop::Refuse(Refusal::BAD_CHANGE)));
        }
        self.advance(change);
        Ok(None)
    }

    /// Makes sure that the document is among those of this envelope; false if it was erased.
    fn load(&mut self, doc: &DocId) -> DbResult<bool> {
        if self.new.docs.contains_key(doc) {
            return Ok(true);
        }
        let state = if let Some(state) = self.batch.get(&(self.space, *doc)) {
            DocState { stored: state.stored.clone(), heads: state.heads.clone() }
        } else {
            let stored = self.log.heads(self.space, doc)?;
            // What was erased has no row any more: only a document that is not there can have been erased.
            if stored.is_none() && !mutant::on("brings_back") && self.log.is_erased(self.space, doc)? {
                return Ok(false);
            }
            DocState { heads: stored.clone().unwrap_or_default(), stored }
        };
        self.new.docs.insert(*doc, state);
        Ok(true)
    }

    /// Whether rows of the document can stand in the database.
    fn has_rows(&self, doc: &DocId) -> bool {
        self.batch.contains_key(&(self.space, *doc))
            || self.new.docs.get(doc).is_some_and(|state| state.stored.is_some())
    }

    fn last_seq_of(&self, doc: &DocId, actor: &DeviceId) -> DbResult<u64> {
        let here = self.new.rows.iter().rev().find(|(id, row)| id == doc && row.actor == *actor);
        if let Some((_, row)) = here {
            return Ok(row.actor_seq);
        }
        if !self.has_rows(doc) {
            return Ok(0);
        }
        Ok(self.log.last_of_actor(self.space, doc, actor)?.map_or(0, |row| row.actor_seq))
    }

    /// The actor has used this number before: for the same change, or for another one.
    fn repeated(&mut self, change: &Change) -> DbResult<Option<Stop>> {
        let (doc, header) = (&change.doc, &change.header);
        let same = |row: &ChangeRow| row.actor == header.actor && row.actor_seq == header.seq;
        let here = self.new.rows.iter().find(|(id, row)| id == doc && same(row)).map(|(_, row)| *row);
        let there = match here {
            Some(row) => Some(row),
            None => self.log.change_of_actor(self.space, doc, &header.actor, header.seq)?,
        };
        match there {
            Some(row) if row.hash == header.hash => {
                self.known_seq = self.known_seq.max(row.seq);
                Ok(None)
            }
            _ => Ok(Some(Stop::Refuse(Refusal::SEQUENCE_REUSED))),
        }
    }

    /// The last operation number of a change that the document has; `None` if it does not have it.
    fn max_op_of(&mut self, doc: &DocId, hash: &ChangeHash) -> DbResult<Option<u64>> {
        let state = self.new.docs.get(doc);
        if let Some(head) = state.and_then(|state| state.heads.iter().find(|head| head.hash == *hash)) {
            return Ok(Some(head.max_op));
        }
        if let Some(kind) = kind_of_genesis(hash) {
            return Ok(GENESIS_OPS.get(&kind).copied());
        }
        if let Some((_, row)) = self.new.rows.iter().find(|(id, row)| id == doc && row.hash == *hash) {
            return Ok(Some(row.max_op));
        }
        if !self.has_rows(doc) {
            return Ok(None);
        }
        if !self.history.contains_key(doc) {
            let changes = self.log.changes(self.space, doc)?;
            let history = changes.into_iter().map(|row| (row.hash, row.max_op)).collect();
            self.history.insert(*doc, history);
        }
        Ok(self.history.get(doc).and_then(|history| history.get(hash)).copied())
    }

    fn advance(&mut self, change: &Change) {
        let header = &change.header;
        let row = ChangeRow {
            hash: header.hash,
            actor: header.actor,
            actor_seq: header.seq,
            seq: 0,
            max_op: header.max_op(),
        };
        self.new.rows.push((change.doc, row));
        if let Some(state) = self.new.docs.get_mut(&change.doc) {
            let mut hashes: Vec<ChangeHash> = state.heads.iter().map(|head| head.hash).collect();
            advance_heads(&mut hashes, &header.deps, header.hash, header.genesis().is_some());
            let max_op = |hash: &ChangeHash| {
                let old = state.heads.iter().find(|head| head.hash == *hash);
                old.map_or(row.max_op, |head| head.max_op)
            };
            state.heads = hashes.iter().map(|hash| HeadRow { hash: *hash, max_op: max_op(hash) }).collect();
        }
    }
}
