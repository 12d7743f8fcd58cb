//! A server in memory: the server's end of the protocol over plain maps.

use data_encoding::HEXLOWER;
use ed25519_dalek::VerifyingKey;
use gandan_client::transport::{Answer, JSON_TYPE};
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use gandan_sync::digest::advance_heads;
use gandan_sync::error::StorageError;
use gandan_sync::request::UnverifiedRequest;
use gandan_sync::resolve::Resolver;
use gandan_sync::response::Problem;
use gandan_sync::server::{
    Ask, DeviceHead, GrantedSpace, HeldEnvelope, Intake, ItemQuery, Ledger, LogView, SpaceRight, StoredContent,
    StoredItem, TokenRecord, Verdict, answer,
};
use gandan_sync::{Cursor, Digest, Envelope, Refusal, Signature, Status};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The unit whose space every device gets.
pub(crate) const UNIT: &str = "24781";
/// Its space.
pub(crate) const SPACE: SpaceId = SpaceId([0xa5; 16]);

#[derive(Default)]
struct Log {
    entries: Vec<(StoredItem, Signature)>,
    digest: Digest,
}

impl Log {
    fn head(&self) -> Cursor {
        self.entries.last().map_or(Cursor::START, |(item, _)| Cursor { seq: item.seq, chain: item.chain })
    }
}

/// The server.
pub(crate) struct MemoryServer {
    log: Log,
    documents: BTreeMap<DocId, (Vec<ChangeHash>, Vec<ChangeHash>)>,
    keys: BTreeMap<DeviceId, VerifyingKey>,
    heads: BTreeMap<DeviceId, DeviceHead>,
    tokens: BTreeMap<(DeviceId, u64), TokenRecord>,
    codes: BTreeMap<String, String>,
    token: u64,
    /// The server's clock.
    pub(crate) now_ms: i64,
    /// What is said of envelopes instead of taking them.
    pub(crate) refuse: Option<Refusal>,
    /// How many envelopes in full form were pushed.
    pub(crate) plain_pushes: usize,
    /// Whether devices have the space.
    pub(crate) granted: bool,
}

impl MemoryServer {
    pub(crate) fn new(now_ms: i64) -> Self {
        Self {
            log: Log::default(),
            documents: BTreeMap::new(),
            keys: BTreeMap::new(),
            heads: BTreeMap::new(),
            tokens: BTreeMap::new(),
            codes: BTreeMap::new(),
            token: 0,
            now_ms,
            refuse: None,
            plain_pushes: 0,
            granted: true,
        }
    }

    /// Envelopes in the log.
    pub(crate) fn envelopes(&self) -> usize {
        self.log.entries.len()
    }

    /// Forgets what it remembers of positions.
    pub(crate) fn forget_tokens(&mut self) {
        self.tokens.clear();
    }

    pub(crate) fn enrol(&mut self, body: &[u8]) -> Answer {
        let request: Value = serde_json::from_slice(body).unwrap();
        let code = request["code"].as_str().unwrap().to_owned();
        let device = request["device"].as_str().unwrap().to_owned();
        if self.codes.get(&code).is_some_and(|known| *known != device) {
            let error_code = Some("code_used".to_owned());
            return Answer { status: 409, content_type: JSON_TYPE.to_owned(), error_code, ..Answer::default() };
        }
        let key: [u8; 32] =
            HEXLOWER.decode(request["public_key"].as_str().unwrap().as_bytes()).unwrap().try_into().unwrap();
        self.keys.insert(device.parse().unwrap(), VerifyingKey::from_bytes(&key).unwrap());
        self.codes.insert(code.clone(), device.clone());
        // Codes of several phones of one official differ behind the tilde.
        let official = code.split('~').next().unwrap_or_default();
        let bundle = json!({
            "device": device,
            "official": {"id": official, "name": format!("Nguyễn Văn {official}"), "role": "field_official"},
            "spaces": [
                {"space": SPACE, "unit": UNIT, "compartment": "field", "access": "both"},
                {"space": SpaceId([9; 16]), "unit": UNIT, "compartment": "of_the_future", "access": "both"},
            ],
            "units": [{"code": UNIT, "name": "Phường Xuân Hương - Đà Lạt"}],
            "server_time_ms": self.now_ms,
        });
        let body = bundle.to_string().into_bytes();
        Answer { status: 200, content_type: JSON_TYPE.to_owned(), body, ..Answer::default() }
    }

    pub(crate) fn handle(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.try_handle(bytes).unwrap_or_else(|refusal| {
            let server_time_ms = u64::try_from(self.now_ms).unwrap();
            Problem { refusal, retry_after_s: 5, server_time_ms, versions: (1, 1) }.encode().unwrap()
        })
    }

