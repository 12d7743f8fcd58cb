//! Whole documents for those who come late, and an end to old bodies.
//!
//! From time to time the documents of a space are packed into chunks ([`gandan_sync::compact`]), the newest first, and
//! published as a manifest: a new device loads the chunks instead of every line of the log. Chunks whose documents were
//! not touched since the manifest before stay as they are, so a device that holds them need not load them again.
//!
//! What is packed is proved before it is published: the heads that follow from the bytes of the chunks must give the
//! digest that the log has kept change by change. Only then may bodies of old lines go ([`Options::keep_ms`]); their
//! changes then stand in the chunks alone.
//!
//! Devices never wait for this: packing reads short views, each chunk is a transaction of its own, publishing is a small
//! one, and bodies go a few lines at a time. Whatever is interrupted is done again.

mod pack;
mod thread;

use gandan_model::ids::SpaceId;
use gandan_sync::Digest;

use crate::db::sqlite::chunks;
use crate::db::storage::{ChunkRow, ManifestRow, No, SpaceRow};
use crate::db::{Db, DbError, Storage};
use crate::error::ServerError;
use crate::folder::Folder;
use pack::Plan;
pub use thread::CompactorThread;

/// Lines that a log must have gained for a new manifest.
const DUE_LINES: u64 = 64;
/// Lines whose bodies go in one transaction.
const DROP_LINES: u64 = 256;
/// Chunks that go in one transaction.
const PRUNE_CHUNKS: usize = 16;
/// One day in milliseconds.
pub const DAY_MS: i64 = 24 * 3600 * 1000;

/// What to do.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bodies of lines younger than this stay, in milliseconds.
    pub keep_ms: i64,
    /// A new manifest for every log that has gone on at all, not only for those that have grown by a tenth.
    pub force: bool,
}

