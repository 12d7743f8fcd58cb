//! One round trip: what waits goes up, what is new comes down.

use super::renewal::rename;
use super::returning::{is_lost, may_be_lost, rewind};
use super::rewriting::{Rewritten, rewrite, sealed, to_send};
use super::stretch::Stretch;
use super::{Errand, Exchange, Message, Work};
use crate::client::Client;
use crate::error::ClientError;
use crate::report::{Grant, Refused};
use gandan_model::ids::{ChangeHash, Compartment, DocId, SpaceId};
use gandan_model::mutant;
use gandan_store::{Access, Ack, EnvelopeState, Page, SpaceGrant, SpaceState, Store, SyncState};
use gandan_sync::client::{DeviceView, Item, Outcome, Part, Session, Start};
use gandan_sync::error::StorageError;
use gandan_sync::request::Flags;
use gandan_sync::resolve::Resolver;
use gandan_sync::response::{GrantChange, Notice};
use gandan_sync::{Class, Cursor, Digest, EnvelopeHash, SpacePosition, Status};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Version of the document schema that this app writes.
pub const SCHEMA: u32 = 1;
/// Most bytes of envelopes in one request: below the usual limit of proxies (1 MB), and little enough that a slow link
/// sees an answer now and then.
const MAX_PUSH: usize = 900 << 10;
/// Changes of others in one write, give or take an envelope: some ten milliseconds of work on a phone.
const WRITE_CHANGES: usize = 16;
/// Under this name the store keeps [`Place`].
const PLACE: &str = "exchange";
/// Changes of the clock's error below this are noise.
const SKEW_NOISE_MS: i64 = 2_000;
/// The moment of the last contact is noted this finely.
const CONTACT_GRAIN_MS: i64 = 60_000;

/// What one answer leaves behind for the next request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    token: Option<u64>,
    held_seq: u64,
    flags: u8,
    /// Spaces in which the device has reached the head of the log at least once and was told so last.
    pub(super) level: BTreeSet<SpaceId>,
}

/// What happened in one round trip.
#[derive(Default)]
struct Round {
    /// Something moved: another round trip makes sense.
    progressed: bool,
    /// The server has more, or needs to hear more.
    more: bool,
    /// What is left of an envelope waits to be sealed into another one.
    unsealed: bool,
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

    fn last_sealed(&self) -> Result<u64, StorageError> {
        Ok(self.0.last_envelope().map_err(StorageError::new)?.map_or(0, |(device_seq, _)| device_seq))
    }
}

impl Exchange {
    /// The next round trip.
    pub(super) fn round(&mut self, client: &Client) -> Result<Message, ClientError> {
        let envelopes = to_send(client)?;
        let store = client.store();
        let identity = Client::identity(&store)?;
        let key = client.signing_key(&identity);
        let place = place(&store)?;
        let positions = positions(&store, &place)?;
        let mut outbox = Vec::new();
        let mut bytes = 0;
        for envelope in envelopes {
            if self.waiting.contains(&envelope.device_seq) {
                continue;
            }
            let sealed = sealed(&store, &key, &envelope)?;
            bytes += sealed.relayed.body.len();
            if bytes > MAX_PUSH && !outbox.is_empty() {
                break;
            }
            outbox.push(sealed);
        }
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
        let (session, body) = Session::start(&start)?;
        let errand = Errand(Work::Round(session));
        Ok(Message { server: identity.server_url, path: "/v1/sync", body, errand })
    }

    /// Takes in an answer: statuses, grants, then the news of every space, then where the device stands now.
    pub(super) fn take_round(&mut self, client: &Client, session: Session, answer: &[u8]) -> Result<(), ClientError> {
        let now_ms = u64::try_from(client.now_ms()).unwrap_or(0);
        let outcome = {
            let store = client.store();
            session.finish(answer, &View(&store), now_ms)?
        };
        let mut round = Round { more: outcome.more, ..Round::default() };
        round.progressed = outcome.need_full || !outcome.parts.is_empty() || !outcome.grants.is_empty();
        let later = self.later.take();
        know_server(&mut client.store(), outcome.incarnation)?;
        self.acknowledge(client, &outcome, &mut round)?;
        if round.unsealed {
            client.seal_outbox()?;
        }
        if outcome.wipe {
            round.progressed |= self.give_up_drafts(client)?;
        }
        self.change_grants(client, &outcome)?;
        let mut place = place(&client.store())?;
        for part in &outcome.parts {
            self.apply(client, part)?;
            if part.position.digest.is_some() {
                place.level.insert(part.space);
            } else {
                place.level.remove(&part.space);
            }
        }
        self.settle(client, &outcome, place.level)?;
        self.hear_of_rules(client, outcome.rules)?;
        self.report.round_trips += 1;
        self.report.waiting = client.unsent()?;
        // Something that moves nothing would move nothing the next time either.
        let unsent = self.report.waiting > 0 && self.later.is_none();
        self.again = round.progressed && (round.more || unsent);
        self.later = self.later.take().or(later);
        if outcome.wipe && !(self.again && unsent) {
            if !mutant::on("keeps_lost_phones") {
                client.store().wipe()?;
            }
            return Err(ClientError::Wiped);
        }
        if outcome.cloned { rename(client) } else { Ok(()) }
    }

