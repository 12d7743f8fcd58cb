//! The device's side of the exchange with the server: what to send next, and what is done with an answer.
//!
//! Nothing here waits for anybody: [`crate::driver`] moves the bytes, and so may a simulator. After every step the store
//! is consistent, so an exchange may end anywhere: by a cut line, a killed app, or because somebody has had enough.
//!
//! An exchange begins with a round trip. What an answer calls for follows, each in a file of its own: whole documents
//! for a device that is new ([`loading`]), documents that differ ([`healing`]), what a restored server lost
//! ([`returning`]), a new identity for a device that has a twin ([`renewal`]), rules that changed ([`rules`]), what
//! became of work that was set aside ([`decisions`]), how this device is ([`health`]).

mod decisions;
mod healing;
mod health;
mod loading;
mod renewal;
mod returning;
mod rewriting;
mod round;
mod rules;
mod stretch;

use crate::client::Client;
use crate::error::ClientError;
use crate::report::SyncReport;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_store::{Identity, Store};
use gandan_sync::Refusal;
use gandan_sync::client::Session;
use gandan_sync::error::{SessionError, StorageError};
use gandan_sync::frame::{Kind, split};
use gandan_sync::query::{Ask, Query, Reply};
use gandan_sync::response::Problem;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use health::worth_telling;
pub use round::SCHEMA;
pub(crate) use rules::kept as kept_rules;

/// Without another wish, most round trips of one exchange.
pub(crate) const MAX_ROUNDS: u32 = 256;

/// A frame to be sent by POST.
#[derive(Debug)]
pub struct Message {
    /// The server's address.
    pub server: String,
    /// The path there: `/v1/sync` or `/v1/query`.
    pub path: &'static str,
    /// The frame.
    pub body: Vec<u8>,
    /// What it is about; [`Exchange::take`] wants it back with the answer.
    pub errand: Errand,
}

/// What a message is about.
#[derive(Debug)]
pub struct Errand(Work);

impl Errand {
    /// Whether the beginning of an answer that was cut off is of use.
    pub fn takes_parts(&self) -> bool {
        matches!(self.0, Work::Load { .. })
    }

    /// Whether a server that cannot answer it, being older than this app, is no reason to end the exchange.
    pub fn may_fail(&self) -> bool {
        matches!(self.0, Work::Decisions | Work::Health { .. })
    }

    /// An older server could not answer it: that costs no bytes again until there is something else to say.
    pub(crate) fn not_understood(self, client: &Client) -> Result<(), ClientError> {
        match self.0 {
            Work::Health { told } => health::note(client, &told),
            _ => Ok(()),
        }
    }
}

#[derive(Debug)]
enum Work {
    Round(Session),
    Load { space: SpaceId, hashes: Vec<[u8; 32]>, sent_ms: i64 },
    Compare { space: SpaceId },
    Differ { space: SpaceId, bucket: u8 },
    Offer { space: SpaceId, offered: returning::Offered },
    Return { space: SpaceId, contents: Vec<Vec<(DocId, ChangeHash)>> },
    Renew { identity: Identity },
    Rules,
    Decisions,
    Health { told: Vec<u8> },
}

/// One exchange with the server, without the road: gives the bytes of a message and takes in the bytes of its answer.
///
/// [`Client::sync_once`] is this and a transport. Somebody who moves the bytes in another way (a simulator, a cable, a
/// memory card) asks for the [`next`](Exchange::next) message, carries it there, carries the answer back into
/// [`take`](Exchange::take), and does so again until nothing is next. Both block while they touch the disk. What is
/// saved meanwhile goes with the next exchange, once it is [sealed](Client::seal_outbox). One exchange at a time: what is
/// on its way when a new one begins counts as lost.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one exchange, not a state machine")]
pub struct Exchange {
    /// What it did so far.
    pub report: SyncReport,
    /// Most bytes of news wanted in one answer; 0 for the server's choice.
    pub byte_budget: u32,
    max_rounds: u32,
    /// Another round trip makes sense.
    again: bool,
    /// The server asks to come back later with some of the envelopes.
    later: Option<Refusal>,
    /// Envelopes that the server keeps until something else arrives: not sent again in this exchange.
    waiting: BTreeSet<u64>,
    loading: loading::Pace,
    healing: healing::Queue,
    returning: returning::Queue,
    /// The server works by other rules than this device.
    other_rules: bool,
    /// The server has said so: nothing but a round trip makes sense.
    revoked: bool,
    /// How often each log turned out to be another one.
    diverged: BTreeMap<SpaceId, u32>,
    asked_decisions: bool,
    told_health: bool,
    /// Drafts were handed in before a wipe.
    gave_up_drafts: bool,
}

impl Default for Exchange {
    fn default() -> Self {
        Self::new(MAX_ROUNDS)
    }
}

