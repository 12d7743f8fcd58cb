//! The three bytes in front of every message: `G`, the protocol version, the kind.
//!
//! They are all that has to stay the same for ever. A receiver looks at the version before anything else, so that an
//! app and a server of different years tell each other so instead of misreading each other.

use crate::error::FrameError;
use serde::{Serialize, de::DeserializeOwned};

/// The protocol version this crate speaks.
pub const PROTOCOL_VERSION: u8 = 1;
/// First byte of every frame.
pub const MAGIC: u8 = b'G';
/// Length of the frame header in bytes.
pub const HEADER: usize = 3;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A [`crate::request::SyncRequest`] and its signature.
    Request = 1,
    /// A [`crate::response::SyncResponse`].
    Response = 2,
    /// One envelope on its own, for files and for exchange without a server ([`crate::envelope::EnvelopeFile`]).
    Envelope = 3,
    /// The server cannot answer with a response ([`crate::response::Problem`]).
    Problem = 4,
    /// A [`crate::query::Query`] and its signature.
    Query = 5,
    /// A [`crate::query::Reply`].
    Reply = 6,
    /// A chunk of whole documents ([`mod@crate::compact`]).
    Chunk = 7,
    /// Several chunks, one after the other ([`crate::query::encode_chunks`]).
    Chunks = 8,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Request),
            2 => Some(Self::Response),
            3 => Some(Self::Envelope),
            4 => Some(Self::Problem),
            5 => Some(Self::Query),
            6 => Some(Self::Reply),
            7 => Some(Self::Chunk),
            8 => Some(Self::Chunks),
            _ => None,
        }
    }
}

/// The header of a frame of `kind`.
pub const fn header(kind: Kind) -> [u8; HEADER] {
    [MAGIC, PROTOCOL_VERSION, kind as u8]
}

/// Reads the header: what the frame is, and its body.
///
/// Fails with [`FrameError::NotAFrame`] on anything that is not ours (a proxy's HTML page, an empty body), and with
/// [`FrameError::Version`] on a version this crate does not speak, before a single byte of the body is looked at.
pub fn split(bytes: &[u8]) -> Result<(Kind, &[u8]), FrameError> {
    let (&magic, rest) = bytes.split_first().ok_or(FrameError::NotAFrame)?;
    if magic != MAGIC {
        return Err(FrameError::NotAFrame);
    }
    let (&version, rest) = rest.split_first().ok_or(FrameError::NotAFrame)?;
    if version != PROTOCOL_VERSION {
        return Err(FrameError::Version { got: version });
    }
    let (&kind, body) = rest.split_first().ok_or(FrameError::NotAFrame)?;
    let kind = Kind::from_byte(kind).ok_or(FrameError::Kind { got: kind })?;
    Ok((kind, body))
}

/// The body of a frame that has to be of `kind` and of at most `max` bytes.
pub(crate) fn body(bytes: &[u8], kind: Kind, max: usize) -> Result<&[u8], FrameError> {
    if bytes.len() > max {
        return Err(FrameError::TooLarge { limit: max });
    }
    let (got, body) = split(bytes)?;
    if got != kind {
        return Err(FrameError::Kind { got: got as u8 });
    }
    Ok(body)
}

/// Decodes a whole body; bytes left over are an error.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    let (value, rest) = postcard::take_from_bytes(body).map_err(|_| FrameError::Malformed)?;
    if rest.is_empty() { Ok(value) } else { Err(FrameError::Malformed) }
}

/// Encodes a header and a body.
pub(crate) fn encode<T: Serialize>(kind: Kind, body: &T) -> Result<Vec<u8>, FrameError> {
    postcard::to_extend(body, header(kind).to_vec()).map_err(|_| FrameError::Malformed)
}
