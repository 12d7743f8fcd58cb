//! Figure 14: conclusions of dialogues, supervision, bright spots.

use std::collections::HashSet;

use gandan_model::ids::DocId;
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Counts, MAX_LISTED, Share, add};
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
pub(crate) fn supervision(connection: &Connection, facts: &Table, question: &Question) -> Result<Supervision, DbError> {
    let lens = question.scope.lens(&facts.names);
    let mut statement =
        connection.prepare_cached("SELECT n, kind, recommended, response FROM supervision_row ORDER BY n")?;
    let mut rows = statement.query([])?;
    let (mut all, mut session) = (Supervision::default(), None);
    while let Some(row) = rows.next()? {
        let n: i64 = row.get(0)?;
        if !facts.was_held(connection, question, &lens, n)? {
            continue;
        }
        all.sessions += i64::from(session.replace(n) != Some(n));
        all.findings += 1;
        add(&mut all.by_kind, row.get_ref(1)?.as_str().map_err(DbError::internal)?, 1);
        if row.get(2)? {
            all.recommendations += 1;
            add(&mut all.responses, row.get_ref(3)?.as_str().map_err(DbError::internal)?, 1);
        }
    }
    Ok(all)
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
pub(crate) fn bright_spots(
    connection: &Connection,
    facts: &Table,
    question: &Question,
) -> Result<BrightSpots, DbError> {
    let lens = question.scope.lens(&facts.names);
    let sql = "SELECT n, stage, field, coalesce(difficulty, 'not_recorded') FROM bright_spot_row";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut all = BrightSpots::default();
    while let Some(row) = rows.next()? {
        if !facts.was_held(connection, question, &lens, row.get(0)?)? {
            continue;
        }
        let counts = [&mut all.by_stage, &mut all.by_field, &mut all.by_difficulty];
        for (column, counts) in (1..).zip(counts) {
            add(counts, row.get_ref(column)?.as_str().map_err(DbError::internal)?, 1);
            // Difficulties are anybody's words: the first of them by text, memory does not grow with what is left out.
            if counts.len() > MAX_LISTED {
                counts.pop_last();
            }
        }
    }
    Ok(all)
}
