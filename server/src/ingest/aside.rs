//! What does not come as a push: envelopes given back after a restore, and what a person admits from quarantine.
//!
//! It is checked and appended by the same code as a push, in a transaction of its own beside the writer's thread; the
//! database lets one of them write at a time.

use std::collections::BTreeMap;

use gandan_model::ids::{DeviceId, DocId};
use gandan_sync::server::Admitted;
use gandan_sync::{Change, Envelope, EnvelopeHash, Refusal, Status, compact};

use super::Listeners;
use super::admit::{Check, Checker, NewChanges};
use super::batch::Batch;
use crate::db::Storage;
use crate::db::storage::{DbResult, EnvelopeState, Form, NewContent, NewQuarantine, No, QuarantinedRow, SpaceRow};
use crate::erasure;

/// Most things of one device that may lie in quarantine undecided; more are told to come back.
pub(super) const MAX_QUARANTINED: u64 = 4096;

/// Runs `work` in a transaction, all or nothing, and tells those who listen.
pub(crate) fn alongside<T>(
    storage: &dyn Storage,
    listeners: &Listeners,
    now_ms: i64,
    work: impl FnOnce(&mut Batch<'_>) -> DbResult<T>,
) -> DbResult<T> {
    let log = storage.writer()?;
    log.begin()?;
    let mut batch = Batch::new(log.as_ref(), now_ms);
    let done = work(&mut batch).and_then(|done| {
        batch.flush()?;
        batch.admit_waiting()?;
        Ok(done)
    });
    let events = batch.news();
    let done = done.and_then(|done| log.commit().map(|()| done)).inspect_err(|_| log.rollback())?;
    if !events.is_empty() {
        listeners.projector.committed();
    }
    events.into_iter().for_each(|event| listeners.events.publish(event));
    Ok(done)
}

/// Something that a device gives back.
pub(crate) enum GivenBack {
    /// Decided already.
    Known(Status),
    /// An envelope of an author whose signature was checked.
    Signed(Box<Admitted>),
    /// An envelope of somebody this server does not know (any more).
    Stranger(Box<Admitted>),
}

/// Who gives something back, and how far it is trusted.
pub(crate) struct Giver {
    pub(crate) no: No,
    /// Why everything goes to quarantine, if it does.
    pub(crate) aside: Option<&'static str>,
}

impl Batch<'_> {
    /// Takes in what was given back; one status for each.
    pub(crate) fn given_back(&mut self, giver: &Giver, space: &SpaceRow, given: &[GivenBack]) -> DbResult<Vec<Status>> {
        let mut statuses = Vec::with_capacity(given.len());
        for given in given {
            statuses.push(match given {
                GivenBack::Known(status) => *status,
                GivenBack::Signed(admitted) => self.envelope(&admitted.envelope.device, admitted, giver.aside)?,
                GivenBack::Stranger(admitted) => {
                    let author = Some(admitted.envelope.device);
                    self.set_aside((giver.no, author), space.no, admitted, "unknown_author")?
                }
            });
            // The next may build on this one.
            self.flush()?;
        }
        Ok(statuses)
    }

    /// Keeps changes without a signature for a person to decide on, one row for each document.
    pub(crate) fn recovered(&mut self, giver: &Giver, space: &SpaceRow, changes: Vec<Change>) -> DbResult<Status> {
        let log = self.log();
        let mut documents: BTreeMap<DocId, Vec<Change>> = BTreeMap::new();
        for change in changes {
            documents.entry(change.doc).or_default().push(change);
        }
        let mut status = Status::Gone;
        for (doc, mut changes) in documents {
            if log.is_erased(space.no, &doc)? {
                continue;
            }
            let known = log.changes(space.no, &doc)?;
            changes.retain(|change| known.iter().all(|row| row.hash != change.header.hash));
            if changes.is_empty() {
                if status == Status::Gone {
                    status = Status::Duplicate { seq: known.iter().map(|row| row.seq).max().unwrap_or(0) };
                }
                continue;
            }
            if log.quarantined_of(giver.no)? >= MAX_QUARANTINED {
                return Ok(Status::Refused(Refusal::BUSY));
            }
            let body = erasure::chunk(&changes)?;
            log.put_quarantine(&NewQuarantine {
                space: space.no,
                device: giver.no,
                device_seq: 0,
                reason: "recovered",
                received_ms: self.now_ms(),
                body: &body,
                form: Form::Chunk,
                hash: compact::hash(&body),
                author: None,
            })?;
            status = Status::Quarantined;
        }
        Ok(status)
    }

    /// Takes something out of quarantine into the log, past grants and revocations but past nothing else. `server` is the
    /// server's own device. A refusal leaves it where it is.
    pub(crate) fn admit(
        &mut self,
        row: &QuarantinedRow,
        server: (No, DeviceId),
    ) -> DbResult<Result<u64, &'static str>> {
        let Some(body) = row.body.as_deref() else { return Ok(Err("nothing_left")) };
        let log = self.log();
        let Some(space) = log.space(&row.space)? else { return Ok(Err("nothing_left")) };
        let changes = erasure::open(log, &row.space, body, row.form);
        if changes.is_empty() {
            return Ok(Err("not_readable"));
        }
        // An author who was not known then may be now; a stranger's signature counts for nothing.
        let signed = row.form == Form::Envelope && row.author.is_none();
        let (device, id) = if signed { (row.device, row.device_id) } else { server };
        let envelope = Envelope {
            space: row.space,
            device: id,
            device_seq: if signed { row.device_seq } else { 0 },
            prev: EnvelopeHash::ZERO,
            hash: EnvelopeHash(row.hash.unwrap_or_else(|| compact::hash(body))),
            changes,
        };
        let seq = space.head + 1;
        let logged = match Checker::new(log, space.no, self.docs()).check(&envelope.changes)? {
            Check::New(new) if signed => self.append(device, &envelope, NewContent::Envelope(body), seq, new)?,
            Check::New(new) | Check::Redact(new) => {
                let chunk = chunk_of(&envelope, &new)?;
                self.append(device, &envelope, NewContent::Chunk(&chunk), seq, new)?
            }
            Check::Known { seq } => Status::Duplicate { seq },
            Check::Erased => return Ok(Err("erased")),
            Check::Missing => return Ok(Err("missing_dependency")),
            Check::Refuse(refusal) => return Ok(Err(refusal.name())),
        };
        let (Status::Durable { seq } | Status::Duplicate { seq }) = logged else { return Ok(Err("refused")) };
        if row.author.is_none() {
            log.set_held(row.device, row.device_seq, EnvelopeState::Logged, seq)?;
        }
        Ok(Ok(seq))
    }
}

/// A chunk of the changes that are new.
fn chunk_of(envelope: &Envelope, new: &NewChanges) -> DbResult<Vec<u8>> {
    let fresh =
        |change: &&Change| new.rows.iter().any(|(doc, row)| *doc == change.doc && row.hash == change.header.hash);
    let changes: Vec<Change> = envelope.changes.iter().filter(fresh).cloned().collect();
    erasure::chunk(&changes)
}
