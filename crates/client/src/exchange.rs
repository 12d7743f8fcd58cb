//! The device's side of one exchange with the server: what goes into a request, and what is done with an answer.
//!
//! Nothing here waits for anybody: [`crate::driver`] moves the bytes. After every step the store is consistent, so the
//! exchange may end anywhere: by a cut line, a killed app, or because somebody has had enough.

use crate::client::Client;
use crate::error::ClientError;
use crate::report::{Grant, Refused, SyncReport};
use ed25519_dalek::SigningKey;
use gandan_model::genesis::DocKind;
use gandan_model::ids::{ChangeHash, Compartment, DocId, SpaceId};
use gandan_store::{Access, Ack, OwnChange, Page, RemoteBatch, RemoteChange, SpaceGrant, SpaceState, Store};
use gandan_sync::Change;
use gandan_sync::client::{DeviceView, Item, Outcome, Part, Session, Start};
use gandan_sync::digest::advance_heads;
use gandan_sync::error::{SessionError, StorageError};
use gandan_sync::request::Flags;
use gandan_sync::resolve::{Nothing, Resolver};
use gandan_sync::response::{GrantChange, Notice};
use gandan_sync::{
    Class, Cursor, Digest, Encoding, EnvelopeHash, Form, Outgoing, Refusal, SealedEnvelope, SpacePosition, Status,
};
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Version of the document schema that this app writes.
pub const SCHEMA: u32 = 1;
/// Most bytes of envelopes in one request: below the usual limit of proxies (1 MB), and little enough that a slow link
/// sees an answer now and then.
const MAX_PUSH: usize = 900 << 10;
/// Envelopes looked at for one request.
const MAX_ENVELOPES: u32 = 200;
/// Under this name the store keeps [`Place`].
const PLACE: &str = "exchange";
/// Changes of the clock's error below this are noise.
const SKEW_NOISE_MS: i64 = 2_000;
/// The moment of the last contact is noted this finely.
const CONTACT_GRAIN_MS: i64 = 60_000;

/// What one answer leaves behind for the next request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Place {
    token: Option<u64>,
    held_seq: u64,
    flags: u8,
    /// Spaces in which the device has reached the head of the log at least once and was told so last.
    level: BTreeSet<SpaceId>,
}

/// What happened in one round trip, for the one who moves the bytes to decide whether to go on.
#[derive(Debug, Default)]
pub struct Round {
    /// Something moved: another round trip makes sense.
    pub progressed: bool,
    /// The server has more, or needs to hear more.
    pub more: bool,
    /// The server asks to come back later with some of the envelopes.
    pub later: Option<Refusal>,
}

/// The store as a session sees it.
struct View<'a>(&'a Store);

impl Resolver for View<'_> {
    fn documents(&self, space: &SpaceId, prefix: [u8; 8]) -> Result<Vec<DocId>, StorageError> {
        self.0.documents_with_prefix(*space, prefix).map_err(StorageError::new)
    }

    fn changes(&self, space: &SpaceId, doc: &DocId, prefix: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError> {
        self.0.changes_with_prefix(*space, *doc, prefix).map_err(StorageError::new)
    }
}

impl DeviceView for View<'_> {
    fn own_envelope(&self, device_seq: u64) -> Result<Option<EnvelopeHash>, StorageError> {
        let found = self.0.envelope(device_seq).map_err(StorageError::new)?;
        // Its changes may have left with the space's grant; then it is as if we had never had it.
        Ok(found.filter(|(_, changes)| !changes.is_empty()).map(|(envelope, _)| EnvelopeHash(envelope.hash)))
    }
}

/// One exchange with the server, without the road: gives the bytes of a request and takes in the bytes of its answer.
///
/// [`Client::sync_once`] is this and a transport. Somebody who moves the bytes in another way (a simulator, a cable, a
/// memory card) calls [`Exchange::request`], carries the bytes there, carries the answer back into [`Exchange::take`],
/// and does so again while [`Round::progressed`] and [`Round::more`] say so. Both block while they touch the disk. One
/// exchange at a time: what is on its way when a new one begins counts as lost.
#[derive(Default)]
pub struct Exchange {
    /// What was done so far; bytes are not counted here.
    pub report: SyncReport,
    /// Most bytes of news wanted in one answer; 0 for the server's choice.
    pub byte_budget: u32,
    /// Envelopes that the server keeps until something else arrives: not sent again in this exchange.
    waiting: BTreeSet<u64>,
}

