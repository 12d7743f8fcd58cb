//! What must be true, kept apart from the product: everything that was saved, everything the server ever said, and who may
//! see what. It learns from what goes in and out and from the server's tables, never from the product's own conclusions.

use super::rights::Rights;
use super::template::Template;
use gandan_model::genesis::DocKind;
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
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

/// A document, as it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doc {
    /// Its id.
    pub id: DocId,
    /// Its space.
    pub space: SpaceId,
    /// What it is.
    pub kind: DocKind,
}

/// A saved change.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Its document.
    pub doc: DocId,
    /// The document's space.
    pub space: SpaceId,
    /// The machine on which it was written first.
    pub phone: usize,
    /// What it builds on.
    pub deps: Vec<ChangeHash>,
    /// Its bytes.
    pub raw: Vec<u8>,
    /// A word that it wrote into a field, and nothing else ever.
    pub word: Option<String>,
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

/// A change in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The line that brought it.
    pub seq: u64,
    /// Its document.
    pub doc: DocId,
    /// Who wrote it.
    pub actor: DeviceId,
    /// Its number among the changes of that actor in the document.
    pub actor_seq: u64,
    /// Its hash.
    pub hash: ChangeHash,
}

/// A space's log as the server has shown it, `seq` 1 first, and how far it has been vouched for.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Its lines.
    pub lines: Vec<Line>,
    /// The envelopes in it.
    hashes: BTreeSet<[u8; 32]>,
    /// The last place that an answer has named: what is up to there must never change.
    pub confirmed: u64,
    /// Its changes, in the order of their lines.
    pub changes: Vec<Logged>,
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

/// The logs of all spaces at one moment.
pub type Logs = BTreeMap<SpaceId, Log>;

/// Everything that is known to be true.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    /// Every change that anybody saved.
    pub saved: BTreeMap<ChangeHash, Saved>,
    /// Every document, in the order of creation.
    pub docs: Vec<Doc>,
    /// The server's logs.
    pub logs: Logs,
    /// Documents that were erased for good.
    pub erased: BTreeSet<DocId>,
    /// Changes in the logs.
    pub admitted: BTreeSet<ChangeHash>,
    /// Changes that were in a log once: a restore may have taken them out.
    pub once: BTreeSet<ChangeHash>,
    /// Changes that nobody can be blamed for: whoever had them is gone, or has said the same once more.
    pub excused: BTreeSet<ChangeHash>,
    /// Changes that somebody had decided to keep out of the logs when a restore made the server forget it.
    pub discarded: BTreeSet<ChangeHash>,
    /// Who may see what.
    pub rights: Rights,
    /// The change that holds a place in a document: (document, actor, sequence).
    places: BTreeMap<(DocId, DeviceId, u64), ChangeHash>,
    /// Lines that came when their device was allowed to write.
    accepted: BTreeSet<(SpaceId, [u8; 32])>,
    /// Places of logs that a restore has taken away.
    former: BTreeSet<(SpaceId, u64, [u8; 32])>,
    /// A person decided about the lines that come now.
    pub by_decision: bool,
}

impl Oracle {
    /// Before anything happened.
    pub fn of(template: &Template, phones: usize) -> Self {
        Self {
            rights: Rights::of(template, phones),
            logs: template.spaces.iter().map(|space| (space.id, Log::default())).collect(),
            ..Self::default()
        }
    }

