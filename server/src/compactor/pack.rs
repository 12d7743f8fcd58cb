//! Which documents go into which chunk.

use std::collections::{HashMap, HashSet, VecDeque};

use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_sync::compact::{self, chunk_len};
use gandan_sync::digest::advance_heads;
use gandan_sync::limits::{BATCH_RAW, MAX_CHANGES, MAX_IDS};
use gandan_sync::{Change, Digest, Outgoing};
use rusqlite::Connection;

use crate::db::DbError;
use crate::db::sqlite::{self, chunks};
use crate::db::storage::{ChunkRow, DbResult, ReadLog, SpaceRow};
use crate::documents::Reader;

/// A chunk shorter than this is packed again with others.
const TOO_SMALL: u32 = 12 << 10;

/// A chunk ready to be stored.
pub(super) struct Packed {
    pub(super) hash: [u8; 32],
    pub(super) documents: Vec<DocId>,
    pub(super) body: Vec<u8>,
}

/// The way to a manifest: what is still to be packed, and the digest of what is.
pub(super) struct Plan {
    space: SpaceRow,
    /// Documents to pack, the newest first.
    documents: VecDeque<DocId>,
    /// Changes of a document too large for one chunk that are left.
    rest: VecDeque<(DocId, Vec<u8>)>,
    /// Erased ids to pack, after the documents.
    erased: Vec<DocId>,
    /// Chunks of the manifest before that stay.
    kept: Vec<ChunkRow>,
    stored: Vec<ChunkRow>,
    heads: HashMap<DocId, Vec<ChangeHash>>,
}

impl Plan {
    /// Plans a manifest of the space as it is in this view; none if there is no such space, or nothing in it.
    pub(super) fn new(view: &Connection, id: &SpaceId) -> DbResult<Option<Self>> {
        let log = sqlite::log_of(view);
        let Some(space) = log.space(id)? else { return Ok(None) };
        let ages = chunks::by_age(view, space.no)?;
        let kept = match log.manifest(space.no)? {
            Some(manifest) => {
                let seq = manifest.seq;
                untouched(view, manifest.chunks, &ages.iter().copied().collect(), seq)?
            }
            None => Vec::new(),
        };
        let mut heads = HashMap::new();
        let mut packed: HashSet<DocId> = HashSet::new();
        // A chunk that does not read as what its name says is packed again.
        let mut whole = Vec::with_capacity(kept.len());
        for chunk in kept {
            let body = chunks::body(view, space.no, &chunk.hash)?.filter(|body| compact::hash(body) == chunk.hash);
            let Some(content) = body.and_then(|body| compact::decode(id, &body).ok()) else {
                tracing::error!(space = %id, "a chunk is damaged and is packed again");
                continue;
            };
            advance(&mut heads, &content.changes);
            packed.extend(chunks::documents(view, chunk.id)?);
            whole.push(chunk);
        }
        let documents = ages.into_iter().map(|(doc, _)| doc).filter(|doc| !packed.contains(doc)).collect();
        let (erased, rest, stored) = (chunks::erased(view, space.no)?, VecDeque::new(), Vec::new());
        Ok(Some(Self { space, documents, rest, erased, kept: whole, stored, heads }))
    }

    /// Packs the next chunk; none when everything is.
    pub(super) fn next(&mut self, log: &dyn ReadLog) -> DbResult<Option<Packed>> {
        if !self.rest.is_empty() {
            return self.encode_rest().map(Some);
        }
        // The horizon may have moved; everything else is as of the plan.
        let Some(now) = log.space(&self.space.id)? else { return Ok(None) };
        let mut reader = Reader::new(log, &now);
        let (mut changes, mut documents, mut raw) = (Vec::new(), Vec::new(), 0);
        while let Some(doc) = self.documents.front().copied() {
            let mut of_doc = reader.changes(&doc)?;
            of_doc.retain(|change| change.seq <= self.space.head);
            let more: usize = of_doc.iter().map(|change| change.raw.len()).sum();
            if !documents.is_empty() && (raw + more > BATCH_RAW || changes.len() + of_doc.len() > MAX_CHANGES) {
                break;
            }
            self.documents.pop_front();
            raw += more;
            documents.push(doc);
            changes.extend(of_doc.into_iter().map(|change| (doc, change.raw)));
        }
        if changes.is_empty() {
            return self.encode_erased();
        }
        if documents.len() == 1 {
            self.rest = changes.into();
            return self.encode_rest().map(Some);
        }
        self.encode(&changes, documents).map(Some)
    }

