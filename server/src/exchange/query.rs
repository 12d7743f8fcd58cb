//! Questions beside the round trip: chunks, differences, what a restored server lost, a new identity.
//!
//! The right to what is asked is that of this moment: nothing is answered from a space that the device may not read, and
//! a revoked device gets nothing at all. What it gives back is taken all the same, into quarantine.

use std::collections::BTreeMap;

use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_sync::attachment::Offered;
use gandan_sync::digest::short_heads;
use gandan_sync::limits::{MAX_CHUNKS, MAX_QUERY};
use gandan_sync::query::{Ask, Health, Query, Reply, UnverifiedQuery, encode_chunks, pack_rules};
use gandan_sync::{Cursor, Outgoing, Refusal, compact};

use super::giving::offer;
use super::{Exchange, Trouble, verifying_key};
use crate::db::DbError;
use crate::db::sqlite::decisions::{self, Fate};
use crate::db::sqlite::rules;
use crate::db::storage::{DbResult, DeviceRow, HeadRow, HealthRow, ReadLog, SpaceRow};
use crate::documents::Reader;

impl Exchange {
    /// Answers a query frame with a frame. Blocks.
    pub fn query(&self, bytes: &[u8]) -> Result<Vec<u8>, Trouble> {
        let unverified = UnverifiedQuery::decode(bytes)?;
        let id = unverified.device();
        let device = self.storage.read(|log| log.device(&id))?.ok_or(Trouble::new(Refusal::UNKNOWN_DEVICE))?;
        let Query { ask, time_ms, .. } = unverified.verify(&verifying_key(&device)?)?;
        self.metrics.query(name(&ask));
        let out = match ask {
            Ask::Chunks { space, hashes } => self.reading(&device, &space, |log, space| chunks(log, space, &hashes))?,
            Ask::Compare { space, cursor, buckets } => {
                self.reading(&device, &space, |log, space| self.compare(log, space, cursor, &buckets))??.encode()?
            }
            Ask::Differ { space, cursor, bucket, documents } => self
                .reading(&device, &space, |log, space| self.differ(log, space, cursor, bucket, &documents))?
                .encode()?,
            Ask::Offer { space, envelopes, changes } => {
                self.leaving(&device, &space, |log, space| offer(log, space, &envelopes, &changes))?.encode()?
            }
            Ask::Return { space, envelopes, unsigned } => {
                self.take_back(&device, &space, envelopes, &unsigned)?.encode()?
            }
            Ask::Renew { device: new, key, proof } => self.renew(&device, new, key, &proof)?.encode()?,
            Ask::Rules => self.rules(&device)?.encode()?,
            Ask::Files { offered } => self.holdings(&device, &offered)?.encode()?,
            Ask::Decisions { device_seqs } => self.decisions(&device, &device_seqs)?.encode()?,
            Ask::Health(health) => self.note(&device, health, time_ms).encode()?,
        };
        self.metrics.sync_bytes(bytes.len(), out.len());
        Ok(out)
    }

    /// What became of a device's own work that was set aside. A revoked device may know it too.
    fn decisions(&self, device: &DeviceRow, device_seqs: &[u64]) -> DbResult<Reply> {
        self.db.read(|connection| {
            let view = connection.unchecked_transaction()?;
            let (mut decided, mut unknown) = (Vec::new(), Vec::new());
            for device_seq in device_seqs {
                match decisions::of(&view, device.no, *device_seq)? {
                    Fate::Decided(decision) => decided.push(decision),
                    Fate::Unknown => unknown.push(*device_seq),
                    Fate::Open => {}
                }
            }
            Ok(Reply::Decided { decisions: decided, unknown })
        })
    }

    /// Remembers how a device says that it is. A failure's moment is put right by what its clock shows now.
    fn note(&self, device: &DeviceRow, mut health: Health, time_ms: u64) -> Reply {
        let at_ms = self.clock.now_ms();
        if let Some(failure) = &mut health.failure {
            let ago = time_ms.saturating_sub(failure.at_ms);
            failure.at_ms = u64::try_from(at_ms).unwrap_or(0).saturating_sub(ago);
        }
        self.ingest.keep_health(HealthRow { device: device.no, at_ms, health });
        Reply::Noted
    }