impl Exchange {
    /// Builds the next request from what is sealed; gives it with the server's address.
    ///
    /// # Errors
    ///
    /// `not_enrolled`, and those of the disk.
    pub fn request(&mut self, client: &Client) -> Result<(Session, Vec<u8>, String), ClientError> {
        let store = client.store();
        let identity = Client::identity(&store)?;
        let place = place(&store)?;
        let positions = positions(&store, &place)?;
        let mut outbox = Vec::new();
        let mut bytes = 0;
        for envelope in store.sealed(MAX_ENVELOPES)? {
            if self.waiting.contains(&envelope.device_seq) {
                continue;
            }
            bytes += envelope.bytes.len();
            if bytes > MAX_PUSH && !outbox.is_empty() {
                break;
            }
            outbox.push(SealedEnvelope::from_bytes(&envelope.bytes).map_err(ClientError::internal)?);
        }
        let key = SigningKey::from_bytes(&identity.signing_key);
        let start = Start {
            device: identity.device,
            key: &key,
            schema: SCHEMA,
            now_ms: u64::try_from(client.now_ms()).unwrap_or(0),
            token: place.token,
            positions: &positions,
            held_seq: place.held_seq,
            outbox: &outbox,
            byte_budget: self.byte_budget,
            flags: Flags(place.flags),
        };
        let (session, bytes) = Session::start(&start)?;
        Ok((session, bytes, identity.server_url))
    }

    /// Takes in an answer: statuses, grants, then the news of every space, then where the device stands now.
    ///
    /// # Errors
    ///
    /// Those of [`SessionError`] if nothing can be concluded from the answer, `cloned`, and those of the disk. What was
    /// written before the error stays; taking the next answer does the rest.
    pub fn take(&mut self, client: &Client, session: Session, answer: &[u8]) -> Result<Round, ClientError> {
        let now_ms = u64::try_from(client.now_ms()).unwrap_or(0);
        let outcome = {
            let store = client.store();
            session.finish(answer, &View(&store), now_ms)?
        };
        let mut round = Round { more: outcome.more, ..Round::default() };
        round.progressed = outcome.need_full || !outcome.parts.is_empty() || !outcome.grants.is_empty();
        self.acknowledge(client, &outcome, &mut round)?;
        self.change_grants(client, &outcome.grants)?;
        let mut level = place(&client.store())?.level;
        for part in &outcome.parts {
            self.apply(client, part)?;
            if part.position.digest.is_some() {
                level.insert(part.space);
            } else {
                level.remove(&part.space);
            }
        }
        self.settle(client, &outcome, level)?;
        if outcome.cloned { Err(ClientError::Cloned) } else { Ok(round) }
    }

    fn acknowledge(&mut self, client: &Client, outcome: &Outcome, round: &mut Round) -> Result<(), ClientError> {
        let mut store = client.store();
        let mut acks = Vec::new();
        for ack in &outcome.acks {
            let seq = ack.device_seq;
            let (envelope, changes) =
                store.envelope(seq)?.ok_or_else(|| ClientError::internal("an envelope is gone"))?;
            let noted = match ack.status {
                Status::Durable { seq } => Ack::Durable { seq },
                Status::Duplicate { seq } => Ack::Duplicate { seq },
                Status::Waiting => Ack::Waiting,
                Status::Quarantined => Ack::Quarantined,
                Status::Gone => Ack::Gone,
                Status::Refused(refusal) => match rewrite(&mut store, seq, &envelope.bytes, &changes, refusal)? {
                    Rewritten::Yes => {
                        round.progressed = true;
                        round.more = true;
                        continue;
                    }
                    Rewritten::No if matches!(refusal.class(), Class::Retry) => {
                        round.later = Some(refusal);
                        continue;
                    }
                    Rewritten::No => Ack::Refused(refusal.name().to_owned()),
                },
            };
            match &noted {
                Ack::Durable { .. } | Ack::Duplicate { .. } => {
                    self.report.pushed += changes.len() as u64;
                    self.report.envelopes += 1;
                    round.progressed = true;
                }
                Ack::Waiting => {
                    self.waiting.insert(seq);
                }
                Ack::Quarantined | Ack::Gone | Ack::Refused(_) => {
                    let records: BTreeSet<DocId> = changes.iter().map(|change| change.doc).collect();
                    let code = ack.status.code().to_owned();
                    self.report.refused.push(Refused { device_seq: seq, code, records: records.into_iter().collect() });
                    round.progressed = true;
                }
            }
            acks.push((seq, noted));
        }
        Ok(store.acknowledge_many(&acks)?)
    }

