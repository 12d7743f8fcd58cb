//! Envelopes written again: in full for a server that could not read them short, and for one that was restored since it had
//! confirmed them. Of what was erased meanwhile nothing can be written; what is left of such an envelope goes into another.

use crate::client::Client;
use crate::error::ClientError;
use ed25519_dalek::SigningKey;
use gandan_model::ids::{ChangeHash, DeviceId, DocId};
use gandan_store::{OutboxEnvelope, OwnChange, Store};
use gandan_sync::envelope::{Sealer, seal};
use gandan_sync::error::EnvelopeError;
use gandan_sync::resolve::Nothing;
use gandan_sync::{Class, Encoding, EnvelopeHash, Form, Outgoing, Refusal, SealedEnvelope};

/// Envelopes looked at for one request.
const MAX_ENVELOPES: u32 = 200;

/// The envelope as it is sent. One whose bytes went when the server had confirmed it is written again, if the server was
/// restored since; signatures are deterministic, so it is the same.
pub(super) fn sealed(
    store: &Store,
    key: &SigningKey,
    envelope: &OutboxEnvelope,
) -> Result<SealedEnvelope, ClientError> {
    if !envelope.bytes.is_empty() {
        return SealedEnvelope::from_bytes(&envelope.bytes).map_err(ClientError::internal);
    }
    let device = Client::identity(store)?.device;
    again(store, device, key, envelope)?.ok_or_else(|| ClientError::internal("an envelope has changed"))
}

/// An envelope whose bytes are gone, written again; none if not all that it held is here any more.
fn again(
    store: &Store,
    device: DeviceId,
    key: &SigningKey,
    envelope: &OutboxEnvelope,
) -> Result<Option<SealedEnvelope>, ClientError> {
    let (_, changes) = store.envelope(envelope.device_seq)?.unwrap_or((envelope.clone(), Vec::new()));
    if changes.is_empty() {
        return Ok(None);
    }
    let raws = raw_changes(store, changes.iter().map(|change| (change.doc, change.hash)))?;
    let outgoing: Vec<Outgoing<'_>> = raws.iter().map(|(doc, raw)| Outgoing { doc: *doc, raw }).collect();
    let prev = store.envelope(envelope.device_seq - 1)?.map_or(EnvelopeHash::ZERO, |(prev, _)| EnvelopeHash(prev.hash));
    let sealer = Sealer { space: envelope.space, device, key, device_seq: envelope.device_seq, prev };
    let sealed = seal(&sealer, &outgoing, &Nothing, Encoding::FULL)?;
    Ok(Some(sealed).filter(|sealed| sealed.hash.0 == envelope.hash))
}

/// Envelopes for the next round trip, those that are written again among them. A restored server has to be sent again what
/// it had confirmed; an envelope with something that was erased since cannot be: what is left of it is sealed into another.
pub(super) fn to_send(client: &Client) -> Result<Vec<OutboxEnvelope>, ClientError> {
    let envelopes = client.store().sealed(MAX_ENVELOPES)?;
    if !break_up_what_was_erased(client, &envelopes)? {
        return Ok(envelopes);
    }
    client.seal_outbox()?;
    Ok(client.store().sealed(MAX_ENVELOPES)?)
}

/// Whether there was any.
fn break_up_what_was_erased(client: &Client, envelopes: &[OutboxEnvelope]) -> Result<bool, ClientError> {
    let mut any = false;
    for envelope in envelopes.iter().filter(|envelope| envelope.bytes.is_empty()) {
        let mut store = client.store();
        let identity = Client::identity(&store)?;
        if again(&store, identity.device, &client.signing_key(&identity), envelope)?.is_none() {
            store.break_up(envelope.device_seq)?;
            any = true;
        }
    }
    Ok(any)
}

/// The raw bytes of changes that the store has, in this order.
pub(super) fn raw_changes(
    store: &Store,
    changes: impl IntoIterator<Item = (DocId, ChangeHash)>,
) -> Result<Vec<(DocId, Vec<u8>)>, ClientError> {
    let changes: Vec<(DocId, ChangeHash)> = changes.into_iter().collect();
    let held = held(store, &changes)?;
    if held.len() < changes.len() {
        return Err(ClientError::internal("a change of an envelope is gone"));
    }
    Ok(held.into_iter().map(|change| (change.doc, change.raw)).collect())
}

/// A change that the store has.
pub(super) struct Held {
    pub(super) doc: DocId,
    pub(super) hash: ChangeHash,
    pub(super) raw: Vec<u8>,
}

/// Of these changes, those that the store has, in this order.
pub(super) fn held(store: &Store, changes: &[(DocId, ChangeHash)]) -> Result<Vec<Held>, ClientError> {
    let mut all = Vec::with_capacity(changes.len());
    let mut last: Option<(DocId, Vec<gandan_store::StoredChange>)> = None;
    for &(doc, hash) in changes {
        if last.as_ref().is_none_or(|(of, _)| *of != doc) {
            last = Some((doc, store.changes(doc)?));
        }
        let found = last.iter().flat_map(|(_, changes)| changes).find(|change| change.hash == hash);
        all.extend(found.map(|change| Held { doc, hash, raw: change.raw.clone() }));
    }
    Ok(all)
}

pub(super) enum Rewritten {
    Yes,
    /// Something of it was erased: what is left waits to be sealed into another envelope.
    BrokenUp,
    No,
}

/// Writes an envelope that the server could not read again in the form that every receiver can read, if that may help and
/// was not done yet.
pub(super) fn rewrite(
    store: &mut Store,
    device_seq: u64,
    bytes: &[u8],
    changes: &[OwnChange],
    refusal: Refusal,
) -> Result<Rewritten, ClientError> {
    let helps = refusal.class() == Class::ResendFull || refusal == Refusal::OUT_OF_ORDER;
    if bytes.is_empty() {
        // It was confirmed once, and went in that form this time.
        return Ok(Rewritten::No);
    }
    let sealed = SealedEnvelope::from_bytes(bytes).map_err(ClientError::internal)?;
    if !helps || (sealed.form == Form::Full && sealed.relayed.dict == Encoding::FULL.dict) {
        return Ok(Rewritten::No);
    }
    let raws = raw_changes(store, changes.iter().map(|change| (change.doc, change.hash)))?;
    let outgoing: Vec<Outgoing<'_>> = raws.iter().map(|(doc, raw)| Outgoing { doc: *doc, raw }).collect();
    let full = match sealed.rewrite(&outgoing, &Nothing, Encoding::FULL) {
        // Not what was signed, or nothing at all.
        Err(EnvelopeError::Signature | EnvelopeError::Malformed) => {
            store.break_up(device_seq)?;
            return Ok(Rewritten::BrokenUp);
        }
        full => full?,
    };
    store.reseal(device_seq, &full.to_bytes().map_err(ClientError::internal)?)?;
    Ok(Rewritten::Yes)
}
