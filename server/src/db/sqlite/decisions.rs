//! What became of envelopes that were set aside.

use rusqlite::{Connection, OptionalExtension};

use gandan_sync::query::{Decision, Verdict};

use super::columns::{int, uint};
use crate::db::DbError;
use crate::db::storage::No;

/// Where an envelope of a device stands, for somebody who knows that it was set aside.
pub enum Fate {
    /// There is no such envelope here.
    Unknown,
    /// Nobody has decided yet.
    Open,
    /// Somebody has.
    Decided(Decision),
}

/// What became of an envelope of a device.
pub fn of(connection: &Connection, device: No, device_seq: u64) -> Result<Fate, DbError> {
    let mut statement =
        connection.prepare_cached("SELECT state, seq FROM envelope WHERE device = ?1 AND device_seq = ?2")?;
    let held = statement.query_row((device, int(device_seq)?), |row| Ok((row.get::<_, u8>(0)?, uint(row, 1)?)));
    let Some((state, seq)) = held.optional()? else { return Ok(Fate::Unknown) };
    // Not what the device brought of somebody else.
    let mut statement = connection.prepare_cached(
        "SELECT outcome, resolved_ms, decided_why FROM quarantine
         WHERE device = ?1 AND device_seq = ?2 AND author IS NULL AND hash IS NOT NULL AND outcome IS NOT NULL",
    )?;
    let decided = statement.query_row((device, int(device_seq)?), |row| {
        let (outcome, at_ms, why) = (row.get(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<String>>(2)?);
        Ok::<(String, _, _), _>((outcome, at_ms.unwrap_or(0), why.unwrap_or_default()))
    });
    let (outcome, at_ms, reason) = decided.optional()?.unwrap_or_default();
    let verdict = match (state, outcome.as_str()) {
        (0, _) => Verdict::Admitted { seq },
        (3, _) | (_, "erased") => Verdict::Erased,
        (_, "discarded") => Verdict::Discarded,
        _ => return Ok(Fate::Open),
    };
    Ok(Fate::Decided(Decision { device_seq, verdict, at_ms, reason }))
}