impl Default for Options {
    /// Ninety days, when it is worth while.
    fn default() -> Self {
        Self { keep_ms: 90 * DAY_MS, force: false }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Manifests published.
    pub manifests: usize,
    /// Chunks written for them.
    pub chunks: usize,
    /// Bytes of these chunks.
    pub bytes: u64,
    /// Chunks that stayed as they were.
    pub kept: usize,
    /// Lines whose bodies went.
    pub dropped: usize,
    /// Spaces in which the packed documents were not what the log says: nothing was published there.
    pub mismatches: usize,
}

/// Compacts. One per data folder at a time, whatever the process.
pub struct Compactor {
    db: Db,
}

impl Compactor {
    /// Works on this database.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Goes through all spaces. Does nothing if another process is at it. `stop` is asked between chunks.
    pub fn run(
        &self,
        now_ms: i64,
        options: &Options,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Compacted>, ServerError> {
        let Some(_lock) = Folder::at(self.db.folder()).lock_compaction()? else { return Ok(None) };
        let mut done = Compacted::default();
        for space in self.spaces()? {
            if stop() {
                break;
            }
            self.space(&space, now_ms, options, stop, &mut done)?;
        }
        Ok(Some(done))
    }

    fn spaces(&self) -> Result<Vec<SpaceId>, DbError> {
        self.db.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM space WHERE head > 0 ORDER BY no")?;
            let rows = statement.query_map([], |row| row.get(0).map(SpaceId))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn space(
        &self,
        id: &SpaceId,
        now_ms: i64,
        options: &Options,
        stop: &dyn Fn() -> bool,
        done: &mut Compacted,
    ) -> Result<(), DbError> {
        let storage: &dyn Storage = &self.db;
        let found = storage.read(|log| {
            let Some(space) = log.space(id)? else { return Ok(None) };
            let manifest = log.manifest(space.no)?;
            Ok(Some((space, manifest)))
        })?;
        let Some((space, manifest)) = found else { return Ok(()) };
        let last = manifest.as_ref().map_or(0, |manifest| manifest.seq);
        let grown = space.head.saturating_sub(last);
        let due = if options.force { grown > 0 } else { grown >= DUE_LINES && grown * 10 >= last };
        if due {
            self.pack(&space, stop, now_ms, done)?;
        }
        self.prune(space.no)?;
        self.drop_old(id, now_ms - options.keep_ms, stop, done)
    }

    /// Makes a manifest of the space as it is at this moment.
    fn pack(
        &self,
        space: &SpaceRow,
        stop: &dyn Fn() -> bool,
        now_ms: i64,
        done: &mut Compacted,
    ) -> Result<(), DbError> {
        let storage: &dyn Storage = &self.db;
        let (plan, erased) = self.db.read(|connection| {
            let view = connection.unchecked_transaction()?;
            Ok((Plan::new(&view, &space.id)?, chunks::erased_count(&view, space.no)?))
        })?;
        let Some(mut plan) = plan else { return Ok(()) };
        let (mut written, mut bytes) = (0, 0);
        while !stop() {
            let Some(packed) = storage.read(|log| plan.next(log))? else {
                return self.publish(plan, erased, (written, bytes), now_ms, done);
            };
            let stored = self.db.write(|transaction| {
                // What was erased since the plan was made must not be written anew.
                if chunks::erased_count(transaction, space.no)? != erased {
                    return Ok(None);
                }
                chunks::put(transaction, space.no, &packed.hash, &packed.documents, &packed.body).map(Some)
            })?;
            let Some(id) = stored else { return Ok(()) };
            let length = u32::try_from(packed.body.len()).map_err(DbError::internal)?;
            let documents = u32::try_from(packed.documents.len()).map_err(DbError::internal)?;
            plan.stored(ChunkRow { id, hash: packed.hash, bytes: length, documents });
            written += 1;
            bytes += u64::from(length);
        }
        Ok(())
    }

    fn publish(
        &self,
        plan: Plan,
        erased: u64,
        (written, bytes): (usize, u64),
        now_ms: i64,
        done: &mut Compacted,
    ) -> Result<(), DbError> {
        let (space, packed, kept, chunks) = plan.finish();
        let logged = Digest { count: space.digest_count, sum: space.digest_sum };
        if packed != logged {
            tracing::error!(space = %space.id, seq = space.head, "packed documents are not what the log says");
            done.mismatches += 1;
            return Ok(());
        }
        let manifest = ManifestRow {
            id: 0,
            seq: space.head,
            chain: space.chain,
            digest_count: logged.count,
            digest_sum: logged.sum,
            chunks,
        };
        let published = self.db.write(|transaction| {
            let current = chunks::erased_count(transaction, space.no)? == erased;
            if current {
                chunks::publish(transaction, space.no, &manifest, now_ms)?;
            }
            Ok(current)
        })?;
        if published {
            done.manifests += 1;
            done.chunks += written;
            done.bytes += bytes;
            done.kept += kept;
        }
        Ok(())
    }

    /// Removes chunks that no manifest names.
    fn prune(&self, space: No) -> Result<(), DbError> {
        while self.db.write(|transaction| chunks::prune(transaction, space, PRUNE_CHUNKS))? > 0 {}
        Ok(())
    }

    /// Drops bodies that are older than this and stand in the last manifest.
    fn drop_old(
        &self,
        id: &SpaceId,
        before_ms: i64,
        stop: &dyn Fn() -> bool,
        done: &mut Compacted,
    ) -> Result<(), DbError> {
        let storage: &dyn Storage = &self.db;
        let found = storage.read(|log| {
            let Some(space) = log.space(id)? else { return Ok(None) };
            Ok(log.manifest(space.no)?.map(|manifest| (space, manifest.seq)))
        })?;
        let Some((space, packed)) = found else { return Ok(()) };
        let to = self.db.read(|connection| chunks::last_before(connection, space.no, packed, before_ms))?;
        let mut next = space.horizon.max(1);
        while next <= to && !stop() {
            let end = to.min(next + DROP_LINES - 1);
            done.dropped += self.db.write(|transaction| chunks::drop_bodies(transaction, space.no, end))?;
            next = end + 1;
        }
        Ok(())
    }
}
