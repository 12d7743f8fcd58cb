//! Time limits: when a resident must have a first notice and when a matter must be settled.
//!
//! Every limit is a row of data with its basis in law, dates of effect and a mark that tells how well it is known.
//! Nothing here is legal advice, and due dates are always derived, never stored or merged: they follow from kind,
//! dates, circumstances, the rules and the calendar.
//!
//! A rule is chosen by the day its clock starts. Where rules name the kind of an issue, only these apply to it;
//! rules without a kind serve all other kinds, also those of newer apps.
//!
//! ```
//! use gandan_model::calendar::Calendar;
//! use gandan_model::codes::IssueKind;
//! use gandan_model::deadlines::{Case, Deadlines};
//! use jiff::civil::date;
//!
//! let case = Case::new(&IssueKind::Feedback, date(2026, 8, 2));
//! let due = Deadlines::builtin().due(&case, Calendar::builtin())?;
//! assert_eq!(due.first_notice.map(|d| d.on), Some(date(2026, 8, 14)));
//! assert_eq!(due.resolve.map(|d| d.basis).as_deref(), Some("local_target_30_days"));
//! # Ok::<(), gandan_model::deadlines::DeadlineError>(())
//! ```

use std::sync::LazyLock;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::calendar::{Calendar, CalendarError, Mark};
use crate::codes::IssueKind;

mod explain;
mod rules;

pub use explain::{Explanation, SkippedDay};
pub use rules::{
    ClockStart, Complexity, DeadlineData, DeadlineRule, Duty, Instance, MAX_DAYS, MAX_RULES, Purpose, Right,
};

/// What went wrong with the rules or in computing a due date.
#[derive(Debug, Error)]
pub enum DeadlineError {
    /// The rules file is not what it should be.
    #[error("deadline rules: {0}")]
    Form(#[from] serde_json::Error),
    /// A rule has a value that makes no sense.
    #[error("deadline rule {rule}: {what}")]
    Rule {
        /// Id of the rule.
        rule: String,
        /// What is wrong.
        what: &'static str,
    },
    /// Two rules fit one case.
    #[error("deadline rules {0} and {1} overlap")]
    Ambiguous(String, String),
    /// Too many rules.
    #[error("too many deadline rules")]
    TooMany,
    /// A date is out of range.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
}

impl DeadlineError {
    /// Stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "deadline_form",
            Self::Rule { .. } => "deadline_rule",
            Self::Ambiguous(..) => "deadline_ambiguous",
            Self::TooMany => "deadline_too_many",
            Self::Calendar(error) => error.code(),
        }
    }
}

/// What the due dates of an issue depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case<'a> {
    /// Kind of the issue.
    pub kind: &'a IssueKind,
    /// Day of the first reception (UTC+7).
    pub received_on: Date,
    /// Day on which a complaint or denunciation was accepted for settlement.
    pub accepted_on: Option<Date>,
    /// Whether the unit counts as remote and hard to reach: its flag, or the decision in the case.
    pub remote: bool,
    /// How complex the matter was found to be.
    pub complexity: Complexity,
    /// First or second settlement of a complaint.
    pub instance: Instance,
    /// Whether a denunciation needs checks in several places.
    pub several_places: bool,
    /// A duplicate has no clock of its own; its canonical issue has.
    pub duplicate: bool,
}

impl<'a> Case<'a> {
    /// An ordinary case: not accepted yet, not remote, not complex, first settlement, no duplicate.
    pub fn new(kind: &'a IssueKind, received_on: Date) -> Self {
        Self {
            kind,
            received_on,
            accepted_on: None,
            remote: false,
            complexity: Complexity::Normal,
            instance: Instance::First,
            several_places: false,
            duplicate: false,
        }
    }

    fn start(&self, starts: ClockStart) -> Option<Date> {
        match starts {
            ClockStart::Received => Some(self.received_on),
            ClockStart::Accepted => self.accepted_on,
        }
    }
}

/// A due date and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueDate {
    /// Last day, included.
    pub on: Date,
    /// Code of the basis, such as `LKN_art27_10_days`.
    pub basis: String,
    /// Whether it is a target of the office and not a limit of law.
    pub target: bool,
}

/// The due dates of an issue; nothing where no clock runs yet or ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// First notice to the resident: received, accepted, refused or forwarded.
    pub first_notice: Option<DueDate>,
    /// Settlement.
    pub resolve: Option<DueDate>,
}

