//! Whose records a reader may see, as a condition that every query carries.

use std::collections::{BTreeSet, HashSet};

use gandan_model::text::fold;
use rusqlite::ToSql;

use crate::auth::{self, Principal};
use crate::reports::day::Day;
use crate::reports::facts::{IssueRecord, Name, Names, VisitRecord};

/// What a reader may see. Built from a role and its grants in one place ([`Scope::of`]) and asked for by
/// every query of this module, so that a list, a count and a search cannot disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The units; `None` is the whole province.
    pub units: Option<BTreeSet<String>>,
    /// Folded name of an agency that sees only the issues assigned to it.
    pub agency: Option<String>,
    /// May see denunciations and sealed stubs.
    pub sealed: bool,
}

impl Scope {
    /// Everything that is not sealed, in the whole province.
    pub fn province() -> Self {
        Self { units: None, agency: None, sealed: false }
    }

    /// What somebody may see. An agency's account bears the agency's name.
    pub fn of(principal: &Principal) -> Self {
        let units = match &principal.scope {
            auth::Scope::Province => None,
            auth::Scope::Units(units) => Some(units.clone()),
        };
        let agency = principal.agency().map(fold);
        Self { units, agency, sealed: principal.role.reads_sealed() }
    }

    /// The same scope, narrowed to some units. Units outside the scope stay outside.
    #[must_use]
    pub fn within(&self, units: &BTreeSet<String>) -> Self {
        let units = match &self.units {
            Some(own) => own.intersection(units).cloned().collect(),
            None => units.clone(),
        };
        Self { units: Some(units), ..self.clone() }
    }

    /// True if the unit lies in the scope.
    pub fn holds(&self, unit: &str) -> bool {
        self.units.as_ref().is_none_or(|units| units.contains(unit))
    }

    /// The conditions of [`Scope::on_visits`] and [`Scope::on_issues`] for facts in memory.
    pub(crate) fn lens(&self, names: &Names) -> Lens {
        let named = |units: &BTreeSet<String>| units.iter().filter_map(|unit| names.find(unit)).collect();
        Lens {
            units: self.units.as_ref().map(named),
            agency: match &self.agency {
                None => Agency::Any,
                Some(agency) => names.find(agency).map_or(Agency::Unknown, Agency::One),
            },
            sealed: self.sealed,
        }
    }

    /// The conditions on a table of visits under the alias `v`.
    pub(crate) fn on_visits(&self, sql: &mut Conditions) {
        self.units_on("v.unit", sql);
        if self.agency.is_some() {
            // An agency works on issues; a visit names people of other agencies.
            sql.push("0");
        }
    }

    /// The conditions on a table of issues (or review items) under an alias.
    pub(crate) fn on_issues(&self, alias: &str, sql: &mut Conditions) {
        self.units_on(&format!("{alias}.unit"), sql);
        if let Some(agency) = &self.agency {
            sql.push(&format!("{alias}.agency_key = :agency"));
            sql.bind(":agency", agency.clone());
        }
        if !self.sealed {
            sql.push(&format!("{alias}.sealed = 0"));
        }
    }

    /// The condition that a column holds one of the scope's units.
    pub(crate) fn units_on(&self, column: &str, sql: &mut Conditions) {
        let Some(units) = &self.units else { return };
        sql.push(&format!("{column} IN (SELECT value FROM json_each(:units))"));
        let list: Vec<&str> = units.iter().map(String::as_str).collect();
        sql.bind(":units", serde_json::Value::from(list).to_string());
    }
}

/// Whose issues a [`Lens`] shows.
#[derive(PartialEq, Eq)]
enum Agency {
    Any,
    One(Name),
    /// One whose name stands in no row.
    Unknown,
}

/// What a reader may see of facts in memory: a [`Scope`] with names by their numbers.
pub(crate) struct Lens {
    units: Option<HashSet<Name>>,
    agency: Agency,
    sealed: bool,
}

impl Lens {
    fn holds(&self, unit: Name) -> bool {
        self.units.as_ref().is_none_or(|units| units.contains(&unit))
    }

