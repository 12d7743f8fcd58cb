//! What was saved here and the server does not have yet.

use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_model::mutant;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use crate::error::StoreError;
use crate::state::{change, refresh};
use crate::{Store, Writing, raw};

/// A change that is in no envelope yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingChange {
    /// The space of its document.
    pub space: SpaceId,
    /// Its document.
    pub doc: DocId,
    /// Its hash.
    pub hash: ChangeHash,
    /// The raw change chunk.
    pub raw: Vec<u8>,
}

/// A change that this device wrote and signed, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnChange {
    /// Its document.
    pub doc: DocId,
    /// Its hash.
    pub hash: ChangeHash,
    /// What it builds on.
    pub deps: Vec<ChangeHash>,
}

/// A signed envelope, on its way into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEnvelope {
    /// Its number among this device's envelopes: 1, 2, 3 …
    pub device_seq: u64,
    /// The space of all its changes.
    pub space: SpaceId,
    /// Its hash, on which the next envelope builds.
    pub hash: [u8; 32],
    /// The envelope in whatever form the client sends or rewrites it.
    pub bytes: Vec<u8>,
    /// The changes in it.
    pub changes: Vec<(DocId, ChangeHash)>,
}

/// Where an envelope stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvelopeState {
    /// To be sent, or sent and not answered.
    Sealed,
    /// The server keeps it until something earlier arrives.
    Waiting,
    /// The server has it, on disk.
    Durable,
    /// The server put it in quarantine, where a manager sees it.
    Quarantined,
    /// The server refused it.
    Refused,
    /// The server says that its content was erased.
    Gone,
    /// It was in quarantine, and a person decided that it stays out of the log.
    Discarded,
}

impl EnvelopeState {
    const ALL: [Self; 7] =
        [Self::Sealed, Self::Waiting, Self::Durable, Self::Quarantined, Self::Refused, Self::Gone, Self::Discarded];

    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Sealed => 0,
            Self::Waiting => 1,
            Self::Durable => 2,
            Self::Quarantined => 3,
            Self::Refused => 4,
            Self::Gone => 5,
            Self::Discarded => 6,
        }
    }

    pub(crate) fn from_number(number: i64) -> Self {
        Self::ALL.into_iter().find(|state| state.number() == number).unwrap_or(Self::Sealed)
    }
}

/// An envelope in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEnvelope {
    /// Its number among this device's envelopes.
    pub device_seq: u64,
    /// Its space.
    pub space: SpaceId,
    /// Its hash.
    pub hash: [u8; 32],
    /// Where it stands.
    pub state: EnvelopeState,
    /// Why it was refused.
    pub code: Option<String>,
    /// The bytes; empty once the server has them.
    pub bytes: Vec<u8>,
}

/// What the server says about an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ack {
    /// It is on the server's disk, at this place in the log.
    Durable {
        /// The place in the space's log.
        seq: u64,
    },
    /// It was there already, at this place.
    Duplicate {
        /// The place in the space's log.
        seq: u64,
    },
    /// It waits for something earlier; it will be sent again.
    Waiting,
    /// It is in quarantine.
    Quarantined,
    /// Its content was erased.
    Gone,
    /// It was refused, for the reason with this stable name.
    Refused(String),
    /// It was in quarantine, and a person decided that it stays out of the log.
    Discarded,
}