/// The rules in force.
#[derive(Clone, Debug)]
pub struct Deadlines {
    data: DeadlineData,
}

static BUILTIN: LazyLock<Deadlines> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the file is compiled in and the tests of this module read it: it cannot differ at run time"
    )]
    Deadlines::from_json(include_str!("../data/deadline-rules.json")).expect("built-in rules")
});

impl Deadlines {
    /// The rules compiled into the program.
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// Reads a rules file. Errors: all but [`DeadlineError::Calendar`].
    pub fn from_json(json: &str) -> Result<Self, DeadlineError> {
        Self::new(serde_json::from_str(json)?)
    }

    /// Takes rules as data, after checking them. Errors as [`Deadlines::from_json`].
    pub fn new(data: DeadlineData) -> Result<Self, DeadlineError> {
        rules::check(&data)?;
        Ok(Self { data })
    }

    /// The rules with another local target, in calendar days (1 to [`MAX_DAYS`]), for feedback, recommendations and
    /// the like. The basis code tells the number. Error: [`DeadlineError::Rule`].
    pub fn with_local_target(&self, days: u16) -> Result<Self, DeadlineError> {
        let mut data = self.data.clone();
        for rule in data.rules.iter_mut().filter(|rule| rule.target) {
            rule.days = days;
            rule.basis = format!("local_target_{days}_days");
        }
        Self::new(data)
    }

    /// Version of the rules' content.
    pub fn version(&self) -> &str {
        &self.data.version
    }

    /// All rules, duties and rights, to show them.
    pub fn data(&self) -> &DeadlineData {
        &self.data
    }

    /// The due dates of a case. Error: a date at the end of the time scale.
    pub fn due(&self, case: &Case<'_>, calendar: &Calendar) -> Result<Due, DeadlineError> {
        Ok(Due {
            first_notice: self.due_for(Purpose::FirstNotice, case, calendar)?,
            resolve: self.due_for(Purpose::Resolve, case, calendar)?,
        })
    }

    fn due_for(
        &self,
        purpose: Purpose,
        case: &Case<'_>,
        calendar: &Calendar,
    ) -> Result<Option<DueDate>, DeadlineError> {
        let Some((rule, start)) = self.rule_for(purpose, case) else {
            return Ok(None);
        };
        let on = rule.ends_on(start, calendar)?;
        Ok(Some(DueDate { on, basis: rule.basis.clone(), target: rule.target }))
    }

    /// The rule for a purpose and the day its clock starts; `None` if no clock runs (yet).
    fn rule_for(&self, purpose: Purpose, case: &Case<'_>) -> Option<(&DeadlineRule, Date)> {
        if case.duplicate {
            return None;
        }
        self.candidates(purpose, case.kind).find_map(|rule| {
            let start = case.start(rule.starts)?;
            (rule.in_force(start) && rule.fits(case)).then_some((rule, start))
        })
    }

    /// Rules for a purpose that speak of the kind; the general ones only if none does.
    fn candidates<'r>(&'r self, purpose: Purpose, kind: &IssueKind) -> impl Iterator<Item = &'r DeadlineRule> {
        let of_purpose = move |rule: &&DeadlineRule| rule.purpose == purpose;
        let named = self.data.rules.iter().filter(of_purpose).any(|rule| rule.kinds.contains(kind));
        let fits = move |rule: &&DeadlineRule| {
            if named { rule.kinds.contains(kind) } else { rule.kinds.is_empty() }
        };
        self.data.rules.iter().filter(of_purpose).filter(fits)
    }

    /// How every due date of a case comes about, also the further steps that apply only in some cases (transfer of a
    /// denunciation, classification of a petition). Clocks that have not started are listed without dates.
    /// Error: a date at the end of the time scale.
    pub fn explain(&self, case: &Case<'_>, calendar: &Calendar) -> Result<Vec<Explanation>, DeadlineError> {
        if case.duplicate {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        for purpose in [Purpose::FirstNotice, Purpose::Resolve, Purpose::Other] {
            for rule in self.candidates(purpose, case.kind).filter(|rule| rule.fits(case)) {
                let start = case.start(rule.starts);
                if start.is_none_or(|start| rule.in_force(start)) {
                    rows.push(explain::explain(rule, start, calendar)?);
                }
            }
        }
        Ok(rows)
    }
}

/// Whether a mark is good enough to show a date without a caution.
fn is_verified(mark: Mark) -> bool {
    matches!(mark, Mark::Primary | Mark::Proposal)
}

#[cfg(test)]
mod tests;
