//! Where the store lies in a browser: a pool of files in the origin's private storage (OPFS), held open for as long as
//! the worker lives.
//!
//! The browser gives a dedicated worker synchronous access to a file, but opens one only asynchronously. So [`prepare`]
//! opens a few ahead of time, once; from then on SQLite finds them like files of a system, by names that the pool keeps
//! in their heads. While a worker holds them, no other page can.
//!
//! Files of a pool cannot be renamed, and need not be: what would be renamed elsewhere is marked here by an empty file
//! beside it.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use sqlite_wasm_rs::WasmOsCallback;
use sqlite_wasm_rs::vfs::VfsFilesManager;
use sqlite_wasm_rs::vfs::transfer::DbTransfer;
use sqlite_wasm_vfs::sahpool::{OpfsSAHError, OpfsSAHPoolCfgBuilder, OpfsSAHPoolUtil, install};

use crate::error::StoreError;
use crate::key::DatabaseKey;

/// Folder in the origin's private storage.
const FOLDER: &str = "gandan";
/// Files that are opened ahead beside those in use: a database, its log, their likes in a salvage, small ones.
const SPARE: usize = 8;

thread_local! {
    static POOL: RefCell<Option<Rc<OpfsSAHPoolUtil>>> = const { RefCell::new(None) };
    /// Whether a store is open.
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// Takes hold of the origin's private storage; again after [`release`].
///
/// # Errors
///
/// [`Busy`](StoreError::Busy) if another page holds it; [`Io`](StoreError::Io) if this is not a dedicated worker of a
/// secure page, or the browser gives no storage.
pub async fn prepare() -> Result<(), StoreError> {
    let held = POOL.with(|pool| pool.borrow().clone());
    if let Some(pool) = held {
        return Ok(pool.resume().await?);
    }
    let options = OpfsSAHPoolCfgBuilder::new().directory(FOLDER).initial_capacity(SPARE).build();
    let pool = install::<WasmOsCallback>(&options, true).await?;
    pool.ensure_capacity(pool.len()? + SPARE).await?;
    POOL.with(|place| place.replace(Some(Rc::new(pool))));
    Ok(())
}

/// Lets go of the storage, so that another page can take hold of it.
///
/// # Errors
///
/// [`Busy`](StoreError::Busy) while a store is open.
pub fn release() -> Result<(), StoreError> {
    if HELD.get() {
        return Err(StoreError::Busy);
    }
    let pool = POOL.with(|pool| pool.borrow().clone());
    pool.map_or(Ok(()), |pool| Ok(pool.pause()?))
}

/// Whether a database was made in this folder.
///
/// # Errors
///
/// [`Io`](StoreError::Io) before [`prepare`].
pub fn exists(folder: &Path) -> Result<bool, StoreError> {
    contains(&Files::new(folder).fingerprint())
}

/// Removes everything that lies in the storage.
///
/// # Errors
///
/// [`Busy`](StoreError::Busy) while a store is open.
pub fn erase() -> Result<(), StoreError> {
    if HELD.get() {
        return Err(StoreError::Busy);
    }
    Ok(pool()?.clear()?)
}

fn pool() -> Result<Rc<OpfsSAHPoolUtil>, StoreError> {
    let none = || StoreError::Io(io::Error::new(io::ErrorKind::Unsupported, "the storage was not prepared"));
    POOL.with(|pool| pool.borrow().clone()).ok_or_else(none)
}

fn contains(path: &Path) -> Result<bool, StoreError> {
    Ok(pool()?.contains(&path.to_string_lossy())?)
}

/// What keeps a second store of this worker out while it is held.
pub(crate) struct Lock;

impl Drop for Lock {
    fn drop(&mut self) {
        HELD.set(false);
    }
}

/// The files of one store.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    folder: PathBuf,
}

impl Files {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn lock(&self) -> Result<Lock, StoreError> {
        pool()?;
        if HELD.replace(true) { Err(StoreError::Busy) } else { Ok(Lock) }
    }

    /// The database: the last salvaged one that is complete, or else the first.
    pub(crate) fn database(&self) -> PathBuf {
        self.numbered(self.current())
    }

