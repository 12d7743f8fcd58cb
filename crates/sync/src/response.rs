//! What the server answers: what became of the device's envelopes, and what is new for it.

use crate::bounded;
use crate::cursor::{Cursor, EnvelopeHash};
use crate::digest::Digest;
use crate::error::FrameError;
use crate::frame::{self, Kind};
use crate::limits::{
    MAX_CHUNK, MAX_ENVELOPES, MAX_GRANTS, MAX_ITEMS, MAX_MANIFEST, MAX_NAME, MAX_RELAYED, MAX_RESPONSE, MAX_SPACES,
};
use crate::sign::{ERASURE, sha256};
use crate::status::{Refusal, Status};
use gandan_model::ids::{DocId, SpaceId};
use serde::{Deserialize, Serialize};

/// One entry of a space's log, as a device gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogItem {
    /// Another device's envelope.
    Envelope {
        /// Its place in the log.
        seq: u64,
        /// Its hash, given when the device asked for [`crate::request::Flags::FULL_ITEMS`]: so it can pass over an envelope
        /// that it cannot open at all.
        hash: Option<EnvelopeHash>,
        /// An encoded [`crate::envelope::RelayedEnvelope`], exactly as the server keeps it.
        #[serde(serialize_with = "bounded::put_bytes", deserialize_with = "bounded::bytes::<_, MAX_RELAYED>")]
        relayed: Vec<u8>,
    },
    /// An envelope of the asking device: it has the content, only the place is news.
    Own {
        /// Its place in the log.
        seq: u64,
        /// Which of the device's envelopes it is.
        device_seq: u64,
    },
    /// An envelope whose content was erased. The hash keeps the chain.
    Gone {
        /// Its place in the log.
        seq: u64,
        /// Its hash.
        hash: EnvelopeHash,
    },
    /// An envelope out of which the changes of erased documents were taken.
    Redacted {
        /// Its place in the log.
        seq: u64,
        /// Its hash.
        hash: EnvelopeHash,
        /// A chunk ([`mod@crate::compact`]) with the changes that are left.
        #[serde(serialize_with = "bounded::put_bytes", deserialize_with = "bounded::bytes::<_, MAX_CHUNK>")]
        chunk: Vec<u8>,
    },
    /// A document is erased, here and now and for ever: [`erasure_hash`] is the item's hash.
    Erased {
        /// Its place in the log.
        seq: u64,
        /// The document.
        doc: DocId,
    },
}

/// The hash by which the log's chain commits to the erasure of a document:
/// `SHA-256("gandan/erasure/1" ‖ space ‖ document)`.
pub fn erasure_hash(space: &SpaceId, doc: &DocId) -> EnvelopeHash {
    EnvelopeHash(sha256(&[ERASURE, &space.0, &doc.0]))
}

impl LogItem {
    /// The item's place in the log.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Envelope { seq, .. }
            | Self::Own { seq, .. }
            | Self::Gone { seq, .. }
            | Self::Redacted { seq, .. }
            | Self::Erased { seq, .. } => *seq,
        }
    }

    /// About how many bytes the item takes in a response.
    pub fn size(&self) -> usize {
        match self {
            Self::Envelope { relayed, .. } => relayed.len() + 8,
            Self::Own { .. } => 10,
            Self::Gone { .. } => 40,
            Self::Redacted { chunk, .. } => chunk.len() + 48,
            Self::Erased { .. } => 24,
        }
    }
}

/// Something about a space that the ordinary run of items does not cover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// The device's chain is not a part of the server's log (the server was restored, or the device was). The device
    /// starts again from [`Cursor::START`] and offers what it holds; it wipes nothing. `items` is empty.
    ChainDiverged {
        /// How far the server's log goes.
        head: Cursor,
    },
    /// Same log, other documents: the device has to find the document that differs.
    DigestDiverged,
    /// The device is new in this space, or its cursor lies before the horizon: it loads these chunks first
    /// ([`crate::query::Ask::Chunks`]), takes their cursor for its own, and asks on from there. `items` is empty.
    Chunks(Manifest),
}

/// Compacted documents of a space at a fixed place in its log, in chunks that can be fetched in any order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The place in the log that the chunks stand for.
    pub cursor: Cursor,
    /// Digest of all documents in the chunks.
    pub digest: Digest,
    /// The chunks, newest documents first.
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_MANIFEST>")]
    pub chunks: Vec<ChunkRef>,
}

impl Manifest {
    /// The bytes in which a device keeps it while it loads the chunks.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FrameError> {
        postcard::to_allocvec(self).map_err(|_| FrameError::Malformed)
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrameError> {
        frame::decode(bytes)
    }
}

