//! A device with everything in memory, made of the sync crate's client side.

#![allow(unreachable_pub, clippy::struct_field_names)]

use std::collections::{BTreeMap, HashMap};

use ed25519_dalek::SigningKey;
use gandan_model::document::{Document, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use gandan_model::patch::FieldEdit;
use gandan_sync::client::{DeviceView, Item, Outcome, Session, Start};
use gandan_sync::digest::advance_heads;
use gandan_sync::envelope::{Sealer, seal};
use gandan_sync::error::StorageError;
use gandan_sync::query::{Ask, Query, Reply, decode_chunks};
use gandan_sync::request::Flags;
use gandan_sync::resolve::Resolver;
use gandan_sync::response::{GrantChange, Manifest, Notice};
use gandan_sync::{Digest, Encoding, EnvelopeHash, Outgoing, SealedEnvelope, SpacePosition, Status, compact};
use serde_json::json;

use super::http::{self, Answer};
use super::{START_MS, TestApp};

/// A document as a device holds it.
pub struct Held {
    pub document: Document,
    /// Every change, in the order of arrival.
    pub changes: Vec<(ChangeHash, Vec<u8>)>,
    /// Heads counting only what is in the log.
    pub log_heads: Vec<ChangeHash>,
    logged: Vec<ChangeHash>,
}

pub struct Peer {
    pub name: String,
    pub device: DeviceId,
    pub key: SigningKey,
    pub bundle: serde_json::Value,
    pub positions: BTreeMap<SpaceId, SpacePosition>,
    pub digests: HashMap<SpaceId, Digest>,
    pub docs: BTreeMap<(SpaceId, DocId), Held>,
    pub outbox: Vec<SealedEnvelope>,
    pub own: BTreeMap<u64, SealedEnvelope>,
    pub token: Option<u64>,
    pub held_seq: u64,
    pub flags: Flags,
    pub next_seq: u64,
    pub last_hash: EnvelopeHash,
    pub now_ms: i64,
    /// Chunks to load before anything else of a space.
    pub manifests: BTreeMap<SpaceId, Manifest>,
    /// Bytes of the last bodies up and down.
    pub last_bytes: (usize, usize),
}

impl Resolver for Peer {
    fn documents(&self, space: &SpaceId, prefix: [u8; 8]) -> Result<Vec<DocId>, StorageError> {
        let known = self.docs.keys().filter(|(id, doc)| id == space && doc.0.starts_with(&prefix));
        Ok(known.map(|(_, doc)| *doc).collect())
    }

    fn changes(&self, space: &SpaceId, doc: &DocId, prefix: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError> {
        let held = self.docs.get(&(*space, *doc));
        let known = held.into_iter().flat_map(|held| &held.changes).map(|(hash, _)| *hash);
        Ok(known.filter(|hash| hash.0.starts_with(&prefix)).collect())
    }
}

impl DeviceView for Peer {
    fn own_envelope(&self, device_seq: u64) -> Result<Option<EnvelopeHash>, StorageError> {
        Ok(self.own.get(&device_seq).map(|sealed| sealed.hash))
    }
}

impl Peer {
    /// A device with a key made from its name, not known to anybody.
    pub fn stranger(name: &str) -> Self {
        let mut seed = [7; 32];
        for (place, byte) in seed.iter_mut().zip(name.bytes()) {
            *place = byte;
        }
        let key = SigningKey::from_bytes(&seed);
        let mut device = [0; 8];
        device.copy_from_slice(&key.verifying_key().as_bytes()[..8]);
        Self {
            name: name.to_owned(),
            device: DeviceId(device),
            key,
            bundle: serde_json::Value::Null,
            positions: BTreeMap::new(),
            digests: HashMap::new(),
            docs: BTreeMap::new(),
            outbox: Vec::new(),
            own: BTreeMap::new(),
            token: None,
            held_seq: 0,
            flags: Flags::default(),
            next_seq: 1,
            last_hash: EnvelopeHash::ZERO,
            now_ms: START_MS,
            manifests: BTreeMap::new(),
            last_bytes: (0, 0),
        }
    }

    pub fn enrol(app: &TestApp, name: &str, code: &str) -> Self {
        let mut peer = Self::stranger(name);
        let answer = peer.ask_to_enrol(app, code);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        peer.bundle = answer.json();
        for space in peer.bundle["spaces"].as_array().unwrap() {
            if space["access"] != "write" {
                let id: SpaceId = space["space"].as_str().unwrap().parse().unwrap();
                peer.positions.insert(id, SpacePosition::start(id));
            }
        }
        peer
    }

    pub fn ask_to_enrol(&self, app: &TestApp, code: &str) -> Answer {
        let key = data_encoding::HEXLOWER.encode(self.key.verifying_key().as_bytes());
        http::post_json(app.address, "/v1/enrol", &json!({"code": code, "device": self.device, "public_key": key}))
    }

    pub fn space(&self, unit: &str, compartment: &str) -> SpaceId {
        let spaces = self.bundle["spaces"].as_array().unwrap();
        let space = spaces.iter().find(|s| s["unit"] == unit && s["compartment"] == compartment);
        space.unwrap_or_else(|| panic!("no {compartment} of {unit}"))["space"].as_str().unwrap().parse().unwrap()
    }

    /// Edits a document (or begins one) and gives the raw change.
    pub fn edit(&mut self, space: SpaceId, doc: DocId, kind: DocKind, edits: &[(&str, serde_json::Value)]) -> Vec<u8> {
        self.now_ms += 1;
        let stamp = Stamp { device: self.device, author: self.name.clone(), now_ms: self.now_ms };
        let edits: Vec<FieldEdit> = edits.iter().map(|(field, value)| FieldEdit::new(*field, value.clone())).collect();
        let held = self.docs.entry((space, doc)).or_insert_with(|| Held {
            document: Document::new(kind),
            changes: Vec::new(),
            log_heads: Vec::new(),
            logged: Vec::new(),
        });
        let change = held.document.patch(&stamp, &edits).unwrap().expect("the edit changes something");
        held.changes.push((change.hash, change.raw.clone()));
        change.raw
    }

    /// Seals changes into the outbox.
    pub fn seal(&mut self, space: SpaceId, changes: &[(DocId, Vec<u8>)]) {
        let sealed = self.sealed(space, changes);
        self.next_seq += 1;
        self.last_hash = sealed.hash;
        self.own.insert(sealed.relayed.device_seq, sealed.clone());
        self.outbox.push(sealed);
    }

    /// The next envelope, without taking it into the outbox.
    pub fn sealed(&self, space: SpaceId, changes: &[(DocId, Vec<u8>)]) -> SealedEnvelope {
        let outgoing: Vec<Outgoing<'_>> = changes.iter().map(|(doc, raw)| Outgoing { doc: *doc, raw }).collect();
        let sealer =
            Sealer { space, device: self.device, key: &self.key, device_seq: self.next_seq, prev: self.last_hash };
        let known = |doc: &DocId| self.docs.get(&(space, *doc)).is_some_and(|held| !held.log_heads.is_empty());
        let knowledge = Known { known: &known, peer: self, space };
        seal(&sealer, &outgoing, &knowledge, Encoding::default()).unwrap()
    }

    /// A visit with a note, sealed into an envelope of its own.
    pub fn visit(&mut self, unit: &str, doc: u8, note: &str) -> DocId {
        let (space, id) = (self.space(unit, "field"), DocId([doc; 16]));
        let raw = self.edit(
            space,
            id,
            DocKind::Visit,
            &[("planned_on", json!("2026-08-02")), ("status", json!("submitted")), ("note", json!(note))],
        );
        self.seal(space, &[(id, raw)]);
        id
    }

    /// The next request, as bytes.
    pub fn request(&self) -> (Session, Vec<u8>) {
        let positions: Vec<SpacePosition> = self.positions.values().copied().collect();
        Session::start(&Start {
            device: self.device,
            key: &self.key,
            schema: 1,
            now_ms: u64::try_from(self.now_ms).unwrap(),
            token: self.token,
            positions: &positions,
            held_seq: self.held_seq,
            outbox: &self.outbox,
            byte_budget: 0,
            flags: self.flags,
        })
        .unwrap()
    }

    pub fn post(app: &TestApp, bytes: &[u8]) -> Answer {
        http::request(app.address, "POST", "/v1/sync", &[("content-type", "application/octet-stream")], bytes)
    }

    /// One round trip.
    pub fn round_trip(&mut self, app: &TestApp) -> Outcome {
        let (session, bytes) = self.request();
        let answer = Self::post(app, &bytes);
        assert_eq!(answer.status, 200, "{}", answer.code());
        self.last_bytes = (bytes.len(), answer.body.len());
        let outcome = session.finish(&answer.body, self, u64::try_from(self.now_ms).unwrap()).unwrap();
        self.take(&outcome);
        outcome
    }

    /// What the server says of the outbox; nothing of the answer is taken in.
    pub fn ask(&self, app: &TestApp) -> Vec<Status> {
        let (session, bytes) = self.request();
        let answer = Self::post(app, &bytes);
        assert_eq!(answer.status, 200, "{}", answer.code());
        let outcome = session.finish(&answer.body, self, u64::try_from(self.now_ms).unwrap()).unwrap();
        outcome.acks.iter().map(|ack| ack.status).collect()
    }

    /// Round trips until nothing is left to say; gives all statuses.
    pub fn sync(&mut self, app: &TestApp) -> Vec<(u64, Status)> {
        let mut statuses = Vec::new();
        for _ in 0..50 {
            let outcome = self.round_trip(app);
            self.load_chunks(app);
            statuses.extend(outcome.acks.iter().map(|ack| (ack.device_seq, ack.status)));
            if !outcome.more && outcome.unsent == 0 {
                return statuses;
            }
        }
        panic!("the sync never ends");
    }

    /// Asks a question.
    pub fn query(&self, app: &TestApp, ask: Ask) -> Answer {
        let query = Query { device: self.device, time_ms: u64::try_from(self.now_ms).unwrap(), ask };
        let bytes = query.encode(&self.key).unwrap();
        http::request(app.address, "POST", "/v1/query", &[("content-type", "application/octet-stream")], &bytes)
    }

    /// Asks a question that is answered.
    pub fn reply(&self, app: &TestApp, ask: Ask) -> Reply {
        let answer = self.query(app, ask);
        assert_eq!(answer.status, 200, "{}", answer.code());
        Reply::decode(&answer.body).unwrap()
    }

    /// Loads what the last answer named.
    pub fn load_chunks(&mut self, app: &TestApp) {
        for (space, manifest) in std::mem::take(&mut self.manifests) {
            for chunk in &manifest.chunks {
                let answer = self.query(app, Ask::Chunks { space, hashes: vec![chunk.hash] });
                assert_eq!(answer.status, 200, "{}", answer.code());
                let bytes = decode_chunks(&answer.body).unwrap()[0];
                assert_eq!((compact::hash(bytes), bytes.len()), (chunk.hash, chunk.bytes as usize));
                let content = compact::decode(&space, bytes).unwrap();
                self.changes(space, content.changes.into_iter().map(|change| (change.doc, change.raw)).collect());
            }
            let digest = self.digests.get(&space).copied().unwrap_or_default();
            assert_eq!(digest, manifest.digest, "the chunks are not what the manifest says");
            self.positions.insert(space, SpacePosition { space, cursor: manifest.cursor, digest: None });
        }
    }

    fn take(&mut self, outcome: &Outcome) {
        for grant in &outcome.grants {
            match grant {
                GrantChange::Given { space, .. } => {
                    self.positions.entry(*space).or_insert_with(|| SpacePosition::start(*space));
                }
                GrantChange::Taken { space } => {
                    self.positions.remove(space);
                    self.docs.retain(|(id, _), _| id != space);
                }
            }
        }
        for ack in &outcome.acks {
            if ack.status.is_held() {
                self.outbox.retain(|sealed| sealed.relayed.device_seq != ack.device_seq);
            }
        }
        for part in &outcome.parts {
            if let Some(Notice::Chunks(manifest)) = &part.notice {
                self.manifests.insert(part.space, manifest.clone());
                continue;
            }
            for item in &part.items {
                self.item(part.space, item);
            }
            self.positions.insert(part.space, part.position);
            if let Some(digest) = part.server_digest() {
                assert_eq!(self.digests.get(&part.space).copied().unwrap_or_default(), digest, "digests differ");
            }
        }
        (self.token, self.held_seq, self.flags) = (outcome.token, outcome.device_seq, outcome.flags);
    }

    fn item(&mut self, space: SpaceId, item: &Item) {
        let changes: Vec<(DocId, Vec<u8>)> = match item {
            Item::Envelope { envelope, .. } => {
                envelope.changes.iter().map(|change| (change.doc, change.raw.clone())).collect()
            }
            Item::Own { device_seq, .. } => {
                let sealed = self.own[device_seq].relayed.clone();
                let opened = sealed.open(space, None, self).unwrap();
                opened.changes.into_iter().map(|change| (change.doc, change.raw)).collect()
            }
            Item::Gone { .. } => Vec::new(),
            Item::Redacted { changes, .. } => changes.iter().map(|change| (change.doc, change.raw.clone())).collect(),
            Item::Erased { doc, .. } => {
                if let Some(held) = self.docs.remove(&(space, *doc)) {
                    self.digests.entry(space).or_default().replace(doc, &held.log_heads, &[]);
                }
                return;
            }
            Item::Unreadable { error, .. } => panic!("unreadable: {error}"),
        };
        self.changes(space, changes);
    }

    fn changes(&mut self, space: SpaceId, changes: Vec<(DocId, Vec<u8>)>) {
        for (doc, raw) in changes {
            let header = gandan_sync::scan(&raw).unwrap();
            let held = self.docs.entry((space, doc)).or_insert_with(|| Held {
                document: Document::from_changes([raw.as_slice()]).unwrap(),
                changes: Vec::new(),
                log_heads: Vec::new(),
                logged: Vec::new(),
            });
            held.document.apply([raw.as_slice()]).unwrap();
            if held.changes.iter().all(|(hash, _)| *hash != header.hash) {
                held.changes.push((header.hash, raw));
            }
            if !held.logged.contains(&header.hash) {
                held.logged.push(header.hash);
                let before = held.log_heads.clone();
                advance_heads(&mut held.log_heads, &header.deps, header.hash, header.genesis().is_some());
                self.digests.entry(space).or_default().replace(&doc, &before, &held.log_heads);
            }
        }
    }

    /// What a field of a visit or issue reads here.
    pub fn note(&self, unit: &str, doc: DocId) -> String {
        let held = &self.docs[&(self.space(unit, "field"), doc)];
        held.document.facts().texts.get("note").cloned().unwrap_or_default()
    }
}

struct Known<'a> {
    known: &'a dyn Fn(&DocId) -> bool,
    peer: &'a Peer,
    space: SpaceId,
}

impl gandan_sync::resolve::Knowledge for Known<'_> {
    fn document(&self, doc: &DocId) -> bool {
        (self.known)(doc)
    }

    fn change(&self, doc: &DocId, hash: &ChangeHash) -> bool {
        self.peer.docs.get(&(self.space, *doc)).is_some_and(|held| held.logged.contains(hash))
    }
}