    fn change_grants(&mut self, client: &Client, grants: &[GrantChange]) -> Result<(), ClientError> {
        let mut store = client.store();
        for grant in grants {
            match grant {
                GrantChange::Given { space, compartment, unit } => {
                    let Some(compartment) = Compartment::from_number(*compartment) else { continue };
                    let (space, unit) = (*space, unit.clone());
                    self.report.grants.push(Grant { space, unit: unit.clone(), given: true });
                    store.grant(&SpaceGrant { space, unit, compartment, access: Access::Both })?;
                }
                GrantChange::Taken { space } => {
                    let known = store.spaces()?.into_iter().find(|known| known.space == *space);
                    let unit = known.map(|known| known.unit).unwrap_or_default();
                    self.report.grants.push(Grant { space: *space, unit, given: false });
                    store.take_grant(*space)?;
                }
            }
        }
        Ok(())
    }

    /// Applies the news of one space, an envelope at a time, so that others get at the store in between.
    fn apply(&mut self, client: &Client, part: &Part) -> Result<(), ClientError> {
        let found = client.store().spaces()?.into_iter().find(|space| space.space == part.space);
        let Some(state) = found else { return Ok(()) };
        if let Some(notice) = &part.notice {
            report_notice(part.space, notice);
        }
        let restart = matches!(part.notice, Some(Notice::ChainDiverged { .. }));
        let mut stretch = Stretch::after(&state, restart);
        let last = part.items.len().saturating_sub(1);
        if restart {
            // Of another log nothing is known yet; the documents stay.
            stretch.forget(&client.store(), &state)?;
            return self.write(client, part.space, &mut stretch);
        }
        for (index, item) in part.items.iter().enumerate() {
            match item {
                Item::Envelope { seq, envelope, .. } => {
                    stretch.changes(&client.store(), part.space, *seq, &envelope.changes)?;
                    self.report.pulled += envelope.changes.len() as u64;
                    stretch.cursor = stretch.cursor.after(&envelope.hash);
                }
                Item::Own { device_seq, hash, .. } => {
                    let store = client.store();
                    let changes = store.envelope(*device_seq)?.map(|(_, changes)| changes).unwrap_or_default();
                    stretch.own(&store, part.space, &changes)?;
                    stretch.cursor = stretch.cursor.after(hash);
                }
                Item::Redacted { seq, hash, changes } => {
                    stretch.changes(&client.store(), part.space, *seq, changes)?;
                    stretch.cursor = stretch.cursor.after(hash);
                }
                Item::Erased { doc, hash, .. } => {
                    stretch.erase(&client.store(), part.space, *doc)?;
                    stretch.cursor = stretch.cursor.after(hash);
                }
                Item::Gone { hash, .. } => stretch.cursor = stretch.cursor.after(hash),
                Item::Unreadable { seq, hash, error } => {
                    tracing::warn!(space = %part.space, seq, code = error.code(), "an envelope cannot be read");
                    stretch.cursor = stretch.cursor.after(hash);
                }
            }
            // Own envelopes change nothing but heads: many of them in one write.
            if index == last || !matches!(item, Item::Own { .. }) {
                self.write(client, part.space, &mut stretch)?;
            }
        }
        if let Some(digest) = part.server_digest().filter(|digest| *digest != stretch.digest) {
            tracing::warn!(space = %part.space, here = stretch.digest.count, there = digest.count, "digests differ");
        }
        Ok(())
    }

