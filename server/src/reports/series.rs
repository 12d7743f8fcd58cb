//! Rows over time, for charts: week by week, and unit by month.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::facts::{ByName, Facts, Name, Table};
use super::figures::{add, rows};
use super::scope::Question;
use crate::db::DbError;
use crate::reports::day::Day;

/// One week, Monday to Sunday.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct WeekRow {
    /// Its Monday.
    #[schema(value_type = String, format = Date)]
    pub monday: jiff::civil::Date,
    /// Visits held.
    pub visits_held: i64,
    /// Attendances of residents at them.
    pub people_met: i64,
    /// Countable issues received.
    pub received: i64,
    /// Countable issues of the period first settled in this week.
    pub settled: i64,
    /// Issues received in this week by where they stand at the end of the judgement day.
    pub by_status: BTreeMap<String, i64>,
}

/// Visits held in a unit in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CoverageCell {
    /// Code of the unit.
    pub unit: String,
    /// `2026-08`.
    pub month: String,
    /// Visits held.
    pub visits_held: i64,
    /// Villages, listed or not, in which they were held.
    pub villages: i64,
}

/// Rows over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Series {
    /// Every week in which something happened, in order.
    pub weeks: Vec<WeekRow>,
    /// Unit by month; a pair that is missing had no visit.
    pub coverage: Vec<CoverageCell>,
}

/// Reads the rows of a question.
pub fn query(connection: &Connection, facts: &Facts, question: &Question) -> Result<Series, DbError> {
    facts.at_one_moment(connection, |moment, facts| {
        Ok(Series { weeks: weeks(moment, facts, question)?, coverage: coverage(moment, facts, question)? })
    })
}

fn weeks(moment: &Connection, facts: &Table, question: &Question) -> Result<Vec<WeekRow>, DbError> {
    let mut weeks: BTreeMap<Day, WeekRow> = BTreeMap::new();
    let week = |weeks: &mut BTreeMap<Day, WeekRow>, day: i64, with: &dyn Fn(&mut WeekRow)| {
        let monday = Day(day).monday();
        with(weeks.entry(monday).or_insert_with(|| WeekRow { monday: monday.date(), ..WeekRow::default() }));
    };
    facts.each_visit(moment, question, |visit| {
        if visit.held() {
            week(&mut weeks, visit.day, &|week| {
                week.visits_held += 1;
                week.people_met += visit.residents.unwrap_or(0);
            });
        }
    })?;
    facts.each_issue(moment, question, |issue| {
        week(&mut weeks, issue.received, &|week| {
            week.received += 1;
            add(&mut week.by_status, &issue.status, 1);
        });
        // Whatever came after: a week in which something was settled stays one.
        if let Some(settled) = issue.first_settled.filter(|day| *day <= question.as_of.0) {
            week(&mut weeks, settled, &|week| week.settled += 1);
        }
    })?;
    Ok(weeks.into_values().collect())
}

fn coverage(moment: &Connection, facts: &Table, question: &Question) -> Result<Vec<CoverageCell>, DbError> {
    let mut cells: HashMap<(Name, Day), (i64, HashSet<Name>)> = HashMap::new();
    facts.each_visit(moment, question, |visit| {
        if visit.held() {
            let cell = cells.entry((visit.unit.name, Day(visit.day).month())).or_default();
            cell.0 += 1;
            cell.1.extend(visit.village);
        }
    })?;
    let mut cells: Vec<_> =
        cells.into_iter().map(|((unit, month), cell)| ((facts.names.text(unit), month), cell)).collect();
    cells.sort_unstable_by_key(|(place, _)| *place);
    let cell = |((unit, month), (visits_held, villages)): ((&str, Day), (i64, HashSet<Name>))| CoverageCell {
        unit: unit.to_owned(),
        month: month.date().strftime("%Y-%m").to_string(),
        visits_held,
        villages: i64::try_from(villages.len()).unwrap_or(i64::MAX),
    };
    Ok(cells.into_iter().map(cell).collect())
}

/// What a unit has to show for the emulation report. In the order of codes: nothing here ranks, and neither
/// satisfaction, withdrawals nor the number of complaints is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct EmulationRow {
    /// Code of the unit.
    pub unit: String,
    /// Its name.
    pub name: String,
    /// Visits held.
    pub visits_held: i64,
    /// Held visits that follow up an earlier one.
    pub follow_ups: i64,
    /// Issues settled on or before their date.
    pub settled_in_time: i64,
    /// Bright spots proposed or on trial.
    pub models_proposed: i64,
    /// Bright spots recognised or carried on elsewhere.
    pub models_recognised: i64,
    /// Bright spots that name the difficulty they met: help in weak areas.
    pub weak_areas_helped: i64,
}

/// Reads the rows of the emulation report: units with something to show.
pub fn emulation(connection: &Connection, facts: &Facts, question: &Question) -> Result<Vec<EmulationRow>, DbError> {
    facts.at_one_moment(connection, |moment, facts| shown(moment, facts, question))
}

fn shown(moment: &Connection, facts: &Table, question: &Question) -> Result<Vec<EmulationRow>, DbError> {
    // Visits held, those that follow up, issues settled in time.
    let mut counts: ByName<[i64; 3]> = ByName::default();
    facts.each_visit(moment, question, |visit| {
        if visit.held() {
            let [held, follow_ups, _] = counts.at(visit.unit.name);
            *held += 1;
            *follow_ups += i64::from(visit.follows_up);
        }
    })?;
    facts.each_issue(moment, question, |issue| {
        let settled = issue.first_settled.filter(|_| issue.settled_now);
        if settled.zip(issue.due).is_some_and(|(settled, due)| settled <= due.min(question.as_of.0)) {
            counts.at(issue.unit.name)[2] += 1;
        }
    })?;
    let mut units: BTreeMap<String, EmulationRow> = BTreeMap::new();
    for (unit, [visits_held, follow_ups, settled_in_time]) in counts.told(&facts.names, "") {
        let unit = unit.to_owned();
        let row =
            EmulationRow { unit: unit.clone(), visits_held, follow_ups, settled_in_time, ..EmulationRow::default() };
        units.insert(unit, row);
    }
    let held = question.held();
    // Bright spots are few: begin with them, whatever the planner thinks.
    let text = format!(
        "SELECT v.unit, count(*) FILTER (WHERE b.stage IN ('proposed', 'piloting')), \
         count(*) FILTER (WHERE b.stage IN ('recognised', 'replicated')), \
         count(*) FILTER (WHERE b.difficulty IS NOT NULL AND b.difficulty <> '') \
         FROM bright_spot_row b CROSS JOIN visit_row v ON v.n = b.n WHERE {} GROUP BY v.unit",
        held.sql()
    );
    let spots =
        rows(moment, &text, &held, |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    for (unit, proposed, recognised, helped) in spots {
        let none = EmulationRow { unit: unit.clone(), ..EmulationRow::default() };
        let row = units.entry(unit).or_insert(none);
        (row.models_proposed, row.models_recognised, row.weak_areas_helped) = (proposed, recognised, helped);
    }
    for row in units.values_mut() {
        let sql = "SELECT name FROM unit WHERE code = ?1";
        row.name = moment.prepare_cached(sql)?.query_row([&row.unit], |name| name.get(0))?;
    }
    Ok(units.into_values().collect())
}
