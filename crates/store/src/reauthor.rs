//! Writing again, under a new name, what was written under a name that another phone used too.
//!
//! A phone that was copied, or restored from a backup, has a twin with the same actor. Whatever reached the server first
//! under a number counts; what the other wrote is kept: the new device writes one change that says the same, at the same
//! place in the document's history, so that what the twin wrote meanwhile stands beside it and a person decides.

use std::collections::{HashMap, HashSet};

use gandan_model::document::{Document, Stamp};
use gandan_model::genesis::kind_of_genesis;
use gandan_model::ids::{ChangeHash, DocId};
use rusqlite::params;

use crate::commit::{NewRow, insert};
use crate::document::{self, Entry, kind_of_number};
use crate::error::StoreError;
use crate::outbox::break_up;
use crate::raw::{self, Head};
use crate::remote::{Applied, Candidate, Intake, Origin, sort_by_deps};
use crate::state::{change, refresh};
use crate::{Store, Writing};

/// Codes of changes that another device with this one's name stands in the way of.
const CODES: &str = "('device_changed', 'sequence_reused')";

impl Store {
    /// Documents with changes that only another device than the one that wrote them can bring to the server.
    pub fn orphaned(&self) -> Result<Vec<DocId>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT DISTINCT doc_id FROM change WHERE state <> 2 AND state = ?1 AND code IN {CODES}"
            ))?;
            let rows = statement.query_map([change::OWN_REFUSED], |row| row.get(0).map(DocId))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Whether the server refused something of this device because another one with its name had used the number.
    pub fn has_twin(&self) -> Result<bool, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT 1 FROM change
                 WHERE state <> 2 AND state = ?1 AND code = 'sequence_reused' AND device_seq IS NOT NULL",
            )?;
            Ok(statement.exists([change::OWN_REFUSED])?)
        })
    }

    /// Changes of another device that were given back and not taken: the server has others under their numbers, because
    /// that device had a twin. From now on they are [orphaned](Store::orphaned).
    pub fn note_reused(&mut self, changes: &[(DocId, ChangeHash)]) -> Result<(), StoreError> {
        self.write(|writing| {
            for (id, hash) in changes {
                writing
                    .prepare_cached(
                        "UPDATE change SET state = ?3, code = 'sequence_reused'
                         WHERE doc_id = ?1 AND hash = ?2 AND state = ?4",
                    )?
                    .execute(params![id.0, hash.0, change::OWN_REFUSED, change::RETURNING])?;
            }
            Ok(())
        })
    }

    /// Writes such changes of a document again as one change of the device in `stamp`, in one transaction. Its author is
    /// the one who wrote the last of them. The old ones
    /// stay in the database and are not part of the document any more. Gives the new change's hash; `None` if they said
    /// nothing that the document does not say without them.
    ///
    /// # Errors
    ///
    /// [`BadDocument`](StoreError::BadDocument) if the document cannot be put together; then nothing has changed.
    pub fn reauthor(&mut self, id: DocId, stamp: &Stamp, now_ms: i64) -> Result<Option<ChangeHash>, StoreError> {
        self.write(|writing| {
            let Some(entry) = document::find(writing, id)? else { return Ok(None) };
            leave_what_others_built_on(writing, &entry)?;
            take_along_what_builds_on_it(writing, &entry)?;
            let all = Held::read(writing, &entry)?;
            let new = all.again(id, stamp)?;
            writing
                .prepare_cached(&format!(
                    "UPDATE change SET state = ?2, code = NULL WHERE doc = ?1 AND state = ?3 AND code IN {CODES}"
                ))?
                .execute([entry.n, change::REPLACED, change::OWN_REFUSED])?;
            if let Some((hash, raw)) = &new {
                let row = NewRow {
                    doc: entry.n,
                    id,
                    space: entry.space,
                    hash: *hash,
                    state: change::SAVED,
                    at_ms: Some(now_ms),
                    ..NewRow::default()
                };
                insert(writing, &row, raw)?;
            }
            put_together(writing, &entry, id)?;
            Ok(new.map(|(hash, _)| hash))
        })
    }
}