/// One content-addressed chunk of compacted documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRef {
    /// SHA-256 of the chunk's bytes.
    pub hash: [u8; 32],
    /// Its length in bytes.
    pub bytes: u32,
    /// How many documents it holds.
    pub documents: u32,
}

/// What is new in one space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpacePart {
    /// The space.
    pub space: SpaceId,
    /// Log items after the device's cursor, in order and without gaps.
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_ITEMS>")]
    pub items: Vec<LogItem>,
    /// Where the device stands after `items`.
    pub cursor: Cursor,
    /// The server's digest at `cursor`; given only when `cursor` is the head of the log.
    pub digest: Option<Digest>,
    /// Whether more items follow in this space.
    pub more: bool,
    /// Oldest seq still served as envelopes.
    pub horizon: u64,
    /// Something out of the ordinary.
    pub notice: Option<Notice>,
}

/// A right the device was given or lost since its last position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GrantChange {
    /// The device may now hold this space; items follow from the beginning of its log.
    Given {
        /// The space.
        space: SpaceId,
        /// Number of the compartment (field 0, contacts 1, sealed 2).
        compartment: u8,
        /// Code of the organisation unit.
        #[serde(deserialize_with = "bounded::text::<_, MAX_NAME>")]
        unit: String,
    },
    /// The device has to let go of this space's data. Unsent work in it was pushed with this very request.
    Taken {
        /// The space.
        space: SpaceId,
    },
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncResponse {
    /// Version of the document schema the server writes.
    pub schema: u32,
    /// The server's clock, Unix milliseconds.
    pub server_time_ms: u64,
    /// How often the server's data was restored from a backup; kept outside the backup.
    pub incarnation: u64,
    /// Names the position the device has after this answer. 0: none, name the full position next time.
    pub token: u64,
    /// One status per pushed envelope, by device sequence.
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_ENVELOPES>")]
    pub statuses: Vec<(u64, Status)>,
    /// Highest device sequence of this device the server holds; 0 if none.
    pub device_seq: u64,
    /// News by space.
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_SPACES>")]
    pub parts: Vec<SpacePart>,
    /// More waits than fitted into the byte budget: ask again at once. (A space without a part may have more, too.)
    pub more: bool,
    /// Rights given and taken.
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_GRANTS>")]
    pub grants: Vec<GrantChange>,
    /// When the server would like to hear from the device again, in seconds; 0 for no wish.
    pub poll_after_s: u32,
    /// The server cannot place the token or the summary differs: name the full position.
    pub need_full: bool,
    /// The phone was reported lost: everything on it has to go, once what it sent with this request is acknowledged.
    pub wipe: bool,
    /// Which rules (limits, holidays, remote units) are in force: a number that stands for their content, 0 for those that
    /// the programs ship. Given to devices that asked with [`crate::request::Flags::RULES`]; others would not know what to
    /// do with bytes behind the rest.
    #[serde(skip)]
    pub rules: Option<u32>,
}

impl SyncResponse {
    /// Encodes the frame. Fails with [`FrameError::TooLarge`] above [`MAX_RESPONSE`].
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let mut out = frame::encode(Kind::Response, self)?;
        if let Some(rules) = self.rules {
            out = postcard::to_extend(&rules, out).map_err(|_| FrameError::Malformed)?;
        }
        if out.len() > MAX_RESPONSE { Err(FrameError::TooLarge { limit: MAX_RESPONSE }) } else { Ok(out) }
    }

    /// Decodes a response frame of at most [`MAX_RESPONSE`] bytes. Envelopes in it stay encoded.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let body = frame::body(bytes, Kind::Response, MAX_RESPONSE)?;
        let (mut response, rest): (Self, _) = postcard::take_from_bytes(body).map_err(|_| FrameError::Malformed)?;
        if !rest.is_empty() {
            response.rules = Some(frame::decode(rest)?);
        }
        Ok(response)
    }
}

/// What the server sends when it cannot answer the request at all. Only this, never a proxy's page, is a word of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Why.
    pub refusal: Refusal,
    /// Seconds to wait before trying again; 0 for no wish.
    pub retry_after_s: u32,
    /// The server's clock, Unix milliseconds.
    pub server_time_ms: u64,
    /// Lowest and highest protocol version the server speaks.
    pub versions: (u8, u8),
}

impl Problem {
    /// Encodes the frame.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        frame::encode(Kind::Problem, self)
    }

    /// Decodes the frame.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        frame::decode(frame::body(bytes, Kind::Problem, 64)?)
    }
}
