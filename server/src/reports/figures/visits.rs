//! Figures 1 and 2: visits held, plan completion, coverage, people met.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Counts, Share, add, counts, one};
use crate::db::DbError;
use crate::reports::day::Day;
use crate::reports::facts::{ByName, IssueFact, Names, VisitFact};
use crate::reports::scope::{Conditions, Question};

/// Visits of the period.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct VisitFigures {
    /// All visits, whatever their status.
    pub lines: i64,
    /// All visits by status.
    pub by_status: Counts,
    /// Visits that took place: submitted, returned or verified.
    pub held: i64,
    /// Held visits by programme.
    pub by_programme_held: Counts,
    /// Held, of those held, cancelled, and planned for a day that has passed.
    pub plan_completion: Share,
    /// Units with at least one held visit.
    pub units_reached: i64,
    /// Units with a held visit, of all units in the area.
    pub unit_coverage: Share,
    /// Villages with a held visit, of those in the list on the last day; null: no list is loaded for the area.
    pub village_coverage: Option<Share>,
    /// Attendances (lượt người), not persons: the sum of the counts of held visits.
    pub residents_met_sum: i64,
    /// Held visits whose residents were not counted.
    pub residents_not_counted: i64,
    /// Attendances of businesses.
    pub businesses_met_sum: i64,
    /// Officials who took part in held visits.
    pub officials_distinct: i64,
}

/// Counts record by record.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    figures: VisitFigures,
    by_status: ByName<i64>,
    by_programme: ByName<i64>,
    /// Cancelled, or planned for a day that has passed.
    missed: i64,
    units: ByName<UnitCounts>,
    officials: ByName<bool>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct UnitCounts {
    visits_held: i64,
    issues: i64,
    overdue_open: i64,
    in_time: i64,
    timed: i64,
}

impl Tally {
    pub(crate) fn add_visit(&mut self, visit: &VisitFact<'_>, as_of: Day) {
        let figures = &mut self.figures;
        figures.lines += 1;
        *self.by_status.at(visit.status.name) += 1;
        if !visit.held() {
            let missed = &*visit.status == "cancelled" || (&*visit.status == "planned" && visit.day < as_of.0);
            self.missed += i64::from(missed);
            return;
        }
        figures.held += 1;
        *self.by_programme.at(visit.programme.name) += 1;
        figures.residents_met_sum += visit.residents.unwrap_or(0);
        figures.residents_not_counted += i64::from(visit.residents.is_none());
        figures.businesses_met_sum += visit.businesses.unwrap_or(0);
        self.units.at(visit.unit.name).visits_held += 1;
        visit.officials.iter().for_each(|official| *self.officials.at(*official) = true);
    }

    pub(crate) fn add(&mut self, issue: &IssueFact<'_>) {
        let unit = self.units.at(issue.unit.name);
        unit.issues += 1;
        unit.overdue_open += i64::from(issue.overdue());
        if issue.timed() {
            unit.in_time += i64::from(issue.in_time());
            unit.timed += 1;
        }
    }

    /// The figures, and those of each unit.
    pub(crate) fn finish(
        self,
        connection: &Connection,
        names: &Names,
        question: &Question,
    ) -> Result<(VisitFigures, BTreeMap<String, UnitFigures>), DbError> {
        let mut figures = self.figures;
        let figures_of = |(code, counts): (&str, UnitCounts)| (code.to_owned(), counts.figures());
        let mut units: BTreeMap<String, UnitFigures> = self.units.told(names, "").map(figures_of).collect();
        figures.by_status = counts(self.by_status, names, "");
        figures.by_programme_held = counts(self.by_programme, names, "");
        let reached = units.values().filter(|unit| unit.visits_held > 0).count();
        figures.units_reached = i64::try_from(reached).unwrap_or(i64::MAX);
        figures.unit_coverage = Share::of(figures.units_reached, units_in(connection, question)?);
        figures.plan_completion = Share::of(figures.held, figures.held + self.missed);
        figures.officials_distinct = i64::try_from(self.officials.len()).unwrap_or(i64::MAX);
        let mut statement = connection
            .prepare_cached("SELECT name, json_extract(row, '$.former_province') FROM unit WHERE code = ?1")?;
        for (code, unit) in &mut units {
            let found = statement.query_row([code], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            (unit.name, unit.former_province) = found.unwrap_or_default();
        }
        Ok((figures, units))
    }
}

impl UnitCounts {
    fn figures(self) -> UnitFigures {
        UnitFigures {
            visits_held: self.visits_held,
            issues: self.issues,
            overdue_open: self.overdue_open,
            on_time: Share::of(self.in_time, self.timed),
            ..UnitFigures::default()
        }
    }
}

fn units_in(connection: &Connection, question: &Question) -> Result<i64, DbError> {
    let mut sql = Conditions::default();
    sql.push("u.kind <> 'province'");
    if let Some(units) = &question.scope.units {
        sql.push("u.code IN (SELECT value FROM json_each(:units))");
        let list: Vec<&str> = units.iter().map(String::as_str).collect();
        sql.bind(":units", serde_json::Value::from(list).to_string());
    }
    one(connection, &format!("SELECT count(*) FROM unit u WHERE {}", sql.sql()), &sql, |row| row.get(0))
}

/// One unit in the report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct UnitFigures {
    /// Name of the unit.
    pub name: String,
    /// Province it belonged to before 1 July 2025.
    pub former_province: Option<String>,
    /// Held visits.
    pub visits_held: i64,
    /// Countable issues.
    pub issues: i64,
    /// Of these, open after their date.
    pub overdue_open: i64,
    /// Settled in time, of those with a date that are settled or past it.
    pub on_time: Share,
}

/// Held visits by the province that the unit belonged to before 1 July 2025.
pub(crate) fn by_former_province(units: &BTreeMap<String, UnitFigures>) -> Counts {
    let mut counts = Counts::new();
    for unit in units.values() {
        if unit.visits_held > 0 {
            add(&mut counts, unit.former_province.as_deref().unwrap_or("?"), unit.visits_held);
        }
    }
    counts
}

/// Held visits by area. A unit may lie in several areas, so these do not add up to the whole.
pub(crate) fn by_area(connection: &Connection, units: &BTreeMap<String, UnitFigures>) -> Result<Counts, DbError> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT area, unit FROM area_unit")?;
    let members = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut areas = Counts::new();
    for member in members {
        let (area, code) = member?;
        add(&mut areas, &area, units.get(&code).map_or(0, |unit| unit.visits_held));
    }
    areas.retain(|_, held| *held > 0);
    Ok(areas)
}