    /// A document on its own, or as much of it as goes into a chunk.
    fn encode_rest(&mut self) -> DbResult<Packed> {
        let mut changes: Vec<(DocId, Vec<u8>)> = std::mem::take(&mut self.rest).into();
        let fitting = chunk_len(&outgoing(&changes));
        self.rest = changes.split_off(fitting).into();
        let documents = changes.iter().map(|(doc, _)| *doc).take(1).collect();
        self.encode(&changes, documents)
    }

    fn encode_erased(&mut self) -> DbResult<Option<Packed>> {
        if self.erased.is_empty() {
            return Ok(None);
        }
        let rest = self.erased.split_off(self.erased.len().min(MAX_IDS));
        let erased = std::mem::replace(&mut self.erased, rest);
        let body = compact::encode(&[], &erased).map_err(DbError::internal)?;
        Ok(Some(Packed { hash: compact::hash(&body), documents: Vec::new(), body }))
    }

    fn encode(&mut self, changes: &[(DocId, Vec<u8>)], documents: Vec<DocId>) -> DbResult<Packed> {
        let body = compact::encode(&outgoing(changes), &[]).map_err(DbError::internal)?;
        // The digest is of what can be read out of the chunk, not of what was put into it.
        let read = compact::decode(&self.space.id, &body).map_err(DbError::internal)?;
        advance(&mut self.heads, &read.changes);
        Ok(Packed { hash: compact::hash(&body), documents, body })
    }

    pub(super) fn stored(&mut self, chunk: ChunkRow) {
        self.stored.push(chunk);
    }

    /// The space as planned, the digest of what was packed, how many chunks were kept, and all chunks.
    pub(super) fn finish(self) -> (SpaceRow, Digest, usize, Vec<ChunkRow>) {
        let mut digest = Digest::default();
        for (doc, heads) in &self.heads {
            digest.replace(doc, &[], heads);
        }
        let kept = self.kept.len();
        let (erased, mut chunks): (Vec<_>, Vec<_>) = self.stored.into_iter().partition(|chunk| chunk.documents == 0);
        chunks.extend(self.kept);
        chunks.extend(erased);
        (self.space, digest, kept, chunks)
    }
}

/// The chunks none of whose documents has changed after `seq`, and none of which goes on in a chunk that must go.
fn untouched(
    view: &Connection,
    chunks: Vec<ChunkRow>,
    ages: &HashMap<DocId, u64>,
    seq: u64,
) -> DbResult<Vec<ChunkRow>> {
    let mut with_documents = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        with_documents.push((chunk, chunks::documents(view, chunk.id)?));
    }
    let mut again: HashSet<DocId> = HashSet::new();
    loop {
        let before = again.len();
        let stays = |chunk: &ChunkRow, documents: &[DocId], again: &HashSet<DocId>| {
            let old = |doc: &DocId| ages.get(doc).is_some_and(|age| *age <= seq) && !again.contains(doc);
            chunk.bytes >= TOO_SMALL && !documents.is_empty() && documents.iter().all(old)
        };
        let (kept, gone): (Vec<_>, Vec<_>) =
            with_documents.into_iter().partition(|(chunk, documents)| stays(chunk, documents, &again));
        again.extend(gone.into_iter().flat_map(|(_, documents)| documents));
        if again.len() == before {
            return Ok(kept.into_iter().map(|(chunk, _)| chunk).collect());
        }
        with_documents = kept;
    }
}

fn outgoing(changes: &[(DocId, Vec<u8>)]) -> Vec<Outgoing<'_>> {
    changes.iter().map(|(doc, raw)| Outgoing { doc: *doc, raw }).collect()
}

fn advance(heads: &mut HashMap<DocId, Vec<ChangeHash>>, changes: &[Change]) {
    for change in changes {
        let header = &change.header;
        let heads = heads.entry(change.doc).or_default();
        advance_heads(heads, &header.deps, header.hash, header.genesis().is_some());
    }
}
