//! One round trip with a device: bytes in, bytes out. Blocks; runs on a thread of its own.

mod deciding;
mod giving;
mod index;
mod query;
mod view;

use std::sync::Arc;

use axum::http::StatusCode;
use ed25519_dalek::VerifyingKey;

use gandan_model::ids::DeviceId;
use gandan_sync::error::{FrameError, RequestError};
use gandan_sync::frame::PROTOCOL_VERSION;
use gandan_sync::request::{Flags, RequestHead, SyncRequest, UnverifiedRequest, salvage};
use gandan_sync::response::Problem;
use gandan_sync::server::{Admitted, Answer, Ask, Intake, SpaceRight, Verdict, answer};
use gandan_sync::{Refusal, Status};

use crate::attachments::Attachments;
use crate::clock::SharedClock;
use crate::db::sqlite::rules;
use crate::db::storage::{DbResult, DeviceRow, SeenRow};
use crate::db::{Db, DbError, Storage};
use crate::ingest::{Ingest, Listeners, LogResolver, device_head, refusal_for};
use crate::metrics::Metrics;
use crate::positions::Positions;
use crate::random::SharedRandom;
pub use deciding::Undecided;
pub use index::Indexes;
use view::{DeviceLedger, DeviceLog};

/// The version of the document schema that this server writes.
pub const SCHEMA: u32 = 1;

/// What a round trip needs.
pub struct Exchange {
    /// The logs.
    pub storage: Arc<dyn Storage>,
    /// The database, for what is written rarely.
    pub db: Db,
    /// The writer.
    pub ingest: Ingest,
    /// Who hears of what is written beside the writer.
    pub listeners: Listeners,
    /// Where devices stand.
    pub positions: Positions,
    /// The documents of spaces that devices compare themselves with.
    pub indexes: Indexes,
    /// The clock.
    pub clock: SharedClock,
    /// Where the secrets of renewed devices come from.
    pub random: SharedRandom,
    /// Figures.
    pub metrics: Metrics,
    /// How often this server's data was restored.
    pub incarnation: u64,
    /// When devices should call again, in seconds.
    pub poll_after_s: u32,
    /// Photographs and other files.
    pub attachments: Attachments,
}

/// Why a request gets a [`Problem`] instead of a response.
#[derive(Debug, Clone, Copy)]
pub struct Trouble {
    /// The word for the device.
    pub refusal: Refusal,
    /// Seconds after which to try again; 0 for no wish.
    pub retry_after_s: u32,
}

impl Trouble {
    fn new(refusal: Refusal) -> Self {
        Self { refusal, retry_after_s: 0 }
    }