impl Exchange {
    /// An exchange of at most so many round trips, at least 1.
    pub fn new(max_rounds: u32) -> Self {
        Self {
            report: SyncReport::default(),
            byte_budget: 0,
            max_rounds: max_rounds.max(1),
            again: true,
            later: None,
            waiting: BTreeSet::new(),
            loading: loading::Pace::default(),
            healing: healing::Queue::default(),
            returning: returning::Queue::default(),
            other_rules: false,
            revoked: false,
            diverged: BTreeMap::new(),
            asked_decisions: false,
            told_health: false,
            gave_up_drafts: false,
        }
    }

    /// What to send next; `None` when the exchange is over.
    ///
    /// # Errors
    ///
    /// `not_enrolled`, those of the disk; when it is over, the server's wish to be asked again later.
    pub fn next(&mut self, client: &Client) -> Result<Option<Message>, ClientError> {
        if !self.revoked
            && let Some(message) = renewal::renew(client)?
        {
            return Ok(Some(message));
        }
        if self.report.round_trips > 0 {
            let aside = [Self::load, Self::heal, Self::give_back, Self::ask_rules];
            for step in aside {
                if let Some(message) = step(self, client)? {
                    return Ok(Some(message));
                }
            }
        }
        if self.again && self.report.round_trips < self.max_rounds {
            return self.round(client).map(Some);
        }
        if self.report.round_trips > 0
            && let Some(message) = self.ask_decisions(client)?
        {
            return Ok(Some(message));
        }
        if self.report.round_trips > 0
            && !self.again
            && let Some(message) = self.tell_health(client)?
        {
            return Ok(Some(message));
        }
        self.report.more |= self.again;
        match self.later {
            Some(refusal) => Err(SessionError::Problem { refusal, retry_after_s: 0 }.into()),
            None => Ok(None),
        }
    }

    /// Takes in an answer. Of an [errand that takes parts](Errand::takes_parts) it may be cut off anywhere.
    ///
    /// # Errors
    ///
    /// What is wrong with the answer, or with this device in the eyes of the server. What was taken in before stays.
    pub fn take(&mut self, client: &Client, errand: Errand, answer: &[u8]) -> Result<(), ClientError> {
        match errand.0 {
            Work::Round(session) => self.take_round(client, session, answer),
            Work::Load { space, hashes, sent_ms } => self.take_chunks(client, space, &hashes, sent_ms, answer),
            Work::Compare { space } => self.take_buckets(client, space, reply(answer)?),
            Work::Differ { space, bucket } => self.take_healing(client, space, bucket, reply(answer)?),
            Work::Offer { space, offered } => self.take_wishes(space, offered, reply(answer)?),
            Work::Return { space, contents } => self.take_thanks(client, space, &contents, &reply(answer)?),
            Work::Renew { identity } => match reply(answer) {
                Err(ClientError::Session(SessionError::Problem { refusal: Refusal::REVOKED, .. })) => {
                    self.revoked = true;
                    renewal::give_up(client)
                }
                reply => self.take_name(client, &identity, reply?),
            },
            Work::Rules => Self::take_rules(client, reply(answer)?),
            Work::Decisions => self.take_decisions(client, reply(answer)?),
            Work::Health { told } => Self::take_note(client, &told, &reply(answer)?),
        }
    }
}

/// A signed query as a message.
fn query(client: &Client, store: &Store, ask: Ask, work: Work) -> Result<Message, ClientError> {
    let (server, body) = query_frame(client, store, ask)?;
    Ok(Message { server, path: "/v1/query", body, errand: Errand(work) })
}

/// The server's address and a signed query.
pub(crate) fn query_frame(client: &Client, store: &Store, ask: Ask) -> Result<(String, Vec<u8>), ClientError> {
    let identity = Client::identity(store)?;
    let key = client.signing_key(&identity);
    let time_ms = u64::try_from(client.now_ms()).unwrap_or(0);
    let body = Query { device: identity.device, time_ms, ask }.encode(&key).map_err(SessionError::Frame)?;
    Ok((identity.server_url, body))
}

/// The answer to a query, or the server's reason for none.
fn reply(answer: &[u8]) -> Result<Reply, ClientError> {
    problem(answer)?;
    Ok(Reply::decode(answer).map_err(SessionError::Frame)?)
}

/// The server's word that it cannot answer, if that is what the frame is.
pub(crate) fn problem(answer: &[u8]) -> Result<(), ClientError> {
    if let Ok((Kind::Problem, _)) = split(answer) {
        let Problem { refusal, retry_after_s, .. } = Problem::decode(answer).map_err(SessionError::Frame)?;
        return Err(SessionError::Problem { refusal, retry_after_s }.into());
    }
    Ok(())
}

pub(crate) fn unexpected() -> ClientError {
    SessionError::Inconsistent("an answer to another question").into()
}

/// The space in the name of a value.
fn space_in(name: &str) -> Option<SpaceId> {
    name.rsplit_once('/').and_then(|(_, id)| id.parse().ok())
}

impl From<StorageError> for ClientError {
    fn from(error: StorageError) -> Self {
        Self::Session(SessionError::Storage(error))
    }
}
