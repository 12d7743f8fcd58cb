//! Questions beside the round trip: whole documents, differences, what a restored server lost, a new identity.
//!
//! A query is one signed frame, its answer one frame. A query can be asked again at any time; doing it twice changes
//! nothing (a device that became another one is told so again).
//!
//! ```text
//! behind the horizon, or new:   Manifest (in a response) ── Chunks ──▶ chunks, a few at a time
//! the digests differ:           Compare ──▶ Buckets ── Differ ──▶ Healing: the documents that differ, whole
//! the server was restored:      Offer ──▶ Wanted ── Return ──▶ Returned: a status each
//! cloned, or restored itself:   Renew ──▶ Renewed
//! other rules are in force:     Rules ──▶ Rules: limits, holidays, remote units
//! photographs wait:             Files ──▶ Files: what the server has of each
//! something lies in quarantine: Decisions ──▶ Decided
//! the device is otherwise than it last said: Health ──▶ Noted
//! ```

use crate::attachment::{Holding, MAX_OFFERED, Offered};
use crate::bounded;
use crate::cursor::Cursor;
use crate::dictionary;
use crate::digest::BUCKETS;
use crate::error::{EnvelopeError, FrameError, RequestError};
use crate::frame::{self, Kind};
use crate::limits::{MAX_CHUNK, MAX_CHUNKS, MAX_IDS, MAX_QUERY, MAX_RELAYED, MAX_RESPONSE, MAX_RULES_PACKED};
use crate::sign::{self, QUERY, RENEWAL, Signature};
use crate::status::Status;
use ed25519_dalek::{SigningKey, VerifyingKey};
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use serde::{Deserialize, Serialize};

/// Length of the signature at the end of a query.
const SIGNATURE: usize = 64;
/// Most bytes of a query frame.
pub const MAX_QUERY_FRAME: usize = MAX_QUERY + 64 * 1024;
/// Most envelopes given back at once.
pub const MAX_RETURNED: usize = 256;
/// Most envelopes that one question about decisions names.
pub const MAX_DECISIONS: usize = 256;
/// Most bytes of the reason of a decision.
pub const MAX_REASON: usize = 1024;
/// Most bytes of the name of an app's version.
pub const MAX_VERSION: usize = 64;
/// Most bytes of the code of an error.
pub const MAX_CODE: usize = 64;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Who asks.
    pub device: DeviceId,
    /// The asker's clock, Unix milliseconds.
    pub time_ms: u64,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// The chunks with these hashes. The answer is a frame of chunks ([`decode_chunks`]).
    Chunks {
        /// The space they belong to.
        space: SpaceId,
        /// Their hashes, in the order in which they are wanted.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_CHUNKS>")]
        hashes: Vec<[u8; 32]>,
    },
    /// In which buckets do we differ? Answered with [`Reply::Buckets`] or [`Reply::Moved`].
    Compare {
        /// The space.
        space: SpaceId,
        /// Where the device stands: only at the head can digests be compared.
        cursor: Cursor,
        /// [`crate::digest::Buckets::short`]: exactly [`BUCKETS`].
        #[serde(deserialize_with = "bounded::vec::<_, _, BUCKETS>")]
        buckets: Vec<[u8; 8]>,
    },
    /// Which documents of this bucket differ? Answered with [`Reply::Healing`] or [`Reply::Moved`].
    Differ {
        /// The space.
        space: SpaceId,
        /// Where the device stands.
        cursor: Cursor,
        /// The bucket.
        bucket: u8,
        /// Every document of the bucket that the device knows to be in the log, with
        /// [`crate::digest::short_heads`].
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_IDS>")]
        documents: Vec<(DocId, [u8; 8])>,
    },
    /// Which of these do you lack? Answered with [`Reply::Wanted`].
    Offer {
        /// The space.
        space: SpaceId,
        /// The first eight bytes of the hashes of envelopes that the device can give back as they were signed.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_IDS>")]
        envelopes: Vec<[u8; 8]>,
        /// Documents and the first eight bytes of the hashes of changes that it has without the signature of their author.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_IDS>")]
        changes: Vec<(DocId, [u8; 8])>,
    },
    /// Here they are. Answered with [`Reply::Returned`].
    Return {
        /// The space.
        space: SpaceId,
        /// Envelopes of any devices, each a [`crate::RelayedEnvelope`] in full form.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_RETURNED>")]
        envelopes: Vec<Returned>,
        /// A chunk with changes for which no signature is left; may be empty. A person decides about them.
        #[serde(serialize_with = "bounded::put_bytes", deserialize_with = "bounded::bytes::<_, MAX_CHUNK>")]
        unsigned: Vec<u8>,
    },
    /// "My number was used by somebody else: from now on I am `device`." Answered with [`Reply::Renewed`].
    Renew {
        /// The new device: eight random bytes.
        device: DeviceId,
        /// Its ed25519 public key.
        key: [u8; 32],
        /// That key's signature over the old and the new device ([`renewal_proof`]).
        proof: Signature,
    },
    /// Which rules are in force? Answered with [`Reply::Rules`].
    Rules,
    /// What do you have of these files? Answered with [`Reply::Files`].
    Files {
        /// Files that the device could send.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_OFFERED>")]
        offered: Vec<Offered>,
    },
    /// What became of these envelopes of mine, which you set aside for a person to decide on? Answered with
    /// [`Reply::Decided`].
    Decisions {
        /// Their numbers among the device's envelopes.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_DECISIONS>")]
        device_seqs: Vec<u64>,
    },
    /// This is how I am. Answered with [`Reply::Noted`].
    Health(Health),
}

