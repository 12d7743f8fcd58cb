//! One transaction's worth of envelopes.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};

use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use gandan_model::mutant;
use gandan_sync::server::Admitted;
use gandan_sync::{Cursor, Digest, Envelope, EnvelopeHash, Refusal, RelayedEnvelope, Status};

use super::Receipt;
use super::admit::{Check, Checker, NewChanges};
use super::aside::MAX_QUARANTINED;
use super::resolve::LogResolver;
use crate::db::storage::{
    Access, DbResult, DeviceRow, EnvelopeState, Form, HeadRow, HeldRow, NewContent, NewLine, NewQuarantine, No,
    SpaceRow, WaitingRow, WriteLog,
};
use crate::erasure;
use crate::events::SpaceEvent;

/// Envelopes of one device that may wait for something; more are told to come back.
const MAX_WAITING: u64 = 256;
/// Waiting envelopes of a space that are looked at when something new arrives there.
const WAITING_LOOK: usize = 64;

/// The documents that a transaction has touched.
pub(super) type Documents = BTreeMap<(No, DocId), DocState>;

/// A document within this transaction.
pub(super) struct DocState {
    /// Its heads as the database has them; `None` if it is new.
    pub(super) stored: Option<Vec<HeadRow>>,
    /// Its heads now.
    pub(super) heads: Vec<HeadRow>,
}

struct SpaceState {
    row: SpaceRow,
    changed: bool,
}

struct DeviceState {
    row: DeviceRow,
    access: BTreeMap<No, Access>,
    changed: bool,
}

/// What is left of an envelope after what was erased.
enum Rest {
    /// Everything.
    All,
    /// A chunk with the rest.
    Chunk(Vec<u8>),
    /// Nothing.
    Nothing,
    /// It cannot be opened here.
    Unreadable,
}

/// Everything that this transaction has touched. Heads of spaces, devices and documents are written once, by
/// [`Batch::flush`], however many envelopes moved them.
pub(crate) struct Batch<'a> {
    log: &'a dyn WriteLog,
    now_ms: i64,
    spaces: BTreeMap<SpaceId, Option<SpaceState>>,
    devices: BTreeMap<DeviceId, Option<DeviceState>>,
    docs: Documents,
}

impl<'a> Batch<'a> {
    pub(super) fn new(log: &'a dyn WriteLog, now_ms: i64) -> Self {
        Self { log, now_ms, spaces: BTreeMap::new(), devices: BTreeMap::new(), docs: BTreeMap::new() }
    }

    /// Takes in the envelopes of one request. An error is the database's, and ends the transaction.
    pub(super) fn request(&mut self, device: &DeviceId, envelopes: &[Admitted]) -> DbResult<Receipt> {
        let mut statuses = Vec::with_capacity(envelopes.len());
        for admitted in envelopes {
            statuses.push((admitted.envelope.device_seq, self.envelope(device, admitted, None)?));
        }
        let device_seq = self.device(device)?.map_or(0, |state| state.row.last_seq);
        Ok(Receipt { statuses, device_seq })
    }

    pub(crate) fn log(&self) -> &'a dyn WriteLog {
        self.log
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    pub(super) fn docs(&self) -> &Documents {
        &self.docs
    }