    /// Before everything goes, drafts become work like any other: the server sets it aside, and a person sees it. What
    /// cannot be handed in (a value that is not right) goes. True if anything was.
    fn give_up_drafts(&mut self, client: &Client) -> Result<bool, ClientError> {
        if std::mem::replace(&mut self.gave_up_drafts, true) {
            return Ok(false);
        }
        let mut page = Page::first(100);
        let mut ids = Vec::new();
        loop {
            let (drafts, next) = client.drafts(&page)?;
            ids.extend(drafts.iter().map(|draft| draft.id));
            match next {
                Some(next) => page = Page::after(next, 100),
                None => break,
            }
        }
        for id in ids {
            if let Err(error) = client.submit_draft(id) {
                tracing::warn!(%id, code = error.code(), "a draft cannot be handed in before the wipe");
            }
        }
        Ok(client.seal_outbox()?.envelopes > 0)
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
                    rewritten @ (Rewritten::Yes | Rewritten::BrokenUp) => {
                        round.progressed = true;
                        round.more = true;
                        round.unsealed |= matches!(rewritten, Rewritten::BrokenUp);
                        continue;
                    }
                    Rewritten::No if matches!(refusal.class(), Class::Retry) => {
                        self.later = Some(refusal);
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
                Ack::Quarantined | Ack::Gone | Ack::Refused(_) | Ack::Discarded => {
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

    fn change_grants(&mut self, client: &Client, outcome: &Outcome) -> Result<(), ClientError> {
        let mut store = client.store();
        for grant in &outcome.grants {
            match grant {
                GrantChange::Given { space, compartment, unit } => {
                    let Some(compartment) = Compartment::from_number(*compartment) else { continue };
                    let (space, unit) = (*space, unit.clone());
                    self.report.grants.push(Grant { space, unit: unit.clone(), given: true });
                    store.grant(&SpaceGrant { space, unit, compartment, access: Access::Both })?;
                }
                GrantChange::Taken { .. } if mutant::on("keeps_taken") => {}
                GrantChange::Taken { space } => {
                    let unit = store.space(*space)?.map(|known| known.unit).unwrap_or_default();
                    self.report.grants.push(Grant { space: *space, unit, given: false });
                    if is_lost(&store, *space)? {
                        self.leave(&mut store, *space)?;
                    } else {
                        store.take_grant(*space)?;
                    }
                }
            }
        }
        // What had to stay because the server did not have it yet may go now.
        let taken: Vec<SpaceId> =
            store.spaces()?.iter().filter(|state| state.access.is_none()).map(|state| state.space).collect();
        for space in taken {
            if !is_lost(&store, space)? {
                store.take_grant(space)?;
            }
        }
        Ok(())
    }

    /// Applies the news of one space, some changes at a time: each write waits for the disk, and others get at the store
    /// in between.
    fn apply(&mut self, client: &Client, part: &Part) -> Result<(), ClientError> {
        let Some(state) = client.store().space(part.space)? else { return Ok(()) };
        match &part.notice {
            Some(Notice::ChainDiverged { head }) => return self.go_back(client, &state, *head),
            Some(Notice::Chunks(manifest)) => return self.begin_loading(client, part.space, manifest),
            Some(Notice::DigestDiverged) => self.healing.add(part.space),
            None => {}
        }
        let mut stretch = Stretch::after(&state);
        let last = part.items.len().saturating_sub(1);
        for (index, item) in part.items.iter().enumerate() {
            self.item(&mut client.store(), part.space, &mut stretch, item)?;
            if index == last || stretch.new_changes() >= WRITE_CHANGES {
                self.write(client, part.space, &mut stretch)?;
            }
        }
        client.store().forget_lines(part.space, part.horizon)?;
        if let Some(digest) = part.server_digest().filter(|digest| *digest != stretch.digest) {
            tracing::warn!(space = %part.space, here = stretch.digest.count, there = digest.count, "digests differ");
            self.healing.add(part.space);
        }
        Ok(())
    }

    fn item(
        &mut self,
        store: &mut Store,
        space: SpaceId,
        stretch: &mut Stretch,
        item: &Item,
    ) -> Result<(), ClientError> {
        match item {
            Item::Envelope { seq, envelope, signature } => {
                stretch.envelope(store, *seq, envelope, signature)?;
                self.report.pulled += envelope.changes.len() as u64;
            }
            Item::Own { seq, device_seq, hash } => {
                let (envelope, changes) = store.envelope(*device_seq)?.unzip();
                if envelope.is_some_and(|envelope| envelope.state == EnvelopeState::Sealed && envelope.hash == hash.0) {
                    // The log has it, though nobody has said so here: a twin sent the same before this phone did.
                    store.acknowledge(*device_seq, &Ack::Duplicate { seq: *seq })?;
                }
                stretch.own(store, space, &changes.unwrap_or_default())?;
                stretch.line(hash, None);
            }
            Item::Redacted { seq, hash, changes } => {
                stretch.changes(store, space, *seq, changes)?;
                stretch.line(hash, None);
            }
            Item::Erased { doc, hash, .. } => {
                stretch.erase(store, space, *doc)?;
                stretch.line(hash, None);
            }
            Item::Gone { hash, .. } => stretch.line(hash, None),
            Item::Unreadable { seq, hash, error } => {
                tracing::warn!(%space, seq, code = error.code(), "an envelope cannot be read");
                stretch.line(hash, None);
            }
        }
        Ok(())
    }

    pub(super) fn write(&mut self, client: &Client, space: SpaceId, stretch: &mut Stretch) -> Result<(), ClientError> {
        let applied = client.store().apply_remote(&stretch.batch(space))?;
        self.report.quarantined += applied.rejected.len() as u64;
        client.inner.board.changed(&applied.changed);
        Ok(())
    }

    /// Notes where the device stands; writes only what differs.
    fn settle(&mut self, client: &Client, outcome: &Outcome, level: BTreeSet<SpaceId>) -> Result<(), ClientError> {
        let mut store = client.store();
        let now_ms = client.now_ms();
        // After going back in a log the device does not stand where the server thinks.
        let went_back = outcome.parts.iter().any(|part| matches!(part.notice, Some(Notice::ChainDiverged { .. })));
        let token = outcome.token.filter(|_| !went_back);
        let new = Place { token, held_seq: outcome.device_seq, flags: outcome.flags.0, level };
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
        state.poll_after_s = Some(outcome.poll_after_s);
        store.set_sync_state(&state)?;
        self.report.skew_s = skew_ms / 1_000;
        self.report.poll_after_s = outcome.poll_after_s;
        Ok(())
    }
}

/// Notes which server answers, before any acknowledgement of its counts. If it was restored since, what was acknowledged
/// may be gone there: own envelopes that the log was not read up to are sent again, and whether the rest is there each log
/// tells that is read to its end; should a grant go before that, this phone may be the last that has it.
fn know_server(store: &mut Store, incarnation: u64) -> Result<(), ClientError> {
    let known = store.sync_state()?.incarnation;
    if known == Some(incarnation) {
        return Ok(());
    }
    if known.is_some() {
        for state in store.spaces()? {
            // Of a space that this phone has to leave only what waits is here, and what that builds on: no log vouches for it.
            rewind(store, &state, state.cursor)?;
            may_be_lost(store, state.space)?;
        }
        // Files are copied by themselves, and may be older than the database: what is there costs a name each.
        store.offer_attachments_again()?;
        forget_place(store)?;
    }
    Ok(store.set_sync_state(&SyncState { incarnation: Some(incarnation), ..store.sync_state()? })?)
}

pub(super) fn place(store: &Store) -> Result<Place, ClientError> {
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

/// Forgets where the server thinks that the device stands: it names its whole position once.
pub(super) fn forget_place(store: &mut Store) -> Result<(), ClientError> {
    Ok(store.set_value(PLACE, None)?)
}