    /// A name for a salvaged database; what an interrupted salvage left under it is removed.
    pub(crate) fn next_database(&self) -> Result<PathBuf, StoreError> {
        let next = self.numbered(self.current() + 1);
        for suffix in ["", "-journal", "-wal"] {
            remove(&format!("{}{suffix}", next.to_string_lossy()))?;
        }
        Ok(next)
    }

    /// From now on this is the database. Its name is made known at once or not at all.
    pub(crate) fn mark_complete(&self, database: &Path) -> Result<(), StoreError> {
        write(&mark(database), "")
    }

    /// Removes databases that salvages have left behind.
    pub(crate) fn remove_set_aside(&self) -> Result<(), StoreError> {
        for number in 0..self.current() {
            let path = self.numbered(number);
            for suffix in ["", "-journal", "-wal"] {
                remove(&format!("{}{suffix}", path.to_string_lossy()))?;
            }
        }
        Ok(())
    }

    fn current(&self) -> u32 {
        let is_complete = |number: &u32| contains(Path::new(&mark(&self.numbered(*number)))).unwrap_or(false);
        (1..).take_while(is_complete).last().unwrap_or(0)
    }

    fn numbered(&self, number: u32) -> PathBuf {
        self.folder.join(if number == 0 { "gandan.db".to_owned() } else { format!("gandan-{number}.db") })
    }

    fn suspect(&self) -> PathBuf {
        self.folder.join("gandan.suspect")
    }

    /// Remembers that damage was met, so that the next opening looks closely. Best effort: whoever met the damage has
    /// an error to report that matters more.
    pub(crate) fn set_suspect(&self, detail: &str) {
        let _ = write(&self.suspect().to_string_lossy(), detail);
    }

    pub(crate) fn is_suspect(&self) -> bool {
        contains(&self.suspect()).unwrap_or(false)
    }

    pub(crate) fn clear_suspect(&self) -> Result<(), StoreError> {
        remove(&self.suspect().to_string_lossy())
    }

    fn fingerprint(&self) -> PathBuf {
        self.folder.join("gandan.key-check")
    }

    /// Whether this is the key that the database was made with; `None` if nothing is known about it.
    pub(crate) fn key_matches(&self, key: &DatabaseKey) -> Option<bool> {
        let known = pool().ok()?.export_db(&self.fingerprint().to_string_lossy()).ok()?;
        Some(known == key.fingerprint().as_bytes())
    }

    /// Remembers the key's fingerprint, once the key is known to be right.
    pub(crate) fn remember_key(&self, key: &DatabaseKey) -> Result<(), StoreError> {
        match self.key_matches(key) {
            Some(true) => Ok(()),
            _ => write(&self.fingerprint().to_string_lossy(), &key.fingerprint()),
        }
    }

    /// What shows before anything is read that the database lost its end. The pool does not tell the length of a file;
    /// it shows when the file is read.
    pub(crate) fn is_cut_short(&self, key: &DatabaseKey) -> Result<Option<String>, StoreError> {
        let known = self.key_matches(key);
        let there = contains(&self.database())?;
        match known {
            Some(false) => Err(StoreError::WrongKey),
            Some(true) if !there => Ok(Some("the file is gone".to_owned())),
            _ => Ok(None),
        }
    }
}

fn mark(database: &Path) -> String {
    format!("{}-complete", database.to_string_lossy())
}

/// Writes a small file, in place of one that may be there.
fn write(name: &str, text: &str) -> Result<(), StoreError> {
    remove(name)?;
    Ok(pool()?.import_db_unchecked(name, text.as_bytes())?)
}

/// Removes a file of the store's own making; that it is not there is fine.
fn remove(name: &str) -> Result<(), StoreError> {
    pool()?.remove(name)?;
    Ok(())
}

impl From<OpfsSAHError> for StoreError {
    fn from(error: OpfsSAHError) -> Self {
        match &error {
            OpfsSAHError::Opfs { message, .. } if message.contains("NoModificationAllowedError") => Self::Busy,
            OpfsSAHError::Opfs { message, .. } if message.contains("QuotaExceededError") => Self::DiskFull,
            OpfsSAHError::NotSupported => Self::Io(io::Error::new(io::ErrorKind::Unsupported, error.to_string())),
            OpfsSAHError::OutOfMemory => Self::Io(io::Error::new(io::ErrorKind::OutOfMemory, error.to_string())),
            _ => Self::Io(io::Error::other(error.to_string())),
        }
    }
}
