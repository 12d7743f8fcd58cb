//! Putting the response together.

use crate::cursor::{Cursor, EnvelopeHash, SpacePosition, summary};
use crate::digest::Digest;
use crate::envelope::RelayedEnvelope;
use crate::error::StorageError;
use crate::limits::{DEFAULT_BYTE_BUDGET, MAX_BYTE_BUDGET, MAX_ITEMS};
use crate::request::{Flags, Position, RequestHead};
use crate::resolve::Resolver;
use crate::response::{GrantChange, LogItem, Manifest, Notice, SpacePart, SyncResponse};
use crate::status::Status;
use gandan_model::ids::{DeviceId, DocId, SpaceId};
use gandan_model::mutant;
use std::collections::BTreeMap;

/// A space that the device may hold at this moment, and how far its log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedSpace {
    /// The space.
    pub space: SpaceId,
    /// Number of its compartment.
    pub compartment: u8,
    /// Code of its organisation unit.
    pub unit: String,
    /// Head of its log.
    pub head: Cursor,
    /// Digest of its documents at the head.
    pub digest: Digest,
    /// Oldest seq still served as envelopes; 0 or 1 when all are.
    pub horizon: u64,
}

/// A position that a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// The token; never 0.
    pub token: u64,
    /// [`summary`] of `positions`.
    pub summary: [u8; 16],
    /// The position.
    pub positions: Vec<SpacePosition>,
}

/// An entry of a log as the storage gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredItem {
    /// Its place.
    pub seq: u64,
    /// `chain[seq]`.
    pub chain: [u8; 32],
    /// Hash of the envelope.
    pub hash: EnvelopeHash,
    /// The device that sealed it.
    pub device: DeviceId,
    /// Its number among that device's envelopes.
    pub device_seq: u64,
    /// Its content.
    pub content: StoredContent,
}

/// What is left of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredContent {
    /// [`crate::server::Admitted::stored`].
    Stored(Vec<u8>),
    /// Erased, as a whole.
    Gone,
    /// A chunk with what is left after an erasure.
    Redacted(Vec<u8>),
    /// Not an envelope: the erasure of this document.
    Erased(DocId),
}

/// What [`answer`] asks the server's storage. All answers must come from one consistent view of it.
pub trait LogView: Resolver {
    /// Every space the device has a grant for now.
    fn granted(&self, device: &DeviceId) -> Result<Vec<GrantedSpace>, StorageError>;

    /// The position that was given to the device under this token, if it is still kept. (Keep the last two: an answer can
    /// get lost.)
    fn token(&self, device: &DeviceId, token: u64) -> Result<Option<TokenRecord>, StorageError>;

    /// `chain[seq]` of a log, if the log goes that far. Not asked for seq 0.
    fn chain_at(&self, space: &SpaceId, seq: u64) -> Result<Option<[u8; 32]>, StorageError>;

    /// The entries after `after`, in order and without gaps: at least one, then as many as come to `max_bytes` bytes of
    /// content and `max_items` entries. Entries of `device` may come without reading their content, as empty
    /// [`StoredContent::Stored`], unless `own` asks for it.
    fn items(&self, query: &ItemQuery<'_>) -> Result<Vec<StoredItem>, StorageError>;

    /// Whole documents for a device that is new in the space or behind its horizon; none if there are none (yet).
    fn manifest(&self, space: &SpaceId) -> Result<Option<Manifest>, StorageError> {
        let _ = space;
        Ok(None)
    }
}

/// Which entries [`LogView::items`] is to give.
#[derive(Clone, Copy, Debug)]
pub struct ItemQuery<'a> {
    /// The log.
    pub space: &'a SpaceId,
    /// The entry before the first.
    pub after: u64,
    /// Most bytes of content.
    pub max_bytes: usize,
    /// Most entries.
    pub max_items: usize,
    /// The asking device.
    pub device: &'a DeviceId,
    /// Whether the device wants the content of its own envelopes too.
    pub own: bool,
}

/// What the server knows besides its logs.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Head of the verified request.
    pub head: &'a RequestHead,
    /// What became of the envelopes it brought.
    pub statuses: Vec<(u64, Status)>,
    /// Highest device sequence held of the device.
    pub device_seq: u64,
    /// Schema version of the server.
    pub schema: u32,
    /// The server's clock, Unix milliseconds.
    pub now_ms: u64,
    /// How often the server's data was restored.
    pub incarnation: u64,
    /// When the device should call again, seconds; 0 for no wish.
    pub poll_after_s: u32,
    /// A number for a new token: not 0 and not given to this device before.
    pub next_token: u64,
    /// Whether the device has to lose everything.
    pub wipe: bool,
}

