//! A server that was restored from a backup gets back what it lost.
//!
//! When the server's log is another one than this device has read, the device goes back, in growing steps, to a place
//! that both have. It keeps every document. Its own envelopes it sends again by itself; once it has read the new log to
//! the end, it offers what others wrote: in short ids first, and only what the server lacks travels. An envelope goes
//! back as its author signed it. What came without a signature, in a chunk, a person decides about.

use super::rewriting::{Held, held, raw_changes};
use super::round::{forget_place, place};
use super::stretch::stored;
use super::{Exchange, Message, Work, query, space_in, unexpected};
use crate::client::Client;
use crate::error::ClientError;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_model::mutant;
use gandan_store::{Returnable, SpaceState, Store};
use gandan_sync::compact::{self, chunk_len};
use gandan_sync::error::SessionError;
use gandan_sync::limits::MAX_QUERY;
use gandan_sync::query::{Ask, MAX_RETURNED, Reply, Returned};
use gandan_sync::{Cursor, Digest, EnvelopeHash, Outgoing, Refusal, RelayedEnvelope, Signature, Status};
use std::collections::{BTreeSet, VecDeque};

/// Under this name and the space's id the store notes that something is to be offered.
const LOST: &str = "lost/";
/// Envelopes, and changes, in one offer.
const PAGE: u32 = 2_000;
/// How far back the first step goes when the other log's head does not tell; each further one goes eight times as far.
const FIRST_STEP: u64 = 8;
/// After so many steps from the beginning.
const MAX_STEPS: u32 = 4;

/// What was offered.
#[derive(Debug)]
pub(super) struct Offered {
    envelopes: Vec<Returnable>,
    changes: Vec<(DocId, ChangeHash)>,
}

/// What the server wants.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Where the next offer goes on.
    after: Option<[u8; 32]>,
    envelopes: VecDeque<Returnable>,
    changes: VecDeque<(DocId, ChangeHash)>,
    /// Changes without a signature that were offered in this exchange.
    offered: BTreeSet<ChangeHash>,
}

impl Exchange {
    /// The server's log, up to `head`, is not the one that this device has read.
    pub(super) fn go_back(&mut self, client: &Client, state: &SpaceState, head: Cursor) -> Result<(), ClientError> {
        let space = state.space;
        let steps = self.diverged.entry(space).or_default();
        let back = FIRST_STEP.saturating_mul(8_u64.saturating_pow(*steps));
        let target = state.cursor.seq.saturating_sub(back).min(head.seq);
        let mut store = client.store();
        let known = store.line_at_or_before(space, target)?.filter(|_| *steps < MAX_STEPS);
        *steps += 1;
        // The head itself, if this device has read it, is where the two part.
        let same = store.line_at_or_before(space, head.seq)?.filter(|line| *line == stored(&head));
        let to = same.or(known).unwrap_or(stored(&Cursor::START));
        tracing::warn!(%space, from = state.cursor.seq, to = to.seq, "the server's log is another one");
        rewind(&mut store, state, to)?;
        forget_place(&mut store)?;
        drop(store);
        self.again = true;
        self.lost(client, space)
    }

    /// The grant of a space was taken by a server that was restored, and its log was not read to the end since. It cannot be
    /// read any more: all that is here is offered before it leaves.
    pub(super) fn leave(&mut self, store: &mut Store, space: SpaceId) -> Result<(), ClientError> {
        store.rewind(space, stored(&Cursor::START), |_| gandan_store::Digest::default())?;
        store.close_space(space)?;
        self.report.server_restored = true;
        self.again = true;
        may_be_lost(store, space)
    }

    /// Something of this space is here that the server's log does not have.
    pub(super) fn lost(&mut self, client: &Client, space: SpaceId) -> Result<(), ClientError> {
        self.report.server_restored = true;
        // Files may be lost with it; what it still has costs a name each.
        client.store().offer_attachments_again()?;
        may_be_lost(&mut client.store(), space)
    }

