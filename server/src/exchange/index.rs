//! The documents of a space by bucket, kept as long as its log stands still.
//!
//! To find out where two replicas differ every document of a space has to be looked at. That happens once for each state
//! of a log, and for one space at a time, however many devices ask: after a fault they all do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use gandan_model::ids::DocId;
use gandan_sync::digest::{Buckets, bucket};

use super::query::hashes;
use crate::db::storage::{DbResult, No, ReadLog, SpaceRow};

/// Spaces kept at hand: those that were asked about last. Each takes 17 bytes a document.
const AT_HAND: usize = 8;

/// One state of one log: the digest follows from the log, but an erasure carried out again leaves the log as it is.
type State = (No, u64, [u8; 32], [u8; 32]);

/// The spaces that were looked at last.
#[derive(Default)]
pub struct Indexes(Mutex<VecDeque<(State, Arc<Index>)>>);

/// The documents of one space in one state.
pub(super) struct Index {
    /// The digests of the buckets, in short.
    pub(super) digests: Vec<[u8; 8]>,
    /// Every document that has heads, by bucket and id.
    documents: Vec<(u8, DocId)>,
}

impl Indexes {
    /// The documents of a space as `log` sees it. Blocks while somebody else has a space looked at.
    pub(super) fn of(&self, log: &dyn ReadLog, space: &SpaceRow) -> DbResult<Arc<Index>> {
        let state = (space.no, space.head, space.chain, space.digest_sum);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|(of, _)| *of == state).and_then(|place| kept.remove(place));
        let index = match found {
            Some((_, index)) => index,
            None => Arc::new(Index::read(log, space)?),
        };
        // What a space was before nobody can ask about any more.
        kept.retain(|((no, ..), _)| *no != space.no);
        kept.truncate(AT_HAND - 1);
        kept.push_front((state, Arc::clone(&index)));
        Ok(index)
    }
}

impl Index {
    fn read(log: &dyn ReadLog, space: &SpaceRow) -> DbResult<Self> {
        let (mut digests, mut documents) = (Buckets::default(), Vec::new());
        log.each_document(space.no, &mut |doc, heads| {
            digests.add(&doc, &hashes(&heads));
            documents.push((bucket(&doc), doc));
        })?;
        documents.sort_unstable();
        Ok(Self { digests: digests.short(), documents })
    }

    /// The documents of a bucket, in the order of their ids.
    pub(super) fn bucket(&self, number: u8) -> impl Iterator<Item = DocId> + '_ {
        let start = self.documents.partition_point(|(bucket, _)| *bucket < number);
        self.documents[start..].iter().take_while(move |(bucket, _)| *bucket == number).map(|(_, doc)| *doc)
    }
}