    /// Takes in one envelope of this device. `aside`: it goes to quarantine for this reason, whatever it is.
    pub(super) fn envelope(&mut self, device: &DeviceId, admitted: &Admitted, aside: Option<&str>) -> DbResult<Status> {
        let (envelope, log) = (&admitted.envelope, self.log);
        let Some(space) = self.space(&envelope.space)?.map(|state| (state.row.no, state.row.head)) else {
            return Ok(Status::Refused(Refusal::NO_GRANT));
        };
        let (space_no, space_head) = space;
        let Some(state) = self.device(device)? else { return Ok(Status::Refused(Refusal::UNKNOWN_DEVICE)) };
        let no = state.row.no;
        if let Some(held) = log.held(no, envelope.device_seq)? {
            // Another request brought it while this one was being opened.
            return Ok(if held.signature == admitted.signature.0 {
                status_of(&held)
            } else {
                Status::Refused(Refusal::SEQUENCE_REUSED)
            });
        }
        if let Some(reason) = aside.or(self.shut_out(device, space_no)?) {
            return self.set_aside((no, None), space_no, admitted, reason);
        }
        match Checker::new(log, space_no, &self.docs).check(&envelope.changes)? {
            Check::New(changes) => {
                let content = NewContent::Envelope(&admitted.stored);
                let status = self.append(no, &admitted.envelope, content, space_head + 1, changes)?;
                self.hold(no, admitted, EnvelopeState::Logged, space_head + 1)?;
                Ok(status)
            }
            Check::Known { .. } if mutant::on("replay") => {
                let content = NewContent::Envelope(&admitted.stored);
                self.append(no, &admitted.envelope, content, space_head + 1, NewChanges::default())
            }
            Check::Known { seq } => {
                self.hold(no, admitted, EnvelopeState::Logged, seq)?;
                Ok(Status::Duplicate { seq })
            }
            Check::Redact(changes) => match self.rest(space_no, admitted)? {
                Rest::Chunk(chunk) => {
                    let content = NewContent::Chunk(&chunk);
                    let status = self.append(no, &admitted.envelope, content, space_head + 1, changes)?;
                    self.hold(no, admitted, EnvelopeState::Logged, space_head + 1)?;
                    Ok(status)
                }
                Rest::All | Rest::Nothing | Rest::Unreadable => Ok(Status::Refused(Refusal::UNRESOLVED)),
            },
            Check::Missing => match self.rest(space_no, admitted)? {
                Rest::All => self.wait(no, space_no, admitted),
                _ => self.set_aside((no, None), space_no, admitted, "erased_document"),
            },
            Check::Erased => {
                self.hold(no, admitted, EnvelopeState::Gone, 0)?;
                Ok(Status::Gone)
            }
            Check::Refuse(refusal) => Ok(Status::Refused(refusal)),
        }
    }

    pub(super) fn append(
        &mut self,
        device: No,
        envelope: &Envelope,
        content: NewContent<'_>,
        seq: u64,
        changes: NewChanges,
    ) -> DbResult<Status> {
        let (log, received_ms) = (self.log, self.now_ms);
        // Looked up just before: it is there.
        let Some(state) = self.space(&envelope.space)? else { return Ok(Status::Refused(Refusal::INTERNAL)) };
        let chain = if mutant::on("chain") { [0; 32] } else { state.row.chain };
        let cursor = Cursor { seq: seq - 1, chain }.after(&envelope.hash);
        (state.row.head, state.row.chain, state.changed) = (cursor.seq, cursor.chain, true);
        let space = state.row.no;
        log.append(&NewLine {
            space,
            seq,
            hash: envelope.hash.0,
            device,
            device_seq: envelope.device_seq,
            chain: cursor.chain,
            received_ms,
            content,
        })?;
        for (doc, change) in &changes.rows {
            log.put_change(space, doc, &crate::db::storage::ChangeRow { seq, ..*change })?;
        }
        for (doc, state) in changes.docs {
            self.docs.insert((space, doc), state);
        }
        Ok(Status::Durable { seq })
    }

    fn wait(&mut self, device: No, space: No, admitted: &Admitted) -> DbResult<Status> {
        if self.log.waiting_of(device)? >= MAX_WAITING {
            return Ok(Status::Refused(Refusal::BUSY));
        }
        let row = WaitingRow {
            id: 0,
            device,
            device_seq: admitted.envelope.device_seq,
            received_ms: self.now_ms,
            body: admitted.stored.clone(),
        };
        self.log.put_waiting(space, &row)?;
        self.hold(device, admitted, EnvelopeState::Waiting, 0)?;
        Ok(Status::Waiting)
    }

    /// Keeps an envelope for a person to decide on, but for what was erased.
    ///
    /// It is the device's that brought it, unless an `author` is named who is not known here: then nothing is remembered of
    /// a chain.
    pub(super) fn set_aside(
        &mut self,
        (device, author): (No, Option<DeviceId>),
        space: No,
        admitted: &Admitted,
        reason: &str,
    ) -> DbResult<Status> {
        if self.log.quarantined_of(device)? >= MAX_QUARANTINED {
            return Ok(Status::Refused(Refusal::BUSY));
        }
        let chunk = match self.rest(space, admitted)? {
            Rest::All => None,
            Rest::Chunk(chunk) => Some(chunk),
            Rest::Nothing => {
                if author.is_none() {
                    self.hold(device, admitted, EnvelopeState::Gone, 0)?;
                }
                return Ok(Status::Gone);
            }
            Rest::Unreadable => return Ok(Status::Refused(Refusal::UNRESOLVED)),
        };
        let form = if chunk.is_some() { Form::Chunk } else { Form::Envelope };
        self.log.put_quarantine(&NewQuarantine {
            space,
            device,
            device_seq: admitted.envelope.device_seq,
            reason,
            received_ms: self.now_ms,
            body: chunk.as_deref().unwrap_or(&admitted.stored),
            form,
            hash: admitted.envelope.hash.0,
            author,
        })?;
        if author.is_none() {
            self.hold(device, admitted, EnvelopeState::Quarantined, 0)?;
        }
        Ok(Status::Quarantined)
    }

