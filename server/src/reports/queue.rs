//! What waits for somebody: the counters of the work queues.

use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::day::Day;
use super::figures::one;
use super::scope::{Conditions, Scope};
use crate::db::DbError;

/// An issue (alias `i`) that somebody still has to settle; the words of the index `issue_row_open`.
pub(crate) const OPEN: &str = "i.countable = 1 AND i.status NOT IN \
    ('resolved', 'replied', 'closed', 'withdrawn', 'out_of_competence', 'not_accepted')";

/// The counters. Those about visits and devices are 0 for an agency, which sees issues alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Queue {
    /// Differences between edits that a person must settle.
    pub to_review: i64,
    /// Visits handed in and not verified yet.
    pub to_verify: i64,
    /// Verified visits that were changed since.
    pub amendments: i64,
    /// Open issues.
    pub open: i64,
    /// Open issues whose date is today or in the next six days.
    pub due_this_week: i64,
    /// Open issues whose date has passed.
    pub overdue: i64,
    /// Open issues without a responsible agency.
    pub unassigned: i64,
    /// Open issues marked urgent or emergency.
    pub urgent: i64,
    /// Changes that were put aside for a person to look at.
    pub quarantined: i64,
    /// Of these, work of devices that had been taken out of service.
    pub late: i64,
}

/// Counts for a scope, judged on `today`.
pub fn count(connection: &Connection, scope: &Scope, today: Day) -> Result<Queue, DbError> {
    let mut queue = issues(connection, scope, today)?;
    let mut sql = Conditions::default();
    scope.on_issues("r", &mut sql);
    let text = format!("SELECT count(*) FROM review_item_row r WHERE {}", sql.sql());
    queue.to_review = one(connection, &text, &sql, |row| row.get(0))?;
    if scope.agency.is_some() {
        return Ok(queue);
    }
    let mut sql = Conditions::default();
    scope.on_visits(&mut sql);
    // Each of the two conditions has a small index of its own.
    let text = format!(
        "SELECT (SELECT count(*) FROM visit_row v WHERE v.status = 'submitted' AND v.aside = 0 AND {0}), \
         (SELECT count(*) FROM visit_row v WHERE v.amendment = 1 AND v.aside = 0 AND {0})",
        sql.sql()
    );
    (queue.to_verify, queue.amendments) = one(connection, &text, &sql, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut sql = Conditions::default();
    sql.push("q.resolved_ms IS NULL");
    sql.push(if scope.sealed { "1" } else { "s.compartment <> 2" });
    scope.units_on("s.unit", &mut sql);
    let text = format!(
        "SELECT count(*), count(*) FILTER (WHERE q.reason LIKE '%revoked%') FROM quarantine q \
         JOIN space s ON s.no = q.space WHERE {}",
        sql.sql()
    );
    (queue.quarantined, queue.late) = one(connection, &text, &sql, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(queue)
}

fn issues(connection: &Connection, scope: &Scope, today: Day) -> Result<Queue, DbError> {
    let mut sql = Conditions::default();
    scope.on_issues("i", &mut sql);
    sql.bind(":today", today.0);
    // Only open issues stand in this index; left to itself the planner takes a larger one with all of them.
    let text = format!(
        "SELECT count(*), count(*) FILTER (WHERE i.resolve_due BETWEEN :today AND :today + 6), \
         count(*) FILTER (WHERE i.resolve_due < :today), count(*) FILTER (WHERE i.agency IS NULL), \
         count(*) FILTER (WHERE i.priority IN ('urgent', 'emergency')) FROM issue_row i INDEXED BY issue_row_open WHERE {OPEN} AND {}",
        sql.sql()
    );
    one(connection, &text, &sql, |row| {
        Ok(Queue {
            open: row.get(0)?,
            due_this_week: row.get(1)?,
            overdue: row.get(2)?,
            unassigned: row.get(3)?,
            urgent: row.get(4)?,
            ..Queue::default()
        })
    })
}
