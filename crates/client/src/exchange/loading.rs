//! Whole documents for a device that is new in a space, or was away for too long.
//!
//! The chunks of a manifest are fetched in its order, newest documents first, as many at a time as the link carries in
//! some seconds. Each is written in one transaction with the note that it is in: after a cut, a kill or an empty battery
//! the next request asks for what is missing. When all are in, the device stands where the manifest ends and goes on
//! with the log.

use super::stretch::Stretch;
use super::{Exchange, Message, Work, problem, query, space_in};
use crate::client::Client;
use crate::error::ClientError;
use gandan_model::ids::SpaceId;
use gandan_store::Store;
use gandan_sync::compact;
use gandan_sync::error::SessionError;
use gandan_sync::limits::MAX_CHUNKS;
use gandan_sync::query::{Ask, decode_chunks};
use gandan_sync::response::Manifest;
use std::collections::BTreeSet;

/// Under this name and the space's id the store keeps the manifest that is being loaded.
const MANIFEST: &str = "manifest/";
/// Under this name and the space's id the store keeps how many of its chunks are in, four bytes, big-endian.
const LOADED: &str = "loaded/";
/// A request that took less than this (milliseconds) asks for twice as much the next time …
const BRIEF_MS: i64 = 4_000;
/// … and one that took longer than this for half.
const LONG_MS: i64 = 10_000;
/// Chunks in the first request: some 60 KB.
const FIRST: usize = 2;

/// How much is asked for at a time.
#[derive(Debug)]
pub(super) struct Pace {
    chunks: usize,
    /// Spaces whose manifest the server no longer has the chunks of.
    stale: BTreeSet<SpaceId>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { chunks: FIRST, stale: BTreeSet::new() }
    }
}

/// A manifest and how far it is loaded.
struct Load {
    manifest: Manifest,
    loaded: usize,
}

impl Load {
    fn read(store: &Store, space: SpaceId) -> Result<Option<Self>, ClientError> {
        let manifest = store.value(&format!("{MANIFEST}{space}"))?.and_then(|bytes| Manifest::from_bytes(&bytes).ok());
        let loaded = store.value(&format!("{LOADED}{space}"))?;
        let loaded = loaded.and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
        Ok(manifest.map(|manifest| Self { loaded: (loaded as usize).min(manifest.chunks.len()), manifest }))
    }

    /// Documents in all chunks, and in those that are in.
    fn documents(&self) -> (u64, u64) {
        let count =
            |chunks: &[gandan_sync::response::ChunkRef]| chunks.iter().map(|chunk| u64::from(chunk.documents)).sum();
        (count(&self.manifest.chunks), count(&self.manifest.chunks[..self.loaded]))
    }

    fn note(&self, space: SpaceId, stretch: &mut Stretch) {
        let loaded = u32::try_from(self.loaded).unwrap_or(u32::MAX);
        let done = self.loaded == self.manifest.chunks.len();
        stretch.value(format!("{LOADED}{space}"), (!done).then(|| loaded.to_be_bytes().to_vec()));
        if done {
            stretch.value(format!("{MANIFEST}{space}"), None);
            stretch.reach(self.manifest.cursor);
        }
    }
}

impl Exchange {
    /// The server names chunks to load. Those that are in already, from a manifest before, are not loaded again.
    pub(super) fn begin_loading(
        &mut self,
        client: &Client,
        space: SpaceId,
        manifest: &Manifest,
    ) -> Result<(), ClientError> {
        self.loading.stale.remove(&space);
        let before = Load::read(&client.store(), space)?;
        if before.as_ref().is_some_and(|load| load.manifest == *manifest) {
            return Ok(());
        }
        let known: BTreeSet<[u8; 32]> =
            before.iter().flat_map(|load| &load.manifest.chunks[..load.loaded]).map(|chunk| chunk.hash).collect();
        let mut manifest = manifest.clone();
        // Stable: newest first among the rest.
        manifest.chunks.sort_by_key(|chunk| !known.contains(&chunk.hash));
        let loaded = manifest.chunks.iter().take_while(|chunk| known.contains(&chunk.hash)).count();
        let bytes = manifest.to_bytes().map_err(SessionError::Frame)?;
        let Some(state) = client.store().space(space)? else { return Ok(()) };
        let mut stretch = Stretch::after(&state);
        stretch.value(format!("{MANIFEST}{space}"), Some(bytes));
        Load { manifest, loaded }.note(space, &mut stretch);
        self.write(client, space, &mut stretch)
    }