/// What others have built on is not said again, for theirs would hang in the air. It is treated as a change of another
/// device, which it is now: what a log had under the former name before the server was restored, and what a log has that was
/// refused, for the twin has brought it too.
fn leave_what_others_built_on(writing: &Writing<'_>, entry: &Entry) -> Result<(), StoreError> {
    let mut statement = writing.prepare_cached("SELECT raw, state FROM change WHERE doc = ?1 AND state < ?2")?;
    let mut rows = statement.query([entry.n, change::NOT_APPLIED])?;
    let (mut deps, mut logged, mut returning) = (HashMap::new(), Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let bytes: Vec<u8> = row.get(0)?;
        let Some(head) = raw::head(&bytes) else { continue };
        match row.get(1)? {
            change::LOGGED => logged.extend(head.deps.iter().copied()),
            change::RETURNING => returning.extend(head.deps.iter().copied()),
            _ => {}
        }
        deps.insert(head.hash, head.deps);
    }
    for (left, codes) in [(logged, CODES), (returning, "('device_changed')")] {
        leave(writing, entry, &mut deps, left, codes)?;
    }
    Ok(())
}

/// Leaves these changes and everything that they build on, if refused for one of the reasons.
fn leave(
    writing: &Writing<'_>,
    entry: &Entry,
    deps: &mut HashMap<ChangeHash, Vec<ChangeHash>>,
    mut left: Vec<ChangeHash>,
    codes: &str,
) -> Result<(), StoreError> {
    while let Some(hash) = left.pop() {
        let Some(further) = deps.remove(&hash) else { continue };
        left.extend(further);
        writing
            .prepare_cached(&format!(
                "UPDATE change SET state = ?3, code = NULL WHERE doc = ?1 AND hash = ?2 AND state = ?4 AND code IN {codes}"
            ))?
            .execute(params![entry.n, hash.0, change::RETURNING, change::OWN_REFUSED])?;
    }
    Ok(())
}

