//! Taking over what another phone wrote and could not send.
//!
//! Its changes bear the name of that phone, and only that phone could sign for them. This one writes one change that says
//! the same, at the same place in the document's history, as it does for a [twin](Store::reauthor); the originals are kept
//! aside, so that they are known when they are read again. Should that phone reach the server after all, they come by the log
//! and are applied like any other.

use std::collections::HashSet;

use gandan_model::document::{DocumentError, Stamp};
use gandan_model::genesis::kind_of_genesis;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};

use crate::commit::{NewRow, insert};
use crate::document::{Entry, is_erased};
use crate::error::StoreError;
use crate::reauthor::{Held, put_together};
use crate::state::change;
use crate::{Store, Writing, document, raw, space};

/// What became of a document's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    /// Written again here, and on disk: this change says what they said.
    Again(ChangeHash),
    /// All of it was here already, or the document was erased: nothing was written.
    Known,
    /// They build on changes that are not here: nothing was written. After an exchange they may be.
    Incomplete,
}

impl Store {
    /// Takes over changes of one document, in one transaction. They have passed the scan that bounds what decoding costs;
    /// those that are here already count as known. `stamp` names this device; the author stays the one who wrote the last
    /// of them.
    ///
    /// # Errors
    ///
    /// [`UnknownSpace`](StoreError::UnknownSpace), [`WrongSpace`](StoreError::WrongSpace),
    /// [`BadDocument`](StoreError::BadDocument) if the document cannot be put together with them,
    /// [`DiskFull`](StoreError::DiskFull). Nothing has changed then.
    pub fn adopt(
        &mut self,
        space: SpaceId,
        id: DocId,
        changes: &[Vec<u8>],
        stamp: &Stamp,
        now_ms: i64,
    ) -> Result<Adopted, StoreError> {
        self.write(|writing| {
            let (space, _) = space::find(writing, space)?.ok_or(StoreError::UnknownSpace(space))?;
            if is_erased(writing, id)? {
                return Ok(Adopted::Known);
            }
            let stored = document::find(writing, id)?;
            if stored.as_ref().is_some_and(|entry| entry.space != space) {
                return Err(StoreError::WrongSpace(id));
            }
            let held = with_orphans(writing, stored.as_ref(), id, changes)?;
            if held.orphans.is_empty() {
                return Ok(Adopted::Known);
            }
            if !is_complete(&held) {
                return Ok(Adopted::Incomplete);
            }
            let Some((hash, raw)) = held.again(id, stamp)? else { return Ok(Adopted::Known) };
            let orphans = held.changes.iter().filter(|(head, _)| held.orphans.contains(&head.hash));
            let n = stored.map_or_else(|| document::insert(writing, id, space, held.kind, &[]), |entry| Ok(entry.n))?;
            let row = NewRow { doc: n, id, space, ..NewRow::default() };
            for (head, raw) in orphans {
                insert(writing, &NewRow { hash: head.hash, state: change::ADOPTED, ..row }, raw)?;
            }
            insert(writing, &NewRow { hash, state: change::SAVED, at_ms: Some(now_ms), ..row }, &raw)?;
            let entry = document::find(writing, id)?.ok_or(StoreError::UnknownDocument(id))?;
            put_together(writing, &entry, id)?;
            Ok(Adopted::Again(hash))
        })
    }
}

/// What is here of the document, and the changes that are not.
fn with_orphans(
    writing: &Writing<'_>,
    stored: Option<&Entry>,
    id: DocId,
    changes: &[Vec<u8>],
) -> Result<Held, StoreError> {
    let mut held = match stored {
        Some(entry) => Held::read(writing, entry)?,
        None => Held { kind: None, changes: Vec::new(), orphans: HashSet::new() },
    };
    // What waits for a new name of this device is its own affair.
    held.orphans.clear();
    for bytes in changes {
        let bad = || StoreError::BadDocument { doc: id, source: DocumentError::BadChange("not a raw change".into()) };
        let head = raw::head(bytes).ok_or_else(bad)?;
        held.kind = held.kind.or_else(|| head.deps.iter().find_map(kind_of_genesis));
        if !is_here(writing, stored, head.hash)? && held.orphans.insert(head.hash) {
            held.changes.push((head, bytes.clone()));
        }
    }
    Ok(held)
}

fn is_here(writing: &Writing<'_>, stored: Option<&Entry>, hash: ChangeHash) -> Result<bool, StoreError> {
    let Some(entry) = stored else { return Ok(false) };
    let mut statement = writing.prepare_cached("SELECT 1 FROM change WHERE doc = ?1 AND hash = ?2")?;
    Ok(statement.exists(rusqlite::params![entry.n, hash.0])?)
}

/// Whether everything that the changes build on is among them.
fn is_complete(held: &Held) -> bool {
    let known =
        |dep: &ChangeHash| kind_of_genesis(dep).is_some() || held.changes.iter().any(|(head, _)| head.hash == *dep);
    let orphans = held.changes.iter().filter(|(head, _)| held.orphans.contains(&head.hash));
    orphans.flat_map(|(head, _)| &head.deps).all(known)
}
