//! The device's end of a round trip.
//!
//! [`Session::start`] turns what the device holds into the bytes of a request; [`Session::finish`] turns the bytes that
//! came back into an [`Outcome`]: checked against the chain, opened, and sorted by what is to be done. In between the
//! caller moves the bytes, and may do so as often as it likes. A session changes nothing by itself: the caller writes the
//! outcome to its store in one transaction, or drops it and starts again.

mod outcome;

use crate::compact;
use crate::cursor::{Cursor, EnvelopeHash, SpacePosition, summary};
use crate::envelope::{Envelope, RelayedEnvelope, SealedEnvelope};
use crate::error::{EnvelopeError, SessionError, StorageError};
use crate::frame::{self, Kind};
use crate::limits::{MAX_ENVELOPES, MAX_MESSAGE_RAW, MAX_REQUEST, MAX_SPACES};
use crate::request::{Flags, Position, RequestHead, SyncRequest};
use crate::resolve::{Overlay, Resolver};
use crate::response::{GrantChange, LogItem, Notice, Problem, SpacePart, SyncResponse, erasure_hash};
use crate::sign::Signature;
use crate::status::{Refusal, Status};
use ed25519_dalek::SigningKey;
use gandan_model::ids::{DeviceId, SpaceId};
use gandan_model::mutant;
pub use outcome::{Ack, Item, Outcome, Part, Stopped};
use std::collections::{BTreeMap, BTreeSet};

/// What a session asks the device's store.
pub trait DeviceView: Resolver {
    /// Hash of the device's own envelope with this number, if the store still has it.
    fn own_envelope(&self, device_seq: u64) -> Result<Option<EnvelopeHash>, StorageError>;

    /// The highest number that this device has given to an envelope, sent or not; 0 if it does not remember.
    fn last_sealed(&self) -> Result<u64, StorageError> {
        Ok(0)
    }
}

/// What goes into a request.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// The device.
    pub device: DeviceId,
    /// Its key.
    pub key: &'a SigningKey,
    /// Version of the document schema it writes.
    pub schema: u32,
    /// Its clock, Unix milliseconds.
    pub now_ms: u64,
    /// Token of the last answer whose outcome was stored; none at first, after [`Outcome::need_full`], and whenever
    /// `positions` was changed by anything else than that outcome.
    pub token: Option<u64>,
    /// Every space the device holds, in any order.
    pub positions: &'a [SpacePosition],
    /// [`Outcome::device_seq`] of the last answer; 0 at first.
    pub held_seq: u64,
    /// Envelopes the server does not have yet, by device sequence. As many as fit are sent, from the first.
    pub outbox: &'a [SealedEnvelope],
    /// Most bytes of items wanted; 0 for the server's choice.
    pub byte_budget: u32,
    /// [`Outcome::flags`] of the last answer.
    pub flags: Flags,
}

/// One round trip, waiting for its answer.
#[derive(Clone, Debug)]
pub struct Session {
    device: DeviceId,
    flags: Flags,
    positions: BTreeMap<SpaceId, SpacePosition>,
    sent: BTreeMap<u64, EnvelopeHash>,
    unsent: usize,
    sent_ms: u64,
    held_seq: u64,
}

/// Bytes kept free for the head of a request when envelopes are packed into it.
const HEAD_ROOM: usize = 512;

impl Session {
    /// Builds and signs a request.
    pub fn start(start: &Start<'_>) -> Result<(Self, Vec<u8>), SessionError> {
        if start.positions.len() > MAX_SPACES {
            return Err(SessionError::TooLarge("spaces"));
        }
        let position = match start.token {
            Some(token) => Position::Token { token, summary: summary(start.positions) },
            None => Position::Full(start.positions.to_vec()),
        };
        let mut room = MAX_REQUEST - HEAD_ROOM - if start.token.is_none() { start.positions.len() * 100 } else { 0 };
        let mut envelopes = Vec::new();
        let mut previous: Option<&SealedEnvelope> = None;
        let mut last_seq = start.held_seq;
        for sealed in start.outbox.iter().take(MAX_ENVELOPES) {
            let size = sealed.relayed.body.len() + 160;
            if size > room {
                break;
            }
            room -= size;
            let chained = sealed.relayed.device_seq == last_seq + 1;
            envelopes.push(sealed.to_push(previous.map(|sealed| sealed.space), chained));
            last_seq = sealed.relayed.device_seq;
            previous = Some(sealed);
        }
        let sent: BTreeMap<u64, EnvelopeHash> =
            start.outbox.iter().take(envelopes.len()).map(|sealed| (sealed.relayed.device_seq, sealed.hash)).collect();
        let head = RequestHead {
            schema: start.schema,
            device: start.device,
            time_ms: start.now_ms,
            position,
            byte_budget: start.byte_budget,
            flags: start.flags.with(Flags::RULES),
        };
        let unsent = start.outbox.len() - envelopes.len();
        let bytes = SyncRequest { head, envelopes }.encode(start.key)?;
        let positions = start.positions.iter().map(|position| (position.space, *position)).collect();
        let session = Self {
            device: start.device,
            flags: start.flags,
            positions,
            sent,
            unsent,
            sent_ms: start.now_ms,
            held_seq: start.held_seq,
        };
        Ok((session, bytes))
    }

