//! Schema versions. The core migrates step by step; the views are simply built anew.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use sha2::{Digest, Sha256};

use super::{DbOptions, VIEWS, connect, lasting};
use crate::db::DbError;

/// Steps of the core database, oldest first. Never change one that was released; add another.
pub const CORE_STEPS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_core.sql"),
    include_str!("../../../migrations/sqlite/0004_audit.sql"),
    include_str!("../../../migrations/sqlite/0005_trust.sql"),
    include_str!("../../../migrations/sqlite/0010_accounts.sql"),
    include_str!("../../../migrations/sqlite/0011_desk.sql"),
    include_str!("../../../migrations/sqlite/0012_snapshots.sql"),
    include_str!("../../../migrations/sqlite/0020_rules.sql"),
    include_str!("../../../migrations/sqlite/0021_villages.sql"),
    include_str!("../../../migrations/sqlite/0022_map.sql"),
    include_str!("../../../migrations/sqlite/0023_external.sql"),
    include_str!("../../../migrations/sqlite/0024_attachments.sql"),
    include_str!("../../../migrations/sqlite/0026_device_health.sql"),
];

/// The whole schema of the views. A change here makes every server build its views anew at its next start.
const VIEWS_SCHEMA: &[&str] = &[
    include_str!("../../../migrations/sqlite/0002_reports.sql"),
    include_str!("../../../migrations/sqlite/0003_projector.sql"),
    include_str!("../../../migrations/sqlite/0025_attachment_use.sql"),
];

/// Core and views in one file, for tests of what reads both.
#[cfg(test)]
pub(crate) fn whole_schema() -> impl Iterator<Item = &'static str> {
    CORE_STEPS.iter().chain(VIEWS_SCHEMA).copied()
}

fn version(connection: &Connection) -> Result<i64, DbError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Brings the core to the newest step, all of it in one transaction.
pub(super) fn core(connection: &Connection) -> Result<(), DbError> {
    let known = i64::try_from(CORE_STEPS.len()).map_err(DbError::internal)?;
    if version(connection)? == known {
        return Ok(());
    }
    let transaction = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Another process may have migrated while this one waited for the lock.
    let found = version(&transaction)?;
    if found > known {
        return Err(DbError::Newer { found, known });
    }
    for step in CORE_STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

/// The number that stands for the schema of the views: the first 31 bits of its hash.
fn views_version() -> i64 {
    let mut hasher = Sha256::new();
    VIEWS_SCHEMA.iter().for_each(|part| hasher.update(part));
    let hash = hasher.finalize();
    i64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) >> 1)
}

/// Creates the views; replaces those of another version, and those written in another run of the machine and not ended, by
/// empty ones.
pub(super) fn views(folder: &Path, options: &DbOptions, run: &str) -> Result<(), DbError> {
    let file = folder.join(VIEWS);
    let wanted = views_version();
    if file.exists() && !lasting::are_whole(folder, run) {
        tracing::warn!("the machine went down while views were written: they are built anew");
        super::remove(&file)?;
    }
    lasting::begin(folder, run);
    if file.exists() {
        match connect(&file, options).and_then(|connection| version(&connection)) {
            Ok(found) if found == wanted => return Ok(()),
            Err(DbError::Busy) => return Err(DbError::Busy),
            // Another version, or damaged: nothing in it is needed.
            Ok(_) | Err(_) => super::remove(&file)?,
        }
    }
    let connection = connect(&file, options)?;
    let transaction = rusqlite::Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
    for part in VIEWS_SCHEMA {
        transaction.execute_batch(part)?;
    }
    transaction.pragma_update(None, "user_version", wanted)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_core_migrates_once_and_a_newer_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let connection = connect(&folder.path().join("a.db"), &DbOptions::default()).unwrap();
        core(&connection).unwrap();
        core(&connection).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert_eq!(core(&connection).unwrap_err().code(), "newer_schema");
    }

    #[test]
    fn views_of_another_version_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let options = DbOptions::default();
        views(folder.path(), &options, "a run").unwrap();
        let file = folder.path().join(VIEWS);
        connect(&file, &options)
            .unwrap()
            .execute_batch("INSERT INTO projected VALUES (1, 5); PRAGMA user_version = 3")
            .unwrap();
        views(folder.path(), &options, "a run").unwrap();
        let rows: i64 = connect(&file, &options)
            .unwrap()
            .query_row("SELECT count(*) FROM projected", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 0);
        std::fs::write(&file, b"not a database, but long enough to look like a file").unwrap();
        views(folder.path(), &options, "a run").unwrap();
    }
}
