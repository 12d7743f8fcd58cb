//! What can go wrong, sorted by what the caller can do about it.

use std::io;

use gandan_model::document::DocumentError;
use gandan_model::ids::{DocId, SpaceId};
use rusqlite::ErrorCode;

/// Why the store could not do what it was asked. After every error the database is as it was before the
/// call: each call is one transaction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The key does not open the file, which was left exactly as it was.
    #[error("the key does not open this database; nothing was changed")]
    WrongKey,
    /// Another process, or another `Store` of this one, has the folder open.
    #[error("the database is open in another process; close it there first")]
    Busy,
    /// The disk, or the size allowed by [`Store::set_max_bytes`](crate::Store::set_max_bytes), is full.
    #[error("no space is left on the device; nothing was saved by this call, and nothing was lost")]
    DiskFull,
    /// The folder or a file in it may not be written.
    #[error("the folder or a file in it cannot be written; check its permissions")]
    ReadOnly,
    /// The file turned out to be damaged while it was in use. Opening it again checks and salvages it.
    #[error("the database file is damaged ({0}); open it again to repair it")]
    Damaged(String),
    /// A newer version of the app wrote the file, which was left exactly as it was.
    #[error("the database was written by a newer version (format {found}, this one knows {known}); update the app")]
    NewerVersion {
        /// The file's format.
        found: u32,
        /// The newest format that this version knows.
        known: u32,
    },
    /// The phone has never had a grant for this space.
    #[error("the space {0} is not on this device")]
    UnknownSpace(SpaceId),
    /// There is no such document here.
    #[error("the document {0} is not on this device")]
    UnknownDocument(DocId),
    /// There is no such envelope here.
    #[error("the envelope {0} is not in the outbox")]
    UnknownEnvelope(u64),
    /// The document belongs to another space, for ever.
    #[error("the document {0} belongs to another space")]
    WrongSpace(DocId),
    /// The document was erased; it does not come back.
    #[error("the document {0} was erased")]
    Erased(DocId),
    /// The change does not continue the document that is stored.
    #[error("the document {doc} cannot take this change: {source}")]
    BadDocument {
        /// Which document.
        doc: DocId,
        /// What its history says.
        source: DocumentError,
    },
    /// Something is larger than the store takes.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The most that is taken, in bytes.
        limit: usize,
    },
    /// A page cursor that no list gave out.
    #[error("the page cursor cannot be read; start from the first page")]
    BadCursor,
    /// The operating system refused a file operation.
    #[error("a file operation failed: {0}")]
    Io(#[source] io::Error),
    /// A defect of the program: worth a report.
    #[error("internal error: {0}")]
    Internal(String),
}

/// What the caller can do about a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// Ask for, or fetch, the right key.
    GiveKey,
    /// Close the other program that uses the folder.
    CloseOther,
    /// Make room and try again.
    FreeSpace,
    /// Give the app the right to write.
    AllowWriting,
    /// Close the store and open it again: it repairs itself.
    Reopen,
    /// Install the newer app.
    Update,
    /// Correct the arguments.
    Correct,
    /// Try again; if it stays, report it.
    Report,
}

impl StoreError {
    /// A stable code for logs and programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WrongKey => "wrong_key",
            Self::Busy => "busy",
            Self::DiskFull => "disk_full",
            Self::ReadOnly => "read_only",
            Self::Damaged(_) => "damaged",
            Self::NewerVersion { .. } => "newer_version",
            Self::UnknownSpace(_) => "unknown_space",
            Self::UnknownDocument(_) => "unknown_document",
            Self::UnknownEnvelope(_) => "unknown_envelope",
            Self::WrongSpace(_) => "wrong_space",
            Self::Erased(_) => "erased",
            Self::BadDocument { .. } => "bad_document",
            Self::TooLarge { .. } => "too_large",
            Self::BadCursor => "bad_cursor",
            Self::Io(_) => "io",
            Self::Internal(_) => "internal",
        }
    }

    /// What the caller can do.
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::WrongKey => Remedy::GiveKey,
            Self::Busy => Remedy::CloseOther,
            Self::DiskFull => Remedy::FreeSpace,
            Self::ReadOnly => Remedy::AllowWriting,
            Self::Damaged(_) => Remedy::Reopen,
            Self::NewerVersion { .. } => Remedy::Update,
            Self::UnknownSpace(_)
            | Self::UnknownDocument(_)
            | Self::UnknownEnvelope(_)
            | Self::WrongSpace(_)
            | Self::Erased(_)
            | Self::BadDocument { .. }
            | Self::TooLarge { .. }
            | Self::BadCursor => Remedy::Correct,
            Self::Io(_) | Self::Internal(_) => Remedy::Report,
        }
    }

    pub(crate) fn internal(what: impl std::fmt::Display) -> Self {
        Self::Internal(what.to_string())
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::DiskFull,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io(error),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Self::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            Some(ErrorCode::SystemIoFailure) => Self::Io(io::Error::other(error.to_string())),
            _ => Self::Internal(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        match error.io_error_kind() {
            Some(kind) => io::Error::from(kind).into(),
            None => Self::internal(error),
        }
    }
}
