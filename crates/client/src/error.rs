//! Errors, each with a stable code and sorted by what the caller can do about it.

use crate::transport::TransportError;
use gandan_model::document::DocumentError;
use gandan_model::patch::PatchError;
use gandan_store::{Remedy as StoreRemedy, StoreError};
use gandan_sync::error::{EnvelopeError, SessionError};
use gandan_sync::{Class, Refusal};

/// What the one who sees an error can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// Nothing is wrong with the data or the request: try again later.
    RetryLater,
    /// The server no longer takes this device as it is: ask for a new link and enrol.
    EnrolAgain,
    /// App and server are too far apart in age: update the app.
    UpdateApp,
    /// What was given is not right: the message says what.
    FixInput,
    /// Make room on the disk, or make the folder writable.
    FreeSpace,
    /// A defect of the program: report it with its code.
    Bug,
}

impl Remedy {
    /// The remedy as a stable word for JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::RetryLater => "retry_later",
            Self::EnrolAgain => "enrol_again",
            Self::UpdateApp => "update_app",
            Self::FixInput => "fix_input",
            Self::FreeSpace => "free_space",
            Self::Bug => "bug",
        }
    }

    /// One sentence for the person who has to do it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::RetryLater => "Nothing is lost. Try again later.",
            Self::EnrolAgain => "Nothing is lost. Ask the administrator for a new link and enrol again.",
            Self::UpdateApp => "Nothing is lost. Install the newer version and try again.",
            Self::FixInput => "Correct it and try again.",
            Self::FreeSpace => "Make room on the disk, or make the folder writable, and try again.",
            Self::Bug => "This is a defect of the program; please report it with the code.",
        }
    }
}

/// Why the client could not do what it was asked. What was saved before stays saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There is no answer of our server, or it is an error.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The answer cannot be used.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// An envelope could not be built.
    #[error("an envelope could not be sealed: {0}")]
    Envelope(#[from] EnvelopeError),
    /// The device's database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An edit was refused; nothing was written.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// A document cannot be read.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// What the caller gave is not right.
    #[error("{message}")]
    Input {
        /// A stable code.
        code: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// This device does not belong to an official yet.
    #[error("this device is not enrolled; use the link that the administrator gives")]
    NotEnrolled,
    /// This device belongs to somebody already.
    #[error("this device is enrolled already, for {0}; use another folder for another device")]
    AlreadyEnrolled(String),
    /// The server said that this device was reported lost: everything on it is gone.
    #[error("this device was reported lost; everything on it was removed")]
    Wiped,
    /// Another exchange of this client is under way.
    #[error("a sync is under way already")]
    Syncing,
    /// The bytes that a day may cost on a metered network are used up.
    #[error("the day's bytes on metered networks are used up; what waits goes out tomorrow or over a free network")]
    Budget,
    /// The caller gave up.
    #[error("cancelled; what was exchanged before stays")]
    Cancelled,
    /// A file that the caller named.
    #[error("{0}")]
    File(String),
    /// A defect of the program.
    #[error("internal error: {0}")]
    Internal(String),
}

impl ClientError {
    pub(crate) fn input(code: &'static str, message: impl Into<String>) -> Self {
        Self::Input { code, message: message.into() }
    }

    pub(crate) fn internal(message: impl std::fmt::Display) -> Self {
        Self::Internal(message.to_string())
    }

    /// The stable code, for logs and programs.
    pub fn code(&self) -> &str {
        match self {
            Self::Transport(error) => error.code(),
            Self::Session(error) => error.code(),
            Self::Envelope(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Patch(error) => error.code(),
            Self::Document(error) => error.code(),
            Self::Input { code, .. } => code,
            Self::NotEnrolled => "not_enrolled",
            Self::AlreadyEnrolled(_) => "already_enrolled",
            Self::Wiped => "wiped",
            Self::Syncing => "syncing",
            Self::Budget => "budget_used",
            Self::Cancelled => "cancelled",
            Self::File(_) => "file",
            Self::Internal(_) => "internal",
        }
    }

    /// What the caller can do.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Transport(error) => of_transport(error),
            Self::Session(SessionError::Problem { refusal, .. }) => of_refusal(refusal.name()),
            Self::Session(error) => match error.class() {
                Class::Protocol if error.code() == "version" => Remedy::UpdateApp,
                Class::Protocol | Class::Retry => Remedy::RetryLater,
                Class::Refused | Class::ResendFull => Remedy::Bug,
            },
            // A disk that does not do what it should: room and rights are what its owner can look at.
            Self::Store(StoreError::Io(_)) => Remedy::FreeSpace,
            Self::Store(error) => of_store(error.remedy()),
            Self::Patch(_) | Self::Input { .. } | Self::AlreadyEnrolled(_) | Self::File(_) => Remedy::FixInput,
            Self::NotEnrolled | Self::Wiped => Remedy::EnrolAgain,
            Self::Syncing | Self::Budget | Self::Cancelled => Remedy::RetryLater,
            Self::Envelope(_) | Self::Document(_) | Self::Internal(_) => Remedy::Bug,
        }
    }

    /// Seconds that the other side asked to wait.
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Transport(error) => error.retry_after_s(),
            Self::Session(SessionError::Problem { retry_after_s, .. }) if *retry_after_s > 0 => Some(*retry_after_s),
            _ => None,
        }
    }
}

