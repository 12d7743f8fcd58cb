//! Salvage in a browser, where files cannot be renamed: the fresh database is another file of the pool, and counts from
//! the moment at which it is marked as complete. Rows are read table by table: what nobody has any more is a table whose
//! topmost page is lost, and everything if the file's first page is. The damaged file stays for better tools.

use crate::error::StoreError;
use crate::key::DatabaseKey;
use crate::open::bad_pages;
use crate::pool::Files;

use super::{SalvageReport, build, sort, table};

/// Nothing can be half-done: a database that was not marked is made again.
pub(crate) fn finish_interrupted(_: &Files, _: i64) -> Result<(), StoreError> {
    Ok(())
}

/// Salvages a damaged database: afterwards a fresh one counts in its place.
pub(crate) fn salvage(files: &Files, key: &DatabaseKey, damage: &str, now_ms: i64) -> Result<(), StoreError> {
    let damaged = files.database();
    let fresh = files.next_database()?;
    let report = SalvageReport {
        damage: damage.to_owned(),
        set_aside: damaged.to_string_lossy().into_owned(),
        // Only a figure for the report: if it cannot be had, the salvage goes on.
        unreadable_pages: bad_pages(&table::look(&damaged, key)?).map_or(0, |bad| bad.len() as u64),
        ..SalvageReport::default()
    };
    build(&fresh, key, report, now_ms, |transaction| {
        table::read(&damaged, key, &mut |row| sort::put(transaction, row))
    })?;
    files.mark_complete(&fresh)?;
    files.clear_suspect()
}
