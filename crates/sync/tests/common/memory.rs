//! A server in memory, and a phone that does with an outcome what a phone should.

use super::{Device, Replica};
use ed25519_dalek::VerifyingKey;
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use gandan_sync::client::{DeviceView, Item, Outcome, Session, Start};
use gandan_sync::digest::advance_heads;
use gandan_sync::error::{SessionError, StorageError};
use gandan_sync::frame::PROTOCOL_VERSION;
use gandan_sync::request::{Flags, UnverifiedRequest};
use gandan_sync::resolve::Resolver;
use gandan_sync::response::{GrantChange, Manifest, Notice, Problem};
use gandan_sync::server::{
    Answer, Ask, DeviceHead, GrantedSpace, HeldEnvelope, Intake, ItemQuery, Ledger, LogView, SpaceRight, StoredContent,
    StoredItem, TokenRecord, Verdict, answer,
};
use gandan_sync::{Cursor, Digest, Envelope, EnvelopeHash, Refusal, SealedEnvelope, Signature, SpacePosition, Status};
use std::collections::{BTreeMap, BTreeSet};

/// A log in memory.
#[derive(Default, Clone)]
pub struct Log {
    pub entries: Vec<(StoredItem, Signature)>,
    pub digest: Digest,
    pub horizon: u64,
    pub manifest: Option<Manifest>,
}

impl Log {
    pub fn head(&self) -> Cursor {
        self.entries.last().map_or(Cursor::START, |(item, _)| Cursor { seq: item.seq, chain: item.chain })
    }
}

/// A server in memory.
#[derive(Default, Clone)]
pub struct Server {
    pub logs: BTreeMap<SpaceId, Log>,
    pub replica: Replica,
    pub keys: BTreeMap<DeviceId, VerifyingKey>,
    pub heads: BTreeMap<DeviceId, DeviceHead>,
    pub rights: BTreeMap<DeviceId, Vec<SpaceRight>>,
    pub tokens: BTreeMap<(DeviceId, u64), TokenRecord>,
    pub quarantine: Vec<Envelope>,
    pub token: u64,
    pub now_ms: u64,
}

impl Server {
    pub fn enrol(&mut self, device: &Device, spaces: &[SpaceId]) {
        self.keys.insert(device.id, device.public());
        let rights = spaces.iter().map(|space| SpaceRight { space: *space, granted: true });
        self.rights.insert(device.id, rights.collect());
        for space in spaces {
            self.logs.entry(*space).or_default();
        }
    }

    /// One round trip.
    pub fn handle(&mut self, bytes: &[u8]) -> Vec<u8> {
        match self.try_handle(bytes) {
            Ok(bytes) => bytes,
            Err(refusal) => {
                let versions = (PROTOCOL_VERSION, PROTOCOL_VERSION);
                Problem { refusal, retry_after_s: 5, server_time_ms: self.now_ms, versions }.encode().unwrap()
            }
        }
    }

    fn try_handle(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
        let request = UnverifiedRequest::decode(bytes).map_err(|error| error.refusal())?;
        let device = request.device();
        let key = *self.keys.get(&device).ok_or(Refusal::UNKNOWN_DEVICE)?;
        let request = request.verify(&key).map_err(|error| error.refusal())?;
        let rights = self.rights[&device].clone();
        let mut statuses = Vec::new();
        let mut admitted = Vec::new();
        {
            let ledger: &Self = self;
            let head = self.heads.get(&device).copied().unwrap_or(DeviceHead::NONE);
            let mut intake = Intake::new(device, &key, head, &rights, ledger);
            for push in request.envelopes {
                let device_seq = push.device_seq;
                match intake.examine(push).unwrap() {
                    Verdict::Admit(one) => admitted.push(one),
                    Verdict::Known(status) => statuses.push((device_seq, status)),
                    Verdict::Refuse(refusal, _) => statuses.push((device_seq, Status::Refused(refusal))),
                }
            }
        }
        for one in admitted {
            let device_seq = one.envelope.device_seq;
            let status = if one.granted {
                let seq = self.append(&one.envelope, one.signature, one.stored);
                Status::Durable { seq }
            } else {
                self.quarantine.push(one.envelope.clone());
                Status::Quarantined
            };
            statuses.push((device_seq, status));
            let head = self.heads.entry(device).or_insert(DeviceHead::NONE);
            if device_seq > head.seq {
                *head = DeviceHead { seq: device_seq, hash: one.envelope.hash };
            }
        }
        self.token += 1;
        let ask = Ask {
            head: &request.head,
            statuses,
            device_seq: self.heads.get(&device).map_or(0, |head| head.seq),
            schema: 3,
            now_ms: self.now_ms,
            incarnation: 1,
            poll_after_s: 300,
            next_token: self.token,
            wipe: false,
        };
        let Answer { response, keep } = answer(self, ask).unwrap();
        if let Some(keep) = keep {
            self.tokens.insert((device, keep.token), keep);
        }
        Ok(response.encode().unwrap())
    }

