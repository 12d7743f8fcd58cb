//! The database as the sync crate wants to see it.

use std::cell::RefCell;
use std::collections::HashMap;

use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use gandan_model::mutant;
use gandan_sync::error::StorageError;
use gandan_sync::resolve::Resolver;
use gandan_sync::response::{ChunkRef, Manifest};
use gandan_sync::server::{
    GrantedSpace, HeldEnvelope, ItemQuery, Ledger, LogView, StoredContent, StoredItem, TokenRecord,
};
use gandan_sync::{Cursor, Digest, EnvelopeHash, Signature};

use crate::db::storage::{ChunkRow, Content, DeviceRow, LineQuery, LineRow, ManifestRow, No, ReadLog, SpaceRow};
use crate::ingest::{LogResolver, status_of};
use crate::positions::Positions;

type Result<T> = std::result::Result<T, StorageError>;

/// What the intake of one device's envelopes asks.
pub(super) struct DeviceLedger<'a> {
    pub(super) resolver: LogResolver<'a>,
    pub(super) log: &'a dyn ReadLog,
    pub(super) device: No,
}

impl Resolver for DeviceLedger<'_> {
    fn documents(&self, space: &SpaceId, prefix: [u8; 8]) -> Result<Vec<DocId>> {
        self.resolver.documents(space, prefix)
    }

    fn changes(&self, space: &SpaceId, doc: &DocId, prefix: [u8; 4]) -> Result<Vec<ChangeHash>> {
        self.resolver.changes(space, doc, prefix)
    }
}

impl Ledger for DeviceLedger<'_> {
    fn held(&self, _: &DeviceId, device_seq: u64) -> Result<Option<HeldEnvelope>> {
        let held = self.log.held(self.device, device_seq).map_err(StorageError::new)?;
        Ok(held.map(|held| HeldEnvelope { signature: Signature(held.signature), status: status_of(&held) }))
    }
}

/// What an answer to one device asks.
pub(super) struct DeviceLog<'a> {
    log: &'a dyn ReadLog,
    device: &'a DeviceRow,
    revoked: bool,
    positions: &'a Positions,
    resolver: LogResolver<'a>,
    spaces: RefCell<HashMap<SpaceId, No>>,
}

impl<'a> DeviceLog<'a> {
    pub(super) fn new(log: &'a dyn ReadLog, device: &'a DeviceRow, revoked: bool, positions: &'a Positions) -> Self {
        Self { log, device, revoked, positions, resolver: LogResolver::new(log), spaces: RefCell::default() }
    }

    fn no(&self, space: &SpaceId) -> Option<No> {
        self.spaces.borrow().get(space).copied()
    }
}

impl Resolver for DeviceLog<'_> {
    fn documents(&self, space: &SpaceId, prefix: [u8; 8]) -> Result<Vec<DocId>> {
        self.resolver.documents(space, prefix)
    }

    fn changes(&self, space: &SpaceId, doc: &DocId, prefix: [u8; 4]) -> Result<Vec<ChangeHash>> {
        self.resolver.changes(space, doc, prefix)
    }
}

impl LogView for DeviceLog<'_> {
    fn granted(&self, _: &DeviceId) -> Result<Vec<GrantedSpace>> {
        if self.revoked && !mutant::on("revoked_reads") {
            return Ok(Vec::new());
        }
        let rows = self.log.readable_spaces(self.device.no).map_err(StorageError::new)?;
        self.spaces.borrow_mut().extend(rows.iter().map(|row| (row.id, row.no)));
        Ok(rows.into_iter().map(granted).collect())
    }

    fn token(&self, _: &DeviceId, token: u64) -> Result<Option<TokenRecord>> {
        let record = self.positions.find(self.log, self.device.no, token).map_err(StorageError::new)?;
        Ok(record.map(|record| TokenRecord::clone(&record)))
    }

    fn chain_at(&self, space: &SpaceId, seq: u64) -> Result<Option<[u8; 32]>> {
        let Some(no) = self.no(space) else { return Ok(None) };
        self.log.chain_at(no, seq).map_err(StorageError::new)
    }

    fn items(&self, query: &ItemQuery<'_>) -> Result<Vec<StoredItem>> {
        let Some(space) = self.no(query.space) else { return Ok(Vec::new()) };
        let lines = self.log.lines(&LineQuery {
            space,
            after: query.after,
            max_lines: query.max_items,
            max_bytes: query.max_bytes,
            without_bodies_of: (!query.own).then_some(*query.device),
        });
        Ok(lines.map_err(StorageError::new)?.into_iter().map(item).collect())
    }

    fn manifest(&self, space: &SpaceId) -> Result<Option<Manifest>> {
        let Some(no) = self.no(space) else { return Ok(None) };
        Ok(self.log.manifest(no).map_err(StorageError::new)?.map(manifest))
    }
}

fn manifest(row: ManifestRow) -> Manifest {
    let chunk = |row: ChunkRow| ChunkRef { hash: row.hash, bytes: row.bytes, documents: row.documents };
    Manifest {
        cursor: Cursor { seq: row.seq, chain: row.chain },
        digest: Digest { count: row.digest_count, sum: row.digest_sum },
        chunks: row.chunks.into_iter().map(chunk).collect(),
    }
}

fn granted(row: SpaceRow) -> GrantedSpace {
    GrantedSpace {
        space: row.id,
        compartment: row.compartment.number(),
        unit: row.unit,
        head: Cursor { seq: row.head, chain: row.chain },
        digest: Digest { count: row.digest_count, sum: row.digest_sum },
        horizon: row.horizon,
    }
}

fn item(line: LineRow) -> StoredItem {
    StoredItem {
        seq: line.seq,
        chain: line.chain,
        hash: EnvelopeHash(line.hash),
        device: line.device,
        device_seq: line.device_seq,
        content: match line.content {
            Content::Envelope(body) => StoredContent::Stored(body),
            // Nobody is sent below the horizon: who stands there gets chunks first.
            Content::Gone | Content::Compacted => StoredContent::Gone,
            Content::Redacted(chunk) => StoredContent::Redacted(chunk),
            Content::Erased(doc) => StoredContent::Erased(doc),
        },
    }
}
