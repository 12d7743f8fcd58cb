//! `restore`: a backup takes the place of the data.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap::Args;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use super::Common;
use super::backup::check;
use crate::clock::{Clock, SystemClock};
use crate::db::sqlite::{CORE, VIEWS};
use crate::db::{Db, DbError, DbOptions};
use crate::error::ServerError;
use crate::folder::{Folder, sync_folder};

#[derive(Debug, Args)]
pub(super) struct Restore {
    #[command(flatten)]
    common: Common,
    /// The file that `backup` wrote
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
}

impl Restore {
    pub(super) fn run(&self) -> Result<(), ServerError> {
        let restored = restore(&self.common.data, &self.from, SystemClock.now_ms())?;
        let answer = json!({
            "incarnation": restored.incarnation, "log_entries": restored.log_entries, "set_aside": restored.set_aside,
        });
        let mut text = format!("restored: {} log entries; incarnation {}", restored.log_entries, restored.incarnation);
        if let Some(file) = &restored.set_aside {
            text += &format!("\nthe data that was here before is kept in {}", file.display());
        }
        text += "\nDevices will give back at their next contact what this backup does not hold yet.";
        self.common.say(&answer, &text)
    }
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The new incarnation.
    pub incarnation: u64,
    /// Log entries in the backup.
    pub log_entries: i64,
    /// Where the database that was in the folder is now.
    pub set_aside: Option<PathBuf>,
}

/// Puts a backup in the place of the data. What was there is set aside, never deleted. The server gets a new device and
/// a new incarnation; revocations in the folder's ledger stay in force.
pub fn restore(data: &Path, from: &Path, now_ms: i64) -> Result<Restored, ServerError> {
    let log_entries = inspect(from)?;
    let folder = Folder::create(data)?;
    let _lock = folder.lock()?;
    let core = data.join(CORE);
    let incarnation = folder.incarnation()?.max(u64::try_from(now_ms / 1000).unwrap_or(0)) + 1;

    let part = data.join("restore.part");
    let io = || ServerError::io(format!("restore to {}", data.display()));
    fs::copy(from, &part).map_err(io())?;
    File::open(&part).and_then(|file| file.sync_all()).map_err(io())?;
    let set_aside = set_aside(&core, incarnation).map_err(io())?;
    fs::rename(&part, &core).and_then(|()| sync_folder(&core)).map_err(io())?;
    // From here on the data is the backup's. Were this process killed before the next lines, the next `restore` or the
    // devices' chains would still tell.
    let incarnation = begin_again(data, DbOptions::default(), now_ms)?;
    Ok(Restored { incarnation, log_entries, set_aside })
}

/// What has to happen before older data are served: a new device of the server's own, a new incarnation, which is given,
/// views that are built anew, and a database that takes no device at its old word and knows nothing of the ledger yet.
/// Doing it again, after a crash, does no harm.
pub fn begin_again(data: &Path, options: DbOptions, now_ms: i64) -> Result<u64, ServerError> {
    let folder = Folder::at(data);
    folder.new_server_device()?;
    let incarnation = folder.new_incarnation(now_ms)?;
    remove_views(data).map_err(ServerError::io(format!("restore to {}", data.display())))?;
    Db::open_core(data, options)?.write(|transaction| {
        // Positions after the backup are not in it.
        transaction.execute("DELETE FROM device_position", [])?;
        crate::ledger::forget(transaction)
    })?;
    Ok(incarnation)
}

/// Makes sure that the file is a backup before anything is touched.
fn inspect(from: &Path) -> Result<i64, ServerError> {
    if !from.is_file() {
        return Err(ServerError::invalid("no_such_file", format!("{} is not there", from.display())));
    }
    let read = || -> Result<i64, DbError> {
        let backup = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        check(&backup)?;
        Ok(backup.query_row("SELECT count(*) FROM log", [], |row| row.get(0))?)
    };
    read().map_err(|error| {
        ServerError::invalid("bad_backup", format!("{} is not a backup of a server: {error}", from.display()))
    })
}

fn set_aside(core: &Path, incarnation: u64) -> std::io::Result<Option<PathBuf>> {
    if !core.exists() {
        return Ok(None);
    }
    let mut aside = core.as_os_str().to_owned();
    aside.push(format!(".before-{incarnation}"));
    for suffix in ["-wal", "-shm", ""] {
        let (mut old, mut new) = (core.as_os_str().to_owned(), aside.clone());
        old.push(suffix);
        new.push(suffix);
        match fs::rename(old, new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(Some(PathBuf::from(aside)))
}

fn remove_views(data: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        match fs::remove_file(data.join(format!("{VIEWS}{suffix}"))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
