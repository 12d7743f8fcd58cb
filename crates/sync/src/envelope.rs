//! Envelopes: batches of changes that one device signed, in the forms they take on their way.
//!
//! ```text
//! device                          server                              other devices
//! SealedEnvelope ── PushEnvelope ──▶ RelayedEnvelope ── LogItem ──────▶ Envelope (opened)
//!   (outbox)          (request)        (stored as it is)                  (raw changes)
//! ```
//!
//! A body is the length of its names, the names (ids and hashes, or their first bytes: random, and therefore not
//! compressed), and a zstd frame with everything else, in which lengths of characters are left out.
//!
//! The signature covers the space, the device, its sequence number, the hash of the device's envelope before, and the
//! hash of every change with its document. It does not cover the body's bytes: the same envelope can be written again
//! with longer references or another dictionary and stays the same envelope, and a body can be erased while the chain of
//! hashes holds.

use crate::body::{self, Body};
use crate::bounded;
use crate::cursor::EnvelopeHash;
use crate::dictionary;
use crate::error::{EnvelopeError, FrameError};
use crate::frame::{self, Kind};
use crate::limits::{BATCH_RAW, MAX_CHANGES, MAX_ENVELOPE_BODY, MAX_RELAYED, MAX_SEQ};
use crate::resolve::{Knowledge, Nothing, Resolver};
use crate::scan::Header;
use crate::sign::{self, ENVELOPE, Signature};
use ed25519_dalek::{SigningKey, VerifyingKey};
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use serde::{Deserialize, Serialize};

/// A change to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Its document.
    pub doc: DocId,
    /// The raw change chunk, as automerge's `raw_bytes()` gives it.
    pub raw: &'a [u8],
}

/// How references are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// As short as the receiver's knowledge allows.
    #[default]
    Short,
    /// Written out: any receiver can read it.
    Full,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Short or full references.
    pub form: Form,
    /// Number of the dictionary, [`dictionary::PLAIN`] for none.
    pub dict: u32,
    /// zstd level; none for the usual choice.
    pub level: Option<i32>,
}

impl Default for Encoding {
    /// Short, with the current dictionary.
    fn default() -> Self {
        Self { form: Form::Short, dict: dictionary::CURRENT, level: None }
    }
}

impl Encoding {
    /// What every receiver can read: full references, no dictionary.
    pub const FULL: Self = Self { form: Form::Full, dict: dictionary::PLAIN, level: None };
}

/// Who seals, and where in their chain.
#[derive(Clone, Copy)]
pub struct Sealer<'a> {
    /// The space that all changes belong to.
    pub space: SpaceId,
    /// The device; the actor of all changes.
    pub device: DeviceId,
    /// The device's key.
    pub key: &'a SigningKey,
    /// Number of this envelope among all of the device, from 1, without gaps and over all spaces.
    pub device_seq: u64,
    /// Hash of the device's envelope before; [`EnvelopeHash::ZERO`] for the first.
    pub prev: EnvelopeHash,
}

/// An envelope as its sender keeps it until the server has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedEnvelope {
    /// The space.
    pub space: SpaceId,
    /// Its hash: the next envelope's `prev`.
    pub hash: EnvelopeHash,
    /// How the body's references are written.
    pub form: Form,
    /// Everything else.
    pub relayed: RelayedEnvelope,
}