    /// The next chunks, if any are missing.
    pub(super) fn load(&mut self, client: &Client) -> Result<Option<Message>, ClientError> {
        let store = client.store();
        for (name, _) in store.values(MANIFEST)? {
            let Some(space) = space_in(&name).filter(|space| !self.loading.stale.contains(space)) else { continue };
            let readable = store.space(space)?.is_some_and(|state| state.access.is_some());
            let Some(load) = Load::read(&store, space)?.filter(|_| readable) else { continue };
            let hashes: Vec<[u8; 32]> =
                load.manifest.chunks[load.loaded..].iter().take(self.loading.chunks).map(|chunk| chunk.hash).collect();
            (self.report.documents_to_load, self.report.documents_loaded) = load.documents();
            let work = Work::Load { space, hashes: hashes.clone(), sent_ms: client.now_ms() };
            return query(client, &store, Ask::Chunks { space, hashes }, work).map(Some);
        }
        Ok(None)
    }

    /// Takes in the chunks that arrived whole.
    pub(super) fn take_chunks(
        &mut self,
        client: &Client,
        space: SpaceId,
        hashes: &[[u8; 32]],
        sent_ms: i64,
        answer: &[u8],
    ) -> Result<(), ClientError> {
        problem(answer)?;
        let chunks = decode_chunks(answer).map_err(SessionError::Frame)?;
        for (hash, bytes) in hashes.iter().zip(chunks) {
            if bytes.is_empty() {
                // The server has another manifest by now: the next round trip brings it.
                self.loading.stale.insert(space);
                self.again = true;
                return Ok(());
            }
            if compact::hash(bytes) != *hash {
                return Err(SessionError::Inconsistent("a chunk with another name").into());
            }
            self.take_chunk(client, space, hash, bytes)?;
        }
        let took = client.now_ms().saturating_sub(sent_ms);
        self.loading.chunks = match took {
            ..BRIEF_MS => (self.loading.chunks * 2).min(MAX_CHUNKS),
            LONG_MS.. => (self.loading.chunks / 2).max(1),
            _ => self.loading.chunks,
        };
        Ok(())
    }

    fn take_chunk(
        &mut self,
        client: &Client,
        space: SpaceId,
        hash: &[u8; 32],
        bytes: &[u8],
    ) -> Result<(), ClientError> {
        let chunk = compact::decode(&space, bytes)?;
        let (mut stretch, load) = {
            let store = client.store();
            let (state, load) = (store.space(space)?, Load::read(&store, space)?);
            // The grant, or the manifest, may be another since the question.
            let Some((state, mut load)) = state.zip(load) else { return Ok(()) };
            if load.manifest.chunks.get(load.loaded).is_none_or(|next| next.hash != *hash) {
                return Ok(());
            }
            let mut stretch = Stretch::after(&state);
            stretch.changes(&store, space, load.manifest.cursor.seq, &chunk.changes)?;
            for doc in &chunk.erased {
                stretch.erase(&store, space, *doc)?;
            }
            load.loaded += 1;
            (stretch, load)
        };
        load.note(space, &mut stretch);
        self.report.pulled += chunk.changes.len() as u64;
        (self.report.documents_to_load, self.report.documents_loaded) = load.documents();
        // Where the chunks end the log goes on.
        self.again |= load.loaded == load.manifest.chunks.len();
        self.write(client, space, &mut stretch)
    }
}
