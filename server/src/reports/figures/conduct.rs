//! Figure 16: what residents say of the conduct of officials.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Counts, add};
use crate::reports::facts::IssueFact;

/// Feedback on conduct. "0 of 106 collected" says more than "none", and "nothing collected" says something else.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Conduct {
    /// Issues about the conduct of officials.
    pub about_conduct: i64,
    /// Of so many issues collected.
    pub collected: i64,
    /// Of those about conduct, settled.
    pub settled: i64,
    /// Those about conduct, by unit.
    pub by_unit: Counts,
    /// What to print if nothing was collected at all: "không thu thập".
    pub note: Option<&'static str>,
}

/// Counts issue by issue.
#[derive(Debug, Default)]
pub(crate) struct Tally(Conduct);

impl Tally {
    pub(crate) fn add(&mut self, issue: &IssueFact<'_>) {
        self.0.collected += 1;
        if &*issue.field == "official_conduct" {
            self.0.about_conduct += 1;
            self.0.settled += i64::from(issue.settled.is_some());
            add(&mut self.0.by_unit, &issue.unit, 1);
        }
    }

    pub(crate) fn finish(self) -> Conduct {
        let note = (self.0.collected == 0).then_some("không thu thập");
        Conduct { note, ..self.0 }
    }
}
