//! Figure 11: complaints and their lawful limits.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::Share;
use crate::reports::facts::IssueFact;

/// Complaints of the period.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Complaints {
    /// Complaints received.
    pub received: i64,
    /// Accepted, or refused in writing, by the lawful date, of those decided or past that date. One that was withdrawn
    /// before the decision is in neither.
    pub decided_in_time: Share,
    /// Settled in the lawful limit, of those with a limit that are settled or past it.
    pub settled_in_limit: Share,
    /// The same by the limit that applies (normal, complex, remote), under its basis in law.
    pub by_basis: BTreeMap<String, Share>,
}

/// Counts issue by issue.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    received: i64,
    decided: (i64, i64),
    by_basis: BTreeMap<String, (i64, i64)>,
}

impl Tally {
    pub(crate) fn add(&mut self, issue: &IssueFact<'_>) {
        if &*issue.kind != "complaint" {
            return;
        }
        self.received += 1;
        let refused = if &*issue.status == "not_accepted" { issue.last_event } else { None };
        let decided = issue.accepted.or(refused);
        let late = &*issue.status != "withdrawn" && issue.notice_due.is_some_and(|due| due < issue.as_of());
        self.decided.1 += i64::from(decided.is_some() || late);
        self.decided.0 += i64::from(decided.zip(issue.notice_due).is_some_and(|(decided, due)| decided <= due));
        if issue.timed() {
            let basis = self.by_basis.entry(issue.basis.map_or("", |basis| basis.text).to_owned()).or_default();
            *basis = (basis.0 + i64::from(issue.in_time()), basis.1 + 1);
        }
    }

    pub(crate) fn finish(self) -> Complaints {
        let (settled, of) = self.by_basis.values().fold((0, 0), |sum, basis| (sum.0 + basis.0, sum.1 + basis.1));
        Complaints {
            received: self.received,
            decided_in_time: Share::of(self.decided.0, self.decided.1),
            settled_in_limit: Share::of(settled, of),
            by_basis: self.by_basis.into_iter().map(|(basis, (good, all))| (basis, Share::of(good, all))).collect(),
        }
    }
}
