//! The rules as data, and the checks that keep them free of contradictions.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Case, DeadlineError};
use crate::calendar::{Calendar, CalendarError, Mark};
use crate::codes::IssueKind;

/// Largest number of rules.
pub const MAX_RULES: usize = 256;

/// Longest time limit, in days.
pub const MAX_DAYS: u16 = 3_650;

/// What a rule sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The first notice to the resident.
    FirstNotice,
    /// Settlement of the matter.
    Resolve,
    /// A step that applies only in some cases; shown, never a due date of the issue.
    Other,
}

/// What starts the clock of a rule. That day is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClockStart {
    /// First reception.
    Received,
    /// Acceptance for settlement.
    Accepted,
}

/// How complex a matter was found to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Complexity {
    /// Ordinary.
    #[default]
    Normal,
    /// Complex.
    Complex,
    /// Especially complex; only denunciations have limits for it, elsewhere it counts as complex.
    EspeciallyComplex,
}

/// Which settlement of a complaint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Instance {
    /// First settlement.
    #[default]
    First,
    /// Second settlement.
    Second,
}

/// One time limit. A condition that is absent does not matter for the rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeadlineRule {
    /// Id of the rule, unique in the file.
    pub id: String,
    /// Kinds of issue; empty for every kind that no rule of the same purpose names.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub kinds: Vec<IssueKind>,
    /// Step of the procedure.
    pub step: String,
    /// What it sets.
    pub purpose: Purpose,
    /// What starts it.
    pub starts: ClockStart,
    /// Length, 1 to [`MAX_DAYS`].
    pub days: u16,
    /// Whether working days are counted, else calendar days.
    pub working: bool,
    /// Stable code of the basis.
    pub basis: String,
    /// Reference in Vietnamese.
    pub law_vi: String,
    /// Reference in English.
    pub law_en: String,
    /// How well the rule is known.
    pub mark: Mark,
    /// Condition: unit remote and hard to reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<bool>,
    /// Condition: complexity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complexity: Option<Complexity>,
    /// Condition: checks in several places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub several_places: Option<bool>,
    /// Condition: first or second settlement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
    /// A target of the office, not a limit of law.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub target: bool,
    /// First day in force, by the start of the clock; none if always.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    pub valid_from: Option<Date>,
    /// Last day in force; none if open.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    pub valid_to: Option<Date>,
    /// Remark for the administrator.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl DeadlineRule {
    /// Whether the rule is in force for a clock that starts on a day.
    pub fn in_force(&self, start: Date) -> bool {
        self.valid_from.is_none_or(|from| from <= start) && self.valid_to.is_none_or(|to| start <= to)
    }

    /// The last day of the limit. Error: a date at the end of the time scale.
    pub fn ends_on(&self, start: Date, calendar: &Calendar) -> Result<Date, CalendarError> {
        if self.working {
            calendar.add_working_days(start, self.days)
        } else {
            calendar.add_days_then_next_working_day(start, self.days)
        }
    }

    /// Whether the conditions hold. Only denunciations know "especially complex"; for a rule on complaints it is
    /// complex.
    pub(super) fn fits(&self, case: &Case<'_>) -> bool {
        let complexity = match case.complexity {
            Complexity::EspeciallyComplex if *case.kind != IssueKind::Denunciation => Complexity::Complex,
            other => other,
        };
        self.remote.is_none_or(|remote| remote == case.remote)
            && self.complexity.is_none_or(|wanted| wanted == complexity)
            && self.several_places.is_none_or(|several| several == case.several_places)
            && self.instance.is_none_or(|instance| instance == case.instance)
    }

    fn shares_days_with(&self, other: &Self) -> bool {
        let from = self.valid_from.max(other.valid_from);
        [self.valid_to, other.valid_to].into_iter().flatten().all(|to| from.is_none_or(|from| from <= to))
    }

    fn shares_cases_with(&self, other: &Self) -> bool {
        fn compatible<T: PartialEq + Copy>(a: Option<T>, b: Option<T>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        let kinds = if self.kinds.is_empty() || other.kinds.is_empty() {
            self.kinds.is_empty() && other.kinds.is_empty()
        } else {
            self.kinds.iter().any(|kind| other.kinds.contains(kind))
        };
        kinds
            && self.purpose == other.purpose
            && compatible(self.remote, other.remote)
            && compatible(self.complexity, other.complexity)
            && compatible(self.several_places, other.several_places)
            && compatible(self.instance, other.instance)
            && self.shares_days_with(other)
    }
}

/// How often somebody in office must receive people. Shown, not computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Duty {
    /// Id of the duty.
    pub id: String,
    /// Vietnamese text.
    pub vi: String,
    /// English text.
    pub en: String,
    /// `province` or `commune`.
    pub level: String,
    /// Days at least.
    pub at_least_days: u8,
    /// `week` or `month`.
    pub per: String,
    /// Reference in Vietnamese.
    pub law_vi: String,
    /// Reference in English.
    pub law_en: String,
    /// How well it is known.
    pub mark: Mark,
    /// Remark for the administrator.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A right of residents in the procedure. Shown, not computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Right {
    /// Id of the right.
    pub id: String,
    /// Vietnamese text.
    pub vi: String,
    /// English text.
    pub en: String,
    /// Reference in Vietnamese.
    pub law_vi: String,
    /// Reference in English.
    pub law_en: String,
    /// First day in force, if it is known.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    pub valid_from: Option<Date>,
    /// How well it is known.
    pub mark: Mark,
}

/// The rules file, `data/deadline-rules.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeadlineData {
    /// Version of the content, for display beside computed due dates.
    pub version: String,
    /// Time limits.
    pub rules: Vec<DeadlineRule>,
    /// Duties of reception.
    #[serde(default)]
    pub duties: Vec<Duty>,
    /// Rights of residents.
    #[serde(default)]
    pub rights: Vec<Right>,
}

pub(super) fn check(data: &DeadlineData) -> Result<(), DeadlineError> {
    if data.rules.len() > MAX_RULES {
        return Err(DeadlineError::TooMany);
    }
    for (index, rule) in data.rules.iter().enumerate() {
        let wrong = |what| Err(DeadlineError::Rule { rule: rule.id.clone(), what });
        if !(1..=MAX_DAYS).contains(&rule.days) {
            return wrong("days must be 1 to 3650");
        }
        if rule.valid_from.zip(rule.valid_to).is_some_and(|(from, to)| from > to) {
            return wrong("valid_from is after valid_to");
        }
        if rule.basis.is_empty() || rule.id.is_empty() {
            return wrong("id and basis must not be empty");
        }
        for other in &data.rules[..index] {
            if other.id == rule.id {
                return wrong("this id stands twice");
            }
            let overlap = rule.purpose != Purpose::Other && rule.shares_cases_with(other);
            if overlap {
                return Err(DeadlineError::Ambiguous(other.id.clone(), rule.id.clone()));
            }
        }
    }
    Ok(())
}
