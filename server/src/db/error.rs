//! Database errors, sorted by what the caller can do.

use rusqlite::ErrorCode;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Another process holds the write lock for too long.
    #[error("the database is locked by another process; stop it or try again")]
    Busy,
    /// No room on the disk, or the size limit set for the database is reached.
    #[error("the disk is full; nothing was changed. Make room and try again")]
    Full,
    /// The file or folder cannot be written.
    #[error("the database cannot be written; check the permissions of the data folder")]
    ReadOnly,
    /// The file is not a database, or is damaged.
    #[error("the database is damaged: {0}; restore a backup with `gandan-server restore`")]
    Damaged(String),
    /// Written by a newer version of this program.
    #[error("the database has schema {found}, this program knows {known}; install the newer program")]
    Newer {
        /// The schema version in the file.
        found: i64,
        /// The version this program knows.
        known: i64,
    },
    /// There is no database in the folder.
    #[error("no database in the data folder; run `gandan-server init` first")]
    Missing,
    /// The file system failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Anything else: a bug.
    #[error("database error: {0}")]
    Internal(String),
}

impl DbError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy => "database_busy",
            Self::Full => "disk_full",
            Self::ReadOnly => "read_only",
            Self::Damaged(_) => "database_damaged",
            Self::Newer { .. } => "newer_schema",
            Self::Missing => "not_initialised",
            Self::Io(_) => "io",
            Self::Internal(_) => "internal",
        }
    }

    /// A bug or an impossible value, in words.
    pub fn internal(what: impl std::fmt::Display) -> Self {
        Self::Internal(what.to_string())
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        match code {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            _ => Self::Internal(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for DbError {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}
