//! SQLite: the default database, embedded.

pub mod accounts;
pub mod attachments;
pub mod chunks;
mod columns;
pub mod decisions;
pub mod devices;
pub mod erasing;
mod lasting;
mod log;
mod migrate;
pub mod org;
pub mod people;
mod pool;
pub mod rules;
pub mod sessions;
pub mod spaces;
pub mod villages;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use gandan_model::mutant;

use super::DbError;
use super::storage::{DbResult, ReadLog, Storage, WriteLog};
pub(crate) use log::{QUARANTINED, quarantined_row};
pub use migrate::CORE_STEPS;
#[cfg(test)]
pub(crate) use migrate::whole_schema;
use pool::{Pool, Spare};

/// File name of the truth.
pub const CORE: &str = "gandan.db";
/// File name of what is derived.
pub const VIEWS: &str = "views.db";
/// Statements that a connection keeps ready: more than the server has, but for lists put together from filters.
const STATEMENTS: usize = 200;

/// Bounds of the database.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// Read connections kept open; more readers than this wait.
    pub readers: usize,
    /// Page cache of each connection that reads, in KiB; those that write have twice as much.
    pub cache_kib: u32,
    /// How long to wait for another process's write, in milliseconds.
    pub busy_timeout_ms: u64,
    /// Most pages of the core database; 0 for no limit. Lets tests fill the disk.
    pub max_pages: u32,
}

impl Default for DbOptions {
    fn default() -> Self {
        Self { readers: 4, cache_kib: 2048, busy_timeout_ms: 10_000, max_pages: 0 }
    }
}

/// An open database; clones share it.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    options: DbOptions,
    readers: Pool,
    writer: Spare,
}

impl Db {
    /// Opens the database in this folder, creating or migrating both files.
    pub fn open(folder: &Path, options: DbOptions) -> Result<Self, DbError> {
        let db = Self::open_core(folder, options)?;
        db.open_views()?;
        Ok(db)
    }

    /// Opens the core alone, creating or migrating it. [`Db::read`] sees no views then, until [`Db::open_views`].
    pub fn open_core(folder: &Path, options: DbOptions) -> Result<Self, DbError> {
        let (readers, writer) = (Pool::new(options.readers), Spare::default());
        let db = Self(Arc::new(Inner { folder: folder.to_owned(), options, readers, writer }));
        db.with_writer(migrate::core)?;
        Ok(db)
    }

    /// Creates the views; replaces those of another version, and those that a power failure may have spoilt, by empty ones.
    pub fn open_views(&self) -> Result<(), DbError> {
        migrate::views(&self.0.folder, &self.0.options, &lasting::this_run())
    }

    /// Has everything in the views stand on the disk. Nobody may write them any more, until they are opened again.
    pub fn end_views(&self) -> Result<(), DbError> {
        let connection = self.writer_to(VIEWS)?;
        let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy == 0 { lasting::end(&self.0.folder) } else { Err(DbError::Busy) }
    }

    /// What a process wrote that was killed before the disk had it is in the write-ahead log, and is read from there: nobody
    /// may hear that it is held before a power failure cannot take it away any more.
    pub(crate) fn wait_for_disk(&self) -> Result<(), DbError> {
        // Syncs the log, then moves as much of it as nobody reads into the file; nothing is done if there is none.
        let move_log = |c: &Connection| Ok(c.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?);
        match self.with_writer(move_log) {
            // The log is synced by then; it stays where it is until there is room.
            Err(DbError::Full) => Ok(()),
            done => done,
        }
    }

    /// Fails with [`DbError::Missing`] if there is no database in the folder.
    pub fn check_exists(folder: &Path) -> Result<(), DbError> {
        if folder.join(CORE).is_file() { Ok(()) } else { Err(DbError::Missing) }
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Runs `read` on a pooled connection that sees the tables of both files and cannot write. Everything that
    /// `read` asks within one call of [`Connection::unchecked_transaction`] is of one moment; without it each statement
    /// sees its own. Blocks: from async code use [`Db::read_async`].
    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, DbError>) -> Result<T, DbError> {
        let connection = self.0.readers.take(|| self.reader())?;
        let result = read(&connection);
        self.0.readers.put_back(connection);
        result
    }