    /// [`Scope::on_visits`]: an agency works on issues.
    pub(crate) fn shows_visit(&self, visit: &VisitRecord) -> bool {
        self.agency == Agency::Any && self.holds(visit.unit)
    }

    /// [`Scope::on_issues`].
    pub(crate) fn shows_issue(&self, issue: &IssueRecord) -> bool {
        let own = match self.agency {
            Agency::Any => true,
            Agency::One(agency) => issue.agency_key == Some(agency),
            Agency::Unknown => false,
        };
        own && self.holds(issue.unit) && (self.sealed || !issue.sealed)
    }
}

/// Conditions joined by AND, with their named parameters. Texts from outside only ever go in as parameters.
#[derive(Default)]
pub(crate) struct Conditions {
    parts: Vec<String>,
    values: Vec<(&'static str, Box<dyn ToSql>)>,
}

impl Conditions {
    /// Adds a condition. It is part of the program: never text from outside.
    pub(crate) fn push(&mut self, condition: &str) {
        self.parts.push(condition.to_owned());
    }

    /// Gives a parameter its value.
    pub(crate) fn bind(&mut self, name: &'static str, value: impl ToSql + 'static) {
        if !self.values.iter().any(|(known, _)| *known == name) {
            self.values.push((name, Box::new(value)));
        }
    }

    /// Adds `column = value`, if there is a value.
    pub(crate) fn equals(&mut self, column: &str, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.push(&format!("{column} = {name}"));
            self.bind(name, value.to_owned());
        }
    }

    /// Both: the parameters of two sets of conditions that stand in one statement. Texts are joined by the caller's SQL.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (name, value) in other.values {
            if !self.values.iter().any(|(known, _)| *known == name) {
                self.values.push((name, value));
            }
        }
        self
    }

    /// The text after WHERE; `1` if there is no condition.
    pub(crate) fn sql(&self) -> String {
        if self.parts.is_empty() { "1".to_owned() } else { self.parts.join(" AND ") }
    }

    /// The parameters.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, &dyn ToSql)> {
        self.values.iter().map(|(name, value)| (*name, value.as_ref())).collect()
    }
}

/// What a report is asked: period, judgement day and scope.
#[derive(Debug, Clone)]
pub struct Question {
    /// First day of the period.
    pub from: Day,
    /// Last day of the period.
    pub to: Day,
    /// Due dates and states are judged at the end of this day.
    pub as_of: Day,
    /// Whose records.
    pub scope: Scope,
}

impl Question {
    /// Conditions on the visits (alias `v`) that the report is about: planned or begun in the period, and not begun
    /// after the judgement day.
    pub(crate) fn visits(&self) -> Conditions {
        let mut sql = Conditions::default();
        self.scope.on_visits(&mut sql);
        sql.push("v.aside = 0");
        sql.push("v.day BETWEEN :from AND :to");
        sql.push(&format!("(v.day <= :as_of OR {VISIT_STATUS_AT} IN ('planned', 'cancelled'))"));
        sql.bind(":from", self.from.0);
        sql.bind(":to", self.to.0);
        sql.bind(":as_of", self.as_of.0);
        sql
    }

    /// Conditions on the visits that were held.
    pub(crate) fn held(&self) -> Conditions {
        let mut sql = self.visits();
        sql.push(&format!("{VISIT_STATUS_AT} IN {HELD}"));
        sql
    }
}

/// The states of a visit that took place.
pub(crate) const HELD: &str = "('submitted', 'returned', 'verified')";

/// The status of a visit (alias `v`) at the end of the judgement day: the current one if nothing happened since, else that
/// of the last event until then; before the first it was a draft, or still to come.
pub(crate) const VISIT_STATUS_AT: &str = "CASE WHEN v.last_event_day IS NULL OR v.last_event_day <= :as_of THEN v.status \
    ELSE coalesce((SELECT e.to_status FROM visit_event_row e WHERE e.n = v.n AND e.day <= :as_of \
    ORDER BY e.item DESC LIMIT 1), CASE WHEN v.day <= :as_of THEN 'draft' ELSE 'planned' END) END";
