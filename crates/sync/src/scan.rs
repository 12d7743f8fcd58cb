//! Looking at a change before automerge does.
//!
//! A valid change chunk of 64 bytes can unfold into a million operations, and some chunks make the library panic or
//! abort. So nothing goes to automerge that has not passed here. The scan adds up run lengths without following them,
//! keeps every counter and index within what the change itself declares, and allocates nothing but the list of
//! dependencies. Most of its time goes into the hash.
//!
//! It does not know the document: whether `seq`, `start_op` and `deps` continue what is there, and whether the elements
//! named exist, only the log and the projector can say. [`Header`] gives them what they need.

pub(crate) mod columns;

use crate::chunk::{self, Parts};
use crate::error::ScanError;
use crate::leb::Reader;
use crate::limits::{MAX_ACTORS, MAX_MESSAGE, MAX_OP_COUNTER, MAX_SEQ};
use gandan_model::genesis::GENESIS_ACTOR_PREFIX;
use gandan_model::ids::{ChangeHash, DeviceId};

/// What the server and the store read of a change; they never open it further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its hash.
    pub hash: ChangeHash,
    /// The changes it builds on, ascending.
    pub deps: Vec<ChangeHash>,
    /// The actor: the device that wrote it, or a genesis actor.
    pub actor: DeviceId,
    /// The actor's sequence number in this document, from 1.
    pub seq: u64,
    /// Counter of its first operation, from 1.
    pub start_op: u64,
    /// Number of operations.
    pub ops: u64,
    /// When it was written by the author's clock: hybrid logical time, Unix milliseconds.
    pub time_ms: i64,
    /// Who wrote it: the author's id.
    pub message: String,
}

impl Header {
    /// The kind of document that begins with this change, if it is a genesis.
    pub fn genesis(&self) -> Option<u8> {
        genesis_kind(self.actor)
    }

    /// Counter of its last operation; of the one before the first if it has none.
    pub fn max_op(&self) -> u64 {
        self.start_op + self.ops - 1
    }
}

/// The kind in a genesis actor.
pub(crate) fn genesis_kind(actor: DeviceId) -> Option<u8> {
    let (prefix, kind) = actor.0.split_at(GENESIS_ACTOR_PREFIX.len());
    if prefix == GENESIS_ACTOR_PREFIX { kind.first().copied() } else { None }
}

/// Checks a raw change chunk and reads its header.
pub fn scan(raw: &[u8]) -> Result<Header, ScanError> {
    let parts = chunk::split(raw)?;
    let fields = inspect(&parts)?;
    let hash = chunk::hash(raw);
    if chunk::checksum(raw) != &hash.0[..4] {
        return Err(ScanError::Checksum);
    }
    Ok(fields.into_header(parts.deps, parts.actor, hash))
}

/// What stands in the tail of a change.
pub(crate) struct Fields {
    seq: u64,
    start_op: u64,
    ops: u64,
    time_ms: i64,
    message: String,
}

impl Fields {
    pub(crate) fn into_header(self, deps: Vec<ChangeHash>, actor: DeviceId, hash: ChangeHash) -> Header {
        let Self { seq, start_op, ops, time_ms, message } = self;
        Header { hash, deps, actor, seq, start_op, ops, time_ms, message }
    }
}

/// Checks everything but the hash.
pub(crate) fn inspect(parts: &Parts<'_>) -> Result<Fields, ScanError> {
    if !parts.deps.is_sorted_by(|left, right| left < right) {
        return Err(ScanError::Malformed);
    }
    let mut reader = Reader::new(parts.tail);
    let seq = reader.unsigned()?;
    let start_op = reader.unsigned()?;
    if seq == 0 || seq > MAX_SEQ || start_op == 0 || start_op > MAX_OP_COUNTER {
        return Err(ScanError::Range);
    }
    if genesis_kind(parts.actor).is_some() && (seq != 1 || !parts.deps.is_empty()) {
        return Err(ScanError::Range);
    }
    let time_ms = reader.signed()?;
    let length = reader.unsigned()?;
    if length > MAX_MESSAGE as u64 {
        return Err(ScanError::Range);
    }
    let message = str::from_utf8(reader.take(length)?).map_err(|_| ScanError::Malformed)?.to_owned();
    let actors = other_actors(&mut reader, parts.actor)?;
    let ops = columns::scan(&mut reader, start_op, actors)?;
    Ok(Fields { seq, start_op, ops, time_ms, message })
}

/// Reads the list of other actors and gives the number of all actors, the author counted.
fn other_actors(reader: &mut Reader<'_>, author: DeviceId) -> Result<u64, ScanError> {
    let count = reader.unsigned()?;
    if count > MAX_ACTORS as u64 {
        return Err(ScanError::Range);
    }
    let mut previous: Option<[u8; 8]> = None;
    for _ in 0..count {
        if reader.unsigned()? != 8 {
            return Err(ScanError::Range);
        }
        let actor: [u8; 8] = reader.array()?;
        if actor == author.0 || previous.is_some_and(|previous| previous >= actor) {
            return Err(ScanError::Malformed);
        }
        previous = Some(actor);
    }
    Ok(count + 1)
}
