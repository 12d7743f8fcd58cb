//! Taking a raw change chunk apart and putting it together again, byte for byte.
//!
//! On the wire a change is only its tail: everything from the sequence number on. Magic bytes, checksum, type and length
//! follow from the rest, the actor is the device, and the dependencies are named in a few bytes each.

use crate::error::ScanError;
use crate::leb::{Reader, put_unsigned};
use crate::limits::{MAX_CHANGE_RAW, MAX_DEPS};
use crate::sign::sha256;
use gandan_model::ids::{ChangeHash, DeviceId};

/// First bytes of every automerge chunk.
pub(crate) const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// Type of an uncompressed change chunk.
const CHANGE: u8 = 1;
/// Where the hashed part begins: behind magic and checksum.
const HASHED: usize = 8;

/// A chunk taken apart.
pub(crate) struct Parts<'a> {
    pub(crate) deps: Vec<ChangeHash>,
    pub(crate) actor: DeviceId,
    pub(crate) tail: &'a [u8],
}

/// Takes a chunk apart without looking at the checksum or into the tail.
pub(crate) fn split(raw: &[u8]) -> Result<Parts<'_>, ScanError> {
    if raw.len() > MAX_CHANGE_RAW {
        return Err(ScanError::TooLarge);
    }
    let mut reader = Reader::new(raw);
    let magic: [u8; 4] = reader.array().map_err(|_| ScanError::NotAChange)?;
    let _checksum: [u8; 4] = reader.array().map_err(|_| ScanError::NotAChange)?;
    let [kind] = reader.array().map_err(|_| ScanError::NotAChange)?;
    if magic != MAGIC || kind != CHANGE {
        return Err(ScanError::NotAChange);
    }
    let length = reader.unsigned()?;
    let rest = u64::try_from(reader.rest().len()).unwrap_or(u64::MAX);
    if length < rest {
        return Err(ScanError::NotAChange);
    }
    if length > rest {
        return Err(ScanError::Malformed);
    }
    let count = reader.unsigned()?;
    if count > MAX_DEPS as u64 {
        return Err(ScanError::Range);
    }
    let mut deps = Vec::new();
    for _ in 0..count {
        deps.push(ChangeHash(reader.array()?));
    }
    if reader.unsigned()? != 8 {
        return Err(ScanError::Range);
    }
    let actor = DeviceId(reader.array()?);
    Ok(Parts { deps, actor, tail: reader.rest() })
}

/// The hash of a chunk: over type, length and data, as automerge defines it.
pub(crate) fn hash(raw: &[u8]) -> ChangeHash {
    ChangeHash(sha256(&[raw.get(HASHED..).unwrap_or_default()]))
}

/// The four checksum bytes of a chunk.
pub(crate) fn checksum(raw: &[u8]) -> &[u8] {
    raw.get(4..HASHED).unwrap_or_default()
}

/// Puts a chunk together. The checksum is left zero; [`seal`] fills it in.
pub(crate) fn build(deps: &[ChangeHash], actor: DeviceId, tail: &[u8]) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(2 + 32 * deps.len() + 9);
    put_unsigned(&mut prefix, deps.len() as u64);
    for dep in deps {
        prefix.extend_from_slice(&dep.0);
    }
    prefix.push(8);
    prefix.extend_from_slice(&actor.0);
    let length = prefix.len() + tail.len();
    let mut raw = Vec::with_capacity(HASHED + 4 + length);
    raw.extend_from_slice(&MAGIC);
    raw.extend_from_slice(&[0; 4]);
    raw.push(CHANGE);
    put_unsigned(&mut raw, length as u64);
    raw.extend_from_slice(&prefix);
    raw.extend_from_slice(tail);
    raw
}

/// Hashes a chunk from [`build`] and writes its checksum.
pub(crate) fn seal(raw: &mut [u8]) -> ChangeHash {
    let hash = hash(raw);
    if let Some(checksum) = raw.get_mut(4..HASHED) {
        checksum.copy_from_slice(&hash.0[..4]);
    }
    hash
}
