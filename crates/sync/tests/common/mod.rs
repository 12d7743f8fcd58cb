//! Devices that write real automerge documents, and replicas that remember what they were given.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod craft;
pub mod memory;

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, Automerge, Change as RawChange, ObjType, ROOT, ReadDoc, TextEncoding};
use ed25519_dalek::{SigningKey, VerifyingKey};
use gandan_model::genesis::{DocKind, genesis};
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use gandan_sync::envelope::{Encoding, Envelope, Outgoing, SealedEnvelope, Sealer, seal};
use gandan_sync::error::StorageError;
use gandan_sync::resolve::{Knowledge, Resolver};
use gandan_sync::{EnvelopeHash, digest::advance_heads};
use std::collections::{BTreeMap, BTreeSet};

pub const SPACE: SpaceId = SpaceId([0xa5; 16]);
pub const T0: i64 = 1_763_000_000_000;

/// Raw bytes of a visit's genesis.
pub fn genesis_raw() -> &'static [u8] {
    &genesis(DocKind::Visit).raw
}

/// One installation of the app.
pub struct Device {
    pub id: DeviceId,
    pub key: SigningKey,
    pub docs: BTreeMap<DocId, Automerge>,
    pub clock: i64,
    pub seq: u64,
    pub prev: EnvelopeHash,
}

impl Device {
    pub fn new(number: u8) -> Self {
        let mut id = [number; 8];
        id[1] = 0x3c;
        id[5] = number.wrapping_mul(31);
        Self {
            id: DeviceId(id),
            key: SigningKey::from_bytes(&[number; 32]),
            docs: BTreeMap::new(),
            clock: T0,
            seq: 0,
            prev: EnvelopeHash::ZERO,
        }
    }

    pub fn public(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// Writes one change and gives its raw chunk.
    pub fn edit(&mut self, doc: DocId, edit: impl FnOnce(&mut Transaction<'_>)) -> Vec<u8> {
        let id = self.id;
        let document = self.docs.entry(doc).or_insert_with(|| {
            let mut document = Automerge::new_with_encoding(TextEncoding::UnicodeCodePoint);
            document.apply_changes([RawChange::from_bytes(genesis_raw().to_vec()).unwrap()]).unwrap();
            document.with_actor(ActorId::from(id.0.to_vec()))
        });
        self.clock += 61_337;
        let mut transaction = document.transaction();
        edit(&mut transaction);
        if transaction.pending_ops() == 0 {
            // The same value again is no change at all; the tests want one.
            transaction.put(ROOT, "tick", format!("{id}/{}", self.clock)).unwrap();
        }
        transaction.commit_with(CommitOptions::default().with_time(self.clock).with_message("CB-001"));
        document.get_last_local_change().unwrap().raw_bytes().to_vec()
    }

    /// A whole visit in one change.
    pub fn visit(&mut self, doc: DocId, salt: u32) -> Vec<u8> {
        self.edit(doc, |tx| visit_fields(tx, salt))
    }

    /// One field of it in one change.
    pub fn set(&mut self, doc: DocId, key: &str, value: &str) -> Vec<u8> {
        self.edit(doc, |tx| tx.put(ROOT, key, value).unwrap())
    }

    /// Takes over changes of others.
    pub fn apply(&mut self, doc: DocId, raws: &[Vec<u8>]) {
        let changes = raws.iter().map(|raw| RawChange::from_bytes(raw.clone()).unwrap());
        let id = self.id;
        let document = self.docs.entry(doc).or_insert_with(|| {
            let mut document = Automerge::new_with_encoding(TextEncoding::UnicodeCodePoint);
            document.apply_changes([RawChange::from_bytes(genesis_raw().to_vec()).unwrap()]).unwrap();
            document.with_actor(ActorId::from(id.0.to_vec()))
        });
        document.apply_changes(changes).unwrap();
    }

    /// Seals a batch as the device's next envelope.
    pub fn seal(
        &mut self,
        changes: &[(DocId, Vec<u8>)],
        knowledge: &dyn Knowledge,
        encoding: Encoding,
    ) -> SealedEnvelope {
        let by = Sealer { space: SPACE, device: self.id, key: &self.key, device_seq: self.seq + 1, prev: self.prev };
        let sealed = seal(&by, &outgoing(changes), knowledge, encoding).unwrap();
        self.seq += 1;
        self.prev = sealed.hash;
        sealed
    }
}

pub fn outgoing(changes: &[(DocId, Vec<u8>)]) -> Vec<Outgoing<'_>> {
    changes.iter().map(|(doc, raw)| Outgoing { doc: *doc, raw }).collect()
}

pub fn doc(number: u32) -> DocId {
    let mut id = [0x5d; 16];
    id[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b1).to_be_bytes());
    id[12..].copy_from_slice(&number.to_be_bytes());
    DocId(id)
}

