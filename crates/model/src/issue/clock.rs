//! What the due dates of an issue depend on: kept beside its row, so that they can be derived again under other rules
//! without the document.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::codes::IssueKind;
use crate::deadlines::{Case, Complexity, Due, Explanation, Instance};
use crate::duplicates::Canonical;
use crate::rules::Rules;

/// The dates and circumstances of an issue that decide about its time limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Clock {
    /// Kind; one without a kind counts as feedback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<IssueKind>,
    /// First reception; without it no clock runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_on: Option<Date>,
    /// Acceptance for settlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_on: Option<Date>,
    /// What was decided in the case about the place being remote; none: the unit's own flag counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<bool>,
    /// How complex the matter was found to be.
    #[serde(skip_serializing_if = "is_default")]
    pub complexity: Complexity,
    /// First or second settlement.
    #[serde(skip_serializing_if = "is_default")]
    pub instance: Instance,
    /// Whether there are checks in several places.
    #[serde(skip_serializing_if = "is_default")]
    pub several_places: bool,
    /// Whether it repeats another issue: then it has no clock of its own.
    #[serde(skip_serializing_if = "is_default")]
    pub duplicate: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Clock {
    /// The due dates in a unit (its code). `matter`: what [`canonical`](crate::duplicates::canonical) found about an issue
    /// that is one of several records of a matter; the one that stands for it keeps its clock, from the earliest reception
    /// of them all.
    pub fn due(&self, rules: &Rules, unit: &str, matter: Option<&Canonical>) -> Due {
        self.case(rules, unit, matter).map(|case| rules.due(&case)).unwrap_or_default()
    }

    /// How the due dates come about, limit by limit; arguments as for [`Clock::due`]. Nothing if no clock runs, or if a date
    /// lies beyond the end of the calendar.
    pub fn explain(&self, rules: &Rules, unit: &str, matter: Option<&Canonical>) -> Vec<Explanation> {
        let case = self.case(rules, unit, matter);
        case.and_then(|case| rules.deadlines.explain(&case, &rules.calendar).ok()).unwrap_or_default()
    }

    fn case(&self, rules: &Rules, unit: &str, matter: Option<&Canonical>) -> Option<Case<'_>> {
        let (duplicate, first) = match matter {
            Some(matter) if matter.stands => (false, matter.received_on),
            Some(_) => (true, None),
            None => (self.duplicate, None),
        };
        let received_on = first.or(self.received_on)?;
        Some(Case {
            accepted_on: self.accepted_on,
            remote: self.remote.unwrap_or_else(|| rules.is_remote(unit)),
            complexity: self.complexity,
            instance: self.instance,
            several_places: self.several_places,
            duplicate,
            ..Case::new(self.kind.as_ref().unwrap_or(&IssueKind::Feedback), received_on)
        })
    }
}
