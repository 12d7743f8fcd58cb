//! Taking in what others wrote.

use std::collections::{BTreeMap, HashSet};

use gandan_model::document::{Document, DocumentError};
use gandan_model::genesis::kind_of_genesis;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use rusqlite::params;

use crate::commit::{NewRow, insert};
use crate::document::{Entry, is_erased};
use crate::error::StoreError;
use crate::line::{self, Line};
use crate::project::project;
use crate::raw::{self, Head};
use crate::space::{Cursor, Digest, erase};
use crate::state::{change, refresh};
use crate::{Store, Writing, setting, space};

/// A change from the server's log. It has passed the scan that bounds what decoding may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteChange {
    /// Its document.
    pub doc: DocId,
    /// Its hash.
    pub hash: ChangeHash,
    /// The raw change chunk.
    pub raw: Vec<u8>,
    /// The number of its envelope in the log.
    pub seq: u64,
}

/// A stretch of a space's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteBatch {
    /// The space.
    pub space: SpaceId,
    /// The changes, in the order of the log. Changes that this device wrote may be among them.
    pub changes: Vec<RemoteChange>,
    /// Documents that were erased.
    pub erased: Vec<DocId>,
    /// The new heads, as the log has them, of every document that the stretch touches.
    pub log_heads: Vec<(DocId, Vec<ChangeHash>)>,
    /// Where the stretch ends.
    pub cursor: Cursor,
    /// The digest there.
    pub digest: Digest,
    /// The lines of the stretch, for the day on which the server has to be given them back.
    pub lines: Vec<Line>,
    /// Values of the client ([`Store::set_value`]) that change together with all this.
    pub values: Vec<(String, Option<Vec<u8>>)>,
}

/// A change that was put in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its document.
    pub doc: DocId,
    /// Its hash, as it was given.
    pub hash: ChangeHash,
    /// Why: `bad_change`, `wrong_hash`, `wrong_space`.
    pub code: String,
}

/// What a batch did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Documents that read differently now.
    pub changed: Vec<DocId>,
    /// Documents that were erased.
    pub erased: Vec<DocId>,
    /// Changes that do not fit their documents. They are kept and delay nothing.
    pub rejected: Vec<Rejected>,
    /// Documents with changes that wait for earlier ones.
    pub waiting: Vec<DocId>,
}

impl Store {
    /// Takes in a stretch of the log, in one transaction: afterwards changes, rows, search words, heads,
    /// cursor and digest are those after the stretch, or, on an error, those before. What is here already
    /// is skipped, so that the same stretch may come twice.
    ///
    /// # Errors
    ///
    /// [`UnknownSpace`](StoreError::UnknownSpace), [`DiskFull`](StoreError::DiskFull). A bad change is
    /// not an error: see [`Applied::rejected`].
    pub fn apply_remote(&mut self, batch: &RemoteBatch) -> Result<Applied, StoreError> {
        let applied = self.take_in(batch)?;
        if !applied.erased.is_empty() {
            self.empty_log()?;
        }
        Ok(applied)
    }

    fn take_in(&mut self, batch: &RemoteBatch) -> Result<Applied, StoreError> {
        self.write(|writing| {
            let found = space::find(writing, batch.space)?;
            let (space, unit) = found.ok_or(StoreError::UnknownSpace(batch.space))?;
            let mut result = Applied::default();
            for id in &batch.erased {
                if erase(writing, *id)? {
                    result.erased.push(*id);
                }
            }
            // Documents in the order in which the log first names them.
            let mut order = Vec::new();
            let mut by_document: BTreeMap<DocId, Vec<&RemoteChange>> = BTreeMap::new();
            for change in &batch.changes {
                let changes = by_document.entry(change.doc).or_default();
                if changes.is_empty() {
                    order.push(change.doc);
                }
                changes.push(change);
            }
            for id in order {
                if !is_erased(writing, id)? {
                    Intake { writing, space, unit: &unit, id, result: &mut result }.run(&by_document[&id])?;
                }
            }
            for (id, heads) in &batch.log_heads {
                writing
                    .prepare_cached("UPDATE document SET log_heads = ?3 WHERE id = ?1 AND space = ?2")?
                    .execute(params![id.0, space, raw::join(heads)])?;
            }
            writing
                .prepare_cached(
                    "UPDATE space SET cursor_seq = ?2, cursor_chain = ?3, digest_count = ?4, digest_sum = ?5
                     WHERE n = ?1",
                )?
                .execute(params![space, batch.cursor.seq, batch.cursor.chain, batch.digest.count, batch.digest.sum])?;
            line::keep(writing, space, &batch.lines)?;
            for (name, value) in &batch.values {
                setting::put(writing, name, value.as_deref())?;
            }
            Ok(result)
        })
    }
}

