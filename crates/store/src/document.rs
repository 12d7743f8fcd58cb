//! Documents as they are stored: their changes, and where they belong.

use std::collections::HashSet;

use gandan_model::document::{Document, DocumentError};
use gandan_model::genesis::{DocKind, kind_of_genesis};
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::cursor::{Page, PageCursor};
use crate::error::StoreError;
use crate::state::{RecordState, change};
use crate::{Store, raw, space};

/// A document and what the store knows about it.
#[derive(Clone)]
pub struct Stored {
    /// The space in which it lies.
    pub space: SpaceId,
    /// Code of that space's unit.
    pub unit: String,
    /// What it is about; `None` for a kind of a newer app.
    pub kind: Option<DocKind>,
    /// Where it stands.
    pub state: RecordState,
    /// The document.
    pub document: Document,
}

/// A document in a listing, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentInfo {
    /// Which document.
    pub id: DocId,
    /// The space in which it lies.
    pub space: SpaceId,
    /// Code of that space's unit.
    pub unit: String,
    /// Where it stands.
    pub state: RecordState,
}

/// A change as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredChange {
    /// Its hash.
    pub hash: ChangeHash,
    /// The raw change chunk.
    pub raw: Vec<u8>,
    /// Its place in the server's log, once the phone has heard of it.
    pub seq: Option<u64>,
    /// False while it waits for an earlier one, or was put in quarantine here.
    pub applied: bool,
    /// Why it was refused or put in quarantine.
    pub code: Option<String>,
}

/// A row of `document`.
pub(crate) struct Entry {
    pub(crate) n: i64,
    pub(crate) space: i64,
    pub(crate) heads: Vec<ChangeHash>,
}

/// The number that stands for a kind in the database: 0 if this version does not know it.
pub(crate) fn kind_number(kind: Option<DocKind>) -> i64 {
    kind.map_or(0, |kind| i64::from(kind.number()))
}

pub(crate) fn kind_of_number(number: i64) -> Option<DocKind> {
    u8::try_from(number).ok().and_then(DocKind::from_number)
}

pub(crate) fn find(connection: &Connection, id: DocId) -> Result<Option<Entry>, StoreError> {
    let entry = connection
        .prepare_cached("SELECT n, space, heads FROM document WHERE id = ?1")?
        .query_row([id.0], |row| {
            Ok(Entry { n: row.get(0)?, space: row.get(1)?, heads: raw::split(row.get_ref(2)?.as_blob()?) })
        })
        .optional()?;
    Ok(entry)
}

pub(crate) fn is_erased(connection: &Connection, id: DocId) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("SELECT 1 FROM erased WHERE id = ?1")?.exists([id.0])?)
}

/// Makes the row of a new document.
pub(crate) fn insert(
    connection: &Connection,
    id: DocId,
    space: i64,
    kind: Option<DocKind>,
    heads: &[ChangeHash],
) -> Result<i64, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO document (id, space, kind, state, heads, log_heads) VALUES (?1, ?2, ?3, ?4, ?5, x'')",
        )?
        .execute(params![id.0, space, kind_number(kind), RecordState::Synced.number(), raw::join(heads)])?;
    Ok(connection.last_insert_rowid())
}

/// Builds a document from its changes. Should a salvage have lost some of them, the document is what can be
/// built without those, until the server has sent them again.
pub(crate) fn load(connection: &Connection, doc: i64, id: DocId) -> Result<Document, StoreError> {
    let mut statement = connection.prepare_cached("SELECT raw FROM change WHERE doc = ?1 AND state < ?2 ORDER BY n")?;
    let rows = statement.query_map([doc, change::NOT_APPLIED], |row| row.get(0))?;
    let changes = rows.collect::<Result<Vec<Vec<u8>>, _>>()?;
    let from = |changes: &[Vec<u8>]| Document::from_changes(changes.iter().map(Vec::as_slice));
    let built = match from(&changes) {
        Err(DocumentError::MissingDependency) => from(&complete(changes)),
        other => other,
    };
    built.map_err(|source| StoreError::BadDocument { doc: id, source })
}

/// The changes whose whole history is here, in an order in which each follows what it builds on.
fn complete(mut left: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let (mut have, mut out) = (HashSet::new(), Vec::new());
    loop {
        let before = left.len();
        left.retain(|raw| {
            let Some(head) = raw::head(raw) else { return false };
            let here = head.deps.iter().all(|dep| have.contains(dep) || kind_of_genesis(dep).is_some());
            if here {
                have.insert(head.hash);
                out.push(raw.clone());
            }
            !here
        });
        if left.len() == before {
            return out;
        }
    }
}

impl Store {
    /// The document with this id; `None` if it is not here.
    pub fn document(&self, id: DocId) -> Result<Option<Stored>, StoreError> {
        self.read(|connection| {
            let found = connection
                .prepare_cached(
                    "SELECT d.n, d.kind, d.state, s.id, s.unit
                     FROM document d JOIN space s ON s.n = d.space WHERE d.id = ?1",
                )?
                .query_row([id.0], |row| {
                    let (n, kind, state): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    Ok((n, kind, state, SpaceId(row.get(3)?), row.get::<_, String>(4)?))
                })
                .optional()?;
            let Some((n, kind, state, space, unit)) = found else { return Ok(None) };
            let (kind, state) = (kind_of_number(kind), RecordState::from_number(state));
            Ok(Some(Stored { space, unit, kind, state, document: load(connection, n, id)? }))
        })
    }