    fn write(&mut self, client: &Client, space: SpaceId, stretch: &mut Stretch) -> Result<(), ClientError> {
        let applied = client.store().apply_remote(&stretch.batch(space))?;
        self.report.quarantined += applied.rejected.len() as u64;
        client.inner.board.changed(&applied.changed);
        Ok(())
    }

    /// Notes where the device stands; writes only what differs.
    fn settle(&mut self, client: &Client, outcome: &Outcome, level: BTreeSet<SpaceId>) -> Result<(), ClientError> {
        let mut store = client.store();
        let now_ms = client.now_ms();
        let new = Place { token: outcome.token, held_seq: outcome.device_seq, flags: outcome.flags.0, level };
        if new != place(&store)? {
            let bytes = serde_json::to_vec(&new).map_err(ClientError::internal)?;
            store.set_value(PLACE, Some(&bytes))?;
        }
        let mut state = store.sync_state()?;
        // The server's clock minus ours came in; kept is ours minus the server's.
        let skew_ms = outcome.skew_ms.saturating_neg();
        if state.clock_skew_ms.is_none_or(|known| (known - skew_ms).abs() > SKEW_NOISE_MS) {
            state.clock_skew_ms = Some(skew_ms);
            client.learn_skew(skew_ms);
        }
        if state.last_contact_ms.is_none_or(|last| (now_ms - last).abs() > CONTACT_GRAIN_MS) {
            state.last_contact_ms = Some(now_ms);
        }
        state.incarnation = Some(outcome.incarnation);
        state.poll_after_s = Some(outcome.poll_after_s);
        store.set_sync_state(&state)?;
        self.report.skew_s = skew_ms / 1_000;
        self.report.poll_after_s = outcome.poll_after_s;
        Ok(())
    }
}

