//! `restore`: a backup takes the place of the data.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap::Args;
use rusqlite::{Connection, OpenFlags, Transaction};
use serde_json::json;

use super::Common;
use super::backup::check;
use crate::clock::{Clock, SystemClock};
use crate::db::sqlite::{BESIDE, CORE, VIEWS, beside, connect, migrate, remove};
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
///
/// Killed at any moment it leaves a folder that can be served, with all of the old data or all of the backup's: the
/// backup is made ready beside the data, and takes its place by one rename as the last step. Done again it begins anew.
pub fn restore(data: &Path, from: &Path, now_ms: i64) -> Result<Restored, ServerError> {
    let log_entries = inspect(from)?;
    let folder = Folder::create(data)?;
    let _lock = folder.lock()?;
    let core = data.join(CORE);
    let part = data.join("restore.part");
    let io = || ServerError::io(format!("restore to {}", data.display()));
    remove(&part).map_err(io())?;
    fs::copy(from, &part).map_err(io())?;
    make_ready(&part)?;
    // A new device and incarnation do the old data no harm, should this end here; the other way round the server would
    // write on under numbers that are taken.
    let incarnation = begin_anew(data, now_ms)?;
    let set_aside = set_aside(&core, incarnation).map_err(io())?;
    fs::rename(&part, &core).and_then(|()| sync_folder(&core)).map_err(io())?;
    Ok(Restored { incarnation, log_entries, set_aside })
}

/// What a restore does to data that are older already, for whoever put them there in another way (the simulator, by its
/// disks); gives the new incarnation. Doing it again, after a crash, does no harm.
pub fn begin_again(data: &Path, options: DbOptions, now_ms: i64) -> Result<u64, ServerError> {
    let incarnation = begin_anew(data, now_ms)?;
    Db::open_core(data, options)?.write(forget)?;
    Ok(incarnation)
}

/// A new device of the server's own, a new incarnation, which is given, and no views: they are built anew.
fn begin_anew(data: &Path, now_ms: i64) -> Result<u64, ServerError> {
    let folder = Folder::at(data);
    folder.new_server_device()?;
    let incarnation = folder.new_incarnation(now_ms)?;
    remove(&data.join(VIEWS)).map_err(ServerError::io(format!("restore to {}", data.display())))?;
    Ok(incarnation)
}

/// Positions after the backup are not in it: no device shall be taken at its old word, and of the ledger nothing is known.
fn forget(transaction: &Transaction<'_>) -> Result<(), DbError> {
    transaction.execute("DELETE FROM device_position", [])?;
    crate::ledger::forget(transaction)
}

/// Brings a copy of the backup up to date, whole and durable in its one file.
fn make_ready(part: &Path) -> Result<(), ServerError> {
    let ready = || -> Result<(), DbError> {
        let connection = connect(part, &DbOptions::default())?;
        migrate(&connection)?;
        let transaction = connection.unchecked_transaction()?;
        forget(&transaction)?;
        transaction.commit()?;
        into_one_file(&connection)
    };
    ready()?;
    File::open(part).and_then(|file| file.sync_all()).map_err(ServerError::io(format!("write {}", part.display())))
}

/// Moves what stands in the write-ahead log into the file itself.
fn into_one_file(connection: &Connection) -> Result<(), DbError> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy { Err(DbError::Busy) } else { Ok(()) }
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

/// Keeps the old data under another name. It also stays under its own until the backup takes that, unless it is damaged.
fn set_aside(core: &Path, incarnation: u64) -> std::io::Result<Option<PathBuf>> {
    if !core.exists() {
        return Ok(None);
    }
    let named = |suffix: &str| {
        let mut name = core.as_os_str().to_owned();
        name.push(format!(".before-{incarnation}{suffix}"));
        PathBuf::from(name)
    };
    let whole = connect(core, &DbOptions::default()).and_then(|connection| into_one_file(&connection)).is_ok();
    if whole {
        // Not every file system knows two names for one file. Never copied over what is there: it could be the same file.
        match fs::hard_link(core, named("")) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => drop(fs::copy(core, named(""))?),
            done => done?,
        }
        return Ok(Some(named("")));
    }
    // The file itself goes last: without it the rest would mean nothing.
    for suffix in BESIDE.into_iter().chain([""]) {
        match fs::rename(beside(core, suffix), named(suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(Some(named("")))
}