    /// The HTTP status that goes with it.
    pub fn status(&self) -> StatusCode {
        match self.refusal {
            Refusal::TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::BAD_SIGNATURE | Refusal::UNKNOWN_DEVICE => StatusCode::UNAUTHORIZED,
            Refusal::NO_GRANT | Refusal::REVOKED => StatusCode::FORBIDDEN,
            Refusal::NO_SPACE => StatusCode::INSUFFICIENT_STORAGE,
            Refusal::BUSY => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::INTERNAL => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The frame that tells the device.
    pub fn frame(&self, now_ms: i64) -> Vec<u8> {
        let problem = Problem {
            refusal: self.refusal,
            retry_after_s: self.retry_after_s,
            server_time_ms: u64::try_from(now_ms).unwrap_or(0),
            versions: (PROTOCOL_VERSION, PROTOCOL_VERSION),
        };
        // Four small numbers always fit.
        problem.encode().unwrap_or_default()
    }
}

impl From<FrameError> for Trouble {
    fn from(error: FrameError) -> Self {
        Self::new(error.refusal())
    }
}

impl From<RequestError> for Trouble {
    fn from(error: RequestError) -> Self {
        Self::new(error.refusal())
    }
}

impl From<DbError> for Trouble {
    fn from(error: DbError) -> Self {
        tracing::error!(code = error.code(), %error, "a sync request failed");
        Self { refusal: refusal_for(&error), retry_after_s: 5 }
    }
}

impl From<crate::error::ServerError> for Trouble {
    fn from(error: crate::error::ServerError) -> Self {
        match error {
            crate::error::ServerError::Db(error) => error.into(),
            crate::error::ServerError::Busy => Self { refusal: Refusal::BUSY, retry_after_s: 2 },
            other => {
                tracing::error!(code = other.code(), error = %other, "a sync request failed");
                Self { refusal: Refusal::INTERNAL, retry_after_s: 5 }
            }
        }
    }
}

/// Envelopes that were looked at.
#[derive(Default)]
struct Opened {
    statuses: Vec<(u64, Status)>,
    admitted: Vec<Admitted>,
}

impl Exchange {
    /// Answers a request frame with a response frame.
    pub fn round_trip(&self, bytes: &[u8]) -> Result<Vec<u8>, Trouble> {
        let unverified = UnverifiedRequest::decode(bytes)?;
        let id = unverified.device();
        let device = self.storage.read(|log| log.device(&id))?.ok_or(Trouble::new(Refusal::UNKNOWN_DEVICE))?;
        let key = verifying_key(&device)?;
        let SyncRequest { head, envelopes } = unverified.verify(&key)?;
        let mut statuses = Vec::new();
        let mut device_seq = device.last_seq;
        if !envelopes.is_empty() {
            let opened = self.open(&device, &key, envelopes)?;
            statuses = opened.statuses;
            if !opened.admitted.is_empty() {
                let receipt = self.ingest.push(id, opened.admitted)?;
                statuses.extend(receipt.statuses);
                device_seq = device_seq.max(receipt.device_seq);
            }
            statuses.sort_unstable_by_key(|(device_seq, _)| *device_seq);
        }
        let mut answer = self.answer(&device, &head, statuses, device_seq)?;
        if head.flags.contains(Flags::RULES) {
            answer.response.rules = Some(self.db.read(rules::number)?);
        }
        if let Some(record) = answer.keep {
            let token = record.token;
            self.ingest.keep_position(device.no, token, self.positions.keep(device.no, record));
        }
        self.seen(&device, &head);
        let out = answer.response.encode()?;
        self.metrics.sync_bytes(bytes.len(), out.len());
        Ok(out)
    }

    /// Takes what is whole out of an upload that broke off. Nobody is answered.
    pub fn salvage(&self, bytes: &[u8]) -> Result<usize, Trouble> {
        let SyncRequest { head, envelopes } = salvage(bytes)?;
        let Some(device) = self.storage.read(|log| log.device(&head.device))? else { return Ok(0) };
        let key = verifying_key(&device)?;
        let opened = self.open(&device, &key, envelopes)?;
        if opened.admitted.is_empty() {
            return Ok(0);
        }
        Ok(self.ingest.push(device.id, opened.admitted)?.statuses.len())
    }

    fn open(
        &self,
        device: &DeviceRow,
        key: &VerifyingKey,
        envelopes: Vec<gandan_sync::envelope::PushEnvelope>,
    ) -> Result<Opened, Trouble> {
        let mut opened = Opened::default();
        let broken = self.storage.read(|log| {
            let rights: Vec<SpaceRight> = log
                .grants(device.no)?
                .into_iter()
                .map(|grant| SpaceRight { space: grant.space, granted: grant.access.writes() })
                .collect();
            let ledger = DeviceLedger { resolver: LogResolver::new(log), log, device: device.no };
            let mut intake = Intake::new(device.id, key, device_head(device), &rights, &ledger);
            for push in envelopes {
                let device_seq = push.device_seq;
                match intake.examine(push) {
                    Ok(Verdict::Admit(admitted)) => opened.admitted.push(*admitted),
                    Ok(Verdict::Known(status)) => opened.statuses.push((device_seq, status)),
                    Ok(Verdict::Refuse(refusal, error)) => {
                        self.refused(device.id, refusal, error.as_ref());
                        opened.statuses.push((device_seq, Status::Refused(refusal)));
                    }
                    Err(error) => return Ok(Some(error)),
                }
            }
            Ok(None)
        })?;
        match broken {
            None => Ok(opened),
            Some(error) => Err(DbError::internal(error).into()),
        }
    }

    fn refused(&self, device: DeviceId, refusal: Refusal, error: Option<&gandan_sync::error::EnvelopeError>) {
        self.metrics.refused_early(refusal.name());
        let detail = error.map_or("", |error| error.code());
        tracing::warn!(%device, refusal = refusal.name(), detail, "envelope refused");
    }

    fn answer(
        &self,
        device: &DeviceRow,
        head: &RequestHead,
        statuses: Vec<(u64, Status)>,
        device_seq: u64,
    ) -> DbResult<Answer> {
        self.storage.read(|log| {
            // Revoked while this request was under way? Then nothing more is served.
            let row = log.device(&device.id)?;
            let revoked = row.as_ref().is_none_or(|row| row.revoked_ms.is_some());
            let ask = Ask {
                head,
                statuses,
                device_seq,
                schema: SCHEMA,
                now_ms: u64::try_from(self.clock.now_ms()).unwrap_or(0),
                incarnation: self.incarnation,
                poll_after_s: self.poll_after_s,
                wipe: row.is_some_and(|row| row.revoked_ms.is_some() && row.wipe),
                next_token: self.positions.next_token(log, device.no)?,
            };
            let view = DeviceLog::new(log, device, revoked, &self.positions);
            answer(&view, ask).map_err(DbError::internal)
        })
    }

    fn seen(&self, device: &DeviceRow, head: &RequestHead) {
        let now_ms = self.clock.now_ms();
        let theirs = i64::try_from(head.time_ms).unwrap_or(i64::MAX);
        self.ingest.keep_seen(SeenRow {
            device: device.no,
            at_ms: now_ms,
            skew_ms: theirs.saturating_sub(now_ms),
            schema: head.schema,
        });
    }
}

fn verifying_key(device: &DeviceRow) -> Result<VerifyingKey, Trouble> {
    VerifyingKey::from_bytes(&device.key).map_err(|_| Trouble::new(Refusal::BAD_SIGNATURE))
}
