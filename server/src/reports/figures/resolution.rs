//! Figures 5 to 8: resolution rate, settled in time, overdue, days to settle.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{First, MAX_LISTED, Share, quotient};
use crate::reports::facts::{ByName, IssueFact, Names};

/// How issues of the period were settled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Resolution {
    /// Countable issues that are resolved, replied or closed.
    pub settled: i64,
    /// Countable issues less withdrawn, out of competence and not accepted.
    pub resolution_denominator: i64,
    /// Settled of these.
    pub resolution_rate: Option<f64>,
    /// Settled on or before their date.
    pub on_time_numerator: i64,
    /// Issues with a date that are settled or whose date has passed.
    pub on_time_denominator: i64,
    /// The quotient.
    pub on_time_rate: Option<f64>,
    /// The same without those that were reopened within 30 days of being settled.
    pub on_time_net: Share,
    /// Median days from receipt to settlement.
    pub median_days_to_settle: Option<f64>,
    /// Nine of ten were settled within so many days (nearest rank).
    pub p90_days_to_settle: Option<i64>,
    /// Open issues whose date has passed.
    pub overdue_open: i64,
    /// Their tickets in order, at most 500; all of them stand in `/api/v1/issues?overdue=true`.
    pub overdue_tickets: Vec<String>,
    /// Overdue open issues by days since receipt.
    pub overdue_by_age: AgeBuckets,
    /// Agencies with issues that have a date, by name; `""`: nobody is responsible yet.
    pub by_agency: BTreeMap<String, AgencyFigures>,
}

/// Issues by days since receipt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct AgeBuckets {
    /// 0 to 10 days.
    pub days_0_10: i64,
    /// 11 to 30 days.
    pub days_11_30: i64,
    /// 31 to 45 days.
    pub days_31_45: i64,
    /// 46 to 90 days.
    pub days_46_90: i64,
    /// More than 90 days.
    pub days_over_90: i64,
}

/// One agency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct AgencyFigures {
    /// Open after their date.
    pub overdue_open: i64,
    /// Settled in time.
    pub on_time: Share,
}

/// Counts issue by issue.
#[derive(Debug)]
pub(crate) struct Tally<'r> {
    figures: Resolution,
    net: i64,
    days: BTreeMap<i64, i64>,
    tickets: First<&'r str, &'r str>,
    agencies: ByName<(i64, i64, i64)>,
}

impl<'r> Tally<'r> {
    pub(crate) fn new() -> Self {
        Self {
            figures: Resolution::default(),
            net: 0,
            days: BTreeMap::new(),
            tickets: First::new(),
            agencies: ByName::default(),
        }
    }

    pub(crate) fn add(&mut self, issue: &IssueFact<'r>) {
        let figures = &mut self.figures;
        figures.resolution_denominator += i64::from(!issue.left());
        if let Some(settled) = issue.settled {
            figures.settled += 1;
            *self.days.entry((settled - issue.received).max(0)).or_default() += 1;
        }
        if !issue.timed() {
            return;
        }
        let in_time = i64::from(issue.in_time());
        let overdue = i64::from(issue.overdue());
        figures.on_time_denominator += 1;
        figures.on_time_numerator += in_time;
        self.net += if came_back(issue) { 0 } else { in_time };
        if overdue == 1 {
            figures.overdue_open += 1;
            figures.overdue_by_age.add(issue.as_of() - issue.received);
            if let Some(ticket) = issue.ticket {
                self.tickets.offer(ticket, || ticket);
            }
        }
        let agency = issue.agency.filter(|name| !name.is_empty()).map(|name| name.name);
        let agency = self.agencies.at(agency);
        *agency = (agency.0 + overdue, agency.1 + in_time, agency.2 + 1);
    }

    pub(crate) fn finish(self, names: &Names) -> Resolution {
        let mut figures = self.figures;
        let days: Vec<(i64, i64)> = self.days.into_iter().collect();
        figures.resolution_rate = quotient(figures.settled, figures.resolution_denominator);
        figures.on_time_rate = quotient(figures.on_time_numerator, figures.on_time_denominator);
        figures.on_time_net = Share::of(self.net, figures.on_time_denominator);
        figures.median_days_to_settle = median(&days);
        figures.p90_days_to_settle = percentile(&days, 90);
        figures.overdue_tickets = self.tickets.into_values().into_iter().map(str::to_owned).collect();
        // The agencies with most to do, if there are more than a page can show.
        let mut agencies: Vec<_> = self.agencies.told(names, "").collect();
        agencies.sort_by_key(|(name, (overdue, ..))| (std::cmp::Reverse(*overdue), *name));
        agencies.truncate(MAX_LISTED);
        let figures_of =
            |(overdue_open, in_time, timed)| AgencyFigures { overdue_open, on_time: Share::of(in_time, timed) };
        figures.by_agency = agencies.into_iter().map(|(name, sums)| (name.to_owned(), figures_of(sums))).collect();
        figures
    }
}

/// Reopened within 30 days of being settled.
fn came_back(issue: &IssueFact<'_>) -> bool {
    issue.reopened.zip(issue.settled).is_some_and(|(reopened, settled)| (settled..=settled + 30).contains(&reopened))
}

impl AgeBuckets {
    fn add(&mut self, days: i64) {
        *match days {
            ..=10 => &mut self.days_0_10,
            11..=30 => &mut self.days_11_30,
            31..=45 => &mut self.days_31_45,
            46..=90 => &mut self.days_46_90,
            _ => &mut self.days_over_90,
        } += 1;
    }
}

/// The median of a histogram sorted by value; of an even number, the mean of the middle two.
pub(crate) fn median(histogram: &[(i64, i64)]) -> Option<f64> {
    let total: i64 = histogram.iter().map(|(_, count)| count).sum();
    let lower = nth(histogram, (total + 1) / 2)?;
    let upper = nth(histogram, total / 2 + 1)?;
    // Days or minutes: far below 2^52.
    #[allow(clippy::cast_precision_loss)]
    let median = (lower + upper) as f64 / 2.0;
    Some(median)
}

/// The percentile by nearest rank of a histogram sorted by value.
fn percentile(histogram: &[(i64, i64)], percent: i64) -> Option<i64> {
    let total: i64 = histogram.iter().map(|(_, count)| count).sum();
    nth(histogram, (total * percent + 99) / 100)
}

fn nth(histogram: &[(i64, i64)], rank: i64) -> Option<i64> {
    let mut seen = 0;
    histogram.iter().find_map(|(value, count)| {
        seen += count;
        (rank >= 1 && seen >= rank).then_some(*value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles_of_histograms() {
        assert_eq!(median(&[]), None);
        assert_eq!(percentile(&[], 90), None);
        assert_eq!(median(&[(3, 1)]), Some(3.0));
        assert_eq!(median(&[(3, 1), (6, 1)]), Some(4.5));
        assert_eq!(median(&[(0, 2), (5, 1), (9, 2)]), Some(5.0));
        let one_to_ten: Vec<(i64, i64)> = (1..=10).map(|day| (day, 1)).collect();
        assert_eq!(percentile(&one_to_ten, 90), Some(9));
        assert_eq!(percentile(&[(1, 9), (7, 2)], 90), Some(7));
    }
}