    /// What may be kept of an envelope: what was erased must not come to lie anywhere again.
    fn rest(&self, space: No, admitted: &Admitted) -> DbResult<Rest> {
        let envelope = &admitted.envelope;
        let mut erased = HashSet::new();
        for change in &envelope.changes {
            if !self.docs.contains_key(&(space, change.doc)) && self.log.is_erased(space, &change.doc)? {
                erased.insert(change.doc);
            }
        }
        if erased.is_empty() {
            return Ok(Rest::All);
        }
        if envelope.changes.iter().all(|change| erased.contains(&change.doc)) {
            return Ok(Rest::Nothing);
        }
        // The raw changes were dropped on the way here. What refers to something else of this very transaction has to be
        // sent in full.
        let mut rest = erasure::open(self.log, &envelope.space, &admitted.stored, Form::Envelope);
        if rest.len() != envelope.changes.len() {
            return Ok(Rest::Unreadable);
        }
        rest.retain(|change| !erased.contains(&change.doc));
        erasure::chunk(&rest).map(Rest::Chunk)
    }

    /// Remembers that the envelope is here, and moves the end of the device's chain.
    fn hold(&mut self, device: No, admitted: &Admitted, state: EnvelopeState, seq: u64) -> DbResult<()> {
        let envelope = &admitted.envelope;
        let held = HeldRow { signature: admitted.signature.0, state, seq };
        self.log.put_held(device, envelope.device_seq, &held)?;
        let ended = self.device(&envelope.device)?.filter(|state| envelope.device_seq > state.row.last_seq);
        if let Some(state) = ended {
            (state.row.last_seq, state.row.last_hash, state.changed) = (envelope.device_seq, envelope.hash.0, true);
        }
        Ok(())
    }