    pub fn append(&mut self, envelope: &Envelope, signature: Signature, stored: Vec<u8>) -> u64 {
        let log = self.logs.entry(envelope.space).or_default();
        account(&mut self.replica, &mut log.digest, envelope);
        let cursor = log.head().after(&envelope.hash);
        let item = StoredItem {
            seq: cursor.seq,
            chain: cursor.chain,
            hash: envelope.hash,
            device: envelope.device,
            device_seq: envelope.device_seq,
            content: StoredContent::Stored(stored),
        };
        log.entries.push((item, signature));
        cursor.seq
    }
}

/// Adds an envelope to a replica and keeps the digest in step.
pub fn account(replica: &mut Replica, digest: &mut Digest, envelope: &Envelope) {
    for change in &envelope.changes {
        let key = (envelope.space, change.doc);
        if replica.changes.entry(key).or_default().insert(change.header.hash) {
            let heads = replica.heads.entry(key).or_default();
            let old = heads.clone();
            advance_heads(heads, &change.header.deps, change.header.hash, change.header.genesis().is_some());
            digest.replace(&change.doc, &old, heads);
        }
    }
}

impl Resolver for Server {
    fn documents(&self, space: &SpaceId, prefix: [u8; 8]) -> Result<Vec<DocId>, StorageError> {
        self.replica.documents(space, prefix)
    }

    fn changes(&self, space: &SpaceId, doc: &DocId, prefix: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError> {
        self.replica.changes(space, doc, prefix)
    }
}

impl Ledger for Server {
    fn held(&self, device: &DeviceId, device_seq: u64) -> Result<Option<HeldEnvelope>, StorageError> {
        let mut entries = self.logs.values().flat_map(|log| &log.entries);
        let found = entries.find(|(item, _)| item.device == *device && item.device_seq == device_seq);
        Ok(found.map(|(item, signature)| HeldEnvelope {
            signature: *signature,
            status: Status::Duplicate { seq: item.seq },
        }))
    }
}

impl LogView for Server {
    fn granted(&self, device: &DeviceId) -> Result<Vec<GrantedSpace>, StorageError> {
        let rights = self.rights[device].iter().filter(|right| right.granted);
        Ok(rights
            .map(|right| {
                let log = &self.logs[&right.space];
                GrantedSpace {
                    space: right.space,
                    compartment: 0,
                    unit: "24781".to_owned(),
                    head: log.head(),
                    digest: log.digest,
                    horizon: log.horizon,
                }
            })
            .collect())
    }

    fn token(&self, device: &DeviceId, token: u64) -> Result<Option<TokenRecord>, StorageError> {
        Ok(self.tokens.get(&(*device, token)).cloned())
    }

    fn chain_at(&self, space: &SpaceId, seq: u64) -> Result<Option<[u8; 32]>, StorageError> {
        let index = usize::try_from(seq).unwrap() - 1;
        Ok(self.logs[space].entries.get(index).map(|(item, _)| item.chain))
    }

    fn manifest(&self, space: &SpaceId) -> Result<Option<Manifest>, StorageError> {
        Ok(self.logs[space].manifest.clone())
    }

    fn items(&self, query: &ItemQuery<'_>) -> Result<Vec<StoredItem>, StorageError> {
        let after = usize::try_from(query.after).unwrap();
        let mut bytes = 0;
        let mut items = Vec::new();
        for (item, _) in self.logs[query.space].entries.iter().skip(after).take(query.max_items) {
            bytes += if let StoredContent::Stored(stored) = &item.content { stored.len() } else { 0 };
            if bytes > query.max_bytes && !items.is_empty() {
                break;
            }
            items.push(item.clone());
        }
        Ok(items)
    }
}

/// A phone: a device, its outbox, and what it took from the logs.
pub struct Phone {
    pub device: Device,
    pub token: Option<u64>,
    pub positions: BTreeMap<SpaceId, SpacePosition>,
    pub digests: BTreeMap<SpaceId, Digest>,
    pub held_seq: u64,
    pub flags: Flags,
    pub outbox: Vec<SealedEnvelope>,
    pub own: BTreeMap<u64, (EnvelopeHash, Envelope)>,
    pub replica: Replica,
    pub accounted: BTreeSet<EnvelopeHash>,
    pub budget: u32,
    pub bytes: (usize, usize),
}

impl Phone {
    pub fn new(number: u8) -> Self {
        Self {
            device: Device::new(number),
            token: None,
            positions: BTreeMap::new(),
            digests: BTreeMap::new(),
            held_seq: 0,
            flags: Flags::default(),
            outbox: Vec::new(),
            own: BTreeMap::new(),
            replica: Replica::default(),
            accounted: BTreeSet::new(),
            budget: 0,
            bytes: (0, 0),
        }
    }