/// How a device is, in its own words: for whoever looks after devices. Nothing follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Version of the app, and what it runs on: `0.1.0 android`.
    #[serde(deserialize_with = "bounded::text::<_, MAX_VERSION>")]
    pub app: String,
    /// Own changes that the server has not confirmed.
    pub waiting: u32,
    /// Envelopes that the server refused or set aside.
    pub held_back: u32,
    /// Photographs whose bytes the server does not have, refused ones included.
    pub files: u32,
    /// The last exchange that failed for a reason which does not pass by itself.
    pub failure: Option<Failure>,
}

/// An exchange that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Code of the error.
    #[serde(deserialize_with = "bounded::text::<_, MAX_CODE>")]
    pub code: String,
    /// When, by the device's clock, Unix milliseconds.
    pub at_ms: u64,
}

/// What became of an envelope that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The envelope's number among the device's.
    pub device_seq: u64,
    /// What was decided.
    pub verdict: Verdict,
    /// When, by the server's clock, Unix milliseconds; 0 if that is not known.
    pub at_ms: i64,
    /// Why, in the words of whoever decided; may be empty.
    #[serde(deserialize_with = "bounded::text::<_, MAX_REASON>")]
    pub reason: String,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It is in the log of its space now.
    Admitted {
        /// At this place.
        seq: u64,
    },
    /// It stays out of the log. The device keeps it and shows why.
    Discarded,
    /// Its document was erased.
    Erased,
}

impl Ask {
    /// The space it is about, if that is one.
    pub fn space(&self) -> Option<SpaceId> {
        match self {
            Self::Chunks { space, .. }
            | Self::Compare { space, .. }
            | Self::Differ { space, .. }
            | Self::Offer { space, .. }
            | Self::Return { space, .. } => Some(*space),
            Self::Renew { .. } | Self::Rules | Self::Files { .. } | Self::Decisions { .. } | Self::Health(_) => None,
        }
    }
}

/// An envelope that is given back: the bytes of a [`crate::RelayedEnvelope`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned(
    #[serde(serialize_with = "bounded::put_bytes", deserialize_with = "bounded::bytes::<_, MAX_RELAYED>")] pub Vec<u8>,
);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The log has gone on, or is another: first a round trip.
    Moved,
    /// The buckets that differ, ascending.
    Buckets(#[serde(deserialize_with = "bounded::vec::<_, _, BUCKETS>")] Vec<u8>),
    /// The documents of a bucket that differ.
    Healing {
        /// Chunks with every change that the log has of them.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_CHUNKS>")]
        chunks: Vec<Vec<u8>>,
        /// Heads of each of them in the log.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_IDS>")]
        heads: Vec<(DocId, Vec<ChangeHash>)>,
        /// Documents that the device named and the log does not have.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_IDS>")]
        unknown: Vec<DocId>,
        /// Not all of them fitted: ask again after these were taken in.
        more: bool,
    },
    /// What the server lacks of what was offered: the places in the lists, ascending.
    Wanted {
        /// Of the envelopes.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_IDS>")]
        envelopes: Vec<u16>,
        /// Of the changes.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_IDS>")]
        changes: Vec<u16>,
    },
    /// What became of what was given back.
    Returned {
        /// One for each envelope.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_RETURNED>")]
        statuses: Vec<Status>,
        /// For the changes without signature, if there were any: kept for a person to decide, or refused.
        unsigned: Option<Status>,
    },
    /// The device is known as the new one from now on.
    Renewed {
        /// The new device's bearer token for live events.
        #[serde(deserialize_with = "bounded::text::<_, 128>")]
        events_token: String,
    },
    /// The rules in force.
    Rules {
        /// What [`crate::response::SyncResponse::rules`] calls them.
        number: u32,
        /// Their content ([`pack_rules`]); empty for those that the programs ship.
        #[serde(serialize_with = "bounded::put_bytes", deserialize_with = "bounded::bytes::<_, MAX_RULES_PACKED>")]
        packed: Vec<u8>,
    },
    /// What the server has of the files: one for each, in their order.
    Files(#[serde(deserialize_with = "bounded::vec::<_, _, MAX_OFFERED>")] Vec<Holding>),
    /// What was decided. About envelopes that stand in neither list nobody has decided yet.
    Decided {
        /// One for each envelope that was decided about.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_DECISIONS>")]
        decisions: Vec<Decision>,
        /// Envelopes that the server does not have: it was restored from a backup. They are to be sent again.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_DECISIONS>")]
        unknown: Vec<u64>,
    },
    /// It was heard.
    Noted,
}

impl Query {
    /// Encodes and signs. Fails with [`FrameError::TooLarge`] above [`MAX_QUERY_FRAME`] bytes.
    pub fn encode(&self, key: &SigningKey) -> Result<Vec<u8>, FrameError> {
        let mut out = frame::encode(Kind::Query, self)?;
        let signature = sign::sign(key, &sign::sha256(&[QUERY, &out]));
        out.extend_from_slice(&signature.0);
        if out.len() > MAX_QUERY_FRAME { Err(FrameError::TooLarge { limit: MAX_QUERY_FRAME }) } else { Ok(out) }
    }
}

/// The device that a query frame says it is from, from its first bytes alone. Nothing is proved by it: good enough to look
/// up how busy that device is, and for nothing else.
pub fn claimed_asker(bytes: &[u8]) -> Option<DeviceId> {
    let body = frame::body(bytes, Kind::Query, MAX_QUERY_FRAME).ok()?;
    postcard::take_from_bytes::<DeviceId>(body).ok().map(|(device, _)| device)
}

/// A query that was decoded; who asks is not proved yet.
#[derive(Clone, Debug)]
pub struct UnverifiedQuery {
    query: Query,
    hash: [u8; 32],
    signature: Signature,
}

impl UnverifiedQuery {
    /// Decodes a query frame of at most [`MAX_QUERY_FRAME`] bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let body = frame::body(bytes, Kind::Query, MAX_QUERY_FRAME)?;
        let end = body.len().checked_sub(SIGNATURE).ok_or(FrameError::Malformed)?;
        let (content, signature) = body.split_at(end);
        let signature = Signature(signature.try_into().map_err(|_| FrameError::Malformed)?);
        let hash = sign::sha256(&[QUERY, &bytes[..frame::HEADER + end]]);
        Ok(Self { query: frame::decode(content)?, hash, signature })
    }

    /// The device that the query says it is from.
    pub fn device(&self) -> DeviceId {
        self.query.device
    }

    /// What the query asks. Nothing is proved by it.
    pub fn ask(&self) -> &Ask {
        &self.query.ask
    }

    /// Checks the signature with that device's key and gives the query.
    pub fn verify(self, key: &VerifyingKey) -> Result<Query, RequestError> {
        if sign::verify(key, &self.hash, &self.signature) { Ok(self.query) } else { Err(RequestError::Signature) }
    }
}