    /// Gives back what the server wants; asks what it wants of the rest.
    pub(super) fn give_back(&mut self, client: &Client) -> Result<Option<Message>, ClientError> {
        let mut store = client.store();
        let level = place(&store)?.level;
        for (name, _) in store.values(LOST)? {
            let Some(space) = space_in(&name) else { continue };
            // What a log has to its end is known when it was read to its end, or cannot be read any more.
            let leaving = store.space(space)?.is_none_or(|state| state.access.is_none());
            if !leaving && !level.contains(&space) {
                continue;
            }
            if let Some(message) = self.returned(client, &store, space)? {
                return Ok(Some(message));
            }
            let envelopes = store.returnable(space, self.returning.after, PAGE)?;
            let mut changes = store.unvouched(space, PAGE)?;
            changes.retain(|(_, hash)| self.returning.offered.insert(*hash));
            if envelopes.is_empty() && changes.is_empty() {
                store.returned(space)?;
                store.set_value(&name, None)?;
                self.returning = Queue::default();
                // A space that this phone has to leave can be left now.
                self.again |= leaving;
                continue;
            }
            self.returning.after = envelopes.last().map(|last| last.hash).or(self.returning.after);
            let ask = Ask::Offer {
                space,
                envelopes: envelopes.iter().map(|line| short(&line.hash)).collect(),
                changes: changes.iter().map(|(doc, hash)| (*doc, short(&hash.0))).collect(),
            };
            return query(client, &store, ask, Work::Offer { space, offered: Offered { envelopes, changes } })
                .map(Some);
        }
        Ok(None)
    }

    /// As much of what is wanted as goes into one message.
    fn returned(&mut self, client: &Client, store: &Store, space: SpaceId) -> Result<Option<Message>, ClientError> {
        let (mut envelopes, mut contents) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        while let Some(next) = self.returning.envelopes.pop_front() {
            let held = held(store, &next.signed.content)?;
            if held.len() < next.signed.content.len() {
                // Something of it was erased since, and nobody can sign the rest: that goes back by itself.
                let left = held.into_iter().filter(|change| self.returning.offered.insert(change.hash));
                self.returning.changes.extend(left.map(|change| (change.doc, change.hash)));
                continue;
            }
            let relayed = relayed(&next, &held)?;
            bytes += relayed.len();
            if !envelopes.is_empty() && (bytes > MAX_QUERY / 2 || envelopes.len() == MAX_RETURNED) {
                self.returning.envelopes.push_front(next);
                break;
            }
            envelopes.push(Returned(relayed));
            contents.push(next.signed.content);
        }
        let unsigned = if envelopes.is_empty() { self.unsigned(store)? } else { Vec::new() };
        if envelopes.is_empty() && unsigned.is_empty() {
            return Ok(None);
        }
        query(client, store, Ask::Return { space, envelopes, unsigned }, Work::Return { space, contents }).map(Some)
    }

    /// A chunk of changes that nobody's signature is left for.
    fn unsigned(&mut self, store: &Store) -> Result<Vec<u8>, ClientError> {
        let wanted: Vec<(DocId, ChangeHash)> = self.returning.changes.iter().copied().take(500).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let raws = raw_changes(store, wanted)?;
        let outgoing: Vec<Outgoing<'_>> = raws.iter().map(|(doc, raw)| Outgoing { doc: *doc, raw }).collect();
        let length = chunk_len(&outgoing);
        self.returning.changes.drain(..length);
        Ok(compact::encode(&outgoing[..length], &[])?)
    }

