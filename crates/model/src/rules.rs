//! The rules in force: deadlines, calendar, remote units. Data, not code; phones and server load the same.

use std::collections::BTreeSet;

use crate::calendar::Calendar;
use crate::deadlines::{Case, Deadlines, Due};

/// What views need to derive due dates.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Limits with their bases in law.
    pub deadlines: Deadlines,
    /// Working days and holidays.
    pub calendar: Calendar,
    /// Codes of units that count as remote and hard to reach.
    pub remote_units: BTreeSet<String>,
}

impl Default for Rules {
    /// The rules that this version ships; no list of remote units could be verified, so there is none.
    fn default() -> Self {
        Self {
            deadlines: Deadlines::builtin().clone(),
            calendar: Calendar::builtin().clone(),
            remote_units: BTreeSet::new(),
        }
    }
}

impl Rules {
    /// True if the unit with this code counts as remote.
    pub fn is_remote(&self, unit: &str) -> bool {
        self.remote_units.contains(unit)
    }

    /// The due dates of a case; none if they lie beyond the end of the calendar.
    pub fn due(&self, case: &Case<'_>) -> Due {
        self.deadlines.due(case, &self.calendar).unwrap_or_default()
    }
}