    /// Seals changes, keeps them, and puts them into the outbox.
    pub fn write(&mut self, changes: &[(DocId, Vec<u8>)], encoding: gandan_sync::Encoding) {
        let known: BTreeSet<DocId> = self.replica.changes.keys().map(|(_, doc)| *doc).collect();
        let sealed = self.device.seal(changes, &|doc: &DocId| known.contains(doc), encoding);
        let opened = sealed.relayed.open(sealed.space, None, self).unwrap();
        self.own.insert(sealed.relayed.device_seq, (sealed.hash, opened));
        self.outbox.push(sealed);
    }

    pub fn start(&self) -> (Session, Vec<u8>) {
        let positions: Vec<SpacePosition> = self.positions.values().copied().collect();
        Session::start(&Start {
            device: self.device.id,
            key: &self.device.key,
            schema: 3,
            now_ms: 1_000_000,
            token: self.token,
            positions: &positions,
            held_seq: self.held_seq,
            outbox: &self.outbox,
            byte_budget: self.budget,
            flags: self.flags,
        })
        .unwrap()
    }

    pub fn finish(&mut self, session: Session, answer: &[u8]) -> Result<Outcome, SessionError> {
        let outcome = session.finish(answer, self, 1_000_200)?;
        self.token = outcome.token;
        self.held_seq = outcome.device_seq;
        self.flags = outcome.flags;
        let held: BTreeSet<u64> =
            outcome.acks.iter().filter(|ack| ack.status.is_held()).map(|ack| ack.device_seq).collect();
        self.outbox.retain(|sealed| !held.contains(&sealed.relayed.device_seq));
        for grant in &outcome.grants {
            match grant {
                GrantChange::Given { space, .. } => {
                    self.positions.insert(*space, SpacePosition::start(*space));
                }
                GrantChange::Taken { space } => {
                    self.positions.remove(space);
                }
            }
        }
        for part in &outcome.parts {
            for item in &part.items {
                let own;
                let envelope = match item {
                    Item::Envelope { envelope, .. } => envelope,
                    Item::Own { device_seq, .. } => {
                        own = self.own[device_seq].1.clone();
                        &own
                    }
                    Item::Gone { .. } | Item::Unreadable { .. } | Item::Redacted { .. } | Item::Erased { .. } => {
                        continue;
                    }
                };
                account(&mut self.replica, self.digests.entry(part.space).or_default(), envelope);
            }
            let mut position = part.position;
            position.digest = position.digest.map(|_| self.digests.get(&part.space).copied().unwrap_or_default());
            if !matches!(part.notice, Some(Notice::DigestDiverged)) && part.stopped.is_none() {
                assert_eq!(position.digest, part.server_digest());
            }
            self.positions.insert(part.space, position);
        }
        Ok(outcome)
    }

    /// One round trip.
    pub fn sync(&mut self, server: &mut Server) -> Outcome {
        let (session, request) = self.start();
        let answer = server.handle(&request);
        self.bytes = (request.len(), answer.len());
        self.finish(session, &answer).unwrap()
    }

    /// Round trips until nothing is left; gives their number.
    pub fn sync_all(&mut self, server: &mut Server) -> usize {
        for round in 1..100 {
            let outcome = self.sync(server);
            if !outcome.more && outcome.unsent == 0 {
                return round;
            }
        }
        panic!("the synchronisation does not end");
    }
}

impl Resolver for Phone {
    fn documents(&self, space: &SpaceId, prefix: [u8; 8]) -> Result<Vec<DocId>, StorageError> {
        let mut found = self.replica.documents(space, prefix)?;
        for doc in self.own.values().flat_map(|(_, envelope)| &envelope.changes).map(|change| change.doc) {
            if doc.0.starts_with(&prefix) && !found.contains(&doc) {
                found.push(doc);
            }
        }
        Ok(found)
    }

    fn changes(&self, space: &SpaceId, doc: &DocId, prefix: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError> {
        let mut found = self.replica.changes(space, doc, prefix)?;
        for change in self.own.values().flat_map(|(_, envelope)| &envelope.changes) {
            let hash = change.header.hash;
            if change.doc == *doc && hash.0.starts_with(&prefix) && !found.contains(&hash) {
                found.push(hash);
            }
        }
        Ok(found)
    }
}

impl DeviceView for Phone {
    fn own_envelope(&self, device_seq: u64) -> Result<Option<EnvelopeHash>, StorageError> {
        Ok(self.own.get(&device_seq).map(|(hash, _)| *hash))
    }
}