/// How many of `changes`, from the first, belong into one envelope: as many as fit the limits with room to spare. Zero
/// only for no changes.
pub fn batch_len(changes: &[Outgoing<'_>]) -> usize {
    let mut raw = 0;
    let fitting = changes.iter().take(MAX_CHANGES).take_while(|change| {
        raw += change.raw.len();
        raw <= BATCH_RAW
    });
    fitting.count().max(usize::from(!changes.is_empty()))
}

/// Scans, encodes and signs a batch of changes. Their order is the order in which the receiver will apply them: a change
/// after those it depends on.
pub fn seal(
    sealer: &Sealer<'_>,
    changes: &[Outgoing<'_>],
    knowledge: &dyn Knowledge,
    encoding: Encoding,
) -> Result<SealedEnvelope, EnvelopeError> {
    if sealer.device_seq == 0 || sealer.device_seq > MAX_SEQ {
        return Err(EnvelopeError::Malformed);
    }
    let (body, headers) = body::encode(Some(sealer.device), changes, knowledge, encoding.form)?;
    let content = changes.iter().zip(&headers).map(|(change, header)| (change.doc, header.hash));
    let hash = content_hash(&sealer.space, &sealer.device, sealer.device_seq, &sealer.prev, content);
    let relayed = RelayedEnvelope {
        device: sealer.device,
        device_seq: sealer.device_seq,
        prev: sealer.prev,
        signature: sign::sign(sealer.key, &hash.0),
        dict: encoding.dict,
        body: body.pack(encoding.dict, encoding.level)?,
    };
    Ok(SealedEnvelope { space: sealer.space, hash, form: encoding.form, relayed })
}

/// The body that [`seal`] would compress: a sample for training a dictionary.
pub fn training_sample(
    device: &DeviceId,
    changes: &[Outgoing<'_>],
    knowledge: &dyn Knowledge,
) -> Result<Vec<u8>, EnvelopeError> {
    Ok(body::encode(Some(*device), changes, knowledge, Form::Short)?.0.changes)
}

impl SealedEnvelope {
    /// Writes the same envelope again with other references or another dictionary. `changes` must be the changes it was
    /// sealed with, in the same order; signature and hash stay.
    ///
    /// Fails with [`EnvelopeError::Signature`] if they are other changes.
    pub fn rewrite(
        &self,
        changes: &[Outgoing<'_>],
        knowledge: &dyn Knowledge,
        encoding: Encoding,
    ) -> Result<Self, EnvelopeError> {
        let relayed = self.relayed.rewrite(&self.space, &self.hash, changes, knowledge, encoding)?;
        Ok(Self { space: self.space, hash: self.hash, form: encoding.form, relayed })
    }

    /// The form in which it goes into a request. `previous` is the space of the envelope before it in the same request;
    /// `chained` says that the receiver has, or gets just before, the envelope that `prev` names.
    pub fn to_push(&self, previous: Option<SpaceId>, chained: bool) -> PushEnvelope {
        let full = self.form == Form::Full;
        let mut prefix = [0; 4];
        prefix.copy_from_slice(&self.space.0[..4]);
        let space = if previous == Some(self.space) {
            SpaceRef::Same
        } else if full {
            SpaceRef::Full(self.space)
        } else {
            SpaceRef::Prefix(prefix)
        };
        PushEnvelope {
            space,
            device_seq: self.relayed.device_seq,
            prev: if chained && !full { None } else { Some(self.relayed.prev) },
            signature: self.relayed.signature,
            dict: self.relayed.dict,
            body: self.relayed.body.clone(),
        }
    }

    /// The bytes in which an outbox keeps it.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FrameError> {
        postcard::to_allocvec(self).map_err(|_| FrameError::Malformed)
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrameError> {
        frame::decode(bytes)
    }
}

/// How a pushed envelope names its space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpaceRef {
    /// The space of the envelope before it in the request.
    Same,
    /// The only space with these first bytes among those the device has a grant for.
    Prefix([u8; 4]),
    /// Written out.
    Full(SpaceId),
}

impl SpaceRef {
    /// Finds the space among those granted. A space that is written out need not be granted to be found: the caller
    /// checks the grant.
    pub fn resolve(self, previous: Option<SpaceId>, granted: &[SpaceId]) -> Result<SpaceId, EnvelopeError> {
        match self {
            Self::Full(space) => Ok(space),
            Self::Same => previous.ok_or(EnvelopeError::Malformed),
            Self::Prefix(prefix) => {
                let mut found = granted.iter().filter(|space| space.0.starts_with(&prefix));
                match (found.next(), found.next()) {
                    (Some(space), None) => Ok(*space),
                    _ => Err(EnvelopeError::Unresolved),
                }
            }
        }
    }
}

/// An envelope on its way up. The device is the one that signed the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushEnvelope {
    /// Its space.
    pub space: SpaceRef,
    /// Its number among the device's envelopes.
    pub device_seq: u64,
    /// Hash of the device's envelope before; none when the receiver has that one.
    pub prev: Option<EnvelopeHash>,
    /// The device's signature over the envelope's hash.
    pub signature: Signature,
    /// Dictionary of the body.
    pub dict: u32,
    /// The compressed body.
    #[serde(serialize_with = "bounded::put_bytes", deserialize_with = "bounded::bytes::<_, MAX_ENVELOPE_BODY>")]
    pub body: Vec<u8>,
}

impl PushEnvelope {
    /// Completes it with what the receiver knows: the device, and its last envelope in case `prev` is not written.
    pub fn into_relayed(self, device: DeviceId, last: EnvelopeHash) -> RelayedEnvelope {
        RelayedEnvelope {
            device,
            device_seq: self.device_seq,
            prev: self.prev.unwrap_or(last),
            signature: self.signature,
            dict: self.dict,
            body: self.body,
        }
    }
}

/// An envelope as the server keeps it and hands it on: the body exactly as it was pushed, and the rest of what the
/// signature covers. Which space it belongs to stands beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayedEnvelope {
    /// The device that sealed it.
    pub device: DeviceId,
    /// Its number among that device's envelopes.
    pub device_seq: u64,
    /// Hash of that device's envelope before.
    pub prev: EnvelopeHash,
    /// The device's signature over the envelope's hash.
    pub signature: Signature,
    /// Dictionary of the body.
    pub dict: u32,
    /// The compressed body.
    #[serde(serialize_with = "bounded::put_bytes", deserialize_with = "bounded::bytes::<_, MAX_ENVELOPE_BODY>")]
    pub body: Vec<u8>,
}

impl RelayedEnvelope {
    /// The bytes that a server stores and puts into [`crate::response::LogItem::Envelope`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, FrameError> {
        postcard::to_allocvec(self).map_err(|_| FrameError::Malformed)
    }

    /// Reads what [`Self::to_bytes`] wrote; at most [`MAX_RELAYED`] bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrameError> {
        if bytes.len() > MAX_RELAYED {
            return Err(FrameError::TooLarge { limit: MAX_RELAYED });
        }
        frame::decode(bytes)
    }

    /// Opens it: inflates the body within bounds, resolves references, rebuilds and scans every change, and computes the
    /// hash. With a `key` the signature is checked; without one the caller must have another reason to trust the
    /// content, such as the log's chain.
    pub fn open(
        &self,
        space: SpaceId,
        key: Option<&VerifyingKey>,
        resolver: &dyn Resolver,
    ) -> Result<Envelope, EnvelopeError> {
        if self.device_seq == 0 || self.device_seq > MAX_SEQ {
            return Err(EnvelopeError::Malformed);
        }
        let body = Body::unpack(self.dict, &self.body)?;
        let changes = body::decode(&body, &space, &|_| Some(self.device), resolver)?;
        let content = changes.iter().map(|change| (change.doc, change.header.hash));
        let hash = content_hash(&space, &self.device, self.device_seq, &self.prev, content);
        if key.is_some_and(|key| !sign::verify(key, &hash.0, &self.signature)) {
            return Err(EnvelopeError::Signature);
        }
        Ok(Envelope { space, device: self.device, device_seq: self.device_seq, prev: self.prev, hash, changes })
    }

    /// The envelope as its author signed it, in a form that any receiver can read, put together again from its content:
    /// `author` is the device, its number there, and the hash of that device's envelope before. Whether it is the same
    /// envelope, the signature tells whoever checks it.
    pub fn again(
        author: (DeviceId, u64, EnvelopeHash),
        signature: Signature,
        changes: &[Outgoing<'_>],
    ) -> Result<Self, EnvelopeError> {
        let (device, device_seq, prev) = author;
        let (body, _) = body::encode(Some(device), changes, &Nothing, Form::Full)?;
        let dict = Encoding::FULL.dict;
        Ok(Self { device, device_seq, prev, signature, dict, body: body.pack(dict, None)? })
    }

    fn rewrite(
        &self,
        space: &SpaceId,
        hash: &EnvelopeHash,
        changes: &[Outgoing<'_>],
        knowledge: &dyn Knowledge,
        encoding: Encoding,
    ) -> Result<Self, EnvelopeError> {
        let (body, headers) = body::encode(Some(self.device), changes, knowledge, encoding.form)?;
        let content = changes.iter().zip(&headers).map(|(change, header)| (change.doc, header.hash));
        if content_hash(space, &self.device, self.device_seq, &self.prev, content) != *hash {
            return Err(EnvelopeError::Signature);
        }
        Ok(Self { dict: encoding.dict, body: body.pack(encoding.dict, encoding.level)?, ..self.clone() })
    }

    /// The same envelope in a form that any receiver can read ([`Encoding::FULL`]). `opened` is what [`Self::open`] gave.
    pub fn to_full(&self, opened: &Envelope) -> Result<Self, EnvelopeError> {
        let changes: Vec<Outgoing<'_>> = opened.changes.iter().map(Change::outgoing).collect();
        self.rewrite(&opened.space, &opened.hash, &changes, &Nothing, Encoding::FULL)
    }
}

/// An opened envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Its space.
    pub space: SpaceId,
    /// The device that sealed it.
    pub device: DeviceId,
    /// Its number among that device's envelopes.
    pub device_seq: u64,
    /// Hash of that device's envelope before.
    pub prev: EnvelopeHash,
    /// Its hash.
    pub hash: EnvelopeHash,
    /// Its changes, in the order to apply them.
    pub changes: Vec<Change>,
}