/// A response, and what to keep so that the device can name its position by token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The response.
    pub response: SyncResponse,
    /// To be stored before the response leaves; none when nothing changed.
    pub keep: Option<TokenRecord>,
}

/// Puts the response together.
pub fn answer(view: &dyn LogView, ask: Ask<'_>) -> Result<Answer, StorageError> {
    let device = &ask.head.device;
    let positions = match &ask.head.position {
        Position::Full(positions) => Some(positions.clone()),
        Position::Token { token, summary } => {
            let record = view.token(device, *token)?.filter(|record| record.summary == *summary);
            record.map(|record| record.positions)
        }
    };
    let mut response = SyncResponse {
        schema: ask.schema,
        server_time_ms: ask.now_ms,
        incarnation: ask.incarnation,
        token: 0,
        statuses: ask.statuses,
        device_seq: ask.device_seq,
        parts: Vec::new(),
        more: false,
        grants: Vec::new(),
        poll_after_s: ask.poll_after_s,
        need_full: positions.is_none(),
        wipe: ask.wipe,
        rules: None,
    };
    let Some(positions) = positions else { return Ok(Answer { response, keep: None }) };
    let mut given: BTreeMap<SpaceId, SpacePosition> =
        positions.into_iter().map(|position| (position.space, position)).collect();
    let mut writer = PartWriter::new(view, ask.head);
    let mut after = Vec::with_capacity(given.len());
    for granted in view.granted(device)? {
        let position = given.remove(&granted.space).unwrap_or_else(|| {
            let GrantedSpace { space, compartment, unit, .. } = granted.clone();
            response.grants.push(GrantChange::Given { space, compartment, unit });
            SpacePosition::start(space)
        });
        after.push(writer.space(&granted, position)?);
    }
    response.grants.extend(given.into_keys().map(|space| GrantChange::Taken { space }));
    response.parts = writer.parts;
    response.more = writer.more;
    let unchanged = response.parts.is_empty() && response.grants.is_empty();
    let keep = match ask.head.position {
        Position::Token { token, .. } if unchanged => {
            response.token = token;
            None
        }
        _ => {
            response.token = if mutant::on("no_token") { 0 } else { ask.next_token };
            Some(TokenRecord { token: ask.next_token, summary: summary(&after), positions: after })
        }
    };
    Ok(Answer { response, keep })
}

struct PartWriter<'a> {
    view: &'a dyn LogView,
    head: &'a RequestHead,
    budget: usize,
    any_items: bool,
    parts: Vec<SpacePart>,
    more: bool,
}

impl<'a> PartWriter<'a> {
    fn new(view: &'a dyn LogView, head: &'a RequestHead) -> Self {
        let budget = if head.byte_budget == 0 { DEFAULT_BYTE_BUDGET } else { head.byte_budget.min(MAX_BYTE_BUDGET) };
        let budget = if mutant::on("unbounded") { MAX_BYTE_BUDGET } else { budget };
        let budget = usize::try_from(budget).unwrap_or(usize::MAX);
        Self { view, head, budget, any_items: false, parts: Vec::new(), more: false }
    }

    /// Adds the part of one space if there is news in it, and gives the device's position afterwards.
    fn space(&mut self, granted: &GrantedSpace, position: SpacePosition) -> Result<SpacePosition, StorageError> {
        let mut part = SpacePart {
            space: granted.space,
            items: Vec::new(),
            cursor: position.cursor,
            digest: None,
            more: false,
            horizon: granted.horizon,
            notice: None,
        };
        if !self.on_chain(granted, position.cursor)? {
            part.notice = Some(Notice::ChainDiverged { head: granted.head });
            part.cursor = Cursor::START;
            part.more = true;
        } else if position.cursor == granted.head {
            if position.digest == Some(granted.digest) {
                return Ok(position);
            }
            part.notice = position.digest.map(|_| Notice::DigestDiverged);
            part.digest = Some(granted.digest);
        } else if let Some(manifest) = self.manifest(granted, position.cursor)? {
            part.notice = Some(Notice::Chunks(manifest));
            part.more = true;
        } else if self.any_items && self.budget == 0 {
            self.more = true;
            return Ok(position);
        } else {
            self.fill(granted, &mut part)?;
        }
        self.more |= part.more;
        let after = SpacePosition { space: granted.space, cursor: part.cursor, digest: part.digest };
        self.parts.push(part);
        Ok(after)
    }