    /// Takes a new line in. Its chain, its place and everything in it are checked against what is known.
    pub fn line(&mut self, space: SpaceId, seq: u64, line: Line) -> Verdict {
        let log = self.logs.entry(space).or_default();
        let expected = log.lines.len() as u64 + 1;
        if seq != expected {
            return broken(4, format!("space {space}: line {seq} follows line {}", expected - 1));
        }
        if !log.hashes.insert(line.hash) {
            return broken(3, format!("space {space}: one envelope twice, the second time at {seq}"));
        }
        let before = log.cursor(seq - 1).unwrap_or(Cursor::START);
        if before.after(&EnvelopeHash(line.hash)).chain != line.chain {
            return broken(4, format!("space {space}: the chain breaks at {seq}"));
        }
        log.lines.push(line);
        // Read again after a restart, it was right when it came.
        let is_known = !self.accepted.insert((space, line.hash));
        if is_known || self.by_decision || self.rights.device(line.device).is_none() {
            return Ok(());
        }
        if !self.rights.may_use(line.device, &space) {
            return broken(5, format!("space {space}: line {seq} is of {}, which may not write there", line.device));
        }
        Ok(())
    }

    /// Takes a change of the log in.
    pub fn change(&mut self, space: SpaceId, change: Logged) -> Verdict {
        let Logged { seq, doc, actor, actor_seq, hash } = change;
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
        self.once.insert(hash);
        self.logs.entry(space).or_default().changes.push(change);
        Ok(())
    }

    /// The server has started again; `found` is its cursor where the log was last vouched for, if it goes so far. What came
    /// after that and was never vouched for may be gone: it is forgotten here and read again.
    pub fn restarted(&mut self, space: SpaceId, found: Option<Cursor>) -> Verdict {
        let log = self.logs.entry(space).or_default();
        let confirmed = log.confirmed;
        if found != log.cursor(confirmed) {
            return broken(2, format!("space {space}: what was confirmed up to {confirmed} is not there any more"));
        }
        for line in log.lines.drain(usize::try_from(confirmed).unwrap_or(usize::MAX).min(log.lines.len())..) {
            log.hashes.remove(&line.hash);
        }
        let kept = log.changes.partition_point(|change| change.seq <= confirmed);
        for gone in log.changes.drain(kept..) {
            self.admitted.remove(&gone.hash);
            self.places.remove(&(gone.doc, gone.actor, gone.actor_seq));
        }
        Ok(())
    }

    /// The server was restored: its logs are those of the backup, all of which is vouched for.
    pub fn restored(&mut self, logs: &Logs) {
        for (space, log) in &self.logs {
            let places = log.lines.iter().zip(1..).map(|(line, seq)| (*space, seq, line.chain));
            self.former.extend(places);
        }
        self.logs.clone_from(logs);
        self.accepted.clear();
        self.admitted.clear();
        self.places.clear();
        for (space, log) in &mut self.logs {
            log.confirmed = log.lines.len() as u64;
            self.accepted.extend(log.lines.iter().map(|line| (*space, line.hash)));
            for change in &log.changes {
                self.admitted.insert(change.hash);
                self.places.insert((change.doc, change.actor, change.actor_seq), change.hash);
            }
        }
    }

    /// Whether the log of a space has this place now.
    pub fn is_here(&self, space: &SpaceId, cursor: Cursor) -> bool {
        self.logs.get(space).is_some_and(|log| log.cursor(cursor.seq) == Some(cursor))
    }

    /// Whether the log of a space has this place, or had it before a restore.
    pub fn was_here(&self, space: &SpaceId, cursor: Cursor) -> bool {
        self.is_here(space, cursor) || self.former.contains(&(*space, cursor.seq, cursor.chain))
    }

    /// An answer has named a place: from now on it must not change.
    pub fn confirm(&mut self, space: SpaceId, cursor: Cursor) -> Verdict {
        if !self.is_here(&space, cursor) {
            return broken(4, format!("space {space}: an answer names place {} with another chain", cursor.seq));
        }
        let log = self.logs.entry(space).or_default();
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
        for change in changes.iter().filter(|change| !self.erased.contains(&change.doc)) {
            documents.entry(change.doc).or_default().0.push(change.hash);
        }
        for (hashes, heads) in documents.values_mut() {
            heads.extend(hashes.iter().copied());
            for dep in hashes.iter().filter_map(|hash| self.saved.get(hash)).flat_map(|saved| &saved.deps) {
                heads.remove(dep);
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
