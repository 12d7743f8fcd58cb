//! Errors, each with a stable code and sorted by what the caller can do.

use crate::status::Refusal;
use std::error::Error as StdError;

/// What the one who sees an error can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing is known to be wrong: try again later, with backoff.
    Retry,
    /// Send the same content again with full references and without a dictionary.
    ResendFull,
    /// The two sides do not understand each other: another version, or not our server. Do not conclude anything about
    /// the data.
    Protocol,
    /// It will not be taken as it is, however often it is sent. Keep it and show it.
    Refused,
}

/// Bytes that are not the frame that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Not a frame of this protocol at all, for example a proxy's error page.
    #[error("not a Gần Dân frame")]
    NotAFrame,
    /// A frame of another protocol version.
    #[error("protocol version {got} is not supported (this is {})", crate::frame::PROTOCOL_VERSION)]
    Version {
        /// The version in the frame.
        got: u8,
    },
    /// A frame of another kind.
    #[error("unexpected frame kind {got}")]
    Kind {
        /// The kind in the frame.
        got: u8,
    },
    /// Longer than the limit for its kind.
    #[error("frame is longer than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Cut off, or not decodable, or with bytes left over.
    #[error("frame is cut off or malformed")]
    Malformed,
}

impl FrameError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAFrame => "not_a_frame",
            Self::Version { .. } => "version",
            Self::Kind { .. } => "frame_kind",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed => "malformed",
        }
    }

    /// What a server answers to the one who sent such a frame.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Version { .. } => Refusal::VERSION,
            Self::TooLarge { .. } => Refusal::TOO_LARGE,
            _ => Refusal::BAD_FORM,
        }
    }
}

/// A request that cannot be accepted as coming from the device it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not a request frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The signature does not match the device's key.
    #[error("the request is not signed by the device it names")]
    Signature,
}

impl RequestError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Frame(error) => error.code(),
            Self::Signature => "bad_signature",
        }
    }

    /// What the server answers.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Frame(error) => error.refusal(),
            Self::Signature => Refusal::BAD_SIGNATURE,
        }
    }
}

/// A change chunk that will not be given to automerge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// Not a raw change chunk: other magic bytes, another chunk type (a deflated change is type 2), or bytes left over.
    #[error("not a raw change chunk")]
    NotAChange,
    /// The four checksum bytes are not the start of the hash.
    #[error("the checksum does not match")]
    Checksum,
    /// Ends early, or a number or text in it is not well formed.
    #[error("the change is cut off or malformed")]
    Malformed,
    /// Longer than [`crate::limits::MAX_CHANGE_RAW`].
    #[error("the change is too large")]
    TooLarge,
    /// More operations than [`crate::limits::MAX_OPS`], or more predecessors than [`crate::limits::MAX_PREDS`], or columns
    /// that do not belong to the declared operations.
    #[error("the change would expand too far")]
    Expansion,
    /// A deflated or an unknown column.
    #[error("the change has a compressed or unknown column")]
    Column,
    /// A sequence number, operation counter or actor index outside the allowed range.
    #[error("a number in the change is out of range")]
    Range,
}

impl ScanError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAChange => "change_kind",
            Self::Checksum => "change_checksum",
            Self::Malformed => "change_malformed",
            Self::TooLarge => "change_too_large",
            Self::Expansion => "change_expansion",
            Self::Column => "change_column",
            Self::Range => "change_range",
        }
    }
}

/// Storage behind one of this crate's traits failed.
#[derive(Debug, thiserror::Error)]
#[error("storage failed: {0}")]
pub struct StorageError(#[source] pub Box<dyn StdError + Send + Sync>);

impl StorageError {
    /// Wraps a storage error.
    pub fn new(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

/// An envelope that cannot be built, or cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// The frame around a stand-alone envelope is wrong.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// No changes, or bytes that do not decode.
    #[error("the envelope is malformed")]
    Malformed,
    /// Over one of the limits; the text names it.
    #[error("the envelope is too large: {0}")]
    TooLarge(&'static str),
    /// The body does not decompress within [`crate::limits::MAX_ENVELOPE_INFLATED`].
    #[error("the body does not decompress")]
    Compression,
    /// The body was compressed with a dictionary that is not known here.
    #[error("dictionary {0} is not known")]
    UnknownDictionary(u32),
    /// A short reference names nothing, or more than one thing.
    #[error("a short reference cannot be resolved")]
    Unresolved,
    /// A change was written by another actor than the device.
    #[error("change {index} was written by another actor than the device")]
    WrongActor {
        /// Which change of the envelope, from 0.
        index: usize,
    },
    /// A change did not pass the scan.
    #[error("change {index}: {error}")]
    Change {
        /// Which change of the envelope, from 0.
        index: usize,
        /// What is wrong with it.
        error: ScanError,
    },
    /// The signature does not cover what was decoded.
    #[error("the signature does not match the content")]
    Signature,
    /// The lookup behind a short reference failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl EnvelopeError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Frame(error) => error.code(),
            Self::Change { error, .. } => error.code(),
            Self::Storage(_) => "storage",
            _ => self.refusal().name(),
        }
    }

    /// What a server answers to the device that pushed it.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Frame(error) => error.refusal(),
            Self::Malformed | Self::Compression => Refusal::BAD_FORM,
            Self::TooLarge(_) | Self::Change { error: ScanError::TooLarge, .. } => Refusal::TOO_LARGE,
            Self::UnknownDictionary(_) => Refusal::UNKNOWN_DICTIONARY,
            Self::Unresolved => Refusal::UNRESOLVED,
            Self::WrongActor { .. } => Refusal::WRONG_ACTOR,
            Self::Change { .. } => Refusal::BAD_CHANGE,
            Self::Signature => Refusal::BAD_SIGNATURE,
            Self::Storage(_) => Refusal::INTERNAL,
        }
    }

    /// What the sender can do.
    pub fn class(&self) -> Class {
        self.refusal().class()
    }
}

/// A round trip that did not end in an answer the device can use.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// What came back is not a response frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The server answered with a code of its own instead of a response.
    #[error("the server refused the request: {refusal}")]
    Problem {
        /// Its reason.
        refusal: Refusal,
        /// Seconds to wait before trying again; 0 if it did not say.
        retry_after_s: u32,
    },
    /// The answer does not fit the request: a space the device does not hold, a status for what it did not send.
    #[error("the answer is inconsistent: {0}")]
    Inconsistent(&'static str),
    /// The device's own store failed while resolving references.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What was to be sent does not fit into a request.
    #[error("the request is too large: {0}")]
    TooLarge(&'static str),
}

impl SessionError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Frame(error) => error.code(),
            Self::Problem { refusal, .. } => refusal.name(),
            Self::Inconsistent(_) => "inconsistent_answer",
            Self::Storage(_) => "storage",
            Self::TooLarge(_) => "too_large",
        }
    }

    /// What the caller can do.
    pub fn class(&self) -> Class {
        match self {
            Self::Frame(_) | Self::Inconsistent(_) => Class::Protocol,
            Self::Problem { refusal, .. } => refusal.class(),
            Self::Storage(_) => Class::Retry,
            Self::TooLarge(_) => Class::Refused,
        }
    }
}