    fn try_handle(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
        let request = UnverifiedRequest::decode(bytes).map_err(|error| error.refusal())?;
        let device = request.device();
        let key = *self.keys.get(&device).ok_or(Refusal::UNKNOWN_DEVICE)?;
        let request = request.verify(&key).map_err(|error| error.refusal())?;
        let rights = [SpaceRight { space: SPACE, granted: self.granted }];
        let (mut statuses, mut admitted) = (Vec::new(), Vec::new());
        {
            let ledger: &Self = self;
            let head = self.heads.get(&device).copied().unwrap_or(DeviceHead::NONE);
            let mut intake = Intake::new(device, &key, head, &rights, ledger);
            for push in request.envelopes {
                let (device_seq, plain) = (push.device_seq, push.dict == 0);
                match (self.refuse, intake.examine(push).unwrap()) {
                    (Some(refusal), Verdict::Admit(_)) if !(plain && refusal == Refusal::UNKNOWN_DICTIONARY) => {
                        statuses.push((device_seq, Status::Refused(refusal)));
                    }
                    (_, Verdict::Admit(one)) => admitted.push((plain, one)),
                    (_, Verdict::Known(status)) => statuses.push((device_seq, status)),
                    (_, Verdict::Refuse(refusal, _)) => statuses.push((device_seq, Status::Refused(refusal))),
                }
            }
        }
        for (plain, one) in admitted {
            self.plain_pushes += usize::from(plain);
            let (device_seq, hash) = (one.envelope.device_seq, one.envelope.hash);
            let status = if one.granted {
                Status::Durable { seq: self.append(&one.envelope, one.signature, one.stored) }
            } else {
                Status::Quarantined
            };
            statuses.push((device_seq, status));
            self.heads.insert(device, DeviceHead { seq: device_seq, hash });
        }
        self.token += 1;
        let ask = Ask {
            wipe: false,
            head: &request.head,
            statuses,
            device_seq: self.heads.get(&device).map_or(0, |head| head.seq),
            schema: 1,
            now_ms: u64::try_from(self.now_ms).unwrap(),
            incarnation: 1,
            poll_after_s: 300,
            next_token: self.token,
        };
        let answer = answer(self, ask).unwrap();
        if let Some(keep) = answer.keep {
            self.tokens.insert((device, keep.token), keep);
        }
        Ok(answer.response.encode().unwrap())
    }

    fn append(&mut self, envelope: &Envelope, signature: Signature, stored: Vec<u8>) -> u64 {
        for change in &envelope.changes {
            let (hashes, heads) = self.documents.entry(change.doc).or_default();
            assert!(!hashes.contains(&change.header.hash), "a change twice");
            hashes.push(change.header.hash);
            let old = heads.clone();
            advance_heads(heads, &change.header.deps, change.header.hash, change.header.genesis().is_some());
            self.log.digest.replace(&change.doc, &old, heads);
        }
        let cursor = self.log.head().after(&envelope.hash);
        let item = StoredItem {
            seq: cursor.seq,
            chain: cursor.chain,
            hash: envelope.hash,
            device: envelope.device,
            device_seq: envelope.device_seq,
            content: StoredContent::Stored(stored),
        };
        self.log.entries.push((item, signature));
        cursor.seq
    }
}

impl Resolver for MemoryServer {
    fn documents(&self, _: &SpaceId, prefix: [u8; 8]) -> Result<Vec<DocId>, StorageError> {
        Ok(self.documents.keys().filter(|doc| doc.0.starts_with(&prefix)).copied().collect())
    }

    fn changes(&self, _: &SpaceId, doc: &DocId, prefix: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError> {
        let hashes = self.documents.get(doc).map(|(hashes, _)| hashes.as_slice()).unwrap_or_default();
        Ok(hashes.iter().filter(|hash| hash.0.starts_with(&prefix)).copied().collect())
    }
}

impl Ledger for MemoryServer {
    fn held(&self, device: &DeviceId, device_seq: u64) -> Result<Option<HeldEnvelope>, StorageError> {
        let mut entries = self.log.entries.iter();
        let found = entries.find(|(item, _)| item.device == *device && item.device_seq == device_seq);
        Ok(found.map(|(item, signature)| HeldEnvelope {
            signature: *signature,
            status: Status::Duplicate { seq: item.seq },
        }))
    }
}

impl LogView for MemoryServer {
    fn granted(&self, _: &DeviceId) -> Result<Vec<GrantedSpace>, StorageError> {
        let (head, digest) = (self.log.head(), self.log.digest);
        let space = GrantedSpace { space: SPACE, compartment: 0, unit: UNIT.to_owned(), head, digest, horizon: 0 };
        Ok(if self.granted { vec![space] } else { Vec::new() })
    }

    fn token(&self, device: &DeviceId, token: u64) -> Result<Option<TokenRecord>, StorageError> {
        Ok(self.tokens.get(&(*device, token)).cloned())
    }

    fn chain_at(&self, _: &SpaceId, seq: u64) -> Result<Option<[u8; 32]>, StorageError> {
        let index = usize::try_from(seq).unwrap() - 1;
        Ok(self.log.entries.get(index).map(|(item, _)| item.chain))
    }

    fn items(&self, query: &ItemQuery<'_>) -> Result<Vec<StoredItem>, StorageError> {
        let after = usize::try_from(query.after).unwrap();
        let (mut bytes, mut items) = (0, Vec::new());
        for (item, _) in self.log.entries.iter().skip(after).take(query.max_items) {
            bytes += if let StoredContent::Stored(stored) = &item.content { stored.len() } else { 0 };
            if bytes > query.max_bytes && !items.is_empty() {
                break;
            }
            items.push(item.clone());
        }
        Ok(items)
    }
}