    /// How many envelopes the request carries.
    pub fn sent(&self) -> usize {
        self.sent.len()
    }

    /// Reads the answer. `now_ms` is the device's clock at its arrival, Unix milliseconds.
    ///
    /// An error means that nothing can be concluded from what came back: everything stays as it was.
    pub fn finish(self, answer: &[u8], view: &dyn DeviceView, now_ms: u64) -> Result<Outcome, SessionError> {
        if let Ok((Kind::Problem, _)) = frame::split(answer) {
            let problem = Problem::decode(answer)?;
            return Err(SessionError::Problem { refusal: problem.refusal, retry_after_s: problem.retry_after_s });
        }
        let response = SyncResponse::decode(answer)?;
        let acks = self.acks(&response.statuses)?;
        let positions = self.with_grants(&response.grants);
        let mut reader = Reader { session: &self, view, overlay: Overlay::new(view), raw: 0, cloned: false };
        let mut seen = BTreeSet::new();
        let mut parts = Vec::with_capacity(response.parts.len());
        for part in response.parts {
            let position = positions.get(&part.space);
            let position = position.ok_or(SessionError::Inconsistent("a space the device does not hold"))?;
            if !seen.insert(part.space) {
                return Err(SessionError::Inconsistent("a space twice"));
            }
            parts.push(reader.part(part, *position)?);
        }
        let wishes: Vec<Flags> = parts.iter().filter_map(|part| part.stopped.as_ref()).map(Stopped::wish).collect();
        let stopped = !wishes.is_empty();
        let progress = parts.iter().any(|part| part.stopped.is_some() && !part.items.is_empty());
        let flags = if stopped { wishes.into_iter().fold(self.flags, Flags::with) } else { Flags::default() };
        // What an answer said of the envelopes may be in the store while the rest of it was cut off by a crash: what counts
        // is what this device has ever signed.
        let last_known = self
            .held_seq
            .max(self.sent.keys().next_back().copied().unwrap_or(0))
            .max(if mutant::on("false_clone") { 0 } else { view.last_sealed()? });
        let reused = acks.iter().any(|ack| ack.status == Status::Refused(Refusal::SEQUENCE_REUSED));
        Ok(Outcome {
            acks,
            parts,
            grants: response.grants,
            // Behind a part that stopped short the server would assume more than the device has.
            token: (response.token != 0 && !stopped && !response.need_full).then_some(response.token),
            device_seq: response.device_seq,
            cloned: reader.cloned || reused || response.device_seq > last_known,
            need_full: response.need_full,
            more: response.more || response.need_full || stopped && (progress || flags != self.flags),
            unsent: self.unsent,
            flags,
            schema: response.schema,
            incarnation: response.incarnation,
            wipe: response.wipe,
            rules: response.rules,
            skew_ms: skew(self.sent_ms, now_ms, response.server_time_ms),
            poll_after_s: response.poll_after_s,
        })
    }

    fn acks(&self, statuses: &[(u64, Status)]) -> Result<Vec<Ack>, SessionError> {
        let mut seen = BTreeSet::new();
        let mut acks = Vec::with_capacity(statuses.len());
        for (device_seq, status) in statuses {
            let hash = self.sent.get(device_seq);
            let hash = *hash.ok_or(SessionError::Inconsistent("a status for an envelope that was not sent"))?;
            if !seen.insert(*device_seq) {
                return Err(SessionError::Inconsistent("two statuses for one envelope"));
            }
            acks.push(Ack { device_seq: *device_seq, hash, status: *status });
        }
        Ok(acks)
    }

    fn with_grants(&self, grants: &[GrantChange]) -> BTreeMap<SpaceId, SpacePosition> {
        let mut positions = self.positions.clone();
        for grant in grants {
            match grant {
                GrantChange::Given { space, .. } => {
                    positions.entry(*space).or_insert_with(|| SpacePosition::start(*space));
                }
                GrantChange::Taken { space } => {
                    positions.remove(space);
                }
            }
        }
        positions
    }
}

/// Server's clock minus the device's at the middle of the round trip, milliseconds.
fn skew(sent_ms: u64, now_ms: u64, server_ms: u64) -> i64 {
    let middle = u64::midpoint(sent_ms, now_ms);
    i64::try_from(i128::from(server_ms) - i128::from(middle)).unwrap_or(i64::MAX)
}

struct Reader<'a> {
    session: &'a Session,
    view: &'a dyn DeviceView,
    overlay: Overlay<'a>,
    raw: usize,
    cloned: bool,
}

