//! The server's documents are others than this device's, though the log is the same: finding out which, and fetching
//! those, whole. Nothing is ever wiped for it.

use super::stretch::Stretch;
use super::{Exchange, Message, Work, query, unexpected};
use crate::client::Client;
use crate::error::ClientError;
use gandan_model::ids::SpaceId;
use gandan_store::Store;
use gandan_sync::digest::{Buckets, bucket, short_heads};
use gandan_sync::query::{Ask, Reply};
use gandan_sync::{Cursor, Digest, compact};
use std::collections::{BTreeSet, VecDeque};

/// Most buckets looked into in one exchange: what is left differs the next time too.
const MAX_BUCKETS: usize = 32;

/// What is to be compared.
#[derive(Debug, Default)]
pub(super) struct Queue {
    spaces: BTreeSet<SpaceId>,
    /// Spaces that were compared in this exchange.
    done: BTreeSet<SpaceId>,
    buckets: VecDeque<(SpaceId, u8)>,
}

impl Queue {
    /// The documents of this space differ. Once an exchange is enough: what does not heal is reported again the next time.
    pub(super) fn add(&mut self, space: SpaceId) {
        if self.done.insert(space) {
            self.spaces.insert(space);
        }
    }
}

impl Exchange {
    /// The next question about a difference.
    pub(super) fn heal(&mut self, client: &Client) -> Result<Option<Message>, ClientError> {
        let store = client.store();
        while let Some((space, number)) = self.healing.buckets.front().copied() {
            let Some(cursor) = cursor_in(&store, space)? else {
                self.healing.buckets.pop_front();
                continue;
            };
            let documents = store.all_log_heads(space)?.into_iter().filter(|(doc, _)| bucket(doc) == number);
            let documents = documents.map(|(doc, heads)| (doc, short_heads(&doc, &heads))).collect();
            let ask = Ask::Differ { space, cursor, bucket: number, documents };
            return query(client, &store, ask, Work::Differ { space, bucket: number }).map(Some);
        }
        while let Some(space) = self.healing.spaces.first().copied() {
            let Some(cursor) = cursor_in(&store, space)? else {
                self.healing.spaces.pop_first();
                continue;
            };
            let mut buckets = Buckets::default();
            store.all_log_heads(space)?.iter().for_each(|(doc, heads)| buckets.add(doc, heads));
            let ask = Ask::Compare { space, cursor, buckets: buckets.short() };
            return query(client, &store, ask, Work::Compare { space }).map(Some);
        }
        Ok(None)
    }

    /// Takes in which buckets differ.
    pub(super) fn take_buckets(&mut self, client: &Client, space: SpaceId, reply: Reply) -> Result<(), ClientError> {
        self.healing.spaces.remove(&space);
        match reply {
            Reply::Moved => self.again = true,
            Reply::Buckets(buckets) => {
                tracing::warn!(%space, buckets = buckets.len(), "documents differ from the server's");
                self.report.more |= buckets.len() > MAX_BUCKETS;
                self.healing.buckets.extend(buckets.into_iter().take(MAX_BUCKETS).map(|bucket| (space, bucket)));
                // Only the sum was wrong, or it will be right in a moment.
                self.sum_up(client, space)?;
                self.again = true;
            }
            _ => return Err(unexpected()),
        }
        Ok(())
    }

    /// Takes in the documents of a bucket that differ.
    pub(super) fn take_healing(
        &mut self,
        client: &Client,
        space: SpaceId,
        bucket: u8,
        reply: Reply,
    ) -> Result<(), ClientError> {
        let Reply::Healing { chunks, heads, unknown, more } = reply else {
            self.healing.buckets.retain(|(of, _)| *of != space);
            self.again = true;
            return if reply == Reply::Moved { Ok(()) } else { Err(unexpected()) };
        };
        // Without progress the same question would be asked for ever.
        if !more || heads.is_empty() && unknown.is_empty() {
            self.healing.buckets.retain(|next| *next != (space, bucket));
        }
        let Some(state) = client.store().space(space)? else { return Ok(()) };
        let mut stretch = Stretch::after(&state);
        for chunk in &chunks {
            let chunk = compact::decode(&space, chunk)?;
            let store = client.store();
            stretch.changes(&store, space, state.cursor.seq, &chunk.changes)?;
            self.report.pulled += chunk.changes.len() as u64;
        }
        self.report.healed += (heads.len() + unknown.len()) as u64;
        {
            let store = client.store();
            heads.iter().try_for_each(|(doc, heads)| stretch.correct(&store, space, *doc, heads))?;
        }
        self.write(client, space, &mut stretch)?;
        client.store().unlog(space, &unknown)?;
        if !unknown.is_empty() {
            self.lost(client, space)?;
        }
        self.sum_up(client, space)
    }

    /// Computes the digest of a space from its documents.
    fn sum_up(&mut self, client: &Client, space: SpaceId) -> Result<(), ClientError> {
        let (state, all) = {
            let store = client.store();
            (store.space(space)?, store.all_log_heads(space)?)
        };
        let Some(state) = state else { return Ok(()) };
        let mut stretch = Stretch::after(&state);
        stretch.digest = Digest::default();
        all.iter().for_each(|(doc, heads)| stretch.digest.replace(doc, &[], heads));
        self.write(client, space, &mut stretch)
    }
}

fn cursor_in(store: &Store, space: SpaceId) -> Result<Option<Cursor>, ClientError> {
    let state = store.space(space)?.filter(|state| state.access.is_some());
    Ok(state.map(|state| Cursor { seq: state.cursor.seq, chain: state.cursor.chain }))
}
