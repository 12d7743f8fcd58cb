//! The rules in force: deadlines, calendar, remote units. Data, not code; phones and server load the same.
//!
//! The program ships a first edition. An office changes it by [`RulesChange`]: rules are added and ended with dates of
//! effect, holidays and make-up days are entered year by year. What comes of it is [`RulesData`] again, checked as a
//! whole, so that no change can leave two rules for one case.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::calendar::{Calendar, CalendarData, CalendarError};
use crate::deadlines::{Case, DeadlineData, DeadlineError, Deadlines, Due};

mod change;

pub use change::{RuleEnd, RulesChange};

/// Most bytes of rules as JSON.
pub const MAX_RULES_BYTES: usize = 1 << 20;
/// Most units that count as remote.
const MAX_REMOTE: usize = 20_000;

/// What is wrong with rules, or with a change of them.
#[derive(Debug, Error)]
pub enum RulesError {
    /// The deadlines.
    #[error(transparent)]
    Deadlines(#[from] DeadlineError),
    /// The calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// Not the form of rules, or too much of it.
    #[error("rules: {0}")]
    Form(String),
    /// No rule has this id.
    #[error("no rule {0}")]
    UnknownRule(String),
    /// The rule is or was in force: it can be ended, not taken away.
    #[error("rule {0} is or was in force; end it instead")]
    InForce(String),
    /// Nothing is said about this day.
    #[error("the calendar says nothing about {0}")]
    UnknownDay(jiff::civil::Date),
    /// A text is too long, or has control characters.
    #[error("{0}: too long, or with control characters")]
    Text(String),
}

impl RulesError {
    /// Stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Deadlines(error) => error.code(),
            Self::Calendar(error) => error.code(),
            Self::Form(_) => "rules_form",
            Self::UnknownRule(_) => "unknown_rule",
            Self::InForce(_) => "rule_in_force",
            Self::UnknownDay(_) => "unknown_day",
            Self::Text(_) => "text_too_long",
        }
    }
}

/// Rules as data: what is stored, and what a server gives to phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RulesData {
    /// Limits, duties, rights.
    pub deadlines: DeadlineData,
    /// Holidays and make-up days.
    pub calendar: CalendarData,
    /// Codes of units that count as remote and hard to reach.
    #[serde(default)]
    pub remote_units: BTreeSet<String>,
}

impl RulesData {
    /// Reads JSON of at most [`MAX_RULES_BYTES`]. Error: [`RulesError::Form`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, RulesError> {
        if bytes.len() > MAX_RULES_BYTES {
            return Err(RulesError::Form("too large".to_owned()));
        }
        serde_json::from_slice(bytes).map_err(|error| RulesError::Form(error.to_string()))
    }

    /// The bytes that [`RulesData::from_json`] reads; the same data give the same bytes.
    pub fn to_json(&self) -> Result<Vec<u8>, RulesError> {
        serde_json::to_vec(self).map_err(|error| RulesError::Form(error.to_string()))
    }
}

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
    /// Takes rules as data, after checking them as a whole.
    pub fn new(data: RulesData) -> Result<Self, RulesError> {
        if data.remote_units.len() > MAX_REMOTE {
            return Err(RulesError::Form("too many remote units".to_owned()));
        }
        Ok(Self {
            deadlines: Deadlines::new(data.deadlines)?,
            calendar: Calendar::new(data.calendar)?,
            remote_units: data.remote_units,
        })
    }

    /// The rules as data.
    pub fn data(&self) -> RulesData {
        RulesData {
            deadlines: self.deadlines.data().clone(),
            calendar: self.calendar.data(),
            remote_units: self.remote_units.clone(),
        }
    }

    /// True if the unit with this code counts as remote.
    pub fn is_remote(&self, unit: &str) -> bool {
        self.remote_units.contains(unit)
    }

    /// The due dates of a case; none if they lie beyond the end of the calendar.
    pub fn due(&self, case: &Case<'_>) -> Due {
        self.deadlines.due(case, &self.calendar).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
