//! What each end knows, so that a reference can be short.
//!
//! A sender writes the first bytes of an id when it is sure that the receiver has the whole of it. [`Knowledge`] is the
//! sender's side of that, [`Resolver`] the receiver's. When the two disagree the receiver says so and the sender sends
//! everything in full; nothing is guessed, and the signature would expose a wrong guess.

use crate::envelope::{Change, Envelope};
use crate::error::StorageError;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use std::collections::BTreeMap;

/// What the receiver of an envelope is known to hold.
pub trait Knowledge {
    /// Whether the receiver holds the document in this space: an earlier change of it was acknowledged as durable, or
    /// came from there.
    fn document(&self, doc: &DocId) -> bool;

    /// Whether the receiver holds this change of the document. By default: if it holds the document.
    fn change(&self, doc: &DocId, hash: &ChangeHash) -> bool {
        let _ = hash;
        self.document(doc)
    }
}

/// The receiver holds nothing: every document and dependency is written out unless it is in the same envelope.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Knowledge for Nothing {
    fn document(&self, _: &DocId) -> bool {
        false
    }
}

impl<F: Fn(&DocId) -> bool> Knowledge for F {
    fn document(&self, doc: &DocId) -> bool {
        self(doc)
    }
}

/// Looks up short references among what this end holds.
///
/// Both functions may stop after two results: more than one is ambiguous whatever follows.
pub trait Resolver {
    /// Ids of the documents of `space` that start with `prefix`.
    fn documents(&self, space: &SpaceId, prefix: [u8; 8]) -> Result<Vec<DocId>, StorageError>;

    /// Hashes of the changes of `doc` in `space` that start with `prefix`. Known genesis changes are not asked for.
    fn changes(&self, space: &SpaceId, doc: &DocId, prefix: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError>;
}

impl Resolver for Nothing {
    fn documents(&self, _: &SpaceId, _: [u8; 8]) -> Result<Vec<DocId>, StorageError> {
        Ok(Vec::new())
    }

    fn changes(&self, _: &SpaceId, _: &DocId, _: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError> {
        Ok(Vec::new())
    }
}

/// A resolver together with envelopes that were opened but are not in its storage yet.
///
/// Envelopes of one message may refer to each other; each one that is opened is added here before the next.
pub struct Overlay<'a> {
    base: &'a dyn Resolver,
    changes: BTreeMap<(SpaceId, DocId), Vec<ChangeHash>>,
}

impl<'a> Overlay<'a> {
    /// Nothing added yet.
    pub fn new(base: &'a dyn Resolver) -> Self {
        Self { base, changes: BTreeMap::new() }
    }

    /// Makes the changes of `envelope` known.
    pub fn add(&mut self, envelope: &Envelope) {
        self.add_changes(envelope.space, &envelope.changes);
    }

    /// Makes changes of a space known.
    pub fn add_changes(&mut self, space: SpaceId, changes: &[Change]) {
        for change in changes {
            self.changes.entry((space, change.doc)).or_default().push(change.header.hash);
        }
    }
}

impl Resolver for Overlay<'_> {
    fn documents(&self, space: &SpaceId, prefix: [u8; 8]) -> Result<Vec<DocId>, StorageError> {
        let mut found = self.base.documents(space, prefix)?;
        let (mut low, mut high) = (DocId([0; 16]), DocId([0xff; 16]));
        low.0[..8].copy_from_slice(&prefix);
        high.0[..8].copy_from_slice(&prefix);
        for (_, doc) in self.changes.range((*space, low)..=(*space, high)).map(|(key, _)| key) {
            if !found.contains(doc) {
                found.push(*doc);
            }
        }
        Ok(found)
    }

    fn changes(&self, space: &SpaceId, doc: &DocId, prefix: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError> {
        let mut found = self.base.changes(space, doc, prefix)?;
        for hash in self.changes.get(&(*space, *doc)).into_iter().flatten() {
            if hash.0.starts_with(&prefix) && !found.contains(hash) {
                found.push(*hash);
            }
        }
        Ok(found)
    }
}