    /// [`Db::read`] on a thread that may block.
    pub async fn read_async<T, F>(&self, read: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, DbError> + Send + 'static,
    {
        let db = self.clone();
        tokio::task::spawn_blocking(move || db.read(read)).await.map_err(DbError::internal)?
    }

    fn reader(&self) -> Result<Connection, DbError> {
        let connection = connect(&self.0.folder.join(CORE), &self.0.options)?;
        attach(&connection, &self.0.folder.join(VIEWS), "views")?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    /// Runs `work` on a connection that writes the core database, and keeps it for who needs one next. Transactions must
    /// begin with `BEGIN IMMEDIATE`.
    pub(crate) fn with_writer<T>(&self, work: impl FnOnce(&Connection) -> Result<T, DbError>) -> Result<T, DbError> {
        let connection = self.0.writer.take(|| self.core_writer())?;
        let result = work(&connection);
        self.0.writer.put_back(connection);
        result
    }

    /// A connection of one's own that writes the core database. Transactions must begin with `BEGIN IMMEDIATE`.
    fn core_writer(&self) -> Result<Connection, DbError> {
        let connection = self.writer_to(CORE)?;
        if self.0.options.max_pages > 0 {
            connection.pragma_update(None, "max_page_count", self.0.options.max_pages)?;
        }
        Ok(connection)
    }

    fn writer_to(&self, file: &str) -> Result<Connection, DbError> {
        let options = DbOptions { cache_kib: self.0.options.cache_kib * 2, ..self.0.options.clone() };
        connect(&self.0.folder.join(file), &options)
    }

    /// A connection whose main file is `views.db`; the core is attached as `core` and must only be read.
    pub(crate) fn views_writer(&self) -> Result<Connection, DbError> {
        let connection = self.writer_to(VIEWS)?;
        // Views can be built again: no commit of theirs has to wait for the disk.
        connection.pragma_update(None, "synchronous", "OFF")?;
        attach(&connection, &self.0.folder.join(CORE), "core")?;
        Ok(connection)
    }
}

impl Storage for Db {
    fn view(&self, read: &mut dyn FnMut(&dyn ReadLog) -> DbResult<()>) -> DbResult<()> {
        self.read(|connection| {
            // In WAL mode a read transaction is a view of one moment and blocks nobody.
            let transaction = connection.unchecked_transaction()?;
            read(&log::Log(&transaction))
        })
    }

    fn writer(&self) -> DbResult<Box<dyn WriteLog + Send>> {
        let connection = self.0.writer.take(|| self.core_writer())?;
        // Checkpoints wait for a quiet moment: see `WriteLog::tidy`.
        connection.pragma_update(None, "wal_autocheckpoint", 16_384)?;
        Ok(Box::new(writer::Writer(connection)))
    }
}

/// Brings a core database that stands in a file of its own to the newest step.
pub(crate) fn migrate(connection: &Connection) -> Result<(), DbError> {
    migrate::core(connection)
}

/// A connection, or a transaction of it, as a log to read.
pub(crate) fn log_of(connection: &Connection) -> impl ReadLog + '_ {
    log::Log(connection)
}

/// What SQLite keeps beside a file: of a process that was killed any of it may be there, and would be taken for that of a
/// file that comes under the same name later.
pub(crate) const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// The name of what lies beside a file.
pub(crate) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes a database and all that belongs to it, as far as it is there: the file first, as the rest means nothing without it.
pub(crate) fn remove(file: &Path) -> std::io::Result<()> {
    for suffix in std::iter::once("").chain(BESIDE) {
        match std::fs::remove_file(beside(file, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn attach(connection: &Connection, file: &Path, name: &str) -> Result<(), DbError> {
    let file = file.to_str().ok_or_else(|| DbError::internal("the data folder's name is not UTF-8"))?;
    connection.execute(&format!("ATTACH DATABASE ?1 AS {name}"), [file])?;
    Ok(())
}

/// Opens one file with the settings that all connections share.
pub(crate) fn connect(file: &Path, options: &DbOptions) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_millis(options.busy_timeout_ms))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", if mutant::on("server_no_fsync") { "OFF" } else { "FULL" })?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // What is erased must not be found in the file, nor what was dropped from it.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "cache_size", -i64::from(options.cache_kib))?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else SQLite plans every kept statement with `LIMIT ?` anew each time it is used.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Role, ScopeLine};
    use crate::db::conformance::{self, Fixture};
    use crate::db::storage::Access;
    use gandan_model::ids::{Compartment, DeviceId, SpaceId};

    fn fixture(folder: &Path) -> Fixture {
        let db = Db::open(folder, DbOptions::default()).unwrap();
        let (devices, spaces) = ([DeviceId([1; 8]), DeviceId([2; 8])], [SpaceId([1; 16]), SpaceId([2; 16])]);
        db.write(|transaction| {
            transaction.execute_batch(
                "INSERT INTO unit (code, name, short_name, kind, row) VALUES ('00001', 'Xã A', 'A', 'commune', '{}')",
            )?;
            let official = people::Official { id: "CB-1".into(), name: "A".into(), role: Role::FieldOfficial };
            people::put_official(transaction, &official, &[ScopeLine::Unit("00001".into())], 0)?;
            let field = spaces::create(transaction, spaces[0], "00001", Compartment::Field)?;
            let sealed = spaces::create(transaction, spaces[1], "00001", Compartment::Sealed)?;
            let first = devices::put(transaction, &devices[0], &[1; 32], Some("CB-1"), 0)?.unwrap();
            devices::put(transaction, &devices[1], &[2; 32], Some("CB-1"), 0)?.unwrap();
            for (space, access) in [(field, Access::BOTH), (sealed, Access::WRITE)] {
                transaction.execute("INSERT INTO space_grant VALUES (?1, ?2, ?3)", (first, space, access.0))?;
            }
            Ok(())
        })
        .unwrap();
        Fixture { storage: Box::new(db), devices, spaces }
    }

    #[test]
    fn sqlite_does_what_every_database_must_do() {
        let folder = tempfile::tempdir().unwrap();
        let next = std::cell::Cell::new(0);
        conformance::all(&|| {
            next.set(next.get() + 1);
            let folder = folder.path().join(next.get().to_string());
            std::fs::create_dir(&folder).unwrap();
            fixture(&folder)
        });
    }
}