impl Store {
    /// The oldest changes that are in no envelope, at most so many.
    pub fn unsealed(&self, limit: u32) -> Result<Vec<PendingChange>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT s.id, c.doc_id, c.hash, c.raw FROM change c JOIN space s ON s.n = c.space
                 WHERE c.state <> 2 AND c.state = ?1 ORDER BY c.n LIMIT ?2",
            )?;
            let rows = statement.query_map(params![change::SAVED, limit], |row| {
                Ok(PendingChange {
                    space: SpaceId(row.get(0)?),
                    doc: DocId(row.get(1)?),
                    hash: ChangeHash(row.get(2)?),
                    raw: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Puts a signed envelope in the outbox and marks its changes; on disk when this returns. Only then
    /// may it be sent, so that no number is ever signed twice.
    ///
    /// # Errors
    ///
    /// [`UnknownEnvelope`](StoreError::UnknownEnvelope) if its number is not the next one;
    /// [`UnknownDocument`](StoreError::UnknownDocument) if a change of it is not among the
    /// [unsealed](Store::unsealed) ones.
    pub fn seal(&mut self, envelope: &SealedEnvelope) -> Result<(), StoreError> {
        self.write(|writing| {
            let last: Option<u64> = writing.query_row("SELECT max(device_seq) FROM envelope", [], |row| row.get(0))?;
            if last.is_some_and(|last| envelope.device_seq != last + 1) {
                return Err(StoreError::UnknownEnvelope(envelope.device_seq));
            }
            writing
                .prepare_cached(
                    "INSERT INTO envelope (device_seq, space, hash, state, bytes) VALUES (?1, ?2, ?3, 0, ?4)",
                )?
                .execute(params![envelope.device_seq, envelope.space.0, envelope.hash, envelope.bytes])?;
            for (doc, hash) in &envelope.changes {
                let Some(n) = mark_sealed(writing, *doc, *hash, envelope.device_seq)? else {
                    return Err(StoreError::UnknownDocument(*doc));
                };
                refresh(writing, n, *doc)?;
            }
            Ok(())
        })
    }

    /// Replaces the bytes of an envelope that has not been confirmed: the same signed content in another
    /// form, when the server could not read the first.
    pub fn reseal(&mut self, device_seq: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(|writing| {
            let changed = writing
                .prepare_cached("UPDATE envelope SET bytes = ?2 WHERE device_seq = ?1 AND state <> 2")?
                .execute(params![device_seq, bytes])?;
            if changed == 0 { Err(StoreError::UnknownEnvelope(device_seq)) } else { Ok(()) }
        })
    }

    /// Gives an envelope up that cannot be sent as it was signed, because something that it held was erased: what is left of
    /// it is [unsealed](Store::unsealed) again. It does not count as [refused](Store::refused).
    pub fn break_up(&mut self, device_seq: u64) -> Result<(), StoreError> {
        self.write(|writing| break_up(writing, device_seq))
    }

    /// The envelopes that have to be sent, oldest first, at most so many.
    pub fn sealed(&self, limit: u32) -> Result<Vec<OutboxEnvelope>, StoreError> {
        self.envelopes("state IN (0, 1)", limit)
    }

    /// The envelopes that the server did not take, oldest first, at most so many. They are kept.
    pub fn refused(&self, limit: u32) -> Result<Vec<OutboxEnvelope>, StoreError> {
        self.envelopes(&refused(), limit)
    }

    /// How many these are, without reading them.
    pub fn refused_count(&self) -> Result<u64, StoreError> {
        self.read(|connection| {
            let sql = format!("SELECT count(*) FROM envelope WHERE {} AND state <> 2", refused());
            Ok(connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))?)
        })
    }

    /// How many changes of this device the server has not confirmed: saved or sealed. Much cheaper than
    /// [`Store::counts`], which counts the lists too.
    pub fn unsent_count(&self) -> Result<u64, StoreError> {
        self.read(|connection| {
            let sql = "SELECT count(*) FROM change INDEXED BY change_open WHERE state <> 2 AND state IN (?1, ?2)";
            Ok(connection.prepare_cached(sql)?.query_row([change::SAVED, change::SEALED], |row| row.get(0))?)
        })
    }

    /// Number and hash of the last envelope that was sealed, on which the next one builds.
    pub fn last_envelope(&self) -> Result<Option<(u64, [u8; 32])>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT device_seq, hash FROM envelope ORDER BY device_seq DESC LIMIT 1";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
        })
    }

    /// One of this device's envelopes: its space and hash, and the changes in it, in their order. Known
    /// also after it was confirmed.
    pub fn envelope(&self, device_seq: u64) -> Result<Option<(OutboxEnvelope, Vec<OwnChange>)>, StoreError> {
        let found = self.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("SELECT {COLUMNS} FROM envelope WHERE device_seq = ?1"))?;
            Ok(statement.query_row([device_seq], read).optional()?)
        })?;
        let Some(envelope) = found else { return Ok(None) };
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT doc_id, hash, raw FROM change WHERE device_seq = ?1 ORDER BY n")?;
            let rows = statement.query_map([device_seq], |row| {
                let deps = raw::head(row.get_ref(2)?.as_blob()?).map(|head| head.deps).unwrap_or_default();
                Ok(OwnChange { doc: DocId(row.get(0)?), hash: ChangeHash(row.get(1)?), deps })
            })?;
            Ok(Some((envelope, rows.collect::<Result<_, _>>()?)))
        })
    }

    /// Notes what the server says about an envelope. Nothing that was refused is deleted: its changes
    /// stay in their documents and in the outbox, marked. What is durable stays durable.
    pub fn acknowledge(&mut self, device_seq: u64, ack: &Ack) -> Result<(), StoreError> {
        self.acknowledge_many(&[(device_seq, ack.clone())])
    }

    /// Like [`Store::acknowledge`], for a whole answer in one transaction. Numbers that are not here are
    /// left out: an old answer may speak of what a salvage lost.
    pub fn acknowledge_many(&mut self, acks: &[(u64, Ack)]) -> Result<(), StoreError> {
        if acks.is_empty() {
            return Ok(());
        }
        self.write(|writing| acks.iter().try_for_each(|(device_seq, ack)| note(writing, *device_seq, ack)))
    }

    fn envelopes(&self, which: &str, limit: u32) -> Result<Vec<OutboxEnvelope>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM envelope WHERE {which} AND state <> 2 ORDER BY device_seq LIMIT ?1"
            ))?;
            let rows = statement.query_map([limit], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

const COLUMNS: &str = "device_seq, space, hash, state, code, bytes";
/// Of an envelope: it can be sent as it was signed, or be written again from its changes.
pub(crate) const HAS_CONTENT: &str =
    "(bytes IS NOT NULL OR EXISTS (SELECT 1 FROM change c WHERE c.device_seq = envelope.device_seq))";

/// Of an envelope: the server did not take it. One that was [given up](break_up) and holds nothing any more is not meant.
fn refused() -> String {
    format!("(state IN (3, 4, 6) OR state = 5 AND {HAS_CONTENT})")
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<OutboxEnvelope> {
    let state: i64 = row.get(3)?;
    Ok(OutboxEnvelope {
        device_seq: row.get(0)?,
        space: SpaceId(row.get(1)?),
        hash: row.get(2)?,
        state: EnvelopeState::from_number(state),
        code: row.get(4)?,
        bytes: row.get::<_, Option<Vec<u8>>>(5)?.unwrap_or_default(),
    })
}

fn mark_sealed(
    connection: &Connection,
    doc: DocId,
    hash: ChangeHash,
    device_seq: u64,
) -> Result<Option<i64>, StoreError> {
    let Some(entry) = crate::document::find(connection, doc)? else { return Ok(None) };
    let changed = connection
        .prepare_cached("UPDATE change SET state = ?3, device_seq = ?4 WHERE doc = ?1 AND hash = ?2 AND state = ?5")?
        .execute(params![entry.n, hash.0, change::SEALED, device_seq, change::SAVED])?;
    Ok((changed == 1).then_some(entry.n))
}

pub(crate) fn note(writing: &Writing<'_>, device_seq: u64, ack: &Ack) -> Result<(), StoreError> {
    let (envelope, own, seq, code) = match ack {
        Ack::Durable { seq } | Ack::Duplicate { seq } => (EnvelopeState::Durable, change::LOGGED, Some(*seq), None),
        Ack::Waiting => (EnvelopeState::Waiting, change::SEALED, None, None),
        Ack::Quarantined => (EnvelopeState::Quarantined, change::OWN_QUARANTINED, None, Some("quarantined")),
        Ack::Gone => (EnvelopeState::Gone, change::OWN_GONE, None, Some("gone")),
        Ack::Refused(code) => (EnvelopeState::Refused, change::OWN_REFUSED, None, Some(code.as_str())),
        Ack::Discarded => (EnvelopeState::Discarded, change::OWN_DISCARDED, None, Some("discarded")),
    };
    if mutant::on("forgets_acks") {
        return Ok(());
    }
    let changed = writing
        .prepare_cached(
            "UPDATE envelope SET state = ?2, seq = ?3, code = ?4, bytes = CASE WHEN ?2 = 2 THEN NULL ELSE bytes END
             WHERE device_seq = ?1 AND state <> 2",
        )?
        .execute(params![device_seq, envelope.number(), seq, code])?;
    if changed == 0 {
        return Ok(());
    }
    let touched = documents_in(writing, device_seq)?;
    writing
        .prepare_cached("UPDATE change SET state = ?2, seq = ?3, code = ?4 WHERE device_seq = ?1 AND state <> ?5")?
        .execute(params![device_seq, own, seq, code, change::LOGGED])?;
    for (n, id) in touched {
        refresh(writing, n, id)?;
    }
    Ok(())
}

/// Gives up an envelope that is not confirmed: its number stays used, and what it held is to be sealed again.
pub(crate) fn break_up(writing: &Writing<'_>, device_seq: u64) -> Result<(), StoreError> {
    writing
        .prepare_cached(
            "UPDATE envelope SET state = ?2, code = 'gone', bytes = NULL WHERE device_seq = ?1 AND state IN (0, 1)",
        )?
        .execute(params![device_seq, EnvelopeState::Gone.number()])?;
    let left = documents_in(writing, device_seq)?;
    writing
        .prepare_cached("UPDATE change SET state = ?2, device_seq = NULL WHERE device_seq = ?1 AND state = ?3")?
        .execute(params![device_seq, change::SAVED, change::SEALED])?;
    if mutant::on("signs_twice") {
        writing.execute("DELETE FROM envelope WHERE device_seq = ?1", [device_seq])?;
    }
    left.into_iter().try_for_each(|(n, id)| refresh(writing, n, id).map(|_| ()))
}

/// The documents that an envelope has changes of.
pub(crate) fn documents_in(connection: &Connection, device_seq: u64) -> Result<Vec<(i64, DocId)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT doc, doc_id FROM change WHERE device_seq = ?1")?;
    let rows = statement.query_map([device_seq], |row| Ok((row.get(0)?, DocId(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Another device's numbers begin: envelopes of the one before are over, and what they carried in vain stays
/// with its documents, refused. The bytes of a change are kept where they always are.
pub(crate) fn leave_behind(writing: &Writing<'_>) -> Result<(), StoreError> {
    let left: Vec<(i64, DocId)> = {
        let mut statement =
            writing.prepare("SELECT DISTINCT doc, doc_id FROM change WHERE state <> 2 AND state IN (?1, ?2)")?;
        let rows = statement.query_map([change::SAVED, change::SEALED], |row| Ok((row.get(0)?, DocId(row.get(1)?))))?;
        rows.collect::<Result<_, _>>()?
    };
    writing.execute(
        "UPDATE change SET state = ?3, code = 'device_changed' WHERE state <> 2 AND state IN (?1, ?2)",
        [change::SAVED, change::SEALED, change::OWN_REFUSED],
    )?;
    writing.execute("UPDATE change SET device_seq = NULL WHERE device_seq IS NOT NULL", [])?;
    writing.execute("DELETE FROM envelope", [])?;
    crate::decision::forget(writing, None)?;
    left.into_iter().try_for_each(|(n, id)| refresh(writing, n, id).map(|_| ()))
}
