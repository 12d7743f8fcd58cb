//! What must be true, kept apart from the product: everything that was saved, everything the server ever said, and who may
//! see what. It learns from what goes in and out and from the server's tables, never from the product's own conclusions.

use super::template::{SpaceInfo, Template};
use gandan_model::ids::{ChangeHash, Compartment, DeviceId, DocId, SpaceId};
use gandan_sync::{Cursor, EnvelopeHash};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// A rule that was broken: which of the invariants of the protocol, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// 1 to 13; 0 for what is wrong whatever the protocol says, such as a panic.
    pub invariant: u8,
    /// What was seen.
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "invariant {}: {}", self.invariant, self.what)
    }
}

/// A check's result.
pub type Verdict<T = ()> = Result<T, Violation>;

/// The violation of an invariant.
pub fn broken<T>(invariant: u8, what: impl Into<String>) -> Verdict<T> {
    Err(Violation { invariant, what: what.into() })
}

/// A saved change.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Its document.
    pub doc: DocId,
    /// The document's space.
    pub space: SpaceId,
    /// The device that wrote it.
    pub phone: usize,
    /// Its bytes.
    pub raw: Vec<u8>,
}

/// A line of the server's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The envelope's hash.
    pub hash: [u8; 32],
    /// The chain up to and including it.
    pub chain: [u8; 32],
    /// The device that sealed it.
    pub device: DeviceId,
    /// Its number there.
    pub device_seq: u64,
}

/// A space's log as the server has shown it, `seq` 1 first, and how far it has been vouched for.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Its lines.
    pub lines: Vec<Line>,
    /// The last place that an answer has named: what is up to there must never change.
    pub confirmed: u64,
    /// Changes by their place.
    pub changes: Vec<(u64, DocId, ChangeHash)>,
}

impl Log {
    /// The cursor at a place, if the log goes that far.
    pub fn cursor(&self, seq: u64) -> Option<Cursor> {
        if seq == 0 {
            return Some(Cursor::START);
        }
        let line = self.lines.get(usize::try_from(seq - 1).ok()?)?;
        Some(Cursor { seq, chain: line.chain })
    }
}

/// What a device is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Units its official works in.
    pub units: BTreeSet<String>,
    /// No more at all.
    pub revoked: bool,
    /// Spaces that it did not have at some moment: what it wrote then may be in quarantine.
    pub ever_lost: BTreeSet<SpaceId>,
    /// Spaces whose data left the device.
    pub taken: BTreeSet<SpaceId>,
}

/// Everything that is known to be true.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    /// Every change that anybody saved.
    pub saved: BTreeMap<ChangeHash, Saved>,
    /// Every document, in the order of creation.
    pub docs: Vec<(DocId, SpaceId)>,
    /// The server's logs.
    pub logs: BTreeMap<SpaceId, Log>,
    /// The change that holds a place in a document: (document, actor, sequence).
    pub places: BTreeMap<(DocId, DeviceId, u64), ChangeHash>,
    /// Documents that were erased for good.
    pub erased: BTreeSet<DocId>,
    /// Lines that came when their device was allowed to write.
    pub accepted: BTreeSet<(SpaceId, [u8; 32])>,
    /// Changes in the logs.
    pub admitted: BTreeSet<ChangeHash>,
    /// Envelopes that left a device: the signature under each number.
    pub sent: BTreeMap<(DeviceId, u64), [u8; 64]>,
    /// What each device may do.
    pub rights: Vec<Rights>,
    /// All spaces.
    pub spaces: Vec<SpaceInfo>,
    /// Devices by number.
    pub phones: Vec<DeviceId>,
}

impl Oracle {
    /// Before anything happened.
    pub fn of(template: &Template, phones: usize) -> Self {
        let rights = template.phones.iter().take(phones).map(|phone| Rights {
            units: phone.units.iter().map(|unit| (*unit).to_owned()).collect(),
            ..Rights::default()
        });
        let mut oracle = Self {
            rights: rights.collect(),
            spaces: template.spaces.clone(),
            phones: template.phones.iter().take(phones).map(|phone| phone.id).collect(),
            logs: template.spaces.iter().map(|space| (space.id, Log::default())).collect(),
            ..Self::default()
        };
        for phone in 0..phones {
            oracle.note_rights(phone);
        }
        oracle
    }

    /// Whether a device may see a space at this moment.
    pub fn may_read(&self, phone: usize, space: &SpaceId) -> bool {
        let rights = &self.rights[phone];
        let info = self.spaces.iter().find(|info| info.id == *space);
        !rights.revoked
            && info.is_some_and(|info| info.compartment != Compartment::Sealed && rights.units.contains(&info.unit))
    }

    /// Sets what a device may do.
    pub fn set_rights(&mut self, phone: usize, units: BTreeSet<String>, revoked: bool) {
        self.rights[phone].units = units;
        self.rights[phone].revoked |= revoked;
        self.note_rights(phone);
    }

    fn note_rights(&mut self, phone: usize) {
        let lost: Vec<SpaceId> =
            self.spaces.iter().map(|info| info.id).filter(|space| !self.may_read(phone, space)).collect();
        self.rights[phone].ever_lost.extend(lost);
    }

    /// The device with this id.
    pub fn phone_of(&self, device: DeviceId) -> Option<usize> {
        self.phones.iter().position(|id| *id == device)
    }

