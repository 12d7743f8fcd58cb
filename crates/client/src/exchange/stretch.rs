//! A stretch of a space's log on its way into the store.

use crate::error::ClientError;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_store::{Line, OwnChange, RemoteBatch, RemoteChange, SignedLine, SpaceState, Store};
use gandan_sync::digest::advance_heads;
use gandan_sync::envelope::Envelope;
use gandan_sync::{Change, Cursor, Digest, EnvelopeHash, Signature};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be written next, and what the log says of the documents touched so far.
pub(super) struct Stretch {
    /// Where it ends.
    pub(super) cursor: Cursor,
    /// The digest there.
    pub(super) digest: Digest,
    /// Heads as the log has them, of documents that were touched; kept between writes, a document is often touched again.
    heads: BTreeMap<DocId, Vec<ChangeHash>>,
    changes: Vec<RemoteChange>,
    touched: BTreeSet<DocId>,
    erased: Vec<DocId>,
    lines: Vec<Line>,
    values: Vec<(String, Option<Vec<u8>>)>,
}

impl Stretch {
    /// From where the device stands.
    pub(super) fn after(state: &SpaceState) -> Self {
        Self {
            cursor: Cursor { seq: state.cursor.seq, chain: state.cursor.chain },
            digest: Digest { count: state.digest.count, sum: state.digest.sum },
            heads: BTreeMap::new(),
            changes: Vec::new(),
            touched: BTreeSet::new(),
            erased: Vec::new(),
            lines: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Adds an envelope of another device.
    pub(super) fn envelope(
        &mut self,
        store: &Store,
        seq: u64,
        envelope: &Envelope,
        signature: &Signature,
    ) -> Result<(), ClientError> {
        self.changes(store, envelope.space, seq, &envelope.changes)?;
        let signed = SignedLine {
            device: envelope.device,
            device_seq: envelope.device_seq,
            prev: envelope.prev.0,
            signature: signature.0,
            content: envelope.changes.iter().map(|change| (change.doc, change.header.hash)).collect(),
        };
        self.line(&envelope.hash, Some(signed));
        Ok(())
    }

    /// The log goes on by a line with this hash.
    pub(super) fn line(&mut self, hash: &EnvelopeHash, signed: Option<SignedLine>) {
        self.cursor = self.cursor.after(hash);
        self.lines.push(Line { cursor: stored(&self.cursor), hash: hash.0, signed });
    }

    /// Everything up to a place is in, by way of whole documents.
    pub(super) fn reach(&mut self, cursor: Cursor) {
        self.cursor = cursor;
        self.lines.push(Line { cursor: stored(&cursor), hash: [0; 32], signed: None });
    }

    /// A value of the client that changes together with the rest.
    pub(super) fn value(&mut self, name: String, value: Option<Vec<u8>>) {
        self.values.push((name, value));
    }

    /// Adds changes of any devices, in the order of the log.
    pub(super) fn changes(
        &mut self,
        store: &Store,
        space: SpaceId,
        seq: u64,
        changes: &[Change],
    ) -> Result<(), ClientError> {
        for change in changes {
            let header = &change.header;
            self.advance(store, space, change.doc, &header.deps, header.hash, header.genesis().is_some())?;
            self.changes.push(RemoteChange { doc: change.doc, hash: header.hash, raw: change.raw.clone(), seq });
        }
        Ok(())
    }

    /// Changes of this device have their place in the log.
    pub(super) fn own(&mut self, store: &Store, space: SpaceId, changes: &[OwnChange]) -> Result<(), ClientError> {
        changes.iter().try_for_each(|change| self.advance(store, space, change.doc, &change.deps, change.hash, false))
    }

    /// The document is gone from the log for ever.
    pub(super) fn erase(&mut self, store: &Store, space: SpaceId, doc: DocId) -> Result<(), ClientError> {
        let heads = match self.heads.remove(&doc) {
            Some(heads) => heads,
            None => store.log_heads(space, doc)?,
        };
        self.digest.replace(&doc, &heads, &[]);
        // Until this is written the store has the heads of before.
        self.heads.insert(doc, Vec::new());
        self.touched.remove(&doc);
        self.erased.push(doc);
        Ok(())
    }

    /// What the log has of a document is this, whatever was thought before.
    pub(super) fn correct(
        &mut self,
        store: &Store,
        space: SpaceId,
        doc: DocId,
        heads: &[ChangeHash],
    ) -> Result<(), ClientError> {
        let before = match self.heads.get(&doc) {
            Some(heads) => heads.clone(),
            None => store.log_heads(space, doc)?,
        };
        self.digest.replace(&doc, &before, heads);
        self.heads.insert(doc, heads.to_vec());
        self.touched.insert(doc);
        Ok(())
    }

    fn advance(
        &mut self,
        store: &Store,
        space: SpaceId,
        doc: DocId,
        deps: &[ChangeHash],
        hash: ChangeHash,
        genesis: bool,
    ) -> Result<(), ClientError> {
        let heads = match self.heads.entry(doc) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(store.log_heads(space, doc)?),
        };
        let old = heads.clone();
        advance_heads(heads, deps, hash, genesis);
        self.digest.replace(&doc, &old, heads);
        self.touched.insert(doc);
        Ok(())
    }

    /// How many changes of others are to be written; own ones change nothing but heads.
    pub(super) fn new_changes(&self) -> usize {
        self.changes.len()
    }

    /// What is to be written; the stretch goes on from there.
    pub(super) fn batch(&mut self, space: SpaceId) -> RemoteBatch {
        let touched = std::mem::take(&mut self.touched);
        RemoteBatch {
            space,
            changes: std::mem::take(&mut self.changes),
            erased: std::mem::take(&mut self.erased),
            log_heads: touched
                .into_iter()
                .map(|doc| (doc, self.heads.get(&doc).cloned().unwrap_or_default()))
                .collect(),
            cursor: stored(&self.cursor),
            digest: gandan_store::Digest { count: self.digest.count, sum: self.digest.sum },
            lines: std::mem::take(&mut self.lines),
            values: std::mem::take(&mut self.values),
        }
    }
}

/// A cursor as the store keeps it.
pub(super) fn stored(cursor: &Cursor) -> gandan_store::Cursor {
    gandan_store::Cursor { seq: cursor.seq, chain: cursor.chain }
}
