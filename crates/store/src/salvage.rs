//! Moving what is readable from a damaged file to a fresh one.
//!
//! The fresh file is complete, and on disk, before it takes the damaged one's place; the damaged one is never changed
//! and never removed. How rows are read and how files change places differs between a file system (`system`) and a
//! browser (`browser`). What counts is what nobody else has: identity, unsent
//! changes, envelopes, drafts. Everything else is taken along as far as it can be read, and the cursors start
//! again from the beginning, so that the server fills every gap.

#[cfg(target_family = "wasm")]
mod browser;
#[cfg(not(target_family = "wasm"))]
mod leaf;
mod sort;
#[cfg(not(target_family = "wasm"))]
mod system;
#[cfg(any(test, target_family = "wasm"))]
mod table;
#[cfg(not(target_family = "wasm"))]
mod wal;

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::key::DatabaseKey;
use crate::open::{configure, connect};
use crate::{Store, schema};

#[cfg(target_family = "wasm")]
pub(crate) use browser::{finish_interrupted, salvage};
#[cfg(not(target_family = "wasm"))]
pub(crate) use system::{finish_interrupted, salvage};

/// A row as it lies in a page: its number, and the columns that the record has.
struct LooseRow {
    n: i64,
    columns: Vec<Value>,
}

/// What a salvage found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalvageReport {
    /// What was wrong.
    pub damage: String,
    /// Name of the file in the store's folder under which the damaged database is kept.
    pub set_aside: String,
    /// Pages in the damaged file.
    pub pages: u64,
    /// Pages among them that cannot be read.
    pub unreadable_pages: u64,
    /// Changes that were salvaged.
    pub changes: u64,
    /// Of these, those that the server had not confirmed.
    pub unsent_changes: u64,
    /// Envelopes that were salvaged.
    pub envelopes: u64,
    /// Drafts that were salvaged.
    pub drafts: u64,
    /// True if the device's identity was salvaged; otherwise it must be enrolled again.
    pub identity: bool,
    /// Unsent changes whose space is not known any more; they can be exported.
    pub homeless_changes: u64,
}

/// A salvage that the user has not been told about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalvageNote {
    /// Names the note.
    pub id: i64,
    /// When it was, in milliseconds since 1970.
    pub at_ms: i64,
    /// What was found.
    pub report: SalvageReport,
}

impl Store {
    /// Salvages that nobody has been told about yet, oldest first.
    pub fn salvage_notes(&self) -> Result<Vec<SalvageNote>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT n, at_ms, report FROM salvage_note ORDER BY n")?;
            let mut rows = statement.query([])?;
            let mut notes = Vec::new();
            while let Some(row) = rows.next()? {
                let report = serde_json::from_str(&row.get::<_, String>(2)?)?;
                notes.push(SalvageNote { id: row.get(0)?, at_ms: row.get(1)?, report });
            }
            Ok(notes)
        })
    }

    /// Forgets a note, once somebody has read it. The file that was set aside stays.
    pub fn dismiss_salvage_note(&mut self, id: i64) -> Result<(), StoreError> {
        self.write(|writing| {
            writing.execute("DELETE FROM salvage_note WHERE n = ?1", [id])?;
            Ok(())
        })
    }
}

/// Makes a fresh database of the rows that `read` puts into it, and of the report as a note. It is on disk when this
/// returns.
fn build(
    fresh: &Path,
    key: &DatabaseKey,
    mut report: SalvageReport,
    now_ms: i64,
    read: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut connection = connect(fresh, key)?;
    configure(&connection)?;
    // Whole or not at all, and only then used: no journal is needed on the way.
    connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA foreign_keys = OFF;")?;
    schema::migrate(&mut connection, 0)?;
    let transaction = connection.transaction()?;
    read(&transaction)?;
    sort::mend(&transaction, &mut report)?;
    let text = serde_json::to_string(&report)?;
    transaction.execute("INSERT INTO salvage_note (at_ms, report) VALUES (?1, ?2)", params![now_ms, text])?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error.into())
}
