//! Compressing and signing what waits, ahead of the connection: the radio is not kept waiting for arithmetic.

use crate::client::Client;
use crate::error::ClientError;
use gandan_model::ids::{ChangeHash, DocId};
use gandan_model::mutant;
use gandan_store::{PendingChange, SealedEnvelope as StoredEnvelope, Store, StoreError};
use gandan_sync::envelope::{Sealer, batch_len, seal};
use gandan_sync::error::EnvelopeError;
use gandan_sync::{Encoding, EnvelopeHash, Outgoing, SealedEnvelope, dictionary};
use serde::Serialize;
use std::collections::{BTreeSet, VecDeque};
use std::sync::PoisonError;

/// Changes read at a time; those of one space among them go together.
const LOOK_AHEAD: u32 = 1024;
/// Documents in one envelope at most: what a cut upload loses, and what a receiver opens at once.
const MAX_DOCUMENTS: usize = 150;

/// What sealing did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SealReport {
    /// Envelopes made.
    pub envelopes: u64,
    /// Changes in them.
    pub changes: u64,
    /// Bytes of the changes before compression.
    pub raw_bytes: u64,
    /// Bytes of the envelopes' bodies.
    pub body_bytes: u64,
    /// Changes that cannot be sealed: a defect of the program. They stay, and so do all others.
    pub unsealable: Vec<DocId>,
}

impl Client {
    /// Seals everything that waits into envelopes. Costs one to two milliseconds of processor time a visit and can be
    /// called at any moment, best when the device is idle and charging; [`Client::sync_once`] does the rest itself.
    ///
    /// # Errors
    ///
    /// `not_enrolled`, and those of the disk. What was sealed before stays.
    pub fn seal_outbox(&self) -> Result<SealReport, ClientError> {
        let mut report = SealReport::default();
        let mut skipped = BTreeSet::new();
        if mutant::on("signs_twice") {
            self.break_up_last()?;
        }
        while self.seal_next(&mut skipped, &mut report)? {}
        self.refresh();
        Ok(report)
    }

    /// For a mistake on purpose: what was sealed last and not confirmed is to be sealed once more, under its number.
    fn break_up_last(&self) -> Result<(), ClientError> {
        let mut store = self.store();
        let last = store.last_envelope()?.map(|(device_seq, _)| device_seq);
        let waits = store.sealed(1_000)?.iter().any(|envelope| Some(envelope.device_seq) == last);
        last.filter(|_| waits).map_or(Ok(()), |last| Ok(store.break_up(last)?))
    }

    /// Makes one envelope; `false` if nothing is left. Compression runs while nobody waits for the store.
    pub(crate) fn seal_next(
        &self,
        skipped: &mut BTreeSet<ChangeHash>,
        report: &mut SealReport,
    ) -> Result<bool, ClientError> {
        let mut queue = self.inner.sealing.lock().unwrap_or_else(PoisonError::into_inner);
        let (batch, known, last, identity) = {
            let store = self.store();
            if queue.is_empty() {
                queue.extend(unsealed(&store, skipped)?);
            }
            let batch = next_batch(&mut queue);
            if batch.is_empty() {
                return Ok(false);
            }
            let known = known(&store, &batch)?;
            (batch, known, store.last_envelope()?, Self::identity(&store)?)
        };
        let outgoing: Vec<Outgoing<'_>> =
            batch.iter().map(|change| Outgoing { doc: change.doc, raw: &change.raw }).collect();
        let length = batch_len(&outgoing);
        let (device_seq, prev) = last.map_or((0, EnvelopeHash::ZERO), |(seq, hash)| (seq, EnvelopeHash(hash)));
        let key = self.signing_key(&identity);
        let signer =
            Sealer { space: batch[0].space, device: identity.device, key: &key, device_seq: device_seq + 1, prev };
        let knowledge = |doc: &DocId| known.contains(doc);
        let (sealed, length) = match seal_fitting(&signer, &outgoing[..length], &knowledge) {
            Ok(fitting) => fitting,
            Err((index, error)) => {
                let bad = &batch[index];
                tracing::error!(document = %bad.doc, code = error.code(), "a change cannot be sealed");
                skipped.insert(bad.hash);
                queue.clear();
                report.unsealable.push(bad.doc);
                return Ok(true);
            }
        };
        let stored = StoredEnvelope {
            device_seq: device_seq + 1,
            space: sealed.space,
            hash: sealed.hash.0,
            bytes: sealed.to_bytes().map_err(ClientError::internal)?,
            changes: batch[..length].iter().map(|change| (change.doc, change.hash)).collect(),
        };
        for change in batch[length..].iter().rev() {
            queue.push_front(change.clone());
        }
        if let Err(error) = self.store().seal(&stored) {
            // What was read may have left the store since, with its space's grant or erased by law: read anew.
            queue.clear();
            return if matches!(error, StoreError::UnknownDocument(_)) { Ok(true) } else { Err(error.into()) };
        }
        report.envelopes += 1;
        report.changes += length as u64;
        report.raw_bytes += batch[..length].iter().map(|change| change.raw.len() as u64).sum::<u64>();
        report.body_bytes += sealed.relayed.body.len() as u64;
        Ok(true)
    }
}