/// A change that is, or may become, part of the document.
pub(crate) struct Candidate {
    pub(crate) origin: Origin,
    pub(crate) head: Head,
    pub(crate) raw: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Part of the document already.
    Held,
    /// Its row; it came before what it builds on.
    Waited(i64),
    /// Its envelope's number; it has just come.
    New(u64),
}

/// Takes the changes of one document in.
pub(crate) struct Intake<'a> {
    pub(crate) writing: &'a Writing<'a>,
    pub(crate) space: i64,
    pub(crate) unit: &'a str,
    pub(crate) id: DocId,
    pub(crate) result: &'a mut Applied,
}

impl Intake<'_> {
    fn run(mut self, changes: &[&RemoteChange]) -> Result<(), StoreError> {
        let entry = Entry::find_or_insert(self.writing, self.id, self.space)?;
        let (mut candidates, mut came_back) = (Vec::new(), false);
        for remote in changes {
            if self.is_held(&entry, remote)? {
                came_back |= self.takes_back(&entry, remote)?;
                continue;
            }
            match raw::head(&remote.raw) {
                _ if entry.space != self.space => self.reject(&entry, remote, "wrong_space")?,
                Some(head) if head.hash == remote.hash => {
                    candidates.push(Candidate { origin: Origin::New(remote.seq), head, raw: remote.raw.clone() });
                }
                Some(_) => self.reject(&entry, remote, "wrong_hash")?,
                None => self.reject(&entry, remote, "bad_change")?,
            }
        }
        if !candidates.is_empty() || came_back {
            let mut all = self.stored(&entry)?;
            all.extend(candidates);
            self.join(&entry, all, false)?;
        }
        refresh(self.writing, entry.n, self.id)?;
        Ok(())
    }

    /// True if the change is here already. If this device wrote it, it is now known to be in the log.
    fn is_held(&self, entry: &Entry, remote: &RemoteChange) -> Result<bool, StoreError> {
        self.writing
            .prepare_cached("DELETE FROM change WHERE doc = ?1 AND hash = ?2 AND state = ?3")?
            .execute(params![entry.n, remote.hash.0, change::ADOPTED])?;
        let known = self
            .writing
            .prepare_cached("SELECT 1 FROM change WHERE doc = ?1 AND hash = ?2")?
            .exists(params![entry.n, remote.hash.0])?;
        if known && entry.space == self.space {
            self.writing
                .prepare_cached(
                    "UPDATE change SET seq = ?3, state = CASE WHEN state < ?4 THEN ?5 ELSE state END
                     WHERE doc = ?1 AND hash = ?2 AND (state <> ?5 OR seq IS NULL)",
                )?
                .execute(params![entry.n, remote.hash.0, remote.seq, change::NOT_APPLIED, change::LOGGED])?;
        }
        Ok(known)
    }

    /// True if the change had been replaced here because this device has a twin, and is in the log now: the twin had it too,
    /// from before they parted, and sent it. What others write builds on it.
    fn takes_back(&self, entry: &Entry, remote: &RemoteChange) -> Result<bool, StoreError> {
        let taken = self
            .writing
            .prepare_cached("UPDATE change SET state = ?3 WHERE doc = ?1 AND hash = ?2 AND state = ?4")?
            .execute(params![entry.n, remote.hash.0, change::EARLY, change::REPLACED])?;
        Ok(taken > 0 && entry.space == self.space)
    }

    /// The changes that make up the document so far, and those that came before what they build on.
    fn stored(&self, entry: &Entry) -> Result<Vec<Candidate>, StoreError> {
        let mut statement = self
            .writing
            .prepare_cached("SELECT n, raw, state FROM change WHERE doc = ?1 AND state <= ?2 ORDER BY n")?;
        let mut rows = statement.query([entry.n, change::EARLY])?;
        let mut candidates = Vec::new();
        while let Some(row) = rows.next()? {
            let raw: Vec<u8> = row.get(1)?;
            let waited = row.get::<_, i64>(2)? == change::EARLY;
            let origin = if waited { Origin::Waited(row.get(0)?) } else { Origin::Held };
            if let Some(head) = raw::head(&raw) {
                candidates.push(Candidate { origin, head, raw });
            }
        }
        Ok(candidates)
    }

    fn reject(&mut self, entry: &Entry, change: &RemoteChange, code: &'static str) -> Result<(), StoreError> {
        let row = self.row(entry, change.hash);
        let row = NewRow { state: change::REJECTED, seq: Some(change.seq), code: Some(code), ..row };
        insert(self.writing, &row, &change.raw)?;
        self.result.rejected.push(Rejected { doc: self.id, hash: change.hash, code: code.to_owned() });
        Ok(())
    }

    fn row(&self, entry: &Entry, hash: ChangeHash) -> NewRow<'static> {
        NewRow { doc: entry.n, id: self.id, space: self.space, hash, ..NewRow::default() }
    }

    /// Puts the document together from all that is stored of it, after something was taken out or put in.
    pub(crate) fn rejoin(mut self, entry: &Entry) -> Result<(), StoreError> {
        let all = self.stored(entry)?;
        self.join(entry, all, true)
    }

    /// Adds to the document what fits, keeps what waits, rejects the rest. `changed` if it reads differently in any case.
    fn join(&mut self, entry: &Entry, candidates: Vec<Candidate>, mut changed: bool) -> Result<(), StoreError> {
        let (ready, early) = sort_by_deps(candidates);
        let (document, outcomes) = match Document::from_changes(ready.iter().map(|candidate| candidate.raw.as_slice()))
        {
            Ok(document) => (Some(document), ready.into_iter().map(|candidate| (candidate, None)).collect()),
            Err(_) => one_by_one(ready),
        };
        for (candidate, outcome) in outcomes {
            changed |= outcome.is_none() && candidate.origin != Origin::Held;
            self.keep(entry, &candidate, outcome)?;
        }
        for candidate in early {
            self.keep(entry, &candidate, Some(Outcome::Early))?;
        }
        if let Some(document) = document.filter(|_| changed) {
            project(self.writing, entry.n, self.id, self.unit, &document)?;
            self.result.changed.push(self.id);
        }
        Ok(())
    }

    fn keep(&mut self, entry: &Entry, candidate: &Candidate, outcome: Option<Outcome>) -> Result<(), StoreError> {
        let hash = candidate.head.hash;
        let (state, code) = match outcome {
            None => (change::LOGGED, None),
            Some(Outcome::Early) => (change::EARLY, None),
            Some(Outcome::Bad(code)) => (change::REJECTED, Some(code)),
        };
        match candidate.origin {
            // After a salvage something that it builds on may be missing; it stays what it is.
            Origin::Held => return Ok(()),
            Origin::Waited(n) => {
                self.writing
                    .prepare_cached("UPDATE change SET state = ?2, code = ?3 WHERE n = ?1 AND state <> ?2")?
                    .execute(params![n, state, code])?;
            }
            Origin::New(seq) => {
                let row = NewRow { state, seq: Some(seq), code, ..self.row(entry, hash) };
                insert(self.writing, &row, &candidate.raw)?;
            }
        }
        match state {
            change::EARLY if !self.result.waiting.contains(&self.id) => self.result.waiting.push(self.id),
            change::REJECTED => {
                let code = code.unwrap_or_default().to_owned();
                self.result.rejected.push(Rejected { doc: self.id, hash, code });
            }
            _ => {}
        }
        Ok(())
    }
}

