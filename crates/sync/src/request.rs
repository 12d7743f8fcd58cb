//! What a device says: who and where it is, and the envelopes it has to give.
//!
//! The encoding is the head, the number of envelopes, the envelopes one after the other, and the signature. An upload
//! that breaks off in the middle still holds whole envelopes, each signed on its own: [`salvage`] gets them out.

use crate::bounded;
use crate::cursor::SpacePosition;
use crate::envelope::PushEnvelope;
use crate::error::{FrameError, RequestError};
use crate::frame::{self, Kind};
use crate::limits::{MAX_ENVELOPES, MAX_REQUEST, MAX_SPACES};
use crate::sign::{self, REQUEST, Signature};
use ed25519_dalek::{SigningKey, VerifyingKey};
use gandan_model::ids::DeviceId;
use serde::{Deserialize, Serialize};

/// Length of the signature at the end of a request.
const SIGNATURE: usize = 64;

/// A device's position: everything it holds, in as few bytes as the server's memory allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    /// "As after your answer `token`", with a hash over the whole position as proof.
    Token {
        /// Token of the last answer.
        token: u64,
        /// [`crate::cursor::summary`] over every position.
        summary: [u8; 16],
    },
    /// Every space the device holds, one by one.
    Full(#[serde(deserialize_with = "bounded::vec::<_, _, MAX_SPACES>")] Vec<SpacePosition>),
}

/// Wishes of the device beyond the usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags(pub u8);

impl Flags {
    /// Send envelopes with every reference written out: the device could not resolve a short one.
    pub const FULL_ITEMS: Self = Self(1);
    /// Send the device's own envelopes with their content: it lost them.
    pub const OWN_ITEMS: Self = Self(2);
    /// Say which rules are in force: the device reads [`crate::response::SyncResponse::rules`].
    pub const RULES: Self = Self(4);

    /// Whether every flag of `other` is set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Everything of a request but the envelopes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestHead {
    /// Version of the document schema the device writes.
    pub schema: u32,
    /// The device, and by that the key the request is signed with.
    pub device: DeviceId,
    /// The device's clock, Unix milliseconds. Used to measure its skew, for nothing else.
    pub time_ms: u64,
    /// Where it stands.
    pub position: Position,
    /// How many bytes of items it wants at most; 0 for the server's default.
    pub byte_budget: u32,
    /// Special wishes.
    pub flags: Flags,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// Who, where, how much.
    pub head: RequestHead,
    /// What the device gives, in the order of its device sequence.
    pub envelopes: Vec<PushEnvelope>,
}

impl SyncRequest {
    /// Encodes and signs. Fails with [`FrameError::TooLarge`] above [`MAX_REQUEST`] bytes or [`MAX_ENVELOPES`] envelopes.
    pub fn encode(&self, key: &SigningKey) -> Result<Vec<u8>, FrameError> {
        if self.envelopes.len() > MAX_ENVELOPES {
            return Err(FrameError::TooLarge { limit: MAX_ENVELOPES });
        }
        let mut out = frame::encode(Kind::Request, &self.head)?;
        out = postcard::to_extend(&self.envelopes, out).map_err(|_| FrameError::Malformed)?;
        let signature = sign::sign(key, &signed_hash(&out));
        out.extend_from_slice(&signature.0);
        if out.len() > MAX_REQUEST {
            return Err(FrameError::TooLarge { limit: MAX_REQUEST });
        }
        Ok(out)
    }
}

fn signed_hash(bytes: &[u8]) -> [u8; 32] {
    sign::sha256(&[REQUEST, bytes])
}

/// A request that was decoded; who sent it is not proved yet.
#[derive(Clone, Debug)]
pub struct UnverifiedRequest {
    request: SyncRequest,
    hash: [u8; 32],
    signature: Signature,
}

impl UnverifiedRequest {
    /// Decodes a request frame of at most [`MAX_REQUEST`] bytes. Envelope bodies stay compressed.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let body = frame::body(bytes, Kind::Request, MAX_REQUEST)?;
        let end = body.len().checked_sub(SIGNATURE).ok_or(FrameError::Malformed)?;
        let (content, signature) = body.split_at(end);
        let (head, rest) = postcard::take_from_bytes(content).map_err(|_| FrameError::Malformed)?;
        let envelopes: Envelopes = frame::decode(rest)?;
        let signature = Signature(signature.try_into().map_err(|_| FrameError::Malformed)?);
        let hash = signed_hash(&bytes[..frame::HEADER + end]);
        Ok(Self { request: SyncRequest { head, envelopes: envelopes.0 }, hash, signature })
    }

    /// The device that the request says it is from.
    pub fn device(&self) -> DeviceId {
        self.request.head.device
    }

    /// Checks the signature with that device's key and gives the request.
    pub fn verify(self, key: &VerifyingKey) -> Result<SyncRequest, RequestError> {
        if sign::verify(key, &self.hash, &self.signature) { Ok(self.request) } else { Err(RequestError::Signature) }
    }
}

#[derive(Deserialize)]
struct Envelopes(#[serde(deserialize_with = "bounded::vec::<_, _, MAX_ENVELOPES>")] Vec<PushEnvelope>);

/// The device that a request frame says it is from, from its first bytes alone. Nothing is proved by it: good enough to
/// look up how busy that device is, and for nothing else.
pub fn claimed_device(bytes: &[u8]) -> Option<DeviceId> {
    let body = frame::body(bytes, Kind::Request, MAX_REQUEST).ok()?;
    let ((_schema, device), _) = postcard::take_from_bytes::<(u32, DeviceId)>(body).ok()?;
    Some(device)
}

/// What can be used of an upload that was cut: the head and the envelopes that arrived whole.
///
/// Nothing is proved by this, the request's signature is missing: take from it only envelopes whose own signature holds,
/// and answer nobody.
pub fn salvage(bytes: &[u8]) -> Result<SyncRequest, FrameError> {
    let body = frame::body(bytes, Kind::Request, MAX_REQUEST)?;
    let (head, rest) = postcard::take_from_bytes(body).map_err(|_| FrameError::Malformed)?;
    let mut envelopes = Vec::new();
    let Ok((count, mut rest)) = postcard::take_from_bytes::<u32>(rest) else {
        return Ok(SyncRequest { head, envelopes });
    };
    for _ in 0..count.min(u32::try_from(MAX_ENVELOPES).unwrap_or(u32::MAX)) {
        let Ok((envelope, after)) = postcard::take_from_bytes(rest) else { break };
        envelopes.push(envelope);
        rest = after;
    }
    Ok(SyncRequest { head, envelopes })
}
