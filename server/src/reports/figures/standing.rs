//! Figure 12: long-standing cases and hot spots.

use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Counts, First, add};
use crate::reports::day::Day;
use crate::reports::facts::{IssueFact, VisitFact};

/// A matter that was raised before and is open.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LongStandingCase {
    /// Ticket.
    pub ticket: Option<String>,
    /// Unit code.
    pub unit: String,
    /// Field.
    pub field: String,
    /// Raised since this year.
    pub since_year: i64,
    /// How often it was raised before.
    pub times_raised_before: Option<i64>,
    /// The step it has reached; what follows it is the next step.
    pub status: String,
    /// Who must answer.
    pub owner: Option<String>,
    /// By when.
    #[schema(value_type = Option<String>, format = Date)]
    pub due: Option<Date>,
}

/// Places and matters that need watching.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct HotSpots {
    /// Held visits by what they say of the place: watch, active, resolved (cooled down).
    pub visits_by_state: Counts,
    /// Issues marked as a hot spot.
    pub issues: Vec<HotSpot>,
}

/// One hot spot.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HotSpot {
    /// Ticket.
    pub ticket: Option<String>,
    /// Unit code.
    pub unit: String,
    /// Field of the matter.
    pub field: String,
    /// Since when it is recorded.
    #[schema(value_type = String, format = Date)]
    pub since: Date,
    /// Day of the last action.
    #[schema(value_type = Option<String>, format = Date)]
    pub last_action_on: Option<Date>,
    /// What that led to.
    pub status: String,
    /// Who must answer.
    pub owner: Option<String>,
}

/// Counts record by record.
#[derive(Debug)]
pub(crate) struct Tally<'r> {
    long: First<(i64, Option<&'r str>, i64), LongStandingCase>,
    hot: First<(i64, Option<&'r str>, i64), HotSpot>,
    visits: Counts,
}

impl<'r> Tally<'r> {
    pub(crate) fn new() -> Self {
        Self { long: First::new(), hot: First::new(), visits: Counts::new() }
    }

    pub(crate) fn add_visit(&mut self, visit: &VisitFact<'_>) {
        if visit.held() && &*visit.hot_spot != "none" {
            add(&mut self.visits, &visit.hot_spot, 1);
        }
    }

    pub(crate) fn add(&mut self, issue: &IssueFact<'r>) {
        let ticket = || issue.ticket.map(str::to_owned);
        let owner = || issue.agency.map(|agency| agency.text.to_owned());
        if let Some(since_year) = issue.long_since.filter(|_| issue.open()) {
            self.long.offer((since_year, issue.ticket, issue.n), || LongStandingCase {
                ticket: ticket(),
                unit: issue.unit.text.to_owned(),
                field: issue.field.text.to_owned(),
                since_year,
                times_raised_before: issue.long_times,
                status: issue.status.text.to_owned(),
                owner: owner(),
                due: issue.due.map(|day| Day(day).date()),
            });
        }
        if issue.hot_spot {
            self.hot.offer((issue.received, issue.ticket, issue.n), || HotSpot {
                ticket: ticket(),
                unit: issue.unit.text.to_owned(),
                field: issue.field.text.to_owned(),
                since: Day(issue.received).date(),
                last_action_on: issue.last_event.map(|day| Day(day).date()),
                status: issue.status.text.to_owned(),
                owner: owner(),
            });
        }
    }

    /// Open long-standing cases, longest first, and hot spots, oldest first.
    pub(crate) fn finish(self) -> (Vec<LongStandingCase>, HotSpots) {
        let hot_spots = HotSpots { visits_by_state: self.visits, issues: self.hot.into_values() };
        (self.long.into_values(), hot_spots)
    }
}
