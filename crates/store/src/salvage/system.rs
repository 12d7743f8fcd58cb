//! Salvage on a file system: a copy of the damaged file is read page by page.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::files::{Files, remove_if_there};
use crate::key::DatabaseKey;
use crate::open::{bad_pages, connect};

use super::{SalvageReport, build, leaf, sort, wal};

/// The page size of the database.
pub(super) const PAGE: usize = 4096;

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

type Aside = (PathBuf, PathBuf);

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
    let report = SalvageReport {
        damage: damage.to_owned(),
        set_aside: aside.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        pages: u64::from(pages),
        unreadable_pages: unreadable(work, key)?,
        ..SalvageReport::default()
    };
    build(fresh, key, report, now_ms, |transaction| {
        // The first page only says what tables there are.
        let mut page = 2;
        while page <= pages {
            let count = leaf::AT_ONCE.min(pages - page + 1);
            leaf::read(work, key, pages, page, count, &mut |row| sort::put(transaction, row))?;
            page += count;
        }
        Ok(())
    })?;
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
    // Only a figure for the report: if it cannot be had, the salvage goes on.
    Ok(bad_pages(&connect(path, key)?).map_or(0, |bad| bad.len() as u64))
}