    /// Runs `read` on one view of a space that the device may read at this moment.
    pub(super) fn reading<T>(
        &self,
        device: &DeviceRow,
        space: &SpaceId,
        read: impl FnOnce(&dyn ReadLog, &SpaceRow) -> DbResult<T>,
    ) -> Result<T, Trouble> {
        let answer = self.storage.read(|log| {
            if log.device(&device.id)?.is_none_or(|row| row.revoked_ms.is_some()) {
                return Ok(Err(Trouble::new(Refusal::REVOKED)));
            }
            // A space that is not there and one that is not for this device look the same.
            let Some(space) = log.space(space)? else { return Ok(Err(Trouble::new(Refusal::NO_GRANT))) };
            if !log.access(device.no, space.no)?.reads() {
                return Ok(Err(Trouble::new(Refusal::NO_GRANT)));
            }
            read(log, &space).map(Ok)
        });
        answer?
    }

    /// The rules in force, for a device in service.
    fn rules(&self, device: &DeviceRow) -> Result<Reply, Trouble> {
        if device.revoked_ms.is_some() {
            return Err(Trouble::new(Refusal::REVOKED));
        }
        let (number, json) = self.db.read(rules::for_devices)?;
        let packed = json.map(|json| pack_rules(&json)).transpose().map_err(DbError::internal)?;
        Ok(Reply::Rules { number, packed: packed.unwrap_or_default() })
    }

    /// What the server has of the files that a device could send.
    fn holdings(&self, device: &DeviceRow, offered: &[Offered]) -> Result<Reply, Trouble> {
        if device.revoked_ms.is_some() {
            return Err(Trouble::new(Refusal::REVOKED));
        }
        let holdings = offered.iter().map(|file| self.attachments.holding(device, file));
        Ok(Reply::Files(holdings.collect::<DbResult<_>>()?))
    }

    /// Runs `read` for a device that has, or once had, a right in a space: what it names it holds already, and it may be
    /// the last that does.
    fn leaving<T>(
        &self,
        device: &DeviceRow,
        space: &SpaceId,
        read: impl FnOnce(&dyn ReadLog, &SpaceRow) -> DbResult<T>,
    ) -> Result<T, Trouble> {
        let answer = self.storage.read(|log| {
            let Some(space) = log.space(space)? else { return Ok(Err(Trouble::new(Refusal::NO_GRANT))) };
            if log.grants(device.no)?.iter().all(|grant| grant.space_no != space.no) {
                return Ok(Err(Trouble::new(Refusal::NO_GRANT)));
            }
            read(log, &space).map(Ok)
        });
        answer?
    }
}

fn name(ask: &Ask) -> &'static str {
    match ask {
        Ask::Chunks { .. } => "chunks",
        Ask::Compare { .. } => "compare",
        Ask::Differ { .. } => "differ",
        Ask::Offer { .. } => "offer",
        Ask::Return { .. } => "return",
        Ask::Renew { .. } => "renew",
        Ask::Rules => "rules",
        Ask::Files { .. } => "files",
        Ask::Decisions { .. } => "decisions",
        Ask::Health(_) => "health",
    }
}

/// As many of the chunks as fit into an answer, in the order in which they are asked for.
fn chunks(log: &dyn ReadLog, space: &SpaceRow, hashes: &[[u8; 32]]) -> DbResult<Vec<u8>> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    for hash in hashes {
        let chunk = log.chunk(space.no, hash)?.unwrap_or_default();
        if !found.is_empty() && bytes + chunk.len() > MAX_QUERY {
            break;
        }
        bytes += chunk.len();
        found.push(chunk);
    }
    Ok(encode_chunks(found.iter().map(Vec::as_slice)))
}

fn at_head(space: &SpaceRow, cursor: Cursor) -> bool {
    cursor == Cursor { seq: space.head, chain: space.chain }
}

pub(super) fn hashes(heads: &[HeadRow]) -> Vec<ChangeHash> {
    heads.iter().map(|head| head.hash).collect()
}

