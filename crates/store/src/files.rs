//! The files in the store's folder, and the lock that keeps a second process out.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::key::DatabaseKey;

/// Bytes of a page.
const PAGE_BYTES: u64 = 4096;

/// What keeps a second process out while it is held.
pub(crate) type Lock = File;

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

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.join("gandan.db")
    }

    /// What was committed but not yet copied into the database file.
    pub(crate) fn wal(&self) -> PathBuf {
        self.folder.join("gandan.db-wal")
    }

    /// A salvaged database that is complete and only waits to take the damaged one's place.
    pub(crate) fn salvaged(&self) -> PathBuf {
        self.folder.join("gandan-salvaged.db")
    }

    /// Where a salvage works; leftovers of an interrupted one are overwritten.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        self.folder.join(format!("gandan-salvage-{name}.tmp"))
    }

    /// Names for a damaged database and its log, not yet taken.
    pub(crate) fn set_aside(&self, now_ms: i64) -> (PathBuf, PathBuf) {
        let mut number = 0_u32;
        loop {
            let again = if number == 0 { String::new() } else { format!("-{number}") };
            let database = self.folder.join(format!("gandan-damaged-{now_ms}{again}.db"));
            let wal = self.folder.join(format!("gandan-damaged-{now_ms}{again}.db-wal"));
            if !database.exists() && !wal.exists() {
                return (database, wal);
            }
            number += 1;
        }
    }

    /// Removes databases that repairs have set aside, and what they left half-done.
    pub(crate) fn remove_set_aside(&self) -> Result<(), StoreError> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with("gandan-damaged-") || name.starts_with("gandan-salvage") {
                remove_if_there(&path)?;
            }
        }
        Ok(())
    }

    fn suspect(&self) -> PathBuf {
        self.folder.join("gandan.suspect")
    }

    /// Remembers that damage was met, so that the next opening looks closely. Best effort: whoever met
    /// the damage has an error to report that matters more.
    pub(crate) fn set_suspect(&self, detail: &str) {
        let _ = fs::write(self.suspect(), detail);
    }

    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect().exists()
    }

    pub(crate) fn clear_suspect(&self) -> Result<(), StoreError> {
        remove_if_there(&self.suspect())
    }

    fn fingerprint(&self) -> PathBuf {
        self.folder.join("gandan.key-check")
    }

    /// Whether this is the key that the database was made with; `None` if nothing is known about it.
    pub(crate) fn key_matches(&self, key: &DatabaseKey) -> Option<bool> {
        let known = fs::read_to_string(self.fingerprint()).ok()?;
        Some(known.trim() == key.fingerprint())
    }

    /// Remembers the key's fingerprint, once the key is known to be right.
    pub(crate) fn remember_key(&self, key: &DatabaseKey) -> Result<(), StoreError> {
        if self.key_matches(key) != Some(true) {
            fs::write(self.fingerprint(), key.fingerprint())?;
        }
        Ok(())
    }

    /// What shows before anything is read that the database file lost its end, in words. A file too short for a first
    /// page, beside a log or with a key that was remembered after its first opening, was longer before.
    pub(crate) fn is_cut_short(&self, key: &DatabaseKey) -> Result<Option<String>, StoreError> {
        let length = match fs::metadata(self.database()) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error.into()),
        };
        if length >= PAGE_BYTES {
            return Ok(None);
        }
        let key_matches = self.key_matches(key);
        let log = fs::metadata(self.wal()).is_ok_and(|metadata| metadata.len() > 0);
        let was_used = self.database().exists() && key_matches.is_some();
        if key_matches == Some(false) && was_used || length > 0 && !was_used {
            return Err(StoreError::WrongKey);
        }
        Ok((was_used || log).then(|| "the file was cut short".to_owned()))
    }

    /// Makes the folder if need be and locks it for this process.
    pub(crate) fn lock(&self) -> Result<File, StoreError> {
        fs::create_dir_all(&self.folder)?;
        let path = self.folder.join("gandan.lock");
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Puts renamed files on disk, where the system can.
    pub(crate) fn sync_folder(&self) -> Result<(), StoreError> {
        if cfg!(unix) {
            File::open(&self.folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Removes a file of the store's own making; that it is not there is fine.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