fn of_transport(error: &TransportError) -> Remedy {
    match error {
        TransportError::Server { code, status, .. } => match code.as_str() {
            code if is_refusal(code) => of_refusal(code),
            _ if *status >= 500 || matches!(*status, 408 | 423 | 429) => Remedy::RetryLater,
            _ => Remedy::FixInput,
        },
        TransportError::BadAddress(_) => Remedy::FixInput,
        // A proxy's word, a bad certificate of a captive portal, a cut line: the road, not the data.
        _ => Remedy::RetryLater,
    }
}

fn is_refusal(code: &str) -> bool {
    Refusal::ALL.iter().any(|refusal| refusal.name() == code)
}

fn of_refusal(code: &str) -> Remedy {
    let refusal = Refusal::ALL.iter().find(|refusal| refusal.name() == code);
    match refusal.copied() {
        Some(Refusal::REVOKED | Refusal::UNKNOWN_DEVICE | Refusal::SEQUENCE_REUSED | Refusal::BAD_SIGNATURE) => {
            Remedy::EnrolAgain
        }
        Some(Refusal::VERSION) => Remedy::UpdateApp,
        Some(refusal) if refusal.class() == Class::Retry => Remedy::RetryLater,
        _ => Remedy::Bug,
    }
}

fn of_store(remedy: StoreRemedy) -> Remedy {
    match remedy {
        StoreRemedy::GiveKey | StoreRemedy::Correct => Remedy::FixInput,
        StoreRemedy::CloseOther | StoreRemedy::Reopen => Remedy::RetryLater,
        StoreRemedy::FreeSpace | StoreRemedy::AllowWriting => Remedy::FreeSpace,
        StoreRemedy::Update => Remedy::UpdateApp,
        StoreRemedy::Report => Remedy::Bug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: &str, status: u16) -> ClientError {
        let (code, message) = (code.to_owned(), String::new());
        TransportError::Server { code, message, status, retry_after_s: None, body: Vec::new() }.into()
    }

    #[test]
    fn errors_are_sorted_by_what_helps() {
        let cases = [
            (server("revoked", 403), "revoked", Remedy::EnrolAgain),
            (server("version", 400), "version", Remedy::UpdateApp),
            (server("busy", 503), "busy", Remedy::RetryLater),
            (server("of_the_future", 500), "of_the_future", Remedy::RetryLater),
            (server("bad_code", 400), "bad_code", Remedy::FixInput),
            (
                TransportError::NotOurServer { status: 403, retry_after_s: None }.into(),
                "not_our_server",
                Remedy::RetryLater,
            ),
            (StoreError::WrongKey.into(), "wrong_key", Remedy::FixInput),
            (StoreError::DiskFull.into(), "disk_full", Remedy::FreeSpace),
            (ClientError::NotEnrolled, "not_enrolled", Remedy::EnrolAgain),
            (ClientError::input("unknown_unit", ""), "unknown_unit", Remedy::FixInput),
        ];
        for (error, code, remedy) in cases {
            assert_eq!((error.code(), error.remedy()), (code, remedy), "{error:?}");
        }
    }
}
