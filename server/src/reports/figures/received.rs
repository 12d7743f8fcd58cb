//! Figure 3: issues received, by kind, field, priority, status and unit, and week by week.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{Counts, SmallCount, counts, quotient};
use crate::reports::day::Day;
use crate::reports::facts::{ByName, IssueFact, Table};
use crate::reports::scope::Question;

/// Issues received in the period.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct IssueFigures {
    /// All issues that the reader may see.
    pub lines: i64,
    /// Denunciations and sealed stubs of the whole province; null for everybody but the inspectorate.
    pub sealed: Option<i64>,
    /// Issues that turned out to be another issue, recorded twice.
    pub duplicates: i64,
    /// Neither duplicate nor denunciation. All figures below are about these.
    pub countable: i64,
    /// Countable issues for one held visit.
    pub per_visit: Option<f64>,
    /// By status at the end of the judgement day.
    pub by_status: Counts,
    /// By kind.
    pub by_kind: Counts,
    /// By field.
    pub by_field: Counts,
    /// By priority.
    pub by_priority: Counts,
    /// By the way the reporter is named; one to four are told as "<5".
    #[schema(value_type = BTreeMap<String, SmallCount>)]
    pub by_reporter_mode: BTreeMap<String, SmallCount>,
    /// Raised before, over years.
    pub long_standing: i64,
    /// Marked as a hot spot: a place and a matter.
    pub hot_spot: i64,
}

/// Counts issue by issue.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    figures: IssueFigures,
    by_status: ByName<i64>,
    by_kind: ByName<i64>,
    by_field: ByName<i64>,
    by_priority: ByName<i64>,
    modes: ByName<i64>,
    weeks: BTreeMap<Day, (i64, i64)>,
}

impl Tally {
    pub(crate) fn add(&mut self, issue: &IssueFact<'_>) {
        let figures = &mut self.figures;
        figures.countable += 1;
        figures.long_standing += i64::from(issue.long_since.is_some());
        figures.hot_spot += i64::from(issue.hot_spot);
        *self.by_status.at(issue.status.name) += 1;
        *self.by_kind.at(issue.kind.name) += 1;
        *self.by_field.at(issue.field.name) += 1;
        *self.by_priority.at(issue.priority.name) += 1;
        *self.modes.at(issue.reporter_mode.name) += 1;
        self.weeks.entry(Day(issue.received).monday()).or_default().0 += 1;
        if let Some(settled) = issue.settled {
            self.weeks.entry(Day(settled).monday()).or_default().1 += 1;
        }
    }

    /// The figures and the weeks; `held` is the number of held visits of the same question.
    pub(crate) fn finish(self, facts: &Table, question: &Question, held: i64) -> (IssueFigures, Vec<Week>) {
        let (mut figures, names) = (self.figures, &facts.names);
        figures.by_status = counts(self.by_status, names, "");
        figures.by_kind = counts(self.by_kind, names, "");
        figures.by_field = counts(self.by_field, names, "");
        figures.by_priority = counts(self.by_priority, names, "");
        let (lines, sealed, duplicates) = uncounted(facts, question);
        figures.lines = lines;
        figures.sealed = (question.scope.sealed && question.scope.units.is_none()).then_some(sealed);
        figures.duplicates = duplicates;
        figures.per_visit = quotient(figures.countable, held);
        figures.by_reporter_mode =
            counts(self.modes, names, "").into_iter().map(|(mode, count)| (mode, SmallCount::of(count))).collect();
        let week = |(monday, (received, settled)): (Day, _)| Week { monday: monday.date(), received, settled };
        (figures, self.weeks.into_iter().map(week).collect())
    }
}

/// All visible issues, the sealed among them, the duplicates among them.
fn uncounted(facts: &Table, question: &Question) -> (i64, i64, i64) {
    let lens = question.scope.lens(&facts.names);
    let days = question.from.0..=question.to.min(question.as_of).0;
    let (mut lines, mut sealed, mut duplicates) = (0, 0, 0);
    for issue in facts.issues.values() {
        // Below the level of the province even the number of denunciations would point at somebody.
        let hidden = issue.deleted || (issue.sealed && question.scope.units.is_some());
        if !hidden && days.contains(&issue.received.into()) && lens.shows_issue(issue) {
            lines += 1;
            sealed += i64::from(issue.sealed);
            duplicates += i64::from(!issue.countable && !issue.sealed);
        }
    }
    (lines, sealed, duplicates)
}

/// One week, Monday to Sunday.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Week {
    /// The Monday.
    #[schema(value_type = String, format = Date)]
    pub monday: jiff::civil::Date,
    /// Issues received.
    pub received: i64,
    /// Issues settled (of those received in the period).
    pub settled: i64,
}
