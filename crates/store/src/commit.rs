//! Saving: one save, one change, one transaction.

use gandan_model::document::{Document, DocumentError, NewChange};
use gandan_model::genesis::kind_of_genesis;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use rusqlite::{Connection, params};

use crate::document::Entry;
use crate::draft::DraftId;
use crate::error::StoreError;
use crate::project::project;
use crate::state::{change, refresh};
use crate::{Store, Writing, document, raw, space};

/// One save.
#[derive(Clone, Copy)]
pub struct Commit<'a> {
    /// The space in which the document lies, or shall lie.
    pub space: SpaceId,
    /// Which document.
    pub id: DocId,
    /// The document with the change in it.
    pub document: &'a Document,
    /// The change.
    pub change: &'a NewChange,
    /// The draft that it came from, which goes with the save.
    pub draft: Option<DraftId>,
}

impl Store {
    /// Saves a change that was just written here. When this returns, it is on disk: the change, its list
    /// row and search words, the mark that it has to be sent; and the draft is gone. Saving the same
    /// change again does nothing.
    ///
    /// `now_ms`: when it was saved, in milliseconds since 1970. A change may be saved in a space whose
    /// grant was taken away meanwhile: it stays here until somebody decides.
    ///
    /// # Errors
    ///
    /// [`UnknownSpace`](StoreError::UnknownSpace), [`WrongSpace`](StoreError::WrongSpace),
    /// [`Erased`](StoreError::Erased), [`BadDocument`](StoreError::BadDocument) if the change does not
    /// follow from what is stored, [`DiskFull`](StoreError::DiskFull).
    pub fn commit(
        &mut self,
        space: SpaceId,
        id: DocId,
        document: &Document,
        change: &NewChange,
        draft: Option<DraftId>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.commit_many(&[Commit { space, id, document, change, draft }], now_ms)
    }

    /// Like [`Store::commit`], for many at once: all are saved or none.
    pub fn commit_many(&mut self, commits: &[Commit<'_>], now_ms: i64) -> Result<(), StoreError> {
        self.write(|writing| commits.iter().try_for_each(|commit| save(writing, commit, now_ms)))
    }
}

pub(crate) fn save(writing: &Writing<'_>, commit: &Commit<'_>, now_ms: i64) -> Result<(), StoreError> {
    let id = commit.id;
    let (space, unit) = space::find(writing, commit.space)?.ok_or(StoreError::UnknownSpace(commit.space))?;
    if document::is_erased(writing, id)? {
        return Err(StoreError::Erased(id));
    }
    let bad = |reason: &str| StoreError::BadDocument { doc: id, source: DocumentError::BadChange(reason.to_owned()) };
    let head = raw::head(&commit.change.raw).ok_or_else(|| bad("not a raw change"))?;
    if head.hash != commit.change.hash {
        return Err(bad("the hash is another change's"));
    }
    let stored = document::find(writing, id)?;
    if stored.as_ref().is_some_and(|entry| entry.space != space) {
        return Err(StoreError::WrongSpace(id));
    }
    let before = stored.as_ref().map(|entry| entry.heads.clone()).unwrap_or_default();
    let n = match &stored {
        Some(entry) => entry.n,
        None => document::insert(writing, id, space, commit.document.kind(), &[])?,
    };
    let new =
        NewRow { doc: n, id, space, hash: head.hash, state: change::SAVED, at_ms: Some(now_ms), ..NewRow::default() };
    let is_new = insert(writing, &new, &commit.change.raw)?;
    if is_new {
        known_deps(writing, n, id, &head.deps)?;
        project_current(writing, commit, n, &unit, before, &head)?;
    }
    if let Some(draft) = commit.draft {
        writing.prepare_cached("DELETE FROM draft WHERE id = ?1")?.execute([draft.0])?;
    }
    refresh(writing, n, id)?;
    Ok(())
}

/// What the change builds on must be here and part of the document.
fn known_deps(connection: &Connection, n: i64, id: DocId, deps: &[ChangeHash]) -> Result<(), StoreError> {
    for dep in deps.iter().filter(|dep| kind_of_genesis(dep).is_none()) {
        if !is_applied(connection, n, *dep)? {
            return Err(StoreError::BadDocument { doc: id, source: DocumentError::MissingDependency });
        }
    }
    Ok(())
}

/// Derives the row from the document that came with the change; but if a sync has meanwhile brought
/// something that it does not know, from all that is stored.
fn project_current(
    writing: &Writing<'_>,
    commit: &Commit<'_>,
    n: i64,
    unit: &str,
    mut heads: Vec<ChangeHash>,
    head: &raw::Head,
) -> Result<(), StoreError> {
    raw::advance(&mut heads, &head.deps, head.hash);
    if commit.document.heads() == heads {
        return project(writing, n, commit.id, unit, commit.document);
    }
    let current = document::load(writing, n, commit.id)?;
    project(writing, n, commit.id, unit, &current)
}

/// True if a change is part of its document.
pub(crate) fn is_applied(connection: &Connection, doc: i64, hash: ChangeHash) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM change WHERE doc = ?1 AND hash = ?2 AND state < ?3")?;
    Ok(statement.exists(params![doc, hash.0, change::NOT_APPLIED])?)
}

/// A row of `change`, without the bytes.
pub(crate) struct NewRow<'a> {
    pub(crate) doc: i64,
    pub(crate) id: DocId,
    pub(crate) space: i64,
    pub(crate) hash: ChangeHash,
    pub(crate) state: i64,
    pub(crate) seq: Option<u64>,
    pub(crate) device_seq: Option<u64>,
    pub(crate) at_ms: Option<i64>,
    pub(crate) code: Option<&'a str>,
}

impl Default for NewRow<'_> {
    fn default() -> Self {
        Self {
            doc: 0,
            id: DocId([0; 16]),
            space: 0,
            hash: ChangeHash([0; 32]),
            state: change::SAVED,
            seq: None,
            device_seq: None,
            at_ms: None,
            code: None,
        }
    }
}

/// Adds a change; false if it is there already.
pub(crate) fn insert(connection: &Connection, row: &NewRow<'_>, raw: &[u8]) -> Result<bool, StoreError> {
    let added = connection
        .prepare_cached(
            "INSERT INTO change (doc, doc_id, space, hash, state, seq, device_seq, at_ms, code, raw)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (doc, hash) DO NOTHING",
        )?
        .execute(params![
            row.doc,
            row.id.0,
            row.space,
            row.hash.0,
            row.state,
            row.seq,
            row.device_seq,
            row.at_ms,
            row.code,
            raw
        ])?;
    Ok(added > 0)
}

impl Entry {
    /// The document's entry, or a new one for a document that is not here yet.
    pub(crate) fn find_or_insert(connection: &Connection, id: DocId, space: i64) -> Result<Self, StoreError> {
        if let Some(entry) = document::find(connection, id)? {
            return Ok(entry);
        }
        let n = document::insert(connection, id, space, None, &[])?;
        Ok(Self { n, space, heads: Vec::new() })
    }
}