    /// Takes in what the server wants.
    pub(super) fn take_wishes(&mut self, space: SpaceId, offered: Offered, reply: Reply) -> Result<(), ClientError> {
        let Reply::Wanted { envelopes, changes } = reply else { return Err(unexpected()) };
        let wanted: BTreeSet<usize> = envelopes.into_iter().map(usize::from).collect();
        let of_envelopes = offered.envelopes.into_iter().enumerate();
        self.returning.envelopes.extend(of_envelopes.filter(|(place, _)| wanted.contains(place)).map(|(_, line)| line));
        let wanted: BTreeSet<usize> = changes.into_iter().map(usize::from).collect();
        let of_changes = offered.changes.into_iter().enumerate();
        self.returning.changes.extend(of_changes.filter(|(place, _)| wanted.contains(place)).map(|(_, change)| change));
        tracing::info!(%space, envelopes = self.returning.envelopes.len(), "the server wants back");
        Ok(())
    }

    /// Takes in what became of it. What the log has now comes with the next round trip.
    pub(super) fn take_thanks(
        &mut self,
        client: &Client,
        space: SpaceId,
        contents: &[Vec<(DocId, ChangeHash)>],
        reply: &Reply,
    ) -> Result<(), ClientError> {
        let Reply::Returned { statuses, unsigned } = reply else { return Err(unexpected()) };
        let held = statuses.iter().chain(unsigned).filter(|status| status.is_held()).count();
        self.report.returned += held as u64;
        let refused = statuses.len() + usize::from(unsigned.is_some()) - held;
        if refused > 0 {
            tracing::warn!(%space, refused, "the server did not take everything back");
        }
        self.again = true;
        // Their author has a twin, and this time the twin was faster: said again here, they are not lost.
        let reused = statuses.iter().zip(contents);
        let reused: Vec<(DocId, ChangeHash)> = reused
            .filter(|(status, _)| **status == Status::Refused(Refusal::SEQUENCE_REUSED))
            .flat_map(|(_, content)| content.iter().copied())
            .collect();
        if reused.is_empty() {
            return Ok(());
        }
        client.store().note_reused(&reused)?;
        client.write_again()
    }
}

/// Goes back in a space's log, or stays where it is: what this device signed and was told to be behind that place it sends
/// again.
pub(super) fn rewind(store: &mut Store, state: &SpaceState, to: gandan_store::Cursor) -> Result<(), ClientError> {
    let mut digest = Digest { count: state.digest.count, sum: state.digest.sum };
    Ok(store.rewind(state.space, to, |documents| {
        documents.iter().for_each(|rewound| digest.replace(&rewound.doc, &rewound.before, &rewound.now));
        gandan_store::Digest { count: digest.count, sum: digest.sum }
    })?)
}

/// Something of a space may not be in the server's log any more: it is offered once that log has been read to its end, or
/// cannot be read any more.
pub(super) fn may_be_lost(store: &mut Store, space: SpaceId) -> Result<(), ClientError> {
    if mutant::on("gives_nothing_back") {
        return Ok(());
    }
    Ok(store.set_value(&format!("{LOST}{space}"), Some(&[1]))?)
}

/// Whether something of a space has to be given back before anything else.
pub(super) fn is_lost(store: &Store, space: SpaceId) -> Result<bool, ClientError> {
    Ok(store.value(&format!("{LOST}{space}"))?.is_some())
}

fn short(hash: &[u8; 32]) -> [u8; 8] {
    let mut out = [0; 8];
    out.copy_from_slice(&hash[..8]);
    out
}

/// The envelope as its author signed it.
fn relayed(line: &Returnable, held: &[Held]) -> Result<Vec<u8>, ClientError> {
    let signed = &line.signed;
    let outgoing: Vec<Outgoing<'_>> =
        held.iter().map(|change| Outgoing { doc: change.doc, raw: &change.raw }).collect();
    let envelope = RelayedEnvelope::again(
        (signed.device, signed.device_seq, EnvelopeHash(signed.prev)),
        Signature(signed.signature),
        &outgoing,
    )?;
    Ok(envelope.to_bytes().map_err(SessionError::Frame)?)
}