    fn space(&mut self, id: &SpaceId) -> DbResult<Option<&mut SpaceState>> {
        let state = match self.spaces.entry(*id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let row = self.log.space(id)?;
                entry.insert(row.map(|row| SpaceState { row, changed: false }))
            }
        };
        Ok(state.as_mut())
    }

    fn device(&mut self, id: &DeviceId) -> DbResult<Option<&mut DeviceState>> {
        let state = match self.devices.entry(*id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let row = self.log.device(id)?;
                entry.insert(row.map(|row| DeviceState { row, access: BTreeMap::new(), changed: false }))
            }
        };
        Ok(state.as_mut())
    }

    fn access(&mut self, device: &DeviceId, space: No) -> DbResult<Access> {
        let log = self.log;
        let Some(state) = self.device(device)? else { return Ok(Access::NONE) };
        if state.row.official.is_none() {
            // The server itself: whoever writes through it was checked before.
            return Ok(Access::BOTH);
        }
        if let Some(access) = state.access.get(&space) {
            return Ok(*access);
        }
        let access = log.access(state.row.no, space)?;
        state.access.insert(space, access);
        Ok(access)
    }

    /// Writes what was kept back.
    pub(super) fn flush(&mut self) -> DbResult<()> {
        let mut spaces: BTreeMap<No, &mut SpaceState> =
            self.spaces.values_mut().flatten().map(|state| (state.row.no, state)).collect();
        for ((space, doc), state) in &mut self.docs {
            if state.stored.as_ref() == Some(&state.heads) {
                continue;
            }
            self.log.put_heads(*space, doc, &state.heads)?;
            if let Some(space) = spaces.get_mut(space).filter(|_| !mutant::on("digest")) {
                let mut digest = Digest { count: space.row.digest_count, sum: space.row.digest_sum };
                digest.replace(doc, &hashes(state.stored.as_deref().unwrap_or_default()), &hashes(&state.heads));
                (space.row.digest_count, space.row.digest_sum, space.changed) = (digest.count, digest.sum, true);
            }
            state.stored = Some(state.heads.clone());
        }
        for state in spaces.into_values().filter(|state| state.changed) {
            self.log.put_space_head(&state.row)?;
        }
        for state in self.devices.values_mut().flatten().filter(|state| state.changed) {
            self.log.put_device_head(state.row.no, state.row.last_seq, state.row.last_hash)?;
            state.changed = false;
        }
        Ok(())
    }

    /// Takes in envelopes that waited for what this transaction brought. To be called after [`Batch::flush`].
    pub(super) fn admit_waiting(&mut self) -> DbResult<()> {
        let touched: Vec<(SpaceId, No)> = self.touched().map(|row| (row.id, row.no)).collect();
        for (id, no) in touched {
            let mut progress = true;
            while progress {
                progress = false;
                for row in self.log.waiting(no, WAITING_LOOK)? {
                    progress |= self.retry(id, no, row)?;
                }
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Whether the envelope waits no longer.
    fn retry(&mut self, id: SpaceId, space: No, row: WaitingRow) -> DbResult<bool> {
        let log = self.log;
        let resolver = LogResolver::new(log);
        let opened = RelayedEnvelope::from_bytes(&row.body).ok().and_then(|relayed| {
            let envelope = relayed.open(id, None, &resolver).ok()?;
            Some((relayed.signature, envelope))
        });
        // What cannot be opened yet refers to something that waits too.
        let Some((signature, envelope)) = opened else { return Ok(false) };
        let admitted = Admitted { envelope, signature, stored: row.body, granted: true };
        // Whoever was shut out while it waited has no part in the log any more.
        if let Some(reason) = self.shut_out(&admitted.envelope.device, space)? {
            return self.give_up(row.id, row.device, space, &admitted, reason);
        }
        match Checker::new(log, space, &self.docs).check(&admitted.envelope.changes)? {
            Check::Missing => return Ok(false),
            Check::New(changes) => {
                let seq = self.space(&id)?.map_or(0, |state| state.row.head) + 1;
                self.append(row.device, &admitted.envelope, NewContent::Envelope(&admitted.stored), seq, changes)?;
                self.hold(row.device, &admitted, EnvelopeState::Logged, seq)?;
            }
            Check::Known { seq } => self.hold(row.device, &admitted, EnvelopeState::Logged, seq)?,
            Check::Erased => self.hold(row.device, &admitted, EnvelopeState::Gone, 0)?,
            Check::Redact(_) => return self.give_up(row.id, row.device, space, &admitted, "erased_document"),
            Check::Refuse(refusal) => return self.give_up(row.id, row.device, space, &admitted, refusal.name()),
        }
        self.log.remove_waiting(row.id)?;
        Ok(true)
    }

    /// A waiting envelope will never be part of the log. It was accepted once: it is kept, for a person to look at; where
    /// there is no room for that, it goes on waiting. Whether it waits no longer.
    fn give_up(&mut self, waiting: i64, device: No, space: No, admitted: &Admitted, reason: &str) -> DbResult<bool> {
        if matches!(self.set_aside((device, None), space, admitted, reason)?, Status::Refused(_)) {
            return Ok(false);
        }
        self.log.remove_waiting(waiting)?;
        Ok(true)
    }

    /// Why nothing of a device may go into the log of a space, if so. The grant that counts is the one of this moment.
    fn shut_out(&mut self, device: &DeviceId, space: No) -> DbResult<Option<&'static str>> {
        let revoked = self.device(device)?.is_none_or(|state| state.row.revoked_ms.is_some());
        let granted = self.access(device, space)?.writes();
        Ok((revoked && !mutant::on("revoked_writes")).then_some("revoked_device").or((!granted).then_some("no_grant")))
    }

    fn touched(&self) -> impl Iterator<Item = &SpaceRow> {
        self.spaces.values().flatten().filter(|state| state.changed).map(|state| &state.row)
    }

    /// The spaces that have news.
    pub(super) fn news(&self) -> Vec<SpaceEvent> {
        self.touched().map(|row| SpaceEvent { space: row.id, head: row.head }).collect()
    }
}

fn hashes(heads: &[HeadRow]) -> Vec<ChangeHash> {
    heads.iter().map(|head| head.hash).collect()
}

/// What a device is told about an envelope that is here.
pub(crate) fn status_of(held: &HeldRow) -> Status {
    match held.state {
        EnvelopeState::Logged => Status::Duplicate { seq: held.seq },
        EnvelopeState::Waiting => Status::Waiting,
        EnvelopeState::Quarantined => Status::Quarantined,
        EnvelopeState::Gone => Status::Gone,
    }
}

/// The end of a device's chain as the sync crate names it.
pub(crate) fn device_head(row: &DeviceRow) -> gandan_sync::server::DeviceHead {
    gandan_sync::server::DeviceHead { seq: row.last_seq, hash: EnvelopeHash(row.last_hash) }
}