/// About what a saved visit is: some forty fields and a note.
pub fn visit_fields(tx: &mut Transaction<'_>, salt: u32) {
    let pick = |list: &[&str], shift: u32| list[((salt >> shift) as usize) % list.len()].to_owned();
    let put = |tx: &mut Transaction<'_>, key: &str, value: String| tx.put(ROOT, key, value).unwrap();
    put(tx, "status", pick(&["submitted", "draft", "verified"], 0));
    put(tx, "unit", format!("{:05}", 24769 + salt % 124 * 3));
    put(tx, "topic", pick(&["land", "water", "roads", "paperwork", "school"], 2));
    put(tx, "place/text", pick(&["Nhà văn hóa thôn 3", "Tổ dân phố 7", "Chợ xã", "Trường tiểu học"], 1));
    put(tx, "programme", pick(&["gan-dan-2026", "nong-thon-moi"], 3));
    put(tx, "started", format!("2026-{:02}-{:02}T0{}:{:02}", 1 + salt % 11, 1 + salt % 28, salt % 9, salt % 60));
    put(tx, "next_step", pick(&["Báo cáo Ủy ban nhân dân xã trong tuần", "Mời địa chính xuống đo lại"], 4));
    for (index, key) in ["residents", "households", "women", "young", "elderly", "minority"].iter().enumerate() {
        tx.put(ROOT, format!("counts/{key}"), i64::from(salt >> index) % 40).unwrap();
    }
    tx.put(ROOT, "place/lat", 11.0 + f64::from(salt % 10_000) / 10_000.0).unwrap();
    tx.put(ROOT, "place/lon", 107.0 + f64::from(salt % 7_919) / 7_919.0).unwrap();
    let note = format!(
        "Bà con {} phản ánh {} từ ngày {}. Đề nghị xã {}.",
        pick(&["thôn 3", "thôn 5", "tổ 7", "buôn K'Ming"], 2),
        pick(&["đường vào thôn lầy lội mùa mưa", "nước sinh hoạt yếu", "hồ sơ đất chậm trả"], 3),
        1 + salt % 28,
        pick(&["kiểm tra và trả lời trước cuối tháng", "cử cán bộ xuống xem"], 5),
    );
    if let Ok(Some((_, text))) = tx.get(ROOT, "note") {
        tx.splice_text(&text, 0, 0, &note).unwrap();
    } else {
        let text = tx.put_object(ROOT, "note", ObjType::Text).unwrap();
        tx.splice_text(&text, 0, 0, &note).unwrap();
    }
}

/// What one end holds: documents, the hashes of their changes, and their heads.
#[derive(Default, Clone)]
pub struct Replica {
    pub changes: BTreeMap<(SpaceId, DocId), BTreeSet<ChangeHash>>,
    pub heads: BTreeMap<(SpaceId, DocId), Vec<ChangeHash>>,
}

impl Replica {
    pub fn add(&mut self, envelope: &Envelope) {
        for change in &envelope.changes {
            let key = (envelope.space, change.doc);
            if self.changes.entry(key).or_default().insert(change.header.hash) {
                let heads = self.heads.entry(key).or_default();
                advance_heads(heads, &change.header.deps, change.header.hash, change.header.genesis().is_some());
            }
        }
    }
}

impl Resolver for Replica {
    fn documents(&self, space: &SpaceId, prefix: [u8; 8]) -> Result<Vec<DocId>, StorageError> {
        let here = self.changes.keys().filter(|(at, doc)| at == space && doc.0.starts_with(&prefix));
        Ok(here.map(|(_, doc)| *doc).collect())
    }

    fn changes(&self, space: &SpaceId, doc: &DocId, prefix: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError> {
        let here = self.changes.get(&(*space, *doc)).into_iter().flatten();
        Ok(here.filter(|hash| hash.0.starts_with(&prefix)).copied().collect())
    }
}