impl Reply {
    /// Encodes the frame. Fails with [`FrameError::TooLarge`] above [`MAX_RESPONSE`].
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let out = frame::encode(Kind::Reply, self)?;
        if out.len() > MAX_RESPONSE { Err(FrameError::TooLarge { limit: MAX_RESPONSE }) } else { Ok(out) }
    }

    /// Decodes a reply frame of at most [`MAX_RESPONSE`] bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        frame::decode(frame::body(bytes, Kind::Reply, MAX_RESPONSE)?)
    }
}

/// Puts chunks into one frame, each behind its length (four bytes, big-endian). An empty one says that the server does
/// not have it any more.
pub fn encode_chunks<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = frame::header(Kind::Chunks).to_vec();
    for chunk in chunks {
        // A chunk is at most MAX_CHUNK bytes long.
        out.extend_from_slice(&u32::try_from(chunk.len()).unwrap_or(0).to_be_bytes());
        out.extend_from_slice(chunk);
    }
    out
}

/// Reads the chunks of a frame that may have been cut anywhere: those that arrived whole. Whether they are the right ones
/// their hashes tell.
pub fn decode_chunks(bytes: &[u8]) -> Result<Vec<&[u8]>, FrameError> {
    let mut rest = frame::body(bytes, Kind::Chunks, MAX_RESPONSE)?;
    let mut chunks = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > MAX_CHUNK || chunks.len() == MAX_CHUNKS {
            return Err(FrameError::TooLarge { limit: MAX_CHUNK });
        }
        let Some((chunk, after)) = after.split_at_checked(length) else { break };
        chunks.push(chunk);
        rest = after;
    }
    Ok(chunks)
}

/// Packs rules (JSON of [`gandan_model::rules::RulesData`]) for the road.
pub fn pack_rules(json: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    dictionary::compress(dictionary::PLAIN, None, json)
}

/// What [`pack_rules`] packed, at most [`gandan_model::rules::MAX_RULES_BYTES`] of it.
pub fn unpack_rules(packed: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    dictionary::decompress(dictionary::PLAIN, packed, gandan_model::rules::MAX_RULES_BYTES)
}

/// What a device's next key signs: that it takes the place of `old` as `new`.
pub fn renewal_proof(key: &SigningKey, old: &DeviceId, new: &DeviceId) -> Signature {
    sign::sign(key, &sign::sha256(&[RENEWAL, &old.0, &new.0]))
}

/// Whether `proof` is [`renewal_proof`] by `key`.
pub fn proves_renewal(key: &VerifyingKey, old: &DeviceId, new: &DeviceId, proof: &Signature) -> bool {
    sign::verify(key, &sign::sha256(&[RENEWAL, &old.0, &new.0]), proof)
}