    /// The chunks to load first, if there is no other way or if it is the shorter one.
    fn manifest(&self, granted: &GrantedSpace, cursor: Cursor) -> Result<Option<Manifest>, StorageError> {
        let behind = cursor.seq + 1 < granted.horizon;
        if !behind && cursor != Cursor::START {
            return Ok(None);
        }
        let manifest = self.view.manifest(&granted.space)?;
        Ok(manifest.filter(|manifest| manifest.cursor.seq <= granted.head.seq && manifest.cursor.seq > cursor.seq))
    }

    fn on_chain(&self, granted: &GrantedSpace, cursor: Cursor) -> Result<bool, StorageError> {
        Ok(if mutant::on("trusts_cursors") {
            true
        } else if cursor.seq == 0 {
            cursor == Cursor::START
        } else if cursor.seq >= granted.head.seq {
            cursor == granted.head
        } else {
            self.view.chain_at(&granted.space, cursor.seq)? == Some(cursor.chain)
        })
    }

    fn fill(&mut self, granted: &GrantedSpace, part: &mut SpacePart) -> Result<(), StorageError> {
        let own = self.head.flags.contains(Flags::OWN_ITEMS);
        let query = ItemQuery {
            space: &granted.space,
            after: part.cursor.seq,
            max_bytes: self.budget,
            max_items: MAX_ITEMS,
            device: &self.head.device,
            own,
        };
        for stored in self.view.items(&query)? {
            let full = part.items.len() >= MAX_ITEMS || (self.any_items && self.budget == 0);
            if stored.seq != part.cursor.seq + 1 || stored.seq > granted.head.seq || full {
                break;
            }
            part.cursor = Cursor { seq: stored.seq, chain: stored.chain };
            let item = self.item(&granted.space, stored, own);
            self.budget = self.budget.saturating_sub(item.size());
            self.any_items = true;
            part.items.push(item);
        }
        if part.cursor.seq == granted.head.seq {
            part.digest = Some(granted.digest);
        } else {
            part.more = true;
        }
        Ok(())
    }

    fn item(&self, space: &SpaceId, stored: StoredItem, own: bool) -> LogItem {
        let StoredItem { seq, hash, device, device_seq, content, .. } = stored;
        match content {
            StoredContent::Gone => LogItem::Gone { seq, hash },
            StoredContent::Redacted(chunk) => LogItem::Redacted { seq, hash, chunk },
            StoredContent::Erased(doc) => LogItem::Erased { seq, doc },
            StoredContent::Stored(_) if device == self.head.device && !own => LogItem::Own { seq, device_seq },
            StoredContent::Stored(relayed)
                if self.head.flags.contains(Flags::FULL_ITEMS) && !mutant::on("short_items") =>
            {
                let relayed = self.in_full(space, &hash, &relayed).unwrap_or(relayed);
                LogItem::Envelope { seq, hash: Some(hash), relayed }
            }
            StoredContent::Stored(relayed) => LogItem::Envelope { seq, hash: None, relayed },
        }
    }

    /// The same envelope with everything written out; none if even the server cannot open it.
    fn in_full(&self, space: &SpaceId, hash: &EnvelopeHash, relayed: &[u8]) -> Option<Vec<u8>> {
        let relayed = RelayedEnvelope::from_bytes(relayed).ok()?;
        let opened = relayed.open(*space, None, &ResolverOf(self.view)).ok()?;
        if opened.hash != *hash {
            return None;
        }
        relayed.to_full(&opened).ok()?.to_bytes().ok()
    }
}

/// A log view as nothing but a resolver.
struct ResolverOf<'a>(&'a dyn LogView);

impl Resolver for ResolverOf<'_> {
    fn documents(&self, space: &SpaceId, prefix: [u8; 8]) -> Result<Vec<gandan_model::ids::DocId>, StorageError> {
        self.0.documents(space, prefix)
    }

    fn changes(
        &self,
        space: &SpaceId,
        doc: &gandan_model::ids::DocId,
        prefix: [u8; 4],
    ) -> Result<Vec<gandan_model::ids::ChangeHash>, StorageError> {
        self.0.changes(space, doc, prefix)
    }
}
