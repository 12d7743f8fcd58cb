//! Figure 15: promises kept.

use super::Share;
use crate::reports::facts::IssueFact;

/// Counts what was promised for a day: settled by that day, of what is settled or past it. What left the line is not a
/// promise any more.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    promised: i64,
    kept: i64,
    of: i64,
}

impl Tally {
    pub(crate) fn add(&mut self, issue: &IssueFact<'_>) {
        let Some(promised) = issue.promised.filter(|_| !issue.left()) else { return };
        self.promised += 1;
        self.kept += i64::from(issue.settled.is_some_and(|settled| settled <= promised));
        self.of += i64::from(issue.settled.is_some() || promised < issue.as_of());
    }

    /// `None` if nothing was promised for a day.
    pub(crate) fn finish(self) -> Option<Share> {
        (self.promised > 0).then(|| Share::of(self.kept, self.of))
    }
}
