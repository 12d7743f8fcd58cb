//! Figure 4: first notice to the resident in time.

use super::Share;
use crate::reports::facts::IssueFact;

/// Counts first notices (first event after the recording) given on or before their date, of issues with a notice or
/// whose notice date has passed.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    in_time: i64,
    of: i64,
}

impl Tally {
    pub(crate) fn add(&mut self, issue: &IssueFact<'_>) {
        let Some(due) = issue.notice_due else { return };
        self.of += i64::from(issue.notice.is_some() || due < issue.as_of());
        self.in_time += i64::from(issue.notice.is_some_and(|notice| notice <= due));
    }

    pub(crate) fn finish(self) -> Share {
        Share::of(self.in_time, self.of)
    }
}