    /// Documents of one kind (assignments, plans, contacts …), in the order in which they came.
    /// `unit`: only those of this unit. Gives the next page's cursor if there is more.
    pub fn documents(
        &self,
        kind: DocKind,
        unit: Option<&str>,
        page: &Page,
    ) -> Result<(Vec<DocumentInfo>, Option<PageCursor>), StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT d.id, s.id, s.unit, d.state, d.n FROM document d JOIN space s ON s.n = d.space
                 WHERE d.kind = ?1 AND (?2 IS NULL OR s.unit = ?2) AND d.n > ?3 ORDER BY d.n LIMIT ?4",
            )?;
            let after = page.after.as_ref().map_or(0, |cursor| cursor.doc);
            let limit = i64::try_from(page.size()).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![kind_number(Some(kind)), unit, after, limit], |row| {
                let state = RecordState::from_number(row.get(3)?);
                let info =
                    DocumentInfo { id: DocId(row.get(0)?), space: SpaceId(row.get(1)?), unit: row.get(2)?, state };
                Ok((info, row.get::<_, i64>(4)?))
            })?;
            let (items, places): (Vec<_>, Vec<_>) = rows.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
            let full = items.len() == page.size();
            let next = places.last().filter(|_| full).map(|doc| PageCursor { day: String::new(), doc: *doc });
            Ok((items, next))
        })
    }

    /// All changes that the store holds of a document, in the order in which they came; also those that
    /// wait or are in quarantine.
    pub fn changes(&self, id: DocId) -> Result<Vec<StoredChange>, StoreError> {
        self.read(|connection| {
            let Some(entry) = find(connection, id)? else { return Ok(Vec::new()) };
            let mut statement = connection
                .prepare_cached("SELECT hash, raw, seq, state, code FROM change WHERE doc = ?1 ORDER BY n")?;
            let rows = statement.query_map([entry.n], |row| {
                Ok(StoredChange {
                    hash: ChangeHash(row.get(0)?),
                    raw: row.get(1)?,
                    seq: row.get(2)?,
                    applied: row.get::<_, i64>(3)? < change::NOT_APPLIED,
                    code: row.get(4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Documents of a space whose ids begin with these bytes: how short references on the wire are resolved.
    pub fn documents_with_prefix(&self, space: SpaceId, prefix: [u8; 8]) -> Result<Vec<DocId>, StoreError> {
        self.read(|connection| {
            let Some(space) = space::number(connection, space)? else { return Ok(Vec::new()) };
            let (low, high) = range::<16>(&prefix);
            let mut statement =
                connection.prepare_cached("SELECT id FROM document WHERE id BETWEEN ?1 AND ?2 AND space = ?3")?;
            let rows = statement.query_map(params![low, high, space], |row| row.get(0).map(DocId))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Changes of a document whose hashes begin with these bytes; also those that wait or are in quarantine.
    pub fn changes_with_prefix(
        &self,
        space: SpaceId,
        doc: DocId,
        prefix: [u8; 4],
    ) -> Result<Vec<ChangeHash>, StoreError> {
        self.read(|connection| {
            let (Some(space), Some(entry)) = (space::number(connection, space)?, find(connection, doc)?) else {
                return Ok(Vec::new());
            };
            if entry.space != space {
                return Ok(Vec::new());
            }
            let (low, high) = range::<32>(&prefix);
            let mut statement =
                connection.prepare_cached("SELECT hash FROM change WHERE doc = ?1 AND hash BETWEEN ?2 AND ?3")?;
            let rows = statement.query_map(params![entry.n, low, high], |row| row.get(0).map(ChangeHash))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// True if the server is known to have this document, so that a short reference to it will do.
    pub fn knows(&self, doc: DocId) -> Result<bool, StoreError> {
        self.read(|connection| {
            let Some(entry) = find(connection, doc)? else { return Ok(false) };
            let mut statement = connection.prepare_cached("SELECT 1 FROM change WHERE doc = ?1 AND state = ?2")?;
            Ok(statement.exists([entry.n, change::LOGGED])?)
        })
    }

    /// The heads of a document as the server's log had them at the space's cursor; empty if unknown.
    pub fn log_heads(&self, space: SpaceId, doc: DocId) -> Result<Vec<ChangeHash>, StoreError> {
        self.read(|connection| {
            let heads = connection
                .prepare_cached(
                    "SELECT d.log_heads FROM document d JOIN space s ON s.n = d.space WHERE d.id = ?1 AND s.id = ?2",
                )?
                .query_row(params![doc.0, space.0], |row| Ok(raw::split(row.get_ref(0)?.as_blob()?)))
                .optional()?;
            Ok(heads.unwrap_or_default())
        })
    }
}

/// The smallest and the greatest array that begin with a prefix.
fn range<const N: usize>(prefix: &[u8]) -> ([u8; N], [u8; N]) {
    let (mut low, mut high) = ([0; N], [0xff; N]);
    for (place, byte) in prefix.iter().enumerate().take(N) {
        low[place] = *byte;
        high[place] = *byte;
    }
    (low, high)
}
