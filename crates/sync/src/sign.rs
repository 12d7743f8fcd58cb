//! Hashes with a name in front, and ed25519 signatures over them.
//!
//! Every hash of the protocol starts with a text that says what it is for and in which version, so that bytes signed
//! for one purpose can never be passed off as another.

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

pub(crate) const ENVELOPE: &[u8] = b"gandan/envelope/1";
pub(crate) const REQUEST: &[u8] = b"gandan/request/1";
pub(crate) const CHAIN: &[u8] = b"gandan/chain/1";
pub(crate) const DIGEST: &[u8] = b"gandan/digest/1";
pub(crate) const SUMMARY: &[u8] = b"gandan/summary/1";
/// Domain of the hash that a device signs for a query.
pub(crate) const QUERY: &[u8] = b"gandan/query/1";
/// Domain of the hash that an erasure has in a log.
pub(crate) const ERASURE: &[u8] = b"gandan/erasure/1";
/// Domain of the hash that a device's next key signs.
pub(crate) const RENEWAL: &[u8] = b"gandan/renewal/1";
/// Domain of the hash that a device signs for a request about a file's bytes.
pub(crate) const PASS: &[u8] = b"gandan/pass/1";
/// Domain of the hash over the digest of a bucket.
pub(crate) const BUCKET: &[u8] = b"gandan/bucket/1";

/// SHA-256 over the concatenation of `parts`.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// An ed25519 signature: 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "[[u8; 32]; 2]", into = "[[u8; 32]; 2]")]
pub struct Signature(pub [u8; 64]);

impl From<[[u8; 32]; 2]> for Signature {
    fn from(halves: [[u8; 32]; 2]) -> Self {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&halves[0]);
        bytes[32..].copy_from_slice(&halves[1]);
        Self(bytes)
    }
}

impl From<Signature> for [[u8; 32]; 2] {
    fn from(signature: Signature) -> Self {
        let mut halves = [[0; 32]; 2];
        halves[0].copy_from_slice(&signature.0[..32]);
        halves[1].copy_from_slice(&signature.0[32..]);
        halves
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// Signs a hash.
pub(crate) fn sign(key: &SigningKey, hash: &[u8; 32]) -> Signature {
    Signature(key.sign(hash).to_bytes())
}

/// Whether `signature` over `hash` was made with the key that belongs to `key`. Strict: keys of small order and
/// signatures in a second form of the same value do not pass.
pub(crate) fn verify(key: &VerifyingKey, hash: &[u8; 32], signature: &Signature) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    key.verify_strict(hash, &signature).is_ok()
}