fn place(store: &Store) -> Result<Place, ClientError> {
    let bytes = store.value(PLACE)?;
    // Should it not be readable, the whole position is named once, and all is well.
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

/// Every space that the device reads.
fn positions(store: &Store, place: &Place) -> Result<Vec<SpacePosition>, ClientError> {
    let readable = |space: &SpaceState| matches!(space.access, Some(Access::Read | Access::Both));
    let spaces = store.spaces()?.into_iter().filter(readable);
    Ok(spaces
        .map(|state| SpacePosition {
            space: state.space,
            cursor: Cursor { seq: state.cursor.seq, chain: state.cursor.chain },
            digest: place
                .level
                .contains(&state.space)
                .then_some(Digest { count: state.digest.count, sum: state.digest.sum }),
        })
        .collect())
}

fn report_notice(space: SpaceId, notice: &Notice) {
    let what = match notice {
        Notice::ChainDiverged { .. } => "the server's log is another than the one this device has read",
        Notice::DigestDiverged => "this device's documents differ from the server's",
        Notice::Chunks(_) => "this device is behind the horizon of the log",
    };
    tracing::warn!(%space, what, "notice");
}

enum Rewritten {
    Yes,
    No,
}

/// Writes an envelope again in the form that every receiver can read, if that may help and was not done yet.
fn rewrite(
    store: &mut Store,
    device_seq: u64,
    bytes: &[u8],
    changes: &[OwnChange],
    refusal: Refusal,
) -> Result<Rewritten, ClientError> {
    let helps = refusal.class() == Class::ResendFull || refusal == Refusal::OUT_OF_ORDER;
    let sealed = SealedEnvelope::from_bytes(bytes).map_err(ClientError::internal)?;
    if !helps || (sealed.form == Form::Full && sealed.relayed.dict == Encoding::FULL.dict) {
        return Ok(Rewritten::No);
    }
    let mut raws = Vec::with_capacity(changes.len());
    for change in changes {
        let stored = store.changes(change.doc)?;
        let raw = stored.into_iter().find(|stored| stored.hash == change.hash).map(|stored| stored.raw);
        raws.push(raw.ok_or_else(|| ClientError::internal("a change of an envelope is gone"))?);
    }
    let outgoing: Vec<Outgoing<'_>> =
        changes.iter().zip(&raws).map(|(change, raw)| Outgoing { doc: change.doc, raw }).collect();
    let full = sealed.rewrite(&outgoing, &Nothing, Encoding::FULL)?;
    store.reseal(device_seq, &full.to_bytes().map_err(ClientError::internal)?)?;
    Ok(Rewritten::Yes)
}

/// A stretch of a space's log on its way into the store.
struct Stretch {
    cursor: Cursor,
    digest: Digest,
    /// Heads as the log has them, of documents that were touched; kept between writes, a document is often touched again.
    heads: BTreeMap<DocId, Vec<ChangeHash>>,
    changes: Vec<RemoteChange>,
    touched: BTreeSet<DocId>,
    erased: Vec<DocId>,
}

impl Stretch {
    /// From where the device stands; `restart`: from the beginning of another log.
    fn after(state: &SpaceState, restart: bool) -> Self {
        let cursor = Cursor { seq: state.cursor.seq, chain: state.cursor.chain };
        let digest = Digest { count: state.digest.count, sum: state.digest.sum };
        Self {
            cursor: if restart { Cursor::START } else { cursor },
            digest: if restart { Digest::default() } else { digest },
            heads: BTreeMap::new(),
            changes: Vec::new(),
            touched: BTreeSet::new(),
            erased: Vec::new(),
        }
    }

    /// Clears what is known of the log of every document in the space.
    fn forget(&mut self, store: &Store, state: &SpaceState) -> Result<(), ClientError> {
        for kind in DocKind::ALL {
            let mut page = Page::first(500);
            loop {
                let (documents, next) = store.documents(kind, Some(&state.unit), &page)?;
                let here = documents.into_iter().filter(|document| document.space == state.space);
                for document in here {
                    self.heads.insert(document.id, Vec::new());
                    self.touched.insert(document.id);
                }
                match next {
                    Some(next) => page = Page::after(next, 500),
                    None => break,
                }
            }
        }
        Ok(())
    }

    fn changes(&mut self, store: &Store, space: SpaceId, seq: u64, changes: &[Change]) -> Result<(), ClientError> {
        for change in changes {
            let header = &change.header;
            self.advance(store, space, change.doc, &header.deps, header.hash, header.genesis().is_some())?;
            self.changes.push(RemoteChange { doc: change.doc, hash: header.hash, raw: change.raw.clone(), seq });
        }
        Ok(())
    }

    /// The document is gone from the log for ever.
    fn erase(&mut self, store: &Store, space: SpaceId, doc: DocId) -> Result<(), ClientError> {
        let heads = match self.heads.remove(&doc) {
            Some(heads) => heads,
            None => store.log_heads(space, doc)?,
        };
        self.digest.replace(&doc, &heads, &[]);
        self.touched.remove(&doc);
        self.erased.push(doc);
        Ok(())
    }

    fn own(&mut self, store: &Store, space: SpaceId, changes: &[OwnChange]) -> Result<(), ClientError> {
        changes.iter().try_for_each(|change| self.advance(store, space, change.doc, &change.deps, change.hash, false))
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

    fn batch(&mut self, space: SpaceId) -> RemoteBatch {
        let touched = std::mem::take(&mut self.touched);
        RemoteBatch {
            space,
            changes: std::mem::take(&mut self.changes),
            erased: std::mem::take(&mut self.erased),
            log_heads: touched
                .into_iter()
                .map(|doc| (doc, self.heads.get(&doc).cloned().unwrap_or_default()))
                .collect(),
            cursor: gandan_store::Cursor { seq: self.cursor.seq, chain: self.cursor.chain },
            digest: gandan_store::Digest { count: self.digest.count, sum: self.digest.sum },
        }
    }
}

impl From<StorageError> for ClientError {
    fn from(error: StorageError) -> Self {
        Self::Session(SessionError::Storage(error))
    }
}
