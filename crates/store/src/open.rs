//! Opening: lock, key, repair if need be, migrations.

use std::path::Path;
use std::sync::Once;

use gandan_model::mutant;
use gandan_model::rules::Rules;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::Store;
use crate::error::StoreError;
use crate::files::Files;
use crate::key::DatabaseKey;
use crate::space::empty_log;
use crate::{reproject, salvage, schema};

/// Memory for pages, in KiB.
const CACHE_KIB: i64 = 8 * 1024;
/// More statements than the store has.
const STATEMENTS: usize = 160;
/// Documents whose rows are derived while the store is opened after a salvage.
const ROWS_AFTER_SALVAGE: u32 = 1000;

impl Store {
    /// Opens the database in this folder, which is made if need be, with all tables of this version.
    ///
    /// A damaged file is set aside under a name with `now_ms` in it (milliseconds since 1970) and what is
    /// readable is salvaged into a fresh one; [`Store::salvage_notes`] tells about it. A salvage takes
    /// time in proportion to the file, about a second for 50 MB.
    ///
    /// # Errors
    ///
    /// [`WrongKey`](StoreError::WrongKey), [`NewerVersion`](StoreError::NewerVersion) (the file is left as
    /// it is, byte for byte), [`Busy`](StoreError::Busy), [`ReadOnly`](StoreError::ReadOnly),
    /// [`DiskFull`](StoreError::DiskFull).
    ///
    /// ```
    /// use gandan_store::{DatabaseKey, Store};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let key = DatabaseKey::new([7; 32]);
    /// let store = Store::open(folder.path(), &key, 1_790_000_000_000)?;
    /// assert_eq!(store.counts()?.visits, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(folder: &Path, key: &DatabaseKey, now_ms: i64) -> Result<Self, StoreError> {
        let files = Files::new(folder);
        let lock = files.lock()?;
        salvage::finish_interrupted(&files, now_ms)?;
        let (connection, repaired) = match attempt(&files, key)? {
            Attempt::Open(connection) => (connection, false),
            Attempt::Damaged(detail) => {
                salvage::salvage(&files, key, &detail, now_ms)?;
                match attempt(&files, key)? {
                    Attempt::Open(connection) => (connection, true),
                    Attempt::Damaged(detail) => return Err(StoreError::Damaged(detail)),
                }
            }
        };
        files.remember_key(key)?;
        let mut store = Self { connection, files, rules: Rules::default(), _lock: lock };
        if repaired {
            // The newest lists must not be empty; the rest is left to `reproject`, which can be shown and
            // stopped.
            store.reproject(ROWS_AFTER_SALVAGE)?;
        }
        Ok(store)
    }

    /// Reads every page and every index. Takes about a second for 100 MB.
    ///
    /// # Errors
    ///
    /// [`Damaged`](StoreError::Damaged): opening the store again repairs it.
    pub fn check(&self) -> Result<(), StoreError> {
        self.read(quick_check)
    }
}

enum Attempt {
    Open(Connection),
    Damaged(String),
}

fn attempt(files: &Files, key: &DatabaseKey) -> Result<Attempt, StoreError> {
    if let Some(detail) = files.is_cut_short(key)? {
        return Ok(Attempt::Damaged(detail));
    }
    match prepare(files, key) {
        Ok(connection) => Ok(Attempt::Open(connection)),
        Err(Refused::Unreadable(_)) if files.key_matches(key) != Some(true) => Err(StoreError::WrongKey),
        Err(Refused::Unreadable(detail) | Refused::Store(StoreError::Damaged(detail))) => Ok(Attempt::Damaged(detail)),
        Err(Refused::Store(error)) => Err(error),
    }
}

enum Refused {
    /// The first page makes no sense with this key.
    Unreadable(String),
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

fn prepare(files: &Files, key: &DatabaseKey) -> Result<Connection, Refused> {
    let mut connection = connect(&files.database(), key)?;
    // Until key and version are known to be right, closing must not write.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let version = match connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)) {
        Ok(version) => version,
        Err(error) => {
            return Err(match StoreError::from(error) {
                StoreError::Damaged(detail) => Refused::Unreadable(detail),
                other => Refused::Store(other),
            });
        }
    };
    if version > schema::VERSION {
        return Err(StoreError::NewerVersion { found: version, known: schema::VERSION }.into());
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    configure(&connection)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::internal(format!("journal mode {mode}")).into());
    }
    if version > 0 && files.is_suspect() {
        quick_check(&connection)?;
        files.clear_suspect()?;
    }
    // What a process wrote that was killed before the disk had it is read from the log: it must not be shown before a power
    // failure cannot take it away any more. And what was deleted while there was no room must not stay there.
    empty_log(&connection)?;
    schema::migrate(&mut connection, version)?;
    // Reads the whole schema and the tables without which nothing works: damage there shows now and not
    // in the middle of a save.
    let (settings, spaces) = ("SELECT sum(length(value)) FROM setting", "SELECT sum(digest_count) FROM space");
    for sql in [settings, spaces] {
        connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0))?;
    }
    reproject::note_version(&connection)?;
    Ok(connection)
}

/// SQLite calls itself ready a moment before SQLCipher is: of several threads that open the first databases of a process at
/// once, all but one could find it half-done, and be refused their key. The others wait here for the first.
fn set_up_sqlcipher() {
    static ONCE: Once = Once::new();
    // Whatever is wrong shows again with the connection that is wanted.
    ONCE.call_once(|| drop(Connection::open_in_memory()));
}

/// A connection with the key, which has not read the file yet.
pub(crate) fn connect(path: &Path, key: &DatabaseKey) -> Result<Connection, StoreError> {
    set_up_sqlcipher();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // SQLCipher reports what it meets to the standard error stream; here it comes back as an error.
    connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
    connection.pragma_update(None, "key", key.pragma())?;
    // The log's index then lies in the connection's own memory: browsers share none.
    connection.execute_batch("PRAGMA cipher_memory_security = OFF; PRAGMA locking_mode = EXCLUSIVE;")?;
    Ok(connection)
}

/// The settings that are made once the file is known to be readable: some of them read it.
pub(crate) fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {};
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA journal_size_limit = 8388608;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -{CACHE_KIB};",
        if mutant::on("phone_no_fsync") { "OFF" } else { "FULL" }
    ))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else SQLite plans every kept statement with `LIMIT ?` anew each time it is used.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn quick_check(connection: &Connection) -> Result<(), StoreError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::Damaged(verdict));
    }
    // quick_check reads rows without their long ends; this proves the checksum of every page.
    bad_pages(connection)?.into_iter().next().map_or(Ok(()), |page| Err(StoreError::Damaged(page)))
}

/// Proves the checksum of every page; gives what is wrong with each that fails.
pub(crate) fn bad_pages(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare("PRAGMA cipher_integrity_check")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
