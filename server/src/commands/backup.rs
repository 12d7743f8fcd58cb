//! `backup`: a running server's data in one file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap::Args;
use rusqlite::Connection;
use serde_json::json;

use super::Common;
use crate::db::sqlite::{CORE, beside, connect, remove};
use crate::db::{Db, DbError, DbOptions};
use crate::error::ServerError;
use crate::folder::sync_folder;

#[derive(Debug, Args)]
pub(super) struct Backup {
    #[command(flatten)]
    common: Common,
    /// The file to write; it must not exist yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

impl Backup {
    pub(super) fn run(&self) -> Result<(), ServerError> {
        let (bytes, entries) = backup(&self.common.data, &self.to)?;
        let answer = json!({"file": self.to, "bytes": bytes, "log_entries": entries});
        self.common.say(&answer, &format!("{}: {bytes} bytes, {entries} log entries", self.to.display()))
    }
}

/// Writes a copy of the core database as of one moment, checks it and makes it durable. Gives its size in bytes and the
/// number of log entries in it. Keys, revocations and the incarnation are not in it: see [`crate::folder`].
pub fn backup(data: &Path, to: &Path) -> Result<(u64, i64), ServerError> {
    Db::check_exists(data)?;
    if to.exists() {
        return Err(ServerError::invalid("file_exists", format!("{} exists; choose another name", to.display())));
    }
    let part = beside(to, ".part");
    let io = || ServerError::io(format!("write {}", to.display()));
    remove(&part).map_err(io())?;
    let copied = copy(data, &part).inspect_err(|_| {
        let _ = remove(&part);
    })?;
    let finish = || {
        #[cfg(unix)]
        fs::set_permissions(&part, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        File::open(&part)?.sync_all()?;
        fs::rename(&part, to)?;
        sync_folder(to)?;
        Ok(fs::metadata(to)?.len())
    };
    let bytes = finish().map_err(io())?;
    Ok((bytes, copied))
}

fn copy(data: &Path, part: &Path) -> Result<i64, DbError> {
    let source = connect(&data.join(CORE), &DbOptions::default())?;
    let name = part.to_str().ok_or_else(|| DbError::internal("the name of the backup is not UTF-8"))?;
    source.execute("VACUUM INTO ?1", [name])?;
    let copy = Connection::open(part)?;
    check(&copy)?;
    Ok(copy.query_row("SELECT count(*) FROM log", [], |row| row.get(0))?)
}

/// Whether a file is a whole database.
pub(super) fn check(connection: &Connection) -> Result<(), DbError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(DbError::Damaged(verdict)) }
}