/// Why a candidate does not become part of the document.
#[derive(Clone, Copy)]
enum Outcome {
    Early,
    Bad(&'static str),
}

/// Puts candidates in an order in which each follows what it builds on; gives back apart those that build
/// on something that is not here.
pub(crate) fn sort_by_deps(mut left: Vec<Candidate>) -> (Vec<Candidate>, Vec<Candidate>) {
    let mut have: HashSet<ChangeHash> = HashSet::with_capacity(left.len());
    let mut ready = Vec::with_capacity(left.len());
    loop {
        let before = ready.len();
        let mut early = Vec::new();
        for candidate in left {
            let here = |dep: &ChangeHash| have.contains(dep) || kind_of_genesis(dep).is_some();
            if !candidate.head.deps.iter().all(here) {
                early.push(candidate);
            } else if have.insert(candidate.head.hash) {
                // The same change twice in a batch counts once.
                ready.push(candidate);
            }
        }
        if early.is_empty() || ready.len() == before {
            return (ready, early);
        }
        left = early;
    }
}

/// Finds out which candidates do not fit, when all together did not. What builds on one of those waits.
fn one_by_one(ready: Vec<Candidate>) -> (Option<Document>, Vec<(Candidate, Option<Outcome>)>) {
    let mut document = None;
    let mut refused: HashSet<ChangeHash> = HashSet::new();
    let mut outcomes = Vec::with_capacity(ready.len());
    for candidate in ready {
        let orphan = candidate.head.deps.iter().any(|dep| refused.contains(dep));
        let outcome = if orphan {
            Some(Outcome::Early)
        } else {
            // Everything that it names is here; what is missing can only be another kind's beginning.
            add(&mut document, &candidate.raw).err().map(|error| Outcome::Bad(error.code()))
        };
        if outcome.is_some() {
            refused.insert(candidate.head.hash);
        }
        outcomes.push((candidate, outcome));
    }
    (document, outcomes)
}

fn add(document: &mut Option<Document>, raw: &[u8]) -> Result<(), DocumentError> {
    if let Some(document) = document {
        return document.apply([raw]);
    }
    *document = Some(Document::from_changes([raw])?);
    Ok(())
}
