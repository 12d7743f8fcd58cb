//! What a person decides about something in quarantine.

use gandan_model::ids::Compartment;

use super::Exchange;
use crate::db::DbError;
use crate::db::sqlite::{devices, log_of, spaces};
use crate::db::storage::ReadLog as _;
use crate::erasure::By;
use crate::ingest::alongside;
use crate::reports::audit::NewEntry;

/// Why a decision was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undecided {
    /// There is no such item, or not for this person.
    NotThere,
    /// This person sees it and does not decide about it.
    NotAllowed,
    /// The item stays where it is; the code says why: decided before, or what stands in the way of the log.
    NotPossible(&'static str),
}

impl Exchange {
    /// Takes an item of quarantine into the log, or puts it away for good, with a line in the audit trail; all or nothing.
    /// Gives its place in the log if it was admitted. `may_decide` is asked with the unit and compartment of the item.
    /// Blocks.
    ///
    /// # Errors
    ///
    /// Those of the database; nothing was decided then.
    pub fn decide(
        &self,
        id: i64,
        admit: bool,
        by: &By<'_>,
        may_decide: impl FnOnce(&str, Compartment) -> Result<(), Undecided>,
    ) -> Result<Result<Option<u64>, Undecided>, DbError> {
        let server = self.db.read(devices::server_device)?;
        let place = self.db.read(|connection| {
            let row = log_of(connection).quarantined(id)?;
            row.map(|row| spaces::place(connection, &row.space)).transpose()
        })?;
        let Some((unit, compartment)) = place.flatten() else { return Ok(Err(Undecided::NotThere)) };
        if let Err(undecided) = may_decide(&unit, compartment) {
            return Ok(Err(undecided));
        }
        let now_ms = self.clock.now_ms();
        alongside(self.storage.as_ref(), &self.listeners, now_ms, |batch| {
            let log = batch.log();
            let Some(row) = log.quarantined(id)? else { return Ok(Err(Undecided::NotThere)) };
            if row.resolved_ms.is_some() {
                return Ok(Err(Undecided::NotPossible("decided_before")));
            }
            let admitted = if admit { batch.admit(&row, server)?.map(Some) } else { Ok(None) };
            let (seq, result) = match &admitted {
                Ok(seq) => (*seq, "done"),
                Err(code) => (None, *code),
            };
            let entry = NewEntry {
                at_ms: now_ms,
                who: by.who.to_owned(),
                role: by.role,
                action: if admit { "quarantine.admit" } else { "quarantine.discard" },
                unit,
                doc: None,
                seq: seq.and_then(|seq| i64::try_from(seq).ok()),
                result: result.to_owned(),
                reason: Some(by.reason.to_owned()),
            };
            if let Err(code) = admitted {
                log.audit(&entry)?;
                return Ok(Err(Undecided::NotPossible(code)));
            }
            log.decide_quarantined(id, if admit { "admitted" } else { "discarded" }, &entry)?;
            Ok(Ok(seq))
        })
    }
}
