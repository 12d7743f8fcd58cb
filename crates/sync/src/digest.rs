//! One number for the state of a whole space, kept up to date change by change.
//!
//! The digest is the sum, modulo 2^256, of one hash per document over the document's id and its heads. Adding and
//! taking away one document costs one hash each, whatever the size of the space, and the order does not matter. Two
//! replicas with the same digest hold the same changes of the same documents.

use crate::sign::{BUCKET, DIGEST, sha256};
use gandan_model::ids::{ChangeHash, DocId};
use serde::{Deserialize, Serialize};

/// Σ SHA-256("gandan/digest/1" ‖ document ‖ sorted heads) mod 2^256, and the number of documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest {
    /// How many documents with at least one head the sum is over.
    pub count: u64,
    /// The sum, little-endian.
    pub sum: [u8; 32],
}

impl Digest {
    /// Accounts for a document whose heads went from `old` to `new`. No heads means: not there (before its first change,
    /// or after it was erased). The order of the heads does not matter.
    pub fn replace(&mut self, doc: &DocId, old: &[ChangeHash], new: &[ChangeHash]) {
        if !old.is_empty() {
            self.sum = add(&self.sum, &negate(&document(doc, old)));
            self.count = self.count.wrapping_sub(1);
        }
        if !new.is_empty() {
            self.sum = add(&self.sum, &document(doc, new));
            self.count = self.count.wrapping_add(1);
        }
    }
}

/// Into how many buckets the documents of a space are sorted when two digests differ.
pub const BUCKETS: usize = 256;

/// The bucket of a document: the first byte of SHA-256("gandan/bucket/1" ‖ document).
pub fn bucket(doc: &DocId) -> u8 {
    sha256(&[BUCKET, &doc.0])[0]
}

/// The digests of the documents of a space by bucket, each cut to eight bytes: enough to find out where two replicas
/// differ, and 2 KB for any number of documents.
#[derive(Clone, Debug)]
pub struct Buckets(Vec<Digest>);

impl Default for Buckets {
    fn default() -> Self {
        Self(vec![Digest::default(); BUCKETS])
    }
}

impl Buckets {
    /// Adds a document with its heads, which must not be empty.
    pub fn add(&mut self, doc: &DocId, heads: &[ChangeHash]) {
        self.0[usize::from(bucket(doc))].replace(doc, &[], heads);
    }

    /// The digests in short.
    pub fn short(&self) -> Vec<[u8; 8]> {
        self.0.iter().map(|digest| first_eight(&sha256(&[BUCKET, &digest.count.to_be_bytes(), &digest.sum]))).collect()
    }
}

/// The heads of a document in short.
pub fn short_heads(doc: &DocId, heads: &[ChangeHash]) -> [u8; 8] {
    first_eight(&document(doc, heads))
}

fn first_eight(hash: &[u8; 32]) -> [u8; 8] {
    let mut out = [0; 8];
    out.copy_from_slice(&hash[..8]);
    out
}

fn document(doc: &DocId, heads: &[ChangeHash]) -> [u8; 32] {
    let mut sorted: Vec<&ChangeHash> = heads.iter().collect();
    sorted.sort_unstable();
    let mut bytes = Vec::with_capacity(DIGEST.len() + 16 + 32 * sorted.len());
    bytes.extend_from_slice(DIGEST);
    bytes.extend_from_slice(&doc.0);
    for head in sorted {
        bytes.extend_from_slice(&head.0);
    }
    sha256(&[&bytes])
}

fn add(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut out = [0; 32];
    let mut carry = false;
    for ((out, left), right) in out.iter_mut().zip(left).zip(right) {
        let (sum, over) = left.overflowing_add(*right);
        let (sum, again) = sum.overflowing_add(u8::from(carry));
        *out = sum;
        carry = over || again;
    }
    out
}

fn negate(value: &[u8; 32]) -> [u8; 32] {
    let mut one = [0; 32];
    one[0] = 1;
    add(&value.map(|byte| !byte), &one)
}

/// The heads after one more change: `heads − deps + hash`, sorted. Both ends use this one function.
///
/// `genesis` says that the change is a genesis, known or not; such a change never counts as a head, because most
/// replicas never see it travel. Call it for every change in the order of the log and only once for each.
pub fn advance_heads(heads: &mut Vec<ChangeHash>, deps: &[ChangeHash], hash: ChangeHash, genesis: bool) {
    heads.retain(|head| !deps.contains(head));
    if genesis {
        return;
    }
    if let Err(at) = heads.binary_search(&hash) {
        heads.insert(at, hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(byte: u8) -> ChangeHash {
        ChangeHash([byte; 32])
    }

    #[test]
    fn replacing_back_and_forth_returns_to_the_start() {
        let mut digest = Digest::default();
        let (a, b) = (DocId([1; 16]), DocId([2; 16]));
        digest.replace(&a, &[], &[hash(1)]);
        let one = digest;
        digest.replace(&b, &[], &[hash(2), hash(3)]);
        digest.replace(&a, &[hash(1)], &[hash(9)]);
        assert_eq!(digest.count, 2);
        digest.replace(&a, &[hash(9)], &[hash(1)]);
        digest.replace(&b, &[hash(3), hash(2)], &[]);
        assert_eq!(digest, one);
        digest.replace(&a, &[hash(1)], &[]);
        assert_eq!(digest, Digest::default());
    }

    #[test]
    fn order_of_documents_does_not_matter() {
        let docs: Vec<DocId> = (0..50).map(|n| DocId([n; 16])).collect();
        let mut forth = Digest::default();
        for doc in &docs {
            forth.replace(doc, &[], &[hash(7)]);
        }
        let mut back = Digest::default();
        for doc in docs.iter().rev() {
            back.replace(doc, &[], &[hash(7)]);
        }
        assert_eq!(forth, back);
        assert_eq!(forth.count, 50);
    }

    #[test]
    fn the_same_heads_in_another_document_differ() {
        let (mut a, mut b) = (Digest::default(), Digest::default());
        a.replace(&DocId([1; 16]), &[], &[hash(1)]);
        b.replace(&DocId([2; 16]), &[], &[hash(1)]);
        assert_ne!(a, b);
    }

    #[test]
    fn heads_follow_the_changes() {
        let mut heads = Vec::new();
        advance_heads(&mut heads, &[], hash(200), true);
        assert!(heads.is_empty());
        advance_heads(&mut heads, &[hash(200)], hash(5), false);
        advance_heads(&mut heads, &[hash(200)], hash(3), false);
        assert_eq!(heads, [hash(3), hash(5)]);
        advance_heads(&mut heads, &[hash(3), hash(5)], hash(4), false);
        assert_eq!(heads, [hash(4)]);
        advance_heads(&mut heads, &[], hash(4), false);
        assert_eq!(heads, [hash(4)]);
    }
}
