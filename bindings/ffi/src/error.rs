//! Errors, sorted by what the app can do about them. Each has a stable code.

use gandan_client::model::patch::PatchError;
use gandan_client::{ClientError, Remedy};

/// Why something could not be done. What was saved before stays saved; nothing was half-done.
///
/// The variant says what the app can do, `code` is stable and for programs and logs, `detail` is for developers and in
/// English. The table of codes is in the guide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum GandanError {
    /// Nothing is wrong with the data or the request: try again later, after `retry_after_s` seconds if the server said so.
    #[error("{detail} [{code}]")]
    RetryLater { code: String, detail: String, retry_after_s: Option<u32> },
    /// The server no longer takes this device as it is: ask for a new link and enrol. Nothing is lost.
    #[error("{detail} [{code}]")]
    EnrolAgain { code: String, detail: String },
    /// App and server are too far apart in age: update the app.
    #[error("{detail} [{code}]")]
    UpdateApp { code: String, detail: String },
    /// What was given is not right; `field` names the field of an edit that was refused.
    #[error("{detail} [{code}]")]
    FixInput { code: String, detail: String, field: Option<String> },
    /// Make room on the disk, or make the folder writable.
    #[error("{detail} [{code}]")]
    FreeSpace { code: String, detail: String },
    /// A defect of the library or of the app around it: report it with its code.
    #[error("{detail} [{code}]")]
    Bug { code: String, detail: String },
}

impl GandanError {
    /// The client was closed.
    pub(crate) fn closed() -> Self {
        Self::Bug { code: "closed".to_owned(), detail: "this client was closed; open another one".to_owned() }
    }

    /// Something of the caller's that cannot be read.
    pub(crate) fn input(code: &str, detail: impl Into<String>) -> Self {
        Self::FixInput { code: code.to_owned(), detail: detail.into(), field: None }
    }

    /// Work that did not come back: it panicked, or the runtime is going down.
    pub(crate) fn lost(error: &tokio::task::JoinError) -> Self {
        Self::Bug { code: "internal".to_owned(), detail: error.to_string() }
    }
}

impl From<ClientError> for GandanError {
    fn from(error: ClientError) -> Self {
        let (code, detail) = (error.code().to_owned(), error.to_string());
        match error.remedy() {
            Remedy::RetryLater => Self::RetryLater { code, detail, retry_after_s: error.retry_after_s() },
            Remedy::EnrolAgain => Self::EnrolAgain { code, detail },
            Remedy::UpdateApp => Self::UpdateApp { code, detail },
            Remedy::FixInput => {
                let field = match &error {
                    ClientError::Patch(PatchError::Field { field, .. }) => Some(field.clone()),
                    _ => None,
                };
                Self::FixInput { code, detail, field }
            }
            Remedy::FreeSpace => Self::FreeSpace { code, detail },
            Remedy::Bug => Self::Bug { code, detail },
        }
    }
}
