//! "n thiết bị chưa đồng bộ": which figures may still grow.

use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::one;
use crate::db::DbError;
use crate::reports::scope::{Conditions, Question};

/// Devices that may still hold records of the period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct DevicesNotSynced {
    /// Devices that write in the area, are not revoked, and have not synced since the end of the period (or of the
    /// judgement day, if that is earlier).
    pub count: i64,
    /// Of these, devices whose official stands in the team of a visit of the period that is planned or being written.
    pub with_assigned_visits: i64,
    /// Devices that write in the area and are not revoked.
    pub of: i64,
}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// The offset of Vietnam in milliseconds.
const VIETNAM_MS: i64 = 7 * 3_600_000;

/// Counts the devices.
///
/// A device counts as synced if its last sync came after the end (UTC+7) of the last day that the report is about;
/// for a period that is not over yet, after the start of the day in which `now_ms` lies, because nobody can have
/// synced after a day that has not ended.
pub fn query(connection: &Connection, question: &Question, now_ms: i64) -> Result<DevicesNotSynced, DbError> {
    let end = (question.to.min(question.as_of).0.saturating_add(1)).saturating_mul(DAY_MS) - VIETNAM_MS;
    let today = (now_ms + VIETNAM_MS).div_euclid(DAY_MS) * DAY_MS - VIETNAM_MS;
    let mut sql = Conditions::default();
    // Bit 2 of the access: writes. The server's own device (no official) never waits.
    sql.push("d.revoked_ms IS NULL AND d.official IS NOT NULL AND g.access & 2 <> 0 AND s.compartment = 0");
    // A device that was enrolled after the period cannot hold anything of it.
    sql.push("d.created_ms < :end_of_period");
    sql.bind(":end_of_period", end);
    sql.bind(":from", question.from.0);
    sql.bind(":to", question.to.0);
    sql.bind(":synced_since", end.min(today));
    if let Some(units) = &question.scope.units {
        sql.push("s.unit IN (SELECT value FROM json_each(:units))");
        let list: Vec<&str> = units.iter().map(String::as_str).collect();
        sql.bind(":units", serde_json::Value::from(list).to_string());
    }
    let text = format!(
        "SELECT count(*), count(*) FILTER (WHERE late), count(*) FILTER (WHERE late AND EXISTS \
         (SELECT 1 FROM visit_official o JOIN visit_row v ON v.n = o.n WHERE o.official = who AND v.aside = 0 \
         AND v.day BETWEEN :from AND :to AND v.status IN ('planned', 'draft'))) FROM \
         (SELECT d.no, d.official AS who, coalesce(max(l.last_sync_ms) < :synced_since, 1) AS late FROM space_grant g JOIN device d ON d.no = g.device \
         JOIN space s ON s.no = g.space LEFT JOIN device_seen l ON l.device = d.no WHERE {} GROUP BY d.no)",
        sql.sql()
    );
    one(connection, &text, &sql, |row| {
        Ok(DevicesNotSynced { of: row.get(0)?, count: row.get(1)?, with_assigned_visits: row.get(2)? })
    })
}
