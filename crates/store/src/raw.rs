//! The outer form of a raw change: as much as the store must know without decoding it.
//!
//! `85 6f 4a 83`, 4 bytes of checksum, the type 1, the length, and then: number of dependencies, their
//! hashes, the actor … All numbers are LEB128. The hash is SHA-256 over everything from the type on.

use gandan_model::ids::ChangeHash;
use sha2::{Digest, Sha256};

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHANGE: u8 = 1;
/// Concurrent heads of one document: more than any honest one has.
const MAX_DEPS: u64 = 4096;

/// What the head of a change says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The change's hash, computed.
    pub(crate) hash: ChangeHash,
    /// What it builds on.
    pub(crate) deps: Vec<ChangeHash>,
}

/// Reads the head of a raw change; nothing if the bytes are not exactly one such chunk.
pub(crate) fn head(raw: &[u8]) -> Option<Head> {
    let (magic, rest) = raw.split_at_checked(4)?;
    let (checksum, hashed) = rest.split_at_checked(4)?;
    let (kind, rest) = hashed.split_first()?;
    let (length, body) = leb128(rest)?;
    if magic != MAGIC || *kind != CHANGE || length != u64::try_from(body.len()).ok()? {
        return None;
    }
    let hash: [u8; 32] = Sha256::digest(hashed).into();
    if hash[..4] != *checksum {
        return None;
    }
    let (count, mut rest) = leb128(body)?;
    if count > MAX_DEPS {
        return None;
    }
    let mut deps = Vec::new();
    for _ in 0..count {
        let (dep, after) = rest.split_at_checked(32)?;
        deps.push(ChangeHash::from_slice(dep)?);
        rest = after;
    }
    Some(Head { hash: ChangeHash(hash), deps })
}

fn leb128(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (place, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

/// Hashes one after the other, as the database keeps them.
pub(crate) fn join(hashes: &[ChangeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The reverse of [`join`].
pub(crate) fn split(bytes: &[u8]) -> Vec<ChangeHash> {
    bytes.chunks_exact(32).filter_map(ChangeHash::from_slice).collect()
}

/// The heads after a change: those that it builds on make way for it.
pub(crate) fn advance(heads: &mut Vec<ChangeHash>, deps: &[ChangeHash], hash: ChangeHash) {
    heads.retain(|head| !deps.contains(head) && *head != hash);
    let place = heads.partition_point(|head| *head < hash);
    heads.insert(place, hash);
}

#[cfg(test)]
mod tests {
    use gandan_model::genesis::{DocKind, genesis};

    use super::*;

    #[test]
    fn reads_what_automerge_writes_and_nothing_else() {
        let genesis = genesis(DocKind::Visit);
        let read = head(&genesis.raw).unwrap();
        assert_eq!((read.hash, read.deps), (genesis.hash, Vec::new()));
        for cut in 0..genesis.raw.len() {
            assert_eq!(head(&genesis.raw[..cut]), None);
        }
        for place in 0..genesis.raw.len() {
            let mut bad = genesis.raw.clone();
            bad[place] ^= 1;
            assert_eq!(head(&bad), None, "byte {place}");
        }
    }

    #[test]
    fn heads_advance() {
        let [a, b, c] = [1, 2, 3].map(|byte| ChangeHash([byte; 32]));
        let mut heads = vec![];
        advance(&mut heads, &[], b);
        advance(&mut heads, &[], a);
        assert_eq!(heads, [a, b]);
        advance(&mut heads, &[a, b], c);
        advance(&mut heads, &[a, b], c);
        assert_eq!(heads, [c]);
        assert_eq!(split(&join(&[a, c])), [a, c]);
    }
}
