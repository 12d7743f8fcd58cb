//! Work that the server set aside, and what a person decided about it.

use gandan_model::ids::{DocId, SpaceId};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::outbox::{Ack, EnvelopeState, HAS_CONTENT, documents_in, note};
use crate::state::{change, refresh};
use crate::{Store, setting};

/// An envelope that is not in the server's log, though the server has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldBack {
    /// Its number among this device's envelopes.
    pub device_seq: u64,
    /// Its space.
    pub space: SpaceId,
    /// Where it stands: quarantined, refused, gone or discarded.
    pub state: EnvelopeState,
    /// Why, as a stable code.
    pub code: Option<String>,
    /// Why, in the words of whoever decided; empty while nobody has.
    pub reason: String,
    /// When that was, by the server's clock, in milliseconds since 1970.
    pub decided_ms: Option<i64>,
    /// The records in it. They are here and are exported with what is unsent.
    pub records: Vec<DocId>,
}

/// What somebody decided about an envelope in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The envelope's number.
    pub device_seq: u64,
    /// What it amounts to: durable, discarded or gone.
    pub ack: Ack,
    /// When, by the server's clock, in milliseconds since 1970.
    pub at_ms: i64,
    /// Why.
    pub reason: String,
}

/// As it is kept beside an envelope.
#[derive(Serialize, Deserialize)]
struct Reason {
    at_ms: i64,
    reason: String,
}

/// Under this name and an envelope's number the reason of a decision about it is kept.
const REASON: &str = "decision/";

impl Store {
    /// Numbers of envelopes about which somebody has yet to decide, the oldest first, at most so many.
    pub fn undecided(&self, limit: usize) -> Result<Vec<u64>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT device_seq FROM envelope WHERE state = ?1 AND state <> 2 ORDER BY device_seq LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![EnvelopeState::Quarantined.number(), limit], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Notes what was decided. What was discarded stays here, in its documents and in [`Store::held_back`].
    pub fn decide(&mut self, decisions: &[Decision]) -> Result<(), StoreError> {
        self.write(|writing| {
            for Decision { device_seq, ack, at_ms, reason } in decisions {
                note(writing, *device_seq, ack)?;
                let reason = Reason { at_ms: *at_ms, reason: reason.clone() };
                setting::set_json(writing, &format!("{REASON}{device_seq}"), &reason)?;
            }
            Ok(())
        })
    }

    /// Envelopes that the server set aside and does not have any more are to be sent once more. Gives how many that are:
    /// those whose content is still here.
    pub fn send_again(&mut self, device_seqs: &[u64]) -> Result<usize, StoreError> {
        self.write(|writing| {
            let mut sent = 0;
            for device_seq in device_seqs {
                sent += writing.execute(
                    &format!(
                        "UPDATE envelope SET state = ?2, code = NULL WHERE device_seq = ?1 AND state = ?3 AND {HAS_CONTENT}"
                    ),
                    params![device_seq, EnvelopeState::Sealed.number(), EnvelopeState::Quarantined.number()],
                )?;
                writing.execute(
                    "UPDATE change SET state = ?2, code = NULL WHERE device_seq = ?1 AND state = ?3",
                    params![device_seq, change::SEALED, change::OWN_QUARANTINED],
                )?;
                for (n, id) in documents_in(writing, *device_seq)? {
                    refresh(writing, n, id)?;
                }
            }
            Ok(sent)
        })
    }

    /// What the server did not take into its log, the latest first, at most so many.
    pub fn held_back(&self, limit: u32) -> Result<Vec<HeldBack>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT device_seq, space, state, code FROM envelope WHERE state IN (3, 4, 5, 6) AND state <> 2
                 ORDER BY device_seq DESC LIMIT ?1",
            )?;
            let mut rows = statement.query([limit])?;
            let mut held = Vec::new();
            while let Some(row) = rows.next()? {
                let device_seq = row.get(0)?;
                let decided: Option<Reason> = setting::json(connection, &format!("{REASON}{device_seq}"))?;
                held.push(HeldBack {
                    device_seq,
                    space: SpaceId(row.get(1)?),
                    state: EnvelopeState::from_number(row.get(2)?),
                    code: row.get(3)?,
                    decided_ms: decided.as_ref().map(|decided| decided.at_ms),
                    reason: decided.map(|decided| decided.reason).unwrap_or_default(),
                    records: documents_in(connection, device_seq)?.into_iter().map(|(_, id)| id).collect(),
                });
            }
            Ok(held)
        })
    }
}

/// Forgets the reasons of decisions: those about a space that leaves this phone, or all.
pub(crate) fn forget(connection: &Connection, space: Option<SpaceId>) -> Result<(), StoreError> {
    connection.execute(
        "DELETE FROM setting WHERE substr(name, 1, length(?1)) = ?1 AND (?2 IS NULL OR name IN
             (SELECT ?1 || device_seq FROM envelope WHERE space = ?2))",
        params![REASON, space.map(|space| space.0)],
    )?;
    Ok(())
}