impl Exchange {
    /// The buckets that differ.
    fn compare(
        &self,
        log: &dyn ReadLog,
        space: &SpaceRow,
        cursor: Cursor,
        theirs: &[[u8; 8]],
    ) -> DbResult<Result<Reply, Trouble>> {
        if !at_head(space, cursor) {
            return Ok(Ok(Reply::Moved));
        }
        let ours = self.indexes.of(log, space)?;
        if theirs.len() != ours.digests.len() {
            return Ok(Err(Trouble::new(Refusal::BAD_FORM)));
        }
        let differ = ours.digests.iter().zip(theirs).enumerate().filter(|(_, (ours, theirs))| ours != theirs);
        // There are 256 buckets.
        Ok(Ok(Reply::Buckets(differ.filter_map(|(place, _)| u8::try_from(place).ok()).collect())))
    }

    /// The documents of a bucket that differ, whole. Those that were erased stand as such in the last chunk.
    fn differ(
        &self,
        log: &dyn ReadLog,
        space: &SpaceRow,
        cursor: Cursor,
        number: u8,
        theirs: &[(DocId, [u8; 8])],
    ) -> DbResult<Reply> {
        if !at_head(space, cursor) {
            return Ok(Reply::Moved);
        }
        let ours: Vec<DocId> = self.indexes.of(log, space)?.bucket(number).collect();
        let (mut unknown, mut erased) = (Vec::new(), Vec::new());
        for (doc, _) in theirs.iter().filter(|(doc, _)| ours.binary_search(doc).is_err()) {
            let list = if log.is_erased(space.no, doc)? { &mut erased } else { &mut unknown };
            list.push(*doc);
        }
        let theirs: BTreeMap<DocId, [u8; 8]> = theirs.iter().copied().collect();
        let mut reader = Reader::new(log, space);
        let mut healing = Healing::default();
        let mut more = false;
        for doc in ours {
            let heads = hashes(&log.heads(space.no, &doc)?.unwrap_or_default());
            if theirs.get(&doc) == Some(&short_heads(&doc, &heads)) {
                continue;
            }
            if healing.is_full() {
                more = true;
                break;
            }
            let changes: Vec<(DocId, Vec<u8>)> =
                reader.changes(&doc)?.into_iter().map(|change| (doc, change.raw)).collect();
            healing.add(changes)?;
            healing.heads.push((doc, heads));
        }
        healing.end(&erased)?;
        Ok(Reply::Healing { chunks: healing.chunks, heads: healing.heads, unknown, more })
    }
}

/// Documents on their way to a device that lacks them.
#[derive(Default)]
struct Healing {
    chunks: Vec<Vec<u8>>,
    bytes: usize,
    waiting: Vec<(DocId, Vec<u8>)>,
    waiting_bytes: usize,
    heads: Vec<(DocId, Vec<ChangeHash>)>,
}

impl Healing {
    /// One more document could be too much. (What waits shrinks to a fraction; a document alone may be larger than all
    /// the room, and then it goes alone.)
    fn is_full(&self) -> bool {
        self.bytes + self.waiting_bytes > MAX_QUERY / 2 || self.chunks.len() + 8 > MAX_CHUNKS
    }

    fn add(&mut self, changes: Vec<(DocId, Vec<u8>)>) -> DbResult<()> {
        self.waiting_bytes += changes.iter().map(|(_, raw)| raw.len()).sum::<usize>();
        self.waiting.extend(changes);
        while compact::chunk_len(&outgoing(&self.waiting)) < self.waiting.len() {
            self.pack(&[])?;
        }
        Ok(())
    }

    fn pack(&mut self, erased: &[DocId]) -> DbResult<()> {
        let fitting = compact::chunk_len(&outgoing(&self.waiting));
        let rest = self.waiting.split_off(fitting);
        let packed = std::mem::replace(&mut self.waiting, rest);
        let chunk = compact::encode(&outgoing(&packed), erased).map_err(DbError::internal)?;
        self.waiting_bytes = self.waiting.iter().map(|(_, raw)| raw.len()).sum();
        self.bytes += chunk.len();
        self.chunks.push(chunk);
        Ok(())
    }

    fn end(&mut self, erased: &[DocId]) -> DbResult<()> {
        if self.waiting.is_empty() && erased.is_empty() { Ok(()) } else { self.pack(erased) }
    }
}

fn outgoing(changes: &[(DocId, Vec<u8>)]) -> Vec<Outgoing<'_>> {
    changes.iter().map(|(doc, raw)| Outgoing { doc: *doc, raw }).collect()
}
