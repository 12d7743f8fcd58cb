//! Figure 17: how complete and how quick the records are. And figure 15, as far as it goes.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::resolution::median;
use crate::reports::facts::{IssueFact, VisitFact};

/// Quality of the records of held visits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Quality {
    /// Held visits, for comparison.
    pub held: i64,
    /// Without a position.
    pub no_gps: i64,
    /// Without a note (an empty note is one).
    pub no_note: i64,
    /// Returned and not handed in again.
    pub returned: i64,
    /// Changed after they were verified.
    pub amendments_pending: i64,
    /// Records, visits and issues, with a difference that nobody has settled.
    pub records_to_review: i64,
    /// Half of the visits reached the server within so many hours after they ended; null if none has both times.
    pub median_hours_to_sync: Option<f64>,
}

/// Counts record by record.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    figures: Quality,
    /// Visits by minutes from end to arrival.
    minutes: BTreeMap<i64, i64>,
    follow_ups: i64,
}

impl Tally {
    pub(crate) fn add_visit(&mut self, visit: &VisitFact<'_>) {
        let figures = &mut self.figures;
        figures.records_to_review += i64::from(visit.review);
        if !visit.held() {
            return;
        }
        figures.held += 1;
        figures.no_gps += i64::from(!visit.has_gps);
        figures.no_note += i64::from(!visit.has_note);
        figures.returned += i64::from(&*visit.status == "returned");
        figures.amendments_pending += i64::from(visit.amendment);
        self.follow_ups += i64::from(visit.follows_up);
        if let Some(minutes) = visit.minutes_to_sync {
            *self.minutes.entry(minutes).or_default() += 1;
        }
    }

    pub(crate) fn add(&mut self, issue: &IssueFact<'_>) {
        self.figures.records_to_review += i64::from(issue.review);
    }

    /// The figures, and the number of held visits that follow up an earlier one. That is not the share of promises
    /// kept: promises have no dates yet.
    pub(crate) fn finish(self) -> (Quality, i64) {
        let minutes: Vec<(i64, i64)> = self.minutes.into_iter().collect();
        let median_hours_to_sync = median(&minutes).map(|minutes| (minutes / 6.0).round() / 10.0);
        (Quality { median_hours_to_sync, ..self.figures }, self.follow_ups)
    }
}
