//! Figures 9 and 10: what came of the issues, whether residents confirmed, and what left the line.

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Counts, First, Share, counts};
use crate::db::DbError;
use crate::reports::facts::{ByName, IssueFact, Names};
use crate::reports::scope::Question;

/// What came of settled issues.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Outcomes {
    /// Settled issues by outcome; `not_recorded` where none is written.
    pub mix: Counts,
    /// Confirmed, of those who confirmed or disputed.
    pub confirmed_share: Share,
    /// Not asked, not reached, or nothing written, of all that were settled or reopened.
    pub not_heard_share: Share,
}

/// Counts issue by issue.
#[derive(Debug)]
pub(crate) struct Tally<'r> {
    mix: ByName<i64>,
    confirmations: ByName<i64>,
    left: ByName<i64>,
    /// Of the issues that left the line, the first by ticket: row number, and what is said of it.
    reasons: First<(Option<&'r str>, i64), (i64, Reason)>,
}

impl<'r> Tally<'r> {
    pub(crate) fn new() -> Self {
        let none = ByName::default;
        Self { mix: none(), confirmations: none(), left: none(), reasons: First::new() }
    }

    pub(crate) fn add(&mut self, issue: &IssueFact<'r>) {
        if issue.settled.is_some() {
            *self.mix.at(issue.outcome.map(|outcome| outcome.name)) += 1;
        }
        if issue.settled.is_some() || &*issue.status == "reopened" {
            *self.confirmations.at(issue.confirmation.map(|said| said.name)) += 1;
        }
        if issue.left() {
            *self.left.at(issue.status.name) += 1;
            self.reasons.offer((issue.ticket, issue.n), || {
                let (unit, status) = (issue.unit.text.to_owned(), issue.status.text.to_owned());
                let ticket = issue.ticket.map(str::to_owned);
                (issue.n, Reason { ticket, unit, status, reason: None, document: None })
            });
        }
    }

    /// What residents said, outcomes, and what left the line. Confirmations are those of issues that are settled or
    /// reopened; `None` counts those where nothing is written.
    pub(crate) fn finish(
        self,
        connection: &Connection,
        names: &Names,
        question: &Question,
    ) -> Result<(Counts, Outcomes, LeftTheLine), DbError> {
        let (left, confirmations) = (counts(self.left, names, ""), counts(self.confirmations, names, "None"));
        let of = |counts: &Counts, code: &str| counts.get(code).copied().unwrap_or(0);
        let (confirmed, disputed) = (of(&confirmations, "confirmed"), of(&confirmations, "disputed"));
        let all: i64 = confirmations.values().sum();
        let outcomes = Outcomes {
            mix: counts(self.mix, names, "not_recorded"),
            confirmed_share: Share::of(confirmed, confirmed + disputed),
            not_heard_share: Share::of(all - confirmed - disputed, all),
        };
        let reasons = self.reasons.into_values().into_iter().map(|(n, reason)| told(connection, question, n, reason));
        let left_the_line = LeftTheLine {
            withdrawn: of(&left, "withdrawn"),
            not_accepted: of(&left, "not_accepted"),
            out_of_competence: of(&left, "out_of_competence"),
            reasons: reasons.collect::<Result<_, _>>()?,
        };
        Ok((confirmations, outcomes, left_the_line))
    }
}

/// Adds what the event that led out of the line says.
fn told(connection: &Connection, question: &Question, n: i64, mut reason: Reason) -> Result<Reason, DbError> {
    let found = connection
        .prepare_cached(
            "SELECT reason, document FROM issue_event_row WHERE n = ?1 AND to_status = ?2 AND day <= ?3 \
             ORDER BY item DESC LIMIT 1",
        )?
        .query_row((n, &reason.status, question.as_of.0), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    (reason.reason, reason.document) = found.unwrap_or_default();
    Ok(reason)
}

/// Issues that left the line without being settled. They are neither resolved nor a failure, and no rate is built
/// on them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct LeftTheLine {
    /// Taken back by the resident's own statement.
    pub withdrawn: i64,
    /// Complaints not accepted.
    pub not_accepted: i64,
    /// Belongs elsewhere; the resident was told where.
    pub out_of_competence: i64,
    /// Each of them with its reason, at most 500.
    pub reasons: Vec<Reason>,
}

/// Why one issue left the line.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Reason {
    /// Ticket.
    pub ticket: Option<String>,
    /// Unit code.
    pub unit: String,
    /// Status.
    pub status: String,
    /// What the last event gives as reason; null if it gives none.
    pub reason: Option<String>,
    /// Number of the document.
    pub document: Option<String>,
}