impl Reader<'_> {
    fn part(&mut self, part: SpacePart, position: SpacePosition) -> Result<Part, SessionError> {
        let restart = matches!(part.notice, Some(Notice::ChainDiverged { .. }));
        let own = part.items.iter().any(|item| matches!(item, LogItem::Own { .. }));
        let mut cursor = if restart { Cursor::START } else { position.cursor };
        let mut items = Vec::with_capacity(part.items.len());
        let (mut stopped, mut before_own) = (None, None);
        for item in part.items {
            if item.seq() != cursor.seq + 1 {
                stopped = Some(Stopped::Inconsistent { own });
                break;
            }
            match self.item(part.space, item)? {
                Ok((item, hash)) => {
                    if matches!(item, Item::Own { .. }) {
                        before_own = before_own.or(Some((items.len(), cursor)));
                    }
                    cursor = cursor.after(&hash);
                    items.push(item);
                }
                Err(reason) => {
                    stopped = Some(reason);
                    break;
                }
            }
        }
        if stopped.is_none() && cursor != part.cursor {
            stopped = Some(Stopped::Inconsistent { own });
        }
        if matches!(stopped, Some(Stopped::Inconsistent { .. })) {
            // One of the items is not what the log says, and there is no telling which: none is taken.
            items.clear();
            cursor = position.cursor;
        }
        if let (Some(Stopped::OwnUnknown { .. } | Stopped::Unreadable { .. }), Some((length, place))) =
            (&stopped, before_own)
        {
            // The chain leads to the end of the part and vouches for nothing that breaks off before: what is named as this
            // device's own may be a twin's.
            items.truncate(length);
            cursor = place;
        }
        let digest = if stopped.is_some() { None } else { part.digest };
        Ok(Part {
            space: part.space,
            items,
            position: SpacePosition { space: part.space, cursor, digest },
            more: part.more || stopped.is_some(),
            horizon: part.horizon,
            notice: part.notice,
            stopped,
        })
    }

    /// The item and its hash; or why the part ends before it.
    fn item(&mut self, space: SpaceId, item: LogItem) -> Result<Result<(Item, EnvelopeHash), Stopped>, SessionError> {
        Ok(match item {
            LogItem::Gone { seq, hash } => Ok((Item::Gone { seq, hash }, hash)),
            LogItem::Erased { seq, doc } => {
                let hash = erasure_hash(&space, &doc);
                Ok((Item::Erased { seq, doc, hash }, hash))
            }
            LogItem::Redacted { seq, .. } if self.raw > MAX_MESSAGE_RAW => Err(Stopped::Enough { seq }),
            LogItem::Redacted { seq, hash, chunk } => match compact::decode(&space, &chunk) {
                Ok(chunk) => {
                    self.raw += chunk.changes.iter().map(|change| change.raw.len()).sum::<usize>();
                    self.overlay.add_changes(space, &chunk.changes);
                    Ok((Item::Redacted { seq, hash, changes: chunk.changes }, hash))
                }
                Err(error) => Ok((Item::Unreadable { seq, hash, error }, hash)),
            },
            LogItem::Own { seq, device_seq } => match self.own_hash(device_seq)? {
                Some(hash) => Ok((Item::Own { seq, device_seq, hash }, hash)),
                None => Err(Stopped::OwnUnknown { seq, device_seq }),
            },
            LogItem::Envelope { seq, .. } if self.raw > MAX_MESSAGE_RAW => Err(Stopped::Enough { seq }),
            LogItem::Envelope { seq, hash, relayed } => match self.open(space, hash, &relayed) {
                Ok((envelope, signature)) => {
                    let hash = envelope.hash;
                    Ok((Item::Envelope { seq, envelope, signature }, hash))
                }
                Err(EnvelopeError::Storage(error)) => return Err(error.into()),
                Err(error) => match hash {
                    Some(hash) => Ok((Item::Unreadable { seq, hash, error }, hash)),
                    None => Err(Stopped::Unreadable { seq, error }),
                },
            },
        })
    }

    fn own_hash(&self, device_seq: u64) -> Result<Option<EnvelopeHash>, StorageError> {
        match self.session.sent.get(&device_seq) {
            Some(hash) => Ok(Some(*hash)),
            None => self.view.own_envelope(device_seq),
        }
    }

    fn open(
        &mut self,
        space: SpaceId,
        hash: Option<EnvelopeHash>,
        relayed: &[u8],
    ) -> Result<(Envelope, Signature), EnvelopeError> {
        let relayed = RelayedEnvelope::from_bytes(relayed)?;
        let envelope = relayed.open(space, None, &self.overlay)?;
        if hash.is_some_and(|hash| hash != envelope.hash) {
            return Err(EnvelopeError::Signature);
        }
        if envelope.device == self.session.device {
            self.cloned |= self.own_hash(envelope.device_seq)?.is_some_and(|own| own != envelope.hash);
        }
        self.raw += envelope.changes.iter().map(|change| change.raw.len()).sum::<usize>();
        self.overlay.add(&envelope);
        Ok((envelope, relayed.signature))
    }
}
