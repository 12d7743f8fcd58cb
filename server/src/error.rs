//! What can go wrong inside the server, sorted by what the caller can do.

use crate::db::DbError;

/// An error of the server's own making, with a stable code.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The server is going down, or more is waiting than it will hold.
    #[error("the server is busy or going down; try again in a moment")]
    Busy,
    /// A file or the network failed; the text names it.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The caller asked for something that cannot be; the text says what to do.
    #[error("{message}")]
    Invalid {
        /// A stable code.
        code: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// A bug, or damage; the text is for the log.
    #[error("internal error: {0}")]
    Internal(String),
}

impl ServerError {
    /// An error that the caller can mend.
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { code, message: message.into() }
    }

    /// Wraps an input/output error with what was being done.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Db(error) => error.code(),
            Self::Busy => "busy",
            Self::Io { .. } => "io",
            Self::Invalid { code, .. } => code,
            Self::Internal(_) => "internal",
        }
    }
}
