//! Deriving list rows again: after an update of the app, new rules, or a salvage.

use gandan_model::ids::DocId;
use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;
use crate::project::project;
use crate::state::refresh;
use crate::{Store, Writing, document, setting};

/// Changes whenever rows of an older version of the app have to be derived again.
const ROWS: u32 = 1;
const ROWS_DONE: &str = "rows";
const ROWS_PLACE: &str = "rows_place";

/// How far a reprojection has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reprojected {
    /// Documents derived by this call.
    pub done: usize,
    /// Documents that this version cannot read, and that keep the row they had.
    pub failed: usize,
    /// True if all are done.
    pub finished: bool,
}

impl Store {
    /// True if rows come from an older version of the app, or a reprojection was begun and not finished.
    /// Lists work meanwhile.
    pub fn needs_reprojection(&self) -> Result<bool, StoreError> {
        self.read(|connection| {
            let done: Option<u32> = setting::json(connection, ROWS_DONE)?;
            let begun: Option<i64> = setting::json(connection, ROWS_PLACE)?;
            Ok(begun.is_some() || done.is_some_and(|done| done != ROWS))
        })
    }

    /// Begins to derive all rows again, after [`Store::set_rules`] for instance.
    pub fn begin_reprojection(&mut self) -> Result<(), StoreError> {
        self.write(|writing| setting::set_json(writing, ROWS_PLACE, &0))
    }

    /// Derives the rows of at most so many documents, about a millisecond each, in one transaction, and
    /// goes on there at the next call, also after a restart.
    pub fn reproject(&mut self, limit: u32) -> Result<Reprojected, StoreError> {
        self.write(|writing| {
            let mut result = Reprojected::default();
            let mut place: i64 = setting::json(writing, ROWS_PLACE)?.unwrap_or(0);
            for _ in 0..limit.max(1) {
                let Some((n, id, unit)) = next(writing, place)? else {
                    writing.execute("DELETE FROM setting WHERE name = ?1", [ROWS_PLACE])?;
                    setting::set_json(writing, ROWS_DONE, &ROWS)?;
                    result.finished = true;
                    return Ok(result);
                };
                place = n;
                if again(writing, n, id, &unit)? {
                    result.done += 1;
                } else {
                    result.failed += 1;
                }
            }
            setting::set_json(writing, ROWS_PLACE, &place)?;
            Ok(result)
        })
    }
}

/// Remembers in a new file that its rows are those of this version.
pub(crate) fn note_version(connection: &Connection) -> Result<(), StoreError> {
    if setting::get(connection, ROWS_DONE)?.is_none() && setting::get(connection, ROWS_PLACE)?.is_none() {
        setting::set_json(connection, ROWS_DONE, &ROWS)?;
    }
    Ok(())
}

fn next(writing: &Writing<'_>, after: i64) -> Result<Option<(i64, DocId, String)>, StoreError> {
    let mut statement = writing.prepare_cached(
        "SELECT d.n, d.id, s.unit FROM document d JOIN space s ON s.n = d.space WHERE d.n > ?1 ORDER BY d.n LIMIT 1",
    )?;
    let found = statement.query_row([after], |row| Ok((row.get(0)?, DocId(row.get(1)?), row.get(2)?)));
    Ok(found.optional()?)
}

/// Derives one document's rows; false if it cannot be read.
pub(crate) fn again(writing: &Writing<'_>, n: i64, id: DocId, unit: &str) -> Result<bool, StoreError> {
    match document::load(writing, n, id) {
        Ok(document) => {
            project(writing, n, id, unit, &document)?;
            refresh(writing, n, id)?;
            Ok(true)
        }
        Err(StoreError::BadDocument { .. }) => {
            refresh(writing, n, id)?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
