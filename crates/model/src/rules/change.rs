//! How an office changes the rules.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Rules, RulesData, RulesError};
use crate::calendar::{CalendarYear, SpecialDay};
use crate::deadlines::DeadlineRule;
use crate::text::check_text;

/// Longest id, step or basis, in characters.
const MAX_CODE_CHARS: usize = 64;
/// Longest reference, name or remark, in characters.
const MAX_WORDS_CHARS: usize = 500;

/// The end of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleEnd {
    /// Id of the rule.
    pub id: String,
    /// Last day on which a clock may start under it.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Date))]
    pub last_day: Date,
}

/// A change of the rules; all of it is done, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RulesChange {
    /// Rules that end. Done first, so that what takes their place may begin the day after.
    pub end: Vec<RuleEnd>,
    /// Ids of rules to take away again: only those that have not come into force.
    pub withdraw: Vec<String>,
    /// New rules.
    pub add: Vec<DeadlineRule>,
    /// Holidays and make-up days; what was said of the same day before goes.
    pub days: Vec<SpecialDay>,
    /// Days of which nothing shall be said any more.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub remove_days: Vec<Date>,
    /// What is known about years; what was said of the same year before goes.
    pub years: Vec<CalendarYear>,
    /// Units, by code, that count as remote from now on, or do not any more.
    pub remote: BTreeMap<String, bool>,
}

impl RulesChange {
    /// The rules after this change, checked as a whole. `version` names them where due dates are shown; `today` (UTC+7)
    /// decides which rules can still be withdrawn.
    ///
    /// # Errors
    ///
    /// Any [`RulesError`]; nothing is changed then.
    pub fn applied_to(&self, rules: &RulesData, version: &str, today: Date) -> Result<Rules, RulesError> {
        self.check_texts()?;
        let mut data = rules.clone();
        for end in &self.end {
            let rule = data.deadlines.rules.iter_mut().find(|rule| rule.id == end.id);
            rule.ok_or_else(|| RulesError::UnknownRule(end.id.clone()))?.valid_to = Some(end.last_day);
        }
        for id in &self.withdraw {
            let rules = &mut data.deadlines.rules;
            let place = rules.iter().position(|rule| rule.id == *id);
            let place = place.ok_or_else(|| RulesError::UnknownRule(id.clone()))?;
            if rules[place].valid_from.is_none_or(|from| from <= today) {
                return Err(RulesError::InForce(id.clone()));
            }
            rules.remove(place);
        }
        data.deadlines.rules.extend(self.add.iter().cloned());
        let days = &mut data.calendar.days;
        for date in &self.remove_days {
            let place = days.iter().position(|day| day.date == *date);
            days.remove(place.ok_or(RulesError::UnknownDay(*date))?);
        }
        days.retain(|day| self.days.iter().all(|new| new.date != day.date));
        days.extend(self.days.iter().cloned());
        days.sort_by_key(|day| day.date);
        let years = &mut data.calendar.years;
        years.retain(|year| self.years.iter().all(|new| new.year != year.year));
        years.extend(self.years.iter().cloned());
        years.sort_by_key(|year| year.year);
        for (unit, remote) in &self.remote {
            if *remote {
                data.remote_units.insert(unit.clone());
            } else {
                data.remote_units.remove(unit);
            }
        }
        version.clone_into(&mut data.deadlines.version);
        version.clone_into(&mut data.calendar.version);
        Rules::new(data)
    }

    fn check_texts(&self) -> Result<(), RulesError> {
        let check = |what: &str, text: &str, longest| {
            check_text(what, text, longest).map_err(|_| RulesError::Text(what.to_owned())).map(drop)
        };
        for rule in &self.add {
            for (what, text) in [("id", &rule.id), ("step", &rule.step), ("basis", &rule.basis)] {
                check(what, text, MAX_CODE_CHARS)?;
            }
            for (what, text) in [("law_vi", &rule.law_vi), ("law_en", &rule.law_en), ("note", &rule.note)] {
                check(what, text, MAX_WORDS_CHARS)?;
            }
        }
        for day in &self.days {
            for (what, text) in [("vi", &day.vi), ("en", &day.en), ("note", &day.note)] {
                check(what, text, MAX_WORDS_CHARS)?;
            }
        }
        self.years.iter().try_for_each(|year| check("note", &year.note, MAX_WORDS_CHARS))
    }
}