/// A change out of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its document.
    pub doc: DocId,
    /// The raw change chunk; it passed the scan.
    pub raw: Vec<u8>,
    /// What the scan read.
    pub header: Header,
}

impl Change {
    /// The change as one to be sent.
    pub fn outgoing(&self) -> Outgoing<'_> {
        Outgoing { doc: self.doc, raw: &self.raw }
    }
}

/// `SHA-256("gandan/envelope/1" ‖ space ‖ device ‖ device_seq u64 BE ‖ prev ‖ count u32 BE ‖ (doc ‖ hash)*)`.
pub fn content_hash(
    space: &SpaceId,
    device: &DeviceId,
    device_seq: u64,
    prev: &EnvelopeHash,
    changes: impl ExactSizeIterator<Item = (DocId, ChangeHash)>,
) -> EnvelopeHash {
    let count = u32::try_from(changes.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(96 + 48 * changes.len());
    bytes.extend_from_slice(ENVELOPE);
    bytes.extend_from_slice(&space.0);
    bytes.extend_from_slice(&device.0);
    bytes.extend_from_slice(&device_seq.to_be_bytes());
    bytes.extend_from_slice(&prev.0);
    bytes.extend_from_slice(&count.to_be_bytes());
    for (doc, hash) in changes {
        bytes.extend_from_slice(&doc.0);
        bytes.extend_from_slice(&hash.0);
    }
    EnvelopeHash(sign::sha256(&[&bytes]))
}

/// An envelope on its own, in full form: for files and for exchange from device to device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeFile {
    /// Its space.
    pub space: SpaceId,
    /// The envelope; written with [`Encoding::FULL`].
    pub relayed: RelayedEnvelope,
}

impl EnvelopeFile {
    /// Encodes the frame.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        frame::encode(Kind::Envelope, self)
    }

    /// Decodes the frame.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        frame::decode(frame::body(bytes, Kind::Envelope, MAX_RELAYED + 64)?)
    }
}
