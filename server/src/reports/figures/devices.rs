//! "n thiết bị chưa đồng bộ": which figures may still grow.

use gandan_model::ids::DeviceId;
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::{one, rows};
use crate::db::DbError;
use crate::reports::day::Day;
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

/// A device that may still hold records of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeviceWaitedFor {
    /// The device, hexadecimal.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// Whose it is: the official's id.
    pub official: String,
    /// The official's name.
    pub name: String,
    /// When it last synced, Unix milliseconds; null: never.
    pub last_sync_ms: Option<i64>,
    /// Whether its official stands in the team of a visit of the period that is planned or being written.
    pub with_assigned_visits: bool,
}

/// Most devices of the list.
const LISTED: usize = 500;

/// The devices of a question, one row each: `no`, `who`, `late` and `assigned`, with the conditions bound in `sql`.
///
/// A device counts as synced if its last sync came after the end (UTC+7) of the last day that the report is about;
/// for a period that is not over yet, after the start of the day in which `now_ms` lies, because nobody can have
/// synced after a day that has not ended.
///
/// Visits that are planned or being written are few, those of an official many: the statement begins with the former, and
/// finds them in an index instead of the table.
fn devices(question: &Question, now_ms: i64, sql: &mut Conditions) -> String {
    let end = Day(question.to.min(question.as_of).0.saturating_add(1)).start_ms();
    let today = Day::of_ms(now_ms).start_ms();
    // Bit 2 of the access: writes. The server's own device (no official) never waits.
    sql.push("d.revoked_ms IS NULL AND d.official IS NOT NULL AND g.access & 2 <> 0 AND s.compartment = 0");
    // A device that was enrolled after the period cannot hold anything of it.
    sql.push("d.created_ms < :end_of_period");
    sql.bind(":end_of_period", end);
    sql.bind(":from", question.from.0);
    sql.bind(":to", question.to.0);
    sql.bind(":synced_since", end.min(today));
    question.scope.units_on("s.unit", sql);
    format!(
        "SELECT no, who, seen, late, late AND who IN \
         (SELECT o.official FROM visit_row v INDEXED BY visit_row_held CROSS JOIN visit_official o ON o.n = v.n WHERE v.aside = 0 \
         AND v.day BETWEEN :from AND :to AND v.status IN ('planned', 'draft')) AS assigned FROM \
         (SELECT d.no, d.official AS who, max(l.last_sync_ms) AS seen, \
         coalesce(max(l.last_sync_ms) < :synced_since, 1) AS late FROM space_grant g JOIN device d ON d.no = g.device \
         JOIN space s ON s.no = g.space LEFT JOIN device_seen l ON l.device = d.no WHERE {} GROUP BY d.no)",
        sql.sql()
    )
}

/// Counts the devices of a question, judged at `now_ms`.
pub fn query(connection: &Connection, question: &Question, now_ms: i64) -> Result<DevicesNotSynced, DbError> {
    let mut sql = Conditions::default();
    let found = devices(question, now_ms, &mut sql);
    let text =
        format!("SELECT count(*), count(*) FILTER (WHERE late), count(*) FILTER (WHERE assigned) FROM ({found})");
    one(connection, &text, &sql, |row| {
        Ok(DevicesNotSynced { of: row.get(0)?, count: row.get(1)?, with_assigned_visits: row.get(2)? })
    })
}

/// The devices that [`query`] counts as not synced, those not heard of for the longest time first.
pub fn list(connection: &Connection, question: &Question, now_ms: i64) -> Result<Vec<DeviceWaitedFor>, DbError> {
    let mut sql = Conditions::default();
    let found = devices(question, now_ms, &mut sql);
    let text = format!(
        "SELECT d.id, o.id, o.name, f.seen, f.assigned FROM ({found}) f JOIN device d ON d.no = f.no \
         JOIN official o ON o.id = f.who WHERE f.late ORDER BY f.seen IS NOT NULL, f.seen, d.no LIMIT {LISTED}"
    );
    rows(connection, &text, &sql, |row| {
        Ok(DeviceWaitedFor {
            device: DeviceId(row.get(0)?),
            official: row.get(1)?,
            name: row.get(2)?,
            last_sync_ms: row.get(3)?,
            with_assigned_visits: row.get(4)?,
        })
    })
}
