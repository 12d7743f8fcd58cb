//! Where a device stands in the log of a space, and the short name of its whole position.

use crate::digest::Digest;
use crate::sign::{CHAIN, SUMMARY, sha256};
use gandan_model::ids::SpaceId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The hash that identifies an envelope: what its signature covers, and what the log's chain commits to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EnvelopeHash(pub [u8; 32]);

impl EnvelopeHash {
    /// What stands in `prev` of a device's first envelope.
    pub const ZERO: Self = Self([0; 32]);
}

impl fmt::Display for EnvelopeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EnvelopeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A place in the log of one space.
///
/// `chain` commits to every envelope up to `seq`: two logs that agree at a cursor agree in everything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cursor {
    /// Number of the last envelope counted in; 0 before the first.
    pub seq: u64,
    /// `chain[seq]`.
    pub chain: [u8; 32],
}

impl Cursor {
    /// Before the first envelope.
    pub const START: Self = Self { seq: 0, chain: [0; 32] };

    /// The cursor after one more envelope: `chain[n] = SHA-256("gandan/chain/1" ‖ chain[n-1] ‖ hash)`.
    #[must_use]
    pub fn after(self, hash: &EnvelopeHash) -> Self {
        Self { seq: self.seq.saturating_add(1), chain: sha256(&[CHAIN, &self.chain, &hash.0]) }
    }
}

impl Default for Cursor {
    fn default() -> Self {
        Self::START
    }
}

/// One line of a device's position: how far it has come in a space, and what it makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpacePosition {
    /// The space.
    pub space: SpaceId,
    /// How far the device has come.
    pub cursor: Cursor,
    /// Digest of the documents at `cursor`; none while the device is still catching up (the last answer said `more`).
    pub digest: Option<Digest>,
}

impl SpacePosition {
    /// The position of a device that has just been given `space`.
    pub const fn start(space: SpaceId) -> Self {
        Self { space, cursor: Cursor::START, digest: None }
    }
}

/// The short name of a whole position: the first 16 bytes of a SHA-256 over its lines in the order of their spaces.
///
/// The order in which `positions` come does not matter.
pub fn summary(positions: &[SpacePosition]) -> [u8; 16] {
    let mut sorted: Vec<&SpacePosition> = positions.iter().collect();
    sorted.sort_unstable_by_key(|position| position.space);
    let mut bytes = Vec::with_capacity(SUMMARY.len() + sorted.len() * 97);
    bytes.extend_from_slice(SUMMARY);
    for position in sorted {
        bytes.extend_from_slice(&position.space.0);
        bytes.extend_from_slice(&position.cursor.seq.to_be_bytes());
        bytes.extend_from_slice(&position.cursor.chain);
        bytes.push(u8::from(position.digest.is_some()));
        let digest = position.digest.unwrap_or_default();
        bytes.extend_from_slice(&digest.count.to_be_bytes());
        bytes.extend_from_slice(&digest.sum);
    }
    let mut out = [0; 16];
    out.copy_from_slice(&sha256(&[&bytes])[..16]);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_chain_depends_on_every_envelope_and_on_their_order() {
        let (a, b) = (EnvelopeHash([1; 32]), EnvelopeHash([2; 32]));
        let ab = Cursor::START.after(&a).after(&b);
        let ba = Cursor::START.after(&b).after(&a);
        assert_eq!(ab.seq, 2);
        assert_ne!(ab.chain, ba.chain);
        assert_ne!(ab.chain, Cursor::START.after(&b).chain);
    }

    #[test]
    fn a_summary_ignores_order_and_notices_everything_else() {
        let a = SpacePosition::start(SpaceId([1; 16]));
        let b = SpacePosition { digest: Some(Digest::default()), ..SpacePosition::start(SpaceId([2; 16])) };
        assert_eq!(summary(&[a, b]), summary(&[b, a]));
        let base = summary(&[a, b]);
        assert_ne!(base, summary(&[a]));
        assert_ne!(base, summary(&[a, SpacePosition { digest: None, ..b }]));
        assert_ne!(base, summary(&[SpacePosition { cursor: Cursor { seq: 1, chain: [0; 32] }, ..a }, b]));
        assert_ne!(base, summary(&[SpacePosition { cursor: Cursor { seq: 0, chain: [9; 32] }, ..a }, b]));
    }
}