/// What this device built on it, and no log has, hangs in the air as soon as it is replaced: it is said again with it, and the
/// envelope that holds it is given up. Should the log have it all the same, because the twin has brought what it builds on, it
/// is taken in like any other.
fn take_along_what_builds_on_it(writing: &Writing<'_>, entry: &Entry) -> Result<(), StoreError> {
    let mut orphans = Held::read(writing, entry)?.orphans;
    let own: Vec<(Vec<u8>, Option<u64>)> = {
        let mut statement = writing
            .prepare_cached("SELECT raw, device_seq FROM change WHERE doc = ?1 AND state IN (?2, ?3, ?4) ORDER BY n")?;
        let states = params![entry.n, change::SAVED, change::SEALED, change::OWN_QUARANTINED];
        let rows = statement.query_map(states, |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    // What this device wrote later stands later.
    for (bytes, device_seq) in own {
        let Some(head) = raw::head(&bytes).filter(|head| head.deps.iter().any(|dep| orphans.contains(dep))) else {
            continue;
        };
        if let Some(device_seq) = device_seq {
            break_up(writing, device_seq)?;
        }
        writing
            .prepare_cached(
                "UPDATE change SET state = ?3, code = 'sequence_reused', device_seq = NULL WHERE doc = ?1 AND hash = ?2",
            )?
            .execute(params![entry.n, head.hash.0, change::OWN_REFUSED])?;
        orphans.insert(head.hash);
    }
    Ok(())
}

/// The document from everything that belongs to it now, with another look at what did not fit before.
pub(crate) fn put_together(writing: &Writing<'_>, entry: &Entry, id: DocId) -> Result<(), StoreError> {
    let unit: String = writing.query_row("SELECT unit FROM space WHERE n = ?1", [entry.space], |row| row.get(0))?;
    writing
        .prepare_cached(
            "UPDATE change SET state = ?2, code = NULL WHERE doc = ?1 AND state = ?3 AND code = 'bad_change'",
        )?
        .execute([entry.n, change::EARLY, change::REJECTED])?;
    let mut result = Applied::default();
    Intake { writing, space: entry.space, unit: &unit, id, result: &mut result }.rejoin(entry)?;
    refresh(writing, entry.n, id)?;
    Ok(())
}

/// The changes that make up a document, and those of them that cannot stay.
pub(crate) struct Held {
    pub(crate) kind: Option<gandan_model::genesis::DocKind>,
    pub(crate) changes: Vec<(Head, Vec<u8>)>,
    pub(crate) orphans: HashSet<ChangeHash>,
}

impl Held {
    pub(crate) fn read(writing: &Writing<'_>, entry: &Entry) -> Result<Self, StoreError> {
        let kind = writing.query_row("SELECT kind FROM document WHERE n = ?1", [entry.n], |row| row.get(0))?;
        let mut statement = writing.prepare_cached(
            "SELECT raw, state = ?3 AND coalesce(code, '') IN ('device_changed', 'sequence_reused')
             FROM change WHERE doc = ?1 AND state < ?2 ORDER BY n",
        )?;
        let mut rows = statement.query(params![entry.n, change::NOT_APPLIED, change::OWN_REFUSED])?;
        let mut held = Self { kind: kind_of_number(kind), changes: Vec::new(), orphans: HashSet::new() };
        while let Some(row) = rows.next()? {
            let bytes: Vec<u8> = row.get(0)?;
            let Some(head) = raw::head(&bytes) else { continue };
            if row.get(1)? {
                held.orphans.insert(head.hash);
            }
            held.changes.push((head, bytes));
        }
        Ok(held)
    }

    /// What the orphans say, as a change by another hand on what they were built on.
    pub(crate) fn again(&self, id: DocId, stamp: &Stamp) -> Result<Option<(ChangeHash, Vec<u8>)>, StoreError> {
        let bad = |source| StoreError::BadDocument { doc: id, source };
        let before = self.before();
        let changes = |wanted: &dyn Fn(&ChangeHash) -> bool| -> Vec<Candidate> {
            let chosen = self.changes.iter().filter(|(head, _)| wanted(&head.hash));
            let candidates =
                chosen.map(|(head, raw)| Candidate { origin: Origin::Held, head: head.clone(), raw: raw.clone() });
            sort_by_deps(candidates.collect()).0
        };
        let base = changes(&|hash| before.contains(hash));
        let mut base = match (base.is_empty(), self.kind) {
            (true, Some(kind)) => Document::new(kind),
            _ => Document::from_changes(base.iter().map(|change| change.raw.as_slice())).map_err(bad)?,
        };
        let said = changes(&|hash| before.contains(hash) || self.orphans.contains(hash));
        if said.is_empty() {
            return Ok(None);
        }
        let said = Document::from_changes(said.iter().map(|change| change.raw.as_slice())).map_err(bad)?;
        let facts = said.facts();
        let orphans = facts.changes.iter().filter(|info| self.orphans.contains(&info.hash));
        let author = orphans.max_by_key(|info| info.time).map(|info| info.author.clone());
        let stamp = Stamp { author: author.unwrap_or_else(|| stamp.author.clone()), ..stamp.clone() };
        let change = base.say_again(&said, &stamp).map_err(bad)?;
        Ok(change.map(|change| (change.hash, change.raw)))
    }

    /// Everything that the orphans build on, without themselves.
    fn before(&self) -> HashSet<ChangeHash> {
        let deps: HashMap<ChangeHash, &[ChangeHash]> =
            self.changes.iter().map(|(head, _)| (head.hash, head.deps.as_slice())).collect();
        let mut left: Vec<ChangeHash> = self.orphans.iter().copied().collect();
        let mut seen = HashSet::new();
        while let Some(hash) = left.pop() {
            for dep in deps.get(&hash).copied().unwrap_or_default() {
                if kind_of_genesis(dep).is_none() && deps.contains_key(dep) && seen.insert(*dep) {
                    left.push(*dep);
                }
            }
        }
        seen.retain(|hash| !self.orphans.contains(hash));
        seen
    }
}