/// The oldest changes that are in no envelope.
fn unsealed(store: &Store, skipped: &BTreeSet<ChangeHash>) -> Result<Vec<PendingChange>, ClientError> {
    let look = LOOK_AHEAD.saturating_add(u32::try_from(skipped.len()).unwrap_or(u32::MAX));
    let mut pending = store.unsealed(look)?;
    pending.retain(|change| !skipped.contains(&change.hash));
    Ok(pending)
}

/// Takes the oldest changes of one space that may go into one envelope.
fn next_batch(queue: &mut VecDeque<PendingChange>) -> Vec<PendingChange> {
    let Some(space) = queue.front().map(|change| change.space) else { return Vec::new() };
    let (mut batch, mut left, mut documents) = (Vec::new(), VecDeque::new(), BTreeSet::new());
    for change in queue.drain(..) {
        let is_of_space = change.space == space && documents.len() < MAX_DOCUMENTS;
        if is_of_space {
            documents.insert(change.doc);
            batch.push(change);
        } else {
            left.push_back(change);
        }
    }
    *queue = left;
    batch
}

/// Documents of the batch that the server is known to have.
fn known(store: &Store, batch: &[PendingChange]) -> Result<BTreeSet<DocId>, ClientError> {
    let documents: BTreeSet<DocId> = batch.iter().map(|change| change.doc).collect();
    let mut known = BTreeSet::new();
    for doc in documents {
        if store.knows(doc)? {
            known.insert(doc);
        }
    }
    Ok(known)
}

/// Seals as many of the changes as fit together. An error names the change that does not even fit alone.
fn seal_fitting(
    signer: &Sealer<'_>,
    changes: &[Outgoing<'_>],
    knowledge: &dyn gandan_sync::resolve::Knowledge,
) -> Result<(SealedEnvelope, usize), (usize, EnvelopeError)> {
    let mut length = changes.len();
    loop {
        match seal(signer, &changes[..length], knowledge, Encoding::default()) {
            Ok(sealed) => return Ok((sealed, length)),
            Err(EnvelopeError::TooLarge(_)) if length > 1 => length /= 2,
            Err(EnvelopeError::UnknownDictionary(_)) => {
                let plain = Encoding { dict: dictionary::PLAIN, ..Encoding::default() };
                return seal(signer, &changes[..length], knowledge, plain).map(|s| (s, length)).map_err(|e| (0, e));
            }
            Err(EnvelopeError::Change { index, error }) => return Err((index, EnvelopeError::Change { index, error })),
            Err(EnvelopeError::WrongActor { index }) => return Err((index, EnvelopeError::WrongActor { index })),
            Err(error) => return Err((0, error)),
        }
    }
}
