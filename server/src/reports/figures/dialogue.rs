//! Figure 14: conclusions of dialogues, supervision, bright spots.

use std::collections::HashSet;

use gandan_model::ids::DocId;
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Counts, Share, counts, one};
use crate::db::DbError;
use crate::reports::facts::{IssueFact, Table};
use crate::reports::scope::Question;

/// Counts conclusions of dialogues with people and businesses: settled, of those settled or past their date.
#[derive(Debug)]
pub(crate) struct Tally {
    dialogues: HashSet<DocId>,
    settled: i64,
    of: i64,
}

impl Tally {
    /// Begins with the dialogues, of whatever period: an issue belongs to the period in which it was received.
    pub(crate) fn begin(facts: &Table) -> Self {
        let programmes = ["people_dialogue", "business_dialogue"].map(|code| facts.names.find(code));
        let dialogues = facts.visits.values().filter(|visit| programmes.contains(&Some(visit.programme)));
        Self { dialogues: dialogues.map(|visit| visit.id).collect(), settled: 0, of: 0 }
    }

    pub(crate) fn add(&mut self, issue: &IssueFact<'_>) {
        if issue.visit.is_some_and(|visit| self.dialogues.contains(&visit)) {
            self.settled += i64::from(issue.settled.is_some());
            self.of += i64::from(issue.settled.is_some() || issue.overdue());
        }
    }

    pub(crate) fn finish(self) -> Share {
        Share::of(self.settled, self.of)
    }
}

/// Social supervision and criticism.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Supervision {
    /// Held visits with at least one finding.
    pub sessions: i64,
    /// Findings.
    pub findings: i64,
    /// Findings by kind.
    pub by_kind: Counts,
    /// Findings that recommend something.
    pub recommendations: i64,
    /// Recommendations by the response.
    pub responses: Counts,
}

/// Reads supervision.
pub fn supervision(connection: &Connection, question: &Question) -> Result<Supervision, DbError> {
    let held = question.held();
    // Findings are few: begin with them, whatever the planner thinks.
    let from = format!("FROM supervision_row s CROSS JOIN visit_row v ON v.n = s.n WHERE {}", held.sql());
    let by_kind = counts(connection, &format!("SELECT s.kind, count(*) {from} GROUP BY 1"), &held)?;
    let responses =
        counts(connection, &format!("SELECT s.response, count(*) {from} AND s.recommended = 1 GROUP BY 1"), &held)?;
    let sessions = one(connection, &format!("SELECT count(DISTINCT v.n) {from}"), &held, |row| row.get(0))?;
    Ok(Supervision {
        sessions,
        findings: by_kind.values().sum(),
        by_kind,
        recommendations: responses.values().sum(),
        responses,
    })
}

/// Models worth copying.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct BrightSpots {
    /// By how far they have come.
    pub by_stage: Counts,
    /// By field of work.
    pub by_field: Counts,
    /// By the difficulty that they address, as written; `not_recorded` where none is.
    pub by_difficulty: Counts,
}

/// Reads bright spots.
pub fn bright_spots(connection: &Connection, question: &Question) -> Result<BrightSpots, DbError> {
    let held = question.held();
    let by = |column: &str| {
        let sql = format!(
            "SELECT {column}, count(*) FROM bright_spot_row b CROSS JOIN visit_row v ON v.n = b.n WHERE {} GROUP BY 1 LIMIT 500",
            held.sql()
        );
        counts(connection, &sql, &held)
    };
    Ok(BrightSpots {
        by_stage: by("b.stage")?,
        by_field: by("b.field")?,
        by_difficulty: by("coalesce(b.difficulty, 'not_recorded')")?,
    })
}
