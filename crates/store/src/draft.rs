//! Unfinished edits. They are on disk at every autosave, outlive a killed app, and leave no trace in the
//! history of the document until the user saves.

use gandan_model::genesis::DocKind;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::cursor::{Page, PageCursor};
use crate::document::{find, kind_number, kind_of_number};
use crate::error::StoreError;
use crate::state::refresh;
use crate::{Store, raw};

/// A draft is known by the document that it edits or will become: one draft a document.
pub type DraftId = DocId;

/// The most that a draft's edits may take as JSON text, in bytes.
pub const MAX_DRAFT_BYTES: usize = 1024 * 1024;

/// An unfinished edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The document that it edits, or will become.
    pub id: DraftId,
    /// The space of that document.
    pub space: SpaceId,
    /// What the document is about; `None` for a kind of a newer app.
    pub kind: Option<DocKind>,
    /// A line to know it by in a list.
    pub title: String,
    /// The document's heads when the edit began; empty for a new document. What others change meanwhile
    /// then counts as concurrent and not as overwritten knowingly.
    pub base: Vec<ChangeHash>,
    /// The edits, in whatever form the app likes; usually a list of field edits.
    pub edits: Json,
    /// When it was first saved, in milliseconds since 1970. Set by the store.
    pub created_ms: i64,
    /// When it was last saved. Set by the store.
    pub updated_ms: i64,
}

impl Store {
    /// Saves a draft, in place of what was saved of it before. It is on disk when this returns.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](StoreError::TooLarge) above [`MAX_DRAFT_BYTES`]; [`DiskFull`](StoreError::DiskFull),
    /// and then the draft is as it was saved last.
    pub fn save_draft(&mut self, draft: &Draft, now_ms: i64) -> Result<(), StoreError> {
        self.write(|writing| save(writing, draft, now_ms))
    }

    /// The draft of this document, if there is one.
    pub fn draft(&self, id: DraftId) -> Result<Option<Draft>, StoreError> {
        self.read(|connection| {
            let draft = connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM draft WHERE id = ?1"))?
                .query_row([id.0], read)
                .optional()?;
            Ok(draft)
        })
    }

    /// All drafts, the oldest first. Gives the next page's cursor if there is more.
    pub fn drafts(&self, page: &Page) -> Result<(Vec<Draft>, Option<PageCursor>), StoreError> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached(&format!("SELECT {COLUMNS}, n FROM draft WHERE n > ?1 ORDER BY n LIMIT ?2"))?;
            let after = page.after.as_ref().map_or(0, |cursor| cursor.doc);
            let limit = i64::try_from(page.size()).unwrap_or(i64::MAX);
            let rows = statement.query_map([after, limit], |row| Ok((read(row)?, row.get::<_, i64>(8)?)))?;
            let (drafts, places): (Vec<_>, Vec<_>) = rows.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
            let full = drafts.len() == page.size();
            let next = places.last().filter(|_| full).map(|doc| PageCursor { day: String::new(), doc: *doc });
            Ok((drafts, next))
        })
    }

    /// Throws a draft away, at the user's wish. False if there was none.
    pub fn discard_draft(&mut self, id: DraftId) -> Result<bool, StoreError> {
        self.write(|writing| discard(writing, id))
    }
}

pub(crate) fn save(writing: &Connection, draft: &Draft, now_ms: i64) -> Result<(), StoreError> {
    let body = serde_json::to_string(&draft.edits)?;
    if body.len() > MAX_DRAFT_BYTES {
        return Err(StoreError::TooLarge { what: "the draft", limit: MAX_DRAFT_BYTES });
    }
    writing
        .prepare_cached(
            "INSERT INTO draft (id, space, kind, base, created_ms, updated_ms, body, title)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE
             SET space = ?2, kind = ?3, base = ?4, updated_ms = ?5, body = ?6, title = ?7",
        )?
        .execute(params![
            draft.id.0,
            draft.space.0,
            kind_number(draft.kind),
            raw::join(&draft.base),
            now_ms,
            body,
            draft.title
        ])?;
    refresh_document(writing, draft.id)
}

pub(crate) fn discard(writing: &Connection, id: DraftId) -> Result<bool, StoreError> {
    let gone = writing.prepare_cached("DELETE FROM draft WHERE id = ?1")?.execute([id.0])?;
    refresh_document(writing, id)?;
    Ok(gone > 0)
}

const COLUMNS: &str = "id, space, kind, title, base, body, created_ms, updated_ms";

fn read(row: &Row<'_>) -> rusqlite::Result<Draft> {
    let body: String = row.get(5)?;
    Ok(Draft {
        id: DocId(row.get(0)?),
        space: SpaceId(row.get(1)?),
        kind: kind_of_number(row.get(2)?),
        title: row.get(3)?,
        base: raw::split(row.get_ref(4)?.as_blob()?),
        // Text that is not JSON can only come from a salvage; better a string than nothing.
        edits: serde_json::from_str(&body).unwrap_or(Json::String(body)),
        created_ms: row.get(6)?,
        updated_ms: row.get(7)?,
    })
}

fn refresh_document(connection: &Connection, id: DocId) -> Result<(), StoreError> {
    if let Some(entry) = find(connection, id)? {
        refresh(connection, entry.n, id)?;
    }
    Ok(())
}
