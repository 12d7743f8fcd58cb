//! Salvage in a browser, where files cannot be renamed: the fresh database is another file of the pool, and counts from
//! the moment at which it is marked as complete.

use crate::error::StoreError;
use crate::key::DatabaseKey;
use crate::open::{bad_pages, connect};
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
    let old = connect(&damaged, key)?;
    let report = SalvageReport {
        damage: damage.to_owned(),
        set_aside: damaged.to_string_lossy().into_owned(),
        // Only a figure for the report: if it cannot be had, the salvage goes on.
        unreadable_pages: bad_pages(&old).map_or(0, |bad| bad.len() as u64),
        ..SalvageReport::default()
    };
    build(&fresh, key, report, now_ms, |transaction| table::read(&old, &mut |row| sort::put(transaction, row)))?;
    drop(old);
    files.mark_complete(&fresh)?;
    files.clear_suspect()
}
