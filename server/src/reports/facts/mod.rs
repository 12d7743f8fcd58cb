//! Facts: the columns of visits and issues that figures and maps read, in memory.
//!
//! A figure of a whole period looks at every row. Read from the tables, 300,000 rows take a second or two; here, some tens
//! of milliseconds. A row takes about 130 bytes: a year of a province 3 MB, the 300,000 rows of decades 40 MB.
//!
//! **They are the rows, of the same moment.** Triggers note in `fact_change` which row changed; whoever asks does so inside
//! a read transaction (`Facts::at_one_moment`), and before anything is answered what changed up to that transaction is
//! read again. If more changed than is noted, or the views were built anew, everything is read again. A test compares
//! every answer with the one of facts read from scratch, after random changes.

mod issues;
mod names;
#[cfg(test)]
mod tests;
mod visits;

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use gandan_model::ids::DocId;
use rusqlite::{Connection, Params};

use crate::db::DbError;
pub(crate) use issues::{IssueFact, IssueRecord, has_left, is_settled};
pub(crate) use names::{ByName, Name, Names};
pub(crate) use visits::{VisitFact, VisitRecord, is_held};

/// Changes that the projector keeps noted; facts that lag behind more than these are read anew.
pub(crate) const NOTED: i64 = 20_000;
/// Times that a reader looks for a moment that others have not left behind.
const ATTEMPTS: u32 = 16;
/// Of facts that were never read, or of which nobody knows how far they are.
const NOWHERE: i64 = -1;

/// The facts of a server; follows the views whenever somebody asks.
#[derive(Debug)]
pub struct Facts(RwLock<Table>);

impl Default for Facts {
    fn default() -> Self {
        Self(RwLock::new(Table { at: NOWHERE, ..Table::default() }))
    }
}

/// All facts of one moment.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Number of the last change that is in it.
    at: i64,
    pub(crate) names: Names,
    pub(crate) issues: BTreeMap<i64, IssueRecord>,
    pub(crate) visits: BTreeMap<i64, VisitRecord>,
    /// Rows of visits by id and unit.
    visit_rows: HashMap<(DocId, Name), i64>,
}

impl Facts {
    /// Runs `read` inside one read transaction, with the facts of exactly that moment.
    pub(crate) fn at_one_moment<T>(
        &self,
        connection: &Connection,
        read: impl FnOnce(&Connection, &Table) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        for attempt in 0.. {
            let moment = connection.unchecked_transaction()?;
            let head = head(&moment)?;
            // Somebody with a later moment was here in between: a new transaction sees that one, too. If it never does,
            // the views were exchanged for older ones.
            let Some(table) = self.following(&moment, head, attempt >= ATTEMPTS)? else { continue };
            let answer = read(&moment, &table)?;
            drop(table);
            moment.commit()?;
            return Ok(answer);
        }
        Err(DbError::internal("no moment of the views and their facts"))
    }

    /// Follows the views, so that nobody has to wait for it.
    pub(crate) fn keep_up(&self, connection: &Connection) -> Result<(), DbError> {
        self.at_one_moment(connection, |_, _| Ok(()))
    }

    /// The facts as of change number `head`, which is that of the transaction; `None` if they are farther already, unless
    /// they are to go `back`.
    fn following(
        &self,
        moment: &Connection,
        head: i64,
        back: bool,
    ) -> Result<Option<RwLockReadGuard<'_, Table>>, DbError> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if table.at == head || (table.at > head && !back) {
            return Ok((table.at == head).then_some(table));
        }
        drop(table);
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if table.at > head && back {
            table.at = NOWHERE;
        }
        if table.at < head {
            table.follow(moment, head)?;
        }
        let table = RwLockWriteGuard::downgrade(table);
        Ok((table.at == head).then_some(table))
    }
}

/// Number of the last change of a row.
fn head(connection: &Connection) -> Result<i64, DbError> {
    // The last one always stays noted.
    let mut statement = connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM fact_change")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

impl Table {
    /// Where a visit of a unit took place.
    pub(crate) fn place(&self, visit: DocId, unit: Name) -> Option<(f64, f64)> {
        self.visit_rows.get(&(visit, unit)).and_then(|n| self.visits.get(n)).and_then(|visit| visit.place)
    }

    /// The number of a status that something had in the past.
    fn past(&self, status: &str) -> Result<Name, DbError> {
        self.names.find(status).ok_or_else(|| DbError::internal("a status of the past that no event names"))
    }

    /// Takes in words that stand in no row, but in the events behind it.
    fn name_all(&mut self, connection: &Connection, sql: &str, parameters: impl Params) -> Result<(), DbError> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            self.names.name(row.get_ref(0)?.as_str().map_err(DbError::internal)?);
        }
        Ok(())
    }

    /// Takes in what changed up to `head`. An error half-way leaves facts that the next one reads from scratch.
    fn follow(&mut self, connection: &Connection, head: i64) -> Result<(), DbError> {
        let from = std::mem::replace(&mut self.at, NOWHERE);
        let first: Option<i64> =
            connection.prepare_cached("SELECT min(seq) FROM fact_change")?.query_row([], |row| row.get(0))?;
        if from == NOWHERE || first.is_none_or(|first| first > from + 1) {
            *self = Self { at: NOWHERE, ..Self::default() };
            issues::read_all(connection, self)?;
            visits::read_all(connection, self)?;
        } else {
            let mut statement =
                connection.prepare_cached("SELECT DISTINCT issue, n FROM fact_change WHERE seq > ?1")?;
            let mut changed = statement.query([from])?;
            while let Some(row) = changed.next()? {
                let (issue, n): (bool, i64) = (row.get(0)?, row.get(1)?);
                if issue { issues::read_one(connection, self, n)? } else { visits::read_one(connection, self, n)? }
            }
        }
        self.at = head;
        Ok(())
    }
}
