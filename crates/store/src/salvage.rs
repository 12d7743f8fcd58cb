//! Moving what is readable from a damaged file to a fresh one.
//!
//! Work is done on a copy. The fresh file is complete, and on disk, before the damaged one is renamed; the
//! damaged one is never changed and never removed. What counts is what nobody else has: identity, unsent
//! changes, envelopes, drafts. Everything else is taken along as far as it can be read, and the cursors start
//! again from the beginning, so that the server fills every gap.

mod leaf;
mod sort;
mod wal;

use std::fs;
use std::path::Path;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::files::{Files, remove_if_there};
use crate::key::DatabaseKey;
use crate::open::{configure, connect};
use crate::{Store, schema};

/// The page size of the database.
const PAGE: usize = 4096;
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

/// Completes what a salvage had begun when the process was killed.
pub(crate) fn finish_interrupted(files: &Files, now_ms: i64) -> Result<(), StoreError> {
    if !files.salvaged().exists() {
        return Ok(());
    }
    // It got its name only when it was complete, and the damaged file was about to be renamed.
    let (aside, aside_wal) = files.set_aside(now_ms);
    swap(files, &aside, &aside_wal)
}

/// Salvages a damaged database: afterwards a fresh one is in its place.
pub(crate) fn salvage(files: &Files, key: &DatabaseKey, damage: &str, now_ms: i64) -> Result<(), StoreError> {
    let (work, fresh) = (files.scratch("work"), files.scratch("fresh"));
    for file in [&work, &fresh] {
        remove_if_there(file)?;
    }
    let result = rescue(files, key, damage, now_ms, &work, &fresh);
    // Not the damaged file: copies that were made here.
    for file in [&work, &fresh] {
        remove_if_there(file)?;
    }
    let (aside, aside_wal) = result?;
    swap(files, &aside, &aside_wal)?;
    files.clear_suspect()
}

type Aside = (std::path::PathBuf, std::path::PathBuf);

fn rescue(
    files: &Files,
    key: &DatabaseKey,
    damage: &str,
    now_ms: i64,
    work: &Path,
    fresh: &Path,
) -> Result<Aside, StoreError> {
    match fs::copy(files.database(), work) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => fs::write(work, [])?,
        Err(error) => return Err(error.into()),
    }
    wal::apply(&files.wal(), work)?;
    let pages = pad(work)?;
    let (aside, aside_wal) = files.set_aside(now_ms);
    let mut report = SalvageReport {
        damage: damage.to_owned(),
        set_aside: aside.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        pages: u64::from(pages),
        unreadable_pages: unreadable(work, key)?,
        ..SalvageReport::default()
    };
    let mut connection = connect(fresh, key)?;
    configure(&connection)?;
    // Whole or not at all, and then renamed: no journal is needed on the way.
    connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA foreign_keys = OFF;")?;
    schema::migrate(&mut connection, 0)?;
    let transaction = connection.transaction()?;
    // The first page only says what tables there are.
    let mut page = 2;
    while page <= pages {
        let count = leaf::AT_ONCE.min(pages - page + 1);
        leaf::read(work, key, pages, page, count, &mut |row| sort::put(&transaction, row))?;
        page += count;
    }
    sort::mend(&transaction, &mut report)?;
    let text = serde_json::to_string(&report)?;
    transaction.execute("INSERT INTO salvage_note (at_ms, report) VALUES (?1, ?2)", params![now_ms, text])?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    fs::File::open(fresh)?.sync_all()?;
    fs::rename(fresh, files.salvaged())?;
    Ok((aside, aside_wal))
}

/// Puts the salvaged file in the damaged one's place. The log goes first: it must never meet the new file.
fn swap(files: &Files, aside: &Path, aside_wal: &Path) -> Result<(), StoreError> {
    files.sync_folder()?;
    for (from, to) in [(files.wal(), aside_wal), (files.database(), aside)] {
        match fs::rename(from, to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => files.sync_folder()?,
        }
    }
    fs::rename(files.salvaged(), files.database())?;
    files.sync_folder()
}

/// Fills the last page up with zeros; gives the number of pages, at least one.
fn pad(path: &Path) -> Result<u32, StoreError> {
    let length = fs::metadata(path)?.len();
    let pages = length.div_ceil(PAGE as u64).max(1);
    fs::File::options().write(true).open(path)?.set_len(pages * PAGE as u64)?;
    u32::try_from(pages).map_err(StoreError::internal)
}

/// How many pages have a wrong checksum.
fn unreadable(path: &Path, key: &DatabaseKey) -> Result<u64, StoreError> {
    let count = |connection: Connection| -> rusqlite::Result<u64> {
        let mut statement = connection.prepare("PRAGMA cipher_integrity_check")?;
        let mut rows = statement.query([])?;
        let mut bad = 0;
        while rows.next()?.is_some() {
            bad += 1;
        }
        Ok(bad)
    };
    // Only a figure for the report: if it cannot be had, the salvage goes on.
    Ok(count(connect(path, key)?).unwrap_or(0))
}
