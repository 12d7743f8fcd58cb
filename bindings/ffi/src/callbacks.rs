//! What the app gives the library to call. Calls come from threads of the library; keep them short.

use gandan_client::{Progress as ClientProgress, TransferProgress};

/// What a callback throws. It is written to the log and otherwise ignored, but for that of a [`KeyProvider`].
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum CallbackError {
    /// Why, for the log.
    #[error("{reason}")]
    Failed { reason: String },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { reason: error.reason }
    }
}

/// Hands out the key of the database: from the Keystore on Android, the Keychain on iOS, or a file elsewhere.
#[uniffi::export(with_foreign)]
pub trait KeyProvider: Send + Sync {
    /// The 32 bytes that the database of this folder is, or shall be, encrypted with. Asked once at opening, never kept.
    /// Make it at random the first time and return the same ever after: without it the records are lost.
    fn database_key(&self) -> Result<Vec<u8>, CallbackError>;
}

/// Hears of records that changed.
#[uniffi::export(with_foreign)]
pub trait ChangeListener: Send + Sync {
    /// These records read differently now, whoever changed them.
    fn changed(&self, ids: Vec<String>) -> Result<(), CallbackError>;
}

/// Hears how far an exchange has come.
#[uniffi::export(with_foreign)]
pub trait ProgressListener: Send + Sync {
    /// Called after every step.
    fn progress(&self, progress: Progress) -> Result<(), CallbackError>;
}

/// Hears how far files have come.
#[uniffi::export(with_foreign)]
pub trait FilesListener: Send + Sync {
    /// Called after every piece of a quarter of a megabyte.
    fn progress(&self, progress: FilesProgress) -> Result<(), CallbackError>;
}

/// How far files have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct FilesProgress {
    /// Files sent so far, thumbnails included.
    pub files_sent: u64,
    /// Files to be sent, those that were sent included.
    pub files_to_send: u64,
    /// Bytes of them that the server has.
    pub bytes_sent: u64,
    /// Bytes of them altogether.
    pub bytes_to_send: u64,
    /// Files that the server will not take; they stay on the device.
    pub files_refused: u64,
    /// Files fetched so far.
    pub files_fetched: u64,
    /// Bytes fetched so far.
    pub bytes_fetched: u64,
}

impl From<&TransferProgress> for FilesProgress {
    fn from(progress: &TransferProgress) -> Self {
        Self {
            files_sent: progress.files_sent,
            files_to_send: progress.files_to_send,
            bytes_sent: progress.bytes_sent,
            bytes_to_send: progress.bytes_to_send,
            files_refused: progress.files_refused,
            files_fetched: progress.files_fetched,
            bytes_fetched: progress.bytes_fetched,
        }
    }
}

/// How far an exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Progress {
    /// Round trips completed.
    pub round_trips: u32,
    /// Bytes of bodies sent.
    pub bytes_up: u64,
    /// Bytes of bodies received.
    pub bytes_down: u64,
    /// Own changes that the server has confirmed.
    pub pushed: u64,
    /// Changes received.
    pub pulled: u64,
    /// Own changes that still wait.
    pub waiting: u64,
    /// Documents that a new device has loaded so far.
    pub documents_loaded: u64,
    /// How many there are to load; 0 if none.
    pub documents_to_load: u64,
}

impl From<&ClientProgress> for Progress {
    fn from(progress: &ClientProgress) -> Self {
        Self {
            round_trips: progress.round_trips,
            bytes_up: progress.bytes_up,
            bytes_down: progress.bytes_down,
            pushed: progress.pushed,
            pulled: progress.pulled,
            waiting: progress.waiting,
            documents_loaded: progress.documents_loaded,
            documents_to_load: progress.documents_to_load,
        }
    }
}

/// Notes what a callback threw.
pub(crate) fn note(result: Result<(), CallbackError>) {
    if let Err(CallbackError::Failed { reason }) = result {
        tracing::warn!(reason, "a callback of the app failed");
    }
}