    /// Takes a new line in. Its chain, its place and everything in it are checked against what is known.
    pub fn line(&mut self, space: SpaceId, seq: u64, line: Line) -> Verdict {
        let log = self.logs.entry(space).or_default();
        let expected = log.lines.len() as u64 + 1;
        if seq != expected {
            return broken(4, format!("space {space}: line {seq} follows line {}", expected - 1));
        }
        if let Some(place) = log.lines.iter().position(|known| known.hash == line.hash) {
            return broken(3, format!("space {space}: one envelope at {} and at {seq}", place + 1));
        }
        let before = log.cursor(seq - 1).unwrap_or(Cursor::START);
        if before.after(&EnvelopeHash(line.hash)).chain != line.chain {
            return broken(4, format!("space {space}: the chain breaks at {seq}"));
        }
        log.lines.push(line);
        let Some(phone) = self.phone_of(line.device) else { return Ok(()) };
        // Read again after a restart, it was right when it came.
        if self.accepted.insert((space, line.hash)) && !self.may_read(phone, &space) {
            return broken(5, format!("space {space}: line {seq} is of device {phone}, which may not write there"));
        }
        Ok(())
    }

    /// Takes a change of the log in.
    pub fn change(&mut self, space: SpaceId, seq: u64, doc: DocId, place: (DeviceId, u64, ChangeHash)) -> Verdict {
        let (actor, actor_seq, hash) = place;
        if self.erased.contains(&doc) {
            return broken(9, format!("document {doc} was erased, and line {seq} brings it back"));
        }
        if let Some(other) = self.places.insert((doc, actor, actor_seq), hash) {
            return broken(8, format!("document {doc}: {other} and {hash} are both number {actor_seq} of {actor}"));
        }
        match self.saved.get(&hash) {
            None => return broken(0, format!("change {hash} is in the log, and nobody saved it")),
            Some(saved) if saved.doc != doc || saved.space != space => {
                return broken(5, format!("change {hash} is in another document or space than it was written in"));
            }
            Some(_) => {}
        }
        self.admitted.insert(hash);
        self.logs.entry(space).or_default().changes.push((seq, doc, hash));
        Ok(())
    }

    /// The server has started again; `found` is its cursor where the log was last vouched for, if it goes so far. What came
    /// after that and was never vouched for may be gone: it is forgotten here and read again.
    pub fn restarted(&mut self, space: SpaceId, found: Option<Cursor>) -> Verdict {
        let log = self.logs.entry(space).or_default();
        if found != log.cursor(log.confirmed) {
            return broken(
                2,
                format!("space {space}: what was confirmed up to {} is not there any more", log.confirmed),
            );
        }
        log.lines.truncate(usize::try_from(log.confirmed).unwrap_or(usize::MAX));
        let gone: Vec<ChangeHash> =
            log.changes.iter().filter(|(seq, ..)| *seq > log.confirmed).map(|(.., hash)| *hash).collect();
        log.changes.retain(|(seq, ..)| *seq <= log.confirmed);
        for hash in gone {
            self.admitted.remove(&hash);
            self.places.retain(|_, place| *place != hash);
        }
        Ok(())
    }

    /// An answer has named a place: from now on it must not change.
    pub fn confirm(&mut self, space: SpaceId, cursor: Cursor) -> Verdict {
        let log = self.logs.entry(space).or_default();
        if log.cursor(cursor.seq) != Some(cursor) {
            return broken(4, format!("space {space}: an answer names place {} with another chain", cursor.seq));
        }
        log.confirmed = log.confirmed.max(cursor.seq);
        Ok(())
    }

    /// A status says that an envelope of a device stands at a place of some log.
    pub fn durable(&mut self, device: DeviceId, device_seq: u64, seq: u64) -> Verdict {
        let at = usize::try_from(seq.saturating_sub(1)).unwrap_or(usize::MAX);
        let is_it = |line: &&Line| line.device == device && line.device_seq == device_seq;
        let found = self.logs.values_mut().find(|log| log.lines.get(at).as_ref().is_some_and(is_it));
        let Some(log) = found else {
            return broken(2, format!("{device} #{device_seq} is called durable at {seq}, and is not there"));
        };
        log.confirmed = log.confirmed.max(seq);
        Ok(())
    }

    /// Changes of each document in a log, and the heads they leave, by nothing but set arithmetic.
    pub fn documents(&self, space: &SpaceId) -> BTreeMap<DocId, (Vec<ChangeHash>, BTreeSet<ChangeHash>)> {
        let mut documents: BTreeMap<DocId, (Vec<ChangeHash>, BTreeSet<ChangeHash>)> = BTreeMap::new();
        let changes = self.logs.get(space).map(|log| log.changes.as_slice()).unwrap_or_default();
        for (_, doc, hash) in changes.iter().filter(|(_, doc, _)| !self.erased.contains(doc)) {
            documents.entry(*doc).or_default().0.push(*hash);
        }
        for (hashes, heads) in documents.values_mut() {
            heads.extend(hashes.iter().copied());
            for hash in hashes.iter() {
                let header = self.saved.get(hash).and_then(|saved| gandan_sync::scan(&saved.raw).ok());
                for dep in header.map(|header| header.deps).unwrap_or_default() {
                    heads.remove(&dep);
                }
            }
        }
        documents
    }
}

/// The digest of documents with these heads, computed from its definition.
pub fn digest(documents: &BTreeMap<DocId, (Vec<ChangeHash>, BTreeSet<ChangeHash>)>) -> (u64, [u8; 32]) {
    let mut sum = [0_u8; 32];
    for (doc, (_, heads)) in documents {
        let mut hasher = Sha256::new_with_prefix(b"gandan/digest/1");
        hasher.update(doc.0);
        heads.iter().for_each(|head| hasher.update(head.0));
        let mut carry = 0;
        for (byte, add) in sum.iter_mut().zip(hasher.finalize()) {
            let total = u16::from(*byte) + u16::from(add) + carry;
            *byte = total.to_le_bytes()[0];
            carry = total >> 8;
        }
    }
    (documents.len() as u64, sum)
}
